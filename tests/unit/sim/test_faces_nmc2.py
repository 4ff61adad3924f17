"""The bytes of the AOS 5/6 command line."""

from __future__ import annotations

import pytest

from apcbridge.model import RebootCause
from apcbridge.sim.relays import Action
from tests.unit.sim.driving import Bench


def logged_in(url: str) -> Bench:
    bench = Bench(url)
    bench.login()
    return bench


def test_banner_and_prompt() -> None:
    bench = Bench("sim://AP8959?firmware=6.9.6")
    lines = bench.login().split("\r\n")
    assert lines[3] == "Schneider Electric                      Network Management Card AOS      v6.9.6"
    assert lines[4] == "(c) Copyright 2020 All Rights Reserved  RPDU 2g APP                      v6.9.6"
    assert lines[9] == "Up Time   : 0 Days 1 Hours 0 Minutes                  Stat : P+ N4+ N6+ A+"
    assert all(len(line) <= 79 for line in lines)
    assert lines[-4:] == [
        "Type ? for command listing",
        "Use tcpip command for IP address(-i), subnet(-s), and gateway(-g)",
        "",
        "apc>",
    ]


def test_the_nmc3_counts_its_versions_anew_and_still_fits_its_columns() -> None:
    lines = Bench("sim://AP8959?firmware=1.4.2.1").login().split("\r\n")
    assert lines[3] == "Schneider Electric                      Network Management Card AOS    v1.4.2.1"


def test_ol_status() -> None:
    bench = logged_in("sim://AP8959?names=a: b&off=21&off_delay=60")
    bench.pdu.firmware.accept(Action.DELAYED_OFF, [22], 0.0, "test")
    rows = bench.enter("olStatus all").split("\r\n")
    assert rows[:3] == ["olStatus all", "E000: Success", " 1: a: b: On"]
    assert rows[22:24] == ["21: Outlet 21: Off", "22: Outlet 22: On*"]
    assert rows[-2:] == ["", "apc>"]


def test_switching_asks_nothing() -> None:
    bench = logged_in("sim://AP8959")
    assert bench.enter("olReboot 3,4,5") == "olReboot 3,4,5\r\nE000: Success\r\n\r\napc>"
    assert bench.pdu.log.commands()[0].action is Action.REBOOT
    assert bench.pdu.log.commands()[0].outlets == (3, 4, 5)
    assert " 3: Outlet 3: Off*\r\n" in bench.enter("olstatus 3")


@pytest.mark.parametrize(
    ("order", "about_first", "lastrst_first"),
    [("attested", "E000", "01"), ("code_first", "E000", "E000"), ("data_first", "Hard", "01 P")],
)
def test_the_code_may_stand_before_or_after_the_data(order: str, about_first: str, lastrst_first: str) -> None:
    bench = logged_in(f"sim://AP8959?cli_order={order}")
    assert bench.enter("about").split("\r\n")[1].startswith(about_first)
    assert bench.enter("lastrst").split("\r\n")[1].startswith(lastrst_first)


def test_about_with_tabs_and_with_blanks() -> None:
    tabs = logged_in("sim://AP8959").enter("about")
    assert "Model Number: \t\tAP8959\r\n" in tabs
    assert "Hardware Revision: \tB2\r\n" in tabs
    assert "Management Uptime: \t0 Days 1 Hour 0 Minutes\r\n" in tabs
    blanks = logged_in("sim://AP8959?cli_tabs=off").enter("about")
    assert "Model Number:           AP8959\r\n" in blanks
    assert "\r\nAPC OS(AOS)\r\n---------------\r\nName:                   aos\r\n" in blanks


@pytest.mark.parametrize(
    ("cause", "text"), [(RebootCause.WATCHDOG, "12 WDT Reset"), (RebootCause.REQUESTED, "04 Requested Reset")]
)
def test_last_reset(cause: RebootCause, text: str) -> None:
    bench = Bench("sim://AP8959")
    bench.pdu.restart(cause)
    bench.wait(26.0)
    bench.login()
    assert bench.enter("lastrst") == f"lastrst\r\n{text}\r\nE000: Success\r\n\r\napc>"
    bench.enter("clrrst")
    assert text not in bench.enter("lastrst")


def test_reboot_asks_for_yes() -> None:
    bench = logged_in("sim://AP8959")
    assert bench.enter("reboot").endswith(
        "Reboot Management Interface\r\nEnter 'YES' to continue or <ENTER> to cancel : "
    )
    assert bench.enter("").endswith("apc>")
    assert bench.pdu.firmware.restarts == []
    bench.enter("reboot")
    assert bench.enter("YES") == "YES\r\nRebooting...\r\n"
    assert bench.pdu.firmware.restarts[0].cause is RebootCause.REQUESTED


@pytest.mark.parametrize("command", ["format", "resetToDef -p all"])
def test_wiping_is_remembered_against_the_driver(command: str) -> None:
    bench = logged_in("sim://AP8959")
    bench.enter(command)
    assert bench.pdu.firmware.forbidden == []
    bench.enter("YES")
    assert bench.pdu.firmware.forbidden == [command]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nonsense", "E101: Command Not Found"),
        ("olOff", "E102: Parameter Error"),
        ("olOff 25", "E102: Parameter Error"),
        ("tcpip -g 1.2.3", "E102: Parameter Error"),
        ("bkReading", "E102: Parameter Error"),
    ],
)
def test_errors(line: str, code: str) -> None:
    bench = logged_in("sim://AP8959")
    assert bench.enter(line).split("\r\n")[1] == code
    assert bench.pdu.log.commands() == []


def test_forced_password_change() -> None:
    bench = Bench("sim://AP8959?cli_force_password_change=on")
    out = bench.login()
    assert "The current password policy requires you to change your password...\r\n" in out
    assert out.endswith("\r\nEnter current password: ")
    assert bench.enter("apc").endswith("Enter new password: ")
    assert bench.enter("Peaches-11").endswith("Confirm new password: ")
    assert bench.enter("Peaches-11").endswith("apc>")
    bench.enter("exit")
    assert bench.login("Peaches-11").endswith("apc>")


def test_a_pending_restart_is_told_behind_every_answer() -> None:
    bench = logged_in("sim://AP8959?cli_reboot_required=on")
    assert bench.enter("whoami") == (
        "whoami\r\nE000: Success\r\napc\r\n\r\n\r\n* Reboot required for change to take effect.\r\napc>"
    )


def test_the_prompt_may_be_long() -> None:
    bench = logged_in("sim://AP8959")
    assert bench.enter("prompt -s long").endswith("\r\nSuper User@apc>")
    assert bench.enter("prompt -s short").endswith("\r\napc>")


def test_readings() -> None:
    bench = logged_in("sim://AP8941?amps=10")
    assert "1: 24.0 A\r\n" in bench.enter("phReading all current")
    assert "1: 208 V\r\n" in bench.enter("phReading 1 voltage")
    assert "1: 12.0 A\r\n2: 12.0 A\r\n" in bench.enter("bkReading all")
    assert "5.0 kW\r\n" in bench.enter("devReading power")
    assert "Present Outlets: \t24\r\n" in bench.enter("prodInfo")
    assert "AlarmCount: 0\r\n" in bench.enter("alarmcount")


def test_settings_can_be_made_and_read_back() -> None:
    bench = logged_in("sim://AP8959?gateway=dead")
    bench.enter(
        'olName 3 "Web Server"', "olOnDelay 3 17", "olRbootTime 3 10", "system -n rack9", "tcpip -g 192.168.7.10"
    )
    assert " 3: Web Server\r\n" in bench.enter("olName 3")
    assert "17 sec" in bench.enter("olOnDelay 3")
    assert bench.pdu.firmware.settings(3).reboot_duration_s == 10
    assert "Name: \t\track9\r\n" in bench.enter("system")
    assert "  Gateway:              192.168.7.10\r\n" in bench.enter("tcpip")


def test_event_log() -> None:
    bench = logged_in("sim://AP8959")
    out = bench.enter("eventlog")
    assert out.startswith("eventlog\r\nE000: Success\r\n\r\n\r\n---- Event Log ---")
    assert out.endswith("<ESC>- Exit, <ENTER>- Refresh, <D>- Delete\r\n> ")
    assert bench.type("\x1b").endswith("apc>")


@pytest.mark.parametrize("word", ["exit", "quit", "bye"])
def test_leaving(word: str) -> None:
    bench = logged_in("sim://AP8959")
    assert "Bye." in bench.enter(word)
    assert bench.type("\r") == "\n\rUser Name : "


def test_old_firmware_has_no_bye() -> None:
    assert "E101" in logged_in("sim://AP8959?firmware=5.1.6&cli_bye=off").enter("bye")
