"""Answers the reading requests of v1 and v2c from a table: RFC 1157, RFC 3416 and the mapping of RFC 3584."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.snmp import ber
from apcbridge.snmp.ber import ErrorStatus, PduType, Version
from apcbridge.snmp.table import Missing

if TYPE_CHECKING:
    from apcbridge.snmp.table import OidTable

OVERHEAD = 32
"""Upper bound of everything in a response but its head and varbinds: tags, lengths, request-id, error fields."""

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


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not done, in the words of version 2c."""

    status: ErrorStatus
    index: int = 0
    """Number of the varbind from 1, 0 for none of them."""

    def told_to(self, request: ber.Message) -> Refusal:
        """Return the same in the words of the request's version."""
        if request.version != Version.V1:
            return self
        return Refusal(_V1_STATUS.get(self.status, self.status), self.index)


def error(request: ber.Message, refusal: Refusal) -> bytes:
    """Answer with an error in the words of the request's version (see :meth:`Refusal.told_to`)."""
    if refusal.status is ErrorStatus.TOO_BIG and request.version != Version.V1:
        return ber.response(request, b"", refusal.status)
    return ber.response(request, request.varbind_list, refusal.status, refusal.index)


def read(request: ber.Message, table: OidTable, now_mono: float) -> bytes | Refusal:
    """Answer a GET, GETNEXT or GETBULK; raise MalformedMessage if one of its OIDs is none, or it is no such request."""
    kind = request.pdu_type
    if kind == PduType.GET:
        return _get(request, table, now_mono)
    if kind == PduType.GET_NEXT:
        return _get_next(request, table, now_mono)
    if kind == PduType.GET_BULK and request.version != Version.V1:
        return _get_bulk(request, table, now_mono)
    raise ber.MalformedMessage("not a request of this version")


def _get(request: ber.Message, table: OidTable, now_mono: float) -> bytes | Refusal:
    answers: list[bytes] = []
    for asked in request.varbinds:
        number = table.find(asked.oid)
        if number is None:
            found = _missing(request, table.missing(asked.oid), asked.oid)
        else:
            found = table.varbind(number, now_mono) or ErrorStatus.GEN_ERR
        if isinstance(found, ErrorStatus):
            return Refusal(found, len(answers) + 1)
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


def _get_next(request: ber.Message, table: OidTable, now_mono: float) -> bytes | Refusal:
    answers: list[bytes] = []
    for asked in request.varbinds:
        number = table.after(asked.oid)
        if number is None:
            if request.version == Version.V1:
                return Refusal(ErrorStatus.NO_SUCH_NAME, len(answers) + 1)
            answers.append(ber.varbind(asked.oid, ber.END_OF_MIB_VIEW))
            continue
        found = table.varbind(number, now_mono)
        if found is None:
            return Refusal(ErrorStatus.GEN_ERR, len(answers) + 1)
        answers.append(found)
    return _whole(request, answers)


def _whole(request: ber.Message, answers: list[bytes]) -> bytes | Refusal:
    """Answer with all of the varbinds, or tooBig."""
    answer = ber.response(request, answers[0] if len(answers) == 1 else b"".join(answers))
    return answer if len(answer) <= request.limit else Refusal(ErrorStatus.TOO_BIG)


def _get_bulk(request: ber.Message, table: OidTable, now_mono: float) -> bytes | Refusal:
    """Answer with as many varbinds as fit.

    A value that is not known ends the answer in front of it, and is genErr once it comes first: so a walk shows what
    is known and then fails, instead of failing a block earlier. One that would not even fit alone is tooBig likewise.
    """
    single = min(max(request.first, 0), len(request.varbinds))
    repeats = max(request.second, 0)
    room = request.limit - OVERHEAD - len(request.head)
    if not single and len(request.varbinds) == 1:
        answers = _walk(table, request.varbinds[0].oid, repeats, room, now_mono)
    else:
        cursors = [_Cursor(table, asked.oid) for asked in request.varbinds]
        answers = _interleave(cursors[:single], cursors[single:], repeats, room, now_mono)
    if not answers and request.varbinds and (single or repeats):
        first = table.after(request.varbinds[0].oid)
        known = first is None or table.varbind(first, now_mono) is not None
        return Refusal(ErrorStatus.TOO_BIG) if known else Refusal(ErrorStatus.GEN_ERR, 1)
    return ber.response(request, b"".join(answers))


def _walk(table: OidTable, oid: bytes, repeats: int, room: int, now_mono: float) -> list[bytes]:
    """Take up to ``repeats`` varbinds behind one OID: the GETBULK of every walk."""
    first = table.after(oid)
    behind = len(table) if first is None else first
    answers = table.run(behind, repeats, room, now_mono)
    behind += len(answers)
    if behind == len(table) and len(answers) < repeats:
        end = ber.varbind(oid if first is None else table.name(behind - 1), ber.END_OF_MIB_VIEW)
        if sum(map(len, answers)) + len(end) <= room:
            answers.append(end)
    return answers


class _Cursor:
    """A place in the table that moves on row by row and stays at the end."""

    __slots__ = ("_name", "_row", "_table")

    def __init__(self, table: OidTable, oid: bytes) -> None:
        self._table = table
        self._name = oid
        self._row = table.after(oid)

    @property
    def ended(self) -> bool:
        """True where nothing follows."""
        return self._row is None

    def take(self, now_mono: float) -> bytes | None:
        """Return the next varbind, endOfMibView behind the last one, or None if its value is not known now."""
        row = self._row
        if row is None:
            return ber.varbind(self._name, ber.END_OF_MIB_VIEW)
        found = self._table.varbind(row, now_mono)
        if found is not None:
            row += 1
            if row == len(self._table):
                self._name = self._table.name(row - 1)
            self._row = row if row < len(self._table) else None
        return found


def _interleave(
    singles: list[_Cursor], repeated: list[_Cursor], repeats: int, room: int, now_mono: float
) -> list[bytes]:
    """Take one varbind of each single, then of all the repeated in turn."""
    answers: list[bytes] = []
    turns = [singles, *[repeated] * (min(repeats, room) if repeated else 0)]
    for turn in turns:
        ended = bool(turn) and all(cursor.ended for cursor in turn)
        for cursor in turn:
            found = cursor.take(now_mono)
            if found is None or (room := room - len(found)) < 0:
                return answers
            answers.append(found)
        if ended and turn is repeated:
            break
    return answers
