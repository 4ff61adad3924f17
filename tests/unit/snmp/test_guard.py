from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.snmp import ber
from apcbridge.snmp.ber import Version
from apcbridge.snmp.guard import Guard, SourceList, Verdict
from apcbridge.snmp.settings import RateLimits

NETWORKS = (ip_network("127.0.0.0/8"), ip_network("2001:db8::/32"))
BOTH = frozenset({Version.V1, Version.V2C})
PDU = (ber.integer(1), ber.integer(0), ber.integer(0), ber.tlv(0x30, b""))


def request(version: int = 1, community: bytes = b"public") -> bytes:
    return ber.message(version, community, ber.PduType.GET, PDU)


def guard(versions: frozenset[Version] = BOTH, **limits: float) -> Guard:
    return Guard(NETWORKS, RateLimits(**limits), versions=versions)


@pytest.mark.parametrize("version", [0, 1])
def test_a_request_from_a_listed_source_is_admitted(version: int) -> None:
    assert guard().judge(request(version), "127.0.0.1", 0.0) is Verdict.COMMUNITY


@pytest.mark.parametrize("version", [b"\x02\x81\x01\x01", b"\x02\x84\x00\x00\x00\x01\x01", b"\x02\x04\x00\x00\x00\x01"])
def test_a_version_may_be_written_longer_than_it_needs(version: bytes) -> None:
    asked = ber.tlv(ber.SEQUENCE, version + ber.octets(b"public") + ber.tlv(ber.PduType.GET, b"".join(PDU)))
    assert guard().judge(asked, "127.0.0.1", 0.0) is Verdict.COMMUNITY


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"\xe2\x0e\xbc\x15\x30", Verdict.WRONG_SIZE),
        (b"", Verdict.WRONG_SIZE),
        (request(community=b"x" * 1500), Verdict.WRONG_SIZE),
        (b"\x00" * 40, Verdict.NOT_A_MESSAGE),
        (request() + b"\x00", Verdict.NOT_A_MESSAGE),
        (request()[:-1], Verdict.NOT_A_MESSAGE),
        (b"\x30\x80" + request()[2:], Verdict.NOT_A_MESSAGE),
        (ber.tlv(ber.SEQUENCE, b"\x02\x00" + bytes(20)), Verdict.NOT_A_MESSAGE),
        (ber.tlv(ber.SEQUENCE, b"\x02\x02\x00\x02" + bytes(20)), Verdict.BAD_VERSION),
        (ber.tlv(ber.SEQUENCE, b"\x02\x7f" + bytes(20)), Verdict.NOT_A_MESSAGE),
        (request(2), Verdict.BAD_VERSION),
        (request(3), Verdict.BAD_VERSION),
    ],
)
def test_what_cannot_be_a_request_is_dropped(data: bytes, verdict: Verdict) -> None:
    assert guard().judge(data, "127.0.0.1", 0.0) is verdict


def test_version_3_is_admitted_where_it_is_served() -> None:
    assert guard(BOTH | {Version.V3}).judge(request(3), "127.0.0.1", 0.0) is Verdict.USER


def test_an_unlisted_source_is_dropped_before_its_octets_are_looked_at() -> None:
    assert guard().judge(b"\x00" * 40, "192.0.2.1", 0.0) is Verdict.UNLISTED


@given(st.binary(min_size=0, max_size=1600))
def test_no_octets_raise(data: bytes) -> None:
    assert guard().judge(data, "127.0.0.1", 0.0) in Verdict


def test_one_source_cannot_spend_more_than_its_share() -> None:
    door = guard(per_source=10, total=100)
    verdicts = [door.judge(request(), "127.0.0.1", 0.0) for _ in range(15)]
    assert verdicts.count(Verdict.COMMUNITY) == 10
    assert door.judge(request(), "127.0.0.2", 0.0) is Verdict.COMMUNITY
    assert door.judge(request(), "127.0.0.1", 0.1) is Verdict.COMMUNITY
    assert door.judge(request(), "127.0.0.1", 0.1) is Verdict.OVER_RATE


def test_all_sources_together_cannot_spend_more_than_the_total() -> None:
    door = guard(per_source=10, total=20)
    verdicts = [door.judge(request(), f"127.0.0.{n}", 0.0) for n in range(1, 6) for _ in range(10)]
    assert verdicts.count(Verdict.COMMUNITY) == 20


def test_sources_are_matched_by_family_and_through_ipv6_sockets() -> None:
    listed = SourceList(NETWORKS)
    assert "127.9.9.9" in listed
    assert "2001:db8::1%eth0" in listed
    assert "::ffff:127.0.0.1" in listed
    assert "::ffff:192.0.2.1" not in listed
    assert "fe80::1" not in listed
