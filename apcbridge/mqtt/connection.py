"""One connection to the broker: paho-mqtt driven by asyncio, from the TCP connect to the end, never used twice.

A new paho client per connection leaves its habit of sending old messages again after a reconnect without an object. The
socket is watched by the event loop, so everything but the connect itself (name lookup, TCP, TLS) runs in one thread.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from apcbridge.errors import BrokerRefused, BrokerUnavailable
from apcbridge.mqtt.client import close_socket, make_client, reach
from apcbridge.mqtt.requests import Incoming
from apcbridge.mqtt.topics import packet_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, SocketLike
    from paho.mqtt.reasoncodes import ReasonCode

    from apcbridge.mqtt.settings import MqttSettings

REACH_TIMEOUT_S = 15.0
"""For everything from the name lookup to the first byte of MQTT."""
CONSENT_TIMEOUT_S = 5.0
"""For the broker's answer to that."""
ACK_TIMEOUT_S = 10.0
"""A broker that leaves a message unacknowledged for so long is frozen or gone."""
WINDOW = 200
"""Messages on their way at once, where the broker sets no smaller limit: one round trip per 200."""

_UNSUPPORTED_PROTOCOL = 132
_TAKEN_OVER = 142
_NO_WORD = 128
"""What paho makes of a connection that ended without a reason; brokers give it for none, too."""
_TEMPORARY = frozenset({136, 137, 151, 159})
"""Server unavailable, busy, quota exceeded, connection rate exceeded."""
_REFUSED = 0x80


class ProtocolUnsupported(BrokerRefused):
    """The broker does not speak this version of MQTT."""


class NoConsent(BrokerUnavailable):
    """The broker took the connection and then hung up or kept silent; some do so when they do not know MQTT 5."""


class SessionTakenOver(BrokerUnavailable):
    """Another client connected under our client id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to publish, always with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False
    correlation: bytes | None = None


@dataclass(slots=True)
class _Unacknowledged:
    topic: str
    sent_mono: float
    on_ack: Callable[[], None] | None


class BrokerConnection:
    """A connection in the making, in use, or over."""

    def __init__(
        self,
        settings: MqttSettings,
        version: MQTTProtocolVersion,
        will_topic: str,
        on_message: Callable[[Incoming], None],
        on_denied: Callable[[str, str], None],
    ) -> None:
        """Prepare to connect.

        ``on_message`` gets what arrives. ``on_denied(topic, reason)`` is called for a message that the broker
        acknowledged by saying no, or is too large for it (MQTT 5 only; 3.1.1 has no words for either).
        """
        self.settings = settings
        """What the connection was made with."""
        self._version = version
        self._on_message = on_message
        self._on_denied = on_denied
        self._loop = asyncio.get_running_loop()
        self._client = make_client(settings, version, will_topic)
        self._attach()
        self._fd = -1
        self._welcomed: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[BrokerUnavailable] = self._loop.create_future()
        self._granted: dict[int, asyncio.Future[list[int]]] = {}
        self._unacknowledged: dict[int, _Unacknowledged] = {}
        self._window = asyncio.Semaphore(WINDOW)
        self._idle = asyncio.Event()
        self._idle.set()
        self.packet_limit: int | None = None
        """Bytes of a packet that the broker takes, as far as it told us."""

    @property
    def is_open(self) -> bool:
        """True from CONNACK to the end."""
        return self._welcomed.done() and not self._welcomed.cancelled() and not self._lost.done()

    @property
    def protocol(self) -> str:
        """The version spoken, as the contract writes it."""
        return "5" if self._version == MQTTProtocolVersion.MQTTv5 else "3.1.1"

    @property
    def will_is_delayed(self) -> bool:
        """Whether the broker waits with the will when the connection ends without a word (MQTT 5)."""
        return self._version == MQTTProtocolVersion.MQTTv5

    @property
    def hears_no_echo(self) -> bool:
        """Whether the broker keeps our own messages from us (MQTT 5)."""
        return self._version == MQTTProtocolVersion.MQTTv5

    async def open(self) -> None:
        """Connect and wait for the broker's consent.

        Raises BrokerUnavailable, BrokerRefused or ProtocolUnsupported; the connection is over then.
        """
        try:
            async with asyncio.timeout(REACH_TIMEOUT_S):
                await reach(self._client, self.settings, self._version)
                self._watch_socket()
        except TimeoutError:
            self.abort()
            raise BrokerUnavailable(f"{self.settings.broker} cannot be reached") from None
        except BaseException:
            self.abort()
            raise
        try:
            async with asyncio.timeout(CONSENT_TIMEOUT_S):
                await self._welcomed
        except TimeoutError:
            self.abort()
            raise NoConsent(f"{self.settings.broker} takes connections but does not answer") from None
        except BaseException:
            self.abort()
            raise

    async def subscribe(self, filters: Sequence[str]) -> Mapping[str, str]:
        """Subscribe with QoS 1 and return the filters that the broker refused, with its words.

        On MQTT 5 retained messages are not asked for, our own are not sent back, and a live message shows whether its
        publisher set the retain flag; on 3.1.1 only a replayed message shows it.
        """
        five = self._version == MQTTProtocolVersion.MQTTv5
        retain_never = SubscribeOptions.RETAIN_DO_NOT_SEND
        options = SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True, retainHandling=retain_never)
        code, mid = self._client.subscribe([(name, options if five else 1) for name in filters])  # type: ignore[arg-type]  # paho names one type per version
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise BrokerUnavailable("the connection broke while subscribing")
        granted = self._granted[mid] = self._loop.create_future()
        try:
            async with asyncio.timeout(ACK_TIMEOUT_S):
                codes = await granted
        except TimeoutError:
            raise BrokerUnavailable("the broker does not answer a subscription") from None
        finally:
            self._granted.pop(mid, None)
        refused = [name for name, granted_code in zip(filters, codes, strict=False) if granted_code >= _REFUSED]
        return dict.fromkeys(refused, "not allowed by the broker's access rules")

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Ask the broker for no more messages under these filters; what it says to that changes nothing."""
        self._client.unsubscribe(list(filters))

    async def publish(self, message: Outgoing, on_ack: Callable[[], None] | None = None) -> None:
        """Send a message; waits while too many are on their way. ``on_ack`` is called when the broker has taken it.

        Raises BrokerUnavailable when the connection is over; it does not tell what became of earlier messages.
        """
        await self._window.acquire()
        if not self.is_open:
            raise BrokerUnavailable("the connection is over")
        properties = None
        if message.correlation is not None and self._version == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's has no types
            properties.CorrelationData = message.correlation
        info = self._client.publish(message.topic, message.payload, 1, message.retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerUnavailable(f"the connection broke while publishing: {info.rc.name}")
        self._unacknowledged[info.mid] = _Unacknowledged(message.topic, self._loop.time(), on_ack)
        self._idle.clear()

    def fits(self, message: Outgoing) -> bool:
        """Tell whether the broker takes a packet of that size (MQTT 5: it said so when we connected)."""
        size = packet_bytes(message.topic, message.payload) + len(message.correlation or b"")
        return self.packet_limit is None or size <= self.packet_limit

    def leave_out(self, message: Outgoing) -> None:
        """Report a message that does not fit, in place of publishing it."""
        self._on_denied(message.topic, f"its {len(message.payload)} bytes are more than the broker takes")

    async def drain(self) -> None:
        """Wait until everything published has been acknowledged."""
        await self._idle.wait()

    async def watch(self) -> None:
        """Keep the connection alive; raise BrokerUnavailable when it is over."""
        while not self._lost.done():
            await asyncio.wait([self._lost], timeout=1.0)
            self._client.loop_misc()
            oldest = next(iter(self._unacknowledged.values()), None)
            if oldest is not None and self._loop.time() - oldest.sent_mono > ACK_TIMEOUT_S:
                self._end(BrokerUnavailable(f"the broker did not acknowledge {oldest.topic} in {ACK_TIMEOUT_S:g} s"))
        raise self._lost.result()

    async def close(self) -> None:
        """Say goodbye, so that the broker drops the will, and wait until the bytes are out."""
        if self.is_open:
            self._client.disconnect()
            await asyncio.wait([self._lost])
        self.abort()

    def abort(self) -> None:
        """Drop the connection without a word; the broker will publish the will."""
        self._end(BrokerUnavailable("closed"))

    def _attach(self) -> None:
        client = self._client
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._received
        client.on_subscribe = self._subscribed
        client.on_publish = self._acknowledged
        client.on_socket_close = self._unwatch
        client.on_socket_register_write = self._want_write
        client.on_socket_unregister_write = self._want_no_write

    def _watch_socket(self) -> None:
        sock = self._client.socket()
        if sock is None:
            raise BrokerUnavailable(f"{self.settings.broker} closed the connection at once")
        self._fd = sock.fileno()
        self._loop.add_reader(self._fd, self._readable)
        if self._client.want_write():
            self._loop.add_writer(self._fd, self._client.loop_write)

    def _readable(self) -> None:
        self._client.loop_read()
        sock = self._client.socket()
        if isinstance(sock, ssl.SSLSocket) and sock.pending():  # decrypted already: the loop would not see it
            self._loop.call_soon(self._readable)

    def _want_write(self, _client: Client, _userdata: object, _sock: SocketLike) -> None:
        if self._fd >= 0:
            self._loop.add_writer(self._fd, self._client.loop_write)

    def _want_no_write(self, _client: Client, _userdata: object, _sock: SocketLike) -> None:
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)

    def _unwatch(self, _client: Client, _userdata: object, _sock: SocketLike) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = -1

    def _end(self, reason: BrokerUnavailable) -> None:
        """Settle everything that waits, once."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = -1
        close_socket(self._client)
        if not self._lost.done():
            self._lost.set_result(reason)
        if not self._welcomed.done():
            self._welcomed.cancel()
        for granted in self._granted.values():
            if not granted.done():
                granted.set_exception(reason)

    def _connected(
        self,
        _client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._welcomed.done():
            return
        if reason.is_failure:
            self._welcomed.set_exception(self._refusal(reason))
            return
        self.packet_limit = getattr(properties, "MaximumPacketSize", None)
        self._window = asyncio.Semaphore(min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW)))
        self._welcomed.set_result(None)

    def _refusal(self, reason: ReasonCode) -> BrokerUnavailable | BrokerRefused:
        if reason.value == _UNSUPPORTED_PROTOCOL:
            return ProtocolUnsupported(f"{self.settings.broker} does not speak MQTT {self.protocol}")
        if reason.value in _TEMPORARY:
            return BrokerUnavailable(f"{self.settings.broker} answers: {reason}")
        who = f"user {self.settings.username}" if self.settings.username else "no user name"
        return BrokerRefused(
            f"{self.settings.broker} refuses us ({who}, client id {self.settings.client_id}): {reason}"
        )

    def _disconnected(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._welcomed.done():
            self._welcomed.set_exception(NoConsent(f"{self.settings.broker} hangs up instead of answering"))
        if reason.value == _TAKEN_OVER:
            self._end(SessionTakenOver(f"another client connected as {self.settings.client_id}"))
        else:
            why = "the broker closed it" if reason.value == _NO_WORD else reason
            self._end(BrokerUnavailable(f"the connection to {self.settings.broker} is over: {why}"))

    def _received(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # no broker may pass it on; nothing that we subscribed to looks so
            return
        properties = message.properties
        self._on_message(
            Incoming(
                topic=topic,
                payload=bytes(message.payload),
                retain=bool(message.retain),
                dup=bool(message.dup),
                response_topic=getattr(properties, "ResponseTopic", None),
                correlation=getattr(properties, "CorrelationData", None),
                expiry_s=getattr(properties, "MessageExpiryInterval", None),
            )
        )

    def _subscribed(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        waiting = self._granted.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result([reason.value for reason in reasons])

    def _acknowledged(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        sent = self._unacknowledged.pop(mid, None)
        if sent is None:
            return
        self._window.release()
        if not self._unacknowledged:
            self._idle.set()
        if reason.is_failure:
            self._on_denied(sent.topic, f"{reason}: check its access rules")
        if sent.on_ack is not None:
            sent.on_ack()
