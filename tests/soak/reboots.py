"""Years of a PDU's management card and of the daemon that watches it, simulated in seconds.

The card restarts by its watchdog, by power cuts and by somebody's wish; its clock is wrong and its log is short. The
daemon is killed, the line is pulled, the wall clock is set, the machine restarts, readings come late, fail or are
garbled. The judge knows the truth: every restart that could be seen is reported once, and nothing else is.

Run as ``python -m tests.soak.reboots [hours] [seed]``; exits 1 on the first broken promise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apcbridge.console.events import LogEntry, NetworkReading
from apcbridge.model import Reboot, RebootCause
from apcbridge.pdu.reboots import (
    ConsoleBack,
    ConsoleSilent,
    EventLog,
    Evidence,
    Network,
    RebootDetector,
    RebootMemory,
    RequestedRestart,
    ResetCause,
    Unavailable,
    UpTime,
)
from apcbridge.pdu.reboots.explain import EARLIER
from tests import soak as soaking

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

HOUR = 3600.0
CARD_HOURS = 500.0
EPOCH_AT = 1_700_000_000.0
APART_S = 180
"""Restarts closer to each other than this cannot be told apart by an up time in whole minutes alone."""
LOG_LINES = 300
PAGE_LINES = 60


@dataclass(slots=True)
class Life:
    """One run of the card: the truth that the judge compares reports with."""

    boot: float
    cause: RebootCause
    readings: int = 0
    """Good up-time readings that the daemon took in."""
    told_cause: bool = False
    """The event log or the reset cause of this life was read in time."""
    since_machine_restart: bool = False
    """Only a wall clock that may have jumped tied this life to the one seen before."""
    reports: int = 0


@dataclass(slots=True, kw_only=True)
class Card:
    """The NMC. Times are true seconds since the beginning."""

    rng: random.Random
    log_kind: str
    """``none``, ``d1`` (Coldstart, Warmstart), ``d3`` (those and the network interface) or ``d4`` (and Restarting)."""
    has_lastrst: bool
    logs_logins: bool
    shows_clock: bool
    """The banner tells date and time."""
    boot_s: float
    timer: float
    """Card seconds per true second."""
    cold_clock: bool
    """The card forgets the time of day with its power."""
    lives: list[Life] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    clock_offset_s: float = 0.0
    up_from: float = 0.0
    """When the console answers again."""
    next_at: float = 0.0
    next_cause: RebootCause = RebootCause.UNKNOWN
    gateway_dead: bool = False

    def begin(self) -> None:
        self.clock_offset_s = self.rng.uniform(-3e8, 3e8)
        self.lives.append(Life(boot=-self.rng.uniform(0, 90 * 24 * HOUR), cause=RebootCause.UNKNOWN))
        self._plan(0.0)

    def run_until(self, now: float) -> None:
        while self.next_at <= now:
            self.restart(self.next_at, self.next_cause)

    def restart(self, now: float, cause: RebootCause) -> None:
        boot = now
        if cause is RebootCause.POWER:
            boot += self.rng.choice([2.0, 20.0, 300.0, 2 * HOUR])
        if cause is RebootCause.REQUESTED and self.log_kind == "d4":
            self._write(now - 3, "System: Restarting. Configuration")
        if cause is RebootCause.POWER and self.cold_clock:
            self.clock_offset_s = -EPOCH_AT - boot + 946_684_800.0
        self.lives.append(Life(boot=boot, cause=cause))
        self.up_from = boot + self.boot_s * self.rng.uniform(0.7, 1.3)
        if self.log_kind != "none":
            start = "Coldstart" if cause is RebootCause.POWER else "Warmstart"
            if self.log_kind == "d1" or cause is RebootCause.POWER:
                self._write(boot + 1, f"System: {start}.")
            if self.log_kind != "d1":
                self._write(boot + min(8.0, self.boot_s / 2), "System: Network Interface restarted.")
        self._plan(boot)

    def answers(self, now: float) -> bool:
        return now >= self.up_from

    def up_s(self, now: float) -> int:
        return int((now - self.lives[-1].boot) * self.timer // 60) * 60

    def login(self, now: float) -> None:
        if self.logs_logins and self.log_kind != "none":
            self._write(now, "System: Console user 'apc' logged in from serial port.")

    def lastrst(self) -> str:
        texts = {RebootCause.WATCHDOG: "12 WDT Reset", RebootCause.REQUESTED: "04 Requested Reset"}
        return texts.get(self.lives[-1].cause, "01 Power On Reset")

    def set_clock(self) -> None:
        self.clock_offset_s += self.rng.uniform(-1e6, 1e6)

    def _plan(self, boot: float) -> None:
        """Choose what ends this life: minutes without traffic, or after hours something else."""
        if self.rng.random() < (0.04 if self.gateway_dead else 0.4):
            self.gateway_dead = not self.gateway_dead
        if self.gateway_dead:
            self.next_at, self.next_cause = boot + 570 + self.boot_s, RebootCause.WATCHDOG
            return
        self.next_at = boot + self.rng.expovariate(1 / (30 * HOUR)) + 200
        # Without a Restarting line nothing tells somebody's wish from the watchdog, unless it came through us.
        others = [RebootCause.REQUESTED] if self.log_kind in ("d4", "none") else []
        self.next_cause = self.rng.choice([RebootCause.POWER, RebootCause.WATCHDOG, *others])

    def clock(self, now: float) -> tuple[str, str]:
        clock = datetime.fromtimestamp(EPOCH_AT + now + self.clock_offset_s, UTC)
        return clock.strftime("%m/%d/%Y"), clock.strftime("%H:%M:%S")

    def _write(self, now: float, text: str) -> None:
        date, clock = self.clock(now)
        self.log.insert(0, LogEntry(date=date, time=clock, text=text))
        del self.log[LOG_LINES:]


@dataclass(slots=True)
class Tally(soaking.Tally):
    """What came of it all."""

    seen: int = 0
    told_by_log_only: int = 0
    undecidable: int = 0
    daemon_restarts: int = 0
    machine_restarts: int = 0
    garbled: int = 0


class Watch:
    """A daemon with all its misfortunes in front of one card, and the judge behind it."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tally = Tally()
        kind = rng.choice(["none", "d1", "d3", "d4"])
        self.card = Card(
            rng=rng,
            log_kind=kind,
            has_lastrst=kind == "d4" and rng.random() < 0.7,
            logs_logins=rng.random() < 0.5,
            shows_clock=rng.random() < 0.7,
            boot_s=rng.uniform(5, 120),
            timer=1 + rng.uniform(-1e-4, 1e-4),
            cold_clock=rng.random() < 0.5,
        )
        self.card.begin()
        self.now = 0.0
        self.poll_s = rng.choice([10.0, 30.0, 60.0])
        self.holds = rng.random() < 0.5
        self.mono_zero = rng.uniform(0, 1e6)
        self.wall_offset_s = 0.0
        self.machine_run = 0
        self.memory: RebootMemory | None = None
        self.in_session = False
        self.silent = False
        self.last_byte = 0.0
        self.line_cut_until = -1.0
        self.predicted: dict[int, float] = {}
        """Number of a life -> when it was expected to begin."""
        self.first_life: Life | None = None
        self.last_reported = 0
        self.detector = self._start()

    def run(self, hours: float) -> Tally:
        end = hours * HOUR
        while self.now < end and not self.tally.faults:
            self._misfortune()
            self._advance(self.poll_s * self.rng.uniform(0.8, 1.5))
            self._poll()
            self._settle()
        self._judge_end()
        self.tally.hours = self.now / HOUR
        self.tally.restarts = len(self.card.lives) - 1
        return self.tally

    # Clocks

    def _clocks(self) -> tuple[float, float]:
        return self.now + self.mono_zero, EPOCH_AT + self.now + self.wall_offset_s

    def _advance(self, seconds: float) -> None:
        self.now += seconds
        self.card.run_until(self.now)

    # What befalls the daemon

    def _misfortune(self) -> None:
        chance = self.rng.random() * HOUR / self.poll_s
        if chance < 0.1:
            self._kill_daemon()
        elif chance < 0.12:
            self._restart_machine()
        elif chance < 0.2:
            self.wall_offset_s += self.rng.choice([-86400.0, 86400.0, -3600.0, 3600.0, 2.0])
            self.tally.clock_jumps += 1
        elif chance < 0.4:
            self.line_cut_until = self.now + self.rng.choice([5.0, 40.0, 200.0, HOUR])
            self.tally.line_losses += 1
        elif chance < 0.45:
            self.card.set_clock()
        elif chance < 0.48 and self.card.answers(self.now) and self.card.up_s(self.now) >= APART_S:
            mono, at = self._clocks()
            self.detector.observe(RequestedRestart(by="tester", now_mono=mono, now_at=at))
            self._settle()
            self.card.restart(self.now, RebootCause.REQUESTED)

    def _kill_daemon(self, away_s: float | None = None) -> None:
        self.tally.daemon_restarts += 1
        self._advance(self.rng.choice([1.0, 30.0, 900.0, 12 * HOUR]) if away_s is None else away_s)
        self.in_session = False
        self.silent = False
        self.last_byte = self.now
        self.detector = self._start()

    def _restart_machine(self) -> None:
        self.tally.machine_restarts += 1
        self.machine_run += 1
        before = len(self.card.lives)
        away_s = self.rng.choice([60.0, 900.0, 6 * HOUR])
        self._advance(away_s)
        self.mono_zero = self.rng.uniform(0, 100) - self.now
        # Where the place in the log was lost (a report had to do without it) only the wall clock is left.
        log_decides = self.card.log_kind != "none" and not self.card.cold_clock and self._place_known()
        if log_decides and self.rng.random() < 0.5:
            self.wall_offset_s += self.rng.choice([-86400.0, 86400.0, -away_s])
        for life in self.card.lives[before - 1 :]:
            life.since_machine_restart = True
        self._kill_daemon(0.0)

    def _place_known(self) -> bool:
        return self.memory is not None and self.memory.mark is not None

    def _start(self) -> RebootDetector:
        memory = RebootMemory.parse(self.memory.dump()) if self.memory else None
        detector = RebootDetector("p", memory, machine_boot=f"run{self.machine_run}")
        mono, at = self._clocks()
        if self.card.log_kind == "none":
            detector.observe(Unavailable(evidence=Evidence.EVENT_LOG, now_mono=mono, now_at=at))
        if not self.card.has_lastrst:
            detector.observe(Unavailable(evidence=Evidence.RESET_CAUSE, now_mono=mono, now_at=at))
        return detector

    # What the supervisor does

    def _poll(self) -> None:
        if not self._reachable():
            self._fall_silent()
            return
        life = self.card.lives[-1]
        if self.silent or (self.in_session and life.boot > self.last_byte):
            mono, at = self._clocks()
            lost = self.in_session and life.boot > self.last_byte
            back = ConsoleBack(session_lost=lost, since_mono=self.last_byte + self.mono_zero, now_mono=mono, now_at=at)
            self.detector.observe(back)
            self.silent = False
            self.in_session = self.in_session and not lost
        if not self.holds or not self.in_session or Evidence.UP_TIME in self.detector.wanted_evidence():
            self._read_up_time()
        self._heard()
        for kind in sorted(self.detector.wanted_evidence()):
            if self.rng.random() < 0.8 and self._reachable():
                self._read(kind)

    def _reachable(self) -> bool:
        return self.card.answers(self.now) and self.now >= self.line_cut_until

    def _heard(self) -> None:
        self.in_session = self.holds
        self.last_byte = self.now

    def _fall_silent(self) -> None:
        if not self.silent:
            mono, at = self._clocks()
            self.detector.observe(ConsoleSilent(since_mono=self.last_byte + self.mono_zero, now_mono=mono, now_at=at))
            self.silent = True

    def _read_up_time(self) -> None:
        self.card.login(self.now)
        asked = self.now
        self._advance(self.rng.uniform(0.1, 2))
        life, up_s = self.card.lives[-1], self.card.up_s(self.now)
        self._advance(self.rng.choice([0.3, 1.0, 20.0]))
        if self.card.lives[-1] is not life or not self.card.answers(self.now):
            return
        if self.rng.random() < 0.003:
            up_s = self.rng.choice([up_s // 600 * 60, up_s + 864_000, 0, up_s * 10])
            self.tally.garbled += 1
        else:
            life.readings += 1
            self.first_life = self.first_life or life
        mono, at = self._clocks()
        date, clock = self.card.clock(self.now) if self.card.shows_clock else (None, None)
        self.detector.observe(
            UpTime(seconds=up_s, asked_mono=asked + self.mono_zero, now_mono=mono, now_at=at, date=date, time=clock)
        )

    def _read(self, kind: Evidence) -> None:
        if kind is Evidence.UP_TIME:
            self._read_up_time()
            return
        life = self.card.lives[-1]
        self._advance(self.rng.uniform(0.5, 6))
        if self.card.lives[-1] is not life:
            return
        mono, at = self._clocks()
        if kind is Evidence.NETWORK:
            reading = NetworkReading(address="192.168.7.20", gateway="192.168.7.254")
            self.detector.observe(Network(reading=reading, flags="P+ N+ A+", now_mono=mono, now_at=at))
            return
        life.told_cause = True
        if kind is Evidence.RESET_CAUSE:
            self.detector.observe(ResetCause(text=self.card.lastrst(), now_mono=mono, now_at=at))
            return
        entries = tuple(self.card.log[:PAGE_LINES])
        whole = len(self.card.log) <= PAGE_LINES
        self.detector.observe(EventLog(entries=entries, complete=whole, now_mono=mono, now_at=at))

    def _settle(self) -> None:
        mono, at = self._clocks()
        for reboot in self.detector.settle(mono, at):
            self._judge(reboot, at)
        self.memory = self.detector.memory()
        nmc = self.detector.nmc()
        lives = self.card.lives
        knows_life = nmc.boot_mono is not None and abs(nmc.boot_mono - self.mono_zero - lives[-1].boot) < 70
        if nmc.next_expected_at is not None and knows_life:
            self.predicted[len(lives)] = self.now + nmc.next_expected_at - at

    # The judge

    def _judge(self, reboot: Reboot, now_at: float) -> None:
        self.tally.reported += 1
        happened = self.now - (now_at - reboot.at)
        life = self._nearest(happened)
        dated = life is not None and abs(life.boot - happened) < 400 and not life.reports
        by_log = reboot.evidence[0].startswith(EARLIER)
        dated = dated and "guess" not in reboot.evidence[0]
        if by_log and not dated:
            # The card's clock may have been set or lost in between: the order is right, the time may not be.
            life = self._next_unseen()
        elif life is not None and abs(life.boot - happened) > 400:
            life = None
        if life is None:
            self._fault(f"false report {reboot} at {happened:.0f}", None)
            return
        life.reports += 1
        self.last_reported = max(self.last_reported, self.card.lives.index(life))
        if life.readings:
            self.tally.boot_errors_s.append(abs(life.boot - happened))
        if life.reports > 1:
            self._fault(f"reported twice: {reboot}", life)
        if life.readings == 0:
            self.tally.told_by_log_only += 1
        if reboot.cause is RebootCause.UNKNOWN:
            self.tally.unknown += 1
        elif reboot.cause is not life.cause and life.readings and not by_log and not _across_machine(reboot, life):
            self._fault(f"called {reboot.cause}, was {life.cause}: {reboot}", life)
        expected = self.predicted.get(self.card.lives.index(life))
        if expected is not None and life.boot - expected < 300:
            self.tally.prediction_errors_s.append(abs(expected - life.boot))

    def _nearest(self, happened: float) -> Life | None:
        """Return the start nearest to a moment; of two within the minute of the up time, the one not yet reported."""
        near = [life for life in self.card.lives[1:] if abs(life.boot - happened) < 60 and not life.reports]
        return min(near or self.card.lives[1:], key=lambda life: abs(life.boot - happened), default=None)

    def _next_unseen(self) -> Life | None:
        """Return the first start after the last one reported, if nothing but the log can have told of it."""
        later = self.card.lives[self.last_reported + 1 :]
        return next((life for life in later if not life.reports), None)

    def _judge_end(self) -> None:
        lives = self.card.lives
        begun = lives.index(self.first_life) if self.first_life else len(lives)
        for life in lives[begun + 1 : -1]:
            if life.readings < 3:
                continue
            self.tally.seen += 1
            if life.reports == 1:
                continue
            if life.since_machine_restart and self.card.log_kind == "none":
                self.tally.undecidable += 1
                continue
            self._fault("never reported", life)

    def _fault(self, text: str, life: Life | None) -> None:
        self.tally.faults.append(f"{text}; nearest true restart {life}; card {self.card.log_kind}; now {self.now:.0f}")


def _across_machine(reboot: Reboot, life: Life) -> bool:
    """Tell whether what was asked for through us had to be remembered by a wall clock that may have jumped."""
    return life.since_machine_restart or any("machine was down" in line for line in reboot.evidence)


def soak(hours: float, seed: int) -> Tally:
    """Watch card after card until that many hours have passed; stop at the first fault."""
    return soaking.card_after_card(Tally(), hours, seed, lambda rng: Watch(rng).run(min(CARD_HOURS, hours)))


def figures(tally: Tally) -> Iterator[str]:
    """Say what came of it."""
    yield (
        f"{tally.daemon_restarts} daemon restarts, {tally.machine_restarts} machine restarts, "
        f"{tally.clock_jumps} clock jumps, {tally.line_losses} line losses, {tally.garbled} garbled readings"
    )
    yield f"{tally.restarts} NMC restarts, {tally.seen} of them seen, {tally.reported} reported"
    yield f"{tally.told_by_log_only} told by the event log alone, {tally.unknown} of unknown cause"
    yield f"{tally.undecidable} undecidable (machine restarted, no log)"


if __name__ == "__main__":
    raise SystemExit(soaking.run(10_000.0, soak, figures))
