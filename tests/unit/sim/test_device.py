"""One PDU with its serial line, its telnet sessions, its clock and its pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apcbridge.model import RebootCause
from tests.unit.sim.driving import Bench

if TYPE_CHECKING:
    from apcbridge.sim.device import SimLine


class Visitor:
    """A telnet client of the PDU's own network card."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.out = bytearray()
        self.line: SimLine = bench.pdu.connect_network(self.out.extend)
        bench.pdu.poll()

    def type(self, *texts: str) -> str:
        del self.out[:]
        for text in texts:
            self.line.send(text.encode())
            self._bench.pdu.poll()
        return self.out.decode()


def test_a_telnet_visitor_is_turned_away_while_the_serial_line_is_in_use() -> None:
    bench = Bench("sim://AP7920")
    bench.login()
    visitor = Visitor(bench)
    assert visitor.out == b""
    assert visitor.line.hung_up


def test_the_serial_line_ends_a_telnet_session() -> None:
    bench = Bench("sim://AP7920")
    visitor = Visitor(bench)
    assert "Control Console" in visitor.type("apc\r", "apc\r")
    assert "Control Console" in bench.login()
    assert visitor.line.hung_up


def test_a_telnet_session_ends_at_log_out_and_the_next_may_begin() -> None:
    bench = Bench("sim://AP7920")
    first = Visitor(bench)
    assert first.type("apc\r", "apc\r", "4\r").endswith("Connection Closed - Bye\r\n")
    assert first.line.hung_up
    assert Visitor(bench).out == b"\n\rUser Name : "


def test_typing_by_telnet_is_traffic_for_the_watchdog_and_by_serial_is_not() -> None:
    for serial in (True, False):
        bench = Bench("sim://AP7920?gateway=dead")
        visitor = Visitor(bench)
        for _ in range(6):
            bench.wait(100.0)
            if serial:
                bench.type("\r")
            else:
                visitor.type("x")
        assert len(bench.pdu.firmware.restarts) == (1 if serial else 0)


def test_a_restart_hangs_up_telnet_and_silences_the_serial_line_until_it_is_up() -> None:
    bench = Bench("sim://AP7920?boot=30&boot_text=BOOT")
    visitor = Visitor(bench)
    bench.pdu.restart(RebootCause.WATCHDOG)
    assert visitor.line.hung_up
    assert bench.type("\r") == ""
    assert bench.wait(29.9) == ""
    assert bench.wait(0.1) == "BOOT"
    assert bench.type("\r") == "\n\rUser Name : "


def test_what_is_typed_during_a_restart_is_lost() -> None:
    bench = Bench("sim://AP7920")
    bench.pdu.restart()
    bench.type("\rapc\rapc\r1\r")
    assert bench.wait(30.0) == ""


def test_a_faster_clock_brings_the_watchdog_sooner() -> None:
    bench = Bench("sim://AP7920?gateway=dead&speed=100")
    bench.wait(5.69)
    assert bench.pdu.firmware.restarts == []
    bench.wait(0.02)
    assert [r.at_mono for r in bench.pdu.firmware.restarts] == [570.0]


def test_a_day_in_one_poll_gives_the_same_restarts_as_a_day_in_seconds() -> None:
    slow, fast = Bench("sim://AP7920?gateway=dead"), Bench("sim://AP7920?gateway=dead")
    fast.login()
    slow.login()
    for _ in range(8640):
        slow.wait(10.0)
    fast.wait(86_400.0)
    assert fast.pdu.firmware.restarts == slow.pdu.firmware.restarts
    assert len(fast.pdu.firmware.restarts) == 145


def test_poll_tells_when_to_come_again() -> None:
    bench = Bench("sim://AP7920?speed=10&watchdog=off&gateway_probe_s=1000")
    bench.login()
    assert bench.pdu.poll() == pytest.approx(18.0)
    bench.wait(8.0)
    assert bench.pdu.poll() == pytest.approx(10.0)


@pytest.mark.parametrize("baud", [2400, 9600])
def test_a_paced_screen_takes_the_time_of_its_bytes(baud: int) -> None:
    bench = Bench(f"sim://AP7920?baud={baud}")
    bench.pdu.leave_stale_session("apc")
    bench.type("1")
    bench.wait(1.0)
    bench.type("\r")
    # The rest of the echo, the screen and its prompt: the line is busy for as long as its bytes need.
    screen, spent = "", 0.0
    while not screen.endswith("> "):
        screen += bench.wait(0.01)
        spent += 0.01
    assert spent == pytest.approx((len(screen) + 1) * 10 / baud, abs=0.03)


def test_noise_is_on_the_serial_line_only() -> None:
    bench = Bench("sim://AP7920?drop=100")
    assert bench.login() == ""
    visitor = Visitor(bench)
    assert visitor.out == b"\n\rUser Name : "


def test_taking_the_line_cuts_off_whoever_held_it() -> None:
    bench = Bench("sim://AP7920")
    first = bench.line
    bench.pdu.connect(lambda _data: None)
    assert not first.open
    first.send(b"\r")
    bench.pdu.poll()
    assert bench.pdu.serial_in_use


def test_the_same_seed_gives_the_same_device() -> None:
    outs = []
    for _ in range(2):
        bench = Bench("sim://AP7920?seed=5&drop=5&flip=5&insert=5&relay_lag=3")
        out = bench.login()
        outs.append(out + bench.enter("1", "2", "1"))
    assert outs[0] == outs[1]
