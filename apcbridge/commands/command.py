"""A command, who asked for it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from apcbridge.model import Action, Setting

if TYPE_CHECKING:
    from apcbridge.errors import CommandRefused

DEFAULT_TTL_S = 20.0
REBOOTS = frozenset({Action.REBOOT, Action.DELAYED_REBOOT})


class Origin(StrEnum):
    """Which door a command came through."""

    MQTT = "mqtt"
    SNMP = "snmp"
    HTTP = "http"
    LOCAL = "local"
    BRIDGE = "bridge"


class ResultStatus(StrEnum):
    """What became of a command."""

    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    DUPLICATE = "duplicate"

    @property
    def terminal(self) -> bool:
        """True for the four ways in which an accepted command ends."""
        return self in _TERMINAL


_TERMINAL = frozenset({ResultStatus.CONFIRMED, ResultStatus.FAILED, ResultStatus.EXPIRED, ResultStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One request to change something at a PDU, with who asked and until when it may act."""

    id: str
    """Chosen by the asker or made unique by the door; two commands of one id are one command."""
    origin: Origin
    principal: str
    """Who asked, in the words of the origin: MQTT client or user, SNMP community or user name, local user."""
    pdu: str
    outlet: int | None
    """Outlet number, or None for the PDU as a whole (every outlet, or a setting of the PDU)."""
    action: Action | Setting
    value: str | int | None = None
    """The new value of a :class:`Setting`."""
    received_at: float
    received_mono: float
    deadline_mono: float
    """Past this moment the command no longer begins to act."""
    dedup_window_s: float = 600.0
    """How long another command of this id is a repetition of this one."""

    @property
    def target(self) -> str:
        """Name what the command is for, as logs and people call it."""
        return f"{self.pdu} outlet {'all' if self.outlet is None else self.outlet}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """One step in the life of a command."""

    command: Command
    status: ResultStatus
    detail: str
    at: float
    error: CommandRefused | None = None
    """Why it was refused, for doors that answer by class of error."""


class CommandDoor(Protocol):
    """What MQTT, SNMP, HTTP and the local socket see of the rules."""

    def submit(self, command: Command) -> CommandResult:
        """Answer at once with ACCEPTED or DUPLICATE; raise CommandRefused otherwise.

        Every result, refusals and duplicates included, also reaches the subscribers of the store's edge log.
        """
