from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

import pytest

from apcbridge.console.dialects import DialectId
from apcbridge.console.events import (
    ActuationSent,
    GoalDone,
    GoalFailed,
    LoggedIn,
    Outcome,
    OutletReading,
    SessionLost,
    StatusReading,
)
from apcbridge.console.goals import ReadStatus, Switch
from apcbridge.console.session import Access, Credentials, Session, SessionOptions
from apcbridge.errors import CommandRejected, GoalTimeout, OutletMismatch, ScreenUnrecognised
from apcbridge.model import Action, OutletState
from tests.unit.console import rackpdu as pdu
from tests.unit.console.peer import Driver, Script

if TYPE_CHECKING:
    from collections.abc import Iterator

EIGHT = ("ON", "OFF", "ON*", "OFF", "ON", "ON", "ON", "OFF*")


def driver(
    exchanges: list[tuple[bytes, bytes]], cuts: Iterator[int] | None = None, expected_outlets: int | None = None
) -> Driver:
    settings = SessionOptions(access=Access.MENU, expected_outlets=expected_outlets)
    session = Session(Credentials("apc", "apc"), settings)
    return Driver(session, Script(exchanges).receive, cuts=cuts)


def to_list(*states: str, names: dict[int, str] | None = None) -> list[tuple[bytes, bytes]]:
    listing = (b"1\r", b"1\r\n" + pdu.outlet_list(*states, names=names))
    return [*pdu.WAKE, *pdu.login(), *pdu.TO_LIST, listing]


def switching(action: bytes, label: str, before: str, after: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"2", b"2"),
        (b"\r", b"\r\n" + pdu.outlet_page(2, before)),
        (b"1\r", b"1\r\n" + pdu.action_menu(2, before)),
        (action, action),
        (b"\r", b"\r\n" + pdu.confirm(label, 2)),
        (b"YES\r", b"YES\r\n" + pdu.SUCCESS),
        (b"\r", b"\r" + pdu.action_menu(2, after)),
    ]


@pytest.mark.parametrize("cuts", [None, repeat(1), repeat(7)])
def test_logs_in_and_reads_the_whole_list(cuts: Iterator[int] | None) -> None:
    events = driver(to_list(*EIGHT), cuts).run(ReadStatus(load=False))
    login, reading, done = events
    assert isinstance(login, LoggedIn)
    assert login.dialect is DialectId.D3B
    assert login.banner is not None
    assert login.banner.up_time_s == ((7 * 24 + 15) * 60 + 31) * 60
    assert isinstance(reading, StatusReading)
    assert [f"{row.state}{'*' * row.pending}" for row in reading.rows] == list(EIGHT)
    assert isinstance(done, GoalDone)


def test_pages_through_24_outlets() -> None:
    exchanges = to_list(*["ON"] * 24)
    exchanges.append((b"\r", pdu.rest_of_list("OFF", "ON")))
    events = driver(exchanges).run(ReadStatus(load=False))
    assert isinstance(events[1], StatusReading)
    assert [row.number for row in events[1].rows if row.state is OutletState.OFF] == [23]


def test_switches_and_reads_back_from_the_page_that_follows() -> None:
    run = driver([*to_list(*EIGHT), *switching(b"1", "Immediate On", "OFF", "ON")])
    events = run.run(Switch(2, "Outlet 2", Action.ON))
    assert [type(event) for event in events[1:]] == [ActuationSent, OutletReading, GoalDone]
    done = events[-1]
    assert isinstance(done, GoalDone)
    assert done.result.outcome is Outcome.CONFIRMED
    assert done.result.row is not None
    assert done.result.row.state is OutletState.ON


def test_another_name_on_the_list_stops_the_command_before_anything_is_typed() -> None:
    events = driver(to_list(*EIGHT)).run(Switch(2, "nas", Action.OFF))
    assert isinstance(events[-1], GoalFailed)
    assert not events[-1].actuated


def at_the_question(question: bytes, action: bytes = b"2") -> list[tuple[bytes, bytes]]:
    """Everything up to the YES prompt of an Immediate Off of outlet 2; bare ENTER cancels it."""
    return [
        *to_list(*EIGHT),
        (b"2", b"2"),
        (b"\r", b"\r\n" + pdu.outlet_page(2, "ON")),
        (b"1\r", b"1\r\n" + pdu.action_menu(2, "ON")),
        (action, action),
        (b"\r", b"\r\n" + question),
        (b"\r", b"\r\n" + pdu.action_menu(2, "ON")),
    ]


def question(*texts: str) -> bytes:
    return pdu.lines("", "        " + "-" * 71, *(f"        {text}" for text in texts), "") + pdu.CONFIRM


WRONG_QUESTIONS = [
    pdu.confirm("Immediate Off", 3, "Outlet 2"),
    pdu.confirm("Immediate Off", 2, "Outlet 3"),
    pdu.confirm("Immediate Off", 12, "Outlet 2"),
    pdu.confirm("Immediate On", 2),
    pdu.confirm("Immediate Reboot", 2),
    pdu.confirm("Delayed Off", 2),
    question("This command will turn on outlet 2."),
    question("This command will shutdown outlet 2 named 'Outlet 2',", "and then restart."),
    question("Immediate Off", "This command will shutdown ALL outlets."),
]


@pytest.mark.parametrize("wrong", WRONG_QUESTIONS)
def test_a_question_about_anything_else_is_cancelled_by_a_bare_enter(wrong: bytes) -> None:
    events = driver(at_the_question(wrong)).run(Switch(2, "Outlet 2", Action.OFF))
    failed = events[-1]
    assert isinstance(failed, GoalFailed)
    assert isinstance(failed.error, OutletMismatch)
    assert not failed.actuated
    assert not any(isinstance(event, ActuationSent) for event in events)


RIGHT_QUESTIONS = [
    pdu.confirm("Immediate Off", 2),
    question("Immediate Off", "This command will immediately shutdown", "outlet 2 named 'Outlet", "2'."),
    question("This command will turn off outlet 2 (Outlet 2)."),
    question(),
]


@pytest.mark.parametrize("right", RIGHT_QUESTIONS)
def test_a_question_that_fits_is_answered_however_little_it_says(right: bytes) -> None:
    exchanges = at_the_question(right)[:-1]
    exchanges += [(b"YES\r", b"YES\r\n" + pdu.SUCCESS), (b"\r", b"\r" + pdu.action_menu(2, "OFF"))]
    done = driver(exchanges).run(Switch(2, "Outlet 2", Action.OFF))[-1]
    assert isinstance(done, GoalDone)
    assert done.result.outcome is Outcome.CONFIRMED


WRONG_PAGES = [
    pdu.outlet_page(3, "ON", "Outlet 2"),
    pdu.outlet_page(2, "ON", "Outlet 3"),
    pdu.outlet_page(2, "ON").replace(b"        Outlet       : 2\r\n", b""),
    pdu.menu("Master", *pdu.items("Control of ALL Outlets")),
]


@pytest.mark.parametrize("page", WRONG_PAGES)
def test_a_page_of_anything_else_is_not_typed_into(page: bytes) -> None:
    exchanges = [*to_list(*EIGHT), (b"2", b"2"), (b"\r", b"\r\n" + page)]
    failed = driver(exchanges).run(Switch(2, "Outlet 2", Action.OFF))[-1]
    assert isinstance(failed, GoalFailed)
    assert isinstance(failed.error, OutletMismatch | ScreenUnrecognised)
    assert not failed.actuated


def test_an_item_that_the_menu_lacks_is_not_guessed_by_number() -> None:
    three_items = pdu.action_menu(2, "ON").replace(b"     2- Immediate Off", b"     2- Something Else")
    exchanges = [*at_the_question(b"")[:-3]]
    exchanges[-1] = (b"1\r", b"1\r\n" + three_items)
    failed = driver(exchanges).run(Switch(2, "Outlet 2", Action.OFF))[-1]
    assert isinstance(failed, GoalFailed)
    assert isinstance(failed.error, CommandRejected)


def test_the_number_on_the_screen_is_typed_not_the_one_in_mind() -> None:
    shuffled = pdu.action_menu(2, "ON").replace(b"2- Immediate Off", b"3- Immediate Off")
    shuffled = shuffled.replace(b"3- Immediate Reboot", b"2- Immediate Reboot")
    exchanges = at_the_question(pdu.confirm("Immediate Off", 2), b"3")
    exchanges[-4] = (b"1\r", b"1\r\n" + shuffled)
    exchanges[-1] = (b"YES\r", b"YES\r\n" + pdu.SUCCESS)
    done = driver([*exchanges, (b"\r", b"\r" + pdu.action_menu(2, "OFF"))]).run(Switch(2, None, Action.OFF))[-1]
    assert isinstance(done, GoalDone)


def after_yes(*more: tuple[bytes, bytes], answer: bytes = b"YES\r\n" + pdu.SUCCESS) -> list[tuple[bytes, bytes]]:
    return [*at_the_question(pdu.confirm("Immediate Off", 2))[:-1], (b"YES\r", answer), *more]


def test_silence_after_yes_is_an_unknown_outcome_and_yes_is_never_repeated() -> None:
    run = driver(after_yes(answer=b""))
    events = run.run(Switch(2, "Outlet 2", Action.OFF))
    failed = events[-1]
    assert isinstance(failed, GoalFailed)
    assert isinstance(failed.error, GoalTimeout)
    assert failed.actuated
    assert sum(isinstance(event, ActuationSent) for event in events) == 1


def test_a_login_prompt_after_yes_is_an_unknown_outcome() -> None:
    events = driver(after_yes(answer=b"YES" + pdu.USER)).run(Switch(2, "Outlet 2", Action.OFF))
    assert [type(event) for event in events[-3:]] == [ActuationSent, SessionLost, GoalFailed]
    assert isinstance(events[-1], GoalFailed)
    assert events[-1].actuated


def test_a_second_question_after_yes_is_not_answered_and_the_outcome_is_unknown() -> None:
    again = pdu.confirm("Immediate Off", 2)
    events = driver(after_yes((b"\r", again), (b"\r", again), answer=again)).run(
        Switch(2, "Outlet 2", Action.OFF, settle_s=0.4)
    )
    assert isinstance(events[-1], GoalFailed)
    assert events[-1].actuated


def test_a_relay_that_follows_late_is_waited_for() -> None:
    late = [(b"\r", b"\r" + pdu.action_menu(2, state)) for state in ("ON", "ON", "OFF*", "OFF")]
    events = driver(after_yes(*late)).run(Switch(2, "Outlet 2", Action.OFF))
    readings = [event.row for event in events if isinstance(event, OutletReading)]
    assert [f"{row.state}{'*' * row.pending}" for row in readings] == ["ON", "ON", "OFF*", "OFF"]
    assert isinstance(events[-1], GoalDone)


def test_a_relay_that_never_follows_is_accepted_but_not_confirmed() -> None:
    late = [(b"\r", b"\r" + pdu.action_menu(2, "ON"))] * 4
    done = driver(after_yes(*late)).run(Switch(2, "Outlet 2", Action.OFF, settle_s=1.5))[-1]
    assert isinstance(done, GoalDone)
    assert done.result.outcome is Outcome.ACCEPTED


def test_the_same_outlet_again_is_switched_from_where_we_stand_after_a_fresh_look() -> None:
    again = [
        (b"\r", b"\r" + pdu.action_menu(2, "OFF")),
        (b"\r", pdu.action_menu(2, "OFF")),
        (b"1", b"1"),
        (b"\r", b"\r\n" + pdu.confirm("Immediate On", 2)),
        (b"YES\r", b"YES\r\n" + pdu.SUCCESS),
        (b"\r", b"\r" + pdu.action_menu(2, "ON")),
    ]
    run = driver(after_yes(*again))
    assert isinstance(run.run(Switch(2, "Outlet 2", Action.OFF))[-1], GoalDone)
    assert isinstance(run.run(Switch(2, "Outlet 2", Action.ON))[-1], GoalDone)


def test_an_answer_to_a_pager_that_was_lost_is_given_once_more_and_the_lesson_kept() -> None:
    listing = to_list(*["ON"] * 24)
    rest = pdu.rest_of_list("OFF", "ON")
    refresh = (b"\r", pdu.outlet_list(*["ON"] * 24))
    run = driver([*listing, (b"\r", b""), (b"\r", rest), refresh, (b"\r", rest)], expected_outlets=24)
    assert isinstance(run.run(ReadStatus(load=False))[-1], GoalDone)
    began = run.now
    assert isinstance(run.run(ReadStatus(load=False))[-1], GoalDone)
    assert 0.5 <= run.now - began < 1.0


def test_a_list_that_was_printed_twice_is_read_once() -> None:
    twice = pdu.outlet_list(*EIGHT) + pdu.outlet_list(*EIGHT)
    exchanges = [*pdu.WAKE, *pdu.login(), *pdu.TO_LIST, (b"1\r", b"1\r\n" + twice)]
    assert isinstance(driver(exchanges).run(ReadStatus(load=False))[-1], GoalDone)


def test_a_new_name_is_believed_when_two_lists_agree() -> None:
    named = pdu.outlet_list(*EIGHT, names={2: "nas"})
    run = driver([*to_list(*EIGHT), (b"\r", named), (b"\r", named)])
    run.run(ReadStatus(load=False))
    reading = run.run(ReadStatus(load=False))[0]
    assert isinstance(reading, StatusReading)
    assert reading.rows[1].name == "nas"


def test_a_console_that_does_not_echo_is_understood() -> None:
    walk = [(typed, answer.removeprefix(typed.rstrip(b"\r"))) for typed, answer in to_list(*EIGHT)]
    switching_unechoed = [
        (b"2\r", pdu.outlet_page(2, "ON")),
        (b"1\r", pdu.action_menu(2, "ON")),
        (b"2\r", pdu.confirm("Immediate Off", 2)),
        (b"YES\r", pdu.SUCCESS),
        (b"\r", pdu.action_menu(2, "OFF")),
    ]
    done = driver([*walk, *switching_unechoed]).run(Switch(2, "Outlet 2", Action.OFF))[-1]
    assert isinstance(done, GoalDone)


def test_a_firmware_that_goes_back_to_the_list_is_read_there() -> None:
    done = driver(after_yes((b"\r", b"\r" + pdu.outlet_list("ON", "OFF", *EIGHT[2:])))).run(
        Switch(2, "Outlet 2", Action.OFF)
    )[-1]
    assert isinstance(done, GoalDone)
    assert done.result.outcome is Outcome.CONFIRMED
