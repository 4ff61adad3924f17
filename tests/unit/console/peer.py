"""A console that answers from a script, byte by byte, and a driver with a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.console.events import Event, GoalDone, GoalFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apcbridge.console.goals import Goal
    from apcbridge.console.session import Session

LONGEST_ECHO = 40


@dataclass
class Script:
    """Answers each expected input with an output. An input that is not in the script is a failed test."""

    exchanges: list[tuple[bytes, bytes]]
    sent: list[bytes] = field(default_factory=list)
    _typed: bytes = b""

    def receive(self, data: bytes) -> bytes:
        answer = b""
        for byte in data:
            self._typed += bytes([byte])
            if not self.exchanges:
                raise AssertionError(f"typed {self._typed!r} after the end of the script")
            expected, output = self.exchanges[0]
            if not expected.startswith(self._typed):
                raise AssertionError(f"typed {self._typed!r}, the script has {expected!r}")
            if self._typed == expected:
                self.exchanges.pop(0)
                self.sent.append(self._typed)
                self._typed = b""
                answer += output
        return answer


@dataclass
class Driver:
    """Carries bytes between a session and a console; time passes only when both wait."""

    session: Session
    console: Callable[[bytes], bytes]
    now: float = 1000.0
    cuts: Iterator[int] | None = None
    """Lengths of the pieces in which output arrives; None: all at once."""
    wire: bytes = b""
    slow_s: float = 0.0
    """How long the console takes for whatever is longer than an echo; what is typed meanwhile waits its turn."""
    _coming: list[tuple[float, bytes]] = field(default_factory=list)

    def run(self, goal: Goal, limit_s: float = 600.0) -> list[Event]:
        """Pursue a goal to its end and return its events."""
        self.session.start(goal, self.now)
        events: list[Event] = []
        until = self.now + limit_s
        while not (events and isinstance(events[-1], GoalDone | GoalFailed)):
            events += self._once()
            assert self.now < until, "the goal does not end"
        assert isinstance(events[-1], GoalDone | GoalFailed)
        return events

    def give_up(self, goal: Goal, turns: int) -> bool:
        """Pursue a goal for so many turns, then give it up; return whether that was before its end."""
        self.session.start(goal, self.now)
        for _ in range(turns):
            if any(isinstance(event, GoalDone | GoalFailed) for event in self._once()):
                return False
        self.session.abort(self.now)
        return True

    def _once(self) -> list[Event]:
        self._print(self.console(self.session.data_to_send()))
        while self._coming and self._coming[0][0] <= self.now:
            self.wire += self._coming.pop(0)[1]
        if self.wire:
            length = next(self.cuts) if self.cuts else len(self.wire)
            piece, self.wire = self.wire[:length], self.wire[length:]
            return self.session.receive_data(piece, self.now)
        deadline = self.session.next_deadline()
        assert deadline is not None
        if self._coming and self._coming[0][0] <= deadline:
            self.now = self._coming[0][0]
            return []
        self.now = max(self.now, deadline)
        return self.session.handle_timeout(self.now)

    def _print(self, data: bytes) -> None:
        if not data:
            return
        began = max(self.now, self._coming[-1][0] if self._coming else self.now)
        self._coming.append((began + (self.slow_s if len(data) > LONGEST_ECHO else 0.0), data))
