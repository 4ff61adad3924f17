"""Another client, another bridge, on the topics of ours; real mosquitto."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from apcbridge.mqtt.settings import MqttProtocol

from .mqtt_world import Mosquitto, Observer, World, assert_equal_to_store, running, settings_for, settled, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.debian

AVAILABILITY = "apcbridge/pdu1/availability"
STATE = "apcbridge/pdu1/outlet/3/state"


def accused(world: World) -> bool:
    return AVAILABILITY in str(world.bridge.health()["problems"])


async def test_two_bridges_with_a_pdu_of_the_same_id_say_so(
    broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = settings_for(broker.port, tmp_path, client_id="one", bridge_id="rack-a", state_file=tmp_path / "one.json")
    two = replace(one, client_id="two", bridge_id="rack-b", state_file=tmp_path / "two.json")
    async with running(one) as first:
        await settled(broker.port, first)
        assert first.bridge.health()["status"] == "ok"
        async with running(two) as second:
            await until(lambda: accused(first), "the first hears the second")
            await until(lambda: accused(second), "and the second the first")
            assert first.bridge.health()["status"] == "degraded"
    assert sum("a second bridge" in message for message in caplog.messages) == 2, "each says it once"


async def test_a_farewell_of_another_bridge_is_no_false_offline(broker: Mosquitto, tmp_path: Path) -> None:
    old = settings_for(broker.port, tmp_path, client_id="old", state_file=tmp_path / "old.json")
    new = replace(old, client_id="new", bridge_id="moved", state_file=tmp_path / "new.json")
    async with running(new) as world:
        async with running(old) as leaving:
            await settled(broker.port, leaving)
            await until(lambda: accused(world) and accused(leaving), "each has heard the other")
            await until(lambda: world.bridge.queued == leaving.bridge.queued == 0, "and has answered")
        with Observer(broker.port) as observer:
            await until(lambda: observer.last(AVAILABILITY) == b"online", "the one that stays is there")
            assert world.bridge.connected


async def test_what_somebody_wrote_over_is_put_right(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    async with running(settings) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say(STATE, "OFF", retain=True)
            observer.say(AVAILABILITY, "", retain=True)
            await until(lambda: observer.last(STATE) == b"ON", "the state is ours again")
            await until(lambda: observer.last(AVAILABILITY) == b"online", "and so is the availability")
        assert not accused(world), "to clear a topic is not to claim it"
        assert_equal_to_store(broker.port, world)


async def test_our_own_echo_in_3_is_nobody_else(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path, protocol=MqttProtocol.V311)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say("homeassistant/status", "online")
            await until(lambda: len(observer.on(AVAILABILITY)) > 1, "it is said again")
        assert not accused(world)
