"""One task per PDU: open the line, poll, serve commands before polls (but not for ever), back off, and never give up.

The :class:`~apcbridge.pdu.poller.Poller` knows what to read, the :class:`~apcbridge.pdu.executor.Executor` how a
command is carried out, and the console's answers go to the :class:`~apcbridge.pdu.keeper.Keeper`. This module decides
whose turn it is and what a failure means.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from apcbridge.commands import ResultStatus
from apcbridge.console.events import GoalFailed
from apcbridge.console.goals import Logout
from apcbridge.console.session import Session, SessionOptions, SessionState
from apcbridge.errors import (
    ApcBridgeError,
    ConsoleError,
    GoalTimeout,
    LoginRefused,
    PasswordChangeForced,
    PortError,
)
from apcbridge.model import LinkState
from apcbridge.pdu.driver import Driver
from apcbridge.pdu.executor import Executor
from apcbridge.pdu.logger import PduLogger
from apcbridge.pdu.pacing import LOCKED_OUT_S, Ladder
from apcbridge.pdu.poller import Poller
from apcbridge.pdu.settings import SessionMode
from apcbridge.pdu.switching import Ending

if TYPE_CHECKING:
    from apcbridge.clock import Clock
    from apcbridge.commands import Arbiter, Command
    from apcbridge.console.events import GoalDone
    from apcbridge.console.goals import Goal
    from apcbridge.pdu.agenda import Held
    from apcbridge.pdu.keeper import Keeper
    from apcbridge.pdu.ports import PortRegistry
    from apcbridge.pdu.settings import PduSettings

SILENT_AFTER_FAILURES = 2
"""One lost byte is noise; a console that failed twice in a row does not answer."""
BEAT_S = 5.0
"""Longest sleep without a sign of life for the watchdog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all supervisors share."""

    clock: Clock
    arbiter: Arbiter
    ports: PortRegistry


class Supervisor:
    """Keeps one PDU's console talking."""

    def __init__(self, settings: PduSettings, services: Services, keeper: Keeper) -> None:
        self.id = settings.id
        self._log = PduLogger(logging.getLogger(__name__), settings.id)
        self._settings = settings
        self._clock = services.clock
        self._arbiter = services.arbiter
        self._ports = services.ports
        self._keeper = keeper
        self._duties = keeper.duties
        self._session = Session(
            settings.credentials, SessionOptions(access=settings.access, silence_s=settings.silence_s)
        )
        self._poller = Poller(settings.id, services.clock, self._session, keeper)
        self._executor = Executor(settings, services.clock, keeper)
        self._ladder = Ladder()
        self._wake = asyncio.Event()
        self._stopping = False
        self._driver: Driver | None = None
        self._command: Command | None = None
        self._opened = 0
        self._last_reason = ""
        self._next_poll_mono = self._clock.monotonic()
        self._list_first = False
        """One more command would put off a list that is due: the list goes first, or readings would grow stale."""
        self.progress_mono = self._clock.monotonic()
        self._tried = asyncio.Event()
        self.left = asyncio.Event()
        """Set when :meth:`run` has ended."""

    async def run(self) -> None:
        """Serve the PDU until :meth:`stop`; only cancellation ends it otherwise."""
        try:
            while not self._stopping:
                try:
                    await self._connected()
                except PortError as error:
                    await self._failed(error, None)
                except Exception as error:  # noqa: BLE001 - the one place: a defect in one PDU's task must not end the bridge
                    self._log.exception("unexpected failure; trying again")
                    await self._failed(ApcBridgeError(f"internal error: {error}"), None)
        finally:
            self._duties.agenda.stop_waiting("the bridge was stopped before that was seen")
            self._answer()
        self._keeper.remember()
        self.left.set()

    async def opened(self) -> None:
        """Return after the first try to read the PDU, however it ended."""
        await self._tried.wait()

    def stop(self) -> None:
        """Finish what is being switched, log out and end :meth:`run`."""
        self._stopping = True
        self._executor.stop()
        self._wake.set()
        if self._driver is not None and self._command is None:
            self._driver.interrupt()

    @property
    def switching(self) -> bool:
        """A command is being carried out right now, or an outlet is off and waits for its ON."""
        return self._command is not None or bool(self._duties.agenda.begun)

    def wake(self) -> None:
        """Look at once whether a command waits."""
        self._wake.set()

    def poll_now(self) -> None:
        """Read the PDU at once instead of at the end of the poll interval."""
        self._next_poll_mono = self._clock.monotonic()
        self._wake.set()

    async def _connected(self) -> None:
        """Open the line and serve over it until it must be opened anew."""
        baud = self._settings.bauds[self._opened % len(self._settings.bauds)]
        port = await self._ports.open(self._settings.port, baud)
        self._log.info("opened %s at %d baud", self._settings.port, baud)
        self._driver = driver = Driver(port, self._session, self._clock, self._keeper.on_event, self._beat)
        try:
            await self._serve(driver)
        finally:
            self._driver = None
            driver.close()

    async def _serve(self, driver: Driver) -> None:
        while not self._stopping:
            self._beat()
            try:
                await self._step(driver)
            except ConsoleError as error:
                await self._failed(error, driver)
                if self._ladder.port_is_suspect and not self._stopping:
                    self._opened += 1
                    return
        for held in self._duties.agenda.begun:
            await self._carry_on(driver, held)
        await self._log_out(driver)

    async def _step(self, driver: Driver) -> None:
        """Do the most urgent thing, or wait for one."""
        self._wake.clear()
        now_mono = self._clock.monotonic()
        held = self._due()
        if held is not None and held.begun:
            await self._carry_on(driver, held)
        elif (command := self._next_command()) is not None:
            await self._execute(driver, command)
        elif held is not None:
            await self._carry_on(driver, held)
        elif self._list_first or now_mono >= self._next_poll_mono:
            self._next_poll_mono = now_mono + self._settings.poll_interval_s
            await self._poll(driver)
        else:
            if self._settings.session is SessionMode.RELEASE:
                await self._log_out(driver)
            await driver.idle(self._wake, self._until_mono(self._next_poll_mono))

    def _due(self) -> Held | None:
        """Return what the bridge is to do by its own clock now; an outlet that is off for it goes before commands."""
        return None if self._ladder.failures else self._duties.agenda.due(self._clock.monotonic())

    # Polling

    async def _poll(self, driver: Driver) -> None:
        """Read what is due; commands that arrive meanwhile go first."""
        now_mono = self._clock.monotonic()
        ask = partial(self._ask, driver)
        try:
            await self._poller.read(ask, now_mono)
        finally:
            self._list_first = False
        await self._poller.gather_evidence(ask)
        self._succeeded()
        await self._poller.read_configs(ask, now_mono)

    async def _ask(self, driver: Driver, goal: Goal) -> None:
        """Pursue a goal of a poll, after what is owed and the commands that may go first; raise what made it fail."""
        while not self._stopping:
            held = self._due()
            if held is not None and held.begun:
                await self._carry_on(driver, held)
            elif (command := self._next_command()) is not None:
                await self._execute(driver, command)
            else:
                break
        end = await self._pursue(driver, goal)
        if isinstance(end, GoalFailed):
            raise end.error

    async def _pursue(self, driver: Driver, goal: Goal) -> GoalDone | GoalFailed:
        self._keeper.asked_mono = self.progress_mono = self._clock.monotonic()
        end = await driver.pursue(goal)
        driver.check()
        return end

    async def _log_out(self, driver: Driver) -> None:
        if self._session.state is SessionState.LOGGED_OUT:
            return
        end = await self._pursue(driver, Logout())
        if isinstance(end, GoalFailed):
            self._log.info("could not log out: %s", end.error)

    # Commands

    def _next_command(self) -> Command | None:
        """Take the next command, unless a list that it would put off goes first."""
        if self._list_first:
            return None
        return self._arbiter.take(self.id, self._clock.monotonic(), self._clock.wall())

    async def _execute(self, driver: Driver, command: Command) -> None:
        """Carry out one command; it ends here in exactly one result, whatever happens, or rests in the agenda."""
        self._command = self._keeper.command = command
        began_mono = self._clock.monotonic()
        verdict: Ending | None = Ending(ResultStatus.UNKNOWN, "the bridge was stopped while it was carried out")
        try:
            verdict = await self._executor.carry_out(driver, command)
            await self._duties.on_disk()  # before it is told: what it ended must not come back after a kill
        except PortError as error:
            verdict = Ending(ResultStatus.FAILED, f"{error}; nothing was switched")
            raise
        finally:
            self._command = self._keeper.command = None
            if verdict is None:
                self._arbiter.rest(command)
            else:
                self._end(command, verdict)
            self._answer()
            now_mono = self._clock.monotonic()
            another_mono = now_mono + (now_mono - began_mono)
            self._list_first = another_mono >= self._poller.listed_mono + self._settings.poll_interval_s
        driver.check()

    def _end(self, command: Command, verdict: Ending) -> None:
        self._keeper.command_ended(command, verdict.status)
        self._arbiter.finish(command, verdict.status, verdict.detail, self._clock.monotonic(), self._clock.wall())

    def _answer(self) -> None:
        """End the reboots by the bridge's own clock that are over."""
        for command, confirmed, detail in self._duties.agenda.answers():
            self._end(command, Ending(ResultStatus.CONFIRMED if confirmed else ResultStatus.UNKNOWN, detail))

    async def _carry_on(self, driver: Driver, held: Held) -> None:
        """Do what the bridge holds and whose time has come, if it is still allowed."""
        forbidden = "" if held.begun else self._arbiter.forbids(held.command, held.outlet)
        if forbidden:
            self._duties.agenda.forsake(held, forbidden)
            return
        self._command = self._keeper.command = held.command
        try:
            await self._executor.carry_on(driver, held)
        finally:
            self._command = self._keeper.command = None
            self._answer()
        self._duties.note_agenda()
        driver.check()

    # Failures

    def _succeeded(self) -> None:
        if self._ladder.failures:
            self._log.info("the console answers again")
        self._last_reason = ""
        self._ladder.success()
        self._keeper.link_up()
        self._keeper.settle_debts()
        self._tried.set()

    async def _failed(self, error: ApcBridgeError, driver: Driver | None) -> None:
        """Say what is wrong, once, and wait as long as this kind of failure needs."""
        self._tried.set()
        if self._stopping:
            return
        if driver is None or isinstance(error, GoalTimeout):
            self._keeper.silent()
        pause_s = self._ladder.failure(error)
        reason = str(error) or type(error).__name__
        if driver is None:
            self._keeper.link_down(LinkState.LOST, reason)
        elif self._ladder.failures >= SILENT_AFTER_FAILURES or isinstance(error, LoginRefused | PasswordChangeForced):
            self._keeper.link_down(LinkState.SILENT, reason)
        if reason != self._last_reason or pause_s >= LOCKED_OUT_S:
            self._log.warning("%s; next try in %.0f s", reason, pause_s)
        self._last_reason = reason
        self._next_poll_mono = until_mono = self._clock.monotonic() + pause_s
        while not self._stopping and self._clock.monotonic() < until_mono:
            self._beat()
            self._arbiter.expire(self.id, self._clock.monotonic(), self._clock.wall())
            await self._rest(driver, self._until_mono(until_mono))

    async def _rest(self, driver: Driver | None, until_mono: float) -> None:
        self._wake.clear()
        if driver is not None:
            await driver.idle(self._wake, until_mono)
            return
        try:
            async with asyncio.timeout(max(until_mono - self._clock.monotonic(), 0)):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _until_mono(self, wanted_mono: float) -> float:
        """Return when to look around next, at the latest at ``wanted_mono``."""
        now_mono = self._clock.monotonic()
        next_event_mono = self._arbiter.next_event_mono(self.id, now_mono)
        beat_mono = now_mono + BEAT_S
        step_mono = max(self._duties.agenda.next_mono, now_mono) if not self._ladder.failures else beat_mono
        return min(wanted_mono, beat_mono, step_mono, *([] if next_event_mono is None else [next_event_mono]))

    def _beat(self) -> None:
        self.progress_mono = self._clock.monotonic()
