"""Text for a terminal: colours where they are seen, plain where the output is piped; spans of time in words."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from enum import Enum
from typing import TextIO

_CODES = re.compile(r"\x1b\[[0-9;]*m")


class Style(Enum):
    """How a piece of text looks."""

    STRONG = "1"
    SOFT = "2"
    GOOD = "32"
    WARN = "33"
    BAD = "31"


class Paint:
    """Colours, or none."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    @classmethod
    def of(cls, stream: TextIO = sys.stdout) -> Paint:
        """Use colours on a terminal that has them, unless NO_COLOR asks for none."""
        terminal = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        return cls(colours=terminal and not os.environ.get("NO_COLOR"))

    def __call__(self, text: str, *styles: Style) -> str:
        """Return the text as it should look."""
        if not self._colours or not styles:
            return text
        return f"\x1b[{';'.join(style.value for style in styles)}m{text}\x1b[0m"


def announce(text: str) -> None:
    """Tell a person that something will take a while; scripts need not be told."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def fit(text: str, width: int) -> str:
    """Cut a coloured line to the columns of the terminal; colours take none."""
    if len(_CODES.sub("", text)) <= width:
        return text
    parts, left = [], max(0, width - 1)
    position = 0
    for code in [*_CODES.finditer(text), None]:
        end = code.start() if code else len(text)
        piece = text[position:end][:left]
        parts.append(piece)
        left -= len(piece)
        if code:
            parts.append(code.group())
            position = code.end()
    return f"{''.join(parts)}…"


def span(seconds: float) -> str:
    """Say a length of time: ``12 s``, ``4 min``, ``3 h 5 min``, ``2 d 1 h``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole // 60 % 60} min"
    return f"{whole // 86400} d {whole // 3600 % 24} h"


def moment_at(timestamp: str) -> float:
    """Return a timestamp of the daemon as Unix time."""
    return datetime.fromisoformat(timestamp).timestamp()


def local_time(timestamp: str) -> str:
    """Return a timestamp of the daemon in this machine's zone: ``2026-11-22 11:23:00``."""
    return f"{datetime.fromisoformat(timestamp).astimezone():%Y-%m-%d %H:%M:%S}"


def parse_since(text: str, now_at: float) -> float:
    """Read ``90s``, ``15m``, ``1h``, ``2d`` before now, Unix time, or ISO 8601 in this machine's zone if it names none.

    Raises ValueError with what is expected.
    """
    if match := re.fullmatch(r"([0-9]{1,6})([smhd])", text):
        return now_at - int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if re.fullmatch(r"[0-9]{9,10}(\.[0-9]+)?", text):
        return float(text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no moment: try 90s, 15m, 1h, 2d, or 2026-11-22T11:23:00Z") from None
