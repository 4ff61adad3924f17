"""The bytes of the hidden command line of AOS 3."""

from __future__ import annotations

import pytest

from apcbridge.sim.relays import Action
from tests.unit.sim.driving import Bench


def logged_in(url: str, password: str = "apc -c", user: str = "apc") -> Bench:
    bench = Bench(url)
    bench.login(password, user)
    return bench


def test_a_blank_and_dash_c_behind_the_password_open_it() -> None:
    bench = Bench("sim://AP7920?name=ap7920")
    out = bench.login("apc -c")
    assert "Unit ID: ap7920\r\nOutlets: 8\r\n" in out
    assert out.endswith("\r\nAPC>")


@pytest.mark.parametrize("url", ["sim://AP7920?dash_c=off", "sim://AP9211", "sim://AP8959"])
def test_where_it_does_not_exist_the_password_is_wrong(url: str) -> None:
    assert Bench(url).login("apc -c").endswith("User Name : ")


def test_status() -> None:
    bench = logged_in("sim://AP7920?names=a: b,c&off=2&off_delay=60")
    bench.pdu.firmware.accept(Action.DELAYED_OFF, [3], 0.0, "test")
    rows = bench.enter("status").split("\r\n")
    assert rows[:5] == ["status", "OK", "1: ON    : a: b", "2: OFF   : c", "3: ON*   : Outlet 3"]
    assert rows[-2:] == ["", "APC>"]


def test_switching_takes_lists_and_ranges() -> None:
    bench = logged_in("sim://AP7920")
    assert bench.enter("on 1") == "on 1\r\nOK\r\n1: Outlet 1       : Outlet Turned On\r\n\r\nAPC>"
    out = bench.enter("OFF 1-3,8")
    assert " 1: Outlet 1       : Outlet Turned Off\r\n 2: " in out
    assert bench.pdu.log.commands()[-1].outlets == (1, 2, 3, 8)
    assert [n for n in range(1, 9) if not bench.pdu.firmware.relays.is_on(n)] == [1, 2, 3, 8]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("blah", "E100: Command does not exist."),
        ("off 9", "E101: Invalid command arguments."),
        ("off", "E101: Invalid command arguments."),
        ("off x", "E101: Invalid command arguments."),
        ("powerondelay 1 7201", "E101: Invalid command arguments."),
        ("name 1 " + "x" * 24, "E101: Invalid command arguments."),
    ],
)
def test_errors(line: str, answer: str) -> None:
    bench = logged_in("sim://AP7920")
    assert bench.enter(line) == f"{line}\r\n{answer}\r\n\r\nAPC>"
    assert bench.pdu.log.commands() == []


def test_an_outlet_user_may_not_touch_the_others() -> None:
    bench = logged_in("sim://AP7920?outlet_user=ann:pear:3", "pear -c", "ann")
    assert "E104" in bench.enter("off 1")
    assert "3: " in bench.enter("off all")
    assert bench.pdu.log.commands()[0].outlets == (3,)


def test_names_delays_and_load() -> None:
    bench = logged_in("sim://AP7902?amps=10")
    assert '2: web "x" \r\n' in bench.enter(r'name 2 "web \"x\" "')
    assert bench.pdu.firmware.settings(2).name == 'web "x" '
    assert "Power on delay is 30 seconds." in bench.enter("powerondelay 2 30")
    assert bench.pdu.firmware.settings(2).on_delay_s == 30
    out = bench.enter("current")
    assert "Current on bank 1 is 8.0A\r\nCurrent on bank 2 is 8.0A\r\nCurrent on total is 16.0A\r\n" in out
    assert "1920 VA\r\n1920 Watts\r\n" in bench.enter("power")


def test_leaving() -> None:
    bench = logged_in("sim://AP7920")
    assert bench.enter("bye") == "bye\r\nConnection Closed - Bye\r\n"
    assert bench.type("\r") == "\n\rUser Name : "


def test_soon_after_a_restart_it_may_not_be_ready() -> None:
    bench = Bench("sim://AP7920?cli_not_ready_s=30&boot=10")
    bench.pdu.restart()
    bench.wait(11.0)
    assert "still initializing" in bench.login("apc -c")
    bench.wait(31.0)
    assert bench.login("apc -c").endswith("APC>")
