"""Reading requests against a model of what RFC 1157 and RFC 3416 say, on generated tables and requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

from apcbridge.snmp import ber, responder
from apcbridge.snmp.ber import ErrorStatus, PduType
from apcbridge.snmp.responder import Refusal
from apcbridge.snmp.table import NEVER, OidTable, TableBuilder
from tests.unit.snmp.world import NOW

OIDS = st.lists(st.integers(0, 300), min_size=1, max_size=4).map(lambda rest: (1, 3, *rest))
ROWS = st.dictionaries(OIDS, st.one_of(st.none(), st.integers(-5, 5)), max_size=30)


def table_of(rows: dict[ber.Oid, int | None]) -> OidTable:
    builder = TableBuilder()
    for oid, number in rows.items():
        builder.add(oid, ber.integer(number or 0), NEVER if number is None else NOW + 1)
    return builder.build()


def ask(kind: PduType, oids: list[ber.Oid], version: int = 1, first: int = 0, second: int = 0) -> ber.Message:
    varbinds = b"".join(ber.varbind(ber.encode_oid(oid), ber.NULL_VALUE) for oid in oids)
    pdu = (ber.integer(77), ber.integer(first), ber.integer(second), ber.tlv(0x30, varbinds))
    return ber.decode(ber.message(version, b"monitor", kind, pdu))


Answer = tuple[int, int, list[tuple[ber.Oid, bytes]]]


def read(request: ber.Message, table: OidTable, now: float) -> bytes:
    """Return the answer to a request, an error in the words of its version."""
    answer = responder.read(request, table, now)
    return answer if isinstance(answer, bytes) else responder.error(request, answer.told_to(request))


def opened(request: ber.Message, answer: bytes) -> Answer:
    """Return status, index and varbinds of a response, read by pysnmp; the rest must mirror the request."""
    assert len(answer) <= ber.MAX_RESPONSE
    message, rest = decoder.decode(answer, asn1Spec=v2c.Message())
    assert not rest
    pdu = v2c.apiMessage.get_pdu(message)
    assert pdu.tagSet == v2c.ResponsePDU.tagSet
    assert int(message[0]) == request.version
    assert bytes(message[1]) == request.community
    assert int(pdu[0]) == 77
    varbinds = []
    for bind in pdu[3]:
        oid, value = v2c.apiVarBind.get_oid_value(bind)
        varbinds.append((tuple(oid), encoder.encode(value)))
    return int(pdu[1]), int(pdu[2]), varbinds


def following(rows: dict[ber.Oid, int | None], oid: ber.Oid) -> ber.Oid | None:
    return min((other for other in rows if other > oid), default=None)


@given(ROWS, st.lists(OIDS, max_size=6), st.integers(0, 1), st.data())
def test_get_is_what_the_rfcs_say(
    rows: dict[ber.Oid, int | None], asked: list[ber.Oid], version: int, data: st.DataObject
) -> None:
    if rows:
        asked = asked + data.draw(st.lists(st.sampled_from(sorted(rows)), max_size=4))
    request = ask(PduType.GET, asked, version)
    expected: Answer | None = None
    found = []
    for index, oid in enumerate(asked, start=1):
        number = rows.get(oid)
        if oid in rows and number is None:
            expected = (ErrorStatus.GEN_ERR, index, [(o, ber.NULL_VALUE) for o in asked])
            break
        if number is None:
            if version == 0:
                expected = (ErrorStatus.NO_SUCH_NAME, index, [(o, ber.NULL_VALUE) for o in asked])
                break
            column = any(oid[: len(row) - 1] == row[:-1] for row in rows)
            found.append((oid, ber.NO_SUCH_INSTANCE if column else ber.NO_SUCH_OBJECT))
        else:
            found.append((oid, ber.integer(number)))
    assert opened(request, read(request, table_of(rows), NOW)) == (expected or (0, 0, found))


@given(ROWS, st.lists(OIDS, max_size=6), st.integers(0, 1))
def test_get_next_is_what_the_rfcs_say(rows: dict[ber.Oid, int | None], asked: list[ber.Oid], version: int) -> None:
    request = ask(PduType.GET_NEXT, asked, version)
    expected: Answer | None = None
    found = []
    for index, oid in enumerate(asked, start=1):
        name = following(rows, oid)
        number = rows[name] if name else None
        if name is None and version == 1:
            found.append((oid, ber.END_OF_MIB_VIEW))
        elif name is None or number is None:
            status = ErrorStatus.NO_SUCH_NAME if name is None else ErrorStatus.GEN_ERR
            expected = (status, index, [(o, ber.NULL_VALUE) for o in asked])
            break
        else:
            found.append((name, ber.integer(number)))
    assert opened(request, read(request, table_of(rows), NOW)) == (expected or (0, 0, found))


@given(ROWS, st.lists(OIDS, max_size=4), st.integers(-2, 6), st.integers(-2, 400))
def test_get_bulk_is_a_beginning_of_what_the_rfc_says(
    rows: dict[ber.Oid, int | None], asked: list[ber.Oid], single: int, repeats: int
) -> None:
    request = ask(PduType.GET_BULK, asked, 1, single, repeats)
    single = min(max(single, 0), len(asked))
    wanted: list[tuple[ber.Oid, bytes | None, int]] = []

    def add(oid: ber.Oid, index: int) -> ber.Oid:
        name = following(rows, oid)
        if name is None:
            wanted.append((oid, ber.END_OF_MIB_VIEW, index))
            return oid
        number = rows[name]
        wanted.append((name, None if number is None else ber.integer(number), index))
        return name

    for index, oid in enumerate(asked[:single], start=1):
        add(oid, index)
    names = list(asked[single:])
    for _ in range(max(repeats, 0) if names else 0):
        names = [add(oid, single + index) for index, oid in enumerate(names, start=1)]
        if all(following(rows, oid) is None for oid in names) and len(wanted) > 200:
            break
    status, index, found = opened(request, read(request, table_of(rows), NOW))

    if wanted and wanted[0][1] is None:
        assert (status, index) == (ErrorStatus.GEN_ERR, wanted[0][2])
        return
    assert status == 0
    assert found == [(name, value) for name, value, _ in wanted[: len(found)]]
    left = wanted[len(found) :]
    full = len(read(request, table_of(rows), NOW)) > ber.MAX_RESPONSE - 100
    ended = bool(found) and all(value == ber.END_OF_MIB_VIEW for _, value in found[-(len(asked) - single) or None :])
    assert not left or left[0][1] is None or full or ended


def test_get_bulk_does_not_exist_in_version_1() -> None:
    with pytest.raises(ber.MalformedMessage):
        responder.read(ask(PduType.GET_BULK, [(1, 3)], version=0), table_of({}), NOW)


@pytest.mark.parametrize("kind", [PduType.RESPONSE, PduType.INFORM, PduType.TRAP_V2, PduType.REPORT])
def test_what_a_manager_does_not_ask_an_agent_gets_no_answer(kind: PduType) -> None:
    with pytest.raises(ber.MalformedMessage):
        responder.read(ask(kind, [(1, 3)]), table_of({}), NOW)


@pytest.mark.parametrize("version", [0, 1])
def test_an_answer_that_would_not_fit_is_too_big(version: int) -> None:
    builder = TableBuilder()
    builder.add((1, 3, 1), ber.octets(b"x" * 400))
    request = ask(PduType.GET, [(1, 3, 1)] * 4, version)
    status, index, varbinds = opened(request, read(request, builder.build(), NOW))
    assert (status, index) == (ErrorStatus.TOO_BIG, 0)
    assert len(varbinds) == (4 if version == 0 else 0)


def test_a_bulk_answer_is_cut_where_it_would_not_fit() -> None:
    builder = TableBuilder()
    for row in range(1, 9):
        builder.add((1, 3, row), ber.octets(b"x" * 400))
    request = ask(PduType.GET_BULK, [(1, 3)], second=50)
    assert len(opened(request, read(request, builder.build(), NOW))[2]) == 3
    tight = request._replace(limit=300)
    assert opened(tight, read(tight, builder.build(), NOW)) == (ErrorStatus.TOO_BIG, 0, [])


def test_an_instance_that_does_not_exist_of_a_guarded_column_never_reads_as_a_value() -> None:
    builder = TableBuilder()
    builder.add((1, 3, 5, 1), ber.integer(1))
    builder.guard((1, 3, 5))
    table = builder.build()
    v1, v2c_request = ask(PduType.GET, [(1, 3, 5, 9)], 0), ask(PduType.GET, [(1, 3, 5, 9)], 1)
    assert opened(v1, read(v1, table, NOW))[0] == ErrorStatus.NO_SUCH_NAME
    assert opened(v2c_request, read(v2c_request, table, NOW))[0] == ErrorStatus.GEN_ERR


def test_an_object_without_its_instance_is_an_instance_that_does_not_exist() -> None:
    builder = TableBuilder()
    builder.add((1, 3, 5, 0), ber.integer(1))
    asked: list[ber.Oid] = [(1, 3, 5), (1, 3), (1, 3, 6)]
    request = ask(PduType.GET, asked, 1)
    values = (ber.NO_SUCH_INSTANCE, ber.NO_SUCH_OBJECT, ber.NO_SUCH_OBJECT)
    assert opened(request, read(request, builder.build(), NOW)) == (0, 0, list(zip(asked, values, strict=True)))


@pytest.mark.parametrize("version", [0, 1])
def test_below_a_branch_that_was_never_read_everything_is_an_error(version: int) -> None:
    builder = TableBuilder()
    builder.unread((1, 3, 5))
    request = ask(PduType.GET, [(1, 3, 5, 9, 9)], version)
    assert opened(request, read(request, builder.build(), NOW))[:2] == (ErrorStatus.GEN_ERR, 1)


def test_a_value_that_runs_is_worked_out_when_it_is_asked_for() -> None:
    builder = TableBuilder()
    builder.add_live((1, 3, 1), lambda now: ber.integer(int(now)) if now < 3 else None)
    table, request = builder.build(), ask(PduType.GET, [(1, 3, 1)])
    assert opened(request, read(request, table, 1.0))[2] == [((1, 3, 1), ber.integer(1))]
    assert opened(request, read(request, table, 2.0))[2] == [((1, 3, 1), ber.integer(2))]
    assert opened(request, read(request, table, 3.0))[0] == ErrorStatus.GEN_ERR


@pytest.mark.parametrize(
    ("status", "in_v1"),
    [
        (ErrorStatus.WRONG_TYPE, ErrorStatus.BAD_VALUE),
        (ErrorStatus.INCONSISTENT_VALUE, ErrorStatus.BAD_VALUE),
        (ErrorStatus.NO_ACCESS, ErrorStatus.NO_SUCH_NAME),
        (ErrorStatus.NOT_WRITABLE, ErrorStatus.NO_SUCH_NAME),
        (ErrorStatus.NO_CREATION, ErrorStatus.NO_SUCH_NAME),
        (ErrorStatus.RESOURCE_UNAVAILABLE, ErrorStatus.GEN_ERR),
        (ErrorStatus.UNDO_FAILED, ErrorStatus.GEN_ERR),
        (ErrorStatus.GEN_ERR, ErrorStatus.GEN_ERR),
    ],
)
def test_errors_speak_the_language_of_the_version(status: ErrorStatus, in_v1: ErrorStatus) -> None:
    for version, expected in ((0, in_v1), (1, status)):
        request = ask(PduType.SET, [(1, 3)], version)
        assert opened(request, responder.error(request, Refusal(status, 1).told_to(request)))[:2] == (expected, 1)
