"""A web server on real sockets in front of a store in the test's hands, and clients that block."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apcbridge.web.server import WebServer
from apcbridge.web.settings import Health, Limits, TcpAddress
from tests.unit.web.world import TOKEN, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from apcbridge.web.settings import History

PATIENCE_S = 20.0
"""How long anything may take on a busy machine; nothing waits this long when all is well."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.body)
        return document


@asynccontextmanager
async def serving(
    world: World,
    *,
    limits: Limits | None = None,
    local: Path | None = None,
    events: History | None = None,
    health: Callable[[], Health] = Health,
) -> AsyncIterator[WebServer]:
    """Serve on a port of the kernel's choice, and at ``local`` if given, until the block ends."""
    settings = replace(
        world.settings,
        listen=(TcpAddress(host="127.0.0.1", port=0),),
        socket=local,
        limits=limits or Limits(),
    )
    server = WebServer(settings, world.store, world.door, world.clock, events=events, health=health)
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            opened = asyncio.create_task(server.opened())
            await asyncio.wait({task, opened}, return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
            if task.done():
                await task
        yield server
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            async with asyncio.timeout(PATIENCE_S):
                await task


def port_of(server: WebServer) -> int:
    address = server.addresses[0]
    assert isinstance(address, TcpAddress)
    return address.port


async def ask(server: WebServer, target: str, method: str = "GET", document: object = None, **headers: str) -> Reply:
    """Ask over a TCP connection of its own."""
    return await asyncio.to_thread(_ask, port_of(server), target, method, document, headers)


async def switch(server: WebServer, document: object, target: str = "/api/v1/pdus/p/outlets/1") -> Reply:
    """Send a command with the token."""
    return await ask(server, target, "POST", document, authorization=f"Bearer {TOKEN}")


def _ask(port: int, target: str, method: str, document: object, headers: Mapping[str, str]) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        body = None if document is None else json.dumps(document)
        kind = {} if document is None else {"content-type": "application/json"}
        connection.request(method, target, body, {**kind, **headers})
        return read_reply(connection)
    finally:
        connection.close()


def read_reply(connection: http.client.HTTPConnection) -> Reply:
    response = connection.getresponse()
    return Reply(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())


async def send_raw(server: WebServer, *pieces: bytes) -> bytes:
    """Send bytes, piece by piece, and return everything that comes until the server closes."""
    return await asyncio.to_thread(_send_raw, port_of(server), pieces)


def _send_raw(port: int, pieces: tuple[bytes, ...]) -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as sock:
        received = bytearray()
        with suppress(ConnectionError):
            for piece in pieces:
                sock.sendall(piece)
            while data := sock.recv(65536):
                received += data
        return bytes(received)


async def eventually(true: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        answer = true()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not so within {PATIENCE_S:g} s")
