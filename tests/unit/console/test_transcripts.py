"""Recorded screens of real devices, replayed. They are not ours to copy, so this runs where they lie beside us."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apcbridge.console import answers
from apcbridge.console.events import (
    Event,
    EventLogReading,
    GoalDone,
    IdentityReading,
    LoggedIn,
    ResetCauseReading,
    StatusReading,
)
from apcbridge.console.goals import Goal, ReadEventLog, ReadIdentity, ReadResetCause, ReadStatus
from apcbridge.console.outlet_lists import parse_outlet_list
from apcbridge.console.screens import parse_banner, parse_screen
from apcbridge.console.session import Access, Credentials, Session, SessionOptions
from tests.unit.console.peer import Driver, Script
from tests.unit.console.rackpdu import WAKE

FOLDER = Path(__file__).parents[4] / "shared" / "facts" / "transcripts"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the transcripts are not at {FOLDER}")
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=20)


def read(name: str) -> str:
    return (FOLDER / name).read_text()


def wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def rack_pdu() -> list[tuple[bytes, bytes]]:
    """The walk from the login to the outlet list of the D3b screens."""
    text = read("d3b_rackpdu_aos373_screens.txt").split("\n", 2)[2]
    screens = re.split(r"(?<=\n> )(\d)\n", text)
    login = [(b"u\r", b"u\r\nPassword  : "), (b"p\r", b"*\r\n" + wire(screens[0]))]
    walk = [
        (key.encode() + b"\r", key.encode() + b"\r\n" + wire(screen))
        for key, screen in zip(screens[1:6:2], screens[2:7:2], strict=True)
    ]
    return [*WAKE, *login, *walk]


def block(name: str, first: str, last: str | None = None) -> str:
    text = read(name)
    start = text.index(first)
    return text[start : text.index(last, start) if last else None]


def nmc_session() -> list[tuple[bytes, bytes]]:
    """Login, ``system``, ``about`` and ``lastrst`` of an AOS 6 card on its serial console."""
    name = "d4_aos69_serial_session_ap9630.txt"
    banner = block(name, "Schneider Electric", "===== help")
    login = [(b"u\r", b"u\r\nPassword  : "), (b"p\r", b"***\r\n" + wire(banner) + b"apc>")]
    return [
        *WAKE,
        *login,
        (b"system\r", b"system\r\n" + wire(block(name, "E000: Success\nHost Name Sync", "(seconds")) + b"apc>"),
        (b"about\r", b"about\r\n" + wire(block(name, "E000: Success\nHardware Factory", "(one")) + b"apc>"),
        (
            b"alarmcount\r",
            b"alarmcount\r\n" + wire(block(name, "E000: Success\nAlarmCount: 0", "apc>alarmcount -p")) + b"apc>",
        ),
        (b"lastrst\r", b"lastrst\r\n" + wire(block(name, "04 Requested Reset", "apc>clrrst")) + b"apc>"),
    ]


def replay(exchanges: list[tuple[bytes, bytes]], goals: list[Goal], cuts: list[int] | None) -> list[Event]:
    session = Session(Credentials("u", "p"), SessionOptions(access=Access.MENU, expected_outlets=8))
    endless = (cuts[number % len(cuts)] for number in range(10**6)) if cuts else None
    driver = Driver(session, Script(list(exchanges)).receive, cuts=endless)
    return [event for goal in goals for event in driver.run(goal)]


def check_cuts(exchanges: list[tuple[bytes, bytes]], goals: list[Goal], cuts: list[int]) -> None:
    whole = replay(exchanges, goals, None)
    assert isinstance(whole[-1], GoalDone)
    assert replay(exchanges, goals, [1]) == whole
    assert replay(exchanges, goals, cuts) == whole


@settings(max_examples=25, deadline=None)
@given(CUTS)
def test_rack_pdu_screens_in_any_cut(cuts: list[int]) -> None:
    check_cuts(rack_pdu(), [ReadStatus(load=False)], cuts)


@settings(max_examples=25, deadline=None)
@given(CUTS)
def test_nmc_session_in_any_cut(cuts: list[int]) -> None:
    check_cuts(nmc_session(), [ReadIdentity(), ReadResetCause()], cuts)


def test_rack_pdu_login_and_list() -> None:
    login, reading, _ = replay(rack_pdu(), [ReadStatus(load=False)], None)
    assert isinstance(login, LoggedIn)
    assert login.banner is not None
    assert (login.banner.app_version, login.banner.up_time_s) == ("3.7.3", ((7 * 24 + 15) * 60 + 31) * 60)
    assert isinstance(reading, StatusReading)
    assert len(reading.rows) == 8


def test_nmc_identity_and_reset_cause() -> None:
    events = replay(nmc_session(), [ReadIdentity(), ReadResetCause()], None)
    reading = next(event for event in events if isinstance(event, IdentityReading))
    assert (reading.identity.model, reading.identity.serial_number) == ("AP9630", "ZA1246002369")
    assert (reading.identity.aos_version, reading.up_time_s) == ("6.9.6", 27 * 60)
    assert ResetCauseReading(code=4, text="Requested Reset") in events


def test_list_of_16_outlets() -> None:
    text = read("d3b_outlet_list_16.txt").split("\n", 2)[2]
    footer = "\n     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log\n> "
    table = parse_outlet_list(parse_screen(text + footer))
    assert table.sure
    assert [row.number for row in table.rows if row.state == "OFF"] == [13]


def test_banner_of_the_master_switch() -> None:
    banner = parse_banner(read("d1_masterswitch_ap9211_aos303_login_banner.txt"))
    assert banner is not None
    assert (banner.app_name, banner.up_time_s, banner.status_flags) == ("MasterSwitch", 900, "P+ N+ A-")


def test_banner_of_an_nmc3_whose_version_is_low() -> None:
    banner = parse_banner(block("d4_nmc3_about_system_ap9640.txt", "Schneider Electric"))
    assert banner is not None
    assert (banner.aos_version, banner.user) == ("1.4.2.1", "Administrator")


def test_about_with_tabs() -> None:
    text = block("d4_nmc3_about_system_ap9640.txt", "E000: Success\nHardware", "--- lastrst").replace("\\t", "\t")
    identity, up_time_s = answers.parse_about(answers.parse_answer(text.splitlines()).data)
    assert (identity.model, identity.mac_address) == ("AP9640", "28:29:86:47:69:82")
    assert up_time_s == ((16 * 24 + 9) * 60 + 3) * 60


def test_status_of_the_dash_c_command_line() -> None:
    text = block("d3c_dash_c_cli.txt", "1: ON ", "APC>on 1")
    table = answers.parse_dash_c_status(text.splitlines())
    answers.check_whole(table, None)
    assert len(table.rows) == 8


def test_event_log_of_an_nmc() -> None:
    page = block("d4_eventlog_ap9630.txt", "E000: Success", "\n(after D:)")
    page = page.replace("<SPACE>- Next, ", "").rstrip() + " "
    login = nmc_session()[: len(WAKE) + 2]
    log = [(b"eventlog\r", b"eventlog\r\n" + wire(page)), (b"\x1b", b"\r\napc>")]
    reading = replay([*login, *log], [ReadEventLog()], None)[1]
    assert isinstance(reading, EventLogReading)
    assert len(reading.entries) == 7
    assert reading.entries[4].text == "System: Network Interface restarted."
