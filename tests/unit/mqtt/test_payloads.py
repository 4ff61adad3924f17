"""What is known of a PDU, as it stands on the broker."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from apcbridge.commands import ResultStatus
from apcbridge.facts import PduView
from apcbridge.model import Event, EventType, LinkState, OutletState, PduStatus, Policy
from apcbridge.mqtt.payloads import (
    Retained,
    event_payload,
    pdu_topics,
    rejection_payload,
    result_payload,
)
from apcbridge.mqtt.topics import Topics

from .samples import AT, MONO, bare_snapshot, full_snapshot, outlet, result, status

TOPICS = Topics("apcbridge", "rack-a")
VIEW = PduView(policies={3: Policy.NO_OFF})


def wanted(status_: PduStatus, now_mono: float = MONO + 1.0) -> dict[str, Retained]:
    return pdu_topics(TOPICS, status_, VIEW, {2: result()}, now_mono)


def document(topics: dict[str, Retained], topic: str) -> dict[str, object]:
    value = json.loads(topics[topic].payload)
    assert isinstance(value, dict)
    return value


def test_all_topics_of_a_pdu() -> None:
    topics = wanted(status(full_snapshot()))
    assert list(topics) == [
        "apcbridge/pdu1/info",
        "apcbridge/pdu1/outlet/1/state",
        "apcbridge/pdu1/outlet/1",
        "apcbridge/pdu1/outlet/2/state",
        "apcbridge/pdu1/outlet/2",
        "apcbridge/pdu1/outlet/3/state",
        "apcbridge/pdu1/outlet/3",
        "apcbridge/pdu1/load",
        "apcbridge/pdu1/nmc",
        "apcbridge/pdu1/availability",
    ]


def test_without_a_reading_only_the_availability_is_known() -> None:
    topics = wanted(status(None, LinkState.CONNECTING))
    assert {topic: value.payload for topic, value in topics.items()} == {"apcbridge/pdu1/availability": b"offline"}


@pytest.mark.parametrize(
    ("age_s", "link", "available"),
    [
        (29.9, LinkState.UP, True),
        (30.0, LinkState.UP, False),
        (0.0, LinkState.SILENT, False),
        (0.0, LinkState.LOST, False),
        (0.0, LinkState.CONNECTING, False),
    ],
)
def test_availability_needs_fresh_readings_and_a_console_that_answers(
    age_s: float, link: LinkState, *, available: bool
) -> None:
    topics = wanted(status(full_snapshot(), link), MONO + age_s)
    assert topics["apcbridge/pdu1/availability"].payload == (b"online" if available else b"offline")
    position = list(topics).index("apcbridge/pdu1/availability")
    assert position == (len(topics) - 1 if available else 0), "bad news first, good news last"


def test_state_is_a_bare_word() -> None:
    topics = wanted(status(replace(full_snapshot(), outlets=(outlet(1), outlet(2, state=OutletState.OFF)))))
    assert topics["apcbridge/pdu1/outlet/1/state"].payload == b"ON"
    assert topics["apcbridge/pdu1/outlet/2/state"].payload == b"OFF"


def test_the_document_of_an_outlet() -> None:
    topics = wanted(status(full_snapshot()))
    two, three = document(topics, "apcbridge/pdu1/outlet/2"), document(topics, "apcbridge/pdu1/outlet/3")
    assert two == {
        "state": "ON",
        "pending": True,
        "pending_command": "DELAYED_OFF",
        "name": "Outlet 2",
        "label": "Outlet 2",
        "policy": "normal",
        "last_change": None,
        "last_command": {
            "id": "job-1",
            "command": "OFF",
            "status": "confirmed",
            "origin": "mqtt",
            "ts": "2023-11-14T22:13:23.000Z",
        },
        "on_delay": 0,
        "off_delay": -1,
        "reboot_duration": 5,
        "phase": 1,
        "bank": 1,
        "read_at": "2023-11-14T22:13:20.000Z",
    }
    assert (three["name"], three["label"], three["policy"]) == ("nas", "Outlet 3", "no-off")
    assert three["last_command"] is None


def test_a_new_reading_of_the_same_things_is_no_reason_to_publish() -> None:
    first = wanted(status(full_snapshot()), MONO + 1.0)
    later = full_snapshot()
    aged = tuple(replace(o, read_at=AT + 10.0, read_mono=MONO + 10.0) for o in later.outlets)
    second = wanted(
        status(replace(later, seq=2, taken_at=AT + 10.0, taken_mono=MONO + 10.0, outlets=aged)), MONO + 11.0
    )
    assert {t: v.same_as for t, v in first.items()} == {t: v.same_as for t, v in second.items()}
    assert first["apcbridge/pdu1/nmc"].payload != second["apcbridge/pdu1/nmc"].payload, "up time moves on"


def test_the_management_card() -> None:
    nmc = document(wanted(status(full_snapshot())), "apcbridge/pdu1/nmc")
    assert nmc["boot_time"] == "2023-11-14T22:03:20.000Z"
    assert nmc["uptime_s"] == 601
    assert (nmc["reboot_count"], nmc["watchdog_reboot_count"]) == (7, 6)
    assert nmc["reboots_by_cause"] == {"power": 1, "watchdog": 6}
    assert nmc["last_reboot"] == {
        "id": "r7",
        "at": "2023-11-14T22:03:20.000Z",
        "cause": "watchdog",
        "evidence": ["up time fell"],
    }
    assert (nmc["interval_s"], nmc["next_expected"], nmc["watchdog"]) == (570.0, "2023-11-14T22:12:50.000Z", True)
    assert (nmc["jitter_s"], nmc["next_expected_error_s"]) == (4.0, 60.0)
    day = {"count": 6, "interval_s": 571.0, "jitter_s": 4.0}
    week = {"count": 7, "interval_s": 570.0, "jitter_s": 5.0}
    assert nmc["statistics"] == {"24h": day, "7d": week, "all": week}
    assert nmc["diagnosis"] == "the card has no network link (P+ N- A+): connect its Ethernet port"


def test_what_the_console_does_not_tell_is_null_and_never_zero() -> None:
    topics = wanted(status(bare_snapshot()))
    assert "apcbridge/pdu1/load" not in topics
    nmc = document(topics, "apcbridge/pdu1/nmc")
    assert [nmc[key] for key in ("boot_time", "uptime_s", "last_reboot", "interval_s")] == [None] * 4
    info = document(topics, "apcbridge/pdu1/info")
    assert info["model"] is None
    assert info["outlets"] == 3


def test_load() -> None:
    load = document(wanted(status(full_snapshot())), "apcbridge/pdu1/load")
    assert (load["amperes"], load["watts"], load["state"]) == (1.2, 276, "near_overload")
    assert load["phases"] == [
        {"index": 1, "amperes": 1.2, "state": "normal", "low": 0, "near_overload": 12, "overload": 16}
    ]


@pytest.mark.parametrize("name", ["ON\x1b[2Jx", "a\nb", "\0", "#", "+/x", "x" * 200, "выход", "\ud800"])
def test_names_are_shown_clean_and_never_become_topics(name: str) -> None:
    snapshot = replace(full_snapshot(), outlets=(outlet(1, name=name),))
    topics = wanted(status(snapshot))
    assert set(topics) == set(wanted(status(full_snapshot(outlets=1))))
    shown = document(topics, "apcbridge/pdu1/outlet/1")["name"]
    assert isinstance(shown, str)
    assert 0 < len(shown) <= 64
    assert shown.isprintable()


def test_events_keep_their_own_keys() -> None:
    event = Event(id="e1", pdu="pdu1", type=EventType.OVERLOAD, at=AT, details={"bank": 2, "event_type": "x", "ts": 0})
    assert json.loads(event_payload(event)) == {
        "bank": 2,
        "id": "e1",
        "event_type": "overload",
        "pdu": "pdu1",
        "ts": "2023-11-14T22:13:20.000Z",
    }


def test_an_event_tells_when_it_happened_as_it_tells_when_it_was_noticed() -> None:
    event = Event(id="e1", pdu="pdu1", type=EventType.POWER_REBOOT, at=AT, details={"at": AT - 60})
    assert json.loads(event_payload(event))["at"] == "2023-11-14T22:12:20.000Z"


def test_results_name_the_door_and_never_the_principal() -> None:
    payload = result_payload(result(ResultStatus.UNKNOWN))
    assert b"secret" not in payload
    assert json.loads(payload) == {
        "id": "job-1",
        "command": "OFF",
        "status": "unknown",
        "detail": "read back",
        "ts": "2023-11-14T22:13:23.000Z",
        "pdu": "pdu1",
        "outlet": 2,
        "origin": "mqtt",
    }


def test_a_rejection_has_the_same_keys_as_a_result() -> None:
    rejection = json.loads(rejection_payload("pdu1", 2, "not UTF-8", AT))
    assert rejection.keys() == json.loads(result_payload(result())).keys()
    assert rejection["status"] == "refused"
