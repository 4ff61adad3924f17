"""A reboot command cut by an NMC restart at each of its steps: the outlet is never left off without a report.

Every named step of the consoles that a reboot passes, and moments while the outlet rests off; in virtual time.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import Command, PduRules, ResultStatus
from apcbridge.console.session import Access
from apcbridge.model import Action
from apcbridge.pdu.settings import OnPendingLost, PduSettings, RebootBy, SessionMode
from apcbridge.sim.faults import FaultKind, StepFault
from apcbridge.sim.url import parse_url
from tests.integration.virtual_world import TrueTime, World, leaping

if TYPE_CHECKING:
    from apcbridge.sim.profiles import Profile

OUTLET = 3
DURATION_S = 20
FACES = {
    "d3b": ("AP7920", Access.MENU),
    "d3c": ("AP7920", Access.CLI),
    "d4": ("AP8941", Access.AUTO),
}


@dataclass(frozen=True)
class Case:
    face: str
    by: RebootBy
    session: SessionMode = SessionMode.RELEASE

    def profile(self) -> Profile:
        plain = parse_url(f"sim://{FACES[self.face][0]}?watchdog=off&boot=40&relay_lag_min=0.5&relay_lag=2")
        return dataclasses.replace(plain, reboot_duration_s=(DURATION_S,) * plain.outlets)

    def settings(self, on_lost: OnPendingLost, plain: PduSettings) -> PduSettings:
        return dataclasses.replace(
            plain, access=FACES[self.face][1], session=self.session, reboot=self.by, on_pending_lost=on_lost
        )

    def __str__(self) -> str:
        return f"{self.face}-{self.by}"


CASES = [Case(face, by) for face in FACES for by in (RebootBy.PDU, RebootBy.BRIDGE)]


@dataclass
class Cut:
    """What came of a reboot."""

    world: World
    command: Command

    @property
    def moves(self) -> list[bool]:
        return self.world.pdu.log.moves(OUTLET)

    @property
    def is_on(self) -> bool:
        return self.world.pdu.firmware.relays.is_on(OUTLET)

    @property
    def taken(self) -> list[str]:
        return [str(one.action) for one in self.world.pdu.log.commands(OUTLET)]

    @property
    def status(self) -> ResultStatus:
        (end,) = self.world.ends(self.command)
        return end.status

    def known(self) -> str:
        snapshot = self.world.store.get("p").snapshot
        outlet = snapshot.outlet(OUTLET) if snapshot else None
        return str(outlet.state) if outlet else "nothing"


async def _reboot(world: World, fault: StepFault | None, restart_after_s: float | None) -> Cut:
    async with world:
        await world.until_up()
        await asyncio.sleep(25)
        world.pdu.faults.visited.clear()
        if fault is not None:
            world.pdu.faults.arm(fault)
        cut = Cut(world, world.submit(Action.REBOOT, OUTLET))
        if restart_after_s is not None:
            await asyncio.sleep(restart_after_s)
            world.pdu.restart()
        await world.until(lambda: bool(world.ends(cut.command)), "the end of the command")
        visited = dict(world.pdu.faults.visited)
        if fault is not None or restart_after_s is not None:
            await world.until(lambda: bool(world.reports), "the report of the restart")
        await asyncio.sleep(150)
        world.pdu.faults.visited.update(visited)
        return cut


def reboot(
    case: Case, on_lost: OnPendingLost, fault: StepFault | None = None, restart_after_s: float | None = None
) -> Cut:
    time = TrueTime()
    world = World(time, case.profile(), partial(case.settings, on_lost), PduRules())
    return leaping(time, _reboot(world, fault, restart_after_s))


def steps() -> list[tuple[Case, str, int]]:
    """Return every step that a reboot passes, and which visit to it."""
    found = []
    for case in CASES:
        visited: dict[str, int] = {}

        async def note(world: World, visited: dict[str, int] = visited) -> None:
            async with world:
                await world.until_up()
                await asyncio.sleep(25)
                world.pdu.faults.visited.clear()
                command = world.submit(Action.REBOOT, OUTLET)
                await world.until(lambda: bool(world.ends(command)), "the end of the command")
                visited.update(world.pdu.faults.visited)

        time = TrueTime()
        leaping(time, note(World(time, case.profile(), partial(case.settings, OnPendingLost.REPORT))))
        found += [(case, step, turn) for step in sorted(visited) for turn in range(1, min(visited[step], 2) + 1)]
    return found


STEPS = steps()


def judge(cut: Cut, on_lost: OnPendingLost) -> None:
    world = cut.world
    assert len(world.reports) == 1
    assert cut.known() == ("ON" if cut.is_on else "OFF"), "what is shown is what is"
    assert cut.moves in ([], [False], [False, True]), "the relay moved once each way at most"
    assert cut.taken.count("immediate_reboot") + cut.taken.count("immediate_off") <= 1
    assert cut.taken.count("immediate_on") <= 1
    assert world.lost(OUTLET) <= 1, "a loss is told once"
    if not cut.is_on:
        assert world.lost(OUTLET) == 1, f"left off, told {cut.status}"
    if on_lost is OnPendingLost.RESUME:
        assert cut.is_on
    if cut.status is ResultStatus.CONFIRMED:
        assert cut.moves == [False, True]
    if cut.status is ResultStatus.FAILED:
        assert cut.moves == []


@pytest.mark.parametrize("on_lost", OnPendingLost)
@pytest.mark.parametrize(("case", "step", "turn"), STEPS, ids=str)
def test_a_restart_at_any_step(case: Case, step: str, turn: int, on_lost: OnPendingLost) -> None:
    judge(reboot(case, on_lost, StepFault(step=step, kind=FaultKind.RESTART, occurrence=turn)), on_lost)


@pytest.mark.parametrize("on_lost", OnPendingLost)
@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.0, 2.5, 5.0, 10.0, 15.0, 18.0, 19.5, 20.5, 21.5, 23.0, 40.0])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_restart_while_the_outlet_is_off(case: Case, after_s: float, on_lost: OnPendingLost) -> None:
    judge(reboot(case, on_lost, restart_after_s=after_s), on_lost)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_reboot_that_nothing_cuts_is_seen_through(case: Case) -> None:
    cut = reboot(case, OnPendingLost.RESUME)
    assert cut.status is ResultStatus.CONFIRMED
    assert (cut.moves, cut.world.reports, cut.world.lost(OUTLET)) == ([False, True], [], 0)
