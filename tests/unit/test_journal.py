"""The journal keeps what must not be lost, says when it cannot, and never stops the bridge."""

from __future__ import annotations

import contextlib
import sqlite3
from concurrent.futures import wait
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import Command, CommandResult, Origin, ResultStatus
from apcbridge.errors import JournalError
from apcbridge.journal import Journal, JournalReader, writer
from apcbridge.journal.records import COMMAND_COLUMNS, CUT_SHORT
from apcbridge.journal.schema import MIGRATIONS
from apcbridge.model import Action, Event, EventType, Reboot, RebootCause, Setting
from apcbridge.pdu.reboots import RebootMemory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

SOON_S = 30.0


class FakeClock:
    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def monotonic(self) -> float:
        return self.at

    def wall(self) -> float:
        return self.at


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path, clock: FakeClock) -> Iterator[Journal]:
    one = Journal(path, clock)
    yield one
    one.close()


def event(number: int, *, at: float | None = None, pdu: str = "pdu1") -> Event:
    return Event(
        id=f"e{number}",
        pdu=pdu,
        type=EventType.OUTLET_CHANGED,
        at=number if at is None else at,
        details={"outlet": number, "state": "ON", "watts": None},
    )


def reboot(number: int, cause: RebootCause = RebootCause.WATCHDOG) -> Reboot:
    return Reboot(
        id=f"r{number}",
        at=number,
        cause=cause,
        evidence=("up time fell", "lastrst"),
        noticed_at=number + 9,
        interval_s=570.5 if number > 1 else None,
    )


def result(
    status: ResultStatus,
    *,
    command_id: str = "c1",
    at: float = 5.0,
    received_at: float = 4.0,
    detail: str = "",
) -> CommandResult:
    command = Command(
        id=command_id,
        origin=Origin.MQTT,
        principal="tester",
        pdu="pdu1",
        outlet=3,
        action=Action.OFF,
        received_at=received_at,
        received_mono=0.0,
        deadline_mono=20.0,
    )
    return CommandResult(command=command, status=status, detail=detail, at=at)


def kept(*futures: Future[bool]) -> list[bool]:
    done, waiting = wait(futures, timeout=SOON_S)
    assert not waiting
    assert len(done) == len(set(futures))
    return [future.result() for future in futures]


class TestKeeping:
    def test_what_was_recorded_is_read_back_in_order(self, journal: Journal, path: Path) -> None:
        events = [event(n) for n in range(1, 6)]
        assert kept(*(journal.record_event(one) for one in events)) == [True] * 5
        assert JournalReader(path).events() == tuple(events)
        assert JournalReader(path).events(since_at=3.0, limit=2) == tuple(events[3:])
        assert JournalReader(path).events(limit=0) == ()

    def test_an_id_is_kept_once(self, journal: Journal, path: Path) -> None:
        first = event(1)
        kept(journal.record_event(first), journal.record_event(event(1, at=99.0)))
        kept(journal.record_reboots("pdu1", [reboot(1), reboot(1)], RebootMemory(), []))
        assert JournalReader(path).events() == (first,)
        assert JournalReader(path).reboots("pdu1") == (reboot(1),)

    def test_a_command_has_one_line_and_its_last_word(self, journal: Journal, path: Path) -> None:
        kept(journal.record_result(result(ResultStatus.ACCEPTED)))
        (open_line,) = JournalReader(path).commands()
        assert open_line.status is ResultStatus.ACCEPTED
        kept(journal.record_result(result(ResultStatus.CONFIRMED, at=8.0, detail="OFF")))
        (line,) = JournalReader(path).commands()
        assert (line.status, line.detail, line.at) == (ResultStatus.CONFIRMED, "OFF", 8.0)
        assert (line.command.principal, line.command.outlet, line.command.action) == ("tester", 3, Action.OFF)
        kept(journal.record_result(result(ResultStatus.FAILED, at=9.0)))
        assert JournalReader(path).commands() == (line,)

    def test_refusals_and_duplicates_have_lines_of_their_own(self, journal: Journal, path: Path) -> None:
        kept(
            journal.record_result(result(ResultStatus.ACCEPTED)),
            journal.record_result(result(ResultStatus.DUPLICATE, received_at=4.5)),
            journal.record_result(result(ResultStatus.REFUSED, command_id="c2", detail="read-only")),
            journal.record_result(result(ResultStatus.CONFIRMED, at=8.0)),
        )
        lines = JournalReader(path).commands()
        assert [str(line.status) for line in lines] == ["confirmed", "duplicate", "refused"]

    def test_a_setting_keeps_its_value(self, journal: Journal, path: Path) -> None:
        command = Command(
            id="c",
            origin=Origin.SNMP,
            principal="community-1",
            pdu="pdu1",
            outlet=None,
            action=Setting.PDU_NAME,
            value='rack "A" \udce9',
            received_at=1.0,
            received_mono=0.0,
            deadline_mono=1.0,
        )
        kept(journal.record_result(CommandResult(command=command, status=ResultStatus.FAILED, detail="", at=2.0)))
        (line,) = JournalReader(path).commands()
        assert (line.command.action, line.command.outlet) == (Setting.PDU_NAME, None)
        assert str(line.command.value).startswith('rack "A" ')

    def test_history_weaves_events_and_commands(self, journal: Journal, path: Path) -> None:
        kept(
            journal.record_event(event(6)),
            journal.record_result(result(ResultStatus.CONFIRMED, at=7.0)),
            journal.record_event(event(8)),
        )
        assert [one.at for one in JournalReader(path).history()] == [6.0, 7.0, 8.0]
        assert [one.at for one in JournalReader(path).history(limit=2)] == [7.0, 8.0]
        assert [one.at for one in JournalReader(path).history(since_at=7.5)] == [8.0]

    def test_reboots_are_counted_by_cause_and_time(self, journal: Journal, path: Path) -> None:
        kept(
            journal.record_reboots("pdu1", [reboot(1), reboot(2), reboot(3, RebootCause.POWER)], RebootMemory(), []),
            journal.record_reboots("pdu2", [reboot(4)], RebootMemory(), []),
        )
        counts = JournalReader(path).reboot_counts("pdu1", since_at=2.0)
        assert counts == {
            RebootCause.WATCHDOG: 1,
            RebootCause.POWER: 1,
            RebootCause.REQUESTED: 0,
            RebootCause.UNKNOWN: 0,
        }

    def test_the_file_is_for_nobody_else(self, journal: Journal, path: Path) -> None:
        kept(journal.record_event(event(1)))
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        assert set(modes.values()) == {0o600}
        assert path.name in modes

    def test_whoever_gives_up_waiting_harms_nothing(self, journal: Journal, path: Path) -> None:
        assert not journal.record_event(event(1)).cancel()
        assert kept(journal.record_event(event(2))) == [True]
        assert len(JournalReader(path).events()) == 2

    def test_close_writes_what_waits(self, path: Path, clock: FakeClock) -> None:
        journal = Journal(path, clock)
        for number in range(1, 1001):
            journal.record_event(event(number))
        journal.close()
        assert len(JournalReader(path).events(limit=5000)) == 1000


class TestAcrossRestarts:
    def test_the_memory_comes_back(self, path: Path, clock: FakeClock) -> None:
        memory = RebootMemory(machine_boot="x", counts=dict.fromkeys(RebootCause, 3))
        journal = Journal(path, clock)
        assert journal.load("pdu1") is None
        journal.remember("pdu1", RebootMemory())
        journal.remember("pdu1", memory)
        journal.close()
        again = Journal(path, clock)
        assert again.load("pdu1") == memory
        assert again.load("pdu2") is None
        again.close()

    def test_when_the_card_restarted_comes_back(self, path: Path, clock: FakeClock) -> None:
        first = Journal(path, clock)
        first.record_reboots("pdu1", [reboot(1), reboot(2)], RebootMemory(), [])
        first.close()
        again = Journal(path, clock)
        assert again.restarts("pdu1") == ((1.0, None), (2.0, 570.5))
        assert again.restarts("pdu2") == ()
        again.close()

    def test_a_damaged_memory_is_none(self, path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
        Journal(path, clock).close()
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO memory VALUES ('pdu1', 'reboots', '{', 0)")
        connection.close()
        journal = Journal(path, clock)
        assert journal.load("pdu1") is None
        assert "pdu1" in caplog.text
        journal.close()

    def test_a_pdu_that_is_configured_again_goes_on_where_it_was(self, path: Path, clock: FakeClock) -> None:
        """Else what was reported meanwhile would be found, and told, again."""
        journal = Journal(path, clock)
        memory = RebootMemory(series="a", requested_by="somebody")
        journal.record_reboots("pdu1", [reboot(1)], memory, [event(1)])
        assert journal.load("pdu1") == memory
        assert journal.restarts("pdu1") == ((reboot(1).at, reboot(1).interval_s),)
        journal.close()

    def test_a_file_of_a_version_before_tells_no_command_again(self, path: Path, clock: FakeClock) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for script in MIGRATIONS[:2]:
                connection.executescript(script)
            connection.execute("PRAGMA user_version = 2")
            connection.execute(
                f"INSERT INTO commands ({COMMAND_COLUMNS}) "  # columns are constants
                "VALUES ('old', 'mqtt', 'x', 'pdu1', 3, 'OFF', NULL, 1, 2, 'confirmed', '')"
            )
        journal = Journal(path, clock)
        assert (journal.health, journal.untold_results()) == ("", ())
        journal.close()
        assert [one.command.id for one in JournalReader(path).commands()] == ["old"]

    def test_what_nobody_was_told_is_handed_back_until_it_is(self, path: Path, clock: FakeClock) -> None:
        journal = Journal(path, clock)
        journal.record_reboots("pdu1", [reboot(1)], RebootMemory(), [event(1)])
        journal.record_event(event(2))
        journal.told(["e2"])
        journal.close()
        again = Journal(path, clock)
        assert again.untold() == (event(1),)
        again.told(one.id for one in again.untold())
        again.close()
        last = Journal(path, clock)
        assert last.untold() == ()
        last.close()

    def test_a_command_cut_short_ends_unknown(self, path: Path, clock: FakeClock) -> None:
        journal = Journal(path, clock)
        journal.record_result(result(ResultStatus.ACCEPTED))
        journal.close()
        Journal(path, clock).close()
        (line,) = JournalReader(path).commands()
        assert (line.status, line.detail, line.at) == (ResultStatus.UNKNOWN, CUT_SHORT, clock.wall())


class TestRetention:
    def test_rows_are_bounded(self, path: Path, clock: FakeClock) -> None:
        journal = Journal(path, clock)
        for number in range(1, 101):
            journal.record_event(event(number, at=clock.wall()))
            journal.record_result(result(ResultStatus.REFUSED, command_id=f"c{number}", received_at=clock.wall()))
        journal.told(f"e{number}" for number in range(1, 101))
        journal.close()
        Journal(path, clock, keep_rows=10).close()
        assert [one.id for one in JournalReader(path).events(limit=1000)] == [f"e{n}" for n in range(91, 101)]
        assert len(JournalReader(path).commands(limit=1000)) == 10


class TestTrouble:
    def test_no_directory_degrades_and_recovers(
        self, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "missing" / "journal.sqlite"
        journal = Journal(path, clock)
        assert journal.health.startswith(f"the journal {path} cannot be written")
        assert kept(journal.record_event(event(1))) == [False]
        path.parent.mkdir()
        assert kept(journal.record_event(event(2))) == [False]
        clock.at += writer.RETRY_S + 1
        assert kept(journal.record_event(event(3))) == [True]
        assert journal.health == ""
        assert [one.id for one in JournalReader(path).events()] == ["e1", "e2", "e3"]
        assert sum("degraded" in record.getMessage() for record in caplog.records) == 1
        journal.close()

    def test_the_backlog_is_bounded_and_says_what_it_lost(
        self, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(writer, "BACKLOG", 3)
        path = tmp_path / "missing" / "journal.sqlite"
        journal = Journal(path, clock)
        kept(*(journal.record_event(event(number)) for number in range(1, 9)))
        path.parent.mkdir()
        clock.at += writer.RETRY_S + 1
        kept(journal.record_event(event(9)))
        journal.close()
        assert [one.id for one in JournalReader(path).events()][-1] == "e9"
        assert "were lost" in caplog.text

    def test_a_full_disk_degrades_and_recovers(self, path: Path, clock: FakeClock) -> None:
        """A page limit makes SQLite say what it says on a full disk."""
        journal = Journal(path, clock)
        kept(journal.record_event(event(1)))
        assert journal._connection is not None
        pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")
        memory = RebootMemory(requested_by="x" * 100_000)
        assert kept(journal.record_reboots("pdu1", [reboot(1)], memory, [event(2)])) == [False]
        assert "full" in journal.health
        assert JournalReader(path).reboots("pdu1") == ()
        clock.at += writer.RETRY_S + 1
        assert kept(journal.record_event(event(3))) == [True]
        assert journal.health == ""
        assert JournalReader(path).reboots("pdu1") == (reboot(1),)
        assert [one.id for one in JournalReader(path).events()] == ["e1", "e2", "e3"]
        journal.close()

    @pytest.mark.parametrize("damage", [b"this is no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 8000])
    def test_a_damaged_file_is_moved_aside(
        self, path: Path, clock: FakeClock, damage: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        path.write_bytes(damage)
        journal = Journal(path, clock)
        assert journal.health == ""
        assert kept(journal.record_event(event(1))) == [True]
        journal.close()
        (aside,) = path.parent.glob("*.damaged-*")
        assert aside.read_bytes() == damage
        assert str(aside) in caplog.text

    def test_an_entry_that_nothing_would_take_holds_up_no_other(
        self, journal: Journal, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        impossible = Reboot(id="r", at=2**70, cause=RebootCause.POWER, evidence=(), noticed_at=float("nan"))
        futures = [
            journal.record_event(event(1)),
            journal.record_reboots("pdu1", [impossible], RebootMemory(), [event(2)]),
            journal.record_event(event(3)),
        ]
        assert kept(*futures) == [True, False, True]
        assert [one.id for one in JournalReader(path).events()] == ["e1", "e3"]
        assert JournalReader(path).reboots("pdu1") == ()
        assert journal.health == ""
        assert "cannot be kept" in caplog.text

    def test_words_of_another_version_are_left_out(self, journal: Journal, path: Path, clock: FakeClock) -> None:
        kept(journal.record_event(event(1)))
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO events VALUES ('e2', 'pdu1', 'eclipse', 2.0, '{}', 0)")
        connection.close()
        assert JournalReader(path).events() == (event(1),)
        again = Journal(path, clock)
        assert again.untold() == (event(1),)
        again.close()

    def test_a_newer_file_is_left_alone(self, path: Path, clock: FakeClock) -> None:
        Journal(path, clock).close()
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        connection.close()
        journal = Journal(path, clock)
        assert "newer apcbridge" in journal.health
        assert kept(journal.record_event(event(1))) == [False]
        journal.close()
        with pytest.raises(JournalError):
            JournalReader(path).events()

    @pytest.mark.parametrize("content", [None, b"", b"nonsense" * 1000])
    def test_reading_what_is_not_there_is_said_so(self, path: Path, content: bytes | None) -> None:
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(JournalError, match=str(path)):
            JournalReader(path).events()
