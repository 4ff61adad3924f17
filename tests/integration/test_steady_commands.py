"""Commands without a pause, for virtual minutes: the readings stay fresh, or the next command would be refused."""

from __future__ import annotations

import asyncio
import dataclasses
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import ResultStatus
from apcbridge.console.session import Access
from apcbridge.model import Action, Freshness
from apcbridge.sim.url import parse_url
from tests.integration.virtual_world import TrueTime, World, leaping

if TYPE_CHECKING:
    from apcbridge.pdu.settings import PduSettings

COMMANDS = 60
POLL_S = 10.0
DEVICE = "sim://AP7930?baud=9600&relay_lag=4&relay_lag_min=4&watchdog=off"


@pytest.mark.parametrize("access", [Access.MENU, Access.AUTO])
def test_readings_stay_fresh_while_commands_never_cease(access: Access) -> None:
    def settings(plain: PduSettings) -> PduSettings:
        return dataclasses.replace(
            plain, access=access, poll_interval_s=POLL_S, stale_after_s=3 * POLL_S, lost_after_s=5 * POLL_S
        )

    async def scene() -> None:
        async with World(time, parse_url(DEVICE), settings) as world:
            await world.until_up()
            given, oldest_s = [], 0.0
            for number, outlet in zip(range(COMMANDS), cycle(range(1, 25)), strict=False):
                given.append(world.submit([Action.OFF, Action.ON][number // 24 % 2], outlet, ttl_s=60))
                while len(world.arbiter.unfinished("p")) > 1:
                    await asyncio.sleep(0.5)
                    now_mono = world.clock.monotonic()
                    status = world.store.get("p")
                    assert status.freshness(now_mono) is Freshness.FRESH
                    assert status.snapshot is not None
                    oldest_s = max(oldest_s, now_mono - status.snapshot.taken_mono)
            await world.until(lambda: not world.arbiter.unfinished("p"), "an end of the last command")
            assert {end.status for command in given for end in world.ends(command)} == {ResultStatus.CONFIRMED}
            assert all(len(world.ends(command)) == 1 for command in given)
            assert oldest_s < 2 * POLL_S

    time = TrueTime()
    leaping(time, scene())
