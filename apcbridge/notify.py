"""What systemd is told: ready, alive, stopping, and a line of status.

Outside systemd (no ``$NOTIFY_SOCKET``) nothing is told and nothing is needed. Under ``Type=notify`` the extra
``apcbridge[systemd]`` must be installed.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from apcbridge.health import Progress

log = logging.getLogger(__name__)


class Notify(Protocol):
    """``systemd.daemon.notify``: sends assignments to the service manager, False if there is none."""

    def __call__(self, status: str) -> bool:
        """Send ``status``."""


def find_notify() -> Notify | None:
    """Return the way to tell systemd, or None where nobody listens; warn if somebody does and we cannot speak."""
    if not os.environ.get("NOTIFY_SOCKET"):
        return None
    try:
        from systemd.daemon import notify  # noqa: PLC0415 - an extra that only a service needs
    except ImportError:
        log.warning(
            "systemd waits to be notified, but systemd-python is not installed: the service will be taken for hung; "
            "install apcbridge[systemd] or use Type=exec without WatchdogSec"
        )
        return None
    found: Notify = notify
    return found


def watchdog_interval_s() -> float | None:
    """Return how often systemd wants to hear of us (half of ``WatchdogSec``), or None if it does not watch us."""
    pid = os.environ.get("WATCHDOG_PID")
    usec = os.environ.get("WATCHDOG_USEC", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000


class Supervision:
    """Tells systemd how the bridge is."""

    def __init__(self, notify: Notify | None, progress: Progress) -> None:
        self._notify = notify
        self._progress = progress
        self._status = ""
        self._hung: tuple[str, ...] = ()

    def ready(self) -> None:
        """Tell that every listener is bound and every PDU was tried once."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Tell that the configuration is being read anew; :meth:`ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Tell that the bridge ends on purpose."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Show one line in ``systemctl status``."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def watch(self, now_mono: float) -> None:
        """Feed the watchdog, unless a part is overdue: then say which, once, and let systemd do its work."""
        hung = self._progress.overdue(now_mono)
        if not hung:
            self._send("WATCHDOG=1")
        elif hung != self._hung:
            silence_s = self._progress.silence_s(hung[0], now_mono)
            log.error("no progress of %s for %.0f s: the watchdog is not fed", ", ".join(hung), silence_s)
            self.status(f"hung: {', '.join(hung)}")
        self._hung = hung

    def _send(self, assignment: str) -> None:
        if self._notify is not None:
            self._notify(assignment)
