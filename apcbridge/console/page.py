"""The page ``docs/supported-devices.md``, made of the dialects: ``python -m apcbridge.console.page`` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.console.dialects import (
    CAPABILITIES,
    DASH_C_VERBS,
    SHELL_VERBS,
    WEB_ONLY,
    DialectId,
    lacks_security_setup,
)
from apcbridge.model import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    """What a reader recognises his unit by, and what our knowledge of its console rests on."""

    units: str
    firmware: str
    sign: str
    known: str


_DEVICES: Mapping[DialectId, _Device] = {
    DialectId.D0: _Device(
        units="AP9210, early MasterSwitch",
        firmware="1.1.x",
        sign="`Outlet Manager` on the main menu",
        known="The block of states and About V; item words, keys and success text X; the other screens I",
    ),
    DialectId.D1: _Device(
        units="MasterSwitch AP9211, AP9212; AP9606 card",
        firmware="AOS 2.5.x, 3.0.x; MasterSwitch APP 2.x",
        sign="banner `MasterSwitch APP`; the Device Manager is the outlet list",
        known="Banner V; list, actions, success text and switched-off confirmation X; outlet page I",
    ),
    DialectId.D2_OLD: _Device(
        units="MasterSwitch plus AP9225",
        firmware="APP 2.0.0, AOS 2.5.4",
        sign="`MasterSwitch plus 1` on the Device Manager; item 3 is Off",
        known="Rows, titles, items and success text X; everything between I",
    ),
    DialectId.D2_NEW: _Device(
        units="MasterSwitch plus AP9225",
        firmware="APP 2.0.2, 2.2.0 and later",
        sign="rows `Outlet 1:1`, with the control mode behind the state",
        known="Rows V; items and success text X; everything between I",
    ),
    DialectId.D3A: _Device(
        units="Switched Rack PDU AP79xx",
        firmware="AOS/APP 1.x and 2.x",
        sign="`Outlet Control/Configuration` on the Device Manager",
        known="Items X; screens as D3b, I",
    ),
    DialectId.D3B: _Device(
        units="Switched Rack PDU AP79xx",
        firmware="AOS/APP 3.x",
        sign="`Outlet Management` on the Device Manager",
        known="Login, lists of 8, 16 and 24, pager, one confirmation V; load screens X; settings X; other texts I",
    ),
    DialectId.D3C: _Device(
        units="the same, `-c` behind the password",
        firmware="late 2.x (unproven) and 3.x",
        sign="prompt `APC>`",
        known="status, current, power and switching V; delays, thresholds and names M",
    ),
    DialectId.D4: _Device(
        units="AP8xxx, AP79xxB, NMC3 units",
        firmware="AOS 5, 6; NMC3 from 1.x",
        sign="prompt `apc>`",
        known="Login, about, system, lastrst, event log, readings V; switching X; delays and thresholds M",
    ),
}

_MENUS = frozenset(DialectId) - {DialectId.D3C, DialectId.D4}
_RACK_PDUS = frozenset({DialectId.D3A, DialectId.D3B, DialectId.D3C, DialectId.D4})

_LOAD_SCREENS = frozenset({DialectId.D3A, DialectId.D3B})

_READ: Mapping[str, Callable[[DialectId], str]] = {
    "outlet states, names, the mark of a pending command": lambda _: "yes",
    "name, contact, location, versions, status flags": lambda each: "menus" if each is DialectId.D3C else "yes",
    "model, serial number, MAC, manufacture date": lambda each: _from(each, "if offered"),
    "up time": lambda each: "at each login" if CAPABILITIES[each].up_time_needs_login else "yes",
    "load of phases and banks": lambda each: _yes(CAPABILITIES[each].load),
    "thresholds of phases": lambda each: _yes(each is DialectId.D4),
    "thresholds of banks": lambda each: "yes" if each is DialectId.D4 else _yes(each in _LOAD_SCREENS),
    "load in watts and volt-amperes": lambda each: _yes(each in (DialectId.D3C, DialectId.D4)),
    "event log": lambda each: _from(each, "yes") if CAPABILITIES[each].event_log else "if offered",
    "cause of the last restart, alarm count": lambda each: _yes(CAPABILITIES[each].reset_cause),
    "delays, reboot duration": lambda each: "yes" if CAPABILITIES[each].outlet_config else "outlet by outlet",
    "address, gateway": lambda each: _from(each, "yes" if each in _RACK_PDUS else "if offered"),
}
_DONE: Mapping[str, Callable[[DialectId], str]] = {
    "on, off, reboot; one outlet or all": lambda _: "yes",
    "delayed forms": lambda each: _delayed(each, Action.DELAYED_ON),
    "cancel": lambda each: _delayed(each, Action.CANCEL),
    "outlet name, delays, reboot duration": lambda each: "yes" if each in _RACK_PDUS else "if offered",
    "name of the PDU": lambda each: "yes" if each in _RACK_PDUS else "if offered",
    "default gateway": lambda each: _from(each, "yes") if each in _RACK_PDUS else "if offered",
}


def _yes(told: bool) -> str:
    return "yes" if told else ""


def _from(dialect: DialectId, on_menus: str) -> str:
    """``-c`` cannot do it: a unit that has it is asked on its menus."""
    if dialect is DialectId.D3C:
        return "menus"
    return on_menus if dialect in _MENUS else "yes"


def _delayed(dialect: DialectId, action: Action) -> str:
    if dialect is DialectId.D3C:
        return "yes" if action in DASH_C_VERBS else "menus"
    if dialect is DialectId.D4:
        return _yes(action in SHELL_VERBS)
    return "yes" if CAPABILITIES[dialect].delayed_actions else "if offered"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _matrix(what: str, rows: Mapping[str, Callable[[DialectId], str]]) -> str:
    head = [what, *(each.value for each in DialectId)]
    return _table(head, [[label, *(tell(each) for each in DialectId)] for label, tell in rows.items()])


def _devices() -> str:
    rows = [[each.value, device.units, device.firmware, device.sign] for each, device in _DEVICES.items()]
    return _table(["dialect", "units", "firmware", "recognised by"], rows)


def _knowledge() -> str:
    return _table(["dialect", "what our knowledge rests on"], [[each.value, d.known] for each, d in _DEVICES.items()])


_INTRODUCTION = """\
# Supported devices

<!-- Made by `make docs` from the dialects; change apcbridge/console/page.py. -->

Every switched PDU of APC with a serial console, 8, 16 or 24 outlets, as administrator, device user or outlet user. A
console is recognised by what it prints, never by a model number: the same model has different consoles with
different firmware, and the newest cards count their versions from 1 again. `apcbridge probe PORT` tells which one
yours has. A console that is none of these is left alone: it is reported, and nothing is typed into it but what finds
the way out.
"""
_AFTER_DEVICES = """\
D3c is the hidden command line of the D3 units. With `access: auto` it is used where the unit has it, and the menus
for the rest ("menus" in the tables).
"""
_AFTER_READ = """\
What a console does not tell is absent, never zero. "If offered": where the menus have an item of that name. On
menus the loads cost a walk over several screens, so they are read less often than the outlets.
"""
_AFTER_DONE = """\
An outlet is found by number and checked by name, on its own page and in the text of the confirmation where there is
one; nothing is sent twice; what was set is read back. Never sent: `format`, `resetToDef`, the key that deletes the
event log.
"""
_EVIDENCE = """\
No PDU stood on our desk. Each dialect is built from public material and proven against a simulator and against other
programs' unmodified drivers:
V is printed by a real device, X is matched by a tool in production, M is in a manual, I is inferred. The console is
read so that an inference may be wrong: items are found by their words, lists are whole or refused, and where a
screen says something unexpected nothing is switched.
"""
_AFTER_EVIDENCE = """\
A recording of yours (`apcbridge record`) turns an I into a V.
"""


def _limits() -> str:
    old = ", ".join(each.value for each in DialectId if lacks_security_setup(each))
    return f"""\
- On {old}: {WEB_ONLY}.
  `apcbridge` does not need it; who wants it logs in there by hand.
- AOS 6 insists on a new password at the first login with the factory's. It is never typed into that question; log in
  by hand and set one.
- An NMC restart loses pending (delayed) commands. No console brings them back; they are reported as lost.
- Energy and per-outlet metering of metered-by-outlet units are not read.
"""


def render() -> str:
    """Return the page."""
    return "\n".join(
        (
            _INTRODUCTION,
            _devices(),
            _AFTER_DEVICES,
            "## What is read\n",
            _matrix("reading", _READ),
            _AFTER_READ,
            "## What can be done\n",
            _matrix("command", _DONE),
            _AFTER_DONE,
            "## How sure we are\n",
            _EVIDENCE,
            _knowledge(),
            _AFTER_EVIDENCE,
            "## What no serial console can do\n",
            _limits(),
        )
    )


if __name__ == "__main__":
    print(render(), end="")
