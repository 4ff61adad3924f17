"""What the card would forget is carried out by the bridge's own clock; in virtual time.

The card restarts by its watchdog every ten minutes, and the delays are so long that a restart falls into them.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import OutletRule, PduRules, ResultStatus
from apcbridge.console.session import Access
from apcbridge.errors import TooSoon
from apcbridge.model import Action, OutletState, Policy
from apcbridge.pdu.settings import OnPendingLost, RebootBy
from apcbridge.sim.url import parse_url
from tests.integration.virtual_world import TrueTime, World, leaping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apcbridge.commands import Command
    from apcbridge.pdu.settings import PduSettings

OUTLET = 3
DELAY_S = 240
FACES = {"d3b": ("AP7920", Access.MENU), "d3c": ("AP7920", Access.CLI), "d4": ("AP8941", Access.AUTO)}


class Rack:
    """A world with a card in its watchdog's rhythm, and what a test asks of it."""

    def __init__(
        self,
        face: str = "d3c",
        *,
        duration_s: int = 5,
        on_delay_s: int = DELAY_S,
        off_delay_s: int = DELAY_S,
        **changes: object,
    ) -> None:
        model, access = FACES[face]
        url = f"sim://{model}?gateway=0.0.0.0&boot=40&relay_lag=2&off_delay={off_delay_s}&on_delay={on_delay_s}"
        profile = parse_url(url)
        profile = dataclasses.replace(profile, reboot_duration_s=(duration_s,) * profile.outlets)

        def settings(plain: PduSettings) -> PduSettings:
            return dataclasses.replace(plain, access=access, **changes)  # type: ignore[arg-type]  # of the test's choice

        self.world = World(TrueTime(), profile, settings)

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Let the card restart until that is expected of it, then do the work a minute before the next time."""

        async def all_of_it() -> None:
            async with self.world:
                await self.world.until(self.expected, "a prediction", 7200)
                await self.until_restart_in(60)
                await work()

        leaping(self.world.time, all_of_it())

    def expected(self) -> bool:
        return self.world.detector.nmc().next_expected_at is not None

    async def until_restart_in(self, seconds: float) -> None:
        def near() -> bool:
            at = self.world.detector.nmc().next_expected_at
            return at is not None and 0 < at - self.world.clock.wall() < seconds

        await self.world.until(near, "the time before a restart")

    async def accepted(self, action: Action, outlet: int = OUTLET) -> Command:
        """Give a command and wait for its result."""
        command = self.world.submit(action, outlet)
        await self.world.until(lambda: bool(self.world.ends(command)), "the result", 60)
        return command

    def result(self, command: Command) -> tuple[ResultStatus, str]:
        (end,) = self.world.ends(command)
        return end.status, end.detail

    @property
    def taken(self) -> list[str]:
        """What the PDU was told to do with the outlet."""
        return [str(one.action) for one in self.world.pdu.log.commands(OUTLET)]

    @property
    def moves(self) -> list[bool]:
        return self.world.pdu.log.moves(OUTLET)

    @property
    def pending(self) -> tuple[bool, list[str]]:
        """What everybody is shown: the outlet's own mark, and the commands that wait for it."""
        snapshot = self.world.store.get("p").snapshot
        assert snapshot is not None
        outlet = snapshot.outlet(OUTLET)
        assert outlet is not None
        return outlet.pending, [one.action for one in snapshot.pending if one.outlet == OUTLET]

    def told(self) -> list[tuple[object, object]]:
        """What was told to be lost."""
        lost = [one for one in self.world.events if one.type == "pending_lost"]
        return [(one.details["outlet"], one.details["action"]) for one in lost]

    def changes(self) -> list[tuple[object, object]]:
        changed = [one for one in self.world.events if one.type == "outlet_changed"]
        return [(one.details["state"], one.details["command_id"]) for one in changed]


NOTHING_WAITS: tuple[bool, list[str]] = (False, [])


@pytest.mark.parametrize("face", FACES)
def test_a_delayed_off_across_a_restart(face: str) -> None:
    rack = Rack(face)

    async def work() -> None:
        restarts = len(rack.world.pdu.firmware.restarts)
        given = rack.world.time.now
        command = await rack.accepted(Action.DELAYED_OFF)
        status, detail = rack.result(command)
        assert status is ResultStatus.CONFIRMED, detail
        assert f"OFF in {DELAY_S} s" in detail
        assert rack.pending == (True, ["DELAYED_OFF"])
        await rack.world.until(lambda: rack.moves == [False], "the outlet off", DELAY_S + 60)
        assert len(rack.world.pdu.firmware.restarts) > restarts, "a restart fell into the delay"
        assert rack.world.time.now - given >= DELAY_S
        await asyncio.sleep(900)
        assert rack.changes() == [("OFF", command.id)]

    rack.run(work)
    assert (rack.taken, rack.moves, rack.told(), rack.pending) == (["immediate_off"], [False], [], NOTHING_WAITS)


@pytest.mark.parametrize("by", [RebootBy.AUTO, RebootBy.BRIDGE])
def test_a_delayed_reboot_whose_outlet_is_off_while_the_card_restarts(by: RebootBy) -> None:
    rack = Rack(duration_s=60, on_delay_s=400, reboot=by)

    async def work() -> None:
        await asyncio.sleep(120)
        await rack.until_restart_in(DELAY_S + 200)
        command = await rack.accepted(Action.DELAYED_REBOOT)
        assert rack.result(command)[0] is ResultStatus.CONFIRMED
        await rack.world.until(lambda: rack.moves == [False], "the outlet off", DELAY_S + 60)
        restarts = len(rack.world.pdu.firmware.restarts)
        await asyncio.sleep(10)
        assert rack.pending == (True, ["ON"])
        assert rack.world.supervisor.switching, "whoever stops the bridge waits for the ON"
        await rack.world.until(lambda: rack.moves == [False, True], "the outlet on", 600)
        assert len(rack.world.pdu.firmware.restarts) > restarts, "a restart fell into the time off"
        await asyncio.sleep(900)
        assert rack.changes() == [("OFF", command.id), ("ON", command.id)]

    rack.run(work)
    assert rack.taken == ["immediate_off", "immediate_on"]
    assert (rack.told(), rack.pending) == ([], NOTHING_WAITS)


def test_readings_stay_fresh_and_others_are_served_while_one_waits() -> None:
    rack = Rack(reboot=RebootBy.BRIDGE, duration_s=60)
    ages: list[float] = []

    async def work() -> None:
        await asyncio.sleep(200)
        command = rack.world.submit(Action.REBOOT, OUTLET)
        while not rack.world.ends(command):
            snapshot = rack.world.store.get("p").snapshot
            assert snapshot is not None
            ages.append(rack.world.clock.monotonic() - snapshot.taken_mono)
            await asyncio.sleep(1)
        assert rack.result(command)[0] is ResultStatus.CONFIRMED

    rack.run(work)
    assert len(ages) > 60
    assert max(ages) < rack.world.settings.stale_after_s


def test_cancel_leaves_nothing() -> None:
    rack = Rack()

    async def work() -> None:
        await rack.accepted(Action.DELAYED_OFF)
        cancel = await rack.accepted(Action.CANCEL)
        assert rack.result(cancel)[0] is ResultStatus.CONFIRMED
        assert rack.pending == NOTHING_WAITS
        await asyncio.sleep(900)

    rack.run(work)
    assert (rack.taken, rack.told()) == ([], [])


def test_cancel_in_the_middle_of_a_reboot_leaves_the_outlet_off() -> None:
    rack = Rack(duration_s=60)

    async def work() -> None:
        await rack.accepted(Action.DELAYED_REBOOT)
        await rack.world.until(lambda: rack.moves == [False], "the outlet off", DELAY_S + 60)
        await asyncio.sleep(10)
        await rack.accepted(Action.CANCEL)
        await asyncio.sleep(900)

    rack.run(work)
    assert (rack.taken, rack.told(), rack.pending) == (["immediate_off"], [], NOTHING_WAITS)


@pytest.mark.parametrize("newer", [Action.ON, Action.DELAYED_ON])
def test_a_newer_command_takes_its_place(newer: Action) -> None:
    rack = Rack()

    async def work() -> None:
        await rack.accepted(Action.DELAYED_OFF)
        await rack.accepted(newer)
        await asyncio.sleep(900)

    rack.run(work)
    assert (rack.taken, rack.moves, rack.told()) == (["immediate_on"], [], [])


def test_a_delay_that_is_not_known_is_said_to_be() -> None:
    rack = Rack("d3b")

    async def work() -> None:
        await rack.world.kill_daemon()
        rack.world.start_daemon()
        await rack.world.until_up()
        status, detail = rack.result(await rack.accepted(Action.DELAYED_OFF, 8))
        assert (status, "the delay of outlet 8 is not known" in detail) == (ResultStatus.FAILED, True)
        await asyncio.sleep(900)

    rack.run(work)
    assert rack.world.pdu.log.commands(8) == []


def test_who_wants_the_cards_own_clock_gets_it() -> None:
    rack = Rack("d3b", reboot=RebootBy.PDU)

    async def work() -> None:
        await rack.accepted(Action.DELAYED_OFF)
        await asyncio.sleep(900)

    rack.run(work)
    assert rack.taken == ["delayed_off"]
    assert rack.told() == [(OUTLET, "DELAYED_OFF")]


def test_a_reboot_that_waits_for_its_on_holds_up_nobody() -> None:
    rack = Rack(reboot=RebootBy.BRIDGE, duration_s=60)

    async def work() -> None:
        reboot = rack.world.submit(Action.REBOOT, OUTLET)
        await rack.world.until(lambda: rack.moves == [False], "the outlet off")
        assert rack.world.ends(await rack.accepted(Action.OFF, 5))[0].status is ResultStatus.CONFIRMED
        assert rack.pending == (True, ["ON"])
        assert not rack.world.ends(reboot), "its result comes at its end"
        await rack.world.until(lambda: bool(rack.world.ends(reboot)), "the end", 120)
        assert rack.result(reboot)[0] is ResultStatus.CONFIRMED
        await asyncio.sleep(900)
        assert rack.changes() == [("OFF", reboot.id), ("OFF", "c2"), ("ON", reboot.id)]

    rack.run(work)
    assert (rack.taken, rack.moves, rack.told()) == (["immediate_off", "immediate_on"], [False, True], [])


@pytest.mark.parametrize(
    ("newer", "taken"),
    [
        (Action.OFF, ["immediate_off", "immediate_off"]),
        (Action.ON, ["immediate_off", "immediate_on"]),
        (Action.DELAYED_OFF, ["immediate_off", "immediate_off"]),
        (Action.CANCEL, ["immediate_off"]),
    ],
)
def test_a_newer_command_ends_a_reboot_that_waits_for_its_on(newer: Action, taken: list[str]) -> None:
    rack = Rack(reboot=RebootBy.BRIDGE, duration_s=60)

    async def work() -> None:
        reboot = rack.world.submit(Action.REBOOT, OUTLET)
        await rack.world.until(lambda: rack.moves == [False], "the outlet off")
        await asyncio.sleep(5)
        await rack.accepted(newer)
        status, detail = rack.result(reboot)
        assert status is ResultStatus.UNKNOWN
        assert detail.startswith("the outlet was switched off; on again: ")
        await asyncio.sleep(900)
        assert len(rack.world.ends(reboot)) == 1

    rack.run(work)
    assert (rack.taken, rack.told(), rack.pending) == (taken, [], NOTHING_WAITS)


def test_a_reboot_given_again_while_it_waits_for_its_on_is_a_repetition() -> None:
    rack = Rack(reboot=RebootBy.BRIDGE, duration_s=60)

    async def work() -> None:
        rack.world.submit(Action.REBOOT, OUTLET)
        await rack.world.until(lambda: rack.moves == [False], "the outlet off")
        await asyncio.sleep(5)
        rack.world.submit(Action.REBOOT, OUTLET)
        assert rack.world.results[-1].status is ResultStatus.DUPLICATE
        await rack.world.until(lambda: rack.moves == [False, True], "the outlet on", 120)
        await asyncio.sleep(15)
        with pytest.raises(TooSoon):
            rack.world.submit(Action.REBOOT, OUTLET)

    rack.run(work)


def test_a_reboot_is_ended_once_if_the_bridge_ends_while_it_waits() -> None:
    rack = Rack(reboot=RebootBy.BRIDGE, duration_s=60)

    async def work() -> None:
        reboot = rack.world.submit(Action.REBOOT, OUTLET)
        await rack.world.until(lambda: rack.moves == [False], "the outlet off")
        rack.world.supervisor.stop()
        await asyncio.wait_for(rack.world.supervisor.left.wait(), 10)
        assert rack.result(reboot)[0] is ResultStatus.CONFIRMED

    rack.run(work)
    assert rack.taken == ["immediate_off", "immediate_on"]


def test_a_reboot_is_ended_once_if_the_line_breaks_while_the_bridge_ends() -> None:
    rack = Rack(reboot=RebootBy.BRIDGE, duration_s=60)

    async def work() -> None:
        reboot = rack.world.submit(Action.REBOOT, OUTLET)
        await rack.world.until(lambda: rack.moves == [False], "the outlet off")
        rack.world.pull_line(30)
        rack.world.supervisor.stop()
        await asyncio.wait_for(rack.world.supervisor.left.wait(), 10)
        assert rack.result(reboot)[0] is ResultStatus.UNKNOWN
        await rack.world.kill_daemon()
        rack.world.start_daemon()
        await rack.world.until(lambda: rack.moves == [False, True], "the outlet on", 200)
        await asyncio.sleep(300)

    rack.run(work)
    assert (rack.taken, rack.told()) == (["immediate_off", "immediate_on"], [(OUTLET, "ON")])


@pytest.mark.parametrize("after_s", [0.2 * step for step in range(20)])
@pytest.mark.parametrize("action", [Action.REBOOT, Action.DELAYED_REBOOT])
def test_killed_before_a_slow_disk_has_all_of_it(action: Action, after_s: float) -> None:
    """Whatever the PDU was told and whatever the asker was told, the next daemon knows of it."""
    rack = Rack(reboot=RebootBy.BRIDGE, duration_s=60, on_delay_s=0, off_delay_s=0)
    rack.world.disk_s = 1.0

    async def work() -> None:
        command = rack.world.submit(action, OUTLET)
        await asyncio.sleep(after_s)
        confirmed = bool(rack.world.ends(command))
        await rack.world.kill_daemon()
        await asyncio.sleep(1)
        rack.world.start_daemon()
        await asyncio.sleep(400)
        assert rack.taken in ([], ["immediate_off", "immediate_on"])
        assert rack.world.pdu.firmware.relays.is_on(OUTLET)
        if rack.taken or confirmed:
            assert [one.details["command_id"] for one in rack.world.events if one.type == "pending_lost"] == [
                command.id
            ]

    rack.run(work)


def test_what_was_done_just_before_the_kill_is_not_told_as_lost() -> None:
    rack = Rack("d3b", off_delay_s=60)

    async def work() -> None:
        await rack.accepted(Action.DELAYED_OFF)
        await rack.world.until(lambda: rack.taken == ["immediate_off"], "the OFF", 120)
        await rack.world.kill_daemon()
        rack.world.start_daemon()
        await asyncio.sleep(300)

    rack.run(work)
    assert (rack.taken, rack.moves, rack.told()) == (["immediate_off"], [False], [])


@pytest.mark.parametrize("away_s", [5.0, 2 * DELAY_S])
def test_a_daemon_that_was_killed_does_not_do_it_and_its_successor_says_so(away_s: float) -> None:
    rack = Rack()

    async def work() -> None:
        await rack.accepted(Action.DELAYED_OFF)
        for _ in range(2):
            await rack.world.kill_daemon()
            await asyncio.sleep(away_s)
            rack.world.start_daemon()
            await rack.world.until_up()
            await asyncio.sleep(300)
        assert rack.pending == NOTHING_WAITS
        (event,) = [one for one in rack.world.events if one.type == "pending_lost"]
        assert event.details["reason"] == "the bridge was stopped before it was seen done"

    rack.run(work)
    assert (rack.taken, rack.told()) == ([], [(OUTLET, "DELAYED_OFF")])


@pytest.mark.parametrize("after_s", [0.3, 1.0, 2.0, 3.0, 5.0, 20.0])
def test_killed_in_the_middle_of_a_reboot_the_outlet_comes_back(after_s: float) -> None:
    rack = Rack(duration_s=30, on_delay_s=0)

    async def work() -> None:
        command = await rack.accepted(Action.DELAYED_REBOOT)
        begun = rack.world.time.now + DELAY_S
        await rack.world.until(lambda: rack.world.time.now > begun - 1 or bool(rack.taken), "its time", DELAY_S + 60)
        await rack.world.until(lambda: rack.world.supervisor.switching, "the first step", 200)
        await asyncio.sleep(after_s)
        await rack.world.kill_daemon()
        await asyncio.sleep(100)
        rack.world.start_daemon()
        await asyncio.sleep(900)
        assert [one.details["command_id"] for one in rack.world.events if one.type == "pending_lost"] == [command.id]

    rack.run(work)
    assert rack.taken in ([], ["immediate_off", "immediate_on"])
    assert rack.world.pdu.firmware.relays.is_on(OUTLET)


@pytest.mark.parametrize("on_lost", OnPendingLost)
def test_a_bridge_that_ends_in_the_middle_of_a_reboot_switches_on_first(on_lost: OnPendingLost) -> None:
    rack = Rack(duration_s=60, on_pending_lost=on_lost)

    async def work() -> None:
        await rack.accepted(Action.DELAYED_REBOOT)
        await rack.world.until(lambda: rack.moves == [False], "the outlet off", DELAY_S + 60)
        await asyncio.sleep(10)
        rack.world.supervisor.stop()
        await asyncio.wait_for(rack.world.supervisor.left.wait(), 10)
        assert rack.world.pdu.firmware.relays.is_on(OUTLET) or rack.taken[-1] == "immediate_on"

    rack.run(work)
    assert (rack.taken, rack.told()) == (["immediate_off", "immediate_on"], [])


def test_what_has_been_forbidden_meanwhile_is_not_done() -> None:
    rack = Rack()

    async def work() -> None:
        await rack.accepted(Action.DELAYED_OFF)
        rack.world.arbiter.configure({"p": PduRules(default=OutletRule(policy=Policy.NO_OFF))}, rack.world.clock.wall())
        await asyncio.sleep(900)

    rack.run(work)
    assert (rack.taken, rack.told()) == ([], [(OUTLET, "DELAYED_OFF")])


def test_a_console_that_comes_back_too_late_is_not_acted_on() -> None:
    rack = Rack()

    async def work() -> None:
        await rack.accepted(Action.DELAYED_OFF)
        rack.world.pull_line(DELAY_S + 600)
        await asyncio.sleep(DELAY_S + 1500)

    rack.run(work)
    assert (rack.taken, rack.told(), rack.pending) == ([], [(OUTLET, "DELAYED_OFF")], NOTHING_WAITS)


def test_a_reboot_of_an_outlet_that_is_off_is_refused_at_once() -> None:
    rack = Rack()

    async def work() -> None:
        await rack.accepted(Action.OFF)
        await asyncio.sleep(60)
        await rack.until_restart_in(60)
        assert rack.result(await rack.accepted(Action.DELAYED_REBOOT))[0] is ResultStatus.FAILED
        snapshot = rack.world.store.get("p").snapshot
        outlet = snapshot.outlet(OUTLET) if snapshot else None
        assert outlet is not None
        assert outlet.state is OutletState.OFF

    rack.run(work)
    assert rack.taken == ["immediate_off"]
