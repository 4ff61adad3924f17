"""The bytes of the AOS 3 rack PDU's menus."""

from __future__ import annotations

import re

import pytest

from apcbridge.model import RebootCause
from apcbridge.sim.relays import Action
from tests.unit.sim.driving import Bench


def at_list(url: str) -> Bench:
    bench = Bench(url)
    bench.login()
    bench.enter("1", "2", "1")
    return bench


def at_control(url: str, outlet: str = "2") -> Bench:
    bench = at_list(url)
    bench.enter(outlet, "1")
    return bench


def test_nothing_is_printed_on_an_idle_line() -> None:
    bench = Bench("sim://AP7920")
    assert bench.type("") == ""
    assert bench.wait(100.0) == ""
    assert bench.type("\x03\x1b") == ""


def test_login_bytes() -> None:
    bench = Bench("sim://AP7920")
    assert bench.type("\r") == "\n\rUser Name : "
    assert bench.type("apc\r") == "apc\r\n\rPassword  : "
    assert bench.type("ap") == "**"
    assert bench.type("c\r").startswith("*\r\n\r\nAmerican Power Conversion")


def test_banner() -> None:
    lines = Bench("sim://AP7920?firmware=3.7.3&name=rack-7").login().split("\r\n")
    assert lines[2] == "American Power Conversion               Network Management Card AOS      v3.7.3"
    assert lines[3] == "(c) Copyright 2009 All Rights Reserved  Rack PDU APP                     v3.7.3"
    assert lines[4] == "-" * 79
    assert lines[5] == "Name      : rack-7                                    Date : 11/14/2023"
    assert lines[6] == "Contact   : Unknown                                   Time : 22:13:20"
    assert lines[7] == "Location  : Unknown                                   User : Administrator"
    assert lines[8] == "Up Time   : 0 Days 1 Hours 0 Minutes                  Stat : P+ N+ A+"
    assert lines[9:11] == ["", "Switched Rack PDU: Communication Established"]


def test_control_console_and_prompt() -> None:
    out = Bench("sim://AP7920").login()
    assert out.endswith(
        "\r\n------- Control Console " + "-" * 55 + "\r\n\r\n"
        "     1- Device Manager\r\n     2- Network\r\n     3- System\r\n     4- Logout\r\n\r\n"
        "     <ESC>- Main Menu, <ENTER>- Refresh, <CTRL-L>- Event Log\r\n> "
    )


def test_enter_prints_the_menu_again_without_the_banner() -> None:
    bench = Bench("sim://AP7920")
    bench.login()
    again = bench.type("\r")
    assert again.startswith("\r\n\r\n------- Control Console ")
    assert "American" not in again


@pytest.mark.parametrize(
    ("url", "items"),
    [
        ("sim://AP7920", ["1- Phase Management", "2- Outlet Management", "3- Power Supply Status"]),
        ("sim://AP7932", ["1- Bank Monitor", "2- Outlet Management", "3- Power Supply Status"]),
        (
            "sim://AP7920?firmware=2.7.3",
            [
                "1- Phase Monitor/Configuration",
                "2- Outlet Restriction Configuration",
                "3- Outlet Control/Configuration",
                "4- Power Supply Status",
            ],
        ),
    ],
)
def test_device_manager(url: str, items: list[str]) -> None:
    bench = Bench(url)
    bench.login()
    out = bench.enter("1")
    assert "\r\n------- Device Manager " + "-" * 56 + "\r\n" in out
    assert re.findall(r"^ {5}(\d- .*?)\r$", out, re.MULTILINE) == items
    assert out.endswith("\r\n     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log\r\n> ")


def test_list_rows_and_master() -> None:
    bench = at_list("sim://AP7920?names=Backup OFF site,A-23-character-name-ok!&off=2")
    out = bench.type("\r")
    assert out == (
        "\r\n\r\n------- Outlet Control/Configuration " + "-" * 42 + "\r\n\r\n"
        "     1- Backup OFF site          ON\r\n"
        "     2- A-23-character-name-ok!  OFF\r\n"
        "     3- Outlet 3                 ON\r\n"
        "     4- Outlet 4                 ON\r\n"
        "     5- Outlet 5                 ON\r\n"
        "     6- Outlet 6                 ON\r\n"
        "     7- Outlet 7                 ON\r\n"
        "     8- Outlet 8                 ON\r\n"
        "     9- Master Control/Configuration\r\n\r\n"
        "     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log\r\n> "
    )


def test_the_pager_stops_24_outlets_behind_row_22_and_goes_on_behind_a_bare_cr() -> None:
    bench = at_list("sim://AP7930")
    rest = bench.type("\r")
    stop = bench.type("\r")
    assert stop.endswith("    22- Outlet 22                ON\r\n\r        Press <ENTER> to continue...")
    assert rest.startswith("\r    23- Outlet 23                ON\r\n    24- Outlet 24                ON\r\n")
    assert "    25- Master Control/Configuration\r\n" in rest


def test_the_pager_comes_again_with_every_return_to_the_list() -> None:
    bench = at_list("sim://AP7930")
    bench.type("\r")
    bench.enter("3")
    assert bench.type("\x1b").endswith("Press <ENTER> to continue...")


def test_enters_typed_ahead_refresh_and_answer_the_pager() -> None:
    bench = at_list("sim://AP7930")
    bench.type("\r")
    out = bench.type("\r\n\r\n")
    assert out.count("Press <ENTER>") == 1
    assert out.endswith("> ")


@pytest.mark.parametrize("outlets", [8, 16, 22])
def test_shorter_lists_do_not_stop(outlets: int) -> None:
    assert "Press" not in at_list(f"sim://AP7930?outlets={outlets}").type("\r")


def test_the_pager_may_stop_elsewhere() -> None:
    bench = at_list("sim://AP7920?pager_after_row=5")
    bench.type("\r")
    assert "     5- Outlet 5                 ON\r\n\r        Press <ENTER>" in bench.type("\r")


def test_a_deaf_pager_loses_an_enter_that_comes_too_soon() -> None:
    bench = at_list("sim://AP7930?pager_deaf_s=0.5")
    assert "23-" not in bench.type("\r")
    bench.wait(0.6)
    assert "23-" in bench.type("\r")


def test_outlet_page() -> None:
    out = at_list("sim://AP7920?names=nas").enter("1")
    assert out == (
        "1\r\n\r\n------- nas " + "-" * 67 + "\r\n\r\n"
        "        Name         : nas\r\n        Outlet       : 1\r\n        State        : ON\r\n\r\n"
        "     1- Control Outlet            \r\n     2- Configure Outlet          \r\n\r\n"
        "     ?- Help, <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log\r\n> "
    )


def test_control_page_has_seven_actions() -> None:
    out = at_control("sim://AP7920").type("\r")
    assert re.findall(r"^ {5}(\d- .*?) *\r$", out, re.MULTILINE) == [
        "1- Immediate On",
        "2- Immediate Off",
        "3- Immediate Reboot",
        "4- Delayed On",
        "5- Delayed Off",
        "6- Delayed Reboot",
        "7- Cancel",
    ]


def test_confirmation_names_outlet_number_name_and_duration() -> None:
    bench = at_control("sim://AP7920?names=a,Zedboard-1")
    assert bench.enter("3") == (
        "3\r\n\r\n        " + "-" * 71 + "\r\n"
        "        Immediate Reboot\r\n"
        "        This command will immediately shutdown\r\n"
        "        outlet 2 named 'Zedboard-1', delay for 5 seconds,\r\n"
        "        and then restart.\r\n\r\n"
        "        Enter 'YES' to continue or <ENTER> to cancel : "
    )
    assert bench.pdu.log.commands() == []
    assert bench.enter("YES") == (
        "YES\r\n        Command successfully issued.\r\n\r\n        Press <ENTER> to continue..."
    )
    assert [c.action for c in bench.pdu.log.commands(2)] == [Action.REBOOT]
    assert "        State        : OFF*\r\n" in bench.type("\r")


@pytest.mark.parametrize("answer", ["", "NO", "Y", "YES!", "\x1b"])
def test_anything_but_yes_cancels(answer: str) -> None:
    bench = at_control("sim://AP7920")
    bench.enter("2")
    out = bench.type(answer if answer == "\x1b" else answer + "\r")
    assert out.endswith("> ")
    assert bench.pdu.log.commands() == []


def test_yes_may_be_small() -> None:
    bench = at_control("sim://AP7920")
    bench.enter("2", "yes")
    assert not bench.pdu.firmware.relays.is_on(2)


def test_crlf_taken_as_two_enters_answers_the_pager_by_itself() -> None:
    bench = at_control("sim://AP7920?crlf=two")
    bench.type("2\r")
    out = bench.type("YES\r\n")
    assert "Press <ENTER>" in out
    assert out.endswith("> ")


def test_confirmation_can_be_off() -> None:
    bench = at_control("sim://AP7920?confirm=off")
    out = bench.enter("2")
    assert "YES" not in out
    assert out.endswith("Press <ENTER> to continue...")
    assert not bench.pdu.firmware.relays.is_on(2)


def test_a_pending_command_shows_as_a_star_in_the_list() -> None:
    bench = at_control("sim://AP7920?off_delay=60")
    bench.enter("5", "YES", "")
    bench.type("\x1b")
    assert "     2- Outlet 2                 ON*\r\n" in bench.type("\x1b")
    bench.wait(60.0)
    assert "     2- Outlet 2                 OFF\r\n" in bench.type("\r")


def test_success_is_printed_before_a_lagging_relay_moves() -> None:
    bench = at_control("sim://AP7920?relay_lag=5&relay_lag_min=4")
    assert "successfully issued" in (bench.enter("2"), bench.enter("YES"))[1]
    assert "State        : ON\r\n" in bench.type("\r")
    bench.wait(5.0)
    assert "State        : OFF\r\n" in bench.type("\r")


def test_ctrl_c_goes_to_the_control_console_from_everywhere() -> None:
    for walk in ([], ["1"], ["1", "2", "1"], ["1", "2", "1", "1", "1"], ["1", "2", "1", "1", "1", "2"]):
        bench = Bench("sim://AP7930")
        bench.login()
        for choice in walk:
            bench.enter(choice)
            if "Press" in bench.type(""):
                bench.type("\r")
        out = bench.type("\x03")
        assert "------- Control Console ---" in out
        assert out.endswith("> ")
        assert bench.pdu.log.commands() == []


def test_escape_goes_one_level_back_and_stays_at_the_control_console() -> None:
    bench = at_control("sim://AP7920")
    titles = [re.findall(r"^------- (.*?) -+\r$", bench.type("\x1b"), re.MULTILINE)[-1] for _ in range(7)]
    assert titles == [
        "Outlet 2",
        "Outlet Control/Configuration",
        "Outlet Management",
        "Device Manager",
        "Control Console",
        "Control Console",
        "Control Console",
    ]


def test_the_master_item_switches_all() -> None:
    bench = at_list("sim://AP7920?on_delay=0,1,2,3,4,5,6,7&off=1,2,3,4,5,6,7,8")
    out = bench.enter("9")
    assert "     1- Control of ALL Outlets\r\n" in out
    bench.enter("1", "4", "YES")
    assert bench.pdu.log.commands()[0].outlets == (1, 2, 3, 4, 5, 6, 7, 8)
    bench.wait(3.0)
    assert [n for n in range(1, 9) if bench.pdu.firmware.relays.is_on(n)] == [1, 2, 3, 4]


def test_configure_outlet() -> None:
    bench = at_list("sim://AP7920")
    bench.enter("2")
    out = bench.enter("2")
    assert "     3- Power Off Delay(sec): 0\r\n" in out
    assert "     5- Accept Changes      : \r\n" in out
    assert "Power Off Delay Range: -1 to 7200 sec, where -1=Never" in bench.enter("3")
    assert "     5- Accept Changes      : Pending\r\n" in bench.enter("-1")
    assert bench.pdu.firmware.settings(2).off_delay_s == 0
    bench.enter("1")
    bench.enter("new name")
    assert "     5- Accept Changes      : Success\r\n" in bench.enter("5")
    assert bench.pdu.firmware.settings(2).off_delay_s == -1
    assert bench.pdu.firmware.settings(2).name == "new name"


@pytest.mark.parametrize(("item", "value"), [("1", "x" * 24), ("2", "7201"), ("3", "-2"), ("4", "4"), ("4", "ten")])
def test_values_out_of_range_are_not_taken(item: str, value: str) -> None:
    bench = at_list("sim://AP7920")
    bench.enter("2", "2", item)
    assert "Pending" not in bench.enter(value)


def test_phase_load() -> None:
    bench = Bench("sim://AP7920?amps=1,2,3,4,1,1,1,1")
    bench.login()
    bench.enter("1")
    match = re.search(r"Phase Load :\s*([0-9.]+)", bench.enter("1"))
    assert match is not None
    assert match[1] == "1.4"


def test_bank_monitor_has_seven_columns_behind_a_rule() -> None:
    bench = Bench("sim://AP7932?amps=10")
    bench.login()
    bench.enter("1")
    rows = bench.enter("1").split("        " + "-" * 71 + "\r\n")[1].split("\r\n")[:3]
    assert rows[0].split() == ["1", "None", "12.0", "0", "16", "20", "Within", "Limits"]
    assert rows[2].split()[:3] == ["Total", "None", "24.0"]


def test_three_phases_are_a_page_each() -> None:
    bench = Bench("sim://AP7960?amps=10")
    bench.login()
    bench.enter("1", "1")
    assert "Phase Load : 8.0" in bench.enter("3")


def test_identification_and_network_can_be_set() -> None:
    bench = Bench("sim://AP7920?gateway=dead")
    bench.login()
    bench.enter("3", "2", "1", "rack 9")
    bench.enter("4")
    assert bench.pdu.firmware.pdu_name == "rack 9"
    bench.type("\x03")
    out = bench.enter("2", "1")
    assert "     3- Default Gateway: 192.168.7.254\r\n" in out
    bench.enter("3", "192.168.7.10", "4")
    assert bench.pdu.firmware.network.gateway == "192.168.7.10"


def test_about_tells_the_identity() -> None:
    bench = Bench("sim://AP7920?serial_number=SN1")
    bench.login()
    out = bench.enter("3", "5")
    assert "        Model Number      : AP7920       Serial Number     : SN1\r\n" in out


def test_the_event_log_opens_by_ctrl_l_and_closes_by_escape() -> None:
    bench = at_list("sim://AP7920")
    out = bench.type("\x0c")
    assert "\r\n---- Event Log -------------------------------------------------\r\n" in out
    assert "     11/14/2023  22:13:20  System: Console user 'apc' logged in from serial\r\n" in out
    assert " " * 28 + "port.\r\n" in out
    assert out.endswith("\r\n\r\n   <ESC>- Exit, <ENTER>- Refresh, <D>- Delete\r\n> ")
    assert "Outlet Control/Configuration" in bench.type("\x1b")


def test_the_event_log_pages_by_space_and_back() -> None:
    bench = Bench("sim://AP7920")
    for number in range(30):
        bench.pdu.firmware.record(float(number), f"event {number}")
    bench.login()
    first = bench.type("\x0c")
    assert "<SPACE>- Next, <D>- Delete" in first
    second = bench.type(" ")
    assert "<SPACE>- Next, <B>- Back, <D>- Delete" in second
    assert bench.type("b").split("Event\r\n")[1] == first.split("Event\r\n")[1]


def test_logout_and_back() -> None:
    bench = Bench("sim://AP7920")
    bench.login()
    assert bench.enter("4") == "4\r\nConnection Closed - Bye\r\n"
    assert bench.wait(5.0) == ""
    assert bench.type("\r") == "\n\rUser Name : "


def test_a_wrong_password_asks_for_the_name_again() -> None:
    bench = Bench("sim://AP7920")
    assert bench.login("wrong").endswith("\r\n\r\n\rUser Name : ")
    assert "Control Console" in bench.enter("apc", "apc")


def test_lockout_after_three_failures() -> None:
    bench = Bench("sim://AP7920?lockout_after=3")
    bench.type("\r")
    for _ in range(3):
        bench.enter("apc", "wrong")
    assert "User Name" in bench.enter("apc", "apc")
    bench.wait(121.0)
    assert "Control Console" in bench.enter("apc", "apc")


def test_inactivity_logs_off_after_three_minutes() -> None:
    bench = Bench("sim://AP7920")
    bench.login()
    assert bench.wait(179.0) == ""
    bench.type("\r")
    assert bench.wait(179.0) == ""
    assert bench.wait(1.5) == "\r\nConnection Closed - Bye\r\n"
    assert bench.type("\r") == "\n\rUser Name : "


def test_a_session_outlives_whoever_held_the_line() -> None:
    bench = at_list("sim://AP7920")
    bench.type("half a li")
    bench.line.close()
    out = bytearray()
    bench.pdu.connect(out.extend).send(b"\x03\r")
    bench.pdu.poll()
    assert b"Control Console" in out
    assert b"User Name" not in out


def test_a_stale_session_greets_nobody() -> None:
    bench = Bench("sim://AP7920?stale=apc")
    assert bench.type("") == ""
    assert bench.type("\r").startswith("\r\n\r\n------- Control Console ---")


def test_with_a_broken_application_the_device_manager_is_empty() -> None:
    bench = Bench("sim://AP7920?alert_flags=P%2B N%2B A-")
    out = bench.login()
    assert "Stat : P+ N+ A-\r\n" in out
    assert "Communication Established" not in out
    assert "1- " not in bench.enter("1").split("Device Manager")[1]


def test_a_line_may_stand_before_the_banner() -> None:
    assert "\r\nHello\r\nAmerican Power" in Bench("sim://AP7920?login_banner_extra=Hello").login()


def test_password_recovery_by_the_reset_button() -> None:
    bench = Bench("sim://AP7920?user=root&password=plum")
    bench.pdu.press_reset()
    bench.wait(6.0)
    bench.pdu.press_reset()
    bench.wait(25.0)
    assert "Control Console" in bench.login()
    bench.enter("3", "1", "1", "2", "pear", "3")
    bench.type("\x03")
    bench.enter("4")
    assert "Control Console" in bench.login("pear")


def test_an_outlet_user_sees_his_outlets_renumbered_and_lacks_levels() -> None:
    bench = Bench("sim://AP7920?outlet_user=ann:pear:3,7")
    bench.login("pear", "ann")
    bench.enter("1")
    out = bench.enter("2")
    assert "Outlet Restriction" not in out
    out = bench.enter("1")
    assert "     1- Outlet 3                 ON\r\n     2- Outlet 7                 ON\r\n     3- Master" in out
    out = bench.enter("2")
    assert "        Outlet       : 7\r\n" in out
    assert "7- Cancel Pending Commands" in out
    bench.enter("2", "YES")
    assert bench.pdu.log.commands()[0].outlets == (7,)


@pytest.mark.parametrize("kind", ["reprint", "message", "prompt"])
def test_a_wrong_choice_does_nothing(kind: str) -> None:
    bench = at_list(f"sim://AP7920?wrong_choice={kind}")
    out = bench.enter("77")
    assert out.endswith("> ")
    assert ("Outlet 1" in out) == (kind != "prompt")
    assert ("Invalid" in out) == (kind == "message")


def test_a_slow_screen_keeps_what_is_typed_ahead() -> None:
    bench = Bench("sim://AP7920?screen_delay_s=2")
    bench.type("\r", "apc\r", "apc\r")
    assert "Device Manager" not in bench.type("1\r")
    out = bench.wait(2.0)
    for _ in range(3):
        out += bench.wait(2.0)
    assert "------- Device Manager ---" in out


def test_unasked_lines_appear_while_the_console_waits() -> None:
    bench = Bench("sim://AP7920?unasked_text=Hello&unasked_every_s=10")
    assert bench.wait(25.0).count("\r\nHello\r\n") == 2


def test_reboot_of_the_card_from_the_tools_menu() -> None:
    bench = at_list("sim://AP7920?boot=20")
    bench.type("\x03")
    bench.enter("3", "4", "1")
    assert "Rebooting..." in bench.enter("YES")
    assert [r.cause for r in bench.pdu.firmware.restarts] == [RebootCause.REQUESTED]
    assert bench.type("\r") == ""
    bench.wait(20.0)
    assert bench.type("\r") == "\n\rUser Name : "
    assert "Up Time   : 0 Days 0 Hours 0 Minutes                  Stat : P+ N? A+" in bench.enter("apc", "apc")


def test_resetting_to_defaults_is_remembered_against_the_driver() -> None:
    bench = at_list("sim://AP7920")
    bench.type("\x03")
    bench.enter("3", "4", "2", "YES")
    assert bench.pdu.firmware.forbidden == ["Reset to Defaults"]


def test_an_unknown_first_item_shifts_every_menu_but_not_the_outlets() -> None:
    bench = Bench("sim://AP7920?extra_items=on")
    assert "     1- Special Functions\r\n     2- Device Manager\r\n" in bench.login()
    bench.enter("2", "3")
    assert "     1- Outlet 1                 ON\r\n" in bench.enter("2")
    bench.enter("1")
    out = bench.enter("2")
    assert "     1- Special Functions         \r\n     2- Immediate On              \r\n" in out
    bench.enter("3", "YES")
    assert [(c.action, c.outlets) for c in bench.pdu.log.commands()] == [(Action.OFF, (1,))]


def test_sparse_screens_hold_only_what_is_attested() -> None:
    bench = Bench("sim://AP7920?sparse=on")
    bench.login()
    bench.enter("1")
    out = bench.enter("1")
    assert "Phase Load : " in out
    assert "Threshold" not in out
    bench.type("\x03")
    assert "About" not in bench.enter("3")


def test_a_bare_confirmation_names_the_action_only() -> None:
    bench = at_control("sim://AP7920?confirm_bare=on")
    out = bench.enter("2")
    assert "        Immediate Off\r\n\r\n        Enter 'YES'" in out
