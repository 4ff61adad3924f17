"""The bridge to the broker: connects, keeps the broker equal to the store, takes commands, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from typing import TYPE_CHECKING

from paho.mqtt.enums import MQTTProtocolVersion

from apcbridge.errors import BrokerError, BrokerRefused, BrokerUnavailable
from apcbridge.facts import Json, encode, timestamp
from apcbridge.limits import TokenBucket
from apcbridge.model import LinkState
from apcbridge.mqtt.backoff import Backoff
from apcbridge.mqtt.connection import BrokerConnection, NoConsent, ProtocolUnsupported, SessionTakenOver
from apcbridge.mqtt.inbox import Inbox
from apcbridge.mqtt.intruders import Intruders
from apcbridge.mqtt.ledger import Ledger
from apcbridge.mqtt.payloads import Retained
from apcbridge.mqtt.publisher import Publisher
from apcbridge.mqtt.settings import DiscoveryMode, MqttProtocol, MqttSettings
from apcbridge.mqtt.topics import Topics
from apcbridge.mqtt.verbs import Verb, Verbs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.clock import Clock
    from apcbridge.commands import CommandDoor
    from apcbridge.mqtt.requests import Incoming
    from apcbridge.store import Store

log = logging.getLogger(__name__)

FAREWELL_S = 0.9
"""How long a stop may take: `offline` said and acknowledged, then DISCONNECT."""
BIRTH_DELAY_S = (1.0, 3.0)
"""Home Assistant asks for a random delay after its birth, so that a house full of bridges does not answer at once."""
DENIED_KEPT = 100
"""Topics remembered as denied; askers choose response topics, so there is no end to them."""
_V5, _V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


class MqttBridge:
    """Runs until cancelled; on cancellation says ``offline`` and disconnects."""

    def __init__(
        self,
        settings: MqttSettings,
        store: Store,
        door: CommandDoor,
        clock: Clock,
        *,
        verbs: Mapping[str, Verb] | None = None,
    ) -> None:
        """``verbs`` are the bridge requests that only the whole daemon can serve: ``reload``, ``refresh``."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._topics = Topics(settings.base_topic, settings.bridge_id)
        self._ledger = Ledger.load(settings.state_file)
        self._publisher = Publisher(settings, store, clock, self._ledger, self._bridge_values)
        self._verbs = Verbs(settings, self._publisher, self.health, verbs or {})
        self._inbox = Inbox(settings, door, clock, self._publisher, self._verbs.submit, self._homeassistant_born)
        self._intruders = Intruders(self._topics)
        self._incoming: deque[Incoming] = deque()
        self._arrived = asyncio.Event()
        self._born = asyncio.Event()
        self._backoff = Backoff(random.random)
        self._connection: BrokerConnection | None = None
        self._waiting_mono = clock.monotonic()
        self._started_mono, self._started_at = clock.monotonic(), clock.wall()
        self._connects = 0
        self._last_failure = ""
        self._way_changed = asyncio.Event()
        self._subscribing = asyncio.Lock()
        self._filters: frozenset[str] = frozenset()
        """What the broker of now sends us."""
        self._refused_filters: Mapping[str, str] = {}
        self._denied: dict[str, str] = {}
        self._denials = TokenBucket(rate=1 / 60, burst=3)

    @property
    def progress_mono(self) -> float:
        """When the bridge last showed that it is not stuck, monotonic; a broker that is away is no reason to be."""
        return max(self._publisher.progress_mono, self._waiting_mono)

    @property
    def connected(self) -> bool:
        """True while the broker has us."""
        return self._connection is not None and self._connection.is_open

    @property
    def queued(self) -> int:
        """Events and results that wait for the broker."""
        return self._publisher.queued

    def health(self) -> dict[str, Json]:
        """Say how things are, for the health topic, the health request and the status page."""
        now_mono = self._clock.monotonic()
        problems = self._problems()
        return {
            "status": "degraded" if problems else "ok",
            "problems": problems,
            "uptime_s": int(now_mono - self._started_mono),
            "mqtt": {
                "connected": self.connected,
                "protocol": self._connection.protocol if self._connection else None,
                "connects": self._connects,
                "queued": self._publisher.queued,
                "published": self._publisher.published,
                "refused": self._inbox.refused,
            },
            "pdus": {pdu: self._pdu_health(pdu, now_mono) for pdu in self._settings.pdus},
        }

    async def adopt(self, settings: MqttSettings) -> None:
        """Go on with other settings of the same identity; the connection stays if they name the same way to the broker.

        What waits for the broker, and whose commands wait for an answer, is kept.
        """
        before, self._settings = self._settings, settings
        self._inbox.configure(settings)
        self._verbs.configure(settings)
        connection = self._connection
        if settings.way != before.way:
            self._backoff = Backoff(random.random)
            self._way_changed.set()
        elif connection is not None and connection.is_open:
            with contextlib.suppress(BrokerError):  # the next connection will subscribe
                await self._subscribe(connection)  # before anybody is told of a PDU: it must listen by then
        self._publisher.configure(settings)

    async def opened(self) -> None:
        """Return at once: a broker that is away is waited for while everything else works."""

    async def run(self) -> None:
        """Connect, serve, and connect again, until cancelled."""
        stop_listening = self._publisher.listen()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._verbs.run())
                while True:
                    await self._nap(await self._attempt(group))
        finally:
            stop_listening()

    async def _attempt(self, group: asyncio.TaskGroup) -> float:
        """Hold one connection for as long as it lasts; return how long to wait before the next."""
        self._way_changed.clear()
        try:
            connection = await self._connect()
        except BrokerError as error:
            refused = isinstance(error, BrokerRefused)
            wait_s = self._backoff.failed(refused=refused)
            self._complain(error, wait_s)
            return wait_s
        begun_mono = self._clock.monotonic()
        # A task group that fails swallows a cancellation that comes at the same moment (before Python 3.13), and a
        # machine that shuts down stops the broker and us together. Waiting for another task loses no cancellation.
        serving = group.create_task(self._serve_until_lost(connection))
        followed = False
        try:
            await asyncio.wait([serving])
            followed = self._is_followed(connection)
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            self._connection = None
            await self._part(connection, farewell=not followed)
        if self._way_changed.is_set():
            log.info("MQTT: the configuration names another way to the broker: connecting anew")
            return 0.0
        now_mono = self._clock.monotonic()
        wait_s = self._backoff.lost(now_mono - begun_mono, now_mono)
        self._complain(serving.result(), wait_s)
        return wait_s

    async def _serve_until_lost(self, connection: BrokerConnection) -> BrokerError:
        """Return why the connection ended."""
        error: BrokerError = BrokerUnavailable("the connection is over")
        try:
            await self._serve(connection)
        except* BrokerError as caught:
            error = _first(caught)
        return error

    async def _connect(self) -> BrokerConnection:
        """Open a connection in the first version of the protocol that the broker answers to.

        It is asked anew every time: it may have been replaced, or have been too busy to answer.
        """
        first, *others = _versions(self._settings)
        try:
            return await self._open(first)
        except (ProtocolUnsupported, NoConsent):
            if not others:
                raise
            return await self._open(others[0])

    async def _open(self, version: MQTTProtocolVersion) -> BrokerConnection:
        connection = BrokerConnection(
            self._settings, version, self._topics.bridge("state"), self._take, self._note_denied
        )
        await connection.open()
        return connection

    async def _serve(self, connection: BrokerConnection) -> None:
        self._connection = connection
        self._incoming.clear()
        self._born.clear()
        self._denied.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(connection.watch())
            group.create_task(self._end_when_way_changes())
            self._filters = frozenset()
            await self._subscribe(connection)
            self._connects += 1
            self._last_failure = ""
            log.info("MQTT: connected to %s with MQTT %s", self._settings.broker, connection.protocol)
            group.create_task(self._publisher.run(connection))
            group.create_task(self._handle_incoming())
            group.create_task(self._answer_births())

    async def _subscribe(self, connection: BrokerConnection) -> None:
        """Make the subscriptions what the settings ask for; what the broker refused before is asked for again."""
        async with self._subscribing:
            guarded = self._intruders.filters(self._settings.pdus) if connection.hears_no_echo else ()
            filters = (*self._wanted_filters(), *guarded)
            missing = [name for name in filters if name not in self._filters]
            unwanted = self._filters.difference(filters)
            if unwanted:
                connection.unsubscribe(sorted(unwanted))
            refused = await connection.subscribe(missing) if missing else {}
            self._filters = frozenset(filters).difference(refused)
            # Who may not read our own topics is told of no intruder; everything else works.
            self._refused_filters = {name: reason for name, reason in refused.items() if name not in guarded}
        for name, reason in self._refused_filters.items():
            log.error("MQTT: the broker refuses the subscription to %s (%s): no commands from there", name, reason)

    def _wanted_filters(self) -> tuple[str, ...]:
        filters = self._topics.command_filters(self._settings.pdus)
        if self._settings.homeassistant.discovery is DiscoveryMode.OFF:
            return filters
        return (*filters, self._settings.homeassistant.status_topic)

    async def _end_when_way_changes(self) -> None:
        await self._way_changed.wait()
        raise BrokerUnavailable("the configuration names another way to the broker")

    def _is_followed(self, connection: BrokerConnection) -> bool:
        """Tell whether another connection takes this one's place on the same broker, its will delayed until then.

        Nobody need see an `offline` then: if the new connection fails, the will of this one tells.
        """
        same = (self._settings.broker, self._settings.client_id) == (
            connection.settings.broker,
            connection.settings.client_id,
        )
        return self._way_changed.is_set() and same and connection.will_is_delayed

    async def _part(self, connection: BrokerConnection, *, farewell: bool) -> None:
        """Say what is still to be said if there is anybody to hear it; without ``farewell`` leave the will in force."""
        if connection.is_open:
            with contextlib.suppress(TimeoutError, BrokerUnavailable):
                async with asyncio.timeout(FAREWELL_S):
                    await self._publisher.finish(connection, farewell=farewell)
                    if farewell:
                        await connection.close()
        connection.abort()

    def _take(self, message: Incoming) -> None:
        """Note a message: this runs inside paho's callback, where nothing may be raised."""
        self._incoming.append(message)
        self._arrived.set()

    async def _handle_incoming(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._incoming:
                message = self._incoming.popleft()
                if message.topic in self._intruders.filters(self._settings.pdus):
                    self._heard_intruder(message)
                else:
                    self._inbox.receive(message)

    def _heard_intruder(self, message: Incoming) -> None:
        if self._intruders.heard(message, self._publisher.says(message.topic), self._clock.monotonic()):
            self._publisher.publish_everything_again()
        self._publisher.bridge_changed()

    def _homeassistant_born(self) -> None:
        self._born.set()

    async def _answer_births(self) -> None:
        while True:
            await self._born.wait()
            await asyncio.sleep(random.uniform(*BIRTH_DELAY_S))  # noqa: S311  # spreads load, keeps no secret
            self._born.clear()
            log.info("MQTT: Home Assistant started: publishing everything again")
            self._publisher.publish_everything_again()

    def _note_denied(self, topic: str, reason: str) -> None:
        if topic in self._denied or len(self._denied) >= DENIED_KEPT:
            return  # the health topic itself may be denied: telling of it must come to an end
        self._denied[topic] = reason
        if self._denials.take(self._clock.monotonic()):
            log.error("MQTT: the broker does not let us publish to %s (%s)", topic, reason)
        self._publisher.bridge_changed()

    def _complain(self, error: BrokerError, wait_s: float) -> None:
        """Say why there is no connection, once per reason."""
        text = str(error)
        if self._backoff.is_clash(self._clock.monotonic()) or isinstance(error, SessionTakenOver):
            client_id = self._settings.client_id
            text = f"{text}; connections end as soon as they begin: is another apcbridge using client id {client_id}?"
        level = logging.DEBUG if text == self._last_failure else logging.ERROR
        log.log(level, "MQTT: %s; next attempt in %.0f s", text, wait_s)
        self._last_failure = text

    async def _nap(self, wait_s: float) -> None:
        """Sleep in short stretches, each of them a sign of life, until there is another way to try."""
        until_mono = self._clock.monotonic() + wait_s
        while (left_s := until_mono - self._clock.monotonic()) > 0 and not self._way_changed.is_set():
            self._waiting_mono = self._clock.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, 5.0)):
                    await self._way_changed.wait()
        self._waiting_mono = self._clock.monotonic()

    def _bridge_values(self) -> dict[str, Retained]:
        return {
            self._topics.bridge("info"): Retained.document(
                {
                    "version": self._settings.version,
                    "bridge_id": self._settings.bridge_id,
                    "started_at": timestamp(self._started_at),
                    "protocol": self._connection.protocol if self._connection else None,
                    "pdus": list(self._settings.pdus),
                    "homeassistant": self._settings.homeassistant.discovery.value,
                    "allow_bulk": self._settings.allow_bulk,
                }
            ),
            self._topics.bridge("health"): Retained.plain(encode(self.health())),
        }

    def _problems(self) -> list[str]:
        found = [f"the broker refuses the subscription to {name}" for name in self._refused_filters]
        found += [f"the broker does not let us publish to {topic}" for topic in list(self._denied)[:3]]
        found += self._intruders.problems(self._settings.pdus, self._clock.monotonic())
        for status in self._store:
            if status.pdu in self._settings.pdus and status.link.state is not LinkState.UP:
                found.append(f"{status.pdu}: console {status.link.state.value} {status.link.detail}".strip())
        return found

    def _pdu_health(self, pdu: str, now_mono: float) -> Json:
        status = self._store.get(pdu)
        snapshot = status.snapshot
        return {
            "link": status.link.state.value,
            "link_since": timestamp(status.link.since_at),
            "detail": status.link.detail,
            "freshness": status.freshness(now_mono).value,
            "age_s": None if snapshot is None else round(now_mono - snapshot.taken_mono, 1),
        }


def _versions(settings: MqttSettings) -> tuple[MQTTProtocolVersion, ...]:
    """Return the versions to try, in order."""
    match settings.protocol:
        case MqttProtocol.V5:
            return (_V5,)
        case MqttProtocol.V311:
            return (_V311,)
        case MqttProtocol.AUTO:
            return (_V311,) if settings.broker.embedded else (_V5, _V311)


def _first(group: BaseExceptionGroup[BrokerError]) -> BrokerError:
    """Return the error that the others follow from: that of the connection itself, if it is there."""
    leaves: list[BrokerError] = []
    for error in group.exceptions:
        leaves += [_first(error)] if isinstance(error, BaseExceptionGroup) else [error]
    return next((error for error in leaves if isinstance(error, SessionTakenOver)), leaves[0])
