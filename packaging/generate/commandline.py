#!/usr/bin/env python3
"""The command line as data, read from its argparse parser."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Kind(Enum):
    """What a shell may offer for a value."""

    ANYTHING = auto()
    FILE = auto()
    PORT = auto()
    """A serial device."""
    PDU = auto()
    """The id of a PDU, which the running daemon knows."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An option (with flags) or a positional argument (without)."""

    flags: tuple[str, ...]
    value: str
    """How its value is called, empty if it takes none."""
    choices: tuple[str, ...]
    kind: Kind
    help: str
    optional: bool

    @property
    def takes_value(self) -> bool:
        """Whether a word follows the option."""
        return bool(self.value)


@dataclass(frozen=True, slots=True)
class Command:
    """One command with its arguments."""

    name: str
    summary: str
    arguments: tuple[Argument, ...]

    @property
    def options(self) -> tuple[Argument, ...]:
        """What begins with a dash."""
        return tuple(argument for argument in self.arguments if argument.flags)

    @property
    def positionals(self) -> tuple[Argument, ...]:
        """What does not."""
        return tuple(argument for argument in self.arguments if not argument.flags)


@dataclass(frozen=True, slots=True)
class Program:
    """The whole command line."""

    name: str
    summary: str
    options: tuple[Argument, ...]
    commands: tuple[Command, ...]


def describe(parser: argparse.ArgumentParser) -> Program:
    """Read a parser with one level of commands."""
    commands = []
    # argparse shows what was added to it by these attributes only; help formatters outside it rely on them too.
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            commands += [
                Command(name, summaries.get(name, ""), tuple(_arguments(inner)))
                for name, inner in action.choices.items()
            ]
    return Program(parser.prog, parser.description or "", tuple(_arguments(parser)), tuple(commands))


def _arguments(parser: argparse.ArgumentParser) -> Iterable[Argument]:
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:  # noqa: SLF001
            continue
        expands = vars(action) | {"prog": parser.prog}
        if action.choices is not None:
            expands["choices"] = ", ".join(map(str, action.choices))
        yield Argument(
            flags=tuple(action.option_strings),
            value=_value(action),
            choices=tuple(map(str, action.choices or ())),
            kind=_kind(action),
            help=(action.help or "") % expands,
            optional=bool(action.option_strings) or action.nargs in ("?", "*"),
        )


def _value(action: argparse.Action) -> str:
    if action.option_strings and action.nargs == 0:
        return ""
    metavar = action.metavar or action.dest.upper()
    return metavar if isinstance(metavar, str) else " ".join(metavar)


def _kind(action: argparse.Action) -> Kind:
    if action.dest == "port":
        return Kind.PORT
    if action.dest == "pdu":
        return Kind.PDU
    return Kind.FILE if action.type is Path or action.metavar in ("FILE", "PATH") else Kind.ANYTHING
