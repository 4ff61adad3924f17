"""Version 3 with net-snmp's tools and fence_apc_snmp: every pair of protocols, every way of not being let in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from apcbridge.model import Action
from apcbridge.snmp.engine import FILE_NAME
from apcbridge.snmp.settings import Access, AuthProtocol, PrivProtocol, TrapReceiver, TrapVersion, User
from tests.integration.snmp_world import (
    COMMAND,
    LOOPBACK,
    STATE,
    Bench,
    Ran,
    lost_status,
    run_program,
    serving,
    sharing,
)
from tests.integration.test_snmp_notifications import OUTLET_OFF, TRAP_OID, trapd

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.debian

SIGN, HIDE = "sign-me-please", "hide-me-please"
_TOOL_PRIV = {
    PrivProtocol.DES: "DES",
    PrivProtocol.AES128: "AES",
    PrivProtocol.AES192: "AES-192",
    PrivProtocol.AES256: "AES-256",
}


def user(
    name: str = "nms",
    access: Access = Access.WRITE,
    auth: AuthProtocol = AuthProtocol.SHA256,
    priv: PrivProtocol = PrivProtocol.AES128,
) -> User:
    return User(name=name, access=access, auth=auth, auth_phrase=SIGN, priv=priv, priv_phrase=HIDE, sources=LOOPBACK)


async def ask(
    tool: str,
    bench: Bench,
    *words: str,
    who: User | None = None,
    level: str = "authPriv",
    sign: str = SIGN,
    hide: str = HIDE,
    options: tuple[str, ...] = (),
) -> Ran:
    who = who or user()
    keys = ("-a", str(who.auth), "-A", sign, "-x", _TOOL_PRIV[who.priv], "-X", hide)
    fixed = ("-m", "", "-On", "-v", "3", "-t", "5", "-u", who.name, "-l", level, *keys, *options)
    return await run_program(f"/usr/bin/{tool}", *fixed, bench.target, *words)


@pytest.mark.parametrize("auth", AuthProtocol)
async def test_every_pair_of_protocols_reads_and_writes(auth: AuthProtocol, tmp_path: Path) -> None:
    people = tuple(user(f"nms-{priv}", auth=auth, priv=priv) for priv in PrivProtocol)
    async with serving(users=people, state_dir=tmp_path, answers=False) as bench:
        for who in people:
            got = await ask("snmpget", bench, f"{STATE}.3", who=who)
            assert (got.code, got.out.strip()) == (0, f"{STATE}.3 = INTEGER: 1"), got
            done = await ask("snmpset", bench, f"{COMMAND}.3", "i", "2", who=who)
            assert (done.code, done.out.strip()) == (0, f"{COMMAND}.3 = INTEGER: 2"), done
        assert [c.principal for c in bench.door.commands] == [who.name for who in people]
        assert {c.action for c in bench.door.commands} == {Action.OFF}


async def test_a_bulk_walk_is_the_one_of_v2c(tmp_path: Path) -> None:
    async with serving(users=(user(),), state_dir=tmp_path) as bench:
        v3 = await ask("snmpbulkwalk", bench, ".1.3.6.1.4.1.318.1")
        v2c = await bench.tool("snmpbulkwalk", "2c", "monitor", ".1.3.6.1.4.1.318.1")
        assert v3.code == 0
        assert v3.out == v2c.out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"level": "noAuthNoPriv"}, "Unsupported security level"),
        ({"level": "authNoPriv"}, "Unsupported security level"),
        ({"sign": "not-the-phrase"}, "Authentication failure"),
        ({"hide": "not-the-phrase"}, "Decryption error"),
        ({"who": user("stranger")}, "Unknown user name"),
        ({"options": ("-n", "pdu9")}, "Bad context"),
    ],
)
@pytest.mark.parametrize("tool", ["snmpget", "snmpset"])
async def test_who_is_not_let_in_is_told_why_and_does_nothing(
    tool: str, changes: dict[str, object], said: str, tmp_path: Path
) -> None:
    async with serving(users=(user(),), state_dir=tmp_path, answers=False) as bench:
        words = (f"{COMMAND}.3", "i", "2") if tool == "snmpset" else (f"{COMMAND}.3",)
        ran = await ask(tool, bench, *words, **changes)  # type: ignore[arg-type]  # keywords of ask
        assert ran.code != 0
        assert "INTEGER" not in ran.out
        assert said.lower() in (ran.out + ran.err).lower(), ran
        assert bench.door.commands == []


async def test_a_reader_reads_and_writes_nothing(tmp_path: Path) -> None:
    reader = user(access=Access.READ)
    async with serving(users=(reader,), state_dir=tmp_path) as bench:
        assert (await ask("snmpget", bench, f"{STATE}.3")).code == 0
        refused = await ask("snmpset", bench, f"{COMMAND}.3", "i", "2")
        assert refused.code == 2
        assert "noAccess" in refused.err
        assert bench.door.commands == []


async def test_the_context_names_the_pdu(tmp_path: Path) -> None:
    async with serving(users=(user(),), state_dir=tmp_path) as bench:
        assert (await ask("snmpget", bench, f"{STATE}.3", options=("-n", "pdu1"))).code == 0


async def test_pdus_on_one_address_are_told_apart_by_the_context(tmp_path: Path) -> None:
    async with sharing(users=(user(),), state_dir=tmp_path) as bench:
        for context, state in (("", 1), ("pdu1", 1), ("pdu2", 2)):
            got = await ask("snmpget", bench, f"{STATE}.1", options=("-n", context))
            assert (got.code, got.out.strip()) == (0, f"{STATE}.1 = INTEGER: {state}"), got
        done = await ask("snmpset", bench, f"{COMMAND}.1", "i", "1", options=("-n", "pdu2"))
        assert done.code == 0, done
        assert [(command.pdu, command.outlet) for command in bench.door.commands] == [("pdu2", 1)]


@pytest.mark.parametrize("action", ["list", "on", "off", "reboot"])
async def test_fence_agent_over_version_3(action: str, tmp_path: Path) -> None:
    async with serving(users=(user(auth=AuthProtocol.SHA),), state_dir=tmp_path) as bench:
        ran = await fence(bench, "-o", action, *(() if action == "list" else ("-n", "3")))
        assert ran.code == 0, ran
        assert action != "list" or "3,Outlet 3" in ran.out
        switched = {"off": [Action.OFF], "reboot": [Action.OFF, Action.ON]}.get(action, [])
        assert [command.action for command in bench.door.commands] == switched


async def test_fence_agent_over_version_3_reads_no_state_that_is_not_known(tmp_path: Path) -> None:
    async with serving(users=(user(auth=AuthProtocol.SHA),), state_dir=tmp_path) as bench:
        read = await fence(bench, "-o", "status", "-n", "3")
        assert (read.code, read.out.strip()) == (0, "Status: ON"), read
        bench.store.replace(lost_status())
        lost = await fence(bench, "-o", "status", "-n", "3")
        assert lost.code not in (0, 2)
        assert "OFF" not in lost.out + lost.err


async def fence(bench: Bench, *words: str) -> Ran:
    keys = ("-l", "nms", "-p", SIGN, "-b", "SHA", "-E", "authPriv", "-B", "AES", "-P", HIDE)
    fixed = ("/usr/sbin/fence_apc_snmp", "-a", "127.0.0.1", "-u", str(bench.port), "-d", "3", *keys)
    return await run_program(*fixed, *words)


async def test_boots_grow_and_the_engine_stays_the_same(tmp_path: Path) -> None:
    engines = set()
    for boots in (1, 2, 3):
        async with serving(users=(user(),), state_dir=tmp_path) as bench:
            engines.add(bench.agent.engine_ids["pdu1"])
        assert json.loads((tmp_path / FILE_NAME).read_text())["boots"] == boots
    assert len(engines) == 1


@pytest.mark.parametrize("damage", ["not json", '{"seed": "", "boots": 4}', '{"seed": "x", "boots": "4"}', "[]"])
async def test_version_3_stays_closed_when_the_engine_cannot_be_kept(tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE_NAME).write_text(damage)
    async with serving(users=(user(),), state_dir=tmp_path) as bench:
        closed = await ask("snmpget", bench, f"{STATE}.3", options=("-t", "0.3", "-r", "0"))
        assert closed.code != 0
        assert "Timeout" in closed.err
        assert (await bench.tool("snmpget", "2c", "monitor", f"{STATE}.3")).code == 0
    assert (tmp_path / FILE_NAME).read_text() == damage


@pytest.mark.parametrize("inform", [False, True])
async def test_notifications_of_version_3(tmp_path: Path, *, inform: bool) -> None:
    async with serving(users=(user(),), state_dir=tmp_path) as first:
        engine_id = first.agent.engine_ids["pdu1"].hex()
    # An inform is signed for the receiver's engine, a trap for ours.
    at = "" if inform else f"-e 0x{engine_id} "
    rules = (f"createUser {at}nms SHA-256 {SIGN} AES {HIDE}", "authUser log nms priv")
    async with trapd(tmp_path, *rules) as daemon:
        to = TrapReceiver(host="127.0.0.1", port=daemon.port, version=TrapVersion.V3, user="nms", inform=inform)
        async with serving(users=(user(),), state_dir=tmp_path, receivers=(to,)) as bench:
            await daemon.line(TRAP_OID + ".1.3.6.1.6.3.1.1.5.1")
            bench.store.append(OUTLET_OFF)
            told = await daemon.line(TRAP_OID + ".1.3.6.1.4.1.318.0.269")
            assert ".1.3.6.1.4.1.318.1.1.12.3.3.1.1.1.0 = INTEGER: 3" in told
