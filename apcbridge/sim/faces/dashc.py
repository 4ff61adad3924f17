"""The hidden command line of AOS 3 rack PDUs: password, blank, ``-c`` (D3c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.sim.dialog import AskLine, Dialog, Terminal
from apcbridge.sim.faces.commands import (
    AccessDeniedError,
    ParameterError,
    chosen_outlets,
    outlet_name,
    split_words,
    whole_number,
)
from apcbridge.sim.faces.layout import NL, amps
from apcbridge.sim.faces.login import FAREWELL, User
from apcbridge.sim.keyboard import Key
from apcbridge.sim.relays import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

E100 = "E100: Command does not exist."
E101 = "E101: Invalid command arguments."
E104 = "E104: User does not have access to this command."
NOT_READY = "The Switched Rack PDU is still initializing. Please try again later."

_LEAVE = {"exit", "logout", "logoff", "quit", "bye"}
_WORDS = {
    "on": (Action.ON, "Outlet Turned On"),
    "off": (Action.OFF, "Outlet Turned Off"),
    "reboot": (Action.REBOOT, "Outlet Rebooted"),
}
_DELAYS = {
    "powerondelay": ("on_delay_s", "Power on delay is {} seconds.", 0, 7200),
    "poweroffdelay": ("off_delay_s", "Power off delay is {} seconds.", 0, 7200),
    "rebootduration": ("reboot_duration_s", "Reboot duration is {} seconds.", 5, 60),
}
_HELP = (
    "adduser assign deluser passwd unassign whoami off on outletgroups poweroffdelay powerondelay reboot "
    "rebootduration status current list lowloadwarning name nearoverloadwarning overloadalarm "
    "overloadrestriction pducoldstartdelay power exit help reset_defaults_pdu uploadini ver"
)


class DashC:
    """One session of the command line."""

    def __init__(self, terminal: Terminal, user: User) -> None:
        """One instance per session."""
        self.terminal = terminal
        self.user = user
        self.firmware = terminal.firmware
        self._commands: dict[str, Callable[[list[str]], Iterator[str]]] = {
            "status": self._status,
            "list": self._list,
            "name": self._name,
            "current": self._current,
            "power": self._power,
            "whoami": self._whoami,
            "ver": self._version,
            "help": self._help,
            "?": self._help,
        }

    def run(self) -> Dialog[None]:
        """Serve commands until the user leaves."""
        yield from self.terminal.screen("dashc.welcome")
        if self.firmware.restarts and (
            self.firmware.up_since_s(self.terminal.now) < self.terminal.quirks.cli_not_ready_s
        ):
            self.terminal.put(f"{NL}{NOT_READY}{NL}{FAREWELL}")
            return
        profile = self.firmware.profile
        self.terminal.put(
            f"{NL}American Power Conversion{NL}Switched Rack PDU Command Line Interface{NL}"
            f"Unit ID: {self.firmware.pdu_name}{NL}Outlets: {profile.outlets}{NL}"
        )
        while True:
            yield from self.terminal.at("dashc.prompt")
            self.terminal.put(f"{NL}APC>")
            answer = yield AskLine(keys=frozenset({Key.CTRL_C}))
            if answer is Key.CTRL_C:
                continue
            words = split_words(str(answer))
            if not words:
                continue
            if words[0].lower() in _LEAVE:
                yield from self.terminal.at("dashc.leave")
                self.terminal.put(FAREWELL)
                return
            yield from self.terminal.screen("dashc.command")
            yield from self._answer(words)

    def _answer(self, words: list[str]) -> Dialog[None]:
        verb, arguments = words[0].lower(), words[1:]
        try:
            if verb in _WORDS:
                lines = list(self._switch(verb, arguments))
            elif verb in _DELAYS:
                lines = list(self._delay(verb, arguments))
            elif verb in {"reset_defaults_pdu", "uploadini"}:
                self.firmware.forbidden.append(" ".join(words))
                lines = []
            elif verb in self._commands:
                lines = list(self._commands[verb](arguments))
            else:
                self.terminal.put(E100 + NL)
                return
        except ParameterError:
            self.terminal.put(E101 + NL)
            return
        except AccessDeniedError:
            self.terminal.put(E104 + NL)
            return
        yield from self.terminal.at("dashc.acted")
        self.terminal.put(f"OK{NL}")
        yield from self.terminal.at("dashc.output")
        for line in lines:
            self.terminal.put(line + NL)

    # -- commands ------------------------------------------------------------------------------------------

    def _status(self, arguments: list[str]) -> Iterator[str]:
        wide = 2 if len(self.firmware.relays.numbers) > 9 else 1
        for outlet in self._chosen(arguments[0] if arguments else "all"):
            state = self.firmware.state_text(outlet)
            yield f"{outlet:>{wide}}: {state:<6}: {self.firmware.settings(outlet).name}"

    def _switch(self, verb: str, arguments: list[str]) -> Iterator[str]:
        action, text = _WORDS[verb]
        if len(arguments) != 1:
            raise ParameterError
        outlets = self._chosen(arguments[0])
        self.firmware.accept(action, outlets, self.terminal.now, f"cli:{self.user.name}")
        wide = 2 if len(outlets) > 1 or max(outlets) > 9 else 1
        for outlet in outlets:
            yield f"{outlet:>{wide}}: {self.firmware.settings(outlet).name:<15}: {text}"

    def _delay(self, verb: str, arguments: list[str]) -> Iterator[str]:
        """Read or set: ``powerondelay 3 10``, ``powerondelay 3 never``, but ``rebootduration 3:10`` (manual)."""
        field, text, low, high = _DELAYS[verb]
        if verb == "rebootduration" and len(arguments) == 1:
            arguments = arguments[0].split(":")
        elif verb == "rebootduration":
            raise ParameterError
        if not 1 <= len(arguments) <= 2:
            raise ParameterError
        outlets = self._chosen(arguments[0])
        if len(arguments) == 2:
            never = low == 0 and arguments[1].lower() == "never"
            value = -1 if never else whole_number(arguments[1], low, high)
            for outlet in outlets:
                self.firmware.configure(outlet, field, value, self.terminal.now)
        for outlet in outlets:
            seconds = getattr(self.firmware.settings(outlet), field)
            yield f"{outlet}: {self.firmware.settings(outlet).name}: {text.format(seconds)}"

    def _name(self, arguments: list[str]) -> Iterator[str]:
        if not 1 <= len(arguments) <= 2:
            raise ParameterError
        if arguments[0].lower() == "master":
            if len(arguments) == 2:
                self.firmware.pdu_name = arguments[1][:23]
            yield f"Unit ID: {self.firmware.pdu_name}"
            return
        outlets = self._chosen(arguments[0])
        for outlet in outlets:
            if len(arguments) == 2:
                self.firmware.configure(outlet, "name", outlet_name(arguments[1]), self.terminal.now)
            yield f"{outlet}: {self.firmware.settings(outlet).name}"

    def _list(self, _arguments: list[str]) -> Iterator[str]:
        for outlet in self._chosen("all"):
            yield f"{outlet}: {self.firmware.settings(outlet).name}"

    def _current(self, _arguments: list[str]) -> Iterator[str]:
        profile = self.firmware.profile
        for bank in range(1, profile.banks + 1):
            yield f"Current on bank {bank} is {amps(self.firmware.bank_deciamps(bank))}A"
        if profile.phases > 1:
            for phase in range(1, profile.phases + 1):
                yield f"Current on phase {phase} is {amps(self.firmware.phase_deciamps(phase))}A"
        yield f"Current on total is {amps(self.firmware.total_deciamps())}A"

    def _power(self, _arguments: list[str]) -> Iterator[str]:
        yield f"{self.firmware.watts()} VA"
        yield f"{self.firmware.watts()} Watts"

    def _whoami(self, _arguments: list[str]) -> Iterator[str]:
        yield self.user.name

    def _version(self, _arguments: list[str]) -> Iterator[str]:
        profile = self.firmware.profile
        yield f"AOS v{profile.aos_version}"
        yield f"APP v{profile.app_version}"

    def _help(self, _arguments: list[str]) -> Iterator[str]:
        yield _HELP

    def _chosen(self, text: str) -> list[int]:
        return chosen_outlets(self.firmware, self.user, text)
