"""Pauses between failures."""

from __future__ import annotations

from apcbridge.errors import GoalTimeout, LoginRefused, PasswordChangeForced, PortLost
from apcbridge.pdu.pacing import LOCKED_OUT_S, Ladder


def test_pauses_grow_to_ten_seconds_and_a_success_starts_anew() -> None:
    ladder = Ladder()
    assert [ladder.failure(PortLost()) for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    ladder.success()
    assert ladder.failure(PortLost()) == 1


def test_a_wrong_password_is_tried_three_times_and_then_left_alone() -> None:
    ladder = Ladder()
    pauses = [ladder.failure(LoginRefused()) for _ in range(3)]
    assert pauses[:2] == [1, 2]
    assert pauses[2] == LOCKED_OUT_S


def test_a_forced_password_change_waits_for_a_human_at_once() -> None:
    assert Ladder().failure(PasswordChangeForced()) == LOCKED_OUT_S


def test_the_port_is_opened_anew_after_every_third_failure() -> None:
    ladder = Ladder()
    assert not ladder.port_is_suspect
    suspect = []
    for _ in range(6):
        ladder.failure(GoalTimeout())
        suspect.append(ladder.port_is_suspect)
    assert suspect == [False, False, True, False, False, True]
