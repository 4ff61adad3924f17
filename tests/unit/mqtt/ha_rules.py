"""What Home Assistant takes and what it rejects, as a strict reader of discovery documents.

Written from how Home Assistant 2024.3 to 2026.11 behaves; where versions differ, the narrower one counts.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LONG = {
    "avty": "availability", "avty_mode": "availability_mode", "cmd_t": "command_topic", "cmps": "components",
    "cns": "connections", "def_ent_id": "default_entity_id", "dev": "device", "dev_cla": "device_class",
    "en": "enabled_by_default", "ent_cat": "entity_category", "evt_typ": "event_types", "hw": "hw_version",
    "ids": "identifiers", "json_attr_t": "json_attributes_topic", "mf": "manufacturer", "mdl": "model",
    "obj_id": "object_id", "ops": "options", "o": "origin", "pl_off": "payload_off", "pl_on": "payload_on",
    "pl_prs": "payload_press", "p": "platform", "sn": "serial_number", "stat_cla": "state_class",
    "stat_t": "state_topic", "sug_dsp_prc": "suggested_display_precision", "sw": "sw_version", "t": "topic",
    "uniq_id": "unique_id", "unit_of_meas": "unit_of_measurement", "val_tpl": "value_template",
}  # fmt: skip

ROOT = {"device", "origin", "components", "availability", "availability_mode", "qos"}
DEVICE = {
    "identifiers", "connections", "name", "manufacturer", "model", "hw_version", "sw_version", "serial_number",
    "via_device",
}  # fmt: skip
ENTITY = {
    "unique_id", "object_id", "default_entity_id", "name", "entity_category", "enabled_by_default", "device_class",
    "availability", "availability_mode", "json_attributes_topic", "qos", "platform", "device", "origin",
}  # fmt: skip
OF_PLATFORM = {
    "switch": {"state_topic", "command_topic"},
    "button": {"command_topic", "payload_press"},
    "binary_sensor": {"state_topic", "value_template", "payload_on", "payload_off"},
    "sensor": {
        "state_topic", "value_template", "unit_of_measurement", "state_class", "options", "suggested_display_precision",
    },
    "number": {"state_topic", "command_topic", "value_template", "min", "max", "mode", "unit_of_measurement"},
    "text": {"state_topic", "command_topic", "value_template", "min", "max"},
    "event": {"state_topic", "event_types"},
}  # fmt: skip
NEEDS = {
    "switch": {"command_topic"}, "button": {"command_topic"}, "binary_sensor": {"state_topic"},
    "sensor": {"state_topic"}, "number": {"command_topic"}, "text": {"command_topic"},
    "event": {"state_topic", "event_types"},
}  # fmt: skip
CLASSES = {
    "switch": {"outlet", "switch"},
    "button": {"identify", "restart", "update"},
    "binary_sensor": {"connectivity", "power", "problem", "running"},
    "sensor": {"current", "power", "apparent_power", "duration", "enum", "timestamp"},
    "number": {"duration"},
    "text": set[str](),
    "event": {"doorbell", "button", "motion"},
}
UNITS = {"current": "A", "power": "W", "apparent_power": "VA", "duration": "s"}
ID = re.compile(r"[a-zA-Z0-9_-]+")
ENTITY_ID = re.compile(r"(?P<platform>[a-z_]+)\.[a-z0-9_]+")


def read(payload: bytes) -> dict[str, Any]:
    """Read a document and spell its keys out; a key in both spellings is an error."""
    document = _long(json.loads(payload))
    assert isinstance(document, dict)
    return document


def _long(value: Any) -> Any:
    if isinstance(value, dict):
        spelt = {LONG.get(key, key): _long(item) for key, item in value.items()}
        assert len(spelt) == len(value)
        return spelt
    return [_long(item) for item in value] if isinstance(value, list) else value


def check_device_message(topic: str, payload: bytes) -> dict[str, dict[str, Any]]:
    """Check a message of the device form; return its components."""
    prefix, form, object_id, leaf = topic.split("/")
    assert (prefix, form, leaf) == ("homeassistant", "device", "config")
    assert ID.fullmatch(object_id)
    document = read(payload)
    assert document.keys() <= ROOT, f"one unknown root key rejects the device: {document.keys() - ROOT}"
    assert {"device", "origin", "components"} <= document.keys()
    check_frame(document)
    for component in document["components"].values():
        if component.keys() != {"platform"}:
            check_component(component, document)
    components: dict[str, dict[str, Any]] = document["components"]
    ids = [c["unique_id"] for c in components.values() if "unique_id" in c]
    assert len(set(ids)) == len(ids)
    return components


def check_single_message(topic: str, payload: bytes) -> dict[str, Any]:
    """Check a message of the single-component form."""
    prefix, platform, node, object_id, leaf = topic.split("/")
    assert (prefix, leaf) == ("homeassistant", "config")
    assert ID.fullmatch(node)
    assert ID.fullmatch(object_id)
    document = read(payload)
    check_frame(document)
    check_component({**document, "platform": platform}, document)
    return document


def check_frame(document: Mapping[str, Any]) -> None:
    device, origin = document["device"], document["origin"]
    assert device.keys() <= DEVICE, f"one unknown device key rejects the device: {device.keys() - DEVICE}"
    assert device.get("identifiers") or device.get("connections")
    assert all(isinstance(value, str) for key, value in device.items() if key not in {"identifiers", "connections"})
    assert origin["name"]
    assert origin.keys() <= {"name", "sw_version"}
    if "availability" in document:
        assert document["availability_mode"] == "all", "the default, latest, lets the last speaker win"
        assert all(entry.keys() == {"topic"} for entry in document["availability"])


def check_component(component: Mapping[str, Any], root: Mapping[str, Any]) -> None:
    platform = component["platform"]
    known = ENTITY | OF_PLATFORM[platform]
    assert component.keys() <= known, f"{platform}: {component.keys() - known}"
    assert NEEDS[platform] <= component.keys()
    assert ID.fullmatch(component["unique_id"])
    match = ENTITY_ID.fullmatch(component["default_entity_id"])
    assert match is not None
    assert match["platform"] == platform
    assert component["default_entity_id"].endswith("." + component["object_id"])
    assert component["name"] is None or component["name"].strip()
    for key in ("state_topic", "command_topic", "json_attributes_topic"):
        assert not set(component.get(key, "")) & {"+", "#"}
    if "command_topic" in component:
        assert component["command_topic"] != component.get("state_topic"), "a shared topic breaks the state"
    check_classes(component)
    assert component.get("entity_category") in {None, "diagnostic", "config"}
    if platform in {"sensor", "binary_sensor"}:
        assert component.get("entity_category") != "config", "it would wedge the whole device"
    assert "availability" in component or "availability" in root or component["device_class"] == "connectivity"


def check_classes(component: Mapping[str, Any]) -> None:
    platform, device_class = component["platform"], component.get("device_class")
    assert device_class is None or device_class in CLASSES[platform]
    unit = UNITS.get(str(device_class)) if platform in {"sensor", "number"} else None
    assert component.get("unit_of_measurement") == unit, f"{device_class} is measured in {unit}"
    if "options" in component:
        assert device_class == "enum"
        assert not {"state_class", "unit_of_measurement"} & component.keys()
    if device_class == "timestamp":
        assert "state_class" not in component
    if platform == "number":
        assert component["min"] < component["max"]
