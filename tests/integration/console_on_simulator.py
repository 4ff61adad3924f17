"""A session and a simulated PDU on one line, with a clock that runs as fast as they let it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.console.events import Event, GoalDone, GoalFailed
from apcbridge.console.session import Credentials, Session, SessionOptions
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.url import parse_url

if TYPE_CHECKING:
    from apcbridge.console.goals import Goal

LEAST_STEP_S = 1e-4
LONGEST_GOAL_S = 400.0


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1.7e9 + self.now


@dataclass
class Wire:
    """The console of ``url`` with a session that drives it; counts the bytes of both directions."""

    url: str
    options: SessionOptions = field(default_factory=SessionOptions)
    credentials: Credentials = field(default_factory=lambda: Credentials("apc", "apc"))

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.pdu = SimulatedPdu(parse_url(self.url), self.clock)
        self._printed = b""
        self._line = self.pdu.connect(self._print)
        self.carried = 0
        self.open()

    def _print(self, data: bytes) -> None:
        self._printed += data

    def open(self) -> None:
        """Begin with a session that knows nothing, on a line left as it is."""
        self.session = Session(self.credentials, self.options)
        self._printed = b""

    def type(self, *lines: bytes) -> None:
        """Type as a human would, one line after another."""
        for line in lines:
            self._line.send(line)
            self.wait(0.5)

    def exchange(self, typed: bytes, end: bytes) -> bytes:
        """Type past the session, and return what is printed up to ``end``."""
        self._printed = b""
        self._line.send(typed)
        began = self.clock.now
        due = self.pdu.poll()
        while not self._printed.endswith(end):
            assert self.clock.now - began < LONGEST_GOAL_S, self._printed
            self.clock.now += max(due or 0.0, LEAST_STEP_S)
            due = self.pdu.poll()
        data, self._printed = self._printed, b""
        self.session.receive_data(data, self.clock.now)
        return data

    def wait(self, seconds: float) -> None:
        """Let time pass without a goal."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            due = self.pdu.poll()
            self._hear()
            step = until - self.clock.now if due is None else max(due, LEAST_STEP_S)
            self.clock.now = min(until, self.clock.now + step)

    def run(self, goal: Goal) -> list[Event]:
        """Pursue a goal to its end."""
        events: list[Event] = []
        began = self.clock.now
        self.session.start(goal, self.clock.now)
        while not (events and isinstance(events[-1], GoalDone | GoalFailed)):
            assert self.clock.now - began < LONGEST_GOAL_S, "the goal does not end"
            typed = self.session.data_to_send()
            self.carried += len(typed)
            self._line.send(typed)
            due = self.pdu.poll()
            heard = self._hear()
            events += heard if heard is not None else self._pass_time(due)
        return events

    def _hear(self) -> list[Event] | None:
        if not self._printed:
            return None
        data, self._printed = self._printed, b""
        self.carried += len(data)
        return self.session.receive_data(data, self.clock.now)

    def _pass_time(self, due: float | None) -> list[Event]:
        deadline = self.session.next_deadline()
        moments = [moment for moment in (deadline, None if due is None else self.clock.now + due) if moment is not None]
        self.clock.now = max(min(moments), self.clock.now + LEAST_STEP_S)
        late = deadline is not None and self.clock.now >= deadline
        return self.session.handle_timeout(self.clock.now) if late else []
