"""Judging from read-backs whether a command has been seen to act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.console.events import GoalResult, Outcome
from apcbridge.console.goals import SwitchAction
from apcbridge.model import OutletState

if TYPE_CHECKING:
    from apcbridge.console.events import OutletRow

_TARGET = {
    SwitchAction.ON: OutletState.ON,
    SwitchAction.OFF: OutletState.OFF,
    SwitchAction.DELAYED_ON: OutletState.ON,
    SwitchAction.DELAYED_OFF: OutletState.OFF,
}


class Watch:
    """Follows one outlet from the acceptance of a command until the screen shows its effect."""

    def __init__(self, action: SwitchAction, before: OutletState) -> None:
        self._action = action
        self._before = before
        self._seen_off = False
        self._last: OutletRow | None = None

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
        if self._action is SwitchAction.CANCEL:
            return "" if row.pending else f"nothing is pending; the outlet is {row.state}"
        if self._action is SwitchAction.DELAYED_REBOOT:
            return "the reboot is pending" if row.pending else ""
        if self._action is SwitchAction.REBOOT:
            back = self._before is OutletState.ON and self._seen_off
            done = back and row.state is OutletState.ON and not row.pending
            return "the outlet was seen off and on again" if done else ""
        if row.pending:
            delayed = self._action in (SwitchAction.DELAYED_ON, SwitchAction.DELAYED_OFF)
            return f"the outlet is {row.state}, the command is pending" if delayed else ""
        return f"the outlet is {row.state}" if row.state is _TARGET[self._action] else ""

    def _doubt(self) -> str:
        if self._last is None:
            return "accepted, but the outlet could not be read back"
        state = f"{self._last.state}{' with a command pending' if self._last.pending else ''}"
        if self._action is SwitchAction.REBOOT and self._before is OutletState.OFF:
            return f"accepted; the outlet was OFF and is {state} (a reboot leaves an OFF outlet OFF)"
        if self._action is SwitchAction.REBOOT and not self._seen_off:
            return f"accepted; the outlet is {state} and was not seen OFF"
        return f"accepted, but the outlet is still {state}"
