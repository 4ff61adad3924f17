"""Requests to the bridge itself: ``bridge/B/request/V`` -> ``bridge/B/response/V``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from apcbridge.errors import ApcBridgeError, MalformedCommand, UnknownPdu
from apcbridge.facts import Json, encode
from apcbridge.mqtt.connection import Outgoing
from apcbridge.mqtt.requests import JsonValue
from apcbridge.mqtt.topics import Topics

if TYPE_CHECKING:
    from apcbridge.mqtt.inbox import ReplyTo
    from apcbridge.mqtt.publisher import Publisher
    from apcbridge.mqtt.requests import VerbRequest
    from apcbridge.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

Verb = Callable[[Mapping[str, JsonValue]], Awaitable[Mapping[str, Json]]]
"""Arguments of the request -> the response's ``data``; raises an ApcBridgeError that says why not."""

VERB_TIMEOUT_S = 30.0
REQUESTS_AT_ONCE = 8
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Verbs:
    """Runs requests beside each other and answers each once."""

    def __init__(
        self,
        settings: MqttSettings,
        publisher: Publisher,
        health: Callable[[], Mapping[str, Json]],
        injected: Mapping[str, Verb],
    ) -> None:
        """``injected`` adds verbs, or replaces ours of the same name."""
        self._settings = settings
        self._topics = Topics(settings.base_topic, settings.bridge_id)
        self._publisher = publisher
        self._health = health
        self._queue: asyncio.Queue[tuple[VerbRequest, ReplyTo | None]] = asyncio.Queue(REQUESTS_AT_ONCE)
        self._verbs: dict[str, Verb] = {
            "health_check": self._health_check,
            "rediscover": self._rediscover,
            "ha_remove": self._ha_remove,
            "log_level": self._log_level,
            **injected,
        }

    def configure(self, settings: MqttSettings) -> None:
        """Answer by other settings of the same bridge from now on."""
        self._settings = settings

    def submit(self, request: VerbRequest, reply_to: ReplyTo | None) -> None:
        """Take a request; answered at once with an error when too many wait."""
        try:
            self._queue.put_nowait((request, reply_to))
        except asyncio.QueueFull:
            self._answer(request, reply_to, {"status": "error", "error": "too many requests wait"})

    async def run(self) -> None:
        """Work through the requests, one after the other."""
        while True:
            request, reply_to = await self._queue.get()
            self._answer(request, reply_to, await self._carry_out(request))

    async def _carry_out(self, request: VerbRequest) -> dict[str, Json]:
        verb = self._verbs.get(request.verb)
        if verb is None:
            return {"status": "error", "error": f"unknown request; known are {' '.join(sorted(self._verbs))}"}
        log.info("MQTT: request %s", request.verb)
        try:
            async with asyncio.timeout(VERB_TIMEOUT_S):
                return {"status": "ok", "data": dict(await verb(request.arguments))}
        except TimeoutError:
            return {"status": "error", "error": f"not done after {VERB_TIMEOUT_S:g} s"}
        except ApcBridgeError as error:
            return {"status": "error", "error": str(error)}

    def _answer(self, request: VerbRequest, reply_to: ReplyTo | None, fields: dict[str, Json]) -> None:
        transaction = {} if request.transaction is None else {"transaction": request.transaction}
        payload = encode({**fields, **transaction})
        self._publisher.say(Outgoing(topic=self._topics.bridge(f"response/{request.verb}"), payload=payload))
        if reply_to is not None:
            self._publisher.say(reply_to.answer(payload))

    async def _health_check(self, arguments: Mapping[str, JsonValue]) -> Mapping[str, Json]:
        _only(arguments)
        return self._health()

    async def _rediscover(self, arguments: Mapping[str, JsonValue]) -> Mapping[str, Json]:
        _only(arguments)
        self._publisher.announce_again()
        return {}

    async def _ha_remove(self, arguments: Mapping[str, JsonValue]) -> Mapping[str, Json]:
        _only(arguments, "pdu")
        pdu = arguments.get("pdu")
        if not isinstance(pdu, str) or pdu not in self._settings.pdus:
            raise UnknownPdu(f"pdu must be one of {', '.join(self._settings.pdus)}")
        self._publisher.withdraw(pdu)
        return {"pdu": pdu}

    async def _log_level(self, arguments: Mapping[str, JsonValue]) -> Mapping[str, Json]:
        _only(arguments, "level")
        level = arguments.get("level")
        if not isinstance(level, str) or level not in _LEVELS:
            raise MalformedCommand(f"level must be one of {', '.join(_LEVELS)}")
        logging.getLogger("apcbridge").setLevel(_LEVELS[level])
        return {"level": level}


def _only(arguments: Mapping[str, JsonValue], *known: str) -> None:
    if unknown := arguments.keys() - set(known):
        raise MalformedCommand(f"unknown key {min(unknown)!r:.40}")
