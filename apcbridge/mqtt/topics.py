"""The names of every MQTT topic, both ways. Pure.

Outlet names and other words of the PDU never become part of a topic: only ids of the configuration and numbers do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.model import Setting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

TOPIC_LIMIT = 512
"""Longest topic we look at, characters; ours are far shorter."""

_NUMBER = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_VERB = re.compile(r"[a-z_]{1,32}", re.ASCII)
OUTLET_SETTINGS = frozenset({Setting.NAME, Setting.ON_DELAY, Setting.OFF_DELAY, Setting.REBOOT_DURATION})


@dataclass(frozen=True, slots=True)
class OutletSet:
    """``P/outlet/N/set``; ``outlet`` is None for ``all``."""

    pdu: str
    outlet: int | None


@dataclass(frozen=True, slots=True)
class OutletConfig:
    """``P/outlet/N/config/S/set``."""

    pdu: str
    outlet: int
    setting: Setting


@dataclass(frozen=True, slots=True)
class BridgeRequest:
    """``bridge/B/request/V``."""

    verb: str


Route = OutletSet | OutletConfig | BridgeRequest


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one bridge."""

    base: str
    bridge_id: str

    def bridge(self, leaf: str) -> str:
        """Name a topic of the bridge itself: ``state``, ``info``, ``response/refresh`` ..."""
        return f"{self.base}/bridge/{self.bridge_id}/{leaf}"

    def pdu(self, pdu: str, leaf: str) -> str:
        """Name a topic of a PDU: ``availability``, ``info``, ``load``, ``nmc``, ``event``."""
        return f"{self.base}/{pdu}/{leaf}"

    def outlet(self, pdu: str, outlet: int | None, leaf: str = "") -> str:
        """Name a topic of an outlet (None: all of them); without a leaf that of its JSON document."""
        number = "all" if outlet is None else outlet
        return f"{self.base}/{pdu}/outlet/{number}{f'/{leaf}' if leaf else ''}"

    def command_filters(self, pdus: Iterable[str]) -> tuple[str, ...]:
        """List the filters under which commands reach us: those of our own PDUs, not those of a neighbour bridge."""
        own = [f"{self.base}/{pdu}/outlet/+/{tail}" for pdu in pdus for tail in ("set", "config/+/set")]
        return (self.bridge("request/+"), *own)

    def is_command(self, topic: str, pdus: Collection[str]) -> bool:
        """Tell whether a topic lies under :meth:`command_filters`; a broker may send what nobody asked for."""
        if topic.startswith(self.bridge("request/")):
            return True
        pdu, _, rest = topic.removeprefix(f"{self.base}/").partition("/")
        return (
            topic.startswith(f"{self.base}/") and pdu in pdus and rest.startswith("outlet/") and rest.endswith("/set")
        )

    def route(self, topic: str) -> Route | None:
        """Tell what a message on ``topic`` asks for; None if it is none of ours or names what cannot be."""
        prefix = f"{self.base}/"
        if len(topic) > TOPIC_LIMIT or not topic.startswith(prefix):
            return None
        match topic.removeprefix(prefix).split("/"):
            case ["bridge", bridge_id, "request", verb] if bridge_id == self.bridge_id and _VERB.fullmatch(verb):
                return BridgeRequest(verb)
            case ["bridge", *_]:
                return None
            case [pdu, "outlet", "all", "set"]:
                return OutletSet(pdu, None)
            case [pdu, "outlet", number, "set"] if _NUMBER.fullmatch(number):
                return OutletSet(pdu, int(number))
            case [pdu, "outlet", number, "config", setting, "set"] if (
                _NUMBER.fullmatch(number) and setting in OUTLET_SETTINGS
            ):
                return OutletConfig(pdu, int(number), Setting(setting))
        return None


def packet_bytes(topic: str, payload: bytes) -> int:
    """Return how large a PUBLISH packet gets at most: fixed header, two lengths, packet id, and no properties."""
    return len(topic.encode()) + len(payload) + 16


def usable_response_topic(topic: str, own_roots: Iterable[str]) -> bool:
    """Tell whether an MQTT 5 Response Topic may be published to.

    Not with wildcards, not the broker's ``$`` tree, and nothing at or under ``own_roots``: an answer there would loop
    back as a command, or pass for a state.
    """
    if not topic or len(topic) > TOPIC_LIMIT or topic.startswith("$") or any(c in topic for c in "+#\0"):
        return False
    return not any(topic == root or topic.startswith(f"{root}/") for root in own_roots)
