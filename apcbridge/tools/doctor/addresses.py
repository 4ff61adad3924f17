"""The addresses that the daemon must listen on: free, or its own already."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from apcbridge.config import Endpoint
    from apcbridge.tools.doctor.findings import Finding, Reporter
    from apcbridge.tools.machine import Machine

_PRIVILEGED = 1024
_CAPABILITY = "the service needs CAP_NET_BIND_SERVICE for it: AmbientCapabilities= in its unit"


class Listening:
    """Looks at the addresses of one kind: UDP for SNMP, TCP for the built-in broker."""

    def __init__(self, kind: socket.SocketKind, machine: Machine, *, daemon_runs: bool) -> None:
        self._kind = kind
        self._machine = machine
        self._daemon_runs = daemon_runs

    def check(self, what: str, endpoint: Endpoint, report: Reporter) -> Finding:
        """Try to bind an address and let it go at once."""
        if not endpoint.port:
            return report.ok(f"{what} gets a port from the kernel")
        error = self._try(endpoint)
        where = f"{what} {endpoint}"
        if error is None and self._daemon_runs:
            return report.fail(f"{where}: the daemon runs, but nobody listens there", "systemctl restart apcbridge")
        if error is None:
            hint = _CAPABILITY if endpoint.port < _PRIVILEGED else ""
            return report.ok(f"{where} is free", hint)
        match error.errno:
            case errno.EADDRINUSE:
                return self._taken(where, endpoint, report)
            case errno.EACCES:
                return report.warn(f"{where}: this user may not listen below port {_PRIVILEGED}", _CAPABILITY)
            case errno.EADDRNOTAVAIL:
                return report.fail(
                    f"{where} is no address of this machine", "ip address shows those there are; correct listen:"
                )
        return report.fail(f"{where}: {error.strerror}", "correct listen: in the configuration")

    def _taken(self, where: str, endpoint: Endpoint, report: Reporter) -> Finding:
        owner = next((o for i in self._inodes(endpoint.port) if (o := self._machine.socket_owner(i))), None)
        if self._daemon_runs:
            return report.ok(f"{where} is served by the daemon")
        name = str(owner) if owner else "another program (ss -lunp shows it to root)"
        return report.fail(f"{where} is taken by {name}", "stop that program, or choose another address")

    def _try(self, endpoint: Endpoint) -> OSError | None:
        try:
            info = socket.getaddrinfo(endpoint.host, endpoint.port, type=self._kind, flags=socket.AI_PASSIVE)[0]
            with contextlib.closing(socket.socket(info[0], self._kind)) as probe:
                probe.bind(info[4])
        except OSError as error:
            return error
        return None

    def _inodes(self, port: int) -> list[str]:
        """Read which sockets are bound to a port, from the kernel's tables."""
        name = "udp" if self._kind is socket.SOCK_DGRAM else "tcp"
        rows = [row for table in (name, f"{name}6") for row in _rows(self._machine.proc / "net" / table)]
        return [row[9] for row in rows if len(row) > 9 and row[1].endswith(f":{port:04X}")]


def _rows(table: Path) -> list[list[str]]:
    try:
        return [line.split() for line in table.read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return []
