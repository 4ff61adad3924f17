"""What rests in the NMC's memory, and what a restart leaves to be made good."""

from __future__ import annotations

import pytest

from apcbridge.commands import Command, Origin, ResultStatus
from apcbridge.console.events import OutletRow
from apcbridge.model import Action, OutletState, PendingCommand
from apcbridge.pdu.pending import OWED_FOR_S, Debts, PendingBook
from apcbridge.pdu.reboots.lives import Span


def command(action: Action) -> Command:
    return Command(
        id="c1",
        origin=Origin.MQTT,
        principal="t",
        pdu="p",
        outlet=3,
        action=action,
        received_at=0,
        received_mono=0,
        deadline_mono=20,
    )


def row(state: OutletState = OutletState.ON, *, pending: bool = False) -> OutletRow:
    return OutletRow(number=3, name="x", state=state, pending=pending)


def by(moment: float) -> Span:
    """Tell of a start at that moment at the latest."""
    return Span(moment - 60, moment)


def unread(_number: int) -> None:
    return None


def resting(action: Action = Action.DELAYED_OFF) -> PendingBook:
    book = PendingBook()
    book.sent(command(action), [3], 0, 0)
    return book


def test_within_one_session_the_mark_is_believed() -> None:
    book = resting()
    book.seen(row(pending=True), 20, 20)
    assert [p.action for p in book()] == ["DELAYED_OFF"]
    book.seen(row(OutletState.OFF), 30, 30)
    assert book() == ()


def test_a_list_read_before_the_mark_shows_forgets_nothing() -> None:
    book = resting()
    book.seen(row(), 2, 2)
    assert len(book()) == 1


def test_a_mark_that_is_gone_in_a_new_session_may_have_been_lost() -> None:
    book = resting()
    book.new_session(20)
    book.seen(row(), 40, 40)
    assert [p.command_id for p in book.lose(unread, by(30))] == ["c1"]


def test_a_card_that_is_in_its_old_life_has_carried_it_out() -> None:
    book = resting()
    book.new_session(20)
    book.seen(row(), 40, 40)
    book.no_restart(40)
    assert len(book()) == 1, "that up time was read before the mark was missed"
    book.no_restart(50)
    assert book() == ()


def test_a_mark_seen_again_is_no_loss() -> None:
    book = resting()
    book.new_session(20)
    book.seen(row(), 40, 40)
    book.seen(row(pending=True), 50, 50)
    book.no_restart(60)
    assert len(book()) == 1


def test_what_a_daemon_before_us_noted_is_lost_all_the_same() -> None:
    book = PendingBook(resting(Action.REBOOT)())
    book.seen(row(OutletState.OFF), 40, 40)
    assert [p.outlet for p in book.lose(lambda _: OutletState.OFF, by(30))] == [3]


@pytest.mark.parametrize(
    ("action", "state", "count"),
    [
        (Action.DELAYED_ON, OutletState.ON, 0),
        (Action.DELAYED_ON, OutletState.OFF, 1),
        (Action.DELAYED_OFF, OutletState.OFF, 0),
        (Action.DELAYED_OFF, OutletState.ON, 1),
        (Action.DELAYED_REBOOT, OutletState.ON, 1),
        (Action.REBOOT, OutletState.OFF, 1),
    ],
)
def test_a_delayed_switch_that_has_happened_is_not_lost(action: Action, state: OutletState, count: int) -> None:
    book = resting(action)
    book.new_session(20)
    assert len(book.lose(lambda _: state, by(30))) == count
    assert book.lose(unread, by(30)) == (), "it is told once"


def test_what_was_sent_since_the_restart_still_rests_there_when_that_is_certain() -> None:
    book = PendingBook()
    book.new_session(90)
    book.sent(command(Action.DELAYED_OFF), [3], 100, 100)
    assert book.lose(unread, by(170)) == (), "we have the same session still"
    book.new_session(105)
    assert book.lose(unread, by(30)) == (), "it was sent after the start"
    assert book.lose(unread, Span(40, 100.5)) == (), "it was sent after the start, which is told a little late"
    book.seen(row(pending=True), 110, 110)
    assert book.lose(unread, by(170)) == (), "its mark is there"
    book.new_session(120)
    assert [p.command_id for p in book.lose(unread, by(200))] == ["c1"]


def test_what_was_sent_just_before_the_restart_is_lost() -> None:
    book = PendingBook()
    book.new_session(90)
    book.sent(command(Action.REBOOT), [3], 100, 100)
    book.new_session(130)
    assert [p.command_id for p in book.lose(unread, Span(90, 100.5))] == ["c1"], "the old life was seen in its session"


@pytest.mark.parametrize(("status", "count"), [(ResultStatus.CONFIRMED, 0), (ResultStatus.UNKNOWN, 1)])
def test_a_reboot_that_was_seen_through_rests_no_more(status: ResultStatus, count: int) -> None:
    book = resting(Action.REBOOT)
    book.ended(command(Action.REBOOT), status)
    assert len(book()) == count


def test_a_delayed_command_that_was_accepted_goes_on_resting() -> None:
    book = resting(Action.DELAYED_OFF)
    book.ended(command(Action.DELAYED_OFF), ResultStatus.CONFIRMED)
    assert len(book()) == 1
    book.sent(command(Action.CANCEL), [3], 1, 1)
    assert book() == ()


def test_an_immediate_switch_leaves_nothing_behind() -> None:
    assert resting(Action.OFF)() == ()


def test_a_debt_is_owed_for_an_hour_and_not_twice() -> None:
    debts = Debts()
    debts.owe(PendingCommand(outlet=3, action="ON", command_id="c1", since_at=100))
    assert debts.overdue(7, 100 + OWED_FOR_S) == ()
    assert Debts(debts())() == debts()
    assert [one.outlet for one in debts.overdue(8, 101 + OWED_FOR_S)] == [3]
    assert debts() == ()


@pytest.mark.parametrize("set_back_s", [-5, -86400])
def test_a_clock_that_was_set_back_neither_ends_a_debt_nor_makes_it_last(set_back_s: float) -> None:
    debts = Debts([PendingCommand(outlet=3, action="ON", command_id="c1", since_at=100_000)])
    assert debts.overdue(7, 100_000 + set_back_s) == ()
    assert debts.overdue(7 + OWED_FOR_S, 300_000) == ()
    assert [one.outlet for one in debts.overdue(8 + OWED_FOR_S, 0)] == [3]
