#!/usr/bin/env python3
"""Completion for zsh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commandline import Kind

if TYPE_CHECKING:
    from commandline import Argument, Command, Program

_HEAD = """\
#compdef apcbridge
# zsh completion for apcbridge; made of its command line, see packaging/generate

_apcbridge_pdus() {
    local -a pdus
    pdus=(${(f)"$(apcbridge status --json 2>/dev/null | grep -o '"pdu": *"[^"]*"' | cut -d '"' -f 4 | sort -u)"})
    compadd -a pdus
}

_apcbridge_ports() {
    local -a ports
    ports=(/dev/serial/by-id/*(N))
    compadd -a ports
    _files
}
"""


def script(program: Program) -> str:
    """Return the script."""
    commands = "\n".join(f"        {_quoted(f'{c.name}:{c.summary}')}" for c in program.commands)
    cases = "\n".join(_case(command) for command in program.commands)
    flags = " ".join(option.flags[-1] for option in program.options)
    return f"""{_HEAD}
_apcbridge() {{
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        compadd -- {flags}
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{cases}
    esac
}}

_apcbridge "$@"
"""


def _case(command: Command) -> str:
    specs = [spec for option in command.options for spec in _option(option)]
    specs += [
        f"{place}:{argument.value.lower()}:{_offer(argument)}"
        for place, argument in enumerate(command.positionals, start=1)
    ]
    return f"    {command.name})\n        _arguments " + " ".join(map(_quoted, specs)) + "\n        ;;"


def _option(option: Argument) -> list[str]:
    value = f":{option.value.lower()}:{_offer(option)}" if option.takes_value else ""
    others = " ".join(option.flags)
    text = option.help.replace("[", "(").replace("]", ")").replace(":", r"\:")
    return [f"({others}){flag}[{text}]{value}" for flag in option.flags]


def _offer(argument: Argument) -> str:
    if argument.choices:
        return f"({' '.join(argument.choices)})"
    return {
        Kind.FILE: "_files",
        Kind.PORT: "_apcbridge_ports",
        Kind.PDU: "_apcbridge_pdus",
        Kind.ANYTHING: "",
    }[argument.kind]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
