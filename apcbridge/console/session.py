"""A session with the console: logs in, pursues one goal at a time, never acts twice."""

from __future__ import annotations

from dataclasses import dataclass

from apcbridge.console.access import SHUT_S, Access, Credentials, DashC, Door, SessionState
from apcbridge.console.dialects import CAPABILITIES, Capabilities, DialectId, rack_pdu
from apcbridge.console.dialog import (
    GARBLED,
    Dialog,
    Emit,
    LoginPromptSeen,
    Memory,
    NothingHeard,
    Pause,
    Reply,
    Send,
    Step,
    next_step,
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
from apcbridge.console.line import LOGIN_PROMPTS, Answer, Line
from apcbridge.console.pursuit import attempt
from apcbridge.console.scanner import Prompt
from apcbridge.errors import (
    CommandRejected,
    ConsoleError,
    GoalTimeout,
    OutletMismatch,
    PasswordChangeForced,
)

__all__ = ["Access", "Credentials", "Session", "SessionOptions", "SessionState"]

_DOUBTFUL_AFTER_S = 150.0
"""Shortly before the shortest usual inactivity log-off (3 min): after so long look before typing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What the caller knows or wants. ``hint`` and ``expected_outlets`` are findings of earlier sessions."""

    access: Access = Access.AUTO
    hint: DialectId | None = None
    """With access ``auto``: D3C tries ``-c`` first, another dialect says that it was refused and is not tried."""
    expected_outlets: int | None = None
    """A list of any other length is no reading."""
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
        self._line = Line(self._memory, options.silence_s, self._entered)
        self._events: list[Event] = []
        self._goal: Goal | None = None
        self._dialog: Dialog[GoalResult] | None = None
        self._told = False
        """ActuationSent has been reported for this goal."""
        self._actuated = False
        self._undoes = False
        """A YES prompt now would prove that the step in progress has not acted."""
        self._goal_until = 0.0
        self._last_heard = 0.0
        self._heard = False
        """Something has come since the goal began."""
        self._last_told = 0.0
        """The caller's time at the last start: a goal that ended at once is to be told at once."""
        self._resume_at: float | None = None

    # --- the caller's side ---

    def start(self, goal: Goal, now: float) -> None:
        """Begin to pursue ``goal``, logging in first where needed.

        At most one refused login per goal; two if a password that was right before is not any more.

        Raises RuntimeError if a goal is in progress (:attr:`busy`).
        """
        if self._goal is not None:
            raise RuntimeError("a goal is in progress")
        self._goal, self._told, self._actuated, self._heard = goal, False, False, False
        self._last_told = now
        settle_s = goal.settle_s if isinstance(goal, Switch | SwitchAll) else 0.0
        self._goal_until = now + self._options.goal_s + settle_s
        if now - self._last_heard > _DOUBTFUL_AFTER_S:
            self._memory.screen = None
        self._dialog = self._pursue(goal, shut=now < self._door.shut_until)
        self._advance(None, now)

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Take bytes from the line; return what they meant, in order."""
        if data:
            self._last_heard, self._heard = now, True
            if self._goal is None:
                self._overhear(data)
            elif (answer := self._line.hear(data, now)) is not None:
                self._advance(answer, now)
        return self._drain()

    def data_to_send(self) -> bytes:
        """Return and forget the bytes to be written to the line."""
        return self._line.take_output()

    def next_deadline(self) -> float | None:
        """Tell when :meth:`handle_timeout` wants to be called, or None while there is nothing to wait for."""
        if self._events:
            return self._last_told
        if self._goal is None:
            return None
        if self._resume_at is not None:
            return min(self._resume_at, self._goal_until)
        due_at = self._line.deadline()
        return self._goal_until if due_at is None else min(self._goal_until, due_at)

    def handle_timeout(self, now: float) -> list[Event]:
        """Do what is due at ``now``; harmless when called early."""
        if self._goal is None:
            return self._drain()
        if now >= self._goal_until:
            self._advance(GoalTimeout(f"not done within {self._options.goal_s:g} s"), now)
        elif self._resume_at is not None:
            if now >= self._resume_at:
                self._advance(_nothing(now), now)
        elif (answer := self._line.time_passed(now)) is not None:
            self._advance(answer, now)
        return self._drain()

    def reset(self) -> list[Event]:
        """Forget where the console is: the line was closed or reopened. A goal in progress fails."""
        if self._goal is not None:
            self._admit(self._goal)
            self._end(GoalFailed(self._goal, GoalTimeout("the line was lost"), self._actuated))
        self._door.at_prompt = False
        self._line.forget()
        self._forget()
        self._door.ours = False
        return self._drain()

    def abort(self, now: float) -> list[Event]:
        """Give up the goal in progress (GoalFailed with GoalTimeout); the next goal finds out where we are."""
        if self._goal is not None:
            self._advance(GoalTimeout("given up"), now)
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
        """What the unit offers on the faces that we use, or None before the first login."""
        dialect, door = self._memory.dialect, self._door
        if rack_pdu(dialect) and door.dash_c is DashC.WORKS and door.access is not Access.MENU:
            dialect = DialectId.D3C
        return CAPABILITIES[dialect] if dialect else None

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
        """Log in and do it; once more from the login if the console has left us before anything was done.

        An NMC that has restarted meanwhile does not say so: it hears neither ESC nor CTRL-C before the login.
        """
        if shut:
            raise PasswordChangeForced("the console insisted on a new password a short while ago: nothing was typed")
        try:
            return (yield from self._attempt(goal))
        except LoginPromptSeen as lost:
            yield Emit(SessionLost(str(lost)))
            self._door.state, self._door.ours = SessionState.UNKNOWN, False
            self._door.at_prompt = lost.prompt is Prompt.USER
            if self._actuated:
                raise
        except NothingHeard as silence:
            if self._heard or self._actuated or self._door.state is not SessionState.LOGGED_IN:
                raise
            yield Emit(SessionLost(f"the console is not where it was left: {silence}"))
            self._forget()
        return (yield from self._attempt(goal))

    def _attempt(self, goal: Goal) -> Dialog[GoalResult]:
        return attempt(goal, self._door, self._memory)

    def _advance(self, answer: Answer | None, now: float) -> None:
        """Let the dialog go on, with the answer to its last step, until it waits again or ends."""
        dialog, goal = self._dialog, self._goal
        if dialog is None or goal is None:
            return
        self._resume_at = None
        try:
            while True:
                self._weigh(answer)
                step = next_step(dialog, answer)
                answer = self._take(step, now)
                if answer is None:
                    return
        except StopIteration as stop:
            self._end(GoalDone(goal, stop.value))
        except ConsoleError as error:
            self._fail(goal, error, now)

    def _take(self, step: Step, now: float) -> Answer | None:
        """Do a step; return its answer if it is there at once."""
        match step:
            case Send():
                return self._line.begin(step, now)
            case Emit():
                self._report(step.event)
            case Pause() if step.until > now:
                self._resume_at = step.until
                return None
        return _nothing(now)

    def _weigh(self, answer: Answer | None) -> None:
        """Take back that something may have been done, if the console answers by asking whether it should be."""
        if isinstance(answer, Reply) and answer.prompt is Prompt.CONFIRM and self._undoes:
            self._actuated = False

    def _fail(self, goal: Goal, error: ConsoleError, now: float) -> None:
        if isinstance(error, PasswordChangeForced) and now >= self._door.shut_until:
            self._door.shut_until = now + SHUT_S
        self._memory.noisy |= isinstance(error, GARBLED)
        lost = not isinstance(error, CommandRejected | OutletMismatch)
        if lost and self._door.state is SessionState.LOGGED_IN:
            self._forget()
        self._line.clear()
        self._admit(goal)
        self._end(GoalFailed(goal, error, self._actuated))

    def _admit(self, goal: Goal) -> None:
        """Report that something may have been done, where it was not known to be more than a choice."""
        if self._actuated and isinstance(goal, Switch | SwitchAll):
            self._report(ActuationSent(goal))

    def _end(self, event: Event) -> None:
        self._goal = self._dialog = self._resume_at = None
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

    def _entered(self, step: Send) -> None:
        """Note that ENTER is about to be sent."""
        self._undoes = step.may_ask
        if not isinstance(self._goal, Switch | SwitchAll):
            return
        if step.actuates:
            self._report(ActuationSent(self._goal))
        elif step.may_ask:
            # Should this unit not ask, contrary to all that is known of it, the choice is the deed.
            self._actuated = True

    def _overhear(self, data: bytes) -> None:
        """Take what the console prints while nothing is asked of it."""
        prompt = self._line.overhear(data)
        self._door.at_prompt = prompt is Prompt.USER
        if self._door.state is not SessionState.LOGGED_IN:
            return
        self._memory.screen = None
        if prompt in LOGIN_PROMPTS or prompt is Prompt.BYE:
            self._forget()
            self._door.ours = False
            self._events.append(SessionLost(f"the console printed its {prompt} prompt unasked"))


def _nothing(now: float) -> Reply:
    return Reply(pages=(), prompt=Prompt.NONE, at=now)


def _dash_c_known(options: SessionOptions) -> DashC:
    """Turn the hint of an earlier session into what it implies."""
    if options.hint is DialectId.D3C:
        return DashC.WORKS
    if options.hint is not None and options.access is Access.AUTO:
        return DashC.REFUSED
    return DashC.UNTRIED
