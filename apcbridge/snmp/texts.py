"""Keeps sysContact, sysName and sysLocation as managers wrote them, across restarts."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from apcbridge.snmp.durable import write_durably
from apcbridge.snmp.mib import MibContext
from apcbridge.snmp.system import AgentCounters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from apcbridge.snmp.settings import SnmpSettings

FILE_NAME = "snmp-system.json"
FIELDS = ("contact", "name", "location")

_log = logging.getLogger(__name__)


class SystemTextFile:
    """One small JSON file: ``{pdu: {contact, name, location}}``. Without a state directory nothing can be written."""

    def __init__(self, settings: SnmpSettings, wall: Callable[[], float]) -> None:
        self._path: Path | None = settings.state_dir / FILE_NAME if settings.state_dir else None
        self._written = self._load()
        self._contexts = {
            address.pdu: MibContext(
                counters=AgentCounters(),
                contact=self._written.get(address.pdu, {}).get("contact", settings.contact),
                name=self._written.get(address.pdu, {}).get("name"),
                location=self._written.get(address.pdu, {}).get("location", settings.location),
                private_root=settings.private_root,
                wall=wall,
            )
            for address in settings.addresses
        }

    def context(self, pdu: str) -> MibContext:
        """Return what the table of a PDU shows beside its status."""
        return self._contexts[pdu]

    def write(self, pdu: str, texts: Mapping[str, str]) -> bool:
        """Keep values by their fields for good, all of them; False if they cannot be kept."""
        if self._path is None:
            return False
        written = {**self._written, pdu: {**self._written.get(pdu, {}), **texts}}
        try:
            write_durably(self._path, json.dumps(written, indent=1).encode())
        except OSError as fault:
            _log.warning("%s: cannot keep the SNMP %s in %s: %s", pdu, ", ".join(texts), self._path, fault.strerror)
            return False
        self._written = written
        for field, value in texts.items():
            self._contexts[pdu] = self._contexts[pdu].with_text(field, value)
        return True

    def _load(self) -> dict[str, dict[str, str]]:
        """Read the file; one that is missing or no longer ours to read counts as empty and is replaced by a write."""
        if self._path is None:
            return {}
        try:
            loaded: object = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as fault:
            _log.warning("%s cannot be read (%s): SNMP system strings start from the configuration", self._path, fault)
            return {}
        return _clean(loaded)


def _clean(loaded: object) -> dict[str, dict[str, str]]:
    """Keep only what has the shape this module writes."""
    if not isinstance(loaded, dict):
        return {}
    return {
        str(pdu): {field: str(texts[field]) for field in FIELDS if field in texts}
        for pdu, texts in loaded.items()
        if isinstance(texts, dict)
    }
