"""What is asked of a PDU beside its outlets' states, and when."""

from __future__ import annotations

from apcbridge.model import Outlet, OutletState
from apcbridge.pdu.schedule import IDENTITY_EVERY_S, MENU_LOAD_EVERY_S, UNTOLD_AGAIN_S, UP_TIME_EVERY_S, Schedule

OUTLETS = tuple(
    Outlet(number=number, name=f"o{number}", state=OutletState.ON, pending=False, read_at=0, read_mono=0)
    for number in (1, 2)
)
NEVER_READ = float("-inf")


def test_everything_is_due_at_the_beginning() -> None:
    schedule = Schedule()
    assert schedule.identity_due(0)
    assert schedule.load_due(0)
    assert schedule.configs_due(0)
    assert schedule.up_time_due(0, NEVER_READ)


def test_what_was_not_told_is_asked_for_again_sooner() -> None:
    schedule = Schedule()
    schedule.identity_asked(0, told=False)
    assert not schedule.identity_due(UNTOLD_AGAIN_S - 1)
    assert schedule.identity_due(UNTOLD_AGAIN_S)
    schedule.identity_asked(UNTOLD_AGAIN_S, told=True)
    assert not schedule.identity_due(IDENTITY_EVERY_S)


def test_the_up_time_comes_with_the_identity_and_with_a_login() -> None:
    schedule = Schedule()
    schedule.identity_asked(0, told=True)
    assert not schedule.up_time_due(UP_TIME_EVERY_S - 1, NEVER_READ)
    assert schedule.up_time_due(UP_TIME_EVERY_S, NEVER_READ)
    assert not schedule.up_time_due(UP_TIME_EVERY_S, read_mono=10)
    schedule.up_time_asked(UP_TIME_EVERY_S)
    assert not schedule.up_time_due(UP_TIME_EVERY_S + 1, read_mono=0)


def test_loads_come_with_every_poll_where_they_cost_little() -> None:
    schedule = Schedule()
    schedule.load_asked(0, told=True, cheap=True)
    assert schedule.load_due(1)
    schedule.load_asked(1, told=True, cheap=False)
    assert not schedule.load_due(MENU_LOAD_EVERY_S)
    schedule.load_asked(100, told=False, cheap=True)
    assert not schedule.load_due(100 + UNTOLD_AGAIN_S - 1)


def test_one_outlet_after_the_other_is_asked_for_its_delays() -> None:
    schedule = Schedule()
    assert schedule.next_config(OUTLETS, 0) is OUTLETS[0]
    schedule.config_asked(1, 0, told=True)
    assert schedule.next_config(OUTLETS, 10) is OUTLETS[1]
    schedule.config_asked(2, 10, told=True)
    assert schedule.next_config(OUTLETS, 20) is None
    assert schedule.next_config(OUTLETS, IDENTITY_EVERY_S) is OUTLETS[0]


def test_where_one_outlet_tells_no_delays_the_others_are_let_be() -> None:
    schedule = Schedule()
    schedule.config_asked(1, 0, told=False)
    assert not schedule.configs_due(UNTOLD_AGAIN_S - 1)
    assert schedule.configs_due(UNTOLD_AGAIN_S)
