"""Faults at every named step of every dialect, with the actuation log as the judge."""

from __future__ import annotations

import pytest

from apcbridge.model import RebootCause
from apcbridge.sim.faults import FaultKind, StepFault
from apcbridge.sim.profiles import Dialect
from apcbridge.sim.steps import CONFIRM, NETWORK, STEPS
from tests.unit.sim.driving import Bench

LOG_IN = ["\r", "apc\r", "apc\r"]
SWITCH = ["2\r", "1\r", "2\r", "YES\r", "\r"]
SETTINGS = ["\x03", "3\r", "2\r", "1\r", "x\r", "4\r", "\x1b", "3\r", "\x1b", "5\r", "\x1b", "4\r", "\x1b", "1\r"]
SETTINGS += ["1\r", "2\r", "apc\r", "3\r", "\x03", "2\r", "1\r", "1\r", "10.0.0.1\r", "4\r", "\x03"]
OUTLET = [*SWITCH, "\x1b", "2\r", "2\r", "5\r", "5\r", "\x1b", "\x1b"]
DASH_C = ["\x03", "4\r", "\r", "apc\r", "apc -c\r", "status\r", "off 2\r", "bye\r"]

EVENTS = ["\x0c", "\x1b"]
D3B_DEVICE = ["1\r", "1\r", "\x1b", "3\r", "\x1b", "2\r", "2\r", "\x1b", "1\r", "\r"]
D3A_DEVICE = ["1\r", "1\r", "\x1b", "2\r", "\x1b", "4\r", "\x1b", "3\r", "\r"]
NEW_WORD = ["Peaches-11\r", "Peaches-11\r"]
CLI = ["about\r", "eventlog\r", "\x1b", "olOff 2\r", "reboot\r", "\r", "exit\r"]

WALKS: dict[str, list[str]] = {
    "sim://AP7930?firmware=3.7.3": [*LOG_IN, *EVENTS, *D3B_DEVICE, *OUTLET, "\r", "25\r", *SETTINGS, *DASH_C],
    "sim://AP7960?firmware=3.7.3": [*LOG_IN, "1\r", "1\r", "1\r"],
    "sim://AP7932?firmware=3.7.3": [*LOG_IN, "1\r", "1\r"],
    "sim://AP7930?firmware=2.6.5": [*LOG_IN, *EVENTS, *D3A_DEVICE, *OUTLET, "\r", "25\r", *SETTINGS, *DASH_C],
    "sim://AP7960?firmware=2.6.5": [*LOG_IN, "1\r", "1\r", "1\r"],
    "sim://AP7932?firmware=2.6.5": [*LOG_IN, "1\r", "1\r"],
    "sim://AP9210?old_event_log=on": [*LOG_IN, *EVENTS, "1\r", *OUTLET, "9\r", *SETTINGS, "4\r"],
    "sim://AP9211?old_event_log=on": [*LOG_IN, *EVENTS, "1\r", *OUTLET, "9\r", *SETTINGS, "4\r"],
    "sim://AP9225?firmware=2.2.0&old_event_log=on": [*LOG_IN, *EVENTS, "1\r", *OUTLET, "9\r", *SETTINGS, "4\r"],
    "sim://AP9225?firmware=2.0.0&old_event_log=on": [*LOG_IN, *EVENTS, "1\r", "1\r", *OUTLET, "9\r", *SETTINGS, "4\r"],
    "sim://AP8959?cli_force_password_change=on": [*LOG_IN, "apc\r", *NEW_WORD, *CLI],
}


def walk(url: str, fault: StepFault | None = None) -> Bench:
    bench = Bench(url)
    if fault is not None:
        bench.pdu.faults.arm(fault)
    bench.type(*WALKS[url])
    return bench


def visited(dialect: Dialect) -> set[str]:
    return {step for url in WALKS if Bench(url).pdu.dialect is dialect for step in walk(url).pdu.faults.visited}


@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_steps_are_those_that_a_dialog_goes_through(dialect: Dialect) -> None:
    assert visited(dialect) == set(STEPS[dialect])
    assert len(STEPS[dialect]) == len(set(STEPS[dialect]))


def cases() -> dict[tuple[Dialect, str], str]:
    """For every step of every dialect, one walk that goes through it."""
    found: dict[tuple[Dialect, str], str] = {}
    for url in WALKS:
        pdu = walk(url).pdu
        for step in pdu.faults.visited:
            found.setdefault((pdu.dialect, step), url)
    return found


CASES = [pytest.param(url, step, id=f"{dialect}-{step}") for (dialect, step), url in cases().items()]


@pytest.mark.parametrize(("url", "step"), CASES)
def test_a_restart_at_any_step_ends_in_a_console_that_can_be_used_again(url: str, step: str) -> None:
    bench = walk(url, StepFault(step=step, kind=FaultKind.RESTART))
    assert [r.cause for r in bench.pdu.firmware.restarts] == [RebootCause.WATCHDOG]
    bench.wait(200.0)
    bench.wait(200.0)
    assert bench.type("\r") == "\n\rUser Name : "


@pytest.mark.parametrize(("url", "step"), CASES)
def test_a_mute_console_prints_nothing_more_and_takes_nothing_more(url: str, step: str) -> None:
    bench = walk(url, StepFault(step=step, kind=FaultKind.MUTE))
    commands = bench.pdu.log.commands()
    assert bench.type("\r", "YES\r", "olOff 1\r", "\x03") == ""
    assert bench.pdu.log.commands() == commands
    bench.pdu.faults.heal()
    bench.wait(200.0)
    assert bench.type("\r").endswith("\rUser Name : ")


@pytest.mark.parametrize("kind", [FaultKind.GARBAGE, FaultKind.LOGOFF])
@pytest.mark.parametrize("url", WALKS)
def test_rubbish_and_log_offs_break_no_dialog(url: str, kind: FaultKind) -> None:
    for step in STEPS[Bench(url).pdu.dialect]:
        bench = walk(url, StepFault(step=step, kind=kind))
        bench.wait(200.0)
        assert "User Name : " in bench.type("\r")


@pytest.mark.parametrize("step", CONFIRM)
def test_up_to_yes_nothing_is_accepted_and_from_acted_on_it_is(step: str) -> None:
    url = "sim://AP7930?firmware=3.7.3"
    bench = Bench(url)
    bench.pdu.faults.arm(StepFault(step=step, kind=FaultKind.RESTART))
    bench.type(*LOG_IN, "1\r", "2\r", "1\r", "\r", *SWITCH)
    accepted = CONFIRM.index(step) >= CONFIRM.index("confirm.acted")
    assert len(bench.pdu.log.commands()) == (1 if accepted else 0)


@pytest.mark.parametrize("kind", [FaultKind.MUTE, FaultKind.RESTART])
@pytest.mark.parametrize("count", [1, 40, 100, 400])
def test_a_screen_can_be_cut_after_any_byte(kind: FaultKind, count: int) -> None:
    whole = Bench("sim://AP7920")
    whole.login()
    whole.enter("1", "2")
    full = whole.enter("1")
    bench = Bench("sim://AP7920")
    bench.login()
    bench.enter("1", "2")
    bench.pdu.faults.arm(StepFault(step="outlet_list", kind=kind, after_bytes=count))
    assert bench.enter("1") == full[: len("1\r\n") + count]


def test_an_occurrence_counts_visits() -> None:
    bench = Bench("sim://AP7920")
    bench.pdu.faults.arm(StepFault(step="main.prompt", kind=FaultKind.MUTE, occurrence=3))
    bench.login()
    assert bench.type("\r").endswith("> ")
    assert not bench.type("\r").endswith("> ")


def test_a_stall_goes_on_after_its_time() -> None:
    bench = Bench("sim://AP7920")
    bench.pdu.faults.arm(StepFault(step="main", kind=FaultKind.STALL, stall_s=5.0))
    assert "Control Console" not in bench.login()
    assert bench.wait(4.9) == ""
    assert "Control Console" in bench.wait(0.1)


def test_a_fault_of_the_url_is_armed_from_the_start() -> None:
    bench = Bench("sim://AP7920?mute_at=login.password")
    assert bench.login() == ""
    assert bench.pdu.faults.struck[0].step == "login.password"


def test_telnet_alone_has_a_greeting() -> None:
    bench = Bench("sim://AP7920")
    out = bytearray()
    bench.pdu.connect_network(out.extend)
    bench.pdu.poll()
    assert out == b"\n\rUser Name : "
    assert set(NETWORK) <= set(bench.pdu.faults.visited)
