"""Only exactly the words of the contract act."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.errors import MalformedCommand
from apcbridge.model import Action
from apcbridge.web.orders import Order, parse_order


@pytest.mark.parametrize("action", Action)
def test_every_action_of_the_contract_is_known(action: Action) -> None:
    assert parse_order(json.dumps({"command": action.value}).encode()) == Order(action=action)


def test_everything_that_can_be_said_is_understood() -> None:
    body = b'{"command": "REBOOT", "id": "a-1", "ttl": 2.5, "wait": true}'
    assert parse_order(body) == Order(action=Action.REBOOT, id="a-1", ttl_s=2.5, wait=True)


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (b"", "JSON"),
        (b"ON", "JSON"),
        (b'"ON"', "object"),
        (b'["ON"]', "object"),
        (b"{}", "command"),
        (b'{"command": "on"}', "command"),
        (b'{"command": " ON"}', "command"),
        (b'{"command": ["ON"]}', "command"),
        (b'{"command": null}', "command"),
        (b'{"command": "ON", "command": "OFF"}', "twice"),
        (b'{"command": "ON", "delay": 5}', "delay"),
        (b'{"command": "ON", "id": ""}', "id"),
        (b'{"command": "ON", "id": 7}', "id"),
        (b'{"command": "ON", "id": null}', "id"),
        (b'{"command": "ON", "id": "a b"}', "id"),
        (b'{"command": "ON", "id": "' + b"x" * 65 + b'"}', "id"),
        (b'{"command": "ON", "ttl": "20"}', "ttl"),
        (b'{"command": "ON", "ttl": 0}', "ttl"),
        (b'{"command": "ON", "ttl": true}', "ttl"),
        (b'{"command": "ON", "ttl": 1e99}', "ttl"),
        (b'{"command": "ON", "ttl": 1' + b"0" * 400 + b"}", "ttl"),
        (b'{"command": "ON", "ttl": NaN}', "NaN"),
        (b'{"command": "ON", "ttl": null}', "ttl"),
        (b'{"command": "ON", "wait": 1}', "wait"),
        (b"[" * 4000, "JSON"),
        (b'{"command": "ON"} {"command": "OFF"}', "JSON"),
        (b'\xff{"command": "ON"}', "JSON"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_reason(body: bytes, about: str) -> None:
    with pytest.raises(MalformedCommand, match=about):
        parse_order(body)


@given(st.binary(max_size=200))
def test_no_bytes_but_json_with_a_command_become_an_order(body: bytes) -> None:
    try:
        order = parse_order(body)
    except MalformedCommand:
        return
    assert json.loads(body)["command"] == order.action.value
