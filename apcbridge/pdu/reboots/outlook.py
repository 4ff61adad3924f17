"""What is known of a card between its restarts: boot time, rhythm, prediction, what it suffers from. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.model import Nmc, RebootCause
from apcbridge.pdu.reboots.diagnosis import UNTOLD, Diagnosis, diagnose
from apcbridge.pdu.reboots.lives import RESOLUTION_S
from apcbridge.pdu.reboots.rhythm import overdue, rhythm

if TYPE_CHECKING:
    from apcbridge.pdu.reboots.ledger import Ledger
    from apcbridge.pdu.reboots.lives import Life
    from apcbridge.pdu.reboots.observations import Network

HELD_S = 30.0
"""The shown boot time moves only by more than this: less is the minute that the up time cannot resolve."""


class Outlook:
    """What others see of one card, from the life it is in and the restarts that were reported."""

    def __init__(self, ledger: Ledger, pace: float) -> None:
        self._ledger = ledger
        self._pace = pace
        self._boot_at: float | None = None
        self.network: Network | None = None
        """Read since the last restart."""

    def hold_boot(self, life: Life | None, now_mono: float, now_at: float) -> None:
        """Hold the boot time that people see still against minute steps; a restart or a set clock moves it."""
        if life is None:
            self._boot_at = None
            return
        boot_at = life.held_mono + now_at - now_mono
        if self._boot_at is None or abs(boot_at - self._boot_at) > HELD_S:
            self._boot_at = boot_at

    def ailing(self, life: Life | None, now_mono: float) -> bool:
        """Tell whether the watchdog restarted the card last, and may do it again: it has not heard traffic since."""
        last = self._ledger.last
        watchdog = last is not None and last.cause is RebootCause.WATCHDOG
        return watchdog and not overdue(_since_boot_s(life, now_mono), self._pace)

    def diagnosed(self, flags: str | None) -> Diagnosis | None:
        """Judge why the watchdog restarts the card, by its network settings and these status flags."""
        return diagnose(self.network.reading if self.network else None, flags)

    def diagnosed_then(self) -> Diagnosis | None:
        """Judge it by the flags that were shown when the settings were read."""
        return self.diagnosed(self.network.flags if self.network else None)

    def nmc(
        self, life: Life | None, now_mono: float, now_at: float, status_flags: str | None, alarm_count: int | None
    ) -> Nmc:
        """Return boot time, counts, rhythm and prediction."""
        boot_at = self._boot_at
        beat = rhythm(self._ledger.intervals, _since_boot_s(life, now_mono), self._pace)
        expected = boot_at + beat.interval_s if beat.watchdog and boot_at and beat.interval_s else None
        counts, statistics = self._ledger.counts, self._ledger.statistics(now_at)
        ailing = self.ailing(life, now_mono)
        return Nmc(
            boot_at=boot_at,
            boot_mono=life.held_mono if life else None,
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
            diagnosis=str(self.diagnosed(status_flags) or UNTOLD) if ailing else None,
        )


def _since_boot_s(life: Life | None, now_mono: float) -> float | None:
    return now_mono - life.boot.mid if life else None
