"""The command line of AOS 5 and 6 and of the NMC3 (D4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.model import RebootCause
from apcbridge.sim.dialog import AskLine, Dialog, NmcRestarts, Terminal, ToControlConsole
from apcbridge.sim.faces import layout
from apcbridge.sim.faces.commands import E000, AccessDeniedError, Answer, ParameterError, split_words
from apcbridge.sim.faces.eventlog import show_event_log
from apcbridge.sim.faces.layout import NL
from apcbridge.sim.faces.nmc2_outlets import OutletCommands
from apcbridge.sim.faces.nmc2_system import SystemCommands
from apcbridge.sim.keyboard import Echo, Key
from apcbridge.sim.quirks import CodeOrder

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.sim.faces.login import User
    from apcbridge.sim.firmware import Firmware

E101 = "E101: Command Not Found"
E102 = "E102: Parameter Error"
E104 = "E104: User Level Denial"

_DATA_FIRST = {"lastrst", "session"}


class Nmc2Cli:
    """One session of the command line."""

    def __init__(self, terminal: Terminal, user: User) -> None:
        """One instance per session."""
        self.terminal = terminal
        self.user = user
        self.since = terminal.now
        self.long_prompt = terminal.quirks.cli_long_prompt
        self._system = SystemCommands(terminal, user)
        self._commands: dict[str, Callable[[list[str]], Answer]] = {
            **self._system.table(),
            **OutletCommands(terminal, user).table(),
            "prompt": self._prompt,
            "session": self._session,
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
        extra = self.terminal.quirks.login_banner_extra
        banner = [extra, *self._banner()] if extra else self._banner()
        for line in ["", "", *banner, "", "", "Type ? for command listing"]:
            self.terminal.put(line + NL)
        self.terminal.put(f"Use tcpip command for IP address(-i), subnet(-s), and gateway(-g){NL}{NL}")
        while True:
            yield from self.terminal.at("cli.prompt")
            self.terminal.put(f"{self._account_type}@apc>" if self.long_prompt else "apc>")
            typed = yield AskLine(keys=frozenset({Key.CTRL_C}))
            if typed is Key.CTRL_C:
                self.terminal.put(NL)
                continue
            words = split_words(str(typed))
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
            if verb in self._commands:
                return self._commands[verb](words[1:])
        except ParameterError:
            return Answer([f"Usage: {words[0]} -- Configuration Options"], E102)
        except AccessDeniedError:
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
        return self.firmware.accounts.check(self.user.name, "apc", self.terminal.now) is not None

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
            if (
                self.firmware.accounts.check(self.user.name, current, self.terminal.now)
                and new == again
                and len(new) >= 8
            ):
                self.firmware.accounts.set_password(self.user.name, new)
                return

    @property
    def _account_type(self) -> str:
        return "Super User" if self.user.admin else str(self.user.type)

    def _banner(self) -> list[str]:
        profile, clock = self.firmware.profile, self.firmware.clock(self.terminal.now)
        up_time = layout.up_time(self.firmware.up_time_s(self.terminal.now))
        rows = [
            (f"Name      : {self.firmware.pdu_name}", f"Date : {clock:%m/%d/%Y}"),
            (f"Contact   : {self.firmware.contact}", f"Time : {clock:%H:%M:%S}"),
            (f"Location  : {self.firmware.location}", f"User : {self._account_type}"),
            (f"Up Time   : {up_time}", f"Stat : {self._system.flags('N4+ N6+')}"),
        ]
        return [
            layout.version_line("Schneider Electric", "Network Management Card AOS", profile.aos_version),
            layout.version_line("(c) Copyright 2020 All Rights Reserved", "RPDU 2g APP", profile.app_version),
            layout.RULE,
            *layout.two_columns(rows),
            *_SERVICES,
        ]

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

    def _prompt(self, arguments: list[str]) -> Answer:
        if arguments[:1] != ["-s"] or arguments[1:] not in (["long"], ["short"]):
            raise ParameterError
        self.long_prompt = arguments[1] == "long"
        return Answer()

    def _session(self, _arguments: list[str]) -> Answer:
        spent = int(self.terminal.now - self.since)
        clock = f"{spent // 3600:02}:{spent // 60 % 60:02}:{spent % 60:02}"
        port = "Telnet" if self.terminal.network else "Serial"
        head = f"{'User':<18}{'Interface':<18}{'Address':<18}{'Logged In Time':<20}ID"
        return Answer([head, layout.RULE, f"{self.user.name:<18}{port:<18}{'':<18}{clock:<20}1"])


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
