"""Version 3 messages: an authoritative engine that answers users, and the signing of notifications. Pure.

The order of the checks is that of RFC 3414, 3.2, so that every refusal is the report a manager expects. A user always
signs and encrypts: a message that does less is refused whoever sends it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from apcbridge.snmp import ber
from apcbridge.snmp.ber import INTEGER, OCTET_STRING, SEQUENCE, MalformedMessage, Oid, PduType, Version
from apcbridge.snmp.settings import Access
from apcbridge.snmp.usm import DecryptionFailed, Keys
from apcbridge.snmp.writes import AnswerMemory

if TYPE_CHECKING:
    from apcbridge.snmp.settings import User

AUTH, PRIV, REPORTABLE = 1, 2, 4
_USM = 3
_TIME_WINDOW_S = 150
_LATCHED_BOOTS = 0x7FFFFFFF
_MIN_MAX_SIZE = 484
MAX_SIZE = 1472
"""Of a whole message of ours, like those of version 2c."""
_HEADER_ROOM = 200
"""Upper bound of what surrounds a scoped PDU: headers, engine id, a user's name of 32 octets, signature, salt."""

_USM_STATS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1)
UNSUPPORTED_LEVELS: Oid = (*_USM_STATS, 1, 0)
NOT_IN_TIME_WINDOWS: Oid = (*_USM_STATS, 2, 0)
UNKNOWN_USER_NAMES: Oid = (*_USM_STATS, 3, 0)
UNKNOWN_ENGINE_IDS: Oid = (*_USM_STATS, 4, 0)
WRONG_DIGESTS: Oid = (*_USM_STATS, 5, 0)
DECRYPTION_ERRORS: Oid = (*_USM_STATS, 6, 0)
UNKNOWN_CONTEXTS: Oid = (1, 3, 6, 1, 6, 3, 12, 1, 5, 0)
UNKNOWN_PDU_HANDLERS: Oid = (1, 3, 6, 1, 6, 3, 11, 2, 1, 3, 0)


class Header(NamedTuple):
    """A version 3 message taken apart, nothing of it believed yet."""

    message_id: int
    max_size: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    signature: bytes
    signature_at: int
    """Where the signature stands in the datagram."""
    salt: bytes
    scoped: bytes
    """The scoped PDU: a SEQUENCE, or the content of the OCTET STRING that hides it."""


class Scoped(NamedTuple):
    """A scoped PDU."""

    engine_id: bytes
    context: bytes
    request: ber.Message


def decode(data: bytes) -> Header:
    """Take a datagram apart; raise MalformedMessage if it is not exactly one message of version 3 and USM."""
    start, end = ber.expect(data, 0, len(data), SEQUENCE)
    if end != len(data):
        raise MalformedMessage("octets behind the message")
    version, start = _integer(data, start, end)
    if version != Version.V3:
        raise MalformedMessage("not version 3")
    at, start = ber.expect(data, start, end, SEQUENCE)
    message_id, at = _integer(data, at, start)
    max_size, at = _integer(data, at, start)
    flags_at, at = ber.expect(data, at, start, OCTET_STRING)
    model, model_end = _integer(data, at, start)
    if at - flags_at != 1 or model != _USM or model_end != start or message_id < 0 or max_size < _MIN_MAX_SIZE:
        raise MalformedMessage("no header of the user-based security model")
    at, security_end = ber.expect(data, start, end, OCTET_STRING)
    flags = data[flags_at]
    tag, scoped_at, scoped_end = ber.header(data, security_end, end)
    if scoped_end != end or tag != (OCTET_STRING if flags & PRIV else SEQUENCE) or flags & 3 == PRIV:
        raise MalformedMessage("the data do not fit the flags")
    scoped = data[scoped_at:end] if flags & PRIV else data[security_end:end]
    return _security(data, at, security_end, (message_id, max_size, flags), scoped)


def _security(data: bytes, at: int, end: int, head: tuple[int, int, int], scoped: bytes) -> Header:
    at, stop = ber.expect(data, at, end, SEQUENCE)
    if stop != end:
        raise MalformedMessage("octets behind the security parameters")
    engine_at, at = ber.expect(data, at, end, OCTET_STRING)
    engine_id = data[engine_at:at]
    boots, at = _integer(data, at, end)
    time_s, at = _integer(data, at, end)
    user_at, at = ber.expect(data, at, end, OCTET_STRING)
    user = data[user_at:at]
    signature_at, at = ber.expect(data, at, end, OCTET_STRING)
    signature = data[signature_at:at]
    salt_at, at = ber.expect(data, at, end, OCTET_STRING)
    if at != end or boots < 0 or time_s < 0 or len(user) > 32 or len(engine_id) > 32:
        raise MalformedMessage("security parameters out of range")
    return Header(*head, engine_id, boots, time_s, user, signature, signature_at, data[salt_at:at], scoped)


def _integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    start, stop = ber.expect(data, at, end, INTEGER)
    return ber.read_integer(data, start, stop), stop


def decode_scoped(data: bytes, limit: int) -> Scoped:
    """Decode a scoped PDU, with padding behind it; ``limit`` bounds the answer to it."""
    start, end = ber.expect(data, 0, len(data), SEQUENCE)
    engine_at, at = ber.expect(data, start, end, OCTET_STRING)
    context_at, context_end = ber.expect(data, at, end, OCTET_STRING)
    pdu_type, pdu_at, pdu_end = ber.header(data, context_end, end)
    if pdu_end != end or not PduType.GET <= pdu_type <= PduType.REPORT or pdu_type == PduType.TRAP_V1:
        raise MalformedMessage("no PDU of the common shape")
    head = (int(Version.V3), b"", pdu_type, data[start:context_end])
    request = ber.decode_pdu(data, pdu_at, pdu_end, head)._replace(limit=limit)
    return Scoped(data[engine_at:at], data[context_at:context_end], request)


def scoped_pdu(engine_id: bytes, context: bytes, pdu: bytes) -> bytes:
    """Wrap a PDU."""
    return ber.tlv(SEQUENCE, ber.octets(engine_id) + ber.octets(context) + pdu)


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name a message is made, and the time at the authoritative engine."""

    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    keys: Keys | None


def encode(message_id: int, flags: int, sender: Sender, scoped: bytes, counter: int) -> bytes:
    """Encode a message, encrypted and signed as its flags say; ``counter`` must never repeat."""
    salt, signature, data = b"", b"", scoped
    if sender.keys is not None and flags & PRIV:
        hidden, salt = sender.keys.encrypt(scoped, sender.boots, sender.time_s, counter)
        data = ber.octets(hidden)
    if sender.keys is not None and flags & AUTH:
        signature = bytes(sender.keys.signature_size)
    before = (
        ber.octets(sender.engine_id) + ber.integer(sender.boots) + ber.integer(sender.time_s) + ber.octets(sender.user)
    )
    behind = ber.octets(salt)
    security = ber.tlv(SEQUENCE, before + ber.octets(signature) + behind)
    header = ber.integer(message_id) + ber.integer(MAX_SIZE) + ber.octets(bytes((flags,))) + ber.integer(_USM)
    body = ber.integer(int(Version.V3)) + ber.tlv(SEQUENCE, header) + ber.octets(security) + data
    message = ber.tlv(SEQUENCE, body)
    if sender.keys is None or not flags & AUTH:
        return message
    at = len(message) - len(data) - len(behind) - len(signature)
    return message[:at] + sender.keys.sign(message) + message[at + len(signature) :]


class Visit(Protocol):
    """What the engine asks about the datagram at hand."""

    def find(self, name: bytes) -> tuple[User, Keys] | None:
        """Return the user of that name, if it may come from where the datagram came from."""

    def serve(self, request: ber.Message, user: User, context: str) -> bytes | None:
        """Answer a request with a scoped PDU; None if there is no such context."""


class UserEngine:
    """The authoritative engine of one address."""

    def __init__(self, engine_id: bytes, boots: int, started_mono: float) -> None:
        self.engine_id = engine_id
        self.boots = boots
        self._started_mono = started_mono
        self._reports: dict[Oid, int] = {}
        self._counter = secrets.randbits(63)
        # USM lets a recorded message pass again while it is in the time window, from any address. A manager's own
        # repetition is signed anew, so the very same octets are a replay: they get the old answer and do nothing.
        self._sets = AnswerMemory(window_s=2 * _TIME_WINDOW_S)

    def time_s(self, now_mono: float) -> int:
        """Return snmpEngineTime."""
        return min(max(int(now_mono - self._started_mono), 0), 0x7FFFFFFF)

    def next_counter(self) -> int:
        """Return a number for a salt, never the same twice."""
        self._counter = (self._counter + 1) & 0xFFFFFFFFFFFFFFFF
        return self._counter

    def sender(self, name: bytes, keys: Keys | None, now_mono: float) -> Sender:
        """Return what a message of ours says about its sender."""
        return Sender(self.engine_id, self.boots, self.time_s(now_mono), name, keys)

    def notification(self, user: User, keys: Keys, pdu: bytes, message_id: int, now_mono: float) -> bytes:
        """Encode a trap in a user's name: we are authoritative for what nobody acknowledges."""
        sender = self.sender(user.name.encode(), keys, now_mono)
        return encode(message_id, AUTH | PRIV, sender, scoped_pdu(self.engine_id, b"", pdu), self.next_counter())

    def answer(self, data: bytes, now_mono: float, visit: Visit) -> bytes | None:
        """Answer a datagram with a response or a report; raise MalformedMessage if it is no request."""
        header = decode(data)
        if header.engine_id != self.engine_id:
            return self._report(header, UNKNOWN_ENGINE_IDS, now_mono)
        found = visit.find(header.user)
        if found is None:
            return self._report(header, UNKNOWN_USER_NAMES, now_mono)
        user, keys = found
        if header.flags & (AUTH | PRIV) != AUTH | PRIV:
            return self._report(header, UNSUPPORTED_LEVELS, now_mono)
        if not is_signed(data, header, keys):
            return self._report(header, WRONG_DIGESTS, now_mono)
        if not self._in_time(header, now_mono):
            return self._report(header, NOT_IN_TIME_WINDOWS, now_mono, keys=keys)
        replayed = self._sets.recall((header.user, header.signature), now_mono)
        if replayed is not None:
            return replayed
        return self._answer_proven(header, user, keys, now_mono, visit)

    def _answer_proven(self, header: Header, user: User, keys: Keys, now_mono: float, visit: Visit) -> bytes | None:
        """Answer a message that is signed by its user and of this moment."""
        try:
            scoped = decode_scoped(
                keys.decrypt(header.scoped, header.boots, header.time_s, header.salt),
                min(header.max_size, MAX_SIZE) - _HEADER_ROOM,
            )
        except (DecryptionFailed, MalformedMessage):
            return self._report(header, DECRYPTION_ERRORS, now_mono, keys=keys)
        # Net-snmp's agent takes an empty context engine for its own, so there are managers that leave it empty.
        if scoped.engine_id not in {self.engine_id, b""}:
            return self._report(header, UNKNOWN_PDU_HANDLERS, now_mono, keys=keys, scoped=scoped)
        # A reader's SET does nothing however often it comes: remembering it would let readers fill the memory.
        is_set = scoped.request.pdu_type == PduType.SET and user.access is Access.WRITE
        if is_set and self._sets.full:
            return None
        answer = visit.serve(scoped.request, user, scoped.context.decode("ascii", "replace"))
        if answer is None:
            return self._report(header, UNKNOWN_CONTEXTS, now_mono, keys=keys, scoped=scoped)
        sender = self.sender(header.user, keys, now_mono)
        response = encode(header.message_id, AUTH | PRIV, sender, answer, self.next_counter())
        if is_set:
            self._sets.remember((header.user, header.signature), response, now_mono)
        return response

    def _in_time(self, header: Header, now_mono: float) -> bool:
        return (
            header.boots == self.boots != _LATCHED_BOOTS
            and abs(header.time_s - self.time_s(now_mono)) <= _TIME_WINDOW_S
        )

    def _report(
        self, header: Header, why: Oid, now_mono: float, *, keys: Keys | None = None, scoped: Scoped | None = None
    ) -> bytes | None:
        """Tell the manager what was wrong, if it wants to know (RFC 3412, 7.1); signed once its keys are proven."""
        count = self._reports[why] = self._reports.get(why, 0) + 1
        if not header.flags & REPORTABLE:
            return None
        request_id = scoped.request.request_id if scoped else ber.integer(0)
        varbinds = ber.varbind(ber.encode_oid(why), ber.counter(count))
        pdu = ber.tlv(PduType.REPORT, request_id + ber.integer(0) + ber.integer(0) + ber.tlv(SEQUENCE, varbinds))
        flags = (AUTH | PRIV if scoped else AUTH) if keys else 0
        sender = self.sender(header.user, keys, now_mono)
        return encode(header.message_id, flags, sender, scoped_pdu(self.engine_id, b"", pdu), self.next_counter())


def is_signed(data: bytes, header: Header, keys: Keys) -> bool:
    """Tell whether a datagram carries the signature that these keys give it."""
    size = keys.signature_size
    if len(header.signature) != size:
        return False
    at = header.signature_at
    return keys.signed_by(data[:at] + bytes(size) + data[at + size :], header.signature)
