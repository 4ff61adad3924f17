"""What is known of a PDU, as JSON. Pure.

The documents have the names of the MQTT contract and one rule more, because who asks over HTTP may not look at a topic
called ``availability``: a value that is not fresh is ``null``. ``freshness`` and ``age_s`` say why, and an outlet's
``last_state`` says what it was when last read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult
from apcbridge.facts import (
    DETAIL_SHOWN,
    clean,
    event_facts,
    has_load,
    info_facts,
    is_available,
    load_facts,
    nmc_facts,
    outlet_facts,
    result_facts,
    timestamp,
    uptime_s,
)
from apcbridge.model import Freshness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.facts import Json, JsonObject, PduView
    from apcbridge.model import Event, Nmc, Outlet, PduSnapshot, PduStatus
    from apcbridge.store import Edge


def pdu_document(
    status: PduStatus, view: PduView, last_commands: Mapping[int, CommandResult], now_mono: float
) -> JsonObject:
    """Describe a PDU whole; before its first reading only the link is known."""
    snapshot = status.snapshot
    freshness = status.freshness(now_mono)
    document: dict[str, Json] = {
        "pdu": status.pdu,
        "available": is_available(status, now_mono),
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
            "info": info_facts(snapshot),
            "outlets": [
                outlet_document(status, o, view, last_commands.get(o.number), now_mono) for o in snapshot.outlets
            ],
            "load": _load(snapshot, fresh=fresh),
            "nmc": _nmc(snapshot.nmc, now_mono, fresh=fresh),
        }
    return document


def outlet_document(
    status: PduStatus, outlet: Outlet, view: PduView, last: CommandResult | None, now_mono: float
) -> JsonObject:
    """Describe one outlet of a PDU's snapshot."""
    pending = status.snapshot.pending if status.snapshot else ()
    last_command = None if last is None else result_document(last)
    freshness = status.outlet_freshness(outlet.number, now_mono)
    fresh = freshness is Freshness.FRESH
    return {
        "number": outlet.number,
        **outlet_facts(outlet, pending, view.policy(outlet.number), last_command, fresh=fresh),
        "last_state": outlet.state.value,
        "freshness": freshness.value,
        "age_s": _age_s(outlet.read_mono, now_mono),
        "read_at": timestamp(outlet.read_at),
    }


def edge_document(edge: Edge) -> JsonObject:
    """Describe what happened; ``kind`` tells an event from a step of a command."""
    return result_document(edge) if isinstance(edge, CommandResult) else event_document(edge)


def event_document(event: Event) -> JsonObject:
    """Describe an event, as on the MQTT topic ``P/event``; ``kind`` tells it from a result."""
    details = {
        key: clean(value, DETAIL_SHOWN) if isinstance(value, str) else value for key, value in event.details.items()
    }
    return {**event_facts(replace(event, details=details)), "kind": "event"}


def result_document(result: CommandResult) -> JsonObject:
    """Describe one step in the life of a command, as on ``P/outlet/N/result``, with who asked."""
    command = result.command
    return {
        "kind": "result",
        **result_facts(result),
        "value": command.value,
        "principal": clean(command.principal),
        "received_at": timestamp(command.received_at),
    }


def _load(snapshot: PduSnapshot, *, fresh: bool) -> JsonObject | None:
    return load_facts(snapshot, fresh=fresh) if has_load(snapshot) else None


def _nmc(nmc: Nmc, now_mono: float, *, fresh: bool) -> JsonObject:
    return {**nmc_facts(nmc), "uptime_s": uptime_s(nmc, now_mono) if fresh else None}


def _age_s(read_mono: float, now_mono: float) -> float:
    return round(max(0.0, now_mono - read_mono), 1)
