"""The serial port itself: is it there, may we, does somebody else have it."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.tools.doctor.findings import Level
from apcbridge.tools.files import SERVICE_USER
from apcbridge.tools.machine import group_of, who_am_i

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apcbridge.tools.doctor.findings import Finding, Reporter
    from apcbridge.tools.machine import Machine

_MODEM_MANAGER = "ModemManager"
_UNIT_GROUPS = frozenset({"dialout"})
"""What our own systemd unit adds to the groups of its user."""


def check_port(port: str, machine: Machine, report: Reporter) -> tuple[Finding, ...]:
    """Look at a port without opening it; nothing can be told of one behind a network."""
    if "://" in port:
        return ()
    return tuple(_check_device(Path(port), machine, report))


def usable(findings: tuple[Finding, ...]) -> bool:
    """Tell whether it makes sense to open the port."""
    return all(finding.level is not Level.FAIL for finding in findings)


def _check_device(path: Path, machine: Machine, report: Reporter) -> Iterator[Finding]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        here = [port.path for port in machine.serial_ports() if not port.built_in]
        others = f"; here are {', '.join(here)}" if here else "; no serial adapter is plugged in"
        yield report.fail(
            f"port {path}: {error.strerror}{others}", "plug the adapter in, or correct port: in the configuration"
        )
        return
    if not stat.S_ISCHR(mode):
        yield report.fail(f"port {path} is no serial device", "correct port: in the configuration")
        return
    yield from _check_permission(path, report)
    yield from _check_others(path, machine, report)
    if path.name.startswith("ttyUSB") and path.parent == Path("/dev"):
        yield report.warn(
            f"port {path} may be another adapter after the next boot", "use its name under /dev/serial/by-id/"
        )


def _check_permission(path: Path, report: Reporter) -> Iterator[Finding]:
    group = group_of(str(path))
    if not os.access(path, os.R_OK | os.W_OK):
        yield report.fail(
            f"port {path}: user {who_am_i()} may not open it; it belongs to group {group or '?'}",
            f"sudo usermod -aG {group or 'dialout'} {who_am_i()} and log in again, or run the doctor with sudo",
        )
    elif os.geteuid() == 0 and not _service_may_open(path, group):
        yield report.fail(
            f"port {path}: we may open it, but the service's user {SERVICE_USER} may not (group {group or '?'})",
            f"sudo usermod -aG {group or 'dialout'} {SERVICE_USER} and systemctl restart apcbridge",
        )
    else:
        yield report.ok(f"port {path} is there, and user {who_am_i()} may open it")


def _service_may_open(path: Path, group: str) -> bool:
    """Tell whether the user of the service may; where there is none the daemon runs as somebody else."""
    try:
        user = pwd.getpwnam(SERVICE_USER)
        names = {grp.getgrgid(gid).gr_name for gid in os.getgrouplist(SERVICE_USER, user.pw_gid)}
    except KeyError:
        return True
    mode = path.stat().st_mode
    if mode & stat.S_IROTH and mode & stat.S_IWOTH:
        return True
    return bool(mode & stat.S_IRGRP and mode & stat.S_IWGRP) and group in names | _UNIT_GROUPS


def _check_others(path: Path, machine: Machine, report: Reporter) -> Iterator[Finding]:
    for holder in machine.holders(str(path)):
        if "getty" in holder.name:
            name = Path(os.path.realpath(path)).name
            unit = f"serial-getty@{name}.service"
            yield report.fail(
                f"port {path} is a login terminal of this machine: {holder}",
                f"sudo systemctl disable --now {unit}",
            )
        else:
            yield report.fail(f"port {path} is in use by {holder}", "end that program, or give the PDU another port")
    manager = machine.running(_MODEM_MANAGER)
    if manager is not None:
        yield report.warn(
            f"{manager} types into every serial adapter that is plugged in, to look for modems",
            "sudo systemctl disable --now ModemManager, or tell it to leave the adapter alone (ID_MM_DEVICE_IGNORE=1)",
        )
