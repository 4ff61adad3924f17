"""The tables, and how an older file becomes a newer one."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from apcbridge.errors import JournalError

if TYPE_CHECKING:
    from pathlib import Path

BUSY_S = 5.0
"""How long to wait for a reader that holds a lock; readers of a WAL file hardly ever do."""

MIGRATIONS = (
    """
    CREATE TABLE reboots (
        id TEXT PRIMARY KEY, pdu TEXT NOT NULL, at REAL NOT NULL, cause TEXT NOT NULL, evidence TEXT NOT NULL,
        noticed_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX reboots_by_time ON reboots (pdu, at);
    CREATE TABLE events (
        id TEXT PRIMARY KEY, pdu TEXT NOT NULL, type TEXT NOT NULL, at REAL NOT NULL, details TEXT NOT NULL,
        told INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX events_by_time ON events (at);
    CREATE INDEX events_untold ON events (at) WHERE told = 0;
    CREATE TABLE commands (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL, origin TEXT NOT NULL, principal TEXT NOT NULL, pdu TEXT NOT NULL,
        outlet INTEGER, action TEXT NOT NULL, value TEXT, received_at REAL NOT NULL, ended_at REAL,
        status TEXT NOT NULL, detail TEXT NOT NULL,
        UNIQUE (pdu, id, origin, principal, received_at)
    ) STRICT;
    CREATE INDEX commands_by_time ON commands (received_at);
    CREATE INDEX commands_open ON commands (seq) WHERE ended_at IS NULL;
    CREATE TABLE memory (
        pdu TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, saved_at REAL NOT NULL, PRIMARY KEY (pdu, key)
    ) STRICT;
    """,
    "ALTER TABLE reboots ADD COLUMN interval_s REAL;",
    """
    ALTER TABLE commands ADD COLUMN told INTEGER NOT NULL DEFAULT 1;
    CREATE INDEX commands_untold ON commands (seq) WHERE told = 0;
    """,
)
"""One script per version, in order; ``user_version`` counts those that were run. Never change one that was released."""


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing, create what is missing, bring the tables up to date.

    Raises sqlite3.Error or OSError where the file cannot be used, JournalError if a newer apcbridge wrote it.
    """
    # SQLite gives its side files the permissions of the main file, so that one must be right from the beginning.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open beside the writer, for reading only."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != len(MIGRATIONS):
        connection.close()
        raise JournalError(f"{path} has version {version}, this program reads {len(MIGRATIONS)}")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise sqlite3.DatabaseError(f"damaged: {fault}")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} was written by a newer apcbridge (version {version}, this one knows {len(MIGRATIONS)}); "
            "it stays as it is and nothing is recorded"
        )
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a commit is on the disk before anybody is told, also if the power goes next.
    connection.execute("PRAGMA synchronous = FULL")
    for number in range(version, len(MIGRATIONS)):
        connection.executescript(f"BEGIN; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")
