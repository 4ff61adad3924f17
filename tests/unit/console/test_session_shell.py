from __future__ import annotations

import pytest

from apcbridge.console.dialects import DialectId
from apcbridge.console.events import (
    ActuationSent,
    EventLogReading,
    GoalDone,
    GoalFailed,
    IdentityReading,
    LoadReading,
    LoggedIn,
    Outcome,
    OutletReading,
    ResetCauseReading,
    StatusReading,
)
from apcbridge.console.goals import Configure, ReadEventLog, ReadIdentity, ReadResetCause, ReadStatus, Switch
from apcbridge.console.session import Access, Credentials, Session, SessionOptions
from apcbridge.errors import CommandRejected, OutletMismatch, ScreenUnrecognised, TableIncomplete
from apcbridge.model import Action, OutletState
from tests.unit.console import rackpdu as pdu
from tests.unit.console import shells
from tests.unit.console.peer import Driver, Script

ROWS = ("On", "Off", "On*", "Off")
SURE = SessionOptions(expected_outlets=4)


def driver(exchanges: list[tuple[bytes, bytes]], options: SessionOptions = SURE) -> Driver:
    return Driver(Session(Credentials("apc", "apc"), options), Script(exchanges).receive)


def d4(*more: tuple[bytes, bytes], options: SessionOptions = SURE) -> Driver:
    return driver([*shells.SHELL_LOGIN, *more], options)


def d3c(*more: tuple[bytes, bytes]) -> Driver:
    return driver([*shells.DASH_C_LOGIN, *more], SessionOptions(expected_outlets=8, hint=DialectId.D3C))


def status(*states: str) -> tuple[bytes, bytes]:
    return shells.command(b"olStatus all", *shells.shell_rows(*states))


def test_d4_is_told_by_its_prompt_and_reads_all_rows() -> None:
    login, reading, done = d4(status(*ROWS)).run(ReadStatus(load=False))
    assert isinstance(login, LoggedIn)
    assert login.dialect is DialectId.D4
    assert login.banner is not None
    assert login.banner.app_name == "RPDU 2g"
    assert isinstance(reading, StatusReading)
    assert [f"{row.state.title()}{'*' * row.pending}" for row in reading.rows] == list(ROWS)
    assert isinstance(done, GoalDone)


def test_an_unproven_number_of_rows_is_read_twice() -> None:
    run = d4(status(*ROWS), status(*ROWS), options=SessionOptions())
    assert isinstance(run.run(ReadStatus(load=False))[-1], GoalDone)
    assert run.session.outlets == 4


def test_rows_that_run_into_each_other_are_no_reading() -> None:
    torn = shells.shell_rows("On", "Off", "On")
    torn[1] += " 3: Outlet 3: On"
    del torn[2]
    events = d4(shells.command(b"olStatus all", *torn)).run(ReadStatus(load=False))
    assert isinstance(events[-1], GoalFailed)
    assert isinstance(events[-1].error, TableIncomplete)


@pytest.mark.parametrize("last", [False, True])
def test_the_code_may_stand_before_or_after_the_data(last: bool) -> None:
    line = shells.command(b"lastrst", "12 WDT Reset", last=last)
    events = d4(line).run(ReadResetCause())
    assert events[1] == ResetCauseReading(code=12, text="WDT Reset")


def test_d4_loads_and_what_the_unit_refuses_twice_is_not_asked_again() -> None:
    unknown = shells.command(b"bkReading all", code="E101: Command Not Found")
    phase = shells.command(b"phReading all current", "1: 0.5 A")
    power = shells.command(b"devReading power", "0.5 kW")
    apparent = shells.command(b"devReading appower", "600 VA")
    asked = [status(*ROWS), phase, unknown, power, apparent]
    run = d4(*asked, *asked, status(*ROWS), phase, power, apparent)
    first, _, third = run.run(ReadStatus()), run.run(ReadStatus()), run.run(ReadStatus())
    load = first[2]
    assert isinstance(load, LoadReading)
    assert (load.phases[0].deciamps, load.banks, load.watts, load.volt_amperes) == (5, (), 500, 600)
    assert third[1] == load


def one(state: str) -> tuple[bytes, bytes]:
    return shells.command(b"olStatus 2", f" 2: Outlet 2: {state}")


def test_d4_switches_after_checking_and_reads_back_until_it_shows() -> None:
    run = d4(one("On"), *shells.typed(b"olOff 2"), one("On"), one("Off"))
    events = run.run(Switch(2, "Outlet 2", Action.OFF))
    assert [type(event) for event in events[1:]] == [ActuationSent, OutletReading, OutletReading, GoalDone]


def test_d4_reboot_is_confirmed_when_seen_off_and_on_again() -> None:
    run = d4(one("On"), *shells.typed(b"olReboot 2"), one("On"), one("Off"), one("Off*"), one("On"))
    done = run.run(Switch(2, "Outlet 2", Action.REBOOT))[-1]
    assert isinstance(done, GoalDone)
    assert done.result.outcome is Outcome.CONFIRMED


def test_a_reboot_of_an_outlet_that_is_off_is_told_as_accepted_only() -> None:
    run = d4(one("Off"), *shells.typed(b"olReboot 2"), *[one("Off")] * 3)
    done = run.run(Switch(2, "Outlet 2", Action.REBOOT, settle_s=1.0))[-1]
    assert isinstance(done, GoalDone)
    assert done.result.outcome is Outcome.ACCEPTED
    assert "leaves an OFF outlet OFF" in done.result.detail


def test_a_garbled_echo_is_never_followed_by_enter() -> None:
    run = d4(one("On"), (b"olOff 2", b"olOff 3"))
    events = run.run(Switch(2, "Outlet 2", Action.OFF))
    assert isinstance(events[-1], GoalFailed)
    assert isinstance(events[-1].error, ScreenUnrecognised)
    assert not events[-1].actuated
    assert not any(isinstance(event, ActuationSent) for event in events)


def test_a_refusal_of_the_command_is_told() -> None:
    run = d4(one("On"), *shells.typed(b"olOff 2", code="E104: User Level Denial"))
    failed = run.run(Switch(2, "Outlet 2", Action.OFF))[-1]
    assert isinstance(failed, GoalFailed)
    assert isinstance(failed.error, CommandRejected)


def test_another_name_stops_the_command() -> None:
    failed = d4(one("On")).run(Switch(2, "nas", Action.OFF))[-1]
    assert isinstance(failed, GoalFailed)
    assert isinstance(failed.error, OutletMismatch)
    assert not failed.actuated


def test_d4_identity_with_tabs_as_the_device_prints_them() -> None:
    system = shells.command(
        b"system", "Name: \t\t    rack7", "Contact: \t    noc", "Up Time: \t    1 Day 0 Hours 1 Minute",
        "Stat: \t\t    P+ N4+ A+", "AOS: \t\t    aos:v1.4.2.1", "App: \t\t    rpdu2g:v1.4.2.1",
    )  # fmt: skip
    about = shells.command(
        b"about", "Hardware Factory", "---------------", "Model Number: \t\tAP7920B", "Serial Number: \t\tZA1",
        "MAC Address: \t\t28 29 86 47 69 82", "Management Uptime: \t1 Day 0 Hours 1 Minute", "",
        "APC OS(AOS)", "---------------", "Version: \t\tv1.4.2.1",
    )  # fmt: skip
    alarms = shells.command(b"alarmcount", "AlarmCount: 2")
    reading = d4(system, about, alarms).run(ReadIdentity())[1]
    assert isinstance(reading, IdentityReading)
    assert reading.identity.model == "AP7920B"
    assert reading.identity.mac_address == "28:29:86:47:69:82"
    assert reading.identity.aos_version == "1.4.2.1"
    assert reading.up_time_s == 24 * 3600 + 60
    assert reading.alarm_count == 2


def test_d4_versions_that_no_command_tells_are_those_of_the_banner() -> None:
    system = shells.command(b"system", "Name: rack7", "Up Time: 1 Day 0 Hours 1 Minute")
    reading = d4(system).run(ReadIdentity(about=False))[1]
    assert isinstance(reading, IdentityReading)
    assert (reading.identity.aos_version, reading.identity.app_version) == ("6.9.6", "6.9.6")


def test_reboot_required_is_tolerated_after_every_answer() -> None:
    late = (
        b"olStatus all\r",
        status(*ROWS)[1].removesuffix(b"apc>")
        + pdu.lines("", "* Reboot required for change to take effect.")
        + b"apc>",
    )
    assert isinstance(d4(late).run(ReadStatus(load=False))[-1], GoalDone)


LOG_HEAD = ("", "---- Event Log " + "-" * 49, "", "     Date: 2021-08-19       Time: 21:19:29", "     " + "-" * 37)
LOG_FOOTER = "   <ESC>- Exit, <ENTER>- Refresh, <SPACE>- Next, <D>- Delete"


def test_the_event_log_is_paged_and_left() -> None:
    first = pdu.lines(
        "E000: Success", *LOG_HEAD, "     Date        Time      Event", "     " + "-" * 75,
        "     2021-08-19  21:17:12  System: Console user 'apc' logged in from serial",
        "                            port.",
        "     2021-08-19  21:16:59  System: Network Interface restarted.", "", LOG_FOOTER,
    )  # fmt: skip
    second = pdu.lines(
        *LOG_HEAD,
        "     2021-08-19  21:16:47  System: Restarting. Configuration",
        "",
        LOG_FOOTER.replace("<SPACE>- Next, ", ""),
    )
    run = d4((b"eventlog\r", b"eventlog\r\n" + first + b"> "), (b" ", second + b"> "), (b"\x1b", b"\r\napc>"))
    reading = run.run(ReadEventLog(max_pages=5))[1]
    assert isinstance(reading, EventLogReading)
    assert reading.complete
    assert [entry.text for entry in reading.entries] == [
        "System: Console user 'apc' logged in from serial port.",
        "System: Network Interface restarted.",
        "System: Restarting. Configuration",
    ]


def dash_c(line: bytes, *data: str) -> tuple[bytes, bytes]:
    return shells.command(line, *data, prompt=b"APC>", code="OK")


EIGHT = ("ON", "OFF", "ON*", "OFF", "ON", "ON", "ON", "ON")


def test_d3c_reads_status_and_loads() -> None:
    run = d3c(
        dash_c(b"status", *shells.dash_c_rows(*EIGHT)),
        dash_c(b"current", "Current on bank 1 is 1.4A", "Current on total is 1.4A"),
        dash_c(b"power", "168 VA", "168 Watts"),
    )
    login, reading, load, _ = run.run(ReadStatus())
    assert isinstance(login, LoggedIn)
    assert login.dialect is DialectId.D3C
    assert isinstance(reading, StatusReading)
    assert [f"{row.state}{'*' * row.pending}" for row in reading.rows] == list(EIGHT)
    assert isinstance(load, LoadReading)
    assert (load.banks[0].deciamps, load.total_deciamps, load.watts, load.volt_amperes) == (14, 14, 168, 168)


def test_d3c_state_column_that_is_not_straight_is_no_reading() -> None:
    rows = shells.dash_c_rows(*EIGHT)
    rows[3] = rows[3].replace("OFF", "ON")
    failed = d3c(dash_c(b"status", *rows)).run(ReadStatus(load=False))[-1]
    assert isinstance(failed, GoalFailed)
    assert isinstance(failed.error, TableIncomplete)


def test_d3c_switches_one_outlet() -> None:
    before, after = shells.dash_c_rows("ON", first=2), shells.dash_c_rows("OFF", first=2)
    switch = shells.typed(b"off 2", "2: Outlet 2       : Outlet Turned Off", prompt=b"APC>", code="OK")
    run = d3c(dash_c(b"status 2", *before), *switch, dash_c(b"status 2", *after))
    events = run.run(Switch(2, "Outlet 2", Action.OFF))
    assert [type(event) for event in events[1:]] == [ActuationSent, OutletReading, GoalDone]


def test_d3c_sets_delays_in_the_words_of_its_manual() -> None:
    status = dash_c(b"status 2", *shells.dash_c_rows("ON", first=2))
    refusal = shells.command(b"rebootduration 2:9", prompt=b"APC>", code="E101: Invalid command arguments.")
    told = dash_c(b"rebootduration 2", "2: Outlet 2: Reboot duration is 9 seconds.")
    run = d3c(
        status,
        dash_c(b"poweroffdelay 2 never", "2: Outlet 2: Setting power off delay to never seconds."),
        dash_c(b"poweroffdelay 2", "2: Outlet 2: Power off delay is never."),
        dash_c(b"rebootduration 2:9", "2: Outlet 2: Setting reboot duration to 9 seconds."),
        told,
        status,
        refusal,
        dash_c(b"rebootduration 2 9", "2: Outlet 2: Setting reboot duration to 9 seconds."),
        told,
    )
    wanted = Configure(2, "Outlet 2", off_delay_s=-1, reboot_duration_s=9)
    assert isinstance(run.run(wanted)[-1], GoalDone)
    assert isinstance(run.run(Configure(2, "Outlet 2", reboot_duration_s=9))[-1], GoalDone), "firmware of other manners"


def test_d3c_an_outlet_without_a_name_is_an_outlet() -> None:
    rows = shells.dash_c_rows(*EIGHT)
    rows[3] = "4: OFF   : "
    reading = d3c(dash_c(b"status", *rows)).run(ReadStatus(load=False))[1]
    assert isinstance(reading, StatusReading)
    assert (reading.rows[3].name, reading.rows[3].state) == ("", OutletState.OFF)


def test_first_login_is_plain_then_dash_c_is_tried_once_and_a_refusal_remembered() -> None:
    main = (b"\x03", b"\r\n" + pdu.MAIN)
    leave = (b"4\r", b"4" + pdu.BYE)
    refused = [(b"\r", pdu.USER), (b"apc\r", b"apc" + pdu.PASSWORD), (b"apc -c\r", b"******" + pdu.USER)]
    listing = [*pdu.TO_LIST, (b"1\r", b"1\r\n" + pdu.outlet_list(*["ON"] * 8))]
    again = pdu.login()
    run = driver(
        [*pdu.WAKE, *pdu.login(), main, leave, *refused, *again, *listing, (b"\r", pdu.outlet_list(*["ON"] * 8))],
        SessionOptions(),
    )
    login, reading, _ = run.run(ReadStatus(load=False))
    assert isinstance(login, LoggedIn)
    assert login.dialect is DialectId.D3B
    assert isinstance(reading, StatusReading)
    assert isinstance(run.run(ReadStatus(load=False))[-1], GoalDone)


def test_dash_c_found_by_itself_keeps_the_banner_of_the_plain_login() -> None:
    main = (b"\x03", b"\r\n" + pdu.MAIN)
    leave = (b"4\r", b"4" + pdu.BYE + pdu.USER)
    cli = [(b"apc\r", b"apc" + pdu.PASSWORD), (b"apc -c\r", b"******\r\nOutlets: 8\r\nAPC>")]
    listing = dash_c(b"status", *shells.dash_c_rows(*EIGHT))
    run = driver([*pdu.WAKE, *pdu.login(), main, leave, *cli, listing], SessionOptions(expected_outlets=8))
    login = run.run(ReadStatus(load=False))[0]
    assert isinstance(login, LoggedIn)
    assert login.dialect is DialectId.D3C
    assert login.banner is not None
    assert login.banner.up_time_s is not None


def test_a_unit_with_dash_c_offers_it_also_while_the_menus_are_used_for_something() -> None:
    run = d3c(
        dash_c(b"status", *shells.dash_c_rows(*EIGHT)),
        (b"exit\r", b"exit" + pdu.BYE + pdu.USER),
        *pdu.login(),
        (b"\x03", b"\r\n" + pdu.MAIN),
        (b"3\r", b"3\r\n" + pdu.menu("System", *pdu.items("Tools"))),
    )
    assert isinstance(run.run(ReadStatus(load=False))[-1], GoalDone)
    assert isinstance(run.run(ReadIdentity())[-1], GoalDone)
    assert run.session.dialect is DialectId.D3B
    assert run.session.capabilities is not None
    assert run.session.capabilities.outlet_config


def test_access_menu_never_tries_dash_c() -> None:
    listing = [*pdu.TO_LIST, (b"1\r", b"1\r\n" + pdu.outlet_list(*["ON"] * 8))]
    run = driver([*pdu.WAKE, *pdu.login(), *listing], SessionOptions(access=Access.MENU))
    assert isinstance(run.run(ReadStatus(load=False))[-1], GoalDone)
