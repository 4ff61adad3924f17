"""Ports that note what nobody asked the console for: a restart that it says is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.pdu.ports import PortRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.pdu.ports import Port

RESTART_DUE = b"Reboot required for change to take effect"
"""AOS 6 ends every answer with this until its card is restarted (seen on 6.9.6)."""


class OverhearingPorts(PortRegistry):
    """Opens the ports of another registry and listens in."""

    def __init__(self, ports: PortRegistry) -> None:
        super().__init__()
        self.restart_due = False
        self._ports = ports
        self._tail = b""

    async def open(self, url: str, baud: int) -> Port:
        """Open a line; see :meth:`PortRegistry.open`."""
        return _OverheardPort(await self._ports.open(url, baud), self._hear)

    def _hear(self, data: bytes) -> None:
        self._tail += data
        self.restart_due = self.restart_due or RESTART_DUE in self._tail
        self._tail = self._tail[-len(RESTART_DUE) :]


class _OverheardPort:
    """A port and a listener."""

    def __init__(self, port: Port, hear: Callable[[bytes], None]) -> None:
        self._port = port
        self._hear = hear

    async def read(self) -> bytes:
        data = await self._port.read()
        self._hear(data)
        return data

    async def write(self, data: bytes) -> None:
        await self._port.write(data)

    def close(self) -> None:
        self._port.close()
