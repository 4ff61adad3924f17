"""What the broker should hold, all of it: discovery documents and values, against what it holds. Pure.

The plan knows two memories: the ledger of topics we own, which survives restarts, and what was published on the
connection of now, which does not: after a connect the broker may have forgotten everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.mqtt.discovery import (
    MIGRATE,
    Device,
    Document,
    bridge_device,
    discovery_inputs,
    documents,
    identify,
    pdu_devices,
    superseded,
)
from apcbridge.mqtt.ledger import BRIDGE, Ledger
from apcbridge.mqtt.payloads import OFFLINE, Retained, pdu_topics
from apcbridge.mqtt.settings import DiscoveryMode, MqttSettings
from apcbridge.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from collections.abc import Set as AbstractSet

    from apcbridge.commands import CommandResult
    from apcbridge.model import PduSnapshot, PduStatus

IDENTITY_GRACE_S = 60.0
"""How long to wait for a screen that tells model and serial number before the PDU is announced without."""


CLEAR_AFTER_S = 3.0
"""How long Home Assistant has to let go of a removed entity before its values are cleared under it, which it would log
as errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One message that brings the broker closer to what it should hold."""

    owner: str
    """PDU id, or :data:`~apcbridge.mqtt.ledger.BRIDGE`."""
    topic: str
    payload: bytes
    retain: bool = True
    same_as: bytes = b""
    document: Document | None = None
    """Set where it is a discovery document."""


@dataclass(frozen=True, slots=True)
class _Written:
    """The documents of a PDU and what they were made from: most readings change nothing about them."""

    inputs: Hashable
    devices: tuple[Device, ...]
    documents: tuple[Document, ...]


_NOTHING = _Written(None, (), ())


class Plan:
    """Works out publications; the caller sends them and reports each with :meth:`sent`."""

    def __init__(self, settings: MqttSettings, ledger: Ledger) -> None:
        self._settings = settings
        self._topics = Topics(settings.base_topic, settings.bridge_id)
        self._ledger = ledger
        self._published: dict[str, bytes] = {}
        self._unannounced: set[str] = set()
        self._first_seen_mono: dict[str, float] = {}
        self._migrated: set[str] = set()
        self._clear_mono: dict[str, float] = {}
        """Owner -> when the values that it left behind may be cleared."""
        self._gone_mono: dict[str, float] = {}
        """Owner that is not configured any more -> when that was noticed."""
        self._awaited_mono: dict[str, float] = {}
        """Of those, who may yet turn up under another name -> until when."""
        self._written: dict[str, _Written] = {}
        self.packet_limit: int | None = None
        """Bytes that the broker of now takes in one packet; None: any number."""

    def configure(self, settings: MqttSettings) -> None:
        """Plan by other settings of the same bridge from now on; what the broker holds stays known."""
        self._settings = settings
        self._written.clear()
        self._migrated.clear()

    def forget_published(self) -> None:
        """Take it that the broker holds nothing of ours."""
        self._published.clear()

    def said(self, topic: str) -> bytes | None:
        """Tell what was last sent to a topic and is still to be found there, or None."""
        return self._published.get(topic)

    def withdraw(self, pdu: str) -> None:
        """Stop announcing a PDU to Home Assistant, until :meth:`announce_again`."""
        self._unannounced.add(pdu)

    def announce_again(self) -> None:
        """Undo every :meth:`withdraw`, and publish every discovery document once more."""
        self._unannounced.clear()
        for topic in [t for t in self._published if not t.startswith(f"{self._settings.base_topic}/")]:
            del self._published[topic]

    def next_change_mono(self) -> float | None:
        """Tell when time alone will next give this plan something to do, or None."""
        announcements = (seen + IDENTITY_GRACE_S for seen in self._first_seen_mono.values())
        return min((*announcements, *self._clear_mono.values(), *self._awaited_mono.values()), default=None)

    def strangers(self, now_mono: float) -> list[Publication]:
        """Clear the topics of PDUs that are no longer configured.

        A new PDU that has not told its serial number yet may be one of those gone, under another ``id``. Until then the
        documents stay, so that Home Assistant keeps its entities.
        """
        gone = self._ledger.topics.keys() - self._settings.pdus.keys() - {BRIDGE}
        self._ledger.forget_devices(self._ledger.devices.keys() - self._settings.pdus.keys())
        self._gone_mono = {owner: self._gone_mono.get(owner, now_mono) for owner in gone}
        self._awaited_mono = {
            owner: since_mono + IDENTITY_GRACE_S
            for owner, since_mono in self._gone_mono.items()
            if now_mono < since_mono + IDENTITY_GRACE_S and self._somebody_is_new()
        }
        found: list[Publication] = []
        for owner in sorted(gone):
            found += self._goodbye(owner) if owner in self._awaited_mono else self._orphans(owner, set(), now_mono)
        return found

    def bridge(self, values: Mapping[str, Retained], now_mono: float) -> list[Publication]:
        """Plan the bridge's own device and ``values`` (topic -> payload)."""
        written = self._write(None, (bridge_device(self._settings),))
        found = self._documents(BRIDGE, written) + self._values(BRIDGE, values)
        wanted = {document.topic for document in written.documents} | values.keys()
        return found + self._orphans(BRIDGE, wanted | {self._topics.bridge("state")}, now_mono)

    def pdu(self, status: PduStatus, last_commands: Mapping[int, CommandResult], now_mono: float) -> list[Publication]:
        """Plan everything of one PDU: discovery first, then values, then what is gone."""
        pdu = status.pdu
        view = self._settings.pdus[pdu]
        values = pdu_topics(self._topics, status, view, last_commands, now_mono)
        if status.snapshot is None:
            return self._values(pdu, values)
        written = self._identified(status.snapshot, now_mono)
        if written is None:
            return self._values(pdu, values)
        found = self._documents(pdu, written) + self._values(pdu, values)
        wanted = {document.topic for document in written.documents} | values.keys()
        return found + self._orphans(pdu, wanted, now_mono)

    def about_to_send(self, publication: Publication) -> None:
        """Remember ownership before the broker knows: a crash in between must not leave an orphan."""
        if publication.retain and publication.payload:
            self._ledger.own(publication.owner, publication.topic)

    def sent(self, publication: Publication) -> None:
        """Remember what the broker now holds."""
        if not publication.retain:
            self._migrated.add(publication.topic)
            return
        if not publication.payload:
            self._published.pop(publication.topic, None)
            self._ledger.disown(publication.owner, publication.topic)
            return
        self._published[publication.topic] = publication.same_as
        if publication.document is not None:
            self._ledger.describe(publication.topic, publication.document.components)
            if publication.document.removes:
                self._written.pop(publication.owner, None)

    def _identified(self, snapshot: PduSnapshot, now_mono: float) -> _Written | None:
        """Return what to announce, or None while the PDU may yet tell who it is."""
        pdu = snapshot.pdu
        if self._settings.homeassistant.discovery is DiscoveryMode.OFF or pdu in self._unannounced:
            return _NOTHING
        known = self._ledger.devices.get(pdu)
        if known is None and snapshot.identity.model is None and snapshot.identity.serial_number is None:
            first_mono = self._first_seen_mono.setdefault(pdu, now_mono)
            if now_mono - first_mono < IDENTITY_GRACE_S:
                return None
        self._first_seen_mono.pop(pdu, None)
        others = self._settings.pdus.keys() - {pdu}
        taken = {held.uid for other, held in self._ledger.devices.items() if other in others}
        identity = identify(snapshot, known, taken, self._settings.bridge_id)
        self._ledger.identify(pdu, identity)
        inputs = (identity.uid, self.packet_limit, discovery_inputs(snapshot))
        before = self._written.get(pdu, _NOTHING)
        if before.inputs != inputs:
            announced = {c.id for device in before.devices for c in device.components}
            for topic in self._ledger.topics.get(pdu, ()):
                announced |= self._ledger.components.get(topic, {}).keys()
            before = self._write(inputs, pdu_devices(self._settings, snapshot, identity.uid, announced))
            self._written[pdu] = before
        return before

    def _write(self, inputs: Hashable, devices: tuple[Device, ...]) -> _Written:
        formerly, limit = self._ledger.components, self.packet_limit
        written = [d for device in devices for d in documents(self._settings, device, formerly, limit)]
        return _Written(inputs, devices, tuple(written))

    def _documents(self, owner: str, written: _Written) -> list[Publication]:
        moving = superseded(self._settings, self._ledger.topics.get(owner, ()), written.documents)
        return [
            Publication(owner=owner, topic=topic, payload=MIGRATE, retain=False)
            for topic in moving
            if topic not in self._migrated
        ] + [
            Publication(owner=owner, topic=d.topic, payload=d.payload, same_as=d.payload, document=d)
            for d in written.documents
            if self._published.get(d.topic) != d.payload
        ]

    def _values(self, owner: str, values: Mapping[str, Retained]) -> list[Publication]:
        return [
            Publication(owner=owner, topic=topic, payload=value.payload, same_as=value.same_as)
            for topic, value in values.items()
            if self._published.get(topic) != value.same_as
        ]

    def _orphans(self, owner: str, wanted: AbstractSet[str], now_mono: float) -> list[Publication]:
        """Clear what an owner does not want any more: documents at once, values when nobody reads them any more."""
        orphans = sorted(self._ledger.topics.get(owner, set()) - wanted)
        values = [topic for topic in orphans if not self._is_document(topic)]
        if values and now_mono < self._clear_mono.setdefault(owner, now_mono + CLEAR_AFTER_S):
            orphans = [topic for topic in orphans if topic not in values]
        else:
            self._clear_mono.pop(owner, None)
        return [Publication(owner=owner, topic=topic, payload=b"") for topic in orphans]

    def _somebody_is_new(self) -> bool:
        """Tell whether a PDU is configured that has not told yet who it is."""
        announced = self._settings.homeassistant.discovery is not DiscoveryMode.OFF
        return announced and bool(self._settings.pdus.keys() - self._ledger.devices.keys() - self._unannounced)

    def _goodbye(self, owner: str) -> list[Publication]:
        """Say of a PDU that is gone that its values are old."""
        topic = self._topics.pdu(owner, "availability")
        if topic not in self._ledger.topics[owner] or self._published.get(topic) == OFFLINE:
            return []
        return [Publication(owner=owner, topic=topic, payload=OFFLINE, same_as=OFFLINE)]

    @staticmethod
    def _is_document(topic: str) -> bool:
        """Tell discovery documents from values, whatever prefix and base topic were configured when they were sent."""
        return topic.endswith("/config")
