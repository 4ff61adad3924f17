"""How long to wait before the next attempt to reach the broker, and what the rhythm of losses tells. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S = 1.0
UNREACHABLE_MAX_S = 12.0
"""Nobody answers: an attempt costs a few packets, and we must be back within 15 s of the broker's return."""
REFUSED_MAX_S = 60.0
"""The broker answers and will not have us: only a person can change that, and every attempt is a line in its log."""
JITTER = 0.2
STEADY_S = 30.0
"""A connection that lived so long was a good one: begin again with short waits."""
CLASH_LOSSES = 4
CLASH_WITHIN_S = 120.0
"""So many connections in a row that ended soon, and the broker there all the while: somebody else has our client id."""


class Backoff:
    """1, 2, 4 ... seconds, with jitter so that a room full of bridges does not return in one moment."""

    def __init__(self, random: Callable[[], float]) -> None:
        """``random`` gives numbers from 0 to 1."""
        self._random = random
        self._failures = 0
        self._refusals = 0
        """How often in a row the broker would not have us."""
        self._short_lives: deque[float] = deque(maxlen=CLASH_LOSSES)

    def failed(self, *, refused: bool) -> float:
        """Count an attempt that did not succeed; return the seconds to wait."""
        self._failures += 1
        self._refusals = self._refusals + 1 if refused else 0
        self._short_lives.clear()
        if refused:  # one that has just come back may refuse everybody at first: its absence does not count
            return self._wait_s(self._refusals, REFUSED_MAX_S)
        return self._wait_s(self._failures, UNREACHABLE_MAX_S)

    def lost(self, lived_s: float, now_mono: float) -> float:
        """Count the end of a connection that had been established; return the seconds to wait."""
        if lived_s >= STEADY_S:
            self._failures = 0
            self._short_lives.clear()
        else:
            self._short_lives.append(now_mono)
        self._failures += 1
        self._refusals = 0
        return self._wait_s(self._failures, UNREACHABLE_MAX_S)

    def is_clash(self, now_mono: float) -> bool:
        """Tell whether connections keep ending soon after they began, which is what two clients of one id look like.

        A broker that is restarted again and again looks the same, so this decides what is said, not how long we wait.
        """
        return len(self._short_lives) == CLASH_LOSSES and now_mono - self._short_lives[0] <= CLASH_WITHIN_S

    def _wait_s(self, failures: int, limit_s: float) -> float:
        wait_s = min(limit_s, FIRST_S * 2.0 ** min(failures - 1, 10))
        return wait_s * (1 - JITTER + 2 * JITTER * self._random())
