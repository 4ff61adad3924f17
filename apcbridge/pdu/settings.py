"""What the supervisor of one PDU needs to know of the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from apcbridge.console.session import Access, Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping


class SessionMode(StrEnum):
    """What to do with the console between polls."""

    RELEASE = "release"
    """Log out, so that telnet, SSH and the PDU's web page stay usable: a serial login locks them out."""
    HOLD = "hold"
    """Stay logged in: shorter polls, faster commands."""


class OnPendingLost(StrEnum):
    """What to do when an NMC restart has lost a command of ours."""

    REPORT = "report"
    RESUME = "resume"
    """Issue the ON half of a reboot that was cut; nothing else is ever issued again."""


class RebootBy(StrEnum):
    """Whose clock reboots and delayed commands run by."""

    AUTO = "auto"
    """The PDU's, unless its card is expected to restart in the middle of it."""
    PDU = "pdu"
    """The PDU's, always: one command, which rests in the card's memory until all of it is done."""
    BRIDGE = "bridge"
    """Reboots by ours: off, confirmed, wait, on, confirmed. Delayed commands as with ``auto``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PduSettings:
    """One PDU."""

    id: str
    port: str
    """A path or a URL that the port registry knows."""
    bauds: tuple[int, ...] = (9600,)
    """Tried in turn while the console stays silent."""
    credentials: Credentials
    poll_interval_s: float = 10.0
    stale_after_s: float = 30.0
    """A reading this old is no longer served as true."""
    lost_after_s: float = 50.0
    """A reading this old is lost."""
    session: SessionMode = SessionMode.RELEASE
    access: Access = Access.AUTO
    on_pending_lost: OnPendingLost = OnPendingLost.REPORT
    reboot: RebootBy = RebootBy.AUTO
    silence_s: float = 8.0
    """Nothing at all from the console for so long where something must come: it does not answer."""
    outlet_names: Mapping[int, str] = field(default_factory=dict)
    pace: float = 1.0
    """Seconds of the NMC's clock per second of ours: 1, save for a simulator that was sped up."""
