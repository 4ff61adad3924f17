"""Switching on again what a cut reboot left off: at most once, and only what a fresh reading shows OFF."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from apcbridge.commands import Command, Origin, ResultStatus
from apcbridge.errors import CommandRefused, QueueFull, Stale, TooSoon
from apcbridge.model import Action, OutletState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from apcbridge.clock import Clock
    from apcbridge.commands import CommandDoor
    from apcbridge.model import Outlet, PendingCommand
    from apcbridge.pdu.logger import PduLogger
    from apcbridge.pdu.pending import Debts

RESUME_TTL_S = 60.0


class Resumer:
    """Pays the debts of one PDU's outlets through the same door as everybody's commands."""

    def __init__(self, pdu: str, clock: Clock, door: CommandDoor, debts: Debts, log: PduLogger) -> None:
        self._pdu = pdu
        self._clock = clock
        self._door = door
        self._debts = debts
        self._log = log
        self._paying: dict[str, tuple[Command, PendingCommand]] = {}
        """Commands under way by their ids, with what each of them pays."""

    def settle(self, outlet_of: Callable[[int], Outlet | None], waiting: Collection[int] = ()) -> None:
        """Issue what is owed; call this when the console was read and no command is being carried out.

        The outlets that are ``waiting`` get their ON otherwise, when its time has come.
        """
        now_mono, now_at = self._clock.monotonic(), self._clock.wall()
        for command, _ in list(self._paying.values()):
            if now_mono > command.deadline_mono:
                # It waited in vain and expired: it never acted.
                del self._paying[command.id]
        for debt in self._debts.overdue(now_mono, now_at):
            self._warn("outlet %d was owed its ON half for too long and stays as it is", debt)
        busy = {*waiting, *(debt.outlet for _, debt in self._paying.values())}
        for debt in self._debts():
            if debt.outlet in busy:
                continue
            outlet = outlet_of(debt.outlet)
            if outlet is not None and outlet.state is OutletState.OFF:
                self._pay(debt, now_mono, now_at)
            else:
                self._debts.settle(debt.outlet)

    def ended(self, command: Command, status: ResultStatus) -> None:
        """Note how a command ended; one that certainly did not act leaves its debt unpaid."""
        _, debt = self._paying.pop(command.id, (None, None))
        if debt is None or status in (ResultStatus.FAILED, ResultStatus.EXPIRED):
            return
        self._debts.settle(debt.outlet)
        if status is ResultStatus.UNKNOWN:
            self._warn("whether outlet %d is on again is not certain; it is not tried again", debt)

    def _pay(self, debt: PendingCommand, now_mono: float, now_at: float) -> None:
        """Give the command; the debt stands until that is sent to the PDU, so that no crash leaves it unpaid."""
        command = Command(
            id=f"resume-{debt.command_id}-{uuid4().hex[:8]}",
            origin=Origin.BRIDGE,
            principal="on_pending_lost: resume",
            pdu=self._pdu,
            outlet=debt.outlet,
            action=Action.ON,
            received_at=now_at,
            received_mono=now_mono,
            deadline_mono=now_mono + RESUME_TTL_S,
        )
        self._paying[command.id] = (command, debt)
        try:
            self._door.submit(command)
        except (Stale, QueueFull, TooSoon):
            del self._paying[command.id]
        except CommandRefused as refusal:
            del self._paying[command.id]
            self._debts.settle(debt.outlet)
            self._warn("outlet %d stays off: %s", debt, refusal)

    def _warn(self, message: str, debt: PendingCommand, *more: object) -> None:
        fields = {"outlet": debt.outlet, "command_id": debt.command_id}
        self._log.warning(message, debt.outlet, *more, extra=fields)
