"""What must hold between keys of a configuration that is right in itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from apcbridge.config.addresses import Endpoint
from apcbridge.config.document import show_path
from apcbridge.mqtt.settings import DiscoveryMode
from apcbridge.snmp.settings import TrapVersion

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from apcbridge.config.document import KeyPath
    from apcbridge.config.schema import Config, MqttConfig, PduConfig, SnmpConfig, TrapConfig

RESERVED_PDU_IDS = frozenset({"bridge"})
"""``apcbridge/bridge/...`` are the bridge's own topics."""
WEAK_COMMUNITIES = frozenset({"public", "private"})
KEY_LENGTH = 8
"""Shortest pass phrase of an SNMPv3 user (RFC 3414, 11.2)."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that does not hold."""

    path: KeyPath
    reason: str
    about: tuple[KeyPath, ...] = ()
    """What the rule looked at besides: a fault already found at, above or below one of these makes it moot."""


def breaches(config: Config) -> Iterator[Breach]:
    """Yield every rule that does not hold."""
    if not config.pdus:
        yield Breach(
            ("pdus",),
            "there is no PDU: name at least one, with id, port, username and password_file; apcbridge init finds it",
            (("pdus",),),
        )
    for index, pdu in enumerate(config.pdus):
        yield from _pdu(("pdus", index), pdu)
    yield from _repeated((("pdus", i, "id"), pdu.id) for i, pdu in enumerate(config.pdus))
    yield from _repeated(
        (("pdus", i, "port"), _line(pdu.port)) for i, pdu in enumerate(config.pdus) if not pdu.port.startswith("sim://")
    )
    yield from _clashing(tuple(_tcp_listeners(config)))
    # Agents of the very same address share it.
    yield from _clashing(tuple({end: (path, end) for path, end in _agents(config)}.values()), dual=True)
    if config.mqtt:
        yield from _mqtt(config.mqtt)
    if config.snmp:
        yield from _snmp(config.snmp, tuple(endpoint for _, endpoint in _agents(config)))
    else:
        for path, _ in _agents(config):
            yield Breach(path[:-1], "nobody may ask this agent: add snmp.communities or snmp.users", (("snmp",),))
    if config.web and config.web.control and config.web.token_file is None:
        yield Breach(("web", "control"), "switching over HTTP needs a token: add token_file", (("web", "token_file"),))


def _agents(config: Config) -> Iterator[tuple[KeyPath, Endpoint]]:
    for index, pdu in enumerate(config.pdus):
        if pdu.snmp:
            yield ("pdus", index, "snmp", "listen"), pdu.snmp.listen


def _tcp_listeners(config: Config) -> Iterator[tuple[KeyPath, Endpoint]]:
    if config.mqtt and config.mqtt.embedded:
        yield ("mqtt", "url"), Endpoint(config.mqtt.broker.host, config.mqtt.broker.port)
    if config.web:
        yield ("web", "listen"), config.web.listen


def _clashing(listeners: Sequence[tuple[KeyPath, Endpoint]], *, dual: bool = False) -> Iterator[Breach]:
    for index, (path, endpoint) in enumerate(listeners):
        for other_path, other in listeners[:index]:
            if endpoint.clashes_with(other, dual=dual):
                reason = f"{endpoint} is taken already, by {show_path(other_path)} ({other}): choose another"
                yield Breach(path, reason, (path, other_path))


def _line(port: str) -> Hashable:
    """Name the line itself: another name of its device, or another protocol to its terminal server, changes nothing."""
    if "://" not in port:
        return os.path.realpath(port)
    parts = urlsplit(port)
    return parts.hostname, parts.port


def _repeated(items: Iterable[tuple[KeyPath, Hashable]]) -> Iterator[Breach]:
    seen: dict[Hashable, KeyPath] = {}
    for path, value in items:
        if value in seen:
            reason = f"is taken already, by {show_path(seen[value])}: choose another"
            yield Breach(path, reason, (path, seen[value]))
        seen.setdefault(value, path)


def _pdu(path: KeyPath, pdu: PduConfig) -> Iterator[Breach]:
    password, password_file = (*path, "password"), (*path, "password_file")
    if pdu.id in RESERVED_PDU_IDS:
        yield Breach((*path, "id"), f"{pdu.id} is the name of the bridge's own topics: choose another")
    if pdu.password is None and pdu.password_file is None:
        reason = "has no password: add password_file (or password; text that begins with # or & needs quotes)"
        yield Breach(path, reason, (password, password_file))
    if pdu.password and pdu.password_file:
        yield Breach(password, "password and password_file exclude each other: keep password_file")


def _mqtt(mqtt: MqttConfig) -> Iterator[Breach]:
    path: KeyPath = ("mqtt",)
    if mqtt.password and mqtt.password_file:
        yield Breach((*path, "password"), "password and password_file exclude each other: keep password_file")
    if mqtt.secret and mqtt.username is None:
        yield Breach(path, "a password without a username: add username", ((*path, "username"),))
    for name in ("ca_file", "cert_file", "key_file"):
        if getattr(mqtt, name) and not mqtt.broker.tls:
            yield Breach(
                (*path, name),
                f"has no meaning with {mqtt.url}, which is not encrypted: use mqtts://",
                (("mqtt", "url"),),
            )
    discovery = mqtt.homeassistant
    if discovery and discovery.discovery is not DiscoveryMode.OFF and mqtt.base_topic == discovery.prefix:
        yield Breach(
            (*path, "base_topic"),
            f"{mqtt.base_topic} is where Home Assistant looks for its documents: choose another",
            ((*path, "homeassistant", "prefix"),),
        )
    if bool(mqtt.cert_file) != bool(mqtt.key_file):
        files = ((*path, "cert_file"), (*path, "key_file"))
        yield Breach(files[0 if mqtt.cert_file else 1], "cert_file and key_file go together: add the other", files)
    if mqtt.embedded and not Endpoint(mqtt.broker.host, mqtt.broker.port).loopback and mqtt.secret is None:
        reason = "the built-in broker is open to the network: add username and password_file, or listen on 127.0.0.1"
        yield Breach((*path, "url"), reason, ((*path, "username"), (*path, "password"), (*path, "password_file")))


def _snmp(snmp: SnmpConfig, agents: tuple[Endpoint, ...]) -> Iterator[Breach]:
    path: KeyPath = ("snmp",)
    if agents and not snmp.communities and not snmp.users:
        who = ((*path, "communities"), (*path, "users"))
        yield Breach(path, "a PDU has an SNMP agent that nobody may ask: add communities or users", who)
    exposed = [endpoint for endpoint in agents if not endpoint.loopback]
    principals = (
        *(("communities", index, community.sources) for index, community in enumerate(snmp.communities)),
        *(("users", index, user.sources) for index, user in enumerate(snmp.users)),
    )
    for kind, index, sources in principals if exposed else ():
        if not sources:
            reason = f"an agent listens on {exposed[0]}: say which networks may ask it, sources: [192.0.2.0/24]"
            where = (*path, kind, index, "sources")
            yield Breach(where, reason, (where,))
    yield from _communities(path, snmp)
    yield from _users(path, snmp)
    for index, trap in enumerate(snmp.traps):
        yield from _trap((*path, "traps", index), trap, {user.name for user in snmp.users})


def _communities(path: KeyPath, snmp: SnmpConfig) -> Iterator[Breach]:
    seen = set()
    for index, community in enumerate(snmp.communities):
        name = (*path, "communities", index, "name")
        if community.name in seen:
            yield Breach(name, "this community stands here twice: give it one entry")
        seen.add(community.name)
        if community.name.reveal().lower() in WEAK_COMMUNITIES and not snmp.allow_weak_community:
            reason = "is what every scanner tries first: choose another, or set snmp.allow_weak_community: true"
            yield Breach(name, reason, ((*path, "allow_weak_community"),))


def _users(path: KeyPath, snmp: SnmpConfig) -> Iterator[Breach]:
    for index, user in enumerate(snmp.users):
        for name in ("auth_key_file", "priv_key_file"):
            if len(getattr(user, name).reveal()) < KEY_LENGTH:
                reason = f"the pass phrase in it is shorter than {KEY_LENGTH} characters"
                yield Breach((*path, "users", index, name), reason)
    yield from _repeated((((*path, "users", i, "name"), user.name) for i, user in enumerate(snmp.users)))


def _trap(path: KeyPath, trap: TrapConfig, users: set[str]) -> Iterator[Breach]:
    if trap.version is TrapVersion.V3:
        if trap.user is None or trap.user not in users:
            yield Breach(
                (*path, "user"), "a v3 notification needs a user that stands in snmp.users", (("snmp", "users"),)
            )
    elif trap.community is None:
        yield Breach(path, f"a v{trap.version} notification needs a community", ((*path, "community"),))
    if trap.inform and trap.version is TrapVersion.V1:
        yield Breach((*path, "inform"), "v1 knows no informs: use version 2c")
