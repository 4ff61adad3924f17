"""The message codec of SNMPv1 and SNMPv2c: strict, flat, and with one way to fail.

Lengths are definite and must fill their container exactly; at most :data:`MAX_VARBINDS` varbinds are read; nothing
recurses, so the cost of a datagram is linear in its size. Non-minimal lengths and integers are accepted where real
managers send them (Windows writes ``84 00 00 00 xx``), because they are unambiguous; everything else that is not
exactly a message raises :class:`MalformedMessage`.

An OID travels as its encoded content (the octets behind tag and length): that is what the tables are keyed by.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_RESPONSE = 1472
"""What fits an Ethernet frame: a fragmented answer is an answer that gets lost."""
MAX_VARBINDS = 128
MAX_SUBIDS = 128
MAX_LENGTH_OCTETS = 4
MAX_INTEGER_OCTETS = 5
"""pyasn1 pads negative powers of 256, so that -2**31 takes five."""

Oid = tuple[int, ...]

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIME_TICKS = 0x43
OPAQUE = 0x44
COUNTER64 = 0x46

NULL_VALUE = b"\x05\x00"
NO_SUCH_OBJECT = b"\x80\x00"
NO_SUCH_INSTANCE = b"\x81\x00"
END_OF_MIB_VIEW = b"\x82\x00"
_NO_ERROR = b"\x02\x01\x00\x02\x01\x000"
"""error-status and error-index of an answer that is none, and the tag of the varbinds behind them."""

_VALUE_TAGS = frozenset(
    {
        INTEGER,
        OCTET_STRING,
        NULL,
        OBJECT_IDENTIFIER,
        IP_ADDRESS,
        COUNTER32,
        GAUGE32,
        TIME_TICKS,
        OPAQUE,
        COUNTER64,
        NO_SUCH_OBJECT[0],
        NO_SUCH_INSTANCE[0],
        END_OF_MIB_VIEW[0],
    }
)
"""The exceptions among them: a manager may ask on with the varbinds of an answer, whose values mean nothing then."""


class Version(IntEnum):
    """The version numbers on the wire."""

    V1 = 0
    V2C = 1
    V3 = 3


class PduType(IntEnum):
    """The tags of the PDUs."""

    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    SET = 0xA3
    TRAP_V1 = 0xA4
    GET_BULK = 0xA5
    INFORM = 0xA6
    TRAP_V2 = 0xA7
    REPORT = 0xA8


class ErrorStatus(IntEnum):
    """RFC 3416; those above GEN_ERR do not exist in version 1."""

    NO_ERROR = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2
    BAD_VALUE = 3
    READ_ONLY = 4
    GEN_ERR = 5
    NO_ACCESS = 6
    WRONG_TYPE = 7
    WRONG_LENGTH = 8
    WRONG_ENCODING = 9
    WRONG_VALUE = 10
    NO_CREATION = 11
    INCONSISTENT_VALUE = 12
    RESOURCE_UNAVAILABLE = 13
    COMMIT_FAILED = 14
    UNDO_FAILED = 15
    AUTHORIZATION_ERROR = 16
    NOT_WRITABLE = 17
    INCONSISTENT_NAME = 18


class MalformedMessage(Exception):
    """The octets are no SNMPv1/v2c message. The text says what was wrong, never what was in it."""


class Varbind(NamedTuple):
    """One name and value of a request."""

    oid: bytes
    """Encoded content, not yet checked: :func:`decode_oid` does."""
    tag: int
    """Tag of the value."""
    value: bytes
    """Content of the value."""


class Message(NamedTuple):
    """A decoded v1/v2c message whose PDU has the common shape (all but the v1 trap)."""

    version: int
    community: bytes
    pdu_type: int
    head: bytes
    """The octets of version and community: answers carry them back as they came."""
    request_id: bytes
    """The whole TLV, likewise."""
    first: int
    """error-status, or non-repeaters of a GETBULK."""
    second: int
    """error-index, or max-repetitions of a GETBULK."""
    varbinds: tuple[Varbind, ...]
    varbind_list: bytes
    """The octets of the varbinds, for answers that repeat them."""
    limit: int = MAX_RESPONSE
    """How long an answer may be."""


def decode(data: bytes) -> Message:
    """Decode a whole datagram; raise MalformedMessage if it is not exactly one message of version 1 or 2c."""
    start, end = expect(data, 0, len(data), SEQUENCE)
    if end != len(data):
        raise MalformedMessage("octets behind the message")
    head_start = start
    start, stop = expect(data, start, end, INTEGER)
    version = read_integer(data, start, stop)
    if version not in (Version.V1, Version.V2C):
        raise MalformedMessage("not version 1 or 2c")
    start, stop = expect(data, stop, end, OCTET_STRING)
    community, head = data[start:stop], data[head_start:stop]
    pdu_type, start, pdu_end = header(data, stop, end)
    if pdu_end != end or not PduType.GET <= pdu_type <= PduType.REPORT or pdu_type == PduType.TRAP_V1:
        raise MalformedMessage("no PDU of the common shape")
    return decode_pdu(data, start, end, (version, community, pdu_type, head))


def decode_pdu(data: bytes, start: int, end: int, head: tuple[int, bytes, int, bytes]) -> Message:
    """Decode the content of a PDU that fills ``start`` to ``end``; ``head`` is what was decoded in front of it."""
    version, community, pdu_type, head_octets = head
    id_start = start
    start, stop = expect(data, start, end, INTEGER)
    read_integer(data, start, stop)
    request_id = data[id_start:stop]
    start, stop = expect(data, stop, end, INTEGER)
    first = read_integer(data, start, stop)
    start, stop = expect(data, stop, end, INTEGER)
    second = read_integer(data, start, stop)
    start, stop = expect(data, stop, end, SEQUENCE)
    if stop != end:
        raise MalformedMessage("octets behind the varbinds")
    varbinds = _varbinds(data, start, end)
    return Message(version, community, pdu_type, head_octets, request_id, first, second, varbinds, data[start:end])


class Decoder:
    """:func:`decode` with a memory: managers ask the same again and again, with nothing new but the request-id.

    What is remembered are short messages without their lengths and request-id, so that a repetition costs a few
    comparisons and one look-up. Bounded by entries and by their size; an answer is the one :func:`decode` gives.
    """

    def __init__(self, limit: int = 4096) -> None:
        self._limit = limit
        self._known: dict[tuple[bytes, bytes], Message] = {}

    def decode(self, data: bytes) -> Message:
        """Decode a datagram of at least 20 octets; raise MalformedMessage."""
        size = len(data)
        at = 7 + data[6]
        if size > 129 or at + 4 > size:
            return decode(data)
        id_size = data[at + 3]
        tail = at + 4 + id_size
        if (
            data[0] != SEQUENCE
            or data[1] != size - 2
            or data[3] != 1  # a longer version would put ``at`` into the community
            or data[at + 1] != size - at - 2
            or data[at + 2] != INTEGER
            or not 1 <= id_size <= 4
            or tail >= size
        ):
            return decode(data)
        key = (data[2 : at + 1], data[tail:])
        known = self._known.get(key)
        if known is not None:
            return Message._make((*known[:4], data[at + 2 : tail], *known[5:]))
        message = decode(data)
        if len(self._known) >= self._limit:
            self._known.clear()
        self._known[key] = message
        return message


def _varbinds(data: bytes, start: int, end: int) -> tuple[Varbind, ...]:
    varbinds: list[Varbind] = []
    while start < end:
        if len(varbinds) == MAX_VARBINDS:
            raise MalformedMessage(f"more than {MAX_VARBINDS} varbinds")
        start, stop = expect(data, start, end, SEQUENCE)
        name_start, name_stop = expect(data, start, stop, OBJECT_IDENTIFIER)
        tag, value_start, value_stop = header(data, name_stop, stop)
        if value_stop != stop or tag not in _VALUE_TAGS:
            raise MalformedMessage("a varbind is not one name and one value")
        varbinds.append(Varbind(data[name_start:name_stop], tag, data[value_start:value_stop]))
        start = stop
    return tuple(varbinds)


def header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Read tag and length at ``at``; return the tag and where its content starts and stops (at most ``end``)."""
    if at + 2 > end:
        raise MalformedMessage("cut off")
    start = at + 2
    length = data[at + 1]
    if length > 0x7F:
        octets = length & 0x7F
        if not 0 < octets <= MAX_LENGTH_OCTETS:
            raise MalformedMessage("indefinite or oversized length")
        length = int.from_bytes(data[start : start + octets])
        start += octets
    if start + length > end:
        raise MalformedMessage("a length reaches beyond its container")
    return data[at], start, start + length


def expect(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Read a value that must have that tag at ``at``; return where its content starts and stops."""
    found, start, stop = header(data, at, end)
    if found != tag:
        raise MalformedMessage(f"tag {found:#04x} where {tag:#04x} must be")
    return start, stop


def read_integer(data: bytes, start: int, stop: int) -> int:
    """Return the 32-bit INTEGER whose content fills ``start`` to ``stop``."""
    if not 1 <= stop - start <= MAX_INTEGER_OCTETS:
        raise MalformedMessage("an integer without octets or with too many")
    value = int.from_bytes(data[start:stop], signed=True)
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise MalformedMessage("an integer of more than 32 bits")
    return value


def decode_integer(content: bytes) -> int:
    """Return the value of an INTEGER's content (32 bits, signed)."""
    return read_integer(content, 0, len(content))


def decode_oid(content: bytes) -> Oid:
    """Return the sub-identifiers of an OID's content; raise MalformedMessage unless every one fits 32 bits."""
    if not content or content[-1] & 0x80:
        raise MalformedMessage("an OID without end")
    subids: list[int] = []
    value = 0
    for octet in content:
        if octet == 0x80 and value == 0:
            raise MalformedMessage("an OID padded with zeros")
        value = value << 7 | octet & 0x7F
        if value > 0xFFFFFFFF:
            raise MalformedMessage("a sub-identifier of more than 32 bits")
        if octet < 0x80:
            subids.append(value)
            value = 0
    if len(subids) >= MAX_SUBIDS:
        raise MalformedMessage(f"an OID of more than {MAX_SUBIDS} sub-identifiers")
    first = min(subids[0] // 40, 2)
    return (first, subids[0] - 40 * first, *subids[1:])


def encode_oid(oid: Oid) -> bytes:
    """Return the content octets of an OID of at least two sub-identifiers."""
    encoded = bytearray(_base128(oid[0] * 40 + oid[1]))
    for subid in oid[2:]:
        encoded += _base128(subid)
    return bytes(encoded)


def _base128(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    return bytes(reversed(octets))


def length(size: int) -> bytes:
    """Return the shortest length octets for that many content octets."""
    if size < 0x80:
        return bytes((size,))
    if size < 0x100:
        return bytes((0x81, size))
    return bytes((0x82, size >> 8, size & 0xFF))


def tlv(tag: int, content: bytes) -> bytes:
    """Wrap content of at most 65535 octets."""
    size = len(content)
    if size < 0x80:
        return b"%c%c%b" % (tag, size, content)
    return bytes((tag,)) + length(size) + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Encode a number in the fewest octets; the tag says whether it is an INTEGER, Counter32, Gauge32 or TimeTicks.

    The unsigned types are clamped to 0..2**32-1: a gauge holds at its ends, and callers wrap counters themselves.
    """
    if tag != INTEGER:
        value = min(max(value, 0), 0xFFFFFFFF)
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return bytes((tag, size)) + value.to_bytes(size, signed=True)


def gauge(value: int) -> bytes:
    """Encode a Gauge32."""
    return integer(value, GAUGE32)


def counter(value: int) -> bytes:
    """Encode a Counter32, which wraps at 2**32."""
    return integer(value & 0xFFFFFFFF, COUNTER32)


def time_ticks(hundredths: int) -> bytes:
    """Encode TimeTicks, which wrap at 2**32 (497 days)."""
    return integer(hundredths & 0xFFFFFFFF, TIME_TICKS)


def octets(content: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return tlv(OCTET_STRING, content)


def text(value: str) -> bytes:
    """Encode a DisplayString: what is not printable ASCII becomes ``?``.

    Net-snmp's tools show a string with one other octet as Hex-STRING, which breaks every client that finds an outlet
    by its name (fence_apc_snmp, rackpdu).
    """
    if value.isascii() and value.isprintable():
        return octets(value.encode("ascii"))
    return octets(bytes(ord(c) if " " <= c <= "~" else 0x3F for c in value))


def object_identifier(oid: Oid) -> bytes:
    """Encode an OBJECT IDENTIFIER value."""
    return tlv(OBJECT_IDENTIFIER, encode_oid(oid))


def ip_address(address: bytes) -> bytes:
    """Encode an IpAddress of four octets."""
    return tlv(IP_ADDRESS, address)


def varbind(oid: bytes, value: bytes) -> bytes:
    """Join an OID's content and an encoded value."""
    size = len(oid) + 2 + len(value)
    if size < 0x80:
        return b"0%c\x06%c%b%b" % (size, len(oid), oid, value)
    return tlv(SEQUENCE, tlv(OBJECT_IDENTIFIER, oid) + value)


def message(version: int, community: bytes, pdu_type: int, pdu: Iterable[bytes]) -> bytes:
    """Wrap the parts of a PDU."""
    head = integer(version) + tlv(OCTET_STRING, community)
    return tlv(SEQUENCE, head + tlv(pdu_type, b"".join(pdu)))


def response(request: Message, varbind_list: bytes, status: int = 0, index: int = 0) -> bytes:
    """Encode the answer to a request from already encoded varbinds."""
    body = response_pdu(request, varbind_list, status, index)
    return tlv(SEQUENCE, request.head + body)


def response_pdu(request: Message, varbind_list: bytes, status: int = 0, index: int = 0) -> bytes:
    """Encode the Response-PDU alone; status and index are below 128."""
    size = len(varbind_list)
    fields = b"\x02\x01%c\x02\x01%c0" % (status, index) if status or index else _NO_ERROR
    if size < 0x80:
        return tlv(PduType.RESPONSE, b"%b%b%c%b" % (request.request_id, fields, size, varbind_list))
    return tlv(PduType.RESPONSE, request.request_id + fields + length(size) + varbind_list)
