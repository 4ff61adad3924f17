"""Figures beside the promises that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from tests.soak.rack.daemon import Usage

_WIDTH = 64


def row(name: str, promise: str, measured: str) -> None:
    """Print what is promised and what was measured."""
    print(f"{name:<4} {promise:<{_WIDTH}} | {measured}", flush=True)


def cut(values: Iterable[float], share: float) -> float:
    """Return the value that this share of them does not exceed; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def seconds(values: Iterable[float], shares: tuple[int, ...] = (50, 95, 99)) -> str:
    """Say how long things took."""
    found = list(values)
    cuts = ", ".join(f"p{share} {_readable(cut(found, share / 100))}" for share in shares)
    return f"{cuts}, max {_readable(max(found, default=0.0))} ({len(found)})"


def _readable(value_s: float) -> str:
    return f"{value_s:.1f} s" if value_s >= 1 else f"{1000 * value_s:.1f} ms"


def counts(found: Counter[str]) -> str:
    """Say how often what was."""
    return ", ".join(f"{count} {what}" for what, count in sorted(found.items())) or "none"


def processor(before: Usage, after: Usage) -> str:
    """Say how much of a core a process took."""
    return f"{100 * (after.cpu_s - before.cpu_s) / (after.at_mono - before.at_mono):.1f} % of a core"
