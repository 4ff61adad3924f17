#!/usr/bin/env python3
"""Completion for fish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commandline import Kind

if TYPE_CHECKING:
    from commandline import Argument, Command, Program

_HEAD = """\
# fish completion for apcbridge; made of its command line, see packaging/generate

function __apcbridge_pdus
    apcbridge status --json 2>/dev/null | string match --all --regex --groups-only '"pdu": *"([^"]*)"' | sort -u
end

complete -c apcbridge -f
"""


def script(program: Program) -> str:
    """Return the script."""
    lines = [_HEAD.rstrip()]
    lines += [_option("__fish_use_subcommand", option) for option in program.options]
    for command in program.commands:
        lines.append(f"complete -c apcbridge -n __fish_use_subcommand -a {command.name} -d {_quoted(command.summary)}")
        lines += _command(command)
    return "\n".join(lines) + "\n"


def _command(command: Command) -> list[str]:
    seen = f"__fish_seen_subcommand_from {command.name}"
    lines = [_option(seen, option) for option in command.options]
    for argument in command.positionals:
        if argument.kind is Kind.FILE:
            lines.append(f"complete -c apcbridge -n '{seen}' -F")
        elif offer := _offer(argument):
            lines.append(f"complete -c apcbridge -n '{seen}' -a {offer} -d {_quoted(argument.value)}")
    return lines


def _option(condition: str, option: Argument) -> str:
    names = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
    value = ""
    if option.takes_value:
        offer = _offer(option)
        value = (" -r -F" if option.kind is Kind.FILE else " -x") + (f" -a {offer}" if offer else "")
    return f"complete -c apcbridge -n '{condition}' {names}{value} -d {_quoted(option.help)}"


def _offer(argument: Argument) -> str:
    if argument.choices:
        return _quoted(" ".join(argument.choices))
    return {
        Kind.PORT: "'(path filter -- /dev/serial/by-id/* 2>/dev/null)'",
        Kind.PDU: "'(__apcbridge_pdus)'",
    }.get(argument.kind, "")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
