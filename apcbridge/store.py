"""What is known now: one immutable :class:`~apcbridge.model.PduStatus` per PDU, and a bounded log of edges.

Power state is a level: a subscriber hears that a PDU changed and looks up the newest status, so a slow one skips what
lies between and a reconnect is "look up everything". What must never merge (events, command results) goes through the
edge log; each reader keeps its own :class:`EdgeCursor`. Everything runs in one thread; callbacks must not block.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult
from apcbridge.errors import UnknownPdu
from apcbridge.model import Event, PduStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

EDGE_LIMIT = 4096
"""Edges kept for slow readers: hours of a busy bridge; the journal keeps them for good."""

Edge = Event | CommandResult


@dataclass(frozen=True, slots=True)
class Edges:
    """What an :class:`EdgeCursor` returned."""

    items: tuple[Edge, ...]
    missed: int
    """Edges that fell out of the log before this reader came."""


class Store:
    """The middle of the bridge."""

    def __init__(self, initial: Iterable[PduStatus], edge_limit: int = EDGE_LIMIT) -> None:
        self._statuses = {status.pdu: status for status in initial}
        self._edges: deque[Edge] = deque(maxlen=edge_limit)
        self._appended = 0
        self._status_listeners: list[Callable[[str], None]] = []
        self._edge_listeners: list[Callable[[], None]] = []

    def __iter__(self) -> Iterator[PduStatus]:
        return iter(tuple(self._statuses.values()))

    def get(self, pdu: str) -> PduStatus:
        """Return the newest status of a PDU; raise UnknownPdu if none of that id is configured."""
        try:
            return self._statuses[pdu]
        except KeyError:
            raise UnknownPdu(f"no PDU {pdu!r} is configured") from None

    def replace(self, status: PduStatus) -> None:
        """Put a newer status in place of the old one and tell every listener whose it is."""
        self._statuses[status.pdu] = status
        for listener in tuple(self._status_listeners):
            listener(status.pdu)

    def remove(self, pdu: str) -> None:
        """Forget a PDU that is not configured any more; nobody is told, because whoever listens is renewed with it."""
        self._statuses.pop(pdu, None)

    def append(self, edge: Edge) -> None:
        """Add an event or a result to the edge log and tell every listener that there is one."""
        self._edges.append(edge)
        self._appended += 1
        for listener in tuple(self._edge_listeners):
            listener()

    def on_status(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call ``listener(pdu)`` at every change; the returned function ends it."""
        self._status_listeners.append(listener)
        return lambda: self._status_listeners.remove(listener)

    def on_edge(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener()`` whenever an edge was appended; the returned function ends it."""
        self._edge_listeners.append(listener)
        return lambda: self._edge_listeners.remove(listener)

    def cursor(self) -> EdgeCursor:
        """Start reading the edge log from now on."""
        return EdgeCursor(self, self._appended)

    def edges_after(self, position: int) -> tuple[Edges, int]:
        """Return what was appended after ``position``, and the position to ask from next time."""
        fresh = self._appended - position
        kept = min(fresh, len(self._edges))
        items = tuple(self._edges)[len(self._edges) - kept :] if kept else ()
        return Edges(items=items, missed=fresh - kept), self._appended


class EdgeCursor:
    """One reader's place in the edge log."""

    def __init__(self, store: Store, position: int) -> None:
        self._store = store
        self._position = position

    def read(self) -> Edges:
        """Return everything since the last call, oldest first."""
        edges, self._position = self._store.edges_after(self._position)
        return edges
