"""The bridge against a broker that dies, freezes, refuses, and against its own sudden death."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop

from apcbridge.model import Event, EventType, OutletState
from apcbridge.mqtt.settings import BrokerAddress, MqttProtocol, TlsSettings, Transport
from tests.ports import free_port

from .mqtt_world import (
    CLOCK,
    PROTOCOLS,
    Mosquitto,
    Observer,
    assert_equal_to_store,
    password_file,
    retained_at,
    running,
    settings_for,
    settled,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.debian

STATE = "apcbridge/bridge/rack-a/state"
OUTLET = "apcbridge/pdu1/outlet/2"


def event(number: int) -> Event:
    return Event(id=f"ev-{number}", pdu="pdu1", type=EventType.LINK_LOST, at=CLOCK.wall())


async def start_victim(port: int, folder: Path, protocol: MqttProtocol) -> asyncio.subprocess.Process:
    module = ("-m", "tests.integration.mqtt_victim")
    return await asyncio.create_subprocess_exec(sys.executable, *module, str(port), folder, protocol.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_after_a_kill_the_last_will_tells(broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol) -> None:
    with Observer(broker.port) as observer:
        victim = await start_victim(broker.port, tmp_path, protocol)
        try:
            await until(lambda: observer.last(STATE) == b"online")
        finally:
            victim.kill()
            await victim.wait()
        await until(lambda: observer.last(STATE) == b"offline", "the will is published")
        assert retained_at(broker.port)[STATE] == b"offline"


async def test_a_quick_return_shows_no_false_offline(broker: Mosquitto, tmp_path: Path) -> None:
    with Observer(broker.port) as observer:
        victim = await start_victim(broker.port, tmp_path, MqttProtocol.V5)
        try:
            await until(lambda: observer.last(STATE) == b"online")
        finally:
            victim.kill()
            await victim.wait()
        async with running(settings_for(broker.port, tmp_path, protocol=MqttProtocol.V5)):
            await until(lambda: len(observer.on(STATE)) > 1)
            assert [m.payload for m in observer.on(STATE)] == [b"online", b"online"]


async def meanwhile(observer: Observer, event_id: str) -> None:
    await until(lambda: observer.last(STATE) == b"online")
    await until(lambda: observer.on("apcbridge/pdu1/event"), "what happened meanwhile is told")
    assert [m.json()["id"] for m in observer.on("apcbridge/pdu1/event")] == [event_id]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_broker_that_lost_everything_gets_everything(
    broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol
) -> None:
    async with running(settings_for(broker.port, tmp_path, protocol=protocol)) as world:
        await settled(broker.port, world)
        for round_ in range(3):
            broker.kill()
            await until(lambda: not world.bridge.connected, "the loss is noticed")
            world.set_outlet(2, OutletState.OFF if round_ % 2 else OutletState.ON)
            world.store.append(event(round_))
            broker.start()
            with Observer(broker.port) as observer:
                await meanwhile(observer, f"ev-{round_}")
            assert_equal_to_store(broker.port, world)
        assert not world.door.waiting()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_frozen_broker_is_left_and_found_again(
    broker: Mosquitto, tmp_path: Path, protocol: MqttProtocol
) -> None:
    async with running(settings_for(broker.port, tmp_path, keepalive_s=1, protocol=protocol)) as world:
        await settled(broker.port, world)
        broker.signal(signal.SIGSTOP)
        try:
            world.set_outlet(2, OutletState.OFF)
            world.store.append(event(1))
            await until(lambda: not world.bridge.connected, "the freeze is noticed")
            world.set_outlet(3, OutletState.OFF)
        finally:
            broker.signal(signal.SIGCONT)
        await until(lambda: world.bridge.connected)
        with Observer(broker.port) as observer:
            await until(lambda: observer.last(STATE) == b"online" and observer.last(f"{OUTLET}/state") == b"OFF")
            await until(lambda: observer.last("apcbridge/pdu1/outlet/3/state") == b"OFF")
        assert_equal_to_store(broker.port, world)
        assert not world.door.waiting()


async def test_a_stop_while_the_broker_is_frozen_takes_a_second(broker: Mosquitto, tmp_path: Path) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await settled(broker.port, world)
        broker.signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(10):
                await world.stop()
        finally:
            broker.signal(signal.SIGCONT)
        assert world.task.done()


@pytest.mark.parametrize("steps", range(8))
async def test_a_stop_at_the_moment_of_a_loss_is_a_stop(broker: Mosquitto, tmp_path: Path, steps: int) -> None:
    async with running(settings_for(broker.port, tmp_path)) as world:
        await until(lambda: world.bridge.connected)
        connection = world.bridge._connection
        assert connection is not None
        connection.abort()
        for _ in range(steps):
            await asyncio.sleep(0)
        world.task.cancel()
        await asyncio.wait([world.task], timeout=10)
        assert world.task.cancelled()


async def test_no_broker_at_first_then_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    async with running(settings_for(port, tmp_path)) as world:
        await until(lambda: any("cannot connect" in m for m in caplog.messages))
        with Mosquitto(tmp_path, port=port):
            await settled(port, world)
            assert_equal_to_store(port, world)
    assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1, "once per reason"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_refused_login_is_said_plainly_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, protocol: MqttProtocol
) -> None:
    passwords = password_file(tmp_path, bridge="another")
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}") as broker:
        settings = settings_for(broker.port, tmp_path, username="bridge", password="canary-7153", protocol=protocol)
        async with running(settings) as world:
            await until(lambda: any("user bridge" in m for m in caplog.messages))
            assert not world.bridge.connected
            password_file(tmp_path, bridge="canary-7153")
            broker.signal(signal.SIGHUP)
            await until(lambda: world.bridge.connected)
            with Observer(broker.port, username="bridge", password="canary-7153") as observer:
                await until(lambda: observer.last(STATE) == b"online")
    assert "canary" not in caplog.text


async def test_topics_that_the_broker_denies_are_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rights = tmp_path / "acl"
    rights.write_text("topic readwrite apcbridge/#\ntopic read homeassistant/#\n")
    with Mosquitto(tmp_path, f"acl_file {rights}") as broker:
        async with running(settings_for(broker.port, tmp_path, protocol=MqttProtocol.V5)) as world:
            await until(lambda: "publish to homeassistant/" in str(world.bridge.health()["problems"]))
            assert world.bridge.health()["status"] == "degraded"
            await until(lambda: any("does not let us publish to homeassistant/" in m for m in caplog.messages))
            await settled(broker.port, world)
            with await asyncio.to_thread(Observer, broker.port) as observer:
                health = "apcbridge/bridge/rack-a/health"
                await until(lambda: b"degraded" in (observer.last(health) or b""), "the health topic says so")


async def test_the_access_rules_of_the_documentation_suffice(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "mqtt.md").read_text()
    (rules,) = re.findall(r"^```\w*\n(user apcbridge\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    (reply,) = re.findall(r"mosquitto_rr .* -e (\S+)", page)
    rights = tmp_path / "acl"
    rights.write_text(f"{rules}\nuser jane\ntopic readwrite #\n")
    passwords = password_file(tmp_path, apcbridge="secret", jane="secret")
    access = ("allow_anonymous false", f"password_file {passwords}", f"acl_file {rights}")
    with Mosquitto(tmp_path, *access) as broker:
        settings = settings_for(broker.port, tmp_path, username="apcbridge", password="secret")
        async with running(settings) as world:
            await until(lambda: world.bridge.connected)
            with Observer(broker.port, username="jane", password="secret") as observer:
                await until(lambda: observer.last(STATE) == b"online")
                observer.say(f"{OUTLET}/set", "OFF", ResponseTopic=reply)
                await until(lambda: observer.on(reply), "the asker is answered")
            assert world.bridge.health()["problems"] == []


async def test_two_bridges_of_one_client_id_are_told_apart(
    broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(broker.port, tmp_path)
    async with running(settings) as world:
        await settled(broker.port, world)
        async with running(replace(settings, state_file=None)):
            await until(lambda: any("client id apcbridge-test" in m for m in caplog.messages))


async def test_a_broker_with_small_packets_is_told_in_small_packets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(tmp_path, "max_packet_size 3000") as broker:
        settings = settings_for(broker.port, tmp_path, protocol=MqttProtocol.V5)
        async with running(settings) as world:
            await settled(broker.port, world)
            assert_equal_to_store(broker.port, world)
            held = retained_at(broker.port)
    assert "homeassistant/switch/apcbridge_za0401001234/outlet_1/config" in held
    assert not [topic for topic in held if topic.startswith("homeassistant/device/apcbridge_za")]
    assert not [m for m in caplog.messages if "more than the broker takes" in m]


async def test_messages_larger_than_the_broker_takes_are_not_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(tmp_path, "max_packet_size 500") as broker:
        settings = settings_for(broker.port, tmp_path, protocol=MqttProtocol.V5)
        async with running(settings) as world:
            await settled(broker.port, world)
            assert world.bridge.connected
            state = "apcbridge/pdu1/outlet/1/state"
            assert retained_at(broker.port)[state] == b"ON"
            await until(
                lambda: world.bridge.health()["status"] == "degraded", "who looks for a missing topic finds why"
            )
    assert len([m for m in caplog.messages if "more than the broker takes" in m]) == 3, "not a line for each of many"


@asynccontextmanager
async def between(
    broker: Mosquitto, answer: Callable[[bytes], bytes], reply: Callable[[bytes], bytes | None]
) -> AsyncIterator[int]:
    """Stand between bridge and mosquitto: ``reply`` to the first packet instead of it, or change its ``answer``s."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.readexactly(16)
        if (instead := reply(hello)) is not None:
            writer.write(instead)
            await writer.drain()
            writer.close()
            return
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", broker.port)
        onward_writer.write(hello)
        await asyncio.gather(pump(reader, onward_writer, bytes), pump(onward_reader, writer, answer))

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], bytes]
    ) -> None:
        while data := await reader.read(4096):
            writer.write(change(data))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_broker_that_knows_only_3_is_spoken_to_in_3(broker: Mosquitto, tmp_path: Path) -> None:
    levels = []

    def refuse_five(hello: bytes) -> bytes | None:
        levels.append(hello[hello.index(b"MQTT") + 4])
        return b"\x20\x02\x00\x01" if levels[-1] == 5 else None

    async with between(broker, bytes, refuse_five) as port, running(settings_for(port, tmp_path)) as world:
        await settled(broker.port, world)
        assert_equal_to_store(broker.port, world)
        await world.stop()
    assert levels == [5, 4]


async def test_a_refused_subscription_is_said_and_shown(
    broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse_second(data: bytes) -> bytes:
        return data[:5] + b"\x80" + data[6:] if data.startswith(b"\x90") else data

    settings = settings_for(0, tmp_path, protocol=MqttProtocol.V311)
    async with (
        between(broker, refuse_second, lambda _hello: None) as port,
        running(replace(settings, broker=BrokerAddress("127.0.0.1", port))) as world,
    ):
        await until(lambda: world.bridge.health()["status"] == "degraded")
        assert "apcbridge/pdu1/outlet/+/set" in str(world.bridge.health()["problems"])
        await until(lambda: any("subscription to apcbridge/pdu1/outlet/+/set" in m for m in caplog.messages))
        await world.stop()


@pytest.mark.parametrize("tls", [False, True])
async def test_web_sockets(tmp_path: Path, *, tls: bool) -> None:
    key, cert = certificate(tmp_path, "IP:127.0.0.1")
    port = free_port()
    listener = f"listener {port} 127.0.0.1\nprotocol websockets"
    with Mosquitto(tmp_path, listener=f"{listener}\ncertfile {cert}\nkeyfile {key}" if tls else listener) as broker:
        address = BrokerAddress("127.0.0.1", port, transport=Transport.WEBSOCKETS, tls=tls)
        settings = settings_for(broker.port, tmp_path, broker=address, tls=TlsSettings(ca_file=cert))
        async with running(settings) as world:
            await settled(broker.port, world)
            with Observer(broker.port) as observer:
                observer.say(f"{OUTLET}/set", "OFF")
                await until(world.door.waiting)
            assert_equal_to_store(broker.port, world)


def certificate(folder: Path, name: str, owner: str = "broker") -> tuple[Path, Path]:
    """Make a certificate that vouches for itself."""
    key, cert = folder / f"{owner}.key", folder / f"{owner}.pem"
    subprocess.run(
        ["/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    key.chmod(0o644)
    return key, cert


async def test_tls_with_a_checked_host_name(tmp_path: Path) -> None:
    key, cert = certificate(tmp_path, "IP:127.0.0.1")
    port = free_port()
    listener = f"listener {port} 127.0.0.1\ncertfile {cert}\nkeyfile {key}"
    with Mosquitto(tmp_path, listener=listener) as broker:
        settings = settings_for(
            broker.port, tmp_path, broker=BrokerAddress("127.0.0.1", port, tls=True), tls=TlsSettings(ca_file=cert)
        )
        async with running(settings) as world:
            await settled(broker.port, world)
            with Observer(broker.port) as observer:
                for _ in range(30):
                    observer.say(f"{OUTLET}/set", '{"command":"OFF","id":"x"}')
                await until(lambda: len(observer.on(f"{OUTLET}/result")) == 30)
            assert_equal_to_store(broker.port, world)


async def test_tls_with_another_host_name_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key, cert = certificate(tmp_path, "DNS:elsewhere.example")
    port = free_port()
    listener = f"listener {port} 127.0.0.1\ncertfile {cert}\nkeyfile {key}"
    with Mosquitto(tmp_path, listener=listener):
        settings = settings_for(
            port, tmp_path, broker=BrokerAddress("127.0.0.1", port, tls=True), tls=TlsSettings(ca_file=cert)
        )
        async with running(settings) as world:
            await until(lambda: any("TLS with" in m for m in caplog.messages))
            assert not world.bridge.connected


async def test_a_broker_that_asks_who_we_are_gets_our_certificate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, cert = certificate(tmp_path, "IP:127.0.0.1")
    our_key, our_cert = certificate(tmp_path, "DNS:rack-a", "bridge")
    port = free_port()
    asking = f"cafile {our_cert}\nrequire_certificate true\nuse_identity_as_username true"
    with Mosquitto(tmp_path, listener=f"listener {port} 127.0.0.1\ncertfile {cert}\nkeyfile {key}\n{asking}") as broker:
        address = BrokerAddress("127.0.0.1", port, tls=True)
        nobody = settings_for(broker.port, tmp_path, broker=address, tls=TlsSettings(ca_file=cert))
        async with running(nobody) as world:
            await until(lambda: any(str(address) in m for m in caplog.messages), "the broker turns strangers away")
            assert not world.bridge.connected
        ours = replace(nobody, tls=TlsSettings(ca_file=cert, cert_file=our_cert, key_file=our_key))
        async with running(ours) as world:
            await settled(broker.port, world)
            assert_equal_to_store(broker.port, world)


async def test_a_certificate_that_is_not_there_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tls = TlsSettings(ca_file=tmp_path / "missing.pem")
    address = BrokerAddress("127.0.0.1", free_port(), tls=True)
    async with running(settings_for(1, tmp_path, broker=address, tls=tls)):
        await until(lambda: any("missing.pem" in m for m in caplog.messages))


@pytest.mark.parametrize("tls", [False, True])
def test_it_runs_on_uvloop(tmp_path: Path, *, tls: bool) -> None:
    async def scene() -> None:
        assert "uvloop" in type(asyncio.get_running_loop()).__module__
        key, cert = certificate(tmp_path, "IP:127.0.0.1")
        port = free_port()
        with Mosquitto(tmp_path, listener=f"listener {port} 127.0.0.1\ncertfile {cert}\nkeyfile {key}") as broker:
            address = BrokerAddress("127.0.0.1", port if tls else broker.port, tls=tls)
            settings = settings_for(broker.port, tmp_path, broker=address, tls=TlsSettings(ca_file=cert))
            async with running(settings) as world:
                await settled(broker.port, world)
                broker.kill()
                await until(lambda: not world.bridge.connected)
                broker.start()
                with Observer(broker.port) as observer:
                    await until(lambda: observer.last(STATE) == b"online")
                assert_equal_to_store(broker.port, world)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())
