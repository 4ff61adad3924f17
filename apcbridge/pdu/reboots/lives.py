"""One life of an NMC, from its start to its next one, as its up-time readings narrow it down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from apcbridge.pdu.reboots.memory import LifeMemory

if TYPE_CHECKING:
    from apcbridge.pdu.reboots.observations import UpTime

AGREE = 2
"""Up-time readings that must agree before one is believed: bytes get lost and flipped on the line."""
RESOLUTION_S = 60
"""The banner and ``about`` print days, hours and minutes."""
TOLERANCE_S = 15.0
"""Two readings of one life may contradict each other by this much: the card's timer, and delays that we did not see."""
STRICT_S = 2.0
"""The same for two readings that shall prove a restart: a garbled one must not lean on a true one."""
DRIFT = 200e-6
"""The card's timer against ours. Crystals stay within 100 ppm; nothing is known of the card's tick."""
WRAPS_S = (2**32 / 100, 2**31 / 100, 2**32 / 1000)
"""Where an up time may begin anew without a restart: hundredths in 32 bits (497 days) or 31, milliseconds in 32.

No source tells what these cards do; they print days, and SNMP counts hundredths.
"""


@dataclass(frozen=True, slots=True)
class Span:
    """Two moments of the monotonic clock with the true one between them."""

    lo: float
    hi: float

    @property
    def mid(self) -> float:
        """The best single estimate."""
        return (self.lo + self.hi) / 2

    @property
    def error_s(self) -> float:
        """How far the best estimate may be off."""
        return (self.hi - self.lo) / 2

    def widened(self, by_s: float) -> Span:
        """Return the span with both ends moved out."""
        return Span(self.lo - by_s, self.hi + by_s)

    def shifted(self, by_s: float) -> Span:
        """Return the span moved as a whole."""
        return Span(self.lo + by_s, self.hi + by_s)

    def meet(self, other: Span) -> Span:
        """Return what both allow; where they contradict, the edge of ``other`` nearest to this."""
        lo, hi = max(self.lo, other.lo), min(self.hi, other.hi)
        if lo <= hi:
            return Span(lo, hi)
        edge = other.lo if self.hi < other.lo else other.hi
        return Span(edge, edge)

    def holds(self, moment: float) -> float:
        """Return ``moment``, moved into the span if it is outside."""
        return min(max(moment, self.lo), self.hi)


class Match(Enum):
    """How the start that a reading tells lies to the start of a known life."""

    SAME = auto()
    LATER = auto()
    EARLIER = auto()


@dataclass(slots=True, kw_only=True)
class Life:
    """A run of the NMC between two restarts."""

    boot: Span
    narrowed_mono: float
    """When ``boot`` was last narrowed; since then it has been growing vague at the rate of :data:`DRIFT`."""
    alive_mono: float
    """The last moment at which the card was certainly in this life."""
    up_s: int = 0
    """The last up time printed."""
    wrapped_s: float = 0.0
    """What to add to the printed up time because it rolled over."""
    agreed: int = 0
    """Readings that told of this life; one alone may have been garbled on the line."""
    held_mono: float = 0.0
    """The start as shown to others; moves only where a reading contradicts it."""
    card_clock_s: float | None = None
    """The card's own date and time at the last reading; only differences mean anything."""

    @classmethod
    def told_by(cls, reading: UpTime, pace: float) -> Life:
        """Begin with a first reading."""
        boot = boot_span(reading, pace)
        return cls(
            boot=boot,
            narrowed_mono=reading.now_mono,
            alive_mono=reading.asked_mono,
            up_s=reading.seconds,
            agreed=1,
            held_mono=boot.hi,
            card_clock_s=reading.card_clock_s,
        )

    @classmethod
    def recalled(cls, memory: LifeMemory) -> Life:
        """Go on with a life that was remembered on this monotonic clock."""
        return cls(
            boot=Span(memory.boot_lo_mono, memory.boot_hi_mono),
            narrowed_mono=memory.narrowed_mono,
            alive_mono=memory.alive_mono,
            up_s=memory.up_s,
            wrapped_s=memory.wrapped_s,
            agreed=memory.agreed,
            held_mono=memory.held_mono,
            card_clock_s=memory.card_clock_s,
        )

    @classmethod
    def between(cls, lo_mono: float, hi_mono: float) -> Life:
        """Begin without any up time: the card started between the two moments."""
        return cls(boot=Span(lo_mono, hi_mono), narrowed_mono=hi_mono, alive_mono=hi_mono, held_mono=hi_mono)

    def match(self, reading: UpTime, pace: float, tolerance_s: float = TOLERANCE_S) -> Match:
        """Compare the start that the reading tells with this life's."""
        told = boot_span(reading, pace, self.wrapped_s)
        known = self._now(reading.now_mono).widened(tolerance_s / pace)
        if told.lo > known.hi:
            return Match.LATER
        return Match.EARLIER if told.hi < known.lo else Match.SAME

    def wrap(self, reading: UpTime, pace: float) -> float | None:
        """Return the roll-over by which a later-looking reading is still of this life, or None."""
        for wrap_s in WRAPS_S:
            told = boot_span(reading, pace, self.wrapped_s + wrap_s)
            known = self._now(reading.now_mono).widened(TOLERANCE_S / pace)
            if self.up_s > reading.seconds and told.lo <= known.hi and told.hi >= known.lo:
                return wrap_s
        return None

    def narrow(self, reading: UpTime, pace: float) -> None:
        """Take in one more reading of this life."""
        self.boot = self._now(reading.now_mono).meet(boot_span(reading, pace, self.wrapped_s))
        self.narrowed_mono = reading.now_mono
        self.alive_mono = max(self.alive_mono, reading.asked_mono)
        self.up_s = reading.seconds
        self.agreed += 1
        self.held_mono = self.boot.holds(self.held_mono)
        self.card_clock_s = reading.card_clock_s

    def add_wraps(self, wrapped_s: float, pace: float) -> None:
        """Take in that the printed up time had rolled over before this daemon came."""
        self.wrapped_s += wrapped_s
        self.boot = self.boot.shifted(-wrapped_s / pace)
        self.held_mono -= wrapped_s / pace

    def remembered(self, now_mono: float, now_at: float) -> LifeMemory:
        """Return what :meth:`recalled` takes."""
        return LifeMemory(
            boot_lo_mono=self.boot.lo,
            boot_hi_mono=self.boot.hi,
            held_mono=self.held_mono,
            narrowed_mono=self.narrowed_mono,
            alive_mono=self.alive_mono,
            up_s=self.up_s,
            wrapped_s=self.wrapped_s,
            agreed=self.agreed,
            card_clock_s=self.card_clock_s,
            saved_mono=now_mono,
            saved_at=now_at,
        )

    def started_after(self, moment_mono: float) -> None:
        """Take in that the card was in an earlier life at that moment."""
        self.boot = Span(min(max(self.boot.lo, moment_mono), self.boot.hi), self.boot.hi)

    def _now(self, now_mono: float) -> Span:
        return self.boot.widened(DRIFT * max(0.0, now_mono - self.narrowed_mono))


def boot_span(reading: UpTime, pace: float, wrapped_s: float = 0.0) -> Span:
    """Return when the NMC started according to one reading."""
    up_s = reading.seconds + wrapped_s
    return Span(reading.asked_mono - (up_s + RESOLUTION_S) / pace, reading.now_mono - up_s / pace)


def words(seconds: float) -> str:
    """Say a length of time as people do: ``45 s``, ``9.6 min``, ``3 h 20 min``, ``12 d 4 h``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
