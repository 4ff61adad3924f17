"""Sockets to listen on: TCP addresses and the local one, and who is at the other end of it."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import socket
import stat
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from apcbridge.web.settings import AddressUnavailable, TcpAddress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BACKLOG = 64
SOCKET_MODE = 0o660
PROBE_S = 1.0
"""A daemon that lives takes a connection in less; one that takes none is alive all the same if its queue is full."""

_UCRED = struct.Struct("3i")
"""``struct ucred`` of SO_PEERCRED: process, user, group."""

_REASONS = {
    errno.EADDRINUSE: "another program listens there: change web.listen or stop it",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "not permitted: a port below 1024 needs CAP_NET_BIND_SERVICE",
}


def open_tcp(address: TcpAddress) -> tuple[socket.socket, TcpAddress]:
    """Listen on a TCP address; return the socket and the address as the kernel gave it.

    A name with several addresses is listened on at the first of them. Raises AddressUnavailable.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as fault:
        raise AddressUnavailable(f"web: {address}: the host is not known: {fault.strerror}") from fault
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
        sock.listen(BACKLOG)
    except OSError as fault:
        sock.close()
        reason = _REASONS.get(fault.errno or 0, fault.strerror)
        raise AddressUnavailable(f"web: cannot listen on {address}: {reason}") from fault
    host, port = sock.getsockname()[:2]
    return sock, TcpAddress(host=host, port=port)


class LocalListener:
    """The local socket in the file system, for as long as it is ours."""

    def __init__(self, path: Path) -> None:
        """Listen at ``path``, replacing what a daemon that died left there; raise AddressUnavailable if it lives."""
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _alone_in(path.parent):
                _remove_stale(path)
                self.sock.bind(str(path))
                # Between bind and listen nobody can connect, so nobody does so under the umask's mode.
                path.chmod(SOCKET_MODE)
                self.sock.listen(BACKLOG)
                self._identity = _identity(path)
        except OSError as fault:
            self.sock.close()
            raise AddressUnavailable(
                f"web: cannot make the local socket {path}: {fault.strerror or fault};"
                " its directory must exist and belong to the user that runs apcbridge"
            ) from fault
        except AddressUnavailable:
            self.sock.close()
            raise

    def remove(self) -> None:
        """Close the socket and take it out of the file system, unless another has taken its place."""
        self.sock.close()
        with suppress(OSError):
            if _identity(self.path) == self._identity:
                self.path.unlink()


def peer_user_id(sock: socket.socket) -> int:
    """Return the user id of the process that connected to a local socket, as the kernel recorded it."""
    _, user_id, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(user_id)


def user_name(user_id: int) -> str:
    """Return a user's name; it may ask a directory server, so call it in a thread."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"uid {user_id}"


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keep another daemon that starts at this moment from taking our new socket for a stale one."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AddressUnavailable(
                f"web: another program holds {directory}: is another apcbridge starting?"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise AddressUnavailable(f"web: {path} is not a socket; remove it or choose another path")
    if _is_alive(path):
        raise AddressUnavailable(f"web: another apcbridge listens at {path}")
    path.unlink()


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
