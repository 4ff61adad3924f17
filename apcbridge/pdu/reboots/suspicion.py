"""What speaks for a restart before it is certain: a silent console, up times that tell of another start. Pure.

One up time may be garbled on the line, so a start is certain only when readings agree on it. Silence raises the
question; only a session that was gone sooner than any log-off could have ended it proves a restart by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.pdu.reboots.lives import AGREE, STRICT_S, Life, Match, boot_span, words

if TYPE_CHECKING:
    from apcbridge.pdu.reboots.observations import ConsoleBack, ConsoleSilent, UpTime

LOGOFF_S = 60.0
"""The shortest inactivity time-out that a card can be set to. A session lost sooner was lost to a restart."""
AGREE_UNHEARD = 3
"""Readings that must agree where nothing else speaks for a change: the console never fell silent."""
SUSPECTS_LIMIT = 4
"""Contradicting readings kept until one of them is told again."""


@dataclass(slots=True, kw_only=True)
class Silence:
    """The console stopped answering, and perhaps came back."""

    since_mono: float
    back_mono: float | None = None
    proof: bool = False
    """Our session was gone sooner than any inactivity log-off could have ended it."""

    def covers(self, reading: UpTime, pace: float) -> bool:
        """Tell whether the card may have started in this silence, according to its up time."""
        told = boot_span(reading, pace)
        back_mono = self.back_mono if self.back_mono is not None else reading.now_mono
        return told.hi >= self.since_mono and told.lo <= back_mono

    def told(self, now_mono: float) -> str:
        """Say it in words."""
        until_mono = self.back_mono if self.back_mono is not None else now_mono
        text = f"the console was silent for {words(until_mono - self.since_mono)}"
        return f"{text}, then our session was gone" if self.proof else text


class Suspicion:
    """Everything that lets suspect that the known life of a card has ended."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._suspects: list[Life] = []
        """Later starts that too few readings have told of."""
        self._stray: Life | None = None
        """An earlier start that too few readings have told of."""
        self.silence: Silence | None = None

    def __bool__(self) -> bool:
        """Tell whether a restart is suspected."""
        return bool(self._suspects) or self.silence is not None

    @property
    def is_silent(self) -> bool:
        """True until the console answers again."""
        return self.silence is not None and self.silence.back_mono is None

    def fell_silent(self, seen: ConsoleSilent) -> None:
        """Take in that the console stopped answering."""
        if self.silence is None:
            self.silence = Silence(since_mono=seen.since_mono)
        self.silence.back_mono = None

    def came_back(self, seen: ConsoleBack) -> None:
        """Take in that the console answers again, or that our session was gone without a silence."""
        if self.silence is None and not seen.session_lost:
            return
        proof = seen.session_lost and (seen.now_mono - seen.since_mono) * self._pace < LOGOFF_S
        if self.silence is None:
            self.silence = Silence(since_mono=seen.since_mono)
        self.silence.back_mono = seen.now_mono
        self.silence.proof = self.silence.proof or proof

    def heard(self, now_mono: float) -> None:
        """Take in that the console said something."""
        if self.silence is not None and self.silence.back_mono is None:
            self.silence.back_mono = now_mono

    def covers(self, reading: UpTime) -> bool:
        """Tell whether the start that an up time tells of lies in a silence."""
        return self.silence is not None and self.silence.covers(reading, self._pace)

    def later_start(self, reading: UpTime) -> tuple[Life, ...]:
        """Take an up time that tells of a later start; return the lives that are certain by now, oldest first.

        Beside the newest these are the ones that were told of twice before the card restarted yet again.
        """
        for suspect in self._suspects:
            if suspect.match(reading, self._pace, STRICT_S) is Match.SAME:
                suspect.narrow(reading, self._pace)
                if suspect.agreed < (AGREE if self.silence else AGREE_UNHEARD):
                    return ()
                return (*self._before(suspect), suspect)
        self._suspects = [*self._suspects[1 - SUSPECTS_LIMIT :], Life.told_by(reading, self._pace)]
        return ()

    def _before(self, latest: Life) -> tuple[Life, ...]:
        return tuple(one for one in self._suspects if one.agreed >= AGREE and one.boot.hi < latest.boot.lo)

    def strayed(self, reading: UpTime) -> Life | None:
        """Take an up time that contradicts the known life without being a restart.

        Returns the life that it tells of once it came again and again: then the known one was wrong.
        """
        if self._stray and self._stray.match(reading, self._pace, STRICT_S) is Match.SAME:
            self._stray.narrow(reading, self._pace)
            return self._stray if self._stray.agreed >= AGREE_UNHEARD else None
        self._stray = Life.told_by(reading, self._pace)
        return None

    def dismiss(self) -> None:
        """Forget it all: the known life was seen, or a new one has taken its place."""
        self._suspects = []
        self._stray = None
        self.silence = None
