"""Whether a command may act, and the refusal that says why not. Pure judgement: nothing is changed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.commands.command import REBOOTS
from apcbridge.errors import NotPermitted, QueueFull, Stale, TooSoon, UnknownOutlet
from apcbridge.model import Action, Freshness, Policy, Setting

if TYPE_CHECKING:
    from apcbridge.commands.command import Command
    from apcbridge.commands.lane import Lane
    from apcbridge.commands.rules import PduRules
    from apcbridge.model import Outlet, PduStatus

_TAKES_POWER = frozenset({Action.OFF, Action.DELAYED_OFF, *REBOOTS})


def check(lane: Lane, command: Command, status: PduStatus, now_mono: float, ahead: int = 0) -> None:
    """Raise the refusal that applies, the most telling first, with ``ahead`` more commands waiting than there are."""
    targets = _targets(command, status)
    check_policy(lane.rules, command, targets)
    if status.freshness(now_mono) is not Freshness.FRESH:
        raise Stale(f"the readings of {command.pdu} are {status.freshness(now_mono)}: not acting blind")
    if command.deadline_mono <= now_mono:
        raise TooSoon("its time to live is not in the future")
    _check_holdoff(lane, command, targets, now_mono)
    if len(lane.waiting) + ahead >= lane.rules.queue_limit:
        raise QueueFull(f"{lane.rules.queue_limit} commands already wait for {command.pdu}")


def check_policy(rules: PduRules, command: Command, targets: tuple[Outlet, ...]) -> None:
    """Raise NotPermitted if the configuration forbids the command for one of its outlets."""
    if command.outlet is None and isinstance(command.action, Action) and command.origin not in rules.bulk_origins:
        raise NotPermitted(f"switching all outlets of {command.pdu} is not enabled for {command.origin}")
    for outlet in targets:
        policy = rules.rule(outlet.number).policy
        if policy is Policy.READ_ONLY or (policy is Policy.NO_OFF and command.action in _TAKES_POWER):
            raise NotPermitted(f"outlet {outlet.number} ({outlet.name}) of {command.pdu} is {policy}")


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


def _check_holdoff(lane: Lane, command: Command, targets: tuple[Outlet, ...], now_mono: float) -> None:
    if command.action not in REBOOTS:
        return
    for outlet in targets:
        wait_s = lane.holdoff_left_s(outlet.number, now_mono)
        if wait_s > 0:
            raise TooSoon(f"outlet {outlet.number} was rebooted just now; again possible in {wait_s:.0f} s")
