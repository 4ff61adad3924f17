"""The user-based security model: known answers, the order of refusals, replays, and octets that are no message."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.snmp import ber, v3
from apcbridge.snmp.ber import MalformedMessage, Oid, PduType
from apcbridge.snmp.peer import Heard, Peer
from apcbridge.snmp.settings import Access, AuthProtocol, PrivProtocol, User
from apcbridge.snmp.usm import Keys, localized_key
from apcbridge.snmp.v3 import AUTH, PRIV, REPORTABLE, UserEngine
from tests.unit.snmp.world import NOW

ENGINE_ID = bytes.fromhex("80001f8805aabbccddeeff")
NMS = User(
    name="nms",
    access=Access.WRITE,
    auth=AuthProtocol.SHA256,
    auth_phrase="sign-me-please",
    priv=PrivProtocol.AES128,
    priv_phrase="hide-me-please",
    sources=(ip_network("127.0.0.0/8"),),
)
KEYS = Keys.of(NMS, ENGINE_ID)
VARBIND = ber.varbind(ber.encode_oid((1, 3, 6, 1)), ber.NULL_VALUE)


def pdu(kind: PduType = PduType.GET) -> bytes:
    return ber.tlv(kind, ber.integer(77) + ber.integer(0) * 2 + ber.tlv(ber.SEQUENCE, VARBIND))


def message(
    *,
    flags: int = AUTH | PRIV | REPORTABLE,
    boots: int = 7,
    time_s: int = 100,
    name: bytes = b"nms",
    keys: Keys = KEYS,
    engine_id: bytes = ENGINE_ID,
    context_engine_id: bytes = ENGINE_ID,
    context: bytes = b"",
    kind: PduType = PduType.GET,
    message_id: int = 5,
) -> bytes:
    sender = v3.Sender(engine_id, boots, time_s, name, keys)
    return v3.encode(message_id, flags, sender, v3.scoped_pdu(context_engine_id, context, pdu(kind)), 99)


@dataclass
class Visitor:
    """Knows one user and one context, and counts."""

    served: list[tuple[PduType, str]] = field(default_factory=list)

    def find(self, name: bytes) -> tuple[User, Keys] | None:
        return (NMS, KEYS) if name == b"nms" else None

    def serve(self, request: ber.Message, user: User, context: str) -> bytes | None:
        assert user is NMS
        if context not in {"", "pdu1"}:
            return None
        self.served.append((PduType(request.pdu_type), context))
        return ber.response(request, request.varbind_list)


def engine() -> UserEngine:
    return UserEngine(ENGINE_ID, 7, NOW - 100.0)


def opened(answer: bytes | None) -> tuple[int, ber.Message]:
    """Return flags and PDU of an answer, after checking its signature."""
    assert answer is not None
    header = v3.decode(answer)
    plain = header.scoped
    if header.flags & AUTH:
        assert v3.is_signed(answer, header, KEYS)
    if header.flags & PRIV:
        plain = KEYS.decrypt(plain, header.boots, header.time_s, header.salt)
    return header.flags, v3.decode_scoped(plain, ber.MAX_RESPONSE).request


def reported(answer: bytes | None) -> Oid:
    _, request = opened(answer)
    assert request.pdu_type == PduType.REPORT
    return ber.decode_oid(request.varbinds[0].oid)


@pytest.mark.parametrize(
    ("auth", "key"),
    [
        # RFC 3414, A.3: pass phrase "maplesyrup", engine id 00..02.
        (AuthProtocol.MD5, "526f5eed9fcce26f8964c2930787d82b"),
        (AuthProtocol.SHA, "6695febc9288e36282235fc7151f128497b38f3f"),
    ],
)
def test_keys_are_those_of_the_rfc(auth: AuthProtocol, key: str) -> None:
    assert localized_key(auth, "maplesyrup", bytes(11) + b"\x02").hex() == key


@pytest.mark.parametrize("auth", AuthProtocol)
@pytest.mark.parametrize("priv", PrivProtocol)
@given(plain=st.binary(min_size=1, max_size=100), counter=st.integers(0, 2**64 - 1))
def test_what_was_hidden_can_be_read(auth: AuthProtocol, priv: PrivProtocol, plain: bytes, counter: int) -> None:
    keys = Keys.of(replace(NMS, auth=auth, priv=priv), ENGINE_ID)
    hidden, salt = keys.encrypt(plain, 3, 4, counter)
    assert keys.decrypt(hidden, 3, 4, salt)[: len(plain)] == plain
    assert len(salt) == 8


def test_a_request_in_order_is_served_under_the_same_protection() -> None:
    visitor = Visitor()
    flags, answer = opened(engine().answer(message(), NOW, visitor))
    assert flags == AUTH | PRIV
    assert (answer.pdu_type, answer.request_id, answer.varbind_list) == (PduType.RESPONSE, ber.integer(77), VARBIND)
    assert visitor.served == [(PduType.GET, "")]


@pytest.mark.parametrize(
    ("request_", "why", "flags"),
    [
        (message(engine_id=b"", flags=REPORTABLE), v3.UNKNOWN_ENGINE_IDS, 0),
        (message(engine_id=b"another"), v3.UNKNOWN_ENGINE_IDS, 0),
        (message(name=b"stranger"), v3.UNKNOWN_USER_NAMES, 0),
        (message(flags=REPORTABLE), v3.UNSUPPORTED_LEVELS, 0),
        (message(flags=AUTH | REPORTABLE), v3.UNSUPPORTED_LEVELS, 0),
        (message(keys=replace(KEYS, auth_key=bytes(32))), v3.WRONG_DIGESTS, 0),
        (message(keys=replace(KEYS, auth=AuthProtocol.SHA)), v3.WRONG_DIGESTS, 0),
        (message(boots=6), v3.NOT_IN_TIME_WINDOWS, AUTH),
        (message(boots=8), v3.NOT_IN_TIME_WINDOWS, AUTH),
        (message(time_s=300), v3.NOT_IN_TIME_WINDOWS, AUTH),
        (message(keys=replace(KEYS, priv_key=bytes(16))), v3.DECRYPTION_ERRORS, AUTH),
        (message(context_engine_id=b"another"), v3.UNKNOWN_PDU_HANDLERS, AUTH | PRIV),
        (message(context=b"pdu9"), v3.UNKNOWN_CONTEXTS, AUTH | PRIV),
    ],
)
def test_every_refusal_is_the_report_a_manager_expects(request_: bytes, why: Oid, flags: int) -> None:
    visitor, ours = Visitor(), engine()
    answer = ours.answer(request_, NOW, visitor)
    assert reported(answer) == why
    assert answer is not None
    assert (opened(answer)[0], v3.decode(answer).user) == (flags, v3.decode(request_).user)
    assert visitor.served == []


def test_an_empty_context_engine_is_ours_and_comes_back_as_it_came() -> None:
    """Net-snmp's agent serves it, so there are managers that never fill it in."""
    visitor = Visitor()
    answer = engine().answer(message(context_engine_id=b""), NOW, visitor)
    assert answer is not None
    header = v3.decode(answer)
    assert (
        v3.decode_scoped(KEYS.decrypt(header.scoped, header.boots, header.time_s, header.salt), 1472).engine_id == b""
    )
    assert visitor.served == [(PduType.GET, "")]


def test_who_does_not_want_reports_gets_none() -> None:
    assert engine().answer(message(name=b"stranger", flags=AUTH | PRIV), NOW, Visitor()) is None


def test_a_recorded_set_gets_the_old_answer_and_does_nothing() -> None:
    visitor, ours = Visitor(), engine()
    recorded = message(kind=PduType.SET)
    first = ours.answer(recorded, NOW, visitor)
    assert ours.answer(recorded, NOW + 140.0, visitor) == first
    assert visitor.served == [(PduType.SET, "")]
    assert reported(ours.answer(recorded, NOW + 151.0, visitor)) == v3.NOT_IN_TIME_WINDOWS


def test_an_engine_at_the_end_of_its_boots_serves_nobody() -> None:
    ours = UserEngine(ENGINE_ID, 0x7FFFFFFF, NOW - 100.0)
    assert reported(ours.answer(message(boots=0x7FFFFFFF), NOW, Visitor())) == v3.NOT_IN_TIME_WINDOWS


@given(st.data())
def test_a_damaged_message_never_acts(data: st.DataObject) -> None:
    visitor, ours = Visitor(), engine()
    good = message(kind=PduType.SET)
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(good)))])
    for candidate in (bytes(damaged), cut):
        if candidate == good:
            continue
        try:
            ours.answer(candidate, NOW, visitor)
        except MalformedMessage:
            continue
    assert visitor.served == []


@given(st.binary(max_size=300))
def test_noise_is_malformed(noise: bytes) -> None:
    with pytest.raises(MalformedMessage):
        engine().answer(noise, NOW, Visitor())


def test_an_inform_learns_the_receivers_engine_and_clock() -> None:
    """Our own engine plays the receiver: first who it is, then its clock, then the inform itself."""
    receiver, visitor, peer = engine(), Visitor(), Peer(NMS)
    inform = pdu(PduType.INFORM)
    question = peer.message(inform, 5, NOW)
    who = receiver.answer(question, NOW, visitor)
    assert who is not None
    assert peer.hear(who, 4, NOW) is Heard.NOTHING
    assert peer.hear(who, 5, NOW) is Heard.CLOCK
    acknowledgement = receiver.answer(peer.message(inform, 6, NOW + 30), NOW + 30, visitor)
    assert acknowledgement is not None
    assert visitor.served == [(PduType.INFORM, "")]
    forged = bytearray(acknowledgement)
    forged[-1] ^= 1
    assert peer.hear(bytes(forged), 6, NOW) is Heard.NOTHING
    assert peer.hear(acknowledgement, 6, NOW) is Heard.ACKNOWLEDGED
    restarted = UserEngine(ENGINE_ID, 8, NOW + 50)
    late = restarted.answer(peer.message(inform, 7, NOW + 60), NOW + 60, visitor)
    assert late is not None
    assert peer.hear(late, 7, NOW + 60) is Heard.CLOCK
    again = restarted.answer(peer.message(inform, 8, NOW + 61), NOW + 61, visitor)
    assert again is not None
    assert peer.hear(again, 8, NOW + 61) is Heard.ACKNOWLEDGED
