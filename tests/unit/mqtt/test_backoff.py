"""How long to wait for the broker."""

from __future__ import annotations

import pytest

from apcbridge.mqtt.backoff import Backoff


def test_waits_double_up_to_what_lets_us_be_back_in_time() -> None:
    backoff = Backoff(lambda: 0.5)
    assert [backoff.failed(refused=False) for _ in range(6)] == [1, 2, 4, 8, 12, 12]


def test_a_broker_that_refuses_is_left_alone_for_up_to_a_minute() -> None:
    backoff = Backoff(lambda: 0.5)
    assert [backoff.failed(refused=True) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_broker_that_refuses_as_it_comes_back_is_soon_asked_again() -> None:
    backoff = Backoff(lambda: 0.5)
    for _ in range(6):
        backoff.lost(1.0, 10.0)
        backoff.failed(refused=False)
    assert [backoff.failed(refused=True) for _ in range(3)] == [1, 2, 4]
    backoff.lost(1.0, 20.0)
    assert backoff.failed(refused=True) == 1


@pytest.mark.parametrize(("random", "factor"), [(0.0, 0.8), (1.0, 1.2)])
def test_jitter(random: float, factor: float) -> None:
    assert Backoff(lambda: random).failed(refused=False) == pytest.approx(factor)


def test_a_good_connection_starts_over() -> None:
    backoff = Backoff(lambda: 0.5)
    for _ in range(5):
        backoff.failed(refused=True)
    assert backoff.lost(lived_s=31.0, now_mono=1000.0) == 1


def test_short_lives_in_a_row_are_a_clash() -> None:
    backoff = Backoff(lambda: 0.5)
    for now in (10.0, 20.0, 30.0):
        backoff.lost(1.0, now)
        assert not backoff.is_clash(now)
    backoff.lost(1.0, 40.0)
    assert backoff.is_clash(40.0)
    assert not backoff.is_clash(1000.0)


def test_a_broker_that_was_away_in_between_is_none() -> None:
    backoff = Backoff(lambda: 0.5)
    for now in range(20):
        backoff.lost(1.0, float(now))
        backoff.failed(refused=False)
        assert not backoff.is_clash(float(now))
