"""The pump between an open port and a console session: bytes one way, goals and their events the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from apcbridge.console.events import GoalDone, GoalFailed
from apcbridge.errors import PortLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apcbridge.clock import Clock
    from apcbridge.console.events import Event
    from apcbridge.console.goals import Goal
    from apcbridge.console.session import Session
    from apcbridge.pdu.ports import Port

_SHORTEST_WAIT_S = 0.005
"""Bytes that lie in the kernel are looked at before a deadline that passed meanwhile is believed."""


class Driver:
    """Pursues one goal at a time over one port; every event goes to ``on_event`` in order.

    ``beat`` is called whenever something came or a deadline passed, as a sign of life while a goal takes its time.
    """

    def __init__(
        self,
        port: Port,
        session: Session,
        clock: Clock,
        on_event: Callable[[Event], None],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._port = port
        self._session = session
        self._clock = clock
        self._on_event = on_event
        self._beat = beat
        self._lost: PortLost | None = None
        self._interrupted = False
        self._wait: asyncio.Timeout | None = None

    async def pursue(self, goal: Goal) -> GoalDone | GoalFailed:
        """Reach a goal or learn why not. A port that breaks meanwhile ends it as failed; see :meth:`check`."""
        self.check()
        self._session.start(goal, self._clock.monotonic())
        while True:
            end = self._emit(await self._exchange())
            self._beat()
            if end is not None:
                await self._flush_rest()
                return end

    async def idle(self, wake: asyncio.Event, until_mono: float) -> None:
        """Watch the line until ``wake`` is set or the time has come; raise PortLost as soon as the line breaks."""
        self.check()
        waiting = asyncio.ensure_future(wake.wait())
        try:
            while not wake.is_set() and (left_s := until_mono - self._clock.monotonic()) > 0:
                reading = asyncio.ensure_future(self._port.read())
                try:
                    await asyncio.wait({waiting, reading}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    data = await self._collect(reading)
                self._emit(self._session.receive_data(data, self._clock.monotonic()) if data else ())
        finally:
            waiting.cancel()

    def interrupt(self) -> None:
        """Give up the goal in progress, if one is: it ends as failed."""
        if self._wait is not None:
            self._interrupted = True
            self._wait.reschedule(asyncio.get_running_loop().time())

    def check(self) -> None:
        """Raise PortLost if the port broke while a goal was pursued."""
        if self._lost is not None:
            raise self._lost

    def close(self) -> None:
        """Give the port back."""
        self._emit(self._session.reset())
        self._port.close()

    async def _exchange(self) -> Iterable[Event]:
        """Send what is due, then wait for bytes or for the session's deadline."""
        try:
            await self._flush()
            deadline_mono = self._session.next_deadline()
            wait_s = None if deadline_mono is None else deadline_mono - self._clock.monotonic()
            async with asyncio.timeout(None if wait_s is None else max(wait_s, _SHORTEST_WAIT_S)) as self._wait:
                data = await self._port.read()
        except TimeoutError:
            if self._interrupted:
                self._interrupted = False
                return self._session.abort(self._clock.monotonic())
            return self._session.handle_timeout(self._clock.monotonic())
        except PortLost as lost:
            self._lost = lost
            return self._session.reset()
        finally:
            self._wait = None
        return self._session.receive_data(data, self._clock.monotonic())

    async def _flush(self) -> None:
        if self._lost is None and (data := self._session.data_to_send()):
            await self._port.write(data)

    async def _flush_rest(self) -> None:
        """Send what a goal that has ended left to be sent; its end stands even if the line breaks now."""
        try:
            await self._flush()
        except PortLost as lost:
            self._lost = lost

    @staticmethod
    async def _collect(reading: asyncio.Future[bytes]) -> bytes:
        """End a read that may be unfinished, without losing what it has."""
        if not reading.done():
            reading.cancel()
        try:
            return await reading
        except asyncio.CancelledError:
            task = asyncio.current_task()
            # Whoever ends us at this very moment must not be taken for our own cancelling of the read.
            if reading.cancelled() and not (task and task.cancelling()):
                return b""
            raise

    def _emit(self, events: Iterable[Event]) -> GoalDone | GoalFailed | None:
        """Pass events on; return the one that ended the goal, if any did."""
        end = None
        for event in events:
            self._on_event(event)
            if isinstance(event, GoalDone | GoalFailed):
                end = event
        return end
