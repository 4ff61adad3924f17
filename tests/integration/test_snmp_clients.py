"""Other people's programs that know an APC PDU, unmodified: NUT's snmp-ups and cluster-glue's external/rackpdu."""

from __future__ import annotations

import asyncio
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.model import Action
from tests.integration.snmp_world import DEADLINE_S, Bench, Ran, lost_status, serving

if TYPE_CHECKING:
    from collections.abc import Mapping

SNMP_UPS = Path("/lib/nut/snmp-ups")
RACKPDU = Path("/usr/lib/stonith/plugins/external/rackpdu")

pytestmark = pytest.mark.debian


async def run_with(environment: Mapping[str, str], *words: str) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "/usr/share/cluster-glue:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **environment},
    )
    async with asyncio.timeout(2 * DEADLINE_S):
        out, _ = await process.communicate()
    return Ran(process.returncode or 0, out.decode(errors="replace"), "")


async def snmp_ups(bench: Bench, version: str, home: Path) -> Ran:
    """Let NUT's driver read everything once and print it."""
    lines = ("[pdu]", "driver = snmp-ups", f"port = {bench.target}", "community = monitor", f"snmp_version = {version}")
    (home / "ups.conf").write_text("\n".join(lines) + "\n")
    (home / "nut.conf").touch()
    words = (str(SNMP_UPS), "-a", "pdu", "-d", "1", "-u", pwd.getpwuid(os.getuid()).pw_name)
    return await run_with({"NUT_CONFPATH": str(home), "NUT_STATEPATH": str(home)}, *words)


@pytest.mark.skipif(not SNMP_UPS.exists(), reason="nut-snmp is not installed")
async def test_nut_recognises_the_unit_and_reads_every_outlet(tmp_path: Path) -> None:
    """In version 1, its default: over v2c it takes noSuchInstance for an outlet 0, with every agent."""
    async with serving() as bench:
        ran = await snmp_ups(bench, "v1", tmp_path)
    assert ran.code == 0, ran
    for line in (
        "device.model: AP7900",
        "device.serial: ZA0733005455",
        "device.uptime: 3600",
        "input.current: 0",
        "input.realpower: 0",
        "input.voltage.nominal: 120",
        "outlet.count: 8",
        "outlet.8.desc: Outlet 8",
        "outlet.8.id: 8",
        "outlet.8.status: on",
        "outlet.8.switchable: yes",
    ):
        assert line in ran.out, ran
    assert "outlet.9." not in ran.out


@pytest.mark.skipif(not SNMP_UPS.exists(), reason="nut-snmp is not installed")
async def test_nut_shows_no_state_that_is_not_known(tmp_path: Path) -> None:
    async with serving(lost_status()) as bench:
        ran = await snmp_ups(bench, "v2c", tmp_path)
    assert "status: on" not in ran.out
    assert "status: off" not in ran.out


@pytest.mark.skipif(not RACKPDU.exists(), reason="cluster-glue is not installed")
async def test_cluster_glue_lists_and_switches_by_name() -> None:
    async with serving(answers=False) as bench:
        plain = {"hostlist": "AUTO", "pduip": bench.target, "community": "operator"}
        hosts = await run_with(plain, str(RACKPDU), "gethosts")
        assert hosts.code == 0, hosts
        assert hosts.out.split() == [f"Outlet_{number}" for number in range(1, 9)]
        for what in ("on", "off", "reset"):
            ran = await run_with({**plain, "hostlist": "Outlet_3"}, str(RACKPDU), what, "Outlet_3")
            assert ran.code == 0, ran
        assert [(c.outlet, c.action) for c in bench.door.commands] == [
            (3, Action.ON),
            (3, Action.OFF),
            (3, Action.REBOOT),
        ]
