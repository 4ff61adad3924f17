"""Home Assistant discovery documents. Pure.

Home Assistant rejects a whole device for one unknown key at the root or in ``device``, so the documents stay inside
what every version since 2024.11 takes (2024.3 in the single-component form).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.facts import Json, encode, judges_load, outlet_name
from apcbridge.mqtt.entities import Component, PduEntities, availability, durations, entity_ids, pdu_object_id, slug
from apcbridge.mqtt.settings import DiscoveryMode, MqttSettings
from apcbridge.mqtt.topics import Topics, packet_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable

    from apcbridge.model import Outlet, PduSnapshot

MIGRATE = encode({"migrate_discovery": True})
"""Published to an old discovery topic, it lets the entities move to the new one with their ids and history."""

_SHORT = {
    "availability": "avty",
    "availability_mode": "avty_mode",
    "command_topic": "cmd_t",
    "components": "cmps",
    "connections": "cns",
    "default_entity_id": "def_ent_id",
    "device": "dev",
    "device_class": "dev_cla",
    "enabled_by_default": "en",
    "entity_category": "ent_cat",
    "event_types": "evt_typ",
    "hw_version": "hw",
    "identifiers": "ids",
    "json_attributes_topic": "json_attr_t",
    "manufacturer": "mf",
    "model": "mdl",
    "object_id": "obj_id",
    "options": "ops",
    "origin": "o",
    "payload_off": "pl_off",
    "payload_on": "pl_on",
    "payload_press": "pl_prs",
    "platform": "p",
    "serial_number": "sn",
    "state_class": "stat_cla",
    "state_topic": "stat_t",
    "suggested_display_precision": "sug_dsp_prc",
    "sw_version": "sw",
    "topic": "t",
    "unique_id": "uniq_id",
    "unit_of_measurement": "unit_of_meas",
    "value_template": "val_tpl",
}
"""Home Assistant's own abbreviations of the keys used here: they halve the documents. No component id is among them."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity under which a PDU was announced."""

    uid: str
    serial_number: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """One device with its entities, not yet written in either of Home Assistant's two forms."""

    object_id: str
    description: Mapping[str, Json]
    availability: tuple[str, ...]
    """Topics all of which must say ``online``, where a component has no ``availability`` of its own."""
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A retained discovery message, and which components it announces (id -> platform)."""

    topic: str
    payload: bytes
    components: Mapping[str, str]
    removes: bool = False
    """It names components that are gone; once sent, it must be replaced by one that does not."""


def identify(snapshot: PduSnapshot, known: Identity | None, taken: Collection[str], bridge_id: str) -> Identity:
    """Return what tells this PDU from all others, for ever.

    The serial number where the console gives one, else bridge and PDU id. An identity once announced (``known``) stays
    even if a serial number turns up later; only a *different* serial number, another unit at the same port, gets a new
    one. ``taken`` are the uids that other PDUs hold: simulated and cloned units share serial numbers.
    """
    printed = snapshot.identity.serial_number
    serial = slug(printed or "")
    if known is not None and (not serial or known.serial_number in (None, printed)):
        return Identity(known.uid, printed or known.serial_number)
    fallback = f"{slug(bridge_id)}_{slug(snapshot.pdu)}"
    if not serial:
        return Identity(fallback, None)
    return Identity(serial if serial not in taken else f"{serial}_{fallback}", printed)


def discovery_inputs(snapshot: PduSnapshot) -> Hashable:
    """Return everything of a snapshot that :func:`pdu_devices` looks at: equal inputs give equal devices."""
    return (
        snapshot.identity,
        tuple((o.number, o.name) for o in snapshot.outlets),
        tuple(durations(snapshot).items()),
        judges_load(snapshot),
        tuple(load.index for load in snapshot.phases),
        tuple(load.index for load in snapshot.banks),
        snapshot.watts is None,
        snapshot.volt_amperes is None,
        snapshot.nmc.boot_at is None,
        snapshot.nmc.last_reboot is None,
        snapshot.nmc.interval_s is None,
    )


def pdu_devices(
    settings: MqttSettings, snapshot: PduSnapshot, uid: str, announced: Collection[str]
) -> tuple[Device, ...]:
    """Return the device of a PDU and, with ``outlet_devices``, one more per outlet, the PDU first.

    ``announced``: see :class:`~apcbridge.mqtt.entities.PduEntities`.
    """
    entities = PduEntities(settings, snapshot, uid, announced)
    topics = Topics(settings.base_topic, settings.bridge_id)
    available = (topics.bridge("state"), topics.pdu(snapshot.pdu, "availability"))
    description = _describe_pdu(settings, snapshot, uid)
    per_outlet = [(outlet, entities.of_outlet(outlet)) for outlet in snapshot.outlets]
    if not settings.homeassistant.outlet_devices:
        components = (*entities.of_pdu(), *(c for _, components in per_outlet for c in components))
        return (Device(pdu_object_id(uid), description, available, components),)
    return (
        Device(pdu_object_id(uid), description, available, entities.of_pdu()),
        *(
            Device(
                f"{pdu_object_id(uid)}_outlet_{outlet.number}",
                _describe_outlet(snapshot, uid, outlet),
                available,
                components,
            )
            for outlet, components in per_outlet
        ),
    )


def bridge_device(settings: MqttSettings) -> Device:
    """Return the device that stands for apcbridge itself; every PDU is reached ``via`` it."""
    topics = Topics(settings.base_topic, settings.bridge_id)
    object_id = _bridge_object_id(settings)
    device_slug = f"apcbridge_{slug(settings.bridge_id)}"
    connection: dict[str, Json] = {
        **entity_ids(object_id, "binary_sensor", device_slug, "connection"),
        "name": "Connection",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": topics.bridge("state"),
        "payload_on": "online",
        "payload_off": "offline",
    }
    refresh: dict[str, Json] = {
        **entity_ids(object_id, "button", device_slug, "refresh"),
        "name": "Read all PDUs now",
        "entity_category": "diagnostic",
        "command_topic": topics.bridge("request/refresh"),
        "payload_press": "{}",
        "availability": availability((topics.bridge("state"),)),
    }
    description: dict[str, Json] = {
        "identifiers": [object_id],
        "name": f"apcbridge {settings.bridge_id}",
        "manufacturer": "apcbridge",
        "model": "Bridge",
        "sw_version": settings.version,
    }
    components = (
        Component("connection", "binary_sensor", connection),
        Component("refresh", "button", refresh),
    )
    return Device(object_id, description, (), components)


def documents(
    settings: MqttSettings,
    device: Device,
    formerly: Mapping[str, Mapping[str, str]],
    packet_limit: int | None = None,
) -> tuple[Document, ...]:
    """Write a device in the configured form.

    ``formerly`` (discovery topic -> component id -> platform) is what was announced last: a component that is gone
    must be named once more, bare, or Home Assistant keeps it. A device whose one document would exceed
    ``packet_limit`` (bytes that the broker takes) is written one document per entity; every Home Assistant reads both.
    """
    match settings.homeassistant.discovery:
        case DiscoveryMode.OFF:
            return ()
        case DiscoveryMode.COMPONENT:
            return tuple(_single(settings, device, component) for component in device.components)
        case DiscoveryMode.DEVICE:
            topic = f"{settings.homeassistant.prefix}/device/{device.object_id}/config"
            now = {component.id: component.platform for component in device.components}
            gone = {cid: platform for cid, platform in formerly.get(topic, {}).items() if cid not in now}
            payload = encode(_shorten(_device_form(settings, device, gone)))
            if packet_limit is not None and packet_bytes(topic, payload) > packet_limit:
                return tuple(_single(settings, device, component) for component in device.components)
            return (Document(topic, payload, now, removes=bool(gone)),)


def superseded(settings: MqttSettings, owned: Iterable[str], written: Iterable[Document]) -> tuple[str, ...]:
    """Pick from ``owned`` the discovery topics of the devices of ``written`` in the form that is not written any more.

    Their entities must move, not die: the topics get :data:`MIGRATE` before the new documents are published, and are
    emptied after them.
    """
    prefix = f"{settings.homeassistant.prefix}/"
    forms = dict(_form(document.topic.removeprefix(prefix)) for document in written)
    found = []
    for topic in owned:
        object_id, device_form = _form(topic.removeprefix(prefix))
        if topic.startswith(prefix) and forms.get(object_id, device_form) is not device_form:
            found.append(topic)
    return tuple(sorted(found))


def _form(topic: str) -> tuple[str, bool]:
    """Tell a device's object id, and whether it is announced in the device form, by a topic without the prefix."""
    form, _, rest = topic.partition("/")
    return rest.split("/")[0], form == "device"


def _device_form(settings: MqttSettings, device: Device, gone: Mapping[str, str]) -> dict[str, Json]:
    return {
        "device": device.description,
        "origin": _origin(settings),
        **_available(device),
        "qos": 1,
        "components": {
            **{c.id: {"platform": c.platform, **c.keys} for c in device.components},
            **{cid: {"platform": platform} for cid, platform in gone.items()},
        },
    }


def _single(settings: MqttSettings, device: Device, component: Component) -> Document:
    """Write one entity. Node id and object id repeat the device form's ids, or the entities could not move over."""
    topic = f"{settings.homeassistant.prefix}/{component.platform}/{device.object_id}/{component.id}/config"
    body: dict[str, Json] = {
        "device": device.description,
        "origin": _origin(settings),
        **_available(device),
        "qos": 1,
        **component.keys,
    }
    return Document(topic, encode(_shorten(body)), {component.id: component.platform})


def _available(device: Device) -> dict[str, Json]:
    """Home Assistant's own default mode is ``latest``: whichever topic spoke last would win."""
    if not device.availability:
        return {}
    return {"availability": availability(device.availability), "availability_mode": "all"}


def _origin(settings: MqttSettings) -> Json:
    return {"name": "apcbridge", "sw_version": settings.version}


def _bridge_object_id(settings: MqttSettings) -> str:
    return f"apcbridge_bridge_{slug(settings.bridge_id)}"


def _describe_pdu(settings: MqttSettings, snapshot: PduSnapshot, uid: str) -> dict[str, Json]:
    identity = snapshot.identity
    described: dict[str, Json] = {
        "identifiers": [pdu_object_id(uid)],
        "connections": [["mac", identity.mac_address]] if identity.mac_address else None,
        "name": snapshot.pdu,
        "manufacturer": "APC",
        "model": identity.model,
        "serial_number": identity.serial_number,
        "hw_version": identity.hardware_revision,
        "sw_version": identity.app_version or identity.aos_version,
        "via_device": _bridge_object_id(settings),
    }
    return {key: value for key, value in described.items() if value is not None}


def _describe_outlet(snapshot: PduSnapshot, uid: str, outlet: Outlet) -> dict[str, Json]:
    return {
        "identifiers": [f"{pdu_object_id(uid)}_outlet_{outlet.number}"],
        "name": outlet_name(outlet),
        "manufacturer": "APC",
        "model": f"Outlet {outlet.number} of {snapshot.pdu}",
        "via_device": pdu_object_id(uid),
    }


def _shorten(value: Json) -> Json:
    if isinstance(value, str):  # most are, and the check below is slow
        return value
    if isinstance(value, Mapping):
        return {_SHORT.get(key, key): _shorten(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    return value
