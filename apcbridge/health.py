"""Whether every part of the bridge still moves. Pure: the caller passes the time.

A part that works in the background registers how long it may at most be silent, and beats whenever it got somewhere: a
poll that ended (well or not), a turn of the MQTT loop. A part that hangs stops beating; systemd's watchdog is fed only
while nobody is overdue, so that a hung bridge is restarted, never mistaken for a live one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Part:
    max_silence_s: float
    beat_mono: float


class Progress:
    """The last sign of life of every part."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}

    def register(self, name: str, max_silence_s: float, now_mono: float) -> None:
        """Expect ``name`` to beat at least every ``max_silence_s`` from now on; a second call changes the bound."""
        if max_silence_s <= 0:
            raise ValueError(f"{name}: a part cannot be silent for {max_silence_s} s at most")
        self._parts[name] = _Part(max_silence_s, now_mono)

    def remove(self, name: str) -> None:
        """Expect nothing of ``name`` any more; it ended as it should."""
        self._parts.pop(name, None)

    @property
    def names(self) -> set[str]:
        """Who is expected to beat."""
        return set(self._parts)

    def beat(self, name: str, now_mono: float) -> None:
        """Note that ``name`` got somewhere; beats may arrive out of order."""
        part = self._parts[name]
        part.beat_mono = max(part.beat_mono, now_mono)

    def overdue(self, now_mono: float) -> tuple[str, ...]:
        """Return who has been silent for too long, the longest first."""
        late = [(name, now_mono - part.beat_mono) for name, part in self._parts.items() if _late(part, now_mono)]
        return tuple(name for name, _ in sorted(late, key=lambda item: -item[1]))

    def silence_s(self, name: str, now_mono: float) -> float:
        """Return how long ago ``name`` last beat."""
        return now_mono - self._parts[name].beat_mono


def _late(part: _Part, now_mono: float) -> bool:
    return now_mono - part.beat_mono > part.max_silence_s
