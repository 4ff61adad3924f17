"""What one PDU tells and what is kept of it: events, and the memory that outlives the daemon, in one step."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from apcbridge.model import Event
from apcbridge.pdu.agenda import Agenda
from apcbridge.pdu.pending import Debts, PendingBook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.clock import Clock
    from apcbridge.model import Detail, EventType, PendingCommand, Reboot
    from apcbridge.pdu.reboots import RebootDetector, RebootMemory

SAVE_EVERY_S = 300.0
"""How often the detector's memory is kept although nothing happened: it tells how long the NMC was seen alive."""


class Recorder(Protocol):
    """Where events go: kept on disk first, then told to everybody."""

    def event(self, event: Event) -> None:
        """Keep and tell an event."""

    def reboots(
        self, pdu: str, reboots: tuple[Reboot, ...], memory: RebootMemory, events: tuple[Event, ...]
    ) -> asyncio.Future[None]:
        """Keep restarts with the memory that already counts them, in one step, and tell of them after that.

        The future that is returned is done then, or when the disk takes too long.
        """


@dataclass(frozen=True, slots=True)
class Books:
    """What outlives the configuration and the daemon, beside the detector's own memory."""

    pending: PendingBook = field(default_factory=PendingBook)
    debts: Debts = field(default_factory=Debts)
    agenda: Agenda = field(default_factory=Agenda)

    @classmethod
    def recalled(cls, memory: RebootMemory | None) -> Books:
        """Go on with what was remembered."""
        return cls() if memory is None else cls(PendingBook(memory.pending), Debts(memory.owed), Agenda(memory.held))

    def __call__(self) -> tuple[tuple[PendingCommand, ...], ...]:
        """Return what is written in each."""
        return self.pending(), self.debts(), self.agenda()


class Records:
    """Keeps the books and the detector's memory of one PDU, and tells its events."""

    def __init__(self, pdu: str, clock: Clock, recorder: Recorder, detector: RebootDetector, books: Books) -> None:
        self._pdu = pdu
        self._clock = clock
        self._recorder = recorder
        self._detector = detector
        self.books = books
        self._kept_books = books()
        self._kept_revision = detector.revision
        self._kept_mono = clock.monotonic()
        self._on_disk: asyncio.Future[None] | None = None

    def event(self, kind: EventType, **details: Detail) -> Event:
        """Make an event of this moment."""
        return Event(id=uuid4().hex, pdu=self._pdu, type=kind, at=self._clock.wall(), details=details)

    def tell(self, kind: EventType, **details: Detail) -> None:
        """Tell an event of this moment."""
        self._recorder.event(self.event(kind, **details))

    @property
    def due(self) -> bool:
        """Tell whether the detector's memory is worth keeping now."""
        grown = self._detector.revision != self._kept_revision
        return grown or self._clock.monotonic() - self._kept_mono > SAVE_EVERY_S

    def keep(self, reboots: tuple[Reboot, ...] = (), events: Iterable[Event] = ()) -> None:
        """Keep restarts, what they lost and what is owed for it in one step, and tell of them after that."""
        self._kept_revision, self._kept_mono = self._detector.revision, self._clock.monotonic()
        self._kept_books = pending, owed, held = self.books()
        memory = dataclasses.replace(self._detector.memory(), pending=pending, owed=owed, held=held)
        self._on_disk = self._recorder.reboots(self._pdu, reboots, memory, tuple(events))

    def keep_books(self) -> None:
        """Keep the books if anything was written in them."""
        if self.books() != self._kept_books:
            self.keep()

    async def on_disk(self) -> None:
        """Return when all that was given is kept, or the disk takes too long for anybody to wait."""
        if self._on_disk is not None:
            await asyncio.wait({self._on_disk})
