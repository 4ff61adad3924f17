"""Every principal, every object, every operation: who gets what, through the door that all datagrams take."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest

from apcbridge.limits import LogBudget
from apcbridge.snmp import ber, v3
from apcbridge.snmp.ber import ErrorStatus, PduType
from apcbridge.snmp.desk import Desk
from apcbridge.snmp.listener import Listener
from apcbridge.snmp.powernet import (
    RPDU_ALL_COMMAND,
    RPDU_COMMAND,
    RPDU_NAME,
    RPDU_OUTLET_CONFIG,
    SPDU_ALL_COMMAND,
    SPDU_CONTROL,
    SPDU_NAME,
    SPDU_OUTLET_CONFIG,
)
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
from apcbridge.snmp.system import SYS_CONTACT, SYS_LOCATION, SYS_NAME, AgentCounters
from apcbridge.snmp.texts import SystemTextFile
from apcbridge.snmp.usm import Keys
from apcbridge.snmp.v3 import UserEngine
from tests.unit.snmp.world import NOW, Door, SetClock, status

if TYPE_CHECKING:
    from pathlib import Path

HERE, AFAR = "127.0.0.1", "192.0.2.1"
SOURCES = (ip_network("127.0.0.0/8"),)
ENGINE_ID = b"\x80\x00\x1f\x88\x05matrix"

NUMBER, STRING = ber.integer(15), ber.octets(b"x")
WRITABLE: dict[ber.Oid, tuple[bytes, int]] = {
    # object, or column of the outlets -> a value that it takes, the commands that come of it
    SYS_CONTACT: (STRING, 0),
    SYS_NAME: (STRING, 0),
    SYS_LOCATION: (STRING, 0),
    RPDU_NAME: (STRING, 1),
    SPDU_NAME: (STRING, 1),
    RPDU_ALL_COMMAND: (ber.integer(3), 1),
    SPDU_ALL_COMMAND: (ber.integer(3), 1),
    RPDU_COMMAND: (ber.integer(2), 1),
    SPDU_CONTROL: (ber.integer(2), 1),
    (*RPDU_OUTLET_CONFIG, 2): (STRING, 1),
    (*RPDU_OUTLET_CONFIG, 4): (NUMBER, 1),
    (*RPDU_OUTLET_CONFIG, 5): (NUMBER, 1),
    (*RPDU_OUTLET_CONFIG, 6): (NUMBER, 1),
    (*SPDU_OUTLET_CONFIG, 2): (NUMBER, 1),
    (*SPDU_OUTLET_CONFIG, 3): (STRING, 1),
    (*SPDU_OUTLET_CONFIG, 4): (NUMBER, 1),
    (*SPDU_OUTLET_CONFIG, 5): (NUMBER, 1),
}


def user(name: str, access: Access) -> User:
    return User(
        name=name,
        access=access,
        auth=AuthProtocol.SHA256,
        auth_phrase="sign-me-please",
        priv=PrivProtocol.AES128,
        priv_phrase="hide-me-please",
        sources=SOURCES,
    )


USERS = {access: user(f"user-{access}", access) for access in Access}
KEYS = {access: Keys.of(who, ENGINE_ID) for access, who in USERS.items()}


@dataclass
class World:
    """One address that everybody may try."""

    state_dir: Path
    door: Door = field(default_factory=Door)
    counters: AgentCounters = field(default_factory=AgentCounters)

    def __post_init__(self) -> None:
        settings = SnmpSettings(
            addresses=(AgentAddress(pdu="pdu1", host=HERE, port=0),),
            communities=tuple(
                Community(name=f"name-{access}", label=str(access), access=access, sources=SOURCES) for access in Access
            ),
            users=tuple(USERS.values()),
            limits=RateLimits(per_source=1e9, total=1e9, v3_per_source=1e9, v3_total=1e9),
            state_dir=self.state_dir,
        )
        texts = SystemTextFile(settings, lambda: 0.0)
        self.desk = Desk(status(), self.door, texts, LogBudget(at_once=0))
        self._listener = Listener(
            settings,
            [self.desk],
            self.counters,
            SetClock(),
            lambda _pdu, _now: None,
            UserEngine(ENGINE_ID, 1, NOW),
            LogBudget(at_once=0),
        )

    def hear(self, datagram: bytes, host: str = HERE) -> bytes | None:
        return self._listener.answer(datagram, host, 4000, NOW)


_NUMBERS = count(0x10000)


def pdu(kind: PduType, oid: ber.Oid, value: bytes) -> tuple[bytes, ...]:
    varbinds = ber.tlv(ber.SEQUENCE, ber.varbind(ber.encode_oid(oid), value))
    return ber.integer(next(_NUMBERS)), ber.integer(0), ber.integer(int(kind == PduType.GET_BULK)), varbinds


def plain(version: int, community: str, kind: PduType, oid: ber.Oid, value: bytes = ber.NULL_VALUE) -> bytes:
    return ber.message(version, community.encode(), kind, pdu(kind, oid, value))


def secret(
    access: Access,
    kind: PduType,
    oid: ber.Oid,
    value: bytes = ber.NULL_VALUE,
    flags: int = v3.AUTH | v3.PRIV | v3.REPORTABLE,
) -> bytes:
    scoped = v3.scoped_pdu(ENGINE_ID, b"", ber.tlv(kind, b"".join(pdu(kind, oid, value))))
    sender = v3.Sender(ENGINE_ID, 1, 0, USERS[access].name.encode(), KEYS[access])
    return v3.encode(7, flags, sender, scoped, next(_NUMBERS))


def told(version: int, access: Access, answer: bytes | None) -> ber.Message:
    """Return the PDU of an answer."""
    assert answer is not None
    if version != 3:
        return ber.decode(answer)
    header = v3.decode(answer)
    opened = KEYS[access].decrypt(header.scoped, header.boots, header.time_s, header.salt)
    return v3.decode_scoped(opened, ber.MAX_RESPONSE).request


def asked(version: int, access: Access, kind: PduType, oid: ber.Oid, value: bytes = ber.NULL_VALUE) -> bytes:
    return secret(access, kind, oid, value) if version == 3 else plain(version, f"name-{access}", kind, oid, value)


def wanted(oid: ber.Oid) -> tuple[bytes, int] | None:
    return WRITABLE.get(oid) or WRITABLE.get(oid[:-1])


@pytest.mark.parametrize("version", [0, 1, 3])
@pytest.mark.parametrize("access", Access)
def test_every_object_is_read_by_all_and_written_by_writers_where_it_says_so(
    version: int, access: Access, tmp_path: Path
) -> None:
    world = World(tmp_path)
    objects = world.desk.table.oids
    for oid in objects:
        got = told(version, access, world.hear(asked(version, access, PduType.GET, oid)))
        assert (got.first, ber.decode_oid(got.varbinds[0].oid)) == (0, oid)
        value, commands = wanted(oid) or (ber.integer(1), 0)
        before = len(world.door.commands)
        done = told(version, access, world.hear(asked(version, access, PduType.SET, oid, value)))
        if access is Access.READ:
            expected, commands = ErrorStatus.NO_ACCESS, 0
        else:
            expected = ErrorStatus.NO_ERROR if wanted(oid) else ErrorStatus.NOT_WRITABLE
        if version == 0 and expected:
            expected = ErrorStatus.NO_SUCH_NAME
        assert (done.first, done.second) == (expected, int(expected != 0)), oid
        assert len(world.door.commands) - before == commands, oid
    kinds = [PduType.GET_NEXT] if version == 0 else [PduType.GET_NEXT, PduType.GET_BULK]
    for kind in kinds:
        for oid, following in pairwise(objects):
            got = told(version, access, world.hear(asked(version, access, kind, oid)))
            assert (got.first, ber.decode_oid(got.varbinds[0].oid)) == (0, following)


@pytest.mark.parametrize("kind", [PduType.GET, PduType.GET_NEXT, PduType.GET_BULK, PduType.SET])
def test_who_is_nobody_learns_nothing_and_does_nothing(kind: PduType, tmp_path: Path) -> None:
    world = World(tmp_path)
    for oid in world.desk.table.oids:
        value, _ = wanted(oid) or (ber.integer(1), 0)
        for version in (0, 1):
            assert world.hear(plain(version, "public", kind, oid, value)) is None
            assert world.hear(plain(version, "name-write", kind, oid, value), AFAR) is None
        assert world.hear(secret(Access.WRITE, kind, oid, value), AFAR) is None
        for flags in (v3.REPORTABLE, v3.AUTH | v3.REPORTABLE):
            report = world.hear(secret(Access.WRITE, kind, oid, value, flags))
            assert report is not None
            said = v3.decode_scoped(v3.decode(report).scoped, ber.MAX_RESPONSE).request
            assert said.pdu_type == PduType.REPORT
            assert ber.decode_oid(said.varbinds[0].oid) == v3.UNSUPPORTED_LEVELS
    assert world.door.commands == []
