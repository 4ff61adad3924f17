"""How many restarts there were in a day, a week and ever, and how regularly they came."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from apcbridge.model import RestartStatistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
KEPT = 10_000
"""Restarts that count: ten weeks of a card that restarts every ten minutes."""
HELD_S = 60.0
"""Figures of sliding spans are worked out anew this often; a restart shows at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The figures of three spans of time."""

    day: RestartStatistics
    week: RestartStatistics
    ever: RestartStatistics


class RestartHistory:
    """The moments of the newest restarts, by the wall clock of their time."""

    def __init__(self, restarts: Iterable[tuple[float, float | None]] = ()) -> None:
        """Take moments (Unix time) with the length of the life before each (None where not known), oldest first."""
        self._restarts: deque[tuple[float, float | None]] = deque(restarts, maxlen=KEPT)
        self._worked_out: Statistics | None = None
        self._at = 0.0

    def add(self, at: float, interval_s: float | None) -> None:
        """Take one more."""
        self._restarts.append((at, interval_s))
        self._worked_out = None

    def statistics(self, now_at: float, ever: int) -> Statistics:
        """Return the figures; ``ever`` is how many restarts there were, remembered singly or not."""
        if self._worked_out is None or abs(now_at - self._at) >= HELD_S:
            self._at = now_at
            self._worked_out = Statistics(
                day=self._since(now_at - DAY_S),
                week=self._since(now_at - WEEK_S),
                ever=figures([interval_s for _, interval_s in self._restarts], ever),
            )
        return self._worked_out

    def _since(self, since_at: float) -> RestartStatistics:
        intervals = [interval_s for at, interval_s in self._restarts if at > since_at]
        return figures(intervals, len(intervals))


def figures(intervals: Sequence[float | None], count: int) -> RestartStatistics:
    """Return median and jitter of the intervals that are known."""
    known = [interval for interval in intervals if interval is not None]
    if not known:
        return RestartStatistics(count=count)
    return RestartStatistics(count=count, interval_s=median(known), jitter_s=jitter(known))


def jitter(intervals: Sequence[float]) -> float:
    """Return the median distance from the median: one long pause between thousands of beats does not move it."""
    middle = median(intervals)
    return median(abs(interval - middle) for interval in intervals)
