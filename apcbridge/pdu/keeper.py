"""What one PDU's console events mean: snapshots for the store, events for everybody, observations for the detector.

Its :class:`~apcbridge.pdu.duties.Duties` hold what was begun and is not done yet, its
:class:`~apcbridge.pdu.records.Records` what goes to disk. The supervisor feeds it; it reads the clock it was given,
touches no line, and waits for nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from apcbridge.commands import Command, ResultStatus
from apcbridge.console import events as seen
from apcbridge.model import Event, EventType, Link, LinkState, PduStatus, Setting
from apcbridge.pdu.duties import Duties
from apcbridge.pdu.logger import PduLogger
from apcbridge.pdu.overload import OverloadWatch
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
from apcbridge.pdu.records import Books, Records
from apcbridge.pdu.snapshots import SnapshotBuilder
from apcbridge.pdu.switching import explains

if TYPE_CHECKING:
    from apcbridge.clock import Clock
    from apcbridge.commands import CommandDoor
    from apcbridge.model import Nmc, Outlet, Reboot
    from apcbridge.pdu.records import Recorder
    from apcbridge.pdu.settings import PduSettings
    from apcbridge.pdu.snapshots import Taken
    from apcbridge.store import Store


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
        self._detector = detector
        self._builder = SnapshotBuilder(settings.id, settings.outlet_names)
        self._records = Records(settings.id, clock, recorder, detector, books or Books())
        self.duties = Duties(settings, clock, door, self._records, self._builder.outlet, self.publish)
        """What was begun for the outlets and is not done yet."""
        self._link = store.get(settings.id).link
        self._was_up = False
        self._silent = False
        self._dialect = ""
        self._status_flags: str | None = None
        self._alarm_count: int | None = None
        self._overload = OverloadWatch()
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

    @property
    def nmc(self) -> Nmc:
        """What is known of the card and its restarts."""
        return self._detector.nmc(self._status_flags, self._alarm_count)

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
                self.duties.new_session(self.asked_mono)
                self._logged_in(str(dialect), banner)
            case seen.SessionLost():
                self.duties.new_session(now_mono)
                self._detector.observe(
                    ConsoleBack(session_lost=True, since_mono=self._heard_mono, now_mono=now_mono, now_at=now_at)
                )
            case seen.StatusReading(rows=rows):
                self._took(self._builder.take_list(rows, self._dialect, now_mono, now_at))
                self.duties.listed(rows, now_mono, now_at)
            case seen.OutletReading(row=row):
                self._outlet_page(row)
            case seen.ActuationSent():
                if self.command is not None:
                    self._sent(self.command)
            case _:
                self._reading(event)
        self._heard_mono = now_mono

    def _reading(self, event: seen.Event) -> None:
        """Take the readings that are neither states nor the session's own life."""
        now_mono, now_at = self._now()
        match event:
            case seen.LoadReading():
                self._builder.take_load(event)
                for where in self._overload.take(event):
                    self._log.warning("overload on %s", where)
                    self._records.tell(EventType.OVERLOAD, where=where)
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
        explained_by = command.id if command is not None and explains(command, row) else None
        self._took(self._builder.take_outlet(row, explained_by, *self._now()))

    def _took(self, taken: Taken) -> None:
        self.settled = taken.settled
        resting = self.duties.command_ids
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
            self._records.tell(
                EventType.OUTLET_CHANGED,
                outlet=change.number,
                name=change.name,
                state=str(change.state),
                command_id=command_id,
            )
        self.publish()

    # Commands

    def _sent(self, command: Command) -> None:
        outlets = self._builder.numbers if command.outlet is None else (command.outlet,)
        self.duties.sent(command, outlets, *self._now())

    def command_ended(self, command: Command, status: ResultStatus) -> None:
        """Note how a command ended; a setting that was confirmed is known from now on."""
        self.duties.ended(command, status)
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
            self._records.tell(EventType.LINK_RESTORED)
        self._was_up = True

    def link_down(self, state: LinkState, reason: str) -> None:
        """Note that the console does not answer or the port is gone."""
        if self._link.state is LinkState.UP:
            self._records.tell(EventType.LINK_LOST, reason=reason)
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

    def settle_debts(self) -> None:
        """Make good what was cut or not done; not while a restart is suspected, which would lose it, too."""
        if self._detector.calm:
            self.duties.settle(settled=self.settled)

    def settle_reboots(self) -> None:
        """Report the restarts that are certain by now, each once."""
        reboots = self._detector.settle(*self._now())
        if self._detector.calm and not reboots:
            self.duties.no_restart(self.up_time_mono)
        if not reboots and not self._records.due:
            return
        events = [self._reboot_event(reboot) for reboot in reboots]
        if reboots:
            events += self.duties.lost(self._detector.boot)
        self._records.keep(reboots, events)
        self.publish()

    def remember(self) -> None:
        """Keep what must outlive the bridge: it ends."""
        self._records.keep()

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

    # Out

    def publish(self) -> None:
        """Put what is known now into the store."""
        snapshot = self._builder.build(self.nmc, self.duties.pending, self.duties.agenda.pending)
        self._store.replace(
            PduStatus(
                pdu=self._pdu,
                link=self._link,
                snapshot=snapshot,
                stale_after_s=self._settings.stale_after_s,
                lost_after_s=self._settings.lost_after_s,
            )
        )

    def _now(self) -> tuple[float, float]:
        return self._clock.monotonic(), self._clock.wall()
