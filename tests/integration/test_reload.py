"""A running bridge takes a new configuration: SIGHUP and the request over MQTT."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING

import pytest

from apcbridge.logs import LINES_PER_MINUTE
from tests.integration.daemon_world import READER, Daemon
from tests.integration.mqtt_world import retained_at, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.debian

SECOND = "  - {id: pdu2, port: 'sim://AP8959', password: apc, poll_interval: 1}\n"


def hang_up(daemon: Daemon) -> None:
    """Send what `systemctl reload` sends."""
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)


def orphans(daemon: Daemon) -> list[str]:
    """Return the retained topics of the second PDU."""
    return [topic for topic in retained_at(daemon.broker.port) if topic.startswith("apcbridge/pdu2/")]


async def test_a_new_pdu_comes_and_goes_while_the_other_works_on(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        before = daemon.config.read_text()
        daemon.config.write_text(before.replace("mqtt:\n", f"{SECOND}mqtt:\n"))
        hang_up(daemon)
        await daemon.until_topic("apcbridge/pdu2/availability", "online")
        assert daemon.log().count("opened") == 2
        assert daemon.last("apcbridge/pdu2/outlet/24/state") == "ON"

        daemon.config.write_text(before)
        hang_up(daemon)
        await until(lambda: daemon.log().count("reloaded:") == 2, "the second reload")
        await until(
            lambda: not any(t.startswith("apcbridge/pdu2/") for t in retained_at(daemon.broker.port)), "no rest"
        )
        await daemon.until_online()
        assert daemon.log().count("pdu1: opened") == 1


async def test_a_faulty_file_changes_nothing(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        daemon.config.write_text(daemon.config.read_text().replace("mqtt:\n", "mqqt:\n"))
        hang_up(daemon)
        await daemon.until_logged("the old configuration stays in force")
        assert "mqqt" in daemon.log()
        daemon.observer.say("apcbridge/pdu1/outlet/3/set", "OFF")
        await daemon.until_topic("apcbridge/pdu1/outlet/3/state", "OFF")


async def test_a_new_policy_holds_at_once(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        daemon.config.write_text(daemon.config.read_text().replace("2: {policy: no-off}", "3: {policy: read-only}"))
        hang_up(daemon)
        await daemon.until_logged("reloaded:")
        daemon.observer.say("apcbridge/pdu1/outlet/3/set", "OFF")
        await until(lambda: "read-only" in (daemon.last("apcbridge/pdu1/outlet/3/result") or ""), "a refusal")
        daemon.observer.say("apcbridge/pdu1/outlet/2/set", "OFF")
        await daemon.until_topic("apcbridge/pdu1/outlet/2/state", "OFF")
        assert daemon.log().count("MQTT: connected") == 1, "only what differs is renewed"
        said = [m.payload for m in daemon.observer.on("apcbridge/pdu1/availability")]
        assert set(said[said.index(b"online") :]) == {b"online"}


async def test_the_last_commands_are_not_forgotten(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        daemon.observer.say("apcbridge/pdu1/outlet/3/set", '{"command": "OFF", "id": "mine"}')
        await until(lambda: '"confirmed"' in (daemon.last("apcbridge/pdu1/outlet/3/result") or ""), "the command")
        daemon.config.write_text(daemon.config.read_text().replace("policy: no-off", "policy: read-only"))
        hang_up(daemon)
        await daemon.until_logged("reloaded:")
        reader, writer = await asyncio.open_unix_connection(tmp_path / "state" / "apcbridge.sock")
        writer.write(b"GET /api/v1/pdus/pdu1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        _, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert json.loads(body)["outlets"][2]["last_command"]["id"] == "mine"
        assert json.loads(retained_at(daemon.broker.port)["apcbridge/pdu1/outlet/3"])["last_command"]["id"] == "mine"


async def test_an_address_that_cannot_be_had_puts_everything_back(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            daemon.config.write_text(daemon.config.read_text().replace("127.0.0.1:0", taken))
            hang_up(daemon)
            await daemon.until_logged("the old configuration stays in force")
        await until(lambda: daemon.log().count("SNMP agent on") == 2, "the agent back")
        agent = f"127.0.0.1:{daemon.snmp_port}"
        process = await asyncio.create_subprocess_exec(
            *("snmpget", "-m", "", "-Oqv", "-v2c", "-c", READER, agent, "1.3.6.1.2.1.1.2.0"),
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        assert b"318.1.3.4.5" in printed


async def test_the_request_over_mqtt_reloads_and_is_answered(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        daemon.config.write_text(daemon.config.read_text().replace("mqtt:\n", f"{SECOND}mqtt:\n"))
        daemon.observer.say("apcbridge/bridge/bench/request/reload", '{"transaction": "t1"}')
        await until(lambda: "t1" in (daemon.last("apcbridge/bridge/bench/response/reload") or ""), "an answer")
        assert "console of pdu2" in (daemon.last("apcbridge/bridge/bench/response/reload") or "")
        await daemon.until_topic("apcbridge/pdu2/availability", "online")

        daemon.config.write_text("pdus: []\n")
        daemon.observer.say("apcbridge/bridge/bench/request/reload", '{"transaction": "t2"}')
        await until(lambda: "t2" in (daemon.last("apcbridge/bridge/bench/response/reload") or ""), "an answer")
        assert '"error"' in (daemon.last("apcbridge/bridge/bench/response/reload") or "")


async def test_reloads_without_end_do_not_fill_the_log(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.until_online()
        for number in range(LINES_PER_MINUTE + 5):
            daemon.observer.say("apcbridge/bridge/bench/request/reload", json.dumps({"transaction": f"t{number}."}))
            await until(partial(answered, daemon, f"t{number}."), "an answer")
        assert daemon.log().count("reloaded:") == LINES_PER_MINUTE


def answered(daemon: Daemon, transaction: str) -> bool:
    """Tell whether the answer to a request to reload has come."""
    return f'"{transaction}"' in (daemon.last("apcbridge/bridge/bench/response/reload") or "")
