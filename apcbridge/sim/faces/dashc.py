"""The hidden command line of AOS 3 rack PDUs: password, blank, ``-c`` (D3c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from apcbridge.sim.dialog import AskLine, Dialog, Key, Terminal
from apcbridge.sim.faces.layout import NL, amps
from apcbridge.sim.faces.login import FAREWELL, User
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
    "powerondelay": ("on_delay_s", "Power on delay is {} seconds.", -1, 7200),
    "poweroffdelay": ("off_delay_s", "Power off delay is {} seconds.", -1, 7200),
    "rebootduration": ("reboot_duration_s", "Reboot duration is {} seconds.", 5, 60),
}
_HELP = (
    "adduser assign deluser passwd unassign whoami off on outletgroups poweroffdelay powerondelay reboot "
    "rebootduration status current list lowloadwarning name nearoverloadwarning overloadalarm "
    "overloadrestriction pducoldstartdelay power exit help reset_defaults_pdu uploadini ver"
)


class _BadArgumentsError(Exception):
    """The arguments are none that the command takes."""


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
            words = _split(str(answer))
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
        except _BadArgumentsError:
            self.terminal.put(E101 + NL)
            return
        except PermissionError:
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
        for outlet in self._outlets(arguments[0] if arguments else "all"):
            state = self.firmware.state_text(outlet)
            yield f"{outlet:>{wide}}: {state:<6}: {self.firmware.settings(outlet).name}"

    def _switch(self, verb: str, arguments: list[str]) -> Iterator[str]:
        action, text = _WORDS[verb]
        if len(arguments) != 1:
            raise _BadArgumentsError
        outlets = self._outlets(arguments[0])
        self.firmware.accept(action, outlets, self.terminal.now, f"cli:{self.user.name}")
        wide = 2 if len(outlets) > 1 or max(outlets) > 9 else 1
        for outlet in outlets:
            yield f"{outlet:>{wide}}: {self.firmware.settings(outlet).name:<15}: {text}"

    def _delay(self, verb: str, arguments: list[str]) -> Iterator[str]:
        field, text, low, high = _DELAYS[verb]
        if not 1 <= len(arguments) <= 2:
            raise _BadArgumentsError
        outlets = self._outlets(arguments[0])
        if len(arguments) == 2:
            value = arguments[1]
            if not re.fullmatch(r"-?\d{1,4}", value) or not low <= int(value) <= high:
                raise _BadArgumentsError
            for outlet in outlets:
                self.firmware.configure(outlet, field, int(value), self.terminal.now)
        for outlet in outlets:
            seconds = getattr(self.firmware.settings(outlet), field)
            yield f"{outlet}: {self.firmware.settings(outlet).name}: {text.format(seconds)}"

    def _name(self, arguments: list[str]) -> Iterator[str]:
        if not 1 <= len(arguments) <= 2:
            raise _BadArgumentsError
        if arguments[0].lower() == "master":
            if len(arguments) == 2:
                self.firmware.pdu_name = arguments[1][:23]
            yield f"Unit ID: {self.firmware.pdu_name}"
            return
        outlets = self._outlets(arguments[0])
        for outlet in outlets:
            if len(arguments) == 2:
                if not 0 < len(arguments[1]) <= 23:
                    raise _BadArgumentsError
                self.firmware.configure(outlet, "name", arguments[1], self.terminal.now)
            yield f"{outlet}: {self.firmware.settings(outlet).name}"

    def _list(self, _arguments: list[str]) -> Iterator[str]:
        for outlet in self._outlets("all"):
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

    def _outlets(self, text: str) -> list[int]:
        """Turn ``1-3,8`` or ``all`` into outlet numbers; an outlet user has only his own."""
        own = list(self.user.outlets or self.firmware.relays.numbers)
        if text.lower() == "all":
            return own
        found = parse_outlets(text)
        if found is None or any(n not in self.firmware.relays.numbers for n in found):
            raise _BadArgumentsError
        if any(n not in own for n in found):
            raise PermissionError
        return found


def parse_outlets(text: str) -> list[int] | None:
    """Read a list of outlets such as ``1-3,8``; None if it is none."""
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", part.strip())
        if match is None:
            return None
        low = int(match[1])
        numbers += range(low, int(match[2] or low) + 1)
    return numbers or None


def _split(text: str) -> list[str]:
    """Split at blanks; quotes hold blanks, the backslash escapes only itself and the quote."""
    words = re.findall(r'"(?:\\["\\]|[^"])*"|\S+', text)
    return [re.sub(r'\\(["\\])', r"\1", w[1:-1]) if w.startswith('"') and w.endswith('"') else w for w in words]
