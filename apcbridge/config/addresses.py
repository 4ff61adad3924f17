"""Addresses as they are written in the configuration, taken apart."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?")
PORT_SCHEMES = ("socket", "telnet", "rfc2217", "sim")


class MqttScheme(StrEnum):
    """How to reach the broker."""

    MQTT = "mqtt"
    MQTTS = "mqtts"
    WS = "ws"
    WSS = "wss"
    EMBEDDED = "embedded"


_MQTT_PORTS = {
    MqttScheme.MQTT: 1883,
    MqttScheme.MQTTS: 8883,
    MqttScheme.WS: 80,
    MqttScheme.WSS: 443,
    MqttScheme.EMBEDDED: 1883,
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port number; an IPv6 address stands without its brackets."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class MqttUrl:
    """Where the broker is."""

    scheme: MqttScheme
    endpoint: Endpoint
    path: str
    """Of the web socket, ``/mqtt``; empty for the other schemes."""

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted and the broker's certificate checked."""
        return self.scheme in (MqttScheme.MQTTS, MqttScheme.WSS)

    @property
    def embedded(self) -> bool:
        """Whether the broker is the one that apcbridge starts itself."""
        return self.scheme is MqttScheme.EMBEDDED

    def __str__(self) -> str:
        return f"{self.scheme}://{self.endpoint}{self.path}"


def parse_endpoint(text: str) -> Endpoint:
    """Parse ``host:port`` or ``[v6]:port``; raise ValueError with what is expected. Port 0 lets the kernel choose."""
    try:
        parts = urlsplit(f"//{text}")
        endpoint = _endpoint(parts, None)
    except ValueError:
        endpoint, parts = None, urlsplit("")
    if endpoint is None or parts.username is not None or parts.path or parts.query or parts.fragment:
        raise ValueError('must be "host:port", as in "127.0.0.1:1161" or "[::1]:1161"')
    return endpoint


def parse_mqtt_url(text: str) -> MqttUrl:
    """Parse the broker's URL; raise ValueError with what is expected."""
    parts = _split(text)
    if parts.scheme not in tuple(MqttScheme):
        raise ValueError("must begin with mqtt://, mqtts://, ws://, wss:// or embedded://")
    scheme = MqttScheme(parts.scheme)
    if parts.username is not None:
        raise ValueError("name and password do not belong into the URL: use username and password_file")
    web = scheme in (MqttScheme.WS, MqttScheme.WSS)
    if parts.query or parts.fragment or (parts.path.strip("/") and not web):
        raise ValueError(f"nothing may follow host and port, as in {scheme}://127.0.0.1:{_MQTT_PORTS[scheme]}")
    try:
        endpoint = _endpoint(parts, _MQTT_PORTS[scheme])
    except ValueError:
        raise ValueError(f"needs a host and a port, as in {scheme}://127.0.0.1:{_MQTT_PORTS[scheme]}") from None
    return MqttUrl(scheme, endpoint, (parts.path if parts.path.strip("/") else "/mqtt") if web else "")


def check_port(text: str) -> str:
    """Check the way to a console and return it; raise ValueError with what is expected."""
    if "://" not in text:
        if not text.startswith("/"):
            raise ValueError(
                "must be the full path of a serial device, /dev/serial/by-id/..., or a URL: socket://host:port, "
                "telnet://host:port, sim://MODEL"
            )
        return text
    parts = _split(text)
    if parts.scheme not in PORT_SCHEMES:
        raise ValueError(f"{parts.scheme}:// is none of {', '.join(f'{scheme}://' for scheme in PORT_SCHEMES)}")
    if parts.scheme == "sim":
        if not parts.hostname:
            raise ValueError("needs a model, as in sim://AP7920?firmware=3.7.3")
        return text
    try:
        _endpoint(parts, None)
    except ValueError:
        raise ValueError(f"needs a host and a port, as in {parts.scheme}://192.0.2.7:4001") from None
    if parts.username is not None or parts.path.strip("/"):
        raise ValueError(f"only a host and a port may follow {parts.scheme}://")
    return text


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError("is not a URL") from None


def _endpoint(parts: SplitResult, default_port: int | None) -> Endpoint:
    port = parts.port if parts.port is not None else default_port
    host = parts.hostname or ""
    if port is None or not 0 <= port <= 65535:
        raise ValueError
    if ":" in host:
        ipaddress.IPv6Address(host)
    elif not _HOST.fullmatch(host):
        raise ValueError
    return Endpoint(host, port)
