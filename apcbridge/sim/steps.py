"""The named steps of the dialogs: where faults can strike, and what a test may wait for.

A step without suffix is the moment before that screen is printed; ``.prompt`` the moment before its prompt.
"""

from __future__ import annotations

from apcbridge.sim.profiles import Dialect

LOGIN = ("login.user", "login.password", "login.check")
_MENU_LOGIN = (*LOGIN, "login.banner", "main", "main.prompt", "logout")
_LIST = ("outlet_list", "outlet_list.prompt")
_PAGED = ("outlet_list.pager", "outlet_list.rest")
CONFIRM = ("confirm", "confirm.prompt", "confirm.yes", "confirm.acted", "confirm.success", "confirm.pager")
"""Before ``confirm.yes`` is over nothing has happened; from ``confirm.acted`` on the command is accepted."""
_CONTROL = ("outlet", "outlet.prompt", "control", "control.prompt", *CONFIRM, "master", "master.prompt")
_CONFIGURE = ("configure", "configure.prompt", "configure.edit", "configure.accept", "configure.accepted")
_LOG = ("event_log", "event_log.prompt")
_SYSTEM = tuple(
    name
    for screen in ("network", "tcp_ip", "system", "identification", "about", "date_time", "tools", "user_manager")
    for name in (screen, f"{screen}.prompt")
)
_SETTINGS = ("tcp_ip", "identification", "administrator")
_EDITS = tuple(f"{screen}.{part}" for screen in _SETTINGS for part in ("edit", "accept", "accepted"))
_MENU = (
    *_MENU_LOGIN,
    *_LIST,
    *_CONTROL,
    *_CONFIGURE,
    *_LOG,
    *_SYSTEM,
    *_EDITS,
    "administrator",
    "administrator.prompt",
)
_DEVICE = ("device_manager", "device_manager.prompt", "power_supply", "power_supply.prompt")
_LOAD = ("phase", "phase.prompt", "phases", "phases.prompt", "bank_monitor", "bank_monitor.prompt")
_RESTRICTION = ("restriction", "restriction.prompt")
DASH_C = ("dashc.welcome", "dashc.prompt", "dashc.command", "dashc.acted", "dashc.output", "dashc.leave")
"""From ``dashc.acted`` on a command is accepted."""
CLI = (
    *LOGIN,
    "cli.password_change",
    "cli.banner",
    "cli.prompt",
    "cli.command",
    "cli.acted",
    "cli.output",
    "cli.confirm",
    "cli.leave",
    *_LOG,
)
"""From ``cli.acted`` on a command is accepted."""

_D3 = (*_MENU, *_PAGED, *_DEVICE, *_LOAD, *_RESTRICTION, *DASH_C)
STEPS: dict[Dialect, tuple[str, ...]] = {
    Dialect.D0: _MENU,
    Dialect.D1: _MENU,
    Dialect.D2_OLD: (*_MENU, "device_manager", "device_manager.prompt"),
    Dialect.D2_NEW: _MENU,
    Dialect.D3A: _D3,
    Dialect.D3B: (*_D3, "outlet_management", "outlet_management.prompt"),
    Dialect.D4: CLI,
}
"""Every step of a dialect; ``login.greeting`` exists on telnet only."""
NETWORK = ("login.greeting",)


def is_step(dialect: Dialect, step: str) -> bool:
    """Tell whether a fault at that step could ever strike; ``*`` is any step."""
    return step == "*" or step in STEPS[dialect] or step in NETWORK
