from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.sim.relays import Action, ActuationLog, Effect, OutletSettings, RelayBoard


def board(*, on: bool = True, lag: float = 0.0, on_delay: int = 0, off_delay: int = 0, outlets: int = 3) -> RelayBoard:
    settings = [OutletSettings(f"Outlet {n}", on_delay, off_delay, 5, 10) for n in range(1, outlets + 1)]
    return RelayBoard(settings, [on] * outlets, lambda: lag, ActuationLog())


def test_immediate_commands_move_the_relay_at_once() -> None:
    relays = board()
    relays.accept(Action.OFF, [2], 1.0, "test")
    assert [relays.is_on(n) for n in relays.numbers] == [True, False, True]
    relays.accept(Action.ON, [2], 2.0, "test")
    assert relays.is_on(2)


def test_a_relay_lags_behind_the_accepted_command() -> None:
    relays = board(lag=3.0)
    relays.accept(Action.OFF, [1], 10.0, "test")
    relays.advance(12.9)
    assert relays.is_on(1)
    assert not relays.is_pending(1)
    assert relays.is_pending(1, lag_too=True)
    relays.advance(13.0)
    assert not relays.is_on(1)


def test_a_reboot_opens_the_relay_for_its_duration() -> None:
    relays = board()
    relays.accept(Action.REBOOT, [1], 0.0, "test")
    assert not relays.is_on(1)
    assert relays.is_pending(1)
    relays.advance(4.99)
    assert not relays.is_on(1)
    relays.advance(5.0)
    assert relays.is_on(1)
    assert not relays.is_pending(1)


@pytest.mark.parametrize("action", [Action.REBOOT, Action.DELAYED_REBOOT])
def test_a_reboot_of_an_outlet_that_is_off_leaves_it_off(action: Action) -> None:
    relays = board(on=False)
    relays.accept(action, [1], 0.0, "test")
    relays.advance(1000.0)
    assert not relays.is_on(1)
    assert relays.log.moves(1) == []


def test_a_restart_of_the_card_in_mid_reboot_leaves_the_outlet_off() -> None:
    relays = board()
    relays.accept(Action.REBOOT, [1, 2], 0.0, "test")
    assert relays.lose_pending(2.0) == (1, 2)
    relays.advance(1000.0)
    assert [relays.is_on(n) for n in relays.numbers] == [False, False, True]
    assert [e.effect for e in relays.log.entries if e.outlet == 1] == [
        Effect.ACCEPTED,
        Effect.PENDING,
        Effect.RELAY_OFF,
        Effect.LOST,
    ]


def test_a_restart_does_not_stop_a_relay_that_only_lags() -> None:
    relays = board(lag=3.0)
    relays.accept(Action.OFF, [1], 0.0, "test")
    assert relays.lose_pending(1.0) == ()
    relays.advance(3.0)
    assert not relays.is_on(1)


def test_unless_it_is_told_to() -> None:
    relays = board(lag=3.0)
    relays.accept(Action.OFF, [1], 0.0, "test")
    assert relays.lose_pending(1.0, lagging=True) == (1,)
    relays.advance(100.0)
    assert relays.is_on(1)


def test_delayed_commands_wait_and_can_be_cancelled() -> None:
    relays = board(off_delay=60)
    relays.accept(Action.DELAYED_OFF, [1, 2], 0.0, "test")
    assert relays.is_pending(1)
    relays.accept(Action.CANCEL, [1], 30.0, "test")
    relays.advance(60.0)
    assert [relays.is_on(n) for n in relays.numbers] == [True, False, True]


def test_a_delay_of_minus_one_is_never() -> None:
    relays = board(off_delay=-1)
    relays.accept(Action.DELAYED_OFF, [1], 0.0, "test")
    assert not relays.is_pending(1)
    relays.advance(1e9)
    assert relays.is_on(1)


def test_a_newer_command_takes_the_place_of_a_pending_one() -> None:
    relays = board(off_delay=60)
    relays.accept(Action.DELAYED_OFF, [1], 0.0, "test")
    relays.accept(Action.ON, [1], 10.0, "test")
    relays.advance(1000.0)
    assert relays.is_on(1)
    assert Effect.CANCELLED in [e.effect for e in relays.log.entries]


def test_mains_loss_opens_all_and_closes_each_after_its_delay() -> None:
    relays = board(on_delay=7)
    relays.accept(Action.REBOOT, [1], 0.0, "test")
    relays.power_loss(1.0)
    assert not any(relays.is_on(n) for n in relays.numbers)
    relays.power_return(2.0, [True, True, False])
    relays.advance(8.9)
    assert not relays.is_on(1)
    relays.advance(9.0)
    assert [relays.is_on(n) for n in relays.numbers] == [True, True, False]


def test_the_log_counts_a_command_once_however_many_outlets_it_names() -> None:
    relays = board()
    command = relays.accept(Action.OFF, [1, 2, 3], 4.0, "menu:apc")
    assert relays.log.commands() == [command]
    assert relays.log.commands(2) == [command]
    assert relays.log.commands(2)[0].via == "menu:apc"


@given(st.lists(st.tuples(st.sampled_from(list(Action)), st.integers(1, 3), st.floats(0, 30)), min_size=1, max_size=30))
def test_the_last_immediate_command_decides_in_the_end(steps: list[tuple[Action, int, float]]) -> None:
    relays = board(lag=2.0, off_delay=10, on_delay=5)
    now = 0.0
    for action, outlet, wait in steps:
        now += wait
        relays.advance(now)
        relays.accept(action, [outlet], now, "test")
    relays.accept(Action.OFF, [1], now, "test")
    relays.advance(now + 10_000)
    assert not relays.is_on(1)
    assert relays.next_event() is None
    # Every move alternates: a relay cannot open twice in a row.
    moves = relays.log.moves(1)
    assert all(a != b for a, b in itertools.pairwise(moves))
