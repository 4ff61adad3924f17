"""The bridge goes on with other settings: what stays the same is not disturbed, what waits is not lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import PduRules
from apcbridge.facts import PduView
from apcbridge.model import OutletState, Policy
from apcbridge.mqtt.settings import BrokerAddress, DiscoveryMode, HomeAssistantSettings, MqttProtocol
from tests.ports import free_port

from .mqtt_world import (
    CLOCK,
    Mosquitto,
    Observer,
    World,
    assert_equal_to_store,
    password_file,
    retained_at,
    running,
    settings_for,
    settled,
    snapshot,
    status,
    until,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.debian

STATE = "apcbridge/bridge/rack-a/state"
OUTLET = "apcbridge/pdu1/outlet/2"
DEVICE = "homeassistant/device/apcbridge_za0401001234/config"


def connects(world: World) -> object:
    """Return how many connections there have been."""
    mqtt = world.bridge.health()["mqtt"]
    assert isinstance(mqtt, dict)
    return mqtt["connects"]


async def test_a_policy_changes_on_the_connection_that_is_there(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    async with running(settings) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say(f"{OUTLET}/set", "OFF", ResponseTopic="asker/7")
            await until(world.door.waiting)
            seen = len(observer.seen)
            view = PduView(policies={2: Policy.READ_ONLY})
            world.settings = replace(settings, pdus={"pdu1": view})
            await world.bridge.adopt(world.settings)
            await until(lambda: b"binary_sensor" in (observer.last(DEVICE) or b""), "the switch becomes a sensor")
            world.door.finish()
            world.set_outlet(2, OutletState.OFF)
            await until(lambda: observer.last("asker/7") and b"confirmed" in (observer.last("asker/7") or b""))
            await until(lambda: observer.last(f"{OUTLET}/state") == b"OFF")
            assert [m.topic for m in list(observer.seen)[seen:] if m.topic.startswith("homeassistant/")] == [DEVICE]
            assert STATE not in [m.topic for m in list(observer.seen)[seen:]]
        assert connects(world) == 1
        assert_equal_to_store(broker.port, world)


async def test_a_pdu_comes_and_goes_on_the_connection_that_is_there(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    both = replace(settings, pdus={**settings.pdus, "pdu2": PduView()})
    second = "apcbridge/pdu2/outlet/5"
    async with running(settings) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            world.store.replace(status(snapshot("pdu2", serial="ZA2")))
            world.door.arbiter.configure({"pdu1": PduRules(), "pdu2": PduRules()}, CLOCK.wall())
            await world.bridge.adopt(both)
            await until(lambda: observer.last(f"{second}/state") == b"ON")
            observer.say(f"{second}/set", "OFF")
            await until(lambda: world.door.waiting("pdu2"), "a command for the new PDU")
            await world.bridge.adopt(settings)
            world.store.remove("pdu2")
            await until(lambda: not any("pdu2" in topic for topic in retained_at(broker.port)), "nothing is left")
            observer.say(f"{second}/set", "ON")
            observer.say(f"{OUTLET}/set", "OFF")
            await until(world.door.waiting)
        assert connects(world) == 1
        assert_equal_to_store(broker.port, world)


async def test_another_login_at_the_same_broker_shows_no_offline(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path, protocol=MqttProtocol.V5)
    async with running(settings) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            await until(lambda: observer.last(STATE) == b"online")
            await world.bridge.adopt(replace(settings, username="another"))
            await until(lambda: len(observer.on(STATE)) == 2)
            assert [m.payload for m in observer.on(STATE)] == [b"online", b"online"]
            assert b"offline" not in [m.payload for m in observer.on("apcbridge/pdu1/availability")]
        assert connects(world) == 2


async def test_a_login_that_is_refused_after_all_leaves_no_false_online(tmp_path: Path) -> None:
    passwords = password_file(tmp_path, someone="right")
    with Mosquitto(tmp_path, "allow_anonymous true", f"password_file {passwords}") as broker:
        settings = settings_for(broker.port, tmp_path, protocol=MqttProtocol.V5)
        async with running(settings) as world:
            await settled(broker.port, world)
            with Observer(broker.port) as observer:
                await until(lambda: observer.last(STATE) == b"online")
                await world.bridge.adopt(replace(settings, username="someone", password="wrong"))
                await until(lambda: observer.last(STATE) == b"offline", "the will of the connection before")


async def test_another_broker_gets_everything_and_the_first_a_farewell(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as first, Mosquitto(tmp_path) as second:
        settings = settings_for(first.port, tmp_path)
        async with running(settings) as world:
            await settled(first.port, world)
            await world.bridge.adopt(replace(settings, broker=BrokerAddress("127.0.0.1", second.port)))
            await settled(second.port, world)
            assert_equal_to_store(second.port, world)
            assert retained_at(first.port)[STATE] == b"offline"
            assert retained_at(first.port)["apcbridge/pdu1/availability"] == b"offline"


async def test_a_corrected_address_is_tried_at_once(
    broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apcbridge.mqtt.backoff.FIRST_S", 3600.0)
    monkeypatch.setattr("apcbridge.mqtt.backoff.UNREACHABLE_MAX_S", 3600.0)
    async with running(settings_for(free_port(), tmp_path)) as world:
        await until(lambda: any("next attempt in" in m for m in caplog.messages), "it waits for an hour")
        await world.bridge.adopt(settings_for(broker.port, tmp_path))
        await settled(broker.port, world)


async def test_home_assistant_turned_off_clears_its_documents(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    async with running(settings) as world:
        await settled(broker.port, world)
        off = replace(settings, homeassistant=HomeAssistantSettings(discovery=DiscoveryMode.OFF))
        await world.bridge.adopt(off)
        await until(lambda: not [t for t in retained_at(broker.port) if t.startswith("homeassistant/")])
        await world.bridge.adopt(settings)
        await until(lambda: DEVICE in retained_at(broker.port))
        assert connects(world) == 1
