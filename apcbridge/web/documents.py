"""What is known of a PDU, as JSON. Pure.

The documents have the names of the MQTT contract and one rule more, because who asks over HTTP may not look at a topic
called ``availability``: a value that is not fresh is ``null``. ``freshness`` and ``age_s`` say why, and an outlet's
``last_state`` says what it was when last read.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult
from apcbridge.model import (
    Freshness,
    LinkState,
    Load,
    LoadState,
    Nmc,
    Outlet,
    PduSnapshot,
    PduStatus,
    RestartStatistics,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.model import Event
    from apcbridge.store import Edge
    from apcbridge.web.settings import Json, JsonObject, PduView

TEXT_SHOWN = 64
"""Characters of a label or another text of the PDU that are passed on."""
DETAIL_SHOWN = 256

_LOAD_SEVERITY = (LoadState.OVERLOAD, LoadState.NEAR_OVERLOAD, LoadState.NORMAL, LoadState.LOW)


def pdu_document(
    status: PduStatus, view: PduView, last_commands: Mapping[int, CommandResult], now_mono: float
) -> JsonObject:
    """Describe a PDU whole; before its first reading only the link is known."""
    snapshot = status.snapshot
    freshness = status.freshness(now_mono)
    document: dict[str, Json] = {
        "pdu": status.pdu,
        "available": status.link.state is LinkState.UP and freshness is Freshness.FRESH,
        "freshness": freshness.value,
        "age_s": None if snapshot is None else _age_s(snapshot.taken_mono, now_mono),
        "read_at": None if snapshot is None else timestamp(snapshot.taken_at),
        "stale_after_s": status.stale_after_s,
        "lost_after_s": status.lost_after_s,
        "link": {
            "state": status.link.state.value,
            "since": timestamp(status.link.since_at),
            "detail": clean(status.link.detail, DETAIL_SHOWN),
        },
        "info": None,
        "outlets": [],
        "load": None,
        "nmc": None,
    }
    if snapshot is not None:
        fresh = freshness is Freshness.FRESH
        document |= {
            "info": _info(snapshot),
            "outlets": [
                outlet_document(status, o, view, last_commands.get(o.number), now_mono) for o in snapshot.outlets
            ],
            "load": _load(snapshot, fresh=fresh) if has_load(snapshot) else None,
            "nmc": _nmc(snapshot.nmc, now_mono, fresh=fresh),
        }
    return document


def outlet_document(
    status: PduStatus, outlet: Outlet, view: PduView, last: CommandResult | None, now_mono: float
) -> JsonObject:
    """Describe one outlet of a PDU's snapshot."""
    pending = status.snapshot.pending if status.snapshot else ()
    resting = next((p for p in pending if p.outlet == outlet.number), None)
    freshness = status.outlet_freshness(outlet.number, now_mono)
    fresh = freshness is Freshness.FRESH
    return {
        "number": outlet.number,
        "name": outlet_name(outlet),
        "label": clean(outlet.label),
        "state": outlet.state.value if fresh else None,
        "last_state": outlet.state.value,
        "freshness": freshness.value,
        "age_s": _age_s(outlet.read_mono, now_mono),
        "read_at": timestamp(outlet.read_at),
        "pending": (outlet.pending or resting is not None) if fresh else None,
        "pending_command": resting.action if resting and fresh else None,
        "policy": view.policy(outlet.number).value,
        "last_change": _time(outlet.changed_at),
        "last_command": None if last is None else result_document(last),
        "on_delay": outlet.on_delay_s,
        "off_delay": outlet.off_delay_s,
        "reboot_duration": outlet.reboot_duration_s,
        "phase": outlet.phase,
        "bank": outlet.bank,
    }


def edge_document(edge: Edge) -> JsonObject:
    """Describe what happened; ``kind`` tells an event from a step of a command."""
    return result_document(edge) if isinstance(edge, CommandResult) else event_document(edge)


def event_document(event: Event) -> JsonObject:
    """Describe an event, as on the MQTT topic ``P/event``; ``kind`` tells it from a result."""
    details = {
        key: clean(value, DETAIL_SHOWN) if isinstance(value, str) else value for key, value in event.details.items()
    }
    return {
        **details,
        "kind": "event",
        "id": event.id,
        "event_type": event.type.value,
        "pdu": event.pdu,
        "ts": timestamp(event.at),
    }


def result_document(result: CommandResult) -> JsonObject:
    """Describe one step in the life of a command, as on ``P/outlet/N/result``, with who asked."""
    command = result.command
    return {
        "kind": "result",
        "id": command.id,
        "pdu": command.pdu,
        "outlet": command.outlet,
        "command": command.action.value,
        "value": command.value,
        "status": result.status.value,
        "detail": clean(result.detail, DETAIL_SHOWN),
        "origin": command.origin.value,
        "principal": clean(command.principal),
        "received_at": timestamp(command.received_at),
        "ts": timestamp(result.at),
    }


def outlet_name(outlet: Outlet) -> str:
    """Return what to call an outlet: its name, or its number if nothing of the name can be shown."""
    return clean(outlet.name) or f"Outlet {outlet.number}"


def total_amperes(snapshot: PduSnapshot) -> float | None:
    """Return the current of the whole PDU, or None where no single figure is true.

    The currents of several phases add up to nothing that a wire carries; those of the banks of one phase do.
    """
    if len(snapshot.phases) == 1:
        return snapshot.phases[0].deciamps / 10
    if not snapshot.phases and snapshot.banks:
        return sum(bank.deciamps for bank in snapshot.banks) / 10
    return None


def has_load(snapshot: PduSnapshot) -> bool:
    """Tell whether the PDU meters anything at all."""
    return bool(snapshot.phases or snapshot.banks or snapshot.watts is not None)


def clean(text: str, limit: int = TEXT_SHOWN) -> str:
    """Make a text of the PDU or of a peer fit to show: no control characters, bounded."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:limit]


def timestamp(at: float) -> str:
    """Write Unix time as ISO 8601 in UTC, milliseconds: ``2026-11-22T11:23:00.000Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(document: Json) -> bytes:
    """Write compact JSON on one line."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _info(snapshot: PduSnapshot) -> JsonObject:
    identity = snapshot.identity
    return {
        "model": _cleaned(identity.model),
        "serial_number": _cleaned(identity.serial_number),
        "firmware": _cleaned(identity.app_version or identity.aos_version),
        "aos_version": _cleaned(identity.aos_version),
        "app_version": _cleaned(identity.app_version),
        "hardware_revision": _cleaned(identity.hardware_revision),
        "manufacture_date": _cleaned(identity.manufacture_date),
        "mac_address": _cleaned(identity.mac_address),
        "name": _cleaned(identity.name),
        "contact": _cleaned(identity.contact),
        "location": _cleaned(identity.location),
        "outlets": len(snapshot.outlets),
        "dialect": snapshot.dialect,
    }


def _load(snapshot: PduSnapshot, *, fresh: bool) -> JsonObject:
    return {
        "amperes": total_amperes(snapshot) if fresh else None,
        "watts": snapshot.watts if fresh else None,
        "volt_amperes": snapshot.volt_amperes if fresh else None,
        "state": (_worst(snapshot) if fresh else LoadState.UNKNOWN).value,
        "phases": [_one_load(load, fresh=fresh) for load in snapshot.phases],
        "banks": [_one_load(load, fresh=fresh) for load in snapshot.banks],
    }


def _worst(snapshot: PduSnapshot) -> LoadState:
    """Return the state that most needs a person; low only where nothing is more than low."""
    states = {load.state for load in (*snapshot.phases, *snapshot.banks)}
    return next((state for state in _LOAD_SEVERITY if state in states), LoadState.UNKNOWN)


def _one_load(load: Load, *, fresh: bool) -> JsonObject:
    return {
        "index": load.index,
        "amperes": load.deciamps / 10 if fresh else None,
        "state": (load.state if fresh else LoadState.UNKNOWN).value,
        "low": load.low_a,
        "near_overload": load.near_overload_a,
        "overload": load.overload_a,
    }


def _nmc(nmc: Nmc, now_mono: float, *, fresh: bool) -> JsonObject:
    last = nmc.last_reboot
    return {
        "boot_time": _time(nmc.boot_at),
        "uptime_s": max(0, int(now_mono - nmc.boot_mono)) if fresh and nmc.boot_mono is not None else None,
        "reboot_count": nmc.reboot_count,
        "watchdog_reboot_count": nmc.watchdog_reboot_count,
        "reboots_by_cause": {cause.value: count for cause, count in sorted(nmc.reboots_by_cause.items())},
        "last_reboot": None
        if last is None
        else {
            "id": last.id,
            "at": timestamp(last.at),
            "cause": last.cause.value,
            "evidence": [clean(line, DETAIL_SHOWN) for line in last.evidence],
        },
        "interval_s": nmc.interval_s,
        "jitter_s": nmc.jitter_s,
        "statistics": {"24h": _figures(nmc.day), "7d": _figures(nmc.week), "all": _figures(nmc.ever)},
        "next_expected": _time(nmc.next_expected_at),
        "next_expected_error_s": nmc.next_expected_error_s,
        "watchdog": nmc.watchdog,
        "diagnosis": None if nmc.diagnosis is None else clean(nmc.diagnosis, DETAIL_SHOWN),
        "status": _cleaned(nmc.status_flags),
    }


def _figures(restarts: RestartStatistics) -> JsonObject:
    return {"count": restarts.count, "interval_s": restarts.interval_s, "jitter_s": restarts.jitter_s}


def _age_s(read_mono: float, now_mono: float) -> float:
    return round(max(0.0, now_mono - read_mono), 1)


def _time(at: float | None) -> str | None:
    return None if at is None else timestamp(at)


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean(text)
