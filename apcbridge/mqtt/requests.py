"""Messages from the broker -> commands and bridge requests, or the refusal that says why not. Pure.

The whitelist is strict: exact upper-case words, or a JSON object with exactly the keys of the contract. What is not
understood never acts; it does not fall back to anything.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.commands import DEFAULT_TTL_S, Command, Origin
from apcbridge.errors import MalformedCommand, RetainedCommand
from apcbridge.model import Action, Setting
from apcbridge.mqtt.topics import BridgeRequest, OutletConfig, OutletSet

if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOAD_LIMIT = 1024
"""Bytes; anything longer is refused unread."""
TTL_MIN_S = 1.0
TTL_MAX_S = 3600.0
NAME_LIMIT = 23
"""Longest outlet label that any known firmware takes; the PDU itself may take fewer."""

_RANGES = {Setting.ON_DELAY: (-1, 7200), Setting.OFF_DELAY: (-1, 7200), Setting.REBOOT_DURATION: (5, 60)}
"""Seconds, -1 is never: the ranges that the consoles print beside their prompts."""
_ID = re.compile(r"[!-~]{1,64}", re.ASCII)
_NAME = re.compile(rf"[ -~]{{1,{NAME_LIMIT}}}", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,5}", re.ASCII)
_SET_KEYS = frozenset({"command", "id", "ttl"})

JsonValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message as it came from the broker."""

    topic: str
    payload: bytes
    retain: bool = False
    dup: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = None
    """What is left of the MQTT 5 Message Expiry Interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a ``set`` payload asks for."""

    action: Action
    id: str | None = None
    ttl_s: float = DEFAULT_TTL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbRequest:
    """What a bridge request asks for."""

    verb: str
    transaction: str | int | None
    arguments: Mapping[str, JsonValue]


def decode_command(
    route: OutletSet | OutletConfig, message: Incoming, fallback_id: str, now_mono: float, now_at: float
) -> Command | None:
    """Turn a message on a command topic into a command; None for an empty one, which is how topics are cleared.

    ``fallback_id`` names the command where the asker did not. Raises RetainedCommand and MalformedCommand.
    """
    if not message.payload:
        return None
    if message.retain:
        raise RetainedCommand("the message is retained: an old one, never acted upon; publish without the retain flag")
    text = _text(message.payload)
    value: str | int | None = None
    if isinstance(route, OutletSet):
        wanted = _parse_set(text)
        action: Action | Setting = wanted.action
        command_id, ttl_s = wanted.id or fallback_id, wanted.ttl_s
    else:
        action, value = route.setting, parse_setting(route.setting, text)
        command_id, ttl_s = fallback_id, DEFAULT_TTL_S
    if message.expiry_s is not None:
        ttl_s = min(ttl_s, float(message.expiry_s))
    return Command(
        id=command_id,
        origin=Origin.MQTT,
        principal="mqtt",
        pdu=route.pdu,
        outlet=route.outlet,
        action=action,
        value=value,
        received_at=now_at,
        received_mono=now_mono,
        deadline_mono=now_mono + ttl_s,
    )


def decode_request(route: BridgeRequest, message: Incoming) -> VerbRequest:
    """Turn a message on a request topic into a request. An empty payload is a request without arguments.

    Raises RetainedCommand and MalformedCommand.
    """
    if message.retain:
        raise RetainedCommand("the request is retained: an old one, never acted upon; publish without the retain flag")
    fields = _object(_text(message.payload)) if message.payload else {}
    transaction = fields.pop("transaction", None)
    if not isinstance(transaction, str | int | None) or isinstance(transaction, bool):
        raise MalformedCommand("transaction must be a string or an integer")
    return VerbRequest(verb=route.verb, transaction=transaction, arguments=fields)


def parse_setting(setting: Setting, text: str) -> str | int:
    """Return the new value of a setting; raise MalformedCommand if the PDU could not take it."""
    if setting is Setting.NAME:
        if not _NAME.fullmatch(text) or text != text.strip():
            raise MalformedCommand(f"a name is 1 to {NAME_LIMIT} printable ASCII characters, no blanks at its ends")
        return text
    low, high = _RANGES[setting]
    if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
        raise MalformedCommand(f"{setting} is a whole number of seconds from {low} to {high}")
    return int(text)


def _parse_set(text: str) -> Wanted:
    if not text.startswith("{"):
        return Wanted(action=_action(text))
    fields = _object(text)
    if unknown := fields.keys() - _SET_KEYS:
        raise MalformedCommand(f"unknown key {min(unknown)!r:.40}; known are command, id, ttl")
    if "command" not in fields:
        raise MalformedCommand("the key command is missing")
    command_id = fields.get("id")
    if "id" in fields and not (isinstance(command_id, str) and _ID.fullmatch(command_id)):
        raise MalformedCommand("id is a string of 1 to 64 printable ASCII characters without blanks")
    return Wanted(
        action=_action(fields["command"]),
        id=command_id if isinstance(command_id, str) else None,
        ttl_s=_ttl(fields["ttl"]) if "ttl" in fields else DEFAULT_TTL_S,
    )


def _action(word: JsonValue) -> Action:
    if not isinstance(word, str) or word not in Action.__members__:
        raise MalformedCommand(f"{word!r:.40} is no command; known are {' '.join(Action)}")
    return Action(word)


def _ttl(value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not TTL_MIN_S <= value <= TTL_MAX_S:
        raise MalformedCommand(f"ttl is a number of seconds from {TTL_MIN_S:g} to {TTL_MAX_S:g}")
    return float(value)


def _text(payload: bytes) -> str:
    if len(payload) > PAYLOAD_LIMIT:
        raise MalformedCommand(f"the payload has {len(payload)} bytes, at most {PAYLOAD_LIMIT} are looked at")
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedCommand("the payload is not UTF-8") from None


def _object(text: str) -> dict[str, JsonValue]:
    """Read a flat JSON object; nothing in the contract is nested."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MalformedCommand("the payload is not a JSON object that could be read") from None
    if not isinstance(value, dict):
        raise MalformedCommand("the payload is not a JSON object")
    if any(isinstance(item, dict | list) or (isinstance(item, float) and math.isinf(item)) for item in value.values()):
        raise MalformedCommand("the values of the JSON object must be plain")
    return value


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key appears twice")
    return fields


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
