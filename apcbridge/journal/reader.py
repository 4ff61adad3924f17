"""Reads the journal beside the daemon that writes it."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from apcbridge.errors import JournalError
from apcbridge.journal import records
from apcbridge.journal.schema import connect_read_only
from apcbridge.model import RebootCause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from apcbridge.commands import CommandResult
    from apcbridge.model import Event, Reboot


class JournalReader:
    """Answers questions about the past. Every call opens the file, reads and closes it: it may block.

    Everything raises JournalError if the file is not there or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def history(self, since_at: float | None = None, limit: int = 100) -> tuple[Event | CommandResult, ...]:
        """Return the newest ``limit`` events and commands at or after ``since_at``, oldest first.

        A command stands at its end, or at its receipt while it has not ended.
        """
        found: list[Event | CommandResult] = [*self.events(since_at, limit), *self.commands(since_at, limit)]
        return tuple(sorted(found, key=lambda one: one.at)[-limit:] if limit > 0 else ())

    def events(self, since_at: float | None = None, limit: int = 100) -> tuple[Event, ...]:
        """Return the newest ``limit`` events at or after ``since_at``, oldest first."""
        rows = self._rows(
            f"SELECT {records.EVENT_COLUMNS} FROM events WHERE at >= ? ORDER BY at DESC, rowid DESC LIMIT ?",  # noqa: S608
            (_since(since_at), max(0, limit)),
        )
        return records.each(records.read_event, reversed(rows))

    def commands(self, since_at: float | None = None, limit: int = 100) -> tuple[CommandResult, ...]:
        """Return the newest ``limit`` commands that ended or came at or after ``since_at``, oldest first."""
        rows = self._rows(
            f"SELECT {records.COMMAND_COLUMNS} FROM commands WHERE ifnull(ended_at, received_at) >= ? "  # noqa: S608
            "ORDER BY seq DESC LIMIT ?",
            (_since(since_at), max(0, limit)),
        )
        return records.each(records.read_result, reversed(rows))

    def reboots(self, pdu: str, since_at: float | None = None, limit: int = 1000) -> tuple[Reboot, ...]:
        """Return the newest ``limit`` restarts of a PDU's NMC at or after ``since_at``, oldest first."""
        rows = self._rows(
            f"SELECT {records.REBOOT_COLUMNS} FROM reboots WHERE pdu = ? AND at >= ? ORDER BY at DESC LIMIT ?",  # noqa: S608
            (pdu, _since(since_at), max(0, limit)),
        )
        return records.each(records.read_reboot, reversed(rows))

    def reboot_counts(self, pdu: str, since_at: float | None = None) -> Mapping[RebootCause, int]:
        """Count the restarts of a PDU's NMC at or after ``since_at`` by cause; causes that never were count 0."""
        rows = self._rows(
            "SELECT cause, count(*) FROM reboots WHERE pdu = ? AND at >= ? GROUP BY cause", (pdu, _since(since_at))
        )
        counts = {str(cause): int(number or 0) for cause, number in rows}
        return {cause: counts.get(str(cause), 0) for cause in RebootCause}

    def _rows(self, sql: str, values: records.Row) -> list[records.Row]:
        with self._open() as connection:
            return list(connection.execute(sql, values))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(connect_read_only(self._path)) as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the journal {self._path} cannot be read: {error}") from error


def _since(since_at: float | None) -> float:
    return float("-inf") if since_at is None else since_at
