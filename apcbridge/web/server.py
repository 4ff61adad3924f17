"""The web server: listeners on TCP and on a local socket, one task per connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from apcbridge.web.settings import Health

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from apcbridge.clock import Clock
    from apcbridge.commands import CommandDoor
    from apcbridge.store import Store
    from apcbridge.web.settings import History, TcpAddress, WebSettings


class WebServer:
    """Page, API, metrics: ``await run()`` serves until it is cancelled."""

    def __init__(
        self,
        settings: WebSettings,
        store: Store,
        door: CommandDoor,
        clock: Clock,
        *,
        version: str,
        events: History | None = None,
        health: Callable[[], Health] = Health,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._opened = asyncio.Event()
        self.progress_mono = clock.monotonic()
        """When the server last took its turn in the loop."""

    @property
    def addresses(self) -> tuple[TcpAddress | Path, ...]:
        """Where it listens, ports as the kernel gave them; empty until the sockets are open (see :meth:`opened`)."""
        return ()

    async def opened(self) -> None:
        """Return once every socket is open."""
        await self._opened.wait()

    async def run(self) -> None:
        """Open every socket and serve; raise AddressUnavailable if one cannot be opened."""
        raise NotImplementedError
