"""The two clocks: one that only ever runs forward, one that people read."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from; tests pass their own."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; counts on while the machine is suspended."""

    def wall(self) -> float:
        """Unix time in seconds; may be set forward or back by whoever administers the machine."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """CLOCK_BOOTTIME: CLOCK_MONOTONIC stops in suspend, and an hour-old reading would wake up fresh."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Unix time."""
        return time.time()
