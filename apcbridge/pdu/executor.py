"""Carrying out one command on an open line: at most one actuation a goal, and one verdict at the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.commands import ResultStatus
from apcbridge.console.events import GoalFailed
from apcbridge.console.goals import ReadStatus
from apcbridge.errors import LoginRefused, PasswordChangeForced, PortError
from apcbridge.model import Action, OutletState
from apcbridge.pdu.pending import RESTS_IN_THE_NMC
from apcbridge.pdu.settings import RebootBy
from apcbridge.pdu.switching import (
    Ending,
    ending,
    goal_for,
    restart_expected_within,
    rests_s,
    switch_goal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.clock import Clock
    from apcbridge.commands import Command
    from apcbridge.console.goals import Goal
    from apcbridge.errors import ConsoleError
    from apcbridge.model import Outlet
    from apcbridge.pdu.driver import Driver
    from apcbridge.pdu.keeper import Keeper
    from apcbridge.pdu.settings import PduSettings

BEAT_S = 5.0
DEFAULT_REBOOT_DURATION_S = 5
"""What every APC PDU leaves the factory with; used where the console does not tell the outlet's own."""


class Executor:
    """Carries out the commands of one PDU. ``beat`` is called as a sign of life."""

    def __init__(self, settings: PduSettings, clock: Clock, keeper: Keeper, beat: Callable[[], None]) -> None:
        self._reboot_by = settings.reboot
        self._clock = clock
        self._keeper = keeper
        self._beat = beat
        self._stop_asked = asyncio.Event()

    def stop(self) -> None:
        """Do not wait any longer than the outlets need: the bridge is to end."""
        self._stop_asked.set()

    async def carry_out(self, driver: Driver, command: Command) -> Ending:
        """Carry out a command and judge it; raise PortLost only if nothing was sent to the PDU."""
        outlet = None if command.outlet is None else self._keeper.outlet(command.outlet)
        if outlet is None:
            if command.outlet is not None:
                return Ending(ResultStatus.FAILED, "the outlet is not known any more; nothing was switched")
            return await self._reach(driver, command, goal_for(command, None))
        by_bridge = self._reboot_by is RebootBy.BRIDGE
        if self._would_be_lost(command, outlet):
            if command.action is not Action.REBOOT:
                return Ending(ResultStatus.FAILED, "the card is about to restart and would lose it; nothing was sent")
            by_bridge = True
        if by_bridge and command.action is Action.REBOOT:
            return await self._reboot(driver, command, outlet)
        return await self._reach(driver, command, goal_for(command, outlet))

    def _would_be_lost(self, command: Command, outlet: Outlet) -> bool:
        """Tell whether the card is expected to restart while the command would rest in its memory."""
        if self._reboot_by is not RebootBy.AUTO or command.action not in RESTS_IN_THE_NMC:
            return False
        return restart_expected_within(self._keeper.nmc, rests_s(command.action, outlet), self._clock.wall())

    async def _reach(self, driver: Driver, command: Command, goal: Goal) -> Ending:
        """Pursue the goal of a command; what is not certain is looked at once."""
        self._keeper.command = command
        self._keeper.asked_mono = self._clock.monotonic()
        end = await driver.pursue(goal)
        if isinstance(end, GoalFailed) and not end.actuated and self._may_try_again(end.error, command):
            # Nothing was done yet, so this is not a second actuation: a log-off or a lost byte came between.
            end = await driver.pursue(goal)
        verdict = ending(end)
        if verdict.status is ResultStatus.UNKNOWN:
            return await self._read_back(driver, command, verdict)
        return verdict

    def _may_try_again(self, error: ConsoleError, command: Command) -> bool:
        final = isinstance(error, LoginRefused | PasswordChangeForced) or self._stop_asked.is_set()
        return not final and self._clock.monotonic() < command.deadline_mono

    async def _read_back(self, driver: Driver, command: Command, verdict: Ending) -> Ending:
        """Look once what became of a command of unknown outcome; the result stays UNKNOWN but says what was seen."""
        unread = Ending(verdict.status, f"{verdict.detail}; it could not be read back")
        try:
            end = await driver.pursue(ReadStatus(load=False))
        except PortError:
            return unread
        outlet = None if command.outlet is None else self._keeper.outlet(command.outlet)
        if isinstance(end, GoalFailed) or outlet is None:
            return unread
        return Ending(verdict.status, f"{verdict.detail}; the outlet now reads {outlet.state}")

    async def _reboot(self, driver: Driver, command: Command, outlet: Outlet) -> Ending:
        """Reboot by our own clock: off, confirmed, wait, on, confirmed. Nothing rests in the card's memory."""
        if outlet.state is OutletState.OFF:
            return Ending(ResultStatus.FAILED, "the outlet is OFF, and a reboot leaves it OFF; nothing was switched")
        self._keeper.promise_on(command)
        off = await self._reach(driver, replace(command, action=Action.OFF), switch_goal(outlet, Action.OFF))
        seen = self._keeper.outlet(outlet.number)
        if off.status is not ResultStatus.CONFIRMED and (seen is None or seen.state is OutletState.ON):
            return off
        duration_s = DEFAULT_REBOOT_DURATION_S if outlet.reboot_duration_s is None else outlet.reboot_duration_s
        try:
            await self._wait_off(driver, duration_s)
            on = await self._reach(driver, replace(command, action=Action.ON), switch_goal(outlet, Action.ON))
        except PortError as error:
            on = Ending(ResultStatus.FAILED, str(error))
        if on.status is ResultStatus.CONFIRMED:
            return Ending(ResultStatus.CONFIRMED, f"off, {duration_s} s, on: each half was seen")
        self._keeper.owe_on(command)
        return Ending(ResultStatus.UNKNOWN, f"the outlet was switched off; on again: {on.detail}")

    async def _wait_off(self, driver: Driver, duration_s: float) -> None:
        """Let the outlet stay off; a bridge that is to end does not wait."""
        until_mono = self._clock.monotonic() + duration_s
        while not self._stop_asked.is_set() and self._clock.monotonic() < until_mono:
            self._beat()
            await driver.idle(self._stop_asked, min(until_mono, self._clock.monotonic() + BEAT_S))
