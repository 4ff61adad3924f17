"""What one PDU's console events mean: snapshots for the store, events for everybody, observations for the detector.

The supervisor feeds it; it reads the clock it was given, touches no line, and waits for nothing but the disk.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from apcbridge.commands import REBOOTS, Command, ResultStatus
from apcbridge.console import events as seen
from apcbridge.model import (
    Action,
    Detail,
    Event,
    EventType,
    Link,
    LinkState,
    LoadState,
    Nmc,
    Outlet,
    OutletState,
    PduStatus,
    PendingCommand,
    Reboot,
    Setting,
)
from apcbridge.pdu.agenda import Agenda
from apcbridge.pdu.logger import PduLogger
from apcbridge.pdu.pending import Debts, PendingBook
from apcbridge.pdu.reboots import (
    ConsoleBack,
    ConsoleSilent,
    EventLog,
    Evidence,
    Network,
    RebootDetector,
    ResetCause,
    Unavailable,
    UpTime,
)
from apcbridge.pdu.resuming import Resumer
from apcbridge.pdu.settings import OnPendingLost
from apcbridge.pdu.snapshots import SnapshotBuilder
from apcbridge.pdu.switching import SETTLE_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.clock import Clock
    from apcbridge.commands import CommandDoor
    from apcbridge.pdu.agenda import Held
    from apcbridge.pdu.reboots import RebootMemory
    from apcbridge.pdu.settings import PduSettings
    from apcbridge.pdu.snapshots import Taken
    from apcbridge.store import Store

SAVE_EVERY_S = 300.0
"""How often the detector's memory is kept although nothing happened: it tells how long the NMC was seen alive."""
_UNTOLD = Action.OFF
"""Marks a debt of which nobody was told yet: the OFF half may be out, and its daemon may still send the ON half."""


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


class Keeper:
    """Keeps what is known of one PDU."""

    def __init__(
        self,
        settings: PduSettings,
        store: Store,
        clock: Clock,
        recorder: Recorder,
        door: CommandDoor,
        detector: RebootDetector,
        books: Books | None = None,
    ) -> None:
        self._settings = settings
        self._pdu = settings.id
        self._log = PduLogger(logging.getLogger(__name__), settings.id)
        self._store = store
        self._clock = clock
        self._recorder = recorder
        self._detector = detector
        self._builder = SnapshotBuilder(settings.id, settings.outlet_names)
        books = books or Books()
        self._pending, self._debts = books.pending, books.debts
        self.agenda = books.agenda
        """What the bridge does by its own clock; :meth:`note_agenda` after every change."""
        self._resumer = Resumer(settings.id, clock, door, books.debts, self._log)
        self._link = store.get(settings.id).link
        self._was_up = False
        self._silent = False
        self._dialect = ""
        self._status_flags: str | None = None
        self._alarm_count: int | None = None
        self._overloaded: frozenset[str] = frozenset()
        self._saved_revision = detector.revision
        self._saved_books = self._books()
        self._saved_mono = clock.monotonic()
        self._begun_mono = clock.monotonic()
        self._kept: asyncio.Future[None] | None = None
        self.command: Command | None = None
        """The command that is being carried out: it explains what changes at its outlet."""
        self.asked_mono = self._heard_mono = clock.monotonic()
        self.up_time_mono = float("-inf")
        """When the up time was last read."""
        self.settled = True
        """False while a row waits for a second reading that says the same."""

    # What the supervisor asks

    def outlet(self, number: int) -> Outlet | None:
        """Return what is believed of an outlet, or None."""
        return self._builder.outlet(number)

    @property
    def outlets(self) -> tuple[Outlet, ...]:
        """What is believed of all outlets."""
        return self._builder.outlets

    def wants(self, evidence: Evidence) -> bool:
        """Tell whether a restart of the NMC waits for this evidence."""
        return evidence in self._detector.wanted_evidence()

    def cannot_tell(self, evidence: Evidence) -> None:
        """Note that this console does not have that evidence."""
        now_mono, now_at = self._now()
        self._detector.observe(Unavailable(evidence=evidence, now_mono=now_mono, now_at=now_at))

    # What the console said

    def on_event(self, event: seen.Event) -> None:
        """Take one event of the session."""
        now_mono, now_at = self._now()
        match event:
            case seen.LoggedIn(dialect=dialect, banner=banner):
                self._pending.new_session(self.asked_mono)
                self._logged_in(str(dialect), banner)
            case seen.SessionLost():
                self._pending.new_session(now_mono)
                self._detector.observe(
                    ConsoleBack(session_lost=True, since_mono=self._heard_mono, now_mono=now_mono, now_at=now_at)
                )
            case seen.StatusReading(rows=rows):
                self._took(self._builder.take_list(rows, self._dialect, now_mono, now_at))
                for row in rows:
                    self._pending.seen(row, now_mono, now_at)
                self._save_books()
            case seen.OutletReading(row=row):
                self._outlet_page(row)
            case seen.ActuationSent():
                if self.command is not None:
                    self._sent(self.command, now_mono, now_at)
            case _:
                self._reading(event)
        self._heard_mono = now_mono

    def _reading(self, event: seen.Event) -> None:
        """Take the readings that are neither states nor the session's own life."""
        now_mono, now_at = self._now()
        match event:
            case seen.LoadReading():
                self._builder.take_load(event)
                self._watch_overload(event)
                self.publish()
            case seen.IdentityReading():
                self._builder.take_identity(event.identity)
                self._status_flags = event.status_flags or self._status_flags
                self._alarm_count = event.alarm_count
                self._up_time(event.up_time_s)
            case seen.ConfigReading():
                self._builder.take_config(event)
            case seen.EventLogReading(entries=entries, complete=complete):
                self._detector.observe(EventLog(entries=entries, complete=complete, now_mono=now_mono, now_at=now_at))
            case seen.NetworkReading():
                self._detector.observe(
                    Network(reading=event, flags=self._status_flags, now_mono=now_mono, now_at=now_at)
                )
            case seen.ResetCauseReading(code=code, text=text):
                self._detector.observe(ResetCause(text=f"{code:02} {text}", now_mono=now_mono, now_at=now_at))
            case _:
                pass

    def _logged_in(self, dialect: str, banner: seen.Banner | None) -> None:
        self._dialect = dialect
        if banner is None:
            return
        self._status_flags = banner.status_flags or self._status_flags
        self._up_time(banner.up_time_s, banner.date, banner.time)

    def _up_time(self, seconds: int | None, date: str | None = None, time: str | None = None) -> None:
        """Take an up time, with the card's own idea of date and time where the screen had one."""
        if seconds is None:
            return
        now_mono, now_at = self._now()
        self.up_time_mono = now_mono
        self._detector.observe(
            UpTime(seconds=seconds, asked_mono=self.asked_mono, now_mono=now_mono, now_at=now_at, date=date, time=time)
        )

    def _outlet_page(self, row: seen.OutletRow) -> None:
        command = self.command
        explained_by = command.id if command is not None and _explains(command, row) else None
        self._took(self._builder.take_outlet(row, explained_by, *self._now()))

    def _took(self, taken: Taken) -> None:
        self.settled = taken.settled
        resting = {pending.outlet: pending.command_id for pending in (*self._pending(), *self.agenda.pending)}
        for change in taken.changes:
            command_id = change.explained_by or resting.get(change.number)
            self._log.info(
                "outlet %d (%s) is %s now%s",
                change.number,
                change.name,
                change.state,
                f", by command {command_id}" if command_id else ", not by a command of ours",
                extra={"outlet": change.number, "command_id": command_id},
            )
            self._tell(
                EventType.OUTLET_CHANGED,
                outlet=change.number,
                name=change.name,
                state=str(change.state),
                command_id=command_id,
            )
        self.publish()

    def _watch_overload(self, load: seen.LoadReading) -> None:
        overloaded = frozenset(
            f"{kind} {one.index}"
            for kind, loads in (("phase", load.phases), ("bank", load.banks))
            for one in loads
            if one.state is LoadState.OVERLOAD
        )
        for where in sorted(overloaded - self._overloaded):
            self._log.warning("overload on %s", where)
            self._tell(EventType.OVERLOAD, where=where)
        self._overloaded = overloaded

    # Commands

    def _sent(self, command: Command, now_mono: float, now_at: float) -> None:
        """Note that the PDU may have a command now; on disk, too: the daemon may end before the command does."""
        outlets = self._builder.numbers if command.outlet is None else (command.outlet,)
        self._pending.sent(command, outlets, now_mono, now_at)
        for outlet in outlets:
            self._debts.settle(outlet, unless=command.id if command.action is Action.OFF else "")
            self.agenda.drop(outlet, unless=command.id)
        self._save_books()

    def promise_on(self, command: Command, outlet: int) -> None:
        """Owe an outlet its ON before its OFF is sent, in case that this daemon does not live to send it."""
        now_at = self._clock.wall()
        self._debts.owe(PendingCommand(outlet=outlet, action=_UNTOLD, command_id=command.id, since_at=now_at))
        self._save_books()

    def take_back(self, outlet: int) -> None:
        """Forget the promise of an ON: the OFF was certainly not sent."""
        self._debts.settle(outlet)
        self._save_books()

    async def on_disk(self) -> None:
        """Return when all that was noted is kept, or the disk takes too long for anybody to wait."""
        if self._kept is not None:
            await asyncio.wait({self._kept})

    def _owe(self, outlet: int, command_id: str, since_at: float) -> None:
        self._log.warning(
            "outlet %d is off and is owed its ON half of reboot %s",
            outlet,
            command_id,
            extra={"outlet": outlet, "command_id": command_id},
        )
        debt = PendingCommand(outlet=outlet, action=Action.ON, command_id=command_id, since_at=since_at)
        self._debts.owe(debt)
        self._record((), (self._lost_event(debt),))

    def settle_debts(self) -> None:
        """Tell what was not done, and issue the ON half of reboots that were cut.

        Not while a restart is suspected, which would lose it, too; nor before the relays have followed what a daemon
        before us may have sent last.
        """
        if self._detector.calm and self._clock.monotonic() >= self._begun_mono + SETTLE_S:
            self._tell_undone()
            waiting = {held.outlet.number for held in self.agenda.begun}
            for debt in self._debts():
                untold = debt.action == _UNTOLD and debt.outlet not in waiting
                if untold and self._state_of(debt.outlet) is OutletState.OFF:
                    self._owe(debt.outlet, debt.command_id, debt.since_at)
            self._resumer.settle(self._builder.outlet, waiting)
            self._save_books()

    def hold(self, held: Held) -> None:
        """Let a command wait for the bridge's own clock, in place of whatever was to come for its outlet."""
        if not held.begun:
            self._debts.settle(held.outlet.number)
        self.agenda.put(held)

    def cancel(self, outlet: int) -> bool:
        """Forget what the bridge was to do for an outlet by its own clock; return whether there was anything."""
        if not self.agenda.drop(outlet, why="it was cancelled"):
            return False
        self._debts.settle(outlet)
        self.note_agenda()
        return True

    def note_agenda(self) -> None:
        """Keep and show what the bridge does by its own clock."""
        self._save_books()
        self.publish()

    def _tell_undone(self) -> None:
        """Tell what the bridge was to do and has not done."""
        if not self.settled:
            return
        undone = self.agenda.undone(self._state_of, [debt.command_id for debt in self._debts()])
        for pending, reason in undone:
            self._log.warning("%s of outlet %d was not carried out: %s", pending.action, pending.outlet, reason)
        if undone:
            self._record((), [self._lost_event(pending, reason) for pending, reason in undone])

    @property
    def nmc(self) -> Nmc:
        """What is known of the card and its restarts."""
        return self._detector.nmc(self._status_flags, self._alarm_count)

    def command_ended(self, command: Command, status: ResultStatus) -> None:
        """Note how a command ended; a setting that was confirmed is known from now on."""
        self._pending.ended(command, status)
        self._resumer.ended(command, status)
        self._save_books()
        if status is ResultStatus.CONFIRMED and isinstance(command.action, Setting):
            self._builder.take_setting(command.action, command.outlet, command.value)
        self.publish()

    # The line

    def link_up(self) -> None:
        """Note that the console answered a whole poll."""
        self._back()
        if self._link.state is LinkState.UP:
            return
        self._link = Link(state=LinkState.UP, since_at=self._clock.wall())
        self.publish()
        if self._was_up:
            self._tell(EventType.LINK_RESTORED)
        self._was_up = True

    def link_down(self, state: LinkState, reason: str) -> None:
        """Note that the console does not answer or the port is gone."""
        if self._link.state is LinkState.UP:
            self._tell(EventType.LINK_LOST, reason=reason)
        if (self._link.state, self._link.detail) != (state, reason):
            self._link = Link(state=state, since_at=self._clock.wall(), detail=reason)
            self.publish()

    def silent(self) -> None:
        """Note that nothing came back; the detector wants to know since when."""
        if not self._silent:
            self._silent = True
            now_mono, now_at = self._now()
            self._detector.observe(ConsoleSilent(since_mono=self._heard_mono, now_mono=now_mono, now_at=now_at))

    def _back(self) -> None:
        if self._silent:
            self._silent = False
            now_mono, now_at = self._now()
            self._detector.observe(
                ConsoleBack(session_lost=False, since_mono=self._heard_mono, now_mono=now_mono, now_at=now_at)
            )

    # Restarts of the NMC

    def settle_reboots(self) -> None:
        """Report the restarts that are certain by now, each once."""
        reboots = self._detector.settle(*self._now())
        if self._detector.calm and not reboots:
            self._pending.no_restart(self.up_time_mono)
        due = (
            self._detector.revision != self._saved_revision or self._clock.monotonic() - self._saved_mono > SAVE_EVERY_S
        )
        if not reboots and not due:
            return
        events = [self._reboot_event(reboot) for reboot in reboots]
        if reboots:
            events += [self._lost(pending) for pending in self._pending.lose(self._state_of, self._detector.boot)]
        self._record(reboots, events)
        self.publish()

    def remember(self) -> None:
        """Keep what must outlive the bridge: it ends."""
        self._record((), ())

    def _save_books(self) -> None:
        if self._books() != self._saved_books:
            self._record((), ())

    def _books(self) -> tuple[tuple[PendingCommand, ...], ...]:
        return self._pending(), self._debts(), self.agenda()

    def _record(self, reboots: tuple[Reboot, ...], events: Iterable[Event]) -> None:
        """Keep restarts, what they lost and what is owed for it in one step, and tell of them after that."""
        self._saved_revision, self._saved_mono = self._detector.revision, self._clock.monotonic()
        self._saved_books = pending, owed, held = self._books()
        memory = dataclasses.replace(self._detector.memory(), pending=pending, owed=owed, held=held)
        self._kept = self._recorder.reboots(self._pdu, reboots, memory, tuple(events))

    def _state_of(self, number: int) -> OutletState | None:
        outlet = self._builder.outlet(number)
        return outlet.state if outlet else None

    def _reboot_event(self, reboot: Reboot) -> Event:
        self._log.warning(
            "the NMC restarted (%s): %s",
            reboot.cause,
            "; ".join(reboot.evidence),
        )
        return Event(
            id=reboot.id,
            pdu=self._pdu,
            type=EventType.of_reboot(reboot.cause),
            at=reboot.noticed_at,
            details={"at": reboot.at, "cause": str(reboot.cause), "evidence": "; ".join(reboot.evidence)},
        )

    def _lost(self, pending: PendingCommand) -> Event:
        """Take in that a restart has lost a command; return its report."""
        self._log.warning(
            "the restart lost %s of outlet %d; on_pending_lost is %s",
            pending.action,
            pending.outlet,
            self._settings.on_pending_lost,
            extra={"outlet": pending.outlet, "command_id": pending.command_id},
        )
        if self._settings.on_pending_lost is OnPendingLost.RESUME and pending.action in REBOOTS:
            self._debts.owe(dataclasses.replace(pending, since_at=self._clock.wall()))
        return self._lost_event(pending)

    def _lost_event(self, pending: PendingCommand, reason: str = "") -> Event:
        lost: dict[str, Detail] = {"outlet": pending.outlet, "action": pending.action, "command_id": pending.command_id}
        return Event(
            id=uuid4().hex,
            pdu=self._pdu,
            type=EventType.PENDING_LOST,
            at=self._clock.wall(),
            details=lost | ({"reason": reason} if reason else {}),
        )

    # Out

    def publish(self) -> None:
        """Put what is known now into the store."""
        snapshot = self._builder.build(self.nmc, self._pending(), self.agenda.pending)
        self._store.replace(
            PduStatus(
                pdu=self._pdu,
                link=self._link,
                snapshot=snapshot,
                stale_after_s=self._settings.stale_after_s,
                lost_after_s=self._settings.lost_after_s,
            )
        )

    def _tell(self, kind: EventType, **details: Detail) -> None:
        self._recorder.event(Event(id=uuid4().hex, pdu=self._pdu, type=kind, at=self._clock.wall(), details=details))

    def _now(self) -> tuple[float, float]:
        return self._clock.monotonic(), self._clock.wall()


_LEADS_TO = {
    Action.ON: (OutletState.ON,),
    Action.OFF: (OutletState.OFF,),
    Action.DELAYED_ON: (OutletState.ON,),
    Action.DELAYED_OFF: (OutletState.OFF,),
    Action.REBOOT: tuple(OutletState),
    Action.DELAYED_REBOOT: tuple(OutletState),
}
"""What an outlet's page may show after an action; the delay of a delayed form may be zero."""


def _explains(command: Command, row: seen.OutletRow) -> bool:
    """Tell whether a command may lead to what the outlet's page shows."""
    return (
        command.outlet == row.number
        and isinstance(command.action, Action)
        and row.state in _LEADS_TO.get(command.action, ())
    )
