"""Real ptys and real sockets: what opens, what does not, and how a line is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from typing import TYPE_CHECKING

import pytest

from apcbridge.errors import PortBusy, PortLost, PortUnavailable
from apcbridge.pdu.ports import PortRegistry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

DEADLINE_S = 20.0


class Pty:
    """The far end of a serial line."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        self._open = True

    def unplug(self) -> None:
        if self._open:
            os.close(self.master)
            self._open = False


@pytest.fixture
def pty() -> Iterator[Pty]:
    line = Pty()
    yield line
    line.unplug()


async def test_bytes_travel_both_ways_over_a_tty(pty: Pty) -> None:
    port = await PortRegistry().open(pty.path, 9600)
    try:
        await port.write(b"\r")
        assert os.read(pty.master, 10) == b"\r"
        os.write(pty.master, b"\r\nUser Name : ")
        async with asyncio.timeout(DEADLINE_S):
            received = b""
            while not received.endswith(b": "):
                received += await port.read()
        assert received == b"\r\nUser Name : "
    finally:
        port.close()


async def test_a_read_that_was_given_up_loses_nothing(pty: Pty) -> None:
    port = await PortRegistry().open(pty.path, 9600)
    try:
        reading = asyncio.ensure_future(port.read())
        await asyncio.sleep(0)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        os.write(pty.master, b"x")
        async with asyncio.timeout(DEADLINE_S):
            assert await port.read() == b"x"
    finally:
        port.close()


async def test_an_unplugged_adapter_is_noticed_while_waiting(pty: Pty) -> None:
    port = await PortRegistry().open(pty.path, 9600)
    reading = asyncio.ensure_future(port.read())
    await asyncio.sleep(0)
    pty.unplug()
    with pytest.raises(PortLost, match=pty.path):
        await asyncio.wait_for(reading, DEADLINE_S)
    with pytest.raises(PortLost):
        await port.write(b"\r")
    port.close()
    port.close()


async def test_a_port_is_ours_alone_until_it_is_closed(pty: Pty) -> None:
    port = await PortRegistry().open(pty.path, 9600)
    with pytest.raises(PortBusy, match="fuser"):
        await PortRegistry().open(pty.path, 9600)
    port.close()
    (await PortRegistry().open(pty.path, 9600)).close()


async def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "ttyUSB0")
    with pytest.raises(PortUnavailable, match="no such device") as caught:
        await PortRegistry().open(missing, 9600)
    assert missing in str(caught.value)


async def test_a_file_is_no_serial_port(tmp_path: Path) -> None:
    plain = tmp_path / "file"
    plain.write_bytes(b"")
    with pytest.raises(PortUnavailable, match="serial"):
        await PortRegistry().open(str(plain), 9600)


async def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(PortUnavailable, match="carrier-pigeon"):
        await PortRegistry().open("carrier-pigeon://coop:1", 9600)


@pytest.fixture
async def server() -> AsyncIterator[TerminalServer]:
    terminal_server = TerminalServer()
    await terminal_server.start()
    yield terminal_server
    await terminal_server.stop()


class TerminalServer:
    """A TCP listener that shows what it received and sends what it is told."""

    def __init__(self) -> None:
        self.port = 0
        self.connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self._server: asyncio.Server

    async def start(self) -> None:
        self.connected = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(lambda r, w: self.connected.set_result((r, w)), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        if self.connected.done():
            self.connected.result()[1].close()


async def test_a_raw_socket_carries_the_bytes_as_they_are(server: TerminalServer) -> None:
    port = await PortRegistry().open(f"socket://127.0.0.1:{server.port}", 9600)
    reader, writer = await server.connected
    await port.write(b"\r\xff")
    assert await reader.readexactly(2) == b"\r\xff"
    writer.write(b"> ")
    assert await port.read() == b"> "
    writer.close()
    with pytest.raises(PortLost, match="closed by the peer"):
        await port.read()
    port.close()


async def test_telnet_is_negotiated_out_of_the_console_s_bytes(server: TerminalServer) -> None:
    port = await PortRegistry().open(f"telnet://127.0.0.1:{server.port}", 9600)
    reader, writer = await server.connected
    writer.write(b"\xff\xfb\x01> ")
    assert await port.read() == b"> "
    assert await reader.readexactly(3) == b"\xff\xfd\x01"
    await port.write(b"\r")
    assert await reader.readexactly(2) == b"\r\0"
    port.close()


async def test_nobody_listening_is_said_so(server: TerminalServer) -> None:
    await server.stop()
    with pytest.raises(PortUnavailable, match=r"127\.0\.0\.1"):
        await PortRegistry().open(f"socket://127.0.0.1:{server.port}", 9600)


async def test_a_url_without_a_port_is_an_error_of_its_own() -> None:
    with pytest.raises(PortUnavailable, match="host and a port"):
        await PortRegistry().open("socket://localhost", 9600)
