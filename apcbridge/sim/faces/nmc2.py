"""The command line of AOS 5 and 6 and of the NMC3 (D4)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apcbridge.model import RebootCause
from apcbridge.sim.dialog import AskLine, Dialog, Echo, Key, NmcRestarts, Terminal, ToControlConsole
from apcbridge.sim.faces import layout
from apcbridge.sim.faces.dashc import parse_outlets
from apcbridge.sim.faces.layout import NL
from apcbridge.sim.faces.menu import show_event_log
from apcbridge.sim.faces.rackpdu import near_overload
from apcbridge.sim.profiles import UserType
from apcbridge.sim.quirks import CodeOrder
from apcbridge.sim.relays import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apcbridge.sim.faces.login import User
    from apcbridge.sim.firmware import Firmware

E000 = "E000: Success"
E101 = "E101: Command Not Found"
E102 = "E102: Parameter Error"
E104 = "E104: User Level Denial"

_SWITCH = {
    "olon": Action.ON,
    "oloff": Action.OFF,
    "olreboot": Action.REBOOT,
    "oldlyon": Action.DELAYED_ON,
    "oldlyoff": Action.DELAYED_OFF,
    "oldlyreboot": Action.DELAYED_REBOOT,
    "olcancelcmd": Action.CANCEL,
}
_FIELDS = {
    "olondelay": ("on_delay_s", -1, 7200),
    "oloffdelay": ("off_delay_s", -1, 7200),
    "olrboottime": ("reboot_duration_s", 5, 60),
}
_DATA_FIRST = {"lastrst", "session"}
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


class _ParameterError(Exception):
    """The arguments are none that the command takes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command prints: its data lines and its code; a None code is left out."""

    lines: Sequence[str] = ()
    code: str | None = E000


class Nmc2Cli:
    """One session of the command line."""

    def __init__(self, terminal: Terminal, user: User) -> None:
        """One instance per session."""
        self.terminal = terminal
        self.user = user
        self.since = terminal.now
        self.long_prompt = terminal.quirks.cli_long_prompt
        self._commands: dict[str, Callable[[list[str]], Answer]] = {
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
            "prompt": self._prompt,
            "session": self._session,
            "system": self._system,
            "tcpip": self._tcpip,
            "user": self._user,
            "whoami": lambda _: Answer([self.user.name]),
            "olstatus": self._ol_status,
            "olname": self._ol_name,
            "olgroups": lambda _: Answer(["Outlet Group Configuration: disabled"]),
            "phreading": self._ph_reading,
            "bkreading": self._bk_reading,
            "devreading": self._dev_reading,
            "phlowload": lambda _: self._limit(self.firmware.profile.phases, 0),
            "phnearover": lambda _: self._limit(
                self.firmware.profile.phases, near_overload(self.firmware.profile.rating_a)
            ),
            "phoverload": lambda _: self._limit(self.firmware.profile.phases, self.firmware.profile.rating_a),
            "bklowload": lambda _: self._limit(self.firmware.profile.banks, 0),
            "bknearover": lambda _: self._limit(
                self.firmware.profile.banks, near_overload(self.firmware.profile.bank_rating_a)
            ),
            "bkoverload": lambda _: self._limit(self.firmware.profile.banks, self.firmware.profile.bank_rating_a),
            "prodinfo": self._prod_info,
        }

    @property
    def firmware(self) -> Firmware:
        """The device behind the command line."""
        return self.terminal.firmware

    # -- the session ---------------------------------------------------------------------------------------

    def run(self) -> Dialog[None]:
        """Serve commands until the user leaves."""
        if self.terminal.quirks.cli_force_password_change and self._has_factory_password():
            yield from self._change_password()
        yield from self.terminal.screen("cli.banner")
        for line in ["", "", *self._banner(), "", "", "Type ? for command listing"]:
            self.terminal.put(line + NL)
        self.terminal.put(f"Use tcpip command for IP address(-i), subnet(-s), and gateway(-g){NL}{NL}")
        while True:
            yield from self.terminal.at("cli.prompt")
            self.terminal.put(f"{self.user.name}@apc>" if self.long_prompt else "apc>")
            typed = yield AskLine(keys=frozenset({Key.CTRL_C}))
            if typed is Key.CTRL_C:
                self.terminal.put(NL)
                continue
            words = _split(str(typed))
            if not words:
                continue
            verb = words[0].lower()
            if verb in {"exit", "quit"} or (verb == "bye" and self.terminal.quirks.cli_bye):
                yield from self.terminal.at("cli.leave")
                self.terminal.put(f"{NL}Bye.{NL}")
                return
            yield from self.terminal.screen("cli.command")
            if (yield from self._serve(verb, words)):
                return

    def _serve(self, verb: str, words: list[str]) -> Dialog[bool]:
        """Carry out one command; True if it ended the session."""
        if verb == "reboot":
            yield from self._reboot()
        elif verb in {"format", "resettodef"}:
            yield from self._wipe(words)
        elif verb == "eventlog":
            yield from self._event_log()
        elif verb == "session" and words[1:2] == ["-d"]:
            self.terminal.put(f"{E000}{NL}{NL}Bye.{NL}")
            return True
        else:
            yield from self._print(verb, self._carry_out(verb, words))
        if self.firmware.reboot_required:
            self.terminal.put(f"{NL}{NL}* Reboot required for change to take effect.")
        self.terminal.put(NL)
        return False

    def _carry_out(self, verb: str, words: list[str]) -> Answer:
        """Do it and return what to print."""
        if "?" in words[1:]:
            return Answer([f"Usage: {words[0]} --  Configuration Options"], None)
        try:
            if verb in _SWITCH:
                return self._switch(_SWITCH[verb], words[1:])
            if verb in _FIELDS:
                return self._field(verb, words[1:])
            if verb in self._commands:
                return self._commands[verb](words[1:])
        except _ParameterError:
            return Answer([f"Usage: {words[0]} -- Configuration Options"], E102)
        except PermissionError:
            return Answer((), E104)
        return Answer((), E101)

    def _print(self, verb: str, answer: Answer) -> Dialog[None]:
        yield from self.terminal.at("cli.acted")
        order = self.terminal.quirks.cli_order
        data_first = order is CodeOrder.DATA_FIRST or (order is CodeOrder.ATTESTED and verb in _DATA_FIRST)
        code = [answer.code] if answer.code else []
        good = answer.code == E000
        lines = [*answer.lines, *code] if data_first and good else [*code, *answer.lines]
        for index, line in enumerate(lines):
            if index == 1:
                yield from self.terminal.at("cli.output")
            self.terminal.put(line + NL)

    # -- login ---------------------------------------------------------------------------------------------

    def _has_factory_password(self) -> bool:
        return self.firmware.check_login(self.user.name, "apc", self.terminal.now) is not None

    def _change_password(self) -> Dialog[None]:
        """Insist on a new password (AOS 6.9.6), again until all three entries are good."""
        self.terminal.put(f"{NL}{NL}The current password policy requires you to change your password...{NL}")
        while True:
            answers: list[str] = []
            for words in (f"{NL}Enter current password: ", f"{NL}Enter new password: ", "Confirm new password: "):
                yield from self.terminal.at("cli.password_change")
                self.terminal.put(words)
                answers.append(str((yield AskLine(echo=Echo.STARS))))
            current, new, again = answers
            if self.firmware.check_login(self.user.name, current, self.terminal.now) and new == again and len(new) >= 8:
                self.firmware.set_password(self.user.name, new)
                return

    def _banner(self) -> list[str]:
        profile, clock = self.firmware.profile, self.firmware.clock(self.terminal.now)
        up_time = layout.up_time(self.firmware.up_time_s(self.terminal.now))
        user = "Super User" if self.user.admin else str(self.user.type)
        rows = [
            (f"Name      : {self.firmware.pdu_name}", f"Date : {clock:%m/%d/%Y}"),
            (f"Contact   : {self.firmware.contact}", f"Time : {clock:%H:%M:%S}"),
            (f"Location  : {self.firmware.location}", f"User : {user}"),
            (f"Up Time   : {up_time}", f"Stat : {self._flags('N4+ N6+')}"),
        ]
        return [
            layout.version_line("Schneider Electric", "Network Management Card AOS", profile.aos_version),
            layout.version_line("(c) Copyright 2020 All Rights Reserved", "RPDU 2g APP", profile.app_version),
            layout.RULE,
            *layout.two_columns(rows),
            *_SERVICES,
        ]

    def _flags(self, network: str = "N+") -> str:
        quirks = self.firmware.profile.quirks
        if quirks.alert_flags:
            return quirks.alert_flags
        if not self.firmware.ethernet:
            return "P+ N- A+"
        return f"P+ {'N?' if self.firmware.up_since_s(self.terminal.now) < 10 else network} A+"

    # -- dialogs -------------------------------------------------------------------------------------------

    def _yes(self) -> Dialog[bool]:
        yield from self.terminal.at("cli.confirm")
        self.terminal.put("Enter 'YES' to continue or <ENTER> to cancel : ")
        typed = yield AskLine(keys=frozenset({Key.CTRL_C}))
        return str(typed).strip().upper() == "YES"

    def _reboot(self) -> Dialog[None]:
        self.terminal.put(f"{E000}{NL}Reboot Management Interface{NL}")
        if (yield from self._yes()):
            self.terminal.put(f"Rebooting...{NL}")
            raise NmcRestarts(RebootCause.REQUESTED)

    def _wipe(self, words: list[str]) -> Dialog[None]:
        self.terminal.put(f"{NL} Warning: This will delete all configuration data.{NL}{NL}")
        if (yield from self._yes()):
            self.firmware.forbidden.append(" ".join(words))
            self.terminal.put(f"{NL}Please reboot system to complete this task.{NL}")

    def _event_log(self) -> Dialog[None]:
        self.terminal.put(E000 + NL)
        name = f"{self.firmware.profile.model} named {self.firmware.pdu_name}"
        try:
            yield from show_event_log(self.terminal, f"{name} : On, No Alarms Present")
        except ToControlConsole:
            return

    # -- system commands -----------------------------------------------------------------------------------

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
        options = _options(arguments, "ncl")
        self.firmware.pdu_name = options.get("n", self.firmware.pdu_name)
        self.firmware.contact = options.get("c", self.firmware.contact)
        self.firmware.location = options.get("l", self.firmware.location)
        if options:
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
            ("Stat", self._flags()),
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
        options = _options(arguments, "bst")
        if "b" in options and options["b"] not in {"2400", "9600", "19200", "38400"}:
            raise _ParameterError
        if options:
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
            raise _ParameterError
        if self.firmware.ethernet and arguments[0] in self.firmware.answering_hosts:
            self.firmware.traffic(self.terminal.now)
            return Answer([f"Reply from {arguments[0]}: time(ms)= <10"] * 4, None)
        return Answer(["Request timed out."] * 4, None)

    def _portspeed(self, _arguments: list[str]) -> Answer:
        link = "100 Full_Duplex" if self.firmware.ethernet else "Link Down"
        return Answer(["Port Speed: Auto_negotiation", f"Current Port Speed: {link}"])

    def _prompt(self, arguments: list[str]) -> Answer:
        if arguments[:1] != ["-s"] or arguments[1:] not in (["long"], ["short"]):
            raise _ParameterError
        self.long_prompt = arguments[1] == "long"
        return Answer()

    def _session(self, _arguments: list[str]) -> Answer:
        spent = int(self.terminal.now - self.since)
        clock = f"{spent // 3600:02}:{spent // 60 % 60:02}:{spent % 60:02}"
        port = "Telnet" if self.terminal.network else "Serial"
        head = f"{'User':<18}{'Interface':<18}{'Address':<18}{'Logged In Time':<20}ID"
        return Answer([head, layout.RULE, f"{self.user.name:<18}{port:<18}{'':<18}{clock:<20}1"])

    def _tcpip(self, arguments: list[str]) -> Answer:
        options = _options(arguments, "isg")
        for value in options.values():
            try:
                ipaddress.IPv4Address(value)
            except ValueError as error:
                raise _ParameterError from error
        if options:
            if not self.user.admin:
                raise PermissionError
            now = self.firmware.network
            self.firmware.set_network(
                replace(
                    now,
                    address=options.get("i", now.address),
                    subnet=options.get("s", now.subnet),
                    gateway=options.get("g", now.gateway),
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
        accounts = self.firmware.profile.accounts
        return Answer([*lines, *(f"{a.name:<24}{_USER_TYPES[a.type]:<31}Enabled" for a in accounts)])

    # -- outlets -------------------------------------------------------------------------------------------

    def _outlets(self, text: str) -> list[int]:
        own = list(self.user.outlets or self.firmware.relays.numbers)
        if text.lower() == "all":
            return own
        found = parse_outlets(text)
        if found is None or any(n not in self.firmware.relays.numbers for n in found):
            raise _ParameterError
        if any(n not in own for n in found):
            raise PermissionError
        return found

    def _switch(self, action: Action, arguments: list[str]) -> Answer:
        if len(arguments) != 1:
            raise _ParameterError
        outlets = self._outlets(arguments[0])
        self.firmware.accept(action, outlets, self.terminal.now, f"cli:{self.user.name}")
        return Answer()

    def _ol_status(self, arguments: list[str]) -> Answer:
        if len(arguments) != 1:
            raise _ParameterError
        lines = []
        for outlet in self._outlets(arguments[0]):
            state = self.firmware.state_text(outlet).replace("ON", "On").replace("OFF", "Off")
            lines.append(f"{outlet:2d}: {self.firmware.settings(outlet).name}: {state}")
        return Answer(lines)

    def _ol_name(self, arguments: list[str]) -> Answer:
        if not 1 <= len(arguments) <= 2:
            raise _ParameterError
        outlets = self._outlets(arguments[0])
        if len(arguments) == 2:
            if not 0 < len(arguments[1]) <= 23:
                raise _ParameterError
            for outlet in outlets:
                self.firmware.configure(outlet, "name", arguments[1], self.terminal.now)
            return Answer()
        form = "Outlet {}: {}" if self.terminal.quirks.cli_ol_name_manual else "{:2d}: {}"
        return Answer([form.format(n, self.firmware.settings(n).name) for n in outlets])

    def _field(self, verb: str, arguments: list[str]) -> Answer:
        field, low, high = _FIELDS[verb]
        if not 1 <= len(arguments) <= 2:
            raise _ParameterError
        outlets = self._outlets(arguments[0])
        if len(arguments) == 2:
            value = arguments[1]
            if not re.fullmatch(r"-?\d{1,4}", value) or not low <= int(value) <= high:
                raise _ParameterError
            for outlet in outlets:
                self.firmware.configure(outlet, field, int(value), self.terminal.now)
            return Answer()
        return Answer(
            [
                f"{n:2d}: {self.firmware.settings(n).name}: {getattr(self.firmware.settings(n), field)} sec"
                for n in outlets
            ]
        )

    # -- load ----------------------------------------------------------------------------------------------

    def _ph_reading(self, arguments: list[str]) -> Answer:
        if len(arguments) != 2:
            raise _ParameterError
        phases = range(1, self.firmware.profile.phases + 1)
        if arguments[0].lower() != "all":
            chosen = parse_outlets(arguments[0])
            if chosen is None or any(n not in phases for n in chosen):
                raise _ParameterError
            phases = range(chosen[0], chosen[-1] + 1)
        return Answer([f"{n}: {self._reading(arguments[1].lower(), n)}" for n in phases])

    def _reading(self, kind: str, phase: int) -> str:
        load = self.firmware.phase_deciamps(phase)
        volts = self.firmware.profile.voltage_v
        kilo = load * volts / 10_000
        match kind:
            case "current":
                return f"{layout.amps(load)} A"
            case "power":
                return f"{kilo:.2f} kW"
            case "appower":
                return f"{kilo:.2f} kVA"
            case "voltage":
                return f"{volts} V"
            case _:
                raise _ParameterError

    def _bk_reading(self, arguments: list[str]) -> Answer:
        banks = range(1, self.firmware.profile.banks + 1)
        if not banks or arguments[:1] not in ([], ["all"]):
            raise _ParameterError
        return Answer([f"{n}: {layout.amps(self.firmware.bank_deciamps(n))} A" for n in banks])

    def _dev_reading(self, arguments: list[str]) -> Answer:
        kilo = self.firmware.watts() / 1000
        values = {"power": f"{kilo:.1f} kW", "appower": f"{kilo:.1f} kVA", "energy": "123.4 kWh", "pf": "1.00"}
        if len(arguments) != 1 or arguments[0].lower() not in values:
            raise _ParameterError
        return Answer([values[arguments[0].lower()]])

    def _limit(self, count: int, amperes: int) -> Answer:
        if not count:
            raise _ParameterError
        return Answer([f"{n}: {amperes} A" for n in range(1, count + 1)])

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


_SERVICES = (
    layout.RULE,
    "IPv4               : Enabled            IPv6               : Enabled",
    "Ping Response      : Enabled",
    layout.RULE,
    "HTTP               : Disabled           HTTPS              : Enabled",
    "FTP                : Disabled           Telnet             : Enabled",
    "SSH/SCP            : Enabled            SNMPv1             : Disabled",
    "SNMPv3             : Disabled",
    layout.RULE,
    "Super User         : Enabled            RADIUS             : Disabled",
    "Administrator      : Disabled           Device User        : Disabled",
    "Read-Only User     : Disabled           Network-Only User  : Disabled",
)


def _options(arguments: list[str], letters: str) -> dict[str, str]:
    """Read ``-x value`` pairs."""
    options: dict[str, str] = {}
    for flag, value in zip(arguments[::2], [*arguments[1::2], None], strict=False):
        if value is None or len(flag) != 2 or flag[0] != "-" or flag[1] not in letters:
            raise _ParameterError
        options[flag[1]] = value
    return options


def _split(text: str) -> list[str]:
    words = re.findall(r'"[^"]*"|\S+', text)
    return [w[1:-1] if len(w) > 1 and w.startswith('"') and w.endswith('"') else w for w in words]
