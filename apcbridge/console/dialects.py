"""The dialects as data: what each prints, what each can tell and be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from apcbridge.console.screens import Kind
from apcbridge.model import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.console.screens import Screen


class DialectId(StrEnum):
    """The six dialects of APC's consoles (two of them with an older and a newer form)."""

    D0 = "d0"
    """AP9210 and the first MasterSwitch: ``Outlet Manager``."""
    D1 = "d1"
    """MasterSwitch AP9211/9212, AP9606: the Device Manager is the outlet list."""
    D2_OLD = "d2-old"
    """MasterSwitch plus, firmware that lists units first; item 3 is Off."""
    D2_NEW = "d2-new"
    """MasterSwitch plus, firmware that lists outlets first."""
    D3A = "d3a"
    """Rack PDU menus of AOS/APP 1.x and 2.x."""
    D3B = "d3b"
    """Rack PDU menus of AOS/APP 3.x."""
    D3C = "d3c"
    """The ``-c`` command line of the same units, prompt ``APC>``."""
    D4 = "d4"
    """Command line of AOS 5/6 and of NMC3 (AOS 1.x), prompt ``apc>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a dialect offers, so that a caller can plan its goals."""

    load: bool
    """Loads can be read."""
    up_time_needs_login: bool
    """Only the login banner tells the up time: ReadIdentity logs out and in again."""
    reset_cause: bool
    event_log: bool
    delayed_actions: bool
    """Delayed forms and cancelling are known here (D3c goes through the menus for them)."""
    outlet_config: bool
    """ReadConfig is answered."""


ACTION_LABELS: Mapping[Action, tuple[str, ...]] = {
    Action.ON: ("Immediate On", "Turn Outlet On"),
    Action.OFF: ("Immediate Off", "Turn Outlet Off"),
    Action.REBOOT: ("Immediate Reboot", "Reboot Outlet", "Reset Outlet", "Outlet Reboot", "Outlet Reset"),
    Action.DELAYED_ON: ("Delayed On",),
    Action.DELAYED_OFF: ("Delayed Off",),
    Action.DELAYED_REBOOT: ("Delayed Reboot",),
    Action.CANCEL: ("Cancel", "Cancel Pending Commands", "Cancel Pending Command"),
}
"""The words of the action menus. Their numbers differ (3 is Off on the older MasterSwitch plus, Reboot elsewhere)."""

DASH_C_VERBS: Mapping[Action, str] = {
    Action.ON: "on",
    Action.OFF: "off",
    Action.REBOOT: "reboot",
}
SHELL_VERBS: Mapping[Action, str] = {
    Action.ON: "olOn",
    Action.OFF: "olOff",
    Action.REBOOT: "olReboot",
    Action.DELAYED_ON: "olDlyOn",
    Action.DELAYED_OFF: "olDlyOff",
    Action.DELAYED_REBOOT: "olDlyReboot",
    Action.CANCEL: "olCancelCmd",
}

SUCCESS = re.compile(r"Command successfully issued\.$|successfully!$|(?:^|\s)Success$")
"""The line that reports acceptance: D1, D2 new and D3; D0; D2 old."""

_MENU_WITH_DELAYS = Capabilities(
    load=True,
    up_time_needs_login=True,
    reset_cause=False,
    event_log=True,
    delayed_actions=True,
    outlet_config=False,
)
_MASTERSWITCH = replace(_MENU_WITH_DELAYS, load=False, event_log=False, delayed_actions=False)
CAPABILITIES: Mapping[DialectId, Capabilities] = {
    DialectId.D0: _MASTERSWITCH,
    DialectId.D1: _MASTERSWITCH,
    DialectId.D2_OLD: _MASTERSWITCH,
    DialectId.D2_NEW: _MASTERSWITCH,
    DialectId.D3A: _MENU_WITH_DELAYS,
    DialectId.D3B: _MENU_WITH_DELAYS,
    DialectId.D3C: replace(_MENU_WITH_DELAYS, outlet_config=True),
    DialectId.D4: replace(_MENU_WITH_DELAYS, up_time_needs_login=False, reset_cause=True, outlet_config=True),
}


WEB_ONLY = "the security set-up behind a licence click-through exists only on the card's web page"
"""Of the firmware before AOS 5; no console has it."""


def lacks_security_setup(dialect: DialectId) -> bool:
    """Tell whether this firmware keeps its security set-up from the console (:data:`WEB_ONLY`)."""
    return dialect is not DialectId.D4


def rack_pdu(dialect: DialectId | None) -> bool:
    """Tell whether units of this dialect may have the ``-c`` command line."""
    return dialect in (DialectId.D3A, DialectId.D3B, DialectId.D3C)


_ROW_OF_UNIT = re.compile(r"Outlet \d:\d{1,2}\s")
"""Tells a MasterSwitch plus where the line has garbled its banner."""


def menu_dialect(app_name: str | None, manager: Screen) -> DialectId | None:
    """Tell the menu dialects apart by the first screen below the Control Console, then by the banner."""
    if manager.find("Outlet Management"):
        return DialectId.D3B
    if manager.find("Outlet Control/Configuration", "Outlet Control") and manager.kind is Kind.DEVICE_MANAGER:
        return DialectId.D3A
    if manager.find("Outlet Manager") or manager.title == "Outlet Manager":
        return DialectId.D0
    if manager.find_match(re.compile(r"MasterSwitch plus 1")):
        return DialectId.D2_OLD
    name = (app_name or "").casefold()
    of_units = [item for item in manager.items if _ROW_OF_UNIT.match(item.label)]
    if "plus" in name or 2 * len(of_units) > len(manager.items):
        return DialectId.D2_NEW
    if "masterswitch" in name or manager.kind is Kind.LIST:
        return DialectId.D1
    return DialectId.D3B if "rack pdu" in name else None
