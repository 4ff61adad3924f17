"""Getting in and out: whatever the console was left at, nobody's half-typed line is ever executed."""

from __future__ import annotations

import pytest

from apcbridge.console.dialects import DialectId
from apcbridge.console.events import (
    Event,
    GoalDone,
    GoalFailed,
    LoggedIn,
    LoggedOut,
    SessionLost,
    StatusReading,
)
from apcbridge.console.goals import Logout, ReadIdentity, ReadStatus
from apcbridge.console.session import Access, Credentials, Session, SessionOptions, SessionState
from apcbridge.errors import GoalTimeout, LoginRefused, PasswordChangeForced, ScreenUnrecognised
from tests.unit.console import rackpdu as pdu
from tests.unit.console import shells
from tests.unit.console.peer import Driver, Script

EIGHT = ["ON"] * 8
LISTING = (b"1\r", b"1\r\n" + pdu.outlet_list(*EIGHT))
READ = ReadStatus(load=False)
ERASE = b"\x7f" * 80 + b"\x08" * 160 + b"\r"


def driver(*exchanges: tuple[bytes, bytes], access: Access = Access.MENU, hint: DialectId | None = None) -> Driver:
    session = Session(Credentials("apc", "apc"), SessionOptions(access=access, expected_outlets=8, hint=hint))
    return Driver(session, Script(list(exchanges)).receive)


def failure(events: list[Event]) -> GoalFailed:
    assert isinstance(events[-1], GoalFailed)
    assert not events[-1].actuated
    return events[-1]


WAY_IN = [*pdu.login(), *pdu.TO_LIST, LISTING]
LOGOUT = (b"4\r", b"4" + pdu.BYE + pdu.USER)


@pytest.mark.parametrize(
    "found",
    [
        [(b"\x03", b"\r\n" + pdu.MAIN), LOGOUT],
        [(b"\x03", b""), (ERASE, pdu.MAIN), LOGOUT],
        [(b"\x03", b""), (ERASE, pdu.action_menu(3, "ON")), (b"\x03", b"\r\n" + pdu.MAIN), LOGOUT],
        [(b"\x03", b""), (ERASE, b"\r\napc>"), (b"exit\r", b"exit\r\nBye.\r\n"), (b"\r", pdu.USER)],
        [(b"\x03", b"\r\nAPC>"), (b"exit\r", b"exit" + pdu.USER)],
        [(b"\x03", pdu.confirm("Immediate Off", 3)), (b"\r", pdu.action_menu(3, "ON")), (b"\x03", pdu.MAIN), LOGOUT],
        [(b"\x03", b""), (ERASE, b"\r\nPassword  : "), (b"\r", pdu.USER)],
        [(b"\x03", b"\r\n" + pdu.USER)],
        [(b"\x03", b""), (ERASE, b""), (b"\r", b""), (b"\r", pdu.USER)],
        [
            (b"\x03", b""),
            (ERASE, b"   <ESC>- Exit, <ENTER>- Refresh, <D>- Delete\r\n> "),
            (b"\x1b", pdu.MAIN),
            LOGOUT,
        ],
    ],
)
def test_finds_the_way_from_wherever_the_console_was_left(found: list[tuple[bytes, bytes]]) -> None:
    events = driver(*found, *WAY_IN).run(READ)
    assert isinstance(events[-2], StatusReading)


def test_a_console_that_never_answers_is_told_so_in_bounded_time() -> None:
    run = driver((b"\x03", b""), (ERASE, b""), *[(b"\r", b"")] * 4)
    began = run.now
    assert isinstance(failure(run.run(READ)).error, GoalTimeout)
    assert run.now - began < 15


def test_a_refused_password_is_tried_once_per_goal_and_says_whose() -> None:
    refused = [(b"apc\r", b"apc" + pdu.PASSWORD), (b"apc\r", b"***" + pdu.USER)]
    run = driver(*pdu.WAKE, *refused, *refused)
    for _ in range(2):
        error = failure(run.run(READ)).error
        assert isinstance(error, LoginRefused)
        assert "'apc'" in str(error)
        assert run.session.state is SessionState.LOGGED_OUT


def test_the_password_is_not_given_at_a_prompt_that_does_not_follow_our_own_name() -> None:
    strange = [(b"apc\r", b"apx" + pdu.PASSWORD), (b"\r", pdu.USER)] * 3
    assert isinstance(failure(driver(*pdu.WAKE, *strange).run(READ)).error, ScreenUnrecognised)


def test_the_password_shows_in_no_representation() -> None:
    assert "secret" not in repr(Credentials("apc", "secret"))


def test_a_forced_password_change_is_told_and_nothing_is_typed_into_it() -> None:
    policy = b"***\r\n\r\nThe current password policy requires you to change your password...\r\n\r\n"
    forced = [(b"apc\r", b"apc" + pdu.PASSWORD), (b"apc\r", policy + b"Enter current password: ")]
    run = driver(*pdu.WAKE, *forced)
    assert isinstance(failure(run.run(READ)).error, PasswordChangeForced)
    run.now += 60
    assert isinstance(failure(run.run(READ)).error, PasswordChangeForced)


def test_a_unit_that_is_not_ready_says_so() -> None:
    text = b"\r\nThe Switched Rack PDU is still initializing. Please try again later.\r\n"
    run = driver(*shells.login(b"apc -c", text + pdu.USER), access=Access.AUTO, hint=DialectId.D3C)
    assert isinstance(failure(run.run(READ)).error, GoalTimeout)


def test_logs_out_and_in_again_without_an_empty_name_at_a_prompt_that_is_there() -> None:
    run = driver(*pdu.WAKE, *WAY_IN, (b"\x03", b"\r\n" + pdu.MAIN), LOGOUT, *WAY_IN)
    assert isinstance(run.run(READ)[-1], GoalDone)
    assert [type(event) for event in run.run(Logout())] == [LoggedOut, GoalDone]
    assert isinstance(run.run(READ)[-1], GoalDone)


def test_logging_out_of_a_console_that_we_left_types_nothing() -> None:
    run = driver(*pdu.WAKE, *WAY_IN, (b"\x03", b"\r\n" + pdu.MAIN), LOGOUT)
    run.run(READ)
    run.run(Logout())
    assert [type(event) for event in run.run(Logout())] == [GoalDone]


def test_an_inactivity_log_off_is_told_and_survived_within_the_goal() -> None:
    run = driver(*pdu.WAKE, *WAY_IN, (b"\r", pdu.USER), *WAY_IN)
    run.run(READ)
    events = run.run(READ)
    assert [type(event) for event in events] == [SessionLost, LoggedIn, StatusReading, GoalDone]


def test_a_login_prompt_that_comes_unasked_is_told_at_once() -> None:
    run = driver(*pdu.WAKE, *WAY_IN)
    run.run(READ)
    events = run.session.receive_data(b"\r\n\r\nUser Name : ", run.now + 1)
    assert [type(event) for event in events] == [SessionLost]
    assert run.session.state is SessionState.UNKNOWN


def test_a_login_prompt_that_waits_already_is_answered_with_the_name_at_once() -> None:
    run = driver(*WAY_IN)
    run.session.receive_data(b"\n\rUser Name : ", run.now)
    assert isinstance(run.run(READ)[-1], GoalDone)


def test_a_login_prompt_that_is_gone_meanwhile_is_asked_for_again() -> None:
    run = driver((b"apc\r", b""), (b"\r", pdu.USER), *WAY_IN)
    run.session.receive_data(b"\n\rUser Name : ", run.now)
    assert isinstance(run.run(READ)[-1], GoalDone)


def test_the_up_time_is_read_by_a_new_login_where_only_the_banner_has_it() -> None:
    again = [(b"\x03", b"\r\n" + pdu.MAIN), LOGOUT, *pdu.login()]
    run = driver(*pdu.WAKE, *WAY_IN, *again)
    run.run(READ)
    reading = run.run(ReadIdentity(about=False))[-2]
    assert getattr(reading, "up_time_s", None) == ((7 * 24 + 15) * 60 + 31) * 60


def test_a_reopened_line_is_looked_at_again() -> None:
    run = driver(*pdu.WAKE, *WAY_IN, (b"\x03", b"\r\n" + pdu.MAIN), LOGOUT, *WAY_IN)
    run.run(READ)
    run.session.reset()
    assert isinstance(run.run(READ)[-1], GoalDone)


def test_a_lost_line_fails_the_goal() -> None:
    run = driver()
    run.session.start(READ, 0.0)
    events = run.session.reset()
    assert [type(event) for event in events] == [GoalFailed]
    assert not run.session.busy


def test_a_second_goal_at_the_same_time_is_the_callers_mistake() -> None:
    run = driver()
    run.session.start(READ, 0.0)
    with pytest.raises(RuntimeError):
        run.session.start(READ, 0.0)


def test_giving_up_ends_the_goal_and_drops_what_was_not_sent() -> None:
    run = driver()
    run.session.start(READ, 0.0)
    events = run.session.abort(1.0)
    assert [type(event) for event in events] == [GoalFailed]
    assert run.session.data_to_send() == b""


def test_a_hint_of_dash_c_that_is_refused_costs_one_try_and_the_next_is_plain() -> None:
    refused = [(b"apc\r", b"apc" + pdu.PASSWORD), (b"apc -c\r", b"******" + pdu.USER)]
    run = driver(*pdu.WAKE, *refused, *WAY_IN, access=Access.AUTO, hint=DialectId.D3C)
    assert isinstance(failure(run.run(READ)).error, LoginRefused)
    assert isinstance(run.run(READ)[-1], GoalDone)


def test_access_cli_does_not_fall_back_to_menus() -> None:
    refused = [(b"apc\r", b"apc" + pdu.PASSWORD), (b"apc -c\r", b"******" + pdu.USER)]
    to_logout = [(b"\x03", b"\r\n" + pdu.MAIN), LOGOUT]
    run = driver(*pdu.WAKE, *pdu.login(), *to_logout, *refused, *refused, access=Access.CLI)
    for _ in range(2):
        assert isinstance(failure(run.run(READ)).error, LoginRefused)


@pytest.mark.parametrize("field", ["username", "password"])
def test_credentials_that_would_be_keys_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        Credentials(**{"username": "apc", "password": "apc", field: "a\rb"})


def test_a_stranger_session_that_ends_while_we_leave_it_is_no_obstacle() -> None:
    left = [(b"\x03", b""), (ERASE, pdu.action_menu(3, "ON")), (b"\x03", pdu.USER)]
    assert isinstance(driver(*left, *WAY_IN).run(READ)[-1], GoalDone)
