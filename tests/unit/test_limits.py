from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apcbridge.limits import LogBudget, TokenBucket


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=10, burst=5)
    assert [bucket.take(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(1000.0) for _ in range(6)] == [True] * 5 + [False]


def test_a_bucket_fills_at_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=1)
    assert [bucket.take(now) for now in (0.0, 0.25, 0.5, 0.75, 1.0)] == [True, False, True, False, True]


def test_a_budget_says_how_many_lines_it_swallowed() -> None:
    budget = LogBudget(at_once=3, per_s=1.0)
    assert [budget.spend(0.0) for _ in range(5)] == [0, 0, 0, None, None]
    assert budget.spend(1.0) == 2
    assert budget.spend(1.5) is None
    assert [budget.spend(1000.0) for _ in range(4)] == [1, 0, 0, None]


@given(st.lists(st.floats(0.0, 10.0), min_size=1, max_size=300))
def test_no_minute_has_more_than_ten_lines(pauses: list[float]) -> None:
    budget, now, said = LogBudget(), 0.0, []
    for pause in pauses:
        now += pause
        if budget.spend(now) is not None:
            said.append(now)
    assert all(sum(first <= moment < first + 60.0 for moment in said) <= 10 for first in said)


def test_a_budget_of_nothing_says_nothing() -> None:
    assert [LogBudget(at_once=0).spend(now) for now in (0.0, 1e9)] == [None, None]
