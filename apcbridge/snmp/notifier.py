"""Sends notifications: to every receiver in the order of what happened, informs until they are acknowledged.

What happened comes from the store's edge log, load states from the difference of snapshots. Every receiver has its own
bounded queue, so that one that never acknowledges delays nobody else.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from apcbridge.limits import LogBudget
from apcbridge.model import Event, EventType
from apcbridge.snmp import ber, traps
from apcbridge.snmp.ber import MalformedMessage, PduType
from apcbridge.snmp.guard import parse_host
from apcbridge.snmp.peer import Heard, Peer
from apcbridge.snmp.settings import TrapVersion
from apcbridge.snmp.usm import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apcbridge.clock import Clock
    from apcbridge.model import PduSnapshot, PduStatus
    from apcbridge.snmp.settings import SnmpSettings, TrapReceiver, User
    from apcbridge.snmp.system import AgentCounters
    from apcbridge.snmp.traps import Notification
    from apcbridge.snmp.v3 import UserEngine
    from apcbridge.store import Store

QUEUE_LIMIT = 256
INFORM_TIMEOUT_S = 5.0
INFORM_TRIES = 4
AUTHENTICATION_FAILURE_INTERVAL_S = 10.0
"""A scanner must not make of us a source of traps."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a PDU's notifications come from."""

    host: str | None
    """Address of its agent: receivers know the PDU by it."""
    engine: UserEngine | None
    """None while version 3 is closed."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notification with what its encoding needs."""

    pdu: str
    notification: Notification
    up_time: int
    """Hundredths of a second at the moment it was made."""


class Courier:
    """Delivers to one receiver."""

    def __init__(self, receiver: TrapReceiver, user: User | None, place: Callable[[str], Place], clock: Clock) -> None:
        self.receiver = receiver
        self._user = user
        self._place = place
        self._clock = clock
        self._peer = Peer(user) if user and receiver.inform and receiver.version is TrapVersion.V3 else None
        self._parcels: deque[Parcel] = deque(maxlen=QUEUE_LIMIT)
        self._arrived = asyncio.Event()
        self._request_id = 0
        self._failure_lines = LogBudget()
        self._lost = 0

    def post(self, parcel: Parcel) -> None:
        """Queue a notification; when the queue is full the oldest is lost and said to be."""
        if len(self._parcels) == QUEUE_LIMIT:
            self._lost += 1
        self._parcels.append(parcel)
        self._arrived.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._arrived.wait()
            while self._parcels:
                await self._deliver(self._parcels.popleft())
            self._arrived.clear()
            if self._lost:
                _log.warning("SNMP receiver %s is too slow: %d notifications lost", self.receiver.where, self._lost)
                self._lost = 0

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            async with asyncio.timeout(INFORM_TIMEOUT_S * (INFORM_TRIES + 1)):
                await self._transmit(parcel)
        except (OSError, TimeoutError) as fault:
            swallowed = self._failure_lines.spend(self._clock.monotonic())
            if swallowed is not None:
                more = f" [{swallowed} more like this]" if swallowed else ""
                where, why = self.receiver.where, fault or "timeout"
                _log.warning("%s: notification to %s not delivered: %s%s", parcel.pdu, where, why, more)

    async def _transmit(self, parcel: Parcel) -> None:
        loop = asyncio.get_running_loop()
        receiver = self.receiver
        found = await loop.getaddrinfo(receiver.host, receiver.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, target = found[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.settimeout(0.0)
            source = self._place(parcel.pdu).host
            if source and may_send_from(source, str(target[0])):
                sock.bind((source, 0))
            await loop.sock_connect(sock, target)
            self._request_id = self._request_id % 0x7FFFFFFF + 1
            await self._send(sock, parcel)
            if receiver.inform:
                await self._await_acknowledgement(sock, parcel)

    async def _await_acknowledgement(self, sock: socket.socket, parcel: Parcel) -> None:
        """Repeat an inform until the receiver answers it (RFC 3413, 3.3)."""
        for tries_left in reversed(range(INFORM_TRIES)):
            try:
                async with asyncio.timeout(INFORM_TIMEOUT_S):
                    while not await self._heard(sock, parcel):
                        pass
            except TimeoutError:
                if not tries_left:
                    if self._peer:
                        self._peer.forget()
                    raise TimeoutError(f"no acknowledgement after {INFORM_TRIES} tries") from None
                await self._send(sock, parcel)
            else:
                return

    async def _send(self, sock: socket.socket, parcel: Parcel) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(sock, self._encode(parcel, self._request_id))
        except ConnectionRefusedError:
            # The report of an earlier try; for an inform the next may find the receiver back.
            _log.debug("SNMP receiver %s is not there", self.receiver.where)

    async def _heard(self, sock: socket.socket, parcel: Parcel) -> bool:
        """Take one datagram from the receiver; True if it acknowledges."""
        try:
            data = await asyncio.get_running_loop().sock_recv(sock, 0xFFFF)
        except ConnectionRefusedError:
            await asyncio.sleep(INFORM_TIMEOUT_S)
            return False
        if self._peer is None:
            return self._acknowledges(data)
        heard = self._peer.hear(data, self._request_id, self._clock.monotonic())
        if heard is Heard.CLOCK:
            await self._send(sock, parcel)
        return heard is Heard.ACKNOWLEDGED

    def _acknowledges(self, data: bytes) -> bool:
        try:
            answer = ber.decode(data)
        except MalformedMessage:
            return False
        return answer.pdu_type == PduType.RESPONSE and answer.request_id == ber.integer(self._request_id)

    def _encode(self, parcel: Parcel, request_id: int) -> bytes:
        receiver, notification, place = self.receiver, parcel.notification, self._place(parcel.pdu)
        if receiver.version is TrapVersion.V1:
            return traps.encode_v1(notification, receiver.community, packed_address(place.host), parcel.up_time)
        if receiver.version is TrapVersion.V2C:
            return traps.encode_v2c(
                notification, receiver.community, request_id, parcel.up_time, inform=receiver.inform
            )
        if self._user is None or place.engine is None:
            raise OSError("version 3 is closed, or the receiver's user is not configured")
        now_mono = self._clock.monotonic()
        parts = b"".join(traps.pdu_v2(notification, request_id, parcel.up_time))
        if self._peer is not None:
            return self._peer.message(ber.tlv(PduType.INFORM, parts), request_id, now_mono)
        keys, pdu = Keys.of(self._user, place.engine.engine_id), ber.tlv(PduType.TRAP_V2, parts)
        return place.engine.notification(self._user, keys, pdu, request_id, now_mono)


def may_send_from(source: str, target: str) -> bool:
    """Tell whether the kernel can send from one address to the other: same family, both or neither on the loopback."""
    ours, theirs = parse_host(source), parse_host(target)
    return ours.version == theirs.version and not ours.is_unspecified and ours.is_loopback == theirs.is_loopback


def packed_address(source: str | None) -> bytes:
    """Return what a version 1 trap names as its source: an IPv4 address, or zeros."""
    address = parse_host(source) if source else None
    return address.packed if isinstance(address, IPv4Address) else bytes(4)


class Notifier:
    """Turns what the store tells into notifications for every receiver."""

    def __init__(
        self,
        settings: SnmpSettings,
        store: Store,
        clock: Clock,
        counters: Mapping[str, AgentCounters],
        place: Callable[[str], Place],
    ) -> None:
        self._store = store
        self._clock = clock
        self._root = settings.private_root
        self._counters = counters
        self._pdus = tuple(counters)
        users = {user.name: user for user in settings.users}
        self._couriers = [Courier(r, users.get(r.user or ""), place, clock) for r in settings.receivers]
        self._edges = store.cursor()
        self._loads: dict[str, PduSnapshot | None] = {pdu: store.get(pdu).snapshot for pdu in self._pdus}
        self._failure_told_mono = float("-inf")

    async def run(self) -> None:
        """Tell that the agents have started, then everything that happens, until cancelled."""
        unsubscribe = (self._store.on_edge(self._on_edge), self._store.on_status(self._on_status))
        try:
            for pdu in self._pdus:
                self._tell(self._store.get(pdu), traps.COLD_START)
            self._on_edge()  # what happened before anybody listened
            async with asyncio.TaskGroup() as tasks:
                for courier in self._couriers:
                    tasks.create_task(courier.run())
                # Without receivers the counters still count.
                tasks.create_task(asyncio.Event().wait())
        finally:
            for end in unsubscribe:
                end()

    def authentication_failed(self, pdu: str, now_mono: float) -> None:
        """Tell that somebody used a community or user that is none, not more often than is useful."""
        if now_mono - self._failure_told_mono >= AUTHENTICATION_FAILURE_INTERVAL_S:
            self._failure_told_mono = now_mono
            self._tell(self._store.get(pdu), traps.AUTHENTICATION_FAILURE)

    def _on_edge(self) -> None:
        edges = self._edges.read()
        if edges.missed:
            _log.warning("%d events were lost before they could be told over SNMP", edges.missed)
        for edge in edges.items:
            pdu = edge.pdu if isinstance(edge, Event) else edge.command.pdu
            if pdu not in self._counters:
                continue
            status, counters = self._store.get(pdu), self._counters[pdu]
            if isinstance(edge, Event):
                counters.pending_lost += edge.type is EventType.PENDING_LOST
                self._tell(status, *traps.of_event(edge, status, self._root, counters.pending_lost))
            else:
                self._tell(status, *traps.of_result(edge, status))

    def _on_status(self, pdu: str) -> None:
        if pdu in self._loads:
            status = self._store.get(pdu)
            self._tell(status, *traps.of_loads(self._loads[pdu], status))
            self._loads[pdu] = status.snapshot or self._loads[pdu]

    def _tell(self, status: PduStatus, *notifications: Notification) -> None:
        if not self._couriers or not notifications:
            return
        up_time = traps.up_time_hundredths(status, self._clock.monotonic())
        counters = self._counters[status.pdu]
        for notification in notifications:
            for courier in self._couriers:
                counters.traps += 1
                counters.out_packets += 1
                courier.post(Parcel(status.pdu, notification, up_time))
