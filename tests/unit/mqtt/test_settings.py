"""Addresses of brokers."""

from __future__ import annotations

import pytest

from apcbridge.mqtt.settings import BrokerAddress, Transport

from .samples import settings


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "transport"),
    [
        ("mqtt://broker", "broker", 1883, False, Transport.TCP),
        ("mqtts://broker:9000", "broker", 9000, True, Transport.TCP),
        ("wss://broker/path", "broker", 443, True, Transport.WEBSOCKETS),
        ("mqtt://[::1]:1884", "::1", 1884, False, Transport.TCP),
    ],
)
def test_urls(url: str, host: str, port: int, transport: Transport, *, tls: bool) -> None:
    address = BrokerAddress.from_url(url)
    assert (address.host, address.port, address.tls, address.transport) == (host, port, tls, transport)
    assert not address.embedded


def test_the_embedded_broker_is_known_as_such() -> None:
    assert BrokerAddress.from_url("embedded://127.0.0.1:1883").embedded


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("tcp://broker", "scheme"),
        ("mqtt://", "host"),
        ("mqtt://me:canary@broker", "do not belong"),
        ("mqtt://broker:99999", "port"),
        ("mqtt://broker?x=1", "path"),
    ],
)
def test_bad_urls_say_why_and_show_no_secret(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){reason}") as caught:
        BrokerAddress.from_url(url)
    assert "canary" not in str(caught.value)


def test_a_password_is_not_shown() -> None:
    assert "canary" not in repr(settings(password="canary"))


def test_addresses_read_as_people_write_them() -> None:
    assert str(BrokerAddress("::1", 1883)) == "[::1]:1883"
    assert str(BrokerAddress("broker", 8883)) == "broker:8883"
