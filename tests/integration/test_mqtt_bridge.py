"""The bridge against a real mosquitto, in fair weather."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from apcbridge.commands import ResultStatus
from apcbridge.model import Action, Event, EventType, LinkState, OutletState, Setting
from apcbridge.mqtt.client import close_socket, make_client, reach
from apcbridge.mqtt.settings import MqttProtocol

from .mqtt_world import (
    CLOCK,
    PROTOCOLS,
    Mosquitto,
    Observer,
    assert_equal_to_store,
    retained_at,
    running,
    settings_for,
    settled,
    snapshot,
    status,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from apcbridge.facts import Json
    from apcbridge.mqtt.requests import JsonValue

pytestmark = pytest.mark.debian

STATE = "apcbridge/bridge/rack-a/state"
OUTLET = "apcbridge/pdu1/outlet/2"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_everything_is_on_the_broker_and_online_comes_last(
    broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol
) -> None:
    with Observer(broker.port) as observer:
        async with running(settings_for(broker.port, tmp_path, protocol=protocol)) as world:
            await until(lambda: observer.last(STATE) == b"online")
            order = [m.topic for m in observer.seen]
            assert_equal_to_store(broker.port, world)
    first_state, availability = order.index(f"{OUTLET}/state"), order.index("apcbridge/pdu1/availability")
    assert order.index("homeassistant/device/apcbridge_za0401001234/config") < first_state < availability
    assert availability < order.index(STATE)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_command_is_answered_twice_and_its_state_published(
    broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol
) -> None:
    async with running(settings_for(broker.port, tmp_path, protocol=protocol)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say(f"{OUTLET}/set", "OFF")
            await until(lambda: observer.on(f"{OUTLET}/result"))
            (command,) = world.door.waiting()
            assert (command.action, command.outlet, command.pdu) == (Action.OFF, 2, "pdu1")
            assert command.deadline_mono - command.received_mono == pytest.approx(20.0)
            assert observer.last(f"{OUTLET}/state") == b"ON", "never before the console has shown it"
            world.set_outlet(2, OutletState.OFF)
            world.door.finish()
            await until(lambda: len(observer.on(f"{OUTLET}/result")) == 2)
            results = [m.json() for m in observer.on(f"{OUTLET}/result")]
            await until(lambda: observer.last(f"{OUTLET}/state") == b"OFF")
            await until(lambda: b'"confirmed"' in (observer.last(OUTLET) or b""))
    assert [r["status"] for r in results] == ["accepted", "confirmed"]
    assert {r["id"] for r in results} == {command.id}
    assert all(r["command"] == "OFF" and r["outlet"] == 2 for r in results)


async def test_id_and_ttl_are_taken_and_an_id_acts_once(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            for _ in range(3):
                observer.say(f"{OUTLET}/set", json.dumps({"command": "REBOOT", "id": "job-7", "ttl": 5}))
            await until(lambda: len(observer.on(f"{OUTLET}/result")) == 3)
            (command,) = world.door.waiting()
            statuses = [m.json()["status"] for m in observer.on(f"{OUTLET}/result")]
    assert statuses == ["accepted", "duplicate", "duplicate"]
    assert command.id == "job-7"
    assert command.deadline_mono - command.received_mono == pytest.approx(5.0)


@pytest.mark.parametrize(
    "payload",
    ["", "off", "OFF ", "OFF\n", "FALSE", "0", '"OFF"', "{}", '{"command":"off"}', '{"command":"OFF","x":1}',
     b"\xff\xfe", b"O\0FF", "OFF" * 1000, '{"command":"OFF","ttl":0}', '{"command":"OFF","ttl":true}',
     '{"command":"OFF","id":""}', "[" * 900],
)  # fmt: skip
async def test_anything_but_the_exact_words_never_acts(broker: Mosquitto, tmp_path: Path, payload: str | bytes) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say(f"{OUTLET}/set", payload)
            observer.say("apcbridge/pdu1/outlet/3/set", "ON")
            await until(world.door.waiting)
            (command,) = world.door.waiting()
            assert command.outlet == 3
            if payload:
                await until(lambda: observer.on(f"{OUTLET}/result"))
                assert observer.on(f"{OUTLET}/result")[0].json()["status"] == "refused"
            else:
                assert not observer.on(f"{OUTLET}/result")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_command_retained_from_before_never_acts(
    broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol
) -> None:
    with Observer(broker.port) as observer:
        observer.say(f"{OUTLET}/set", "OFF", retain=True)
        async with running(settings_for(broker.port, tmp_path, protocol=protocol)) as world:
            await settled(broker.port, world)
            if protocol is MqttProtocol.V311:  # 5 does not even send them to us
                await until(lambda: observer.on(f"{OUTLET}/result"), "it is reported")
                assert observer.on(f"{OUTLET}/result")[0].json()["status"] == "refused"
                await until(lambda: f"{OUTLET}/set" not in retained_at(broker.port), "it is cleared")
            observer.say("apcbridge/pdu1/outlet/3/set", "ON")
            await until(world.door.waiting)
            assert [c.outlet for c in world.door.waiting()] == [3]


async def test_a_command_sent_with_the_retain_flag_is_refused_and_cleared(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path, protocol=MqttProtocol.V5)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say(f"{OUTLET}/set", "OFF", retain=True)
            await until(lambda: observer.on(f"{OUTLET}/result"))
            assert "retain" in str(observer.on(f"{OUTLET}/result")[0].json()["detail"])
            await until(lambda: f"{OUTLET}/set" not in retained_at(broker.port))
            assert not world.door.waiting()


async def test_the_asker_is_answered_on_its_response_topic(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say(f"{OUTLET}/set", "OFF", ResponseTopic="client/7/reply", CorrelationData=b"\x00\x07")
            await until(world.door.waiting)
            world.door.finish(status_=ResultStatus.FAILED)
            await until(lambda: len(observer.on("client/7/reply")) == 2)
    answers = observer.on("client/7/reply")
    assert [a.json()["status"] for a in answers] == ["accepted", "failed"]
    assert {a.correlation for a in answers} == {b"\x00\x07"}


@pytest.mark.parametrize(
    "response",
    ["apcbridge/pdu1/outlet/1/set", "apcbridge/pdu1/outlet/2/state", "apcbridge", "homeassistant/status", "$SYS/x"],
)
async def test_a_response_topic_that_would_loop_refuses_the_command(
    broker: Mosquitto, tmp_path: Path, response: str
) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say(f"{OUTLET}/set", "OFF", ResponseTopic=response)
            await until(lambda: observer.on(f"{OUTLET}/result"))
            assert observer.on(f"{OUTLET}/result")[0].json()["status"] == "refused"
            assert not world.door.waiting()


async def test_settings_of_an_outlet_become_commands(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say(f"{OUTLET}/config/name/set", "web server")
            observer.say(f"{OUTLET}/config/on_delay/set", "-1")
            observer.say(f"{OUTLET}/config/reboot_duration/set", "61")
            await until(lambda: len(observer.on(f"{OUTLET}/result")) == 3)
            found = [(c.action, c.value) for c in world.door.waiting()]
    assert found == [(Setting.NAME, "web server"), (Setting.ON_DELAY, -1)]
    assert [m.json()["status"] for m in observer.on(f"{OUTLET}/result")] == ["accepted", "accepted", "refused"]


async def test_all_outlets_at_once_only_where_it_is_allowed(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say("apcbridge/pdu1/outlet/all/set", "OFF")
            await until(lambda: observer.on("apcbridge/pdu1/outlet/all/result"))
            assert observer.on("apcbridge/pdu1/outlet/all/result")[0].json()["status"] == "refused"
            assert not world.door.waiting()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_age_alone_makes_a_pdu_unavailable(broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol) -> None:
    reading = status(snapshot(), stale_after_s=1.5)
    with Observer(broker.port) as observer:
        async with running(settings_for(broker.port, tmp_path, protocol=protocol), reading) as world:
            await until(lambda: observer.last("apcbridge/pdu1/availability") == b"online")
            await until(lambda: observer.last("apcbridge/pdu1/availability") == b"offline")
            assert CLOCK.monotonic() - snapshot_mono(reading.snapshot) >= 1.5
            assert retained_at(broker.port)[f"{OUTLET}/state"] == b"ON", "the last value stays, marked offline"
            world.store.replace(status(snapshot(seq=2)))
            await until(lambda: observer.last("apcbridge/pdu1/availability") == b"online")
            world.store.replace(status(snapshot(seq=3), LinkState.SILENT))
            await until(lambda: observer.last("apcbridge/pdu1/availability") == b"offline")


def snapshot_mono(reading: object) -> float:
    taken = getattr(reading, "taken_mono", None)
    assert isinstance(taken, float)
    return taken


async def test_an_unchanged_reading_publishes_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            for seq in range(2, 12):
                world.store.replace(status(replace(snapshot(seq=seq))))
                await asyncio.sleep(0)
            world.set_outlet(5, OutletState.OFF)
            await until(lambda: observer.last("apcbridge/pdu1/outlet/5/state") == b"OFF")
            await until(lambda: b"OFF" in (observer.last("apcbridge/pdu1/outlet/5") or b""))
    topics = {m.topic for m in observer.seen if not m.retained}
    assert topics == {"apcbridge/pdu1/outlet/5/state", "apcbridge/pdu1/outlet/5"}


async def test_an_event_is_told_once(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            details: dict[str, str | int | float | bool | None] = {"evidence": "up time went back", "id": "not this"}
            world.store.append(
                Event(id="ev-1", pdu="pdu1", type=EventType.WATCHDOG_REBOOT, at=1_700_000_000.0, details=details)
            )
            world.set_outlet(1, OutletState.OFF)
            await until(lambda: observer.last("apcbridge/pdu1/outlet/1/state") == b"OFF")
            await until(lambda: observer.on("apcbridge/pdu1/event"))
            (event,) = observer.on("apcbridge/pdu1/event")
    assert event.json() == {
        "id": "ev-1",
        "event_type": "watchdog_reboot",
        "pdu": "pdu1",
        "ts": "2023-11-14T22:13:20.000Z",
        "evidence": "up time went back",
    }
    assert not event.retained


async def test_home_assistants_birth_is_answered_with_everything(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            await until(lambda: observer.last(STATE) == b"online")
            before = len(observer.seen)
            born = time.monotonic()
            observer.say("homeassistant/status", "online")
            await until(lambda: any(m.topic == STATE for m in observer.seen[before:]))
            assert time.monotonic() - born > 0.9, "a house full of bridges must not answer at once"
            again = {m.topic for m in observer.seen[before:]}
    assert {"homeassistant/device/apcbridge_za0401001234/config", f"{OUTLET}/state", STATE} <= again


async def test_requests_are_answered(broker: Mosquitto, tmp_path: Path) -> None:
    refreshed = []

    async def refresh(arguments: Mapping[str, JsonValue]) -> Mapping[str, Json]:
        refreshed.append(arguments)
        return {"pdus": 1}

    def answer(observer: Observer, verb: str) -> dict[str, object]:
        return observer.on(f"apcbridge/bridge/rack-a/response/{verb}")[-1].json()

    async with running(settings_for(broker.port, tmp_path), verbs={"refresh": refresh}) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            for verb, payload in (
                ("health_check", '{"transaction":"t1"}'),
                ("refresh", ""),
                ("ha_remove", '{"pdu":"pdu1"}'),
                ("ha_remove", '{"pdu":"other","transaction":5}'),
                ("fly", "{}"),
                ("reload", "nonsense"),
            ):
                observer.say(f"apcbridge/bridge/rack-a/request/{verb}", payload)
            await until(lambda: observer.on("apcbridge/bridge/rack-a/response/fly"))
            health = answer(observer, "health_check")
            assert health["transaction"] == "t1"
            assert health["status"] == "ok"
            assert answer(observer, "refresh")["data"] == {"pdus": 1}
            assert refreshed == [{}]
            assert answer(observer, "ha_remove")["status"] == "error"
            assert answer(observer, "ha_remove")["transaction"] == 5
            assert answer(observer, "fly")["status"] == "error"
            config = "homeassistant/device/apcbridge_za0401001234/config"
            await until(lambda: config not in retained_at(broker.port), "the PDU leaves Home Assistant")
            observer.say("apcbridge/bridge/rack-a/request/rediscover", "{}")
            await until(lambda: config in retained_at(broker.port), "and comes back when asked to")
            await until(lambda: observer.on("apcbridge/bridge/rack-a/event"), "nonsense is reported")
            assert not observer.on("apcbridge/bridge/rack-a/response/reload")


async def test_no_packet_waits_for_the_acknowledgement_of_the_one_before(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    client = make_client(settings, MQTTProtocolVersion.MQTTv5, "will")
    await reach(client, settings, MQTTProtocolVersion.MQTTv5)
    try:
        sock = client.socket()
        assert isinstance(sock, socket.socket)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        close_socket(client)


async def test_the_log_says_as_much_as_asked_for(
    broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("apcbridge")
    before = logger.level
    try:
        async with running(settings_for(broker.port, tmp_path)) as world:
            await settled(broker.port, world)
            with Observer(broker.port) as observer:

                async def ask(verb: str, payload: str) -> dict[str, object]:
                    answers = f"apcbridge/bridge/rack-a/response/{verb}"
                    asked = len(observer.on(answers))
                    observer.say(f"apcbridge/bridge/rack-a/request/{verb}", payload)
                    await until(lambda: len(observer.on(answers)) > asked)
                    return observer.on(answers)[-1].json()

                assert (await ask("log_level", '{"level":"error"}'))["data"] == {"level": "error"}
                await ask("health_check", "")
                assert "MQTT: request health_check" not in caplog.messages
                assert (await ask("log_level", '{"level":"loud"}'))["status"] == "error"
                await ask("log_level", '{"level":"info"}')
                await ask("health_check", "")
                assert "MQTT: request health_check" in caplog.messages
    finally:
        logger.setLevel(before)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_request_retained_from_before_never_acts(
    broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol
) -> None:
    request, asked = "apcbridge/bridge/rack-a/request", []

    async def refresh(arguments: Mapping[str, JsonValue]) -> Mapping[str, Json]:
        asked.append(arguments)
        return {}

    settings = settings_for(broker.port, tmp_path, protocol=protocol)
    with Observer(broker.port) as observer:
        observer.say(f"{request}/refresh", "{}", retain=True)
        async with running(settings, verbs={"refresh": refresh}) as world:
            await settled(broker.port, world)
            if protocol is MqttProtocol.V311:  # 5 does not even send them to us
                await until(lambda: f"{request}/refresh" not in retained_at(broker.port), "it is cleared")
            observer.say(f"{request}/health_check", "")
            await until(lambda: observer.on("apcbridge/bridge/rack-a/response/health_check"), "what came after it acts")
        assert asked == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stop_says_offline_and_leaves_no_will(
    broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol
) -> None:
    with Observer(broker.port) as observer:
        async with running(settings_for(broker.port, tmp_path, protocol=protocol)) as world:
            await until(lambda: observer.last(STATE) == b"online")
            begun = time.monotonic()
            await world.stop()
            assert time.monotonic() - begun < 5.0
        await until(lambda: observer.last(STATE) == b"offline")
        assert observer.last("apcbridge/pdu1/availability") == b"offline"
        held = retained_at(broker.port)
        assert [m.payload for m in observer.on(STATE)] == [b"online", b"offline"]
    assert held[STATE] == b"offline"


async def test_a_request_that_ends_the_bridge_is_answered(broker: Mosquitto, tmp_path: Path) -> None:
    async def reload(_arguments: Mapping[str, JsonValue]) -> Mapping[str, Json]:
        world.task.cancel()
        return {}

    async with running(settings_for(broker.port, tmp_path), verbs={"reload": reload}) as world:
        await settled(broker.port, world)
        with Observer(broker.port) as observer:
            observer.say("apcbridge/bridge/rack-a/request/reload", '{"transaction":7}')
            await until(lambda: observer.on("apcbridge/bridge/rack-a/response/reload"))
            assert observer.on("apcbridge/bridge/rack-a/response/reload")[0].json()["transaction"] == 7
            await until(world.task.done)


async def test_what_is_gone_from_the_configuration_is_cleared(broker: Mosquitto, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path)
    both = replace(settings, pdus={**settings.pdus, "pdu2": settings.pdus["pdu1"]})
    async with running(both, status(snapshot()), status(snapshot("pdu2", serial="ZA0402005678"))) as world:
        await settled(broker.port, world)
    assert any("pdu2" in topic for topic in retained_at(broker.port))
    async with running(settings, status(snapshot(outlets=4))) as world:
        await settled(broker.port, world)
        await until(lambda: not [t for t in retained_at(broker.port) if "pdu2" in t or "/outlet/5" in t])
        assert_equal_to_store(broker.port, world)
        held = retained_at(broker.port)
        assert not [t for t in held if "pdu2" in t or "za0402005678" in t]
        assert not [t for t in held if "/outlet/5" in t]
