"""Answers the reading requests of v1 and v2c from a table: RFC 1157, RFC 3416 and the mapping of RFC 3584."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.snmp import ber
from apcbridge.snmp.ber import ErrorStatus, PduType, Version
from apcbridge.snmp.table import Missing

if TYPE_CHECKING:
    from apcbridge.snmp.table import OidTable

MAX_RESPONSE = 1472
"""What fits an Ethernet frame: a fragmented answer is an answer that gets lost."""
OVERHEAD = 48
"""Upper bound of everything in a response but the community and the varbinds: headers, request-id, error fields."""

_V1_STATUS = {
    ErrorStatus.WRONG_TYPE: ErrorStatus.BAD_VALUE,
    ErrorStatus.WRONG_LENGTH: ErrorStatus.BAD_VALUE,
    ErrorStatus.WRONG_ENCODING: ErrorStatus.BAD_VALUE,
    ErrorStatus.WRONG_VALUE: ErrorStatus.BAD_VALUE,
    ErrorStatus.INCONSISTENT_VALUE: ErrorStatus.BAD_VALUE,
    ErrorStatus.NO_ACCESS: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.NOT_WRITABLE: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.NO_CREATION: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.INCONSISTENT_NAME: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.AUTHORIZATION_ERROR: ErrorStatus.NO_SUCH_NAME,
    ErrorStatus.RESOURCE_UNAVAILABLE: ErrorStatus.GEN_ERR,
    ErrorStatus.COMMIT_FAILED: ErrorStatus.GEN_ERR,
    ErrorStatus.UNDO_FAILED: ErrorStatus.GEN_ERR,
}


def error(request: ber.Message, status: ErrorStatus, index: int = 0) -> bytes:
    """Answer with an error about the varbind of that number (from 1), in the words of the request's version."""
    if status is ErrorStatus.TOO_BIG and request.version != Version.V1:
        return ber.response(request, b"", status)
    if request.version == Version.V1:
        status = _V1_STATUS.get(status, status)
    return ber.response(request, request.varbind_list, status, index)


def read(request: ber.Message, table: OidTable, now_mono: float) -> bytes:
    """Answer a GET, GETNEXT or GETBULK; raise MalformedMessage if one of its OIDs is none, or it is no such request."""
    kind = request.pdu_type
    if kind == PduType.GET:
        return _get(request, table, now_mono)
    if kind == PduType.GET_NEXT:
        return _get_next(request, table, now_mono)
    if kind == PduType.GET_BULK and request.version != Version.V1:
        return _get_bulk(request, table, now_mono)
    raise ber.MalformedMessage("not a request of this version")


def _get(request: ber.Message, table: OidTable, now_mono: float) -> bytes:
    answers: list[bytes] = []
    for asked in request.varbinds:
        number = table.find(asked.oid)
        if number is None:
            found = _missing(request, table.missing(asked.oid), asked.oid)
        else:
            found = table.varbind(number, now_mono) or ErrorStatus.GEN_ERR
        if isinstance(found, ErrorStatus):
            return error(request, found, len(answers) + 1)
        answers.append(found)
    return _whole(request, answers)


def _missing(request: ber.Message, why: Missing, oid: bytes) -> bytes | ErrorStatus:
    """Answer for an OID that is not there: per varbind in version 2c, for the whole request in version 1."""
    if why is Missing.UNREAD:
        return ErrorStatus.GEN_ERR
    if request.version == Version.V1:
        return ErrorStatus.NO_SUCH_NAME
    if why is Missing.STATE:
        return ErrorStatus.GEN_ERR
    return ber.varbind(oid, ber.NO_SUCH_OBJECT if why is Missing.OBJECT else ber.NO_SUCH_INSTANCE)


def _get_next(request: ber.Message, table: OidTable, now_mono: float) -> bytes:
    answers: list[bytes] = []
    for asked in request.varbinds:
        number = table.after(asked.oid)
        if number is None:
            if request.version == Version.V1:
                return error(request, ErrorStatus.NO_SUCH_NAME, len(answers) + 1)
            answers.append(ber.varbind(asked.oid, ber.END_OF_MIB_VIEW))
            continue
        found = table.varbind(number, now_mono)
        if found is None:
            return error(request, ErrorStatus.GEN_ERR, len(answers) + 1)
        answers.append(found)
    return _whole(request, answers)


def _whole(request: ber.Message, answers: list[bytes]) -> bytes:
    """Answer with all of the varbinds, or tooBig."""
    varbind_list = b"".join(answers)
    answer = ber.response(request, varbind_list)
    return answer if len(answer) <= MAX_RESPONSE else error(request, ErrorStatus.TOO_BIG)


class _Filling:
    """The varbinds of a GETBULK answer while there is room."""

    def __init__(self, request: ber.Message) -> None:
        self.answers: list[bytes] = []
        self._room = MAX_RESPONSE - OVERHEAD - len(request.community)

    def add(self, varbind: bytes) -> bool:
        """Append a varbind; return False if it did not fit."""
        self._room -= len(varbind)
        if self._room < 0:
            return False
        self.answers.append(varbind)
        return True


def _get_bulk(request: ber.Message, table: OidTable, now_mono: float) -> bytes:
    """Answer with as many varbinds as fit.

    A value that is not known ends the answer in front of it, and is genErr once it comes first: so a walk shows what
    is known and then fails, instead of failing a block earlier.
    """
    single = min(max(request.first, 0), len(request.varbinds))
    repeats = max(request.second, 0)
    filling = _Filling(request)
    rows: list[int | None] = []
    for position, asked in enumerate(request.varbinds):
        rows.append(table.after(asked.oid))
        if position < single and not _add_row(filling, table, rows[position], asked.oid, now_mono):
            return _cut(request, filling, position + 1)
    names = [asked.oid for asked in request.varbinds]
    for _ in range(repeats if single < len(names) else 0):
        for position in range(single, len(names)):
            if not _add_row(filling, table, rows[position], names[position], now_mono):
                return _cut(request, filling, position + 1)
        if all(row is None for row in rows[single:]):
            break
        for position in range(single, len(names)):
            row = rows[position]
            if row is not None:
                names[position] = table.name(row)
                rows[position] = row + 1 if row + 1 < len(table) else None
    return ber.response(request, b"".join(filling.answers))


def _add_row(filling: _Filling, table: OidTable, row: int | None, name: bytes, now_mono: float) -> bool:
    found = ber.varbind(name, ber.END_OF_MIB_VIEW) if row is None else table.varbind(row, now_mono)
    return found is not None and filling.add(found)


def _cut(request: ber.Message, filling: _Filling, index: int) -> bytes:
    """End a GETBULK answer early: what is there already goes out, an empty answer would say "the end"."""
    if filling.answers:
        return ber.response(request, b"".join(filling.answers))
    return error(request, ErrorStatus.GEN_ERR, index)
