"""The dialects as data: what each prints, what each can tell and be asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DialectId(StrEnum):
    """The six dialects of APC's consoles (two of them with an older and a newer form)."""

    D0 = "d0"
    """AP9210 and the first MasterSwitch: ``Outlet Manager``."""
    D1 = "d1"
    """MasterSwitch AP9211/9212, AP9606: the Device Manager is the outlet list."""
    D2_OLD = "d2-old"
    """MasterSwitch plus, firmware that lists units first; item 3 is Off."""
    D2_NEW = "d2-new"
    """MasterSwitch plus, firmware that lists outlets first."""
    D3A = "d3a"
    """Rack PDU menus of AOS/APP 1.x and 2.x."""
    D3B = "d3b"
    """Rack PDU menus of AOS/APP 3.x."""
    D3C = "d3c"
    """The ``-c`` command line of the same units, prompt ``APC>``."""
    D4 = "d4"
    """Command line of AOS 5/6 and of NMC3 (AOS 1.x), prompt ``apc>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a dialect offers, so that a caller can plan its goals."""

    load: bool
    """Loads can be read."""
    up_time_needs_login: bool
    """Only the login banner tells the up time: ReadIdentity logs out and in again."""
    reset_cause: bool
    event_log: bool
    delayed_actions: bool
    """Delayed forms and cancelling are known here (D3c goes through the menus for them)."""
    outlet_config: bool
    """ReadConfig is answered."""
