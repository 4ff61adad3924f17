"""The commands of AOS 5/6 that are about the card: identity, clock, network, accounts, help."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.sim.faces import layout
from apcbridge.sim.faces.commands import AccessDeniedError, Answer, ParameterError, read_options
from apcbridge.sim.profiles import UserType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apcbridge.sim.dialog import Terminal
    from apcbridge.sim.faces.login import User
    from apcbridge.sim.firmware import Firmware

_USER_TYPES = {UserType.ADMIN: "Super User", UserType.DEVICE: "Device", UserType.OUTLET: "Outlet User"}
_SYSTEM_COMMANDS = (
    "? about alarmcount boot bye cd cipher clrrst console date delete dir dns eapol email eventlog exit "
    "firewall format ftp help lang lastrst ledblink logzip netstat ntp ping portspeed prompt pwd quit "
    "radius reboot resetToDef session smtp snmp snmptrap snmpv3 system tcpip tcpip6 user userdflt web "
    "whoami xferINI xferStatus"
)
_DEVICE_COMMANDS = (
    "alarmList bkLowLoad bkNearOver bkOverLoad bkReading bkPeakCurr bkRestrictn devStartDly energyWise "
    "olAssignUsr olCancelCmd olDlyOff olDlyOn olDlyReboot olGroups olName olOff olOffDelay olOn "
    "olOnDelay olRbootTime olReboot olStatus olUnasgnUsr phLowLoad phNearOver phOverLoad phReading "
    "phPeakCurr phRestrictn prodInfo userAdd userDelete userList userPasswd"
)


class SystemCommands:
    """What one session may ask of the card."""

    def __init__(self, terminal: Terminal, user: User) -> None:
        """One instance per session."""
        self.terminal = terminal
        self.user = user
        self.firmware: Firmware = terminal.firmware

    def table(self) -> dict[str, Callable[[list[str]], Answer]]:
        """Return the commands by their names in small letters."""
        return {
            "?": self._help,
            "help": self._help,
            "about": self._about,
            "alarmcount": self._alarmcount,
            "alarmlist": lambda _: Answer(["No Alarms Present"]),
            "boot": self._boot,
            "clrrst": self._clear_reset,
            "console": self._console,
            "date": self._date,
            "lastrst": lambda _: Answer([self.firmware.reset_text]),
            "ping": self._ping,
            "portspeed": self._portspeed,
            "prodinfo": self._prod_info,
            "system": self._system,
            "tcpip": self._tcpip,
            "user": self._user,
            "whoami": lambda _: Answer([self.user.name]),
        }

    def flags(self, network: str = "N+") -> str:
        """Return the status flags; the network needs a moment after a restart."""
        quirks = self.firmware.profile.quirks
        if quirks.alert_flags:
            return quirks.alert_flags
        if not self.firmware.ethernet:
            return "P+ N- A+"
        return f"P+ {'N?' if self.firmware.up_since_s(self.terminal.now) < 10 else network} A+"

    def _rows(self, rows: Sequence[tuple[str, str]], column: int) -> list[str]:
        """``Label:`` and value, the value in ``column``, reached with TABs (of 8) or blanks."""
        out = []
        for label, value in rows:
            head = f"{label}:"
            if self.terminal.quirks.cli_tabs:
                gap = " " + "\t" * max(1, (column - len(head) - 1 + 7) // 8)
            else:
                gap = " " * max(1, column - len(head))
            out.append(head + gap + value if value else head + " ")
        return out

    def _help(self, arguments: list[str]) -> Answer:
        if arguments:
            return Answer([f"Usage: {arguments[0]} --  Configuration Options"], None)
        lines = [""]
        for name, commands in (("System", _SYSTEM_COMMANDS.split()), ("Device", _DEVICE_COMMANDS.split())):
            lines += [f"{name} Commands:", "-" * 75]
            lines += ["For command help: command ? ", ""] if name == "System" else []
            lines += ["".join(f"{c:<12}" for c in commands[i : i + 6]) for i in range(0, len(commands), 6)]
            lines.append("")
        return Answer(lines, None)

    def _about(self, _arguments: list[str]) -> Answer:
        profile = self.firmware.profile
        up_time = layout.up_time(self.firmware.up_time_s(self.terminal.now), singular=True)
        blocks = [
            (
                "Hardware Factory",
                [
                    ("Model Number", profile.model),
                    ("Serial Number", profile.serial_number),
                    ("Hardware Revision", profile.hardware_revision),
                    ("Manufacture Date", profile.manufacture_date),
                    ("MAC Address", profile.mac),
                    ("Management Uptime", up_time),
                ],
            ),
            ("Application Module", self._module("rpdu2g", profile.app_version)),
            ("APC OS(AOS)", self._module("aos", profile.aos_version)),
            ("APC Boot Monitor", self._module("bootmon", "1.0.9")),
        ]
        lines: list[str] = []
        for index, (name, rows) in enumerate(blocks):
            lines += [""] if index else []
            lines += [name, "---------------", *self._rows(rows, 24)]
        return Answer(lines)

    @staticmethod
    def _module(name: str, version: str) -> list[tuple[str, str]]:
        return [("Name", name), ("Version", f"v{version}"), ("Date", "Nov  6 2020"), ("Time", "11:08:39")]

    def _system(self, arguments: list[str]) -> Answer:
        given = read_options(arguments, "ncl")
        self.firmware.pdu_name = given.get("n", self.firmware.pdu_name)
        self.firmware.contact = given.get("c", self.firmware.contact)
        self.firmware.location = given.get("l", self.firmware.location)
        if given:
            return Answer()
        profile, clock = self.firmware.profile, self.firmware.clock(self.terminal.now)
        rows = [
            ("Name", self.firmware.pdu_name),
            ("Contact", self.firmware.contact),
            ("Location", self.firmware.location),
            ("Message", ""),
            ("DateTime", f"{clock:%m/%d/%Y:%H:%M:%S}"),
            ("User", self.user.name),
            ("Up Time", layout.up_time(self.firmware.up_time_s(self.terminal.now), singular=True)),
            ("Stat", self.flags()),
            ("Bootmon", "bootmon:v1.0.9"),
            ("AOS", f"aos:v{profile.aos_version}"),
            ("App", f"rpdu2g:v{profile.app_version}"),
        ]
        return Answer(["Host Name Sync: Enabled", *self._rows(rows, 16)])

    def _alarmcount(self, arguments: list[str]) -> Answer:
        kind = arguments[1].capitalize() if arguments[:1] == ["-p"] and len(arguments) == 2 else ""
        return Answer([f"{kind}AlarmCount: {self._alarms()}"])

    def _alarms(self) -> int:
        profile = self.firmware.profile
        return sum(self.firmware.phase_deciamps(p) > profile.rating_a * 10 for p in range(1, profile.phases + 1))

    def _boot(self, _arguments: list[str]) -> Answer:
        rows = [("Boot Mode", "manual"), ("DHCP Cookie", "disable"), ("Vendor Class", "APC")]
        return Answer(["", *self._rows(rows, 16)])

    def _clear_reset(self, _arguments: list[str]) -> Answer:
        self.firmware.reset_text = "00 No Reset"
        return Answer()

    def _console(self, arguments: list[str]) -> Answer:
        given = read_options(arguments, "bst")
        if "b" in given and given["b"] not in {"2400", "9600", "19200", "38400"}:
            raise ParameterError
        if given:
            return Answer()
        baud = self.firmware.profile.baud or 9600
        return Answer(
            [
                "Telnet:      enabled",
                "SSH:         enabled",
                "Telnet Port: 23",
                "SSH Port:    22",
                f"Baud Rate:   {baud}",
            ]
        )

    def _date(self, _arguments: list[str]) -> Answer:
        clock = self.firmware.clock(self.terminal.now)
        return Answer(
            [
                f"Date: {clock:%m/%d/%Y}",
                f"Time: {clock:%H:%M:%S}",
                "Format: mm/dd/yyyy",
                "Time Zone: +00:00",
            ]
        )

    def _ping(self, arguments: list[str]) -> Answer:
        if len(arguments) != 1:
            raise ParameterError
        if self.firmware.ethernet and arguments[0] in self.firmware.answering_hosts:
            self.firmware.traffic(self.terminal.now)
            return Answer([f"Reply from {arguments[0]}: time(ms)= <10"] * 4, None)
        return Answer(["Request timed out."] * 4, None)

    def _portspeed(self, _arguments: list[str]) -> Answer:
        link = "100 Full_Duplex" if self.firmware.ethernet else "Link Down"
        return Answer(["Port Speed: Auto_negotiation", f"Current Port Speed: {link}"])

    def _tcpip(self, arguments: list[str]) -> Answer:
        given = read_options(arguments, "isg")
        for value in given.values():
            try:
                ipaddress.IPv4Address(value)
            except ValueError as error:
                raise ParameterError from error
        if given:
            if not self.user.admin:
                raise AccessDeniedError
            now = self.firmware.network
            self.firmware.set_network(
                replace(
                    now,
                    address=given.get("i", now.address),
                    subnet=given.get("s", now.subnet),
                    gateway=given.get("g", now.gateway),
                )
            )
            return Answer()
        return Answer(self._tcpip_lines())

    def _tcpip_lines(self) -> list[str]:
        now = self.firmware.network
        active = [("Address", now.address), ("Subnet Mask", now.subnet), ("Gateway", now.gateway)]
        manual = [("IPv4 Address", now.address), ("Subnet Mask", now.subnet), ("Gateway", now.gateway)]
        manual.append(("MAC Address", self.firmware.profile.mac))
        return [
            "",
            "Active IPv4 Settings",
            "--------------------",
            *(f"  {f'Active IPv4 {label}:':<30}{value}" for label, value in active),
            "",
            "Manually Configured IPv4 Settings",
            "---------------------------------",
            "",
            "  IPv4:                 enabled",
            "  Manual Settings:      enabled",
            "",
            *(f"  {f'{label}:':<22}{value}" for label, value in manual),
        ]

    def _user(self, _arguments: list[str]) -> Answer:
        lines = [f"{'Name':<24}{'User Type':<31}Status", f"{'----':<24}{'---------':<31}------"]
        accounts = self.firmware.accounts
        return Answer([*lines, *(f"{a.name:<24}{_USER_TYPES[a.type]:<31}Enabled" for a in accounts)])

    def _prod_info(self, _arguments: list[str]) -> Answer:
        profile = self.firmware.profile
        rows = [
            ("AOS", f"v{profile.aos_version}"),
            ("Switched Rack PDU", f"v{profile.app_version}"),
            ("Model", profile.model),
            ("Present Outlets", str(profile.outlets)),
            ("Switched Outlets", str(profile.outlets)),
            ("Metered Outlets", "0"),
            ("Max Current", f"{profile.rating_a} A"),
            ("Present Phases", str(profile.phases)),
            ("Present Banks", str(profile.banks)),
        ]
        return Answer(self._rows(rows, 24))
