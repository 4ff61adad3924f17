"""APCBRIDGE-MIB: what the bridge knows beside what the PDU's own card would tell. The module's text is beside this."""

from __future__ import annotations

import time
from importlib import resources
from typing import TYPE_CHECKING

from apcbridge.model import Freshness, LinkState, Nmc, RebootCause
from apcbridge.snmp.ber import Oid, counter, gauge, integer, octets, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.model import PduStatus
    from apcbridge.snmp.system import AgentCounters
    from apcbridge.snmp.table import TableBuilder

UNKNOWN_TIME = bytes(8)
_FRESHNESS = {Freshness.FRESH: 1, Freshness.STALE: 2, Freshness.LOST: 3}
_LINK = {LinkState.CONNECTING: 1, LinkState.UP: 2, LinkState.SILENT: 3, LinkState.LOST: 4}
_TEXT_LENGTH = 255
CAUSES = {RebootCause.WATCHDOG: 1, RebootCause.POWER: 2, RebootCause.REQUESTED: 3, RebootCause.UNKNOWN: 4}

# Object identifiers below the module's root.
PDU_ID: Oid = (1, 1, 1, 0)
LINK_STATE: Oid = (1, 2, 1, 0)
LINK_DETAIL: Oid = (1, 2, 3, 0)
NMC_REBOOTS: Oid = (1, 3, 2, 0)
LAST_REBOOT: Oid = (1, 3, 4, 0)
LAST_REBOOT_CAUSE: Oid = (1, 3, 5, 0)
LAST_REBOOT_EVIDENCE: Oid = (1, 3, 6, 0)
PENDING_LOST: Oid = (1, 4, 2, 0)
PENDING_LOST_OUTLET: Oid = (1, 4, 3, 0)
PENDING_LOST_ACTION: Oid = (1, 4, 4, 0)
NMC_REBOOTED: Oid = (0, 1)
PENDING_COMMAND_LOST: Oid = (0, 2)
LINK_LOST: Oid = (0, 3)
LINK_RESTORED: Oid = (0, 4)


def module_text() -> str:
    """Return the module as a manager loads it."""
    return resources.files("apcbridge.snmp").joinpath("APCBRIDGE-MIB.txt").read_text("ascii")


def date_and_time(at: float | None) -> bytes:
    """Encode a moment as DateAndTime in UTC; one that is not known is all zeros."""
    if at is None:
        return octets(UNKNOWN_TIME)
    utc = time.gmtime(at)
    moment = (utc.tm_mon, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, int(at * 10) % 10)
    return octets(utc.tm_year.to_bytes(2) + bytes(moment) + b"+\x00\x00")


def short_text(value: str) -> bytes:
    """Encode a SnmpAdminString, which has at most 255 octets."""
    return text(value[:_TEXT_LENGTH])


def link_state(status: PduStatus) -> bytes:
    """Encode abLinkState."""
    return integer(_LINK[status.link.state])


def add_bridge_mib(table: TableBuilder, root: Oid, status: PduStatus, counters: AgentCounters) -> None:
    """Serve the module below its root. Nothing in it needs a fresh reading: it is what tells how fresh they are."""
    snapshot = status.snapshot
    objects: Oid = (*root, 1)
    table.add((*root, *PDU_ID), short_text(status.pdu))
    table.add_live((*objects, 1, 2, 0), _age(status))
    table.add_live((*objects, 1, 3, 0), lambda now_mono: integer(_FRESHNESS[status.freshness(now_mono)]))
    table.add((*objects, 1, 4, 0), counter(snapshot.seq if snapshot else 0))
    table.add((*objects, 1, 5, 0), short_text(snapshot.dialect if snapshot else ""))
    table.add((*root, *LINK_STATE), link_state(status))
    table.add((*objects, 2, 2, 0), date_and_time(status.link.since_at))
    table.add((*root, *LINK_DETAIL), short_text(status.link.detail))
    _add_nmc(table, root, snapshot.nmc if snapshot else Nmc())
    table.add((*objects, 4, 1, 0), gauge(len(snapshot.pending) if snapshot else 0))
    table.add_live((*root, *PENDING_LOST), lambda _now_mono: counter(counters.pending_lost))
    _add_agent(table, (*objects, 5), counters)


def _age(status: PduStatus) -> Callable[[float], bytes]:
    snapshot = status.snapshot
    if snapshot is None:
        return lambda _now_mono: integer(-1)
    return lambda now_mono: integer(max(int(now_mono - snapshot.taken_mono), 0))


def _add_nmc(table: TableBuilder, root: Oid, nmc: Nmc) -> None:
    group: Oid = (*root, 1, 3)
    last = nmc.last_reboot
    table.add((*group, 1, 0), date_and_time(nmc.boot_at))
    table.add((*root, *NMC_REBOOTS), counter(nmc.reboot_count))
    table.add((*group, 3, 0), counter(nmc.watchdog_reboot_count))
    table.add((*root, *LAST_REBOOT), date_and_time(last.at if last else None))
    table.add((*root, *LAST_REBOOT_CAUSE), integer(CAUSES[last.cause if last else RebootCause.UNKNOWN]))
    table.add((*root, *LAST_REBOOT_EVIDENCE), short_text("; ".join(last.evidence) if last else ""))
    table.add((*group, 7, 0), gauge(int(nmc.interval_s or 0)))
    table.add((*group, 8, 0), date_and_time(nmc.next_expected_at))
    table.add((*group, 9, 0), integer(1 if nmc.watchdog else 2))
    for cause, number in CAUSES.items():
        table.add((*group, 10, 1, 2, number), counter(nmc.reboots_by_cause.get(cause, 0)))
    table.add((*group, 11, 0), gauge(int(nmc.jitter_s or 0)))
    table.add((*group, 12, 0), gauge(int(nmc.next_expected_error_s or 0)))
    table.add((*group, 13, 0), gauge(nmc.day.count))
    table.add((*group, 14, 0), gauge(nmc.week.count))
    table.add((*group, 15, 0), short_text(nmc.diagnosis or ""))


def _add_agent(table: TableBuilder, group: Oid, counters: AgentCounters) -> None:
    live: tuple[Callable[[], int], ...] = (
        lambda: counters.in_packets,
        lambda: counters.dropped,
        lambda: counters.unlisted,
        lambda: counters.over_rate,
        lambda: counters.parse_errors + counters.bad_versions + counters.wrong_size,
        lambda: counters.bad_community_names,
        lambda: counters.repeated_sets,
    )
    for scalar, read in enumerate(live, start=1):
        table.add_live((*group, scalar, 0), _counted(read))


def _counted(read: Callable[[], int]) -> Callable[[float], bytes]:
    return lambda _now_mono: counter(read())
