"""What we own on the broker, remembered across restarts in a small file.

Retained topics outlive us. Those of a PDU, an outlet or a feature that is gone can only be cleared by who remembers
them; and an identity once told to Home Assistant must never change by itself.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.mqtt.discovery import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

BRIDGE = ""
"""The owner of the topics that belong to no PDU."""
_VERSION = 1


@dataclass(slots=True)
class Ledger:
    """The memory itself; :meth:`save` writes it if it changed since the last time."""

    path: Path | None
    topics: dict[str, set[str]] = field(default_factory=dict)
    """Owner (a PDU id or :data:`BRIDGE`) -> retained topics of its."""
    devices: dict[str, Identity] = field(default_factory=dict)
    """PDU id -> identity."""
    components: dict[str, dict[str, str]] = field(default_factory=dict)
    """Discovery topic -> component id -> platform."""
    changed: bool = False
    """Something is not in the file yet."""
    _complained: bool = False

    @classmethod
    def load(cls, path: Path | None) -> Ledger:
        """Read the file; a missing or damaged one is an empty memory (orphans then stay until cleared by hand)."""
        ledger = cls(path)
        if path is None:
            return ledger
        try:
            ledger._fill(json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return ledger
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("MQTT: cannot use %s (%s): starting without memory of our retained topics", path, error)
            return cls(path)
        return ledger

    def own(self, owner: str, topic: str) -> None:
        """Remember that ``topic`` holds something of ``owner`` now, whoever owned it before."""
        held = self.topics.setdefault(owner, set())
        if topic in held:
            return
        self.changed = True
        for others in self.topics.values():
            others.discard(topic)
        held.add(topic)

    def disown(self, owner: str, topic: str) -> None:
        """Forget a topic that was cleared."""
        self.changed = True
        held = self.topics.get(owner, set())
        held.discard(topic)
        self.components.pop(topic, None)
        if not held:
            self.topics.pop(owner, None)

    def identify(self, pdu: str, identity: Identity) -> None:
        """Remember under which identity a PDU is announced."""
        self.changed |= self.devices.get(pdu) != identity
        self.devices[pdu] = identity

    def forget_devices(self, pdus: Iterable[str]) -> None:
        """Forget the identities of PDUs that are not configured any more."""
        for pdu in tuple(pdus):
            self.changed = True
            del self.devices[pdu]

    def describe(self, topic: str, components: Mapping[str, str]) -> None:
        """Remember which components (id -> platform) a discovery topic announces."""
        self.changed |= self.components.get(topic) != components
        self.components[topic] = dict(components)

    @property
    def must_save(self) -> bool:
        """Tell whether :meth:`save` has something to do; it touches the disk then."""
        return self.changed and self.path is not None

    def save(self) -> None:
        """Write the file if anything changed; a file that cannot be written is complained of once."""
        if self.path is None or not self.must_save:
            return
        self.changed = False
        text = json.dumps(
            {
                "version": _VERSION,
                "topics": {owner: sorted(topics) for owner, topics in sorted(self.topics.items())},
                "devices": {pdu: [known.uid, known.serial_number] for pdu, known in sorted(self.devices.items())},
                "components": self.components,
            }
        )
        try:
            self._write(self.path, text)
        except OSError as error:
            if not self._complained:
                log.warning("MQTT: cannot write %s (%s): retained topics may be left behind later", self.path, error)
            self._complained = True
        else:
            self._complained = False

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def _fill(self, document: object) -> None:
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            raise ValueError("not a file of this version")
        self.topics = {str(owner): {str(t) for t in topics} for owner, topics in document["topics"].items()}
        for pdu, (uid, serial) in document["devices"].items():
            self.devices[str(pdu)] = Identity(str(uid), None if serial is None else str(serial))
        for topic, components in document["components"].items():
            self.components[str(topic)] = {str(cid): str(platform) for cid, platform in components.items()}
