"""What the supervisor tells the detector: things seen on the console, each with the moment it was seen.

``now_mono`` and ``now_at`` are both clocks at the moment the observation was complete. Observations are told in the
order in which they happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from apcbridge.pdu.reboots.cardclock import clock_s

if TYPE_CHECKING:
    from apcbridge.console.events import LogEntry, NetworkReading


class Evidence(StrEnum):
    """What the detector may ask the supervisor to read from the console."""

    UP_TIME = "up_time"
    EVENT_LOG = "event_log"
    RESET_CAUSE = "reset_cause"
    NETWORK = "network"
    """Not evidence of a restart, but of what its watchdog suffers from; no report waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpTime:
    """The NMC's up time as printed: whole minutes, in seconds.

    ``asked_mono`` is when we typed what made the console print it, so the NMC formed the value between
    ``asked_mono`` and ``now_mono``. ``date`` and ``time`` are the card's own, as printed beside it, where they were.
    """

    seconds: int
    asked_mono: float
    now_mono: float
    now_at: float
    date: str | None = None
    time: str | None = None

    @property
    def card_clock_s(self) -> float | None:
        """The card's date and time as seconds since nobody knows when, or None."""
        return clock_s(self.date or "", self.time or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSilent:
    """The console stopped answering, or the port was lost. ``since_mono`` is when it last printed a byte."""

    since_mono: float
    now_mono: float
    now_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleBack:
    """The console answers again, or a session of ours was gone although the console never seemed silent.

    ``session_lost`` is True only when our session was open before and a login prompt stands in its place now.
    ``since_mono`` is when the console last printed anything before that.
    """

    session_lost: bool
    since_mono: float
    now_mono: float
    now_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """The newest part of the event log, newest entry first, with the PDU's own idea of date and time.

    ``complete`` is True when the whole log was read, as in EventLogReading.
    """

    entries: tuple[LogEntry, ...]
    complete: bool
    now_mono: float
    now_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetCause:
    """What the card says of its last restart, such as ``12 WDT Reset``. It stays until the next restart."""

    text: str
    now_mono: float
    now_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The card's network settings, and the status flags of its newest banner, as printed."""

    reading: NetworkReading
    flags: str | None
    now_mono: float
    now_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedRestart:
    """Somebody asked for a restart through us. ``by`` names who, for people."""

    by: str
    now_mono: float
    now_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """This console cannot show that evidence (its dialect or the account lacks it); do not ask again.

    For a reading that merely failed, tell nothing: the detector asks again until its deadline. The network is asked
    for anew after the next restart.
    """

    evidence: Evidence
    now_mono: float
    now_at: float


Observation = UpTime | ConsoleSilent | ConsoleBack | EventLog | ResetCause | Network | RequestedRestart | Unavailable
