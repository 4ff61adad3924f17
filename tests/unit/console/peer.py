"""A console that answers from a script, byte by byte, and a driver with a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.console.events import Event, GoalDone, GoalFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apcbridge.console.goals import Goal
    from apcbridge.console.session import Session


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

    def _once(self) -> list[Event]:
        self.wire += self.console(self.session.data_to_send())
        if self.wire:
            length = next(self.cuts) if self.cuts else len(self.wire)
            piece, self.wire = self.wire[:length], self.wire[length:]
            return self.session.receive_data(piece, self.now)
        deadline = self.session.next_deadline()
        assert deadline is not None
        self.now = max(self.now, deadline)
        return self.session.handle_timeout(self.now)
