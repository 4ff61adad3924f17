"""The shape of the configuration: what may stand in the file, what it means, what holds where it is silent.

Every model is frozen and refuses unknown keys. The descriptions are the user's reference: ``apcbridge schema`` and
``docs/configuration.md`` are made of them. Rules that join several keys are in :mod:`apcbridge.config.rules`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

from apcbridge.config.fields import (
    Baud,
    BrokerUrl,
    Directory,
    Identifier,
    InlineSecret,
    IPNetwork,
    Listen,
    Network,
    ObjectId,
    OutletNumber,
    Port,
    ReadableFile,
    Seconds,
    SecretFile,
    Target,
    Text,
    Topic,
    Word,
)
from apcbridge.config.secret import Secret
from apcbridge.console.session import Access
from apcbridge.model import Policy
from apcbridge.mqtt.settings import BrokerAddress, DiscoveryMode, MqttProtocol
from apcbridge.pdu.settings import OnPendingLost, RebootBy, SessionMode
from apcbridge.snmp.settings import PRIVATE_ROOT, REQUESTS_PER_SECOND, AuthProtocol, PrivProtocol, TrapVersion
from apcbridge.snmp.settings import Access as SnmpAccess

STALE_POLLS, STALE_FLOOR_S = 3, 15.0
LOST_POLLS, LOST_FLOOR_S = 5, 25.0
LOOPBACK: tuple[IPNetwork, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # The text of a validation error must never quote a value: it may be a password.
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


def _host_id() -> str:
    """Make an id of the short host name."""
    return re.sub(r"[^a-z0-9_-]+", "-", socket.gethostname().split(".")[0].lower()).strip("-")[:64] or "apcbridge"


class BridgeConfig(_Section):
    """The bridge itself."""

    id: Identifier = Field(default_factory=_host_id)
    """Name of this bridge in its own topics; default: the short host name."""
    state_dir: Directory = Path("/var/lib/apcbridge")
    """Directory for what must survive a restart: journal, history of reboots, SNMP engine."""


class OutletConfig(_Section):
    """One outlet; what is not said here comes from the PDU."""

    name: Text | None = None
    """Name to show instead of the PDU's own label."""
    policy: Policy = Policy.NORMAL
    """What may be done to it, whoever asks: `no-off` refuses whatever takes power away, `read-only` everything."""
    reboot_holdoff: Seconds = 30.0
    """Seconds that must pass between two reboots of this outlet."""
    min_off_time: Seconds = 0.0
    """Seconds after an OFF command before an ON command acts; a reboot has its own duration."""


class PduSnmpConfig(_Section):
    """The SNMP agent of one PDU."""

    listen: Listen
    """Address for this PDU's agent, as if it were the PDU's network card: `host:port` (UDP). PDUs that share one are
    told apart by `community@pdu`, or by the context name in SNMPv3; most tools want an address each."""


class PduConfig(_Section):
    """One PDU and the way to its console."""

    id: Identifier
    """Name of the PDU in topics, logs and commands; `bridge` is taken."""
    port: Port
    """Serial device (use its `/dev/serial/by-id/` name: numbers change), a terminal server: `socket://host:port` (raw
    bytes), `telnet://host:port`, `rfc2217://host:port` (sets its speed), or a simulated PDU:
    `sim://MODEL?firmware=VERSION`."""
    baud: Baud = 9600
    """Speed of the line, 8N1. APC's consoles are set to 9600, the oldest to 2400."""
    username: Text = "apc"
    """Account of the console; an outlet user sees and switches only its own outlets."""
    password: InlineSecret | None = None
    """Password of the account. Better in a file of its own: `password_file`."""
    password_file: SecretFile | None = None
    """File that holds the password, readable by its owner only."""
    poll_interval: Annotated[Seconds, Field(ge=1, le=3600)] = 10.0
    """Seconds from the start of one reading to the next."""
    session: SessionMode = SessionMode.RELEASE
    """Between polls `release` logs out, so that the PDU's web page, telnet and SSH stay usable; `hold` stays logged in,
    which is faster and locks them out."""
    access: Access = Access.AUTO
    """Which face of the console to use: `menu`, `cli` (the `-c` command line of AOS 3 cards) or whatever fits."""
    on_pending_lost: OnPendingLost = OnPendingLost.REPORT
    """When the management card restarts with a delayed command in its memory: `report` it, or `resume`: also switch on
    an outlet whose reboot was cut in half."""
    reboot: RebootBy = RebootBy.AUTO
    """Whose clock a REBOOT runs by: `pdu` uses the PDU's own, which a restart of its management card cuts in half;
    `bridge` switches off, waits and switches on; `auto` does that only when such a restart is expected. With `auto` and
    `bridge` delayed commands that such a restart would lose run by the bridge's clock, too."""
    outlets: Annotated[Mapping[OutletNumber, OutletConfig], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType({})
    )
    """Rules and names per outlet number."""
    snmp: PduSnmpConfig | None = None
    """This PDU's SNMP agent; without it there is none."""

    @property
    def console_password(self) -> Secret:
        """The password, wherever it was written."""
        secret = self.password or self.password_file
        if secret is None:
            raise ValueError(f"{self.id} has no password: the configuration was not checked")
        return secret

    @property
    def stale_after_s(self) -> float:
        """Age from which a reading is no longer served as fresh: three polls, at least 15 s."""
        return max(STALE_POLLS * self.poll_interval, STALE_FLOOR_S)

    @property
    def lost_after_s(self) -> float:
        """Age from which a PDU counts as lost: five polls, at least 25 s."""
        return max(LOST_POLLS * self.poll_interval, LOST_FLOOR_S)


class HomeAssistantConfig(_Section):
    """Home Assistant's discovery."""

    discovery: DiscoveryMode = DiscoveryMode.DEVICE
    """`device`: one document per PDU (Home Assistant 2024.11 and later); `component`: one per entity; `off`."""
    prefix: Topic = "homeassistant"
    """Home Assistant's discovery prefix."""
    status_topic: Topic = "homeassistant/status"
    """Topic on which Home Assistant says that it came up."""
    outlet_devices: bool = False
    """Make each outlet a device of its own (an area per appliance) instead of entities of the PDU."""


class MqttConfig(_Section):
    """The MQTT broker."""

    url: BrokerUrl
    """`mqtt://host:1883`, `mqtts://host:8883` (TLS), `ws://`, `wss://`, or `embedded://127.0.0.1:1883` to start the
    built-in broker there."""
    username: Text | None = None
    """Account at the broker."""
    password: InlineSecret | None = None
    """Its password. Better in a file of its own: `password_file`."""
    password_file: SecretFile | None = None
    """File that holds the password, readable by its owner only."""
    ca_file: ReadableFile | None = None
    """Certificates (PEM) that the broker's must be signed by; default: those the system trusts."""
    cert_file: ReadableFile | None = None
    """Client certificate (PEM), where the broker wants one."""
    key_file: ReadableFile | None = None
    """Key of the client certificate (PEM)."""
    base_topic: Topic = "apcbridge"
    """First part of every topic."""
    protocol: Annotated[MqttProtocol, Word] = MqttProtocol.AUTO
    """MQTT version; `auto` is 5, falling back to 3.1.1."""
    allow_bulk: bool = False
    """Whether `outlet/all/set` may switch every outlet of a PDU at once."""
    homeassistant: HomeAssistantConfig | None = None
    """Whether and how to appear in Home Assistant; without it nothing is announced."""

    @property
    def broker(self) -> BrokerAddress:
        """Where the broker is."""
        return BrokerAddress.from_url(self.url)

    @property
    def embedded(self) -> bool:
        """Whether the broker is the one that apcbridge starts itself."""
        return self.broker.embedded

    @property
    def secret(self) -> Secret | None:
        """The password, wherever it was written."""
        return self.password or self.password_file


class CommunityConfig(_Section):
    """One SNMP v1/v2c community."""

    name: InlineSecret
    """The community string. Whoever can read the line between knows it."""
    access: SnmpAccess = SnmpAccess.READ
    """`read` or `write`."""
    sources: tuple[Network, ...] = ()
    """Networks that may use it; must be given unless every agent listens on the loopback only."""

    @property
    def allowed_sources(self) -> tuple[IPNetwork, ...]:
        """The networks that may use it: the loopback where nothing is said."""
        return self.sources or LOOPBACK


class UserConfig(_Section):
    """One SNMPv3 user."""

    name: Text
    """User name."""
    access: SnmpAccess = SnmpAccess.READ
    """`read` or `write`."""
    auth: AuthProtocol = AuthProtocol.SHA256
    """How its messages are signed."""
    auth_key_file: SecretFile
    """File that holds the pass phrase for signing, at least 8 characters."""
    priv: PrivProtocol = PrivProtocol.AES128
    """How its messages are encrypted."""
    priv_key_file: SecretFile
    """File that holds the pass phrase for encryption, at least 8 characters."""
    sources: tuple[Network, ...] = ()
    """Networks the user may come from; must be given unless every agent listens on the loopback only."""

    @property
    def allowed_sources(self) -> tuple[IPNetwork, ...]:
        """The networks the user may come from: the loopback where nothing is said."""
        return self.sources or LOOPBACK


class TrapConfig(_Section):
    """One receiver of notifications."""

    target: Target
    """`host:port` of the receiver (UDP)."""
    version: Annotated[TrapVersion, Word] = TrapVersion.V2C
    """`1`, `2c` or `3`."""
    community: InlineSecret | None = None
    """Community of a v1 or v2c notification."""
    user: Text | None = None
    """User of a v3 notification, one of `snmp.users`."""
    inform: bool = False
    """Ask for an acknowledgement and repeat until it comes (2c and 3)."""


class SnmpConfig(_Section):
    """Who may use the SNMP agents, and who is notified."""

    communities: tuple[CommunityConfig, ...] = ()
    """SNMP v1 and v2c communities; none is assumed."""
    users: tuple[UserConfig, ...] = ()
    """SNMPv3 users; none is assumed."""
    traps: tuple[TrapConfig, ...] = ()
    """Receivers of notifications."""
    allow_weak_community: bool = False
    """Accept the communities `public` and `private`, which every scanner tries first."""
    allow_bulk: bool = False
    """Whether the objects that switch every outlet of a PDU at once may be set."""
    requests_per_second: Annotated[int, Strict(), Field(ge=1, le=1_000_000)] = REQUESTS_PER_SECOND
    """What one address answers to one source, and twice that to all, in versions 1 and 2c; more is dropped unread."""
    private_root: ObjectId = PRIVATE_ROOT
    """Where APCBRIDGE-MIB hangs."""


class WebConfig(_Section):
    """Status page, HTTP API and metrics."""

    listen: Listen
    """`host:port` (TCP)."""
    control: bool = False
    """Whether outlets can be switched over HTTP; needs `token_file`. Reading is open to whoever reaches the address."""
    token_file: SecretFile | None = None
    """File that holds the token which every request that switches must carry: `Authorization: Bearer TOKEN`."""


class Config(_Section):
    """The configuration of apcbridge. Unknown keys are errors; what is not configured is off."""

    bridge: BridgeConfig = Field(default_factory=BridgeConfig)
    """Name of the bridge and where it keeps its state."""
    pdus: tuple[PduConfig, ...] = ()
    """The PDUs, at least one."""
    mqtt: MqttConfig | None = None
    """Where the MQTT broker is; without it there is no MQTT."""
    snmp: SnmpConfig | None = None
    """Who may use the SNMP agents; each PDU's agent has its address in its own `snmp`."""
    web: WebConfig | None = None
    """Whether and where to serve the status page, the HTTP API and metrics; without it only the local socket."""

    def pdu(self, pdu_id: str) -> PduConfig | None:
        """Return the PDU of that id, or None."""
        return next((pdu for pdu in self.pdus if pdu.id == pdu_id), None)

    def secrets(self) -> Iterator[Secret]:
        """Yield every secret there is, so that a log can be kept free of them."""
        yield from _secrets_of(self)


def _secrets_of(section: BaseModel) -> Iterator[Secret]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Secret):
                yield item
            elif isinstance(item, BaseModel):
                yield from _secrets_of(item)
