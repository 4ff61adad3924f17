"""A flood, from a listed and from an unlisted source: dropped, counted, hardly logged, and others are still served."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

from apcbridge.clock import SystemClock
from apcbridge.snmp import ber
from apcbridge.snmp.agent import SnmpAgent
from apcbridge.snmp.settings import Access, AgentAddress, Community, RateLimits, SnmpSettings
from apcbridge.store import Store
from tests.integration.snmp_world import fresh_status
from tests.unit.snmp.world import Door

if TYPE_CHECKING:
    import pytest

    from apcbridge.snmp.system import AgentCounters

FLOOD = 20_000
BURST = 100
VALID, LISTED, UNLISTED = "127.0.0.1", "127.0.0.2", "127.0.0.9"
SOURCES = (ip_network(f"{VALID}/32"), ip_network(f"{LISTED}/32"))


def request(number: int) -> bytes:
    varbinds = ber.varbind(ber.encode_oid((1, 3, 6, 1, 2, 1, 1, 7, 0)), ber.NULL_VALUE)
    pdu = (ber.integer(number), ber.integer(0), ber.integer(0), ber.tlv(ber.SEQUENCE, varbinds))
    return ber.message(1, b"monitor", ber.PduType.GET, pdu)


@dataclass(frozen=True, slots=True)
class Flooded:
    """What a flood left behind."""

    counters: AgentCounters
    log_lines: int


async def asked_and_answered(client: socket.socket, number: int) -> None:
    """Ask until it is answered: the flood may fill the socket's buffer, and every manager repeats."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        while True:
            client.send(request(number))
            try:
                async with asyncio.timeout(0.5):
                    while ber.integer(number) not in await loop.sock_recv(client, 2000):
                        pass
            except TimeoutError:
                continue
            return


async def flood(source: str, caplog: pytest.LogCaptureFixture) -> Flooded:
    """Send as fast as possible from one address, and ask in order from another in between."""
    settings = SnmpSettings(
        addresses=(AgentAddress(pdu="pdu1", host="127.0.0.1", port=0),),
        communities=(Community(name="monitor", label="reader", access=Access.READ, sources=SOURCES),),
        limits=RateLimits(per_source=100.0, total=10_000.0),
    )
    agent = SnmpAgent(settings, Store([fresh_status()]), Door(), SystemClock())
    task = asyncio.create_task(agent.run())
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flooder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        await agent.opened()
        for sock, host in ((flooder, source), (client, VALID)):
            sock.settimeout(0.0)
            sock.bind((host, 0))
            sock.connect(agent.addresses["pdu1"])
        for sent in range(0, FLOOD, BURST):
            for number in range(BURST):
                flooder.send(request(number))
            if sent % (FLOOD // 20) == 0:
                await asked_and_answered(client, 0x1000000 + sent)
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return Flooded(agent.counters["pdu1"], sum("dropped" in record.message for record in caplog.records))


async def test_an_unlisted_flood_is_dropped_unread(caplog: pytest.LogCaptureFixture) -> None:
    flooded = await flood(UNLISTED, caplog)
    assert flooded.counters.unlisted > FLOOD // 2
    assert 20 <= flooded.counters.gets < 100
    assert flooded.log_lines <= 20


async def test_a_listed_flood_is_held_to_its_rate(caplog: pytest.LogCaptureFixture) -> None:
    flooded = await flood(LISTED, caplog)
    assert flooded.counters.over_rate > FLOOD // 4
    assert flooded.counters.gets < FLOOD // 4
    assert flooded.log_lines <= 20
