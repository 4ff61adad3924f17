"""The one thread that writes the journal."""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.errors import JournalError
from apcbridge.journal import records
from apcbridge.journal.schema import connect
from apcbridge.pdu.reboots import RebootMemory
from apcbridge.pdu.reboots.history import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from apcbridge.clock import Clock
    from apcbridge.commands import CommandResult
    from apcbridge.model import Event, Reboot

log = logging.getLogger(__name__)

REBOOTS = "reboots"
"""Key under which a reboot detector's memory is kept."""
BATCH = 256
"""Entries written in one transaction at most; each commit waits for the disk."""
BACKLOG = 10_000
"""Entries kept in memory while the disk does not take them: hours of a busy bridge."""
RETRY_S = 30.0
"""How often a file that could not be written is tried again."""
TIDY_S = 6 * 3600.0
"""How often what is too much is removed."""
KEEP_ROWS = 200_000
"""Entries kept per table, about 40 MB each: years of a normal bridge. Rows, not days: a clock that was set wrong for a
minute must not erase the history."""
CLOSE_S = 3.0
"""How long closing waits for the disk; the whole bridge must stop within 5 s."""

UNTAKEABLE = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    UnicodeError,
)
"""Faults of an entry, not of the disk: trying again would hold up everything behind it."""


@dataclass(slots=True, kw_only=True)
class _Entry:
    """Statements that belong together: all of them are kept, or none."""

    statements: Sequence[records.Statement]
    kept: Future[bool] = field(default_factory=Future)


class Journal:
    """Takes entries from the event loop without ever blocking it, and keeps them in order.

    Every call returns a future: True once the entry is on the disk, False as soon as it is known that it is not, and
    then it waits in memory for better times. So whoever must write before telling waits for the future and tells in
    both cases. The future never raises; it completes in the writer's thread.

    The journal never stops the bridge: a disk that is full, read-only or gone makes :attr:`health` say so; a damaged
    file is moved aside.
    """

    def __init__(self, path: Path, clock: Clock, keep_rows: int = KEEP_ROWS) -> None:
        """Open the file, or begin degraded; either way start the writer. It blocks for as long as the disk does."""
        self._path = path
        self._clock = clock
        self._keep_rows = keep_rows
        self._health = ""
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._backlog: deque[_Entry] = deque()
        self._lost = 0
        self._begun = False
        self._tidied_mono = float("-inf")
        self._retry_mono = float("-inf")
        self._connection: sqlite3.Connection | None = None
        self._memories: dict[str, str] = {}
        self._restarts: dict[str, deque[tuple[float, float | None]]] = {}
        self._untold: tuple[Event, ...] = ()
        self._untold_results: tuple[CommandResult, ...] = ()
        self._reopen()
        self._read_start()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def health(self) -> str:
        """Empty while all is well, else what is wrong, for people."""
        return self._health

    # Read from the disk once, at the start

    def load(self, pdu: str) -> RebootMemory | None:
        """Return what a PDU's reboot detector remembered last: in this run, or in one before it."""
        text = self._memories.get(pdu)
        if text is None:
            return None
        try:
            return RebootMemory.parse(text)
        except JournalError as error:
            log.warning("%s: %s; restarts of its NMC are counted anew", pdu, error, extra={"pdu": pdu})
            return None

    def restarts(self, pdu: str) -> tuple[tuple[float, float | None], ...]:
        """Return when a PDU's NMC has restarted, and after how long a life.

        The newest :data:`~apcbridge.pdu.reboots.history.KEPT`, oldest first.
        """
        return tuple(self._restarts.get(pdu, ()))

    def untold(self) -> tuple[Event, ...]:
        """Return the events that were kept before this start and never marked :meth:`told`, oldest first."""
        return self._untold

    def untold_results(self) -> tuple[CommandResult, ...]:
        """Return the ends of commands that were kept before this start and never marked :meth:`results_told`.

        A command that a crash cut short has ended as UNKNOWN.
        """
        return self._untold_results

    # Written at any time

    def record_event(self, event: Event) -> Future[bool]:
        """Keep an event."""
        return self._put(records.keep_event(event))

    def record_result(self, result: CommandResult) -> Future[bool]:
        """Keep a step in the life of a command; each command has one line."""
        return self._put(records.keep_result(result))

    def record_reboots(
        self, pdu: str, reboots: Iterable[Reboot], memory: RebootMemory, events: Iterable[Event]
    ) -> Future[bool]:
        """Keep restarts, the events that report them and the memory that counts them: all or nothing."""
        reboots = tuple(reboots)
        self._memories[pdu] = memory.dump()
        for one in reboots:
            self._restarts.setdefault(pdu, deque(maxlen=KEPT)).append((one.at, one.interval_s))
        return self._put(
            *(records.keep_reboot(pdu, reboot) for reboot in reboots),
            *(records.keep_event(event) for event in events),
            records.keep_memory(pdu, REBOOTS, self._memories[pdu], self._clock.wall()),
        )

    def remember(self, pdu: str, memory: RebootMemory) -> Future[bool]:
        """Keep a reboot detector's memory."""
        return self.record_reboots(pdu, (), memory, ())

    def told(self, event_ids: Iterable[str]) -> Future[bool]:
        """Note that events have reached those who must hear of them, so that no restart tells them again."""
        return self._put(*records.mark_told(event_ids))

    def results_told(self, results: Iterable[CommandResult]) -> Future[bool]:
        """Note that the ends of commands have reached those who must hear of them."""
        return self._put(*records.mark_results_told(results))

    def close(self) -> None:
        """Write what waits and close the file; gives up after :data:`CLOSE_S`."""
        self._queue.put(None)
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.error("the journal %s could not be written in time; the last entries are lost", self._path)

    def _put(self, *statements: records.Statement) -> Future[bool]:
        entry = _Entry(statements=statements)
        # Whoever waits for it may be cancelled; the entry is written all the same.
        entry.kept.set_running_or_notify_cancel()
        self._queue.put(entry)
        return entry.kept

    # The writer's thread

    def _run(self) -> None:
        open_ended = True
        while open_ended:
            batch, open_ended = self._next_batch()
            self._write(batch)
            self._tidy()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        if self._backlog:
            log.error("%d journal entries were never written: %s", len(self._backlog), self._health)

    def _next_batch(self) -> tuple[list[_Entry], bool]:
        """Wait for entries; return them and whether more may come."""
        batch: list[_Entry] = []
        try:
            entry = self._queue.get(timeout=RETRY_S)
            while entry is not None:
                batch.append(entry)
                if len(batch) == BATCH:
                    return batch, True
                entry = self._queue.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

    def _write(self, batch: Sequence[_Entry]) -> None:
        """Write what waits and the new entries, in order; what cannot be written waits on."""
        self._backlog.extend(batch)
        try:
            if self._connection is None and self._clock.monotonic() >= self._retry_mono:
                self._reopen()
            while self._backlog and self._connection is not None:
                self._write_some(self._connection, [self._backlog[i] for i in range(min(BATCH, len(self._backlog)))])
        except sqlite3.DatabaseError as error:
            self._fail(error)
        for entry in batch:
            if not entry.kept.done():
                entry.kept.set_result(False)
        while len(self._backlog) > BACKLOG:
            self._backlog.popleft()
            self._lost += 1

    def _write_some(self, connection: sqlite3.Connection, entries: Sequence[_Entry]) -> None:
        """Write entries in one transaction; one that no database would take is dropped, and the others are kept."""
        try:
            self._transact(connection, entries)
            kept = True
        except UNTAKEABLE as error:
            if len(entries) > 1:
                for entry in entries:
                    self._write_some(connection, [entry])
                return
            log.error("a journal entry cannot be kept: %s", error)  # noqa: TRY400  # the message says it all
            kept = False
        for entry in entries:
            self._backlog.popleft()
            if not entry.kept.done():
                entry.kept.set_result(kept)

    @staticmethod
    def _transact(connection: sqlite3.Connection, entries: Sequence[_Entry]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for entry in entries:
                for sql, values in entry.statements:
                    connection.execute(sql, values)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _reopen(self) -> None:
        """Open the file, moving a damaged one aside; remember why not."""
        self._retry_mono = self._clock.monotonic() + RETRY_S
        try:
            self._connection = self._open_or_replace()
            if not self._begun:
                # What is open in the file now was cut short by a crash; ours waits in memory still.
                self._connection.execute(*records.close_commands(self._clock.wall()))
                self._begun = True
        except (sqlite3.Error, OSError, JournalError) as error:
            self._fail(error)
            return
        if self._health:
            log.warning("the journal %s is written again%s", self._path, self._lost_words())
        self._health = ""
        self._lost = 0

    def _open_or_replace(self) -> sqlite3.Connection:
        try:
            return connect(self._path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            aside = self._path.with_name(f"{self._path.name}.damaged-{self._clock.wall():.0f}")
            # With its side files: what they hold may still be recovered by hand, and must not meet the new file.
            for suffix in ("-wal", "-shm", ""):
                with contextlib.suppress(FileNotFoundError):
                    self._path.with_name(self._path.name + suffix).replace(aside.with_name(aside.name + suffix))
            log.error(  # noqa: TRY400  # the traceback tells a person on call nothing
                "the journal %s is damaged (%s); it was moved to %s and a new one was begun", self._path, error, aside
            )
            return connect(self._path)

    def _fail(self, error: Exception) -> None:
        """Go on without the disk."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        health = f"the journal {self._path} cannot be written: {error}"
        if health != self._health:
            log.error("degraded: %s; the bridge goes on, entries wait in memory", health)
        self._health = health
        self._retry_mono = self._clock.monotonic() + RETRY_S

    def _lost_words(self) -> str:
        return f"; {self._lost} of the oldest waiting entries were lost" if self._lost else ""

    def _tidy(self) -> None:
        """Remove what is too much, now and then."""
        if self._connection is None or self._clock.monotonic() < self._tidied_mono + TIDY_S:
            return
        self._tidied_mono = self._clock.monotonic()
        try:
            for sql, values in records.forget(self._keep_rows):
                self._connection.execute(sql, values)
        except sqlite3.Error as error:
            self._fail(error)

    def _read_start(self) -> None:
        """Read what the parts need to begin."""
        if self._connection is None:
            return
        try:
            for pdu, text in self._connection.execute("SELECT pdu, text FROM memory WHERE key = ?", (REBOOTS,)):
                self._memories[pdu] = text
            for pdu, at, interval_s in self._connection.execute(
                "SELECT pdu, at, interval_s FROM reboots ORDER BY rowid"
            ):
                self._restarts.setdefault(pdu, deque(maxlen=KEPT)).append((at, interval_s))
            rows = self._connection.execute(records.UNTOLD).fetchall()
            self._untold = records.each(records.read_event, rows)
            rows = self._connection.execute(records.UNTOLD_RESULTS).fetchall()
            self._untold_results = records.each(records.read_result, rows)
        except sqlite3.Error as error:
            self._fail(error)
