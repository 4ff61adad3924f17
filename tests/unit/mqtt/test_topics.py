"""Names of topics, both ways."""

from __future__ import annotations

import pytest

from apcbridge.model import Setting
from apcbridge.mqtt.topics import BridgeRequest, OutletConfig, OutletSet, Topics, usable_response_topic

TOPICS = Topics("apcbridge", "rack-a")


def test_names_are_those_of_the_contract() -> None:
    assert TOPICS.bridge("state") == "apcbridge/bridge/rack-a/state"
    assert TOPICS.pdu("pdu1", "availability") == "apcbridge/pdu1/availability"
    assert TOPICS.outlet("pdu1", 3) == "apcbridge/pdu1/outlet/3"
    assert TOPICS.outlet("pdu1", 3, "state") == "apcbridge/pdu1/outlet/3/state"
    assert TOPICS.outlet("pdu1", None, "result") == "apcbridge/pdu1/outlet/all/result"


def test_only_our_own_pdus_are_subscribed_to() -> None:
    assert TOPICS.command_filters(["pdu1"]) == (
        "apcbridge/bridge/rack-a/request/+",
        "apcbridge/pdu1/outlet/+/set",
        "apcbridge/pdu1/outlet/+/config/+/set",
    )


@pytest.mark.parametrize(
    ("topic", "route"),
    [
        ("apcbridge/pdu1/outlet/3/set", OutletSet("pdu1", 3)),
        ("apcbridge/pdu1/outlet/all/set", OutletSet("pdu1", None)),
        ("apcbridge/pdu1/outlet/24/config/name/set", OutletConfig("pdu1", 24, Setting.NAME)),
        ("apcbridge/pdu1/outlet/1/config/reboot_duration/set", OutletConfig("pdu1", 1, Setting.REBOOT_DURATION)),
        ("apcbridge/bridge/rack-a/request/refresh", BridgeRequest("refresh")),
    ],
)
def test_routes(topic: str, route: object) -> None:
    assert TOPICS.route(topic) == route
    assert TOPICS.is_command(topic, {"pdu1"})


@pytest.mark.parametrize(
    "topic",
    [
        "apcbridge/pdu1/outlet/0/set", "apcbridge/pdu1/outlet/03/set", "apcbridge/pdu1/outlet/-1/set",
        "apcbridge/pdu1/outlet/1000/set", "apcbridge/pdu1/outlet/\u00b2/set", "apcbridge/pdu1/outlet/\u0663/set",
        "apcbridge/pdu1/outlet/ALL/set", "apcbridge/pdu1/outlet//set", "apcbridge/pdu1/outlet/3", "apcbridge/pdu1/set",
        "apcbridge/pdu1/outlet/3/set/", "apcbridge/pdu1/outlet/3/config/pdu_name/set",
        "apcbridge/pdu1/outlet/all/config/name/set", "apcbridge/bridge/outlet/3/set",
        "apcbridge/bridge/other/request/refresh", "apcbridge/bridge/rack-a/request/UP", "other/pdu1/outlet/3/set", "",
        "apcbridge", "apcbridge/" + "x" * 600 + "/outlet/3/set",
    ],
)  # fmt: skip
def test_everything_else_leads_nowhere(topic: str) -> None:
    assert TOPICS.route(topic) is None


@pytest.mark.parametrize(
    "topic",
    ["apcbridge/pdu1/outlet/1/state", "apcbridge/pdu2/outlet/1/set", "homeassistant/status", "apcbridge/pdu1/info",
     "apcbridge/bridge/other/request/x", "x"],
)  # fmt: skip
def test_what_was_not_subscribed_to_is_not_ours_to_touch(topic: str) -> None:
    assert not TOPICS.is_command(topic, {"pdu1"})


@pytest.mark.parametrize(
    "topic", ["", "a/+/b", "#", "$SYS/broker", "apcbridge", "apcbridge/x", "ha/device/x", "a\0b", "x" * 513]
)
def test_response_topics_that_would_loop(topic: str) -> None:
    assert not usable_response_topic(topic, ("apcbridge", "ha"))


@pytest.mark.parametrize("topic", ["client/reply", "apcbridges/x", "hat"])
def test_response_topics_that_are_the_askers_own(topic: str) -> None:
    assert usable_response_topic(topic, ("apcbridge", "ha"))
