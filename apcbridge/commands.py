"""The rules by which a command acts at most once: admission, de-duplication, order, expiry.

Pure and synchronous: the caller passes the time. One :class:`Arbiter` serves every PDU and every origin, so MQTT, SNMP,
HTTP and the command line obey the same rules. A command is answered at the door with ACCEPTED, DUPLICATE or a
:class:`~apcbridge.errors.CommandRefused`; each accepted one ends in exactly one of CONFIRMED, FAILED, EXPIRED, UNKNOWN.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from apcbridge.errors import (
    CommandRefused,
    NotPermitted,
    QueueFull,
    Stale,
    TooSoon,
    UnknownOutlet,
    UnknownPdu,
)
from apcbridge.model import Action, Freshness, Outlet, PduStatus, Policy, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_TTL_S = 20.0
QUEUE_LIMIT = 16
"""Commands that may wait per PDU: at about 3 s each on a 9600 baud line, more would only expire."""

_REBOOTS = frozenset({Action.REBOOT, Action.DELAYED_REBOOT})
_TAKES_POWER = frozenset({Action.OFF, Action.DELAYED_OFF, *_REBOOTS})


class Origin(StrEnum):
    """Which door a command came through."""

    MQTT = "mqtt"
    SNMP = "snmp"
    HTTP = "http"
    LOCAL = "local"
    BRIDGE = "bridge"


class ResultStatus(StrEnum):
    """What became of a command."""

    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    DUPLICATE = "duplicate"

    @property
    def terminal(self) -> bool:
        """True for the four ways in which an accepted command ends."""
        return self in _TERMINAL


_TERMINAL = frozenset({ResultStatus.CONFIRMED, ResultStatus.FAILED, ResultStatus.EXPIRED, ResultStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One request to change something at a PDU, with who asked and until when it may act."""

    id: str
    """Chosen by the asker or made unique by the door; two commands of one id are one command."""
    origin: Origin
    principal: str
    """Who asked, in the words of the origin: MQTT client or user, SNMP community or user name, local user."""
    pdu: str
    outlet: int | None
    """Outlet number, or None for the PDU as a whole (every outlet, or a setting of the PDU)."""
    action: Action | Setting
    value: str | int | None = None
    """The new value of a :class:`Setting`."""
    received_at: float
    received_mono: float
    deadline_mono: float
    """Past this moment the command no longer begins to act."""
    dedup_window_s: float = 600.0
    """How long another command of this id is a repetition of this one."""

    @property
    def target(self) -> str:
        """Name what the command is for, as logs and people call it."""
        return f"{self.pdu} outlet {'all' if self.outlet is None else self.outlet}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """One step in the life of a command."""

    command: Command
    status: ResultStatus
    detail: str
    at: float
    error: CommandRefused | None = None
    """Why it was refused, for doors that answer by class of error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletRule:
    """What the configuration says about one outlet."""

    policy: Policy = Policy.NORMAL
    reboot_holdoff_s: float = 30.0
    min_off_time_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PduRules:
    """What the configuration says about one PDU's commands."""

    outlets: Mapping[int, OutletRule] = field(default_factory=dict)
    default: OutletRule = OutletRule()
    bulk_origins: frozenset[Origin] = frozenset()
    """The doors through which all outlets at once may be switched."""
    queue_limit: int = QUEUE_LIMIT

    def rule(self, outlet: int) -> OutletRule:
        """Return the rule of one outlet."""
        return self.outlets.get(outlet, self.default)


class CommandDoor(Protocol):
    """What MQTT, SNMP, HTTP and the local socket see of the rules."""

    def submit(self, command: Command) -> CommandResult:
        """Answer at once with ACCEPTED or DUPLICATE; raise CommandRefused otherwise.

        Every result, refusals and duplicates included, also reaches the subscribers of the store's edge log.
        """


@dataclass(slots=True)
class _Lane:
    """The commands of one PDU."""

    rules: PduRules
    waiting: deque[Command] = field(default_factory=deque)
    active: Command | None = None
    resting: list[Command] = field(default_factory=list)
    """Begun, and waiting for their end beside the order."""
    seen: dict[str, float] = field(default_factory=dict)
    """Command id -> monotonic time until which it is remembered."""
    rebooted_mono: dict[int, float] = field(default_factory=dict)
    off_mono: dict[int, float] = field(default_factory=dict)

    def unfinished(self) -> tuple[Command, ...]:
        return (*self.resting, *((self.active,) if self.active else ()), *self.waiting)


class Arbiter:
    """Admits commands, hands them out one at a time per PDU, and reports each step exactly once."""

    def __init__(self, rules: Mapping[str, PduRules], report: Callable[[CommandResult], None]) -> None:
        self._lanes = {pdu: _Lane(rules=pdu_rules) for pdu, pdu_rules in rules.items()}
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
            if lane.active is None and not lane.resting:
                del self._lanes[pdu]
        for pdu, pdu_rules in rules.items():
            if pdu not in self._lanes:
                self._lanes[pdu] = _Lane(rules=pdu_rules)

    def submit(self, command: Command, status: PduStatus, now_mono: float, now_at: float) -> CommandResult:
        """Admit a command or raise the CommandRefused that says why not; either way the step is reported."""
        try:
            lane = self._lane(command.pdu)
            repeated = self._repetition(lane, command, now_mono)
            if repeated:
                return self._step(command, ResultStatus.DUPLICATE, repeated, now_at)
            self._check(lane, command, status, now_mono)
        except CommandRefused as refusal:
            self._step(command, ResultStatus.REFUSED, str(refusal), now_at, refusal)
            raise
        lane.seen[command.id] = now_mono + command.dedup_window_s
        lane.waiting.append(command)
        return self._step(command, ResultStatus.ACCEPTED, "", now_at)

    def examine(self, command: Command, status: PduStatus, now_mono: float, ahead: int = 0) -> None:
        """Raise the CommandRefused that :meth:`submit` would raise with ``ahead`` more waiting; report nothing.

        For doors that must know of several commands that all of them will be admitted before any is.
        """
        lane = self._lane(command.pdu)
        if not self._repetition(lane, command, now_mono):
            self._check(lane, command, status, now_mono, ahead)

    def take(self, pdu: str, now_mono: float, now_at: float) -> Command | None:
        """Hand out the next command of a PDU, expiring those that came too late; None if none may act now.

        The taken command is active until :meth:`finish`. An ON that must wait for an outlet's minimum off time lets
        commands for other outlets pass, never another for the same outlet.
        """
        lane = self._lane(pdu)
        if lane.active is not None:
            return None
        self.expire(pdu, now_mono, now_at)
        held: set[int | None] = set()
        for command in lane.waiting:
            if command.outlet in held or (command.outlet is None and held):
                continue
            if self._may_act_mono(lane, command) > now_mono:
                held.add(command.outlet)
                continue
            lane.waiting.remove(command)
            lane.active = command
            return command
        return None

    def expire(self, pdu: str, now_mono: float, now_at: float) -> None:
        """End the waiting commands of a PDU whose deadline has passed."""
        lane = self._lane(pdu)
        for command in [c for c in lane.waiting if c.deadline_mono <= now_mono]:
            lane.waiting.remove(command)
            self._step(command, ResultStatus.EXPIRED, "its time to live passed before it could act", now_at)

    def finish(self, command: Command, status: ResultStatus, detail: str, now_mono: float, now_at: float) -> None:
        """End the active command of a PDU, or one that rests.

        Raises ValueError if ``status`` is not terminal or ``command`` is neither: a command that ended twice would be a
        defect of ours, not of the wire.
        """
        lane = self._lane(command.pdu)
        under_way = lane.active is command or command in lane.resting
        if not under_way or not status.terminal:
            raise ValueError(f"{command.id} is not active or {status} ends nothing")
        self._step_aside(lane, command)
        if status in (ResultStatus.CONFIRMED, ResultStatus.UNKNOWN):
            self._remember_actuation(lane, command, now_mono)
        self._step(command, status, detail, now_at)

    def rest(self, command: Command) -> None:
        """Let the active command wait for its :meth:`finish` while others are handed out."""
        lane = self._lane(command.pdu)
        self._step_aside(lane, command)
        lane.resting.append(command)

    @staticmethod
    def _step_aside(lane: _Lane, command: Command) -> None:
        if lane.active is command:
            lane.active = None
        else:
            lane.resting.remove(command)

    def forbids(self, command: Command, outlet: Outlet) -> str:
        """Say in words why the rules in force now forbid a command that was admitted before, or return nothing."""
        try:
            self._check_policy(self._lane(command.pdu).rules, command, (outlet,))
        except NotPermitted as refusal:
            return str(refusal)
        return ""

    def unfinished(self, pdu: str) -> tuple[Command, ...]:
        """Return the commands that have not ended, oldest first."""
        return self._lane(pdu).unfinished()

    def next_event_mono(self, pdu: str, after_mono: float) -> float | None:
        """Tell when, after a moment, a waiting command next becomes able to act or expires, or None.

        One that might have acted before waits for something else: the console, or a command before it.
        """
        lane = self._lane(pdu)
        moments = [moment for c in lane.waiting for moment in (self._may_act_mono(lane, c), c.deadline_mono)]
        return min((moment for moment in moments if moment > after_mono), default=None)

    def _lane(self, pdu: str) -> _Lane:
        try:
            return self._lanes[pdu]
        except KeyError:
            raise UnknownPdu(f"no PDU {pdu!r} is configured") from None

    def _repetition(self, lane: _Lane, command: Command, now_mono: float) -> str:
        """Say in words why the command is one we have already, or return nothing."""
        for known, until_mono in list(lane.seen.items()):
            if until_mono <= now_mono:
                del lane.seen[known]
        if command.id in lane.seen:
            return "a command of this id was accepted before"
        if command.action in _REBOOTS and any(
            c.action in _REBOOTS and c.outlet == command.outlet for c in lane.unfinished()
        ):
            return "a reboot of this outlet is already under way"
        return ""

    def _check(self, lane: _Lane, command: Command, status: PduStatus, now_mono: float, ahead: int = 0) -> None:
        """Raise the refusal that applies, the most telling first."""
        targets = self._targets(command, status)
        self._check_policy(lane.rules, command, targets)
        if status.freshness(now_mono) is not Freshness.FRESH:
            raise Stale(f"the readings of {command.pdu} are {status.freshness(now_mono)}: not acting blind")
        if command.deadline_mono <= now_mono:
            raise TooSoon("its time to live is not in the future")
        self._check_holdoff(lane, command, targets, now_mono)
        if len(lane.waiting) + ahead >= lane.rules.queue_limit:
            raise QueueFull(f"{lane.rules.queue_limit} commands already wait for {command.pdu}")

    @staticmethod
    def _targets(command: Command, status: PduStatus) -> tuple[Outlet, ...]:
        """Return the outlets a command is for."""
        if status.snapshot is None:
            raise Stale(f"{command.pdu} has not been read yet: not acting blind")
        if command.outlet is None:
            return () if command.action is Setting.PDU_NAME else status.snapshot.outlets
        outlet = status.snapshot.outlet(command.outlet)
        if outlet is None:
            raise UnknownOutlet(f"{command.pdu} has outlets 1 to {len(status.snapshot.outlets)}, not {command.outlet}")
        return (outlet,)

    @staticmethod
    def _check_policy(rules: PduRules, command: Command, targets: tuple[Outlet, ...]) -> None:
        if command.outlet is None and isinstance(command.action, Action) and command.origin not in rules.bulk_origins:
            raise NotPermitted(f"switching all outlets of {command.pdu} is not enabled for {command.origin}")
        for outlet in targets:
            policy = rules.rule(outlet.number).policy
            if policy is Policy.READ_ONLY or (policy is Policy.NO_OFF and command.action in _TAKES_POWER):
                raise NotPermitted(f"outlet {outlet.number} ({outlet.name}) of {command.pdu} is {policy}")

    @staticmethod
    def _check_holdoff(lane: _Lane, command: Command, targets: tuple[Outlet, ...], now_mono: float) -> None:
        if command.action not in _REBOOTS:
            return
        for outlet in targets:
            holdoff_s = lane.rules.rule(outlet.number).reboot_holdoff_s
            wait_s = lane.rebooted_mono.get(outlet.number, -holdoff_s) + holdoff_s - now_mono
            if outlet.number in lane.rebooted_mono and wait_s > 0:
                raise TooSoon(f"outlet {outlet.number} was rebooted just now; again possible in {wait_s:.0f} s")

    @staticmethod
    def _may_act_mono(lane: _Lane, command: Command) -> float:
        """Tell from when a waiting command may act: an ON respects the outlet's minimum off time."""
        if command.action is not Action.ON or command.outlet not in lane.off_mono:
            return command.received_mono
        return lane.off_mono[command.outlet] + lane.rules.rule(command.outlet).min_off_time_s

    @staticmethod
    def _remember_actuation(lane: _Lane, command: Command, now_mono: float) -> None:
        if command.outlet is None:
            return
        if command.action in _REBOOTS:
            lane.rebooted_mono[command.outlet] = now_mono
        if command.action is Action.OFF:
            lane.off_mono[command.outlet] = now_mono

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
