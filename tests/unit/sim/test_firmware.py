from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.model import RebootCause
from apcbridge.sim.firmware import Firmware
from apcbridge.sim.profiles import NetworkSettings, Profile, make_profile
from apcbridge.sim.relays import Action
from tests.unit.sim.driving import START_WALL


def firmware(profile: Profile) -> Firmware:
    return Firmware(profile, now=0.0, wall=START_WALL, rng=random.Random(1))


DEAD = replace(make_profile("AP7920"), network=NetworkSettings(gateway="192.168.7.99"))


def test_without_traffic_the_watchdog_restarts_the_card_every_570_s_plus_boot() -> None:
    fw = firmware(DEAD)
    fw.advance(2000.0)
    assert [r.at_mono for r in fw.restarts] == [570.0, 570.0 + 25 + 570, 570.0 + 2 * (25 + 570)]
    assert {r.cause for r in fw.restarts} == {RebootCause.WATCHDOG}
    assert fw.reset_text == "12 WDT Reset"


def test_a_gateway_that_answers_the_probe_each_270_s_keeps_the_watchdog_quiet() -> None:
    fw = firmware(make_profile("AP7920"))
    fw.advance(100_000.0)
    assert fw.restarts == []


def test_a_gateway_that_dies_lets_the_watchdog_bite_570_s_after_its_last_answer() -> None:
    fw = firmware(make_profile("AP7920"))
    fw.advance(271.0)
    fw.answering_hosts.clear()
    fw.advance(1000.0)
    assert [r.at_mono for r in fw.restarts] == [270.0 + 570.0]


def test_setting_a_gateway_that_answers_is_the_cure() -> None:
    fw = firmware(DEAD)
    fw.advance(600.0)
    assert len(fw.restarts) == 1
    fw.set_network(NetworkSettings(gateway="192.168.7.10"))
    fw.advance(100_000.0)
    assert len(fw.restarts) == 1


def test_without_a_cable_nothing_keeps_the_watchdog_quiet() -> None:
    fw = firmware(replace(make_profile("AP7920"), ethernet=False, lan_traffic_every_s=10.0))
    fw.advance(571.0)
    assert len(fw.restarts) == 1


def test_traffic_from_elsewhere_keeps_it_quiet() -> None:
    fw = firmware(replace(DEAD, lan_traffic_every_s=300.0))
    fw.advance(100_000.0)
    assert fw.restarts == []


def test_a_switched_off_watchdog_never_bites() -> None:
    fw = firmware(replace(DEAD, watchdog=False))
    fw.advance(100_000.0)
    assert fw.restarts == []


def test_a_restart_loses_pending_commands_keeps_relays_and_sets_up_time_back() -> None:
    fw = firmware(make_profile("AP7920"))
    fw.accept(Action.OFF, [1], 10.0, "test")
    fw.accept(Action.REBOOT, [2], 10.0, "test")
    assert fw.up_time_s(10.0) == 3610.0
    restart = fw.restart(12.0, RebootCause.REQUESTED)
    assert restart.lost == (2,)
    assert not fw.is_up()
    fw.advance(36.9)
    assert not fw.is_up()
    fw.advance(37.0)
    assert fw.is_up()
    assert fw.up_time_s(37.0) == 25.0
    assert [fw.relays.is_on(n) for n in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize(
    ("model", "firmware_version", "cause", "texts", "lastrst"),
    [
        ("AP9211", "2.2.0", RebootCause.WATCHDOG, ["System: Warmstart."], "12"),
        ("AP9211", "2.2.0", RebootCause.POWER, ["System: Coldstart."], "01"),
        ("AP7920", "3.7.3", RebootCause.WATCHDOG, ["System: Network Interface restarted."], "12"),
        (
            "AP8959",
            "6.9.6",
            RebootCause.REQUESTED,
            ["System: Restarting. Configuration", "System: Network Interface restarted."],
            "04",
        ),
    ],
)
def test_the_event_log_tells_of_a_restart_in_the_words_of_its_firmware(
    model: str, firmware_version: str, cause: RebootCause, texts: list[str], lastrst: str
) -> None:
    fw = firmware(make_profile(model, firmware_version))
    fw.restart(100.0, cause)
    fw.advance(200.0)
    assert [entry.text for entry in fw.events] == texts
    assert fw.reset_text.startswith(lastrst)
    assert fw.events[-1].wall_at == START_WALL + 125.0


def test_a_wrong_clock_shows_in_the_log() -> None:
    fw = firmware(replace(make_profile("AP7920"), clock_offset_s=-86_400.0))
    fw.record(10.0, "x")
    assert fw.events[0].wall_at == START_WALL + 10 - 86_400


def test_mains_loss_opens_and_closes_the_relays() -> None:
    fw = firmware(replace(make_profile("AP7920"), on=(False,) * 8, on_delay_s=(0, 3, -1, 0, 0, 0, 0, 0)))
    fw.restart(0.0, RebootCause.POWER)
    assert fw.relays.is_on(1)
    assert not fw.relays.is_on(2)
    fw.advance(3.0)
    assert fw.relays.is_on(2)
    fw.advance(10_000.0)
    assert not fw.relays.is_on(3)


def test_load_is_the_sum_of_the_outlets_that_are_on() -> None:
    profile = replace(make_profile("AP7932"), outlet_deciamps=tuple(range(1, 25)))
    fw = firmware(profile)
    assert (fw.bank_deciamps(1), fw.bank_deciamps(2)) == (sum(range(1, 13)), sum(range(13, 25)))
    fw.accept(Action.OFF, [24], 0.0, "test")
    assert fw.bank_deciamps(2) == sum(range(13, 24))
    assert fw.total_deciamps() == fw.phase_deciamps(1) == sum(range(1, 24))


def test_three_phases_share_the_outlets() -> None:
    fw = firmware(make_profile("AP7960"))
    assert [fw.phase_of(n) for n in (1, 8, 9, 16, 17, 24)] == [1, 1, 2, 2, 3, 3]
    assert sum(fw.phase_deciamps(p) for p in (1, 2, 3)) == fw.total_deciamps()


def test_settings_may_act_later() -> None:
    profile = make_profile("AP7920")
    fw = firmware(replace(profile, quirks=replace(profile.quirks, settings_delay_s=120.0)))
    fw.configure(1, "name", "nas", 0.0)
    fw.advance(119.0)
    assert fw.settings(1).name == "Outlet 1"
    fw.advance(120.0)
    assert fw.settings(1).name == "nas"


def test_the_reset_button_pressed_twice_opens_30_s_for_the_factory_password() -> None:
    base = make_profile("AP7920")
    fw = firmware(replace(base, accounts=(replace(base.accounts[0], name="root", password="plum"),)))
    fw.press_reset(0.0)
    fw.press_reset(1.0)
    fw.advance(30.0)
    fw.accounts.user_prompt_shown(30.0)
    assert fw.accounts.check("apc", "apc", 60.5) is None
    fw.press_reset(100.0)
    fw.press_reset(101.0)
    fw.advance(130.0)
    fw.accounts.user_prompt_shown(130.0)
    assert fw.accounts.check("apc", "apc", 159.0) is not None
    assert fw.accounts.check("root", "plum", 160.0) is None
    assert fw.accounts.check("apc", "apc", 1000.0) is not None


def test_one_press_of_the_reset_button_only_restarts() -> None:
    base = make_profile("AP7920")
    fw = firmware(replace(base, accounts=(replace(base.accounts[0], password="plum"),)))
    fw.press_reset(0.0)
    fw.advance(30.0)
    fw.accounts.user_prompt_shown(30.0)
    assert fw.accounts.check("apc", "apc", 31.0) is None
    assert len(fw.restarts) == 1


@given(st.lists(st.floats(0.0, 900.0), min_size=1, max_size=40))
def test_the_watchdog_restarts_at_the_same_moments_however_often_time_is_looked_at(steps: list[float]) -> None:
    fw, whole = firmware(DEAD), firmware(DEAD)
    now = 0.0
    for step in steps:
        now += step
        fw.advance(now)
    whole.advance(now)
    assert fw.restarts == whole.restarts
    assert all(b.at_mono - a.at_mono == 595.0 for a, b in zip(fw.restarts, fw.restarts[1:], strict=False))
