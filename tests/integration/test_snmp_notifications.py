"""Notifications as Debian's snmptrapd decodes them."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from apcbridge.model import Event, EventType, LoadState
from apcbridge.snmp import ber
from apcbridge.snmp.settings import TrapReceiver, TrapVersion
from tests.integration.snmp_world import DEADLINE_S, fresh_status, serving
from tests.ports import free_port, is_bound
from tests.unit.snmp.world import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.debian


class Trapd:
    """A running snmptrapd and what it has printed."""

    def __init__(self, port: int, process: asyncio.subprocess.Process) -> None:
        self.port = port
        self._process = process

    async def line(self, *words: str) -> str:
        """Return the next line that holds all of the words."""
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            while True:
                line = (await self._process.stdout.readline()).decode(errors="replace")
                assert line, "snmptrapd has ended"
                if all(word in line for word in words):
                    return line


async def listening(port: int) -> None:
    """Return once somebody has bound the port."""
    async with asyncio.timeout(DEADLINE_S):
        while not is_bound(port):  # noqa: ASYNC110  snmptrapd tells in no other way
            await asyncio.sleep(0.02)


@asynccontextmanager
async def trapd(tmp_path: Path, *users: str) -> AsyncIterator[Trapd]:
    port = free_port()
    config = tmp_path / "snmptrapd.conf"
    rules = [*users, "authCommunity log traps-only"]
    config.write_text("\n".join(rules) + "\n")
    process = await asyncio.create_subprocess_exec(
        *("/usr/sbin/snmptrapd", "-f", "-n", "-Lo", "-C", "-c", str(config), "-m", "", "-On"),
        *("-F", r"%N enterprise %w.%q agent %a: %v\n"),
        f"udp:127.0.0.1:{port}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C", "SNMP_PERSISTENT_DIR": str(tmp_path)},
    )
    try:
        await listening(port)
        yield Trapd(port, process)
    finally:
        process.terminate()
        await process.communicate()


def receiver(port: int, version: TrapVersion, *, inform: bool = False) -> TrapReceiver:
    return TrapReceiver(host="127.0.0.1", port=port, version=version, community="traps-only", inform=inform)


def event(kind: EventType, **details: str | float | None) -> Event:
    return Event(id="e", pdu="pdu1", type=kind, at=1_700_000_000.0, details=details)


OUTLET_OFF = event(EventType.OUTLET_CHANGED, outlet=3, name="nas", state="OFF", command_id=None)
ROOT = ".1.3.6.1.4.1.8072.9999.9999.7920"
TRAP_OID = ".1.3.6.1.6.3.1.1.4.1.0 = OID: "


@pytest.mark.parametrize("inform", [False, True])
async def test_v2c_notifications_carry_number_and_varbinds(tmp_path: Path, *, inform: bool) -> None:
    async with trapd(tmp_path) as daemon:
        to = receiver(daemon.port, TrapVersion.V2C, inform=inform)
        async with serving(receivers=(to,)) as bench:
            await daemon.line(TRAP_OID + ".1.3.6.1.6.3.1.1.5.1")
            bench.store.append(OUTLET_OFF)
            told = await daemon.line(TRAP_OID + ".1.3.6.1.4.1.318.0.269")
            for varbind in (
                '.1.3.6.1.4.1.318.1.1.12.1.6.0 = STRING: "ZA0733005455"',
                '.1.3.6.1.4.1.318.1.1.12.1.1.0 = STRING: "RackPDU"',
                ".1.3.6.1.4.1.318.1.1.12.3.3.1.1.1.0 = INTEGER: 3",
                '.1.3.6.1.4.1.318.1.1.12.3.3.1.1.2.0 = STRING: "nas"',
                '.1.3.6.1.4.1.318.2.3.3.0 = STRING: "Rack PDU: Outlet 3 (nas) has been turned off."',
            ):
                assert varbind in told
            assert "(360" in told  # the NMC has been up for an hour
            master = await daemon.line(TRAP_OID + ".1.3.6.1.4.1.318.0.42")
            assert ".1.3.6.1.4.1.318.2.3.1.0 = INTEGER: 3" in master


async def test_v1_traps_have_the_enterprise_of_the_manufacturer(tmp_path: Path) -> None:
    async with trapd(tmp_path) as daemon, serving(receivers=(receiver(daemon.port, TrapVersion.V1),)) as bench:
        cold = await daemon.line("enterprise 0.0")
        assert cold.startswith(".1.3.6.1.4.1.318.1.3.4.5 ")
        bench.store.append(OUTLET_OFF)
        told = await daemon.line("enterprise 6..269")
        assert told.startswith(".1.3.6.1.4.1.318 ")
        assert "agent 127.0.0.1" in told
        assert ".1.3.6.1.4.1.318.1.1.12.3.3.1.1.1.0 = INTEGER: 3" in told
        bench.store.append(event(EventType.LINK_LOST, reason="the adapter was pulled"))
        await daemon.line("enterprise 6..267")
        ours = await daemon.line("enterprise 6..3")
        assert ours.startswith(f"{ROOT} ")
        assert "the adapter was pulled" in ours


async def test_what_the_bridge_alone_knows_is_told_with_its_own_names(tmp_path: Path) -> None:
    async with trapd(tmp_path) as daemon, serving(receivers=(receiver(daemon.port, TrapVersion.V2C),)) as bench:
        await daemon.line(TRAP_OID + ".1.3.6.1.6.3.1.1.5.1")
        bench.store.append(event(EventType.WATCHDOG_REBOOT, at=1.0, cause="watchdog", evidence="570 s of silence"))
        await daemon.line(TRAP_OID + ".1.3.6.1.6.3.1.1.5.2")
        told = await daemon.line(TRAP_OID + f"{ROOT}.0.1")
        assert f"{ROOT}.1.3.5.0 = INTEGER: 1" in told
        assert "570 s of silence" in told
        bench.store.append(event(EventType.PENDING_LOST, outlet=4, action="DELAYED_REBOOT", command_id="c"))
        told = await daemon.line(TRAP_OID + f"{ROOT}.0.2")
        assert f"{ROOT}.1.4.3.0 = Gauge32: 4" in told
        assert f"{ROOT}.1.4.2.0 = Counter32: 1" in told
        counted = await bench.tool("snmpget", "2c", "monitor", f"{ROOT}.1.4.2.0")
        assert counted.out.strip().endswith("Counter32: 1")


async def test_loads_tell_when_they_enter_and_leave_a_state(tmp_path: Path) -> None:
    async with trapd(tmp_path) as daemon, serving(receivers=(receiver(daemon.port, TrapVersion.V2C),)) as bench:
        await daemon.line(TRAP_OID + ".1.3.6.1.6.3.1.1.5.1")
        shown = fresh_status()
        assert shown.snapshot is not None
        for state, numbers in (
            (LoadState.NEAR_OVERLOAD, (274,)),
            (LoadState.OVERLOAD, (275, 276)),
            (LoadState.NORMAL, (277,)),
        ):
            loaded = replace(shown.snapshot, phases=(load(1, 90, state=state),))
            bench.store.replace(replace(shown, snapshot=loaded))
            for number in numbers:
                told = await daemon.line(TRAP_OID + f".1.3.6.1.4.1.318.0.{number}")
                assert ".1.3.6.1.4.1.318.1.1.12.2.3.1.1.4.0 = INTEGER: 1" in told


async def test_a_stranger_is_reported(tmp_path: Path) -> None:
    async with trapd(tmp_path) as daemon, serving(receivers=(receiver(daemon.port, TrapVersion.V2C),)) as bench:
        await bench.tool("snmpget", "2c", "wrong", "-t", "0.2", "-r", "0", ".1.3.6.1.2.1.1.2.0")
        await daemon.line(TRAP_OID + ".1.3.6.1.6.3.1.1.5.5")


async def test_an_inform_is_repeated_until_it_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apcbridge.snmp.notifier.INFORM_TIMEOUT_S", 0.3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.0)
        port = sock.getsockname()[1]
        loop = asyncio.get_running_loop()
        async with serving(receivers=(receiver(port, TrapVersion.V2C, inform=True),)) as bench:
            async with asyncio.timeout(DEADLINE_S):
                first, _ = await loop.sock_recvfrom(sock, 2000)
                second, asker = await loop.sock_recvfrom(sock, 2000)
                assert first == second
                request = ber.decode(second)
                await loop.sock_sendto(sock, ber.response(request, request.varbind_list), asker)
                bench.store.append(OUTLET_OFF)
                third = ber.decode((await loop.sock_recvfrom(sock, 2000))[0])
            assert third.request_id != request.request_id
            assert (
                ber.varbind(
                    ber.encode_oid((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)),
                    ber.object_identifier((1, 3, 6, 1, 4, 1, 318, 0, 269)),
                )
                in third.varbind_list
            )


async def test_a_receiver_that_never_acknowledges_delays_nobody_else(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        silent = receiver(mute.getsockname()[1], TrapVersion.V2C, inform=True)
        async with (
            trapd(tmp_path) as daemon,
            serving(receivers=(silent, receiver(daemon.port, TrapVersion.V1))) as bench,
        ):
            bench.store.append(OUTLET_OFF)
            await daemon.line("enterprise 6..269")
            await daemon.line("enterprise 6..42")


async def test_an_inform_finds_a_receiver_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apcbridge.snmp.notifier.INFORM_TIMEOUT_S", 0.3)
    monkeypatch.setattr("apcbridge.snmp.notifier.INFORM_TRIES", 100)
    port = free_port()
    async with serving(receivers=(receiver(port, TrapVersion.V2C, inform=True),)) as bench:
        # Nobody listens yet: the kernel refuses what is sent, and says so.
        await bench.tool("snmpget", "2c", "monitor", ".1.3.6.1.2.1.1.2.0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.0)
            sock.bind(("127.0.0.1", port))
            async with asyncio.timeout(DEADLINE_S):
                data, _ = await asyncio.get_running_loop().sock_recvfrom(sock, 2000)
    assert ber.decode(data).pdu_type == ber.PduType.INFORM
