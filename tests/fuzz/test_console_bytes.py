"""Whatever comes on the line, a session gives events or one ConsoleError, and confirms nothing it has not checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apcbridge.console import answers
from apcbridge.console.events import Event, GoalFailed, OutletRow
from apcbridge.console.goals import ReadEventLog, ReadIdentity, ReadStatus, Switch
from apcbridge.console.outlet_lists import parse_outlet_list
from apcbridge.console.scanner import LIMIT_BYTES
from apcbridge.console.screens import parse_screen
from apcbridge.console.session import Credentials, Session, SessionOptions
from apcbridge.errors import ConsoleError
from apcbridge.model import Action
from tests.unit.console import rackpdu as pdu
from tests.unit.console import shells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOALS = [
    ReadStatus(),
    ReadIdentity(),
    ReadEventLog(),
    Switch(2, "Outlet 2", Action.OFF, settle_s=2.0),
    Switch(2, None, Action.REBOOT, settle_s=2.0),
]
SCREENS = [
    pdu.USER,
    pdu.PASSWORD,
    pdu.PAGER,
    pdu.CONFIRM,
    pdu.BYE,
    pdu.banner() + pdu.MAIN,
    pdu.DEVICE_MANAGER,
    pdu.OUTLET_MANAGEMENT,
    pdu.outlet_list(*["ON"] * 8),
    pdu.outlet_page(2, "ON"),
    pdu.outlet_page(3, "ON"),
    pdu.action_menu(2, "ON"),
    pdu.action_menu(2, "ON", "nas"),
    pdu.SUCCESS,
    shells.BANNER + shells.PROMPT,
    b"\r\napc>",
    b"\r\nAPC>",
    b"E000: Success\r\n",
    *(pdu.lines(row) for row in shells.shell_rows("On", "Off", "On")),
    *(pdu.lines(row) for row in shells.dash_c_rows("ON", "OFF", "ON")),
    b"Enter new password: ",
    b"   <ESC>- Exit, <ENTER>- Refresh, <SPACE>- Next, <D>- Delete\r\n> ",
]
STREAMS = st.lists(st.one_of(st.sampled_from(SCREENS), st.binary(max_size=40)), max_size=60)


def feed(session: Session, goal: ReadStatus | ReadIdentity | ReadEventLog | Switch, pieces: list[bytes]) -> bytes:
    """Pursue a goal on a console that prints its pieces whatever is typed; return all that was typed."""
    typed, now, events = b"", 0.0, list[Event]()
    session.start(goal, now)
    for piece in [*pieces, *[b""] * 400]:
        if not session.busy:
            break
        typed += session.data_to_send()
        events += session.receive_data(piece, now)
        deadline = session.next_deadline()
        if deadline is not None:
            now = max(now, deadline)
            events += session.handle_timeout(now)
    assert not session.busy
    for event in events:
        assert not isinstance(event, GoalFailed) or isinstance(event.error, ConsoleError)
    return typed


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOALS), STREAMS)
def test_any_stream_of_screens_ends_every_goal_in_an_event(
    goal: ReadStatus | ReadIdentity | ReadEventLog | Switch, pieces: list[bytes]
) -> None:
    typed = feed(Session(Credentials("u", "p"), SessionOptions()), goal, pieces)
    for forbidden in (b"format", b"resetToDef", b"delete", b"D\r"):
        assert forbidden not in typed
    if not isinstance(goal, Switch):
        assert b"YES" not in typed
    assert typed.count(b"YES") <= 1
    assert sum(typed.count(verb) for verb in (b"olOff 2", b"off 2", b"olReboot 2", b"reboot 2")) <= 1
    assert b"\n" not in typed


def test_the_buffer_is_bounded_whatever_babbles() -> None:
    session = Session(Credentials("u", "p"), SessionOptions())
    for goal in (None, ReadStatus()):
        if goal is not None:
            session.start(goal, 0.0)
        for _ in range(200):
            session.receive_data(b"\x00\xff> x" * 200, 0.0)
            assert len(session._line._scanner) <= LIMIT_BYTES


def damaged(text: bytes) -> Iterator[bytes]:
    """Every text with one bit flipped, one byte lost or one byte added."""
    for position in range(len(text)):
        for bit in range(8):
            flipped = bytes([text[position] ^ 1 << bit])
            yield text[:position] + flipped + text[position + 1 :]
        yield text[:position] + text[position + 1 :]
        for added in b" *O\r\n":
            yield text[:position] + bytes([added]) + text[position:]


def menu_rows(text: str) -> tuple[OutletRow, ...]:
    return parse_outlet_list(parse_screen(text), 4).rows


def dash_c_rows(text: str) -> tuple[OutletRow, ...]:
    return table(answers.parse_dash_c_status(text.splitlines(), 6))


def shell_rows(text: str) -> tuple[OutletRow, ...]:
    return table(answers.parse_shell_status(text.splitlines()))


def table(found: answers.StatusTable) -> tuple[OutletRow, ...]:
    answers.check_whole(found, 4)
    return found.rows


@pytest.mark.parametrize(
    ("text", "parse"),
    [
        (pdu.outlet_list("ON", "OFF", "ON", "OFF"), menu_rows),
        (pdu.lines(*shells.dash_c_rows("ON", "OFF", "ON", "OFF")), dash_c_rows),
        (pdu.lines(*shells.shell_rows("On", "Off", "On", "Off")), shell_rows),
    ],
)
def test_no_single_damaged_byte_makes_a_false_state(text: bytes, parse: Callable[[str], tuple[OutletRow, ...]]) -> None:
    true = [row.state for row in parse(text.decode("latin-1"))]
    readings = 0
    for damage in damaged(text):
        try:
            rows = parse(damage.decode("latin-1"))
        except ConsoleError:
            continue
        readings += 1
        assert [row.state for row in rows] == true, damage
    assert readings
