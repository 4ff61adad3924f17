"""The menus before the Switched Rack PDU: AP9210 (D0), MasterSwitch (D1), MasterSwitch plus (D2).

Few whole screens of these are known. The strings that other tools match are theirs; the rest follows the layout
rules of the later menus and is a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.sim.faces import layout
from apcbridge.sim.faces.layout import INDENT
from apcbridge.sim.faces.menu import Item
from apcbridge.sim.faces.rackpdu import RackPduMenus
from apcbridge.sim.relays import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apcbridge.sim.dialog import Dialog, Terminal
    from apcbridge.sim.faces.login import User

_UNIT = 1
"""Units can be chained; one is simulated."""


class MasterSwitchMenus(RackPduMenus):
    """D1: the Device Manager is the outlet list; three actions; the footer offers no event log."""

    list_title = "Device Manager"

    def __init__(self, terminal: Terminal, user: User) -> None:
        super().__init__(terminal, user)
        self.has_log = terminal.quirks.old_event_log

    def banner(self) -> list[str]:
        """Return the banner of an AP9211 with AOS 3.0.3."""
        profile, clock = self.firmware.profile, self.firmware.clock(self.now)
        up_time = layout.up_time(self.firmware.up_time_s(self.now))
        rows = [
            (f"Name      : {self.firmware.pdu_name}", f"Date    : {clock:%m/%d/%Y}"),
            (f"Contact   : {self.firmware.contact}", f"Time    : {clock:%H:%M:%S}"),
            (f"Location  : {self.firmware.location}", f"Up Time : {up_time}"),
            (f"Status    : {self.flags()}", f"User    : {self.user.type}"),
        ]
        return [
            layout.version_line("American Power Conversion", "Web/SNMP Management Card AOS", profile.aos_version),
            layout.version_line("(c) Copyright 2000 All Rights Reserved", self.app_name(), profile.app_version),
            layout.RULE,
            *layout.two_columns(rows, 40),
            *self.status_lines(),
        ]

    def app_name(self) -> str:
        """Return the application's name in the banner."""
        return "MasterSwitch APP"

    def status_lines(self) -> list[str]:
        """Return what stands under the banner."""
        return [""]

    def device_manager(self) -> Dialog[None]:
        """Show the outlets at once."""
        if self.application_runs():
            yield from self.outlet_list()
        else:
            yield from self.menu("outlet_list", self.list_title, list)

    def outlet_info(self, outlet: int) -> list[str]:
        """Return the block on the outlet's pages, which may be missing."""
        return [] if self.terminal.quirks.page_bare else super().outlet_info(outlet)

    def actions(self) -> Sequence[tuple[str, Action | None]]:
        """Return the three actions of this firmware."""
        return [(self.action_words(action), action) for action in (Action.ON, Action.OFF, Action.REBOOT)]


class MasterSwitchPlusMenus(MasterSwitchMenus):
    """D2 as of APP 2.0.2: outlets at once, 2 is Off, 8 cancels."""

    list_title = f"MasterSwitch plus {_UNIT}"
    control_title = "Outlet Control"
    configure_title = "Outlet Configuration"

    def app_name(self) -> str:
        """Return the application's name in the banner."""
        return "MasterSwitch plus APP"

    def status_lines(self) -> list[str]:
        """Return the state of the chain."""
        return ["", f"MS plus {_UNIT} : Serial Communication Established"]

    def row(self, position: int, outlet: int) -> str:
        """Return a row; the control mode stands behind the state (bz517860)."""
        name = self.firmware.settings(outlet).name
        text = f"Outlet {_UNIT}:{outlet}  {name:<24}{self.firmware.state_text(outlet):<10}Graceful Shutdown"
        return layout.item(position, text)

    def outlet_title(self, outlet: int) -> str:
        """Return the title: the outlet's number behind that of its unit."""
        return layout.title(f"Outlet {_UNIT}:{outlet} {self.firmware.settings(outlet).name}")

    def outlet_info(self, outlet: int) -> list[str]:
        """Return the block on the outlet's pages."""
        if self.terminal.quirks.page_bare:
            return []
        return layout.info(
            [
                ("Outlet Name", self.firmware.settings(outlet).name),
                ("Outlet", f"{_UNIT}:{outlet}"),
                ("Outlet State", self.firmware.state_text(outlet)),
            ]
        )

    def control_label(self, outlet: int) -> str:
        """Return the first item of the outlet's page."""
        return f"Outlet Control {_UNIT}:{outlet}"

    def actions(self) -> Sequence[tuple[str, Action | None]]:
        """Return the actions; 1, 2 and 8 are attested."""
        return [
            ("Immediate On", Action.ON),
            ("Immediate Off", Action.OFF),
            ("Immediate Reboot", Action.REBOOT),
            ("Delayed On", Action.DELAYED_ON),
            ("Delayed Off", Action.DELAYED_OFF),
            ("Delayed Reboot", Action.DELAYED_REBOOT),
            ("Graceful Reboot", None),
            ("Cancel Pending Commands", Action.CANCEL),
        ]


class OldMasterSwitchPlusMenus(MasterSwitchPlusMenus):
    """D2 of APP 2.0.0: the Device Manager lists units, and 3 is Off."""

    def device_manager(self) -> Dialog[None]:
        """Show the units."""
        items = [Item(f"MasterSwitch plus {_UNIT}", self.outlet_list)]
        yield from self.menu("device_manager", "Device Manager", lambda: items)

    def success_line(self, words: str) -> str:
        """Return the line that powerman matches as ``Success``."""
        return f"{words} : Success"

    def actions(self) -> Sequence[tuple[str, Action | None]]:
        """Return the actions; 1, 3, 4 and 8 are attested."""
        return [
            ("Immediate On", Action.ON),
            ("Delayed On", Action.DELAYED_ON),
            ("Immediate Off", Action.OFF),
            ("Immediate Reboot", Action.REBOOT),
            ("Delayed Off", Action.DELAYED_OFF),
            ("Delayed Reboot", Action.DELAYED_REBOOT),
            ("Graceful Reboot", None),
            ("Cancel Pending", Action.CANCEL),
        ]


class FirstMasterSwitchMenus(MasterSwitchMenus):
    """D0: the Outlet Manager lists names; the states stand on the control page of all outlets."""

    list_title = "Outlet Manager"

    def app_name(self) -> str:
        """Return the application's name in the banner."""
        return "MasterSwitch"

    def above_main(self) -> list[str]:
        """Return the block of states that an early MasterSwitch prints above its main menu."""
        if not self.terminal.quirks.status_block:
            return []
        cells = [f"Device {n}:{self._state(n):<3}" for n in self.visible_outlets()]
        rows = ["".join(f"{cell:<20}" for cell in cells[i : i + 4]).rstrip() for i in range(0, len(cells), 4)]
        return [layout.title("Current MasterSwitch Status"), *rows, ""]

    def _state(self, outlet: int) -> str:
        return self.firmware.state_text(outlet).rstrip("*")

    def control_console(self) -> list[Item]:
        """Return the main menu."""
        return [Item("Outlet Manager", self.outlet_list), *super().control_console()[1:]]

    def row(self, position: int, outlet: int) -> str:
        """Return a row: by default without state, as powerman goes elsewhere for it."""
        state = f":{self._state(outlet)}" if self.terminal.quirks.old_row_states else ""
        return layout.item(position, self.firmware.settings(outlet).name + state)

    def control_label(self, _outlet: int) -> str:
        """Return the first item of the outlet's page."""
        return "Control of Outlet"

    def master_info(self) -> list[str]:
        """Return one line per outlet, as ``1:ON`` (powerman apcold)."""
        return [f"{INDENT}{n}:{self._state(n)}" for n in self.visible_outlets()]

    def success_line(self, words: str) -> str:
        """Return the line that powerman matches as ``successfully!``."""
        return f"{words} completed successfully!"

    def actions(self) -> Sequence[tuple[str, Action | None]]:
        """Return the actions."""
        words = {Action.ON: "Turn Outlet On", Action.OFF: "Turn Outlet Off", Action.REBOOT: "Reboot Outlet"}
        return [(text, action) for action, text in words.items()]
