"""Keeps the broker equal to the store while a connection lasts, and carries the edges over.

Levels (states, discovery) are worked out anew whenever something changed and only the difference is sent. Edges
(events, results) stay in the store's bounded log while the broker is away; those sent but not acknowledged are sent
again on the next connection, so a reader may see one twice (``id`` tells) but none is lost silently.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult, ResultStatus
from apcbridge.facts import encode, is_available, timestamp
from apcbridge.model import Event, Setting
from apcbridge.mqtt.connection import Outgoing
from apcbridge.mqtt.ledger import BRIDGE
from apcbridge.mqtt.payloads import OFFLINE, ONLINE, Retained, event_payload, result_payload
from apcbridge.mqtt.plan import Plan, Publication
from apcbridge.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from apcbridge.clock import Clock
    from apcbridge.facts import Json
    from apcbridge.mqtt.connection import BrokerConnection
    from apcbridge.mqtt.ledger import Ledger
    from apcbridge.mqtt.settings import MqttSettings
    from apcbridge.store import Edge, Store

log = logging.getLogger(__name__)

FULL_REFRESH_S = 600.0
"""Everything is published again so often, in case somebody deleted or overwrote what we retain."""
BRIDGE_VALUES_S = 60.0
"""How often the health topic is brought up to date."""
TICK_S = 5.0
"""Longest sleep: bounds what a suspended machine or a stepped timer can delay."""
OUTBOX_LIMIT = 1000
"""Messages of our own making that may wait. Edges do not count: the store's log bounds them."""


class Publisher:
    """Everything that goes out."""

    def __init__(
        self,
        settings: MqttSettings,
        store: Store,
        clock: Clock,
        ledger: Ledger,
        bridge_values: Callable[[], Mapping[str, Retained]],
    ) -> None:
        """``bridge_values`` gives the bridge's own retained topics (info, health) as they should be now."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._ledger = ledger
        self._bridge_values = bridge_values
        self._topics = Topics(settings.base_topic, settings.bridge_id)
        self._plan = Plan(settings, ledger)
        self._wake = asyncio.Event()
        self._dirty: set[str] = set()
        self._cursor = store.cursor()
        self._outbox: deque[Outgoing] = deque()
        self._unacknowledged: OrderedDict[int, Outgoing] = OrderedDict()
        self._serial = count()
        self._last_commands: dict[str, dict[int, CommandResult]] = {}
        self._said_available: dict[str, bool] = {}
        self._refresh_mono = 0.0
        self._bridge_mono = 0.0
        self.on_result: Callable[[CommandResult], Iterable[Outgoing]] = lambda _result: ()
        """Gives the further messages that a result causes (response topics)."""
        self.progress_mono = clock.monotonic()
        """When the loop last went round."""
        self.published = 0
        """Messages sent since the start."""

    @property
    def queued(self) -> int:
        """Messages that wait for the broker."""
        return len(self._outbox) + len(self._unacknowledged)

    def configure(self, settings: MqttSettings) -> None:
        """Publish by other settings of the same bridge from now on: only what they change is sent."""
        self._settings = settings
        self._plan.configure(settings)
        for pdu in self._said_available.keys() - settings.pdus.keys():
            del self._said_available[pdu]
            self._last_commands.pop(pdu, None)
        self._everything_dirty()

    def listen(self) -> Callable[[], None]:
        """Begin to follow the store; the returned function ends it."""
        endings = (self._store.on_status(self._status_changed), self._store.on_edge(self._wake.set))

        def end() -> None:
            for ending in endings:
                ending()

        return end

    def say(self, message: Outgoing) -> None:
        """Queue a message that is to be sent once; dropped when too many wait already."""
        if len(self._outbox) >= OUTBOX_LIMIT:
            log.warning("MQTT: %d messages wait for the broker, dropping one for %s", OUTBOX_LIMIT, message.topic)
            return
        self._outbox.append(message)
        self._wake.set()

    def say_event(self, event_type: str, details: Mapping[str, Json]) -> None:
        """Queue an event of the bridge itself."""
        at = self._clock.wall()
        fields = {**details, "id": f"bridge-{at:.6f}", "event_type": event_type, "ts": timestamp(at)}
        self.say(Outgoing(topic=self._topics.bridge("event"), payload=encode(fields)))

    def bridge_changed(self) -> None:
        """Bring the bridge's own topics up to date soon."""
        self._bridge_mono = 0.0
        self._wake.set()

    def says(self, topic: str) -> bytes | None:
        """Tell what we last published to a topic on this connection, as the plan compares it; None: nothing."""
        return self._plan.said(topic)

    def publish_everything_again(self) -> None:
        """Publish every retained topic once more."""
        self._refresh_mono = 0.0
        self._wake.set()

    def announce_again(self) -> None:
        """Publish every discovery document once more, withdrawn PDUs included."""
        self._plan.announce_again()
        self._everything_dirty()

    def withdraw(self, pdu: str) -> None:
        """Take a PDU out of Home Assistant until :meth:`announce_again` or the next start."""
        self._plan.withdraw(pdu)
        self._status_changed(pdu)

    async def run(self, connection: BrokerConnection) -> None:
        """Publish everything, then ``online``, then every change, for as long as the connection lasts."""
        self._outbox.extendleft(reversed(self._unacknowledged.values()))
        self._unacknowledged.clear()
        self._plan.packet_limit = connection.packet_limit
        online = Publication(owner=BRIDGE, topic=self._topics.bridge("state"), payload=ONLINE, same_as=ONLINE)
        self._plan.about_to_send(online)
        messages, took_s = await self._publish_all(connection)
        await self._send(connection, online)
        log.info("MQTT: everything is published: %d messages in %.2f s", messages + 1, took_s)
        while True:
            await self._publish_edges(connection)
            await self._sleep()
            self.progress_mono = self._clock.monotonic()
            if self._refresh_mono <= self.progress_mono:
                await self._publish_all(connection)
                await self._send(connection, online)
            else:
                await self._publish_changes(connection)

    async def finish(self, connection: BrokerConnection, *, farewell: bool) -> None:
        """Say what is still to be said, with ``farewell`` also that nothing lives here now; wait until it is heard.

        A request that led to this end waits for its answer.
        """
        self._take_edges()
        await self._publish_edges(connection)
        if farewell:
            await self._publish_farewell(connection)
        await connection.drain()

    async def _publish_farewell(self, connection: BrokerConnection) -> None:
        for pdu in self._settings.pdus:
            await connection.publish(
                Outgoing(topic=self._topics.pdu(pdu, "availability"), payload=OFFLINE, retain=True)
            )
        await connection.publish(Outgoing(topic=self._topics.bridge("state"), payload=OFFLINE, retain=True))

    async def _publish_all(self, connection: BrokerConnection) -> tuple[int, float]:
        """Publish every retained topic of ours; return how many messages that took, and seconds."""
        started, before = self._clock.monotonic(), self.published
        self._refresh_mono = started + FULL_REFRESH_S
        self._plan.forget_published()
        self._take_edges()
        self._dirty.clear()
        everything = await self._plan_everything()
        await self._send_all(connection, [p for p in everything if p.document is not None or not p.retain])
        await self._send_all(connection, await self._plan_everything())
        await self._send_all(connection, self._plan.strangers(self._clock.monotonic()))
        return self.published - before, self._clock.monotonic() - started

    async def _publish_changes(self, connection: BrokerConnection) -> None:
        self._take_edges()
        self._mark_aged()
        changed, self._dirty = self._dirty, set()
        await self._send_all(connection, self._plan.strangers(self._clock.monotonic()))
        if self._bridge_mono <= self._clock.monotonic():
            await self._send_all(connection, self._bridge_plan())
        for pdu in sorted(changed & self._settings.pdus.keys()):
            await self._send_all(connection, self._pdu_plan(pdu))

    async def _plan_everything(self) -> list[Publication]:
        """Plan the bridge and all PDUs together: the ledger is then written once, not for each of them."""
        found = self._bridge_plan()
        for pdu in self._settings.pdus:
            await asyncio.sleep(0)  # a large PDU takes milliseconds, and others live in this loop
            found += self._pdu_plan(pdu)
        return found

    def _bridge_plan(self) -> list[Publication]:
        self._bridge_mono = self._clock.monotonic() + BRIDGE_VALUES_S
        return self._plan.bridge(self._bridge_values(), self._clock.monotonic())

    def _pdu_plan(self, pdu: str) -> list[Publication]:
        if pdu not in self._settings.pdus:  # taken out of the configuration while others were being published
            return []
        status, now_mono = self._store.get(pdu), self._clock.monotonic()
        self._said_available[pdu] = is_available(status, now_mono)
        return self._plan.pdu(status, self._last_commands.get(pdu, {}), now_mono)

    def _mark_aged(self) -> None:
        """Mark the PDUs about which the passing of time alone has changed what must be said."""
        now_mono = self._clock.monotonic()
        for pdu in self._settings.pdus:
            if is_available(self._store.get(pdu), now_mono) is not self._said_available.get(pdu):
                self._dirty.add(pdu)
        change_mono = self._plan.next_change_mono()
        if change_mono is not None and change_mono <= now_mono:
            self._everything_dirty()

    async def _send_all(self, connection: BrokerConnection, publications: list[Publication]) -> None:
        if not publications:
            return
        for publication in publications:
            self._plan.about_to_send(publication)
        await self._save_ledger()
        for publication in publications:
            await self._send(connection, publication)
        await self._save_ledger()

    async def _save_ledger(self) -> None:
        if self._ledger.must_save:
            await asyncio.to_thread(self._ledger.save)

    async def _send(self, connection: BrokerConnection, publication: Publication) -> None:
        message = Outgoing(topic=publication.topic, payload=publication.payload, retain=publication.retain)
        if connection.fits(message):
            await connection.publish(message)
            self.published += 1
        else:
            connection.leave_out(message)
        self._plan.sent(publication)

    def _take_edges(self) -> None:
        """Move what is new in the store's edge log to the outbox, behind the states that it is about."""
        edges = self._cursor.read()
        if edges.missed:
            log.error("MQTT: %d events or results were lost while the broker was away", edges.missed)
            self.say_event("edges_lost", {"count": edges.missed})
        for edge in edges.items:
            self._outbox.extend(self._edge_messages(edge))

    def _edge_messages(self, edge: Edge) -> list[Outgoing]:
        if isinstance(edge, Event):
            if edge.pdu not in self._settings.pdus:
                return []
            return [Outgoing(topic=self._topics.pdu(edge.pdu, "event"), payload=event_payload(edge))]
        command = edge.command
        further = list(self.on_result(edge))
        if command.pdu not in self._settings.pdus or command.action is Setting.PDU_NAME:
            return further
        if command.outlet is not None and edge.status is not ResultStatus.DUPLICATE:
            self._last_commands.setdefault(command.pdu, {})[command.outlet] = edge
            self._dirty.add(command.pdu)
        topic = self._topics.outlet(command.pdu, command.outlet, "result")
        return [Outgoing(topic=topic, payload=result_payload(edge)), *further]

    async def _publish_edges(self, connection: BrokerConnection) -> None:
        while self._outbox:
            message = self._outbox[0]
            serial = next(self._serial)
            self._unacknowledged[serial] = message
            self._outbox.popleft()
            if connection.fits(message):
                await connection.publish(message, partial(self._acknowledged, serial))
                self.published += 1
            else:
                connection.leave_out(message)
                self._acknowledged(serial)

    def _acknowledged(self, serial: int) -> None:
        self._unacknowledged.pop(serial, None)

    async def _sleep(self) -> None:
        """Wait for a change, or for the moment when age alone makes one."""
        self._mark_aged()
        if self._dirty:
            self._wake.set()
        now_mono = self._clock.monotonic()
        ages = (self._store.get(pdu).freshness_changes_mono(now_mono) for pdu in self._settings.pdus)
        moments = (self._refresh_mono, self._bridge_mono, self._plan.next_change_mono(), *ages)
        wake_mono = min((m for m in moments if m is not None), default=now_mono)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(TICK_S, max(0.0, wake_mono - now_mono) + 0.002)):
                await self._wake.wait()
        self._wake.clear()

    def _status_changed(self, pdu: str) -> None:
        self._dirty.add(pdu)
        self._wake.set()

    def _everything_dirty(self) -> None:
        self._dirty.update(self._settings.pdus)
        self._bridge_mono = 0.0
        self._wake.set()
