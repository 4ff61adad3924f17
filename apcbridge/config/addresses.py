"""Addresses as they are written in the configuration, taken apart."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from apcbridge.errors import ConfigError
from apcbridge.mqtt.settings import BrokerAddress, Transport
from apcbridge.sim.url import parse_url

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?")
_NUMERIC = re.compile(r"[0-9.]+")
"""No name of a host looks like this: such a host is an address."""
PORT_SCHEMES = ("socket", "telnet", "rfc2217", "sim")


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

    @property
    def unspecified(self) -> bool:
        """Whether it stands for every address of this machine."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False

    def clashes_with(self, other: Endpoint, *, dual: bool = False) -> bool:
        """Whether only one of the two can be listened on; a port 0 is another one each time.

        ``dual``: who listens on [::] has every address of IPv4, too.
        """
        one_family = (":" in self.host) == (":" in other.host) or (dual and "::" in {self.host, other.host})
        covers = self.host == other.host or (one_family and (self.unspecified or other.unspecified))
        return self.port == other.port != 0 and covers

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """Parse ``host:port`` or ``[v6]:port``; raise ValueError with what is expected. Port 0 lets the kernel choose."""
    expected = 'must be "host:port", as in "127.0.0.1:1161" or "[::1]:1161"'
    parts = _split(f"//{text}", expected)
    endpoint = _endpoint_or(parts, None, expected)
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        raise ValueError(expected)
    return endpoint


def check_broker_url(text: str) -> str:
    """Check the URL of the broker and return it; raise ValueError with what is expected."""
    parts = _split(text)
    if "://" in text:
        # Looked at first: from_url would speak of a wrong port in Python's words.
        _remote(parts, 1883, "needs a host and a port, as in mqtt://127.0.0.1:1883")
    address = BrokerAddress.from_url(text)
    if parts.path.strip("/") and address.transport is not Transport.WEBSOCKETS:
        raise ValueError(f"nothing may follow host and port, as in {parts.scheme}://{address}")
    return text


def check_port(text: str) -> str:
    """Check the way to a console and return it, its scheme in lower case; raise ValueError with what is expected."""
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
    text = f"{parts.scheme}:{text.partition(':')[2]}"
    if parts.scheme == "sim":
        return _check_simulated(text)
    _remote(parts, None, f"needs a host and a port, as in {parts.scheme}://192.0.2.7:4001")
    if parts.username is not None or parts.path.strip("/"):
        raise ValueError(f"only a host and a port may follow {parts.scheme}://")
    return text


def _check_simulated(url: str) -> str:
    try:
        parse_url(url)
    except ConfigError as error:
        raise ValueError(str(error).removeprefix(f"{url}: ")) from error
    return url


def _split(text: str, expected: str = "is not a URL") -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError(expected) from None


def _remote(parts: SplitResult, default_port: int | None, expected: str) -> None:
    """Check the host and port of a URL; no port to connect to has the number 0."""
    if not _endpoint_or(parts, default_port, expected).port:
        raise ValueError("needs a port above 0")


def _endpoint_or(parts: SplitResult, default_port: int | None, expected: str) -> Endpoint:
    """Return host and port of a URL, or raise ValueError with what is expected of it."""
    host = parts.hostname or ""
    try:
        port = parts.port if parts.port is not None else default_port
        if ":" in host:
            ipaddress.IPv6Address(host)
        elif _NUMERIC.fullmatch(host):
            ipaddress.IPv4Address(host)
    except ValueError as error:
        # Python's own words for a number of a port that is too large.
        out_of_range = "out of range" in str(error)
        raise ValueError("the port must be a number up to 65535" if out_of_range else expected) from None
    if port is None or not (":" in host or _HOST.fullmatch(host)):
        raise ValueError(expected)
    return Endpoint(host, port)
