"""From the configuration to the settings of each part; nothing is opened."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.commands import Origin, OutletRule, PduRules
from apcbridge.config import SnmpConfig
from apcbridge.console.session import Credentials
from apcbridge.facts import PduView
from apcbridge.model import Link, LinkState, PduStatus
from apcbridge.mqtt.embedded import EmbeddedSettings
from apcbridge.mqtt.settings import (
    DiscoveryMode,
    HomeAssistantSettings,
    MqttProtocol,
    MqttSettings,
    TlsSettings,
)
from apcbridge.pdu.settings import PduSettings
from apcbridge.sim.url import parse_url
from apcbridge.snmp.settings import AgentAddress, Community, RateLimits, SnmpSettings, TrapReceiver, User
from apcbridge.web.settings import TcpAddress, WebSettings

if TYPE_CHECKING:
    from apcbridge.config import Config, HomeAssistantConfig, MqttConfig, PduConfig, TrapConfig, UserConfig

AUTO_BAUDS = (9600, 2400, 19200, 38400)
"""The order in which ``baud: auto`` tries them: switched rack PDUs come with 9600, the oldest cards with 2400."""


def pdu_settings(pdu: PduConfig) -> PduSettings:
    """Return what the supervisor of one PDU needs."""
    return PduSettings(
        id=pdu.id,
        port=pdu.port,
        bauds=AUTO_BAUDS if pdu.baud == "auto" else (pdu.baud,),
        credentials=Credentials(pdu.username, pdu.console_password.reveal()),
        poll_interval_s=pdu.poll_interval,
        stale_after_s=pdu.stale_after_s,
        lost_after_s=pdu.lost_after_s,
        session=pdu.session,
        access=pdu.access,
        on_pending_lost=pdu.on_pending_lost,
        reboot=pdu.reboot,
        outlet_names={number: outlet.name for number, outlet in pdu.outlets.items() if outlet.name},
        pace=parse_url(pdu.port).speed if pdu.port.startswith("sim://") else 1.0,
    )


def pdu_rules(pdu: PduConfig, config: Config) -> PduRules:
    """Return what the arbiter must know of one PDU."""
    doors = ((Origin.LOCAL, True), (Origin.MQTT, config.mqtt and config.mqtt.allow_bulk))
    bulk = [origin for origin, enabled in (*doors, (Origin.SNMP, config.snmp and config.snmp.allow_bulk)) if enabled]
    return PduRules(
        outlets={
            number: OutletRule(
                policy=outlet.policy,
                reboot_holdoff_s=outlet.reboot_holdoff,
                min_off_time_s=outlet.min_off_time,
            )
            for number, outlet in pdu.outlets.items()
        },
        bulk_origins=frozenset(bulk),
    )


def first_status(pdu: PduConfig, now_at: float) -> PduStatus:
    """Return what is known of a PDU before its console was ever read."""
    return PduStatus(
        pdu=pdu.id,
        link=Link(state=LinkState.CONNECTING, since_at=now_at),
        snapshot=None,
        stale_after_s=pdu.stale_after_s,
        lost_after_s=pdu.lost_after_s,
    )


def mqtt_settings(config: Config, mqtt: MqttConfig, version: str) -> MqttSettings:
    """Return what the MQTT bridge needs."""
    # Two bridges of one name, each with a state of its own, must not throw each other off the broker.
    mark = hashlib.sha256(str(config.bridge.state_dir).encode()).hexdigest()[:8]
    return MqttSettings(
        bridge_id=config.bridge.id,
        broker=mqtt.broker,
        client_id=f"apcbridge-{config.bridge.id}-{mark}",
        pdus=_views(config),
        base_topic=mqtt.base_topic,
        username=mqtt.username,
        password=mqtt.secret.reveal() if mqtt.secret else None,
        tls=TlsSettings(ca_file=mqtt.ca_file, cert_file=mqtt.cert_file, key_file=mqtt.key_file),
        # The built-in broker leaves an MQTT 5 greeting unanswered.
        protocol=MqttProtocol.V311 if mqtt.embedded else mqtt.protocol,
        allow_bulk=mqtt.allow_bulk,
        homeassistant=_homeassistant(mqtt.homeassistant),
        state_file=config.bridge.state_dir / "mqtt-topics.json",
        version=version,
    )


def embedded_settings(mqtt: MqttConfig) -> EmbeddedSettings | None:
    """Return where the built-in broker listens and who may come, or None if the broker is another program."""
    if not mqtt.embedded:
        return None
    users = {mqtt.username: mqtt.secret.reveal()} if mqtt.username and mqtt.secret else {}
    return EmbeddedSettings(host=mqtt.broker.host, port=mqtt.broker.port, users=users)


def _views(config: Config) -> dict[str, PduView]:
    return {
        pdu.id: PduView(policies={number: outlet.policy for number, outlet in pdu.outlets.items()})
        for pdu in config.pdus
    }


def _homeassistant(homeassistant: HomeAssistantConfig | None) -> HomeAssistantSettings:
    if homeassistant is None:
        return HomeAssistantSettings(discovery=DiscoveryMode.OFF)
    return HomeAssistantSettings(
        discovery=homeassistant.discovery,
        prefix=homeassistant.prefix,
        status_topic=homeassistant.status_topic,
        outlet_devices=homeassistant.outlet_devices,
    )


def snmp_settings(config: Config) -> SnmpSettings | None:
    """Return what the SNMP agent needs, or None if no PDU has an agent."""
    addresses = tuple(
        AgentAddress(pdu=pdu.id, host=pdu.snmp.listen.host, port=pdu.snmp.listen.port)
        for pdu in config.pdus
        if pdu.snmp is not None
    )
    if not addresses:
        return None
    snmp = config.snmp or SnmpConfig()
    return SnmpSettings(
        addresses=addresses,
        communities=_communities(snmp),
        users=tuple(_user(user) for user in snmp.users),
        receivers=tuple(_receiver(trap) for trap in snmp.traps),
        private_root=snmp.private_root,
        limits=RateLimits(per_source=snmp.requests_per_second, total=2 * snmp.requests_per_second),
        state_dir=config.bridge.state_dir,
    )


def _communities(snmp: SnmpConfig) -> tuple[Community, ...]:
    return tuple(
        Community(
            name=community.name.reveal(),
            label=f"community-{index}",
            access=community.access,
            sources=community.allowed_sources,
        )
        for index, community in enumerate(snmp.communities, start=1)
    )


def _user(user: UserConfig) -> User:
    return User(
        name=user.name,
        access=user.access,
        auth=user.auth,
        auth_phrase=user.auth_key_file.reveal(),
        priv=user.priv,
        priv_phrase=user.priv_key_file.reveal(),
        sources=user.allowed_sources,
    )


def _receiver(trap: TrapConfig) -> TrapReceiver:
    return TrapReceiver(
        host=trap.target.host,
        port=trap.target.port,
        version=trap.version,
        community=trap.community.reveal() if trap.community else "",
        user=trap.user,
        inform=trap.inform,
    )


def web_settings(config: Config, version: str) -> WebSettings:
    """Return what the web server needs; the local socket is always there."""
    web = config.web
    listen = (TcpAddress(host=web.listen.host, port=web.listen.port),) if web else ()
    return WebSettings(
        bridge_id=config.bridge.id,
        listen=listen,
        socket=local_socket(config),
        control=bool(web and web.control),
        token=web.token_file.reveal() if web and web.token_file else None,
        pdus=_views(config),
        version=version,
    )


def local_socket(config: Config) -> Path | None:
    """Return where the commands find the daemon, or None where nothing can be made.

    That is systemd's runtime directory, or beside the state where there is none.
    """
    directory = Path(os.environ.get("RUNTIME_DIRECTORY") or config.bridge.state_dir)
    return directory / "apcbridge.sock" if os.access(directory, os.W_OK) else None
