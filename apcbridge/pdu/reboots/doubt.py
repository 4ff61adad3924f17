"""Whether the NMC restarted while this machine did.

The monotonic clock began anew, and the wall clock may have been set in between (a machine without a battery clock
wakes up in its past). So the card is asked first: an up time that fell proves a restart, an up time that went on
together with the card's own clock proves that there was none. Then the event log decides, and the wall clock only where
that cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from apcbridge.pdu.reboots.eventlog import Join
from apcbridge.pdu.reboots.lives import AGREE, RESOLUTION_S, WRAPS_S, Life, Match

if TYPE_CHECKING:
    from apcbridge.pdu.reboots.memory import LifeMemory
    from apcbridge.pdu.reboots.observations import UpTime

_DAY_S = 86400.0
CLOCK_SLACK_S = 120.0
"""How far the wall clock may be off across a restart of the machine."""
WRAP_SLACK_S = _DAY_S
"""How near to its end an up time must have come to have rolled over, where no clock says how long ago that was."""


class Verdict(Enum):
    """What became of the remembered life."""

    GOES_ON = auto()
    ENDED = auto()
    OPEN = auto()
    """Nothing that was read can tell."""


@dataclass(slots=True, kw_only=True)
class Doubt:
    """A remembered life that only the wall clock ties to now."""

    memory: LifeMemory
    told: Life | None = None
    """The life that the up time tells now."""
    deadline_mono: float = 0.0
    """When to go by the wall clock."""

    @property
    def certain(self) -> Life | None:
        """The life told now, once two readings agree on it."""
        return self.told if self.told and self.told.agreed >= AGREE else None

    def take(self, reading: UpTime, pace: float) -> bool:
        """Take in an up time; False if it tells of yet another start after the certain one."""
        match = self.told.match(reading, pace) if self.told else Match.EARLIER
        if self.told is not None and match is Match.SAME:
            self.told.narrow(reading, pace)
        elif self.certain is None:
            self.told = Life.told_by(reading, pace)
        return self.certain is None or match is not Match.LATER

    def by_card(self) -> Verdict:
        """Judge by what the card alone tells."""
        told, known = self.certain, self.memory
        if told is None:
            return Verdict.OPEN
        if told.up_s < known.up_s:
            return Verdict.OPEN if _may_have_wrapped(known.up_s, told.up_s) else Verdict.ENDED
        if known.card_clock_s is None or told.card_clock_s is None:
            return Verdict.OPEN
        passed_s = told.card_clock_s - known.card_clock_s
        together = abs(passed_s - (told.up_s - known.up_s)) <= 2 * RESOLUTION_S
        return Verdict.GOES_ON if together and not _began_at_midnight(known) else Verdict.OPEN

    def by_log(self, new_starts: int, join: Join) -> Verdict:
        """Judge by the event log.

        A start while we were away stands near its top: it was not us who wrote lines above it since.
        """
        if new_starts:
            return Verdict.ENDED
        return Verdict.OPEN if join is Join.UNCLEAR else Verdict.GOES_ON

    def by_wall_clock(self, now_mono: float, now_at: float) -> Verdict:
        """Judge as if the machine's clock had been right all along."""
        if self.told is None:
            return Verdict.GOES_ON
        late = self.told.boot.lo > self.carried(now_mono, now_at).boot.hi + CLOCK_SLACK_S
        return Verdict.ENDED if late else Verdict.GOES_ON

    def shift_s(self, now_mono: float, now_at: float) -> float:
        """Return what to add to a remembered monotonic time, by the wall clock."""
        return (now_mono - now_at) - (self.memory.saved_mono - self.memory.saved_at)

    def carried(self, now_mono: float, now_at: float) -> Life:
        """Carry the remembered life over to this run's monotonic clock by the wall clock."""
        shift_s = self.shift_s(now_mono, now_at)
        life = Life.recalled(self.memory)
        life.boot = life.boot.shifted(shift_s)
        life.held_mono += shift_s
        life.narrowed_mono += shift_s
        life.alive_mono += shift_s
        return life


def _began_at_midnight(life: LifeMemory) -> bool:
    """Tell whether the card's clock may have begun with its life: one without a battery starts anew with its power.

    Of such a card's lives every one looks like the one before.
    """
    began_s = (life.card_clock_s or 0.0) - life.up_s
    return abs((began_s + _DAY_S / 2) % _DAY_S - _DAY_S / 2) <= 2 * RESOLUTION_S


def _may_have_wrapped(before_s: int, now_s: int) -> bool:
    return now_s < WRAP_SLACK_S and any(wrap_s - WRAP_SLACK_S < before_s < wrap_s for wrap_s in WRAPS_S)
