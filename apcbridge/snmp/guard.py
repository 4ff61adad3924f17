"""Admits or drops a datagram before anything in it is decoded: size, source, outer frame, version, rate.

Every check is a few comparisons; what is dropped gets no answer, is counted by reason, and costs at most ten log lines
a minute for all reasons together.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from apcbridge.limits import TokenBucket
from apcbridge.snmp.ber import INTEGER, MAX_LENGTH_OCTETS, SEQUENCE, MalformedMessage, Version, expect, read_integer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.snmp.settings import Network, RateLimits

MIN_SIZE = 20
"""The shortest message there is: no community, no varbind."""
MAX_SIZE = 1472
"""One Ethernet frame; what is larger is no request a manager sends."""
SOURCES_REMEMBERED = 1024


class Verdict(StrEnum):
    """What becomes of a datagram."""

    COMMUNITY = "community"
    """Version 1 or 2c: decode it."""
    USER = "user"
    """Version 3."""
    WRONG_SIZE = "wrong size"
    UNLISTED = "source not allowed"
    NOT_A_MESSAGE = "no SNMP message"
    BAD_VERSION = "version not served"
    OVER_RATE = "too many requests"


class SourceList:
    """Networks, with the verdict on each recent address remembered."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._known: dict[str, bool] = {}

    def __contains__(self, host: str) -> bool:
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= SOURCES_REMEMBERED:
                self._known.clear()
            known = self._known[host] = self._judge(host)
        return known

    def _judge(self, host: str) -> bool:
        address = parse_host(host)
        return any(address in network for network in self._networks if network.version == address.version)


def parse_host(host: str) -> IPv4Address | IPv6Address:
    """Return the address of a datagram's source, without a zone; an IPv4 one seen through IPv6 counts as IPv4."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class _Buckets:
    """A bucket per listed source and one for all."""

    def __init__(self, sources: SourceList, per_source: float, total: float, burst_s: float) -> None:
        self._listed = sources
        self._per_source = per_source
        self._burst_s = burst_s
        self._total = TokenBucket(total, max(total * burst_s, 1.0))
        self._sources: dict[str, TokenBucket] = {}

    def find(self, host: str) -> TokenBucket | None:
        """Return the bucket of a source, None if it is not listed; the source seen longest ago is forgotten first."""
        bucket = self._sources.get(host)
        if bucket is None and host in self._listed:
            if len(self._sources) >= SOURCES_REMEMBERED:
                del self._sources[next(iter(self._sources))]
            bucket = TokenBucket(self._per_source, max(self._per_source * self._burst_s, 1.0))
            self._sources[host] = bucket
        return bucket

    def take(self, bucket: TokenBucket, now_mono: float) -> bool:
        return bucket.take(now_mono) and self._total.take(now_mono)


class Guard:
    """The door of one agent."""

    def __init__(self, sources: Iterable[Network], limits: RateLimits, *, versions: frozenset[Version]) -> None:
        listed = SourceList(sources)
        self._versions = versions
        self._plain = _Buckets(listed, limits.per_source, limits.total, limits.burst_s)
        self._users = _Buckets(listed, limits.v3_per_source, limits.v3_total, limits.burst_s)

    def judge(self, data: bytes, host: str, now_mono: float) -> Verdict:
        """Decide on a datagram from a source address."""
        if not MIN_SIZE <= len(data) <= MAX_SIZE:
            return Verdict.WRONG_SIZE
        bucket = self._plain.find(host)
        if bucket is None:
            return Verdict.UNLISTED
        version = peek_version(data)
        if version is None:
            return Verdict.NOT_A_MESSAGE
        if version not in self._versions:
            return Verdict.BAD_VERSION
        if version != Version.V3:
            return Verdict.COMMUNITY if self._plain.take(bucket, now_mono) else Verdict.OVER_RATE
        bucket = self._users.find(host)
        return Verdict.USER if bucket and self._users.take(bucket, now_mono) else Verdict.OVER_RATE


def peek_version(data: bytes) -> int | None:
    """Return the version of a datagram whose outer frame is exact, or None.

    Takes at least :data:`MIN_SIZE` octets, so every index below exists.
    """
    if data[0] != SEQUENCE:
        return None
    size, start = data[1], 2
    if size > 0x7F:
        octets = size & 0x7F
        if not 0 < octets <= MAX_LENGTH_OCTETS:
            return None
        start = 2 + octets
        size = int.from_bytes(data[2:start])
    if start + size != len(data) or data[start] != INTEGER:
        return None
    return data[start + 2] if data[start + 1] == 1 else _padded_version(data, start)


def _padded_version(data: bytes, at: int) -> int | None:
    """Return a version that is written with more octets than it needs, as managers with fixed-width encoders do."""
    try:
        start, stop = expect(data, at, len(data), INTEGER)
        return read_integer(data, start, stop)
    except MalformedMessage:
        return None
