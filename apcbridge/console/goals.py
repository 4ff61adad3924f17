"""What a session can be asked to reach. One goal at a time; each ends in exactly one GoalDone or GoalFailed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.errors import CommandRejected
from apcbridge.model import OutletState

if TYPE_CHECKING:
    from apcbridge.model import Action


@dataclass(frozen=True, slots=True)
class ReadStatus:
    """Read the whole outlet list, and the loads where ``load`` is set and the dialect tells them.

    On menus the loads cost a walk of four more screens: ask for them less often than for the outlets.
    """

    load: bool = True


@dataclass(frozen=True, slots=True)
class ReadIdentity:
    """Read up time, status flags, versions and names; with ``about`` also model, serial number and the like.

    Where only the login banner tells the up time (every dialect but D4) this logs out and in again.
    """

    about: bool = True


@dataclass(frozen=True, slots=True)
class ReadConfig:
    """Read the per-outlet delays where the dialect tells them for all outlets at once (D3c, D4)."""


@dataclass(frozen=True, slots=True)
class ReadOutletConfig:
    """Read the delays of one outlet, for menus, which show them on a page per outlet; ``name`` is what it is called."""

    outlet: int
    name: str | None


@dataclass(frozen=True, slots=True)
class ReadEventLog:
    """Read the newest ``max_pages`` pages of the event log."""

    max_pages: int = 1


@dataclass(frozen=True, slots=True)
class ReadResetCause:
    """Read the cause of the last NMC restart (D4 only: ``lastrst``)."""


@dataclass(frozen=True, slots=True)
class ReadNetwork:
    """Read address, mask and gateway of the NMC."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Do one thing to one outlet, at most once, and read the state back.

    ``name`` is what the outlet must be called on the screen (None: only the number is checked).
    ``settle_s`` bounds the reading back, counted from the acceptance by the PDU; a reboot needs the outlet's
    reboot duration and a little more. ``poll_s`` is the pause between two read-backs.
    """

    outlet: int
    name: str | None
    action: Action
    settle_s: float = 10.0
    poll_s: float = 0.5
    only_if_on: bool = False
    """Nothing is sent to an outlet that is seen OFF: what is OFF already is not ours to switch on again."""

    def check_state(self, seen: OutletState) -> None:
        """Raise CommandRejected if the state that the outlet is seen in forbids the switching."""
        if self.only_if_on and seen is OutletState.OFF:
            raise CommandRejected(f"outlet {self.outlet} is OFF already")


@dataclass(frozen=True, slots=True)
class SwitchAll:
    """Do one thing to all outlets through the PDU's own all-outlets form, and read the list back."""

    action: Action
    settle_s: float = 30.0
    poll_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Configure:
    """Change settings of one outlet; fields that are None stay as they are. Delays in seconds, -1 is never."""

    outlet: int
    current_name: str | None
    name: str | None = None
    on_delay_s: int | None = None
    off_delay_s: int | None = None
    reboot_duration_s: int | None = None


@dataclass(frozen=True, slots=True)
class SetPduName:
    """Give the PDU itself another name."""

    name: str


@dataclass(frozen=True, slots=True)
class SetGateway:
    """Give the NMC another default gateway (the cure of the network watchdog); dotted IPv4 address."""

    address: str


@dataclass(frozen=True, slots=True)
class Logout:
    """Leave the console so that telnet, SSH and the web page become free."""


Goal = (
    ReadStatus
    | ReadIdentity
    | ReadConfig
    | ReadOutletConfig
    | ReadEventLog
    | ReadResetCause
    | ReadNetwork
    | Switch
    | SwitchAll
    | Configure
    | SetPduName
    | SetGateway
    | Logout
)
