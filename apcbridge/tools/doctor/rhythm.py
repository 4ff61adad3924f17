"""The restarts that the journal remembers, judged. Pure but for the reading."""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING

from apcbridge.errors import JournalError
from apcbridge.journal import JournalReader
from apcbridge.model import RebootCause
from apcbridge.pdu.reboots.lives import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from apcbridge.model import Reboot
    from apcbridge.tools.doctor.findings import Finding, Reporter

DAY_S = 86_400.0
_SPAN_S = 7 * DAY_S
CURED_AFTER = 3
"""So many intervals without a restart, where they came like a clock, are a cure."""
_AS_SERVICE = "run the doctor as the user of the service, or with sudo"
_GATEWAY = (
    "the card hears no traffic and its gateway does not answer: connect its Ethernet port, or make its gateway a host "
    "that always answers: apcbridge doctor --fix-gateway ADDRESS PDU (docs/watchdog.md)"
)


def check_restarts(
    journal: Path, pdu: str, now_at: float, report: Reporter, diagnosis: str = ""
) -> tuple[Finding, ...]:
    """Read the restarts of the last seven days and judge them; a daemon that never ran has no journal.

    ``diagnosis`` is what a running daemon says of their reason.
    """
    try:
        journal.stat()
    except FileNotFoundError:
        return ()
    except OSError as error:
        return (report.warn(f"the journal {journal} cannot be read: {error.strerror}", _AS_SERVICE),)
    try:
        reboots = JournalReader(journal).reboots(pdu, now_at - _SPAN_S)
    except JournalError as error:
        return (report.warn(str(error), _AS_SERVICE),)
    return tuple(judge_restarts(reboots, now_at, report, diagnosis))


def judge_restarts(
    reboots: Sequence[Reboot], now_at: float, report: Reporter, diagnosis: str = ""
) -> Iterator[Finding]:
    """Judge the restarts of the last seven days, oldest first."""
    watchdog = [reboot.at for reboot in reboots if reboot.cause is RebootCause.WATCHDOG]
    others = [reboot for reboot in reboots if reboot.cause is not RebootCause.WATCHDOG]
    if not watchdog:
        told = (
            f"{len(others)} restarts of the card in 7 days, none by its watchdog" if others else "no restart in 7 days"
        )
        yield report.ok(f"journal: {told}")
        return
    gaps = [later - earlier for earlier, later in pairwise(watchdog)]
    usual_s = statistics.median(gaps) if gaps else 0.0
    silence_s = now_at - watchdog[-1]
    last_day = sum(at > now_at - DAY_S for at in watchdog)
    count = f"{len(watchdog)} watchdog restarts in 7 days, {last_day} in the last 24 hours"
    pace = f", usually every {words(usual_s)}" if len(gaps) > 1 else ""
    if len(gaps) > 1 and silence_s > CURED_AFTER * usual_s:
        yield report.ok(f"journal: {count}{pace}; the last is {words(silence_s)} ago, so they have stopped")
    else:
        yield report.warn(f"journal: {count}{pace}; the last {words(silence_s)} ago", diagnosis or _GATEWAY)
