"""Builds the whole table of one PDU: pure, from its status and what the agent was told.

Freshness is decided when a value is served, not when the table is built: each state row carries the moment until which
the model calls it fresh, so a reader gets genErr the moment that passes, whether or not anybody still polls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apcbridge.model import Identity, LinkState, Nmc
from apcbridge.snmp.bridge_mib import add_bridge_mib
from apcbridge.snmp.mgmt import add_mgmt
from apcbridge.snmp.powernet import Face, add_powernet, add_unread
from apcbridge.snmp.settings import PRIVATE_ROOT
from apcbridge.snmp.system import (
    AgentCounters,
    SystemTexts,
    add_interfaces,
    add_snmp_group,
    add_system,
    up_time,
)
from apcbridge.snmp.table import NEVER, OidTable, TableBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.model import Outlet, PduStatus
    from apcbridge.snmp.ber import Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class MibContext:
    """What a table shows beside the PDU's status."""

    counters: AgentCounters
    contact: str | None = None
    """None: what the PDU's own banner says."""
    name: str | None = None
    location: str | None = None
    private_root: Oid = PRIVATE_ROOT
    wall: Callable[[], float] = lambda: 0.0
    """Unix time, for the card's clock."""

    def with_text(self, field: str, value: str) -> MibContext:
        """Return the same with one of ``contact``, ``name`` or ``location`` replaced."""
        return replace(
            self,
            contact=value if field == "contact" else self.contact,
            name=value if field == "name" else self.name,
            location=value if field == "location" else self.location,
        )


def build_table(status: PduStatus, context: MibContext) -> OidTable:
    """Return everything the agent of that PDU serves until its status changes."""
    table = TableBuilder()
    snapshot = status.snapshot
    identity = snapshot.identity if snapshot else Identity()
    nmc = snapshot.nmc if snapshot else Nmc()
    list_until = fresh_until(status, snapshot.taken_mono if snapshot else None)
    add_system(table, identity, _texts(status, identity, context), up_time(nmc.boot_mono), list_until)
    add_interfaces(table, identity.mac_address)
    add_snmp_group(table, context.counters)
    add_mgmt(table, context.wall)
    add_bridge_mib(table, context.private_root, status, context.counters)
    if snapshot is None:
        add_unread(table)
        return table.build()

    def outlet_until(outlet: Outlet) -> float:
        return fresh_until(status, outlet.read_mono)

    add_powernet(table, Face(snapshot=snapshot, list_until=list_until, outlet_until=outlet_until))
    return table.build()


def fresh_until(status: PduStatus, read_mono: float | None) -> float:
    """Return the moment from which :meth:`PduStatus.freshness` no longer calls a reading of that time fresh."""
    if read_mono is None or status.link.state is LinkState.LOST:
        return NEVER
    return read_mono + status.stale_after_s


def _texts(status: PduStatus, identity: Identity, context: MibContext) -> SystemTexts:
    """Choose what was written or configured over what the PDU's banner says."""
    return SystemTexts(
        contact=context.contact if context.contact is not None else identity.contact or "Unknown",
        name=context.name if context.name is not None else identity.name or status.pdu,
        location=context.location if context.location is not None else identity.location or "Unknown",
    )
