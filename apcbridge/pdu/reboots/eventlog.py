"""What the NMC's event log says about restarts.

The lines (console facts): ``System: Coldstart.`` powered on and ``System: Warmstart.`` reset while on (MasterSwitch
manual); ``System: Network Interface restarted.`` after every restart (AOS 3 to 6); ``System: Restarting.`` some seconds
before it if somebody wanted it (AOS 5). The log has no year-proof clock: times are used only as differences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from apcbridge.pdu.reboots.cardclock import clock_s
from apcbridge.pdu.reboots.memory import LogMark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apcbridge.console.events import LogEntry

MARK_LINES = 8
"""Lines remembered to find the place again: several, because one text with one time may occur twice."""
ONE_START_S = 150.0
"""The lines of one start lie within this; boots take up to about two minutes, watchdog lives six and more."""
TWICE_S = 20.0
"""The same line again within this is still the same start."""
WANTED_S = 300.0
"""A ``Restarting`` line explains a start that follows within this."""

_WANTED = re.compile(r"^\s*system:\s*restarting\b", re.IGNORECASE)
_START = re.compile(r"\b(?P<temperature>cold|warm)[ -]?start", re.IGNORECASE)
_INTERFACE = re.compile(r"network interface\s+(re|cold|warm)[ -]?start", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedStart:
    """One start of the NMC as the log shows it."""

    line: str
    """The first line of it, for people."""
    clock_s: float | None
    """By the PDU's own clock; only differences mean anything."""
    cold: bool
    wanted: str
    """The ``Restarting`` line before it, or nothing."""
    lone: bool
    """True if an older line is in view and it is no ``Restarting``: nobody asked for this start."""
    position: int
    """Index of its oldest line in the log, newest first."""


class Join(Enum):
    """How a reading of the log lies to what had been seen of it."""

    JOINED = auto()
    """The new part begins right behind the old: nothing is missing."""
    OVERRUN = auto()
    """All of it is new: the line we knew has left the page, or the log."""
    UNCLEAR = auto()
    """Nothing was known before, the log is empty, or it repeats itself: a card without a clock writes the same lines
    with the same times after every start."""


@dataclass(frozen=True, slots=True)
class News:
    """The part of a log that we had not seen before; where that is unclear, the least that is new."""

    entries: tuple[LogEntry, ...]
    join: Join


def mark_of(entries: Sequence[LogEntry], owed: int) -> LogMark:
    """Remember the place up to which the log has been seen."""
    return LogMark(lines=tuple((e.date, e.time, e.text) for e in entries[:MARK_LINES]), owed=owed)


def news(entries: Sequence[LogEntry], mark: LogMark | None) -> News:
    """Cut a log, newest first, where it joins what was seen before."""
    if mark is None:
        return News(tuple(entries), Join.UNCLEAR)
    if not mark.lines:
        return News(tuple(entries), Join.JOINED)
    lines = [(e.date, e.time, e.text) for e in entries]
    places = [i for i in range(len(lines)) if _joins(lines[i : i + len(mark.lines)], mark)]
    if not places:
        return News(tuple(entries), Join.OVERRUN if entries else Join.UNCLEAR)
    return News(tuple(entries[: places[0]]), Join.JOINED if len(places) == 1 else Join.UNCLEAR)


def starts(entries: Sequence[LogEntry]) -> tuple[LoggedStart, ...]:
    """Return the starts in a log that is newest first, newest first."""
    found: list[_Start] = []
    wanted: tuple[str, float | None] | None = None
    for position in range(len(entries) - 1, -1, -1):
        entry = entries[position]
        at_s = clock_s(entry.date, entry.time)
        if _WANTED.search(entry.text):
            wanted = (_quote(entry), at_s)
            continue
        kind = _kind(entry.text)
        if kind is None:
            continue
        if found and wanted is None and found[-1].takes(kind, at_s):
            found[-1].add(kind, entry.text)
            continue
        start = _Start(
            line=_quote(entry),
            clock_s=at_s,
            kinds={kind},
            position=position,
            lone=position + 1 < len(entries),
            cold=_is_cold(entry.text),
        )
        if wanted and _near(wanted[1], at_s, WANTED_S):
            start.wanted = wanted[0]
        wanted = None
        found.append(start)
    return tuple(start.frozen() for start in reversed(found))


@dataclass(slots=True, kw_only=True)
class _Start:
    """A start while its lines are being gathered, oldest first."""

    line: str
    clock_s: float | None
    kinds: set[str]
    position: int
    lone: bool
    cold: bool
    wanted: str = ""

    def takes(self, kind: str, clock_s: float | None) -> bool:
        """Tell whether a further line belongs to this start."""
        return _near(self.clock_s, clock_s, TWICE_S if kind in self.kinds else ONE_START_S) and (
            kind not in self.kinds or clock_s is not None
        )

    def add(self, kind: str, text: str) -> None:
        self.kinds.add(kind)
        self.cold = self.cold or _is_cold(text)

    def frozen(self) -> LoggedStart:
        return LoggedStart(
            line=self.line,
            clock_s=self.clock_s,
            cold=self.cold,
            wanted=self.wanted,
            lone=self.lone and not self.wanted,
            position=self.position,
        )


def _joins(lines: Sequence[tuple[str, str, str]], mark: LogMark) -> bool:
    return tuple(lines) == mark.lines[: len(lines)]


def _kind(text: str) -> str | None:
    if _INTERFACE.search(text):
        return "interface"
    return "start" if text.lower().lstrip().startswith("system") and _START.search(text) else None


def _is_cold(text: str) -> bool:
    match = _START.search(text)
    return match is not None and match["temperature"].lower() == "cold"


def _near(earlier_s: float | None, later_s: float | None, limit_s: float) -> bool:
    """Tell whether two log times are near each other; times that say nothing do not separate."""
    if earlier_s is None or later_s is None:
        return True
    return abs(later_s - earlier_s) <= limit_s


def _quote(entry: LogEntry) -> str:
    text = "".join(c for c in f"{entry.date} {entry.time} {entry.text}" if c.isprintable())
    return f"'{text[:100]}'"
