"""The embedded broker, which speaks 3.1.1 only: the fallback is proved on the way."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from apcbridge.errors import ConfigError
from apcbridge.model import OutletState
from apcbridge.mqtt.embedded import EmbeddedBroker, EmbeddedSettings
from apcbridge.mqtt.settings import BrokerAddress, MqttProtocol
from tests.ports import free_port

from .mqtt_world import PROTOCOLS, Mosquitto, running, settings_for, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from apcbridge.mqtt.settings import MqttSettings

OUTLET = "apcbridge/pdu1/outlet/2"


@asynccontextmanager
async def broker(**users: str) -> AsyncIterator[int]:
    port = free_port()
    async with EmbeddedBroker(EmbeddedSettings(port=port, users=users)):
        yield port


def at(port: int, folder: Path, **changes: object) -> MqttSettings:
    return settings_for(port, folder, broker=BrokerAddress.from_url(f"embedded://127.0.0.1:{port}"), **changes)


async def said(port: int, topic: str) -> bytes:
    """Return the first message on a topic, as Debian's own client shows it; empty if there is none."""
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/mosquitto_sub", "-p", str(port), "-t", topic, "-C", "1", "-W", "20",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.strip()


async def say(port: int, topic: str, payload: str, *options: str) -> int | None:
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/mosquitto_pub", "-p", str(port), "-t", topic, "-m", payload, "-q", "1", *options,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    await process.communicate()
    return process.returncode


@pytest.mark.debian
async def test_end_to_end_with_debians_clients(tmp_path: Path) -> None:
    async with broker() as port, running(at(port, tmp_path)) as world:
        await until(lambda: world.bridge.connected)
        assert await said(port, f"{OUTLET}/state") == b"ON"
        assert await said(port, "apcbridge/bridge/rack-a/state") == b"online"
        assert await say(port, f"{OUTLET}/set", "OFF") == 0
        await until(world.door.waiting)
        world.set_outlet(2, OutletState.OFF)
        world.door.finish()
        await until(lambda: not world.door.waiting())
        assert await said(port, f"{OUTLET}/state") in {b"OFF", b"ON"}
        health = world.bridge.health()
        assert isinstance(health["mqtt"], dict)
        assert health["mqtt"]["protocol"] == "3.1.1"


@pytest.mark.debian
async def test_a_password_is_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with broker(bridge="right", guest="other") as port:
        async with running(at(port, tmp_path, username="bridge", password="wrong")) as world:
            await until(lambda: any("user bridge" in m for m in caplog.messages))
            assert not world.bridge.connected
        async with running(at(port, tmp_path, username="bridge", password="right")) as world:
            await until(lambda: world.bridge.connected)
            assert await say(port, f"{OUTLET}/set", "OFF") != 0, "nobody without a name"
            assert await say(port, f"{OUTLET}/set", "OFF", "-u", "guest", "-P", "right") != 0
            assert not world.door.waiting()
            assert await say(port, f"{OUTLET}/set", "OFF", "-u", "guest", "-P", "other") == 0
            await until(world.door.waiting)


async def test_a_setting_of_5_does_not_fall_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with broker() as port, running(at(port, tmp_path, protocol=MqttProtocol.V5)) as world:
        await until(lambda: any("127.0.0.1" in m for m in caplog.messages))
        assert not world.bridge.connected


@pytest.mark.debian
async def test_a_restarted_bridge_wipes_out_nothing(tmp_path: Path) -> None:
    async with broker() as port:
        async with running(at(port, tmp_path)) as world:
            await until(lambda: world.bridge.connected)
            assert await said(port, "#") != b""
            assert await said(port, "homeassistant/#") != b""
        async with running(at(port, tmp_path)) as world:
            await until(lambda: world.bridge.connected)
            assert await said(port, f"{OUTLET}/state") == b"ON"
            assert b"apcbridge_za0401001234" in await said(port, "homeassistant/device/apcbridge_za0401001234/config")
            await asyncio.sleep(0)
            health = world.bridge.health()["mqtt"]
            assert isinstance(health, dict)
            assert health["refused"] == 0


async def test_a_broker_that_is_silent_to_5_is_spoken_to_in_3(tmp_path: Path) -> None:
    async with broker() as port, running(settings_for(port, tmp_path)) as world:
        await until(lambda: world.bridge.connected)


async def test_a_port_in_use_is_a_plain_error() -> None:
    async with broker() as port:
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}: another program"):
            await EmbeddedBroker(EmbeddedSettings(port=port)).start()


def test_it_is_not_open_to_the_network_without_users() -> None:
    with pytest.raises(ConfigError, match="users"):
        EmbeddedBroker(EmbeddedSettings(host="0.0.0.0"))
    EmbeddedBroker(EmbeddedSettings(host="::1"))
    EmbeddedBroker(EmbeddedSettings(host="0.0.0.0", users={"a": "b"}))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"apcbridge\[embedded\]"):
        EmbeddedBroker(EmbeddedSettings())


async def test_it_is_quiet_and_never_logs_a_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        broker(bridge="canary-9911") as port,
        running(at(port, tmp_path, username="bridge", password="canary-9911")) as world,
    ):
        await until(lambda: world.bridge.connected)
    assert "canary" not in caplog.text
    assert not [r for r in caplog.records if r.name.startswith(("amqtt", "transitions"))]


@pytest.mark.debian
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_mosquitto_in_its_place_is_no_different(tmp_path: Path, protocol: MqttProtocol) -> None:
    with Mosquitto(tmp_path) as mosquitto:
        async with running(settings_for(mosquitto.port, tmp_path, protocol=protocol)) as world:
            await until(lambda: world.bridge.connected)
            assert await said(mosquitto.port, f"{OUTLET}/state") == b"ON"
