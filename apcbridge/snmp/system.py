"""MIB-II as an NMC shows it: system, sysORTable, its two interfaces, and the counters of this agent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.snmp import ber
from apcbridge.snmp.ber import ErrorStatus, Oid, counter, gauge, integer, object_identifier, octets, text, time_ticks
from apcbridge.snmp.powernet import SYS_OBJECT_ID, file_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.model import Identity
    from apcbridge.snmp.table import TableBuilder

MIB_2: Oid = (1, 3, 6, 1, 2, 1)
SYSTEM: Oid = (*MIB_2, 1)
SYS_UP_TIME: Oid = (*SYSTEM, 3, 0)
SYS_CONTACT: Oid = (*SYSTEM, 4, 0)
SYS_NAME: Oid = (*SYSTEM, 5, 0)
SYS_LOCATION: Oid = (*SYSTEM, 6, 0)

_SERVICES = 72
"""Host with applications, as every NMC says."""

_SUPPORTED = (
    ((1, 3, 6, 1, 6, 3, 1), "SNMPv2 entities (SNMPv2-MIB)"),
    ((1, 3, 6, 1, 6, 3, 10, 3, 1, 1), "SNMP management architecture"),
    ((1, 3, 6, 1, 6, 3, 11, 3, 1, 1), "Message processing and dispatching"),
    ((1, 3, 6, 1, 6, 3, 15, 2, 1, 1), "User-based security model"),
    ((1, 3, 6, 1, 6, 3, 16, 2, 2, 1), "View-based access control model"),
)

_LOOPBACK = 24
_ETHERNET = 6
_UP = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemTexts:
    """The strings of the system group that people write."""

    contact: str = ""
    name: str = ""
    location: str = ""


@dataclass(slots=True)
class AgentCounters:
    """What came in and what became of it, in the terms of the SNMPv2-MIB snmp group and a little more."""

    in_packets: int = 0
    out_packets: int = 0
    bad_versions: int = 0
    bad_community_names: int = 0
    bad_community_uses: int = 0
    parse_errors: int = 0
    over_rate: int = 0
    unlisted: int = 0
    wrong_size: int = 0
    requested_variables: int = 0
    set_variables: int = 0
    gets: int = 0
    get_nexts: int = 0
    sets: int = 0
    repeated_sets: int = 0
    errors: Counter[ErrorStatus] = field(default_factory=Counter)
    """Answers that were errors, by what they told."""
    traps: int = 0
    pending_lost: int = 0
    """Delayed commands that restarts of the NMC have lost."""

    @property
    def dropped(self) -> int:
        """Return the datagrams that got no answer."""
        return (
            self.bad_versions
            + self.bad_community_names
            + self.parse_errors
            + self.over_rate
            + self.unlisted
            + self.wrong_size
        )


def sys_descr(identity: Identity) -> str:
    """Return the line that LibreNMS (``PF:… AF1:…``) and Checkmk parse, in the order and spacing of a real card.

    What no screen has shown reads ``unknown``, a version ``v0.0.0``; the console never shows the boot monitor's.
    """
    aos, app = identity.aos_version or "0.0.0", identity.app_version or "0.0.0"
    parts = (
        "MB:v0.0.0",
        f"PF:v{aos}",
        f"PN:{file_name('aos', aos)}",
        f"AF1:v{app}",
        f"AN1:{file_name('rpdu', app)}",
        f"MN:{identity.model or 'unknown'}",
        f"HR:{identity.hardware_revision or 'unknown'}",
        f"SN: {identity.serial_number or 'unknown'}",
        f"MD:{identity.manufacture_date or 'unknown'}",
    )
    return f"APC Web/SNMP Management Card ({' '.join(parts)}) "


def add_system(
    table: TableBuilder,
    identity: Identity,
    texts: SystemTexts,
    up_time: Callable[[float], bytes | None],
    until: float,
) -> None:
    """Serve the system group; the up time is the NMC's own and as fresh as its last reading."""
    table.add((*SYSTEM, 1, 0), text(sys_descr(identity)))
    table.add((*SYSTEM, 2, 0), object_identifier(SYS_OBJECT_ID))
    table.add_live(SYS_UP_TIME, up_time, until)
    table.add(SYS_CONTACT, text(texts.contact))
    table.add(SYS_NAME, text(texts.name))
    table.add(SYS_LOCATION, text(texts.location))
    table.add((*SYSTEM, 7, 0), integer(_SERVICES))
    table.add((*SYSTEM, 8, 0), time_ticks(0))
    for row, (oid, description) in enumerate(_SUPPORTED, start=1):
        entry: Oid = (*SYSTEM, 9, 1)
        table.add((*entry, 2, row), object_identifier(oid))
        table.add((*entry, 3, row), text(description))
        table.add((*entry, 4, row), time_ticks(0))


def up_time(boot_mono: float | None) -> Callable[[float], bytes | None]:
    """Return sysUpTime of an NMC that started at that monotonic time; without one it is not known."""

    def value(now_mono: float) -> bytes | None:
        return None if boot_mono is None else time_ticks(int(max(now_mono - boot_mono, 0.0) * 100))

    return value


def add_interfaces(table: TableBuilder, mac_address: str | None) -> None:
    """Serve the two interfaces of an NMC; their counters stand, we do not see its network."""
    table.add((*MIB_2, 2, 1, 0), integer(2))
    _add_interface(table, 1, ("LOOPBACK", _LOOPBACK, 1500, 0), b"")
    _add_interface(table, 2, ("lance", _ETHERNET, 1500, 10_000_000), _mac(mac_address))


def _mac(address: str | None) -> bytes:
    """Return the six octets of what a screen printed, or none."""
    try:
        return bytes.fromhex((address or "").replace(":", ""))
    except ValueError:
        return b""


def _add_interface(table: TableBuilder, row: int, kind: tuple[str, int, int, int], mac: bytes) -> None:
    description, if_type, mtu, speed = kind
    values = [
        integer(row),
        text(description),
        integer(if_type),
        integer(mtu),
        gauge(speed),
        octets(mac),
        integer(_UP),
        integer(_UP),
        time_ticks(0),
        *[counter(0)] * 11,
        gauge(0),
        object_identifier((0, 0)),
    ]
    for column, value in enumerate(values, start=1):
        table.add((*MIB_2, 2, 2, 1, column, row), value)


def add_snmp_group(table: TableBuilder, counters: AgentCounters) -> None:
    """Serve the snmp group (RFC 1213 numbering, 7 and 23 do not exist) from this agent's own counters."""
    live: dict[int, Callable[[], int]] = {
        1: lambda: counters.in_packets,
        2: lambda: counters.out_packets,
        3: lambda: counters.bad_versions,
        4: lambda: counters.bad_community_names,
        5: lambda: counters.bad_community_uses,
        6: lambda: counters.parse_errors,
        13: lambda: counters.requested_variables,
        14: lambda: counters.set_variables,
        15: lambda: counters.gets,
        16: lambda: counters.get_nexts,
        17: lambda: counters.sets,
        20: lambda: counters.errors[ErrorStatus.TOO_BIG],
        21: lambda: counters.errors[ErrorStatus.NO_SUCH_NAME],
        22: lambda: counters.errors[ErrorStatus.BAD_VALUE],
        24: lambda: counters.errors[ErrorStatus.GEN_ERR],
        28: lambda: counters.out_packets - counters.traps,
        29: lambda: counters.traps,
        31: lambda: counters.dropped,
    }
    for scalar in range(1, 33):
        oid: Oid = (*MIB_2, 11, scalar, 0)
        if scalar in live:
            table.add_live(oid, _counted(live[scalar]))
        elif scalar == 30:
            table.add(oid, integer(1))
        elif scalar not in (7, 23):
            table.add(oid, counter(0))


def _counted(read: Callable[[], int]) -> Callable[[float], bytes | None]:
    return lambda _now_mono: ber.counter(read())
