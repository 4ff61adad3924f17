"""What one PDU's console events mean: snapshots for the store, events for everybody, observations for the detector.

Synchronous: the supervisor feeds it; it reads the clock it was given and touches no line.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from apcbridge.commands import Command, Origin, ResultStatus
from apcbridge.console import events as seen
from apcbridge.errors import CommandRefused
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
from apcbridge.pdu.logger import PduLogger
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
from apcbridge.pdu.settings import OnPendingLost
from apcbridge.pdu.snapshots import SnapshotBuilder
from apcbridge.pdu.switching import PendingBook

if TYPE_CHECKING:
    from apcbridge.clock import Clock
    from apcbridge.commands import CommandDoor
    from apcbridge.pdu.reboots import RebootMemory
    from apcbridge.pdu.settings import PduSettings
    from apcbridge.pdu.snapshots import Taken
    from apcbridge.store import Store

RESUME_TTL_S = 60.0
SAVE_EVERY_S = 300.0
"""How often the detector's memory is kept although nothing happened: it tells how long the NMC was seen alive."""
_REBOOTS = (Action.REBOOT, Action.DELAYED_REBOOT)


class Recorder(Protocol):
    """Where events go: kept on disk first, then told to everybody."""

    def event(self, event: Event) -> None:
        """Keep and tell an event."""

    def reboots(self, pdu: str, reboots: tuple[Reboot, ...], memory: RebootMemory, events: tuple[Event, ...]) -> None:
        """Keep restarts with the memory that already counts them, in one step, and tell of them after that."""


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
    ) -> None:
        self._settings = settings
        self._pdu = settings.id
        self._log = PduLogger(logging.getLogger(__name__), settings.id)
        self._store = store
        self._clock = clock
        self._recorder = recorder
        self._door = door
        self._detector = detector
        self._builder = SnapshotBuilder(settings.id, settings.outlet_names)
        self._pending = PendingBook()
        self._resume: list[PendingCommand] = []
        self._link = store.get(settings.id).link
        self._was_up = False
        self._silent = False
        self._dialect = ""
        self._status_flags: str | None = None
        self._overloaded: frozenset[str] = frozenset()
        self._saved_revision = detector.revision
        self._saved_mono = clock.monotonic()
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
                self._logged_in(str(dialect), banner)
            case seen.SessionLost():
                self._detector.observe(
                    ConsoleBack(session_lost=True, since_mono=self._heard_mono, now_mono=now_mono, now_at=now_at)
                )
            case seen.StatusReading(rows=rows):
                self._took(self._builder.take_list(rows, self._dialect, now_mono, now_at))
                for row in rows:
                    self._pending.seen(row, now_at)
            case seen.OutletReading(row=row):
                self._outlet_page(row)
            case seen.ActuationSent():
                if self.command is not None:
                    self._pending.sent(self.command, now_at)
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
        resting = {pending.outlet: pending.command_id for pending in self._pending()}
        for change in taken.changes:
            command_id = change.explained_by or resting.get(change.number)
            self._log.info(
                "outlet %d (%s) is %s now%s",
                change.number,
                change.name,
                change.state,
                f", by command {command_id}" if command_id else ", not by a command of ours",
                extra={"outlet": change.number},
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

    def owe_on(self, command: Command) -> None:
        """Remember that an outlet was switched off to be switched on again: it will be, once the console answers."""
        if command.outlet is None:
            return
        self._log.warning("outlet %d is off and is owed its ON half of reboot %s", command.outlet, command.id)
        now_at = self._clock.wall()
        self._resume.append(
            PendingCommand(outlet=command.outlet, action=Action.ON, command_id=command.id, since_at=now_at)
        )
        self._tell(EventType.PENDING_LOST, outlet=command.outlet, action=Action.ON, command_id=command.id)

    def settle_debts(self) -> None:
        """Issue the ON half of reboots that were cut, for outlets that a fresh reading shows OFF."""
        self._resume_lost()

    @property
    def nmc(self) -> Nmc:
        """What is known of the card and its restarts."""
        return self._detector.nmc(self._status_flags)

    def command_ended(self, command: Command, status: ResultStatus) -> None:
        """Note how a command ended; a setting that was confirmed is known from now on."""
        self._pending.ended(command, status)
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
        due = (
            self._detector.revision != self._saved_revision or self._clock.monotonic() - self._saved_mono > SAVE_EVERY_S
        )
        if not reboots and not due:
            return
        self._saved_revision, self._saved_mono = self._detector.revision, self._clock.monotonic()
        events = tuple(self._reboot_event(reboot) for reboot in reboots)
        lost = self._pending.lose() if reboots else ()
        self._recorder.reboots(self._pdu, reboots, self._detector.memory(), events)
        for pending in lost:
            self._report_lost(pending)
        self.publish()
        self._resume_lost()

    def remember(self) -> None:
        """Keep the detector's memory: the bridge ends."""
        self._recorder.reboots(self._pdu, (), self._detector.memory(), ())

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

    def _report_lost(self, pending: PendingCommand) -> None:
        self._log.warning(
            "the restart lost %s of outlet %d; on_pending_lost is %s",
            pending.action,
            pending.outlet,
            self._settings.on_pending_lost,
            extra={"outlet": pending.outlet, "command_id": pending.command_id},
        )
        self._tell(EventType.PENDING_LOST, outlet=pending.outlet, action=pending.action, command_id=pending.command_id)
        if self._settings.on_pending_lost is OnPendingLost.RESUME and pending.action in _REBOOTS:
            self._resume.append(pending)

    def _resume_lost(self) -> None:
        """Issue the ON half of reboots that were cut, for outlets that a fresh reading shows OFF."""
        waiting, self._resume = self._resume, []
        for pending in waiting:
            outlet = self._builder.outlet(pending.outlet)
            if outlet is None or outlet.state is OutletState.ON:
                continue
            now_mono, now_at = self._now()
            command = Command(
                id=f"resume-{pending.command_id}",
                origin=Origin.BRIDGE,
                principal="on_pending_lost: resume",
                pdu=self._pdu,
                outlet=pending.outlet,
                action=Action.ON,
                received_at=now_at,
                received_mono=now_mono,
                deadline_mono=now_mono + RESUME_TTL_S,
            )
            try:
                self._door.submit(command)
            except CommandRefused as refusal:
                self._log.warning("outlet %d stays off: %s", pending.outlet, refusal)

    # Out

    def publish(self) -> None:
        """Put what is known now into the store."""
        snapshot = self._builder.build(self._detector.nmc(self._status_flags), self._pending())
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
