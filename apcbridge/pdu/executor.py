"""Carrying out one command on an open line: at most one actuation a goal, and one verdict at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.commands import REBOOTS, ResultStatus
from apcbridge.console.events import GoalFailed
from apcbridge.console.goals import ReadStatus
from apcbridge.errors import LoginRefused, PasswordChangeForced, PortError
from apcbridge.model import Action, OutletState
from apcbridge.pdu.agenda import Step, hold
from apcbridge.pdu.pending import RESTS_IN_THE_NMC
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
    from apcbridge.clock import Clock
    from apcbridge.commands import Command
    from apcbridge.console.goals import Goal
    from apcbridge.errors import ConsoleError
    from apcbridge.model import Outlet
    from apcbridge.pdu.agenda import Held
    from apcbridge.pdu.driver import Driver
    from apcbridge.pdu.keeper import Keeper
    from apcbridge.pdu.settings import PduSettings

_WOULD_LOSE = "the card is expected to restart and would lose it"
_LEAVES_OFF = "the outlet is OFF, and a reboot leaves it OFF; nothing was switched"


class Executor:
    """Carries out the commands of one PDU."""

    def __init__(self, settings: PduSettings, clock: Clock, keeper: Keeper) -> None:
        self._reboot_by = settings.reboot
        self._pace = settings.pace
        self._clock = clock
        self._keeper = keeper
        self._duties = keeper.duties
        self._stopping = False

    def stop(self) -> None:
        """Try nothing a second time: the bridge is to end."""
        self._stopping = True

    async def carry_out(self, driver: Driver, command: Command) -> Ending | None:
        """Carry out a command and judge it; raise PortLost only if nothing was sent to the PDU.

        None for a reboot whose outlet is off and waits in the agenda for its ON: that will bring the end.
        """
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
        return self._duties.cancel(outlet.number) and not outlet.pending

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
        told = ""
        for outlet, steps in planned:
            if steps:
                ours = tuple(Step(step.wait_s / self._pace, step.action) for step in steps)
                self._duties.hold(hold(command, outlet, ours, *self._now()))
                told = " and ".join(f"{step.action} in {step.wait_s:g} s" for step in steps)
        self._duties.note_agenda()
        if not told:
            return Ending(ResultStatus.FAILED, "the delay is set to never; nothing was sent")
        return Ending(ResultStatus.CONFIRMED, f"the bridge does it by its own clock: {told}")

    async def carry_on(self, driver: Driver, held: Held) -> None:
        """Do the next step of a held command, whose time has come; raise PortLost only if nothing was sent."""
        agenda, action = self._duties.agenda, held.steps[0].action
        hopeless = self._hopeless(held)
        if hopeless:
            agenda.forsake(held, hopeless)
            return
        step = replace(held.command, outlet=held.outlet.number, deadline_mono=held.late_mono)
        goes_on = len(held.steps) > 1
        try:
            if goes_on:
                verdict = await self._switch_off(driver, step, held.outlet)
            else:
                verdict = await self._reach(driver, replace(step, action=action), switch_goal(held.outlet, action))
        except PortError as error:
            agenda.failed(held, f"{error}; nothing was switched", self._clock.monotonic())
            raise
        now_mono = self._clock.monotonic()
        if verdict.status is ResultStatus.FAILED:
            agenda.failed(held, verdict.detail, now_mono)
        elif verdict.status is ResultStatus.CONFIRMED or (goes_on and self._is_off(held.outlet)):
            agenda.seen_through(held, now_mono)
        else:
            if held.begun:
                # Whether it is on again, the readings will tell; as long as they say OFF it is owed.
                self._duties.promise_on(held.command, held.outlet.number)
            agenda.forsake(held, verdict.detail)

    def _hopeless(self, held: Held) -> str:
        """Say why a step that is due is not done any more, or return nothing."""
        if self._clock.monotonic() > held.late_mono:
            return "the console did not answer when its time came; nothing was switched"
        return _LEAVES_OFF if len(held.steps) > 1 and self._is_off(held.outlet) else ""

    def _is_off(self, outlet: Outlet) -> bool:
        seen = self._keeper.outlet(outlet.number)
        return seen is not None and seen.state is OutletState.OFF

    async def _switch_off(self, driver: Driver, command: Command, outlet: Outlet) -> Ending:
        """Switch off what shall come on again. Nothing is sent before the promise of that is on disk."""
        self._duties.promise_on(command, outlet.number)
        await self._duties.on_disk()
        if self._stopping:
            self._duties.take_back(outlet.number)
            return Ending(ResultStatus.FAILED, "the bridge is to end; nothing was switched")
        try:
            goal = replace(switch_goal(outlet, Action.OFF), only_if_on=True)
            verdict = await self._reach(driver, replace(command, action=Action.OFF), goal)
        except PortError:
            self._duties.take_back(outlet.number)
            raise
        if verdict.status is ResultStatus.FAILED:
            self._duties.take_back(outlet.number)
        return verdict

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
        final = isinstance(error, LoginRefused | PasswordChangeForced) or self._stopping
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

    async def _reboot(self, driver: Driver, command: Command, outlet: Outlet) -> Ending | None:
        """Reboot by our own clock: off, seen, wait, on, seen. Nothing rests in the card's memory.

        The agenda does the waiting, so that the line is free for others.
        """
        if outlet.state is OutletState.OFF:
            return Ending(ResultStatus.FAILED, _LEAVES_OFF)
        off = await self._switch_off(driver, command, outlet)
        if off.status is ResultStatus.FAILED or (off.status is ResultStatus.UNKNOWN and not self._is_off(outlet)):
            return off
        on = Step(reboot_duration_s(outlet) / self._pace, Action.ON)
        self._duties.hold(hold(command, outlet, (on,), *self._now(), begun=True))
        self._duties.note_agenda()
        return None

    def _now(self) -> tuple[float, float]:
        return self._clock.monotonic(), self._clock.wall()


def _delay_of(outlets: list[int]) -> str:
    return f"the delay of outlet {', '.join(map(str, outlets))}"
