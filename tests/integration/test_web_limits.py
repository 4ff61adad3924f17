"""What peers try that are slow, greedy or broken."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from apcbridge.web.settings import Limits
from tests.integration.web_world import PATIENCE_S, ask, eventually, port_of, send_raw, serving
from tests.unit.web.world import TOKEN, World, outlet, snapshot, status

if TYPE_CHECKING:
    from apcbridge.web.server import WebServer

POST = b"POST /api/v1/pdus/p/outlets/1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def test_a_request_that_drips_is_cut_off() -> None:
    async with serving(World(), limits=Limits(request_s=0.2)) as server:
        answer = await send_raw(server, b"GET /healthz HTTP/1.1\r\nHost: local")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_asks_nothing_is_closed_without_a_word() -> None:
    async with serving(World(), limits=Limits(idle_s=0.1)) as server:
        assert await send_raw(server) == b""
        answer = await send_raw(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 21_000 + b"\r\n\r\n",), b"431"),
        ((b"GET /" + b"x" * 21_000,), b"431"),
        ((POST + b"Content-Length: 4097\r\n\r\n", b"x" * 4097), b"413"),
        ((POST + b"Content-Length: 99999999999\r\n\r\n",), b"413"),
        ((POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",), b"400"),
        ((POST + b"Content-Length: -1\r\n\r\n",), b"400"),
        ((POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",), b"400"),
        (
            (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n1\r\nx\r\n0\r\n\r\n"),
            b"413",
        ),
        ((POST + b"Transfer-Encoding: gzip\r\n\r\n",), b"501"),
        ((POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",), b"400"),
        ((b"GET / HTTP/1.1\r\n\r\n",), b"400"),
        ((b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",), b"400"),
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",), b"400"),
        ((b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\x00\r\n\r\n",), b"400"),
        ((b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",), b"400"),
    ],
)
async def test_what_is_too_large_or_no_http_is_refused_and_closed(pieces: tuple[bytes, ...], expected: bytes) -> None:
    world = World()
    async with serving(world, limits=Limits(idle_s=0.2)) as server:
        answer = await send_raw(server, *pieces)
        assert (await ask(server, "/healthz")).status == 200
    assert answer.split(b" ", 2)[1] == expected
    assert world.arbiter.unfinished("p") == ()


async def test_who_asks_before_sending_a_body_is_told_to_go_on() -> None:
    async with serving(World(), limits=Limits(idle_s=0.2)) as server:
        answer = await send_raw(server, POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", b"{}")
    assert answer.startswith(b"HTTP/1.1 100 ")


async def test_a_flood_of_connections_is_turned_away_and_over_when_they_go() -> None:
    async with serving(World(), limits=Limits(connections=2)) as server:
        held = [socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE_S) for _ in range(2)]
        refused = await send_raw(server)
        assert refused.startswith(b"HTTP/1.1 503 ")
        for sock in held:
            sock.close()
        await eventually(lambda: answers(server, "/healthz"))


async def test_who_waits_for_a_result_and_goes_frees_the_connection() -> None:
    world = World()
    body = b'{"command": "OFF", "wait": true}'
    head = POST + b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (TOKEN.encode(), len(body))
    async with serving(world, limits=Limits(connections=1)) as server:
        with socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE_S) as sock:
            sock.sendall(head + body)
            await eventually(lambda: bool(world.arbiter.unfinished("p")))
            assert not await answers(server, "/healthz")
        await eventually(lambda: answers(server, "/healthz"))
    assert len(world.arbiter.unfinished("p")) == 1


async def test_streams_cannot_take_every_connection() -> None:
    async with serving(World(), limits=Limits(streams=1)) as server:
        with socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE_S) as stream:
            stream.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await asyncio.to_thread(stream.recv, 15)) == b"HTTP/1.1 200 OK"
            assert (await ask(server, "/api/v1/stream")).status == 503
            assert (await ask(server, "/healthz")).status == 200


async def test_a_listener_that_does_not_read_is_let_go_and_costs_little() -> None:
    world = World()
    async with serving(world, limits=Limits(write_s=0.2, streams=1)) as server:
        with socket.socket() as stream:
            # A small window: the kernel holds little, so that the server's own bounds show.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stream.settimeout(PATIENCE_S)
            stream.connect(("127.0.0.1", port_of(server)))
            stream.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await asyncio.to_thread(stream.recv, 15)) == b"HTTP/1.1 200 OK"
            outlets = tuple(outlet(number, name="x" * 60) for number in range(1, 25))
            made = 0

            async def was_let_go() -> bool:
                nonlocal made
                for _ in range(50):
                    world.store.replace(status(snapshot("p", *outlets)))
                    made += 1
                    await asyncio.sleep(0)
                return await answers(server, "/api/v1/stream", "HEAD")

            # There is one stream to give: it is free again when the listener is let go.
            await eventually(was_let_go)
            received = await asyncio.to_thread(_read_all, stream)
    assert received.count(b"event: pdu") < made


async def answers(server: WebServer, target: str, method: str = "GET") -> bool:
    return (await ask(server, target, method)).status == 200


def _read_all(sock: socket.socket) -> bytes:
    received = bytearray()
    with suppress(ConnectionError):
        while data := sock.recv(65536):
            received += data
    return bytes(received)
