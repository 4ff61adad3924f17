"""A log line is one line, says what it is about, and never a secret; a flood becomes a trickle."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from typing import TYPE_CHECKING

import pytest

from apcbridge.logs import (
    LINES_PER_MINUTE,
    WINDOW_S,
    JournalHandler,
    JsonFormatter,
    LogFormat,
    RateLimit,
    Redaction,
    TextFormatter,
    set_up,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "c4n4ry'of\\the mine"


def hiding(*secrets: str) -> Redaction:
    redaction = Redaction()
    redaction.hide(secrets)
    return redaction


class Written:
    """A log set up as the program does it, on a clock that we turn."""

    def __init__(self) -> None:
        self.now_mono = 0.0
        self.stream = io.StringIO()
        self.log = logging.getLogger("apcbridge.test")

    def set_up(self, form: LogFormat = LogFormat.TEXT) -> None:
        set_up(logging.INFO, form, hiding(CANARY, "apc"), lambda: self.now_mono, self.stream)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    root = logging.getLogger()
    handlers, level = tuple(root.handlers), root.level
    yield Written()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("apcbridge.test", logging.WARNING, __file__, 1, message, args, None)
    made.__dict__.update(extra)
    return made


def test_a_flood_of_one_cause_is_ten_lines_and_a_count(written: Written) -> None:
    written.set_up()
    for index in range(1000):
        written.log.warning("dropped datagram %d", index)
    assert len(written.lines) == LINES_PER_MINUTE
    assert written.lines[-1].endswith("dropped datagram 9 (more like it are held back for a minute)")
    written.log.warning("something else")
    written.now_mono = WINDOW_S
    written.log.warning("dropped datagram %d", 1000)
    assert written.lines[-2].endswith("something else")
    assert written.lines[-1].endswith("dropped datagram 1000 (and 990 more like it since the last line)")


def test_two_pdus_are_two_causes(written: Written) -> None:
    written.set_up()
    for _ in range(50):
        written.log.warning("console silent", extra={"pdu": "pdu1"})
    written.log.warning("console silent", extra={"pdu": "pdu2"})
    assert len(written.lines) == LINES_PER_MINUTE + 1


def test_causes_without_number_cost_no_memory_without_bound() -> None:
    limit = RateLimit(lambda: 0.0)
    assert all(limit.filter(record(f"cause {index}")) for index in range(5000))
    assert len(limit._windows) <= 512


@pytest.mark.parametrize("form", list(LogFormat))
def test_a_secret_is_masked_wherever_it_stands(written: Written, form: LogFormat) -> None:
    written.set_up(form)
    written.log.warning("login as apc with %s", CANARY)
    written.log.warning("sent %r", CANARY.encode())
    written.log.warning("payload %s", json.dumps({"password": CANARY}))
    written.log.error("failed", exc_info=ValueError(CANARY))
    text = written.stream.getvalue()
    for shape in (CANARY, repr(CANARY)[1:-1], json.dumps(CANARY)[1:-1], "c4n4ry", "the mine"):
        assert shape not in text
    assert "login as apc with ***" in text, "a word as short as the factory's password is not masked everywhere"
    assert "ValueError: ***" in text


def test_what_was_a_secret_before_a_reload_stays_one() -> None:
    redaction = hiding("the old one")
    redaction.hide(["the new one"])
    made = record("the old one, the new one")
    redaction.filter(made)
    assert made.getMessage() == "***, ***"


def test_json_lines_carry_what_they_are_about(written: Written) -> None:
    written.set_up(LogFormat.JSON)
    written.log.warning("switched %s", "ON", extra={"pdu": "pdu1", "outlet": 3, "command_id": "42"})
    entry = json.loads(written.lines[0])
    assert entry.pop("ts") > 0
    assert entry == {
        "level": "warning",
        "logger": "apcbridge.test",
        "message": "switched ON",
        "pdu": "pdu1",
        "outlet": 3,
        "command_id": "42",
    }


def test_under_systemd_every_line_has_its_priority() -> None:
    formatter = TextFormatter(priority=True)
    assert formatter.format(record("one\ntwo")) == "<4>WARNING apcbridge.test: one\n<4>two"


@pytest.mark.parametrize(("inherited", "line"), [(False, "<4>WARNING apcbridge.test: hello"), (True, "WARNING hello")])
def test_only_a_stream_that_the_journal_reads_gets_priorities(
    written: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, inherited: bool, line: str
) -> None:
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    path = tmp_path / "stderr"
    with path.open("w", encoding="utf-8") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + inherited}")
        set_up(logging.INFO, LogFormat.TEXT, Redaction(), lambda: 0.0, stream)
        written.log.warning("hello")
    assert path.read_text(encoding="utf-8").endswith(f"{line}\n")


def test_a_name_cannot_move_the_cursor() -> None:
    formatted = TextFormatter(priority=False).format(record("outlet %s", "\x1b[2Jnas\r"))
    assert "\x1b" not in formatted
    assert formatted.endswith("outlet \\x1b[2Jnas\\x0d")


def test_the_journal_gets_fields_and_no_exception_as_it_was_raised() -> None:
    sent: list[tuple[str, dict[str, object]]] = []
    handler = JournalHandler(lambda message, **fields: sent.append((message, fields)))
    handler.addFilter(hiding(CANARY))
    handler.handle(record("refused %s", CANARY, pdu="pdu1", outlet=3))
    ((message, fields),) = sent
    assert message == "refused ***"
    assert fields == {
        "PRIORITY": "4",
        "LOGGER": "apcbridge.test",
        "SYSLOG_IDENTIFIER": "apcbridge",
        "PDU": "pdu1",
        "OUTLET": "3",
    }


def test_json_is_one_line_even_with_a_traceback() -> None:
    made = record("bad")
    made.exc_info = (ValueError, ValueError("x"), None)
    line = JsonFormatter().format(made)
    assert "\n" not in line
    assert "ValueError: x" in json.loads(line)["traceback"]


def test_warnings_of_libraries_end_in_the_log(written: Written) -> None:
    written.set_up()
    logging.getLogger("py.warnings").warning("old call")
    assert written.lines[0].endswith("old call")
