"""The local socket: who may use it, who is at the other end, what is left behind."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import stat
from pathlib import Path

import pytest

from apcbridge.cli.daemon import Daemon, DaemonUnavailable
from apcbridge.web.server import WebServer
from apcbridge.web.settings import AddressUnavailable, WebSettings
from tests.integration.web_world import serving
from tests.unit.web.world import World


def at(path: Path) -> WebServer:
    world = World()
    return WebServer(WebSettings(bridge_id="b", socket=path), world.store, world.door, world.clock)


async def test_owner_and_group_may_connect_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "s"
    before = os.umask(0)
    try:
        async with serving(World(), local=path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        os.umask(before)


async def test_whoever_connects_may_switch_and_is_named(tmp_path: Path) -> None:
    world = World(settings=WebSettings(bridge_id="b"))
    async with serving(world, local=tmp_path / "s"):
        daemon = Daemon(tmp_path / "s")
        text = await asyncio.to_thread(daemon.post, "/api/v1/pdus/p/outlets/1", {"command": "OFF"})
        (command,) = world.arbiter.unfinished("p")
    assert '"accepted"' in text
    assert (command.origin.value, command.principal) == ("local", pwd.getpwuid(os.getuid()).pw_name)


async def test_the_socket_goes_when_the_daemon_goes(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(World(), local=path):
        assert path.is_socket()
    assert not path.exists()
    with pytest.raises(DaemonUnavailable, match="no daemon"):
        await asyncio.to_thread(Daemon(path).get, "/healthz")


async def test_what_a_daemon_that_died_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(World(), local=path):
        assert '"ok"' in await asyncio.to_thread(Daemon(path).get, "/healthz")


async def test_a_daemon_that_lives_keeps_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(World(), local=path):
        with pytest.raises(AddressUnavailable, match="another apcbridge"):
            await at(path).run()
        assert '"ok"' in await asyncio.to_thread(Daemon(path).get, "/healthz")


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(AddressUnavailable, match="not a socket"):
        await at(path).run()
    assert path.read_text() == "precious"


async def test_a_socket_that_another_has_put_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(World(), local=path):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


@pytest.mark.parametrize("path", [Path("missing/s"), Path("x" * 120)])
async def test_a_place_where_no_socket_can_be_is_named(tmp_path: Path, path: Path) -> None:
    with pytest.raises(AddressUnavailable, match=r"local socket .*directory"):
        await at(tmp_path / path).run()
