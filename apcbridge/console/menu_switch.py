"""Switching on the menus: one outlet, checked on its own page, at most once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.console import screens
from apcbridge.console.dialects import ACTION_LABELS, SUCCESS, DialectId
from apcbridge.console.dialog import GARBLED, Dialog, Emit, LoginPromptSeen, Memory, Pause, Reply, Send
from apcbridge.console.events import ActuationSent, GoalResult, OutletReading, OutletRow
from apcbridge.console.menu import CONTROL_ALL, choose, land, parse_list, read_list, show, to_list
from apcbridge.console.scanner import Prompt
from apcbridge.console.screens import Kind, OutletPage, Screen
from apcbridge.console.settle import Watch, read_back_all
from apcbridge.errors import CommandRejected, ConsoleError, GoalTimeout, OutletMismatch, ScreenUnrecognised
from apcbridge.model import Action

if TYPE_CHECKING:
    from apcbridge.console.goals import Switch, SwitchAll
    from apcbridge.console.screens import Item

_CONTROL = re.compile(r"Control Outlet|Control of Outlet.*|Outlet Control(?:/Configuration)?(?: \d:\d{1,2})?")
_MASTER = re.compile(
    r"Master Control(?:/Configuration)?|Master|(?:Control of )?ALL (?:Accessible )?Outlets", re.IGNORECASE
)
_MAY_SKIP_CONFIRMATION = frozenset({DialectId.D0, DialectId.D1, DialectId.D2_OLD, DialectId.D2_NEW})
"""On a MasterSwitch the confirmation can be switched off (cluster-glue): choosing the item may already act."""
_MAY_LACK_NUMBER = _MAY_SKIP_CONFIRMATION
"""No whole outlet page of these has been found: where one prints no number, or nothing at all but its title, the
list before it has."""
_NUMBERED = re.compile(r"\b(?:Outlet|Device) #?(?:\d:)?(\d{1,2})\b", re.IGNORECASE)
_PROSE = {
    "on": re.compile(r"\b(?:turn|switch|power)(?:ed|s)? on\b", re.IGNORECASE),
    "off": re.compile(r"\b(?:turn|switch|power)(?:ed|s)? off\b|\bshut ?down\b", re.IGNORECASE),
    "restart": re.compile(r"\bre(?:start|boot|cycle)\w*\b", re.IGNORECASE),
}
"""What a confirmation says that it will do, where it bears no heading."""
_UNTOLD_S = 3.0
"""How long an effect is looked for where no success was told: nothing may have been done at all."""


def switch(memory: Memory, goal: Switch) -> Dialog[GoalResult]:
    """Do one thing to one outlet at most once, then read it back."""
    menu, before = yield from _to_action_menu(memory, goal)
    goal.check_state(before.state)
    labels = ACTION_LABELS[goal.action]
    item = menu.find(*labels)
    if item is None:
        raise CommandRejected(f"{menu.title!r} offers no {labels[0]!r}")
    reply = yield _choose_action(memory, item)
    memory.screen = None
    if reply.prompt is Prompt.CONFIRM:
        try:
            check_confirmation(reply.text, goal, before.name)
        except ConsoleError:
            yield from cancel_confirmation()
            raise
        reply = yield Send("YES", actuates=True)
    elif _success(reply):
        yield Emit(ActuationSent(goal))
    return (yield from _read_back(memory, goal, before, reply))


def _choose_action(memory: Memory, item: Item) -> Send:
    actuates = memory.dialect in _MAY_SKIP_CONFIRMATION
    return Send(str(item.number), echo_first=True, may_ask=True, actuates=actuates)


def _success(reply: Reply) -> bool:
    return any(SUCCESS.search(line) for line in reply.lines)


def _require_success(reply: Reply) -> None:
    if not _success(reply):
        raise CommandRejected(f"no success was reported: {screens.summary(reply.text)}")


def _to_action_menu(memory: Memory, goal: Switch) -> Dialog[tuple[Screen, OutletPage]]:
    """Open the outlet's menu of actions, checking on each page that it is the outlet asked for."""
    if _stands_on_menu_of(memory, goal):
        screen = yield from show(memory, Send())
        return screen, check_page(memory, screen, goal, screens.parse_outlet_page(screen).name)
    if goal.outlet not in memory.items or not _stands_on_list(memory):
        yield from read_list(memory)
    if not _stands_on_list(memory):
        yield from to_list(memory)
    if goal.outlet not in memory.items:
        raise OutletMismatch(f"the PDU shows no outlet {goal.outlet}")
    listed_name = memory.names[goal.outlet]
    check_name(listed_name, goal)
    screen = yield from show(memory, Send(str(memory.items[goal.outlet]), echo_first=True))
    page = check_page(memory, screen, goal, listed_name)
    if screen.find(*ACTION_LABELS[Action.ON]) is None:
        control = screen.find_match(_CONTROL)
        if control is None:
            raise ScreenUnrecognised(f"{screen.title!r} has no item that controls the outlet")
        screen = yield from choose(memory, control)
        page = check_page(memory, screen, goal, listed_name, below=True)
    return screen, page


def _stands_on_list(memory: Memory) -> bool:
    return memory.screen is not None and memory.screen.kind is Kind.LIST


def _stands_on_menu_of(memory: Memory, goal: Switch) -> bool:
    """Tell whether the last goal left us on the very menu of actions that this one needs."""
    screen = memory.screen
    if screen is None or screen.kind is not Kind.OUTLET or screen.find(*ACTION_LABELS[Action.ON]) is None:
        return False
    named = screens.outlet_name_field(screen.fields) is not None
    return named and screens.parse_outlet_page(screen).number == goal.outlet


def check_name(shown: str, goal: Switch) -> None:
    """Raise OutletMismatch unless the name on the screen is the one asked for, to the letter."""
    if goal.name is not None and shown != goal.name.strip():
        raise OutletMismatch(f"outlet {goal.outlet} is called {shown!r}, not {goal.name!r}")


def check_page(memory: Memory, screen: Screen, goal: Switch, listed_name: str, *, below: bool = False) -> OutletPage:
    """Read an outlet's page; raise OutletMismatch unless it is the outlet asked for and listed.

    ``below`` tells that the screen was reached from such a page.
    """
    if memory.dialect in _MAY_LACK_NUMBER and screens.outlet_name_field(screen.fields) is None:
        return _bare_page(memory, screen, goal, listed_name, below=below)
    page = screens.parse_outlet_page(screen)
    if page.number is None and memory.dialect not in _MAY_LACK_NUMBER:
        raise OutletMismatch(f"the page of {page.name!r} does not tell its number")
    if page.number is not None and page.number != goal.outlet:
        raise OutletMismatch(f"the page is that of outlet {page.number}, not {goal.outlet}")
    check_name(page.name, goal)
    if page.name != listed_name:
        raise OutletMismatch(f"the list says {listed_name!r}, the page {page.name!r}")
    return page


def _bare_page(memory: Memory, screen: Screen, goal: Switch, listed_name: str, *, below: bool) -> OutletPage:
    """Take a page without a name for that of the outlet, if its title or a number on it says so and none denies it."""
    fields = screen.fields
    words = [screen.title, *(item.label for item in screen.items)]
    words += [f"Outlet {number}" for number in (screens.outlet_number_field(fields),) if number is not None]
    numbers = {int(match[1]) for text in words if text != listed_name for match in _NUMBERED.finditer(text)}
    if numbers - {goal.outlet}:
        raise OutletMismatch(f"the page is that of outlet {sorted(numbers)}, not {goal.outlet}")
    if not (numbers or below or (listed_name and screen.title == listed_name)):
        raise ScreenUnrecognised(f"{screen.title!r} does not tell which outlet's page it is")
    if goal.outlet not in memory.states:
        raise OutletMismatch(f"outlet {goal.outlet} has not been listed")
    told = screens.parse_state(screens.outlet_state_field(fields) or "")
    state, pending = told or (memory.states[goal.outlet], False)
    return OutletPage(number=None, name=listed_name, state=state, pending=pending)


def check_confirmation(text: str, goal: Switch, name: str) -> None:
    """Raise OutletMismatch if the text above the YES prompt names another outlet, name or action.

    Only the text of Immediate Reboot is known (``outlet 2 named 'Zedboard-1'``): what other texts do not say is
    not missed, what they do say must fit.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()][:-1]
    words, plain = " ".join(" ".join(lines).split()), re.escape(" ".join(name.split()))
    if "named '" in words and re.search(rf"named ' ?{plain} ?'", words) is None:
        raise OutletMismatch(f"the confirmation does not name {name!r}: {screens.summary(words)}")
    words = re.sub(rf"(?:named )?(?:' ?{plain} ?'|\" ?{plain} ?\"|\( ?{plain} ?\))", "", words)
    numbers = {int(number) for number in re.findall(r"\boutlet (?:\d:)?(\d{1,2})\b", words, re.IGNORECASE)}
    if numbers - {goal.outlet}:
        raise OutletMismatch(f"the confirmation speaks of outlet {sorted(numbers)}, not {goal.outlet}")
    if re.search(r"\ball\b.{0,20}\boutlets\b|\bmaster\b", words, re.IGNORECASE):
        raise OutletMismatch(f"the confirmation speaks of all outlets: {screens.summary(words)}")
    check_verb(lines, words, goal.action)


def check_verb(lines: list[str], words: str, asked: Action) -> None:
    """Raise OutletMismatch if a confirmation is for another action: by its heading, else by its prose."""
    shown = {action for action, labels in ACTION_LABELS.items() if any(label in lines for label in labels)}
    shown |= {
        action
        for action, labels in ACTION_LABELS.items()
        if action is not Action.CANCEL and any(label in words for label in labels)
    }
    if asked in shown:
        return
    told = frozenset(effect for effect, grammar in _PROSE.items() if grammar.search(words))
    if shown or (told and not _fits(asked, told)):
        raise OutletMismatch(f"the confirmation is not for {asked}: {screens.summary(words)}")


def _fits(asked: Action, told: frozenset[str]) -> bool:
    match asked:
        case Action.ON | Action.DELAYED_ON:
            return "on" in told
        case Action.OFF | Action.DELAYED_OFF:
            return "off" in told and "restart" not in told
        case Action.REBOOT | Action.DELAYED_REBOOT:
            return "restart" in told or {"on", "off"} <= told
        case Action.CANCEL:
            return True


def cancel_confirmation() -> Dialog[None]:
    """Leave a YES prompt by a bare ENTER; whether the console answers is of no matter."""
    try:
        yield Send()
    except GoalTimeout:
        return


def _read_back(memory: Memory, goal: Switch, before: OutletPage, reply: Reply) -> Dialog[GoalResult]:
    """Refresh the outlet's menu until it shows the effect or the settle time is over.

    The success text means accepted, not done: the relay may follow by a moment. A garbled screen is read again.
    Where no success was told, the effect must show soon, else CommandRejected is raised.
    """
    watch = Watch(goal.action, before.state)
    untold = None if _success(reply) else CommandRejected(f"no success was told: {screens.summary(reply.text)}")
    until = reply.at + (watch.patience_s(goal.settle_s) if untold is None else min(goal.settle_s, _UNTOLD_S))
    while True:
        garbled: ConsoleError | None = None
        try:
            row = yield from _row_shown(memory, land(memory, reply), goal, before.name)
        except GARBLED as error:
            if isinstance(error, LoginPromptSeen):
                raise
            garbled = error
        else:
            yield Emit(OutletReading(row))
            result = watch.see(row)
            if result is not None:
                return result
        if reply.at >= until and (failure := untold or garbled) is not None:
            raise failure
        if reply.at >= until:
            return watch.give_up()
        yield Pause(reply.at + goal.poll_s)
        reply = yield Send()


def _row_shown(memory: Memory, screen: Screen, goal: Switch, name: str) -> Dialog[OutletRow]:
    """Read the outlet from its page or, where that tells no state or this firmware goes back so far, from the list."""
    if screen.kind is Kind.OUTLET:
        page = check_page(memory, screen, goal, name, below=True)
        return OutletRow(number=goal.outlet, name=page.name, state=page.state, pending=page.pending)
    if screen.kind is Kind.OTHER and memory.dialect not in _MAY_LACK_NUMBER:
        raise ScreenUnrecognised(f"{screen.title!r} is no outlet's page")
    if screen.kind is Kind.LIST and memory.dialect is not DialectId.D0:
        rows, number = parse_list(memory, screen, len(memory.items)).rows, memory.items.get(goal.outlet)
    else:
        rows, number = (yield from read_list(memory)), goal.outlet
    row = next((row for row in rows if row.number == number), None)
    if row is None or row.name != name:
        raise OutletMismatch(f"the list does not show outlet {goal.outlet} called {name!r}")
    return replace(row, number=goal.outlet)


def switch_all(memory: Memory, goal: SwitchAll) -> Dialog[GoalResult]:
    """Do one thing to all outlets through the item that says so; never by its number."""
    watches = {row.number: Watch(goal.action, row.state) for row in (yield from read_list(memory))}
    listing = yield from to_list(memory)
    master = listing.find_match(_MASTER)
    if master is None:
        raise CommandRejected("the outlet list has no item for all outlets")
    screen = yield from show(memory, Send(str(master.number), echo_first=True))
    if screen.find(*ACTION_LABELS[Action.ON]) is None:
        control = screen.find_match(CONTROL_ALL)
        if control is None:
            raise ScreenUnrecognised(f"{screen.title!r} has no item that controls all outlets")
        screen = yield from choose(memory, control)
    item = screen.find(*ACTION_LABELS[goal.action])
    if item is None:
        raise CommandRejected(f"{screen.title!r} offers no {ACTION_LABELS[goal.action][0]!r}")
    reply = yield _choose_action(memory, item)
    memory.screen = None
    if reply.prompt is Prompt.CONFIRM:
        try:
            lines = [line.strip() for line in reply.text.splitlines() if line.strip()][:-1]
            check_verb(lines, " ".join(lines), goal.action)
        except ConsoleError:
            yield from cancel_confirmation()
            raise
        reply = yield Send("YES", actuates=True)
    _require_success(reply)
    if reply.prompt is Prompt.MENU:
        land(memory, reply)
    return (yield from read_back_all(watches, goal, lambda: read_list(memory)))
