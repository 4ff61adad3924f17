"""One PDU's desk: takes a decoded request of a known principal and returns the answer. No sockets, time as an argument.

The table is rebuilt when the first request after a change of the PDU's status asks for it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from apcbridge.commands import CommandDoor
from apcbridge.errors import CommandRefused
from apcbridge.limits import LogBudget
from apcbridge.model import Setting
from apcbridge.snmp import ber, responder
from apcbridge.snmp.ber import ErrorStatus
from apcbridge.snmp.mib import build_table
from apcbridge.snmp.responder import Refusal
from apcbridge.snmp.settings import Access
from apcbridge.snmp.writes import (
    AnswerMemory,
    Asker,
    CommandWish,
    TextWish,
    command,
    plan,
    status_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.commands import Command
    from apcbridge.model import Outlet, PduStatus
    from apcbridge.snmp.mib import MibContext
    from apcbridge.snmp.table import OidTable
    from apcbridge.snmp.writes import Wish

_log = logging.getLogger(__name__)


class TextKeeper(Protocol):
    """Keeps the strings of the system group that managers write."""

    def write(self, pdu: str, texts: Mapping[str, str]) -> bool:
        """Keep values by their fields for good, all of them; False if they cannot be kept."""

    def context(self, pdu: str) -> MibContext:
        """Return what the table of a PDU shows beside its status."""


class SetDoor(CommandDoor, Protocol):
    """A door that can be asked first: a SET of several varbinds is done whole or not at all."""

    def examine(self, command: Command, ahead: int = 0) -> None:
        """Raise the CommandRefused that ``submit`` would raise with ``ahead`` more commands waiting; change nothing."""


class Desk:
    """Serves one PDU to any number of listeners and versions."""

    def __init__(
        self,
        status: PduStatus,
        door: SetDoor,
        texts: TextKeeper,
        refusal_lines: LogBudget | None = None,
    ) -> None:
        self.pdu = status.pdu
        self._status = status
        self._door = door
        self._texts = texts
        self._answers = AnswerMemory()
        self._table: OidTable | None = None
        self._confirmed: dict[tuple[int, Setting], int] = {}
        self._refusal_lines = refusal_lines or LogBudget()

    def update(self, status: PduStatus) -> None:
        """Take a newer status."""
        self._status = status
        self._table = None

    def confirm(self, done: Command) -> None:
        """Take a setting that the console has shown to be in force; what a later reading tells wins over it."""
        if isinstance(done.action, Setting) and done.outlet is not None and isinstance(done.value, int):
            self._confirmed[done.outlet, done.action] = done.value
            self._table = None

    @property
    def table(self) -> OidTable:
        """Return the rows as of the newest status."""
        if self._table is None:
            self._table = build_table(self._with_confirmed(), self._texts.context(self.pdu))
        return self._table

    def _with_confirmed(self) -> PduStatus:
        """Return the status with the confirmed settings where the readings have none."""
        snapshot = self._status.snapshot
        if snapshot is None or not self._confirmed:
            return self._status
        return replace(self._status, snapshot=replace(snapshot, outlets=tuple(map(self._completed, snapshot.outlets))))

    def _completed(self, outlet: Outlet) -> Outlet:
        def known(read: int | None, setting: Setting) -> int | None:
            return self._confirmed.get((outlet.number, setting)) if read is None else read

        return replace(
            outlet,
            on_delay_s=known(outlet.on_delay_s, Setting.ON_DELAY),
            off_delay_s=known(outlet.off_delay_s, Setting.OFF_DELAY),
            reboot_duration_s=known(outlet.reboot_duration_s, Setting.REBOOT_DURATION),
        )

    def read(self, request: ber.Message, now_mono: float) -> bytes:
        """Answer a GET, GETNEXT or GETBULK; raise MalformedMessage if it is none that a manager sends."""
        answer = responder.read(request, self.table, now_mono)
        return answer if isinstance(answer, bytes) else self._error(request, answer)

    def write(self, request: ber.Message, access: Access, asker: Asker) -> bytes:
        """Answer a SET at once, whatever the console is doing; raise MalformedMessage if an OID is none."""
        counters = self._texts.context(self.pdu).counters
        if access is not Access.WRITE:
            # Nothing of it acts, so nothing of it need be remembered: a reader cannot fill the memory.
            counters.bad_community_uses += 1
            return self._refuse(request, Refusal(ErrorStatus.NO_ACCESS, 1), asker, "it may only read")
        key = (asker.pdu, asker.source, asker.principal, request.version, request.request_id, request.varbind_list)
        known = self._answers.recall(key, asker.now_mono)
        if known is not None:
            counters.repeated_sets += 1
            return known
        if self._answers.full:
            return self._error(request, Refusal(ErrorStatus.RESOURCE_UNAVAILABLE, 1))
        answer = self._set(request, asker)
        self._answers.remember(key, answer, asker.now_mono)
        return answer

    def _set(self, request: ber.Message, asker: Asker) -> bytes:
        wishes = plan(request, self._status.snapshot)
        if isinstance(wishes, Refusal):
            return self._refuse(request, wishes, asker, "the request does not fit the object")
        refused = self._do(wishes, request.varbinds, asker)
        if refused is not None:
            return self._refuse(request, refused[0], asker, refused[1])
        return ber.response(request, request.varbind_list)

    def _do(
        self, wishes: tuple[Wish, ...], varbinds: tuple[ber.Varbind, ...], asker: Asker
    ) -> tuple[Refusal, str] | None:
        """Do all of the wishes or none: what is on its way to the console cannot be called back, so it goes last."""
        commands = [
            (number, command(wish, wish.action, asker, varbind))
            for number, (wish, varbind) in enumerate(zip(wishes, varbinds, strict=True), start=1)
            if isinstance(wish, CommandWish) and wish.action is not None
        ]
        alone = len(wishes) == 1
        examined = (self._refused(number, wanted, ahead) for ahead, (number, wanted) in enumerate(commands))
        refused = (None if alone else next(filter(None, examined), None)) or self._keep_texts(wishes)
        if refused is not None:
            return refused
        for number, wanted in commands:
            try:
                self._door.submit(wanted)
            except CommandRefused as refusal:
                return Refusal(status_of(refusal), number), str(refusal)
        return None

    def _keep_texts(self, wishes: tuple[Wish, ...]) -> tuple[Refusal, str] | None:
        """Write what is text, all at once: the disk may be full."""
        texts = [(number, wish) for number, wish in enumerate(wishes, start=1) if isinstance(wish, TextWish)]
        self._table = None if texts else self._table
        if not texts or self._texts.write(self.pdu, {wish.field: wish.value for _, wish in texts}):
            return None
        return Refusal(ErrorStatus.RESOURCE_UNAVAILABLE, texts[0][0]), "the state directory cannot be written"

    def _refused(self, number: int, wanted: Command, ahead: int) -> tuple[Refusal, str] | None:
        """Ask whether a command would be refused, without knocking."""
        try:
            self._door.examine(wanted, ahead)
        except CommandRefused as refusal:
            return Refusal(status_of(refusal), number), str(refusal)
        return None

    def _refuse(self, request: ber.Message, refusal: Refusal, asker: Asker, reason: str) -> bytes:
        swallowed = self._refusal_lines.spend(asker.now_mono)
        if swallowed is not None:
            _log.warning(
                "%s: SET by %s from %s refused (%s): %s%s",
                self.pdu,
                asker.principal,
                asker.source,
                refusal.status.name,
                reason,
                f" [{swallowed} more like this]" if swallowed else "",
            )
        return self._error(request, refusal)

    def _error(self, request: ber.Message, refusal: Refusal) -> bytes:
        """Answer with an error, counted as it is told."""
        told = Refusal(refusal.status, min(refusal.index, len(request.varbinds))).told_to(request)
        self._texts.context(self.pdu).counters.errors[told.status] += 1
        return responder.error(request, told)
