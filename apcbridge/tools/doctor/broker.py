"""The MQTT broker: reachable, letting us in, letting us read and write, and no commands lying about on it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
from typing import TYPE_CHECKING

from paho.mqtt.enums import MQTTProtocolVersion

from apcbridge.errors import BrokerError, BrokerRefused
from apcbridge.mqtt.connection import BrokerConnection, NoConsent, Outgoing, ProtocolUnsupported
from apcbridge.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.mqtt.requests import Incoming
    from apcbridge.mqtt.settings import MqttSettings
    from apcbridge.tools.doctor.findings import Finding, Reporter

ECHO_S = 5.0
"""How long our own message may take to come back from the broker."""


class BrokerCheck:
    """One visit at the broker, under a client id of our own: the daemon's would throw the daemon off."""

    def __init__(self, settings: MqttSettings, report: Reporter) -> None:
        visitor = f"{settings.client_id}-doctor-{secrets.token_hex(3)}"
        self._settings = dataclasses.replace(settings, client_id=visitor)
        self._daemon_id = settings.client_id
        self._report = report
        self._topics = Topics(settings.base_topic, settings.bridge_id)
        self._probe_topic = self._topics.bridge("doctor")
        self._token = secrets.token_hex(8).encode()
        self._echoed = asyncio.Event()
        self._retained: set[str] = set()

    async def run(self) -> tuple[Finding, ...]:
        """Connect, subscribe, say something to ourselves, leave."""
        # Only MQTT 3.1.1 hands out what is retained and sends our own message back, whatever the daemon will speak.
        connection = BrokerConnection(
            self._settings, MQTTProtocolVersion.MQTTv311, self._probe_topic, self._hear, _take_no_denial
        )
        try:
            await connection.open()
        except (ProtocolUnsupported, NoConsent) as error:
            return (self._report.warn(f"{error}", "the doctor speaks MQTT 3.1.1 only; look into the daemon's log"),)
        except BrokerRefused as error:
            return (self._report.fail(f"{error}", "correct username, password_file or ca_file in the section mqtt"),)
        except BrokerError as error:
            return (
                self._report.fail(f"{error}", "does the broker run, does the URL name it, is a firewall in between?"),
            )
        try:
            return await self._look_inside(connection)
        except BrokerError as error:
            return (self._report.fail(f"the broker let us in, then: {error}", "look into the broker's log"),)
        finally:
            await connection.close()

    async def _look_inside(self, connection: BrokerConnection) -> tuple[Finding, ...]:
        filters = (*self._topics.command_filters(self._settings.pdus), self._probe_topic)
        refused = await connection.subscribe(filters)
        await connection.publish(Outgoing(topic=self._probe_topic, payload=self._token))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ECHO_S):
                await self._echoed.wait()
        return (self._welcome(), *self._rights(refused), *self._litter())

    def _welcome(self) -> Finding:
        return self._report.ok(
            f"{self._settings.broker} lets us in",
            f"the daemon's client id is {self._daemon_id}; if its log says that another client connected as that, two "
            "bridges share one name: give each its own bridge.id",
        )

    def _rights(self, refused: Mapping[str, str]) -> tuple[Finding, ...]:
        rule = f"the broker's access rules must grant readwrite on {self._settings.base_topic}/#"
        if refused:
            return (self._report.fail(f"it refuses subscriptions: {', '.join(sorted(refused))}", rule),)
        if not self._echoed.is_set():
            return (
                self._report.fail(
                    f"a message to {self._probe_topic} was taken and did not come back within {ECHO_S:g} s",
                    f"{rule}; brokers drop silently what a user may not write or read",
                ),
            )
        return (self._report.ok("it lets us write and read"),)

    def _litter(self) -> tuple[Finding, ...]:
        return tuple(
            self._report.warn(
                f"a retained message lies on the command topic {topic}: it never acts here, but who sent it?",
                f"publish commands without the retain flag; to remove it: mosquitto_pub -r -n -t {topic}",
            )
            for topic in sorted(self._retained)
        )

    def _hear(self, message: Incoming) -> None:
        if message.topic == self._probe_topic:
            if message.payload == self._token:
                self._echoed.set()
        elif message.retain and message.payload and self._topics.is_command(message.topic, self._settings.pdus):
            self._retained.add(message.topic)


def _take_no_denial(_topic: str, _reason: str) -> None:
    """MQTT 3.1.1 has no words for a refused message."""
