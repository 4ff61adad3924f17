"""The codec against an implementation that is not ours (pysnmp on pyasn1), and against whatever is no message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v1, v2c

from apcbridge.snmp import ber

if TYPE_CHECKING:
    from collections.abc import Callable

SUBIDS = st.lists(st.integers(0, 0xFFFFFFFF), max_size=20)
OIDS = st.builds(lambda first, second, rest: (first, second, *rest), st.integers(0, 1), st.integers(0, 39), SUBIDS)
COMMUNITIES = st.binary(max_size=40)
REQUEST_IDS = st.integers(-(2**31), 2**31 - 1)
VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(lambda n: (rfc1902.Integer32(n), ber.integer(n))),
    st.integers(0, 2**32 - 1).map(lambda n: (rfc1902.Gauge32(n), ber.gauge(n))),
    st.integers(0, 2**32 - 1).map(lambda n: (rfc1902.Counter32(n), ber.counter(n))),
    st.integers(0, 2**32 - 1).map(lambda n: (rfc1902.TimeTicks(n), ber.time_ticks(n))),
    st.binary(max_size=300).map(lambda b: (rfc1902.OctetString(b), ber.octets(b))),
    OIDS.map(lambda oid: (rfc1902.ObjectIdentifier(oid), ber.object_identifier(oid))),
    st.binary(min_size=4, max_size=4).map(lambda b: (rfc1902.IpAddress(b), ber.ip_address(b))),
)


@given(VALUES)
def test_values_read_back_as_in_the_reference(pair: tuple[rfc1902.Integer32, bytes]) -> None:
    reference, ours = pair
    assert decoder.decode(ours, asn1Spec=reference.clone()) == (reference, b"")


@given(OIDS)
def test_oids_survive_a_round_trip(oid: ber.Oid) -> None:
    assert ber.decode_oid(ber.encode_oid(oid)) == oid


@given(
    st.sampled_from(["GetRequestPDU", "GetNextRequestPDU", "SetRequestPDU"]),
    st.booleans(),
    COMMUNITIES,
    REQUEST_IDS,
    st.lists(st.tuples(OIDS, VALUES), max_size=8),
)
def test_requests_of_the_reference_are_understood(
    kind: str,
    second_version: bool,  # drawn by hypothesis
    community: bytes,
    request_id: int,
    varbinds: list[tuple[ber.Oid, tuple[object, bytes]]],
) -> None:
    api = v2c if second_version else v1
    pdu = getattr(api, kind)()
    api.apiPDU.set_defaults(pdu)
    api.apiPDU.set_request_id(pdu, request_id)
    api.apiPDU.set_varbinds(pdu, [(oid, value) for oid, (value, _) in varbinds])
    message = api.Message()
    api.apiMessage.set_defaults(message)
    api.apiMessage.set_community(message, community)
    api.apiMessage.set_pdu(message, pdu)

    decoded = ber.decode(encoder.encode(message))

    assert decoded.version == int(second_version)
    assert decoded.community == community
    assert int.from_bytes(decoded.request_id[2:], signed=True) == request_id
    assert [ber.decode_oid(v.oid) for v in decoded.varbinds] == [oid for oid, _ in varbinds]
    assert [ber.tlv(v.tag, v.value) for v in decoded.varbinds] == [
        encoder.encode(reference) for _, (reference, _) in varbinds
    ]


def head_of(community: bytes) -> bytes:
    return ber.integer(1) + ber.octets(community)


@given(COMMUNITIES, REQUEST_IDS, st.lists(st.tuples(OIDS, VALUES), max_size=8), st.integers(0, 18), st.integers(0, 8))
def test_the_reference_understands_our_responses(
    community: bytes,
    request_id: int,
    varbinds: list[tuple[ber.Oid, tuple[object, bytes]]],
    status: int,
    index: int,
) -> None:
    request = ber.Message(1, community, ber.PduType.GET, head_of(community), ber.integer(request_id), 0, 0, (), b"")
    listed = b"".join(ber.varbind(ber.encode_oid(oid), ours) for oid, (_, ours) in varbinds)

    message, rest = decoder.decode(ber.response(request, listed, status, index), asn1Spec=v2c.Message())

    assert not rest
    pdu = v2c.apiMessage.get_pdu(message)
    assert bytes(v2c.apiMessage.get_community(message)) == community
    assert int(v2c.apiPDU.get_request_id(pdu)) == request_id
    assert int(v2c.apiPDU.get_error_status(pdu)) == status
    assert int(v2c.apiPDU.get_error_index(pdu, muteErrors=True)) == min(index, len(varbinds))
    assert [(tuple(oid), value) for oid, value in v2c.apiPDU.get_varbinds(pdu)] == [
        (oid, reference) for oid, (reference, _) in varbinds
    ]


def request_of(varbinds: bytes, community: bytes = b"public") -> bytes:
    pdu = (ber.integer(1), ber.integer(0), ber.integer(0), ber.tlv(ber.SEQUENCE, varbinds))
    return ber.message(1, community, ber.PduType.GET, pdu)


PDU_BODY = ber.integer(1) + ber.integer(0) * 2 + ber.tlv(ber.SEQUENCE, b"")
GOOD = request_of(ber.varbind(ber.encode_oid((1, 3, 6, 1, 2, 1, 1, 1, 0)), ber.NULL_VALUE))


@given(st.data())
def test_a_damaged_message_is_malformed_or_a_message_and_nothing_else(data: st.DataObject) -> None:
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    for candidate in (bytes(damaged), bytes(damaged[:cut])):
        try:
            decoded = ber.decode(candidate)
            for varbind in decoded.varbinds:
                ber.decode_oid(varbind.oid)
        except ber.MalformedMessage:
            continue


@given(st.lists(st.tuples(COMMUNITIES, REQUEST_IDS, OIDS, st.booleans()), min_size=1, max_size=6), st.data())
def test_a_decoder_with_memory_says_what_one_without_says(
    asked: list[tuple[bytes, int, ber.Oid, bool]], data: st.DataObject
) -> None:
    decoder_with_memory = ber.Decoder(limit=2)
    for community, request_id, oid, damage in asked * 2:
        pdu = (ber.integer(request_id), ber.integer(0), ber.integer(0))
        varbinds = ber.tlv(ber.SEQUENCE, ber.varbind(ber.encode_oid(oid), ber.NULL_VALUE))
        message = bytearray(ber.message(1, community, ber.PduType.GET, (*pdu, varbinds)))
        if damage:
            message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
        assert outcome(decoder_with_memory.decode, bytes(message)) == outcome(ber.decode, bytes(message))


def outcome(decode: Callable[[bytes], ber.Message], data: bytes) -> ber.Message | None:
    try:
        return decode(data)
    except ber.MalformedMessage:
        return None


@given(st.binary(max_size=200))
def test_noise_is_malformed(noise: bytes) -> None:
    try:
        ber.decode(noise)
    except ber.MalformedMessage:
        return
    assert noise[0] == ber.SEQUENCE


@pytest.mark.parametrize("size", range(len(GOOD)))
def test_every_prefix_is_malformed(size: int) -> None:
    with pytest.raises(ber.MalformedMessage):
        ber.decode(GOOD[:size])


NULL_BIND = ber.varbind(ber.encode_oid((1, 3, 6)), ber.NULL_VALUE)


@pytest.mark.parametrize(
    "message",
    [
        GOOD + b"\x00",
        b"\x30\x80" + GOOD[2:] + b"\x00\x00",
        b"\x30\x85\x00\x00\x00\x00" + bytes((len(GOOD) - 2,)) + GOOD[2:],
        ber.message(2, b"public", ber.PduType.GET, ()),
        ber.message(3, b"public", ber.PduType.GET, ()),
        ber.message(1, b"public", ber.PduType.TRAP_V1, ()),
        ber.message(1, b"public", 0x30, (ber.integer(1), ber.integer(0), ber.integer(0), b"\x30\x00")),
        ber.message(1, b"public", ber.PduType.GET, (b"\x02\x05\x00\x80\x00\x00\x00", ber.integer(0) * 2, b"\x30\x00")),
        ber.message(1, b"public", ber.PduType.GET, (b"\x02\x00", ber.integer(0) * 2, b"\x30\x00")),
        request_of(NULL_BIND * (ber.MAX_VARBINDS + 1)),
        request_of(ber.tlv(0x30, b"\x06\x01\x2b\x30\x00")),
        request_of(ber.tlv(0x30, b"\x06\x01\x2b\x05\x00\x05\x00")),
        request_of(b"\x06\x01\x2b"),
    ],
)
def test_what_is_not_exactly_a_message_is_malformed(message: bytes) -> None:
    with pytest.raises(ber.MalformedMessage):
        ber.decode(message)


def test_as_many_varbinds_as_allowed_are_read() -> None:
    assert len(ber.decode(request_of(NULL_BIND * ber.MAX_VARBINDS)).varbinds) == ber.MAX_VARBINDS


def test_long_lengths_as_windows_writes_them_are_understood() -> None:
    body = GOOD[2:]
    assert ber.decode(b"\x30\x84" + len(body).to_bytes(4) + body) == ber.decode(GOOD)


def test_the_exceptions_of_an_answer_may_stand_where_a_request_has_no_value() -> None:
    oid = ber.encode_oid((1, 3, 6, 1))
    for exception in (ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB_VIEW):
        assert ber.decode(request_of(ber.varbind(oid, exception))).varbinds[0].oid == oid


def test_memory_does_not_take_a_community_for_a_request_id() -> None:
    """A version of two octets moves everything behind it, so that a community can look like a header."""

    def message(inside: bytes) -> bytes:
        def asked(size: int) -> bytes:
            community = bytes(4) + bytes((size, 2, 4)) + inside
            body = b"\x02\x02\x00\x01" + ber.octets(community) + ber.tlv(ber.PduType.GET, PDU_BODY)
            return ber.tlv(ber.SEQUENCE, body)

        return asked(len(asked(0)) - 13)

    decoder_with_memory = ber.Decoder()
    for inside in (b"know", b"gues"):
        assert decoder_with_memory.decode(message(inside)).community.endswith(inside)


@pytest.mark.parametrize(
    "content", [b"", b"\x81", b"\x2b\x80\x01", b"\x2b\x90\x80\x80\x80\x00", b"\x2b" + b"\x01" * 200]
)
def test_an_oid_that_is_none_is_malformed(content: bytes) -> None:
    with pytest.raises(ber.MalformedMessage):
        ber.decode_oid(content)


def test_text_is_printable() -> None:
    assert ber.text("nas\x1b\u00e9\n") == b"\x04\x06nas???"


def test_counters_wrap_and_gauges_hold() -> None:
    assert ber.counter(2**32 + 5) == ber.counter(5)
    assert ber.time_ticks(2**32 + 5) == ber.time_ticks(5)
    assert ber.gauge(2**40) == ber.gauge(2**32 - 1)
    assert ber.gauge(-5) == ber.gauge(0)
