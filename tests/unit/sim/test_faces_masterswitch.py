"""The strings of the consoles before the Switched Rack PDU."""

from __future__ import annotations

import re

import pytest

from apcbridge.sim.relays import Action
from tests.unit.sim.driving import Bench


def logged_in(url: str) -> Bench:
    bench = Bench(url)
    bench.login()
    return bench


def test_d1_banner() -> None:
    lines = Bench("sim://AP9211").login().split("\r\n")
    assert lines[2] == "American Power Conversion               Web/SNMP Management Card AOS     v3.0.3"
    assert lines[3] == "(c) Copyright 2000 All Rights Reserved  MasterSwitch APP                 v2.2.0"
    assert lines[5] == "Name      : RackPDU                     Date    : 11/14/2023"
    assert lines[7] == "Location  : Unknown                     Up Time : 0 Days 1 Hours 0 Minutes"
    assert lines[8] == "Status    : P+ N+ A+                    User    : Administrator"
    assert lines[-2] == "     <ESC>- Main Menu, <ENTER>- Refresh"


def test_d1_device_manager_is_the_list_and_has_three_actions() -> None:
    bench = logged_in("sim://AP9211")
    out = bench.enter("1")
    assert "------- Device Manager " + "-" * 56 + "\r\n\r\n     1- Outlet 1                 ON\r\n" in out
    out = bench.enter("4", "1")
    assert len(re.findall(r"^ {5}\d- Immediate", out, re.MULTILINE)) == 3
    assert bench.enter("3", "YES").startswith("YES\r\n        Command successfully issued.\r\n")
    assert bench.pdu.log.commands()[0].action is Action.REBOOT


def test_d1_has_no_event_log_key_unless_asked_for() -> None:
    assert "Event Log" not in logged_in("sim://AP9211").type("\x0c")
    assert "Event Log" in logged_in("sim://AP9211?old_event_log=on").type("\x0c")


def test_old_d2_lists_units_first_and_has_off_on_3() -> None:
    bench = logged_in("sim://AP9225?firmware=2.0.0")
    assert "     1- MasterSwitch plus 1\r\n" in bench.enter("1")
    out = bench.enter("1")
    assert re.search(r"^ {5}1- Outlet 1:1  Outlet #1 +ON +Graceful Shutdown\r$", out, re.MULTILINE)
    out = bench.enter("4")
    assert "------- Outlet 1:4 " in out
    assert "     1- Outlet Control 1:4" in out
    assert "------- Outlet Control ---" in bench.enter("1")
    bench.enter("3")
    assert " Success\r\n" in bench.enter("YES")
    assert [(c.action, c.outlets) for c in bench.pdu.log.commands()] == [(Action.OFF, (4,))]


def test_new_d2_lists_outlets_at_once_and_has_off_on_2() -> None:
    bench = logged_in("sim://AP9225?firmware=2.2.0")
    assert "     8- Outlet 1:8  " in bench.enter("1")
    bench.enter("4", "1", "2")
    assert "Command successfully issued.\r\n" in bench.enter("YES")
    assert bench.pdu.log.commands()[0].action is Action.OFF


@pytest.mark.parametrize("firmware", ["2.0.0", "2.2.0"])
def test_d2_cancels_on_8(firmware: str) -> None:
    bench = logged_in(f"sim://AP9225?firmware={firmware}")
    bench.enter("1", *(["1"] if firmware == "2.0.0" else []), "2", "1", "8", "YES")
    assert bench.pdu.log.commands()[0].action is Action.CANCEL


def test_d0_shows_states_on_the_page_of_all_outlets_only() -> None:
    bench = logged_in("sim://AP9210?off=3")
    out = bench.enter("1")
    assert "------- Outlet Manager ---" in out
    assert "ON\r\n" not in out
    out = bench.enter("9", "1")
    assert re.findall(r"([1-8]+):(ON|OFF)[^\n]*\r\n", out)[2] == ("3", "OFF")
    bench.type("\x1b\x1b")
    bench.enter("2", "1", "2")
    assert bench.enter("YES").split("\r\n")[1].endswith("successfully!")


def test_an_early_masterswitch_shows_states_above_its_main_menu() -> None:
    out = Bench("sim://AP9210?off=2&status_block=on").login()
    assert "------- Current MasterSwitch Status " + "-" * 43 + "\r\n" in out
    assert "Device 1:ON         Device 2:OFF        Device 3:ON         Device 4:ON\r\n" in out
