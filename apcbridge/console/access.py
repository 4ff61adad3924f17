"""Getting in and out: finding out where the console is, logging in, choosing the face, logging out."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING

from apcbridge.console import menu
from apcbridge.console.dialects import DialectId, menu_dialect, rack_pdu
from apcbridge.console.dialog import CTRL_C, ERASE, ESC, Dialog, Emit, LoginPromptSeen, Memory, Pause, Reply, Send
from apcbridge.console.events import LoggedIn, LoggedOut
from apcbridge.console.scanner import Prompt, split_lines
from apcbridge.console.screens import parse_banner, summary
from apcbridge.errors import GoalTimeout, LoginRefused, PasswordChangeForced, ScreenUnrecognised

if TYPE_CHECKING:
    from apcbridge.console.events import Banner

_WAKE_TRIES = 4
_WAKE_PATIENCE_S = 2.0
_PRESUMED_PATIENCE_S = 4.0
_LISTEN_MORE_S = 1.0
"""The wait for the first unanswered key and some more."""
_LOGOUT_REST_S = 1.0
"""Every tool that logs in again at once after logging out has been locked out now and then (cluster-glue)."""
_CLEARING_STEPS = 12
SHUT_S = 200.0
"""After a forced password change nothing is typed until the inactivity log-off (3 min) has surely come: an ENTER
at the question for the new password could answer it."""


class Access(StrEnum):
    """Which face of an AOS 3 Rack PDU to use; other units have one face only."""

    AUTO = "auto"
    """The ``-c`` command line where the unit has it, menus otherwise."""
    MENU = "menu"
    CLI = "cli"


class DashC(Enum):
    """What is known of the ``-c`` command line of this unit."""

    UNTRIED = auto()
    WORKS = auto()
    REFUSED = auto()


class SessionState(StrEnum):
    """Where the session stands with the console."""

    UNKNOWN = "unknown"
    """Just opened, or after a failure: the next goal finds out where the console is."""
    LOGGED_OUT = "logged out"
    LOGGED_IN = "logged in"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Account of the console."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (self.username.isprintable() and self.password.isprintable()):
            raise ValueError("a console's user name and password must not hold control characters")


@dataclass(slots=True)
class Door:
    """What is known about getting in."""

    credentials: Credentials
    access: Access
    dash_c: DashC
    state: SessionState = SessionState.UNKNOWN
    ours: bool = False
    """The login that may be open is one we made on this very line; anybody else's is left before we work."""
    proven: bool = False
    """Name and password have been accepted: a refusal of ``-c`` then only means that the unit lacks it."""
    at_prompt: bool = False
    """The user name prompt is the last thing that the console has printed: no ENTER is needed to get it."""
    presumed: bool = False
    """That prompt was printed some while ago: it may be gone, and a name typed at it unheard."""
    logins: int = 0
    """How often we have logged in."""
    shut_until: float = -math.inf
    """Until then nothing is typed; see SHUT_S."""
    closed_at: float | None = None
    """When we last logged out, monotonic seconds."""


def enter(door: Door, memory: Memory, *, want_shell: bool) -> Dialog[None]:
    """Be logged in, on the command line if wanted and there, on menus otherwise.

    Where nothing is known yet the first login is a plain one: its banner tells what unit this is, and only
    then, with the password proven, is ``-c`` tried: one refusal at most, never in a row with another.
    """
    yield from arrive(door, memory)
    if door.state is SessionState.LOGGED_IN and not _wrong_face(door, memory, want_shell=want_shell):
        return
    if door.state is SessionState.LOGGED_IN:
        yield from leave(door, memory)
        yield from arrive(door, memory)
    promising = door.proven and rack_pdu(memory.dialect) and door.dash_c is DashC.UNTRIED
    dash_c = want_shell and (door.dash_c is DashC.WORKS or promising)
    if dash_c and (yield from _try_dash_c(door, memory, None)):
        return
    if dash_c:
        yield from arrive(door, memory)
    reply = yield from _login(door, dash_c=False)
    yield from _settle_in(door, memory, reply)
    if _wrong_face(door, memory, want_shell=want_shell):
        banner = memory.banner
        yield from leave(door, memory, told=False)
        yield from arrive(door, memory)
        if (yield from _try_dash_c(door, memory, banner)):
            return
        yield from arrive(door, memory)
        yield from _settle_in(door, memory, (yield from _login(door, dash_c=False)))
    yield Emit(LoggedIn(dialect=_known(memory.dialect), banner=memory.banner))


def _wrong_face(door: Door, memory: Memory, *, want_shell: bool) -> bool:
    if memory.dialect is DialectId.D3C:
        return not want_shell
    return want_shell and rack_pdu(memory.dialect) and door.dash_c is not DashC.REFUSED


def _known(dialect: DialectId | None) -> DialectId:
    if dialect is None:
        raise ScreenUnrecognised("logged in, but to a console of no known dialect")
    return dialect


def _try_dash_c(door: Door, memory: Memory, banner: Banner | None) -> Dialog[bool]:
    """Log in with ``-c``; False if that is refused and the plain way should be tried."""
    try:
        reply = yield from _login(door, dash_c=True)
    except LoginRefused:
        if door.access is Access.CLI:
            raise
        door.dash_c = DashC.REFUSED
        if not door.proven:
            raise
        return False
    if reply.prompt is not Prompt.DASH_C:
        door.dash_c = DashC.REFUSED
        yield from _settle_in(door, memory, reply)
    else:
        door.dash_c = DashC.WORKS
        memory.dialect = DialectId.D3C
        memory.banner = parse_banner(reply.text) or banner
        door.ours = True
    yield Emit(LoggedIn(dialect=_known(memory.dialect), banner=memory.banner))
    return True


# --- where are we ----------------------------------------------------------------------------------------------


def arrive(door: Door, memory: Memory) -> Dialog[None]:
    """Find out where the console is; end either logged in by ourselves or at the user name prompt."""
    if door.state is SessionState.LOGGED_IN:
        return
    memory.forget_place()
    if door.closed_at is not None:
        yield Pause(door.closed_at + _LOGOUT_REST_S)
        door.closed_at = None
    door.presumed = door.at_prompt
    if door.presumed:
        door.state = SessionState.LOGGED_OUT
        return
    reply = yield from (_wake(memory) if door.state is SessionState.LOGGED_OUT else _look(memory))
    for _ in range(_CLEARING_STEPS):
        if reply.prompt is Prompt.USER:
            door.state, door.ours, door.at_prompt = SessionState.LOGGED_OUT, False, True
            return
        if door.ours and _is_ours(memory, reply):
            door.state = SessionState.LOGGED_IN
            if reply.prompt is Prompt.MENU:
                # What is left of a screen that was given up half way has no title: it is asked for when needed.
                with suppress(ScreenUnrecognised):
                    menu.land(memory, reply)
            return
        reply = yield from _clear(door, memory, reply)
    raise ScreenUnrecognised(f"no way from {summary(reply.text)} to the login prompt")


def _is_ours(memory: Memory, reply: Reply) -> bool:
    """Tell whether the prompt is that of the face we logged in to."""
    if memory.dialect is DialectId.D4:
        return reply.prompt is Prompt.SHELL
    if memory.dialect is DialectId.D3C:
        return reply.prompt is Prompt.DASH_C
    return reply.prompt is Prompt.MENU


def _wake(memory: Memory) -> Dialog[Reply]:
    """Press ENTER until the login prompt comes; a sleeping console may need several."""
    unanswered: Reply | None = None
    for tries in range(_WAKE_TRIES):
        reply = yield Send(login=True, silence_s=memory.patience_s(_WAKE_PATIENCE_S), settle_s=0.5 if tries else 0.0)
        if reply.prompt is not Prompt.NONE:
            return reply if unanswered is None else (yield from _hear_out(unanswered, reply))
        unanswered = unanswered or reply
    raise GoalTimeout("the console does not answer")


def _hear_out(unanswered: Reply, reply: Reply) -> Dialog[Reply]:
    """Listen until the keys that seemed lost can have no answer on its way any more; return the last prompt.

    A slow console answers them all, one after another: a screen taken for the answer to a later key would shift
    everything that follows by one. ``unanswered`` ended the wait for the first of them.
    """
    listen_s = reply.at - unanswered.at + _LISTEN_MORE_S
    for _ in range(_CLEARING_STEPS):
        more = yield Send(enter=False, login=True, silence_s=listen_s, settle_s=0.3)
        if more.prompt is Prompt.NONE:
            break
        reply = more
    return reply


def _look(memory: Memory) -> Dialog[Reply]:
    """Look what comes back, without ending a line that somebody may have left half typed.

    An ENTER could execute it: ``olOff 3`` on a command line, ``YES`` at a question. CTRL-C leads out of every
    menu; where it does nothing, the line is erased or spoiled before the first ENTER.
    """
    reply = yield Send(CTRL_C, enter=False, login=True, silence_s=memory.patience_s(0.6), settle_s=0.3)
    if reply.prompt is not Prompt.NONE:
        return reply
    unanswered = reply
    reply = yield Send(ERASE, login=True, silence_s=memory.patience_s(_WAKE_PATIENCE_S), settle_s=0.3)
    if reply.prompt is Prompt.NONE:
        reply = yield from _wake(memory)
    return reply if reply.prompt is Prompt.USER else (yield from _hear_out(unanswered, reply))


def _clear(door: Door, memory: Memory, reply: Reply) -> Dialog[Reply]:
    """Take one step from any prompt towards the login prompt; never says YES, never types a password."""
    match reply.prompt:
        case Prompt.NEW_PASSWORD:
            raise PasswordChangeForced("the console asks for a new password: log in by hand and set one")
        case Prompt.EVENT_LOG:
            return (yield Send(ESC, enter=False, login=True, settle_s=0.3))
        case Prompt.SHELL | Prompt.DASH_C:
            return (yield from _say_goodbye(door, memory, "exit"))
        case Prompt.MENU:
            return (yield from _leave_menus(door, memory, reply))
        case Prompt.BYE | Prompt.NONE:
            return (yield from _wake(memory))
        case _:
            return (yield Send(login=True, settle_s=0.3))


def _leave_menus(door: Door, memory: Memory, reply: Reply) -> Dialog[Reply]:
    """Log out of whoever's menus these are."""
    try:
        menu.land(memory, reply)
        yield from menu.to_main(memory)
    except LoginPromptSeen:
        raise
    except ScreenUnrecognised:
        return (yield Send(ESC, enter=False, login=True, settle_s=0.3))
    return (yield from _choose_logout(door, memory))


def _choose_logout(door: Door, memory: Memory) -> Dialog[Reply]:
    screen = yield from menu.to_main(memory)
    item = screen.find("Logout")
    if item is None:
        raise ScreenUnrecognised(f"{screen.title!r} offers no Logout")
    return (yield from _say_goodbye(door, memory, str(item.number)))


def _say_goodbye(door: Door, memory: Memory, text: str) -> Dialog[Reply]:
    """Type what logs out; not every console says anything to that."""
    reply = yield Send(text, login=True, silence_s=memory.patience_s(_WAKE_PATIENCE_S))
    door.closed_at = reply.at
    return reply


def leave(door: Door, memory: Memory, *, told: bool = True) -> Dialog[None]:
    """Log out, if we are logged in."""
    if door.state is not SessionState.LOGGED_IN:
        return
    if memory.dialect in (DialectId.D3C, DialectId.D4):
        reply = yield from _say_goodbye(door, memory, "exit")
    else:
        reply = yield from _choose_logout(door, memory)
    if reply.prompt not in (Prompt.BYE, Prompt.USER, Prompt.NONE):
        raise ScreenUnrecognised(f"still logged in after logging out: {summary(reply.text)}")
    door.state, door.ours = SessionState.LOGGED_OUT, False
    door.at_prompt = reply.prompt is Prompt.USER
    memory.forget_place()
    if told:
        yield Emit(LoggedOut())


# --- logging in ------------------------------------------------------------------------------------------------


def _login(door: Door, *, dash_c: bool) -> Dialog[Reply]:
    """Give name and password at their prompts; return what the console printed after them.

    Raises LoginRefused when it asks for the name again, PasswordChangeForced when it wants a new password.
    """
    reply = yield from _give_name(door)
    password = door.credentials.password + (" -c" if dash_c else "")
    # Whoever gives up before the answer has come may leave us logged in.
    door.state = SessionState.UNKNOWN
    reply = yield Send(password, secret=True, login=True)
    if reply.prompt is Prompt.NEW_PASSWORD or "requires you to change your password" in reply.text:
        raise PasswordChangeForced("the console insists on a new password: log in by hand and set one")
    if "still initializing" in reply.text:
        raise GoalTimeout("the PDU says that it is still initializing")
    if reply.prompt is Prompt.USER:
        door.proven = door.proven and dash_c
        door.state, door.at_prompt = SessionState.LOGGED_OUT, True
        how = " for its -c command line" if dash_c else ""
        raise LoginRefused(f"the console refused the password of user {door.credentials.username!r}{how}")
    if reply.prompt not in (Prompt.MENU, Prompt.SHELL, Prompt.DASH_C):
        raise ScreenUnrecognised(f"after the password came neither menu nor command line but a {reply.prompt} prompt")
    door.state, door.proven = SessionState.LOGGED_IN, True
    door.logins += 1
    return reply


def _give_name(door: Door) -> Dialog[Reply]:
    """Type the user name until the password prompt follows right after its echo."""
    username = door.credentials.username
    door.at_prompt = False
    for _ in range(3):
        reply = yield Send(username, login=True, silence_s=_PRESUMED_PATIENCE_S if door.presumed else None)
        if reply.prompt is Prompt.NONE:
            reply = yield Send(login=True)
        elif reply.prompt is Prompt.PASSWORD:
            above = [line.strip() for line in split_lines(reply.text)[:-1] if line.strip()]
            if all(line == username for line in above):
                return reply
            reply = yield Send(login=True, settle_s=0.3)
        if reply.prompt is not Prompt.USER:
            break
    door.state = SessionState.UNKNOWN
    raise ScreenUnrecognised(f"after the user name came {summary(reply.text)}")


def _settle_in(door: Door, memory: Memory, reply: Reply) -> Dialog[None]:
    """Find the dialect of the face that a login has led to."""
    memory.forget_place()
    memory.banner = parse_banner(reply.text)
    memory.account = memory.banner.user if memory.banner else memory.account
    if reply.prompt is Prompt.SHELL:
        memory.dialect = DialectId.D4
    elif reply.prompt is Prompt.DASH_C:
        memory.dialect, door.dash_c = DialectId.D3C, DashC.WORKS
    else:
        main = menu.land(memory, reply)
        item = main.find("Device Manager")
        manager = (yield from menu.choose(memory, item)) if item else main
        memory.dialect = _known(menu_dialect(memory.banner.app_name if memory.banner else None, manager))
    door.ours = True
