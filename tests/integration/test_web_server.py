"""The web server on real sockets: requests, streams, shutdown."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from apcbridge.errors import JournalError
from apcbridge.model import OutletState
from apcbridge.web.server import WebServer
from apcbridge.web.settings import AddressUnavailable, Health, TcpAddress, WebSettings
from tests.integration.web_world import PATIENCE_S, ask, eventually, port_of, read_reply, send_raw, serving, switch
from tests.unit.web.world import World, event, outlet, snapshot, status

if TYPE_CHECKING:
    from apcbridge.store import Edge


async def test_a_client_reads_states_over_one_connection_kept_alive() -> None:
    def client(port: int) -> tuple[list[int], set[int]]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        statuses, sockets = [], set()
        for target in ("/api/v1/pdus", "/nothing", "/metrics", "/"):
            connection.request("GET", target)
            sockets.add(connection.sock.getsockname()[1])
            statuses.append(read_reply(connection).status)
        connection.close()
        return statuses, sockets

    async with serving(World()) as server:
        statuses, sockets = await asyncio.to_thread(client, port_of(server))
    assert statuses == [200, 404, 200, 200]
    assert len(sockets) == 1


async def test_head_is_answered_like_get_without_a_body() -> None:
    async with serving(World()) as server:
        full, head = await ask(server, "/"), await ask(server, "/", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(full.body))


async def test_every_answer_tells_the_browser_to_be_careful() -> None:
    async with serving(World()) as server:
        replies = [await ask(server, target) for target in ("/", "/api/v1/pdus", "/nothing", "/metrics")]
    for reply in replies:
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in reply.headers["content-security-policy"]


async def test_requests_sent_ahead_are_answered_in_order() -> None:
    get = b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    async with serving(World()) as server:
        text = await send_raw(server, get % (b"/healthz", b"") + get % (b"/nothing", b"Connection: close\r\n"))
    assert text.index(b"200 OK") < text.index(b"404 Not Found")


async def test_a_command_is_accepted_and_its_result_is_found() -> None:
    world = World()
    async with serving(world) as server:
        accepted = await switch(server, {"command": "OFF"})
        world.confirm()
        found = await ask(server, accepted.headers["location"])
    assert (accepted.status, accepted.json()["status"]) == (202, "accepted")
    assert (found.status, found.json()["status"]) == (200, "confirmed")
    assert found.json()["principal"] == "token@127.0.0.1"


async def test_who_waits_is_answered_when_the_command_has_ended() -> None:
    world = World()
    async with serving(world) as server:
        waiting = asyncio.create_task(switch(server, {"command": "OFF", "wait": True}))
        await eventually(lambda: bool(world.arbiter.unfinished("p")))
        assert not waiting.done()
        world.confirm()
        reply = await waiting
    assert (reply.status, reply.json()["status"]) == (200, "confirmed")


async def test_events_come_from_the_journal() -> None:
    asked: list[tuple[float | None, int]] = []

    def journal(since_at: float | None, limit: int) -> list[Edge]:
        asked.append((since_at, limit))
        return [event("e1"), event("e2", pdu="q")]

    async with serving(World(), events=journal) as server:
        everything = (await ask(server, "/api/v1/events?since=1800000000&limit=9")).json()["events"]
        of_one = (await ask(server, "/api/v1/events?pdu=q")).json()["events"]
    assert isinstance(everything, list)
    assert isinstance(of_one, list)
    assert asked[0] == (1_800_000_000.0, 9)
    assert [entry["id"] for entry in everything] == ["e1", "e2"]
    assert [entry["id"] for entry in of_one] == ["e2"]


async def test_a_journal_that_cannot_be_read_is_told() -> None:
    def journal(_since_at: float | None, _limit: int) -> list[Edge]:
        raise JournalError("the journal cannot be read: disk")

    async with serving(World(), events=journal) as server:
        reply = await ask(server, "/api/v1/events")
    assert (reply.status, reply.json()["error"]) == (503, "journal")


async def test_without_a_journal_the_latest_events_are_remembered() -> None:
    world = World()
    async with serving(world) as server:
        world.store.append(event("e1"))
        reply = await ask(server, "/api/v1/events")
    assert '"e1"' in reply.body.decode()


class Listener:
    """A browser's side of an event stream."""

    def __init__(self, port: int, last_id: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._connection.request("GET", "/api/v1/stream", headers={"last-event-id": last_id} if last_id else {})
        self.response = self._connection.getresponse()

    def next(self, name: str) -> tuple[dict[str, object], str]:
        """Return the data and the id of the next event of that name."""
        fields: dict[str, str] = {}
        for line in self.response:
            text = line.decode().rstrip("\n")
            if text:
                key, _, value = text.partition(": ")
                fields[key] = value
            elif fields.get("event") == name:
                data: dict[str, object] = json.loads(fields["data"])
                return data, fields.get("id", "")
            else:
                fields = {}
        raise AssertionError(f"the stream ended without {name}")

    def close(self) -> None:
        self.response.close()
        self._connection.close()


async def test_a_listener_hears_of_changes_and_comes_back_where_it_was() -> None:
    world = World()
    async with serving(world) as server:
        first = await asyncio.to_thread(Listener, port_of(server))
        assert first.response.getheader("content-type") == "text/event-stream"
        hello, _ = await asyncio.to_thread(first.next, "hello")
        assert hello["bridge"] == "rack-a"
        for _ in ("p", "q"):
            await asyncio.to_thread(first.next, "pdu")
        world.store.replace(status(snapshot("p", outlet(1, OutletState.OFF))))
        level, _ = await asyncio.to_thread(first.next, "pdu")
        assert '"state": "OFF"' in json.dumps(level)
        world.store.append(event("e1"))
        edge, last_id = await asyncio.to_thread(first.next, "event")
        assert edge["id"] == "e1"
        await asyncio.to_thread(first.close)
        world.store.append(event("e2"))
        second = await asyncio.to_thread(Listener, port_of(server), last_id)
        edge, _ = await asyncio.to_thread(second.next, "event")
        assert edge["id"] == "e2"
        await asyncio.to_thread(second.close)


async def test_shutdown_ends_streams_and_half_sent_requests() -> None:
    world = World()
    async with serving(world) as server:
        port = port_of(server)
        listener = await asyncio.to_thread(Listener, port)
        await asyncio.to_thread(listener.next, "hello")
        half = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        half.sendall(b"GET / HT")
        waiting = asyncio.create_task(switch(server, {"command": "OFF", "wait": True}))
        await eventually(lambda: bool(world.arbiter.unfinished("p")))
    assert server.addresses == ()
    with pytest.raises((OSError, http.client.HTTPException)):
        await waiting
    with half, suppress(ConnectionResetError):
        assert half.recv(1) == b""
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), PATIENCE_S)


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = WebSettings(bridge_id="b", listen=(TcpAddress(host="127.0.0.1", port=port),))
        world = World()
        server = WebServer(settings, world.store, world.door, world.clock)
        with pytest.raises(AddressUnavailable, match=f"127.0.0.1:{port}"):
            await server.run()


async def test_a_defect_ends_one_connection_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Health:
        raise RuntimeError("a defect")

    async with serving(World(), health=broken) as server:
        with pytest.raises((OSError, http.client.HTTPException)):
            await ask(server, "/healthz")
        assert (await ask(server, "/api/v1/pdus")).status == 200
    assert "a defect" in caplog.text


async def test_a_wrong_token_is_logged_without_it(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(World()) as server:
        reply = await ask(server, "/api/v1/pdus/p/outlets/1", "POST", {"command": "OFF"}, authorization="Bearer gue55")
    assert reply.status == 401
    assert "127.0.0.1" in caplog.text
    assert "gue55" not in caplog.text


@pytest.mark.debian
async def test_promtool_finds_nothing_to_say_about_the_metrics() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is in Debian's package prometheus")
    async with serving(World()) as server:
        await switch(server, {"command": "ON"})
        text = (await ask(server, "/metrics")).body
    checked = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
