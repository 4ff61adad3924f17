"""What Home Assistant is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.model import EventType, Identity, Load, LoadState, PduSnapshot, Policy
from apcbridge.mqtt.discovery import (
    Identity as Known,
)
from apcbridge.mqtt.discovery import (
    bridge_device,
    discovery_inputs,
    documents,
    identify,
    pdu_devices,
    superseded,
)
from apcbridge.mqtt.payloads import pdu_topics
from apcbridge.mqtt.settings import DiscoveryMode, HomeAssistantSettings, MqttSettings
from apcbridge.mqtt.topics import OutletConfig, OutletSet, Topics, packet_bytes

from .ha_rules import check_device_message, check_single_message, read
from .samples import MONO, bare_snapshot, full_snapshot, guarded, outlet, settings, status

UID = "za0401001234"


def told(snapshot: PduSnapshot, settings_: MqttSettings | None = None) -> dict[str, dict[str, Any]]:
    """Return every component of every message, each message checked."""
    settings_ = settings_ or settings()
    found: dict[str, dict[str, Any]] = {}
    for device in pdu_devices(settings_, snapshot, UID, ()):
        for document in documents(settings_, device, {}):
            found |= check_device_message(document.topic, document.payload)
    return found


def policy(value: Policy) -> MqttSettings:
    return settings(pdus={"pdu1": guarded(value)})


def test_a_pdu_that_tells_everything() -> None:
    components = told(full_snapshot(outlets=1))
    assert {(cid, c["platform"]) for cid, c in components.items()} == {
        ("outlet_1", "switch"),
        ("outlet_1_reboot", "button"),
        ("outlet_1_cancel", "button"),
        ("outlet_1_pending", "binary_sensor"),
        ("outlet_1_on_delay", "number"),
        ("outlet_1_off_delay", "number"),
        ("outlet_1_reboot_duration", "number"),
        ("outlet_1_label", "text"),
        ("link", "binary_sensor"),
        ("load_status", "sensor"),
        ("overload", "binary_sensor"),
        ("current", "sensor"),
        ("current_bank_1", "sensor"),
        ("current_bank_2", "sensor"),
        ("power", "sensor"),
        ("apparent_power", "sensor"),
        ("nmc_reboots", "sensor"),
        ("nmc_boot", "sensor"),
        ("nmc_last_reboot", "sensor"),
        ("nmc_last_cause", "sensor"),
        ("nmc_reboot_interval", "sensor"),
        ("nmc_watchdog", "binary_sensor"),
        ("nmc_event", "event"),
    }


def test_what_does_not_exist_is_not_announced() -> None:
    components = told(bare_snapshot(outlets=1))
    assert set(components) == {
        "outlet_1",
        "outlet_1_reboot",
        "outlet_1_cancel",
        "outlet_1_pending",
        "outlet_1_label",
        "link",
        "nmc_reboots",
        "nmc_watchdog",
        "nmc_event",
    }


def test_what_was_announced_stays_when_a_reading_lacks_it() -> None:
    known = {"outlet_1_on_delay", "nmc_boot"}
    (device,) = pdu_devices(settings(), bare_snapshot(), UID, known)
    assert known <= {component.id for component in device.components}


def test_a_value_outside_the_range_is_not_announced() -> None:
    odd = replace(full_snapshot(), outlets=(outlet(1, reboot_duration_s=300),))
    assert "outlet_1_reboot_duration" not in told(odd)


def test_outlets_whose_page_was_not_read_yet_are_announced_with_the_first() -> None:
    first, second = (
        replace(outlet(1), on_delay_s=5, off_delay_s=None, reboot_duration_s=None),
        bare_snapshot().outlets[1],
    )
    begun = replace(bare_snapshot(), outlets=(first, second))
    read = replace(begun, outlets=(first, replace(second, on_delay_s=9)))
    assert {"outlet_1_on_delay", "outlet_2_on_delay"} <= set(told(begun))
    assert not {"outlet_1_off_delay", "outlet_2_off_delay"} & set(told(begun))
    assert told(read) == told(begun)
    assert discovery_inputs(read) == discovery_inputs(begun)


def test_the_switch_and_its_button() -> None:
    components = told(full_snapshot())
    assert components["outlet_2"] == {
        "platform": "switch",
        "unique_id": "apcbridge_za0401001234_outlet_2",
        "object_id": "pdu1_outlet_2",
        "default_entity_id": "switch.pdu1_outlet_2",
        "name": "Outlet 2",
        "device_class": "outlet",
        "state_topic": "apcbridge/pdu1/outlet/2/state",
        "command_topic": "apcbridge/pdu1/outlet/2/set",
        "json_attributes_topic": "apcbridge/pdu1/outlet/2",
    }
    assert components["outlet_2_reboot"]["payload_press"] == "REBOOT"
    assert components["outlet_3"]["name"] == "nas", "the configured name goes before the label"
    assert components["outlet_3_reboot"]["name"] == "nas Reboot"


def test_a_read_only_outlet_cannot_be_switched_by_turning_everything_off() -> None:
    components = told(full_snapshot(outlets=1), policy(Policy.READ_ONLY))
    mine = {cid: c["platform"] for cid, c in components.items() if cid.startswith("outlet_")}
    assert mine == {"outlet_1_power": "binary_sensor", "outlet_1_pending": "binary_sensor"}
    assert not [c for c in components.values() if "command_topic" in c]


def test_an_outlet_that_must_stay_on_has_no_reboot_button() -> None:
    components = told(full_snapshot(outlets=1), policy(Policy.NO_OFF))
    assert "outlet_1" in components
    assert "outlet_1_reboot" not in components


def test_the_link_is_known_even_when_the_pdu_is_not_available() -> None:
    assert told(full_snapshot())["link"]["availability"] == [{"topic": "apcbridge/bridge/rack-a/state"}]


def test_every_event_type_is_listed_or_it_would_be_dropped() -> None:
    assert set(told(full_snapshot())["nmc_event"]["event_types"]) == set(EventType)


def test_every_load_state_is_listed_or_it_would_be_dropped() -> None:
    assert set(told(full_snapshot())["load_status"]["options"]) == set(LoadState)


def test_a_console_that_prints_only_currents_judges_no_load() -> None:
    silent = full_snapshot(phases=(Load(index=1, deciamps=12),), banks=())
    components = told(silent).keys()
    assert "current" in components
    assert not {"load_status", "overload"} & components
    (device,) = pdu_devices(settings(), silent, UID, {"load_status"})
    assert {"load_status", "overload"} <= {component.id for component in device.components}, "one odd reading"
    assert discovery_inputs(silent) != discovery_inputs(full_snapshot(banks=()))


def test_several_phases_have_a_sensor_each_and_no_total() -> None:
    three = tuple(Load(index=index, deciamps=10) for index in (1, 2, 3))
    components = told(full_snapshot(phases=three, banks=()))
    assert {"current_phase_1", "current_phase_2", "current_phase_3"} <= components.keys()
    assert "current" not in components


def test_every_topic_that_is_named_exists() -> None:
    settings_ = settings()
    topics = Topics("apcbridge", "rack-a")
    snapshot = full_snapshot()
    published = set(pdu_topics(topics, status(snapshot), settings_.pdus["pdu1"], {}, MONO)) | {"apcbridge/pdu1/event"}
    for component in told(snapshot, settings_).values():
        assert component.get("state_topic", "apcbridge/pdu1/event") in published
        if "command_topic" in component:
            assert isinstance(topics.route(component["command_topic"]), OutletSet | OutletConfig)


def test_the_bridge_is_a_device_that_the_pdus_hang_on() -> None:
    (document,) = documents(settings(), bridge_device(settings()), {})
    components = check_device_message(document.topic, document.payload)
    assert set(components) == {"connection", "refresh"}
    (pdu,) = pdu_devices(settings(), full_snapshot(), UID, ())
    assert pdu.description["via_device"] in read(document.payload)["device"]["identifiers"]
    assert "availability" not in read(document.payload), "a connection sensor must be able to say that it is down"


def test_one_message_per_entity_for_older_home_assistants() -> None:
    single = settings(homeassistant=HomeAssistantSettings(discovery=DiscoveryMode.COMPONENT))
    (device,) = pdu_devices(single, full_snapshot(), UID, ())
    found = documents(single, device, {})
    assert len(found) == len(device.components)
    for document in found:
        check_single_message(document.topic, document.payload)
    assert "homeassistant/switch/apcbridge_za0401001234/outlet_1/config" in {d.topic for d in found}


def test_both_forms_agree_on_every_id_or_entities_could_not_move() -> None:
    single = settings(homeassistant=HomeAssistantSettings(discovery=DiscoveryMode.COMPONENT))
    (device,) = pdu_devices(single, full_snapshot(), UID, ())
    singly = {d.topic.split("/")[3]: read(d.payload)["unique_id"] for d in documents(single, device, {})}
    assert singly == {cid: c["unique_id"] for cid, c in told(full_snapshot()).items()}


def test_off_tells_nothing() -> None:
    off = settings(homeassistant=HomeAssistantSettings(discovery=DiscoveryMode.OFF))
    (device,) = pdu_devices(off, full_snapshot(), UID, ())
    assert documents(off, device, {}) == ()


def test_outlets_as_devices_keep_their_ids() -> None:
    own = settings(homeassistant=HomeAssistantSettings(outlet_devices=True))
    devices = pdu_devices(own, full_snapshot(), UID, ())
    assert [d.object_id for d in devices] == [f"apcbridge_{UID}", *(f"apcbridge_{UID}_outlet_{n}" for n in (1, 2, 3))]
    ids = {cid: c["unique_id"] for cid, c in told(full_snapshot(), own).items()}
    assert ids == {cid: c["unique_id"] for cid, c in told(full_snapshot()).items()}
    assert devices[3].description["name"] == "nas"


def test_a_component_that_is_gone_is_named_once_more() -> None:
    (device,) = pdu_devices(settings(), full_snapshot(outlets=1), UID, ())
    topic = f"homeassistant/device/apcbridge_{UID}/config"
    (document,) = documents(settings(), device, {topic: {"outlet_2": "switch", "outlet_1": "switch"}})
    components = check_device_message(document.topic, document.payload)
    assert components["outlet_2"] == {"platform": "switch"}
    assert document.removes
    assert "outlet_2" not in document.components


@pytest.mark.parametrize(
    ("mode", "old", "new"),
    [
        (
            DiscoveryMode.COMPONENT,
            "homeassistant/device/apcbridge_x/config",
            "homeassistant/switch/apcbridge_x/o/config",
        ),
        (DiscoveryMode.DEVICE, "homeassistant/switch/apcbridge_x/o/config", "homeassistant/device/apcbridge_x/config"),
    ],
)
def test_only_the_other_forms_topics_of_the_same_device_move(mode: DiscoveryMode, old: str, new: str) -> None:
    settings_ = settings(homeassistant=HomeAssistantSettings(discovery=mode))
    (device,) = pdu_devices(settings_, full_snapshot(), "x", ())
    other = old.replace("apcbridge_x", "apcbridge_y")
    written = documents(settings_, device, {})
    assert superseded(settings_, [old, new, other, "apcbridge/pdu1/info"], written) == (old,)


def test_a_device_too_large_for_the_broker_is_announced_entity_by_entity() -> None:
    large, small = pdu_devices(settings(), full_snapshot(outlets=24), UID, ())[0], bridge_device(settings())
    (whole,) = documents(settings(), large, {})
    size = packet_bytes(whole.topic, whole.payload)
    assert documents(settings(), large, {}, packet_limit=size) == (whole,)
    parts = documents(settings(), large, {}, packet_limit=size - 1)
    told_of: dict[str, str] = {}
    for part in parts:
        check_single_message(part.topic, part.payload)
        told_of |= part.components
    assert told_of == whole.components
    assert max(packet_bytes(part.topic, part.payload) for part in parts) < 2000
    assert superseded(settings(), [whole.topic], parts) == (whole.topic,), "the entities move"
    assert superseded(settings(), [part.topic for part in parts], [whole]) == tuple(sorted(p.topic for p in parts))
    assert len(documents(settings(), small, {}, packet_limit=size - 1)) == 1, "others keep the configured form"


def named(serial: str | None) -> PduSnapshot:
    return full_snapshot(identity=Identity(serial_number=serial))


def test_the_serial_number_is_the_identity() -> None:
    assert identify(named("ZA-04 01"), None, (), "rack-a") == Known("za_04_01", "ZA-04 01")


def test_without_one_bridge_and_pdu_are_and_stay_so() -> None:
    first = identify(named(None), None, (), "rack-a")
    assert first == Known("rack_a_pdu1", None)
    assert identify(named("ZA1"), first, (), "rack-a") == Known("rack_a_pdu1", "ZA1")
    assert identify(named("ZA1"), Known("rack_a_pdu1", "ZA1"), (), "renamed") == Known("rack_a_pdu1", "ZA1")


def test_an_identity_survives_readings_without_serial_number() -> None:
    assert identify(named(None), Known("za1", "ZA1"), (), "rack-a") == Known("za1", "ZA1")


def test_another_unit_at_the_port_is_another_device() -> None:
    assert identify(named("QA2"), Known("za1", "ZA1"), (), "rack-a") == Known("qa2", "QA2")


def test_two_units_of_one_serial_number_are_two_devices() -> None:
    assert identify(named("ZA1"), None, {"za1"}, "rack-a").uid == "za1_rack_a_pdu1"


def test_inputs_tell_every_change_that_shows() -> None:
    base = full_snapshot()
    moved = replace(
        base, seq=2, taken_mono=MONO + 10, watts=300, outlets=tuple(replace(o, read_at=0.0) for o in base.outlets)
    )
    assert discovery_inputs(moved) == discovery_inputs(base)
    for other in (
        replace(base, outlets=base.outlets[:2]),
        replace(base, outlets=(replace(base.outlets[0], name="x"), *base.outlets[1:])),
        replace(base, outlets=tuple(replace(o, on_delay_s=None) for o in base.outlets)),
        replace(base, banks=()),
        replace(base, watts=None),
        replace(base, nmc=replace(base.nmc, boot_at=None)),
        replace(base, identity=Identity()),
    ):
        assert discovery_inputs(other) != discovery_inputs(base)
        assert told(other) != told(base) or other.identity != base.identity


@given(
    names=st.lists(st.text(max_size=60), min_size=1, max_size=4),
    full=st.booleans(),
    single=st.booleans(),
    own=st.booleans(),
    chosen=st.sampled_from(list(Policy)),
)
def test_no_label_makes_a_document_that_home_assistant_rejects(
    names: list[str], chosen: Policy, *, full: bool, single: bool, own: bool
) -> None:
    outlets = tuple(outlet(number, full=full, name=name) for number, name in enumerate(names, 1))
    snapshot = replace(full_snapshot() if full else bare_snapshot(), outlets=outlets)
    mode = DiscoveryMode.COMPONENT if single else DiscoveryMode.DEVICE
    forms = HomeAssistantSettings(discovery=mode, outlet_devices=own)
    settings_ = settings(pdus={"pdu1": guarded(chosen)}, homeassistant=forms)
    for device in pdu_devices(settings_, snapshot, UID, ()):
        for document in documents(settings_, device, {}):
            (check_single_message if single else check_device_message)(document.topic, document.payload)


def test_the_document_of_the_largest_pdu_is_no_burden() -> None:
    (device,) = pdu_devices(settings(), full_snapshot(outlets=24), UID, ())
    (document,) = documents(settings(), device, {})
    assert len(document.payload) < 96 * 1024
