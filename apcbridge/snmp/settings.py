"""What the SNMP agent must be told: addresses, principals, receivers. Nothing here has a default that opens a door."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from apcbridge.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Network = IPv4Network | IPv6Network
Oid = tuple[int, ...]

PRIVATE_ROOT: Oid = (1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 7920)
"""Where APCBRIDGE-MIB hangs unless configured otherwise: net-snmp's playpen."""


REQUESTS_PER_SECOND = 6000
"""What one source is answered unless configured otherwise."""


class AddressUnavailable(ConfigError):
    """An agent address cannot be listened on; the message names it and says what to do."""


class Access(StrEnum):
    """What a principal may do."""

    READ = "read"
    WRITE = "write"
    """Read, and SET."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """One v1/v2c community; without a source network it admits nobody."""

    name: str = field(repr=False)
    """The secret itself: never logged."""
    label: str
    """What logs, commands and the journal call it, e.g. ``community-2``."""
    access: Access
    sources: tuple[Network, ...]


class AuthProtocol(StrEnum):
    """How messages are signed; MD5 and SHA only for managers that know nothing better."""

    MD5 = "MD5"
    SHA = "SHA"
    SHA224 = "SHA-224"
    SHA256 = "SHA-256"
    SHA384 = "SHA-384"
    SHA512 = "SHA-512"


class PrivProtocol(StrEnum):
    """How messages are encrypted; DES only for managers that know nothing better."""

    DES = "DES"
    AES128 = "AES-128"
    AES192 = "AES-192"
    AES256 = "AES-256"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One version 3 user, who always signs and encrypts."""

    name: str
    access: Access
    auth: AuthProtocol
    auth_phrase: str = field(repr=False)
    priv: PrivProtocol
    priv_phrase: str = field(repr=False)
    sources: tuple[Network, ...]


class TrapVersion(StrEnum):
    """SNMP version of a notification."""

    V1 = "1"
    V2C = "2c"
    V3 = "3"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapReceiver:
    """Who is told without asking."""

    host: str
    port: int
    version: TrapVersion
    community: str = field(default="", repr=False)
    """Of version 1 and 2c."""
    user: str | None = None
    """Of version 3: the name of one of the users."""
    inform: bool = False
    """Ask for an acknowledgement and repeat until it comes; version 1 has none."""

    @property
    def where(self) -> str:
        """Name the receiver as logs do."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAddress:
    """Where one PDU's agent listens.

    Several PDUs may share an address: the first is the one that plain communities see, the others are asked for as
    ``community@pdu``.
    """

    pdu: str
    host: str
    port: int
    """0 lets the kernel choose (tests)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Datagrams per second that are worth decoding; the burst is one second's worth unless told otherwise.

    An answer costs about 20 us of processor time, one of version 3 about 80: these bounds leave the loop to the
    consoles under any flood, and still let a poller walk at full speed.
    """

    per_source: float = float(REQUESTS_PER_SECOND)
    total: float = 2.0 * REQUESTS_PER_SECOND
    v3_per_source: float = 1000.0
    v3_total: float = 2000.0
    burst_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SnmpSettings:
    """Everything the agent is told."""

    addresses: tuple[AgentAddress, ...]
    communities: tuple[Community, ...] = ()
    users: tuple[User, ...] = ()
    receivers: tuple[TrapReceiver, ...] = ()
    private_root: Oid = PRIVATE_ROOT
    contact: str | None = None
    """sysContact; None shows what the PDU's own banner says."""
    location: str | None = None
    limits: RateLimits = RateLimits()
    state_dir: Path | None = None
    """Where engine id, boots and written system strings live; None keeps them in memory and version 3 closed."""
