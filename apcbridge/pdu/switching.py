"""From a command to the goal that carries it out, and from the goal's end to the command's result. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.commands import ResultStatus
from apcbridge.console.events import GoalDone, GoalFailed, Outcome
from apcbridge.console.goals import Configure, SetPduName, Switch, SwitchAll
from apcbridge.model import Action, OutletState, Setting
from apcbridge.pdu.agenda import Step

if TYPE_CHECKING:
    from apcbridge.commands import Command
    from apcbridge.console.events import OutletRow
    from apcbridge.console.goals import Goal
    from apcbridge.model import Nmc, Outlet

SETTLE_S = 10.0
"""A relay follows the console's success text by up to 5 s (FA232984: some commands take 3 to 5 s)."""
REBOOT_DURATION_UNTOLD_S = 30
DEFAULT_REBOOT_DURATION_S = 5
"""What every APC PDU leaves the factory with; used where the console does not tell the outlet's own."""

_LEADS_TO = {
    Action.ON: (OutletState.ON,),
    Action.OFF: (OutletState.OFF,),
    Action.DELAYED_ON: (OutletState.ON,),
    Action.DELAYED_OFF: (OutletState.OFF,),
    Action.REBOOT: tuple(OutletState),
    Action.DELAYED_REBOOT: tuple(OutletState),
}
"""What an outlet's page may show after an action; the delay of a delayed form may be zero."""


def goal_for(command: Command, outlet: Outlet | None) -> Goal:
    """Return the goal of a command for ``outlet`` (None: the PDU as a whole)."""
    if isinstance(command.action, Setting):
        return _configuration(command, command.action, outlet)
    if outlet is None:
        return SwitchAll(action=command.action, settle_s=3 * SETTLE_S)
    return switch_goal(outlet, command.action)


def switch_goal(outlet: Outlet, action: Action) -> Switch:
    """Return the goal that does one thing to one outlet, which must still be called what we know it by."""
    return Switch(
        outlet=outlet.number,
        name=outlet.label,
        action=action,
        settle_s=_settle_s(action, outlet),
    )


def _settle_s(action: Action, outlet: Outlet) -> float:
    if action is not Action.REBOOT:
        return SETTLE_S
    duration_s = outlet.reboot_duration_s
    return SETTLE_S + (REBOOT_DURATION_UNTOLD_S if duration_s is None else duration_s)


def _configuration(command: Command, setting: Setting, outlet: Outlet | None) -> Goal:
    value = command.value
    if outlet is None:
        return SetPduName(name=str(value))
    seconds = int(value or 0) if setting is not Setting.NAME else None
    return Configure(
        outlet=outlet.number,
        current_name=outlet.label,
        name=str(value) if setting is Setting.NAME else None,
        on_delay_s=seconds if setting is Setting.ON_DELAY else None,
        off_delay_s=seconds if setting is Setting.OFF_DELAY else None,
        reboot_duration_s=seconds if setting is Setting.REBOOT_DURATION else None,
    )


def rests_s(action: Action | Setting, outlet: Outlet) -> float:
    """Tell how long a command rests in the NMC's memory; infinity if its delay is not known."""
    if action is Action.REBOOT:
        duration_s = outlet.reboot_duration_s
        return SETTLE_S + (REBOOT_DURATION_UNTOLD_S if duration_s is None else duration_s)
    if action not in (Action.DELAYED_ON, Action.DELAYED_OFF, Action.DELAYED_REBOOT):
        return 0.0
    steps = own_steps(action, outlet)
    if steps is None:
        return float("inf")
    return SETTLE_S + sum(step.wait_s for step in steps) if steps else 0.0


def own_steps(action: Action | Setting, outlet: Outlet) -> tuple[Step, ...] | None:
    """Return what the bridge does by its own clock in place of a delayed command of the PDU.

    None if a delay is not known; nothing if it is "never": then the PDU does nothing, either.
    """
    on = _step(outlet.on_delay_s, Action.ON)
    off = _step(outlet.off_delay_s, Action.OFF)
    if action is Action.DELAYED_ON:
        return on
    if action is Action.DELAYED_OFF or off is None or not off:
        return off
    return (
        off + tuple(Step(reboot_duration_s(outlet) + step.wait_s, step.action) for step in on)
        if on is not None
        else None
    )


def _step(delay_s: int | None, action: Action) -> tuple[Step, ...] | None:
    if delay_s is None:
        return None
    return (Step(delay_s, action),) if delay_s >= 0 else ()


def reboot_duration_s(outlet: Outlet) -> int:
    """Tell how long an outlet stays off in a reboot by our own clock."""
    return DEFAULT_REBOOT_DURATION_S if outlet.reboot_duration_s is None else outlet.reboot_duration_s


def restart_expected_within(nmc: Nmc, rests_s: float, now_at: float) -> bool:
    """Tell whether the card's rhythm lets a restart expect while a command would rest in its memory."""
    if not nmc.watchdog or nmc.next_expected_at is None:
        return False
    error_s = nmc.next_expected_error_s or 0.0
    return nmc.next_expected_at - error_s <= now_at + rests_s and now_at <= nmc.next_expected_at + error_s


def explains(command: Command, row: OutletRow) -> bool:
    """Tell whether a command may lead to what the outlet's page shows."""
    return (
        command.outlet == row.number
        and isinstance(command.action, Action)
        and row.state in _LEADS_TO.get(command.action, ())
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ends."""

    status: ResultStatus
    detail: str


def ending(end: GoalDone | GoalFailed) -> Ending:
    """Judge a goal's end: certain success, certain failure, or neither."""
    if isinstance(end, GoalFailed):
        reason = str(end.error) or type(end.error).__name__
        if end.actuated:
            return Ending(ResultStatus.UNKNOWN, f"sent to the PDU, then: {reason}")
        return Ending(ResultStatus.FAILED, f"{reason}; nothing was switched")
    if end.result.outcome is Outcome.CONFIRMED:
        return Ending(ResultStatus.CONFIRMED, end.result.detail)
    return Ending(ResultStatus.UNKNOWN, end.result.detail or "accepted by the PDU, but its effect was not seen")
