"""The consoles' faces, one module per family, and the named steps of their dialogs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.sim.faces.dashc import DashC
from apcbridge.sim.faces.masterswitch import (
    FirstMasterSwitchMenus,
    MasterSwitchMenus,
    MasterSwitchPlusMenus,
    OldMasterSwitchPlusMenus,
)
from apcbridge.sim.faces.nmc2 import Nmc2Cli
from apcbridge.sim.faces.rackpdu import OldRackPduMenus, RackPduMenus
from apcbridge.sim.profiles import Dialect

if TYPE_CHECKING:
    from apcbridge.sim.dialog import Dialog, Terminal
    from apcbridge.sim.faces.login import User
    from apcbridge.sim.faces.menu import MenuFace

_MENUS: dict[Dialect, type[MenuFace]] = {
    Dialect.D0: FirstMasterSwitchMenus,
    Dialect.D1: MasterSwitchMenus,
    Dialect.D2_OLD: OldMasterSwitchPlusMenus,
    Dialect.D2_NEW: MasterSwitchPlusMenus,
    Dialect.D3A: OldRackPduMenus,
    Dialect.D3B: RackPduMenus,
}


def serve_user(terminal: Terminal, user: User) -> Dialog[None]:
    """Serve the user who has just logged in with the face of the device's dialect."""
    dialect = terminal.firmware.profile.dialect
    if dialect is Dialect.D4:
        return Nmc2Cli(terminal, user).run()
    if user.dash_c:
        return DashC(terminal, user).run()
    return _MENUS[dialect](terminal, user).run()
