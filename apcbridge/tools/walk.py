"""Walking what a console offers by its own labels, without ever touching what acts. Dialogs: pure.

Only what stands in the tables here is entered or typed. A screen that nobody has seen is recorded and left. Whatever
acts lies on a screen from which nothing is ever chosen, so that a digit garbled by the line cannot act either: it
leads, at worst, to such a screen.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from typing import TYPE_CHECKING

from apcbridge.console import menu
from apcbridge.console.dialects import DialectId
from apcbridge.console.dialog import CTRL_C, CTRL_L, ESC, LoginPromptSeen, Send
from apcbridge.console.scanner import Prompt
from apcbridge.console.screens import Kind
from apcbridge.errors import ScreenUnrecognised

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.console.dialog import Dialog, Memory
    from apcbridge.console.screens import Item, Screen
    from apcbridge.tools.transcript import Transcript

MOST_SCREENS = 60
"""The largest menu tree known has about twenty that may be entered."""
MOST_GARBLED = 12
"""So many screens that cannot be read: the line is bad, or this is no console of APC's."""
_PATIENCE_S = 8.0
_FIRST_OUTLET = "the first outlet"
"""Stands in a path for item 1 of the outlet list: the pages of the others look the same."""
_LOADS = r"(?:Phase|Bank|Load) (?:Management|Monitor)(?:/Configuration)?"

BY_KIND: Mapping[Kind, str] = {
    Kind.MAIN: r"Device Manager|Outlet Manager|Network|System",
    Kind.DEVICE_MANAGER: (
        rf"{_LOADS}|Outlet Management|Outlet Control(?:/Configuration)?|Outlet Restriction(?: Configuration)?"
        r"|Power Supply Status|MasterSwitch plus 1"
    ),
    Kind.OUTLET_MANAGEMENT: r"Outlet Control/Configuration|Outlet Restriction",
    # Shows the delays; what is behind "Control Outlet" acts.
    Kind.OUTLET: r"Configure Outlet|Configuration of Outlet.*|Outlet Configuration(?: \d:\d{1,2})?",
}
"""What may be entered from a screen of that kind: whole labels. All of it leads to screens that only show."""

BY_TITLE: Mapping[str, str] = {
    # Not: SNMP, Email and Syslog, which show communities and addresses; Ping, which asks for one.
    r"Network": r"TCP/IP(?: .*)?|Telnet/SSH|Web/SSL/TLS|FTP Server",
    # Not: Tools, where the card is restarted and wiped.
    r"System": r"User Manager|Identification|Date/Time|About(?: .*)?",
    r"User Manager": r"Administrator",
    _LOADS: r"Phase (?:L)?\d",
}
"""The same for screens without a kind of their own, by their title."""

COMMANDS: Mapping[DialectId, tuple[str, ...]] = {
    DialectId.D3C: (
        "help",
        "ver",
        "whoami",
        "status",
        "list",
        "current",
        "power",
        "powerondelay all",
        "poweroffdelay all",
        "rebootduration all",
    ),
    DialectId.D4: (
        "?",
        "about",
        "system",
        "date",
        "whoami",
        "console",
        "tcpip",
        "boot",
        "portspeed",
        "session",
        "lastrst",
        "alarmcount",
        "prodInfo",
        "olStatus all",
        "olName all",
        "olOnDelay all",
        "olOffDelay all",
        "olRbootTime all",
        "olReading all current",
        "phReading all current",
        "phReading all power",
        "phReading all voltage",
        "bkReading all",
        "devReading power",
        "devReading energy",
        "eventlog",
    ),
}
"""What is typed at a command line: each only shows (without a value, a setting is read)."""

Path = tuple[str, ...]


def walk_menus(memory: Memory, transcript: Transcript) -> Dialog[list[str]]:
    """Record every menu screen that may be entered, the nearest first; return what was seen and left alone.

    A screen that cannot be read is recorded as it came and tried once more: it may have been noise.
    """
    left: list[str] = []
    seen: set[tuple[str, tuple[str, ...]]] = set()
    garbled: Counter[Path] = Counter()
    paths: deque[Path] = deque([()])
    for _ in range(MOST_SCREENS):
        if not paths:
            break
        path = paths.popleft()
        try:
            screen = yield from _visit(memory, transcript, path)
        except ScreenUnrecognised as error:
            garbled[path] += 1
            if isinstance(error, LoginPromptSeen) or garbled.total() > MOST_GARBLED:
                raise
            yield from _get_out(memory, path)
            paths.extend([path] if garbled[path] == 1 else [])
            continue
        mark = (screen.title, tuple(item.label for item in screen.items)) if screen else ("", ())
        if screen is None or mark in seen:
            continue
        seen.add(mark)
        inviting = _inviting(screen)
        paths.extend((*path, label) for label in inviting)
        left += [_whole_path((*path, item.label)) for item in _left_alone(screen, inviting)]
    yield from _record_log(memory, transcript)
    return left + [f"{_whole_path(path)} (not understood)" for path, times in garbled.items() if times > 1]


def run_commands(transcript: Transcript, dialect: DialectId) -> Dialog[list[str]]:
    """Record the answers of a command line; return what was asked and led somewhere else than back to it."""
    strange: list[str] = []
    for command in COMMANDS[dialect]:
        transcript.begin(f"command: {command}")
        reply = yield Send(command)
        if reply.prompt is Prompt.EVENT_LOG:
            reply = yield Send(ESC, enter=False)
        if reply.prompt not in (Prompt.SHELL, Prompt.DASH_C):
            strange.append(f"{command} ({reply.prompt} prompt)")
            reply = yield Send(CTRL_C, enter=False)
            if reply.prompt not in (Prompt.SHELL, Prompt.DASH_C):
                raise ScreenUnrecognised(f"no way back from {command!r}: {reply.prompt} prompt")
    transcript.pause()
    return strange


def _visit(memory: Memory, transcript: Transcript, path: Path) -> Dialog[Screen | None]:
    """Go to a screen from the Control Console and record it; None if nothing is there to be read."""
    transcript.pause()
    screen = yield from menu.to_main(memory)
    if not path:
        transcript.begin(_whole_path(()))
        return (yield from menu.show(memory, Send()))
    for label in path[:-1]:
        item = _find(screen, label)
        if item is None:
            return None
        screen = yield from menu.choose(memory, item)
    item = _find(screen, path[-1])
    if item is None:
        return None
    transcript.begin(_whole_path(path))
    reply = yield Send(str(item.number), wants_input=True, silence_s=_PATIENCE_S)
    if reply.prompt is not Prompt.MENU:
        yield from _get_out(memory, path)
        return None
    shown = menu.land(memory, reply)
    return None if shown.title == screen.title and shown.items == screen.items else shown


def _get_out(memory: Memory, path: Path) -> Dialog[None]:
    """Leave whatever asks there, or is not understood: neither text nor ENTER is typed into it."""
    memory.screen = None
    for key in (CTRL_C, ESC, ESC, ESC):
        reply = yield Send(key, enter=False, silence_s=1.0)
        try:
            menu.land(memory, reply)
        except ScreenUnrecognised:
            continue
        return
    raise ScreenUnrecognised(f"no way back from {_whole_path(path)}")


def _record_log(memory: Memory, transcript: Transcript) -> Dialog[None]:
    transcript.pause()
    screen = yield from menu.to_main(memory)
    if not screen.has_event_log:
        return
    transcript.begin("event log")
    reply = yield Send(CTRL_L, enter=False, silence_s=_PATIENCE_S)
    memory.screen = None
    if reply.prompt is Prompt.EVENT_LOG:
        # Any other key but ESC may page or, with D, delete.
        reply = yield Send(ESC, enter=False)
    transcript.pause()
    if reply.prompt is Prompt.MENU:
        menu.land(memory, reply)
    else:
        yield from _get_out(memory, ("event log",))


def _inviting(screen: Screen) -> list[str]:
    """Return the labels on a screen that may be entered."""
    if screen.kind is Kind.LIST:
        return [_FIRST_OUTLET] if _find(screen, _FIRST_OUTLET) else []
    grammar = BY_KIND.get(screen.kind)
    if grammar is None:
        grammar = next((labels for title, labels in BY_TITLE.items() if re.fullmatch(title, screen.title)), None)
    if grammar is None:
        return []
    labels = [item.label for item in screen.items if re.fullmatch(grammar, item.label)]
    return [label for label in labels if labels.count(label) == 1]


def _find(screen: Screen, label: str) -> Item | None:
    if label != _FIRST_OUTLET:
        return screen.find(label)
    items = screen.items
    # A list of one item has only the one for all outlets.
    return items[0] if screen.kind is Kind.LIST and len(items) > 1 and items[0].number == 1 else None


def _left_alone(screen: Screen, inviting: list[str]) -> list[Item]:
    """Return the menu items that are not entered; settings and the rows of lists are none."""
    if screen.kind is Kind.LIST:
        return []
    return [i for i in screen.items if i.label not in inviting and i.value is None and i.label != "Accept Changes"]


def _whole_path(path: Path) -> str:
    return " > ".join(("Control Console", *(" ".join(label.split()) for label in path)))
