"""The body of a POST -> what is asked for. Strict: what is not understood never acts. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from apcbridge.commands import DEFAULT_TTL_S
from apcbridge.errors import MalformedCommand
from apcbridge.model import Action

TTL_MIN_S = 1.0
TTL_MAX_S = 3600.0

_ID = re.compile(r"[!-~]{1,64}", re.ASCII)
_KEYS = frozenset({"command", "id", "ttl", "wait"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a request to switch asks for."""

    action: Action
    id: str | None = None
    ttl_s: float = DEFAULT_TTL_S
    wait: bool = False
    """Answer with the terminal result instead of at once."""


def parse_order(body: bytes) -> Order:
    """Read ``{"command": "OFF", "id": "…", "ttl": 20, "wait": true}``; raise MalformedCommand with what is wrong."""
    fields = _object(body)
    if unknown := fields.keys() - _KEYS:
        raise MalformedCommand(f"unknown key {min(unknown)!r:.40}; known are command, id, ttl, wait")
    wait = fields.get("wait", False)
    if not isinstance(wait, bool):
        raise MalformedCommand("wait must be true or false")
    return Order(action=_action(fields.get("command")), id=_id(fields), ttl_s=_ttl_s(fields), wait=wait)


def _object(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedCommand(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise MalformedCommand('the body must be a JSON object such as {"command": "ON"}')
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a key that comes twice: readers disagree on which one counts."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key comes twice")
    return fields


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _action(word: object) -> Action:
    if isinstance(word, str) and word in Action.__members__:
        return Action(word)
    raise MalformedCommand(f"command must be one of {', '.join(Action)}")


def _id(fields: dict[str, object]) -> str | None:
    if "id" not in fields:
        return None
    value = fields["id"]
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise MalformedCommand("id must be 1 to 64 printable ASCII characters without blanks")


def _ttl_s(fields: dict[str, object]) -> float:
    value = fields.get("ttl", DEFAULT_TTL_S)
    if isinstance(value, int | float) and not isinstance(value, bool) and TTL_MIN_S <= value <= TTL_MAX_S:
        return float(value)
    raise MalformedCommand(f"ttl must be a number of seconds from {TTL_MIN_S:g} to {TTL_MAX_S:g}")
