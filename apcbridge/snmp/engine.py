"""Who our SNMP engines are and how often they have started: what version 3 stands on, kept on disk.

A manager refuses an engine that comes back with a smaller boots counter, and a replayed message passes if the counter
repeats. So the counter is on disk before a socket opens, and where it cannot be, version 3 stays closed.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.errors import JournalError
from apcbridge.snmp.durable import write_durably

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "snmp-engine.json"
MAX_BOOTS = 0x7FFFFFFF
_PREFIX = (0x80000000 | 8072).to_bytes(4) + b"\x05"
"""RFC 3411, SnmpEngineID: net-snmp's enterprise, as for our MIB, and octets of our own choice."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """What every engine of this bridge shares."""

    seed: str
    boots: int

    def engine_id(self, pdu: str) -> bytes:
        """Return the engine id of a PDU's agent: its own, because every address is taken for a card of its own."""
        return _PREFIX + hashlib.blake2s(f"{self.seed}/{pdu}".encode(), digest_size=12).digest()


def next_boot(state_dir: Path) -> EngineState:
    """Count a start, durably; raise JournalError if it cannot be kept or what is kept cannot be read."""
    path = state_dir / FILE_NAME
    state = _load(path)
    state = EngineState(secrets.token_hex(16), 1) if state is None else EngineState(state.seed, state.boots + 1)
    if state.boots >= MAX_BOOTS:
        raise JournalError(
            f"{path}: the boots counter is at its end; remove the file, managers must learn a new engine"
        )
    try:
        write_durably(path, json.dumps({"seed": state.seed, "boots": state.boots}).encode())
    except OSError as fault:
        raise JournalError(f"{path} cannot be written: {fault.strerror}") from fault
    return state


def _load(path: Path) -> EngineState | None:
    """Return what is kept, or None if nothing ever was."""
    try:
        kept: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise JournalError(f"{path} cannot be read ({fault}); remove it if it is damaged") from fault
    if isinstance(kept, dict):
        seed, boots = kept.get("seed"), kept.get("boots")
        if isinstance(seed, str) and seed and isinstance(boots, int) and not isinstance(boots, bool) and boots > 0:
            return EngineState(seed, boots)
    raise JournalError(f"{path} is damaged; remove it, managers must learn a new engine")
