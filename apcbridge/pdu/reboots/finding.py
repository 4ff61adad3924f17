"""A restart that is certain, and what was read afterwards to explain it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.pdu.reboots.lives import TOLERANCE_S, words
from apcbridge.pdu.reboots.observations import EventLog, Evidence, ResetCause

if TYPE_CHECKING:
    from apcbridge.pdu.reboots.lives import Life
    from apcbridge.pdu.reboots.suspicion import Silence

EXPLAIN_S = 120.0
"""How long a certain restart waits for its cause: a session, a login and two screens take some ten seconds."""


@dataclass(slots=True, kw_only=True)
class Finding:
    """A restart that is certain, while its cause is being looked up."""

    before: Life | None
    """The life that ended, as far as it is known."""
    guessed: bool
    """The old life was carried over a restart of this machine by the wall clock."""
    old_boot_mono: float | None
    """When that life began, or None where that was guessed."""
    after_mono: float | None
    """The card was still in its old life then, or None where that is not certain."""
    any_time: bool
    """Starts in the log count even if they lie before ``after_mono``, as long as they are behind the mark."""
    life: Life
    """The life that began."""
    how: tuple[str, ...]
    """How it was noticed, for people."""
    deadline_mono: float
    """When to report with what is there."""
    log: EventLog | None = None
    cause: ResetCause | None = None

    @property
    def missing(self) -> frozenset[Evidence]:
        """What was not read yet."""
        unread = {Evidence.EVENT_LOG: self.log, Evidence.RESET_CAUSE: self.cause}
        return frozenset(kind for kind, seen in unread.items() if seen is None)

    def take(self, seen: EventLog | ResetCause) -> None:
        """Keep what was read; of each kind what was read first."""
        if isinstance(seen, EventLog):
            self.log = self.log or seen
        else:
            self.cause = self.cause or seen


def found(
    life: Life,
    before: Life | None,
    silence: Silence | None,
    now_mono: float,
    pace: float,
    *,
    guessed: bool,
    any_time: bool,
) -> Finding:
    """Begin to explain that ``life`` has taken the place of the one ``before``.

    The silence in which the card started tells more nearly when that was; ``guessed`` and ``any_time`` as in
    :class:`Finding`.
    """
    after_mono = before.alive_mono if before and not guessed else None
    how = [_noticed(life, before, pace, now_mono)]
    if silence and silence.since_mono <= life.boot.hi + TOLERANCE_S / pace:
        after_mono = max(after_mono or silence.since_mono, silence.since_mono)
        how.append(silence.told(now_mono))
    if after_mono is not None:
        life.started_after(after_mono)
    if guessed:
        how.append("it happened while this machine was down")
    return Finding(
        before=before,
        guessed=guessed,
        old_boot_mono=before.boot.mid if before and not guessed and before.agreed else None,
        after_mono=after_mono,
        any_time=any_time,
        life=life,
        how=tuple(how),
        deadline_mono=now_mono + EXPLAIN_S,
    )


def _noticed(life: Life, before: Life | None, pace: float, now_mono: float) -> str:
    """Say how the up time gave the restart away."""
    now_up_s = (now_mono - life.boot.mid) * pace
    if before is None or before.agreed == 0:
        return f"the card started about {words(now_up_s)} ago"
    old_up_s = before.up_s + before.wrapped_s
    return f"up time fell: it was {words(old_up_s)} when last read, and the card started about {words(now_up_s)} ago"
