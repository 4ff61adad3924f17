"""The agent against net-snmp's tools and Debian's unmodified fence_apc_snmp."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
import uvloop

from apcbridge.model import Action, OutletState
from apcbridge.snmp import ber
from apcbridge.snmp.agent import SnmpAgent
from apcbridge.snmp.settings import AddressUnavailable, AgentAddress, SnmpSettings
from apcbridge.store import Store
from tests.integration.snmp_world import (
    COMMAND,
    SPDU_CONTROL,
    STATE,
    fresh_status,
    lost_status,
    old_status,
    serving,
    sharing,
    until,
)
from tests.unit.snmp.world import Door, SetClock, status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from apcbridge.model import PduStatus

VERSIONS = ("1", "2c")
NOT_FRESH: dict[str, Callable[[], PduStatus]] = {
    "stale": old_status,
    "lost": lost_status,
    "never read": lambda: status(read=False),
}

pytestmark = pytest.mark.debian


def state_of(store: Store, number: int) -> OutletState:
    shown = store.get("pdu1").snapshot
    assert shown is not None
    outlet = shown.outlet(number)
    assert outlet is not None
    return outlet.state


@pytest.mark.parametrize("version", VERSIONS)
async def test_fence_agent_switches_reads_and_lists(version: str) -> None:
    async with serving() as bench:
        listed = await bench.fence(version, "-o", "list")
        assert listed.code == 0
        assert "3,Outlet 3" in listed.out
        assert (await bench.fence(version, "-o", "status", "-n", "3")).out.strip() == "Status: ON"
        off = await bench.fence(version, "-o", "off", "-n", "3")
        assert off.code == 0, off
        assert state_of(bench.store, 3) is OutletState.OFF
        read = await bench.fence(version, "-o", "status", "-n", "3")
        assert (read.code, read.out.strip()) == (2, "Status: OFF")
        on = await bench.fence(version, "-o", "on", "-n", "Outlet 3")
        assert on.code == 0, on
        assert state_of(bench.store, 3) is OutletState.ON
        assert [c.action for c in bench.door.commands] == [Action.OFF, Action.ON]


@pytest.mark.parametrize("version", VERSIONS)
async def test_fence_agent_reboots(version: str) -> None:
    async with serving() as bench:
        reboot = await bench.fence(version, "-o", "reboot", "-n", "5")
        assert reboot.code == 0, reboot
        assert [(c.outlet, c.action) for c in bench.door.commands] == [(5, Action.OFF), (5, Action.ON)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("why", NOT_FRESH)
@pytest.mark.parametrize("action", ["status", "off", "reboot"])
async def test_fencing_fails_while_the_state_is_not_known(version: str, why: str, action: str) -> None:
    async with serving(NOT_FRESH[why]()) as bench:
        ran = await bench.fence(version, "-o", action, "-n", "3")
        assert ran.code != 0
        # Code 2 of "status" would mean "it is off".
        assert not (action == "status" and ran.code == 2), ran
        assert "OFF" not in ran.out + ran.err
        assert bench.door.commands == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("action", ["status", "off"])
async def test_fencing_an_outlet_that_does_not_exist_fails(version: str, action: str) -> None:
    async with serving() as bench:
        ran = await bench.fence(version, "-o", action, "-n", "77")
        assert ran.code not in (0, 2), ran
        assert "OFF" not in ran.out + ran.err


@pytest.mark.parametrize("why", NOT_FRESH)
@pytest.mark.parametrize(("tool", "version"), [("snmpwalk", "1"), ("snmpwalk", "2c"), ("snmpbulkwalk", "2c")])
async def test_a_walk_over_states_that_are_not_known_fails(tool: str, version: str, why: str) -> None:
    async with serving(NOT_FRESH[why]()) as bench:
        for column in (STATE, COMMAND, SPDU_CONTROL):
            walk = await bench.tool(tool, version, "monitor", column)
            assert walk.code != 0
            assert f"{column}." not in walk.out


async def test_a_bulk_walk_shows_what_is_known_before_it_fails() -> None:
    async with serving(old_status()) as bench:
        walk = await bench.tool("snmpbulkwalk", "2c", "monitor", ".1.3.6.1.4.1.318.1.1.12.3.5")
        assert walk.code != 0
        assert walk.out.count('"Outlet') == 8
        assert "genError" in walk.err


@pytest.mark.parametrize("version", VERSIONS)
async def test_walks_have_the_instances_of_a_real_unit(version: str) -> None:
    async with serving() as bench:
        for root, instances in ((".1.3.6.1.4.1.318.1.1.12", 196), (".1.3.6.1.4.1.318.1.1.4", 85)):
            walk = await bench.tool("snmpwalk", version, "monitor", root)
            assert walk.code == 0
            assert len(walk.out.splitlines()) == instances
        whole = await bench.tool("snmpwalk", version, "monitor", ".1")
        assert whole.code == 0


async def test_bulk_walk_equals_walk() -> None:
    async with serving() as bench:
        walk = await bench.tool("snmpwalk", "2c", "monitor", ".1.3.6.1.4.1.318")
        bulk = await bench.tool("snmpbulkwalk", "2c", "monitor", "-Cr30", ".1.3.6.1.4.1.318")
        assert walk.out == bulk.out


async def test_the_index_probe_of_nut_finds_no_outlet_zero() -> None:
    async with serving() as bench:
        v1 = await bench.tool("snmpget", "1", "monitor", ".1.3.6.1.4.1.318.1.1.4.4.2.1.1.0")
        assert v1.code == 2
        assert "noSuchName" in v1.err
        v2c = await bench.tool("snmpget", "2c", "monitor", ".1.3.6.1.4.1.318.1.1.4.4.2.1.1.0")
        assert v2c.code == 0
        assert "No Such Instance" in v2c.out


async def test_unknown_objects_do_not_spoil_the_others_over_v2c() -> None:
    async with serving() as bench:
        got = await bench.tool("snmpget", "2c", "monitor", ".1.3.6.1.4.1.9.2.1.1.0", ".1.3.6.1.4.1.318.1.1.12.1.5.0")
        assert got.code == 0
        assert "No Such Object" in got.out
        assert '"AP7900"' in got.out


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("column", [COMMAND, SPDU_CONTROL])
async def test_a_set_echoes_and_the_object_goes_on_showing_the_state(version: str, column: str) -> None:
    async with serving(answers=False) as bench:
        done = await bench.tool("snmpset", version, "operator", f"{column}.4", "i", "2")
        assert (done.code, done.out.strip()) == (0, f"{column}.4 = INTEGER: 2")
        read = await bench.tool("snmpget", version, "operator", f"{column}.4")
        assert read.out.strip() == f"{column}.4 = INTEGER: 1"
        assert [(c.outlet, c.action, c.principal) for c in bench.door.commands] == [(4, Action.OFF, "writer")]


async def test_a_repeated_set_acts_once_and_gets_the_same_answer() -> None:
    oid = ber.encode_oid((1, 3, 6, 1, 4, 1, 318, 1, 1, 12, 3, 3, 1, 1, 4, 2))
    pdu = (ber.integer(4711), ber.integer(0), ber.integer(0), ber.tlv(0x30, ber.varbind(oid, ber.integer(3))))
    request = ber.message(1, b"operator", ber.PduType.SET, pdu)
    async with serving(answers=False) as bench:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.0)
            await loop.sock_connect(sock, ("127.0.0.1", bench.port))
            answers = []
            for _ in range(6):
                await loop.sock_sendall(sock, request)
                answers.append(await asyncio.wait_for(loop.sock_recv(sock, 2000), 30))
        assert len(set(answers)) == 1
        assert ber.decode(answers[0]).first == 0
        assert [c.action for c in bench.door.commands] == [Action.REBOOT]


OBJECTS = {
    "outlet control": (f"{COMMAND}.1", "i", "1", True),
    "master switch outlet control": (f"{SPDU_CONTROL}.1", "i", "1", True),
    "outlet name": (".1.3.6.1.4.1.318.1.1.12.3.4.1.1.2.1", "s", "nas", True),
    "reboot duration": (".1.3.6.1.4.1.318.1.1.4.5.2.1.5.1", "i", "10", True),
    "outlet state": (f"{STATE}.1", "i", "1", False),
    "control name": (".1.3.6.1.4.1.318.1.1.4.4.2.1.4.1", "s", "nas", False),
    "model": (".1.3.6.1.4.1.318.1.1.12.1.5.0", "s", "AP9999", False),
    "foreign": (".1.3.6.1.4.1.9.1.0", "i", "1", False),
}


@pytest.mark.parametrize("version", VERSIONS)
async def test_access_matrix(version: str) -> None:
    """Reader and writer, each object, read and write: only the writer writes, and only what is writable."""
    async with serving(answers=False) as bench:
        for name, (oid, kind, value, writable) in OBJECTS.items():
            for community in ("monitor", "operator"):
                got = await bench.tool("snmpget", version, community, oid)
                assert got.code == (2 if name == "foreign" and version == "1" else 0), (name, got)
                before = len(bench.door.commands)
                done = await bench.tool("snmpset", version, community, oid, kind, value)
                allowed = writable and community == "operator"
                assert (done.code == 0) is allowed, (name, community, done)
                assert len(bench.door.commands) - before == (1 if allowed else 0), (name, community)


async def test_an_unknown_community_gets_no_answer_and_is_counted() -> None:
    async with serving() as bench:
        ran = await bench.tool("snmpget", "2c", "public", "-t", "0.2", "-r", "1", ".1.3.6.1.2.1.1.2.0")
        assert ran.code != 0
        assert "Timeout" in ran.err
        assert bench.agent.counters["pdu1"].bad_community_names == 2


async def test_a_new_reading_is_served_at_once() -> None:
    async with serving() as bench:
        await bench.tool("snmpset", "2c", "operator", f"{COMMAND}.8", "i", "2")
        await until(bench.store, lambda: state_of(bench.store, 8) is OutletState.OFF)
        assert (await bench.tool("snmpget", "2c", "monitor", f"{STATE}.8")).out.strip().endswith("INTEGER: 2")
        master = await bench.tool("snmpget", "1", "monitor", ".1.3.6.1.4.1.318.1.1.4.2.2.0")
        assert '"' + "On  " * 7 + 'Off "' in master.out


async def test_an_address_in_use_names_itself_and_the_way_out() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings = SnmpSettings(addresses=(AgentAddress(pdu="pdu1", host="127.0.0.1", port=port),))
        agent = SnmpAgent(settings, Store([fresh_status()]), Door(), SetClock())
        with pytest.raises(AddressUnavailable, match=rf"pdu1: cannot listen on 127.0.0.1 port {port}.*choose another"):
            await agent.run()


async def test_pdus_on_one_address_are_told_apart_by_the_community() -> None:
    async with sharing() as bench:
        read = {}
        for community in ("operator", "operator@pdu1", "operator@pdu2"):
            got = await bench.tool("snmpget", "2c", community, "-Oqv", f"{STATE}.1")
            read[community] = got.out.strip()
        assert read == {"operator": "1", "operator@pdu1": "1", "operator@pdu2": "2"}
        assert (await bench.tool("snmpset", "1", "operator@pdu2", f"{COMMAND}.1", "i", "1")).code == 0
        assert [(command.pdu, command.outlet) for command in bench.door.commands] == [("pdu2", 1)]


def test_the_agent_runs_on_uvloop() -> None:
    async def scenario() -> None:
        async with serving() as bench:
            walk = await bench.tool("snmpwalk", "1", "monitor", ".1.3.6.1.4.1.318.1.1.12")
            assert len(walk.out.splitlines()) == 196
            assert (await bench.tool("snmpset", "2c", "operator", f"{COMMAND}.2", "i", "2")).code == 0
            await until(bench.store, lambda: state_of(bench.store, 2) is OutletState.OFF)
            assert (await bench.tool("snmpget", "2c", "monitor", f"{STATE}.2")).out.strip().endswith("INTEGER: 2")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


async def test_written_system_strings_are_served_and_survive_a_restart(tmp_path: Path) -> None:
    contact = ".1.3.6.1.2.1.1.4.0"
    async with serving(state_dir=tmp_path) as bench:
        assert (await bench.tool("snmpset", "2c", "operator", contact, "s", "the night shift")).code == 0
        assert "the night shift" in (await bench.tool("snmpget", "2c", "monitor", contact)).out
    async with serving(state_dir=tmp_path) as bench:
        assert "the night shift" in (await bench.tool("snmpget", "1", "monitor", contact)).out
