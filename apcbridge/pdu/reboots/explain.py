"""From a certain restart and what was read afterwards to its report: when, why, and how many there were."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.model import RebootCause
from apcbridge.pdu.reboots import eventlog
from apcbridge.pdu.reboots.eventlog import ONE_START_S, Join
from apcbridge.pdu.reboots.lives import RESOLUTION_S
from apcbridge.pdu.reboots.rhythm import WATCHDOG_MIN_S, on_beat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apcbridge.pdu.reboots.eventlog import LoggedStart
    from apcbridge.pdu.reboots.finding import Finding
    from apcbridge.pdu.reboots.memory import LogMark
    from apcbridge.pdu.reboots.observations import EventLog

REQUEST_S = 300.0
"""A restart within this after somebody asked for one through us was asked for: settings may take two minutes to act."""
CLOSE_S = 180.0
"""Two starts within this are hard to tell apart by an up time in whole minutes."""
MOST_AT_ONCE = 500
"""Starts reported from one reading of the log: three days of watchdog restarts; a log holds a few hundred lines."""

EARLIER = "event log: a restart before the latest one"
"""Evidence of a start that only the log showed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody asked for a restart through us."""

    by: str
    at_mono: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One restart, ready to be reported."""

    boot_mono: float
    cause: RebootCause
    evidence: tuple[str, ...]
    interval_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Every restart that a finding turned out to be, oldest first, and the place reached in the log."""

    restarts: tuple[Explained, ...]
    mark: LogMark | None


def account(
    finding: Finding,
    mark: LogMark | None,
    request: Request | None,
    intervals: Sequence[float | None],
    pace: float,
) -> Account:
    """Explain a finding with everything that was read; ``intervals`` are those of the restarts before, oldest first."""
    log, cause = finding.log, finding.cause
    logged, joined = _logged(finding, mark, pace)
    if joined and not logged and _counted_before(finding, mark, pace):
        return Account(restarts=(), mark=_next_mark(log, mark, found=True))
    boots, guessed = _boots(finding, logged, pace)
    lengths = _intervals(finding, boots, guessed, joined=joined, pace=pace)
    restarts: list[Explained] = []
    history = list(intervals)
    for index, boot_mono in enumerate(boots):
        history.append(lengths[index])
        newest = index == len(boots) - 1
        verdict, why = judge(
            logged[index] if logged else None,
            cause.text if cause and newest else "",
            _asker(request, boot_mono, pace) if newest else "",
            beat=on_beat(history, pace) and _seen_until(finding, boot_mono, pace),
        )
        how = finding.how if newest else (EARLIER + (", its time is a guess" if index < guessed else ""),)
        restarts.append(Explained(boot_mono=boot_mono, cause=verdict, evidence=(*how, why), interval_s=lengths[index]))
    return Account(restarts=tuple(restarts), mark=_next_mark(log, mark, found=bool(logged)))


def judge(start: LoggedStart | None, reset_cause: str, asker: str, *, beat: bool) -> tuple[RebootCause, str]:
    """Weigh the evidence for one restart, the most telling first, and say why in words."""
    if start is not None and start.cold:
        return RebootCause.POWER, f"event log: {start.line}"
    told = _told_by_card(reset_cause)
    if told is not None:
        return told, f"the card says: {_clean(reset_cause)}"
    if start is not None and start.wanted:
        return RebootCause.REQUESTED, f"event log: {start.wanted}"
    if asker:
        return RebootCause.REQUESTED, f"asked for by {_clean(asker)}"
    if start is not None and start.lone:
        return RebootCause.WATCHDOG, f"event log: {start.line} with no 'Restarting' before it"
    if beat:
        return RebootCause.WATCHDOG, "the restarts follow each other in the rhythm of the network watchdog"
    return RebootCause.UNKNOWN, "no evidence of the cause"


def fresh_starts(log: EventLog, mark: LogMark | None) -> tuple[tuple[LoggedStart, ...], Join]:
    """Return the starts behind the mark, newest first, and how the log joins it."""
    part = eventlog.news(log.entries, mark)
    return tuple(s for s in eventlog.starts(log.entries) if s.position < len(part.entries)), part.join


def unreported(log: EventLog, mark: LogMark | None) -> tuple[int, Join]:
    """Count the starts behind the mark that no report has covered."""
    found, join = fresh_starts(log, mark)
    return max(0, len(found) - (mark.owed if mark else 0)), join


def _logged(finding: Finding, mark: LogMark | None, pace: float) -> tuple[tuple[LoggedStart, ...], bool]:
    """Return the log's starts of this finding, oldest first, and whether none can be missing."""
    if finding.log is None:
        return (), False
    found, join = fresh_starts(finding.log, mark)
    kept = found[: max(1, min(MOST_AT_ONCE, len(found) - (mark.owed if mark else 0)))]
    ours = [
        start
        for start, ago_s in zip(kept, _agos(kept), strict=True)
        if start is kept[0] or _in_window(finding, ago_s, pace, placed=mark is not None and join is not Join.OVERRUN)
    ]
    return tuple(reversed(ours)), join is Join.JOINED


def _counted_before(finding: Finding, mark: LogMark | None, pace: float) -> bool:
    """Tell whether the restart was the second of two so close together that the log had told of both at once."""
    if mark is None or mark.owed or finding.old_boot_mono is None:
        return False
    return (finding.life.boot.mid - finding.old_boot_mono) * pace < CLOSE_S


def _agos(kept: Sequence[LoggedStart]) -> Iterator[float | None]:
    """Tell how long before the newest start each was, newest first; None where that cannot be told.

    The PDU's clock may be anything, so only its differences count, and only as long as it ran on: a card that begins
    anew at midnight writes the same times again.
    """
    later_s = kept[0].clock_s if kept else None
    ran_on = True
    for start in kept:
        ran_on = ran_on and (start.clock_s is None or later_s is None or start.clock_s <= later_s)
        later_s = later_s if start.clock_s is None else start.clock_s
        yield _ago(kept[0], start) if ran_on else None


def _in_window(finding: Finding, ago_s: float | None, pace: float, *, placed: bool) -> bool:
    """Tell whether a start so long before the newest one came after the last sight of the old life.

    Where the clock cannot tell, being behind the known place in the log (``placed``) decides alone. If that place was
    not found, it has left the log, or noise has spoilt it: then nothing tells an old start from a new one.
    """
    if ago_s is None or finding.after_mono is None or finding.any_time:
        return placed
    slack_s = RESOLUTION_S / pace
    earliest = finding.after_mono - slack_s
    if finding.old_boot_mono is not None:
        # The start of the old life itself was told before.
        earliest = max(earliest, finding.old_boot_mono + slack_s)
    return finding.life.boot.mid - ago_s / pace >= earliest


def _ago(newest: LoggedStart, start: LoggedStart) -> float | None:
    if newest.clock_s is None or start.clock_s is None or start.clock_s > newest.clock_s:
        return None
    return newest.clock_s - start.clock_s


def _boots(finding: Finding, logged: Sequence[LoggedStart], pace: float) -> tuple[list[float], int]:
    """Return when each start happened, oldest first, and how many of the oldest ones are guessed.

    As long as the log's clock ran on, it gives the distance to the newest start. Where it was set or lost, the starts
    before that are spread evenly over the time that is left.
    """
    newest_mono = finding.life.boot.mid
    dated: list[float] = []
    for start in reversed(logged):
        ago_s = _ago(logged[-1], start)
        moment = newest_mono if ago_s is None else newest_mono - ago_s / pace
        if ago_s is None or (dated and moment > dated[0]) or _too_early(finding, moment, pace):
            break
        dated.insert(0, moment)
    if not dated:
        dated = [newest_mono]
    guessed = max(0, len(logged) - len(dated))
    first = dated[0] - WATCHDOG_MIN_S * guessed / pace
    if finding.after_mono is not None and not finding.any_time:
        first = finding.after_mono
    step = (dated[0] - first) / (guessed + 1)
    return [first + step * (index + 1) for index in range(guessed)] + dated, guessed


def _too_early(finding: Finding, moment_mono: float, pace: float) -> bool:
    return (
        finding.after_mono is not None
        and not finding.any_time
        and moment_mono < finding.after_mono - RESOLUTION_S / pace
    )


def _intervals(
    finding: Finding, boots: Sequence[float], guessed: int, *, joined: bool, pace: float
) -> list[float | None]:
    """Return the length of the life before each start, None where a start may have gone unseen in it."""
    unbroken = joined or (finding.after_mono is not None and (boots[0] - finding.after_mono) * pace < WATCHDOG_MIN_S)
    before = finding.old_boot_mono if unbroken else None
    earlier = [before, *boots[:-1]]
    return [
        None if previous is None or (guessed and index <= guessed) else boot - previous
        for index, (previous, boot) in enumerate(zip(earlier, boots, strict=True))
    ]


def _seen_until(finding: Finding, boot_mono: float, pace: float) -> bool:
    """Tell whether the card answered until shortly before: one without power may come back on the beat by chance."""
    return finding.after_mono is not None and (boot_mono - finding.after_mono) * pace <= ONE_START_S


def _asker(request: Request | None, boot_mono: float, pace: float) -> str:
    if request is None or not -RESOLUTION_S <= (boot_mono - request.at_mono) * pace <= REQUEST_S:
        return ""
    return request.by


def _next_mark(log: EventLog | None, mark: LogMark | None, *, found: bool) -> LogMark | None:
    """Remember the place in the log; a start whose line was not there yet is owed, so that it is not told twice.

    A report without the log gives the place up: nobody knows how many lines now stand behind it that this report, made
    as one, has covered.
    """
    if log is None:
        return None
    return eventlog.mark_of(log.entries, owed=0 if found else (mark.owed if mark else 0) + 1)


def _told_by_card(text: str) -> RebootCause | None:
    """Read the card's own words: ``12 WDT Reset`` and ``04 Requested Reset`` were seen, the others are guesses."""
    if re.search(r"\bWDT\b|watchdog", text, re.IGNORECASE):
        return RebootCause.WATCHDOG
    if re.search(r"\brequest", text, re.IGNORECASE):
        return RebootCause.REQUESTED
    if re.search(r"\bpower|\bcold|\bbrown", text, re.IGNORECASE):
        return RebootCause.POWER
    return None


def _clean(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:80]
