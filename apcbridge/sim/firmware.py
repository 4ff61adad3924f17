"""The PDU behind the console: relays, management card, watchdog, event log. Pure; time is an argument.

``now`` is the device's own monotonic clock in seconds; it may run faster than the world's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apcbridge.model import RebootCause
from apcbridge.sim.accounts import AccountBook
from apcbridge.sim.profiles import Dialect, NetworkSettings, Profile
from apcbridge.sim.relays import AcceptedCommand, Action, ActuationLog, OutletSettings, RelayBoard

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

_LOG_SIZE = 300
_MASTERSWITCH = {Dialect.D0, Dialect.D1}


@dataclass(frozen=True, slots=True)
class Restart:
    """One restart of the NMC: the truth that a daemon's report is compared with."""

    at_mono: float
    ready_mono: float
    cause: RebootCause
    lost: tuple[int, ...]
    """Outlets whose pending command went away with it."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the event log, with the NMC's own idea of the time."""

    wall_at: float
    text: str


class Firmware:
    """One PDU's insides; its consoles read and command it."""

    def __init__(self, profile: Profile, *, now: float, wall: float, rng: random.Random) -> None:
        """Start running at ``now``, ``profile.up_time_at_start_s`` after the last restart."""
        self.profile = profile
        self.rng = rng
        self.log = ActuationLog()
        self.relays = RelayBoard(_settings(profile), profile.on, self._draw_lag, self.log)
        self.pdu_name = profile.pdu_name
        self.contact = profile.contact
        self.location = profile.location
        self.network: NetworkSettings = profile.network
        self.ethernet = profile.ethernet
        self.answering_hosts = set(profile.answering_hosts)
        self.watchdog = profile.watchdog
        self.clock_offset_s = profile.clock_offset_s
        self.events: list[LogEntry] = []
        self.restarts: list[Restart] = []
        self.forbidden: list[str] = []
        """Commands that wipe the unit, as they were typed; no driver may ever add to this."""
        self.reset_text = profile.quirks.lastrst_power
        self.reboot_required = profile.quirks.cli_reboot_required
        self.boots = 0
        """Grows by one with every restart; a console that sees it change has been cut off."""
        self.accounts = AccountBook(profile.accounts)
        self._wall_of_zero = wall - now
        self._boot_mono = now - profile.up_time_at_start_s
        self._ready_mono: float | None = None
        self._cause = RebootCause.POWER
        self._traffic_mono = now
        self._probe_at = now
        self._lan_at: float | None = None
        self._start_network(now)
        self._settings_due: list[tuple[float, OutletSettings, str, int | str]] = []

    # -- time ----------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Let everything happen that is due by ``now``, in order."""
        while (due := self.next_event()) is not None and due <= now:
            self.relays.advance(due)
            self._apply_settings(due)
            self._advance_nmc(due)

    def next_event(self) -> float | None:
        """When something happens next by itself."""
        times = [self.relays.next_event(), self._ready_mono]
        if self._ready_mono is None:
            times += [self._watchdog_at(), self._probe_at, self._lan_at]
        times += [due for due, *_ in self._settings_due]
        return min((t for t in times if t is not None), default=None)

    def wall(self, now: float) -> float:
        """Return the NMC's clock, Unix time; wrong by the offset of the profile."""
        return self._wall_of_zero + now + self.clock_offset_s

    def clock(self, now: float) -> datetime:
        """Return the NMC's clock as date and time."""
        return self.stamp(self.wall(now))

    @staticmethod
    def stamp(wall_at: float) -> datetime:
        """Return a moment of the NMC's clock as it prints it."""
        return datetime.fromtimestamp(wall_at, tz=UTC)

    def up_time_s(self, now: float) -> float:
        """Seconds since the NMC started."""
        return max(0.0, now - self._boot_mono)

    def is_up(self) -> bool:
        """Tell whether the NMC runs, as opposed to starting."""
        return self._ready_mono is None

    def up_since_s(self, now: float) -> float:
        """Seconds since the console became usable after the last restart; large if there was none."""
        return now - self.restarts[-1].ready_mono if self.restarts else self.up_time_s(now)

    # -- restarts and network ------------------------------------------------------------------------------

    def restart(self, now: float, cause: RebootCause) -> Restart:
        """Restart the NMC: pending commands are lost, relays keep their state, mains loss apart."""
        lost = self.relays.lose_pending(now, lagging=self.profile.quirks.restart_loses_lagging)
        if cause is RebootCause.REQUESTED:
            self.record(now, "System: Restarting. Configuration")
        if cause is RebootCause.POWER:
            before = [self.relays.is_on(n) for n in self.relays.numbers]
            self.relays.power_loss(now)
            back = [True] * len(before) if self.profile.quirks.on_after_power_loss else before
            self.relays.power_return(now, back)
        self.reset_text = {
            RebootCause.WATCHDOG: "12 WDT Reset",
            RebootCause.REQUESTED: "04 Requested Reset",
            RebootCause.POWER: self.profile.quirks.lastrst_power,
            RebootCause.UNKNOWN: "08 Reset Button",
        }[cause]
        self._cause = cause
        self.boots += 1
        self._boot_mono = now
        self._ready_mono = now + self.profile.boot_s
        self.reboot_required = False
        restart = Restart(now, self._ready_mono, cause, lost)
        self.restarts.append(restart)
        return restart

    def traffic(self, now: float) -> None:
        """Note that a frame for the NMC came by: the watchdog starts anew."""
        if self.ethernet:
            self._traffic_mono = max(self._traffic_mono, now)

    def set_network(self, settings: NetworkSettings) -> None:
        """Take new network settings; they hold from the next gateway probe."""
        self.network = settings

    def _start_network(self, now: float) -> None:
        self._traffic_mono = now
        self._probe_at = now + self.profile.gateway_probe_s
        every = self.profile.lan_traffic_every_s
        self._lan_at = now + every if every else None

    def _watchdog_at(self) -> float | None:
        return self._traffic_mono + self.profile.watchdog_s if self.watchdog else None

    def _advance_nmc(self, now: float) -> None:
        if self._ready_mono is not None:
            if self._ready_mono <= now:
                self._ready_mono = None
                self._start_network(now)
                self._record_start(now)
            return
        if self._probe_at <= now:
            self._probe_at = now + self.profile.gateway_probe_s
            if self.network.gateway in self.answering_hosts:
                self.traffic(now)
        if self._lan_at is not None and self._lan_at <= now:
            self._lan_at = now + self.profile.lan_traffic_every_s
            self.traffic(now)
        watchdog_at = self._watchdog_at()
        if watchdog_at is not None and watchdog_at <= now:
            self.restart(now, RebootCause.WATCHDOG)

    def _record_start(self, now: float) -> None:
        quirks = self.profile.quirks
        if self._cause is RebootCause.POWER:
            text = quirks.cold_start_event
        elif quirks.warm_start_event:
            text = quirks.warm_start_event
        elif self.profile.dialect in _MASTERSWITCH:
            text = "System: Warmstart."
        else:
            text = "System: Network Interface restarted."
        self.record(now, text)

    # -- outlets -------------------------------------------------------------------------------------------

    def accept(self, action: Action, outlets: Iterable[int], now: float, via: str) -> AcceptedCommand:
        """Take a command from a console."""
        numbers = tuple(outlets)
        command = self.relays.accept(action, numbers, now, via)
        if self.profile.quirks.outlet_events:
            words = str(action).replace("_", " ")
            for number in numbers:
                self.record(now, f"Switched Rack PDU: Outlet #{number} {words} command.")
        return command

    def settings(self, outlet: int) -> OutletSettings:
        """Return an outlet's settings."""
        return self.relays.settings[outlet - 1]

    def configure(self, outlet: int, field: str, value: int | str, now: float) -> None:
        """Change one field of an outlet's settings, after the delay that the profile asks for."""
        due = now + self.profile.quirks.settings_delay_s
        self._settings_due.append((due, self.settings(outlet), field, value))
        self._apply_settings(now)

    def _apply_settings(self, now: float) -> None:
        for entry in [entry for entry in self._settings_due if entry[0] <= now]:
            self._settings_due.remove(entry)
            setattr(entry[1], entry[2], entry[3])

    def state_text(self, outlet: int) -> str:
        """Return ``ON`` or ``OFF``, with ``*`` while a command is pending."""
        star = self.relays.is_pending(outlet, lag_too=self.profile.quirks.lag_counts_as_pending)
        return ("ON" if self.relays.is_on(outlet) else "OFF") + ("*" if star else "")

    def _draw_lag(self) -> float:
        return self.rng.uniform(self.profile.relay_lag_min_s, self.profile.relay_lag_s)

    # -- load ----------------------------------------------------------------------------------------------

    def phase_of(self, outlet: int) -> int:
        """Return the phase that feeds an outlet; blocks of equal size."""
        return (outlet - 1) * self.profile.phases // self.profile.outlets + 1

    def bank_of(self, outlet: int) -> int:
        """Return the bank of an outlet, 0 on a unit without banks."""
        return (outlet - 1) * self.profile.banks // self.profile.outlets + 1 if self.profile.banks else 0

    def phase_deciamps(self, phase: int) -> int:
        """Tenths of amperes on a phase: the sum over the outlets that are on."""
        return sum(self._deciamps(n) for n in self.relays.numbers if self.phase_of(n) == phase)

    def bank_deciamps(self, bank: int) -> int:
        """Tenths of amperes on a bank."""
        return sum(self._deciamps(n) for n in self.relays.numbers if self.bank_of(n) == bank)

    def total_deciamps(self) -> int:
        """Tenths of amperes of the whole unit."""
        return sum(self._deciamps(n) for n in self.relays.numbers)

    def watts(self) -> int:
        """Power of the whole unit, at a power factor of 1."""
        return self.total_deciamps() * self.profile.voltage_v // 10

    def _deciamps(self, outlet: int) -> int:
        return self.settings(outlet).deciamps if self.relays.is_on(outlet) else 0

    # -- buttons and log -----------------------------------------------------------------------------------

    def press_reset(self, now: float) -> None:
        """Press the reset button: the NMC restarts; a second time before it is up opens password recovery."""
        if self.is_up():
            self.restart(now, RebootCause.UNKNOWN)
        else:
            self.accounts.arm_recovery()

    def record(self, now: float, text: str) -> None:
        """Write a line into the event log, which keeps the newest."""
        if not self.profile.quirks.event_log:
            return
        self.events.append(LogEntry(self.wall(now), text))
        del self.events[:-_LOG_SIZE]


def _settings(profile: Profile) -> list[OutletSettings]:
    columns = zip(
        profile.names,
        profile.on_delay_s,
        profile.off_delay_s,
        profile.reboot_duration_s,
        profile.outlet_deciamps,
        strict=True,
    )
    return [OutletSettings(name[:23], *rest) for name, *rest in columns]
