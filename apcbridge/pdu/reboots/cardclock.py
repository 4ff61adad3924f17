"""The card's own date and time, as it prints them: good for differences, as long as nobody sets them."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def clock_s(date_text: str, time_text: str) -> float | None:
    """Return a printed date and time as seconds, or None if they are not understood.

    The date's order is a setting of the PDU's user (``mm/dd/yyyy`` by default, ``dd.mm.yyyy``, ``yyyy-mm-dd``, month
    names); where it stays ambiguous the month is taken to be first with ``/`` and second otherwise.
    """
    time_parts = re.fullmatch(r"\s*(\d{1,2}):(\d{2})(?::(\d{2}))?\s*", time_text)
    day = _day(date_text)
    if time_parts is None or day is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in time_parts.groups())
    return day * 86400.0 + hours * 3600 + minutes * 60 + seconds


def _day(text: str) -> int | None:
    parts = re.split(r"[-/. ]+", text.strip())
    if len(parts) != 3:
        return None
    try:
        year, month, day = _ordered(parts, month_first="/" in text)
        return date(year + 2000 if year < 100 else year, month, day).toordinal()
    except ValueError:
        return None


def _ordered(parts: Sequence[str], *, month_first: bool) -> tuple[int, int, int]:
    """Return year, month, day."""
    for place, part in enumerate(parts[:2]):
        if part[:3].lower() in _MONTHS:
            return int(parts[2]), _MONTHS.index(part[:3].lower()) + 1, int(parts[1 - place])
    first, second, third = (int(part) for part in parts)
    if len(parts[0]) == 4:
        return first, second, third
    if first > 12 or (second <= 12 and not month_first):
        return third, second, first
    return third, first, second
