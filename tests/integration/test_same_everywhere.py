"""One watchdog restart of a card, told alike by MQTT, HTTP, SNMP objects, trap, sysUpTime, log and command line."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from apcbridge.model import RebootCause
from apcbridge.sim.url import parse_url
from tests.integration.daemon_world import READER, Daemon
from tests.integration.mqtt_world import until
from tests.integration.test_snmp_notifications import trapd

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.debian

NMC = "1.3.6.1.4.1.8072.9999.9999.7920.1.3"
REBOOTED = "1.3.6.1.4.1.8072.9999.9999.7920.0.1"
SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"
WATCHDOG = "1"
TEXT = 255
"""A SnmpAdminString holds no more."""


class Told(Daemon):
    """A daemon that also sends notifications."""

    trap_port = 0

    def write_config(self) -> None:
        super().write_config()
        with self.config.open("a", encoding="utf-8") as config:
            config.write(f'  traps: [{{target: "127.0.0.1:{self.trap_port}", version: 2c, community: traps-only}}]\n')

    async def ask(self, *words: str) -> str:
        """Return what ``apcbridge …`` prints."""
        socket = str(self.folder / "state" / "apcbridge.sock")
        return await _printed(sys.executable, "-m", "apcbridge", *words, "--socket", socket)

    async def get(self, *oids: str) -> list[str]:
        """Return objects of the PDU's agent, each as net-snmp prints it."""
        agent = f"127.0.0.1:{self.snmp_port}"
        printed = await _printed("snmpget", "-v2c", "-c", READER, "-Oqvt", "-m", "", agent, *oids)
        return [line.strip('"') for line in printed.splitlines()]


async def _printed(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0, command
    return printed.decode()


async def test_one_restart_is_the_same_everywhere(tmp_path: Path) -> None:
    # The agents answer from a card that has no gateway, so the reason is told as well.
    profile = parse_url("sim://AP7920?watchdog=off&boot=4&up_time=90000&gateway=none")
    async with trapd(tmp_path) as receiver:
        daemon = Told(tmp_path, profile)
        daemon.trap_port = receiver.port
        async with daemon:
            await daemon.until_online()
            await until(lambda: daemon.pdu.faults.visited["event_log"] > 0, "the place in the log", 60)
            await daemon.until_online()
            daemon.pdu.restart(RebootCause.WATCHDOG)

            def event() -> dict[str, object] | None:
                told = [m.json() for m in tuple(daemon.observer.seen) if m.topic == "apcbridge/pdu1/event"]
                return next((one for one in told if str(one["event_type"]).endswith("_reboot")), None)

            await until(lambda: event() is not None, "the event", 60)
            told = event()
            assert told is not None
            await until(lambda: _nmc(daemon)["diagnosis"] is not None, "the diagnosis", 60)
            trap = await receiver.line(REBOOTED)
            await _compare(daemon, told, trap)


def _nmc(daemon: Daemon) -> dict[str, object]:
    found: dict[str, object] = json.loads(daemon.last("apcbridge/pdu1/nmc") or '{"diagnosis": null}')
    return found


async def _compare(daemon: Told, told: dict[str, object], trap: str) -> None:
    nmc = _nmc(daemon)
    last = nmc["last_reboot"]
    assert isinstance(last, dict)
    evidence = "; ".join(last["evidence"])
    assert (told["id"], told["event_type"], told["evidence"]) == (last["id"], "watchdog_reboot", evidence)
    assert told["at"] == last["at"]
    assert (last["cause"], nmc["reboot_count"], nmc["watchdog_reboot_count"]) == ("watchdog", 1, 1)
    assert "no default gateway" in evidence
    short = evidence[:TEXT]

    http = json.loads(await daemon.ask("status", "pdu1", "--json"))["nmc"]
    assert {**http, "uptime_s": 0} == {**nmc, "uptime_s": 0}

    count, watchdog, cause, shown, day, diagnosis = await daemon.get(
        *(f"{NMC}.{scalar}.0" for scalar in (2, 3, 5, 6, 13, 15))
    )
    assert (count, watchdog, cause, shown, day, diagnosis) == ("1", "1", WATCHDOG, short, "1", nmc["diagnosis"])
    assert short.replace("'", "") in trap.replace("'", "")

    (ticks,) = await daemon.get(SYS_UP_TIME)
    up_s = daemon.pdu.firmware.up_time_s(daemon.pdu.now())
    assert abs(int(ticks) / 100 - up_s) < 70, "the card's own up time, which has begun anew"

    lines = [json.loads(line) for line in (await daemon.ask("events", "--json")).splitlines()]
    assert [one["id"] for one in lines if str(one.get("event_type", "")).endswith("_reboot")] == [told["id"]]
    warnings = [line for line in daemon.log().splitlines() if re.search(r"WARNING.*the NMC restarted", line)]
    assert len(warnings) == 1
    assert evidence in warnings[0]
