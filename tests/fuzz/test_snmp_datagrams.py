"""Invariant: whatever comes in, the agent stays, nothing escapes, nothing is switched, and the next GET is answered.

Damaged requests of every version go to a live agent on its socket, among them SETs of a reader, of a stranger and of a
user of version 3. ``APCBRIDGE_FUZZ_SNMP=1000000`` sends a million; ``APCBRIDGE_FUZZ_SEED`` repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import socket
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

from apcbridge.clock import SystemClock
from apcbridge.snmp import ber, v3
from apcbridge.snmp.agent import SnmpAgent
from apcbridge.snmp.ber import PduType
from apcbridge.snmp.powernet import RPDU_COMMAND, RPDU_STATE, SPDU_CONTROL
from apcbridge.snmp.settings import (
    Access,
    AgentAddress,
    AuthProtocol,
    Community,
    PrivProtocol,
    RateLimits,
    SnmpSettings,
    User,
)
from apcbridge.snmp.usm import Keys
from apcbridge.store import Store
from tests.unit.snmp.world import Door, outlet, snapshot, status

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DATAGRAMS = max(int(os.environ.get("APCBRIDGE_FUZZ_SNMP", "0")), 30_000)
BATCH = 250
GROWTH_KB = 32 * 1024
"""What the process may grow by, caches filled: a leak of 40 octets per datagram would show in a full run."""
LOOPBACK = (ip_network("127.0.0.0/8"),)
READER = b"reader"
NMS = User(
    name="nms",
    access=Access.WRITE,
    auth=AuthProtocol.SHA256,
    auth_phrase="sign-me-please",
    priv=PrivProtocol.AES128,
    priv_phrase="hide-me-please",
    sources=LOOPBACK,
)


def request(version: int, community: bytes, kind: PduType, oids: list[ber.Oid], number: int = 1) -> bytes:
    varbinds = b"".join(ber.varbind(ber.encode_oid(oid), ber.integer(2)) for oid in oids)
    repetitions = 10 if kind == PduType.GET_BULK else 0
    pdu = (ber.integer(number), ber.integer(0), ber.integer(repetitions), ber.tlv(ber.SEQUENCE, varbinds))
    return ber.message(version, community, kind, pdu)


def v3_request(engine_id: bytes, kind: PduType, oid: ber.Oid) -> bytes:
    varbinds = ber.tlv(ber.SEQUENCE, ber.varbind(ber.encode_oid(oid), ber.integer(2)))
    pdu = ber.tlv(kind, ber.integer(7) + ber.integer(0) * 2 + varbinds)
    sender = v3.Sender(engine_id, 1, 1, b"nms", Keys.of(NMS, engine_id))
    flags = v3.AUTH | v3.PRIV | v3.REPORTABLE
    return v3.encode(3, flags, sender, v3.scoped_pdu(engine_id, b"", pdu), 5)


def seeds(engine_id: bytes) -> list[bytes]:
    state, command, control = (*RPDU_STATE, 1), (*RPDU_COMMAND, 1), (*SPDU_CONTROL, 1)
    found = [v3_request(engine_id, PduType.GET, state), v3_request(engine_id, PduType.SET, command)]
    for version in (0, 1):
        for community in (READER, b"stranger"):
            found += [
                request(version, community, kind, [state, command, control])
                for kind in (PduType.GET, PduType.GET_NEXT, PduType.GET_BULK, PduType.SET)
            ]
    found.append(request(1, READER, PduType.GET, [state] * ber.MAX_VARBINDS)[:1472])
    found += [b"\xe2\x0e\xbc\x15\x30", b"\x30\x82\x05\xbc" + b"\x30\x80" * 700, b"\x30\x84\xff\xff\xff\xff" + bytes(40)]
    return found


def damaged(seed: bytes, chance: random.Random) -> bytes:
    """Flip, overwrite, cut, repeat or insert; never the seed itself."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data) or 1)
        how = chance.randrange(5)
        if how == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif how == 1 and data:
            data[at] = chance.choice(
                (0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF, 0x30, 0x02, chance.randrange(256))
            )
        elif how == 2:
            del data[at : at + chance.randint(1, 8)]
        elif how == 3:
            data[at:at] = data[at : at + chance.randint(1, 40)]
        else:
            data[at:at] = chance.randbytes(chance.randint(1, 8))
    result = bytes(data[:2000])
    return result if result != seed else result + b"\x00"


async def answered(sock: socket.socket, number: int) -> bool:
    """Ask something in order and wait for its answer among those of the damaged requests."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, request(1, READER, PduType.GET, [(*RPDU_STATE, 1)], number))
    async with asyncio.timeout(30):
        while True:
            answer = await loop.sock_recv(sock, 0xFFFF)
            if ber.integer(number) in answer and answer.endswith(ber.integer(1)):
                return True


async def test_nothing_that_comes_in_hurts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    escaped: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: escaped.append(context))
    door = Door()
    communities = (
        Community(name=READER.decode(), label="reader", access=Access.READ, sources=LOOPBACK),
        Community(name="a-writer-that-nobody-guesses", label="writer", access=Access.WRITE, sources=LOOPBACK),
    )
    settings = SnmpSettings(
        addresses=(AgentAddress(pdu="pdu1", host="127.0.0.1", port=0),),
        communities=communities,
        users=(NMS,),
        limits=RateLimits(per_source=1e9, total=1e9, v3_per_source=1e9, v3_total=1e9),
        state_dir=tmp_path,
    )
    read_mono = SystemClock().monotonic() + 1e6
    fresh = status(replace(snapshot(taken_mono=read_mono), outlets=(outlet(1, read_mono=read_mono),)))
    agent = SnmpAgent(settings, Store([fresh]), door, SystemClock())
    task = asyncio.create_task(agent.run())
    await agent.opened()
    seed = int(os.environ.get("APCBRIDGE_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"APCBRIDGE_FUZZ_SEED={seed}")
    chance = random.Random(seed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.0)
        sock.connect(agent.addresses["pdu1"])
        material = seeds(agent.engine_ids["pdu1"])
        grown_from = 0
        for sent in range(0, DATAGRAMS, BATCH):
            for _ in range(BATCH):
                sock.send(damaged(chance.choice(material), chance))
            assert await answered(sock, 0x10000000 + sent)
            assert not task.done()
            if sent <= DATAGRAMS // 10:
                grown_from = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown_from
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert escaped == []
    assert door.commands == []
    assert grown_kb < GROWTH_KB
    counters = agent.counters["pdu1"]
    assert counters.in_packets > DATAGRAMS // 2
    assert counters.parse_errors > DATAGRAMS // 10
    # A run takes a few minutes at most; drops and refusals are bounded each on their own.
    assert len(caplog.records) < 400
    assert b"a-writer".decode() not in caplog.text
