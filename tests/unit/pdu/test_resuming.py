"""The ON half of a cut reboot: through the door, at most once, only for an outlet that is off."""

from __future__ import annotations

import logging

import pytest

from apcbridge.commands import Command, CommandResult, ResultStatus
from apcbridge.errors import CommandRefused, NotPermitted, Stale
from apcbridge.model import Outlet, OutletState, PendingCommand
from apcbridge.pdu.logger import PduLogger
from apcbridge.pdu.pending import Debts
from apcbridge.pdu.resuming import RESUME_TTL_S, Resumer


class Scene:
    """A door that takes or refuses, and outlets in one state."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.state = OutletState.OFF
        self.refusal: CommandRefused | None = None
        self.taken: list[Command] = []
        self.debts = Debts([PendingCommand(outlet=3, action="REBOOT", command_id="c1", since_at=990.0)])
        self.resumer = Resumer("p", self, self, self.debts, PduLogger(logging.getLogger("test"), "p"))

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def examine(self, command: Command, ahead: int = 0) -> None:
        raise NotImplementedError

    def submit(self, command: Command) -> CommandResult:
        if self.refusal is not None:
            raise self.refusal
        self.taken.append(command)
        return CommandResult(command=command, status=ResultStatus.ACCEPTED, detail="", at=self.now)

    def polls(self, count: int = 3, every_s: float = 10.0) -> Scene:
        for _ in range(count):
            self.resumer.settle(self._outlet)
            self.now += every_s
        return self

    def _outlet(self, number: int) -> Outlet:
        return Outlet(number=number, name="x", state=self.state, pending=False, read_at=0, read_mono=0)

    @property
    def given(self) -> list[tuple[int | None, str]]:
        return [(command.outlet, str(command.action)) for command in self.taken]


def test_it_is_given_once() -> None:
    assert Scene().polls(3).given == [(3, "ON")]


def test_a_crash_before_it_acts_leaves_the_debt_to_the_next_daemon() -> None:
    scene = Scene().polls(1)
    assert [debt.outlet for debt in scene.debts()] == [3]
    scene.resumer.ended(scene.taken[0], ResultStatus.CONFIRMED)
    assert scene.debts() == ()


def test_one_that_gave_way_to_another_command_is_not_given_again() -> None:
    scene = Scene().polls(1)
    scene.debts.settle(3)
    scene.resumer.ended(scene.taken[0], ResultStatus.FAILED)
    assert len(scene.polls().given) == 1


def test_an_outlet_that_is_on_is_left_alone() -> None:
    scene = Scene()
    scene.state = OutletState.ON
    assert scene.polls().given == []
    assert scene.debts() == ()


def test_a_door_that_is_shut_for_now_is_tried_again() -> None:
    scene = Scene()
    scene.refusal = Stale("the readings are old")
    assert scene.polls().given == []
    scene.refusal = None
    assert scene.polls().given == [(3, "ON")]


def test_a_door_that_is_shut_for_good_is_not() -> None:
    scene = Scene()
    scene.refusal = NotPermitted("read-only")
    scene.polls()
    scene.refusal = None
    assert scene.polls().given == []


@pytest.mark.parametrize(
    ("status", "count"), [(ResultStatus.CONFIRMED, 1), (ResultStatus.UNKNOWN, 1), (ResultStatus.FAILED, 2)]
)
def test_only_what_certainly_did_not_act_is_given_again(status: ResultStatus, count: int) -> None:
    scene = Scene().polls(1)
    scene.resumer.ended(scene.taken[0], status)
    assert len(scene.polls().given) == count
    assert len({command.id for command in scene.taken}) == count


def test_one_that_expired_in_the_queue_is_given_again() -> None:
    scene = Scene().polls(1)
    scene.now += RESUME_TTL_S
    assert len(scene.polls(1).given) == 2
