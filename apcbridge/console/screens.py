"""Text of the menu dialects to typed screens. Pure functions; what does not fit a grammar is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from apcbridge.console.events import Banner, LoadReading, OutletRow
from apcbridge.console.scanner import FOOTER, split_lines
from apcbridge.errors import ScreenUnrecognised, TableIncomplete
from apcbridge.model import Load, LoadState, OutletState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_TITLE = re.compile(r"-{4,} (\S.*?)(?: [-=]+)?\s*")
_ITEM = re.compile(r"\s{0,8}(\d{1,2})- (\S.*?)\s*")
_SETTING = re.compile(r"(\S.*?)\s*: ?(.*)")
_FIELD = re.compile(r"\s+(\S[^:]*?)\s*: ?(.*?)\s*")
_ONOFF = r"(?:ON|OFF|On|Off|on|off)"
_ROW = re.compile(rf"\s{{0,8}}\d{{1,2}}- .*\s\s({_ONOFF}\*?(?:\s\s+\S+(?: \S+)*)?\s*)")
_ROW_STATE = re.compile(rf"({_ONOFF})(\*?)(?:\s\s+(\S+(?: \S+)*))?\s*")
_ROW_HEAD = re.compile(r"\s{0,8}(\d{1,2})- ")
_STATE_LAST = re.compile(rf"(?<=\s){_ONOFF}\*?(?=\s*$)")
_STATE_THEN_MORE = re.compile(rf"(?<=\s){_ONOFF}\*?(?=\s*$|\s\s+\S+(?: \S+)*\s*$)")
_STATE_INSIDE = re.compile(rf"\S\s\s+{_ONOFF}\b")
_UNIT_PREFIX = re.compile(r"Outlet \d:\d{1,2}\s+")
_STATE = re.compile(rf"({_ONOFF})(\*?)")
_ROWLIKE = re.compile(r"\s{0,8}\d{1,2}- .*\s(?:ON|OFF)\b")
_NUMBER_STATE = re.compile(rf"(?<![\w:])(?:Device )?(\d{{1,2}}):({_ONOFF}\*?)(?=\s|$)")
_COLON_LABEL = re.compile(rf"(.*\S)\s*:\s?({_ONOFF}\*?)")
_MASTER = re.compile(r"(?!.*\s\s\S)(?:Master\b.*|.*\bALL\b.*Outlets.*)", re.IGNORECASE)
"""The item for all outlets; where a run of blanks parts its words it may be a torn row of an outlet called so."""
_TORN = re.compile(r"\s{0,8}\d{1,2}-.*\s\s\S.*|.*\b(?:ON|OFF)\b.*")
"""A line among the rows that may be what is left of one."""

_MAIN_LABELS = frozenset({"Device Manager", "Outlet Manager"})
_LIST_TITLE = re.compile(r"Outlet Control/Configuration|Outlet Manager|MasterSwitch plus \d+")

_UP_TIME = re.compile(r"(\d{1,5}) Days? (\d{1,2}) Hours? (\d{1,2}) Minutes?")


@dataclass(frozen=True, slots=True)
class Item:
    """A menu item: the number to type and the words beside it."""

    number: int
    label: str

    @property
    def setting(self) -> str:
        """The label without the value that follows it on screens of settings."""
        match = _SETTING.fullmatch(self.label)
        return match[1] if match else self.label

    @property
    def value(self) -> str | None:
        """The value behind the colon, or None."""
        match = _SETTING.fullmatch(self.label)
        return match[2].strip() if match else None


class Kind(StrEnum):
    """What a menu screen is, judged by what is on it."""

    MAIN = "Control Console"
    DEVICE_MANAGER = "Device Manager"
    OUTLET_MANAGEMENT = "Outlet Management"
    LIST = "outlet list"
    OUTLET = "outlet page"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A menu screen from its title to its prompt."""

    title: str
    lines: tuple[str, ...]
    """What stands between title and footer, blank lines left out."""
    footer: bool
    has_event_log: bool = False
    """The footer offers CTRL-L."""
    above: tuple[str, ...] = ()
    """What came before the title."""

    @property
    def items(self) -> tuple[Item, ...]:
        """The items in the order of the screen."""
        matches = (_ITEM.fullmatch(line) for line in self.lines)
        return tuple(Item(int(match[1]), match[2]) for match in matches if match)

    @property
    def fields(self) -> dict[str, str]:
        """The information block: label to value."""
        fields: dict[str, str] = {}
        for line in self.lines:
            match = None if _ITEM.fullmatch(line) else _FIELD.fullmatch(line)
            if match:
                fields.setdefault(match[1], match[2])
        return fields

    def find(self, *labels: str) -> Item | None:
        """Return the one item that bears one of the labels (letter case aside), or None."""
        return self.find_match(re.compile("|".join(re.escape(label) for label in labels), re.IGNORECASE))

    def find_match(self, grammar: re.Pattern[str]) -> Item | None:
        """Return the one item whose whole label fits; raises ScreenUnrecognised if several do."""
        found = [item for item in self.items if grammar.fullmatch(item.label)]
        if len(found) > 1:
            raise ScreenUnrecognised(f"{self.title!r} shows {found[0].label!r} more than once")
        return found[0] if found else None

    @property
    def shows_states(self) -> bool:
        """Some line ends like the row of an outlet list."""
        return any(_ROWLIKE.match(line) for line in self.lines)

    @property
    def kind(self) -> Kind:
        """What this screen is. An outlet's name may spell any title, so the content counts first."""
        if outlet_state_field(self.fields) is not None:
            return Kind.OUTLET
        if self.find("Logout") and any(item.label in _MAIN_LABELS for item in self.items):
            return Kind.MAIN
        if _LIST_TITLE.fullmatch(self.title) or sum(bool(_ROW.fullmatch(line)) for line in self.lines) > 1:
            return Kind.LIST
        if self.title == "Device Manager":
            return Kind.LIST if self.shows_states else Kind.DEVICE_MANAGER
        return Kind.OUTLET_MANAGEMENT if self.title == "Outlet Management" else Kind.OTHER


def parse_screen(text: str) -> Screen:
    """Read the last screen in ``text``; raises ScreenUnrecognised where no title stands."""
    lines = split_lines(text)
    titles = [(index, match) for index, line in enumerate(lines) if (match := _TITLE.fullmatch(line))]
    if not titles:
        raise ScreenUnrecognised(f"no screen title in {summary(text)}")
    index, title = titles[-1]
    body = [line.rstrip() for line in lines[index + 1 : -1] if line.strip()]
    footers = [number for number, line in enumerate(body) if FOOTER.fullmatch(line)]
    has_event_log = any("<CTRL-L>" in body[number] for number in footers)
    body = [line for number, line in enumerate(body) if number not in footers[-1:]]
    return Screen(
        title=title[1], lines=tuple(body), footer=bool(footers), has_event_log=has_event_log, above=tuple(lines[:index])
    )


def summary(text: str) -> str:
    """Shorten what a console printed for a message."""
    words = " ".join(text.split())
    return repr(words if len(words) <= 80 else words[:38] + " ... " + words[-38:])


def outlet_state_field(fields: Mapping[str, str]) -> str | None:
    """Return the value of ``State`` (MasterSwitch plus: ``Outlet State``; the first ones speak of devices), or None.

    ``Status`` is taken for it only where it reads ON or OFF: the word also stands for other things.
    """
    told = _first(fields, "State", "Outlet State", "Device State")
    if told is not None:
        return told
    values = (fields.get(label, "") for label in ("Status", "Outlet Status"))
    return next((value for value in values if _STATE.fullmatch(value)), None)


def outlet_name_field(fields: Mapping[str, str]) -> str | None:
    """Return the outlet's name from the information block, or None."""
    return _first(fields, "Name", "Outlet Name", "Device Name")


def outlet_number_field(fields: Mapping[str, str]) -> str | None:
    """Return the outlet's number as the information block prints it, or None."""
    return _first(fields, "Outlet", "Outlet Number", "Outlet #", "Outlet No.", "Device Number")


def _first(fields: Mapping[str, str], *labels: str) -> str | None:
    return next((fields[label] for label in labels if label in fields), None)


def parse_state(text: str) -> tuple[OutletState, bool] | None:
    """Read ``ON*``: the state, and whether a command is pending; None if it is no state."""
    match = _STATE.fullmatch(text)
    return None if match is None else (OutletState(match[1].upper()), bool(match[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletPage:
    """The information block of an outlet's own screens."""

    number: int | None
    """None where this firmware does not print it."""
    name: str
    state: OutletState
    pending: bool


def parse_outlet_page(screen: Screen) -> OutletPage:
    """Read name, number and state from an outlet's page or action menu; ScreenUnrecognised if it is none."""
    fields = screen.fields
    told = parse_state(outlet_state_field(fields) or "")
    name, number = outlet_name_field(fields), outlet_number_field(fields)
    if told is None or name is None:
        raise ScreenUnrecognised(f"{screen.title!r} is no outlet's page")
    if number is not None and not re.fullmatch(r"(?:\d:)?\d{1,2}", number):
        raise ScreenUnrecognised(f"{screen.title!r} has outlet number {number!r}")
    return OutletPage(
        number=None if number is None else int(number.rpartition(":")[2]),
        name=name,
        state=told[0],
        pending=told[1],
    )


@dataclass(frozen=True, slots=True)
class _Row:
    outlet: OutletRow
    dash_column: int
    state_column: int
    more: tuple[int, int] | None
    """Where what follows the state begins (a control mode, an outlet group), and how far behind it."""


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
        item = _ITEM.fullmatch(line)
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
        ragged = _ROW.fullmatch(line)
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
    more_at = (state.start(3), state.start(3) - state.end(2)) if state[3] else None
    return _Row(outlet, head.end(1), column, more_at)


def _check_rows(rows: list[_Row], *, loose: bool) -> None:
    if not rows:
        raise TableIncomplete("the outlet list has no rows")
    if [row.outlet.number for row in rows] != list(range(1, len(rows) + 1)):
        raise TableIncomplete(f"rows {[row.outlet.number for row in rows]} are not 1 to N")
    if loose:
        return
    if len({row.state_column for row in rows}) > 1 or len({row.dash_column for row in rows}) > 1:
        raise TableIncomplete("the columns of the outlet list are not straight")
    more = [row.more for row in rows if row.more is not None]
    straight = any(len(set(places)) == 1 for places in zip(*more, strict=True))
    if more and (not straight or (len(more) == 1 and len(rows) > 1)):
        raise TableIncomplete("what follows the states is no column")


def parse_up_time(text: str) -> int | None:
    """Turn ``7 Days 15 Hours 31 Minutes`` into seconds, or None if it is nothing of the kind."""
    match = _UP_TIME.fullmatch(text.strip())
    if match is None:
        return None
    days, hours, minutes = (int(part) for part in match.groups())
    if hours > 23 or minutes > 59:
        return None
    return ((days * 24 + hours) * 60 + minutes) * 60


_BANNER_AOS = re.compile(r"(?:American Power Conversion|Schneider Electric)\s+.*?\bAOS\s+v([\d.]+)\s*")
_BANNER_APP = re.compile(r"\(c\) Copyright \d{4}.*?Reserved\s+(\S.*?) APP\s+v([\d.]+)\s*")
_LABELS = {
    "Name": "name",
    "Contact": "contact",
    "Location": "location",
    "User": "user",
    "Date": "date",
    "Time": "time",
    "Up Time": "up_time",
    "Stat": "status_flags",
    "Status": "status_flags",
}
_LEFT = re.compile(r"(Name|Contact|Location|Up Time|Status)\s*: (.*)")
_RIGHT = re.compile(r"(Date|Time|User|Stat|Up Time)\s*: (.*)")
_RIGHT_COLUMNS = (54, 40)
"""Where the right column begins on AOS 3 and later, and on the MasterSwitch; a full left field touches it."""
_RIGHT_ANYWHERE = re.compile(r"\s{2,}(?:Date|Time|User|Stat|Up Time)\s*: ")


def parse_banner(text: str) -> Banner | None:
    """Read the block printed at login, or None if there is none."""
    lines = split_lines(text)
    start = next((number for number, line in enumerate(lines) if _BANNER_AOS.fullmatch(line)), None)
    if start is None:
        return None
    values = {"aos_version": _group(_BANNER_AOS, lines[start], 1)}
    for line in lines[start + 1 : start + 10]:
        app = _BANNER_APP.fullmatch(line)
        if app:
            values |= {"app_name": app[1], "app_version": app[2]}
        values |= _banner_values(line)
        if _TITLE.fullmatch(line) or {"status_flags", "user", "up_time"} <= values.keys():
            break
    up_time = values.pop("up_time", None)
    return Banner(**values, up_time_s=None if up_time is None else parse_up_time(up_time))


def _banner_values(line: str) -> dict[str, str]:
    """Read one line of the two columns; a long value on the left may not swallow the right column."""
    values: dict[str, str] = {}
    elsewhere = [match.end() - len(match[0].lstrip()) for match in _RIGHT_ANYWHERE.finditer(line)]
    for column in (*_RIGHT_COLUMNS, *elsewhere):
        right = _RIGHT.fullmatch(line, min(column, len(line)))
        if right:
            values[_LABELS[right[1]]] = right[2].strip()
            line = line[:column]
            break
    left = _LEFT.fullmatch(line.rstrip())
    if left:
        values[_LABELS[left[1]]] = left[2].strip()
    return values


def _group(pattern: re.Pattern[str], line: str, group: int) -> str:
    match = pattern.fullmatch(line)
    return match[group] if match else ""


# --- other screens ---------------------------------------------------------------------------------------------

_PHASE_LOAD = re.compile(r"\s*Phase(?: (?:L)?(\d))? Load\s*:\s*(\d{1,3}(?:\.\d{1,2})?)\s*(?:A|Amps)?\s*")
_BANK_ROW = re.compile(
    r"\s+(\d{1,2}|Total)\s+\S.*?\s+(\d{1,3}(?:\.\d{1,2})?) ?A?\s+(\d{1,3}) ?A?\s+(\d{1,3}) ?A?\s+(\d{1,3}) ?A?\s+(\S.*)"
)
_LOAD_WORDS = (
    (re.compile(r"near", re.IGNORECASE), LoadState.NEAR_OVERLOAD),
    (re.compile(r"over", re.IGNORECASE), LoadState.OVERLOAD),
    (re.compile(r"low", re.IGNORECASE), LoadState.LOW),
    (re.compile(r"normal|within", re.IGNORECASE), LoadState.NORMAL),
)
_COLUMN_PAIR = re.compile(r"(\S[^:]*?)\s*: ?(.*?)(?=\s{2,}\S[^:]*?\s*: |$)")


def parse_loads(screen: Screen) -> LoadReading:
    """Read the loads of phases and banks that a load screen shows; what it does not show is empty."""
    phases: list[Load] = []
    banks: list[Load] = []
    total: int | None = None
    for line in screen.lines:
        phase = _PHASE_LOAD.fullmatch(line)
        bank = _BANK_ROW.fullmatch(line)
        if phase:
            phases.append(Load(index=int(phase[1] or len(phases) + 1), deciamps=deciamps(phase[2])))
        elif bank and bank[1] == "Total":
            total = deciamps(bank[2])
        elif bank:
            banks.append(_bank(bank))
    return LoadReading(phases=tuple(phases), banks=tuple(banks), total_deciamps=total)


def _bank(row: re.Match[str]) -> Load:
    return Load(
        index=int(row[1]),
        deciamps=deciamps(row[2]),
        state=next((state for words, state in _LOAD_WORDS if words.search(row[6])), LoadState.UNKNOWN),
        low_a=int(row[3]),
        near_overload_a=int(row[4]),
        overload_a=int(row[5]),
    )


def deciamps(amperes: str) -> int:
    """Turn ``1.4`` into 14."""
    return int((Decimal(amperes) * 10).to_integral_value())


def parse_columns(screen: Screen) -> dict[str, str]:
    """Read ``Label : value`` pairs that may stand two to a line, as on About screens."""
    values: dict[str, str] = {}
    for line in screen.lines:
        if not _ITEM.fullmatch(line):
            for pair in _COLUMN_PAIR.finditer(line.strip()):
                values.setdefault(pair[1], pair[2].strip())
    return values
