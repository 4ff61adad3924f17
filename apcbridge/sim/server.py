"""The simulated PDU on real wires: a pty, raw TCP as a terminal server offers it, telnet, and in process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from typing import TYPE_CHECKING, Self, cast

from apcbridge.sim.telnet import TelnetServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from apcbridge.sim.device import SimLine, SimulatedPdu

_CHUNK = 4096


class SimServer:
    """Runs one :class:`SimulatedPdu` in the current event loop and connects it to the world.

    An asynchronous context manager; leaving it closes everything.
    """

    def __init__(self, pdu: SimulatedPdu) -> None:
        """Nothing listens yet."""
        self.pdu = pdu
        self._wake = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._connections: set[_Connection] = set()
        self._ptys: list[SimPty] = []
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the device's clock."""
        self.pdu.on_wake = self._wake.set
        self._runner = asyncio.create_task(self._run(), name="simulated PDU")
        self._runner.add_done_callback(self._stopped)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every listener, connection and pty, and stop the clock."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close()
        for server in self._servers:
            await server.wait_closed()
        for pty in self._ptys:
            pty.unplug()
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner

    # -- ways in -------------------------------------------------------------------------------------------

    def connect(self, on_output: Callable[[bytes], None]) -> SimLine:
        """Take the serial line in process; ``on_output`` is called in the event loop."""
        return self.pdu.connect(on_output)

    async def listen_tcp(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Offer the serial line on a raw TCP port, one client at a time; return the bound address."""
        return await self._listen(host, port, telnet=False)

    async def listen_telnet(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Offer the console by telnet as the card itself does; return the bound address."""
        return await self._listen(host, port, telnet=True)

    def open_pty(self, link: Path | None = None) -> SimPty:
        """Offer the serial line on a pseudo-terminal; ``link`` is kept pointing at its path."""
        pty = SimPty(self.pdu, link)
        try:
            pty.plug()
        except OSError:
            pty.close()
            raise
        self._ptys.append(pty)
        return pty

    async def _listen(self, host: str, port: int, *, telnet: bool) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self.pdu, self._connections, telnet=telnet), host, port)
        self._servers.append(server)
        bound: tuple[str, int] = server.sockets[0].getsockname()[:2]
        return bound

    def _stopped(self, runner: asyncio.Task[None]) -> None:
        """Let nobody talk to a simulator that has failed; its exception comes out of ``async with``."""
        if not runner.cancelled():
            for connection in list(self._connections):
                connection.close()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            wait_s = self.pdu.poll()
            for connection in list(self._connections):
                connection.close_if_hung_up()
            if self._wake.is_set():
                continue
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue


class _Connection(asyncio.Protocol):
    """One TCP client, raw or telnet."""

    def __init__(self, pdu: SimulatedPdu, connections: set[_Connection], *, telnet: bool) -> None:
        self._pdu = pdu
        self._connections = connections
        self._telnet = TelnetServer() if telnet else None
        self._line: SimLine | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        self._transport = transport
        self._connections.add(self)
        if self._telnet is not None:
            transport.write(self._telnet.greeting())
            self._line = self._pdu.connect_network(self._print)
        elif self._pdu.serial_in_use:
            # A terminal server lends a serial port once.
            transport.close()
        else:
            self._line = self._pdu.connect(self._print)

    def data_received(self, data: bytes) -> None:
        if self._telnet is not None:
            data, answer = self._telnet.feed(data)
            if self._transport is not None and answer:
                self._transport.write(answer)
        if self._line is not None and data:
            self._line.send(data)

    def connection_lost(self, _reason: Exception | None) -> None:
        self._connections.discard(self)
        if self._line is not None:
            self._line.close()

    def close(self) -> None:
        """Close the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def close_if_hung_up(self) -> None:
        """Close the connection when the session on it has ended, or when the serial line was taken."""
        if self._line is not None and self._transport is not None and (self._line.hung_up or not self._line.open):
            self._transport.close()

    def _print(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data if self._telnet is None else self._telnet.escape(data))


class SimPty:
    """The serial line on a pseudo-terminal that can be pulled out and put in again."""

    def __init__(self, pdu: SimulatedPdu, link: Path | None) -> None:
        """``link``, if given, is a symbolic link that follows the path of the slave."""
        self._pdu = pdu
        self._link = link
        self._master = -1
        self._slave = -1
        self._line: SimLine | None = None
        self.path = ""
        """The slave's path; changes with every :meth:`plug`."""

    def plug(self) -> str:
        """Open a new pty; return the path to open (the link if there is one); raises OSError.

        A link that is left over is renewed; anything else that has its name stays as it is: FileExistsError.
        """
        self.unplug()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        if self._link is not None:
            if self._link.is_symlink():
                self._link.unlink()
            self._link.symlink_to(self.path)
        self._line = self._pdu.connect(self._print)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return str(self._link or self.path)

    def unplug(self) -> None:
        """Pull the adapter out: the path is gone and whoever has it open gets an error."""
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close both ends and the line; the link is left alone."""
        # The slave is kept open by us so that a client may come and go; now both ends must go.
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        if self._line is not None:
            self._line.close()
            self._line = None

    def _read(self) -> None:
        try:
            data = os.read(self._master, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.unplug()
            return
        if self._line is not None:
            self._line.send(data)

    def _print(self, data: bytes) -> None:
        if self._master >= 0:
            # A full buffer means that nobody reads; a real UART would lose the bytes as well.
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)
