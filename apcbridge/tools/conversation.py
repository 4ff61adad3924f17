"""Dialogs of the console core held over an open port, one after the other, by a tool that leads them itself.

The daemon's :class:`~apcbridge.console.session.Session` knows a closed set of goals; a tool that walks screens nobody
has seen, or that changes a password, needs its own dialogs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar

from apcbridge.console.access import SessionState, arrive, leave
from apcbridge.console.dialog import Emit, Memory, Pause, Reply, Send, next_step
from apcbridge.console.line import Line
from apcbridge.console.scanner import Prompt
from apcbridge.errors import ConsoleError, PortLost

if TYPE_CHECKING:
    from apcbridge.clock import Clock
    from apcbridge.console.access import Door
    from apcbridge.console.dialog import Dialog, Step
    from apcbridge.console.line import Answer
    from apcbridge.pdu.ports import Port

SILENCE_S = 8.0
_LEAVE_S = 10.0
_SHORTEST_WAIT_S = 0.005

Result = TypeVar("Result")


class Tap(Protocol):
    """Listens in on the line."""

    def typed(self, data: bytes, *, secret: bool) -> None:
        """Take what was sent; ``secret`` data may be counted, never kept."""

    def heard(self, data: bytes) -> None:
        """Take what came back."""


class Conversation:
    """One open port and the dialogs held over it; ``memory`` is what they learn about the console."""

    def __init__(self, port: Port, clock: Clock, tap: Tap | None = None, silence_s: float = SILENCE_S) -> None:
        self.memory = Memory()
        self._port = port
        self._clock = clock
        self._tap = tap
        self._secret = False
        self._line = Line(self.memory, silence_s, _nothing_to_note)

    async def hold(self, dialog: Dialog[Result]) -> Result:
        """Carry a dialog to its end and return its result; raises ConsoleError or PortLost."""
        answer: Answer | None = None
        try:
            while True:
                try:
                    step = next_step(dialog, answer)
                except StopIteration as stop:
                    result: Result = stop.value
                    return result
                answer = await self._take(step)
        finally:
            dialog.close()
            self._line.clear()

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    async def _take(self, step: Step) -> Answer:
        match step:
            case Send():
                self._secret = step.secret
                answer = self._line.begin(step, self._clock.monotonic())
                while answer is None:
                    await self._flush()
                    answer = await self._listen()
                # A pager's answer or a last ENTER may still lie in the buffer.
                await self._flush()
                return answer
            case Pause():
                await asyncio.sleep(max(0.0, step.until - self._clock.monotonic()))
            case Emit():
                pass
        return Reply(pages=(), prompt=Prompt.NONE, at=self._clock.monotonic())

    async def _listen(self) -> Answer | None:
        deadline_mono = self._line.deadline()
        wait_s = None if deadline_mono is None else deadline_mono - self._clock.monotonic()
        try:
            async with asyncio.timeout(None if wait_s is None else max(wait_s, _SHORTEST_WAIT_S)):
                data = await self._port.read()
        except TimeoutError:
            return self._line.time_passed(self._clock.monotonic())
        if self._tap is not None:
            self._tap.heard(data)
        return self._line.hear(data, self._clock.monotonic())

    async def _flush(self) -> None:
        data = self._line.take_output()
        if not data:
            return
        if self._tap is not None:
            self._tap.typed(data, secret=self._secret)
        await self._port.write(data)


async def walk_out(talk: Conversation, door: Door) -> None:
    """Log out from wherever we are and give the port back, after success, failure or Ctrl-C alike."""
    try:
        # An early Python 3.11, such as Debian 12's, takes a time-out within a task that is being cancelled for the
        # cancellation; there wait_for gives the way out a task of its own.
        await asyncio.wait_for(_leave(talk, door), _LEAVE_S)
    except (TimeoutError, ConsoleError, PortLost):
        pass  # the console's own inactivity log-off does the rest
    finally:
        talk.close()


async def _leave(talk: Conversation, door: Door) -> None:
    try:
        await talk.hold(leave(door, talk.memory, told=False))
    except ConsoleError:
        door.state = SessionState.UNKNOWN
    if door.state is SessionState.UNKNOWN:
        # Not ours any more: whatever is open there is left, not taken over.
        door.ours = False
        await talk.hold(arrive(door, talk.memory))


def _nothing_to_note(_step: Send) -> None:
    """No dialog of a tool actuates."""
