"""Bounds on how often something is done, and on how often it is said. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LINES_AT_ONCE = 5
LINES_PER_S = 5 / 60


@dataclass(slots=True)
class TokenBucket:
    """``rate`` per second on average, ``burst`` at once."""

    rate: float
    burst: float
    level: float = 0.0
    filled_mono: float = float("-inf")

    def take(self, now_mono: float) -> bool:
        """Take one token; False if there is none. A new bucket is full."""
        level = self.level + (now_mono - self.filled_mono) * self.rate
        self.filled_mono = now_mono
        level = min(level, self.burst)
        if level < 1.0:
            self.level = level
            return False
        self.level = level - 1.0
        return True


class LogBudget:
    """So many lines at once, then a rate, and the count of those that were swallowed; by default ten in any minute."""

    def __init__(self, at_once: int = LINES_AT_ONCE, per_s: float = LINES_PER_S) -> None:
        self._bucket = TokenBucket(per_s, at_once)
        self._swallowed = 0

    def spend(self, now_mono: float) -> int | None:
        """Return how many lines were swallowed since the last one that was not, or None: do not log."""
        if not self._bucket.take(now_mono):
            self._swallowed += 1
            return None
        swallowed, self._swallowed = self._swallowed, 0
        return swallowed
