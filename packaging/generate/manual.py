#!/usr/bin/env python3
"""Manual pages, in the man macros of troff."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from apcbridge.config.reference import at, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from commandline import Argument, Command, Program

    from apcbridge.config.document import KeyPath
    from apcbridge.config.reference import Schema

_PROGRAM_TAIL = r"""
.SH EXIT STATUS
.TP
.B 0
Good.
.TP
.B 1
The thing asked for failed.
.TP
.B 2
The command line is not understood.
.TP
.B 78
The configuration is at fault; every fault was printed with its line.
.SH SIGNALS
.TP
.BR SIGTERM ", " SIGINT
End \fBapcbridge run\fR; a command that was begun is brought to its end first.
.TP
.B SIGHUP
Read the configuration again; one with faults is refused and the old one stays.
.SH ENVIRONMENT
.TP
.B APCBRIDGE_SOCKET
The local socket of the daemon that is asked.
.TP
.BR CREDENTIALS_DIRECTORY ", " RUNTIME_DIRECTORY ", " NOTIFY_SOCKET ", " WATCHDOG_USEC
As set by
.BR systemd (1).
.SH FILES
.TP
.I /etc/apcbridge/apcbridge.yaml
The configuration, see
.BR apcbridge.yaml (5).
.TP
.I /var/lib/apcbridge
What must survive a restart.
.TP
.I /run/apcbridge/apcbridge.sock
The local socket. Whoever may connect may switch: the members of the group
.BR apcbridge .
.SH SEE ALSO
.BR apcbridge.yaml (5),
.BR systemctl (1),
.BR mosquitto_sub (1),
.BR snmpwalk (1),
.BR fence_apc_snmp (8)
"""

_FILE_HEAD = r"""
.SH DESCRIPTION
One YAML file, by default
.IR /etc/apcbridge/apcbridge.yaml .
.B apcbridge check\-config
tells everything that is wrong with it, each fault with its line, and opens and contacts nothing.
.PP
Unknown keys are errors. What is not configured is off: no PDU, broker, community or user is assumed.
Words are read as in YAML 1.2: off, no and on are words. Text that looks like a number needs quotes.
File names are relative to the configuration file. A file with a secret holds one line and must be readable by its
owner only; where systemd supplies a credential of that name (LoadCredential=), it is taken. Times are seconds.
"""

_FILE_TAIL = r"""
.SH EXAMPLE
.EX
pdus:
  \- id: pdu1
    port: /dev/serial/by\-id/usb\-FTDI_FT232R_A50285BI\-if00\-port0
    password_file: pdu1.password
    outlets:
      3: {name: nas, policy: no\-off}
    snmp: {listen: "127.0.0.1:1161"}
mqtt:
  url: mqtt://127.0.0.1:1883
  homeassistant: {discovery: device}
.EE
.SH SEE ALSO
.BR apcbridge (1),
.BR systemd.exec (5)
"""


_TROFF = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "…": "...", "\N{MINUS SIGN}": r"\-"}


@dataclass(frozen=True, slots=True)
class Edition:
    """What the foot of a page says."""

    version: str
    date: str


def program_page(program: Program, edition: Edition) -> str:
    """Return apcbridge(1)."""
    lines = [
        _title("APCBRIDGE", 1, edition, "User Commands"),
        ".SH NAME",
        rf"apcbridge \- {_plain(program.summary.partition(': ')[2].rstrip('.'))}",
        ".SH SYNOPSIS",
        r".B apcbridge",
        r".I COMMAND",
        r"[\fIOPTION\fR ...]",
        ".SH OPTIONS",
        *_tagged(program.options),
        ".SH COMMANDS",
    ]
    for command in program.commands:
        lines += _command(command)
    return "\n".join(lines) + _PROGRAM_TAIL


def configuration_page(edition: Edition) -> str:
    """Return apcbridge.yaml(5)."""
    lines = [
        _title("APCBRIDGE.YAML", 5, edition, "File Formats"),
        ".SH NAME",
        r"apcbridge.yaml \- configuration of apcbridge",
    ]
    keys = [line for title, path in _sections((), "") for line in _section(title, path)]
    return "\n".join(lines) + _FILE_HEAD + "\n".join(keys) + _FILE_TAIL


def _title(name: str, section: int, edition: Edition, manual: str) -> str:
    return f'.TH {name} {section} "{edition.date}" "apcbridge {edition.version}" "{manual}"'


def _command(command: Command) -> Iterator[str]:
    words = [
        rf"\fBapcbridge {_plain(command.name)}\fR",
        *map(_usage, command.options),
        *map(_usage, command.positionals),
    ]
    yield f".SS {_plain(command.name)}"
    yield " ".join(words)
    yield ".PP"
    yield _prose(f"{command.summary[:1].upper()}{command.summary[1:]}.")
    yield from _tagged(argument for argument in command.arguments if argument.help and "--help" not in argument.flags)


def _usage(argument: Argument) -> str:
    if not argument.flags:
        word = rf"\fI{_plain(argument.value)}\fR" if not argument.choices else _alternatives(argument.choices)
        return f"[{word}]" if argument.optional else word
    value = rf" \fI{_plain(argument.value)}\fR" if argument.takes_value and not argument.choices else ""
    if argument.takes_value and argument.choices:
        value = f" {_alternatives(argument.choices)}"
    return rf"[\fB{_plain(argument.flags[0])}\fR{value}]"


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(rf"\fB{_plain(word)}\fR" for word in words)


def _tagged(arguments: Iterable[Argument]) -> Iterator[str]:
    for argument in arguments:
        names = argument.flags or (argument.value,)
        tag = ", ".join(rf"\fB{_plain(name)}\fR" for name in names)
        yield ".TP"
        yield tag + (rf" \fI{_plain(argument.value)}\fR" if argument.flags and argument.takes_value else "")
        yield _prose(f"{argument.help[:1].upper()}{argument.help[1:]}.")


def _sections(path: KeyPath, title: str) -> Iterator[tuple[str, KeyPath]]:
    """Yield every mapping of the schema below ``path``, as it is written and as it is found."""
    node = at(path) or {}
    if node.get("properties"):
        if path:
            yield title, path
        for name in cast("Schema", node["properties"]):
            yield from _sections((*path, name), f"{title}.{name}".lstrip("."))
    elif node.get("items"):
        yield from _sections((*path, 0), f"{title}[]")
    elif node.get("additionalProperties"):
        yield from _sections((*path, 1), f"{title}.N")


def _section(title: str, path: KeyPath) -> Iterator[str]:
    node = at(path) or {}
    required = cast("list[str]", node.get("required", []))
    yield f".SH {_plain(title)}"
    for name in cast("Schema", node["properties"]):
        entry = at((*path, name)) or {}
        yield ".TP"
        yield rf"\fB{_plain(name)}\fR{_kind(entry)}"
        default = entry.get("default")
        note = ""
        if name in required:
            note = " Required."
        elif isinstance(default, bool):
            note = f" Default: {str(default).lower()}."
        elif isinstance(default, str | int | float):
            note = f" Default: {default:g}." if isinstance(default, float) else f" Default: {default}."
        yield _prose(text_of(entry) + note)


def _kind(entry: Schema) -> str:
    words = entry.get("enum")
    if isinstance(words, list):
        return f" ({', '.join(_plain(str(word)) for word in words)})"
    return {"boolean": " (true, false)", "number": " (number)", "integer": " (whole number)"}.get(
        str(entry.get("type")), ""
    )


def _plain(text: str) -> str:
    """Escape what troff would take for its own."""
    return "".join(_TROFF.get(letter, letter) for letter in text)


def _prose(text: str) -> str:
    """Escape a sentence; what stands in backquotes becomes bold."""
    bold = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", _plain(re.sub(r"([.)])\.$", r"\1", text)))
    return rf"\&{bold}" if bold.startswith((".", "'")) else bold
