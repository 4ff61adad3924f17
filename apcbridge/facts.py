"""What is known of a PDU, as JSON: the words that the MQTT topics and the HTTP documents share. Pure.

What the console does not tell is ``null``. So is what is not ``fresh``, where the asker has no topic called
``availability`` beside it that says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from apcbridge.model import Freshness, LinkState, LoadState, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.commands import CommandResult
    from apcbridge.model import Event, Load, Nmc, Outlet, PduSnapshot, PduStatus, PendingCommand, RestartStatistics

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = Mapping[str, Json]

TEXT_SHOWN = 64
"""Characters of a label or another text of the PDU that are passed on."""
DETAIL_SHOWN = 400
"""Characters of a sentence for people that are passed on."""

_LOAD_SEVERITY = (LoadState.OVERLOAD, LoadState.NEAR_OVERLOAD, LoadState.NORMAL, LoadState.LOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class PduView:
    """What the configuration adds to a PDU as the console shows it."""

    policies: Mapping[int, Policy] = field(default_factory=dict)

    def policy(self, outlet: int) -> Policy:
        """Return what may be done to an outlet."""
        return self.policies.get(outlet, Policy.NORMAL)


def encode(value: Json) -> bytes:
    """Write compact JSON on one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def timestamp(at: float) -> str:
    """Write Unix time as ISO 8601 in UTC, milliseconds: ``2026-11-22T11:23:00.000Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clean(text: str, limit: int = TEXT_SHOWN) -> str:
    """Make a text of the PDU or of a peer fit to show: no control characters, and no longer than ``limit``."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    text = text.strip()
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def is_available(status: PduStatus, now_mono: float) -> bool:
    """Tell whether the readings are fresh and the console answers."""
    return status.link.state is LinkState.UP and status.freshness(now_mono) is Freshness.FRESH


def outlet_name(outlet: Outlet) -> str:
    """Return what to call an outlet: its name, or its number if nothing of the name can be shown."""
    return clean(outlet.name) or f"Outlet {outlet.number}"


def has_load(snapshot: PduSnapshot) -> bool:
    """Tell whether the PDU meters anything at all."""
    return bool(snapshot.phases or snapshot.banks or snapshot.watts is not None)


def judges_load(snapshot: PduSnapshot) -> bool:
    """Tell whether the console says of any load how it stands; many menus print the current alone."""
    return any(load.state is not LoadState.UNKNOWN for load in (*snapshot.phases, *snapshot.banks))


def total_amperes(snapshot: PduSnapshot) -> float | None:
    """Return the current of the whole PDU, or None where no single figure is true.

    The currents of several phases add up to nothing that a wire carries; those of the banks of one phase do.
    """
    if len(snapshot.phases) == 1:
        return snapshot.phases[0].deciamps / 10
    if not snapshot.phases and snapshot.banks:
        return sum(bank.deciamps for bank in snapshot.banks) / 10
    return None


def info_facts(snapshot: PduSnapshot) -> JsonObject:
    """Tell who the PDU says it is."""
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


def outlet_facts(
    outlet: Outlet, pending: Iterable[PendingCommand], policy: Policy, last_command: Json, *, fresh: bool = True
) -> JsonObject:
    """Tell everything of an outlet but when it was read; ``pending`` is all that rests in the card."""
    resting = next((p for p in pending if p.outlet == outlet.number), None)
    return {
        "state": outlet.state.value if fresh else None,
        "pending": (outlet.pending or resting is not None) if fresh else None,
        "pending_command": resting.action if resting and fresh else None,
        "name": outlet_name(outlet),
        "label": clean(outlet.label),
        "policy": policy.value,
        "last_change": _time(outlet.changed_at),
        "last_command": last_command,
        "on_delay": outlet.on_delay_s,
        "off_delay": outlet.off_delay_s,
        "reboot_duration": outlet.reboot_duration_s,
        "phase": outlet.phase,
        "bank": outlet.bank,
    }


def load_facts(snapshot: PduSnapshot, *, fresh: bool = True) -> JsonObject:
    """Tell what the PDU measures, whole and part by part."""
    return {
        "amperes": total_amperes(snapshot) if fresh else None,
        "watts": snapshot.watts if fresh else None,
        "volt_amperes": snapshot.volt_amperes if fresh else None,
        "state": (_worst(snapshot) if fresh else LoadState.UNKNOWN).value,
        "phases": [_one_load(load, fresh=fresh) for load in snapshot.phases],
        "banks": [_one_load(load, fresh=fresh) for load in snapshot.banks],
    }


def nmc_facts(nmc: Nmc) -> JsonObject:
    """Tell everything of the management card but its up time, which no two readings share."""
    last = nmc.last_reboot
    return {
        "boot_time": _time(nmc.boot_at),
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
        "alarms": nmc.alarm_count,
    }


def uptime_s(nmc: Nmc, now_mono: float) -> int | None:
    """Return how long the card has been running."""
    return None if nmc.boot_mono is None else max(0, int(now_mono - nmc.boot_mono))


def event_facts(event: Event) -> JsonObject:
    """Tell an event with its details, none of which can pass for what it is.

    ``at``, where there is one, is when it happened; ``ts`` is when it was noticed.
    """
    at = event.details.get("at")
    happened: JsonObject = {"at": timestamp(at)} if isinstance(at, int | float) else {}
    return {
        **event.details,
        **happened,
        "id": event.id,
        "event_type": event.type.value,
        "pdu": event.pdu,
        "ts": timestamp(event.at),
    }


def result_facts(result: CommandResult) -> JsonObject:
    """Tell one step in the life of a command, to whomever: the asker's name is left out."""
    command = result.command
    return {
        "id": command.id,
        "command": command.action.value,
        "status": result.status.value,
        "detail": clean(result.detail, DETAIL_SHOWN),
        "ts": timestamp(result.at),
        "pdu": command.pdu,
        "outlet": command.outlet,
        "origin": command.origin.value,
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


def _figures(restarts: RestartStatistics) -> JsonObject:
    return {"count": restarts.count, "interval_s": restarts.interval_s, "jitter_s": restarts.jitter_s}


def _time(at: float | None) -> str | None:
    return None if at is None else timestamp(at)


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean(text)
