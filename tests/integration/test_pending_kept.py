"""What rests in the card or is owed to an outlet outlives the daemon that knew of it; in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from apcbridge.model import Action
from apcbridge.pdu.settings import OnPendingLost, RebootBy, SessionMode
from apcbridge.sim.url import parse_url
from tests.integration.virtual_world import TrueTime, World, leaping

if TYPE_CHECKING:
    from apcbridge.pdu.settings import PduSettings

OUTLET = 3


def world(url: str, **changes: object) -> World:
    def settings(plain: PduSettings) -> PduSettings:
        return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # fields of the test's choice

    return World(TrueTime(), parse_url(url), settings)


def lost(one: World) -> list[tuple[object, object]]:
    return [(e.details["action"], e.details["command_id"]) for e in one.events if e.type == "pending_lost"]


@pytest.mark.parametrize("restart_while_down", [True, False])
@pytest.mark.parametrize("model", ["AP7920", "AP8941", "AP9225"])
def test_a_delayed_command_given_before_the_daemon_was_restarted(model: str, restart_while_down: bool) -> None:
    one = world(f"sim://{model}?watchdog=off&on_delay=1800&off_delay=1800&boot=30", reboot=RebootBy.PDU)

    async def work() -> str:
        async with one:
            await one.until_up()
            await asyncio.sleep(90)
            command = one.submit(Action.DELAYED_OFF, OUTLET)
            await one.until(lambda: bool(one.ends(command)), "the end of the command")
            await one.kill_daemon()
            if restart_while_down:
                one.pdu.restart()
                await asyncio.sleep(100)
            one.start_daemon()
            await one.until_up()
            if not restart_while_down:
                await asyncio.sleep(100)
                one.pdu.restart()
            await one.until(lambda: bool(one.reports), "the report of the restart")
            await asyncio.sleep(100)
            return command.id

    command_id = leaping(one.time, work())
    assert len(one.reports) == 1
    assert lost(one) == [("DELAYED_OFF", command_id)]


def test_one_that_was_carried_out_while_the_daemon_was_down_is_not_lost() -> None:
    one = world("sim://AP7920?watchdog=off&off_delay=60", reboot=RebootBy.PDU)

    async def work() -> None:
        async with one:
            await one.until_up()
            await asyncio.sleep(30)
            command = one.submit(Action.DELAYED_OFF, OUTLET)
            await one.until(lambda: bool(one.ends(command)), "the end of the command")
            await one.kill_daemon()
            await asyncio.sleep(100)
            one.start_daemon()
            await one.until_up()
            await asyncio.sleep(100)
            one.pdu.restart()
            await one.until(lambda: bool(one.reports), "the report of the restart")
            await asyncio.sleep(100)

    leaping(one.time, work())
    assert lost(one) == []
    assert one.pdu.log.moves(OUTLET) == [False]


@pytest.mark.parametrize("hold", SessionMode)
@pytest.mark.parametrize("model", ["AP7920", "AP8941", "AP9225"])
def test_one_given_after_a_restart_that_was_not_reported_yet_is_not_lost(model: str, hold: SessionMode) -> None:
    one = world(
        f"sim://{model}?watchdog=off&off_delay=600&boot=30",
        reboot=RebootBy.PDU,
        session=hold,
        poll_interval_s=60.0,
        stale_after_s=180.0,
        lost_after_s=300.0,
    )

    async def work() -> None:
        async with one:
            await one.until_up()
            await asyncio.sleep(200)
            one.pdu.restart()
            await asyncio.sleep(35)
            one.submit(Action.DELAYED_OFF, OUTLET)
            await one.until(lambda: bool(one.pdu.log.commands(OUTLET)), "the command at the card")
            assert one.reports == []
            await one.until(lambda: bool(one.reports), "the report of the restart")
            await one.until(lambda: one.pdu.log.moves(OUTLET) == [False], "the outlet off")
            await asyncio.sleep(200)

    leaping(one.time, work())
    assert lost(one) == []


@pytest.mark.parametrize("on_lost", OnPendingLost)
@pytest.mark.parametrize("restart", [True, False])
def test_a_daemon_killed_in_a_reboot_by_its_own_clock_makes_it_good(on_lost: OnPendingLost, restart: bool) -> None:
    one = world("sim://AP7920?watchdog=off&reboot_duration=5", reboot=RebootBy.BRIDGE, on_pending_lost=on_lost)

    async def work() -> None:
        async with one:
            await one.until_up()
            await asyncio.sleep(30)
            one.submit(Action.REBOOT, OUTLET)
            await one.until(lambda: one.pdu.log.moves(OUTLET) == [False], "the outlet off")
            await asyncio.sleep(2)
            await one.kill_daemon()
            if restart:
                one.pdu.restart()
            await asyncio.sleep(30)
            one.start_daemon()
            await one.until(lambda: one.pdu.firmware.relays.is_on(OUTLET), "the outlet on again", 300)
            await asyncio.sleep(100)

    leaping(one.time, work())
    assert lost(one) == [("ON", "c1")]
    assert [str(c.action) for c in one.pdu.log.commands(OUTLET)] == ["immediate_off", "immediate_on"]
