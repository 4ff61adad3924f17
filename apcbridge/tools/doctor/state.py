"""The state directory: is it there, may it be written to, is there room for the journal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from apcbridge.tools.doctor.findings import Reporter
from apcbridge.tools.files import SERVICE_USER
from apcbridge.tools.machine import who_am_i

if TYPE_CHECKING:
    from pathlib import Path

    from apcbridge.tools.doctor.findings import Finding

ROOM_BYTES = 1 << 20
"""What must be left for the journal."""


def check_state(directory: Path, *, daemon_runs: bool, room_bytes: int = ROOM_BYTES) -> tuple[Finding, ...]:
    """Judge the directory that must outlast a restart; nothing is told of one that is well."""
    report = Reporter("configuration")
    try:
        disk = os.statvfs(directory)
    except FileNotFoundError:
        # A daemon that runs has its own, perhaps in a place of its own.
        advice = "the service makes it; otherwise: mkdir it"
        return () if daemon_runs else (report.warn(f"state_dir {directory} is not there yet", advice),)
    except OSError:
        return ()  # only the service may look there
    if disk.f_bavail * disk.f_frsize < room_bytes:
        text = f"state_dir {directory} is full: restarts and commands cannot be written down"
        return (report.fail(text, "make room on that disk"),)
    if daemon_runs or _is_the_services(directory) or os.access(directory, os.W_OK | os.X_OK):
        return ()
    user = who_am_i()
    return (
        report.fail(f"state_dir {directory} may not be written to by user {user}", f"sudo chown {user} {directory}"),
    )


def _is_the_services(directory: Path) -> bool:
    """Tell whether a directory belongs to the service's user: then nobody else needs to write there."""
    try:
        return directory.owner() == SERVICE_USER
    except (KeyError, OSError):
        return False
