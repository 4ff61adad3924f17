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
from apcbridge.pdu.agenda import Step, hold
from apcbridge.pdu.pending import REBOOTS, RESTS_IN_THE_NMC
from apcbridge.pdu.settings import RebootBy
from apcbridge.pdu.switching import (
    Ending,
    ending,
    goal_for,
    own_steps,
    reboot_duration_s,
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
    from apcbridge.pdu.agenda import Held
    from apcbridge.pdu.driver import Driver
    from apcbridge.pdu.keeper import Keeper
    from apcbridge.pdu.settings import PduSettings

BEAT_S = 5.0
_WOULD_LOSE = "the card is expected to restart and would lose it"
_LEAVES_OFF = "the outlet is OFF, and a reboot leaves it OFF; nothing was switched"


class Executor:
    """Carries out the commands of one PDU. ``beat`` is called as a sign of life."""

    def __init__(self, settings: PduSettings, clock: Clock, keeper: Keeper, beat: Callable[[], None]) -> None:
        self._reboot_by = settings.reboot
        self._pace = settings.pace
        self._poll_interval_s = settings.poll_interval_s
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
        if outlet is None and command.outlet is not None:
            return Ending(ResultStatus.FAILED, "the outlet is not known any more; nothing was switched")
        if command.action is Action.CANCEL and outlet is not None and self._cancelled(outlet):
            return Ending(ResultStatus.CONFIRMED, f"the bridge will not do it; the outlet is {outlet.state}")
        targets = self._keeper.outlets if outlet is None else (outlet,)
        if any(self._by_own_clock(command, one) for one in targets):
            if command.action is not Action.REBOOT:
                return self._hold(command, targets)
            if outlet is not None:
                return await self._reboot(driver, command, outlet)
            if self._reboot_by is RebootBy.AUTO:
                return Ending(ResultStatus.FAILED, f"{_WOULD_LOSE}: reboot the outlets one by one; nothing was sent")
        return await self._reach(driver, command, goal_for(command, outlet))

    def _cancelled(self, outlet: Outlet) -> bool:
        """Forget what the bridge was to do for an outlet; return whether nothing is left for the card to cancel."""
        return self._keeper.cancel(outlet.number) and not outlet.pending

    def _by_own_clock(self, command: Command, outlet: Outlet) -> bool:
        """Tell whether a command must not rest in the card's memory: it is expected to restart meanwhile."""
        if self._reboot_by is RebootBy.PDU or command.action not in RESTS_IN_THE_NMC:
            return False
        if self._reboot_by is RebootBy.BRIDGE and command.action in REBOOTS:
            return True
        rests = rests_s(command.action, outlet) / self._pace
        return rests > 0 and restart_expected_within(self._keeper.nmc, rests, self._clock.wall())

    def _hold(self, command: Command, outlets: tuple[Outlet, ...]) -> Ending:
        """Let a delayed command wait for our own clock instead of the card's."""
        planned = [(outlet, own_steps(command.action, outlet)) for outlet in outlets]
        untold = [outlet.number for outlet, steps in planned if steps is None]
        if untold:
            return Ending(ResultStatus.FAILED, f"{_WOULD_LOSE}, and {_delay_of(untold)} is not known; nothing was sent")
        if command.action is Action.DELAYED_REBOOT:
            planned = [(outlet, steps) for outlet, steps in planned if outlet.state is OutletState.ON]
            if not planned:
                return Ending(ResultStatus.FAILED, _LEAVES_OFF)
        now_mono, now_at = self._clock.monotonic(), self._clock.wall()
        told = ""
        for outlet, steps in planned:
            if steps:
                ours = tuple(Step(step.wait_s / self._pace, step.action) for step in steps)
                self._keeper.agenda.put(hold(command, outlet, ours, now_mono, now_at))
                told = " and ".join(f"{step.action} in {step.wait_s:g} s" for step in steps)
        self._keeper.note_agenda()
        if not told:
            return Ending(ResultStatus.FAILED, "the delay is set to never; nothing was sent")
        return Ending(ResultStatus.CONFIRMED, f"the bridge does it by its own clock: {told}")

    async def carry_on(self, driver: Driver, held: Held) -> None:
        """Do the next step of a held command, whose time has come; raise PortLost only if nothing was sent."""
        agenda, now_mono = self._keeper.agenda, self._clock.monotonic()
        action, number = held.steps[0].action, held.outlet.number
        seen = self._keeper.outlet(number)
        is_reboot = len(held.steps) > 1
        if now_mono > held.late_mono:
            agenda.forsake(held, "the console did not answer when its time came; nothing was switched")
            return
        if is_reboot and seen is not None and seen.state is OutletState.OFF:
            agenda.forsake(held, _LEAVES_OFF)
            return
        if is_reboot:
            self._keeper.promise_on(held.command)
        step = replace(held.command, action=action, deadline_mono=held.late_mono)
        try:
            verdict = await self._reach(driver, step, switch_goal(held.outlet, action))
        except PortError as error:
            agenda.failed(held, f"{error}; nothing was switched", self._clock.monotonic())
            raise
        seen = self._keeper.outlet(number)
        now_mono = self._clock.monotonic()
        if verdict.status is ResultStatus.FAILED:
            agenda.failed(held, verdict.detail, now_mono)
        elif verdict.status is ResultStatus.CONFIRMED or (is_reboot and seen and seen.state is OutletState.OFF):
            agenda.seen_through(held, now_mono)
        else:
            agenda.forsake(held, verdict.detail)

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
            return Ending(ResultStatus.FAILED, _LEAVES_OFF)
        self._keeper.promise_on(command)
        off = await self._reach(driver, replace(command, action=Action.OFF), switch_goal(outlet, Action.OFF))
        seen = self._keeper.outlet(outlet.number)
        if off.status is not ResultStatus.CONFIRMED and (seen is None or seen.state is OutletState.ON):
            return off
        duration_s = reboot_duration_s(outlet)
        try:
            await self._wait_off(driver, duration_s / self._pace)
            on = await self._reach(driver, replace(command, action=Action.ON), switch_goal(outlet, Action.ON))
        except PortError as error:
            on = Ending(ResultStatus.FAILED, str(error))
        if on.status is ResultStatus.CONFIRMED:
            return Ending(ResultStatus.CONFIRMED, f"off, {duration_s} s, on: each half was seen")
        self._keeper.owe_on(command)
        return Ending(ResultStatus.UNKNOWN, f"the outlet was switched off; on again: {on.detail}")

    async def _wait_off(self, driver: Driver, duration_s: float) -> None:
        """Let the outlet stay off while the others are read as ever; a bridge that is to end does not wait."""
        now_mono = self._clock.monotonic()
        until_mono, poll_mono = now_mono + duration_s, now_mono + self._poll_interval_s
        while not self._stop_asked.is_set() and now_mono < until_mono:
            self._beat()
            if now_mono >= poll_mono:
                poll_mono = now_mono + self._poll_interval_s
                await driver.pursue(ReadStatus(load=False))
            await driver.idle(self._stop_asked, min(until_mono, poll_mono, now_mono + BEAT_S))
            now_mono = self._clock.monotonic()


def _delay_of(outlets: list[int]) -> str:
    return f"the delay of outlet {', '.join(map(str, outlets))}"
