"""A management card to report on."""

from __future__ import annotations

from apcbridge.model import Nmc, Reboot, RebootCause, RestartStatistics


def watchdog_card(boot_at: float, boot_mono: float) -> Nmc:
    """Return a card that its watchdog restarts again and again, last at that moment, with everything known of it."""
    last = Reboot(
        id="r7", at=boot_at, cause=RebootCause.WATCHDOG, evidence=("up time fell",), noticed_at=boot_at + 10.0
    )
    return Nmc(
        boot_at=boot_at,
        boot_mono=boot_mono,
        status_flags="P+ N- A+",
        reboot_count=7,
        watchdog_reboot_count=6,
        reboots_by_cause={RebootCause.WATCHDOG: 6, RebootCause.POWER: 1},
        last_reboot=last,
        interval_s=570.0,
        jitter_s=4.0,
        day=RestartStatistics(count=6, interval_s=571.0, jitter_s=4.0),
        week=RestartStatistics(count=7, interval_s=570.0, jitter_s=5.0),
        ever=RestartStatistics(count=7, interval_s=570.0, jitter_s=5.0),
        next_expected_at=boot_at + 570.0,
        next_expected_error_s=60.0,
        diagnosis="the card has no network link (P+ N- A+): connect its Ethernet port",
        watchdog=True,
    )
