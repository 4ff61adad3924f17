"""An overload is told when it begins, and again only after it has ended."""

from __future__ import annotations

from apcbridge.console.events import LoadReading
from apcbridge.model import Load, LoadState
from apcbridge.pdu.overload import OverloadWatch


def reading(bank: LoadState, phase: LoadState = LoadState.NORMAL) -> LoadReading:
    return LoadReading(
        phases=(Load(index=1, deciamps=10, state=phase),), banks=(Load(index=2, deciamps=10, state=bank),)
    )


def test_an_overload_is_told_once_until_it_has_ended() -> None:
    watch = OverloadWatch()
    assert watch.take(reading(LoadState.NEAR_OVERLOAD)) == ()
    assert watch.take(reading(LoadState.OVERLOAD)) == ("bank 2",)
    assert watch.take(reading(LoadState.OVERLOAD)) == ()
    assert watch.take(reading(LoadState.NORMAL)) == ()
    assert watch.take(reading(LoadState.OVERLOAD, LoadState.OVERLOAD)) == ("bank 2", "phase 1")
