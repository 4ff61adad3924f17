"""A real Home Assistant process, seen through its own ``mqtt_statestream`` and its registries: no HTTP, no token."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, cast

from tests.ports import free_port

from .mqtt_world import Mosquitto, Observer

if TYPE_CHECKING:
    from collections.abc import Mapping

START_S = 900.0
"""The first start of a virtual environment installs what the integrations need."""
LEAVE_S = 120.0
BIRTH = "homeassistant/status"

_CONFIGURATION = """
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
    mode: parallel
    max: 100
    trigger:
      - platform: mqtt
        topic: hatest/call
    action:
      - service: "{{{{ trigger.payload_json.service }}}}"
        target:
          entity_id: "{{{{ trigger.payload_json.entity_id }}}}"
        data: "{{{{ trigger.payload_json.data }}}}"
"""
_OURS = re.compile(r"(WARNING|ERROR|CRITICAL).*(apcbridge|pdu_|pdu1|components\.mqtt\.|value_json)", re.IGNORECASE)
_NOT_OURS = re.compile(
    r"mqtt_statestream|paho\.mqtt\.client|Disconnected from MQTT server|The connection was lost"
    r"|No ACK from MQTT server|logging too frequently|No device components to cleanup"
    r"|Referenced entities \S+ are missing or not currently available"
)
"""The state stream is the test's own, and the broker does go away in the tests. "No device components" is an echo of
Home Assistant's own: for each disabled entity of a device that is gone it clears the discovery topic once more, and
wonders why. "Referenced entities": a test clicks until Home Assistant is ready for it."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity in Home Assistant's registry."""

    key: str
    """The registry's own, kept for as long as the entity lives; names, areas and history hang on it."""
    entity_id: str
    disabled: bool
    original_name: str | None


def _automations() -> str:
    """Return the automations that our documentation offers."""
    page = Path(__file__).parents[2] / "docs" / "home-assistant.md"
    found = re.findall(r"^```yaml\n(- alias:.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) >= 3
    return indent("\n".join(found), "  ")


class HomeAssistant:
    """The process, in a folder of its own, beside its broker."""

    def __init__(self, venv: Path, folder: Path, broker: Mosquitto) -> None:
        self.broker = broker
        self._hass = venv / "bin" / "hass"
        self._folder = folder
        self._log = folder / "said.log"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / ".storage").mkdir(parents=True)
        offered = _automations() if self.knows_devices else ""  # written in the words of 2024.10 and later
        (folder / "configuration.yaml").write_text(_CONFIGURATION.format(port=free_port()) + offered)
        (folder / ".storage" / "core.config_entries").write_text(json.dumps(self._config_entries()))

    @cached_property
    def version(self) -> tuple[int, int]:
        shown = subprocess.run([self._hass, "--version"], check=True, capture_output=True, text=True)
        year, month, *_ = shown.stdout.strip().split(".")
        return int(year), int(month)

    @property
    def knows_devices(self) -> bool:
        """Whether it reads the device form of discovery."""
        return self.version >= (2024, 11)

    def start(self) -> None:
        """Start, and wait for the birth message."""
        with Observer(self.broker.port, topics=BIRTH) as observer:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [self._hass, "--log-no-color", "--config", self._folder], stdout=log, stderr=log
                )
            deadline = time.monotonic() + START_S
            while observer.last(BIRTH) != b"online":
                assert self._process.poll() is None, "Home Assistant ended:\n" + self._log.read_text()[-4000:]
                assert time.monotonic() < deadline, "Home Assistant does not start"
                time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(LEAVE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def said(self) -> int:
        """Mark a place in the log for :meth:`complaints`."""
        return self._log.stat().st_size

    def complaints(self, since: int) -> list[str]:
        """Return the warnings and errors that name us."""
        lines = self._log.read_bytes()[since:].decode(errors="replace").splitlines()
        return [line for line in lines if _OURS.search(line) and not _NOT_OURS.search(line)]

    def entities(self) -> dict[str, Entity]:
        """Return the entities from MQTT by unique id, as last written: seconds late while it runs."""
        return {
            entry["unique_id"]: Entity(
                entry["id"], entry["entity_id"], entry["disabled_by"] is not None, entry["original_name"]
            )
            for entry in self._registry("entity", "entities")
            if entry["platform"] == "mqtt"
        }

    def devices(self) -> dict[str, Mapping[str, Any]]:
        """Return the devices by their identifier, as last written."""
        devices = self._registry("device", "devices")
        return {name: device for device in devices for _, name in device["identifiers"]}

    def enable_everything(self) -> None:
        """Enable what is disabled by default, as the user may; only while it is stopped."""
        path = self._folder / ".storage" / "core.entity_registry"
        registry = json.loads(path.read_text())
        for entry in registry["data"]["entities"]:
            entry["disabled_by"] = None
        path.write_text(json.dumps(registry))

    def _registry(self, name: str, content: str) -> list[dict[str, Any]]:
        path = self._folder / ".storage" / f"core.{name}_registry"
        return cast("list[dict[str, Any]]", json.loads(path.read_text())["data"][content]) if path.exists() else []

    def _config_entries(self) -> object:
        data: dict[str, object] = {"broker": "127.0.0.1", "port": self.broker.port, "discovery": True}
        if self.version >= (2025, 4):
            data["protocol"] = "5"
        entry = {
            "entry_id": "0123456789abcdef0123456789abcdef",
            "version": 1,
            "domain": "mqtt",
            "title": "broker",
            "data": data,
            "options": {},
            "pref_disable_new_entities": False,
            "pref_disable_polling": False,
            "source": "user",
            "unique_id": None,
            "disabled_by": None,
        }
        return {"version": 1, "minor_version": 1, "key": "core.config_entries", "data": {"entries": [entry]}}


def state(observer: Observer, entity_id: str) -> str | None:
    """Return the state of an entity if it changed while the observer was there."""
    said = [m for m in observer.on(f"hastates/{entity_id.replace('.', '/')}/state") if not m.retained]
    return said[-1].payload.decode() if said else None


def call(observer: Observer, service: str, entity_id: str, **data: object) -> None:
    """Do what a click in the user interface does."""
    observer.say("hatest/call", json.dumps({"service": service, "entity_id": entity_id, "data": data}))
