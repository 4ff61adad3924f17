"""Real Home Assistants: what they show, what they do, and that they complain of nothing.

Opt-in (``make test-ha``): ``APCBRIDGE_HA_VENVS`` names virtual environments that hold Home Assistant, separated by
colons. One process per environment serves all tests; each test has a PDU of its own.
"""

from __future__ import annotations

import os
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.facts import PduView
from apcbridge.model import (
    Action,
    Event,
    EventType,
    Load,
    LoadState,
    OutletState,
    Policy,
    Reboot,
    RebootCause,
    Setting,
)
from apcbridge.mqtt.discovery import bridge_device, pdu_devices
from apcbridge.mqtt.settings import DiscoveryMode, HomeAssistantSettings

from .mqtt_ha_world import BIRTH, HomeAssistant, call, state
from .mqtt_world import (
    CLOCK,
    Mosquitto,
    Observer,
    retained_at,
    running,
    settings_for,
    snapshot,
    status,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from apcbridge.model import PduSnapshot
    from apcbridge.mqtt.settings import MqttSettings

    from .mqtt_world import World

VENVS = [Path(name) for name in os.environ.get("APCBRIDGE_HA_VENVS", "").split(os.pathsep) if name]
pytestmark = [
    pytest.mark.debian,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not VENVS, reason="APCBRIDGE_HA_VENVS is not set"),
]

SOON_S = 90.0
"""Home Assistant takes its time on a busy machine, and writes its registries ten seconds after a change."""
BRIDGE = "binary_sensor.apcbridge_rack_a_connection"
EXPECTED = {
    "switch.{}_outlet_1": "on",
    "button.{}_outlet_1_reboot": "unknown",
    "switch.{}_outlet_3": "on",
    "binary_sensor.{}_outlet_8_power": "on",
    "binary_sensor.{}_link": "on",
    "sensor.{}_current": "1.2",
    "sensor.{}_current_bank_1": "0.7",
    "sensor.{}_power": "276",
    "sensor.{}_apparent_power": "280",
    "sensor.{}_load_status": "near_overload",
    "binary_sensor.{}_overload": "off",
    "sensor.{}_nmc_reboots": "7",
    "sensor.{}_nmc_boot": "2023-11-14T22:13:20+00:00",
    "sensor.{}_nmc_last_reboot": "2023-11-14T22:13:20+00:00",
    "sensor.{}_nmc_last_cause": "watchdog",
    "binary_sensor.{}_nmc_watchdog": "on",
    "event.{}_nmc_event": "unknown",
}
ENABLED_BY_HAND = {
    "button.{}_outlet_1_cancel": "unknown",
    "binary_sensor.{}_outlet_1_pending": "off",
    "number.{}_outlet_1_on_delay": "0",
    "number.{}_outlet_1_off_delay": "-1.0",
    "number.{}_outlet_1_reboot_duration": "5",
    "text.{}_outlet_1_label": "Outlet 1",
    "sensor.{}_nmc_reboot_interval": "570.0",
}
MOVING = re.compile(r"conflicting MQTT discovery message|Ignoring empty MQTT discovery payload for disabled")
"""What Home Assistant says when the old topics are emptied, as its documentation asks for."""


@pytest.fixture(scope="module", params=VENVS or [Path("none")], ids=lambda venv: venv.name.removeprefix(".venv-"))
def process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistant]:
    folder = tmp_path_factory.mktemp("home")
    with Mosquitto(folder) as broker:
        assistant = HomeAssistant(request.param, folder / "ha", broker)
        try:
            assistant.start()
            yield assistant
        finally:
            assistant.stop()


@pytest.fixture
def home(process: HomeAssistant) -> Iterator[HomeAssistant]:
    begun = process.said()
    yield process
    assert process.complaints(begun) == []


def reading(pdu: str, outlets: int = 8) -> PduSnapshot:
    """Make a reading of a PDU that tells everything, with a serial number of its own."""
    base = snapshot(pdu, outlets=outlets, serial=f"ZA{pdu.upper()}")
    at = 1_700_000_000.0
    nmc = replace(
        base.nmc,
        reboot_count=7,
        watchdog_reboot_count=6,
        last_reboot=Reboot(id="rb-1", at=at, cause=RebootCause.WATCHDOG, evidence=("x",), noticed_at=at),
        interval_s=570.0,
        next_expected_at=at + 570.0,
        watchdog=True,
    )
    banks = (
        Load(index=1, deciamps=7, state=LoadState.LOW),
        Load(index=2, deciamps=5, state=LoadState.NEAR_OVERLOAD),
    )
    return replace(base, nmc=nmc, banks=banks, watts=276, volt_amperes=280)


def with_loads(seen: PduSnapshot, judged: LoadState) -> PduSnapshot:
    phases, banks = (tuple(replace(load, state=judged) for load in part) for part in (seen.phases, seen.banks))
    return replace(seen, phases=phases, banks=banks)


def told(home: HomeAssistant, folder: Path, pdu: str, **changes: object) -> MqttSettings:
    """Make settings for one PDU, in the newest form of discovery that this Home Assistant reads."""
    mode = DiscoveryMode.DEVICE if home.knows_devices else DiscoveryMode.COMPONENT
    view = PduView(policies={8: Policy.READ_ONLY})
    return replace(
        settings_for(home.broker.port, folder, pdus={pdu: view}),
        homeassistant=HomeAssistantSettings(discovery=mode, **changes),  # type: ignore[arg-type]  # the field's own types
    )


def speaking(settings: MqttSettings, mode: DiscoveryMode) -> MqttSettings:
    return replace(settings, homeassistant=replace(settings.homeassistant, discovery=mode))


def uid_of(pdu: str) -> str:
    return f"za{pdu}"


def announced(settings: MqttSettings, seen: PduSnapshot) -> dict[str, str]:
    """Return unique id -> entity id of every component that the documents name."""
    devices = (*pdu_devices(settings, seen, uid_of(seen.pdu), ()), bridge_device(settings))
    return {
        str(component.keys["unique_id"]): str(component.keys["default_entity_id"])
        for device in devices
        for component in device.components
    }


def has(observer: Observer, entity_id: str, value: str) -> bool:
    return state(observer, entity_id) == value


def tells(observer: Observer, attribute: str, value: str) -> bool:
    return observer.last(f"hastates/{attribute}") == value.encode()


async def shown(observer: Observer, expected: dict[str, str], pdu: str) -> None:
    for entity, value in expected.items():
        entity_id = entity.format(pdu)
        await until(partial(has, observer, entity_id, value), f"{entity_id}: {value}", SOON_S)


@asynccontextmanager
async def bridged(settings: MqttSettings, reading_: PduSnapshot) -> AsyncIterator[tuple[World, Observer]]:
    """Run a bridge, and an observer who was there before it."""
    with Observer(settings.broker.port) as observer:
        async with running(settings, status(reading_)) as world:
            yield world, observer


async def asked(world: World, pdu: str) -> Action | Setting:
    """Wait for the next command and confirm it."""
    await until(partial(world.door.waiting, pdu), "a command arrives", SOON_S)
    return world.door.finish(pdu).action


async def test_every_component_appears_with_its_state(home: HomeAssistant, tmp_path: Path) -> None:
    pdu, seen = "pdu_all", reading("pdu_all")
    settings = told(home, tmp_path, pdu)
    wanted = announced(settings, seen)
    async with bridged(settings, seen) as (world, observer):
        await shown(observer, EXPECTED, pdu)
        await until(lambda: wanted.keys() <= home.entities().keys(), "all are registered", SOON_S)
        found = home.entities()
        assert {uid: found[uid].entity_id for uid in wanted} == wanted
        for uid, entity_id in wanted.items():
            if not found[uid].disabled and entity_id.split(".")[1].startswith(pdu):
                assert state(observer, entity_id) not in (None, "unavailable"), entity_id
        device = home.devices()[f"apcbridge_{uid_of(pdu)}"]
        assert (device["manufacturer"], device["model"], device["name"]) == ("APC", "AP7920", pdu)
        assert device["via_device_id"] == home.devices()["apcbridge_bridge_rack_a"]["id"]
        for judged, problem in ((LoadState.OVERLOAD, "on"), (LoadState.UNKNOWN, "unknown")):
            world.store.replace(status(with_loads(seen, judged)))
            await shown(observer, {"binary_sensor.{}_overload": problem}, pdu)


async def test_switch_and_button_act(home: HomeAssistant, tmp_path: Path) -> None:
    pdu = "pdu_act"
    async with bridged(told(home, tmp_path, pdu), reading(pdu)) as (world, observer):
        await shown(observer, EXPECTED, pdu)
        call(observer, "switch.turn_off", f"switch.{pdu}_outlet_1")
        await until(partial(world.door.waiting, pdu), "the command arrives", SOON_S)
        assert state(observer, f"switch.{pdu}_outlet_1") == "on", "asking is not doing"
        world.set_outlet(1, OutletState.OFF, pdu)
        assert await asked(world, pdu) is Action.OFF
        await shown(observer, {"switch.{}_outlet_1": "off"}, pdu)
        call(observer, "button.press", f"button.{pdu}_outlet_3_reboot")
        assert await asked(world, pdu) is Action.REBOOT
        for type_ in EventType:
            world.store.append(Event(id=f"e-{type_}", pdu=pdu, type=type_, at=CLOCK.wall()))
            await until(partial(tells, observer, f"event/{pdu}_nmc_event/event_type", f'"{type_}"'), type_, SOON_S)
        world.store.replace(replace(world.store.get(pdu), stale_after_s=0.001, lost_after_s=0.002))
        await shown(observer, {"switch.{}_outlet_1": "unavailable", "binary_sensor.{}_link": "off"}, pdu)


async def test_what_is_off_by_default_works_once_enabled(home: HomeAssistant, tmp_path: Path) -> None:
    pdu = "pdu_more"
    settings, seen = told(home, tmp_path, pdu), reading(pdu, outlets=2)
    async with bridged(settings, seen) as (world, observer):
        await until(lambda: announced(settings, seen).keys() <= home.entities().keys(), "registered", SOON_S)
        before = home.entities()
        home.stop()
        home.enable_everything()
        home.start()

        def clicked() -> bool:
            call(observer, "switch.turn_off", f"switch.{pdu}_outlet_1")
            return bool(world.door.waiting(pdu))

        await until(clicked, "the switch acts as soon as Home Assistant is ready", SOON_S, step_s=1)
        assert await asked(world, pdu) is Action.OFF
    async with bridged(settings, seen) as (world, observer):
        await shown(observer, ENABLED_BY_HAND, pdu)
        call(observer, "number.set_value", f"number.{pdu}_outlet_1_on_delay", value=-1)
        command = await asked(world, pdu)
        while command is Action.OFF:  # one of the clicks above, taken late
            command = await asked(world, pdu)
        assert command is Setting.ON_DELAY
        call(observer, "number.set_value", f"number.{pdu}_outlet_1_reboot_duration", value=60)
        assert await asked(world, pdu) is Setting.REBOOT_DURATION
        call(observer, "text.set_value", f"text.{pdu}_outlet_1_label", value="web server")
        assert await asked(world, pdu) is Setting.NAME
        call(observer, "button.press", f"button.{pdu}_outlet_1_cancel")
        assert await asked(world, pdu) is Action.CANCEL
    after = home.entities()
    assert {u: (e.key, e.entity_id) for u, e in before.items()} == {
        u: (after[u].key, after[u].entity_id) for u in before
    }


async def test_bridge_and_broker_come_back(home: HomeAssistant, tmp_path: Path) -> None:
    pdu = "pdu_back"
    settings, switch = told(home, tmp_path, pdu), f"switch.{pdu}_outlet_2"
    with Observer(home.broker.port) as observer:
        async with running(settings, status(reading(pdu))):
            await shown(observer, EXPECTED, pdu)
        await until(lambda: state(observer, switch) == "unavailable", "our stop is seen", SOON_S)
        await until(lambda: state(observer, BRIDGE) == "off", "by the bridge's own sensor, too", SOON_S)
        async with running(settings, status(reading(pdu))) as world:
            await shown(observer, EXPECTED, pdu)
            born = len(observer.on(BIRTH))
            home.broker.kill()
            home.broker.start()
            await until(lambda: len(observer.on(BIRTH)) > born, "Home Assistant finds the broker again", 180)
            await until(lambda: world.bridge.connected, "so does the bridge", SOON_S)
            call(observer, "switch.turn_off", switch)
            assert await asked(world, pdu) is Action.OFF
            world.set_outlet(2, OutletState.OFF, pdu)
            now = world.store.get(pdu)
            assert now.snapshot is not None
            world.store.replace(replace(now, snapshot=replace(now.snapshot, watts=111)))
            await shown(observer, {"switch.{}_outlet_2": "off", "sensor.{}_power": "111"}, pdu)


async def test_what_is_gone_leaves(home: HomeAssistant, tmp_path: Path) -> None:
    pdu = "pdu_gone"
    settings, seen = told(home, tmp_path, pdu), reading(pdu)
    switch, device = f"apcbridge_{uid_of(pdu)}_outlet_1", f"apcbridge_{uid_of(pdu)}"
    async with bridged(settings, seen) as (_, observer):
        await shown(observer, EXPECTED, pdu)
        await until(lambda: switch in home.entities(), "the switch is registered", SOON_S)
    guarded = replace(settings, pdus={pdu: PduView(policies=dict.fromkeys(range(1, 9), Policy.READ_ONLY))})
    async with bridged(guarded, seen) as (_, observer):
        await shown(observer, {"binary_sensor.{}_outlet_1_power": "on"}, pdu)
        await until(lambda: switch not in home.entities(), "a read-only outlet has no switch", SOON_S)
        assert device in home.devices()
    async with bridged(replace(settings, pdus={}), seen):
        await until(lambda: device not in home.devices(), "the device is gone", SOON_S)
        await until(
            lambda: not [t for t in retained_at(home.broker.port) if pdu in t and not t.startswith("hastates")],
            "and all its topics",
            SOON_S,
        )


async def test_the_automations_of_the_documentation(home: HomeAssistant, tmp_path: Path) -> None:
    if not home.knows_devices:
        pytest.skip("the documentation speaks of newer ones")
    pdu = "pdu1"
    async with bridged(told(home, tmp_path, pdu), reading(pdu)) as (world, observer):
        await shown(observer, EXPECTED, pdu)
        call(observer, "automation.trigger", "automation.lab_off_at_night")
        await until(lambda: len(world.door.waiting(pdu)) == 3, "three outlets go off", SOON_S)
        commands = [world.door.finish(pdu) for _ in range(3)]
        assert {(c.outlet, c.action) for c in commands} == {(n, Action.OFF) for n in (1, 2, 4)}
        call(observer, "automation.trigger", "automation.restart_the_modem", skip_condition=False)
        await until(lambda: world.door.waiting(pdu), "the modem restarts", SOON_S)
        command = world.door.finish(pdu)
        assert (command.outlet, command.action) == (2, Action.REBOOT)
        triggered = "hastates/automation/pdu_card_rebooted/last_triggered"
        assert observer.last(triggered) in (None, b"null")
        world.store.append(Event(id="e", pdu=pdu, type=EventType.WATCHDOG_REBOOT, at=CLOCK.wall()))
        await until(lambda: observer.last(triggered) not in (None, b"null"), "somebody is told", SOON_S)


async def test_outlets_as_devices(home: HomeAssistant, tmp_path: Path) -> None:
    pdu = "pdu_own"
    settings, seen = told(home, tmp_path, pdu, outlet_devices=True), reading(pdu)
    async with bridged(settings, seen) as (world, observer):
        await shown(observer, EXPECTED, pdu)
        call(observer, "switch.turn_off", f"switch.{pdu}_outlet_3")
        assert await asked(world, pdu) is Action.OFF
        device = f"apcbridge_{uid_of(pdu)}"
        await until(lambda: f"{device}_outlet_3" in home.devices(), "the outlet is a device", SOON_S)
        assert home.devices()[f"{device}_outlet_3"]["name"] == "nas"
        assert home.devices()[f"{device}_outlet_3"]["via_device_id"] == home.devices()[device]["id"]


async def test_a_renamed_pdu_keeps_its_entities(home: HomeAssistant, tmp_path: Path) -> None:
    before, after = "pdu_before", "pdu_after"
    settings, seen = told(home, tmp_path, before), reading(before)
    wanted = announced(settings, seen)
    async with bridged(settings, seen) as (_, observer):
        await shown(observer, EXPECTED, before)
        await until(lambda: wanted.keys() <= home.entities().keys(), "all are registered", SOON_S)
        old = home.entities()
    named = replace(settings, pdus={after: settings.pdus[before]})
    async with bridged(named, replace(seen, pdu=after)) as (world, observer):
        await shown(observer, EXPECTED, before)
        call(observer, "switch.turn_off", f"switch.{before}_outlet_3")
        assert await asked(world, after) is Action.OFF
        device = f"apcbridge_{uid_of(before)}"
        await until(lambda: home.devices()[device]["name"] == after, "the device has its new name", SOON_S)
        new = home.entities()
    assert {u: (new[u].key, new[u].entity_id) for u in wanted} == {u: (old[u].key, old[u].entity_id) for u in wanted}


@pytest.mark.parametrize(
    ("before", "after"),
    [(DiscoveryMode.COMPONENT, DiscoveryMode.DEVICE), (DiscoveryMode.DEVICE, DiscoveryMode.COMPONENT)],
)
async def test_entities_survive_the_move_between_the_forms(
    process: HomeAssistant, tmp_path: Path, before: DiscoveryMode, after: DiscoveryMode
) -> None:
    if not process.knows_devices:
        pytest.skip("this Home Assistant knows one form only")
    pdu, begun = f"pdu_to_{after}", process.said()
    settings, seen = told(process, tmp_path, pdu), reading(pdu)
    wanted = announced(settings, seen)
    async with bridged(speaking(settings, before), seen) as (_, observer):
        await shown(observer, EXPECTED, pdu)
        await until(lambda: wanted.keys() <= process.entities().keys(), "all are registered", SOON_S)
        old = process.entities()
    names = {3: "new nas"}
    renamed = replace(seen, outlets=tuple(replace(o, name=names.get(o.number, o.name)) for o in seen.outlets))
    uid = f"apcbridge_{uid_of(pdu)}_outlet_3"
    async with bridged(speaking(settings, after), renamed) as (world, observer):
        await shown(observer, EXPECTED, pdu)
        call(observer, "switch.turn_off", f"switch.{pdu}_outlet_3")
        assert await asked(world, pdu) is Action.OFF
        await until(lambda: process.entities()[uid].original_name == "new nas", "the new form is read", SOON_S)
        new = process.entities()
    assert {u: (new[u].key, new[u].entity_id) for u in wanted} == {u: (old[u].key, old[u].entity_id) for u in wanted}
    assert [line for line in process.complaints(begun) if not MOVING.search(line)] == []
