"""Every restart of an NMC is reported exactly once, with its cause as far as the evidence goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apcbridge.console.events import LogEntry, NetworkReading
from apcbridge.errors import JournalError
from apcbridge.model import EventType, Reboot, RebootCause
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
from apcbridge.pdu.reboots.cardclock import clock_s
from apcbridge.pdu.reboots.lives import WRAPS_S
from tests.soak.reboots import soak

DAY = 86400.0
RESTARTED = "System: Network Interface restarted."


@dataclass
class Scene:
    """A card and a daemon; the test moves the time, the card's truth is ``boot``."""

    memory: RebootMemory | None = None
    machine_boot: str = "run1"
    now: float = 1000.0
    wall: float = 1_700_000_000.0
    """Wall time minus monotonic time."""
    boot: float = 1000.0 - 7 * DAY
    card_clock: bool = False
    cold_clock: bool = False
    """The card's clock begins with its power, at midnight."""
    reported: list[Reboot] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.detector = RebootDetector("pdu1", self.memory, machine_boot=self.machine_boot)

    def later(self, seconds: float) -> Scene:
        self.now += seconds
        return self

    def reads(self, seconds: int | None = None, *, asked_ago_s: float = 1.0) -> Scene:
        """The up time is read: the card's true one, or what the test says."""
        up_s = int((self.now - self.boot) // 60) * 60 if seconds is None else seconds
        shown = {"date": "01/02/2020", "time": "03:04:05"} if self.card_clock else {}
        if self.cold_clock:
            shown = {"date": "01/01/2000", "time": str(timedelta(seconds=int(self.now - self.boot)))}
        self.detector.observe(
            UpTime(
                seconds=up_s,
                asked_mono=self.now - asked_ago_s,
                now_mono=self.now,
                now_at=self.now + self.wall,
                date=shown.get("date"),
                time=shown.get("time"),
            )
        )
        return self.settle()

    def polls(self, count: int = 3, every_s: float = 10.0) -> Scene:
        for _ in range(count):
            self.later(every_s).reads()
        return self

    def restarts(self, ago_s: float = 0.0) -> Scene:
        self.boot = self.now - ago_s
        return self

    def silent(self, since_s: float = 5.0) -> Scene:
        self.detector.observe(
            ConsoleSilent(since_mono=self.now - since_s, now_mono=self.now, now_at=self.now + self.wall)
        )
        return self.settle()

    def back(self, *, session_lost: bool, since_s: float) -> Scene:
        self.detector.observe(
            ConsoleBack(
                session_lost=session_lost,
                since_mono=self.now - since_s,
                now_mono=self.now,
                now_at=self.now + self.wall,
            )
        )
        return self.settle()

    def log(self, *lines: str, complete: bool = True) -> Scene:
        """The event log is read; a line is ``HH:MM:SS text``, newest first."""
        entries = tuple(LogEntry(date="05/06/2017", time=line[:8], text=line[9:]) for line in lines)
        self.detector.observe(
            EventLog(entries=entries, complete=complete, now_mono=self.now, now_at=self.now + self.wall)
        )
        return self.settle()

    def lastrst(self, text: str) -> Scene:
        self.detector.observe(ResetCause(text=text, now_mono=self.now, now_at=self.now + self.wall))
        return self.settle()

    def network(self, gateway: str = "192.168.7.254", flags: str = "P+ N+ A+") -> Scene:
        reading = NetworkReading(address="192.168.7.20", subnet_mask="255.255.255.0", gateway=gateway)
        self.detector.observe(
            Network(reading=reading, flags=flags, now_mono=self.now, now_at=self.now + self.wall),
        )
        return self.settle()

    def lacks(self, *evidence: Evidence) -> Scene:
        for kind in evidence:
            self.detector.observe(Unavailable(evidence=kind, now_mono=self.now, now_at=self.now + self.wall))
        return self.settle()

    def settle(self) -> Scene:
        self.reported += self.detector.settle(self.now, self.now + self.wall)
        return self

    def waits(self, seconds: float = 130.0) -> Scene:
        return self.later(seconds).settle()

    def daemon_restarts(self, away_s: float = 60.0, *, machine: bool = False, clock_off_s: float = 0.0) -> Scene:
        """Kill the daemon and start it again from what it had remembered, as the journal would hand it back."""
        after = Scene(
            memory=RebootMemory.parse(self.detector.memory().dump()),
            machine_boot="run2" if machine else self.machine_boot,
            now=self.now + away_s,
            wall=self.wall + clock_off_s,
            boot=self.boot,
            cold_clock=self.cold_clock,
            reported=self.reported,
        )
        if machine:
            after.wall += after.now - 30
            after.boot -= after.now - 30
            after.now = 30.0
        return after

    @property
    def causes(self) -> list[str]:
        return [str(reboot.cause) for reboot in self.reported]


def steady() -> Scene:
    """A PDU that has been read a few times."""
    return Scene().polls()


def without_evidence() -> Scene:
    return steady().lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE)


class TestNoFalseReport:
    @given(
        phase=st.floats(0, 60),
        polls=st.lists(st.tuples(st.floats(1, 90), st.floats(0.1, 40)), min_size=2, max_size=60),
    )
    def test_readings_of_one_life_never_look_like_a_restart(
        self, phase: float, polls: list[tuple[float, float]]
    ) -> None:
        scene = Scene(boot=1000.0 - 3 * DAY - phase)
        for pause_s, delay_s in polls:
            scene.later(pause_s)
            up_s = int((scene.now - scene.boot) // 60) * 60
            scene.later(delay_s).reads(up_s, asked_ago_s=delay_s + 0.5)
        assert scene.waits().reported == []
        boot_mono = scene.detector.nmc().boot_mono
        assert boot_mono is not None
        assert abs(boot_mono - scene.boot) <= 60 + 40

    def test_a_shown_boot_time_does_not_jitter(self) -> None:
        scene = steady()
        shown = {scene.later(7.3).reads().detector.nmc().boot_at for _ in range(60)}
        values = sorted(at for at in shown if at is not None)
        assert values[-1] - values[0] <= 60
        first = scene.detector.nmc().boot_at
        assert {scene.later(7.3).reads().detector.nmc().boot_at for _ in range(500)} == {first}

    @pytest.mark.parametrize("jump_s", [DAY, -DAY, 3600.0, -30 * DAY])
    def test_a_set_wall_clock_is_no_restart(self, jump_s: float) -> None:
        scene = steady()
        scene.wall += jump_s
        assert scene.polls(5).waits().reported == []
        boot_at = scene.detector.nmc().boot_at
        assert boot_at is not None
        assert abs(boot_at - (scene.boot + scene.wall)) < 70

    def test_an_hour_of_suspend_is_no_restart(self) -> None:
        assert steady().later(3600).polls(3).waits().reported == []

    @pytest.mark.parametrize("garbled", [0, 60, 864_000 * 7, 15 * 3600])
    def test_one_garbled_reading_is_no_restart(self, garbled: int) -> None:
        assert steady().later(5).reads(garbled).polls(5).waits().reported == []

    @pytest.mark.parametrize("garbled", [0, 70 * 86400])
    def test_a_garbled_first_reading_is_no_restart(self, garbled: int) -> None:
        assert Scene().reads(garbled).polls(6).waits().reported == []

    def test_a_pulled_cable_is_no_restart(self) -> None:
        scene = steady().later(5).silent()
        assert scene.detector.wanted_evidence() == frozenset()
        scene.later(400).back(session_lost=True, since_s=405)
        assert scene.detector.wanted_evidence() == {Evidence.UP_TIME}
        assert scene.polls(3).waits().reported == []

    @pytest.mark.parametrize("wrap_s", WRAPS_S)
    def test_a_rolled_over_up_time_is_no_restart(self, wrap_s: float) -> None:
        scene = Scene(boot=1000.0 - wrap_s + 100).polls(3)
        scene.lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE).later(300)
        true_boot, scene.boot = scene.boot, scene.boot + wrap_s
        scene.polls(4).waits()
        assert scene.reported == []
        boot_mono = scene.detector.nmc().boot_mono
        assert boot_mono is not None
        assert abs(boot_mono - true_boot) < 90
        assert scene.daemon_restarts().polls(4).waits().reported == []

    def test_nor_is_one_that_rolled_over_before_the_line_was_pulled(self) -> None:
        wrap_s = WRAPS_S[0]
        scene = (
            Scene(boot=1000.0 - wrap_s + 100).polls(3).lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE).later(4 * 3600)
        )
        scene.boot += wrap_s
        scene.silent().later(1800).back(session_lost=False, since_s=1805).polls(4).waits()
        assert scene.reported == []

    def test_one_that_fell_while_the_console_was_silent_is_a_restart(self) -> None:
        scene = Scene(boot=1000.0 - WRAPS_S[0] + 100).polls(3).lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE).later(60)
        scene.silent().later(60).restarts(ago_s=30).back(session_lost=True, since_s=65).polls(4).waits()
        assert scene.causes == ["unknown"]

    def test_a_log_line_alone_is_no_restart_while_the_up_time_goes_on(self) -> None:
        scene = steady().log("01:00:00 System: something")
        assert scene.polls(1).log(f"02:00:00 {RESTARTED}", "01:00:00 System: something").waits().reported == []


class TestReportedOnce:
    def test_a_fallen_up_time_is_reported_once(self) -> None:
        scene = without_evidence().later(30).restarts(ago_s=20).polls(40, every_s=5)
        assert scene.causes == ["unknown"]
        (reboot,) = scene.reported
        assert abs(reboot.at - (scene.boot + scene.wall)) <= 40
        assert scene.detector.nmc().reboot_count == 1
        assert scene.detector.nmc().last_reboot == reboot

    def test_the_report_waits_for_its_cause_and_not_for_ever(self) -> None:
        scene = steady().log("01:00:00 x").later(30).restarts(ago_s=20).polls(3, every_s=5)
        assert scene.detector.wanted_evidence() == {Evidence.EVENT_LOG, Evidence.RESET_CAUSE, Evidence.NETWORK}
        assert scene.reported == []
        assert scene.waits().causes == ["unknown"]

    def test_silence_and_two_readings_are_enough(self) -> None:
        scene = without_evidence().later(5).silent().restarts().later(25).back(session_lost=True, since_s=30)
        assert scene.later(1).reads().reported == []
        assert scene.later(2).reads().causes == ["unknown"]
        assert any("silent for 30 s" in line for line in scene.reported[0].evidence)

    def test_a_restart_within_the_minute_shows_by_the_session_lost(self) -> None:
        scene = without_evidence().later(30).restarts(ago_s=25).polls(3, every_s=2)
        scene.restarts().later(25).back(session_lost=True, since_s=25).reads()
        assert scene.waits().causes == ["unknown", "unknown"]

    def test_two_restarts_in_a_row_are_two(self) -> None:
        scene = without_evidence()
        for _ in range(2):
            scene.later(30).restarts(ago_s=20).polls(4, every_s=5).later(100)
        assert scene.causes == ["unknown", "unknown"]
        assert len({reboot.id for reboot in scene.reported}) == 2

    def test_a_restart_while_the_cause_of_another_is_looked_up_is_not_lost(self) -> None:
        scene = steady().log("01:00:00 x").later(30).restarts(ago_s=20).polls(3, every_s=5)
        scene.later(104).restarts(ago_s=5).polls(4, every_s=5)
        assert scene.causes == ["unknown"]
        assert scene.waits().causes == ["unknown", "unknown"]

    def test_a_machine_whose_clocks_stood_still_is_not_fooled(self) -> None:
        scene = without_evidence()
        scene.boot = scene.now - 600
        scene.now += 0.5
        assert scene.polls(3, every_s=5).waits().causes == ["unknown"]


class TestCause:
    def restarted(self) -> Scene:
        scene = steady().log("01:00:00 System: earlier")
        return scene.later(30).restarts(ago_s=20).polls(3, every_s=5)

    @pytest.mark.parametrize(
        ("lines", "reset_cause", "cause"),
        [
            ([f"02:00:30 {RESTARTED}"], "12 WDT Reset", "watchdog"),
            ([f"02:00:30 {RESTARTED}"], "", "watchdog"),
            (["02:00:30 System: Warmstart."], "", "watchdog"),
            (["02:00:30 System: Coldstart."], "", "power"),
            ([f"02:00:32 {RESTARTED}", "02:00:30 System: Coldstart."], "04 Requested Reset", "power"),
            ([f"02:00:30 {RESTARTED}", "02:00:18 System: Restarting. Configuration"], "", "requested"),
            ([f"02:00:30 {RESTARTED}", "02:00:18 System: Restarting."], "04 Requested Reset", "requested"),
            (["02:00:30 System: Console user 'apc' logged in."], "99 Something New", "unknown"),
            ([], "12 WDT Reset", "watchdog"),
            ([], "04 Requested Reset", "requested"),
        ],
    )
    def test_the_evidence_decides(self, lines: list[str], reset_cause: str, cause: str) -> None:
        scene = self.restarted()
        if lines:
            scene.log(*lines, "01:00:00 System: earlier")
        if reset_cause:
            scene.lastrst(reset_cause)
        assert scene.waits().causes == [cause]

    def test_a_request_through_us_explains_a_restart(self) -> None:
        scene = without_evidence()
        scene.detector.observe(
            RequestedRestart(by="root", now_mono=scene.now, now_at=scene.now + scene.wall),
        )
        scene.restarts().later(30).polls(4, every_s=5)
        assert scene.causes == ["requested"]
        assert scene.later(400).restarts().polls(4).causes == ["requested", "unknown"]

    def test_a_start_at_the_end_of_the_log_tells_no_cause(self) -> None:
        """What stood before it is not in view, so a Restarting line may have."""
        scene = self.restarted().log(f"02:00:30 {RESTARTED}").lastrst("?")
        assert scene.waits().causes == ["unknown"]

    def test_a_steady_beat_is_the_watchdog_and_predicts_the_next(self) -> None:
        scene = without_evidence()
        for _ in range(4):
            scene.restarts().polls(60, every_s=10)
        scene.restarts().polls(4)
        assert scene.causes == ["unknown", "unknown", "watchdog", "watchdog", "watchdog"]
        nmc = scene.detector.nmc()
        assert nmc.watchdog
        assert nmc.interval_s is not None
        assert abs(nmc.interval_s - 600) < 15
        assert nmc.next_expected_at is not None
        assert nmc.next_expected_error_s is not None
        assert abs(nmc.next_expected_at - (scene.boot + 600 + scene.wall)) <= nmc.next_expected_error_s
        assert scene.polls(90, every_s=10).detector.nmc().watchdog is False
        assert scene.detector.nmc().next_expected_at is None

    def test_a_card_that_was_without_power_is_not_called_watchdog_for_coming_back_on_the_beat(self) -> None:
        scene = without_evidence()
        for _ in range(4):
            scene.restarts().polls(60, every_s=10)
        assert scene.causes[-1] == "watchdog"
        scene.restarts().polls(30).later(5).silent().later(295).restarts().later(60)
        scene.back(session_lost=False, since_s=360).reads().polls(3).waits()
        assert scene.causes[-2:] == ["watchdog", "unknown"]

    def test_hours_between_restarts_are_no_watchdog(self) -> None:
        scene = without_evidence()
        for _ in range(4):
            scene.restarts().polls(60, every_s=60)
        assert set(scene.causes) == {"unknown"}
        assert scene.detector.nmc().watchdog is False

    def test_evidence_from_the_screen_is_printable_and_short(self) -> None:
        scene = self.restarted().lastrst("12 WDT\x1b[31m Reset" + "x" * 500)
        assert all(line.isprintable() and len(line) < 200 for line in scene.waits().reported[0].evidence)


class TestSeveralAtOnce:
    KNOWN = "01:00:00 System: earlier"

    def lines(self, *starts: str) -> list[str]:
        return [f"{at} {RESTARTED}" for at in starts]

    def test_the_log_tells_of_restarts_during_a_line_loss(self) -> None:
        scene = steady().log(self.KNOWN).later(10).silent()
        scene.later(3000).restarts(ago_s=100).back(session_lost=False, since_s=3005).reads().later(2).reads()
        scene.log(*self.lines("03:00:00", "02:50:00", "02:40:00"), self.KNOWN).lacks(Evidence.RESET_CAUSE)
        assert scene.causes == ["watchdog"] * 3
        times = [reboot.at - scene.wall for reboot in scene.reported]
        assert [round(b - a) for a, b in pairwise(times)] == [600, 600]
        assert scene.detector.nmc().watchdog
        assert scene.polls(20).waits().causes == ["watchdog"] * 3

    def test_a_log_whose_clock_was_set_still_counts(self) -> None:
        scene = steady().log(self.KNOWN).later(10).silent()
        scene.later(3000).restarts(ago_s=100).back(session_lost=False, since_s=3005).reads().later(2).reads()
        scene.log(*self.lines("00:01:00", "23:50:00"), self.KNOWN).lacks(Evidence.RESET_CAUSE)
        assert len(scene.reported) == 2
        assert "guess" in scene.reported[0].evidence[0]

    def test_the_lines_of_one_start_are_one_restart(self) -> None:
        scene = steady().log(self.KNOWN).later(10).restarts(ago_s=5).polls(3, every_s=3)
        scene.log(f"02:00:30 {RESTARTED}", f"02:00:28 {RESTARTED}", "02:00:20 System: Coldstart.", self.KNOWN)
        assert scene.waits().causes == ["power"]

    def test_lines_behind_a_report_that_was_made_without_the_log_are_not_told_later(self) -> None:
        scene = steady().log(self.KNOWN).later(10).silent().later(3000).restarts(ago_s=100)
        scene.back(session_lost=False, since_s=3005).reads().later(2).reads().waits()
        assert scene.causes == ["unknown"]
        scene = scene.daemon_restarts(600, machine=True).polls(3)
        scene.log(*self.lines("03:00:00", "02:50:00", "02:40:00"), self.KNOWN).polls(3).waits()
        assert len(scene.reported) == 1

    def test_the_place_in_the_log_is_found_again_after_a_report_without_it(self) -> None:
        scene = steady().log(self.KNOWN).later(10).restarts(ago_s=5).polls(4).lastrst("12 WDT Reset").waits()
        assert scene.causes == ["watchdog"]
        assert scene.network().polls(1).detector.wanted_evidence() == {Evidence.EVENT_LOG}
        scene.log(*self.lines("03:00:00"), self.KNOWN)
        assert scene.detector.wanted_evidence() == frozenset()

    def test_a_line_that_comes_after_its_report_is_not_told_again(self) -> None:
        scene = steady().log(self.KNOWN).later(10).restarts(ago_s=5).polls(3, every_s=3)
        scene.log(self.KNOWN).lacks(Evidence.RESET_CAUSE).waits()
        assert scene.causes == ["unknown"]
        scene = scene.daemon_restarts(600, machine=True, clock_off_s=2 * DAY).polls(2, every_s=3)
        assert scene.detector.wanted_evidence() == {Evidence.EVENT_LOG}
        scene.log(*self.lines("02:00:00"), self.KNOWN).waits()
        assert scene.causes == ["unknown"]

    @pytest.mark.parametrize("machine", [False, True])
    def test_a_place_that_noise_has_spoilt_makes_no_flood_of_old_starts(self, *, machine: bool) -> None:
        old = [f"{hour:02}:00:00 {RESTARTED}" for hour in range(20, 10, -1)]
        scene = steady().lacks(Evidence.RESET_CAUSE).log("20:00:00 Syst?m: Network Interface rest", *old[1:]).later(60)
        if machine:
            scene = scene.restarts().daemon_restarts(300, machine=True).lacks(Evidence.RESET_CAUSE).polls(3)
        else:
            scene.silent().later(100).restarts(ago_s=60).back(session_lost=True, since_s=105).polls(3)
        scene.log(f"00:00:08 {RESTARTED}", "00:00:02 System: Coldstart.", *old).waits()
        assert scene.causes == ["power"]

    def test_a_card_that_begins_anew_at_midnight_repeats_its_times(self) -> None:
        """A start of an earlier epoch with the very time of the newest one is not a second one of now."""
        scene = steady().lacks(Evidence.RESET_CAUSE).log(f"00:52:00 {RESTARTED}").later(300)
        scene.silent().later(100).restarts(ago_s=60).back(session_lost=True, since_s=105).polls(3).waits()
        assert len(scene.reported) == 1, "made without the log, so that its place in it is lost"
        scene.later(400).silent().later(100).restarts(ago_s=60).back(session_lost=True, since_s=105).polls(3)
        times = ("01:09:58", "00:59:25", "00:48:00", "23:00:00", "01:09:58", "00:59:25")
        scene.log(*(f"{time} {RESTARTED}" for time in times)).waits()
        assert len(scene.reported) == 2


class TestAcrossDaemonRestarts:
    def test_a_restart_while_the_daemon_was_down_is_reported_once(self) -> None:
        scene = without_evidence().daemon_restarts(900).restarts(ago_s=400).polls(4).waits()
        assert scene.causes == ["unknown"]
        assert scene.daemon_restarts(30).polls(5).waits().causes == ["unknown"]

    @pytest.mark.parametrize("jump_s", [DAY, -DAY])
    def test_no_clock_jump_fools_it_while_the_machine_runs_on(self, jump_s: float) -> None:
        scene = without_evidence().daemon_restarts(900, clock_off_s=jump_s).polls(4).waits()
        assert scene.reported == []

    def test_a_kill_between_notice_and_report_neither_loses_nor_doubles(self) -> None:
        scene = steady().log("01:00:00 x").later(30).restarts(ago_s=20).polls(3, every_s=5)
        assert scene.reported == []
        scene = scene.daemon_restarts(30).polls(4).waits()
        assert scene.causes == ["unknown"]
        assert scene.daemon_restarts(30).polls(4).waits().causes == ["unknown"]

    def test_a_report_that_was_never_written_is_made_again_under_its_id(self) -> None:
        scene = without_evidence()
        before = scene.detector.memory()
        scene.later(30).restarts(ago_s=20).polls(4, every_s=5)
        again = Scene(memory=before, now=scene.now, boot=scene.boot)
        again.lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE).later(60).polls(4)
        assert [reboot.id for reboot in again.reported] == [reboot.id for reboot in scene.reported]
        anew = Scene(now=scene.now, boot=scene.boot).lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE)
        anew.polls(3).later(30).restarts(ago_s=20).polls(4, every_s=5)
        assert {reboot.id for reboot in anew.reported}.isdisjoint(reboot.id for reboot in scene.reported)

    def test_counts_and_rhythm_survive(self) -> None:
        scene = without_evidence()
        for _ in range(4):
            scene.restarts().polls(60, every_s=10)
        before = scene.detector.nmc()
        after = scene.daemon_restarts(1).reads().detector.nmc()
        assert after.reboots_by_cause == before.reboots_by_cause
        assert (after.watchdog, after.interval_s, after.last_reboot) == (True, before.interval_s, before.last_reboot)


class TestAcrossMachineRestarts:
    def scene(self, clock_off_s: float = 0.0) -> Scene:
        known = steady().log("01:00:00 System: earlier")
        return known.daemon_restarts(3600, machine=True, clock_off_s=clock_off_s)

    def test_nothing_happened(self) -> None:
        scene = self.scene().polls(2)
        assert scene.detector.wanted_evidence() == {Evidence.EVENT_LOG}
        assert scene.log("01:00:00 System: earlier").polls(3).waits().reported == []

    def test_a_fallen_up_time_needs_no_clock(self) -> None:
        scene = self.scene(clock_off_s=-30 * DAY).restarts(ago_s=500).polls(3)
        scene.lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE)
        assert scene.causes == ["unknown"]

    @pytest.mark.parametrize("jump_s", [DAY, -DAY])
    def test_the_log_overrules_a_clock_that_jumped(self, jump_s: float) -> None:
        scene = self.scene(clock_off_s=jump_s).polls(2).log("01:00:00 System: earlier")
        assert scene.polls(4).waits().reported == []

    def test_the_cards_own_clock_overrules_one_that_jumped(self) -> None:
        known = Scene(card_clock=True).log("01:00:00 x").reads(6000).reads(6000)
        scene = known.daemon_restarts(60, machine=True, clock_off_s=DAY)
        scene.card_clock = True
        scene.reads(6000).later(2).reads(6000)
        assert Evidence.EVENT_LOG not in scene.detector.wanted_evidence()
        assert scene.waits().reported == []

    def test_a_clock_that_begins_with_every_life_proves_none(self) -> None:
        known = Scene(boot=400.0, cold_clock=True).polls().log("00:05:00 System: earlier")
        scene = known.daemon_restarts(5000, machine=True).restarts(ago_s=1200).polls(2)
        assert scene.detector.wanted_evidence() == {Evidence.EVENT_LOG}
        scene.log("00:00:01 System: Coldstart.", "00:05:00 System: earlier").lacks(Evidence.RESET_CAUSE)
        assert scene.waits().causes == ["power"]

    def test_the_log_finds_what_a_clock_that_jumped_hides(self) -> None:
        known = Scene(boot=400.0).polls().log("01:00:00 System: earlier")
        scene = known.daemon_restarts(5000, machine=True, clock_off_s=-4000.0).restarts(ago_s=1200)
        scene.polls(2).log(f"02:00:00 {RESTARTED}", "01:00:00 System: earlier").lacks(Evidence.RESET_CAUSE)
        assert scene.waits().causes == ["watchdog"]

    def test_without_a_log_the_wall_clock_decides(self) -> None:
        known = Scene(boot=700.0).polls().lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE)
        scene = known.daemon_restarts(5000, machine=True).restarts(ago_s=1200)
        scene.lacks(Evidence.EVENT_LOG, Evidence.RESET_CAUSE)
        assert scene.polls(3).waits().causes == ["unknown"]


class TestConsolesWithoutUpTime:
    def scene(self) -> Scene:
        return Scene().lacks(Evidence.UP_TIME, Evidence.RESET_CAUSE).log("01:00:00 System: earlier")

    def test_the_log_tells_of_a_restart_after_a_silence(self) -> None:
        scene = self.scene().silent().later(30).back(session_lost=False, since_s=35)
        assert scene.detector.wanted_evidence() == {Evidence.EVENT_LOG}
        scene.log(f"02:00:00 {RESTARTED}", "01:00:00 System: earlier")
        assert scene.causes == ["watchdog"]

    def test_a_silence_that_the_log_does_not_know_is_none(self) -> None:
        scene = self.scene().silent().later(30).back(session_lost=False, since_s=35).log("01:00:00 System: earlier")
        assert scene.waits().reported == []
        assert scene.detector.wanted_evidence() == frozenset()

    @pytest.mark.parametrize(("since_s", "count"), [(40.0, 1), (200.0, 0)])
    def test_without_a_log_only_a_session_lost_too_soon_tells(self, since_s: float, count: int) -> None:
        scene = Scene().lacks(*Evidence).later(300).back(session_lost=True, since_s=since_s)
        assert len(scene.waits().reported) == count


class TestDiagnosis:
    def ailing(self) -> Scene:
        return steady().lacks(Evidence.EVENT_LOG).later(30).restarts(ago_s=20).polls(4, every_s=5)

    def test_a_watchdog_s_restart_is_told_with_its_reason_and_remedy(self) -> None:
        scene = self.ailing().network("0.0.0.0").lastrst("12 WDT Reset")
        assert scene.causes == ["watchdog"]
        assert scene.reported[0].evidence[-1] == "the card has no default gateway (0.0.0.0)"
        assert scene.detector.nmc("P+ N+ A+").diagnosis == (
            "the card has no default gateway (0.0.0.0): "
            "set its default gateway to a host on its own subnet that always answers"
        )

    def test_no_report_waits_for_the_network_and_it_is_asked_for_all_the_same(self) -> None:
        scene = self.ailing().lastrst("12 WDT Reset")
        assert scene.causes == ["watchdog"]
        assert scene.detector.wanted_evidence() == {Evidence.NETWORK}
        assert "its console does not tell" in (scene.detector.nmc().diagnosis or "")
        scene.network("192.168.7.254")
        assert "192.168.7.254 probably does not answer" in (scene.detector.nmc().diagnosis or "")
        assert scene.detector.wanted_evidence() == frozenset()

    def test_a_console_without_network_screen_is_asked_once_per_restart(self) -> None:
        scene = self.ailing().lastrst("12 WDT Reset").lacks(Evidence.NETWORK)
        assert scene.detector.wanted_evidence() == frozenset()
        scene.polls(30).restarts(ago_s=20).polls(4, every_s=5)
        assert Evidence.NETWORK in scene.detector.wanted_evidence()

    @pytest.mark.parametrize("cause", ["04 Requested Reset", "01 Power On Reset"])
    def test_other_restarts_need_no_diagnosis(self, cause: str) -> None:
        scene = self.ailing().network("0.0.0.0").lastrst(cause)
        assert scene.detector.nmc("P+ N- A+").diagnosis is None
        assert not any("gateway" in line for line in scene.reported[0].evidence)

    def test_it_is_over_when_the_next_restart_stays_away(self) -> None:
        scene = self.ailing().lastrst("12 WDT Reset").polls(70)
        assert scene.detector.nmc().diagnosis is not None
        assert scene.polls(20).detector.nmc().diagnosis is None
        assert scene.detector.wanted_evidence() == frozenset()

    def test_a_restart_of_the_daemon_asks_again(self) -> None:
        scene = self.ailing().network().lastrst("12 WDT Reset").daemon_restarts().polls(3)
        assert Evidence.NETWORK in scene.detector.wanted_evidence()


class TestStatistics:
    def beating(self) -> Scene:
        scene = without_evidence()
        for _ in range(5):
            scene.polls(59).restarts(ago_s=1).polls(3, every_s=5)
        return scene.polls(3)

    def test_a_steady_beat(self) -> None:
        nmc = self.beating().detector.nmc()
        assert (nmc.day.count, nmc.week.count, nmc.ever.count, nmc.reboot_count) == (5, 5, 5, 5)
        for interval_s in (nmc.interval_s, nmc.day.interval_s, nmc.ever.interval_s):
            assert interval_s is not None
            assert abs(interval_s - 605) < 30
        assert nmc.jitter_s is not None
        assert nmc.jitter_s < 30

    def test_a_day_later_only_the_week_remembers(self) -> None:
        nmc = self.beating().later(2 * DAY).polls(2).detector.nmc()
        assert (nmc.day.count, nmc.day.interval_s, nmc.week.count) == (0, None, 5)

    def test_what_the_journal_has_counts(self) -> None:
        scene = self.beating()
        now_at = scene.now + scene.wall
        history = [(now_at - 3 * DAY, 600.0), (now_at - 100.0, 620.0)]
        detector = RebootDetector("p", scene.detector.memory(), machine_boot="run1", history=history)
        detector.settle(scene.now, now_at)
        nmc = detector.nmc()
        assert (nmc.day.count, nmc.week.count, nmc.ever.count) == (1, 2, 5)
        assert (nmc.ever.interval_s, nmc.ever.jitter_s) == (610.0, 10.0)


class TestMemory:
    def test_it_survives_its_own_text(self) -> None:
        memory = without_evidence().later(30).restarts(ago_s=20).polls(4).detector.memory()
        assert memory.past
        assert RebootMemory.parse(memory.dump()) == memory

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"life": 3}'])
    def test_a_damaged_one_is_said_so(self, text: str) -> None:
        with pytest.raises(JournalError):
            RebootMemory.parse(text)

    def test_revision_moves_when_a_write_is_worth_it(self) -> None:
        scene = without_evidence().polls(5)
        quiet = scene.detector.revision
        assert scene.polls(30).detector.revision == quiet
        assert scene.later(30).restarts(ago_s=20).polls(4).detector.revision > quiet


@pytest.mark.parametrize(
    ("date", "seconds_later_than"),
    [
        ("01/02/2020", "01/01/2020"),
        ("02.01.2020", "01.01.2020"),
        ("2020-01-02", "2020-01-01"),
        ("Jan-02-20", "Jan-01-20"),
        ("02-Jan-20", "01-Jan-20"),
        ("02/28/2020", "02/27/2020"),
    ],
)
def test_the_cards_dates_are_read_whatever_their_order(date: str, seconds_later_than: str) -> None:
    later, earlier = clock_s(date, "10:00:00"), clock_s(seconds_later_than, "10:00:00")
    assert later is not None
    assert earlier is not None
    assert later - earlier == DAY


@pytest.mark.parametrize(
    ("date", "time"), [("", ""), ("13/32/2020", "10:00"), ("01/01/2020", "noon"), ("a/b/c", "1:00")]
)
def test_a_date_that_is_none_is_none(date: str, time: str) -> None:
    assert clock_s(date, time) is None


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_days_of_misfortune_break_no_promise(seed: int) -> None:
    assert soak(hours=100, seed=seed).faults == []


def test_event_type_of_every_cause_exists() -> None:
    assert {EventType.of_reboot(cause) for cause in RebootCause} <= set(EventType)
