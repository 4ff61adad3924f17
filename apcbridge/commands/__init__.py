"""The rules by which a command acts at most once: admission, de-duplication, order, expiry.

Pure and synchronous: the caller passes the time. One :class:`Arbiter` serves every PDU and every origin, so MQTT, SNMP,
HTTP and the command line obey the same rules. A command is answered at the door with ACCEPTED, DUPLICATE or a
:class:`~apcbridge.errors.CommandRefused`; each accepted one ends in exactly one of CONFIRMED, FAILED, EXPIRED, UNKNOWN.
"""

from apcbridge.commands.arbiter import Arbiter
from apcbridge.commands.command import (
    DEFAULT_TTL_S,
    REBOOTS,
    Command,
    CommandDoor,
    CommandResult,
    Origin,
    ResultStatus,
)
from apcbridge.commands.rules import OutletRule, PduRules

__all__ = [
    "DEFAULT_TTL_S",
    "REBOOTS",
    "Arbiter",
    "Command",
    "CommandDoor",
    "CommandResult",
    "Origin",
    "OutletRule",
    "PduRules",
    "ResultStatus",
]
