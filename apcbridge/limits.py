"""A bound on how often something is said. Pure."""

from __future__ import annotations


class TokenBucket:
    """Allows a burst, then a steady rate."""

    def __init__(self, burst: int, per_s: float) -> None:
        self._burst = float(burst)
        self._per_s = per_s
        self._tokens = float(burst)
        self._filled_mono: float | None = None
        self.suppressed = 0
        """Refused since the last one allowed."""

    def allow(self, now_mono: float) -> bool:
        """Take a token if there is one."""
        if self._filled_mono is not None:
            self._tokens = min(self._burst, self._tokens + (now_mono - self._filled_mono) * self._per_s)
        self._filled_mono = now_mono
        if self._tokens < 1:
            self.suppressed += 1
            return False
        self._tokens -= 1
        return True

    def take_suppressed(self) -> int:
        """Return how many were refused since the last call."""
        count, self.suppressed = self.suppressed, 0
        return count
