"""Judging from read-backs whether a command has been seen to act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.console.dialog import GARBLED, Dialog, Emit, LoginPromptSeen, Pause
from apcbridge.console.events import GoalResult, Outcome, StatusReading
from apcbridge.model import Action, OutletState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apcbridge.console.events import OutletRow
    from apcbridge.console.goals import SwitchAll
    from apcbridge.errors import ConsoleError

_TARGET = {
    Action.ON: OutletState.ON,
    Action.OFF: OutletState.OFF,
    Action.DELAYED_ON: OutletState.ON,
    Action.DELAYED_OFF: OutletState.OFF,
}

_HOPELESS_S = 3.0


class Watch:
    """Follows one outlet from the acceptance of a command until the screen shows its effect."""

    def __init__(self, action: Action, before: OutletState) -> None:
        self._action = action
        self._before = before
        self._seen_off = False
        self._last: OutletRow | None = None

    def patience_s(self, settle_s: float) -> float:
        """Bound the reading back: an outlet that was OFF stays OFF through a reboot, there is little to wait for."""
        hopeless = self._action is Action.REBOOT and self._before is OutletState.OFF
        return min(settle_s, _HOPELESS_S) if hopeless else settle_s

    def see(self, row: OutletRow) -> GoalResult | None:
        """Take a reading; return the result once the effect shows."""
        self._last = row
        self._seen_off |= row.state is OutletState.OFF
        detail = self._effect(row)
        return GoalResult(detail=detail, row=row) if detail else None

    def give_up(self) -> GoalResult:
        """Return the result when the settle time is over."""
        return GoalResult(outcome=Outcome.ACCEPTED, detail=self._doubt(), row=self._last)

    def _effect(self, row: OutletRow) -> str:
        if self._action is Action.CANCEL:
            return "" if row.pending else f"nothing is pending; the outlet is {row.state}"
        if self._action is Action.DELAYED_REBOOT:
            return "the reboot is pending" if row.pending else ""
        if self._action is Action.REBOOT:
            back = self._before is OutletState.ON and self._seen_off
            done = back and row.state is OutletState.ON and not row.pending
            return "the outlet was seen off and on again" if done else ""
        if row.pending:
            delayed = self._action in (Action.DELAYED_ON, Action.DELAYED_OFF)
            return f"the outlet is {row.state}, the command is pending" if delayed else ""
        return f"the outlet is {row.state}" if row.state is _TARGET[self._action] else ""

    def _doubt(self) -> str:
        if self._last is None:
            return "accepted, but the outlet could not be read back"
        state = f"{self._last.state}{' with a command pending' if self._last.pending else ''}"
        if self._action is Action.REBOOT and self._before is OutletState.OFF:
            return f"accepted; the outlet was OFF and is {state} (a reboot leaves an OFF outlet OFF)"
        if self._action is Action.REBOOT and not self._seen_off:
            return f"accepted; the outlet is {state} and was not seen OFF"
        return f"accepted, but the outlet is still {state}"


def read_back_all(
    watches: Mapping[int, Watch],
    goal: SwitchAll,
    read_rows: Callable[[], Dialog[tuple[OutletRow, ...]]],
) -> Dialog[GoalResult]:
    """Read the list until every outlet shows the effect or the settle time is over; a garbled list is read again."""
    done: dict[int, GoalResult] = {}
    started: float | None = None
    while True:
        garbled: ConsoleError | None = None
        try:
            rows = yield from read_rows()
        except GARBLED as error:
            if isinstance(error, LoginPromptSeen):
                raise
            garbled, rows = error, ()
        moment = yield Emit(StatusReading(rows=rows)) if rows else Pause(0.0)
        started = moment.at if started is None else started
        for row in rows:
            result = watches[row.number].see(row) if row.number in watches else None
            if result is not None:
                done[row.number] = result
        waiting = sorted(watches.keys() - done.keys())
        if not waiting:
            return GoalResult(detail=f"all {len(watches)} outlets show {goal.action}")
        if moment.at >= started + goal.settle_s:
            if garbled is not None:
                raise garbled
            return GoalResult(outcome=Outcome.ACCEPTED, detail=f"outlets {waiting} do not show {goal.action}")
        yield Pause(moment.at + goal.poll_s)
