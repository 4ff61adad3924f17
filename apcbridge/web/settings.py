"""What the web server must be told. What is not configured is off: no listener, no control, no token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias

from apcbridge.errors import ConfigError
from apcbridge.facts import PduView
from apcbridge.store import Edge

if TYPE_CHECKING:
    from pathlib import Path

History: TypeAlias = Callable[[float | None, int], Sequence[Edge]]
"""``history(since_at, limit)``: what happened at or after ``since_at`` (Unix time, None: from the beginning).

Returns the newest ``limit`` events and steps of commands, oldest first. It may block: it is called in a thread. It may
raise :class:`~apcbridge.errors.JournalError`.
"""


class AddressUnavailable(ConfigError):
    """An address or socket cannot be listened on; the message names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the daemon is, for ``/healthz`` and ``/metrics``."""

    failed: tuple[str, ...] = ()
    """Parts that make no progress: the daemon should be restarted."""
    degraded: tuple[str, ...] = ()
    """What does not work although the daemon does, in words for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpAddress:
    """Where to listen."""

    host: str
    port: int
    """0 lets the kernel choose (tests)."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what a peer may ask of us. The defaults are many times what a page, a scraper and a person need."""

    header_bytes: int = 16 * 1024
    body_bytes: int = 4 * 1024
    connections: int = 64
    """Per listener, so that a flood over TCP does not lock out the local socket."""
    streams: int = 32
    """Event streams per listener; each holds its connection."""
    request_s: float = 10.0
    """From the first byte of a request to its last: a peer that drips bytes is let go."""
    idle_s: float = 60.0
    """Between two requests on one connection."""
    write_s: float = 20.0
    """For a peer to take what we send; a stream that is read more slowly is closed."""
    heartbeat_s: float = 10.0
    """Between two signs of life on a stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Everything the web server is told."""

    bridge_id: str
    listen: tuple[TcpAddress, ...] = ()
    socket: Path | None = None
    """The local socket, mode 0660: owner and group may connect, and whoever may connect may switch."""
    control: bool = False
    """Whether outlets can be switched over TCP; never without :attr:`token`."""
    token: str | None = field(default=None, repr=False)
    """What a request over TCP that switches must carry: ``Authorization: Bearer TOKEN``."""
    hosts: tuple[str, ...] = ()
    """More names by which a loopback listener may be asked for, as a reverse proxy in front of it may do."""
    pdus: Mapping[str, PduView] = field(default_factory=dict)
    limits: Limits = Limits()
    version: str = "0"
    """Of apcbridge, told to whoever asks."""

    def view(self, pdu: str) -> PduView:
        """Return what the configuration adds to a PDU."""
        return self.pdus.get(pdu, PduView())
