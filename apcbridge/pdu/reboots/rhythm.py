"""The beat of the restarts: median, spread, prediction, and whether it is the network watchdog's.

The manuals give the watchdog 9.5 minutes without traffic, users see 7 to 9, and the boot comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from apcbridge.pdu.reboots.history import jitter

if TYPE_CHECKING:
    from collections.abc import Sequence

WATCHDOG_MIN_S = 390.0
WATCHDOG_MAX_S = 660.0
STEADY_S = 120.0
"""Intervals that differ by no more than this are one beat; minute readings alone can make a minute of difference."""
MISSED_S = 120.0
"""The beat has ended when the next restart is this much later than the longest one."""
BEATS = 2
"""Intervals needed to speak of a beat: three restarts, or two and a start that the up time told."""
WINDOW = 15
"""Intervals that count; older ones belong to another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What the intervals between restarts show. Seconds of our clock."""

    interval_s: float | None
    """Median of the beat, or of all that is known while there is none; None where no interval is known."""
    spread_s: float | None
    """Half the distance between the shortest and the longest of them."""
    jitter_s: float | None
    """Median distance from the median."""
    watchdog: bool
    """True if the last intervals are steady and of the watchdog's length, and the next restart is not overdue."""


def rhythm(intervals: Sequence[float | None], since_boot_s: float | None, pace: float = 1.0) -> Rhythm:
    """Judge the intervals, oldest first; None is one that is not known (a restart may have gone unseen in it)."""
    known = [interval for interval in intervals if interval is not None][-WINDOW:]
    if not known:
        return Rhythm(interval_s=None, spread_s=None, jitter_s=None, watchdog=False)
    beats = _beats(intervals, pace)
    if len(beats) >= BEATS and not overdue(since_boot_s, pace):
        return _of(beats, watchdog=True)
    return _of(known, watchdog=False)


def overdue(since_boot_s: float | None, pace: float = 1.0) -> bool:
    """Tell whether the card has been up for longer than its watchdog would ever have let it without traffic."""
    return since_boot_s is not None and since_boot_s * pace > WATCHDOG_MAX_S + MISSED_S


def _of(intervals: Sequence[float], *, watchdog: bool) -> Rhythm:
    return Rhythm(
        interval_s=median(intervals),
        spread_s=(max(intervals) - min(intervals)) / 2,
        jitter_s=jitter(intervals),
        watchdog=watchdog,
    )


def on_beat(intervals: Sequence[float | None], pace: float = 1.0) -> bool:
    """Tell whether the newest intervals beat like the network watchdog."""
    return len(_beats(intervals, pace)) >= BEATS


def _beats(intervals: Sequence[float | None], pace: float) -> list[float]:
    """Return the newest intervals as far back as they are of the watchdog's length and steady, newest first."""
    beats: list[float] = []
    for interval in reversed(intervals[-WINDOW:]):
        if interval is None or not WATCHDOG_MIN_S <= interval * pace <= WATCHDOG_MAX_S:
            break
        if (max([interval, *beats]) - min([interval, *beats])) * pace > STEADY_S:
            break
        beats.append(interval)
    return beats
