"""Levels merge, edges do not."""

from __future__ import annotations

import pytest

from apcbridge.errors import UnknownPdu
from apcbridge.model import Event, EventType, Link, LinkState, PduStatus
from apcbridge.store import Store


def status(pdu: str = "p", detail: str = "") -> PduStatus:
    link = Link(state=LinkState.CONNECTING, since_at=0, detail=detail)
    return PduStatus(pdu=pdu, link=link, snapshot=None, stale_after_s=30, lost_after_s=50)


def event(number: int) -> Event:
    return Event(id=str(number), pdu="p", type=EventType.LINK_LOST, at=0)


def test_the_newest_status_is_what_is_found() -> None:
    store = Store([status()])
    changed: list[str] = []
    store.on_status(changed.append)
    store.replace(status(detail="one"))
    store.replace(status(detail="two"))
    assert changed == ["p", "p"]
    assert store.get("p").link.detail == "two"


def test_a_pdu_that_nobody_configured_is_an_error() -> None:
    with pytest.raises(UnknownPdu):
        Store([status()]).get("q")


def test_a_listener_that_left_hears_nothing() -> None:
    store = Store([status()])
    changed: list[str] = []
    leave = store.on_status(changed.append)
    leave()
    store.replace(status())
    assert changed == []


def test_each_reader_sees_each_edge_once_and_in_order() -> None:
    store = Store([status()])
    store.append(event(0))
    first, second = store.cursor(), store.cursor()
    store.append(event(1))
    assert [e.id for e in first.read().items if isinstance(e, Event)] == ["1"]
    store.append(event(2))
    assert [e.id for e in first.read().items if isinstance(e, Event)] == ["2"]
    assert [e.id for e in second.read().items if isinstance(e, Event)] == ["1", "2"]
    assert first.read().items == ()


def test_a_reader_that_was_too_slow_learns_how_much_it_missed() -> None:
    store = Store([status()], edge_limit=2)
    cursor = store.cursor()
    for number in range(5):
        store.append(event(number))
    edges = cursor.read()
    assert [e.id for e in edges.items if isinstance(e, Event)] == ["3", "4"]
    assert edges.missed == 3
