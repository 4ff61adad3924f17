"""The menus of Switched Rack PDUs with AOS 2 and 3 (D3a, D3b)."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from functools import partial

from apcbridge.model import RebootCause
from apcbridge.sim.dialog import Dialog, NmcRestarts
from apcbridge.sim.faces import layout
from apcbridge.sim.faces.layout import INDENT
from apcbridge.sim.faces.menu import Item, Setting
from apcbridge.sim.faces.outlets import OutletMenus
from apcbridge.sim.profiles import NetworkSettings


class RackPduMenus(OutletMenus):
    """D3b; :class:`OldRackPduMenus` shifts what D3a has elsewhere."""

    def banner(self) -> list[str]:
        """Return the banner of AOS 3.7.3."""
        profile, clock = self.firmware.profile, self.firmware.clock(self.now)
        up_time = layout.up_time(self.firmware.up_time_s(self.now))
        return [
            layout.version_line("American Power Conversion", "Network Management Card AOS", profile.aos_version),
            layout.version_line("(c) Copyright 2009 All Rights Reserved", "Rack PDU APP", profile.app_version),
            layout.RULE,
            *layout.two_columns(
                [
                    (f"Name      : {self.firmware.pdu_name}", f"Date : {clock:%m/%d/%Y}"),
                    (f"Contact   : {self.firmware.contact}", f"Time : {clock:%H:%M:%S}"),
                    (f"Location  : {self.firmware.location}", f"User : {self.user.type}"),
                    (f"Up Time   : {up_time}", f"Stat : {self.flags()}"),
                ]
            ),
            "",
            "Switched Rack PDU: Communication Established" if self.application_runs() else "",
        ]

    def flags(self) -> str:
        """Return the status flags; the network needs a moment after a restart."""
        quirks = self.firmware.profile.quirks
        if quirks.alert_flags:
            return quirks.alert_flags
        if not self.firmware.ethernet:
            return "P+ N- A+"
        return "P+ N? A+" if self.firmware.up_since_s(self.now) < 10 else "P+ N+ A+"

    def control_console(self) -> list[Item]:
        """Return the main menu; who is not the administrator sees the device only (guess)."""
        items = [Item("Device Manager", self.device_manager)]
        if self.user.admin:
            items += [Item("Network", self.network), Item("System", self.system)]
        return items

    # -- device manager ------------------------------------------------------------------------------------

    def device_manager(self) -> Dialog[None]:
        """Show the device's menu."""
        items = self.device_items if self.application_runs() else list
        yield from self.menu("device_manager", "Device Manager", items)

    def application_runs(self) -> bool:
        """Tell whether the application is sound; with ``A-`` the Device Manager is empty (seen on an AP9211)."""
        return "A-" not in self.flags()

    def device_items(self) -> list[Item]:
        """Items of the device's menu."""
        return [
            self.load_item("Phase Management"),
            Item("Outlet Management", self.outlet_management),
            Item("Power Supply Status", self.power_supply),
        ]

    def load_item(self, words: str) -> Item:
        """Return the load screen's item: units with banks have another one."""
        if self.firmware.profile.banks:
            return Item("Bank Monitor", self.bank_monitor)
        return Item(words, lambda: self.phase_page(words))

    def outlet_management(self) -> Dialog[None]:
        """Show the level above the list; outlet users do not see its second item."""

        def items() -> list[Item]:
            restriction = [] if self.user.outlet_user else [Item("Outlet Restriction", self.restriction)]
            return [Item(self.list_title, self.outlet_list), *restriction]

        yield from self.menu("outlet_management", "Outlet Management", items)

    def restriction(self) -> Dialog[None]:
        """Which outlets may not be switched on in an overload (contents not found)."""
        yield from self.unavailable("restriction", "Outlet Restriction", "No outlet is restricted.")

    def power_supply(self) -> Dialog[None]:
        """State of the electronics' supplies (contents not found)."""
        rows = [] if self.terminal.quirks.sparse else [("Power Supply 1", "OK"), ("Power Supply 2", "OK")]
        body = layout.info(rows, 15)
        yield from self.menu("power_supply", "Power Supply Status", list, body=lambda: body)

    # -- load ----------------------------------------------------------------------------------------------

    def phase_page(self, words: str) -> Dialog[None]:
        """Load of the phase, or one page per phase; only ``Phase Load : <amps>`` is attested."""
        if self.firmware.profile.phases == 1:
            yield from self._one_phase(1, words)
            return
        yield from self.menu(
            "phases",
            words,
            lambda: [
                Item(f"Phase {n}", partial(self._one_phase, n, f"Phase {n}"))
                for n in range(1, self.firmware.profile.phases + 1)
            ],
        )

    def _one_phase(self, phase: int, words: str) -> Dialog[None]:
        def body() -> list[str]:
            rating = self.firmware.profile.rating_a
            load = self.firmware.phase_deciamps(phase)
            lines = [f"{INDENT}Phase Load : {layout.amps(load)} A"]
            if not self.terminal.quirks.sparse:
                lines += [
                    f"{INDENT}Phase State : {load_words(load, rating)}",
                    "",
                    f"{INDENT}Overload Alarm Threshold(A) : {rating}",
                    f"{INDENT}Near Overload Warning Threshold(A) : {near_overload(rating)}",
                    f"{INDENT}Low Load Warning Threshold(A) : 0",
                ]
            return lines

        yield from self.menu("phase", words, list, body=body)

    def bank_monitor(self) -> Dialog[None]:
        """One row per bank: bank, restriction, load, low, near, over, state, all attested as columns."""

        def body() -> list[str]:
            profile = self.firmware.profile
            rows = [
                f"{INDENT}Bank   Restriction    Load    Low   Near   Over   State",
                layout.INNER_RULE,
            ]
            loads = [
                (str(n), self.firmware.bank_deciamps(n), profile.bank_rating_a) for n in range(1, profile.banks + 1)
            ]
            loads.append(("Total", self.firmware.total_deciamps(), profile.rating_a))
            for name, load, rating in loads:
                limits = f"{0:<6}{near_overload(rating):<7}{rating:<7}"
                rows.append(f"{INDENT}{name:<7}{'None':<15}{layout.amps(load):<8}{limits}{load_words(load, rating)}")
            return rows

        yield from self.menu("bank_monitor", "Bank Monitor", list, body=body)

    # -- network and system --------------------------------------------------------------------------------

    def network(self) -> Dialog[None]:
        """Show the network menu; items 5, 6 and 8 stand where they were seen, the others are guesses."""
        dead = [Item(words) for words in ("DNS", "Ping Utility", "FTP Server", "Telnet/SSH", "Web/SSL/TLS")]
        items = [
            Item("TCP/IP", None if self.terminal.quirks.sparse else self.tcp_ip),
            *dead,
            Item("Email"),
            Item("SNMP"),
            Item("Syslog"),
        ]
        yield from self.menu("network", "Network", lambda: items)

    def tcp_ip(self) -> Dialog[None]:
        """Address, mask and gateway (screen not found: laid out by the rules of the others)."""

        def read() -> list[Setting]:
            now = self.firmware.network
            return [
                Setting("System IP", now.address, "", _is_address),
                Setting("Subnet Mask", now.subnet, "", _is_address),
                Setting("Default Gateway", now.gateway, "", _is_address),
            ]

        def accept(values: list[str]) -> None:
            self.firmware.set_network(NetworkSettings(**dict(zip(_NETWORK_FIELDS, values, strict=True))))

        yield from self.settings_screen("tcp_ip", "TCP/IP", read, accept)

    def system(self) -> Dialog[None]:
        """Show the system menu (only User Manager is attested)."""
        items = [
            Item("User Manager", self.user_manager),
            Item("Identification", self.identification),
            Item("Date/Time", self.date_time),
            Item("Tools", self.tools),
            Item("About System", self.about),
        ]
        if self.terminal.quirks.sparse:
            del items[1:]
        yield from self.menu("system", "System", lambda: items)

    def identification(self) -> Dialog[None]:
        """Name, contact and location of the unit."""

        def read() -> list[Setting]:
            values = (self.firmware.pdu_name, self.firmware.contact, self.firmware.location)
            labels = ("Name", "Contact", "Location")
            return [
                Setting(label, value, "", lambda text: len(text) <= 40)
                for label, value in zip(labels, values, strict=True)
            ]

        def accept(values: list[str]) -> None:
            self.firmware.pdu_name, self.firmware.contact, self.firmware.location = values

        yield from self.settings_screen("identification", "Identification", read, accept)

    def date_time(self) -> Dialog[None]:
        """Show the clock."""

        def body() -> list[str]:
            clock = self.firmware.clock(self.now)
            return layout.info([("Date", f"{clock:%m/%d/%Y}"), ("Time", f"{clock:%H:%M:%S}")])

        yield from self.menu("date_time", "Date/Time", list, body=body)

    def about(self) -> Dialog[None]:
        """Identity; laid out as the AP9210's, the only about block of a menu console that was found."""

        def body() -> list[str]:
            profile = self.firmware.profile
            rows = [
                ("Model Number", profile.model, "Serial Number", profile.serial_number),
                ("Firmware Revision", f"v{profile.app_version}", "Hardware Revision", profile.hardware_revision),
                ("Manufacture Date", profile.manufacture_date, "MAC Address", profile.mac),
            ]
            return [f"{INDENT}{a:<18}: {b:<13}{c:<18}: {d}" for a, b, c, d in rows]

        yield from self.menu("about", "About System", list, body=body)

    def tools(self) -> Dialog[None]:
        """Restart of the card, and what no driver may ever choose."""
        items = [
            Item("Reboot Management Interface", self._reboot),
            Item("Reset to Defaults", lambda: self._forbidden("Reset to Defaults")),
            Item("Reset to Defaults Except TCP/IP", lambda: self._forbidden("Reset to Defaults Except TCP/IP")),
        ]
        yield from self.menu("tools", "Tools", lambda: items)

    def _reboot(self) -> Dialog[None]:
        def act() -> None:
            self.line(f"{INDENT}Rebooting...")
            raise NmcRestarts(RebootCause.REQUESTED)

        yield from self.confirm(["Reboot Management Interface"], act, "")

    def _forbidden(self, words: str) -> Dialog[None]:
        yield from self.confirm([words], lambda: self.firmware.forbidden.append(words), self.success_line(words))

    def user_manager(self) -> Dialog[None]:
        """Accounts: the path of password recovery (AP7900 manual)."""
        items = [Item("Administrator", self.administrator), Item("Device User"), Item("Outlet User")]
        yield from self.menu("user_manager", "User Manager", lambda: items)

    def administrator(self) -> Dialog[None]:
        """Show the administrator's name and password; old firmware takes up to 10 characters each."""

        def read() -> list[Setting]:
            return [
                Setting("User Name", self.user.name, "", lambda text: 0 < len(text) <= 10),
                Setting("Password", "***", "", lambda text: 0 < len(text) <= 10),
            ]

        def accept(values: list[str]) -> None:
            if values[1] != "***":
                self.firmware.accounts.set_password(self.user.name, values[1])
            self.firmware.accounts.rename(self.user.name, values[0])
            self.user = replace(self.user, name=values[0])

        yield from self.settings_screen("administrator", "Administrator", read, accept)


class OldRackPduMenus(RackPduMenus):
    """D3a: the outlet list is an item of the Device Manager, the third, or the second for outlet users."""

    def device_items(self) -> list[Item]:
        """Items of the device's menu."""
        if self.user.outlet_user:
            return [
                Item("Phase Monitor", lambda: self.phase_page("Phase Monitor")),
                Item("Outlet Control", self.outlet_list),
                Item("Power Supply Status", self.power_supply),
            ]
        return [
            self.load_item("Phase Monitor/Configuration"),
            Item("Outlet Restriction Configuration", self.restriction),
            Item(self.list_title, self.outlet_list),
            Item("Power Supply Status", self.power_supply),
        ]


_NETWORK_FIELDS = ("address", "subnet", "gateway")


def near_overload(rating_a: int) -> int:
    """Return the near-overload threshold of a rating: about four fifths (AP7902B: 16 of 20, 19 of 24)."""
    return rating_a * 4 // 5


def load_words(deciamps: int, rating_a: int) -> str:
    """Return the load's state in words (guess; several words occur)."""
    if deciamps > rating_a * 10:
        return "Overload"
    return "Near Overload" if deciamps >= near_overload(rating_a) * 10 else "Within Limits"


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
