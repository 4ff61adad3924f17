"""Screens of the two command lines, drawn from the layout rules of the devices."""

from __future__ import annotations

from tests.unit.console.rackpdu import PASSWORD, USER, WAKE, lines

PROMPT = b"apc>"
DASH_C_PROMPT = b"APC>"

BANNER = lines(
    "",
    "",
    "Schneider Electric                      Network Management Card AOS      v6.9.6",
    "(c) Copyright 2020 All Rights Reserved  RPDU 2g APP                      v6.9.6",
    "-" * 79,
    f"{'Name      : rack7':<54}Date : 07/07/2022",
    f"{'Contact   : Unknown':<54}Time : 01:18:18",
    f"{'Location  : Unknown':<54}User : Super User",
    f"{'Up Time   : 0 Days 12 Hours 17 Minutes':<54}Stat : P+ N4+ N6+ A+",
    "-" * 79,
    "IPv4               : Enabled            IPv6               : Enabled",
    "User Name          : Disabled",
    "",
    "",
    "Type ? for command listing",
    "Use tcpip command for IP address(-i), subnet(-s), and gateway(-g)",
    "",
)


def login(password: bytes, answer: bytes) -> list[tuple[bytes, bytes]]:
    return [
        *WAKE,
        (b"apc\r", b"apc" + PASSWORD),
        (password + b"\r", b"*" * len(password) + b"\r\n" + answer),
    ]


SHELL_LOGIN = login(b"apc", BANNER + PROMPT)
DASH_C_LOGIN = login(b"apc -c", lines("", "Unit ID: rack7", "Outlets: 8", "") + DASH_C_PROMPT)


def command(
    line: bytes, *data: str, prompt: bytes = PROMPT, code: str = "E000: Success", last: bool = False
) -> tuple[bytes, bytes]:
    """One command with its answer; the code before the data, or after it."""
    body = [*data, code] if last else [code, *data]
    return (line + b"\r", line + b"\r\n" + lines(*body, "") + prompt)


def typed(line: bytes, *data: str, prompt: bytes = PROMPT, code: str = "E000: Success") -> list[tuple[bytes, bytes]]:
    """A command whose ENTER waits for its echo."""
    return [(line, line), (b"\r", b"\r\n" + lines(code, *data, "") + prompt)]


def shell_rows(*states: str, first: int = 1) -> list[str]:
    return [f"{number:2d}: Outlet {number}: {state}" for number, state in enumerate(states, first)]


def dash_c_rows(*states: str, first: int = 1) -> list[str]:
    return [f"{number}: {state:<6}: Outlet {number}" for number, state in enumerate(states, first)]


__all__ = ["USER"]
