#!/usr/bin/env python3
"""Completion for bash. It needs nothing but bash: not the package bash-completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commandline import Kind

if TYPE_CHECKING:
    from commandline import Argument, Command, Program

_HEAD = """\
# bash completion for apcbridge; made of its command line, see packaging/generate

_apcbridge_pdus() {
    apcbridge status --json 2>/dev/null | grep -o '"pdu": *"[^"]*"' | cut -d '"' -f 4 | sort -u
}

_apcbridge() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    local i place=0
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        mapfile -t COMPREPLY < <(compgen -W "@COMMANDS@" -- "$word")
        return
    fi
"""

_TAIL = """\
}

complete -F _apcbridge apcbridge
"""

_PORTS = """mapfile -t COMPREPLY < <(compgen -G "${word:-/dev/serial/by-id/}*")"""


def script(program: Program) -> str:
    """Return the script."""
    flags = [flag for option in program.options for flag in option.flags]
    head = _HEAD.replace("@COMMANDS@", " ".join([*(command.name for command in program.commands), *flags]))
    cases = "\n".join(_case(command) for command in program.commands)
    return f"{head}    case $command in\n{cases}\n    esac\n{_TAIL}"


def _case(command: Command) -> str:
    lines = [f"    {command.name})"]
    valued = [option for option in command.options if option.takes_value]
    if valued:
        lines.append("        case $previous in")
        lines += [f"        {'|'.join(option.flags)}) {_offer(option)}; return ;;" for option in valued]
        lines.append("        esac")
    flags = " ".join(flag for option in command.options for flag in option.flags)
    lines.append(f"        if [[ $word == -* ]]; then {_words(flags)}; return; fi")
    if command.positionals:
        # Which positional argument this is: the words before it that are neither an option nor an option's value.
        skip = "|".join(flag for option in valued for flag in option.flags) or "-"
        lines += [
            "        for (( i = 2; i < COMP_CWORD; i++ )); do",
            f"            case ${{COMP_WORDS[i]}} in {skip}) (( ++i )) ;; -*) ;; *) (( ++place )) ;; esac",
            "        done",
            "        case $place in",
            *(f"        {place}) {_offer(argument)} ;;" for place, argument in enumerate(command.positionals)),
            "        esac",
        ]
    return "\n".join([*lines, "        ;;"])


def _offer(argument: Argument) -> str:
    if argument.choices:
        return _words(" ".join(argument.choices))
    return {
        Kind.FILE: """mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null""",
        Kind.PORT: _PORTS,
        Kind.PDU: _words("$(_apcbridge_pdus)"),
        Kind.ANYTHING: ":",
    }[argument.kind]


def _words(words: str) -> str:
    return f'mapfile -t COMPREPLY < <(compgen -W "{words}" -- "$word")'
