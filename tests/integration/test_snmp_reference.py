"""Requests that no tool of net-snmp makes, to net-snmp's own agent and to ours: both must say the same."""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from apcbridge.snmp import ber
from apcbridge.snmp.ber import ErrorStatus, Oid, PduType
from apcbridge.snmp.system import MIB_2, SYS_CONTACT, SYS_NAME, SYSTEM
from tests.integration.snmp_world import DEADLINE_S, serving
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SERVICES: Oid = (*SYSTEM, 7, 0)
ONE = ber.integer(1)
NOTHING = ber.integer(0)
SENTINEL = ber.integer(0x7ABCDEF)


class Outcome(NamedTuple):
    """What an answer says, values aside."""

    status: int
    error_index: int
    request_id: int
    names: list[tuple[bytes, int]]
    """Each OID with the tag of its value; those of an error only as they were sent."""


class Agent:
    """One of the two, asked in order on one socket, so that silence shows without waiting for it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.0)
        self._socket.connect(address)

    async def ask(self, datagram: bytes) -> Outcome | None:
        """Return what it says to a datagram, None if it says nothing."""
        self._socket.send(datagram)
        self._socket.send(message(PduType.GET, [bind(SERVICES)], request_id=SENTINEL))
        answers: list[Outcome] = []
        async with asyncio.timeout(DEADLINE_S):
            while True:
                data = await asyncio.get_running_loop().sock_recv(self._socket, 0xFFFF)
                answer = ber.decode(data)
                if answer.request_id == SENTINEL:
                    return answers[0] if answers else None
                assert answer.pdu_type == PduType.RESPONSE
                start, stop = ber.expect(answer.request_id, 0, len(answer.request_id), ber.INTEGER)
                number = ber.read_integer(answer.request_id, start, stop)
                names = [(varbind.oid, 0 if answer.first else varbind.tag) for varbind in answer.varbinds]
                answers.append(Outcome(answer.first, answer.second, number, names))

    async def awake(self) -> None:
        """Return once it answers."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    self._socket.send(message(PduType.GET, [bind(SERVICES)]))
                    async with asyncio.timeout(0.2):
                        await asyncio.get_running_loop().sock_recv(self._socket, 0xFFFF)
                except (TimeoutError, ConnectionError):
                    continue
                break

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def both(home: Path) -> AsyncIterator[tuple[Agent, Agent]]:
    """Run ours and net-snmp's."""
    config, port = home / "snmpd.conf", free_port()
    config.write_text("rocommunity monitor 127.0.0.1\nrwcommunity operator 127.0.0.1\nsysServices 72\n")
    process = await asyncio.create_subprocess_exec(
        *("/usr/sbin/snmpd", "-f", "-LF", "0", f"{home}/log", "-C", "-c", str(config), f"udp:127.0.0.1:{port}"),
        env={"SNMP_PERSISTENT_DIR": str(home), "PATH": "/usr/bin"},
    )
    try:
        async with serving(state_dir=home) as bench:
            agents = Agent(bench.agent.addresses["pdu1"]), Agent(("127.0.0.1", port))
            try:
                for agent in agents:
                    await agent.awake()
                yield agents
            finally:
                for agent in agents:
                    agent.close()
    finally:
        process.terminate()
        await process.wait()


def bind(oid: Oid, value: bytes = ber.NULL_VALUE) -> bytes:
    return ber.varbind(ber.encode_oid(oid), value)


def message(  # a message has that many parts
    kind: PduType,
    binds: list[bytes],
    *,
    version: bytes = ONE,
    community: bytes = b"monitor",
    request_id: bytes = ONE,
    fields: tuple[bytes, bytes] = (NOTHING, NOTHING),
) -> bytes:
    pdu = b"".join((request_id, *fields, ber.tlv(ber.SEQUENCE, b"".join(binds))))
    return ber.tlv(ber.SEQUENCE, version + ber.octets(community) + ber.tlv(kind, pdu))


def lengthened(size: int) -> bytes:
    """A GET in which every length but those of OIDs' contents takes that many octets more than it must."""

    def long(tag: int, content: bytes) -> bytes:
        return bytes((tag, 0x80 | size)) + len(content).to_bytes(size) + content

    varbind = long(ber.SEQUENCE, long(ber.OBJECT_IDENTIFIER, ber.encode_oid(SERVICES)) + long(ber.NULL, b""))
    numbers = b"".join(long(ber.INTEGER, bytes((number,))) for number in (9, 0, 0))
    pdu = long(PduType.GET, numbers + long(ber.SEQUENCE, varbind))
    return long(ber.SEQUENCE, long(ber.INTEGER, b"\x01") + long(ber.OCTET_STRING, b"monitor") + pdu)


GET, SET = PduType.GET, PduType.SET
ODD: dict[str, bytes] = {
    **{f"lengths of {size} octets": lengthened(size) for size in (1, 2, 3, 4)},
    "a version of four octets": message(GET, [bind(SERVICES)], version=b"\x02\x04\x00\x00\x00\x01"),
    "version 3 without its header": message(GET, [bind(SERVICES)], version=ber.integer(3)),
    "version -1": message(GET, [bind(SERVICES)], version=ber.integer(-1)),
    "a version without octets": message(GET, [bind(SERVICES)], version=b"\x02\x00"),
    "a negative request-id": message(GET, [bind(SERVICES)], request_id=ber.integer(-5)),
    "the smallest request-id": message(GET, [bind(SERVICES)], request_id=ber.integer(-(2**31))),
    "a padded request-id": message(GET, [bind(SERVICES)], request_id=b"\x02\x04\x00\x00\x00\x05"),
    "a request-id without octets": message(GET, [bind(SERVICES)], request_id=b"\x02\x00"),
    "a request-id that is no INTEGER": message(GET, [bind(SERVICES)], request_id=b"\x42\x01\x05"),
    "errors in a request": message(GET, [bind(SERVICES)], fields=(ber.integer(5), ber.integer(-1))),
    "no varbinds": message(GET, []),
    "no varbinds to go on from": message(PduType.GET_NEXT, []),
    "nothing to set": message(SET, [], community=b"operator"),
    "a value in a GET": message(GET, [bind(SERVICES, ber.octets(b"x"))]),
    "an exception in a GET": message(GET, [bind(SERVICES, ber.END_OF_MIB_VIEW)]),
    "a NULL with content": message(GET, [bind(SERVICES, b"\x05\x01\x00")]),
    "the largest sub-identifier": message(GET, [bind((1, 3, 6, 1, 2, 1, 0xFFFFFFFF))]),
    "a sub-identifier of 33 bits": message(GET, [ber.varbind(b"\x2b\x06\x9f\xff\xff\xff\x7f", ber.NULL_VALUE)]),
    "an OID that is cut off": message(GET, [ber.varbind(b"\x2b\x06\x87", ber.NULL_VALUE)]),
    "an OID of 128": message(PduType.GET_NEXT, [bind((*SYSTEM, 1, 0, *[1] * 119))]),
    "an OID of 129": message(PduType.GET_NEXT, [bind((*SYSTEM, 1, 0, *[1] * 120))]),
    "behind the end": message(PduType.GET_NEXT, [bind((2, 999, 3))]),
    "behind the end in version 1": message(PduType.GET_NEXT, [bind((2, 5))], version=NOTHING),
    "a response": message(PduType.RESPONSE, [bind(SERVICES)]),
    "a trap": message(PduType.TRAP_V2, [bind(SERVICES)]),
    "a report": message(PduType.REPORT, [bind(SERVICES)]),
    "a trap of version 1": message(PduType.TRAP_V1, [bind(SERVICES)]),
    "two values in a varbind": message(GET, [ber.tlv(ber.SEQUENCE, b"\x06\x01\x2b\x05\x00\x05\x00")]),
    "an indefinite length": b"\x30\x80" + message(GET, [bind(SERVICES)])[2:] + b"\x00\x00",
    "an unknown community": message(GET, [bind(SERVICES)], community=b"monitor\x00"),
    "a reader's SET": message(SET, [bind(SYS_CONTACT, ber.octets(b"x"))]),
    "a SET of what nobody can write": message(SET, [bind((*SYSTEM, 99, 0), ONE)], community=b"operator"),
    "a SET of no such instance": message(SET, [bind((*SYS_NAME[:-1], 1), ber.octets(b"x"))], community=b"operator"),
    "a SET of the wrong type": message(SET, [bind(SYS_CONTACT, ONE)], community=b"operator"),
    "a SET of nothing": message(SET, [bind(SYS_CONTACT)], community=b"operator"),
    "a SET that is too long": message(SET, [bind(SYS_CONTACT, ber.octets(b"x" * 256))], community=b"operator"),
    "a SET with one bad varbind": message(
        SET, [bind(SYS_NAME, ber.octets(b"x")), bind(SYS_CONTACT, ONE)], community=b"operator"
    ),
}


async def test_odd_requests_are_answered_as_net_snmp_answers_them(tmp_path: Path) -> None:
    async with both(tmp_path) as (ours, theirs):
        for name, datagram in ODD.items():
            answer = await ours.ask(datagram)
            assert answer == await theirs.ask(datagram), name
            if name.startswith(("lengths", "a version of")):
                assert answer is not None
                assert answer.status == ErrorStatus.NO_ERROR


def drawn(chance: random.Random) -> bytes:
    """Draw a request about the scalars of the system group, which both agents have."""
    names: list[Oid] = [MIB_2, SYSTEM, (1, 3), (0, 0), (*SYSTEM, 0)]
    names += [(*SYSTEM, scalar, *rest) for scalar in range(1, 7) for rest in ((), (0,), (1,), (0, 0))]
    binds = [bind(chance.choice(names)) for _ in range(chance.randrange(1, 5))]
    number = ber.integer(chance.randrange(-(2**31), 2**31))
    kind = chance.choice((PduType.GET, PduType.GET_NEXT, PduType.GET_BULK))
    if kind is PduType.GET_BULK:
        fields = (ber.integer(chance.randrange(-1, 6)), ber.integer(chance.randrange(-1, 3)))
        return message(kind, binds, request_id=number, fields=fields)
    if chance.randrange(2):
        return message(kind, binds, request_id=number)
    # Of several names that do not exist, net-snmp reports any one.
    return message(kind, binds[:1], request_id=number, version=NOTHING)


async def test_drawn_requests_are_answered_as_net_snmp_answers_them(tmp_path: Path) -> None:
    chance = random.Random(20070818)
    async with both(tmp_path) as (ours, theirs):
        for _ in range(500):
            datagram = drawn(chance)
            assert await ours.ask(datagram) == await theirs.ask(datagram), datagram.hex()
