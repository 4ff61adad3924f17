"""Admission, order and end of commands: each accepted one acts at most once, and ends exactly once.

Pure and synchronous: the caller passes the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.commands.admission import check, check_policy
from apcbridge.commands.command import CommandResult, ResultStatus
from apcbridge.commands.lane import Lane
from apcbridge.errors import CommandRefused, NotPermitted, UnknownPdu

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apcbridge.commands.command import Command
    from apcbridge.commands.rules import PduRules
    from apcbridge.model import Outlet, PduStatus


class Arbiter:
    """Admits commands, hands them out one at a time per PDU, and reports each step exactly once."""

    def __init__(self, rules: Mapping[str, PduRules], report: Callable[[CommandResult], None]) -> None:
        self._lanes = {pdu: Lane(rules=pdu_rules) for pdu, pdu_rules in rules.items()}
        self._report = report

    def configure(self, rules: Mapping[str, PduRules], now_at: float) -> None:
        """Put new rules in force. What waits for a PDU that is not named any more ends as EXPIRED.

        A command being carried out is not touched; its PDU's lane goes once it has ended.
        """
        for pdu, lane in tuple(self._lanes.items()):
            if pdu in rules:
                lane.rules = rules[pdu]
                continue
            while lane.waiting:
                self._step(lane.waiting.popleft(), ResultStatus.EXPIRED, "the PDU is not configured any more", now_at)
            if lane.idle:
                del self._lanes[pdu]
        for pdu, pdu_rules in rules.items():
            if pdu not in self._lanes:
                self._lanes[pdu] = Lane(rules=pdu_rules)

    def submit(self, command: Command, status: PduStatus, now_mono: float, now_at: float) -> CommandResult:
        """Admit a command or raise the CommandRefused that says why not; either way the step is reported."""
        try:
            lane = self._lane(command.pdu)
            repeated = lane.repetition(command, now_mono)
            if repeated:
                return self._step(command, ResultStatus.DUPLICATE, repeated, now_at)
            check(lane, command, status, now_mono)
        except CommandRefused as refusal:
            self._step(command, ResultStatus.REFUSED, str(refusal), now_at, refusal)
            raise
        lane.enqueue(command, now_mono)
        return self._step(command, ResultStatus.ACCEPTED, "", now_at)

    def examine(self, command: Command, status: PduStatus, now_mono: float, ahead: int = 0) -> None:
        """Raise the CommandRefused that :meth:`submit` would raise with ``ahead`` more waiting; report nothing.

        For doors that must know of several commands that all of them will be admitted before any is.
        """
        lane = self._lane(command.pdu)
        if not lane.repetition(command, now_mono):
            check(lane, command, status, now_mono, ahead)

    def take(self, pdu: str, now_mono: float, now_at: float) -> Command | None:
        """Hand out the next command of a PDU, expiring those that came too late; None if none may act now.

        The taken command is active until :meth:`finish` or :meth:`rest`.
        """
        lane = self._lane(pdu)
        if lane.active is None:
            self.expire(pdu, now_mono, now_at)
        return lane.take(now_mono)

    def expire(self, pdu: str, now_mono: float, now_at: float) -> None:
        """End the waiting commands of a PDU whose deadline has passed."""
        lane = self._lane(pdu)
        for command in lane.late(now_mono):
            lane.waiting.remove(command)
            self._step(command, ResultStatus.EXPIRED, "its time to live passed before it could act", now_at)

    def finish(self, command: Command, status: ResultStatus, detail: str, now_mono: float, now_at: float) -> None:
        """End the active command of a PDU, or one that rests.

        Raises ValueError if ``status`` is not terminal or ``command`` is neither: a command that ended twice would be a
        defect of ours, not of the wire.
        """
        lane = self._lane(command.pdu)
        if not lane.under_way(command) or not status.terminal:
            raise ValueError(f"{command.id} is not active or {status} ends nothing")
        lane.step_aside(command)
        if status in (ResultStatus.CONFIRMED, ResultStatus.UNKNOWN):
            lane.acted(command, now_mono)
        self._step(command, status, detail, now_at)

    def rest(self, command: Command) -> None:
        """Let the active command wait for its :meth:`finish` while others are handed out."""
        lane = self._lane(command.pdu)
        lane.step_aside(command)
        lane.resting.append(command)

    def forbids(self, command: Command, outlet: Outlet) -> str:
        """Say in words why the rules in force now forbid a command that was admitted before, or return nothing."""
        try:
            check_policy(self._lane(command.pdu).rules, command, (outlet,))
        except NotPermitted as refusal:
            return str(refusal)
        return ""

    def unfinished(self, pdu: str) -> tuple[Command, ...]:
        """Return the commands that have not ended, oldest first."""
        return self._lane(pdu).unfinished

    def next_event_mono(self, pdu: str, after_mono: float) -> float | None:
        """Tell when, after a moment, a waiting command next becomes able to act or expires, or None.

        One that might have acted before waits for something else: the console, or a command before it.
        """
        return self._lane(pdu).next_event_mono(after_mono)

    def _lane(self, pdu: str) -> Lane:
        try:
            return self._lanes[pdu]
        except KeyError:
            raise UnknownPdu(f"no PDU {pdu!r} is configured") from None

    def _step(
        self,
        command: Command,
        status: ResultStatus,
        detail: str,
        now_at: float,
        error: CommandRefused | None = None,
    ) -> CommandResult:
        result = CommandResult(command=command, status=status, detail=detail, at=now_at, error=error)
        self._report(result)
        return result
