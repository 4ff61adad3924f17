"""Walking the menus and reading what they show. Items are chosen by their words; numbers are what the screen says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.console import outlet_lists, screens
from apcbridge.console.dialects import DialectId
from apcbridge.console.dialog import CTRL_C, ESC, Dialog, Emit, Memory, Reply, Send
from apcbridge.console.events import GoalResult, LoadReading, StatusReading
from apcbridge.console.scanner import Prompt
from apcbridge.console.screens import Item, Kind, Screen
from apcbridge.errors import ScreenUnrecognised, TableIncomplete

if TYPE_CHECKING:
    from apcbridge.console.events import OutletRow
    from apcbridge.console.outlet_lists import OutletList
    from apcbridge.model import Load

_MAX_STEPS = 12
"""The deepest walk known is main, device manager, outlet management, list, outlet, action menu, and back."""

_TO_LIST = {
    Kind.MAIN: re.compile(r"Device Manager|Outlet Manager"),
    Kind.DEVICE_MANAGER: re.compile(r"Outlet Management|Outlet Control(?:/Configuration)?|MasterSwitch plus 1"),
    Kind.OUTLET_MANAGEMENT: re.compile(r"Outlet Control(?:/Configuration)?"),
}
_TO_LOADS = re.compile(r"(?:Phase|Bank|Load) (?:Management|Monitor)(?:/Configuration)?")
_ONE_PHASE = re.compile(r"Phase (?:L)?\d")
CONTROL_ALL = re.compile(
    r"Control of (?:ALL (?:Accessible )?Outlets|Master|Outlet)|Master Control|Control Outlet", re.IGNORECASE
)
"""On the page for all outlets."""
_RESTRICTION = re.compile(r"Outlet Restriction.*")


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
    reply = yield Send(CTRL_C, enter=False, silence_s=memory.patience_s(1.0))
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
        if item is not None and item.label.startswith("Outlet Control"):
            memory.renumbered = screen.find_match(_RESTRICTION) is None
        screen = yield from (choose(memory, item) if item else show(memory, Send(ESC, enter=False)))
    raise ScreenUnrecognised(f"no way from {screen.title!r} to the outlet list")


# --- the outlet list -------------------------------------------------------------------------------------------


def read_list(memory: Memory) -> Dialog[tuple[OutletRow, ...]]:
    """Read the whole outlet list; where nothing proves its length, or a name is new, two readings must agree."""
    table = yield from _sure_list(memory)
    if memory.renumbered or memory.is_outlet_user:
        return (yield from _true_numbers(memory, table.rows))
    memory.outlets = len(table.rows)
    memory.items = {row.number: row.number for row in table.rows}
    memory.names = {row.number: row.name for row in table.rows}
    memory.states = {row.number: row.state for row in table.rows}
    return table.rows


def _sure_list(memory: Memory) -> Dialog[OutletList]:
    table = yield from _one_list(memory, None if memory.renumbered or memory.is_outlet_user else memory.outlets)
    names = tuple(row.name for row in table.rows)
    if table.sure and memory.knows_names(names):
        memory.listed_names = names
        return table
    again = yield from _one_list(memory, len(table.rows))
    if tuple(row.name for row in again.rows) != names or (not table.sure and again.strange != table.strange):
        raise TableIncomplete("two readings of the outlet list do not agree")
    memory.listed_names = names
    return again


def _one_list(memory: Memory, expected: int | None) -> Dialog[OutletList]:
    screen = yield from to_list(memory)
    if memory.dialect is DialectId.D0 and (told := outlet_lists.parse_colon_rows(screen, expected)) is not None:
        return told
    try:
        return parse_list(memory, screen, expected)
    except TableIncomplete:
        if memory.dialect is not DialectId.D0:
            raise
    return (yield from _list_without_states(memory, screen, expected))


def parse_list(memory: Memory, screen: Screen, expected: int | None) -> OutletList:
    """Read the outlet list of this dialect from its screen."""
    loose = memory.dialect in (DialectId.D2_OLD, DialectId.D2_NEW)
    return outlet_lists.parse_outlet_list(screen, expected, loose=loose)


def _list_without_states(memory: Memory, screen: Screen, expected: int | None) -> Dialog[OutletList]:
    """Read the AP9210, whose list has the names and whose screen for all outlets has the states.

    A still earlier MasterSwitch shows them above its main menu. Nothing but ESC is typed on those screens.
    """
    names, master = outlet_lists.parse_names(screen, expected)
    shown = yield from choose(memory, master)
    states = outlet_lists.parse_state_block(shown.lines)
    control = None if states else shown.find_match(CONTROL_ALL)
    if control is not None:
        shown = yield from choose(memory, control)
        states = outlet_lists.parse_state_block(shown.lines)
    if not states:
        states = outlet_lists.parse_state_block((yield from to_main(memory)).above)
    while shown.kind is not Kind.LIST and memory.screen is not None and memory.screen.kind is not Kind.MAIN:
        shown = yield from show(memory, Send(ESC, enter=False))
    return outlet_lists.join_names_and_states(names, states, all_seen=not memory.is_outlet_user)


def _true_numbers(memory: Memory, rows: tuple[OutletRow, ...]) -> Dialog[tuple[OutletRow, ...]]:
    """Give the rows of an outlet user's list, which counts only its own outlets, the numbers on their pages."""
    known = {item: number for number, item in memory.items.items()}
    if [memory.names.get(known.get(row.number, 0)) for row in rows] != [row.name for row in rows]:
        known = {}
        for row in rows:
            page = screens.parse_outlet_page((yield from show(memory, Send(str(row.number)))))
            if page.number is None or page.name != row.name:
                raise ScreenUnrecognised(f"the page of item {row.number} does not tell which outlet it is")
            known[row.number] = page.number
            yield from to_list(memory)
    numbers = [known[row.number] for row in rows]
    if sorted(set(numbers)) != numbers:
        raise TableIncomplete(f"the outlets are numbered {numbers}")
    memory.items = {known[row.number]: row.number for row in rows}
    memory.names = {known[row.number]: row.name for row in rows}
    memory.states = {known[row.number]: row.state for row in rows}
    return tuple(replace(row, number=known[row.number]) for row in rows)


def read_status(memory: Memory, *, load: bool) -> Dialog[GoalResult]:
    """Read all outlets, then walk to the loads."""
    rows = yield from read_list(memory)
    yield Emit(StatusReading(rows=rows))
    if load and memory.dialect in (DialectId.D3A, DialectId.D3B):
        yield Emit((yield from _read_loads(memory)))
    return GoalResult()


# --- the loads -------------------------------------------------------------------------------------------------


def _read_loads(memory: Memory) -> Dialog[LoadReading]:
    """Read every load screen that the Device Manager leads to; ends on the Device Manager."""
    manager = yield from to_device_manager(memory)
    phases: list[Load] = []
    banks: list[Load] = []
    total: int | None = None
    for item in manager.items:
        if not _TO_LOADS.fullmatch(item.label):
            continue
        screen = yield from choose(memory, item)
        loads = screens.parse_loads(screen)
        banks += loads.banks
        phases += loads.phases
        total = loads.total_deciamps if total is None else total
        for phase in screen.items if not loads.phases else ():
            if _ONE_PHASE.fullmatch(phase.label):
                page = screens.parse_loads((yield from choose(memory, phase)))
                phases += [replace(load, index=int(phase.label[-1])) for load in page.phases[:1]]
                yield from show(memory, Send(ESC, enter=False))
        yield from to_device_manager(memory)
    return LoadReading(phases=tuple(phases), banks=tuple(banks), total_deciamps=total)


def to_device_manager(memory: Memory) -> Dialog[Screen]:
    """Go up (or down from the Control Console) to the Device Manager."""
    screen = yield from here(memory)
    for _ in range(_MAX_STEPS):
        if screen.kind is Kind.DEVICE_MANAGER:
            return screen
        item = screen.find("Device Manager") if screen.kind is Kind.MAIN else None
        screen = yield from (choose(memory, item) if item else show(memory, Send(ESC, enter=False)))
    raise ScreenUnrecognised(f"no way from {screen.title!r} to the Device Manager")
