"""What is known of a PDU: closed sets as enums, everything else as frozen values.

All times called ``*_at`` are Unix time (for people and for other programs); all times called ``*_mono`` are
seconds of :meth:`apcbridge.clock.Clock.monotonic` (for ages and deadlines). What a console does not tell is
``None``, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


class OutletState(StrEnum):
    """The state of an outlet's relay as the console shows it; there is no third value."""

    ON = "ON"
    OFF = "OFF"


class Freshness(StrEnum):
    """How far a reading may be trusted now."""

    FRESH = "fresh"
    STALE = "stale"
    LOST = "lost"


class LinkState(StrEnum):
    """The life of the line between us and the console."""

    CONNECTING = "connecting"
    """The port is closed, or open with no successful reading since."""
    UP = "up"
    """The console answers."""
    SILENT = "silent"
    """The port is open but the console does not answer (NMC restarting, cable, power)."""
    LOST = "lost"
    """The port is gone or cannot be opened."""


class LoadState(StrEnum):
    """The PDU's own judgement of a load."""

    LOW = "low"
    NORMAL = "normal"
    NEAR_OVERLOAD = "near_overload"
    OVERLOAD = "overload"
    UNKNOWN = "unknown"


class RebootCause(StrEnum):
    """Why the NMC restarted, as far as the evidence goes."""

    WATCHDOG = "watchdog"
    POWER = "power"
    REQUESTED = "requested"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What an outlet can be told to do; the words are those of the MQTT contract."""

    ON = "ON"
    OFF = "OFF"
    REBOOT = "REBOOT"
    DELAYED_ON = "DELAYED_ON"
    DELAYED_OFF = "DELAYED_OFF"
    DELAYED_REBOOT = "DELAYED_REBOOT"
    CANCEL = "CANCEL"


class Setting(StrEnum):
    """What can be configured over the console; the words are those of the MQTT contract's topics."""

    NAME = "name"
    ON_DELAY = "on_delay"
    OFF_DELAY = "off_delay"
    REBOOT_DURATION = "reboot_duration"
    PDU_NAME = "pdu_name"


class Policy(StrEnum):
    """What may be done to an outlet, whoever asks."""

    NORMAL = "normal"
    NO_OFF = "no-off"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """One outlet, as last read.

    ``read_at``/``read_mono`` tell when the console printed this state; a page read after a command makes one
    outlet younger than its neighbours.
    """

    number: int
    name: str
    """What people call it: the name in the configuration, else the PDU's own label."""
    state: OutletState
    pending: bool
    """A delayed command waits: in the NMC's memory (the ``*`` behind the state), or for the bridge's own clock."""
    read_at: float
    read_mono: float
    changed_at: float | None = None
    """When this state was first seen to differ from the one before, or None if never seen to change."""
    on_delay_s: int | None = None
    """-1 means never."""
    off_delay_s: int | None = None
    reboot_duration_s: int | None = None
    phase: int | None = None
    bank: int | None = None
    own_label: str | None = None
    """The PDU's own label where :attr:`name` is the configuration's."""

    @property
    def label(self) -> str:
        """What the PDU's screens call it."""
        return self.name if self.own_label is None else self.own_label


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The load of one phase or bank."""

    index: int
    deciamps: int
    """Tenths of an ampere, the resolution of the meter."""
    state: LoadState = LoadState.UNKNOWN
    low_a: int | None = None
    near_overload_a: int | None = None
    overload_a: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the PDU says it is. Every field is None until a screen has shown it."""

    model: str | None = None
    serial_number: str | None = None
    hardware_revision: str | None = None
    aos_version: str | None = None
    """Version of the card's operating system, without the leading ``v``."""
    app_version: str | None = None
    """Version of the application on it."""
    manufacture_date: str | None = None
    """As printed, ``MM/DD/YYYY``."""
    mac_address: str | None = None
    """Lower case, colons."""
    name: str | None = None
    contact: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reboot:
    """One restart of the NMC; outlets keep their state through it."""

    id: str
    """Unique for ever; the journal's key."""
    at: float
    """Best estimate of when it happened, Unix time."""
    cause: RebootCause
    evidence: tuple[str, ...]
    """What led to the cause, in words for people."""
    noticed_at: float
    interval_s: float | None = None
    """How long the life that it ended had lasted, or None where a start may have gone unseen in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartStatistics:
    """The restarts of a span of time."""

    count: int = 0
    interval_s: float | None = None
    """Median of the times between them, as far as they are known."""
    jitter_s: float | None = None
    """Median distance of those times from their median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nmc:
    """The management card inside the PDU and the history of its restarts."""

    boot_at: float | None = None
    """When the running NMC started, Unix time; held still against the minute steps of the banner."""
    boot_mono: float | None = None
    """The same moment on the monotonic clock."""
    status_flags: str | None = None
    """As printed, ``P+ N+ A+``."""
    alarm_count: int | None = None
    """Active alarms, where the console tells (AOS 5 and later)."""
    reboot_count: int = 0
    watchdog_reboot_count: int = 0
    reboots_by_cause: Mapping[RebootCause, int] = field(default_factory=dict)
    last_reboot: Reboot | None = None
    interval_s: float | None = None
    """Median of the last intervals between restarts."""
    jitter_s: float | None = None
    """Median distance of those intervals from it."""
    day: RestartStatistics = RestartStatistics()
    """The last 24 hours."""
    week: RestartStatistics = RestartStatistics()
    """The last 7 days."""
    ever: RestartStatistics = RestartStatistics()
    """All that were ever reported; times between the newest of them."""
    next_expected_at: float | None = None
    """When the rhythm lets the next restart expect, or None while there is no rhythm."""
    next_expected_error_s: float | None = None
    """How far that may be off either way."""
    watchdog: bool = False
    """True while the restarts follow the rhythm of the NMC's network watchdog."""
    diagnosis: str | None = None
    """While its watchdog restarts the card: why, as far as the console tells, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCommand:
    """A command that rests in the NMC's memory and dies with a restart, or waits for the bridge's own clock."""

    outlet: int
    action: str
    command_id: str
    since_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PduSnapshot:
    """One whole reading of a PDU, with what was known before."""

    pdu: str
    seq: int
    """Grows by one with every new snapshot of this PDU while the bridge runs."""
    taken_at: float
    taken_mono: float
    """When the outlet list was read whole; a single outlet may be younger (:attr:`Outlet.read_mono`)."""
    dialect: str
    identity: Identity
    nmc: Nmc
    outlets: tuple[Outlet, ...]
    """In order of their numbers: 1..N without gaps, or those that the console account may see."""
    phases: tuple[Load, ...] = ()
    banks: tuple[Load, ...] = ()
    watts: int | None = None
    volt_amperes: int | None = None
    pending: tuple[PendingCommand, ...] = ()

    def outlet(self, number: int) -> Outlet | None:
        """Return the outlet of that number, or None if the PDU has none."""
        return next((outlet for outlet in self.outlets if outlet.number == number), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The line to the console, with a sentence for the person on call."""

    state: LinkState
    since_at: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PduStatus:
    """What the store holds per PDU: the link, the last snapshot, and the rule for its freshness."""

    pdu: str
    link: Link
    snapshot: PduSnapshot | None
    stale_after_s: float
    lost_after_s: float

    def freshness(self, now_mono: float) -> Freshness:
        """Judge the outlet list at ``now_mono``; who serves a value asks at the moment of serving."""
        if self.snapshot is None:
            return Freshness.LOST
        return self._judge(self.snapshot.taken_mono, now_mono)

    def outlet_freshness(self, number: int, now_mono: float) -> Freshness:
        """Judge one outlet, which a command's read-back may have made younger than the list."""
        outlet = self.snapshot.outlet(number) if self.snapshot else None
        if outlet is None:
            return Freshness.LOST
        return self._judge(outlet.read_mono, now_mono)

    def freshness_changes_mono(self, now_mono: float) -> float | None:
        """Tell when :meth:`freshness` will next change by age alone, or None if it will not."""
        if self.snapshot is None or self.link.state is LinkState.LOST:
            return None
        for limit in (self.stale_after_s, self.lost_after_s):
            moment = self.snapshot.taken_mono + limit
            if moment > now_mono:
                return moment
        return None

    def _judge(self, read_mono: float, now_mono: float) -> Freshness:
        if self.link.state is LinkState.LOST:
            return Freshness.LOST
        age_s = now_mono - read_mono
        if age_s < self.stale_after_s:
            return Freshness.FRESH
        return Freshness.STALE if age_s < self.lost_after_s else Freshness.LOST


class EventType(StrEnum):
    """What goes to the event topic, the traps and the journal."""

    WATCHDOG_REBOOT = "watchdog_reboot"
    POWER_REBOOT = "power_reboot"
    REQUESTED_REBOOT = "requested_reboot"
    UNKNOWN_REBOOT = "unknown_reboot"
    PENDING_LOST = "pending_lost"
    OUTLET_CHANGED = "outlet_changed"
    OVERLOAD = "overload"
    LINK_LOST = "link_lost"
    LINK_RESTORED = "link_restored"

    @classmethod
    def of_reboot(cls, cause: RebootCause) -> EventType:
        """Name the event that reports a restart of that cause."""
        return cls(f"{cause}_reboot")


Detail: TypeAlias = str | int | float | bool | None
"""What an event may tell beside its type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened once and must be told once."""

    id: str
    pdu: str
    type: EventType
    at: float
    details: Mapping[str, Detail] = field(default_factory=dict)
