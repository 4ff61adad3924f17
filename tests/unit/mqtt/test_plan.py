"""What is sent to make the broker hold what it should."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from apcbridge.facts import PduView
from apcbridge.model import Identity, LinkState, OutletState, PduStatus, Policy
from apcbridge.mqtt.discovery import MIGRATE
from apcbridge.mqtt.ledger import Ledger
from apcbridge.mqtt.plan import CLEAR_AFTER_S, IDENTITY_GRACE_S, Plan, Publication
from apcbridge.mqtt.settings import DiscoveryMode, HomeAssistantSettings, MqttSettings

from .samples import MONO, bare_snapshot, full_snapshot, guarded, outlet, settings, status

DEVICE = "homeassistant/device/apcbridge_za0401001234/config"


class Broker:
    """Holds what is retained, as a broker does."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def take(self, plan: Plan, publications: list[Publication]) -> list[str]:
        for publication in publications:
            plan.about_to_send(publication)
            if publication.retain and publication.payload:
                self.held[publication.topic] = publication.payload
            elif publication.retain:
                self.held.pop(publication.topic, None)
            plan.sent(publication)
        return [publication.topic for publication in publications]


def speaking(mode: DiscoveryMode) -> MqttSettings:
    return settings(homeassistant=HomeAssistantSettings(discovery=mode))


def test_the_second_time_there_is_nothing_to_say() -> None:
    plan, broker = Plan(settings(), Ledger(None)), Broker()
    assert DEVICE in broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    assert plan.pdu(status(full_snapshot()), {}, MONO) == []


def test_after_a_connect_everything_is_said_again() -> None:
    plan, broker = Plan(settings(), Ledger(None)), Broker()
    first = broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    plan.forget_published()
    assert broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO)) == first


def test_a_broker_with_smaller_packets_gets_smaller_documents() -> None:
    plan, broker = Plan(settings(), Ledger(None)), Broker()
    broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    plan.forget_published()
    plan.packet_limit = 3000
    said = broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    switch = "homeassistant/switch/apcbridge_za0401001234/outlet_1/config"
    assert [said.index(DEVICE), switch in said] == [0, True], "the entities are told to move first"
    assert DEVICE not in broker.held
    assert max(map(len, broker.held.values())) < 3000
    plan.forget_published()
    plan.packet_limit = None
    broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    assert DEVICE in broker.held
    assert switch not in broker.held


def test_only_what_changed_is_said() -> None:
    plan, broker = Plan(settings(), Ledger(None)), Broker()
    broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    one, _, three = full_snapshot().outlets
    switched = replace(full_snapshot(), outlets=(one, outlet(2, state=OutletState.OFF), three))
    changed = broker.take(plan, plan.pdu(status(switched), {}, MONO))
    assert changed == ["apcbridge/pdu1/outlet/2/state", "apcbridge/pdu1/outlet/2"]


def test_outlets_that_are_gone_are_cleared_and_named_bare_once() -> None:
    plan, broker = Plan(settings(), Ledger(None)), Broker()
    broker.take(plan, plan.pdu(status(full_snapshot(outlets=3)), {}, MONO))
    broker.take(plan, plan.pdu(status(full_snapshot(outlets=2)), {}, MONO))
    assert b'"outlet_3":{"p":"switch"}' in broker.held[DEVICE]
    assert broker.take(plan, plan.pdu(status(full_snapshot(outlets=2)), {}, MONO)) == [DEVICE]
    assert b"outlet_3" not in broker.held[DEVICE]
    later = MONO + CLEAR_AFTER_S
    assert plan.next_change_mono() == later, "Home Assistant would log errors about values that vanish first"
    assert [topic for topic in broker.held if "/outlet/3" in topic]
    broker.take(plan, plan.pdu(status(full_snapshot(outlets=2)), {}, later))
    assert not [topic for topic in broker.held if "/outlet/3" in topic]
    assert plan.next_change_mono() is None


def test_before_the_first_reading_nothing_is_taken_for_gone() -> None:
    ledger = Ledger(None)
    earlier, broker = Plan(settings(), ledger), Broker()
    broker.take(earlier, earlier.pdu(status(full_snapshot()), {}, MONO))
    held = dict(broker.held)
    later = Plan(settings(), ledger)
    broker.take(later, later.pdu(status(None, LinkState.CONNECTING), {}, MONO))
    assert broker.held == held | {"apcbridge/pdu1/availability": b"offline"}


def test_a_pdu_that_is_not_configured_any_more_is_cleared() -> None:
    ledger = Ledger(None)
    both = settings(pdus={"pdu1": PduView(), "pdu2": PduView()})
    plan, broker = Plan(both, ledger), Broker()
    broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    broker.take(plan, plan.pdu(status(full_snapshot(pdu="pdu2"), pdu="pdu2"), {}, MONO))
    left = Plan(settings(), ledger)
    for now_mono in (MONO, MONO + CLEAR_AFTER_S):
        broker.take(left, left.strangers(now_mono) + left.bridge({}, now_mono))
        broker.take(left, left.pdu(status(full_snapshot()), {}, now_mono))
    assert not [topic for topic in broker.held if "pdu2" in topic]
    assert set(ledger.devices) == {"pdu1"}


def test_a_pdu_is_announced_when_it_has_said_who_it_is() -> None:
    plan, broker = Plan(settings(), Ledger(None)), Broker()
    assert not [t for t in broker.take(plan, plan.pdu(status(bare_snapshot()), {}, MONO)) if "homeassistant" in t]
    assert plan.next_change_mono() == MONO + IDENTITY_GRACE_S
    assert DEVICE in broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO + 1.0))
    assert plan.next_change_mono() is None


def test_one_that_never_says_so_is_announced_after_a_while_and_keeps_that_identity() -> None:
    plan, broker = Plan(settings(), Ledger(None)), Broker()
    broker.take(plan, plan.pdu(status(bare_snapshot()), {}, MONO))
    late = MONO + IDENTITY_GRACE_S
    topic = "homeassistant/device/apcbridge_rack_a_pdu1/config"
    assert topic in broker.take(plan, plan.pdu(status(bare_snapshot()), {}, late))
    broker.take(plan, plan.pdu(status(full_snapshot()), {}, late))
    assert topic in broker.held
    assert DEVICE not in broker.held


def test_moving_to_the_other_form_is_announced_before_and_cleared_after() -> None:
    ledger = Ledger(None)
    old, broker = Plan(speaking(DiscoveryMode.DEVICE), ledger), Broker()
    broker.take(old, old.pdu(status(full_snapshot()), {}, MONO))
    new = Plan(speaking(DiscoveryMode.COMPONENT), ledger)
    publications = new.pdu(status(full_snapshot()), {}, MONO)
    about = [(p.payload, p.retain) for p in publications if p.topic == DEVICE]
    assert about == [(MIGRATE, False), (b"", True)]
    assert (publications[0].topic, publications[-1].topic) == (DEVICE, DEVICE)
    broker.take(new, publications)
    assert new.pdu(status(full_snapshot()), {}, MONO) == []


def test_withdrawn_and_announced_again() -> None:
    plan, broker = Plan(settings(), Ledger(None)), Broker()
    broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    plan.withdraw("pdu1")
    broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    assert DEVICE not in broker.held
    assert broker.held["apcbridge/pdu1/outlet/1/state"] == b"ON"
    plan.announce_again()
    broker.take(plan, plan.pdu(status(full_snapshot()), {}, MONO))
    assert DEVICE in broker.held


STATUSES = st.builds(
    lambda count, full, serial, link, age: (
        status(
            replace(
                full_snapshot(outlets=count) if full else bare_snapshot(outlets=count),
                identity=Identity(serial_number=serial, model="AP7920" if full else None),
            ),
            link,
        ),
        MONO + age,
    ),
    st.integers(0, 4),
    st.booleans(),
    st.sampled_from([None, "ZA1", "ZA2"]),
    st.sampled_from(list(LinkState)),
    st.floats(0.0, 100.0),
)
SETTINGS = st.builds(
    lambda mode, policy, own: settings(
        pdus={"pdu1": guarded(policy)},
        homeassistant=HomeAssistantSettings(discovery=mode, outlet_devices=own),
    ),
    st.sampled_from(list(DiscoveryMode)),
    st.sampled_from(list(Policy)),
    st.booleans(),
)


def steady(payload: bytes) -> bytes:
    return re.sub(rb'"uptime_s":[0-9]+', b"", payload)


@given(st.lists(st.tuples(SETTINGS, st.lists(STATUSES, min_size=1, max_size=4)), min_size=1, max_size=4))
def test_whatever_happened_the_broker_ends_up_as_if_it_had_not(
    lives: list[tuple[MqttSettings, list[tuple[PduStatus, float]]]],
) -> None:
    """After any history a settled broker holds exactly what a fresh broker would be given, and no orphan."""
    ledger, broker = Ledger(None), Broker()
    for settings_, readings in lives:
        plan = Plan(settings_, ledger)
        for reading, now_mono in readings:
            broker.take(plan, plan.pdu(reading, {}, now_mono))
    final = full_snapshot()
    for later_s in (0.0, 0.0, CLEAR_AFTER_S, 200.0, 200.0 + CLEAR_AFTER_S):
        broker.take(plan, plan.pdu(status(final), {}, MONO + later_s))
    plan.forget_published()
    fresh = Broker()
    fresh.take(plan, plan.pdu(status(final), {}, MONO + 200.0 + CLEAR_AFTER_S))
    assert {t: steady(p) for t, p in broker.held.items()} == {t: steady(p) for t, p in fresh.held.items()}
    assert ledger.topics.get("pdu1", set()) == fresh.held.keys()


def test_a_renamed_pdu_is_the_same_device_whoever_comes_first() -> None:
    for reading_first in (True, False):
        ledger, broker = Ledger(None), Broker()
        broker.take(old := Plan(settings(), ledger), old.pdu(status(full_snapshot()), {}, MONO))
        plan = Plan(settings(pdus={"cellar": PduView()}), ledger)
        renamed = status(replace(full_snapshot(), pdu="cellar"), pdu="cellar")
        steps = (partial(plan.pdu, renamed, {}), plan.strangers)
        said: list[tuple[str, bytes]] = []
        for now_mono in (MONO, MONO + CLEAR_AFTER_S + 1, MONO + 2 * CLEAR_AFTER_S + 2):
            for step in steps if reading_first else reversed(steps):
                publications = step(now_mono)
                said += [(p.topic, p.payload) for p in publications]
                broker.take(plan, publications)
        assert [topic for topic in broker.held if topic.startswith("homeassistant/")] == [DEVICE]
        assert (DEVICE, b"") not in said, "its entities never go"
        assert not [topic for topic in broker.held if topic.startswith("apcbridge/pdu1/")]
        assert b"apcbridge/cellar/outlet/1/state" in broker.held[DEVICE]


def test_a_pdu_that_is_gone_is_offline_at_once_and_waits_for_no_newcomer_for_ever() -> None:
    ledger, broker = Ledger(None), Broker()
    broker.take(old := Plan(settings(), ledger), old.pdu(status(full_snapshot()), {}, MONO))
    plan = Plan(settings(pdus={"cellar": PduView()}), ledger)
    assert broker.take(plan, plan.strangers(MONO)) == ["apcbridge/pdu1/availability"]
    assert broker.held["apcbridge/pdu1/availability"] == b"offline"
    assert plan.next_change_mono() == MONO + IDENTITY_GRACE_S
    assert broker.take(plan, plan.strangers(MONO + 1)) == []
    assert broker.take(plan, plan.strangers(MONO + IDENTITY_GRACE_S)) == [DEVICE], "the entities go first"
    broker.take(plan, plan.strangers(MONO + IDENTITY_GRACE_S + CLEAR_AFTER_S))
    assert not broker.held
    assert plan.next_change_mono() is None
