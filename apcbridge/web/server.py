"""The web server: listeners on TCP and on a local socket, one task per connection."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from apcbridge.web.api import Api
from apcbridge.web.chronicle import Chronicle
from apcbridge.web.connection import Connection, Service, StreamBudget, busy_response
from apcbridge.web.listening import LocalListener, open_tcp, peer_user_id, user_name
from apcbridge.web.messages import Door, Peer
from apcbridge.web.page import load_page
from apcbridge.web.settings import Health, TcpAddress

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from apcbridge.clock import Clock
    from apcbridge.commands import CommandDoor
    from apcbridge.store import Store
    from apcbridge.web.settings import History, WebSettings

PROGRESS_INTERVAL_S = 1.0
ID_BYTES = 8
EPOCH = secrets.token_hex(ID_BYTES)
"""One per process, as the store's edge log is: who listens across a change of settings goes on where it was."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Listener:
    """One socket that takes connections."""

    door: Door
    sock: socket.socket
    service: Service
    connections: int = 0
    closing: bool = False


class WebServer:
    """Page, API, metrics: ``await run()`` serves until it is cancelled."""

    def __init__(
        self,
        settings: WebSettings,
        store: Store,
        door: CommandDoor,
        clock: Clock,
        *,
        events: History | None = None,
        health: Callable[[], Health] = Health,
        chronicle: tuple[Chronicle, Callable[[], None]] | None = None,
    ) -> None:
        """``chronicle``: what a server before this one remembered, as :meth:`Chronicle.of` made it."""
        self._settings = settings
        self._store = store
        self._clock = clock
        remembered, self._bring_up_to_date = chronicle or Chronicle.of(store)
        self._history = events or remembered.history
        self._api = Api(
            settings=settings,
            store=store,
            door=door,
            chronicle=remembered,
            health=health,
            new_id=partial(secrets.token_hex, ID_BYTES),
            epoch=EPOCH,
            page=load_page(),
        )
        self._addresses: tuple[TcpAddress | Path, ...] = ()
        self._opened = asyncio.Event()
        self.progress_mono = clock.monotonic()
        """When the server last took its turn in the loop."""

    @property
    def addresses(self) -> tuple[TcpAddress | Path, ...]:
        """Where it listens, ports as the kernel gave them; empty until the sockets are open (see :meth:`opened`)."""
        return self._addresses

    async def opened(self) -> None:
        """Return once every socket is open."""
        await self._opened.wait()

    async def run(self) -> None:
        """Open every socket and serve; raise AddressUnavailable if one cannot be opened."""
        leave = self._store.on_edge(self._bring_up_to_date)
        local: LocalListener | None = None
        listeners: list[Listener] = []
        try:
            self._bring_up_to_date()
            for address in self._settings.listen:
                sock, bound = open_tcp(address)
                listeners.append(self._listener(Door.LOOPBACK if bound.loopback else Door.TCP, sock))
                self._addresses += (bound,)
            if self._settings.socket is not None:
                local = LocalListener(self._settings.socket)
                listeners.append(self._listener(Door.LOCAL, local.sock))
                self._addresses += (local.path,)
            await self._serve(listeners)
        finally:
            leave()
            self._opened.clear()
            self._addresses = ()
            for listener in listeners:
                listener.sock.close()
            if local is not None:
                local.remove()

    def _listener(self, door: Door, sock: socket.socket) -> Listener:
        limits = self._settings.limits
        service = Service(
            api=self._api,
            clock=self._clock,
            limits=limits,
            history=self._history,
            store=self._store,
            streams=StreamBudget(limits.streams),
        )
        return Listener(door, sock, service)

    async def _serve(self, listeners: list[Listener]) -> None:
        async with asyncio.TaskGroup() as group:
            servers: list[asyncio.Server] = []
            try:
                for listener in listeners:
                    start = asyncio.start_unix_server if listener.door is Door.LOCAL else asyncio.start_server
                    servers.append(await start(partial(self._accept, group, listener), sock=listener.sock))
                for address in self._addresses:
                    _log.info("web: listening on %s", address)
                self._opened.set()
                while True:
                    self.progress_mono = self._clock.monotonic()
                    await asyncio.sleep(PROGRESS_INTERVAL_S)
            finally:
                # No new connection may come while the group ends those that there are; one that the loop has
                # accepted but not yet handed over is dropped.
                for listener in listeners:
                    listener.closing = True
                for server in servers:
                    server.close()

    def _accept(
        self,
        group: asyncio.TaskGroup,
        listener: Listener,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if listener.closing:
            writer.transport.abort()
            return
        if listener.connections >= self._settings.limits.connections:
            _log.warning("web: %s has all its connections taken; a new one was turned away", listener.door.value)
            writer.write(busy_response())
            writer.close()
            return
        listener.connections += 1
        group.create_task(self._attend(listener, reader, writer), name=f"{listener.door.value} connection")

    async def _attend(self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection. A defect of ours that it brings to light ends that connection and no other."""
        try:
            (outcome,) = await asyncio.gather(self._converse(listener, reader, writer), return_exceptions=True)
            if isinstance(outcome, OSError):
                _log.debug("web: a peer went before it was known who it is: %s", outcome)
            elif isinstance(outcome, Exception):
                _log.error("web: a request was not answered, please report this", exc_info=outcome)
        finally:
            listener.connections -= 1

    async def _converse(self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer = await _peer(listener.door, writer)
            await Connection(listener.service, peer, reader, writer).serve()
        finally:
            writer.transport.abort()


async def _peer(door: Door, writer: asyncio.StreamWriter) -> Peer:
    """Find out who is at the other end."""
    if door is Door.LOCAL:
        user_id = peer_user_id(writer.get_extra_info("socket"))
        return Peer(door=door, name=await asyncio.to_thread(user_name, user_id))
    address = writer.get_extra_info("peername")
    return Peer(door=door, name=str(address[0]) if address else "unknown")
