"""What the two command lines answer, as typed values. Pure functions; what does not fit is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from apcbridge.console.events import LogEntry, NetworkReading, OutletConfig, OutletRow, ResetCauseReading
from apcbridge.console.screens import deciamps, parse_up_time, summary
from apcbridge.errors import CommandRejected, ScreenUnrecognised, TableIncomplete
from apcbridge.model import Identity, Load, OutletState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_CODE = re.compile(r"\s?E(\d{3}): ?(.*)")
"""A prompt may end in a blank that comes after it has been recognised."""
_NOISE = re.compile(r"\* Reboot required for change to take effect\.|Reboot required for change to take effect\.")
"""AOS 6 ends every answer with this until it is restarted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines of data, and what the console said of success: None where it said nothing."""

    data: tuple[str, ...]
    code: int | None
    message: str = ""

    @property
    def accepted(self) -> bool:
        """Success was reported. Numbers from 100 on are failures (both tables, though they mean other things)."""
        return self.code is not None and self.code < 100

    @property
    def rejected(self) -> bool:
        """Failure was reported."""
        return self.code is not None and self.code >= 100

    def require(self, command: str) -> None:
        """Raise CommandRejected if failure was reported."""
        if self.rejected:
            raise CommandRejected(f"{command!r} was answered with E{self.code}: {self.message}")


def parse_answer(lines: Sequence[str]) -> Answer:
    """Take an answer apart. The line with the code comes before or after the data, by command and firmware.

    ``OK`` is how the ``-c`` command line of AOS 3 reports success.
    """
    code, message = None, ""
    data: list[str] = []
    for line in lines:
        match = _CODE.fullmatch(line)
        if match and code is None:
            code, message = int(match[1]), match[2]
        elif line in ("OK", " OK") and code is None:
            code = 0
        elif not _NOISE.fullmatch(line):
            data.append(line)
    return Answer(tuple(data), code, message)


# --- outlets ---------------------------------------------------------------------------------------------------

_DASH_C_ROW = re.compile(r"\s{0,8}(\d{1,2}): (ON|OFF)(\*?)( *):(?: (.*?))?\s*", re.IGNORECASE)
_SHELL_ROW = re.compile(r"\s{0,8}(\d{1,2}):\s(.*):\s{1,2}(On|Off)(\*?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StatusTable:
    """Rows of a status answer and the width of its state column (None where the state comes last)."""

    rows: tuple[OutletRow, ...]
    width: int | None
    strange: str | None
    """A line that is no row: it may be a torn one."""


def parse_dash_c_status(data: Iterable[str], width: int | None = None) -> StatusTable:
    """Read ``1: ON    : Outlet 1`` rows; raises TableIncomplete when the state column is not straight."""
    rows: list[OutletRow] = []
    strange = None
    for line in data:
        match = _DASH_C_ROW.fullmatch(line)
        if match is None:
            strange = line
            continue
        state, star, blanks = match[2], match[3], match[4]
        plain = len(state) + len(blanks)
        widths = {plain, plain + 1} if star else {plain}
        width = max(widths) if width is None else width
        if width not in widths:
            raise TableIncomplete(f"the state column is not straight at {summary(line)}")
        told = OutletState(state.upper())
        name = (match[5] or "").strip()
        rows.append(OutletRow(number=int(match[1]), name=name, state=told, pending=bool(star)))
    return StatusTable(tuple(rows), width, strange)


def parse_shell_status(data: Iterable[str]) -> StatusTable:
    """Read `` 1: Outlet 1: On`` rows; a name may hold ``: ``."""
    rows: list[OutletRow] = []
    strange = None
    for line in data:
        match = _SHELL_ROW.fullmatch(line)
        if match is None:
            strange = line
            continue
        state = OutletState(match[3].upper())
        rows.append(OutletRow(number=int(match[1]), name=match[2].strip(), state=state, pending=bool(match[4])))
    return StatusTable(tuple(rows), None, strange)


def check_whole(table: StatusTable, expected: int | None, *, all_seen: bool = True) -> None:
    """Raise TableIncomplete unless the rows are 1..N, the expected N, and no torn row is among the lines.

    Where the account does not see all outlets (``all_seen`` False) there may be gaps.
    """
    numbers = [row.number for row in table.rows]
    due = list(range(1, len(numbers) + 1)) if all_seen else sorted(set(numbers))
    if not numbers or numbers != due:
        raise TableIncomplete(f"rows {numbers} are not 1 to N")
    if expected is None and table.strange is not None:
        raise TableIncomplete(f"the outlet list holds {summary(table.strange)}")
    if expected is not None and len(numbers) != expected:
        raise TableIncomplete(f"{len(numbers)} rows where {expected} are due")


# --- loads -----------------------------------------------------------------------------------------------------

_CURRENT = re.compile(r"Current on (?:(bank|phase) (\d)|total) is (\d{1,3}(?:\.\d{1,2})?) ?A")
_NUMBERED = re.compile(r"\s*(\d{1,2}): (\d{1,5}(?:\.\d{1,3})?) (A|V|kW|W|kVA|VA)")
_POWER = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?(kW|W|Watts|kVA|VA)")


def parse_dash_c_current(data: Iterable[str]) -> tuple[tuple[Load, ...], tuple[Load, ...], int | None]:
    """Return phases, banks and the total of ``current``; raises ScreenUnrecognised on any other line."""
    loads: dict[str | None, list[Load]] = {"phase": [], "bank": [], None: []}
    for line in data:
        match = _CURRENT.fullmatch(line.strip())
        if match is None:
            raise ScreenUnrecognised(f"no current in {summary(line)}")
        loads[match[1]].append(Load(index=int(match[2] or 0), deciamps=deciamps(match[3])))
    total = loads[None][0].deciamps if loads[None] else None
    return tuple(loads["phase"]), tuple(loads["bank"]), total


def parse_numbered_amperes(data: Iterable[str]) -> tuple[Load, ...]:
    """Read ``1: 0.5 A`` rows; raises ScreenUnrecognised on any other line."""
    loads: list[Load] = []
    for line in data:
        match = _NUMBERED.fullmatch(line.rstrip())
        if match is None or match[3] != "A":
            raise ScreenUnrecognised(f"no current in {summary(line)}")
        loads.append(Load(index=int(match[1]), deciamps=deciamps(match[2])))
    return tuple(loads)


def parse_limits(data: Iterable[str]) -> dict[int, int]:
    """Read ``1: 16 A`` rows of a threshold in whole amperes; raises ScreenUnrecognised on any other line."""
    return {load.index: load.deciamps // 10 for load in parse_numbered_amperes(data)}


def with_limits(
    loads: Iterable[Load], low: Mapping[int, int], near: Mapping[int, int], over: Mapping[int, int]
) -> tuple[Load, ...]:
    """Put the thresholds of the same phases or banks beside their loads."""
    return tuple(
        replace(
            load,
            low_a=low.get(load.index),
            near_overload_a=near.get(load.index),
            overload_a=over.get(load.index),
        )
        for load in loads
    )


def parse_power(data: Iterable[str]) -> tuple[int | None, int | None]:
    """Return watts and volt-amperes, each None where no line tells it."""
    watts = volt_amperes = None
    for line in data:
        match = _POWER.fullmatch(line.strip())
        if match is None:
            raise ScreenUnrecognised(f"no power in {summary(line)}")
        value = int(Decimal(match[1]) * (1000 if match[2].startswith("k") else 1))
        if match[2].endswith("VA"):
            volt_amperes = value
        else:
            watts = value
    return watts, volt_amperes


# --- identity, reset cause, network ----------------------------------------------------------------------------

_PAIR = re.compile(r"\s*([^:]+?)\s*:\s*(.*?)\s*")
_SECTION = re.compile(r"(Hardware Factory|Application Module|APC OS\s*\(AOS\)|APC Boot Monitor)\s*")
_MAC = re.compile(r"[0-9A-F]{2}(?:[ :-][0-9A-F]{2}){5}", re.IGNORECASE)
_RESET = re.compile(r"(\d{1,3}) (\S.*)")
_IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")


def pairs(data: Iterable[str]) -> dict[str, str]:
    """Read ``Label: value`` lines; blanks or TABs between. The first of equal labels counts."""
    found: dict[str, str] = {}
    for line in data:
        match = _PAIR.fullmatch(line)
        if match:
            found.setdefault(match[1], match[2])
    return found


def sections(data: Iterable[str]) -> dict[str, dict[str, str]]:
    """Read the blocks of ``about``: heading to its ``Label: value`` pairs."""
    blocks: dict[str, list[str]] = {}
    heading = ""
    for line in data:
        match = _SECTION.fullmatch(line)
        heading = match[1] if match else heading
        blocks.setdefault(heading, []).append(line)
    return {heading: pairs(lines) for heading, lines in blocks.items()}


def mac_address(text: str | None) -> str | None:
    """Turn ``00 C0 B7 99 43 CD`` into lower case with colons; None if it is no MAC address."""
    if text is None or not _MAC.fullmatch(text):
        return None
    return re.sub(r"[ -]", ":", text).lower()


def version(text: str | None) -> str | None:
    """Strip the leading ``v``; ``aos:v6.9.6`` gives ``6.9.6``."""
    return text.rpartition(":")[2].removeprefix("v") or None if text else None


def parse_about(data: Sequence[str]) -> tuple[Identity, int | None]:
    """Return what ``about`` tells of the hardware and versions, and the up time in seconds."""
    blocks = sections(data)
    hardware = blocks.get("Hardware Factory") or pairs(data)
    if "Model Number" not in hardware:
        raise ScreenUnrecognised("the answer of 'about' has no model number")
    app = blocks.get("Application Module", {})
    aos = next((block for heading, block in blocks.items() if heading.startswith("APC OS")), {})
    identity = Identity(
        model=hardware.get("Model Number") or None,
        serial_number=hardware.get("Serial Number") or None,
        hardware_revision=hardware.get("Hardware Revision") or None,
        manufacture_date=hardware.get("Manufacture Date") or None,
        mac_address=mac_address(hardware.get("MAC Address")),
        aos_version=version(aos.get("Version")),
        app_version=version(app.get("Version")),
    )
    return identity, parse_up_time(hardware.get("Management Uptime", ""))


def parse_reset_cause(data: Iterable[str]) -> ResetCauseReading:
    """Read ``12 WDT Reset``."""
    for line in data:
        match = _RESET.fullmatch(line.strip())
        if match:
            return ResetCauseReading(code=int(match[1]), text=match[2])
    raise ScreenUnrecognised("the answer of 'lastrst' holds no cause")


def parse_alarm_count(data: Iterable[str]) -> int | None:
    """Read ``AlarmCount: 0``; None where nothing was answered."""
    count = pairs(data).get("AlarmCount")
    return int(count) if count is not None and count.isdecimal() else None


def parse_tcpip(fields: Mapping[str, str]) -> NetworkReading:
    """Read the active IPv4 settings; raises ScreenUnrecognised if there is no address among them."""
    reading = NetworkReading(
        address=_ipv4(fields, "Active IPv4 Address", "IPv4 Address", "System IP", "IP Address"),
        subnet_mask=_ipv4(fields, "Active IPv4 Subnet Mask", "Subnet Mask"),
        gateway=_ipv4(fields, "Active IPv4 Gateway", "Default Gateway", "Gateway"),
        mac_address=mac_address(fields.get("MAC Address")),
    )
    if reading.address is None and reading.gateway is None:
        raise ScreenUnrecognised("no IPv4 address among the network settings")
    return reading


def _ipv4(fields: Mapping[str, str], *labels: str) -> str | None:
    values = (fields.get(label, "") for label in labels)
    return next((value for value in values if _IPV4.fullmatch(value)), None)


# --- delays ----------------------------------------------------------------------------------------------------

_DELAY = re.compile(r"\s{0,2}(\d{1,2}): (.*): (?:.*\bis )?(-?\d{1,5}|[Nn]ever)(?: ?s(?:ec(?:ond)?s?)?)?\.?\s*")


def parse_delays(data: Iterable[str]) -> dict[int, int]:
    """Read ``3: Outlet 3: Power on delay is 5 seconds.`` and ``3: Outlet 3: 5 sec``; -1 is never."""
    delays: dict[int, int] = {}
    for line in data:
        match = _DELAY.fullmatch(line)
        if match is None or int(match[1]) in delays:
            raise TableIncomplete(f"no delay in {summary(line)}")
        delays[int(match[1])] = -1 if match[3].lower() == "never" else int(match[3])
    return delays


def join_delays(on: Mapping[int, int], off: Mapping[int, int], reboot: Mapping[int, int]) -> tuple[OutletConfig, ...]:
    """Put the three lists of delays together, outlet by outlet."""
    return tuple(
        OutletConfig(
            number=number,
            on_delay_s=on.get(number),
            off_delay_s=off.get(number),
            reboot_duration_s=reboot.get(number),
        )
        for number in sorted(on.keys() | off.keys() | reboot.keys())
    )


# --- event log -------------------------------------------------------------------------------------------------

_LOG_ROW = re.compile(
    r"\s{1,8}(\d{1,4}[-/.](?:\d{1,2}|[A-Z][a-z]{2})[-/.]\d{1,4})\s{1,4}(\d{1,2}:\d{2}:\d{2})\s{1,4}(\S.*)"
)
_LOG_CONTINUATION = re.compile(r"\s{12,}(\S.*)")


def parse_log_page(lines: Iterable[str]) -> tuple[LogEntry, ...]:
    """Read the rows of one page; a text wrapped at the screen's edge is joined again."""
    entries: list[LogEntry] = []
    for line in lines:
        row = _LOG_ROW.fullmatch(line)
        more = _LOG_CONTINUATION.fullmatch(line)
        if row:
            entries.append(LogEntry(date=row[1], time=row[2], text=row[3].rstrip()))
        elif more and entries:
            last = entries[-1]
            entries[-1] = LogEntry(date=last.date, time=last.time, text=f"{last.text} {more[1].rstrip()}")
    return tuple(entries)
