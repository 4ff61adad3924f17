"""The wire: its speed and its noise. Pure: time and random numbers are given."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_BITS_PER_BYTE = 10  # 8N1


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Shares of bytes, 0 to 1, that the line loses, damages or adds on the way to the reader."""

    drop: float = 0.0
    flip: float = 0.0
    insert: float = 0.0

    @property
    def quiet(self) -> bool:
        """True if nothing happens to any byte."""
        return not (self.drop or self.flip or self.insert)

    def apply(self, data: bytes, rng: random.Random) -> bytes:
        """Return what arrives of ``data``; a flip changes one bit of a byte."""
        if self.quiet:
            return data
        out = bytearray()
        for byte in data:
            if rng.random() < self.insert:
                out.append(rng.randrange(256))
            if rng.random() < self.drop:
                continue
            out.append(byte ^ (1 << rng.randrange(8)) if rng.random() < self.flip else byte)
        return bytes(out)


class Pacer:
    """Bytes in flight on one direction of a line of ``baud``; 0 delivers at once.

    Times are real seconds: a wire is as fast as it is, however fast the device's clock runs.
    """

    def __init__(self, baud: int) -> None:
        """Start with an empty line."""
        self._byte_s = _BITS_PER_BYTE / baud if baud else 0.0
        self._queue: deque[int] = deque()
        self._next_at = 0.0

    def push(self, data: bytes, now: float) -> None:
        """Send ``data``; its first byte arrives one byte's time after the line has become free."""
        if not data:
            return
        if not self._queue:
            self._next_at = max(self._next_at, now + self._byte_s)
        self._queue.extend(data)

    def pull(self, now: float) -> bytes:
        """Return the bytes that have arrived by now."""
        if not self._byte_s:
            data = bytes(self._queue)
            self._queue.clear()
            return data
        out = bytearray()
        while self._queue and self._next_at <= now:
            out.append(self._queue.popleft())
            self._next_at += self._byte_s
        return bytes(out)

    def next_at(self) -> float | None:
        """When the next byte arrives, or None if the line is empty."""
        return self._next_at if self._queue else None

    def clear(self) -> None:
        """Lose what is in flight."""
        self._queue.clear()
