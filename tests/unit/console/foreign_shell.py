"""Command lines that differ in all that the known transcripts leave open; see ``foreign``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Accent:
    """How a command line prints and answers; the defaults are those of AOS 5/6."""

    dash_c: bool = False
    eol: str = "\r\n"
    echo: bool = True
    erasers: str = "\x08\x7f"
    """What takes back the last key."""
    echo_lines: bool = False
    """The echo comes with the ENTER: this console reads whole lines."""
    prompt: str = "apc>"
    welcome: tuple[str, ...] = (
        "Schneider Electric                      Network Management Card AOS      v6.9.6",
        "(c) Copyright 2020 All Rights Reserved  RPDU 2g APP                      v6.9.6",
        "-" * 79,
        "Name      : rack7                                     Date : 07/07/2022",
        "Contact   : Unknown                                   Time : 01:18:18",
        "Location  : Unknown                                   User : Super User",
        "Up Time   : 0 Days 12 Hours 17 Minutes                Stat : P+ N4+ N6+ A+",
        "",
        "Type ? for command listing",
        "",
    )
    code: str = "E000: Success"
    refusal: tuple[str, ...] = ("E101: Command Not Found",)
    code_last: bool = False
    before: int = 0
    """Blank lines between echo and answer."""
    after: int = 1
    trailer: tuple[str, ...] = ()
    row: Callable[[int, str, str], str] = lambda number, name, state: f"{number:2d}: {name}: {state.capitalize()}"
    one_outlet: bool = True
    """The status of a single outlet can be asked for."""
    current: tuple[str, ...] = ("1: 0.5 A",)
    acknowledgement: Callable[[int, str], list[str]] = lambda _number, _name: []
    page: int = 0


class ForeignShell:
    """Takes keys, returns what is printed; ``log`` holds what was done to which outlet."""

    def __init__(self, accent: Accent, names: list[str], *, mine: tuple[int, ...] = ()) -> None:
        self.accent, self.names = accent, names
        self.mine = mine or tuple(range(1, len(names) + 1))
        self.states = dict.fromkeys(range(1, len(names) + 1), "ON")
        self.log: list[tuple[int, str]] = []
        self._out = self._line = ""
        self._mode: Callable[[str], None] = self._user
        self._pages: list[str] = []
        self._reboots: dict[int, int] = {}

    def __call__(self, typed: bytes) -> bytes:
        for key in typed.decode("latin-1"):
            self._key(key)
        out, self._out = self._out, ""
        return out.encode("latin-1")

    def _key(self, key: str) -> None:
        if self._pages:
            self._out += self._pages.pop(0) if key == "\r" else ""
        elif key == "\r":
            line, self._line = self._line, ""
            self._out += line if self.accent.echo_lines and self._mode != self._password else ""
            self._mode(line)
        elif key in self.accent.erasers:
            self._line = self._line[:-1]
        elif " " <= key < "\x7f":
            self._line += key
            if self.accent.echo and not self.accent.echo_lines:
                self._out += "*" if self._mode == self._password else key

    def _user(self, line: str) -> None:
        self._out += self.accent.eol
        self._mode = self._password if line else self._user
        self._out += "\rPassword  : " if line else "\rUser Name : "

    def _password(self, line: str) -> None:
        if line not in ("apc", "apc -c" if self.accent.dash_c else "apc"):
            self._out += self.accent.eol + "\rUser Name : "
            self._mode = self._user
            return
        self._out += self.accent.eol + self.accent.eol.join(self.accent.welcome) + self.accent.eol + self.accent.prompt
        self._mode = self._command

    def _command(self, line: str) -> None:
        accent = self.accent
        self._out += accent.eol
        if not line:
            self._out += accent.prompt
            return
        if line in ("exit", "quit"):
            self._out += "Bye." + accent.eol
            self._mode = self._user
            return
        data = self._answer(line)
        if data is None:
            lines = [*accent.refusal]
        else:
            lines = [*data, accent.code] if accent.code_last else [accent.code, *data]
        lines = [*[""] * accent.before, *lines, *accent.trailer, *[""] * accent.after]
        size = accent.page or len(lines)
        pages = [accent.eol.join(lines[start : start + size]) + accent.eol for start in range(0, len(lines), size)]
        pages[1:] = ["\r" + page for page in pages[1:]]
        pages = [page + "\r        Press <ENTER> to continue..." for page in pages[:-1]] + [pages[-1] + accent.prompt]
        self._out += pages[0]
        self._pages = pages[1:]

    def _answer(self, line: str) -> list[str] | None:
        words = line.casefold().split()
        verb = words[0].removeprefix("" if self.accent.dash_c else "ol")
        if verb == "status":
            chosen = self._chosen(words[1:] or ["all"], asks=True)
            return None if chosen is None else [self._row(number) for number in chosen]
        if verb in ("on", "off", "reboot"):
            chosen = self._chosen(words[1:])
            if chosen is None:
                return None
            return [text for number in chosen for text in self._act(number, verb.upper())]
        if words in (["phreading", "all", "current"], ["current"]):
            return [*self.accent.current]
        return None

    def _chosen(self, words: list[str], *, asks: bool = False) -> list[int] | None:
        if words == ["all"]:
            return [*self.mine]
        if not self.accent.one_outlet and asks:
            return None
        if len(words) != 1 or not re.fullmatch(r"\d{1,2}", words[0]) or int(words[0]) not in self.mine:
            return None
        return [int(words[0])]

    def _row(self, number: int) -> str:
        if number in self._reboots:
            self._reboots[number] -= 1
            if not self._reboots[number]:
                del self._reboots[number]
                self.states[number] = "ON"
        return self.accent.row(number, self.names[number - 1], self.states[number])

    def _act(self, number: int, effect: str) -> list[str]:
        self.log.append((number, effect))
        if effect == "REBOOT":
            self.states[number], self._reboots[number] = "OFF", 3
        else:
            self.states[number] = effect
        return self.accent.acknowledgement(number, self.names[number - 1])
