"""What a session reports. Every value was on the screen; what a screen did not tell is None or empty."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apcbridge.console.dialects import DialectId
    from apcbridge.console.goals import Goal, Switch, SwitchAll
    from apcbridge.errors import ConsoleError
    from apcbridge.model import Identity, Load, OutletState


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The block printed at login."""

    aos_version: str | None = None
    """Without the leading ``v``."""
    app_name: str | None = None
    """As printed, without `` APP``: ``Rack PDU``, ``RPDU 2g``, ``MasterSwitch``."""
    app_version: str | None = None
    name: str | None = None
    contact: str | None = None
    location: str | None = None
    user: str | None = None
    """Type of account as printed, ``Administrator``."""
    date: str | None = None
    time: str | None = None
    """The NMC's own clock as printed; its date format is a setting of the user."""
    up_time_s: int | None = None
    """A multiple of 60."""
    status_flags: str | None = None
    """As printed, ``P+ N+ A+``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletRow:
    """One outlet as one screen showed it."""

    number: int
    name: str
    state: OutletState
    pending: bool
    """The ``*`` behind the state: a delayed command waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """We are in. ``banner`` is None where this login printed none (the ``-c`` command line may not)."""

    dialect: DialectId
    banner: Banner | None


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """We left the console by our own wish."""


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The console left us (inactivity log-off or NMC restart): a login prompt came where none was due, or nothing."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReading:
    """The whole outlet list: numbers 1..N without gaps (an outlet user's list: the outlets it may see)."""

    rows: tuple[OutletRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReading:
    """Loads, as far as this dialect tells them; follows the StatusReading of the same goal."""

    phases: tuple[Load, ...] = ()
    banks: tuple[Load, ...] = ()
    total_deciamps: int | None = None
    watts: int | None = None
    volt_amperes: int | None = None


@dataclass(frozen=True, slots=True)
class OutletReading:
    """One outlet read back, during and at the end of a Switch goal."""

    row: OutletRow


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityReading:
    """Who the PDU says it is, and how long its NMC has been up."""

    identity: Identity
    up_time_s: int | None = None
    """A multiple of 60."""
    status_flags: str | None = None
    user: str | None = None
    outlets: int | None = None
    """How many outlets the unit says it has, where a screen says so."""
    alarm_count: int | None = None
    """Active alarms (D4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletConfig:
    """Settings of one outlet; delays in seconds, -1 is never, None is not told."""

    number: int
    on_delay_s: int | None = None
    off_delay_s: int | None = None
    reboot_duration_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigReading:
    """Settings of the outlets."""

    outlets: tuple[OutletConfig, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of the event log, as printed; the date's format is a setting of the PDU's user."""

    date: str
    time: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLogReading:
    """Entries of the event log, newest first."""

    entries: tuple[LogEntry, ...]
    complete: bool
    """False when more pages exist than were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetCauseReading:
    """The answer of ``lastrst``, such as 12 and ``WDT Reset``."""

    code: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReading:
    """The NMC's IPv4 settings; dotted addresses."""

    address: str | None = None
    subnet_mask: str | None = None
    gateway: str | None = None
    mac_address: str | None = None


@dataclass(frozen=True, slots=True)
class ActuationSent:
    """What makes the PDU act is in the send buffer: from here on a failure's outcome is unknown.

    Comes at most once per goal. Without it the goal changed nothing.
    """

    goal: Switch | SwitchAll


class Outcome(StrEnum):
    """How far a goal that ended well has been seen to act."""

    CONFIRMED = "confirmed"
    """The screen showed what was asked for."""
    ACCEPTED = "accepted"
    """The PDU accepted the command, but the screen did not show the effect within the settle time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalResult:
    """How a goal ended. ``row`` is the last reading of a switched outlet; ``detail`` is a sentence for people."""

    outcome: Outcome = Outcome.CONFIRMED
    detail: str = ""
    row: OutletRow | None = None


@dataclass(frozen=True, slots=True)
class GoalDone:
    """The goal was reached; its readings came before this event."""

    goal: Goal
    result: GoalResult


@dataclass(frozen=True, slots=True)
class GoalFailed:
    """The goal was not reached.

    ``actuated`` False: nothing was done to any outlet. True: the outcome is unknown; read before you act again.
    """

    goal: Goal
    error: ConsoleError
    actuated: bool


Event = (
    LoggedIn
    | LoggedOut
    | SessionLost
    | StatusReading
    | LoadReading
    | OutletReading
    | IdentityReading
    | ConfigReading
    | EventLogReading
    | ResetCauseReading
    | NetworkReading
    | ActuationSent
    | GoalDone
    | GoalFailed
)
