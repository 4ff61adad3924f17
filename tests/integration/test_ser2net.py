"""A PDU behind ser2net, the terminal server most people use: raw, telnet and RFC 2217."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from apcbridge.clock import SystemClock
from apcbridge.console.session import Access, Credentials
from apcbridge.pdu.ports import PortRegistry
from apcbridge.probe import Probe
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.profiles import make_profile
from apcbridge.sim.server import SimServer
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.debian

CONFIG = """\
%YAML 1.1
---
connection: &pdu
  accepter: {accepter}tcp,127.0.0.1,{port}
  connector: serialdev,{device},9600n81,local
"""


@asynccontextmanager
async def terminal_server(folder: Path, device: Path, accepter: str) -> AsyncIterator[int]:
    """Run ser2net in front of a device; yield its port."""
    port = free_port()
    config = folder / "ser2net.yaml"
    config.write_text(CONFIG.format(accepter=accepter, port=port, device=device))
    process = await asyncio.create_subprocess_exec("/usr/sbin/ser2net", "-n", "-c", str(config))
    try:
        async with asyncio.timeout(20):
            while not await _listens(port):  # noqa: ASYNC110 - another process gives no event
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.mark.parametrize(
    ("scheme", "accepter"), [("socket", ""), ("telnet", "telnet,"), ("rfc2217", "telnet(rfc2217),")]
)
async def test_a_pdu_is_read_through_ser2net(tmp_path: Path, scheme: str, accepter: str) -> None:
    device = tmp_path / "ttyUSB0"
    profile = dataclasses.replace(make_profile("AP7930"), baud=9600)
    async with SimServer(SimulatedPdu(profile)) as server:
        server.open_pty(device)
        async with terminal_server(tmp_path, device, accepter) as port:
            probe = Probe(PortRegistry(), SystemClock(), Credentials("apc", "apc"), Access.MENU)
            findings = await probe.run(f"{scheme}://127.0.0.1:{port}", [9600])
    assert findings.status is not None
    assert [row.number for row in findings.status.rows] == list(range(1, 25))
    assert {row.state for row in findings.status.rows} == {"ON"}
