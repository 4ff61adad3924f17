"""Screens of a Rack PDU with AOS/APP 3.x, drawn from the layout rules of the device."""

from __future__ import annotations

USER = b"\r\nUser Name : "
PASSWORD = b"\r\nPassword  : "
PAGER = b"\r\n\r        Press <ENTER> to continue..."
CONFIRM = b"        Enter 'YES' to continue or <ENTER> to cancel : "
BYE = b"\r\nConnection Closed - Bye\r\n"

_MAIN_FOOTER = "     <ESC>- Main Menu, <ENTER>- Refresh, <CTRL-L>- Event Log"
_FOOTER = "     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log"
_HELP_FOOTER = "     ?- Help, <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log"


def lines(*texts: str) -> bytes:
    return "".join(text + "\r\n" for text in texts).encode("latin-1")


def title(text: str) -> str:
    return f"------- {text} ".ljust(79, "-")


def menu(heading: str, *body: str, footer: str = _FOOTER) -> bytes:
    return lines("", title(heading), "", *body, "", footer) + b"> "


def items(*labels: str) -> list[str]:
    return [f"{number:6d}- {label}" for number, label in enumerate(labels, 1)]


def banner(up_time: str = "7 Days 15 Hours 31 Minutes", name: str = "RackPDU") -> bytes:
    left = [f"Name      : {name}", "Contact   : Unknown", "Location  : Cage 4", f"Up Time   : {up_time}"]
    right = ["Date : 02/13/2013", "Time : 10:49:37", "User : Administrator", "Stat : P+ N+ A+"]
    return lines(
        "",
        "",
        "American Power Conversion               Network Management Card AOS      v3.7.3",
        "(c) Copyright 2009 All Rights Reserved  Rack PDU APP                     v3.7.3",
        "-" * 79,
        *(f"{one:<54}{two}" for one, two in zip(left, right, strict=True)),
        "",
        "Switched Rack PDU: Communication Established",
    )


MAIN = menu("Control Console", *items("Device Manager", "Network", "System", "Logout"), footer=_MAIN_FOOTER)
DEVICE_MANAGER = menu("Device Manager", *items("Phase Management", "Outlet Management", "Power Supply Status"))
OUTLET_MANAGEMENT = menu("Outlet Management", *items("Outlet Control/Configuration", "Outlet Restriction"))


def outlet_list(*states: str, names: dict[int, str] | None = None) -> bytes:
    """The list with its pager after row 22."""
    names = names or {}
    rows = [
        f"{number:6d}- {names.get(number, f'Outlet {number}'):<25}{state}" for number, state in enumerate(states, 1)
    ]
    rows.append(f"{len(states) + 1:6d}- Master Control/Configuration")
    if len(states) < 23:
        return menu("Outlet Control/Configuration", *rows)
    return lines("", title("Outlet Control/Configuration"), "", *rows[:22]) + PAGER


def rest_of_list(*states: str, first: int = 23) -> bytes:
    """What comes after the pager: the first row follows a bare CR."""
    rows = [f"{number:6d}- {f'Outlet {number}':<25}{state}" for number, state in enumerate(states, first)]
    rows.append(f"{first + len(states):6d}- Master Control/Configuration")
    return b"\r" + lines(*rows, "", _FOOTER) + b"> "


def _block(name: str, number: int, state: str) -> list[str]:
    return [f"        Name         : {name}", f"        Outlet       : {number}", f"        State        : {state}"]


def outlet_page(number: int, state: str, name: str = "") -> bytes:
    name = name or f"Outlet {number}"
    body = [*_block(name, number, state), "", *items("Control Outlet", "Configure Outlet")]
    return menu(name, *body, footer=_HELP_FOOTER)


def action_menu(number: int, state: str, name: str = "") -> bytes:
    name = name or f"Outlet {number}"
    labels = ["Immediate On", "Immediate Off", "Immediate Reboot", "Delayed On", "Delayed Off", "Delayed Reboot"]
    padded = [f"{label:<26}" for label in (*labels, "Cancel")]
    return menu("Control Outlet", *_block(name, number, state), "", *items(*padded), footer=_HELP_FOOTER)


def confirm(action: str, number: int, name: str = "") -> bytes:
    name = name or f"Outlet {number}"
    sentence = ["This command will act at once on", f"outlet {number} named '{name}'."]
    return lines("", "        " + "-" * 71, *(f"        {text}" for text in (action, *sentence)), "") + CONFIRM


SUCCESS = lines("        Command successfully issued.") + PAGER

WAKE = [(b"\x03", b""), (b"\x7f" * 80 + b"\x08" * 160 + b"\r", USER)]
"""A logged-out console that ignores CTRL-C."""


def login(password: bytes = b"apc", answer: bytes | None = None) -> list[tuple[bytes, bytes]]:
    stars = b"*" * len(password)
    return [
        (b"apc\r", b"apc" + PASSWORD),
        (password + b"\r", stars + (banner() + MAIN if answer is None else answer)),
        *([(b"1\r", b"1\r\n" + DEVICE_MANAGER)] if answer is None else []),
    ]


TO_LIST = [(b"2\r", b"2\r\n" + OUTLET_MANAGEMENT)]
