from __future__ import annotations

import pytest

from apcbridge.console.events import Outcome, OutletRow
from apcbridge.console.settle import Watch
from apcbridge.model import Action, OutletState


def row(state: str) -> OutletRow:
    return OutletRow(number=1, name="x", state=OutletState(state.rstrip("*")), pending=state.endswith("*"))


@pytest.mark.parametrize(
    ("action", "before", "seen"),
    [
        (Action.ON, "OFF", ["OFF", "OFF*", "ON*", "ON"]),
        (Action.OFF, "ON", ["ON", "OFF"]),
        (Action.OFF, "OFF", ["OFF"]),
        (Action.REBOOT, "ON", ["ON", "ON*", "OFF*", "OFF", "ON"]),
        (Action.DELAYED_OFF, "ON", ["ON", "ON*"]),
        (Action.DELAYED_OFF, "ON", ["OFF"]),
        (Action.DELAYED_REBOOT, "ON", ["ON", "ON*"]),
        (Action.CANCEL, "ON", ["ON*", "ON"]),
    ],
)
def test_the_effect_is_seen_at_the_last_reading_and_not_before(action: Action, before: str, seen: list[str]) -> None:
    watch = Watch(action, OutletState(before))
    results = [watch.see(row(state)) for state in seen]
    assert [result is not None for result in results] == [False] * (len(seen) - 1) + [True]
    assert results[-1] is not None
    assert results[-1].outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(
    ("before", "seen", "words"),
    [
        ("ON", ["ON"], "was not seen OFF"),
        ("ON", ["OFF"], "still OFF"),
        ("OFF", ["OFF"], "leaves an OFF outlet OFF"),
    ],
)
def test_a_reboot_that_was_not_seen_is_only_accepted(before: str, seen: list[str], words: str) -> None:
    watch = Watch(Action.REBOOT, OutletState(before))
    assert [watch.see(row(state)) for state in seen] == [None] * len(seen)
    result = watch.give_up()
    assert result.outcome is Outcome.ACCEPTED
    assert words in result.detail


def test_a_reboot_of_an_outlet_that_is_off_is_not_waited_for_long() -> None:
    assert Watch(Action.REBOOT, OutletState.OFF).patience_s(30.0) < 5
    assert Watch(Action.REBOOT, OutletState.ON).patience_s(30.0) == 30.0
