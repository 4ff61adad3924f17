"""Why the network watchdog of a card restarts it, as far as its console can tell, and what to do about it. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apcbridge.console.events import NetworkReading

NO_ADDRESS = "0.0.0.0"
"""What the screens print for an address that is not set."""
_GIVE_GATEWAY = "set its default gateway to a host on its own subnet that always answers"
_NETWORK_FLAG = re.compile(r"\bN4?([-+?!])")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A reason and its remedy, each without a full stop."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        """Say both in one sentence."""
        return f"{self.reason}: {self.remedy}"


UNTOLD = Diagnosis(
    "the card hears no network traffic, and its console does not tell why",
    f"connect its Ethernet port to a network with traffic, and {_GIVE_GATEWAY}",
)
"""When neither the network settings nor the status flags could be read."""


def diagnose(network: NetworkReading | None, flags: str | None) -> Diagnosis | None:
    """Judge the network settings and the banner's status flags; None if neither was told.

    ``N-`` is no connection, ``N!`` a duplicate address, ``N?`` a DHCP or BOOTP cycle (console manuals; dual stack
    writes ``N4+ N6+``). Shortly after a start ``N?`` is nothing special, so it counts only while there is no address.
    """
    shown = _NETWORK_FLAG.search(flags or "")
    flag = shown[1] if shown else ""
    if flag == "-":
        return Diagnosis(
            f"the card has no network link ({flags})", "connect its Ethernet port to a network with traffic"
        )
    if flag == "!":
        return Diagnosis(f"another host has the card's address ({flags})", "give one of the two another address")
    if network is None:
        return None
    if network.address in (None, NO_ADDRESS):
        return Diagnosis(
            "the card has no address, it waits for DHCP or BOOTP", "give it a fixed address, or a server that answers"
        )
    return _gateway(network)


def _gateway(network: NetworkReading) -> Diagnosis:
    if network.gateway in (None, NO_ADDRESS):
        return Diagnosis(f"the card has no default gateway ({NO_ADDRESS})", _GIVE_GATEWAY)
    own = outside_own_network(network)
    if own:
        return Diagnosis(f"the default gateway {network.gateway} is not in the card's own network {own}", _GIVE_GATEWAY)
    return Diagnosis(
        f"the default gateway {network.gateway} probably does not answer the card",
        f"check the card's Ethernet connection and that host, or {_GIVE_GATEWAY}",
    )


def outside_own_network(network: NetworkReading) -> str:
    """Return the card's own network if its gateway is not in it, else an empty text."""
    if not (network.address and network.subnet_mask and network.gateway):
        return ""
    try:
        own = ipaddress.IPv4Network(f"{network.address}/{network.subnet_mask}", strict=False)
        return "" if ipaddress.IPv4Address(network.gateway) in own else str(own)
    except ValueError:
        return ""
