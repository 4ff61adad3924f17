"""Which conversation pursues which goal on which dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.console import menu, menu_settings, menu_switch, shell, shell_settings
from apcbridge.console.access import Access, SessionState, arrive, enter, leave
from apcbridge.console.dialects import DASH_C_VERBS, DialectId
from apcbridge.console.events import GoalResult
from apcbridge.console.goals import (
    Configure,
    Goal,
    Logout,
    ReadConfig,
    ReadEventLog,
    ReadIdentity,
    ReadNetwork,
    ReadOutletConfig,
    ReadResetCause,
    ReadStatus,
    SetGateway,
    SetPduName,
    Switch,
    SwitchAll,
)
from apcbridge.errors import CommandRejected

if TYPE_CHECKING:
    from apcbridge.console.access import Door
    from apcbridge.console.dialog import Dialog, Memory


def attempt(goal: Goal, door: Door, memory: Memory) -> Dialog[GoalResult]:
    """Log in on the face that can do it, and do it."""
    if isinstance(goal, Logout):
        return (yield from _log_out(door, memory))
    menus_instead = door.access is not Access.CLI and _only_on_menus(goal)
    logins = door.logins
    yield from enter(door, memory, want_shell=door.access is not Access.MENU and not menus_instead)
    if isinstance(goal, ReadIdentity) and memory.dialect is not DialectId.D4 and door.logins == logins:
        yield from leave(door, memory, told=False)
        yield from enter(door, memory, want_shell=False)
    return (yield from (_on_shell(goal, memory) if _on_a_shell(memory) else _on_menus(goal, memory)))


def _log_out(door: Door, memory: Memory) -> Dialog[GoalResult]:
    if door.state is SessionState.UNKNOWN:
        yield from arrive(door, memory)
    yield from leave(door, memory)
    return GoalResult()


def _on_a_shell(memory: Memory) -> bool:
    return memory.dialect in (DialectId.D3C, DialectId.D4)


def _only_on_menus(goal: Goal) -> bool:
    """Tell whether an AOS 3 unit can do this on its menus only."""
    if isinstance(goal, Switch | SwitchAll):
        return goal.action not in DASH_C_VERBS
    return isinstance(goal, ReadIdentity | ReadEventLog | ReadNetwork | SetGateway)


def _on_shell(goal: Goal, memory: Memory) -> Dialog[GoalResult]:
    match goal:
        case ReadStatus(load=load):
            return shell.read_status(memory, load=load)
        case Switch():
            return shell.switch(memory, goal)
        case SwitchAll():
            return shell.switch_all(memory, goal)
        case ReadConfig():
            return shell_settings.read_config(memory)
        case Configure():
            return shell_settings.configure(memory, goal)
        case SetPduName():
            return shell_settings.set_pdu_name(memory, goal)
    if memory.dialect is DialectId.D4:
        return _on_shell_of_aos_5(goal, memory)
    raise _not_offered(goal, memory)


def _on_shell_of_aos_5(goal: Goal, memory: Memory) -> Dialog[GoalResult]:
    match goal:
        case ReadIdentity(about=about):
            return shell_settings.read_identity(memory, about=about)
        case ReadResetCause():
            return shell_settings.read_reset_cause(memory)
        case ReadEventLog():
            return shell_settings.read_log(goal)
        case ReadNetwork():
            return shell_settings.read_network(memory)
        case SetGateway():
            return shell_settings.set_gateway(memory, goal)
    raise _not_offered(goal, memory)


def _on_menus(goal: Goal, memory: Memory) -> Dialog[GoalResult]:
    match goal:
        case ReadStatus(load=load):
            return menu.read_status(memory, load=load)
        case ReadIdentity(about=about):
            return menu_settings.read_identity(memory, about=about)
        case ReadEventLog():
            return menu_settings.read_log(memory, goal)
        case ReadNetwork():
            return menu_settings.read_network(memory)
        case ReadOutletConfig():
            return menu_settings.read_outlet_config(memory, goal)
    return _change_on_menus(goal, memory)


def _change_on_menus(goal: Goal, memory: Memory) -> Dialog[GoalResult]:
    match goal:
        case Switch():
            return menu_switch.switch(memory, goal)
        case SwitchAll():
            return menu_switch.switch_all(memory, goal)
        case Configure():
            return menu_settings.configure(memory, goal)
        case SetPduName():
            return menu_settings.set_pdu_name(memory, goal)
        case SetGateway():
            return menu_settings.set_gateway(memory, goal)
    raise _not_offered(goal, memory)


def _not_offered(goal: Goal, memory: Memory) -> CommandRejected:
    return CommandRejected(f"the {memory.dialect} console does not offer {type(goal).__name__}")
