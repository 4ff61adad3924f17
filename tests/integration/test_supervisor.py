"""One PDU's life: the supervisor at a simulated PDU on a real pty, judged by the PDU's own log."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import ResultStatus
from apcbridge.console.session import Access
from apcbridge.model import Action, LinkState, RebootCause, Setting
from apcbridge.pdu.settings import OnPendingLost, RebootBy, SessionMode
from apcbridge.sim import relays as sim_relays
from apcbridge.sim.faults import FaultKind, StepFault
from apcbridge.sim.profiles import make_profile
from tests.integration.pdu_bench import Bench, eventually, slowly_switching

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "ttyUSB0"


@pytest.mark.parametrize("outlets", [("AP7920", 8), ("AP7931", 16), ("AP7930", 24)])
async def test_every_outlet_is_read(link: Path, outlets: tuple[str, int]) -> None:
    model, count = outlets
    async with Bench(link, make_profile(model)) as bench:
        await bench.until_fresh()
        assert bench.status.snapshot is not None
        assert [o.number for o in bench.status.snapshot.outlets] == list(range(1, count + 1))


@pytest.mark.parametrize("session", SessionMode)
async def test_commands_act_once_and_are_confirmed_by_the_screen(link: Path, session: SessionMode) -> None:
    async with Bench(link, slowly_switching(make_profile("AP7920")), session=session) as bench:
        await bench.until_fresh()
        assert await bench.done(Action.OFF) is ResultStatus.CONFIRMED
        assert bench.state(3) == "OFF"
        assert await bench.done(Action.ON) is ResultStatus.CONFIRMED
        assert bench.state(3) == "ON"
        assert bench.commands_taken() == ["immediate_off", "immediate_on"]
        assert bench.commands_taken(3) == ["immediate_off", "immediate_on"]


async def test_a_reboot_is_seen_off_and_on_again(link: Path) -> None:
    profile = dataclasses.replace(make_profile("AP7920"), reboot_duration_s=(2,) * 8)
    async with Bench(link, profile) as bench:
        await bench.until_fresh()
        assert await bench.done(Action.REBOOT) is ResultStatus.CONFIRMED
        assert bench.pdu.log.moves(3) == [False, True]
        changes = [event.details["state"] for event in bench.of_type("outlet_changed")]
        assert changes == ["OFF", "ON"]


async def test_a_change_made_by_somebody_else_is_noticed(link: Path) -> None:
    async with Bench(link) as bench:
        await bench.until_fresh()
        bench.pdu.firmware.accept(sim_relays.Action.OFF, [5], bench.pdu.now(), "web")
        await eventually(lambda: bench.state(5) == "OFF", "the change at outlet 5")
        assert [e.details["command_id"] for e in bench.of_type("outlet_changed")] == [None]


async def test_the_delays_of_every_outlet_become_known_page_by_page(link: Path) -> None:
    profile = dataclasses.replace(make_profile("AP7920"), on_delay_s=(20,) * 8, reboot_duration_s=(7,) * 8)
    async with Bench(link, profile) as bench:

        def told() -> list[tuple[int | None, int | None]]:
            snapshot = bench.status.snapshot
            return [(o.on_delay_s, o.reboot_duration_s) for o in snapshot.outlets] if snapshot else []

        await eventually(lambda: told() == [(20, 7)] * 8, "the delays of eight outlets")
        assert bench.commands_taken() == []


async def test_an_unplugged_adapter_is_lost_at_once_and_found_again(link: Path) -> None:
    async with Bench(link) as bench:
        await bench.until_fresh()
        bench.pty.unplug()
        await eventually(lambda: bench.status.link.state is LinkState.LOST, "the loss of the line")
        assert not bench.fresh
        bench.pty.plug()
        await bench.until_fresh()
        assert [e.type for e in bench.events] == ["link_lost", "link_restored"]
        assert bench.commands_taken() == []


async def test_a_wrong_password_is_tried_three_times_and_no_more(link: Path) -> None:
    async with Bench(link, password="wrong") as bench:
        await eventually(lambda: bench.pdu.faults.visited["login.check"] >= 3, "three tries")
        await eventually(lambda: "password" in bench.status.link.detail, "a link that says why")
        assert bench.status.link.state is LinkState.SILENT
        await bench.stop()
        assert bench.pdu.faults.visited["login.check"] == 3


async def test_a_console_that_falls_silent_is_noticed_and_found_again(link: Path) -> None:
    async with Bench(link) as bench:
        await bench.until_fresh()
        bench.pdu.faults.arm(StepFault(step="*", kind=FaultKind.MUTE))
        await eventually(lambda: bench.status.link.state is LinkState.SILENT, "silence")
        bench.pdu.faults.heal()
        await bench.until_fresh()
        assert bench.state(3) == "ON"


async def test_an_outlet_renamed_behind_our_back_is_not_switched(link: Path) -> None:
    async with Bench(link, poll_interval_s=60) as bench:
        await bench.until_fresh()
        bench.pdu.firmware.configure(3, "name", "database", bench.pdu.now())
        end = await bench.ended(bench.submit(Action.OFF))
        assert end.status is ResultStatus.FAILED
        assert bench.commands_taken() == []


async def test_an_outlet_renamed_by_us_is_switched_at_once(link: Path) -> None:
    async with Bench(link, poll_interval_s=60) as bench:
        await bench.until_fresh()
        named = bench.submit(Setting.NAME, value="database")
        assert (await bench.ended(named)).status is ResultStatus.CONFIRMED
        assert (await bench.ended(bench.submit(Action.OFF))).status is ResultStatus.CONFIRMED
        outlet = bench.status.snapshot.outlet(3) if bench.status.snapshot else None
        assert outlet is not None
        assert (outlet.label, outlet.state) == ("database", "OFF")


async def test_a_restart_of_the_nmc_is_reported_once_and_the_outlets_stay(link: Path) -> None:
    profile = dataclasses.replace(make_profile("AP7920"), speed=10.0, boot_s=30.0, watchdog=False)
    async with Bench(link, profile) as bench:
        await bench.until_fresh()
        bench.pdu.restart(RebootCause.WATCHDOG)
        await eventually(lambda: bool(bench.reboots_reported), "the report of the restart")
        await bench.until_fresh()
        seq = bench.status.snapshot.seq if bench.status.snapshot else 0
        await eventually(lambda: bool(bench.status.snapshot and bench.status.snapshot.seq > seq + 3), "more polls")
        assert len(bench.reboots_reported) == 1
        assert [bench.state(n) for n in range(1, 9)] == ["ON"] * 8
        assert bench.of_type("outlet_changed") == []


@pytest.mark.parametrize("step", ["confirm.yes", "confirm.acted", "confirm.success", "confirm.pager"])
async def test_a_restart_behind_the_yes_leaves_the_outcome_unknown_and_is_not_repeated(link: Path, step: str) -> None:
    profile = dataclasses.replace(make_profile("AP7920"), speed=10.0, boot_s=30.0, watchdog=False)
    async with Bench(link, profile) as bench:
        await bench.until_fresh()
        bench.pdu.faults.arm(StepFault(step=step, kind=FaultKind.RESTART))
        end = await bench.ended(bench.submit(Action.OFF))
        assert end.status is ResultStatus.UNKNOWN
        await bench.until_fresh()
        assert len(bench.commands_taken()) <= 1
        await eventually(lambda: len(bench.reboots_reported) == 1, "the report of the restart")


async def test_a_reboot_cut_by_a_restart_is_reported_and_resumed_when_asked_for(link: Path) -> None:
    profile = dataclasses.replace(
        make_profile("AP7920"), speed=10.0, boot_s=30.0, watchdog=False, reboot_duration_s=(60,) * 8
    )
    async with Bench(link, profile, on_pending_lost=OnPendingLost.RESUME) as bench:
        await bench.until_fresh()
        command_id = bench.submit(Action.REBOOT)
        await eventually(lambda: bench.pdu.log.moves(3) == [False], "the outlet off")
        bench.pdu.restart(RebootCause.WATCHDOG)
        assert (await bench.ended(command_id)).status is ResultStatus.UNKNOWN
        await eventually(lambda: bench.pdu.log.moves(3) == [False, True], "the ON half")
        await eventually(lambda: bench.state(3) == "ON", "the outlet shown on")
        lost = bench.of_type("pending_lost")
        assert [(e.details["outlet"], e.details["command_id"]) for e in lost] == [(3, command_id)]
        assert bench.commands_taken() == ["immediate_reboot", "immediate_on"]


async def test_a_reboot_by_the_bridge_s_clock_rests_nowhere(link: Path) -> None:
    profile = dataclasses.replace(make_profile("AP7920"), reboot_duration_s=(60,) * 8)
    async with Bench(link, profile, reboot=RebootBy.BRIDGE) as bench:
        await bench.until_fresh()
        end = await bench.ended(bench.submit(Action.REBOOT))
        assert end.status is ResultStatus.CONFIRMED
        assert bench.commands_taken() == ["immediate_off", "immediate_on"]
        assert bench.pdu.log.moves(3) == [False, True]


async def test_a_restart_in_a_reboot_by_the_bridge_s_clock_is_made_good(link: Path) -> None:
    profile = dataclasses.replace(make_profile("AP7920"), speed=10.0, boot_s=30.0, watchdog=False)
    async with Bench(link, profile, reboot=RebootBy.BRIDGE) as bench:
        await bench.until_fresh()
        command_id = bench.submit(Action.REBOOT)
        await eventually(lambda: bench.pdu.log.moves(3) == [False], "the outlet off")
        bench.pdu.restart(RebootCause.WATCHDOG)
        end = await bench.ended(command_id)
        # What is shown may still be the ON of before: the restart may come before the OFF was read back.
        await eventually(lambda: bench.pdu.log.moves(3) == [False, True], "the outlet on again")
        await eventually(lambda: bench.state(3) == "ON", "the outlet shown on")
        assert bench.commands_taken() == ["immediate_off", "immediate_on"]
        # The restart may pass while the outlet is off anyway: then there is nothing to make good.
        told = [e.details["outlet"] for e in bench.of_type("pending_lost")]
        assert told == ([] if end.status is ResultStatus.CONFIRMED else [3])


async def test_an_outlet_that_is_off_is_not_rebooted_by_the_bridge(link: Path) -> None:
    profile = dataclasses.replace(make_profile("AP7920"), on=(False,) * 8)
    async with Bench(link, profile, reboot=RebootBy.BRIDGE) as bench:
        await bench.until_fresh()
        assert await bench.done(Action.REBOOT) is ResultStatus.FAILED
        assert bench.commands_taken() == []


@pytest.mark.parametrize("step", ["outlet_list", "outlet", "configure", "idle"])
async def test_stopping_leaves_the_console_logged_out(link: Path, step: str) -> None:
    async with Bench(link, session=SessionMode.HOLD) as bench:
        await bench.until_fresh()
        if step != "idle":
            bench.pdu.faults.arm(StepFault(step=step, kind=FaultKind.STALL, stall_s=0.5))
            seen = bench.pdu.faults.visited[step]
            await eventually(lambda: bench.pdu.faults.visited[step] > seen, f"the console at {step}")
        assert bench.pdu.gate.holder is not None
        await bench.stop()
        assert bench.pdu.gate.holder is None


async def test_between_polls_the_console_is_free_for_others(link: Path) -> None:
    async with Bench(link, session=SessionMode.RELEASE, poll_interval_s=60) as bench:
        await bench.until_fresh()
        await eventually(lambda: bench.pdu.gate.holder is None, "the console free")


async def test_the_active_alarms_are_told_where_the_console_tells_them(link: Path) -> None:
    async with Bench(link, make_profile("AP8941"), access=Access.AUTO) as bench:
        await bench.until_fresh()
        await eventually(lambda: bench.told_alarms() == 0, "the number of alarms")
