"""``sim://`` ports: a simulated PDU per URL, in process, behind the same interface as a serial line."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Self

from apcbridge.errors import PortBusy, PortLost
from apcbridge.pdu.ports import PortRegistry
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.server import SimServer
from apcbridge.sim.url import parse_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from apcbridge.pdu.ports import Port
    from apcbridge.sim.device import SimLine


class SimulatedRack:
    """The simulated PDUs of one configuration; they live on while their lines are closed and opened again."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._servers: dict[tuple[str, str], SimServer] = {}

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def open(self, url: str, _baud: int, *, owner: str = "") -> Port:
        """Open the serial line of the PDU that a URL describes, making it at the first call; each owner has its own.

        Raises ConfigError if the URL is none, PortBusy if the line is open already.
        """
        key = owner, url
        if key not in self._servers:
            server = SimServer(SimulatedPdu(parse_url(url)))
            self._servers[key] = await self._stack.enter_async_context(server)
        server = self._servers[key]
        if server.pdu.serial_in_use:
            raise PortBusy(f"{url}: the line is open already")
        return SimPort(url, server)


@asynccontextmanager
async def every_port() -> AsyncIterator[PortRegistry]:
    """Give a tool every kind of port there is; what it simulates lives as long as the context."""
    async with SimulatedRack() as rack:
        ports = PortRegistry()
        ports.register("sim", rack.open)
        yield ports


class SimPort:
    """The serial line of a simulated PDU."""

    def __init__(self, url: str, server: SimServer) -> None:
        self._url = url
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        self._line: SimLine = server.connect(self._received.put_nowait)

    async def read(self) -> bytes:
        """Wait for bytes; see :class:`~apcbridge.pdu.ports.Port`."""
        return await self._received.get()

    async def write(self, data: bytes) -> None:
        """Type bytes into the console."""
        if not self._line.open:
            raise PortLost(f"{self._url}: somebody else took the line")
        self._line.send(data)

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()
