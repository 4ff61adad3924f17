"""Text of the menu dialects to typed screens. Pure functions; what does not fit a grammar is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from apcbridge.console.events import Banner, LoadReading
from apcbridge.console.scanner import FOOTER, split_lines
from apcbridge.errors import ScreenUnrecognised
from apcbridge.model import Load, LoadState, OutletState

if TYPE_CHECKING:
    from collections.abc import Mapping

_TITLE = re.compile(r"-{4,} (?=.*\S)(.*?)(?: [-=]+)?\s*")
"""An outlet's page bears its name, which may begin or end with blanks, or be empty: dashes follow then."""
ITEM = re.compile(r"\s{0,8}(\d{1,2})- (\S.*?)\s*")
_SETTING = re.compile(r"(\S.*?)\s*: ?(.*)")
_FIELD = re.compile(r"\s+(\S[^:]*?)\s*: ?(.*?)\s*")
ONOFF = r"(?:ON|OFF|On|Off|on|off)"
ROW = re.compile(rf"\s{{0,8}}\d{{1,2}}- .*\s\s({ONOFF}\*?(?:\s\s+\S+(?: \S+)*)?\s*)")
_STATE = re.compile(rf"({ONOFF})(\*?)")
_ROWLIKE = re.compile(r"\s{0,8}\d{1,2}- .*\s(?:ON|OFF)\b")

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
        matches = (ITEM.fullmatch(line) for line in self.lines)
        return tuple(Item(int(match[1]), match[2]) for match in matches if match)

    @property
    def fields(self) -> dict[str, str]:
        """The information block: label to value."""
        fields: dict[str, str] = {}
        for line in self.lines:
            match = None if ITEM.fullmatch(line) else _FIELD.fullmatch(line)
            if match:
                fields.setdefault(match[1], match[2].strip())
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
        if _LIST_TITLE.fullmatch(self.title) or sum(bool(ROW.fullmatch(line)) for line in self.lines) > 1:
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
        title=title[1].strip(),
        lines=tuple(body),
        footer=bool(footers),
        has_event_log=has_event_log,
        above=tuple(lines[:index]),
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
_BANNER_APP = re.compile(r"\(c\) Copyright \d{4}.*?Reserved\s+(\S.*?)(?: APP)?\s+v([\d.]+)\s*")
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
        if not ITEM.fullmatch(line):
            for pair in _COLUMN_PAIR.finditer(line.strip()):
                values.setdefault(pair[1], pair[2].strip())
    return values
