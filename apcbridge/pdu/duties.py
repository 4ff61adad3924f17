"""What was begun for the outlets of one PDU and is not done yet: written down before it counts, told of if it is lost.

A command may rest in the NMC's memory (pending), wait for the bridge's own clock (the agenda), or have left an outlet
off that is owed its ON (a debt). A newer command of the outlet ends all of it.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from apcbridge.commands import REBOOTS, ResultStatus
from apcbridge.model import Action, EventType, OutletState, PendingCommand
from apcbridge.pdu.logger import PduLogger
from apcbridge.pdu.resuming import Resumer
from apcbridge.pdu.settings import OnPendingLost
from apcbridge.pdu.switching import SETTLE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from apcbridge.clock import Clock
    from apcbridge.commands import Command, CommandDoor
    from apcbridge.console.events import OutletRow
    from apcbridge.model import Detail, Event, Outlet
    from apcbridge.pdu.agenda import Held
    from apcbridge.pdu.reboots.lives import Span
    from apcbridge.pdu.records import Records
    from apcbridge.pdu.settings import PduSettings

_UNTOLD = Action.OFF
"""Marks a debt of which nobody was told yet: the OFF half may be out, and its daemon may still send the ON half."""


class Duties:
    """The books of one PDU, and the rules by which they are written."""

    def __init__(
        self,
        settings: PduSettings,
        clock: Clock,
        door: CommandDoor,
        records: Records,
        outlet_of: Callable[[int], Outlet | None],
        on_change: Callable[[], None],
    ) -> None:
        """``outlet_of`` tells what is believed of an outlet; ``on_change`` is called when others see a change."""
        self._log = PduLogger(logging.getLogger(__name__), settings.id)
        self._on_pending_lost = settings.on_pending_lost
        self._clock = clock
        self._records = records
        self._outlet_of = outlet_of
        self._on_change = on_change
        self._pending, self._debts = records.books.pending, records.books.debts
        self.agenda = records.books.agenda
        """What the bridge does by its own clock; :meth:`note_agenda` after every change."""
        self._resumer = Resumer(settings.id, clock, door, self._debts, self._log)
        self._begun_mono = clock.monotonic()

    @property
    def pending(self) -> tuple[PendingCommand, ...]:
        """What rests in the NMC's memory."""
        return self._pending()

    @property
    def command_ids(self) -> Mapping[int, str]:
        """The command that is still to come true at each outlet, wherever it waits."""
        return {pending.outlet: pending.command_id for pending in (*self._pending(), *self.agenda.pending)}

    # What the console shows

    def new_session(self, begun_mono: float) -> None:
        """Note that we are at the console anew, or must be: the card may have restarted in between."""
        self._pending.new_session(begun_mono)

    def listed(self, rows: Iterable[OutletRow], now_mono: float, now_at: float) -> None:
        """Take a list of the outlets: its marks tell what rests in the NMC's memory."""
        for row in rows:
            self._pending.seen(row, now_mono, now_at)
        self._records.keep_books()

    def no_restart(self, until_mono: float) -> None:
        """Note that the card was in its old life until then."""
        self._pending.no_restart(until_mono)

    def lost(self, boot: Span | None) -> list[Event]:
        """Take in that the NMC restarted; return the reports of the commands that this has lost."""
        return [self._lost(pending) for pending in self._pending.lose(self._state_of, boot)]

    def _lost(self, pending: PendingCommand) -> Event:
        self._log.warning(
            "the restart lost %s of outlet %d; on_pending_lost is %s",
            pending.action,
            pending.outlet,
            self._on_pending_lost,
            extra={"outlet": pending.outlet, "command_id": pending.command_id},
        )
        if self._on_pending_lost is OnPendingLost.RESUME and pending.action in REBOOTS:
            self._debts.owe(dataclasses.replace(pending, since_at=self._clock.wall()))
        return self._lost_event(pending)

    def _lost_event(self, pending: PendingCommand, reason: str = "") -> Event:
        why: dict[str, Detail] = {"reason": reason} if reason else {}
        return self._records.event(
            EventType.PENDING_LOST,
            outlet=pending.outlet,
            action=pending.action,
            command_id=pending.command_id,
            **why,
        )

    # What commands do

    def sent(self, command: Command, outlets: Collection[int], now_mono: float, now_at: float) -> None:
        """Note that the PDU may have a command now; on disk, too: the daemon may end before the command does."""
        self._pending.sent(command, outlets, now_mono, now_at)
        for outlet in outlets:
            self._debts.settle(outlet, unless=command.id if command.action is Action.OFF else "")
            self.agenda.drop(outlet, unless=command.id)
        self._records.keep_books()

    def ended(self, command: Command, status: ResultStatus) -> None:
        """Note how a command ended."""
        self._pending.ended(command, status)
        self._resumer.ended(command, status)
        self._records.keep_books()

    def promise_on(self, command: Command, outlet: int) -> None:
        """Owe an outlet its ON before its OFF is sent, in case that this daemon does not live to send it."""
        now_at = self._clock.wall()
        self._debts.owe(PendingCommand(outlet=outlet, action=_UNTOLD, command_id=command.id, since_at=now_at))
        self._records.keep_books()

    def take_back(self, outlet: int) -> None:
        """Forget the promise of an ON: the OFF was certainly not sent."""
        self._debts.settle(outlet)
        self._records.keep_books()

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
        self._records.keep_books()
        self._on_change()

    async def on_disk(self) -> None:
        """Return when all that was noted is kept, or the disk takes too long for anybody to wait."""
        await self._records.on_disk()

    # What is made good

    def settle(self, *, settled: bool) -> None:
        """Tell what was not done, unless readings are not ``settled``, and issue the ON half of reboots that were cut.

        Not before the relays have followed what a daemon before us may have sent last.
        """
        if self._clock.monotonic() < self._begun_mono + SETTLE_S:
            return
        if settled:
            self._tell_undone()
        waiting = {held.outlet.number for held in self.agenda.begun}
        for debt in self._debts():
            untold = debt.action == _UNTOLD and debt.outlet not in waiting
            if untold and self._state_of(debt.outlet) is OutletState.OFF:
                self._owe(debt.outlet, debt.command_id, debt.since_at)
        self._resumer.settle(self._outlet_of, waiting)
        self._records.keep_books()

    def _tell_undone(self) -> None:
        """Tell what the bridge was to do and has not done."""
        undone = self.agenda.undone(self._state_of, [debt.command_id for debt in self._debts()])
        for pending, reason in undone:
            self._log.warning("%s of outlet %d was not carried out: %s", pending.action, pending.outlet, reason)
        if undone:
            self._records.keep(events=[self._lost_event(pending, reason) for pending, reason in undone])

    def _owe(self, outlet: int, command_id: str, since_at: float) -> None:
        self._log.warning(
            "outlet %d is off and is owed its ON half of reboot %s",
            outlet,
            command_id,
            extra={"outlet": outlet, "command_id": command_id},
        )
        debt = PendingCommand(outlet=outlet, action=Action.ON, command_id=command_id, since_at=since_at)
        self._debts.owe(debt)
        self._records.keep(events=(self._lost_event(debt),))

    def _state_of(self, number: int) -> OutletState | None:
        outlet = self._outlet_of(number)
        return outlet.state if outlet else None
