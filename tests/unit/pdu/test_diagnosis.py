"""Why a watchdog bites, from the card's network settings and flags."""

from __future__ import annotations

import pytest

from apcbridge.console.events import NetworkReading
from apcbridge.pdu.reboots.diagnosis import diagnose, outside_own_network


def network(address: str | None = "10.0.0.9", gateway: str | None = "10.0.0.1") -> NetworkReading:
    return NetworkReading(address=address, subnet_mask="255.255.255.0", gateway=gateway)


@pytest.mark.parametrize(
    ("reading", "flags", "reason"),
    [
        (network(), "P+ N- A+", "no network link"),
        (None, "P+ N- A+", "no network link"),
        (None, "P+N-A+", "no network link"),
        (network(), "P+ N4- N6+ A+", "no network link"),
        (network(), "P+ N! A+", "another host has the card's address"),
        (network(address="0.0.0.0", gateway="0.0.0.0"), "P+ N? A+", "DHCP"),
        (network(address=None, gateway=None), None, "DHCP"),
        (network(), "P+ N? A+", "10.0.0.1 probably does not answer"),
        (network(), "P+ N4+ N6- A+", "10.0.0.1 probably does not answer"),
        (network(gateway="0.0.0.0"), "P+ N+ A+", "no default gateway"),
        (network(gateway=None), None, "no default gateway"),
        (network(gateway="192.168.1.1"), "P+ N+ A+", "192.168.1.1 is not in the card's own network 10.0.0.0/24"),
    ],
)
def test_the_reason_is_named_with_a_remedy(reading: NetworkReading | None, flags: str | None, reason: str) -> None:
    found = diagnose(reading, flags)
    assert found is not None
    assert reason in found.reason
    assert str(found) == f"{found.reason}: {found.remedy}"


@pytest.mark.parametrize("flags", [None, "", "P+ N+ A+", "P+ N? A+", "P+ N4+ N6- A+"])
def test_flags_alone_tell_nothing_unless_something_is_wrong(flags: str | None) -> None:
    assert diagnose(None, flags) is None


def test_settings_that_are_no_addresses_are_in_no_network() -> None:
    odd = NetworkReading(address="10.0.0.9", subnet_mask="255.0.255.0", gateway="10.0.0.1")
    assert outside_own_network(odd) == ""
