"""Logging in with the factory's account and giving it another password. Dialogs: pure.

The only place in apcbridge that types a new password, and it does so only for a person who asked for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from apcbridge.console import menu
from apcbridge.console.access import SessionState, arrive
from apcbridge.console.answers import parse_answer
from apcbridge.console.dialects import DialectId
from apcbridge.console.dialog import Send
from apcbridge.console.scanner import Prompt, split_lines
from apcbridge.errors import CommandRejected, GoalTimeout, LoginRefused, ScreenUnrecognised

if TYPE_CHECKING:
    from apcbridge.console.access import Door
    from apcbridge.console.dialog import Dialog, Memory, Reply
    from apcbridge.console.screens import Item, Screen

FACTORY = "apc"
"""Name and password of the factory's administrator."""
MENU_LONGEST = 10
"""AOS 2 and 3 take ten characters (AP7900 manual)."""
SHELL_LONGEST = 64
POLICY_SHORTEST = 8
"""What AOS 6.9.6 insists on."""

_PATH = ("System", "User Manager", "Administrator")
_ASKS = frozenset({Prompt.INPUT, Prompt.PASSWORD, Prompt.NEW_PASSWORD})
_AGAIN = re.compile(r"confirm|again|re-?enter|verify", re.IGNORECASE)
_CURRENT = re.compile(r"current|old", re.IGNORECASE)
_FORCED_STEPS = 3
_UNTYPABLE = re.compile(r"[^!-~]|[\"'\\;,]")
"""Blanks and what a command line takes apart."""


class Unit(Enum):
    """Which kind of unit it is, as far as its owner knows."""

    MENUS = "menus"
    """AOS 1 to 3."""
    SHELL = "shell"
    """AOS 5 and 6, NMC3."""
    UNSURE = "unsure"


class Within(Enum):
    """What a login has led to."""

    MENUS = "menus"
    SHELL = "shell"
    FORCED = "forced"
    """It insists on a new password first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How a login ended."""

    within: Within
    question: str = ""
    """What a forced change asks first."""


class NoSuchScreen(CommandRejected):
    """This console does not let the password be set."""


def complaint(password: str, unit: Unit) -> str:
    """Say why a new password will not do for a unit, or nothing."""
    longest = SHELL_LONGEST if unit is Unit.SHELL else MENU_LONGEST
    shortest = 1 if unit is Unit.MENUS else POLICY_SHORTEST
    if not shortest <= len(password) <= longest:
        return f"it must have {shortest} to {longest} characters"
    if _UNTYPABLE.search(password):
        return (
            "only letters, digits and signs without blanks, quotes, backslash, comma and semicolon can be typed safely"
        )
    return "it is the factory's" if password == FACTORY else ""


def log_in(door: Door, memory: Memory) -> Dialog[Entry]:
    """Log in from wherever the console is; raises LoginRefused, or GoalTimeout while it is silent."""
    yield from arrive(door, memory)
    door.at_prompt = False
    reply = yield Send(door.credentials.username, login=True)
    if reply.prompt is not Prompt.PASSWORD:
        door.state = SessionState.UNKNOWN
        raise ScreenUnrecognised(f"after the user name came a {reply.prompt} prompt")
    reply = yield Send(door.credentials.password, secret=True, login=True)
    match reply.prompt:
        case Prompt.USER:
            door.at_prompt = True
            raise LoginRefused(f"the console refused the password of user {door.credentials.username!r}")
        case Prompt.NEW_PASSWORD:
            door.state = SessionState.UNKNOWN
            return Entry(Within.FORCED, _question(reply))
        case Prompt.SHELL:
            memory.dialect = DialectId.D4
            door.state, door.ours = SessionState.LOGGED_IN, True
            return Entry(Within.SHELL)
        case Prompt.MENU:
            menu.land(memory, reply)
            door.state, door.ours = SessionState.LOGGED_IN, True
            return Entry(Within.MENUS)
        case _:
            door.state = SessionState.UNKNOWN
            raise ScreenUnrecognised(f"after the password came a {reply.prompt} prompt")


def wait_for_login(door: Door, memory: Memory, patience: int) -> Dialog[Entry]:
    """Press Enter until the login prompt comes back, and log in at once: the window is 30 s.

    ``patience`` counts rounds of some ten seconds; raises LoginRefused, or what the last round ended with.
    """
    for tries in range(patience):
        door.state = SessionState.UNKNOWN
        try:
            return (yield from log_in(door, memory))
        except (GoalTimeout, ScreenUnrecognised):
            # Whatever a starting card may print is no prompt yet.
            if tries == patience - 1:
                raise
    raise GoalTimeout("the console does not answer")


# --- the new password ------------------------------------------------------------------------------------------


def set_on_menus(memory: Memory, password: str) -> Dialog[None]:
    """Set the administrator's password on System > User Manager > Administrator.

    Raises NoSuchScreen where a label is missing. The screen shows stars: only a login proves what was set.
    """
    screen = yield from menu.to_main(memory)
    for label in _PATH:
        item = screen.find(label)
        if item is None:
            raise NoSuchScreen(f"{screen.title!r} has no item {label!r}")
        screen = yield from menu.choose(memory, item)
    item = _setting(screen, "Password")
    reply = yield Send(str(item.number), wants_input=True, login=True)
    if reply.prompt not in _ASKS:
        raise ScreenUnrecognised(f"{screen.title!r} did not ask for the password")
    reply = yield Send(password, secret=True, wants_input=True, login=True)
    if reply.prompt in _ASKS and _AGAIN.search(_question(reply)):
        reply = yield Send(password, secret=True, wants_input=True, login=True)
    screen = menu.land(memory, reply)
    yield from menu.choose(memory, _setting(screen, "Accept Changes"))


def set_on_shell(memory: Memory, password: str) -> Dialog[None]:
    """Set it with the command that APC's FAQ FA277937 gives for version 6; raises CommandRejected."""
    # Typed as a secret: the console's answer repeats the line.
    reply = yield Send(f"user -n {FACTORY} -cp {FACTORY} -pw {password}", secret=True)
    memory.screen = None
    answer = parse_answer(reply.lines)
    if reply.prompt is not Prompt.SHELL or answer.rejected:
        code = f"E{answer.code}" if answer.code is not None else f"a {reply.prompt} prompt"
        raise CommandRejected(f"the command user was answered with {code}")


def answer_forced(question: str, password: str) -> Dialog[None]:
    """Answer a forced change from its first question on, each by its words; raises CommandRejected if it fails."""
    told_current = False
    for _ in range(_FORCED_STEPS):
        current = _CURRENT.search(question) is not None
        if current and told_current:
            break
        told_current = told_current or current
        reply = yield Send(FACTORY if current else password, secret=True, login=True)
        if reply.prompt is Prompt.SHELL:
            return
        if reply.prompt is not Prompt.NEW_PASSWORD:
            break
        question = _question(reply)
    raise CommandRejected("the card did not take the password: its policy may want other kinds of characters")


def _setting(screen: Screen, label: str) -> Item:
    found = [item for item in screen.items if item.setting == label]
    if len(found) != 1:
        raise NoSuchScreen(f"{screen.title!r} has no setting {label!r}")
    return found[0]


def _question(reply: Reply) -> str:
    """Return the line that asks."""
    return split_lines(reply.text)[-1]
