from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

import pytest

from apcbridge.console.dialects import DialectId
from apcbridge.console.events import (
    ActuationSent,
    GoalDone,
    GoalFailed,
    LoggedIn,
    Outcome,
    OutletReading,
    StatusReading,
)
from apcbridge.console.goals import ReadStatus, Switch, SwitchAction
from apcbridge.console.session import Access, Credentials, Session, SessionOptions
from apcbridge.model import OutletState
from tests.unit.console import rackpdu as pdu
from tests.unit.console.peer import Driver, Script

if TYPE_CHECKING:
    from collections.abc import Iterator

EIGHT = ("ON", "OFF", "ON*", "OFF", "ON", "ON", "ON", "OFF*")


def driver(exchanges: list[tuple[bytes, bytes]], cuts: Iterator[int] | None = None, **options: object) -> Driver:
    settings = SessionOptions(access=Access.MENU, **options)  # type: ignore[arg-type]
    session = Session(Credentials("apc", "apc"), settings)
    return Driver(session, Script(exchanges).receive, cuts=cuts)


def to_list(*states: str, names: dict[int, str] | None = None) -> list[tuple[bytes, bytes]]:
    listing = (b"1\r", b"1\r\n" + pdu.outlet_list(*states, names=names))
    return [*pdu.WAKE, *pdu.login(), *pdu.TO_LIST, listing]


def switching(action: bytes, label: str, before: str, after: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"2", b"2"),
        (b"\r", b"\r\n" + pdu.outlet_page(2, before)),
        (b"1\r", b"1\r\n" + pdu.action_menu(2, before)),
        (action, action),
        (b"\r", b"\r\n" + pdu.confirm(label, 2)),
        (b"YES\r", b"YES\r\n" + pdu.SUCCESS),
        (b"\r", b"\r" + pdu.action_menu(2, after)),
    ]


@pytest.mark.parametrize("cuts", [None, repeat(1), repeat(7)])
def test_logs_in_and_reads_the_whole_list(cuts: Iterator[int] | None) -> None:
    events = driver(to_list(*EIGHT), cuts).run(ReadStatus(load=False))
    login, reading, done = events
    assert isinstance(login, LoggedIn)
    assert login.dialect is DialectId.D3B
    assert login.banner is not None
    assert login.banner.up_time_s == ((7 * 24 + 15) * 60 + 31) * 60
    assert isinstance(reading, StatusReading)
    assert [f"{row.state}{'*' * row.pending}" for row in reading.rows] == list(EIGHT)
    assert isinstance(done, GoalDone)


def test_pages_through_24_outlets() -> None:
    exchanges = to_list(*["ON"] * 24)
    exchanges.append((b"\r", pdu.rest_of_list("OFF", "ON")))
    events = driver(exchanges).run(ReadStatus(load=False))
    assert isinstance(events[1], StatusReading)
    assert [row.number for row in events[1].rows if row.state is OutletState.OFF] == [23]


def test_switches_and_reads_back_from_the_page_that_follows() -> None:
    run = driver([*to_list(*EIGHT), *switching(b"1", "Immediate On", "OFF", "ON")])
    events = run.run(Switch(2, "Outlet 2", SwitchAction.ON))
    assert [type(event) for event in events[1:]] == [ActuationSent, OutletReading, GoalDone]
    done = events[-1]
    assert isinstance(done, GoalDone)
    assert done.result.outcome is Outcome.CONFIRMED
    assert done.result.row is not None
    assert done.result.row.state is OutletState.ON


def test_another_name_on_the_list_stops_the_command_before_anything_is_typed() -> None:
    events = driver(to_list(*EIGHT)).run(Switch(2, "nas", SwitchAction.OFF))
    assert isinstance(events[-1], GoalFailed)
    assert not events[-1].actuated
