"""What is known of a PDU -> what the broker should hold. Pure.

:func:`pdu_topics` is the wanted state of the broker for one PDU; the bridge publishes the difference to what it
published last. Values that move with every reading (``read_at``, ``uptime_s``) ride along in the documents but are no
reason to publish one: they are as old as the publication, never younger than the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.facts import (
    DETAIL_SHOWN,
    Json,
    clean,
    encode,
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.commands import CommandResult
    from apcbridge.facts import PduView
    from apcbridge.model import Event, Nmc, Outlet, PduSnapshot, PduStatus, Policy
    from apcbridge.mqtt.topics import Topics

ONLINE = b"online"
OFFLINE = b"offline"


@dataclass(frozen=True, slots=True)
class Retained:
    """What a retained topic should hold, and by what to tell whether it changed."""

    payload: bytes
    same_as: bytes
    """Equal for two payloads that differ only in values not worth a publication."""

    @classmethod
    def plain(cls, payload: bytes) -> Retained:
        """Hold a payload that is compared as it is."""
        return cls(payload, payload)

    @classmethod
    def document(cls, fields: Mapping[str, Json], volatile: Mapping[str, Json] | None = None) -> Retained:
        """Hold a JSON object of ``fields`` and, not compared, ``volatile``."""
        same_as = encode(fields)
        return cls(encode({**fields, **volatile}) if volatile else same_as, same_as)


def pdu_topics(
    topics: Topics,
    status: PduStatus,
    view: PduView,
    last_commands: Mapping[int, CommandResult],
    now_mono: float,
) -> dict[str, Retained]:
    """Return every retained topic of a PDU, in the order in which to publish them.

    Bad news first, good news last: ``offline`` precedes the values, ``online`` follows them, so that nobody takes old
    values for fresh ones. Without a snapshot only the availability is known; what an earlier run left on the broker
    stays there, marked offline.
    """
    availability = {
        topics.pdu(status.pdu, "availability"): Retained.plain(ONLINE if is_available(status, now_mono) else OFFLINE)
    }
    values = _snapshot_topics(topics, status.snapshot, view, last_commands, now_mono) if status.snapshot else {}
    return values | availability if is_available(status, now_mono) else availability | values


def event_payload(event: Event) -> bytes:
    """Encode an event for ``P/event``; Home Assistant reads ``event_type``, everything else becomes attributes."""
    return encode(event_facts(event))


def result_payload(result: CommandResult) -> bytes:
    """Encode one step of a command for ``P/outlet/N/result`` and the asker's response topic."""
    return encode(result_facts(result))


def rejection_payload(pdu: str, outlet: int | None, detail: str, at: float) -> bytes:
    """Encode the refusal of a message that never became a command."""
    return encode(
        {
            "id": None,
            "command": None,
            "status": "refused",
            "detail": clean(detail, DETAIL_SHOWN),
            "ts": timestamp(at),
            "pdu": pdu,
            "outlet": outlet,
            "origin": "mqtt",
        }
    )


def _snapshot_topics(
    topics: Topics,
    snapshot: PduSnapshot,
    view: PduView,
    last_commands: Mapping[int, CommandResult],
    now_mono: float,
) -> dict[str, Retained]:
    wanted = {topics.pdu(snapshot.pdu, "info"): Retained.document({"pdu": snapshot.pdu, **info_facts(snapshot)})}
    for outlet in snapshot.outlets:
        wanted[topics.outlet(snapshot.pdu, outlet.number, "state")] = Retained.plain(outlet.state.value.encode())
        document = _outlet(snapshot, outlet, view.policy(outlet.number), last_commands.get(outlet.number))
        wanted[topics.outlet(snapshot.pdu, outlet.number)] = document
    if has_load(snapshot):
        wanted[topics.pdu(snapshot.pdu, "load")] = Retained.document(load_facts(snapshot))
    wanted[topics.pdu(snapshot.pdu, "nmc")] = _nmc(snapshot.nmc, now_mono)
    return wanted


def _outlet(snapshot: PduSnapshot, outlet: Outlet, policy: Policy, last: CommandResult | None) -> Retained:
    facts = outlet_facts(outlet, snapshot.pending, policy, _last_command(last) if last else None)
    return Retained.document(facts, {"read_at": timestamp(outlet.read_at)})


def _last_command(result: CommandResult) -> Json:
    return {
        "id": result.command.id,
        "command": result.command.action.value,
        "status": result.status.value,
        "origin": result.command.origin.value,
        "ts": timestamp(result.at),
    }


def _nmc(nmc: Nmc, now_mono: float) -> Retained:
    return Retained.document(nmc_facts(nmc), {"uptime_s": uptime_s(nmc, now_mono)})
