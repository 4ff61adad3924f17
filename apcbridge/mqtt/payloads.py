"""What is known of a PDU -> what the broker should hold. Pure.

:func:`pdu_topics` is the wanted state of the broker for one PDU; the bridge publishes the difference to what it
published last. Values that move with every reading (``read_at``, ``uptime_s``) ride along in the documents but are no
reason to publish one: they are as old as the publication, never younger than the truth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apcbridge.model import (
    Event,
    Freshness,
    LinkState,
    Load,
    LoadState,
    Nmc,
    Outlet,
    PduSnapshot,
    PduStatus,
    Policy,
    RestartStatistics,
)

if TYPE_CHECKING:
    from apcbridge.commands import CommandResult
    from apcbridge.mqtt.settings import PduView
    from apcbridge.mqtt.topics import Topics

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

ONLINE = b"online"
OFFLINE = b"offline"
NAME_SHOWN = 64
"""Characters of a label or another text of the PDU that are passed on."""

_LOAD_SEVERITY = (LoadState.OVERLOAD, LoadState.NEAR_OVERLOAD, LoadState.NORMAL, LoadState.LOW)


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


def is_available(status: PduStatus, now_mono: float) -> bool:
    """Tell whether the readings are fresh and the console answers."""
    return status.link.state is LinkState.UP and status.freshness(now_mono) is Freshness.FRESH


def event_payload(event: Event) -> bytes:
    """Encode an event for ``P/event``; Home Assistant reads ``event_type``, everything else becomes attributes."""
    return encode(
        {
            **event.details,
            "id": event.id,
            "event_type": event.type.value,
            "pdu": event.pdu,
            "ts": timestamp(event.at),
        }
    )


def result_payload(result: CommandResult) -> bytes:
    """Encode one step of a command for ``P/outlet/N/result`` and the asker's response topic."""
    command = result.command
    return encode(
        {
            "id": command.id,
            "command": command.action.value,
            "status": result.status.value,
            "detail": clean(result.detail, 256),
            "ts": timestamp(result.at),
            "pdu": command.pdu,
            "outlet": command.outlet,
            "origin": command.origin.value,
        }
    )


def rejection_payload(pdu: str, outlet: int | None, detail: str, at: float) -> bytes:
    """Encode the refusal of a message that never became a command."""
    return encode(
        {
            "id": None,
            "command": None,
            "status": "refused",
            "detail": clean(detail, 256),
            "ts": timestamp(at),
            "pdu": pdu,
            "outlet": outlet,
            "origin": "mqtt",
        }
    )


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


def clean(text: str, limit: int = NAME_SHOWN) -> str:
    """Make a text of the PDU fit to show: no control characters, bounded."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:limit]


def timestamp(at: float) -> str:
    """Write Unix time as ISO 8601 in UTC, milliseconds: ``2026-11-22T11:23:00.000Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(value: Json) -> bytes:
    """Write compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _snapshot_topics(
    topics: Topics,
    snapshot: PduSnapshot,
    view: PduView,
    last_commands: Mapping[int, CommandResult],
    now_mono: float,
) -> dict[str, Retained]:
    wanted = {topics.pdu(snapshot.pdu, "info"): _info(snapshot)}
    for outlet in snapshot.outlets:
        wanted[topics.outlet(snapshot.pdu, outlet.number, "state")] = Retained.plain(outlet.state.value.encode())
        document = _outlet(snapshot, outlet, view.policy(outlet.number), last_commands.get(outlet.number))
        wanted[topics.outlet(snapshot.pdu, outlet.number)] = document
    if has_load(snapshot):
        wanted[topics.pdu(snapshot.pdu, "load")] = _load(snapshot)
    wanted[topics.pdu(snapshot.pdu, "nmc")] = _nmc(snapshot.nmc, now_mono)
    return wanted


def _info(snapshot: PduSnapshot) -> Retained:
    identity = snapshot.identity
    return Retained.document(
        {
            "pdu": snapshot.pdu,
            "model": identity.model,
            "serial_number": identity.serial_number,
            "firmware": identity.app_version or identity.aos_version,
            "aos_version": identity.aos_version,
            "app_version": identity.app_version,
            "hardware_revision": identity.hardware_revision,
            "manufacture_date": identity.manufacture_date,
            "mac_address": identity.mac_address,
            "name": _cleaned(identity.name),
            "contact": _cleaned(identity.contact),
            "location": _cleaned(identity.location),
            "outlets": len(snapshot.outlets),
            "dialect": snapshot.dialect,
        }
    )


def _outlet(snapshot: PduSnapshot, outlet: Outlet, policy: Policy, last: CommandResult | None) -> Retained:
    resting = next((p for p in snapshot.pending if p.outlet == outlet.number), None)
    return Retained.document(
        {
            "state": outlet.state.value,
            "pending": outlet.pending or resting is not None,
            "pending_command": resting.action if resting else None,
            "name": outlet_name(outlet),
            "label": clean(outlet.label),
            "policy": policy.value,
            "last_change": _time(outlet.changed_at),
            "last_command": _last_command(last) if last else None,
            "on_delay": outlet.on_delay_s,
            "off_delay": outlet.off_delay_s,
            "reboot_duration": outlet.reboot_duration_s,
            "phase": outlet.phase,
            "bank": outlet.bank,
        },
        {"read_at": timestamp(outlet.read_at)},
    )


def _last_command(result: CommandResult) -> Json:
    return {
        "id": result.command.id,
        "command": result.command.action.value,
        "status": result.status.value,
        "origin": result.command.origin.value,
        "ts": timestamp(result.at),
    }


def _load(snapshot: PduSnapshot) -> Retained:
    return Retained.document(
        {
            "amperes": total_amperes(snapshot),
            "watts": snapshot.watts,
            "volt_amperes": snapshot.volt_amperes,
            "state": _worst(snapshot).value,
            "phases": [_one_load(load) for load in snapshot.phases],
            "banks": [_one_load(load) for load in snapshot.banks],
        }
    )


def _worst(snapshot: PduSnapshot) -> LoadState:
    """Return the state that most needs a person; low only where nothing is more than low."""
    states = {load.state for load in (*snapshot.phases, *snapshot.banks)}
    return next((state for state in _LOAD_SEVERITY if state in states), LoadState.UNKNOWN)


def _one_load(load: Load) -> Json:
    return {
        "index": load.index,
        "amperes": load.deciamps / 10,
        "state": load.state.value,
        "low": load.low_a,
        "near_overload": load.near_overload_a,
        "overload": load.overload_a,
    }


def _nmc(nmc: Nmc, now_mono: float) -> Retained:
    last = nmc.last_reboot
    return Retained.document(
        {
            "boot_time": _time(nmc.boot_at),
            "reboot_count": nmc.reboot_count,
            "watchdog_reboot_count": nmc.watchdog_reboot_count,
            "reboots_by_cause": {cause.value: count for cause, count in sorted(nmc.reboots_by_cause.items())},
            "last_reboot": None
            if last is None
            else {
                "id": last.id,
                "at": _time(last.at),
                "cause": last.cause.value,
                "evidence": list(last.evidence),
            },
            "interval_s": nmc.interval_s,
            "jitter_s": nmc.jitter_s,
            "statistics": {"24h": _figures(nmc.day), "7d": _figures(nmc.week), "all": _figures(nmc.ever)},
            "next_expected": _time(nmc.next_expected_at),
            "next_expected_error_s": nmc.next_expected_error_s,
            "watchdog": nmc.watchdog,
            "diagnosis": None if nmc.diagnosis is None else clean(nmc.diagnosis, 256),
            "status": nmc.status_flags,
        },
        {"uptime_s": None if nmc.boot_mono is None else max(0, int(now_mono - nmc.boot_mono))},
    )


def _figures(restarts: RestartStatistics) -> Json:
    return {"count": restarts.count, "interval_s": restarts.interval_s, "jitter_s": restarts.jitter_s}


def _time(at: float | None) -> str | None:
    return None if at is None else timestamp(at)


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean(text)
