"""What the doctor makes of what it was told."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from apcbridge.cli.doctor import report as render
from apcbridge.cli.paint import Paint
from apcbridge.console.dialects import DialectId
from apcbridge.console.events import Banner, IdentityReading, NetworkReading, ResetCauseReading
from apcbridge.model import Identity, Reboot, RebootCause
from apcbridge.probe import Findings
from apcbridge.tools.doctor.card import card_time, judge_card, judge_flags, judge_network, judge_sound
from apcbridge.tools.doctor.findings import Finding, Level, Reporter
from apcbridge.tools.doctor.line import check_port, usable
from apcbridge.tools.doctor.rhythm import check_restarts, judge_restarts
from apcbridge.tools.knock import Heard, Sound
from apcbridge.tools.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ABOUT = Reporter("pdu1")
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def levels(findings: Iterable[Finding]) -> list[str]:
    return [str(finding.level) for finding in findings]


def card(**told: object) -> Findings:
    found = Findings(port="/dev/x", baud=9600, dialect=DialectId.D3B)
    for name, value in told.items():
        setattr(found, name, value)
    return found


# --- the line --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sound", [sound for sound in Sound if sound is not Sound.CONSOLE])
def test_a_line_without_a_console_fails_and_says_what_to_do(sound: Sound) -> None:
    finding = judge_sound(Heard(sound, 9600), (9600,), ABOUT)
    assert finding.level is Level.FAIL
    assert finding.advice


def test_another_speed_than_the_configured_is_named() -> None:
    finding = judge_sound(Heard(Sound.CONSOLE, 2400), (9600,), ABOUT)
    assert finding.level is Level.FAIL
    assert "baud: 2400" in finding.advice
    assert judge_sound(Heard(Sound.CONSOLE, 2400), (9600, 2400), ABOUT).level is Level.OK


def test_a_port_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    findings = check_port(str(tmp_path / "ttyUSB0"), Machine(tmp_path, tmp_path), ABOUT)
    assert levels(findings) == ["fail"]
    assert "no serial adapter is plugged in" in findings[0].text
    assert not usable(findings)


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    assert not usable(check_port(str(tmp_path / "x"), Machine(tmp_path, tmp_path), ABOUT))


def test_a_getty_on_the_port_is_told_with_its_cure(tmp_path: Path) -> None:
    folder = tmp_path / "812"
    folder.mkdir()
    (folder / "comm").write_text("agetty\n")
    (folder / "cmdline").write_bytes(b"/sbin/agetty\x00--keep-baud\x009600\x00null\x00")
    findings = check_port("/dev/null", Machine(tmp_path, tmp_path), ABOUT)
    (getty,) = (finding for finding in findings if finding.level is Level.FAIL)
    assert "agetty (process 812)" in getty.text
    assert "serial-getty@null.service" in getty.advice


def test_nothing_is_said_of_a_port_behind_the_network(tmp_path: Path) -> None:
    assert check_port("socket://host:4001", Machine(tmp_path, tmp_path), ABOUT) == ()


# --- the card --------------------------------------------------------------------------------------------------


def test_the_factory_password_is_minded_and_no_password_is_shown() -> None:
    assert "factory" in " ".join(finding.text for finding in judge_card(card(), "apc", NOW, ABOUT))
    others = list(judge_card(card(), "s3cret", NOW, ABOUT))
    assert levels(others) == ["ok"]
    assert "s3cret" not in str(others)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("P+ N+ A+", ["ok"]),
        ("P+ N4+ N6+ A+", ["ok"]),
        ("P+N+A+", ["ok"]),
        ("P+ N- A+", ["warn"]),
        ("P+ N4? N6? A+", ["warn"]),
        ("P+ N! A-", ["warn", "fail"]),
        ("P- N+ A!", ["fail", "fail"]),
        ("", []),
    ],
)
def test_status_flags(flags: str, expected: list[str]) -> None:
    assert levels(judge_flags(flags, ABOUT)) == expected


@pytest.mark.parametrize(
    ("gateway", "level"),
    [("0.0.0.0", "warn"), (None, "warn"), ("192.168.7.1", "ok"), ("10.0.0.1", "warn"), ("gibberish", "ok")],
)
def test_gateway(gateway: str | None, level: str) -> None:
    network = NetworkReading(address="192.168.7.20", subnet_mask="255.255.255.0", gateway=gateway)
    (finding,) = judge_network(network, ABOUT)
    assert str(finding.level) == level
    assert ("--fix-gateway" in finding.advice) == (level == "warn")


@pytest.mark.parametrize(
    ("date", "time", "level"),
    [
        ("11/22/2026", "12:01:00", "ok"),
        ("22/11/2026", "11:59:00", "ok"),
        ("11/22/2026", "05:02:00", "ok"),  # seven hours away: a time zone
        ("11/22/2026", "12:07:40", "warn"),
        ("03/01/2002", "00:00:00", "warn"),
    ],
)
def test_the_cards_clock(date: str, time: str, level: str) -> None:
    banner = Banner(date=date, time=time)
    findings = list(judge_card(card(banner=banner), "s3cret", NOW, ABOUT))
    assert levels(findings) == ["ok", level]


def test_a_clock_that_cannot_be_read_is_not_judged() -> None:
    assert card_time("yesterday", "noon", NOW) is None
    assert card_time("02/03/2026", "10:00:00", datetime(2026, 3, 2, tzinfo=UTC)) == datetime(2026, 3, 2, 10)  # noqa: DTZ001


def test_a_watchdog_reset_told_by_the_card_is_minded() -> None:
    reading = ResetCauseReading(code=12, text="WDT Reset")
    assert levels(judge_card(card(reset_cause=reading), "s", NOW, ABOUT)) == ["ok", "warn"]
    wanted = ResetCauseReading(code=4, text="Requested Reset")
    assert levels(judge_card(card(reset_cause=wanted), "s", NOW, ABOUT)) == ["ok"]


def test_flags_come_from_the_identity_or_the_banner() -> None:
    identity = IdentityReading(identity=Identity(), status_flags="P+ N- A+")
    assert "warn" in levels(judge_card(card(identity=identity), "s", NOW, ABOUT))
    assert "warn" in levels(judge_card(card(banner=Banner(status_flags="P+ N- A+")), "s", NOW, ABOUT))


# --- the rhythm ------------------------------------------------------------------------------------------------


def reboots(*minutes_ago: float, cause: RebootCause = RebootCause.WATCHDOG) -> list[Reboot]:
    return [
        Reboot(id=str(ago), at=NOW.timestamp() - ago * 60, cause=cause, evidence=(), noticed_at=0)
        for ago in minutes_ago
    ]


def test_a_card_that_goes_on_restarting_is_told_with_its_pace_and_cure() -> None:
    (finding,) = judge_restarts(reboots(35, 25, 15, 5), NOW.timestamp(), ABOUT)
    assert finding.level is Level.WARN
    assert "4 watchdog restarts in 7 days, 4 in the last 24 hours, usually every 10.0 min" in finding.text
    assert "--fix-gateway" in finding.advice


def test_the_reason_that_the_daemon_knows_goes_before_the_general_advice() -> None:
    told = "the card has no network link (P+ N- A+): connect its Ethernet port to a network with traffic"
    (finding,) = judge_restarts(reboots(35, 25, 15, 5), NOW.timestamp(), ABOUT, told)
    assert finding.advice == told


def test_a_cure_is_seen() -> None:
    (finding,) = judge_restarts(reboots(75, 65, 55, 45), NOW.timestamp(), ABOUT)
    assert finding.level is Level.OK
    assert "stopped" in finding.text


def test_restarts_of_other_causes_are_no_alarm() -> None:
    (finding,) = judge_restarts(reboots(5, cause=RebootCause.POWER), NOW.timestamp(), ABOUT)
    assert finding.level is Level.OK


def test_no_journal_is_no_finding(tmp_path: Path) -> None:
    assert check_restarts(tmp_path / "journal.sqlite", "pdu1", 0, ABOUT) == ()


def test_a_journal_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    # A directory that may not be searched gives the same kind of error, but never to root, who runs some tests.
    (tmp_path / "state").write_text("")
    assert levels(check_restarts(tmp_path / "state" / "journal.sqlite", "pdu1", 0, ABOUT)) == ["warn"]


def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_text("no database at all, but long enough to be looked at as one" * 20)
    assert levels(check_restarts(tmp_path / "journal.sqlite", "pdu1", 0, ABOUT)) == ["warn"]


# --- the page --------------------------------------------------------------------------------------------------


def page(*findings: Finding) -> list[str]:
    return list(render(findings, Paint(colours=False)))


def test_a_failure_stands_out_with_its_advice_under_it() -> None:
    lines = page(ABOUT.ok("fine"), ABOUT.fail("broken", "mend it"))
    assert lines[0] == "pdu1"
    assert lines[2:4] == ["  FAIL  broken", "        -> mend it"]
    assert lines[-1] == "1 failed, 0 to mind, 1 fine"


def test_findings_stand_with_their_subject() -> None:
    lines = page(Finding("a", Level.OK, "1"), Finding("b", Level.OK, "2"), Finding("a", Level.OK, "3"))
    assert [line.strip() for line in lines] == ["a", "ok    1", "ok    3", "", "b", "ok    2", "", "all 3 fine"]


@pytest.mark.parametrize("length", [10, 100, 400])
def test_nothing_is_wider_than_a_terminal(length: int) -> None:
    words = "".join(itertools.islice(itertools.cycle("word "), length))
    assert all(len(line) <= 80 for line in page(ABOUT.warn(words, words)))


def test_a_command_is_never_broken_in_two() -> None:
    path = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0-and-a-tail-that-is-longer-than-any-line"
    assert path in "\n".join(page(ABOUT.fail(f"port {path} is gone", "plug it in")))
