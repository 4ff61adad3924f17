"""Commands to goals, goal ends to results, and what rests in the NMC."""

from __future__ import annotations

import dataclasses

import pytest

from apcbridge.commands import Command, Origin, ResultStatus
from apcbridge.console.events import GoalDone, GoalFailed, GoalResult, Outcome
from apcbridge.console.goals import Configure, SetPduName, Switch, SwitchAll
from apcbridge.errors import GoalTimeout
from apcbridge.model import Action, Nmc, Outlet, OutletState, Setting
from apcbridge.pdu.agenda import Step
from apcbridge.pdu.switching import ending, goal_for, own_steps, restart_expected_within, rests_s

OUTLET = Outlet(number=3, name="nas", own_label="Outlet 3", state=OutletState.ON, pending=False, read_at=0, read_mono=0)


def command(action: Action | Setting, *, outlet: int | None = 3, value: str | int | None = None) -> Command:
    return Command(
        id="c1",
        origin=Origin.MQTT,
        principal="t",
        pdu="p",
        outlet=outlet,
        action=action,
        value=value,
        received_at=0,
        received_mono=0,
        deadline_mono=20,
    )


def test_a_switch_goal_checks_the_label_that_the_pdu_prints() -> None:
    goal = goal_for(command(Action.OFF), OUTLET)
    assert isinstance(goal, Switch)
    assert (goal.outlet, goal.name, goal.action) == (3, "Outlet 3", "OFF")


def test_a_reboot_is_given_the_time_it_takes() -> None:
    goal = goal_for(command(Action.REBOOT), OUTLET)
    assert isinstance(goal, Switch)
    assert goal.settle_s >= 30


@pytest.mark.parametrize(
    ("setting", "value", "field"),
    [
        (Setting.NAME, "db", "name"),
        (Setting.ON_DELAY, -1, "on_delay_s"),
        (Setting.OFF_DELAY, 0, "off_delay_s"),
        (Setting.REBOOT_DURATION, 5, "reboot_duration_s"),
    ],
)
def test_a_setting_changes_its_field_and_no_other(setting: Setting, value: str | int, field: str) -> None:
    goal = goal_for(command(setting, value=value), OUTLET)
    assert goal == Configure(outlet=3, current_name="Outlet 3", **{field: value})  # type: ignore[arg-type]


def test_the_pdu_as_a_whole() -> None:
    assert isinstance(goal_for(command(Action.ON, outlet=None), None), SwitchAll)
    assert goal_for(command(Setting.PDU_NAME, outlet=None, value="rack"), None) == SetPduName(name="rack")


SWITCH = Switch(outlet=3, name=None, action=goal_for(command(Action.ON), OUTLET).action)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (GoalDone(SWITCH, GoalResult()), ResultStatus.CONFIRMED),
        (GoalDone(SWITCH, GoalResult(outcome=Outcome.ACCEPTED)), ResultStatus.UNKNOWN),
        (GoalFailed(SWITCH, GoalTimeout("x"), actuated=False), ResultStatus.FAILED),
        (GoalFailed(SWITCH, GoalTimeout("x"), actuated=True), ResultStatus.UNKNOWN),
    ],
)
def test_only_what_was_seen_is_confirmed_and_only_what_was_not_sent_has_failed(
    end: GoalDone | GoalFailed, status: ResultStatus
) -> None:
    assert ending(end).status is status


RHYTHM = Nmc(watchdog=True, next_expected_at=1000.0, next_expected_error_s=60.0)


@pytest.mark.parametrize(
    ("nmc", "rests_for_s", "now_at", "expected"),
    [
        (RHYTHM, 15, 900, False),
        (RHYTHM, 45, 900, True),
        (RHYTHM, 15, 1050, True),
        (RHYTHM, 15, 1061, False),
        (Nmc(), 1e9, 900, False),
        (Nmc(watchdog=False, next_expected_at=1000.0), 1e9, 900, False),
    ],
)
def test_a_restart_is_expected_only_by_a_rhythm(nmc: Nmc, rests_for_s: float, now_at: float, expected: bool) -> None:
    assert restart_expected_within(nmc, rests_for_s, now_at) is expected


def test_how_long_a_command_rests_in_the_card() -> None:
    outlet = dataclasses.replace(OUTLET, on_delay_s=20, off_delay_s=0, reboot_duration_s=5)
    assert rests_s(Action.OFF, outlet) == 0
    assert rests_s(Action.REBOOT, outlet) == 15
    assert rests_s(Action.DELAYED_ON, outlet) == 30
    assert rests_s(Action.DELAYED_REBOOT, outlet) == 35


def test_what_never_happens_does_not_rest_there_and_what_is_not_told_may_rest_for_ever() -> None:
    never = dataclasses.replace(OUTLET, on_delay_s=-1, off_delay_s=-1)
    assert rests_s(Action.DELAYED_ON, never) == 0
    assert rests_s(Action.DELAYED_REBOOT, never) == 0
    assert rests_s(Action.DELAYED_OFF, OUTLET) == float("inf")


@pytest.mark.parametrize(
    ("action", "on_s", "off_s", "steps"),
    [
        (Action.DELAYED_ON, 20, 0, (Step(20, Action.ON),)),
        (Action.DELAYED_OFF, -1, 30, (Step(30, Action.OFF),)),
        (Action.DELAYED_REBOOT, 20, 30, (Step(30, Action.OFF), Step(27, Action.ON))),
        (Action.DELAYED_REBOOT, -1, 30, (Step(30, Action.OFF),)),
        (Action.DELAYED_REBOOT, 20, -1, ()),
        (Action.DELAYED_REBOOT, None, 30, None),
        (Action.DELAYED_ON, None, 30, None),
    ],
)
def test_what_the_bridge_does_in_the_place_of_the_pdu(
    action: Action, on_s: int | None, off_s: int, steps: tuple[Step, ...] | None
) -> None:
    outlet = dataclasses.replace(OUTLET, on_delay_s=on_s, off_delay_s=off_s, reboot_duration_s=7)
    assert own_steps(action, outlet) == steps
