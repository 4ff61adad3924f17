"""Where an overload begins: each is told once, until it has ended. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.model import LoadState

if TYPE_CHECKING:
    from apcbridge.console.events import LoadReading


class OverloadWatch:
    """The phases and banks of one PDU that are overloaded."""

    def __init__(self) -> None:
        self._overloaded: frozenset[str] = frozenset()

    def take(self, load: LoadReading) -> tuple[str, ...]:
        """Return where the reading shows an overload that the one before did not: ``bank 1``, ``phase 2``."""
        before = self._overloaded
        self._overloaded = frozenset(
            f"{kind} {one.index}"
            for kind, loads in (("phase", load.phases), ("bank", load.banks))
            for one in loads
            if one.state is LoadState.OVERLOAD
        )
        return tuple(sorted(self._overloaded - before))
