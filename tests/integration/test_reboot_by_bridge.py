"""A reboot by the bridge's own clock among other commands, a slow disk, and other people; in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import ResultStatus
from apcbridge.console.session import Access
from apcbridge.model import Action
from apcbridge.pdu.settings import RebootBy
from apcbridge.sim.relays import Action as Done
from apcbridge.sim.url import parse_url
from tests.integration.virtual_world import TrueTime, World, leaping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apcbridge.pdu.settings import PduSettings

OUTLET = 3
OTHERS = (4, 5, 6, 7, 8)


def play(
    work: Callable[[World], Awaitable[None]], *, duration_s: int, access: Access = Access.MENU, poll_interval_s: float
) -> None:
    """Do the work beside a PDU whose card stays up and that was read a moment ago."""
    plain = parse_url("sim://AP7920?baud=9600&watchdog=off")
    profile = dataclasses.replace(plain, reboot_duration_s=(duration_s,) * plain.outlets)

    def settings(of_world: PduSettings) -> PduSettings:
        return dataclasses.replace(
            of_world,
            access=access,
            reboot=RebootBy.BRIDGE,
            poll_interval_s=poll_interval_s,
            stale_after_s=5 * poll_interval_s,
            lost_after_s=6 * poll_interval_s,
        )

    async def scene() -> None:
        async with world:
            await world.until_up()
            await asyncio.sleep(20)
            await work(world)

    world = World(TrueTime(), profile, settings)
    leaping(world.time, scene())


def taken(world: World) -> list[str]:
    return [str(one.action) for one in world.pdu.log.commands(OUTLET)]


async def resting(world: World) -> None:
    """Give the reboot and return while the outlet is off."""
    world.submit(Action.REBOOT, OUTLET)
    await world.until(lambda: world.pdu.log.moves(OUTLET) == [False], "the outlet off")
    await asyncio.sleep(10)


def test_an_on_that_is_due_waits_for_no_other_command() -> None:
    async def work(world: World) -> None:
        reboot, others, since = world.submit(Action.REBOOT, OUTLET), cycle(OTHERS), None
        while not world.ends(reboot):
            while len(world.arbiter.unfinished("p")) < 4:
                world.submit(Action.OFF, next(others), ttl_s=60)
            await asyncio.sleep(0.2)
            since = since or (world.time.now if world.pdu.log.moves(OUTLET) else None)
        assert world.ends(reboot)[0].status is ResultStatus.CONFIRMED
        assert since is not None
        assert world.time.now - since < 30

    play(work, duration_s=5, poll_interval_s=600)


@pytest.mark.parametrize("newer", [Action.CANCEL, Action.OFF])
def test_what_a_newer_command_ended_stays_ended_after_a_kill(newer: Action) -> None:
    async def work(world: World) -> None:
        await resting(world)
        world.disk_s = 1.5
        command = world.submit(newer, OUTLET)
        await world.until(lambda: bool(world.ends(command)), "its end", 60)
        assert world.ends(command)[0].status is ResultStatus.CONFIRMED
        await world.kill_daemon()
        world.start_daemon()
        await asyncio.sleep(300)
        assert not world.pdu.firmware.relays.is_on(OUTLET)
        assert not [one for one in world.events if one.type == "pending_lost"]

    play(work, duration_s=60, poll_interval_s=10)


@pytest.mark.parametrize("access", [Access.MENU, Access.CLI])
def test_an_outlet_that_somebody_else_switched_off_is_left_alone(access: Access) -> None:
    async def work(world: World) -> None:
        world.pdu.firmware.relays.accept(Done.OFF, [OUTLET], world.time.now, "web")
        world.pdu.wake()
        await world.until(lambda: world.pdu.log.moves(OUTLET) == [False], "the outlet off")
        reboot = world.submit(Action.REBOOT, OUTLET)
        await world.until(lambda: bool(world.ends(reboot)), "its end", 60)
        (end,) = world.ends(reboot)
        assert end.status is ResultStatus.FAILED
        assert "OFF already" in end.detail
        await asyncio.sleep(300)
        assert len(taken(world)) == 1
        assert not world.pdu.firmware.relays.is_on(OUTLET)

    play(work, duration_s=5, access=access, poll_interval_s=60)


def test_nothing_is_begun_for_a_bridge_that_is_to_end() -> None:
    async def work(world: World) -> None:
        world.disk_s = 1.5
        reboot = world.submit(Action.REBOOT, OUTLET)
        await asyncio.sleep(0.5)
        world.supervisor.stop()
        await asyncio.wait_for(world.supervisor.left.wait(), 5)
        assert world.ends(reboot)[0].status is ResultStatus.FAILED
        assert taken(world) == []

    play(work, duration_s=60, poll_interval_s=10)
