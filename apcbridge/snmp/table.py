"""A sorted, immutable table of encoded varbinds: what one PDU's agent serves between two snapshots.

Everything that can be encoded beforehand is. Two things are left to the moment of serving: whether a value is still
fresh (every row knows until when), and the few values that run by themselves (up time, counters). A row that cannot be
told at this moment reads as None, which the responder answers with genErr; it is never skipped, so that a walk over
values that are not known fails instead of looking complete.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum, auto
from functools import lru_cache
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING

from apcbridge.snmp import ber

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apcbridge.snmp.ber import Oid

ALWAYS = inf
"""Fresh for ever: identity, configuration, constants."""
NEVER = -inf
"""Not known at all."""


@lru_cache(maxsize=65536)
def known(oid: Oid) -> tuple[Oid, bytes, Oid]:
    """Return an OID, its encoded content and its column, the same objects every time.

    OIDs repeat from snapshot to snapshot and from PDU to PDU. Sharing them saves encoding and memory, and it keeps the
    garbage collector from stopping everything to look at a hundred thousand new tuples (68 ms with 100 PDUs).
    """
    return oid, ber.encode_oid(oid), oid[:-1]


class Missing(Enum):
    """Why an OID is not in the table."""

    OBJECT = auto()
    INSTANCE = auto()
    STATE = auto()
    """An instance of a guarded column which does not exist (see :meth:`TableBuilder.guard`)."""
    UNREAD = auto()
    """Below a branch that the PDU has not yet told us anything about."""


class TableBuilder:
    """Collects rows in any order."""

    def __init__(self) -> None:
        self.rows: dict[Oid, tuple[bytes | Callable[[float], bytes | None], float]] = {}
        self.guarded: dict[Oid, Missing] = {}

    def add(self, oid: Oid, value: bytes | None, until: float = ALWAYS) -> None:
        """Serve an encoded value until that monotonic time. None is a value nobody has told us: no row."""
        if value is not None:
            self.rows[oid] = (value, until)

    def add_live(self, oid: Oid, value: Callable[[float], bytes | None], until: float = ALWAYS) -> None:
        """Serve a value that is worked out when asked for."""
        self.rows[oid] = (value, until)

    def add_unknown(self, oid: Oid) -> None:
        """Serve genErr: the object exists on every PDU, but nobody can say its value now."""
        self.rows[oid] = (ber.NULL_VALUE, NEVER)

    def guard(self, column: Oid) -> None:
        """Keep instances of that column which do not exist from reading as a value.

        Over v2c net-snmp's tools print noSuchInstance and exit 0, and fence_apc_snmp reads everything that is not 1
        as "off": for a state column that would confirm the fencing of a node that runs. So they get genErr there.
        """
        self.guarded[column] = Missing.STATE

    def unread(self, branch: Oid) -> None:
        """Answer genErr for everything below a branch: what it holds is not known yet."""
        self.guarded[branch] = Missing.UNREAD

    def build(self) -> OidTable:
        """Sort and freeze."""
        return OidTable(self.rows, self.guarded)


class OidTable:
    """The rows in order of their OIDs; a row is known by its number from 0."""

    __slots__ = ("_columns", "_guarded", "_index", "_keys", "_live", "_until", "_varbinds")

    def __init__(
        self,
        rows: dict[Oid, tuple[bytes | Callable[[float], bytes | None], float]],
        guarded: Mapping[Oid, Missing],
    ) -> None:
        ordered = sorted(rows.items(), key=itemgetter(0))
        self._keys: list[Oid] = []
        self._varbinds: list[bytes] = []
        self._until: list[float] = []
        self._live: dict[int, tuple[bytes, Callable[[float], bytes | None]]] = {}
        self._index: dict[bytes, int] = {}
        for number, (name, (value, until)) in enumerate(ordered):
            key, oid, _ = known(name)
            self._keys.append(key)
            self._index[oid] = number
            self._until.append(until)
            if isinstance(value, bytes):
                self._varbinds.append(ber.varbind(oid, value))
            else:
                self._live[number] = (oid, value)
                self._varbinds.append(b"")
        self._columns: frozenset[Oid] | None = None
        self._guarded = dict(guarded)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def oids(self) -> tuple[Oid, ...]:
        """Every OID, in order."""
        return tuple(self._keys)

    def find(self, oid: bytes) -> int | None:
        """Return the row of exactly that OID (encoded content)."""
        return self._index.get(oid)

    def name(self, number: int) -> bytes:
        """Return the OID of a row, encoded content."""
        return known(self._keys[number])[1]

    def after(self, oid: bytes) -> int | None:
        """Return the first row behind that OID, or None at the end; raise MalformedMessage if it is no OID."""
        number = self._index.get(oid)
        number = bisect_right(self._keys, ber.decode_oid(oid)) if number is None else number + 1
        return number if number < len(self._keys) else None

    def varbind(self, number: int, now_mono: float) -> bytes | None:
        """Return the encoded varbind of a row, or None if its value is not known now."""
        if now_mono >= self._until[number]:
            return None
        found = self._varbinds[number]
        if found:
            return found
        oid, live = self._live[number]
        value = live(now_mono)
        return None if value is None else ber.varbind(oid, value)

    def run(self, first: int, count: int, room: int, now_mono: float) -> list[bytes]:
        """Return the encoded varbinds of up to ``count`` rows that fit ``room`` octets and are known now, in order."""
        taken: list[bytes] = []
        for number in range(first, min(first + count, len(self._keys))):
            if now_mono >= self._until[number]:
                break
            found = self._varbinds[number] or self.varbind(number, now_mono)
            if found is None or (room := room - len(found)) < 0:
                break
            taken.append(found)
        return taken

    def missing(self, oid: bytes) -> Missing:
        """Say why an OID is not in the table; raise MalformedMessage if it is no OID."""
        name = ber.decode_oid(oid)
        if self._columns is None:
            self._columns = frozenset(known(key)[2] for key in self._keys)
        for size in range(len(name), 0, -1):
            prefix = name[:size]
            if prefix in self._guarded:
                return self._guarded[prefix]
            if prefix in self._columns:
                return Missing.INSTANCE
        return Missing.OBJECT
