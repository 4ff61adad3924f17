"""What the configuration says about the commands of one PDU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.model import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.commands.command import Origin

QUEUE_LIMIT = 16
"""Commands that may wait per PDU: at about 3 s each on a 9600 baud line, more would only expire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletRule:
    """What the configuration says about one outlet."""

    policy: Policy = Policy.NORMAL
    reboot_holdoff_s: float = 30.0
    min_off_time_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PduRules:
    """What the configuration says about one PDU's commands."""

    outlets: Mapping[int, OutletRule] = field(default_factory=dict)
    default: OutletRule = OutletRule()
    bulk_origins: frozenset[Origin] = frozenset()
    """The doors through which all outlets at once may be switched."""
    queue_limit: int = QUEUE_LIMIT

    def rule(self, outlet: int) -> OutletRule:
        """Return the rule of one outlet."""
        return self.outlets.get(outlet, self.default)
