"""How the menu screens are laid out: titles, rules, items, banners. Widths as measured on real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NL = "\r\n"
WIDTH = 79
RULE = "-" * WIDTH
INDENT = " " * 8
INNER_RULE = INDENT + "-" * 71


def title(text: str, width: int = WIDTH) -> str:
    """``------- Text ------…`` up to column ``width``."""
    return f"------- {text} ".ljust(width, "-")


def item(number: int, text: str) -> str:
    """One line of a menu."""
    return f"{number:6d}- {text}"


def settings(rows: Sequence[tuple[str, str]], last: str = "") -> list[str]:
    """Return settings with aligned colons; the last item is ``Accept Changes`` with ``last`` as its value."""
    labels = [label for label, _ in rows] + ["Accept Changes"]
    values = [value for _, value in rows] + [last]
    wide = max(len(label) for label in labels)
    return [
        item(index, f"{label:<{wide}}: {value}")
        for index, (label, value) in enumerate(zip(labels, values, strict=True), 1)
    ]


def info(rows: Sequence[tuple[str, str]], wide: int = 13) -> list[str]:
    """Information lines: 8 blanks, the label, a colon in one column."""
    return [f"{INDENT}{label:<{wide}}: {value}" for label, value in rows]


def version_line(left: str, name: str, version: str) -> str:
    """One of the banner's first two lines: name at column 40, version flush right at column 79."""
    head = f"{left:<40}{name}"
    return head + f"v{version}".rjust(WIDTH - len(head))


def up_time(seconds: float, *, singular: bool = False) -> str:
    """``7 Days 15 Hours 31 Minutes``; AOS 6 writes a single one as ``1 Minute``."""
    minutes = int(seconds) // 60
    parts = [(minutes // 1440, "Days"), (minutes // 60 % 24, "Hours"), (minutes % 60, "Minutes")]
    return " ".join(f"{n} {unit[:-1] if singular and n == 1 else unit}" for n, unit in parts)


def amps(deciamps: int) -> str:
    """Tenths of amperes as ``1.4``."""
    return f"{deciamps // 10}.{deciamps % 10}"


def two_columns(rows: Sequence[tuple[str, str]], at: int = 54) -> list[str]:
    """Return the banner's block: a left value is cut before the right column begins."""
    return [f"{left[: at - 1]:<{at}}{right}" if right else left for left, right in rows]
