"""Freshness is judged when a value is served."""

from __future__ import annotations

import pytest

from apcbridge.model import (
    EventType,
    Freshness,
    Identity,
    Link,
    LinkState,
    Nmc,
    Outlet,
    OutletState,
    PduSnapshot,
    PduStatus,
    RebootCause,
)


def status(link: LinkState = LinkState.UP, *, younger_outlet: float = 100.0) -> PduStatus:
    outlets = (
        Outlet(number=1, name="a", state=OutletState.ON, pending=False, read_at=0, read_mono=100),
        Outlet(number=2, name="b", state=OutletState.ON, pending=False, read_at=0, read_mono=younger_outlet),
    )
    snapshot = PduSnapshot(
        pdu="p", seq=1, taken_at=0, taken_mono=100, dialect="d3b", identity=Identity(), nmc=Nmc(), outlets=outlets
    )
    return PduStatus(pdu="p", link=Link(state=link, since_at=0), snapshot=snapshot, stale_after_s=30, lost_after_s=50)


@pytest.mark.parametrize(
    ("now", "freshness"),
    [
        (100, Freshness.FRESH),
        (129.9, Freshness.FRESH),
        (130, Freshness.STALE),
        (149.9, Freshness.STALE),
        (150, Freshness.LOST),
    ],
)
def test_a_reading_ages_without_anybody_touching_it(now: float, freshness: Freshness) -> None:
    assert status().freshness(now) is freshness


def test_a_lost_line_loses_the_readings_at_once() -> None:
    assert status(LinkState.LOST).freshness(101) is Freshness.LOST
    assert status(LinkState.LOST).outlet_freshness(1, 101) is Freshness.LOST


def test_an_outlet_read_after_a_command_is_younger_than_the_list() -> None:
    aged = status(younger_outlet=120)
    assert aged.outlet_freshness(1, 140) is Freshness.STALE
    assert aged.outlet_freshness(2, 140) is Freshness.FRESH


def test_the_moments_at_which_freshness_changes_by_age() -> None:
    assert status().freshness_changes_mono(100) == 130
    assert status().freshness_changes_mono(130) == 150
    assert status().freshness_changes_mono(150) is None
    assert status(LinkState.LOST).freshness_changes_mono(100) is None


def test_an_outlet_that_is_not_there() -> None:
    assert status().outlet_freshness(3, 100) is Freshness.LOST


def test_every_cause_has_its_event() -> None:
    assert {EventType.of_reboot(cause) for cause in RebootCause} <= set(EventType)
