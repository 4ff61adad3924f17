"""What the MQTT side needs to know, as plain frozen values; the composition root fills them from the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from apcbridge.facts import PduView

DEFAULT_KEEPALIVE_S = 15
"""A broker that froze is noticed after at most twice this."""


class MqttProtocol(StrEnum):
    """Which version of the protocol to speak."""

    AUTO = "auto"
    """5, and 3.1.1 where the broker does not know 5; asked anew at every connect."""
    V5 = "5"
    V311 = "3.1.1"


class DiscoveryMode(StrEnum):
    """How Home Assistant is told of our devices."""

    DEVICE = "device"
    """One document per device: Home Assistant 2024.11 and later."""
    COMPONENT = "component"
    """One document per entity: older Home Assistants, and other programs that read their format."""
    OFF = "off"


class Transport(StrEnum):
    """How the bytes of MQTT travel."""

    TCP = "tcp"
    WEBSOCKETS = "websockets"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker listens."""

    host: str
    port: int
    tls: bool = False
    transport: Transport = Transport.TCP
    path: str = "/mqtt"
    """Only for web sockets."""
    embedded: bool = False
    """It is our own built-in broker, which knows MQTT 3.1.1 only."""

    @classmethod
    def from_url(cls, url: str) -> BrokerAddress:
        """Read ``mqtt://``, ``mqtts://``, ``ws://``, ``wss://`` or ``embedded://`` host, port and path.

        Raises ValueError with the reason: unknown scheme, no host, a bad port, or a user name or password in the URL
        (they would end up in every log).
        """
        parts = urlsplit(url)
        try:
            default_port, tls, transport = _SCHEMES[parts.scheme]
        except KeyError:
            raise ValueError(f"the scheme must be one of {', '.join(_SCHEMES)}, as in mqtt://127.0.0.1:1883") from None
        if "@" in parts.netloc:
            raise ValueError("user name and password have keys of their own, they do not belong in the URL")
        if not parts.hostname:
            raise ValueError("the host is missing")
        if parts.query or parts.fragment:
            raise ValueError("nothing may follow the path")
        return cls(
            host=parts.hostname,
            port=parts.port or default_port,
            tls=tls,
            transport=transport,
            path=parts.path or "/mqtt",
            embedded=parts.scheme == "embedded",
        )

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


_SCHEMES = {
    "mqtt": (1883, False, Transport.TCP),
    "mqtts": (8883, True, Transport.TCP),
    "ws": (80, False, Transport.WEBSOCKETS),
    "wss": (443, True, Transport.WEBSOCKETS),
    "embedded": (1883, False, Transport.TCP),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Certificates. The broker's host name is always checked."""

    ca_file: Path | None = None
    """None: the authorities that the machine trusts."""
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistantSettings:
    """How to appear in Home Assistant."""

    discovery: DiscoveryMode = DiscoveryMode.DEVICE
    prefix: str = "homeassistant"
    status_topic: str = "homeassistant/status"
    """Where Home Assistant announces its birth."""
    birth_payload: str = "online"
    outlet_devices: bool = False
    """Each outlet a device of its own (an area per appliance) instead of entities of the PDU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """Everything the bridge to the broker is told."""

    bridge_id: str
    broker: BrokerAddress
    client_id: str
    """The same at every start (a random one lets an old will land after our `online`), unique per broker."""
    pdus: Mapping[str, PduView]
    """By PDU id; an id is ``[a-z0-9_-]+`` and never ``bridge``, which names the bridge's own topics."""
    base_topic: str = "apcbridge"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsSettings = TlsSettings()
    """Only read where the address asks for TLS."""
    protocol: MqttProtocol = MqttProtocol.AUTO
    keepalive_s: int = DEFAULT_KEEPALIVE_S
    allow_bulk: bool = False
    homeassistant: HomeAssistantSettings = HomeAssistantSettings()
    state_file: Path | None = None
    """Where the topics that we own on the broker are remembered; None: they are not."""
    version: str = "0"
    """Of apcbridge, shown to Home Assistant and on the info topic."""

    @property
    def identity(self) -> tuple[object, ...]:
        """What a bridge is known by: with another identity it is another bridge."""
        return (self.bridge_id, self.base_topic, self.state_file, self.version)

    @property
    def way(self) -> tuple[object, ...]:
        """What a connection is made with: another way needs another connection."""
        return (
            self.broker,
            self.client_id,
            self.username,
            self.password,
            self.tls,
            self.protocol,
            self.keepalive_s,
        )
