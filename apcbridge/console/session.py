"""A session with the console: logs in, pursues one goal at a time, never acts twice."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass

from apcbridge.console.access import SHUT_S, Access, Credentials, DashC, Door, SessionState
from apcbridge.console.dialects import CAPABILITIES, Capabilities, DialectId
from apcbridge.console.dialog import (
    Dialog,
    Emit,
    LoginPromptSeen,
    Memory,
    Reply,
    Send,
    Step,
)
from apcbridge.console.events import (
    ActuationSent,
    Event,
    GoalDone,
    GoalFailed,
    GoalResult,
    SessionLost,
)
from apcbridge.console.goals import Goal, Switch, SwitchAll
from apcbridge.console.pursuit import attempt
from apcbridge.console.scanner import Prompt, Scanner
from apcbridge.console.screens import summary
from apcbridge.errors import (
    CommandRejected,
    ConsoleError,
    GoalTimeout,
    OutletMismatch,
    PasswordChangeForced,
    ScreenUnrecognised,
)

__all__ = ["Access", "Credentials", "Session", "SessionOptions", "SessionState"]

_QUIET_S = 0.2
"""A prompt that could be the start of something longer counts after so long a pause (all tools wait so)."""
_ECHO_S = 0.4
"""How long the echo of a typed text is waited for, where it is not known whether this console echoes."""
_PAGER_REPEAT_S = 2.0
_PAGER_REPEAT_MOST_S = 7.0
"""Bounds of the patience with an answered pager, before the answer is taken for lost and given once more. The second
ENTER may then refresh the screen that follows, so that one is waited out, too."""
_PAGER_PAUSE_S = 0.5
"""Some units lose an ENTER that comes too soon after the pager's text (bz1342584)."""
_SILENCE_STRETCH = 3
"""Where silence is an answer, chatter may put it off so many times: some units print lines unasked."""
_MAX_PAGES = 20
_IDLE_TAIL = 512
_DOUBTFUL_AFTER_S = 150.0
"""Shortly before the shortest usual inactivity log-off (3 min): after so long look before typing."""

_LOGIN_PROMPTS = frozenset({Prompt.USER, Prompt.PASSWORD, Prompt.NEW_PASSWORD})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What the caller knows or wants. ``hint`` and ``expected_outlets`` are findings of earlier sessions."""

    access: Access = Access.AUTO
    hint: DialectId | None = None
    expected_outlets: int | None = None
    silence_s: float = 8.0
    """Nothing at all for so long where something must come: GoalTimeout (screens may take 3 to 5 s)."""
    goal_s: float = 120.0
    """Longest life of a goal, its settle time not counted."""


class Session:
    """Sans-IO driver of one console.

    ``now`` is always monotonic seconds. Feed what arrives with :meth:`receive_data`, send what
    :meth:`data_to_send` gives, call :meth:`handle_timeout` when :meth:`next_deadline` has come. A goal ends in
    exactly one GoalDone or GoalFailed; nothing is ever raised for what the wire does.
    """

    def __init__(self, credentials: Credentials, options: SessionOptions) -> None:
        self._options = options
        self._door = Door(credentials, options.access, _dash_c_known(options))
        self._memory = Memory(dialect=options.hint, outlets=options.expected_outlets)
        self._scanner = Scanner()
        self._out = bytearray()
        self._events: list[Event] = []
        self._goal: Goal | None = None
        self._dialog: Dialog[GoalResult] | None = None
        self._told = False
        """ActuationSent has been reported for this goal."""
        self._actuated = False
        self._goal_until = 0.0
        self._last_heard = 0.0
        self._last_told = 0.0
        """The caller's time at the last start: a goal that ended at once is to be told at once."""
        self._wait: _Wait | None = None
        self._resume_at: float | None = None

    # --- the caller's side ---

    def start(self, goal: Goal, now: float) -> None:
        """Begin to pursue ``goal``, logging in first where needed. One login try at most is refused per goal.

        Raises RuntimeError if a goal is in progress (:attr:`busy`).
        """
        if self._goal is not None:
            raise RuntimeError("a goal is in progress")
        self._goal, self._told, self._actuated = goal, False, False
        self._last_told = now
        settle_s = goal.settle_s if isinstance(goal, Switch | SwitchAll) else 0.0
        self._goal_until = now + self._options.goal_s + settle_s
        if now - self._last_heard > _DOUBTFUL_AFTER_S:
            self._memory.screen = None
        self._dialog = self._pursue(goal, shut=now < self._door.shut_until)
        self._step(None, now)

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Take bytes from the line; return what they meant, in order."""
        if data:
            self._last_heard = now
            if self._goal is None:
                self._overhear(data)
            else:
                self._hear(data, now)
        return self._drain()

    def data_to_send(self) -> bytes:
        """Return and forget the bytes to be written to the line."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> float | None:
        """Tell when :meth:`handle_timeout` wants to be called, or None while there is nothing to wait for."""
        if self._events:
            return self._last_told
        if self._goal is None:
            return None
        if self._resume_at is not None:
            return min(self._resume_at, self._goal_until)
        if self._wait is None:
            return self._goal_until
        return min(self._goal_until, *self._wait.deadlines(blank=self._scanner.blank))

    def handle_timeout(self, now: float) -> list[Event]:
        """Do what is due at ``now``; harmless when called early."""
        if self._goal is None:
            return self._drain()
        if now >= self._goal_until:
            self._step(GoalTimeout(f"not done within {self._options.goal_s:g} s"), now)
        elif self._resume_at is not None:
            if now >= self._resume_at:
                self._resume_at = None
                self._step(_nothing(now), now)
        elif self._wait is not None:
            self._time_passed(self._wait, now)
        return self._drain()

    def reset(self) -> list[Event]:
        """Forget where the console is: the line was closed or reopened. A goal in progress fails."""
        if self._goal is not None:
            self._end(GoalFailed(self._goal, GoalTimeout("the line was lost"), self._actuated))
        self._door.at_prompt = False
        self._out.clear()
        self._scanner.clear()
        self._forget()
        self._door.ours = False
        return self._drain()

    def abort(self, now: float) -> list[Event]:
        """Give up the goal in progress (GoalFailed with GoalTimeout); the next goal finds out where we are."""
        if self._goal is not None:
            self._step(GoalTimeout("given up"), now)
        return self._drain()

    @property
    def busy(self) -> bool:
        """A goal is in progress."""
        return self._goal is not None

    @property
    def state(self) -> SessionState:
        """Whether we are logged in, as far as we know."""
        return self._door.state

    @property
    def dialect(self) -> DialectId | None:
        """The dialect found at the last login (before the first: the hint); stays known after logging out."""
        return self._memory.dialect

    @property
    def capabilities(self) -> Capabilities | None:
        """What the dialect found offers, or None before the first login."""
        return CAPABILITIES[self._memory.dialect] if self._memory.dialect else None

    @property
    def outlets(self) -> int | None:
        """How many outlets the PDU has, from the options or the first whole list."""
        return self._memory.outlets

    @property
    def where(self) -> str:
        """The screen or prompt last seen, for logs; never holds a secret."""
        if self._memory.screen is not None:
            return f"{self._door.state}, {self._memory.screen.title!r}"
        return str(self._door.state)

    # --- pursuing a goal ---

    def _pursue(self, goal: Goal, *, shut: bool) -> Dialog[GoalResult]:
        """Log in and do it; once more from the login if the console has left us before anything was done."""
        if shut:
            raise PasswordChangeForced("the console insisted on a new password a short while ago: nothing was typed")
        try:
            return (yield from self._attempt(goal))
        except LoginPromptSeen as lost:
            yield Emit(SessionLost(str(lost)))
            self._door.state, self._door.ours = SessionState.UNKNOWN, False
            if self._actuated:
                raise
        return (yield from self._attempt(goal))

    def _attempt(self, goal: Goal) -> Dialog[GoalResult]:
        return attempt(goal, self._door, self._memory)

    def _step(self, answer: Reply | ConsoleError | None, now: float) -> None:
        """Let the dialog go on until it waits again or ends."""
        dialog = self._dialog
        if dialog is None or self._goal is None:
            return
        self._wait = self._resume_at = None
        try:
            while True:
                step = _next_step(dialog, answer)
                if isinstance(step, Send):
                    answer = self._answer_at_hand(step, now)
                    if answer is None:
                        self._type(step, now)
                        return
                else:
                    if isinstance(step, Emit):
                        self._report(step.event)
                    elif step.until > now:
                        self._resume_at = step.until
                        return
                    answer = _nothing(now)
        except StopIteration as stop:
            self._end(GoalDone(self._goal, stop.value))
        except ConsoleError as error:
            self._fail(self._goal, error, now)

    def _fail(self, goal: Goal, error: ConsoleError, now: float) -> None:
        self._out.clear()
        if isinstance(error, PasswordChangeForced) and now >= self._door.shut_until:
            self._door.shut_until = now + SHUT_S
        lost = not isinstance(error, CommandRejected | OutletMismatch)
        if lost and self._door.state is SessionState.LOGGED_IN:
            self._forget()
        self._end(GoalFailed(goal, error, self._actuated))

    def _answer_at_hand(self, step: Send, now: float) -> Reply | ConsoleError | None:
        """Return the answer to a step that a login prompt printed since the last one makes needless."""
        prompt = self._scanner.prompt(quiet=False)
        if prompt not in _LOGIN_PROMPTS:
            return None
        if not step.login:
            return LoginPromptSeen("the login prompt came between two steps")
        if step.text or not step.enter:
            return None
        return Reply(pages=(self._scanner.take(),), prompt=prompt, at=now)

    def _end(self, event: Event) -> None:
        self._goal = self._dialog = self._wait = self._resume_at = None
        self._events.append(event)

    def _report(self, event: Event) -> None:
        if isinstance(event, ActuationSent):
            self._actuated = True
            if self._told:
                return
            self._told = True
        self._events.append(event)

    def _drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _forget(self) -> None:
        self._door.state = SessionState.UNKNOWN
        self._memory.forget_place()

    # --- the line ---

    def _type(self, step: Send, now: float) -> None:
        """Put a step's keys into the send buffer and wait for the answer."""
        self._scanner.clear()
        wait = _Wait(step, now, self._options.silence_s)
        self._wait = wait
        self._out += step.text.encode("latin-1", "replace")
        if step.enter and step.echo_first and self._memory.echoes is not False:
            wait.echo_until = now + (self._options.silence_s if self._memory.echoes else _ECHO_S)
        else:
            self._press_enter(wait)

    def _press_enter(self, wait: _Wait) -> None:
        wait.echo_until = None
        if wait.step.actuates and isinstance(self._goal, Switch | SwitchAll):
            self._report(ActuationSent(self._goal))
        if wait.step.enter:
            self._out += b"\r"

    def _hear(self, data: bytes, now: float) -> None:
        try:
            self._scanner.feed(data)
        except ScreenUnrecognised as error:
            self._step(error, now)
            return
        if self._wait is None:
            return
        self._wait.heard(now)
        if self._wait.echo_until is not None:
            self._compare_echo(self._wait, now)
        else:
            self._look_for_prompt(self._wait, now, quiet=False)

    def _compare_echo(self, wait: _Wait, now: float) -> None:
        echo = self._scanner.text.lstrip()
        if echo == wait.step.text:
            self._memory.echoes = True
            self._press_enter(wait)
        elif not wait.step.text.startswith(echo):
            self._step(ScreenUnrecognised(f"typed {wait.step.text!r}, the echo was {echo[:20]!r}"), now)

    def _look_for_prompt(self, wait: _Wait, now: float, *, quiet: bool) -> None:
        prompt = self._scanner.prompt(quiet=quiet)
        if prompt is Prompt.NONE and quiet:
            asked = wait.step.wants_input and self._scanner.input_prompt()
            prompt = Prompt.INPUT if asked else self._scanner.buried_prompt()
        if prompt is Prompt.NONE:
            return
        if prompt is Prompt.PAGER:
            self._turn_page(wait, now)
        elif wait.settled(now):
            self._answer(wait, prompt, now)

    def _turn_page(self, wait: _Wait, now: float) -> None:
        """Press ENTER at a pager: at once, unless this console is known to lose it then."""
        self._learn_pace(wait, now)
        wait.pages.append(self._scanner.take())
        if len(wait.pages) > _MAX_PAGES:
            self._step(ScreenUnrecognised(f"more than {_MAX_PAGES} pages"), now)
            return
        wait.turn_at = now + self._memory.pager_pause_s
        wait.repeat_at = None
        if self._memory.pager_pause_s == 0:
            self._press_pager(wait, now)

    def _press_pager(self, wait: _Wait, now: float) -> None:
        wait.turn_at = None
        wait.pressed_at = now
        wait.repeat_at = now + min(max(_PAGER_REPEAT_S, 2 * self._memory.slowest_s), _PAGER_REPEAT_MOST_S)
        self._out += b"\r"

    def _learn_pace(self, wait: _Wait, now: float) -> None:
        self._memory.slowest_s = max(self._memory.slowest_s, now - wait.pressed_at)

    def _time_passed(self, wait: _Wait, now: float) -> None:
        if wait.echo_until is not None:
            if now >= wait.echo_until:
                self._no_echo(wait, now)
        elif wait.turn_at is not None:
            if now >= wait.turn_at:
                self._press_pager(wait, now)
        elif wait.repeat_at is not None and now >= wait.repeat_at and self._scanner.blank:
            self._memory.pager_pause_s = _PAGER_PAUSE_S
            wait.settle_s = _PAGER_PAUSE_S + now - wait.pressed_at
            self._press_pager(wait, now)
            wait.repeat_at = None
        elif now >= wait.silence_at:
            self._silence(wait, now)
        elif wait.quiet_at is not None and now >= wait.quiet_at:
            wait.quiet_at = None
            self._look_for_prompt(wait, now, quiet=True)

    def _no_echo(self, wait: _Wait, now: float) -> None:
        if self._memory.echoes or not self._scanner.blank:
            self._step(GoalTimeout(f"typed {wait.step.text!r}, the echo did not come"), now)
            return
        self._memory.echoes = False
        wait.sent(now)
        self._press_enter(wait)

    def _silence(self, wait: _Wait, now: float) -> None:
        if wait.step.silence_s is not None:
            self._answer(wait, Prompt.NONE, now)
            return
        seen = f"; the last that came was {summary(self._scanner.text)}" if not self._scanner.blank else ""
        self._step(GoalTimeout(f"silence where an answer was due{seen}"), now)

    def _answer(self, wait: _Wait, prompt: Prompt, now: float) -> None:
        """Hand what came to the dialog."""
        if prompt is not Prompt.NONE:
            self._learn_pace(wait, now)
        pages = [*wait.pages, self._scanner.take()]
        if prompt is Prompt.CONFIRM:
            self._actuated = False
        if prompt in _LOGIN_PROMPTS and not wait.step.login:
            self._step(LoginPromptSeen("the login prompt came in the middle of a dialog"), now)
            return
        rest = self._without_echo(wait.step, pages[0])
        pages[0] = pages[0] if rest is None else rest
        self._step(Reply(pages=tuple(pages), prompt=prompt, at=now, echoed=rest is not None), now)

    def _without_echo(self, step: Send, text: str) -> str | None:
        """Take the echo off, or return None if there is none; learn whether this console echoes."""
        if step.secret or not step.enter or not step.text:
            return None
        echoed = text.lstrip()
        if echoed.startswith(step.text) and echoed[len(step.text) : len(step.text) + 1] in ("\r", "\n"):
            self._memory.echoes = True
            return echoed[len(step.text) :]
        if self._memory.echoes is None:
            self._memory.echoes = False
        return None

    def _overhear(self, data: bytes) -> None:
        """Take what the console prints while nothing is asked of it."""
        with contextlib.suppress(ScreenUnrecognised):
            self._scanner.feed(data[-_IDLE_TAIL:])
        prompt = self._scanner.prompt(quiet=False)
        self._door.at_prompt = prompt is Prompt.USER
        if len(self._scanner) > _IDLE_TAIL:
            self._scanner.clear()
        if self._door.state is not SessionState.LOGGED_IN:
            return
        self._memory.screen = None
        if prompt in (*_LOGIN_PROMPTS, Prompt.BYE):
            self._forget()
            self._door.ours = False
            self._events.append(SessionLost(f"the console printed its {prompt} prompt unasked"))


def _next_step(dialog: Dialog[GoalResult], answer: Reply | ConsoleError | None) -> Step:
    if answer is None:
        return next(dialog)
    if isinstance(answer, ConsoleError):
        return dialog.throw(answer)
    return dialog.send(answer)


def _nothing(now: float) -> Reply:
    return Reply(pages=(), prompt=Prompt.NONE, at=now)


def _dash_c_known(options: SessionOptions) -> DashC:
    """Turn the hint of an earlier session into what it implies."""
    if options.hint is DialectId.D3C:
        return DashC.WORKS
    if options.hint is not None and options.access is Access.AUTO:
        return DashC.REFUSED
    return DashC.UNTRIED


class _Wait:
    """The step that is being waited for, and when which patience ends."""

    def __init__(self, step: Send, now: float, silence_s: float) -> None:
        self.step = step
        self.pages: list[str] = []
        self.settle_s = step.settle_s
        self.echo_until: float | None = None
        self.turn_at: float | None = None
        """When the pager is to be answered."""
        self.repeat_at: float | None = None
        """When the pager's answer is given up for lost."""
        self.quiet_at: float | None = None
        self.pressed_at = now
        """When the last key was sent."""
        self._silence_s = step.silence_s if step.silence_s is not None else silence_s
        self._heard_at = now
        self.silence_at = now + self._silence_s
        self._silence_by = now + _SILENCE_STRETCH * self._silence_s if step.silence_s is not None else math.inf

    def sent(self, now: float) -> None:
        """Begin to wait anew."""
        self.silence_at = now + self._silence_s

    def heard(self, now: float) -> None:
        """Note that something has come."""
        self._heard_at = now
        self.silence_at = min(now + self._silence_s, self._silence_by)
        self.quiet_at = now + max(_QUIET_S, self.settle_s)

    def settled(self, now: float) -> bool:
        """Tell whether the pause asked for has passed since the last byte."""
        return now >= self._heard_at + self.settle_s

    def deadlines(self, *, blank: bool) -> list[float]:
        """List the moments at which something may be due."""
        if self.echo_until is not None:
            return [self.echo_until]
        if self.turn_at is not None:
            return [self.turn_at]
        moments = [self.silence_at, self.quiet_at, self.repeat_at if blank else None]
        return [moment for moment in moments if moment is not None]
