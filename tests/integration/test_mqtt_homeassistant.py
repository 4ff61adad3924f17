"""What Home Assistant is told over a real broker when the way of telling changes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from apcbridge.facts import PduView
from apcbridge.model import Policy
from apcbridge.mqtt.settings import DiscoveryMode, HomeAssistantSettings

from .mqtt_world import Mosquitto, Observer, retained_at, running, settings_for, settled, snapshot, status, until

if TYPE_CHECKING:
    from pathlib import Path

    from apcbridge.mqtt.settings import MqttSettings

pytestmark = pytest.mark.debian

DEVICE = "homeassistant/device/apcbridge_za0401001234/config"
SWITCH = "homeassistant/switch/apcbridge_za0401001234/outlet_1/config"
STATE = "apcbridge/bridge/rack-a/state"


def speaking(settings: MqttSettings, mode: DiscoveryMode) -> MqttSettings:
    return replace(settings, homeassistant=HomeAssistantSettings(discovery=mode))


async def once(settings: MqttSettings, broker: Mosquitto) -> list[tuple[str, bytes]]:
    """Run a bridge until it has said everything; return what was said live, in order."""
    with Observer(broker.port) as observer:
        async with running(settings) as world:
            await until(lambda: [m for m in observer.on(STATE) if not m.retained and m.payload == b"online"])
            await settled(broker.port, world)
            return [(m.topic, m.payload) for m in observer.seen if not m.retained]


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        (DiscoveryMode.DEVICE, DiscoveryMode.COMPONENT, DEVICE, SWITCH),
        (DiscoveryMode.COMPONENT, DiscoveryMode.DEVICE, SWITCH, DEVICE),
    ],
)
async def test_entities_move_between_the_two_forms(
    broker: Mosquitto, tmp_path: Path, before: DiscoveryMode, after: DiscoveryMode, old: str, new: str
) -> None:
    settings = settings_for(broker.port, tmp_path)
    await once(speaking(settings, before), broker)
    said = await once(speaking(settings, after), broker)
    on_old = [payload for topic, payload in said if topic == old]
    assert [json.loads(p) if p else None for p in on_old] == [{"migrate_discovery": True}, None]
    order = [topic for topic, _ in said]
    assert order.index(old) < order.index(new) < len(order) - 1 - order[::-1].index(old)
    held = retained_at(broker.port)
    assert old not in held
    assert new in held
    again = await once(speaking(settings, after), broker)
    assert old not in [topic for topic, _ in again], "it happens once"


async def test_off_clears_what_was_announced(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    await once(settings, broker)
    assert [t for t in retained_at(broker.port) if t.startswith("homeassistant/")]
    await once(speaking(settings, DiscoveryMode.OFF), broker)
    assert not [t for t in retained_at(broker.port) if t.startswith("homeassistant/")]


async def test_an_outlet_made_read_only_loses_its_switch_by_name(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    await once(settings, broker)
    guarded = replace(settings, pdus={"pdu1": PduView(policies=dict.fromkeys(range(1, 9), Policy.READ_ONLY))})
    async with running(guarded) as world:
        with Observer(broker.port) as observer:
            await until(lambda: observer.on(DEVICE) and b'"outlet_1_power"' in observer.on(DEVICE)[-1].payload)
            world.store.replace(status(snapshot(seq=2)))
            await until(lambda: b'"outlet_1":' not in observer.on(DEVICE)[-1].payload)
            documents = [m.json()["cmps"] for m in observer.on(DEVICE)]
    gone = [d["outlet_1"] for d in documents if isinstance(d, dict) and "outlet_1" in d]
    assert {"p": "switch"} in gone or retained_at(broker.port)[DEVICE].count(b"outlet_1_power") == 1


async def test_a_base_topic_that_changed_leaves_nothing_behind(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    await once(settings, broker)
    moved = replace(settings, base_topic="power")
    async with running(moved) as world:
        with Observer(broker.port) as observer:
            await until(lambda: observer.last("power/bridge/rack-a/state") == b"online")
        await until(lambda: world.bridge.connected)
        await until(lambda: not [t for t in retained_at(broker.port) if t.startswith("apcbridge/pdu1")])


async def test_a_bridge_with_another_id_leaves_nothing_of_its_old_one(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    await once(settings, broker)
    async with running(replace(settings, bridge_id="rack-b")):
        with Observer(broker.port) as observer:
            await until(lambda: observer.last("apcbridge/bridge/rack-b/state") == b"online")
        await until(lambda: not [t for t in retained_at(broker.port) if "rack-a" in t or "rack_a" in t])


async def test_a_serial_number_that_turns_up_later_changes_no_identity(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    nameless = "homeassistant/device/apcbridge_rack_a_pdu1/config"
    async with running(settings, status(snapshot(serial=None))) as world:
        await settled(broker.port, world)
        assert nameless in retained_at(broker.port)
    async with running(settings, status(snapshot())) as world:
        await settled(broker.port, world)
        held = retained_at(broker.port)
    assert nameless in held
    assert DEVICE not in held


async def test_another_unit_at_the_same_port_is_another_device(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    await once(settings, broker)
    async with running(settings, status(snapshot(serial="QA1234567890"))) as world:
        await settled(broker.port, world)
        held = retained_at(broker.port)
    assert "homeassistant/device/apcbridge_qa1234567890/config" in held
    assert DEVICE not in held


async def test_a_renamed_pdu_is_the_device_it_was(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    await once(settings, broker)
    renamed = replace(settings, pdus={"cellar": PduView()})
    with Observer(broker.port) as observer:
        async with running(renamed, status(replace(snapshot(), pdu="cellar"))) as world:
            await settled(broker.port, world)
            await until(lambda: not [t for t in retained_at(broker.port) if t.startswith("apcbridge/pdu1")])
            held = retained_at(broker.port)
        assert all(m.payload for m in observer.on(DEVICE)), "its entities never go"
    assert [t for t in held if t.startswith("homeassistant/device/apcbridge_za")] == [DEVICE]
    assert b"apcbridge/cellar/outlet/1/set" in held[DEVICE]


async def test_outlets_as_devices_of_their_own(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    own = replace(settings, homeassistant=HomeAssistantSettings(outlet_devices=True))
    async with running(own) as world:
        await settled(broker.port, world)
        held = retained_at(broker.port)
    document = json.loads(held["homeassistant/device/apcbridge_za0401001234_outlet_3/config"])
    assert document["dev"]["name"] == "nas"
    assert document["dev"]["via_device"] == "apcbridge_za0401001234"
    assert document["cmps"]["outlet_3"]["name"] is None
    assert "outlet_3" not in json.loads(held[DEVICE])["cmps"]
