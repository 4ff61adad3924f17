"""``apcbridge doctor`` at simulated PDUs, real brokers, real sockets and a running daemon."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Self

import pytest

from apcbridge.clock import SystemClock
from apcbridge.composition import pdu_settings
from apcbridge.config import load
from apcbridge.errors import ConsoleError, UnknownPdu
from apcbridge.pdu.ports import PortRegistry
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.server import SimServer
from apcbridge.sim.url import parse_url
from apcbridge.tools.doctor.examination import Daemon as DaemonView
from apcbridge.tools.doctor.examination import DaemonPdu, Examination
from apcbridge.tools.doctor.gateway import GatewayFix
from apcbridge.tools.machine import Machine
from tests.integration.daemon_world import Daemon
from tests.integration.mqtt_world import Mosquitto, Observer, until
from tests.ports import free_port
from tests.unit.tools.people import Player

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from apcbridge.tools.doctor.findings import Finding


class World:
    """One simulated PDU on a pty and a configuration that names it."""

    def __init__(self, folder: Path, url: str = "sim://AP7920?firmware=3.7.3&password=s3cret") -> None:
        self.folder = folder
        self.pdu = SimulatedPdu(parse_url(url))
        self._server = SimServer(self.pdu)
        self.device = folder / "tty-pdu"
        self.config = folder / "apcbridge.yaml"
        (folder / "state").mkdir()

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        self._server.open_pty(self.device)
        self.write()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__(None, None, None)

    def write(self, *, port: str = "", password: str = "s3cret", more: str = "", keys: str = "") -> None:
        """Write the configuration."""
        self.config.touch(mode=0o600)
        self.config.write_text(
            f"bridge: {{id: bench, state_dir: {self.folder / 'state'}}}\n"
            f"pdus: [{{id: pdu1, port: '{port or self.device}', password: {password}{keys}}}]\n{more}"
        )

    async def findings(self, daemon: DaemonView | None = None, only: str | None = None) -> tuple[Finding, ...]:
        """Look at everything."""
        examination = Examination(PortRegistry(), SystemClock(), Machine(), daemon or DaemonView(), "0")
        return await examination.run(self.config, only)


def bad(findings: Iterable[Finding]) -> list[str]:
    return [f"{finding.level} {finding.subject}: {finding.text}" for finding in findings if finding.level != "ok"]


@pytest.mark.parametrize("url", ["AP7920?firmware=3.7.3", "AP7900?firmware=2.7.3", "AP8959?firmware=6.9.6", "AP9211"])
async def test_a_healthy_pdu(tmp_path: Path, url: str) -> None:
    joint = "&" if "?" in url else "?"
    async with World(tmp_path, f"sim://{url}{joint}password=s3cret") as world:
        found = await world.findings()
        assert bad(found) == []
        assert world.pdu.log.commands() == []
        assert world.pdu.gate.holder is None


async def test_every_ill_of_a_card_is_told_at_once(tmp_path: Path) -> None:
    words = "alert_flags=P%2B+N-+A%2B&gateway=none&clock_offset=-86400000"
    async with World(tmp_path, f"sim://AP7920?firmware=3.7.3&{words}") as world:
        world.write(password="apc")
        told = " ".join(bad(await world.findings()))
    for words in ("factory", "clock", "no network connection", "no default gateway"):
        assert words in told


async def test_a_restart_that_is_due_is_told(tmp_path: Path) -> None:
    async with World(tmp_path, "sim://AP8959?password=s3cret&cli_reboot_required=on") as world:
        assert any("must be restarted" in line for line in bad(await world.findings()))


async def test_a_wrong_password(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.write(password="wrong")
        (line,) = bad(await world.findings())
        assert line.startswith("fail pdu1: ")
        assert "refused the password" in line


async def test_a_forced_password_change(tmp_path: Path) -> None:
    async with World(tmp_path, "sim://AP8959?cli_force_password_change=on") as world:
        world.write(password="apc")
        (line,) = bad(await world.findings())
        assert "new password" in line


async def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.write(port="/dev/does-not-exist")
        (line,) = bad(await world.findings())
        assert "/dev/does-not-exist" in line


async def test_a_port_that_another_process_has_is_told_with_its_name(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        opening = (
            "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(1, flush=True); sys.stdin.read()"
        )
        holder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", opening, str(world.device)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert holder.stdout is not None
            await asyncio.wait_for(holder.stdout.readline(), 20)
            (line,) = bad(await world.findings())
        finally:
            holder.kill()
            await holder.communicate()
        assert f"process {holder.pid}" in line


async def test_a_bad_configuration_is_told_fault_by_fault(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.write(keys=", poll_intervall: 3, baud: 7")
        found = await world.findings()
        assert {finding.level for finding in found} == {"fail"}
        assert len(found) == 2


async def test_without_a_configuration_the_way_to_one_is_told(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.config.unlink()
        (finding,) = await world.findings()
        assert "apcbridge init" in finding.advice


async def test_a_pdu_that_is_not_configured(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        with pytest.raises(UnknownPdu, match="pdu1"):
            await world.findings(only="pdu9")


async def test_a_port_is_left_to_the_running_daemon(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        view = DaemonPdu(available=False, link="lost", detail="the console does not answer")
        found = await world.findings(DaemonView(pdus={"pdu1": view}))
        assert any("the console does not answer" in line for line in bad(found))
        assert world.pdu.firmware.events == []


# --- SNMP and MQTT ---------------------------------------------------------------------------------------------

SNMP = "snmp: {communities: [{name: word}]}\n"


async def test_an_snmp_address_in_use_names_who_has_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with World(tmp_path) as world:
            world.write(keys=f", snmp: {{listen: '127.0.0.1:{port}'}}", more=SNMP)
            (line,) = bad(await world.findings())
    assert f"127.0.0.1:{port} is taken by" in line
    assert str(os.getpid()) in line


async def test_an_snmp_address_of_another_machine(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        more = "snmp: {communities: [{name: word, sources: [192.0.2.0/24]}]}\n"
        world.write(keys=", snmp: {listen: '192.0.2.7:1161'}", more=more)
        (line,) = bad(await world.findings())
    assert "no address of this machine" in line


ELSEWHERE = DaemonView(pdus={"pdu1": DaemonPdu(available=True, link="up", detail="")})
"""The console is not what these look at."""


def mqtt(port: int, user: str = "") -> str:
    account = f", username: {user}, password: word" if user else ""
    return f"mqtt: {{url: 'mqtt://127.0.0.1:{port}'{account}}}\n"


@pytest.mark.debian
async def test_a_broker_that_lets_us_do_everything(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Observer(broker.port) as observer:
        async with World(tmp_path) as world:
            world.write(more=mqtt(broker.port))
            assert bad(await world.findings(ELSEWHERE)) == []
        await until(lambda: any(seen.topic.endswith("/doctor") for seen in observer.seen))
        assert not any(seen.retained or seen.topic.endswith("/set") for seen in observer.seen)


@pytest.mark.debian
async def test_a_retained_command_is_found_and_left(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Observer(broker.port) as observer:
        topic = "apcbridge/pdu1/outlet/3/set"
        observer.say(topic, "OFF", retain=True)
        await until(lambda: any(seen.topic == topic for seen in observer.seen))
        async with World(tmp_path) as world:
            world.write(more=mqtt(broker.port))
            (line,) = bad(await world.findings(ELSEWHERE))
        assert topic in line
        assert [seen.payload for seen in observer.seen if seen.topic == topic] == [b"OFF"]


@pytest.mark.debian
async def test_a_broker_that_drops_what_we_say(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic read apcbridge/#\n")
    with Mosquitto(tmp_path, f"acl_file {rules}") as broker:
        async with World(tmp_path) as world:
            world.write(more=mqtt(broker.port))
            (line,) = bad(await world.findings(ELSEWHERE))
    assert line.startswith("fail mqtt: ")
    assert "did not come back" in line


@pytest.mark.debian
async def test_a_broker_that_wants_another_password(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch()
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}") as broker:
        async with World(tmp_path) as world:
            world.write(more=mqtt(broker.port, "bridge"))
            (line,) = bad(await world.findings(ELSEWHERE))
    assert "user bridge" in line
    assert "word" not in line.split("user bridge")[1]


async def test_no_broker_at_all(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.write(more=mqtt(free_port()))
        (line,) = bad(await world.findings(ELSEWHERE))
        assert line.startswith("fail mqtt: cannot connect")


# --- the cure --------------------------------------------------------------------------------------------------


async def cure(world: World, player: Player, address: str) -> bool:
    pdu = load(world.config).pdu("pdu1")
    assert pdu is not None
    return await GatewayFix(player, PortRegistry(), SystemClock()).run(pdu_settings(pdu), address)


@pytest.mark.parametrize("url", ["AP7920?firmware=3.7.3", "AP8959?firmware=6.9.6"])
async def test_the_gateway_is_shown_set_and_read_back(tmp_path: Path, url: str) -> None:
    async with World(tmp_path, f"sim://{url}&password=s3cret&gateway=none") as world:
        player = Player(("Set the default gateway to 192.168.7.10", True))
        assert await cure(world, player, "192.168.7.10")
        assert world.pdu.firmware.network.gateway == "192.168.7.10"
        assert world.pdu.firmware.network.address == "192.168.7.20"
        assert "0.0.0.0" in player.page
        assert "half an hour" in player.page
        assert world.pdu.gate.holder is None


async def test_a_gateway_that_is_set_already_is_good(tmp_path: Path) -> None:
    async with World(tmp_path, "sim://AP7920?firmware=3.7.3&password=s3cret&gateway=192.168.7.1") as world:
        player = Player()
        assert await cure(world, player, "192.168.7.1")
        assert "already; nothing was changed" in player.page
        assert player.asked == []


async def test_nothing_is_set_without_consent(tmp_path: Path) -> None:
    async with World(tmp_path, "sim://AP7920?firmware=3.7.3&password=s3cret&gateway=none") as world:
        assert not await cure(world, Player(("Set the default gateway", False)), "192.168.7.10")
        assert world.pdu.firmware.network.gateway == "0.0.0.0"
        assert world.pdu.gate.holder is None


async def test_a_gateway_outside_the_network_is_warned_of_and_not_the_default(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        player = Player()
        assert not await cure(world, player, "10.9.9.9")
        assert "192.168.7.0/24" in player.page


async def test_a_console_without_network_settings_says_so(tmp_path: Path) -> None:
    async with World(tmp_path, "sim://AP7920?firmware=3.7.3&password=s3cret&sparse=on") as world:
        with pytest.raises(ConsoleError):
            await cure(world, Player(), "192.168.7.10")
        assert world.pdu.gate.holder is None


@pytest.mark.debian
async def test_the_command_beside_a_running_daemon(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "apcbridge", "doctor", "--json", "-c", str(daemon.config)),
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 40)
        document = json.loads(printed)
        assert process.returncode == 0, document
        texts = [finding["text"] for finding in document["findings"] if finding["subject"] == "pdu1"]
        assert texts[0].startswith("the daemon's readings are fresh")
        assert daemon.logged_in()
