"""A paho-mqtt client that is set up and connected: last will, TLS, and the way to the first byte of MQTT."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from apcbridge.errors import BrokerRefused, BrokerUnavailable
from apcbridge.mqtt.requests import PAYLOAD_LIMIT
from apcbridge.mqtt.topics import TOPIC_LIMIT

if TYPE_CHECKING:
    from apcbridge.mqtt.settings import MqttSettings

CONNECT_TIMEOUT_S = 5.0
"""For TCP, and again for TLS."""
WILL_DELAY_S = 5
SESSION_EXPIRY_S = 10
"""Without a session that lives longer than the delay, the broker publishes the will at once."""

_INCOMING_LIMIT = PAYLOAD_LIMIT + TOPIC_LIMIT + 4096
"""Bytes of a packet that an MQTT 5 broker may send us; the slack is for properties."""


def make_client(settings: MqttSettings, version: MQTTProtocolVersion, will_topic: str) -> Client:
    """Set up a client that leaves ``offline`` on ``will_topic`` when it dies."""
    five = version == MQTTProtocolVersion.MQTTv5
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=None if five else True,
        protocol=version,
        transport=settings.broker.transport.value,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages = 0
    client.username_pw_set(settings.username, settings.password)
    will_properties = None
    if five:
        will_properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho's has no types
        will_properties.WillDelayInterval = WILL_DELAY_S
    client.will_set(will_topic, b"offline", qos=1, retain=True, properties=will_properties)
    client.ws_set_options(path=settings.broker.path)
    return client


async def reach(client: Client, settings: MqttSettings, version: MQTTProtocolVersion) -> None:
    """Connect and send CONNECT; the answer is not waited for.

    Raises BrokerUnavailable, or BrokerRefused for what TLS finds wrong. paho's blocking connect runs in a thread of its
    own; the default executor would hold up our exit.
    """
    if settings.broker.tls:
        client.tls_set_context(_tls_context(settings))
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: Exception | None) -> None:
        if done.cancelled():
            close_socket(client)
        elif error is not None:
            done.set_exception(error)
        else:
            done.set_result(None)

    def work() -> None:
        error: Exception | None = None
        try:
            _blocking_connect(client, settings, version)
        except (OSError, ValueError) as caught:
            error = caught
        try:
            loop.call_soon_threadsafe(finish, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            close_socket(client)

    threading.Thread(target=work, name="mqtt-connect", daemon=True).start()
    try:
        await done
    except ssl.SSLError as error:
        raise BrokerRefused(f"TLS with {settings.broker} failed: {error.reason or error}") from None
    except (OSError, ValueError) as error:
        raise BrokerUnavailable(f"cannot connect to {settings.broker}: {_words(error)}") from None


def _words(error: OSError | ValueError) -> str:
    """Say what went wrong without its number, which means something else to the resolver than to the system."""
    return str((isinstance(error, OSError) and error.strerror) or error)


def close_socket(client: Client) -> None:
    """Close the client's socket, if it has one, without a word to the broker."""
    sock = client.socket()
    if sock is not None:
        sock.close()


def _blocking_connect(client: Client, settings: MqttSettings, version: MQTTProtocolVersion) -> None:
    host, port = settings.broker.host, settings.broker.port
    if version == MQTTProtocolVersion.MQTTv5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's has no types
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.MaximumPacketSize = _INCOMING_LIMIT
        client.connect(host, port, settings.keepalive_s, clean_start=True, properties=properties)
    else:
        client.connect(host, port, settings.keepalive_s)
    _send_at_once(client)


def _send_at_once(client: Client) -> None:
    """Let no small packet wait for the acknowledgement of the one before it: that takes a peer up to 40 ms.

    A command's answer follows the acknowledgement of the command. paho wraps web sockets, hence by number.
    """
    sock = client.socket()
    if sock is not None:
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _TidySocket(ssl.SSLSocket):
    """A socket that is closed when its handshake fails; paho drops it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _tls_context(settings: MqttSettings) -> ssl.SSLContext:
    """Build the context that checks certificate and host name; raises BrokerRefused for files that cannot be used."""
    tls = settings.tls
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        context.sslsocket_class = _TidySocket
        if tls.cert_file is not None:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except OSError as error:
        files = ", ".join(str(file) for file in (tls.ca_file, tls.cert_file, tls.key_file) if file is not None)
        raise BrokerRefused(f"a certificate or key cannot be used ({files}): {error}") from None
    return context
