"""Somebody else speaks on our topics."""

from __future__ import annotations

from apcbridge.mqtt.intruders import REMEMBERED_S, REPAIRS, Intruders
from apcbridge.mqtt.requests import Incoming
from apcbridge.mqtt.topics import Topics

TOPIC = "apcbridge/pdu1/availability"


def intruders() -> Intruders:
    return Intruders(Topics("apcbridge", "rack-a"))


def said(payload: bytes = b"online") -> Incoming:
    return Incoming(topic=TOPIC, payload=payload)


def test_one_topic_of_each_pdu_is_listened_on() -> None:
    assert intruders().filters(["pdu1", "pdu2"]) == (TOPIC, "apcbridge/pdu2/availability")


def test_a_slip_is_repaired_and_said_for_as_long_as_another_bridge_may_be_there() -> None:
    found = intruders()
    assert found.problems(["pdu1"], 0) == []
    assert found.heard(said(b"offline"), b"online", 1.0)
    assert TOPIC in found.problems(["pdu1"], 2.0)[0]
    assert found.problems(["pdu1"], 1.0 + REMEMBERED_S) == []


def test_two_bridges_do_not_overwrite_each_other_for_ever() -> None:
    found = intruders()
    repairs = [found.heard(said(b"offline"), b"online", float(second)) for second in range(60)]
    assert repairs.count(True) == 1 + REPAIRS, "one to let the newcomer know"
    assert not any(found.heard(said(b"online"), b"online", float(second)) for second in range(60, 120))


def test_a_cleared_topic_is_filled_again_and_nobody_accused() -> None:
    found = intruders()
    assert found.heard(said(b""), b"online", 1.0)
    assert found.problems(["pdu1"], 2.0) == []
