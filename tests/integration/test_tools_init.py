"""``apcbridge init`` at simulated PDUs on real ptys."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.clock import SystemClock
from apcbridge.config import examine
from apcbridge.errors import ConfigError
from apcbridge.pdu.ports import PortRegistry
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.server import SimServer
from apcbridge.sim.url import parse_url
from apcbridge.tools.init import Init, NothingFound
from apcbridge.tools.machine import Machine
from apcbridge.tools.outward import Wishes
from tests.unit.tools.people import Player

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PASSWORD = "hunter22"
PACKAGED = Path(__file__).resolve().parents[2] / "packaging" / "deb" / "apcbridge.yaml"


@asynccontextmanager
async def rack(tmp_path: Path, *urls: str) -> AsyncIterator[list[SimulatedPdu]]:
    """Serve PDUs on devices under ``tmp_path/dev``, with lasting names."""
    by_id = tmp_path / "dev" / "serial" / "by-id"
    by_id.mkdir(parents=True)
    pdus = [SimulatedPdu(parse_url(url)) for url in urls]
    servers = [SimServer(pdu) for pdu in pdus]
    for number, server in enumerate(servers):
        await server.__aenter__()
        server.open_pty(tmp_path / "dev" / f"ttyUSB{number}")
        (by_id / f"usb-adapter-{number}").symlink_to(tmp_path / "dev" / f"ttyUSB{number}")
    try:
        yield pdus
    finally:
        for server in servers:
            await server.__aexit__(None, None, None)


def init(tmp_path: Path, player: Player, **wishes: str | bool | tuple[str, ...]) -> Init:
    (tmp_path / "proc").mkdir(exist_ok=True)
    machine = Machine(tmp_path / "dev", tmp_path / "proc")
    wanted = Wishes(output=tmp_path / "apcbridge.yaml", bauds=(9600,), **wishes)  # type: ignore[arg-type]  # by name
    return Init(player, PortRegistry(), SystemClock(), machine, wanted)


async def test_from_a_cable_to_a_configuration_that_is_good(tmp_path: Path) -> None:
    player = Player(
        ("May I press Enter", True),
        ("User name of the console", ""),
        ("Password", PASSWORD),
        ("Name of this PDU", "Rack A"),
        ("Name of this PDU", "rack-a"),
        ("Broker", "embedded"),
        ("Home Assistant", True),
        ("SNMP", True),
    )
    async with rack(tmp_path, f"sim://AP7920?firmware=3.7.3&password={PASSWORD}") as pdus:
        await init(tmp_path, player).run()
        assert pdus[0].log.commands() == []
        assert pdus[0].gate.holder is None
    assert player.left == []
    report = examine(tmp_path / "apcbridge.yaml")
    assert report.faults == ()
    assert report.config is not None
    (pdu,) = report.config.pdus
    assert pdu.id == "rack-a"
    assert pdu.port.endswith("/serial/by-id/usb-adapter-0")
    assert pdu.console_password.reveal() == PASSWORD
    assert report.config.mqtt is not None
    assert report.config.mqtt.embedded
    assert PASSWORD not in (tmp_path / "apcbridge.yaml").read_text()
    assert PASSWORD not in player.page
    assert stat.S_IMODE((tmp_path / "rack-a.password").stat().st_mode) == 0o600


async def test_nothing_is_asked_of_the_line_without_leave(tmp_path: Path) -> None:
    async with rack(tmp_path, "sim://AP7920") as pdus:
        with pytest.raises(NothingFound):
            await init(tmp_path, Player(("May I press Enter", False))).run()
        assert pdus[0].firmware.events == []
    assert not (tmp_path / "apcbridge.yaml").exists()


async def test_a_wrong_password_is_asked_for_again(tmp_path: Path) -> None:
    player = Player(("Password", "wrong"), ("Password", PASSWORD))
    async with rack(tmp_path, f"sim://AP8959?password={PASSWORD}"):
        await init(tmp_path, player).run()
    assert player.secrets_asked == 2
    assert "refused the password" in player.page
    assert examine(tmp_path / "apcbridge.yaml").faults == ()


async def test_a_line_with_nothing_at_its_end_is_told_from_a_console(tmp_path: Path) -> None:
    master, slave = os.openpty()
    async with rack(tmp_path, "sim://AP7900"):
        (tmp_path / "dev" / "ttyUSB9").symlink_to(os.ttyname(slave))
        await init(tmp_path, Player(), password="apc").run()
    os.close(master)
    os.close(slave)
    config = examine(tmp_path / "apcbridge.yaml").config
    assert config is not None
    assert len(config.pdus) == 1


async def test_what_is_in_use_is_left_alone_and_named(tmp_path: Path) -> None:
    async with rack(tmp_path, "sim://AP7920"):
        folder = tmp_path / "proc" / "4711"
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_text("picocom\n")
        (folder / "fd" / "3").symlink_to((tmp_path / "dev" / "ttyUSB0").readlink())
        player = Player()
        with pytest.raises(NothingFound):
            await init(tmp_path, player).run()
    assert "held by picocom (process 4711)" in player.page


async def test_an_existing_configuration_stops_it_before_any_port_is_touched(tmp_path: Path) -> None:
    (tmp_path / "apcbridge.yaml").write_text("kept")
    async with rack(tmp_path, "sim://AP7920") as pdus:
        with pytest.raises(ConfigError, match="never overwritten"):
            await init(tmp_path, Player()).run()
        assert pdus[0].firmware.events == []
    assert (tmp_path / "apcbridge.yaml").read_text() == "kept"


async def test_the_comments_that_the_package_brings_give_way(tmp_path: Path) -> None:
    packaged = PACKAGED.read_text()
    (tmp_path / "apcbridge.yaml").write_text(packaged)
    player = Player()
    async with rack(tmp_path, "sim://AP7920"):
        await init(tmp_path, player, password="apc").run()
    assert examine(tmp_path / "apcbridge.yaml").faults == ()
    assert (tmp_path / "apcbridge.yaml.before-init").read_text() == packaged
    assert f"they are in {tmp_path / 'apcbridge.yaml.before-init'}" in player.page


async def test_the_command_without_anybody_to_ask(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("apc\n")
    async with rack(tmp_path, "sim://AP7920"):
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "apcbridge",
                "init",
                "--yes",
                "--port",
                str(tmp_path / "dev" / "ttyUSB0"),
                "--baud",
                "9600",
            ),
            *("--password-file", str(secret), "--output", str(tmp_path / "apcbridge.yaml")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0, printed.decode()
    report = examine(tmp_path / "apcbridge.yaml")
    assert report.faults == ()
    assert report.config is not None
    assert report.config.pdus[0].console_password.reveal() == "apc"
