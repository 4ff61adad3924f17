"""Long runs on one simulated card after another, and the figures that they print."""

from __future__ import annotations

import dataclasses
import random
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(slots=True)
class Tally:
    """What came of it all."""

    hours: float = 0.0
    restarts: int = 0
    reported: int = 0
    unknown: int = 0
    clock_jumps: int = 0
    line_losses: int = 0
    prediction_errors_s: list[float] = field(default_factory=list)
    boot_errors_s: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, other: Self) -> None:
        """Take in what came of another card."""
        for one in dataclasses.fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


T = TypeVar("T", bound=Tally)


def card_after_card(total: T, hours: float, seed: int, watch: Callable[[random.Random], T]) -> T:
    """Watch cards until that many hours have passed; stop at the first fault."""
    number = 0
    while total.hours < hours and not total.faults:
        one = watch(random.Random(f"{seed}/{number}"))
        one.faults = [f"card {number} of seed {seed}: {fault}" for fault in one.faults]
        total.add(one)
        number += 1
    return total


def run(default_hours: float, soak: Callable[[float, int], T], figures: Callable[[T], Iterable[str]]) -> int:
    """Soak for the hours and by the seed of the command line, print the figures, return the exit code."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else default_hours
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    began = time.monotonic()
    tally = soak(hours, seed)
    print(f"seed {seed}: {tally.hours:.0f} simulated hours in {time.monotonic() - began:.0f} s")
    for line in figures(tally):
        print(f"  {line}")
    for name, errors in (("boot time", tally.boot_errors_s), ("prediction", tally.prediction_errors_s)):
        if len(errors) > 1:
            cuts = statistics.quantiles(errors, n=100)
            print(f"  {name} error: median {cuts[49]:.0f} s, p95 {cuts[94]:.0f} s, p99 {cuts[98]:.0f} s")
    for fault in tally.faults:
        print(f"  BROKEN: {fault}")
    return 1 if tally.faults else 0
