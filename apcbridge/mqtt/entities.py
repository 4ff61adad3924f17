"""The entities that stand for a PDU and its outlets in Home Assistant. Pure.

A component is announced only when its data exists. Every key here is one that all Home Assistants since 2024.3 take for
its platform: one component that fails while being added stops the update of all that follow it, until a restart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.facts import Json, judges_load, outlet_name, total_amperes
from apcbridge.model import EventType, Load, LoadState, Outlet, PduSnapshot, Policy
from apcbridge.mqtt.requests import NAME_LIMIT
from apcbridge.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from apcbridge.mqtt.settings import MqttSettings

_OUTLET_WORDS = {
    "": None,
    "power": None,
    "reboot": "Reboot",
    "cancel": "Cancel pending",
    "pending": "Pending",
    "on_delay": "On delay",
    "off_delay": "Off delay",
    "reboot_duration": "Reboot duration",
    "label": "Label",
}
"""What follows the outlet's name in an entity's name."""
_DURATIONS = {"on_delay": range(-1, 7201), "off_delay": range(-1, 7201), "reboot_duration": range(5, 61)}
"""Seconds, -1 meaning never; a value outside the range told is an error in Home Assistant's log."""


@dataclass(frozen=True, slots=True)
class Component:
    """One entity: its id within the device, its platform, and its keys in Home Assistant's long spelling."""

    id: str
    platform: str
    keys: Mapping[str, Json]


def slug(text: str) -> str:
    """Make a text fit for ids in Home Assistant: lower-case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def pdu_object_id(uid: str) -> str:
    """Return the id of a PDU's device; every id of its entities begins with it."""
    return f"apcbridge_{uid}"


def entity_ids(object_id: str, platform: str, device_slug: str, component: str) -> dict[str, Json]:
    """Return the keys that identify an entity.

    ``unique_id`` never changes. The other two propose the entity's name in automations: ``object_id`` to Home
    Assistants before 2025.10, ``default_entity_id`` to later ones; neither minds the other's key.
    """
    return {
        "unique_id": f"{object_id}_{component}",
        "object_id": f"{device_slug}_{component}",
        "default_entity_id": f"{platform}.{device_slug}_{component}",
    }


def durations(snapshot: PduSnapshot) -> Mapping[int, tuple[str, ...]]:
    """Return the durations to announce for each outlet: those that the PDU has told of this one or of any.

    Menus show them page by page, over minutes: if each outlet's came when it was read, Home Assistant would get the
    whole device anew for each.
    """
    told = {name: [getattr(o, f"{name}_s") for o in snapshot.outlets] for name in _DURATIONS}
    kinds = [name for name, span in _DURATIONS.items() if any(value in span for value in told[name])]
    return {
        outlet.number: tuple(name for name in kinds if told[name][at] is None or told[name][at] in _DURATIONS[name])
        for at, outlet in enumerate(snapshot.outlets)
    }


def availability(topics: tuple[str, ...]) -> Json:
    """Return the value of the key ``availability``."""
    return [{"topic": topic} for topic in topics]


class PduEntities:
    """The entities of one PDU.

    ``announced`` are the component ids told to Home Assistant before: they stay announced when a reading happens to
    lack their data, so that entities do not come and go.
    """

    def __init__(self, settings: MqttSettings, snapshot: PduSnapshot, uid: str, announced: Collection[str]) -> None:
        self._settings = settings
        self._topics = Topics(settings.base_topic, settings.bridge_id)
        self._snapshot = snapshot
        self._pdu = snapshot.pdu
        self._object_id = pdu_object_id(uid)
        self._announced = announced
        self._durations = durations(snapshot)

    def of_outlet(self, outlet: Outlet) -> tuple[Component, ...]:
        """Return what stands for one outlet; one that must not be switched is a sensor, safe from "all lights off"."""
        policy = self._settings.pdus[self._pdu].policy(outlet.number)
        if policy is Policy.READ_ONLY:
            return (self._outlet_sensor(outlet), self._pending(outlet))
        reboot = (self._reboot(outlet),) if policy is Policy.NORMAL else ()
        return (
            self._switch(outlet),
            *reboot,
            self._cancel(outlet),
            self._pending(outlet),
            *self._delays(outlet),
            self._label(outlet),
        )

    def of_pdu(self) -> tuple[Component, ...]:
        """Return what stands for the PDU as a whole."""
        return (self._link(), *self._load_components(), *self._nmc_components(), self._events())

    def _switch(self, outlet: Outlet) -> Component:
        return self._of_outlet(
            outlet,
            "",
            "switch",
            {
                "device_class": "outlet",
                "state_topic": self._topics.outlet(self._pdu, outlet.number, "state"),
                "command_topic": self._topics.outlet(self._pdu, outlet.number, "set"),
                "json_attributes_topic": self._topics.outlet(self._pdu, outlet.number),
            },
        )

    def _outlet_sensor(self, outlet: Outlet) -> Component:
        return self._of_outlet(
            outlet,
            "power",
            "binary_sensor",
            {
                "device_class": "power",
                "state_topic": self._topics.outlet(self._pdu, outlet.number, "state"),
                "json_attributes_topic": self._topics.outlet(self._pdu, outlet.number),
            },
        )

    def _reboot(self, outlet: Outlet) -> Component:
        keys = {"device_class": "restart", "payload_press": "REBOOT"}
        return self._of_outlet(outlet, "reboot", "button", self._pressed(outlet) | keys)

    def _cancel(self, outlet: Outlet) -> Component:
        keys: dict[str, Json] = {
            "payload_press": "CANCEL",
            "entity_category": "config",
            "enabled_by_default": False,
        }
        return self._of_outlet(outlet, "cancel", "button", {**self._pressed(outlet), **keys})

    def _pending(self, outlet: Outlet) -> Component:
        keys: dict[str, Json] = {
            "device_class": "running",
            "entity_category": "diagnostic",
            "enabled_by_default": False,
            "state_topic": self._topics.outlet(self._pdu, outlet.number),
            "value_template": "{{ 'ON' if value_json.pending else 'OFF' }}",
        }
        return self._of_outlet(outlet, "pending", "binary_sensor", keys)

    def _delays(self, outlet: Outlet) -> tuple[Component, ...]:
        kept = (name for name in _DURATIONS if f"outlet_{outlet.number}_{name}" in self._announced)
        names = {*self._durations[outlet.number], *(name for name in kept if getattr(outlet, f"{name}_s") is None)}
        return tuple(
            self._of_outlet(
                outlet,
                name,
                "number",
                {
                    "device_class": "duration",
                    "unit_of_measurement": "s",
                    "min": span[0],
                    "max": span[-1],
                    "mode": "box",
                    **self._configured(outlet, name, f"{{{{ value_json.{name} }}}}"),
                },
            )
            for name, span in _DURATIONS.items()
            if name in names
        )

    def _label(self, outlet: Outlet) -> Component:
        """Return the PDU's own label. No pattern: HA fails on a *state* outside it, and we do not choose labels."""
        keys: dict[str, Json] = {
            "min": 0,
            "max": NAME_LIMIT,
            **self._configured(outlet, "name", f"{{{{ value_json.label[:{NAME_LIMIT}] }}}}"),
        }
        return self._of_outlet(outlet, "label", "text", keys)

    def _link(self) -> Component:
        keys: dict[str, Json] = {
            "name": "Console link",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": self._topics.pdu(self._pdu, "availability"),
            "payload_on": "online",
            "payload_off": "offline",
            "availability": availability((self._topics.bridge("state"),)),
        }
        return self._of_pdu("link", "binary_sensor", keys)

    def _load_components(self) -> tuple[Component, ...]:
        snapshot = self._snapshot
        found = []
        if judges_load(snapshot) or "load_status" in self._announced:
            found += [self._load_status(), self._overload()]
        if total_amperes(snapshot) is not None:
            found.append(self._current("current", "Current", "value_json.amperes"))
        if len(snapshot.phases) > 1:
            found += [self._part_current("phase", load, at) for at, load in enumerate(snapshot.phases)]
        found += [self._part_current("bank", load, at) for at, load in enumerate(snapshot.banks)]
        if snapshot.watts is not None:
            found.append(self._measured("power", "Power", "value_json.watts", "power", "W"))
        if snapshot.volt_amperes is not None:
            name = "Apparent power"
            found.append(self._measured("apparent_power", name, "value_json.volt_amperes", "apparent_power", "VA"))
        return tuple(found)

    def _load_status(self) -> Component:
        keys: dict[str, Json] = {
            "name": "Load status",
            "device_class": "enum",
            "options": [state.value for state in LoadState],
            "state_topic": self._topics.pdu(self._pdu, "load"),
            "value_template": "{{ value_json.state }}",
        }
        return self._of_pdu("load_status", "sensor", keys)

    def _overload(self) -> Component:
        keys: dict[str, Json] = {
            "name": "Overload",
            "device_class": "problem",
            "state_topic": self._topics.pdu(self._pdu, "load"),
            "value_template": "{{ {'overload': 'ON', 'unknown': None}.get(value_json.state, 'OFF') }}",
        }
        return self._of_pdu("overload", "binary_sensor", keys)

    def _part_current(self, part: str, load: Load, position: int) -> Component:
        path = f"value_json.{part}s[{position}].amperes"
        return self._current(f"current_{part}_{load.index}", f"Current {part} {load.index}", path)

    def _current(self, name: str, shown: str, value: str) -> Component:
        component = self._measured(name, shown, value, "current", "A")
        return Component(name, "sensor", {**component.keys, "suggested_display_precision": 1})

    def _measured(self, name: str, shown: str, value: str, device_class: str, unit: str) -> Component:
        """Return a figure of the load topic. No ``expire_after``: an unchanged figure is not published again."""
        keys: dict[str, Json] = {
            "name": shown,
            "device_class": device_class,
            "unit_of_measurement": unit,
            "state_class": "measurement",
            "state_topic": self._topics.pdu(self._pdu, "load"),
            "value_template": f"{{{{ {value} }}}}",
        }
        return self._of_pdu(name, "sensor", keys)

    def _nmc_components(self) -> tuple[Component, ...]:
        nmc = self._snapshot.nmc
        found = [self._of_nmc("nmc_reboots", "NMC reboots", {"state_class": "total_increasing"}, "reboot_count")]
        if nmc.boot_at is not None or "nmc_boot" in self._announced:
            found.append(self._of_nmc("nmc_boot", "NMC boot time", {"device_class": "timestamp"}, "boot_time"))
        if nmc.last_reboot is not None:
            found.append(
                self._of_nmc("nmc_last_reboot", "NMC last reboot", {"device_class": "timestamp"}, "last_reboot.at")
            )
            found.append(self._of_nmc("nmc_last_cause", "NMC last reboot cause", {}, "last_reboot.cause"))
        if nmc.interval_s is not None or "nmc_reboot_interval" in self._announced:
            keys: dict[str, Json] = {
                "device_class": "duration",
                "unit_of_measurement": "s",
                "state_class": "measurement",
                "enabled_by_default": False,
            }
            found.append(self._of_nmc("nmc_reboot_interval", "NMC reboot interval", keys, "interval_s"))
        found.append(self._watchdog())
        return tuple(found)

    def _of_nmc(self, name: str, shown: str, keys: Mapping[str, Json], value: str) -> Component:
        return self._of_pdu(
            name,
            "sensor",
            {
                "name": shown,
                "entity_category": "diagnostic",
                "state_topic": self._topics.pdu(self._pdu, "nmc"),
                "value_template": f"{{{{ value_json.{value} }}}}",
                **keys,
            },
        )

    def _watchdog(self) -> Component:
        keys: dict[str, Json] = {
            "name": "NMC watchdog rebooting",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": self._topics.pdu(self._pdu, "nmc"),
            "value_template": "{{ 'ON' if value_json.watchdog else 'OFF' }}",
        }
        return self._of_pdu("nmc_watchdog", "binary_sensor", keys)

    def _events(self) -> Component:
        keys: dict[str, Json] = {
            "name": "Event",
            "event_types": [event.value for event in EventType],
            "state_topic": self._topics.pdu(self._pdu, "event"),
        }
        return self._of_pdu("nmc_event", "event", keys)

    def _of_pdu(self, name: str, platform: str, keys: Mapping[str, Json]) -> Component:
        return Component(name, platform, {**entity_ids(self._object_id, platform, slug(self._pdu), name), **keys})

    def _of_outlet(self, outlet: Outlet, name: str, platform: str, keys: Mapping[str, Json]) -> Component:
        cid = f"outlet_{outlet.number}{f'_{name}' if name else ''}"
        what = _OUTLET_WORDS[name]
        shown: str | None = what if self._settings.homeassistant.outlet_devices else None
        if not self._settings.homeassistant.outlet_devices:
            shown = f"{outlet_name(outlet)} {what or ''}".strip()
        return Component(
            cid,
            platform,
            {**entity_ids(self._object_id, platform, slug(self._pdu), cid), "name": shown, **keys},
        )

    def _pressed(self, outlet: Outlet) -> dict[str, Json]:
        return {"command_topic": self._topics.outlet(self._pdu, outlet.number, "set")}

    def _configured(self, outlet: Outlet, leaf: str, template: str) -> dict[str, Json]:
        return {
            "entity_category": "config",
            "enabled_by_default": False,
            "state_topic": self._topics.outlet(self._pdu, outlet.number),
            "command_topic": self._topics.outlet(self._pdu, outlet.number, f"config/{leaf}/set"),
            "value_template": template,
        }
