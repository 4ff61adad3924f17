"""How far the event log was read: what stands behind that place is news. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.pdu.reboots import explain
from apcbridge.pdu.reboots.eventlog import Join, mark_of

if TYPE_CHECKING:
    from apcbridge.pdu.reboots.memory import LogMark
    from apcbridge.pdu.reboots.observations import EventLog

BASELINE_S = 600.0
"""How long the event log is wanted only to remember the place in it."""


class LogPlace:
    """The place in one card's event log."""

    def __init__(self, mark: LogMark | None) -> None:
        self.mark = mark
        """None while the place is not known."""
        self.uncounted = False
        """The wall clock decided in place of the log: starts that nobody counted may stand behind the mark."""
        self._placeless_mono: float | None = None
        """Since when the place may be unknown: the start, or the last report."""

    def wanted(self, now_mono: float) -> bool:
        """Tell whether the log is worth a reading only to know the place in it."""
        return self.mark is None and now_mono < (self._placeless_mono or 0.0) + BASELINE_S

    def begin(self, now_mono: float) -> None:
        """Note the moment of the first observation."""
        if self._placeless_mono is None:
            self._placeless_mono = now_mono

    def unreported(self, log: EventLog) -> tuple[int, Join]:
        """Count the starts behind the place that no report has covered, and tell how the log joins it."""
        return explain.unreported(log, self.mark)

    def went_without(self) -> None:
        """Note that a decision was made that the log could have told better."""
        self.uncounted = self.mark is not None

    def read(self, log: EventLog) -> None:
        """Note that nothing in this log is left to be reported."""
        self.mark = mark_of(log.entries, owed=0)
        self.uncounted = False

    def reported(self, mark: LogMark | None, now_mono: float, *, with_log: bool) -> None:
        """Note the place that a report has reached, and whether it has seen the log."""
        self.mark = mark
        self.uncounted = self.uncounted and not with_log
        self._placeless_mono = now_mono
