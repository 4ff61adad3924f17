"""A broker inside apcbridge, for the demo and for a home that has none.

It is amqtt: MQTT 3.1.1 only, everything in memory, no access rules beyond names and passwords. Anything that matters
deserves mosquitto.
"""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import ipaddress
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from apcbridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 100
STOP_TIMEOUT_S = 3.0
_AUTH_PLUGIN = "apcbridge.mqtt.embedded_amqtt.PasswordPlugin"
_ANONYMOUS_PLUGIN = "amqtt.plugins.authentication.AnonymousAuthPlugin"
_CHATTY = ("amqtt", "transitions")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings:
    """Where to listen, and who may come."""

    host: str = "127.0.0.1"
    port: int = 1883
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Name -> password; empty: anybody who reaches the port. Must not be empty on an address others can reach."""


class _Broker(Protocol):
    async def start(self) -> None: ...

    async def shutdown(self) -> None: ...


class EmbeddedBroker:
    """Runs in our event loop: ``async with EmbeddedBroker(settings): ...``."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        """Raise ConfigError if the package is missing, or the broker would be open to the network."""
        if importlib.util.find_spec("amqtt") is None:
            raise ConfigError("the embedded MQTT broker needs the package amqtt: pip install 'apcbridge[embedded]'")
        if not settings.users and not _is_loopback(settings.host):
            raise ConfigError(f"an embedded MQTT broker on {settings.host} needs users: anybody could switch outlets")
        self._settings = settings
        self._broker: _Broker | None = None

    async def start(self) -> None:
        """Begin to listen; raise ConfigError if the address cannot be had."""
        from amqtt.errors import BrokerError as AmqttError  # noqa: PLC0415  # optional, and slow to import

        from apcbridge.mqtt.embedded_amqtt import TidyBroker  # noqa: PLC0415

        for name in _CHATTY:  # a line per packet at INFO, tracebacks for clients that just hang up at WARNING
            logging.getLogger(name).setLevel(logging.CRITICAL)
        broker: _Broker = TidyBroker(self._configuration())
        try:
            await broker.start()
        except AmqttError as error:
            where = f"{self._settings.host}:{self._settings.port}"
            reason = _reason(error.__cause__ or error)
            raise ConfigError(f"the embedded MQTT broker cannot listen on {where}: {reason}") from None
        self._broker = broker
        log.info("embedded MQTT broker listens on %s:%d", self._settings.host, self._settings.port)

    async def stop(self) -> None:
        """Disconnect everybody and stop listening; harmless if it was not started."""
        broker, self._broker = self._broker, None
        if broker is None:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await broker.shutdown()
        except TimeoutError:
            log.warning("the embedded MQTT broker did not stop in %g s", STOP_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    def _configuration(self) -> dict[str, object]:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        users = dict(self._settings.users)
        plugins: dict[str, object] = {_AUTH_PLUGIN: {"users": users}} if users else {_ANONYMOUS_PLUGIN: {}}
        return {
            "listeners": {"default": {"bind": f"{host}:{self._settings.port}", "max_connections": MAX_CONNECTIONS}},
            "plugins": plugins,
        }


def _reason(fault: BaseException) -> str:
    match getattr(fault, "errno", None):
        case errno.EADDRINUSE:
            return "another program (mosquitto?) has it: use that broker, mqtt://..., or choose another port"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address"
        case _:
            return str(fault)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
