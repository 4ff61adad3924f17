"""Admission, de-duplication, expiry and order of commands."""

from __future__ import annotations

import dataclasses

import pytest

from apcbridge.commands import Arbiter, Command, CommandResult, Origin, OutletRule, PduRules, ResultStatus
from apcbridge.errors import CommandRefused, NotPermitted, QueueFull, Stale, TooSoon, UnknownOutlet, UnknownPdu
from apcbridge.model import (
    Action,
    Identity,
    Link,
    LinkState,
    Nmc,
    Outlet,
    OutletState,
    PduSnapshot,
    PduStatus,
    Policy,
)

RULES = PduRules(
    outlets={
        2: OutletRule(policy=Policy.NO_OFF),
        3: OutletRule(policy=Policy.READ_ONLY),
        4: OutletRule(min_off_time_s=10),
    },
    bulk_origins=frozenset({Origin.MQTT}),
    queue_limit=3,
)


def status(now: float = 0.0, *, link: LinkState = LinkState.UP) -> PduStatus:
    outlets = tuple(
        Outlet(number=n, name=f"Outlet {n}", state=OutletState.ON, pending=False, read_at=now, read_mono=now)
        for n in range(1, 9)
    )
    snapshot = PduSnapshot(
        pdu="p", seq=1, taken_at=now, taken_mono=now, dialect="d3b", identity=Identity(), nmc=Nmc(), outlets=outlets
    )
    return PduStatus(pdu="p", link=Link(state=link, since_at=0), snapshot=snapshot, stale_after_s=30, lost_after_s=50)


class Desk:
    """An arbiter with its results gathered."""

    def __init__(self, rules: PduRules = RULES) -> None:
        self.results: list[CommandResult] = []
        self.arbiter = Arbiter({"p": rules}, self.results.append)
        self._next = 0

    def command(self, action: Action = Action.ON, outlet: int | None = 1, *, now: float = 0.0, id: str = "") -> Command:  # noqa: A002
        self._next += 1
        return Command(
            id=id or f"c{self._next}",
            origin=Origin.MQTT,
            principal="tester",
            pdu="p",
            outlet=outlet,
            action=action,
            received_at=now,
            received_mono=now,
            deadline_mono=now + 20,
        )

    def submit(self, command: Command, now: float = 0.0) -> CommandResult:
        return self.arbiter.submit(command, status(now), now, now)

    def serve(self, now: float = 0.0, end: ResultStatus = ResultStatus.CONFIRMED) -> Command | None:
        command = self.arbiter.take("p", now, now)
        if command is not None:
            self.arbiter.finish(command, end, "", now, now)
        return command

    def ends(self) -> list[ResultStatus]:
        return [result.status for result in self.results]


def test_an_accepted_command_is_served_once_and_ends_once() -> None:
    desk = Desk()
    command = desk.command(Action.OFF)
    assert desk.submit(command).status is ResultStatus.ACCEPTED
    assert desk.serve() is command
    assert desk.serve() is None
    assert desk.ends() == [ResultStatus.ACCEPTED, ResultStatus.CONFIRMED]


def test_a_command_cannot_end_twice() -> None:
    desk = Desk()
    desk.submit(desk.command())
    served = desk.serve()
    assert served
    with pytest.raises(ValueError, match="not active"):
        desk.arbiter.finish(served, ResultStatus.FAILED, "", 0, 0)


def test_one_that_rests_lets_others_pass_and_ends_once() -> None:
    desk = Desk()
    reboot = desk.command(Action.REBOOT)
    desk.submit(reboot)
    assert desk.arbiter.take("p", 0, 0) is reboot
    desk.arbiter.rest(reboot)
    assert desk.arbiter.unfinished("p") == (reboot,)
    assert desk.submit(desk.command(Action.REBOOT)).status is ResultStatus.DUPLICATE
    other = desk.command(Action.OFF, 5)
    desk.submit(other)
    assert desk.serve() is other
    desk.arbiter.configure({}, 0)
    desk.arbiter.finish(reboot, ResultStatus.CONFIRMED, "", 60, 60)
    assert [r.status for r in desk.results if r.command is reboot] == [ResultStatus.ACCEPTED, ResultStatus.CONFIRMED]
    with pytest.raises(ValueError, match="not active"):
        desk.arbiter.finish(reboot, ResultStatus.CONFIRMED, "", 60, 60)


def test_the_same_id_is_a_duplicate_even_after_it_ended() -> None:
    desk = Desk()
    desk.submit(desk.command(id="x"))
    desk.serve()
    assert desk.submit(desk.command(Action.OFF, id="x"), 599).status is ResultStatus.DUPLICATE
    assert desk.serve(599) is None


def test_an_id_is_forgotten_after_its_window() -> None:
    desk = Desk()
    desk.submit(dataclasses.replace(desk.command(id="x"), dedup_window_s=30))
    desk.serve()
    assert desk.submit(desk.command(id="x", now=31), 31).status is ResultStatus.ACCEPTED


def test_a_second_reboot_while_one_is_under_way_is_a_duplicate() -> None:
    desk = Desk()
    desk.submit(desk.command(Action.REBOOT))
    assert desk.submit(desk.command(Action.DELAYED_REBOOT)).status is ResultStatus.DUPLICATE
    assert desk.submit(desk.command(Action.REBOOT, 5)).status is ResultStatus.ACCEPTED


@pytest.mark.parametrize("end", [ResultStatus.CONFIRMED, ResultStatus.UNKNOWN])
def test_a_reboot_that_may_have_acted_holds_off_the_next(end: ResultStatus) -> None:
    desk = Desk()
    desk.submit(desk.command(Action.REBOOT))
    desk.serve(end=end)
    with pytest.raises(TooSoon, match="30 s"):
        desk.submit(desk.command(Action.REBOOT))
    assert desk.submit(desk.command(Action.REBOOT, now=30), 30).status is ResultStatus.ACCEPTED


def test_a_reboot_that_certainly_did_not_act_may_be_asked_for_again() -> None:
    desk = Desk()
    desk.submit(desk.command(Action.REBOOT))
    desk.serve(end=ResultStatus.FAILED)
    assert desk.submit(desk.command(Action.REBOOT)).status is ResultStatus.ACCEPTED


def test_a_command_that_waited_past_its_deadline_expires_instead_of_acting() -> None:
    desk = Desk()
    desk.submit(desk.command())
    assert desk.serve(20) is None
    assert desk.ends() == [ResultStatus.ACCEPTED, ResultStatus.EXPIRED]


def test_on_waits_for_the_minimum_off_time_and_lets_other_outlets_pass() -> None:
    desk = Desk()
    desk.submit(desk.command(Action.OFF, 4))
    desk.serve(0)
    back_on, other = desk.command(Action.ON, 4), desk.command(Action.OFF, 5)
    desk.submit(back_on)
    off_again = desk.command(Action.OFF, 4)
    desk.submit(off_again)
    desk.submit(other)
    assert desk.serve(1) is other
    assert desk.serve(9.9) is None
    assert desk.serve(10) is back_on
    assert desk.serve(10) is off_again


@pytest.mark.parametrize(
    ("action", "outlet", "refusal"),
    [
        (Action.OFF, 2, NotPermitted),
        (Action.REBOOT, 2, NotPermitted),
        (Action.DELAYED_OFF, 2, NotPermitted),
        (Action.ON, 3, NotPermitted),
        (Action.CANCEL, 3, NotPermitted),
        (Action.OFF, None, NotPermitted),
        (Action.ON, 9, UnknownOutlet),
        (Action.ON, 0, UnknownOutlet),
    ],
)
def test_policies_and_unknown_outlets_are_refused(
    action: Action, outlet: int | None, refusal: type[CommandRefused]
) -> None:
    desk = Desk()
    with pytest.raises(refusal):
        desk.submit(desk.command(action, outlet))
    assert desk.ends() == [ResultStatus.REFUSED]
    assert isinstance(desk.results[0].error, refusal)
    assert desk.serve() is None


def test_no_off_still_allows_on() -> None:
    desk = Desk()
    assert desk.submit(desk.command(Action.ON, 2)).status is ResultStatus.ACCEPTED


def test_all_outlets_only_through_the_doors_that_are_enabled_for_it() -> None:
    desk = Desk(PduRules(bulk_origins=frozenset({Origin.MQTT})))
    assert desk.submit(desk.command(Action.ON, None)).status is ResultStatus.ACCEPTED
    with pytest.raises(NotPermitted, match="not enabled for snmp"):
        desk.submit(dataclasses.replace(desk.command(Action.ON, None), origin=Origin.SNMP))


def test_nothing_is_accepted_on_stale_readings() -> None:
    desk = Desk()
    with pytest.raises(Stale):
        desk.arbiter.submit(desk.command(now=30), status(0), 30, 30)
    with pytest.raises(Stale):
        desk.arbiter.submit(desk.command(), status(0, link=LinkState.LOST), 0, 0)
    with pytest.raises(Stale):
        desk.arbiter.submit(desk.command(), dataclasses.replace(status(0), snapshot=None), 0, 0)


def test_the_queue_is_bounded() -> None:
    desk = Desk()
    for _ in range(3):
        desk.submit(desk.command())
    with pytest.raises(QueueFull):
        desk.submit(desk.command())


def test_a_pdu_nobody_configured_is_refused() -> None:
    desk = Desk()
    with pytest.raises(UnknownPdu):
        desk.submit(dataclasses.replace(desk.command(), pdu="q"))


def test_new_rules_hold_for_the_next_command() -> None:
    desk = Desk()
    desk.arbiter.configure({"p": PduRules(default=OutletRule(policy=Policy.READ_ONLY))}, 0)
    with pytest.raises(NotPermitted):
        desk.submit(desk.command())


def test_what_waits_for_a_pdu_that_is_configured_no_more_expires() -> None:
    desk = Desk()
    desk.submit(desk.command())
    desk.arbiter.configure({}, 0)
    assert desk.ends() == [ResultStatus.ACCEPTED, ResultStatus.EXPIRED]
    with pytest.raises(UnknownPdu):
        desk.submit(desk.command())


def test_what_is_being_carried_out_still_ends_after_its_pdu_was_removed() -> None:
    desk = Desk()
    desk.submit(desk.command())
    command = desk.arbiter.take("p", 0, 0)
    assert command is not None
    desk.arbiter.configure({}, 0)
    desk.arbiter.finish(command, ResultStatus.CONFIRMED, "", 0, 0)
    assert desk.ends() == [ResultStatus.ACCEPTED, ResultStatus.CONFIRMED]


def test_a_new_pdu_takes_commands() -> None:
    desk = Desk()
    desk.arbiter.configure({"p": RULES, "q": RULES}, 0)
    command = dataclasses.replace(desk.command(), pdu="q")
    assert desk.submit(command).status is ResultStatus.ACCEPTED


def test_a_command_that_could_have_acted_before_is_no_event_to_come() -> None:
    """It waits for a console that is silent: a task that slept until then would never sleep."""
    desk = Desk()
    desk.submit(desk.command())
    assert desk.arbiter.next_event_mono("p", 5.0) == 20.0
    assert desk.arbiter.next_event_mono("p", 20.0) is None
