"""The log: one line per event to stderr or the journal, without secrets, never a flood.

Records may carry ``extra={"pdu": ..., "outlet": ..., "command_id": ...}``; they become journal fields (``PDU=``,
``OUTLET=``, ``COMMAND_ID=``) and JSON keys.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LINES_PER_MINUTE = 10
"""Of one message template of one logger: what a cause may write, however often it happens."""
WINDOW_S = 60.0
TEMPLATES_LIMIT = 512
"""Templates whose rate is remembered; the one unused for longest is forgotten first."""
MASK = "***"
FIELDS = ("pdu", "outlet", "command_id")

_SHORTEST_SECRET = 4
"""A shorter one stands in ordinary words: masking it would garble every line and hide nothing."""
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7


class LogFormat(StrEnum):
    """What a line looks like."""

    TEXT = "text"
    JSON = "json"


class Redaction(logging.Filter):
    """Puts asterisks in the place of secrets, in the message as well as in a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._shapes: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, secrets: Iterable[str]) -> None:
        """Hide these from now on, too; what was a secret before a reload stays one."""
        long_enough = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        # As it stands in repr() and in JSON, a secret with a quote or a backslash looks different.
        self._shapes |= {shape for s in long_enough for shape in (s, repr(s)[1:-1], json.dumps(s)[1:-1])}
        found = sorted(self._shapes, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, found))) if found else None

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place; keep it."""
        if self._pattern is None:
            return True
        message = record.getMessage()
        clean = self._pattern.sub(MASK, message)
        if clean != message:
            record.msg, record.args = clean, None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._pattern.sub(MASK, record.exc_text)
        return True


@dataclass(slots=True)
class _Window:
    began_mono: float
    count: int = 0


class RateLimit(logging.Filter):
    """Lets ten lines a minute through per logger and template, then says how many it held back."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._windows: OrderedDict[tuple[str, str, int], _Window] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop the record if its like has been written too often in the last minute."""
        now_mono = self._monotonic()
        # Two lines of one template about two PDUs are two causes.
        key = (record.name, f"{getattr(record, 'pdu', '')} {record.msg}", record.levelno)
        window = self._windows.pop(key, None)
        held_back = 0
        if window is None or now_mono - window.began_mono >= WINDOW_S:
            held_back = max(0, window.count - LINES_PER_MINUTE) if window else 0
            window = _Window(now_mono)
        window.count += 1
        self._windows[key] = window
        if len(self._windows) > TEMPLATES_LIMIT:
            self._windows.popitem(last=False)
        if held_back:
            record.msg = f"{record.getMessage()} (and {held_back} more like it since the last line)"
            record.args = None
        elif window.count == LINES_PER_MINUTE:
            record.msg = f"{record.getMessage()} (more like it are held back for a minute)"
            record.args = None
        return window.count <= LINES_PER_MINUTE


class TextFormatter(logging.Formatter):
    """One line for people; ``priority`` puts ``<N>`` before it, as the journal reads from stderr."""

    def __init__(self, *, priority: bool) -> None:
        # The journal has a clock of its own.
        super().__init__("%(levelname)s %(name)s: %(message)s" if priority else "%(asctime)s %(levelname)s %(message)s")
        self._priority = priority

    def format(self, record: logging.LogRecord) -> str:
        """Write the record; of one with a traceback every line has the priority."""
        lines = [clean(line) for line in super().format(record).split("\n")]
        prefix = f"<{priority_of(record.levelno)}>" if self._priority else ""
        return "\n".join(prefix + line for line in lines)


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        entry: dict[str, object] = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
        if record.exc_info:
            entry["traceback"] = record.exc_text or self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class JournalHandler(logging.Handler):
    """Writes records to the journal with our fields.

    systemd-python has a handler of its own, which also sends the exception as it was raised, secrets and all.
    """

    def __init__(self, send: Callable[..., object]) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(message)s"))
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one entry; a journal that cannot be reached is reported as logging reports any such error."""
        fields = {
            name.upper(): str(getattr(record, name)) for name in FIELDS if getattr(record, name, None) is not None
        }
        try:
            self._send(
                "\n".join(clean(line) for line in self.format(record).split("\n")),
                PRIORITY=str(priority_of(record.levelno)),
                LOGGER=record.name,
                SYSLOG_IDENTIFIER="apcbridge",
                **fields,
            )
        except OSError:
            self.handleError(record)


def clean(line: str) -> str:
    """Make control characters harmless: an outlet's name may hold what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def priority_of(level: int) -> int:
    """Return the syslog priority of a logging level."""
    return next((priority for bound, priority in _PRIORITIES if level >= bound), _DEBUG_PRIORITY)


def set_up(
    level: int,
    form: LogFormat,
    redaction: Redaction,
    monotonic: Callable[[], float],
    stream: TextIO = sys.stderr,
) -> None:
    """Send every log line of the process to the journal, if systemd reads our stderr, or else to ``stream``.

    Once per process: what a flood has used up of its lines must not be given back.
    """
    handler = _handler(form, stream)
    handler.addFilter(RateLimit(monotonic))
    handler.addFilter(redaction)
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=True)


def _handler(form: LogFormat, stream: TextIO) -> logging.Handler:
    journal = _is_journal(stream)
    if journal and form is LogFormat.TEXT:
        direct = _journal_handler()
        if direct is not None:
            return direct
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form is LogFormat.JSON else TextFormatter(priority=journal))
    return handler


def _is_journal(stream: TextIO) -> bool:
    """Tell whether the journal reads a stream.

    ``$JOURNAL_STREAM`` alone says nothing: what a user starts in a terminal of a desktop session has inherited it.
    """
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _journal_handler() -> logging.Handler | None:
    """Return a handler that writes fields to the journal, if systemd-python is installed."""
    try:
        from systemd.journal import send  # noqa: PLC0415 - an extra that only a service needs
    except ImportError:
        return None
    return JournalHandler(send)
