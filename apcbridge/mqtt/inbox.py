"""Everything that comes in: commands go to the door, requests to their verbs, everything else is refused aloud."""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.commands import Command, CommandResult, ResultStatus
from apcbridge.errors import CommandRefused, MalformedCommand
from apcbridge.limits import LogBudget
from apcbridge.mqtt.connection import Outgoing
from apcbridge.mqtt.payloads import rejection_payload, result_payload
from apcbridge.mqtt.requests import Incoming, decode_command, decode_request
from apcbridge.mqtt.topics import BridgeRequest, OutletConfig, OutletSet, Topics, usable_response_topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.clock import Clock
    from apcbridge.commands import CommandDoor
    from apcbridge.mqtt.publisher import Publisher
    from apcbridge.mqtt.requests import VerbRequest
    from apcbridge.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

REPLIES_KEPT = 512
"""Commands whose asker waits on a response topic; far more than the queues of all PDUs hold."""
ECHO_S = 10.0
"""How long MQTT 3.1.1 may take to send us our own message back; 5 does not."""
ECHOES_KEPT = 32


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where an MQTT 5 asker wants its answer."""

    topic: str
    correlation: bytes | None

    def answer(self, payload: bytes) -> Outgoing:
        """Address an answer."""
        return Outgoing(topic=self.topic, payload=payload, correlation=self.correlation)


class Inbox:
    """Takes messages one at a time; never raises for what they hold."""

    def __init__(
        self,
        settings: MqttSettings,
        door: CommandDoor,
        clock: Clock,
        publisher: Publisher,
        on_request: Callable[[VerbRequest, ReplyTo | None], None],
        on_birth: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._door = door
        self._clock = clock
        self._publisher = publisher
        self._on_request = on_request
        self._on_birth = on_birth
        self._topics = Topics(settings.base_topic, settings.bridge_id)
        self._replies: OrderedDict[Command, ReplyTo] = OrderedDict()
        self._cleared_mono: OrderedDict[str, float] = OrderedDict()
        """Topic -> when we emptied it; an empty request would act."""
        self._refusals = LogBudget(at_once=5, per_s=1.0)
        publisher.on_result = self._replies_to
        self.refused = 0
        """Messages that never became a command."""

    def configure(self, settings: MqttSettings) -> None:
        """Take messages by other settings of the same bridge from now on."""
        self._settings = settings

    def receive(self, message: Incoming) -> None:
        """Deal with one message."""
        homeassistant = self._settings.homeassistant
        if message.topic == homeassistant.status_topic:
            if message.payload == homeassistant.birth_payload.encode():  # retained or not, as its user configured
                self._on_birth()
            return
        if not self._topics.is_command(message.topic, self._settings.pdus):
            return
        if not message.payload and not isinstance(self._topics.route(message.topic), BridgeRequest):
            return
        if not message.payload and self._is_our_own(message.topic):
            return
        if message.retain and message.payload:
            self._clear(message.topic)
        try:
            self._dispatch(message)
        except CommandRefused as refusal:
            self._refuse(message, refusal)

    def _clear(self, topic: str) -> None:
        self._publisher.say(Outgoing(topic=topic, payload=b"", retain=True))
        self._cleared_mono[topic] = self._clock.monotonic()
        if len(self._cleared_mono) > ECHOES_KEPT:
            self._cleared_mono.popitem(last=False)

    def _is_our_own(self, topic: str) -> bool:
        """Tell whether an empty message is the one by which we cleared its topic."""
        cleared_mono = self._cleared_mono.pop(topic, None)
        return cleared_mono is not None and self._clock.monotonic() - cleared_mono < ECHO_S

    def _dispatch(self, message: Incoming) -> None:
        route = self._topics.route(message.topic)
        if route is None:
            raise MalformedCommand("the topic names no outlet, setting or request")
        reply_to = self._reply_to(message)
        if isinstance(route, BridgeRequest):
            self._on_request(decode_request(route, message), reply_to)
            return
        fallback_id = f"mqtt-{uuid.uuid4().hex[:16]}"
        command = decode_command(route, message, fallback_id, self._clock.monotonic(), self._clock.wall())
        if command is not None:
            self._submit(command, reply_to, repeated=message.dup)

    def _submit(self, command: Command, reply_to: ReplyTo | None, *, repeated: bool) -> None:
        if repeated:  # a clean session has nothing to repeat; a broker that does so has delivered it before
            raise MalformedCommand("the broker marks the message as delivered before: it does not act again")
        if reply_to is not None:
            self._replies[command] = reply_to
            if len(self._replies) > REPLIES_KEPT:
                self._replies.popitem(last=False)
        log.info("MQTT: %s for %s (id %s)", command.action.value, command.target, command.id)
        with suppress(CommandRefused):  # the door has reported it: the result is on its way through the edge log
            self._door.submit(command)

    def _reply_to(self, message: Incoming) -> ReplyTo | None:
        if message.response_topic is None:
            return None
        homeassistant = self._settings.homeassistant
        roots = (self._settings.base_topic, homeassistant.prefix, homeassistant.status_topic)
        if not usable_response_topic(message.response_topic, roots):
            raise MalformedCommand("the response topic has wildcards or belongs to the bridge or to Home Assistant")
        return ReplyTo(message.response_topic, message.correlation)

    def _replies_to(self, result: CommandResult) -> tuple[Outgoing, ...]:
        """Answer the asker of a command on its response topic, and forget it with the last answer."""
        reply_to = self._replies.get(result.command)
        if reply_to is None:
            return ()
        if result.status is not ResultStatus.ACCEPTED:
            del self._replies[result.command]
        return (reply_to.answer(result_payload(result)),)

    def _refuse(self, message: Incoming, refusal: CommandRefused) -> None:
        """Tell the asker and the log, bounded: a stuck publisher may send the same nonsense for ever."""
        self.refused += 1
        now_mono = self._clock.monotonic()
        silent = self._refusals.spend(now_mono)
        if silent is None:
            return
        more = f" ({silent} more like it were not reported)" if silent else ""
        log.warning("MQTT: refused a message on %r: %s%s", message.topic[:128], refusal, more)
        route = self._topics.route(message.topic)
        if not isinstance(route, OutletSet | OutletConfig):
            self._publisher.say_event("message_refused", {"topic": message.topic[:128], "detail": str(refusal)})
            return
        payload = rejection_payload(route.pdu, route.outlet, str(refusal), self._clock.wall())
        self._publisher.say(Outgoing(topic=self._topics.outlet(route.pdu, route.outlet, "result"), payload=payload))
        homeassistant = self._settings.homeassistant
        roots = (self._settings.base_topic, homeassistant.prefix, homeassistant.status_topic)
        if message.response_topic is not None and usable_response_topic(message.response_topic, roots):
            self._publisher.say(ReplyTo(message.response_topic, message.correlation).answer(payload))
