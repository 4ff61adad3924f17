"""What the bridge shall talk to: asked of a person, or said on the command line."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from apcbridge.config.addresses import check_broker_url
from apcbridge.tools.draft import BrokerDraft, SnmpDraft

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from apcbridge.tools.terminal import Terminal

EMBEDDED_URL = "embedded://127.0.0.1:1883"
EMBEDDED = "embedded"
NO_MQTT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line said already; None and empty are to be asked for."""

    output: Path
    of_the_service: bool = False
    """The output is where the service looks for its configuration."""
    program: str = "apcbridge"
    """How a person calls us from where they called us now."""
    bauds: Sequence[int]
    ports: tuple[str, ...] = ()
    username: str | None = None
    password_file: Path | None = None
    password: str | None = None
    """From the environment; goes into a file of its own."""
    mqtt: str | None = None
    """``none``, ``embedded`` or a URL."""
    mqtt_username: str = ""
    mqtt_password_file: Path | None = None
    snmp: bool | None = None


class Outward:
    """Asks for the broker and for SNMP, as far as the wishes leave them open."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    async def broker(self, wishes: Wishes) -> tuple[BrokerDraft | None, str]:
        """Return the broker and the password to be written into a file."""
        question = "\nMQTT: a broker (mqtt://127.0.0.1:1883), embedded (one of our own), or none\n  Broker:"
        answer = wishes.mqtt or await self._terminal.ask(question, NO_MQTT)
        while answer not in {EMBEDDED, NO_MQTT}:
            try:
                check_broker_url(answer)
                break
            except ValueError as error:
                self._terminal.say(f"  {error}")
                answer = await self._terminal.ask("  Broker:", NO_MQTT)
        if answer == NO_MQTT:
            return None, ""
        return await self._broker_account(wishes, EMBEDDED_URL if answer == EMBEDDED else answer)

    async def _broker_account(self, wishes: Wishes, url: str) -> tuple[BrokerDraft, str]:
        username, password = wishes.mqtt_username, ""
        file = wishes.mqtt_password_file
        if wishes.mqtt is None and not username and url != EMBEDDED_URL:
            username = await self._terminal.ask("  User name at the broker (empty: none):")
            if username and file is None:
                password = await self._terminal.ask_secret("  Its password:")
        if url == EMBEDDED_URL and find_spec("amqtt") is None:
            self._terminal.say("  The built-in broker needs an extra that is not installed: apcbridge[embedded]")
        homeassistant = await self._terminal.confirm("  Announce the PDUs to Home Assistant?", default=True)
        path = str(file.absolute()) if file else "mqtt.password" if password else ""
        return BrokerDraft(url=url, username=username, password_file=path, homeassistant=homeassistant), password

    async def snmp(self, wishes: Wishes) -> SnmpDraft | None:
        """Return the communities, or None if there shall be no SNMP."""
        wish = wishes.snmp
        question = "\nServe SNMP on 127.0.0.1 (from port 1161 on), with random communities?"
        if wish is None:
            wish = await self._terminal.confirm(question, default=False)
        return SnmpDraft(read_community=_word(), write_community=_word()) if wish else None


def _word() -> str:
    return f"c{secrets.token_hex(8)}"
