"""Finds every restart of an NMC, exactly once, and says why as far as the evidence goes.

The state machine that waits, reports and remembers; :mod:`.suspicion`, :mod:`.finding`, :mod:`.doubt` and
:mod:`.logplace` weigh one kind of evidence each, :mod:`.explain` all of it, and :mod:`.outlook` is what others see.

The up time is the judge: it names the moment of the last start on our monotonic clock, and a later start is a restart.
Two readings must agree on it, because one may be garbled on the line. Silence on the console only raises the question.
The event log and ``lastrst`` are read once a restart is certain; the report waits for them, up to a deadline.

Across a restart of the daemon the monotonic clock goes on if the machine did (``machine_boot``). If the machine
restarted too, its wall clock may have jumped: then the event log is asked first, and the wall clock decides only where
the log cannot.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.model import RebootCause
from apcbridge.pdu.reboots import explain
from apcbridge.pdu.reboots.doubt import Doubt, Verdict
from apcbridge.pdu.reboots.explain import Request
from apcbridge.pdu.reboots.finding import EXPLAIN_S, Finding, found
from apcbridge.pdu.reboots.ledger import Ledger
from apcbridge.pdu.reboots.lives import AGREE, TOLERANCE_S, Life, Match, Span, boot_span
from apcbridge.pdu.reboots.logplace import LogPlace
from apcbridge.pdu.reboots.memory import RebootMemory
from apcbridge.pdu.reboots.observations import (
    ConsoleBack,
    ConsoleSilent,
    EventLog,
    Evidence,
    Network,
    Observation,
    RequestedRestart,
    ResetCause,
    Unavailable,
    UpTime,
)
from apcbridge.pdu.reboots.outlook import Outlook
from apcbridge.pdu.reboots.suspicion import Silence, Suspicion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.model import Nmc, Reboot

REMEMBER_S = 900.0
"""How often the memory is worth a write although nothing happened: it tells when the card was last seen."""


class RebootDetector:
    """One PDU's restarts. Pure: every observation brings its own time.

    The supervisor tells what it sees with :meth:`observe`, reads what :meth:`wanted_evidence` asks for, and after each
    round calls :meth:`settle`, which returns each restart exactly once. It then gives those restarts *and*
    :meth:`memory` to the journal in one call, and publishes after that was committed.
    """

    def __init__(
        self,
        pdu: str,
        memory: RebootMemory | None = None,
        *,
        machine_boot: str = "",
        pace: float = 1.0,
        history: Iterable[tuple[float, float | None]] = (),
    ) -> None:
        """Start from what was remembered, and for the statistics from the journal's ``history`` (:class:`Ledger`).

        ``machine_boot`` identifies the run of the kernel whose monotonic clock is used
        (``/proc/sys/kernel/random/boot_id``). ``pace`` is the card's seconds per second of ours: 1, save for a
        simulator whose clock was sped up.
        """
        known = memory or RebootMemory()
        same_machine_run = machine_boot != "" and known.machine_boot == machine_boot
        self._machine_boot = machine_boot
        self._pace = pace
        self._life = Life.recalled(known.life) if known.life and same_machine_run else None
        self._ledger = Ledger(pdu, known, history)
        self._doubt = Doubt(memory=known.life) if known.life and not same_machine_run else None
        self._suspicion = Suspicion(pace)
        self._finding: Finding | None = None
        self._place = LogPlace(known.mark)
        self._request: Request | None = None
        if known.requested_mono is not None:
            self._request = Request(by=known.requested_by, at_mono=known.requested_mono)
        self._ready: list[Reboot] = []
        self._unavailable: set[Evidence] = set()
        self._outlook = Outlook(self._ledger, pace)
        self._log_due = False
        """The up time will not be told any more, and starts may stand in the log."""
        self._remembered_mono = float("-inf")
        self._now_mono = 0.0
        self._now_at = 0.0
        self._revision = 0
        self._saved = known

    @property
    def revision(self) -> int:
        """Grows when :meth:`memory` is worth a write to disk; look at it after :meth:`settle`."""
        return self._revision

    def observe(self, observation: Observation) -> None:
        """Take in what was seen."""
        self._pass_time(observation.now_mono, observation.now_at)
        match observation:
            case UpTime():
                self._on_up_time(observation)
            case ConsoleSilent():
                self._suspicion.fell_silent(observation)
            case ConsoleBack():
                self._suspicion.came_back(observation)
            case EventLog():
                self._on_event_log(observation)
            case ResetCause():
                self._take_evidence(observation)
            case Network():
                self._outlook.network = observation
            case RequestedRestart():
                self._request = Request(by=observation.by, at_mono=observation.now_mono)
                self._revision += 1
            case Unavailable():
                self._on_unavailable(observation.evidence)
        self._outlook.hold_boot(self._life, *self._now)

    def settle(self, now_mono: float, now_at: float) -> tuple[Reboot, ...]:
        """Return the restarts that are certain and either explained or past waiting for, oldest first; once each."""
        self._pass_time(now_mono, now_at)
        if self._doubt and self._doubt.certain and (self._logless() or now_mono >= self._doubt.deadline_mono):
            self._decide_by_wall_clock(self._doubt)
        if self._blind() and self._suspicion.silence:
            self._decide_without_up_time(self._suspicion.silence)
        if self._finding and (self._finding.missing <= self._unavailable or now_mono >= self._finding.deadline_mono):
            self._report(self._finding)
        self._outlook.hold_boot(self._life, *self._now)
        reboots, self._ready = tuple(self._ready), []
        self._saved = self._snapshot()
        if reboots or now_mono > self._remembered_mono + REMEMBER_S:
            self._remembered_mono = now_mono
            self._revision += 1
        return reboots

    def wanted_evidence(self) -> frozenset[Evidence]:
        """Tell what would help now; empty most of the time, and while the console is silent."""
        if self._suspicion.is_silent:
            return frozenset()
        wanted: set[Evidence] = set()
        if self._asks_up_time() and Evidence.UP_TIME not in self._unavailable:
            wanted.add(Evidence.UP_TIME)
        elif self._finding:
            wanted |= self._finding.missing
        elif self._doubt or self._asks_log() or self._place.wanted(self._now_mono):
            wanted.add(Evidence.EVENT_LOG)
        ailing = self._outlook.ailing(self._life, self._now_mono)
        if not self._asks_up_time() and self._outlook.network is None and (self._finding or ailing):
            wanted.add(Evidence.NETWORK)
        return frozenset(wanted - self._unavailable)

    def nmc(self, status_flags: str | None = None, alarm_count: int | None = None) -> Nmc:
        """Return boot time, counts, rhythm and prediction as of the last observation or settling."""
        return self._outlook.nmc(self._life, *self._now, status_flags, alarm_count)

    @property
    def calm(self) -> bool:
        """True while nothing that was seen lets suspect a restart that was not reported yet."""
        return not (self._asks_up_time() or self._finding or self._doubt or (self._blind() and self._log_due))

    @property
    def boot(self) -> Span | None:
        """When the running NMC started, or None if nothing is known of it."""
        return self._life.boot if self._life else None

    def memory(self) -> RebootMemory:
        """Return what the journal must keep, as of the last :meth:`settle`: no more than what that has reported."""
        return self._saved

    # Observations

    def _on_up_time(self, reading: UpTime) -> None:
        self._unavailable.discard(Evidence.UP_TIME)
        self._suspicion.heard(reading.now_mono)
        if self._doubt:
            self._doubtful_up_time(self._doubt, reading)
            return
        if self._life is None or self._life.agreed == 0:
            self._first_up_time(reading)
            return
        match self._life.match(reading, self._pace):
            case Match.SAME:
                self._same_life(self._life, reading)
            case Match.EARLIER:
                self._earlier_start(reading)
            case Match.LATER:
                self._later_start(self._life, reading)

    def _first_up_time(self, reading: UpTime) -> None:
        """Begin, or give a start that silence alone had told its up time."""
        told = Life.told_by(reading, self._pace)
        if self._life is not None:
            told.boot = self._life.boot.meet(told.boot)
            told.held_mono = told.boot.holds(told.held_mono)
        self._life = told
        self._suspicion.silence = None
        self._revision += 1

    def _same_life(self, life: Life, reading: UpTime) -> None:
        """Go on with the known life, unless the card restarted within the minute that the up time cannot resolve."""
        silence = self._suspicion.silence
        if silence and silence.proof and silence.covers(reading, self._pace):
            self._confirm(Life.told_by(reading, self._pace))
            return
        life.narrow(reading, self._pace)
        if life.agreed == AGREE:
            self._revision += 1
        self._suspicion.dismiss()

    def _later_start(self, life: Life, reading: UpTime) -> None:
        """Tell a restart from a roll-over and from a garbled reading."""
        wrap_s = life.wrap(reading, self._pace)
        if wrap_s is not None and not self._suspicion.covers(reading):
            life.wrapped_s += wrap_s
            self._revision += 1
            self._same_life(life, reading)
            return
        told = boot_span(reading, self._pace)
        if life.agreed < AGREE and told.hi < life.alive_mono - TOLERANCE_S / self._pace:
            # The card cannot have started before we saw it in another life: one of the two readings was garbled, and
            # the known one was never repeated.
            self._earlier_start(reading)
            return
        certain = self._suspicion.later_start(reading)
        if certain:
            self._confirm(*certain)

    def _earlier_start(self, reading: UpTime) -> None:
        """Believe a reading that contradicts the known life without being a restart when it comes again and again."""
        life = self._suspicion.strayed(reading)
        if life is not None:
            self._life = life
            self._suspicion.dismiss()
            self._revision += 1

    def _on_event_log(self, log: EventLog) -> None:
        if self._explaining:
            self._take_evidence(log)
        elif self._doubt:
            self._doubtful_event_log(self._doubt, log)
        elif self._blind():
            self._blind_event_log(log)
        elif not self._suspicion:
            self._remember_place(log)

    def _on_unavailable(self, evidence: Evidence) -> None:
        self._unavailable.add(evidence)
        if evidence is Evidence.UP_TIME and self._place.mark is not None:
            self._log_due = True

    # After a restart of the machine

    def _doubtful_up_time(self, doubt: Doubt, reading: UpTime) -> None:
        if not doubt.take(reading, self._pace):
            self._decide_by_wall_clock(doubt)
            self._on_up_time(reading)
            return
        if doubt.certain is None or doubt.certain.agreed > AGREE:
            return
        doubt.deadline_mono = reading.now_mono + EXPLAIN_S
        self._resolve(doubt, doubt.by_card())

    def _doubtful_event_log(self, doubt: Doubt, log: EventLog) -> None:
        if doubt.certain is None and not self._blind():
            return
        self._resolve(doubt, doubt.by_log(*self._place.unreported(log)))
        if self._doubt:
            self._decide_by_wall_clock(doubt)
        elif self._finding:
            self._take_evidence(log)
        else:
            self._remember_place(log)

    def _logless(self) -> bool:
        """Tell whether no event log can settle a doubt: it cannot be read, or never was."""
        return self._place.mark is None or Evidence.EVENT_LOG in self._unavailable

    def _decide_by_wall_clock(self, doubt: Doubt) -> None:
        self._place.went_without()
        self._resolve(doubt, doubt.by_wall_clock(self._now_mono, self._now_at))

    def _resolve(self, doubt: Doubt, verdict: Verdict) -> None:
        """End the doubt, unless the verdict is open: go on with the remembered life, or find its end."""
        if verdict is Verdict.OPEN:
            return
        self._doubt = None
        self._life = doubt.carried(self._now_mono, self._now_at)
        if verdict is Verdict.ENDED:
            if self._request:
                shift_s = doubt.shift_s(self._now_mono, self._now_at)
                self._request = replace(self._request, at_mono=self._request.at_mono + shift_s)
            self._confirm(doubt.told or Life.between(self._now_mono, self._now_mono), guessed=True)
            return
        self._request = None
        if doubt.told is not None:
            doubt.told.add_wraps(doubt.memory.wrapped_s, self._pace)
            self._life = doubt.told
        self._suspicion.dismiss()
        self._revision += 1

    # Consoles that do not tell the up time

    def _blind(self) -> bool:
        return Evidence.UP_TIME in self._unavailable

    def _blind_event_log(self, log: EventLog) -> None:
        self._log_due = False
        if self._finding:
            self._report(self._finding)
        new, _ = self._place.unreported(log)
        silence = self._suspicion.silence
        if (new and self._place.mark) or (silence and silence.proof):
            back_mono = silence.back_mono if silence and silence.back_mono else log.now_mono
            self._confirm(Life.between(silence.since_mono if silence else back_mono, back_mono))
            self._take_evidence(log)
            return
        self._suspicion.dismiss()
        self._remember_place(log)

    def _decide_without_up_time(self, silence: Silence) -> None:
        back_mono = silence.back_mono
        if back_mono is None:
            return
        if Evidence.EVENT_LOG not in self._unavailable and self._now_mono < back_mono + EXPLAIN_S:
            return
        if silence.proof:
            self._confirm(Life.between(silence.since_mono, back_mono))
        else:
            self._suspicion.dismiss()

    # From suspicion to report

    def _confirm(self, *lives: Life, guessed: bool = False) -> None:
        """Take the last of these lives for the card's from here on; the card has left the others already."""
        for life in lives:
            self._begin_finding(life, guessed=guessed)
        self._suspicion.dismiss()

    def _begin_finding(self, life: Life, *, guessed: bool) -> None:
        """Begin to gather evidence of why the card restarted into ``life``."""
        if self._finding:
            self._report(self._finding)
        self._finding = found(
            life,
            self._life,
            self._suspicion.silence,
            self._now_mono,
            self._pace,
            guessed=guessed,
            any_time=guessed or self._place.uncounted,
        )
        self._life = life
        self._outlook.network = None
        self._unavailable.discard(Evidence.NETWORK)

    @property
    def _explaining(self) -> bool:
        """Tell whether evidence read now belongs to the restart being explained, not to a newer one."""
        return self._finding is not None and not self._suspicion

    def _take_evidence(self, seen: EventLog | ResetCause) -> None:
        if self._finding and self._explaining:
            self._finding.take(seen)

    def _report(self, finding: Finding) -> None:
        """Turn a finding into what :meth:`settle` returns."""
        told = explain.account(finding, self._place.mark, self._request, self._ledger.intervals, self._pace)
        for restart in (*told.restarts[:-1], *map(self._with_reason, told.restarts[-1:])):
            self._ready.append(self._ledger.enter(restart, self._to_wall(restart.boot_mono), self._now_at))
        self._place.reported(told.mark, self._now_mono, with_log=finding.log is not None)
        self._finding = None
        if self._request and self._request.at_mono <= finding.life.boot.hi:
            self._request = None
        self._revision += 1

    def _with_reason(self, restart: explain.Explained) -> explain.Explained:
        """Add to the evidence of a watchdog's restart what the card's network settings tell of the reason."""
        diagnosis = self._outlook.diagnosed_then()
        if restart.cause is not RebootCause.WATCHDOG or diagnosis is None:
            return restart
        return replace(restart, evidence=(*restart.evidence, diagnosis.reason))

    def _remember_place(self, log: EventLog) -> None:
        self._place.read(log)
        self._revision += 1

    # Time and memory

    def _pass_time(self, now_mono: float, now_at: float) -> None:
        self._now_mono, self._now_at = now_mono, now_at
        self._place.begin(now_mono)
        self._ledger.series = self._ledger.series or f"{round(now_at):x}"

    @property
    def _now(self) -> tuple[float, float]:
        return self._now_mono, self._now_at

    def _to_wall(self, moment_mono: float) -> float:
        return moment_mono + self._now_at - self._now_mono

    def _asks_log(self) -> bool:
        """Tell whether the log must say what the up time does not."""
        return self._log_due or (self._blind() and self._suspicion.silence is not None)

    def _asks_up_time(self) -> bool:
        if self._doubt:
            return self._doubt.certain is None
        return self._life is None or self._life.agreed < AGREE or bool(self._suspicion)

    def _snapshot(self) -> RebootMemory:
        if self._doubt or (self._finding and self._finding.guessed):
            # Nothing was reported yet, and what was carried over by the wall clock must be carried over again.
            return self._saved
        life = self._finding.before if self._finding else self._life
        return RebootMemory(
            machine_boot=self._machine_boot,
            series=self._ledger.series,
            life=life.remembered(self._now_mono, self._now_at) if life and life.agreed else None,
            mark=self._place.mark,
            requested_mono=self._request.at_mono if self._request else None,
            requested_by=self._request.by if self._request else "",
            counts=dict(self._ledger.counts),
            past=self._ledger.past,
        )
