"""The goals as conversations on the menus. Items are chosen by their words; numbers are what the screen says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from apcbridge.console import screens
from apcbridge.console.dialects import ACTION_LABELS, SUCCESS, DialectId
from apcbridge.console.dialog import CTRL_C, ESC, Dialog, Emit, Memory, Pause, Reply, Send
from apcbridge.console.events import ActuationSent, GoalResult, OutletReading, OutletRow, StatusReading
from apcbridge.console.goals import Switch, SwitchAction
from apcbridge.console.scanner import Prompt
from apcbridge.console.screens import Item, Kind, Screen
from apcbridge.console.settle import Watch
from apcbridge.errors import (
    CommandRejected,
    ConsoleError,
    GoalTimeout,
    OutletMismatch,
    ScreenUnrecognised,
)

if TYPE_CHECKING:
    from apcbridge.console.screens import OutletPage

_MAX_STEPS = 12
"""The deepest walk known is main, device manager, outlet management, list, outlet, action menu, and back."""

_CONTROL = re.compile(r"Control Outlet|Control of Outlet.*|Outlet Control(?:/Configuration)?(?: \d:\d{1,2})?")
_TO_LIST = {
    Kind.MAIN: re.compile(r"Device Manager|Outlet Manager"),
    Kind.DEVICE_MANAGER: re.compile(r"Outlet Management|Outlet Control/Configuration|MasterSwitch plus 1", re.ASCII),
    Kind.OUTLET_MANAGEMENT: re.compile(r"Outlet Control/Configuration"),
}
_MAY_SKIP_CONFIRMATION = frozenset({DialectId.D0, DialectId.D1, DialectId.D2_OLD, DialectId.D2_NEW})
"""On a MasterSwitch the confirmation can be switched off (cluster-glue): choosing the item may already act."""


# --- walking ---------------------------------------------------------------------------------------------------


def show(memory: Memory, send: Send) -> Dialog[Screen]:
    """Type something that leads to another menu screen; return that screen."""
    reply = yield send
    return land(memory, reply)


def land(memory: Memory, reply: Reply) -> Screen:
    """Take the menu screen at the end of a reply as the place where we are."""
    memory.screen = None
    if reply.prompt is not Prompt.MENU:
        raise ScreenUnrecognised(f"a menu was due, {reply.prompt} prompt came after {screens.summary(reply.text)}")
    memory.screen = screens.parse_screen(reply.text)
    return memory.screen


def choose(memory: Memory, item: Item) -> Dialog[Screen]:
    """Choose a menu item."""
    return (yield from show(memory, Send(str(item.number))))


def here(memory: Memory) -> Dialog[Screen]:
    """Return the screen we stand on; asks the console when we have not seen it."""
    if memory.screen is not None:
        return memory.screen
    return (yield from show(memory, Send()))


def to_main(memory: Memory) -> Dialog[Screen]:
    """Go to the Control Console: CTRL-C leads there from anywhere, ESC level by level where it does not."""
    screen = yield from here(memory)
    if screen.kind is Kind.MAIN:
        return screen
    reply = yield Send(CTRL_C, enter=False, silence_s=1.0)
    if reply.prompt is Prompt.MENU:
        screen = land(memory, reply)
    for _ in range(_MAX_STEPS):
        if screen.kind is Kind.MAIN:
            return screen
        screen = yield from show(memory, Send(ESC, enter=False))
    raise ScreenUnrecognised(f"no way from {screen.title!r} to the Control Console")


def to_list(memory: Memory) -> Dialog[Screen]:
    """Go to the outlet list and return it freshly printed."""
    screen = memory.screen
    if screen is None or screen.kind is Kind.LIST:
        screen = yield from show(memory, Send())
    for _ in range(_MAX_STEPS):
        kind = screen.kind
        if kind is Kind.LIST:
            return screen
        way = _TO_LIST.get(kind)
        item = screen.find_match(way) if way else None
        if item is None and way is not None:
            raise ScreenUnrecognised(f"{screen.title!r} has no item that leads to the outlets")
        screen = yield from (choose(memory, item) if item else show(memory, Send(ESC, enter=False)))
    raise ScreenUnrecognised(f"no way from {screen.title!r} to the outlet list")


# --- reading ---------------------------------------------------------------------------------------------------


def read_list(memory: Memory) -> Dialog[tuple[OutletRow, ...]]:
    """Read the whole outlet list; where nothing proves its length, read it twice and believe what agrees."""
    screen = yield from to_list(memory)
    table = screens.parse_outlet_list(screen, memory.outlets)
    if not table.sure:
        again = screens.parse_outlet_list((yield from to_list(memory)), len(table.rows))
        if [row.name for row in again.rows] != [row.name for row in table.rows]:
            raise ScreenUnrecognised("two readings of the outlet list do not agree")
        table = again
    memory.outlets = len(table.rows)
    memory.rows = {row.number: row for row in table.rows}
    return table.rows


def read_status(memory: Memory) -> Dialog[GoalResult]:
    """Read all outlets."""
    rows = yield from read_list(memory)
    yield Emit(StatusReading(rows=rows))
    return GoalResult()


# --- switching -------------------------------------------------------------------------------------------------


def switch(memory: Memory, goal: Switch) -> Dialog[GoalResult]:
    """Do one thing to one outlet at most once, then read it back."""
    menu, before = yield from _to_action_menu(memory, goal)
    labels = ACTION_LABELS[goal.action]
    item = menu.find(*labels)
    if item is None:
        raise CommandRejected(f"{menu.title!r} offers no {labels[0]!r}")
    reply = yield Send(str(item.number), echo_first=True, actuates=memory.dialect in _MAY_SKIP_CONFIRMATION)
    memory.screen = None
    if reply.prompt is Prompt.CONFIRM:
        try:
            check_confirmation(reply.text, goal, before.name)
        except ConsoleError:
            yield from cancel_confirmation()
            raise
        reply = yield Send("YES", actuates=True)
    elif any(SUCCESS.search(line) for line in reply.lines):
        yield Emit(ActuationSent(goal))
    if not any(SUCCESS.search(line) for line in reply.lines):
        raise CommandRejected(f"no success was reported: {screens.summary(reply.text)}")
    return (yield from _read_back(memory, goal, before, reply))


def _to_action_menu(memory: Memory, goal: Switch) -> Dialog[tuple[Screen, OutletPage]]:
    """Open the outlet's menu of actions, checking on each page that it is the outlet asked for."""
    if _stands_on_menu_of(memory, goal):
        screen = yield from show(memory, Send())
        return screen, check_page(screen, goal, screens.parse_outlet_page(screen).name)
    if goal.outlet not in memory.rows or memory.screen is None or memory.screen.kind is not Kind.LIST:
        yield from read_list(memory)
    row = memory.rows.get(goal.outlet)
    if row is None:
        raise OutletMismatch(f"the PDU shows no outlet {goal.outlet}")
    check_name(row.name, goal)
    screen = yield from show(memory, Send(str(row.number), echo_first=True))
    page = check_page(screen, goal, row.name)
    if screen.find(*ACTION_LABELS[SwitchAction.ON]) is None:
        control = screen.find_match(_CONTROL)
        if control is None:
            raise ScreenUnrecognised(f"{screen.title!r} has no item that controls the outlet")
        screen = yield from choose(memory, control)
        page = check_page(screen, goal, row.name)
    return screen, page


def _stands_on_menu_of(memory: Memory, goal: Switch) -> bool:
    """Tell whether the last goal left us on the very menu of actions that this one needs."""
    screen = memory.screen
    if screen is None or screen.kind is not Kind.OUTLET or screen.find(*ACTION_LABELS[SwitchAction.ON]) is None:
        return False
    return screens.parse_outlet_page(screen).number == goal.outlet


def check_name(shown: str, goal: Switch) -> None:
    """Raise OutletMismatch unless the name on the screen is the one asked for, to the letter."""
    if goal.name is not None and shown != goal.name.strip():
        raise OutletMismatch(f"outlet {goal.outlet} is called {shown!r}, not {goal.name!r}")


def check_page(screen: Screen, goal: Switch, listed_name: str) -> OutletPage:
    """Read an outlet's page; raise OutletMismatch unless it is the outlet asked for and listed."""
    page = screens.parse_outlet_page(screen)
    if page.number is not None and page.number != goal.outlet:
        raise OutletMismatch(f"the page is that of outlet {page.number}, not {goal.outlet}")
    check_name(page.name, goal)
    if page.name != listed_name:
        raise OutletMismatch(f"the list says {listed_name!r}, the page {page.name!r}")
    return page


def check_confirmation(text: str, goal: Switch, name: str) -> None:
    """Raise OutletMismatch if the text above the YES prompt names another outlet, name or action.

    Only the text of Immediate Reboot is known (``outlet 2 named 'Zedboard-1'``): what other texts do not say is
    not missed, what they do say must fit.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = " ".join(" ".join(lines[:-1]).split())
    quoted = f"named '{' '.join(name.split())}'"
    if "named '" in words and quoted not in words:
        raise OutletMismatch(f"the confirmation does not name {name!r}: {screens.summary(words)}")
    words = words.replace(quoted, "")
    numbers = {int(number) for number in re.findall(r"\boutlet (?:\d:)?(\d{1,2})\b", words, re.IGNORECASE)}
    if numbers - {goal.outlet}:
        raise OutletMismatch(f"the confirmation speaks of outlet {sorted(numbers)}, not {goal.outlet}")
    if re.search(r"\ball\b.{0,20}\boutlets\b|\bmaster\b", words, re.IGNORECASE):
        raise OutletMismatch(f"the confirmation speaks of all outlets: {screens.summary(words)}")
    for action, labels in ACTION_LABELS.items():
        if action is not goal.action and any(label in lines for label in labels):
            raise OutletMismatch(f"the confirmation is for {action}, not {goal.action}")


def cancel_confirmation() -> Dialog[None]:
    """Leave a YES prompt by a bare ENTER; whether the console answers is of no matter."""
    try:
        yield Send()
    except GoalTimeout:
        return


def _read_back(memory: Memory, goal: Switch, before: OutletPage, reply: Reply) -> Dialog[GoalResult]:
    """Refresh the outlet's menu until it shows the effect or the settle time is over.

    The success text means accepted, not done: the relay may follow by a moment.
    """
    watch = Watch(goal.action, before.state)
    deadline = reply.at + goal.settle_s
    while True:
        page = check_page(land(memory, reply), goal, before.name)
        row = OutletRow(number=goal.outlet, name=page.name, state=page.state, pending=page.pending)
        yield Emit(OutletReading(row))
        result = watch.see(row)
        if result is not None:
            return result
        if reply.at >= deadline:
            return watch.give_up()
        yield Pause(reply.at + goal.poll_s)
        reply = yield Send()
