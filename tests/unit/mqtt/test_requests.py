"""What a message asks for."""

from __future__ import annotations

import json

import pytest

from apcbridge.errors import CommandRefused, MalformedCommand, RetainedCommand
from apcbridge.model import Action, Setting
from apcbridge.mqtt.requests import Incoming, decode_command, decode_request, parse_setting
from apcbridge.mqtt.topics import BridgeRequest, OutletConfig, OutletSet

ROUTE = OutletSet("pdu1", 3)


def message(payload: str | bytes, *, retain: bool = False, expiry_s: int | None = None) -> Incoming:
    raw = payload.encode() if isinstance(payload, str) else payload
    return Incoming(topic="apcbridge/pdu1/outlet/3/set", payload=raw, retain=retain, expiry_s=expiry_s)


@pytest.mark.parametrize("word", list(Action))
def test_plain_words(word: Action) -> None:
    command = decode_command(ROUTE, message(word.value), "made-up", 100.0, 1.7e9)
    assert command is not None
    assert (command.action, command.id, command.pdu, command.outlet) == (word, "made-up", "pdu1", 3)
    assert (command.received_mono, command.deadline_mono) == (100.0, 120.0)


def test_json_with_everything() -> None:
    payload = json.dumps({"command": "REBOOT", "id": "job:7", "ttl": 2.5})
    command = decode_command(ROUTE, message(payload), "made-up", 100.0, 1.7e9)
    assert command is not None
    assert (command.action, command.id, command.deadline_mono) == (Action.REBOOT, "job:7", 102.5)


def test_a_message_that_is_about_to_expire_has_no_longer_to_live() -> None:
    command = decode_command(ROUTE, message("OFF", expiry_s=3), "x", 100.0, 1.7e9)
    assert command is not None
    assert command.deadline_mono == 103.0


def test_an_empty_payload_asks_for_nothing_even_if_retained() -> None:
    assert decode_command(ROUTE, message(""), "x", 0.0, 0.0) is None
    assert decode_command(ROUTE, message("", retain=True), "x", 0.0, 0.0) is None


def test_retained_is_refused_before_it_is_read() -> None:
    with pytest.raises(RetainedCommand):
        decode_command(ROUTE, message("OFF", retain=True), "x", 0.0, 0.0)


@pytest.mark.parametrize(
    "payload",
    ["on", "On", " ON", "ON ", "ON\n", "\ufeffON", "ON\0", "ONOFF", "1", "true", "[]", '["ON"]', "null", '"ON"',
     b"\xff", "{", "{}", '{"command":null}', '{"command":"ON","command":"OFF"}', '{"command":["ON"]}',
     '{"command":"ON","extra":1}', '{"command":"ON","id":7}', '{"command":"ON","id":""}', '{"command":"ON","id":"a b"}',
     '{"command":"ON","id":null}', '{"command":"ON","ttl":"5"}', '{"command":"ON","ttl":0.5}',
     '{"command":"ON","ttl":1e999}', '{"command":"ON","ttl":NaN}', '{"command":"ON","ttl":true}',
     '{"command":"ON","ttl":3601}', '{"command":"ON","ttl":null}', '{"command":"ON"}x',
     '{"command":"ON","id":"' + "x" * 65 + '"}', '{"a":' * 170 + "1" + "}" * 170, "X" * 1025,
     '{"command":"ON","ttl":1' + "0" * 900 + "}"],
)  # fmt: skip
def test_nothing_else_is_a_command(payload: str | bytes) -> None:
    with pytest.raises(MalformedCommand):
        decode_command(ROUTE, message(payload), "x", 0.0, 0.0)


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (Setting.NAME, "web server #1", "web server #1"),
        (Setting.NAME, "x" * 23, "x" * 23),
        (Setting.ON_DELAY, "-1", -1),
        (Setting.OFF_DELAY, "7200", 7200),
        (Setting.REBOOT_DURATION, "5", 5),
    ],
)
def test_settings(setting: Setting, text: str, value: str | int) -> None:
    assert parse_setting(setting, text) == value


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (Setting.NAME, "x" * 24), (Setting.NAME, " x"), (Setting.NAME, "a\rb"), (Setting.NAME, "a\x1b[2J"),
        (Setting.NAME, "größe"), (Setting.ON_DELAY, "-2"), (Setting.ON_DELAY, "7201"), (Setting.ON_DELAY, "5.0"),
        (Setting.ON_DELAY, "+5"), (Setting.ON_DELAY, "5 "), (Setting.ON_DELAY, "\u0665"),
        (Setting.REBOOT_DURATION, "4"),        (Setting.REBOOT_DURATION, "61"), (Setting.OFF_DELAY, "1" * 400),
    ],
)  # fmt: skip
def test_settings_that_the_console_would_not_take_or_that_would_type_more(setting: Setting, text: str) -> None:
    with pytest.raises(MalformedCommand):
        parse_setting(setting, text)


def test_a_setting_becomes_a_command() -> None:
    command = decode_command(OutletConfig("pdu1", 3, Setting.NAME), message("nas"), "x", 100.0, 0.0)
    assert command is not None
    assert (command.action, command.value) == (Setting.NAME, "nas")


def test_requests() -> None:
    route = BridgeRequest("ha_remove")
    request = decode_request(route, message('{"transaction":"t","pdu":"pdu1"}'))
    assert (request.verb, request.transaction, request.arguments) == ("ha_remove", "t", {"pdu": "pdu1"})
    assert decode_request(route, message("")).arguments == {}


@pytest.mark.parametrize(
    "payload", ["x", "[]", '{"transaction":[]}', '{"transaction":true}', '{"transaction":1.5}', '{"a":{}}', b"\xff"]
)
def test_bad_requests(payload: str | bytes) -> None:
    with pytest.raises(MalformedCommand):
        decode_request(BridgeRequest("x"), message(payload))


def test_a_retained_request_is_an_old_one() -> None:
    with pytest.raises(CommandRefused):
        decode_request(BridgeRequest("reload"), message("{}", retain=True))
