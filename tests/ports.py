"""Ports for the programs that tests start: those that cannot bind port 0 and tell which one they got."""

from __future__ import annotations

import itertools
import os
import random
import socket
from contextlib import ExitStack
from pathlib import Path

FIRST = 10_000


def _ephemeral() -> int:
    """Where the ports begin that the kernel gives to whoever asks for any."""
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])


def _ours() -> itertools.cycle[int]:
    """Give the ports of this worker of pytest: every one of its own, from some place on.

    None is one that the kernel might give to a connection between here and the program's own bind, or while a test has
    its broker down: a client that retries against such a port may even meet itself.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = range(FIRST + worker, max(_ephemeral(), FIRST + 1000), workers)
    start = random.randrange(len(ports))
    return itertools.cycle([*ports[start:], *ports[:start]])


_PORTS = _ours()


_FAMILY = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET


def _unused(port: int) -> bool:
    """Tell whether a program may listen there on every address, of IPv4 and of IPv6."""
    with ExitStack() as probes:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            probe = probes.enter_context(socket.socket(_FAMILY, kind))
            if _FAMILY is socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True


def free_port() -> int:
    """Return a port, for TCP and for UDP, that nobody uses and that no other test of this run is given."""
    return next(port for port in _PORTS if _unused(port))


def is_bound(port: int) -> bool:
    """Tell whether somebody has a UDP port, without being in the way of who is about to."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(int(line.split()[1].rpartition(":")[2], 16) == port for line in lines)
