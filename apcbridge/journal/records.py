"""What the journal keeps as SQL, and back."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from apcbridge.commands import Command, CommandResult, Origin, ResultStatus
from apcbridge.model import Action, Event, EventType, Reboot, RebootCause, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Value: TypeAlias = str | int | float | None
Statement: TypeAlias = tuple[str, tuple[Value, ...]]
Row: TypeAlias = tuple[Value, ...]
One = TypeVar("One")

EVENT_COLUMNS = "id, pdu, type, at, details"
COMMAND_COLUMNS = "id, origin, principal, pdu, outlet, action, value, received_at, ended_at, status, detail"
REBOOT_COLUMNS = "id, at, cause, evidence, noticed_at, interval_s"

UNTOLD = f"SELECT {EVENT_COLUMNS} FROM events WHERE told = 0 ORDER BY rowid"  # noqa: S608  # columns are constants
UNTOLD_RESULTS = f"SELECT {COMMAND_COLUMNS} FROM commands WHERE told = 0 ORDER BY seq"  # noqa: S608  # constants
_KEEP_COMMAND = (
    f"INSERT INTO commands ({COMMAND_COLUMNS}, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608  # constants
    "ON CONFLICT DO UPDATE SET ended_at = excluded.ended_at, status = excluded.status, detail = excluded.detail "
    "WHERE ended_at IS NULL"
)
CUT_SHORT = "the bridge stopped before the command had ended"


def keep_event(event: Event) -> Statement:
    """Add an event; a second one of its id changes nothing."""
    return (
        f"INSERT OR IGNORE INTO events ({EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608  # columns are constants
        (_text(event.id), event.pdu, str(event.type), event.at, _text(json.dumps(dict(event.details)))),
    )


def keep_reboot(pdu: str, reboot: Reboot) -> Statement:
    """Add a restart; a second one of its id changes nothing."""
    return (
        f"INSERT OR IGNORE INTO reboots (pdu, {REBOOT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # constants
        (
            pdu,
            reboot.id,
            reboot.at,
            str(reboot.cause),
            _text(json.dumps(reboot.evidence)),
            reboot.noticed_at,
            reboot.interval_s,
        ),
    )


def keep_result(result: CommandResult) -> Statement:
    """Write a command's line: added with its first step, completed by its last, and then never touched again.

    The end of one that was accepted is to be told; one that never began is not worth it.
    """
    command = result.command
    accepted = result.status is ResultStatus.ACCEPTED
    ended_at = None if accepted else result.at
    return (
        _KEEP_COMMAND,
        (
            _text(command.id),
            str(command.origin),
            _text(command.principal),
            command.pdu,
            command.outlet,
            str(command.action),
            None if command.value is None else _text(json.dumps(command.value)),
            command.received_at,
            ended_at,
            str(result.status),
            _text(result.detail),
            0 if accepted else 1,
        ),
    )


def keep_memory(pdu: str, key: str, text: str, now_at: float) -> Statement:
    """Put a text in place of the one remembered under that key."""
    return ("INSERT OR REPLACE INTO memory (pdu, key, text, saved_at) VALUES (?, ?, ?, ?)", (pdu, key, text, now_at))


def mark_told(event_ids: Iterable[str]) -> tuple[Statement, ...]:
    """Note that events have reached those who must hear of them."""
    return tuple(("UPDATE events SET told = 1 WHERE id = ?", (_text(one),)) for one in event_ids)


def mark_results_told(results: Iterable[CommandResult]) -> tuple[Statement, ...]:
    """Note that the ends of commands have reached those who must hear of them."""
    sql = "UPDATE commands SET told = 1 WHERE pdu = ? AND id = ? AND origin = ? AND principal = ? AND received_at = ?"
    commands = [result.command for result in results]
    return tuple(
        (sql, (one.pdu, _text(one.id), str(one.origin), _text(one.principal), one.received_at)) for one in commands
    )


def close_commands(now_at: float) -> Statement:
    """End the commands that a crash cut short: nobody knows how far they came."""
    return (
        "UPDATE commands SET ended_at = ?, status = ?, detail = ? WHERE ended_at IS NULL",
        (now_at, str(ResultStatus.UNKNOWN), CUT_SHORT),
    )


def forget(rows: int) -> tuple[Statement, ...]:
    """Remove what is beyond the newest ``rows`` of each table."""
    return (
        ("DELETE FROM events WHERE rowid <= (SELECT max(rowid) FROM events) - ?", (rows,)),
        ("DELETE FROM commands WHERE seq <= (SELECT max(seq) FROM commands) - ?", (rows,)),
        ("DELETE FROM reboots WHERE rowid <= (SELECT max(rowid) FROM reboots) - ?", (rows,)),
    )


def each(read: Callable[[Row], One], rows: Iterable[Row]) -> tuple[One, ...]:
    """Read rows, leaving out those with words that this version does not know: another one may have written them."""
    found: list[One] = []
    for row in rows:
        with contextlib.suppress(ValueError):
            found.append(read(row))
    return tuple(found)


def read_event(row: Row) -> Event:
    """Return the event of a row of :data:`EVENT_COLUMNS`."""
    return Event(
        id=str(row[0]),
        pdu=str(row[1]),
        type=EventType(str(row[2])),
        at=_number(row[3]),
        details=json.loads(str(row[4])),
    )


def read_reboot(row: Row) -> Reboot:
    """Return the restart of a row of :data:`REBOOT_COLUMNS`."""
    return Reboot(
        id=str(row[0]),
        at=_number(row[1]),
        cause=RebootCause(str(row[2])),
        evidence=tuple(json.loads(str(row[3]))),
        noticed_at=_number(row[4]),
        interval_s=None if row[5] is None else _number(row[5]),
    )


def read_result(row: Row) -> CommandResult:
    """Return the last step of the command of a row of :data:`COMMAND_COLUMNS`; its monotonic times are gone."""
    action = str(row[5])
    received_at = _number(row[7])
    command = Command(
        id=str(row[0]),
        origin=Origin(str(row[1])),
        principal=str(row[2]),
        pdu=str(row[3]),
        outlet=None if row[4] is None else int(_number(row[4])),
        action=Action(action) if action in set(Action) else Setting(action),
        value=None if row[6] is None else json.loads(str(row[6])),
        received_at=received_at,
        received_mono=0.0,
        deadline_mono=0.0,
    )
    return CommandResult(
        command=command,
        status=ResultStatus(str(row[9])),
        detail=str(row[10]),
        at=received_at if row[8] is None else _number(row[8]),
    )


def _number(value: Value) -> float:
    return float(value or 0)


def _text(text: str) -> str:
    """Make a text that any SQLite takes: what came over the network may hold lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()
