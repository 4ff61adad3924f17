"""A real Home Assistant process, seen through its own ``mqtt_statestream``: no HTTP, no token, no fake.

Opt-in: ``APCBRIDGE_HA_VENV`` names a virtual environment that holds Home Assistant. On Python 3.11 that is
``pip install homeassistant==2024.3.3 paho-mqtt==1.6.1`` (the single-component form is spoken then); from 2024.11 on the
device form is. The first start installs more and takes minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.model import Action, Event, EventType, OutletState, Policy, Reboot, RebootCause
from apcbridge.mqtt.settings import DiscoveryMode, HomeAssistantSettings, OutletView, PduView

from .mqtt_world import (
    CLOCK,
    Mosquitto,
    Observer,
    free_port,
    retained_at,
    running,
    settings_for,
    snapshot,
    status,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from apcbridge.model import PduSnapshot
    from apcbridge.mqtt.settings import MqttSettings

VENV = os.environ.get("APCBRIDGE_HA_VENV", "")
pytestmark = [
    pytest.mark.debian,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not VENV, reason="APCBRIDGE_HA_VENV is not set"),
]

START_S = 900.0
CONFIGURATION = """
homeassistant:
  name: test
  unit_system: metric
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
logger:
  default: warning
  logs:
    homeassistant.components.mqtt: info
mqtt_statestream:
  base_topic: hastates
  publish_attributes: true
automation:
  - alias: call
    mode: queued
    trigger:
      - platform: mqtt
        topic: hatest/call
    action:
      - service: "{{{{ trigger.payload_json.service }}}}"
        target:
          entity_id: "{{{{ trigger.payload_json.entity_id }}}}"
"""
EXPECTED = {
    "switch/pdu1_outlet_1": "on",
    "button/pdu1_outlet_1_reboot": "unknown",
    "switch/pdu1_outlet_3": "on",
    "binary_sensor/pdu1_outlet_8_power": "on",
    "binary_sensor/pdu1_link": "on",
    "sensor/pdu1_current": "1.2",
    "sensor/pdu1_load_status": "normal",
    "binary_sensor/pdu1_overload": "off",
    "sensor/pdu1_nmc_reboots": "1",
    "sensor/pdu1_nmc_boot": "2023-11-14T22:13:20+00:00",
    "sensor/pdu1_nmc_last_reboot": "2023-11-14T22:13:20+00:00",
    "sensor/pdu1_nmc_last_cause": "watchdog",
    "binary_sensor/pdu1_nmc_watchdog": "off",
    "binary_sensor/apcbridge_rack_a_connection": "on",
}
OURS = re.compile(r"(WARNING|ERROR).*(apcbridge|pdu1|mqtt\.|value_json)", re.IGNORECASE)
NOT_OURS = ("mqtt_statestream", "paho.mqtt.client", "Disconnected from MQTT server")
"""The state stream is the test's own, and the broker does go away in it."""


class HomeAssistant:
    """The process, in a folder of its own."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder = folder
        self._process: asyncio.subprocess.Process | None = None
        (folder / ".storage").mkdir(parents=True)
        (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=free_port()))
        entry = {
            "entry_id": "0123456789abcdef0123456789abcdef",
            "version": 1,
            "domain": "mqtt",
            "title": "broker",
            "data": {"broker": "127.0.0.1", "port": broker.port, "discovery": True},
            "options": {},
            "pref_disable_new_entities": False,
            "pref_disable_polling": False,
            "source": "user",
            "unique_id": None,
            "disabled_by": None,
        }
        entries = {"version": 1, "minor_version": 1, "key": "core.config_entries", "data": {"entries": [entry]}}
        (folder / ".storage" / "core.config_entries").write_text(json.dumps(entries))

    @staticmethod
    def version() -> tuple[int, int]:
        shown = subprocess.run([Path(VENV) / "bin" / "hass", "--version"], check=True, capture_output=True, text=True)
        year, month, *_ = shown.stdout.strip().split(".")
        return int(year), int(month)

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            Path(VENV) / "bin" / "hass", "--config", self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    async def stop(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            await self._process.wait()
            self._process = None

    def complaints(self) -> list[str]:
        log = (self.folder / "home-assistant.log").read_text(errors="replace")
        return [line for line in log.splitlines() if OURS.search(line) and not any(words in line for words in NOT_OURS)]

    def devices(self) -> set[str]:
        """Return the identifiers in the device registry, as written at the stop."""
        registry = json.loads((self.folder / ".storage" / "core.device_registry").read_text())
        return {identifier for device in registry["data"]["devices"] for _, identifier in device["identifiers"]}


def reading(seq: int = 1) -> PduSnapshot:
    base = snapshot(seq=seq)
    last = Reboot(
        id="rb-1", at=1_700_000_000.0, cause=RebootCause.WATCHDOG, evidence=("x",), noticed_at=1_700_000_000.0
    )
    return replace(base, nmc=replace(base.nmc, reboot_count=1, watchdog_reboot_count=1, last_reboot=last))


def told(broker: Mosquitto, folder: Path) -> MqttSettings:
    mode = DiscoveryMode.DEVICE if HomeAssistant.version() >= (2024, 11) else DiscoveryMode.COMPONENT
    return settings_for(broker.port, folder, homeassistant=HomeAssistantSettings(discovery=mode))


@contextlib.asynccontextmanager
async def home(folder: Path, broker: Mosquitto) -> AsyncIterator[HomeAssistant]:
    assistant = HomeAssistant(folder / "ha", broker)
    await assistant.start()
    try:
        yield assistant
    finally:
        await assistant.stop()


def state(observer: Observer, entity: str) -> str | None:
    payload = observer.last(f"hastates/{entity}/state")
    return None if payload is None else payload.decode()


def shows(observer: Observer, entity: str, expected: str) -> bool:
    return state(observer, entity) == expected


def call(observer: Observer, service: str, entity: str) -> None:
    observer.say("hatest/call", json.dumps({"service": service, "entity_id": entity.replace("/", ".")}))


async def test_home_assistant_sees_and_switches_everything_and_complains_of_nothing(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        settings = told(broker, tmp_path)
        with Observer(broker.port) as observer:
            async with home(tmp_path, broker) as assistant:
                async with running(settings, status(reading())) as world:
                    await until(lambda: observer.on("homeassistant/status"), "it starts", START_S)
                    for entity, expected in EXPECTED.items():
                        await until(partial(shows, observer, entity, expected), f"{entity}: {expected}", 60)
                    call(observer, "switch.turn_off", "switch/pdu1_outlet_1")
                    await until(world.door.waiting)
                    assert world.door.waiting()[0].action is Action.OFF
                    world.set_outlet(1, OutletState.OFF)
                    world.door.finish()
                    await until(lambda: state(observer, "switch/pdu1_outlet_1") == "off")
                    call(observer, "button.press", "button/pdu1_outlet_3_reboot")
                    await until(world.door.waiting)
                    assert world.door.finish().action is Action.REBOOT
                    world.store.append(Event(id="e", pdu="pdu1", type=EventType.WATCHDOG_REBOOT, at=CLOCK.wall()))
                    event = "hastates/event/pdu1_nmc_event/event_type"
                    await until(lambda: observer.last(event) == b'"watchdog_reboot"')
                await until(lambda: state(observer, "switch/pdu1_outlet_1") == "unavailable", "our stop is seen")
                async with running(settings, status(reading())) as world:
                    await until(lambda: state(observer, "switch/pdu1_outlet_1") == "on", "so is our return")
                    born = len(observer.on("homeassistant/status"))
                    broker.kill()
                    broker.start()
                    await until(lambda: len(observer.on("homeassistant/status")) > born, "it is back", 120)
                    await until(lambda: world.bridge.connected)
                    call(observer, "switch.turn_off", "switch/pdu1_outlet_2")
                    await until(world.door.waiting)
                    world.door.finish()
                guarded = replace(settings, pdus={"pdu1": PduView(default=OutletView(policy=Policy.READ_ONLY))})
                async with running(guarded, status(reading())):
                    await until(lambda: state(observer, "binary_sensor/pdu1_outlet_1_power") == "on", "policy", 60)
                async with running(replace(settings, pdus={}), status(reading())) as world:
                    await until(lambda: world.bridge.connected)
                    await until(lambda: observer.last("apcbridge/bridge/rack-a/state") == b"online")
                    await until(
                        lambda: (
                            not [t for t in retained_at(broker.port) if "pdu1" in t and not t.startswith("hastates")]
                        )
                    )
                await assistant.stop()
                assert "apcbridge_za0401001234" not in assistant.devices()
                assert "apcbridge_bridge_rack_a" in assistant.devices()
                assert assistant.complaints() == []
