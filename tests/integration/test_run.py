"""The whole bridge as a process: from a pty to a real broker and real SNMP tools, and how it ends."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import ResultStatus
from apcbridge.journal import JournalReader
from apcbridge.model import RebootCause
from apcbridge.sim.faults import FaultKind, StepFault
from apcbridge.sim.profiles import make_profile
from tests.integration.daemon_world import READER, WRITER, Daemon
from tests.integration.mqtt_world import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.debian

STATE = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4"
CONTROL = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4"


async def snmp(tool: str, *arguments: str) -> tuple[int, str]:
    """Run a net-snmp tool; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        tool, "-Oqv", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode().strip()


async def test_from_the_serial_line_to_mqtt_and_snmp_and_back(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        assert daemon.last("apcbridge/pdu1/outlet/3/state") == "ON"
        assert daemon.last("apcbridge/bridge/bench/state") == "online"
        agent = f"127.0.0.1:{daemon.snmp_port}"
        assert await snmp("snmpget", "-v2c", "-c", READER, agent, f"{STATE}.3") == (0, "1")

        daemon.observer.say("apcbridge/pdu1/outlet/3/set", "OFF")
        await daemon.until_topic("apcbridge/pdu1/outlet/3/state", "OFF")
        assert await snmp("snmpget", "-v1", "-c", READER, agent, f"{STATE}.3") == (0, "2")

        assert await snmp("snmpset", "-v1", "-c", WRITER, agent, f"{CONTROL}.3", "i", "1") == (0, "1")
        await daemon.until_topic("apcbridge/pdu1/outlet/3/state", "ON")
        assert daemon.commands_taken() == ["immediate_off", "immediate_on"]


async def test_a_policy_holds_for_every_door(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        daemon.observer.say("apcbridge/pdu1/outlet/2/set", "OFF")
        await until(lambda: "refused" in (daemon.last("apcbridge/pdu1/outlet/2/result") or ""), "a refusal")
        code, _ = await snmp("snmpset", "-v2c", "-c", WRITER, f"127.0.0.1:{daemon.snmp_port}", f"{CONTROL}.2", "i", "2")
        assert code != 0
        assert daemon.commands_taken() == []


async def test_an_nmc_restart_is_told_once_and_the_outlets_stay(tmp_path: Path) -> None:
    profile = dataclasses.replace(make_profile("AP7920"), boot_s=5.0)
    async with Daemon(tmp_path, profile) as daemon:
        await daemon.until_online()
        daemon.pdu.firmware.restart(daemon.pdu.now(), RebootCause.WATCHDOG)
        topic = "apcbridge/pdu1/event"

        def reboots() -> list[str]:
            types = [str(m.json()["event_type"]) for m in tuple(daemon.observer.seen) if m.topic == topic]
            return [t for t in types if t.endswith("_reboot")]

        await until(lambda: bool(reboots()), "the event", 60)
        await daemon.until_online()
        nmc = json.loads(daemon.last("apcbridge/pdu1/nmc") or "{}")
        assert nmc["reboot_count"] == 1
        assert len(reboots()) == 1
        states = {
            m.payload for m in tuple(daemon.observer.seen) if m.topic.endswith("/state") and "/outlet/" in m.topic
        }
        assert states == {b"ON"}


async def test_sigterm_says_offline_logs_out_and_ends_well(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        assert daemon.logged_in()
        assert await daemon.end(signal.SIGTERM) == 0
        await daemon.until_topic("apcbridge/bridge/bench/state", "offline")
        assert not daemon.logged_in()
        assert "Traceback" not in daemon.log()


async def test_sigterm_in_the_middle_of_a_command_reads_it_back_first(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        daemon.pdu.faults.arm(StepFault(step="confirm.success", kind=FaultKind.STALL, stall_s=2))
        daemon.observer.say("apcbridge/pdu1/outlet/3/set", "OFF")
        await until(lambda: daemon.commands_taken() == ["immediate_off"], "the YES")
        assert await daemon.end(signal.SIGTERM) == 0
        await until(lambda: "confirmed" in (daemon.last("apcbridge/pdu1/outlet/3/result") or ""), "the result")
        assert daemon.commands_taken() == ["immediate_off"]


async def test_sigterm_before_the_first_answer_ends_at_once(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        daemon.pty.unplug()
        await daemon.until_logged("no such device")
        assert await daemon.end(signal.SIGTERM) == 0


async def test_a_killed_bridge_is_told_by_its_last_will(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        await daemon.end(signal.SIGKILL)
        await daemon.until_topic("apcbridge/bridge/bench/state", "offline")
        # The session on the serial line is still open: the next daemon lands in it and carries on.
        await daemon.start()
        await daemon.until_topic("apcbridge/bridge/bench/state", "online")
        await until(lambda: daemon.log().count("ready:") == 2, "the second start")
        daemon.observer.say("apcbridge/pdu1/outlet/4/set", "OFF")
        await daemon.until_topic("apcbridge/pdu1/outlet/4/state", "OFF")
        assert daemon.commands_taken() == ["immediate_off"]


async def test_a_retained_command_never_acts(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        assert await daemon.end(signal.SIGTERM) == 0
        daemon.observer.say("apcbridge/pdu1/outlet/3/set", "OFF", retain=True)
        await daemon.start()
        await daemon.until_topic("apcbridge/bridge/bench/state", "online")
        await daemon.until_online()
        daemon.observer.say("apcbridge/pdu1/outlet/5/set", "OFF")
        await daemon.until_topic("apcbridge/pdu1/outlet/5/state", "OFF")
        assert [c.outlets for c in daemon.pdu.log.commands()] == [(5,)]


SECOND = """
  - id: pdu2
    port: {port}
    password: apc
    poll_interval: 1
"""


@pytest.mark.parametrize(
    ("port", "words"),
    [("/dev/does-not-exist", "no such device"), ("socket://127.0.0.1:1", "Connect"), ("/etc/hostname", "serial")],
)
async def test_a_port_that_cannot_be_used_is_said_and_the_rest_works_on(tmp_path: Path, port: str, words: str) -> None:
    async with Daemon(tmp_path, extra=SECOND.format(port=port)) as daemon:
        await daemon.until_logged("pdu2: ")
        await daemon.until_online()
        line = next(line for line in daemon.log().splitlines() if "WARNING" in line and "pdu2" in line)
        assert words in line
        assert port in line
        await daemon.until_topic("apcbridge/pdu2/availability", "offline")


async def test_a_wrong_password_is_said_without_showing_it(tmp_path: Path) -> None:
    async with Daemon(tmp_path, password="not-the-password") as daemon:
        await daemon.until_logged("pdu1: ")
        await daemon.until_logged("password")
        await daemon.until_topic("apcbridge/pdu1/availability", "offline")
        assert "not-the-password" not in daemon.log()


async def test_a_bad_configuration_opens_nothing(tmp_path: Path) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text("pdus:\n  - {id: pdu1, prot: /dev/ttyS0}\nmqtt: {url: nonsense}\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "apcbridge", "run", "-c", str(config), stderr=asyncio.subprocess.PIPE
    )
    _, printed = await process.communicate()
    assert process.returncode == 78
    assert b"bad.yaml:2:" in printed
    assert b"bad.yaml:3:" in printed


async def start_another(config: Path) -> tuple[int | None, str]:
    """Start a bridge that must not stay; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "apcbridge", "run", "-c", str(config), stderr=asyncio.subprocess.PIPE
    )
    _, printed = await asyncio.wait_for(process.communicate(), 40)
    return process.returncode, printed.decode()


async def test_an_address_in_use_ends_the_start_with_a_clear_message(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        port = daemon.snmp_port
        text = daemon.config.read_text().replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"')
        other = tmp_path / "other.yaml"
        other.touch(mode=0o600)
        other.write_text(text.replace("/state}", "/other}"))
        code, printed = await start_another(other)
        assert code == 78, printed
        assert f"port {port}" in printed
        assert "Traceback" not in printed


async def test_a_bridge_started_twice_leaves_the_commands_of_the_first_alone(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        daemon.observer.say("apcbridge/pdu1/outlet/3/set", "REBOOT")
        await daemon.until_topic("apcbridge/pdu1/outlet/3/state", "OFF")
        code, printed = await start_another(daemon.config)
        assert code == 78, printed
        assert f"another apcbridge runs with the state directory {tmp_path / 'state'}" in printed
        await until(lambda: "confirmed" in (daemon.last("apcbridge/pdu1/outlet/3/result") or ""), "the end", 60)
        assert await daemon.end() == 0
        (command,) = JournalReader(tmp_path / "state" / "journal.sqlite").commands()
        assert command.status is ResultStatus.CONFIRMED


async def test_a_reload_asked_for_too_early_waits(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.end()
        text = daemon.config.read_text()
        daemon.config.unlink()
        os.mkfifo(daemon.config, 0o600)
        await daemon.start()
        # Opened for writing once the daemon reads: it is in the middle of its start.
        with await asyncio.to_thread(daemon.config.open, "w") as pipe:
            assert daemon.process is not None
            daemon.process.send_signal(signal.SIGHUP)
            daemon.config.unlink()
            daemon.write_config()
            pipe.write(text)
        await daemon.until_online()
        await until(lambda: "reloaded: nothing differs" in daemon.log())


async def test_without_a_place_to_write_the_bridge_works_and_says_what_is_missing(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.end()
        daemon.config.write_text(daemon.config.read_text().replace(str(tmp_path / "state"), "/proc/apcbridge"))
        daemon.observer.seen.clear()
        await daemon.start()
        await daemon.until_online()
        assert "no local socket" in daemon.log()
        assert "degraded: the journal" in daemon.log()


async def test_the_demo_shows_everything_by_itself(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "apcbridge",
        "demo",
        "--once",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    printed, errors = await asyncio.wait_for(process.communicate(), 115)
    assert process.returncode == 0, errors.decode()
    said = printed.decode()
    assert "confirmed" in said
    assert "watchdog_reboot" in said
    assert "mosquitto_pub" in said
    assert errors == b""
