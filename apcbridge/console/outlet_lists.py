"""Outlet lists of the menus: a list is whole, or it is no reading. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.console.events import OutletRow
from apcbridge.console.screens import ITEM, ONOFF, ROW, Item, summary
from apcbridge.errors import TableIncomplete
from apcbridge.model import OutletState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from apcbridge.console.screens import Screen

_ROW_STATE = re.compile(rf"({ONOFF})(\*?)(?:\s\s+(\S+(?: \S+)*))?\s*")
_ROW_HEAD = re.compile(r"\s{0,8}(\d{1,2})- ")
_STATE_LAST = re.compile(rf"(?<=\s){ONOFF}\*?(?=\s*$)")
_STATE_THEN_MORE = re.compile(rf"(?<=\s){ONOFF}\*?(?=\s*$|\s\s+\S+(?: \S+)*\s*$)")
_STATE_INSIDE = re.compile(rf"\S\s\s+{ONOFF}\b")
_UNIT_PREFIX = re.compile(r"Outlet \d:\d{1,2}\s+")
_NUMBER_STATE = re.compile(rf"(?<![\w:])(?:Device )?(\d{{1,2}}):({ONOFF}\*?)(?=\s|$)")
_COLON_LABEL = re.compile(rf"(.*\S)\s*:\s?({ONOFF}\*?)")
_MASTER = re.compile(r"(?!.*\s\s\S)(?:Master\b.*|.*\bALL\b.*Outlets.*)", re.IGNORECASE)
"""The item for all outlets; where a run of blanks parts its words it may be a torn row of an outlet called so."""
_WORDS = re.compile(r"(?=.{4})[A-Za-z]\w*(?: \w+)*")
"""What may follow the state of a single outlet: the one that is in a group with those of other PDUs."""
_TORN = re.compile(r"\s{0,8}\d{1,2}-.*\s\s\S.*|.*\b(?:ON|OFF)\b.*")
"""A line among the rows that may be what is left of one."""


@dataclass(frozen=True, slots=True)
class _Row:
    outlet: OutletRow
    dash_column: int
    state_column: int
    more: str
    """What follows the state: a control mode, an outlet group."""
    more_at: tuple[int, int]
    """Where that begins, and how far behind the state."""


@dataclass(frozen=True, slots=True)
class OutletList:
    """A whole outlet list. ``rows`` are numbered by menu position; see ``sure``."""

    rows: tuple[OutletRow, ...]
    sure: bool
    """The number of rows is proven, by the expected number or by the master item right after them."""
    strange: tuple[str, ...] = ()
    """Lines that are neither."""


def parse_outlet_list(screen: Screen, expected: int | None = None, *, loose: bool = False) -> OutletList:
    """Read all rows or raise TableIncomplete.

    Rows must be numbered 1..N without gap, their states (and their dashes) must stand in one column, the
    footer must be there. Lines that may be torn rows are forgiven only when N is proven.
    A further column behind the states is allowed where it is one. ``loose`` is for the MasterSwitch plus, whose
    columns are not known.
    """
    if loose:
        return _parse_list(screen, expected, _STATE_THEN_MORE, loose=True)
    try:
        return _parse_list(screen, expected, _STATE_LAST, loose=False)
    except TableIncomplete as incomplete:
        try:
            return _parse_list(screen, expected, _STATE_THEN_MORE, loose=False)
        except TableIncomplete:
            raise incomplete from None


def _parse_list(screen: Screen, expected: int | None, grammar: re.Pattern[str], *, loose: bool) -> OutletList:
    column = _state_column(screen.lines, grammar)
    more = grammar is _STATE_THEN_MORE
    rows: list[_Row] = []
    master: Item | None = None
    strange: list[str] = []
    for line in screen.lines:
        row = _parse_row(line, column, more=more, loose=loose)
        item = ITEM.fullmatch(line)
        if row is not None:
            if master is not None:
                raise TableIncomplete(f"a row stands behind {master.label!r}")
            rows.append(row)
        elif item is not None and master is None and _MASTER.fullmatch(item[2]):
            master = Item(int(item[1]), item[2])
        else:
            strange.append(line)
    _check_rows(rows, loose=loose)
    if not screen.footer:
        raise TableIncomplete("the outlet list has no footer")
    if master is not None and master.number != len(rows) + 1:
        raise TableIncomplete(f"{len(rows)} rows stand before item {master.number}")
    if expected is not None and len(rows) != expected:
        raise TableIncomplete(f"{len(rows)} rows where {expected} are due")
    sure = expected is not None or master is not None
    torn = next((line for line in strange if _TORN.fullmatch(line)), None)
    if torn is not None and not sure:
        raise TableIncomplete(f"the outlet list holds {summary(torn)}")
    return OutletList(rows=tuple(row.outlet for row in rows), sure=sure, strange=tuple(strange))


def parse_names(screen: Screen, expected: int | None) -> tuple[tuple[str, ...], Item]:
    """Read a list that shows names only and the item for all outlets after them."""
    items = screen.items
    names = tuple(item.label for item in items[:-1])
    if not items or not _MASTER.fullmatch(items[-1].label) or not screen.footer:
        raise TableIncomplete("the list of names does not end with the item for all outlets")
    if [item.number for item in items] != list(range(1, len(items) + 1)) or expected not in (None, len(names)):
        raise TableIncomplete(f"items {[item.number for item in items]} are not those of a whole list")
    more = (label for label in names if _STATE_INSIDE.search(label) and not _COLON_LABEL.fullmatch(label))
    if (label := next(more, None)) is not None:
        raise TableIncomplete(f"{label!r} is more than a name")
    return names, items[-1]


def parse_colon_rows(screen: Screen, expected: int | None) -> OutletList | None:
    """Read a list whose rows end in ``Device 1:ON``; None if it is none, TableIncomplete if it is not whole."""
    rows = [_COLON_LABEL.fullmatch(item.label) for item in screen.items]
    states = {number: row[2] for number, row in enumerate(rows, 1) if row}
    if 2 * len(states) < len(rows):
        return None
    labels, _ = parse_names(screen, expected)
    names = [row[1] if row else label for row, label in zip(rows, labels, strict=False)]
    return join_names_and_states(names, states, all_seen=True)


def parse_state_block(lines: Iterable[str]) -> dict[int, str]:
    """Read ``Device 1:ON   Device 2:OFF`` or ``1:ON``; raises TableIncomplete if a number comes twice."""
    states: dict[int, str] = {}
    for match in (match for line in lines for match in _NUMBER_STATE.finditer(line)):
        if int(match[1]) in states:
            raise TableIncomplete(f"outlet {match[1]} is told twice")
        states[int(match[1])] = match[2]
    return states


def join_names_and_states(names: Sequence[str], states: Mapping[int, str], *, all_seen: bool) -> OutletList:
    """Put names and states together, in their order; every outlet must have one.

    Where the account does not see all outlets the states bear true numbers and the names menu positions.
    """
    numbers = sorted(states)
    if len(numbers) != len(names) or (all_seen and numbers != list(range(1, len(names) + 1))):
        raise TableIncomplete(f"states of outlets {numbers} for {len(names)} names")
    rows: list[OutletRow] = []
    for position, (name, number) in enumerate(zip(names, numbers, strict=True), 1):
        state, star, _ = states[number].partition("*")
        told = OutletState(state.upper())
        rows.append(OutletRow(number=position, name=name, state=told, pending=bool(star)))
    return OutletList(rows=tuple(rows), sure=True)


def _state_column(lines: Iterable[str], grammar: re.Pattern[str]) -> int | None:
    """Return the column in which every row has a state, the last if there are several; None if there is none.

    It finds the state behind a name as long as its field (on the MasterSwitch plus one blank is left then), and does
    not find one in a name.
    """
    found = [
        columns
        for line in lines
        if (head := _ROW_HEAD.match(line))
        and (columns := {match.start() for match in grammar.finditer(line, head.end())})
    ]
    return max(set.intersection(*found), default=None) if len(found) > 1 else None


def _parse_row(line: str, column: int | None, *, more: bool, loose: bool) -> _Row | None:
    """Read a row whose state stands in that column, or, where no column is known, behind two blanks."""
    if column is None:
        ragged = ROW.fullmatch(line)
        column = ragged.start(1) if ragged else len(line)
    head, state = _ROW_HEAD.match(line), _ROW_STATE.fullmatch(line, min(column, len(line)))
    if head is None or state is None or head.end() >= column or (state[3] and not more):
        return None
    name = line[head.end() : column]
    outlet = OutletRow(
        number=int(head[1]),
        name=(_UNIT_PREFIX.sub("", name) if loose else name).strip(),
        state=OutletState(state[1].upper()),
        pending=bool(state[2]),
    )
    more_at = (state.start(3), state.start(3) - state.end(2))
    return _Row(outlet, head.end(1), column, state[3] or "", more_at)


def _check_rows(rows: list[_Row], *, loose: bool) -> None:
    if not rows:
        raise TableIncomplete("the outlet list has no rows")
    if [row.outlet.number for row in rows] != list(range(1, len(rows) + 1)):
        raise TableIncomplete(f"rows {[row.outlet.number for row in rows]} are not 1 to N")
    if loose:
        return
    if len({row.state_column for row in rows}) > 1 or len({row.dash_column for row in rows}) > 1:
        raise TableIncomplete("the columns of the outlet list are not straight")
    more = [row for row in rows if row.more]
    straight = any(len(set(places)) == 1 for places in zip(*(row.more_at for row in more), strict=True))
    alone = len(more) == 1 and len(rows) > 1
    if more and (not straight or (alone and not _WORDS.fullmatch(more[0].more))):
        raise TableIncomplete("what follows the states is no column")
