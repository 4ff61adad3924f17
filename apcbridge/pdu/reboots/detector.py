"""Finds every restart of an NMC, exactly once, and says why as far as the evidence goes.

The up time is the judge: it names the moment of the last start on our monotonic clock, and a later start is a restart.
Two readings must agree on it, because one may be garbled on the line. Silence on the console only raises the question.
The event log and ``lastrst`` are read once a restart is certain; the report waits for them, up to a deadline.

Across a restart of the daemon the monotonic clock goes on if the machine did (``machine_boot``). If the machine
restarted too, its wall clock may have jumped: then the event log is asked first, and the wall clock decides only where
the log cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apcbridge.model import Nmc, RebootCause
from apcbridge.pdu.reboots import explain
from apcbridge.pdu.reboots.diagnosis import UNTOLD, Diagnosis, diagnose
from apcbridge.pdu.reboots.doubt import Doubt, Verdict
from apcbridge.pdu.reboots.eventlog import mark_of
from apcbridge.pdu.reboots.explain import Finding, Request
from apcbridge.pdu.reboots.ledger import Ledger
from apcbridge.pdu.reboots.lives import AGREE, RESOLUTION_S, STRICT_S, TOLERANCE_S, Life, Match, Span, boot_span, words
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
from apcbridge.pdu.reboots.rhythm import Rhythm, overdue, rhythm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.model import Reboot

EXPLAIN_S = 120.0
"""How long a certain restart waits for its cause: a session, a login and two screens take some ten seconds."""
BASELINE_S = 600.0
"""How long the event log is wanted only to remember the place in it."""
LOGOFF_S = 60.0
"""The shortest inactivity time-out that a card can be set to. A session lost sooner was lost to a restart."""
REMEMBER_S = 900.0
"""How often the memory is worth a write although nothing happened: it tells when the card was last seen."""
HELD_S = 30.0
"""The shown boot time moves only by more than this: less is the minute that the up time cannot resolve."""
AGREE_UNHEARD = 3
"""Readings that must agree where nothing else speaks for a change: the console never fell silent."""
SUSPECTS_LIMIT = 4
"""Contradicting readings kept until one of them is told again."""


@dataclass(slots=True, kw_only=True)
class _Silence:
    """The console stopped answering, and perhaps came back."""

    since_mono: float
    back_mono: float | None = None
    proof: bool = False
    """Our session was gone sooner than any inactivity log-off could have ended it."""


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
        self._suspects: list[Life] = []
        """Later starts that one reading told of."""
        self._stray: Life | None = None
        self._silence: _Silence | None = None
        self._finding: Finding | None = None
        self._mark = known.mark
        self._request: Request | None = None
        if known.requested_mono is not None:
            self._request = Request(by=known.requested_by, at_mono=known.requested_mono)
        self._ready: list[Reboot] = []
        self._uncounted = False
        """The wall clock decided in place of the log: starts that nobody counted may stand behind the mark."""
        self._unavailable: set[Evidence] = set()
        self._network: Network | None = None
        """Read since the last restart."""
        self._log_due = False
        self._placeless_mono: float | None = None
        """Since when the place in the event log may be unknown: the start, or the last report."""
        self._remembered_mono = float("-inf")
        self._now_mono = 0.0
        self._now_at = 0.0
        self._shown_boot_at: float | None = None
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
                self._on_silent(observation)
            case ConsoleBack():
                self._on_back(observation)
            case EventLog():
                self._on_event_log(observation)
            case ResetCause():
                if self._explaining():
                    self._take_evidence(Evidence.RESET_CAUSE, observation)
            case Network():
                self._network = observation
            case RequestedRestart():
                self._request = Request(by=observation.by, at_mono=observation.now_mono)
                self._revision += 1
            case Unavailable():
                self._on_unavailable(observation.evidence)
        self._show_boot()

    def settle(self, now_mono: float, now_at: float) -> tuple[Reboot, ...]:
        """Return the restarts that are certain and either explained or past waiting for, oldest first; once each."""
        self._pass_time(now_mono, now_at)
        if self._doubt and self._doubt.certain and (self._logless() or now_mono >= self._doubt.deadline_mono):
            self._decide_by_wall_clock(self._doubt)
        if self._blind() and self._silence and self._silence.back_mono is not None:
            self._decide_without_up_time(self._silence, self._silence.back_mono)
        if self._finding and (not self._missing_evidence() or now_mono >= self._finding.deadline_mono):
            self._report(self._finding)
        self._show_boot()
        reboots, self._ready = tuple(self._ready), []
        self._saved = self._snapshot()
        if reboots or now_mono > self._remembered_mono + REMEMBER_S:
            self._remembered_mono = now_mono
            self._revision += 1
        return reboots

    def wanted_evidence(self) -> frozenset[Evidence]:
        """Tell what would help now; empty most of the time, and while the console is silent."""
        if self._silence and self._silence.back_mono is None:
            return frozenset()
        wanted: set[Evidence] = set()
        if self._asks_up_time() and Evidence.UP_TIME not in self._unavailable:
            wanted.add(Evidence.UP_TIME)
        elif self._finding:
            wanted |= self._missing_evidence()
        elif self._doubt or self._log_due or (self._silence and self._blind()) or self._wants_baseline():
            wanted.add(Evidence.EVENT_LOG)
        if not self._asks_up_time() and self._network is None and (self._finding or self._ailing()):
            wanted.add(Evidence.NETWORK)
        return frozenset(wanted - self._unavailable)

    def nmc(self, status_flags: str | None = None, alarm_count: int | None = None) -> Nmc:
        """Return boot time, counts, rhythm and prediction as of the last observation or settling."""
        boot_mono = self._life.held_mono if self._life else None
        boot_at = self._shown_boot_at
        beat = self._rhythm()
        expected = boot_at + beat.interval_s if beat.watchdog and boot_at and beat.interval_s else None
        counts, statistics = self._ledger.counts, self._ledger.statistics(self._now_at)
        return Nmc(
            boot_at=boot_at,
            boot_mono=boot_mono,
            status_flags=status_flags,
            alarm_count=alarm_count,
            reboot_count=self._ledger.total,
            watchdog_reboot_count=counts[RebootCause.WATCHDOG],
            reboots_by_cause=counts,
            last_reboot=self._ledger.last,
            interval_s=beat.interval_s,
            jitter_s=beat.jitter_s,
            day=statistics.day,
            week=statistics.week,
            ever=statistics.ever,
            next_expected_at=expected,
            next_expected_error_s=None if expected is None else max(float(RESOLUTION_S), beat.spread_s or 0.0),
            watchdog=beat.watchdog,
            diagnosis=str(self._diagnosed(status_flags) or UNTOLD) if self._ailing() else None,
        )

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
        if self._silence and self._silence.back_mono is None:
            self._silence.back_mono = reading.now_mono
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
                self._strayed(reading)
            case Match.LATER:
                self._later_start(self._life, reading)

    def _first_up_time(self, reading: UpTime) -> None:
        """Begin, or give a start that silence alone had told its up time."""
        told = Life.told_by(reading, self._pace)
        if self._life is not None:
            told.boot = self._life.boot.meet(told.boot)
            told.held_mono = told.boot.holds(told.held_mono)
        self._life = told
        self._silence = None
        self._revision += 1

    def _same_life(self, life: Life, reading: UpTime) -> None:
        """Go on with the known life, unless the card restarted within the minute that the up time cannot resolve."""
        if self._silence and self._silence.proof and self._fits_silence(self._silence, reading):
            self._confirm(Life.told_by(reading, self._pace))
            return
        life.narrow(reading, self._pace)
        if life.agreed == AGREE:
            self._revision += 1
        self._dismiss()

    def _later_start(self, life: Life, reading: UpTime) -> None:
        """Tell a restart from a roll-over and from a garbled reading."""
        wrap_s = life.wrap(reading, self._pace)
        if wrap_s is not None and not (self._silence and self._fits_silence(self._silence, reading)):
            life.wrapped_s += wrap_s
            self._revision += 1
            self._same_life(life, reading)
            return
        told = boot_span(reading, self._pace)
        if life.agreed < AGREE and told.hi < life.alive_mono - TOLERANCE_S / self._pace:
            # The card cannot have started before we saw it in another life: one of the two readings was garbled, and
            # the known one was never repeated.
            self._strayed(reading)
            return
        for suspect in self._suspects:
            if suspect.match(reading, self._pace, STRICT_S) is Match.SAME:
                suspect.narrow(reading, self._pace)
                if suspect.agreed >= (AGREE if self._silence else AGREE_UNHEARD):
                    self._confirm_with_earlier(suspect)
                return
        self._suspects = [*self._suspects[1 - SUSPECTS_LIMIT :], Life.told_by(reading, self._pace)]

    def _confirm_with_earlier(self, latest: Life) -> None:
        """Confirm a start, and before it those that were told twice before the card restarted yet again."""
        for suspect in self._suspects:
            if suspect.agreed >= AGREE and suspect.boot.hi < latest.boot.lo:
                silence = self._silence
                self._confirm(suspect)
                self._silence = silence
        self._confirm(latest)

    def _strayed(self, reading: UpTime) -> None:
        """Believe a reading that contradicts the known life without being a restart when it comes again and again."""
        if self._stray and self._stray.match(reading, self._pace, STRICT_S) is Match.SAME:
            self._stray.narrow(reading, self._pace)
            if self._stray.agreed < AGREE_UNHEARD:
                return
            self._life = self._stray
            self._dismiss()
            self._revision += 1
            return
        self._stray = Life.told_by(reading, self._pace)

    def _on_silent(self, seen: ConsoleSilent) -> None:
        if self._silence is None:
            self._silence = _Silence(since_mono=seen.since_mono)
        self._silence.back_mono = None

    def _on_back(self, seen: ConsoleBack) -> None:
        if self._silence is None and not seen.session_lost:
            return
        proof = seen.session_lost and (seen.now_mono - seen.since_mono) * self._pace < LOGOFF_S
        if self._silence is None:
            self._silence = _Silence(since_mono=seen.since_mono)
        self._silence.back_mono = seen.now_mono
        self._silence.proof = self._silence.proof or proof

    def _on_event_log(self, log: EventLog) -> None:
        if self._explaining():
            self._take_evidence(Evidence.EVENT_LOG, log)
            return
        if self._doubt:
            self._doubtful_event_log(self._doubt, log)
        elif self._blind():
            self._blind_event_log(log)
        elif not self._suspects and self._silence is None:
            self._remember_place(log)

    def _on_unavailable(self, evidence: Evidence) -> None:
        self._unavailable.add(evidence)
        if evidence is Evidence.UP_TIME and self._mark is not None:
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
        self._resolve(doubt, doubt.by_log(*explain.unreported(log, self._mark)))
        if self._doubt:
            self._decide_by_wall_clock(doubt)
        elif self._finding:
            self._take_evidence(Evidence.EVENT_LOG, log)
        else:
            self._remember_place(log)

    def _logless(self) -> bool:
        """Tell whether no event log can settle a doubt: it cannot be read, or never was."""
        return self._mark is None or Evidence.EVENT_LOG in self._unavailable

    def _decide_by_wall_clock(self, doubt: Doubt) -> None:
        self._uncounted = self._mark is not None
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
        self._dismiss()
        self._revision += 1

    # Consoles that do not tell the up time

    def _blind(self) -> bool:
        return Evidence.UP_TIME in self._unavailable

    def _blind_event_log(self, log: EventLog) -> None:
        self._log_due = False
        if self._finding:
            self._report(self._finding)
        new, _ = explain.unreported(log, self._mark)
        silence = self._silence
        if (new and self._mark) or (silence and silence.proof):
            back_mono = silence.back_mono if silence and silence.back_mono else log.now_mono
            self._confirm(Life.between(silence.since_mono if silence else back_mono, back_mono))
            self._take_evidence(Evidence.EVENT_LOG, log)
            return
        self._dismiss()
        self._remember_place(log)

    def _decide_without_up_time(self, silence: _Silence, back_mono: float) -> None:
        if Evidence.EVENT_LOG not in self._unavailable and self._now_mono < back_mono + EXPLAIN_S:
            return
        if silence.proof:
            self._confirm(Life.between(silence.since_mono, back_mono))
        else:
            self._dismiss()

    # From suspicion to report

    def _fits_silence(self, silence: _Silence, reading: UpTime) -> bool:
        told = boot_span(reading, self._pace)
        back_mono = silence.back_mono if silence.back_mono is not None else reading.now_mono
        return told.hi >= silence.since_mono and told.lo <= back_mono

    def _confirm(self, life: Life, *, guessed: bool = False) -> None:
        """Take ``life`` for the card's from here on, and begin to gather evidence of why it restarted."""
        if self._finding:
            self._report(self._finding)
        before, silence = self._life, self._silence
        after_mono = before.alive_mono if before and not guessed else None
        how = [explain.noticed(life, before, self._pace, self._now_mono)]
        if silence and silence.since_mono <= life.boot.hi + TOLERANCE_S / self._pace:
            after_mono = max(after_mono or silence.since_mono, silence.since_mono)
            how.append(self._silence_words(silence))
        if after_mono is not None:
            life.started_after(after_mono)
        if guessed:
            how.append("it happened while this machine was down")
        self._finding = Finding(
            before=before,
            guessed=guessed,
            old_boot_mono=before.boot.mid if before and not guessed and before.agreed else None,
            after_mono=after_mono,
            any_time=guessed or self._uncounted,
            life=life,
            how=tuple(how),
            deadline_mono=self._now_mono + EXPLAIN_S,
        )
        self._life = life
        self._network = None
        self._unavailable.discard(Evidence.NETWORK)
        self._dismiss()

    def _silence_words(self, silence: _Silence) -> str:
        until_mono = silence.back_mono if silence.back_mono is not None else self._now_mono
        text = f"the console was silent for {words(until_mono - silence.since_mono)}"
        return f"{text}, then our session was gone" if silence.proof else text

    def _dismiss(self) -> None:
        """Forget every suspicion: the known life was seen, or a new one has taken its place."""
        self._suspects = []
        self._stray = None
        self._silence = None

    def _explaining(self) -> bool:
        """Tell whether evidence read now belongs to the restart being explained, not to a newer one."""
        return self._finding is not None and not self._suspects and self._silence is None

    def _take_evidence(self, kind: Evidence, seen: EventLog | ResetCause) -> None:
        if self._finding:
            self._finding.evidence.setdefault(kind, seen)

    def _missing_evidence(self) -> set[Evidence]:
        if self._finding is None:
            return set()
        return {Evidence.EVENT_LOG, Evidence.RESET_CAUSE} - set(self._finding.evidence) - self._unavailable

    def _report(self, finding: Finding) -> None:
        """Turn a finding into what :meth:`settle` returns."""
        log, cause = (finding.evidence.get(kind) for kind in (Evidence.EVENT_LOG, Evidence.RESET_CAUSE))
        told = explain.account(
            finding,
            log if isinstance(log, EventLog) else None,
            cause if isinstance(cause, ResetCause) else None,
            self._mark,
            self._request,
            self._ledger.intervals,
            self._pace,
        )
        for restart in (*told.restarts[:-1], *map(self._with_reason, told.restarts[-1:])):
            self._ready.append(self._ledger.enter(restart, self._to_wall(restart.boot_mono), self._now_at))
        self._mark = told.mark
        self._placeless_mono = self._now_mono
        self._uncounted = self._uncounted and not isinstance(log, EventLog)
        self._finding = None
        if self._request and self._request.at_mono <= finding.life.boot.hi:
            self._request = None
        self._revision += 1

    def _with_reason(self, restart: explain.Explained) -> explain.Explained:
        """Add to the evidence of a watchdog's restart what the card's network settings tell of the reason."""
        diagnosis = self._diagnosed(self._network.flags if self._network else None)
        if restart.cause is not RebootCause.WATCHDOG or diagnosis is None:
            return restart
        return replace(restart, evidence=(*restart.evidence, diagnosis.reason))

    def _remember_place(self, log: EventLog) -> None:
        self._mark = mark_of(log.entries, owed=0)
        self._uncounted = False
        self._revision += 1

    # Time, memory, what others see

    def _pass_time(self, now_mono: float, now_at: float) -> None:
        self._now_mono, self._now_at = now_mono, now_at
        if self._placeless_mono is None:
            self._placeless_mono = now_mono
            self._ledger.series = self._ledger.series or f"{round(now_at):x}"

    def _show_boot(self) -> None:
        """Hold the boot time that people see still against minute steps; a restart or a set clock moves it."""
        if self._life is None:
            self._shown_boot_at = None
            return
        boot_at = self._to_wall(self._life.held_mono)
        if self._shown_boot_at is None or abs(boot_at - self._shown_boot_at) > HELD_S:
            self._shown_boot_at = boot_at

    def _to_wall(self, moment_mono: float) -> float:
        return moment_mono + self._now_at - self._now_mono

    def _asks_up_time(self) -> bool:
        if self._doubt:
            return self._doubt.certain is None
        return self._life is None or self._life.agreed < AGREE or bool(self._suspects) or self._silence is not None

    def _wants_baseline(self) -> bool:
        return self._mark is None and self._now_mono < (self._placeless_mono or 0.0) + BASELINE_S

    def _rhythm(self) -> Rhythm:
        return rhythm(self._ledger.intervals, self._since_boot_s(), self._pace)

    def _since_boot_s(self) -> float | None:
        return self._now_mono - self._life.boot.mid if self._life else None

    def _ailing(self) -> bool:
        """Tell whether the watchdog restarted the card last, and may do it again: it has not heard traffic since."""
        last = self._ledger.last
        return last is not None and last.cause is RebootCause.WATCHDOG and not overdue(self._since_boot_s(), self._pace)

    def _diagnosed(self, flags: str | None) -> Diagnosis | None:
        return diagnose(self._network.reading if self._network else None, flags)

    def _snapshot(self) -> RebootMemory:
        if self._doubt or (self._finding and self._finding.guessed):
            # Nothing was reported yet, and what was carried over by the wall clock must be carried over again.
            return self._saved
        life = self._finding.before if self._finding else self._life
        return RebootMemory(
            machine_boot=self._machine_boot,
            series=self._ledger.series,
            life=life.remembered(self._now_mono, self._now_at) if life and life.agreed else None,
            mark=self._mark,
            requested_mono=self._request.at_mono if self._request else None,
            requested_by=self._request.by if self._request else "",
            counts=dict(self._ledger.counts),
            past=self._ledger.past,
        )
