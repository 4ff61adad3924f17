"""Proves at every start that who may only read cannot write: before a socket opens, with the code that will serve.

A library once shipped the opposite for years (pysnmp issue 48); an access rule that is never exercised is a belief.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult, ResultStatus
from apcbridge.errors import ApcBridgeError
from apcbridge.limits import LogBudget
from apcbridge.model import Identity, Link, LinkState, Nmc, Outlet, OutletState, PduSnapshot, PduStatus
from apcbridge.snmp import ber
from apcbridge.snmp.ber import PduType, Version
from apcbridge.snmp.desk import Desk
from apcbridge.snmp.mib import MibContext
from apcbridge.snmp.powernet import RPDU_COMMAND, SPDU_CONTROL
from apcbridge.snmp.settings import Access
from apcbridge.snmp.system import AgentCounters
from apcbridge.snmp.writes import Asker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.commands import Command


class AccessBroken(ApcBridgeError):
    """A reader's SET would act: the agent must not open its sockets."""


class _Door:
    """Counts what came through."""

    def __init__(self) -> None:
        self.submitted = 0

    def examine(self, command: Command, ahead: int = 0) -> None:
        """Refuse nothing."""

    def submit(self, command: Command) -> CommandResult:
        self.submitted += 1
        return CommandResult(command=command, status=ResultStatus.ACCEPTED, detail="", at=0.0)


class _Texts:
    """Keeps nothing."""

    def __init__(self) -> None:
        self._context = MibContext(counters=AgentCounters())

    def context(self, pdu: str) -> MibContext:  # noqa: ARG002  # the same for every PDU of a test
        return self._context

    def write(self, pdu: str, texts: Mapping[str, str]) -> bool:  # noqa: ARG002
        return True


def check_access() -> None:
    """Raise AccessBroken unless a writer's SET acts once and a reader's never, in every version and tree."""
    for version in (Version.V1, Version.V2C):
        for column in (RPDU_COMMAND, SPDU_CONTROL):
            for access, expected in ((Access.READ, 0), (Access.WRITE, 1)):
                door = _Door()
                desk = Desk(_status(), door, _Texts(), LogBudget(at_once=0))
                desk.write(_set_request(version, (*column, 1)), access, _ASKER)
                if door.submitted != expected:
                    raise AccessBroken(f"a principal that may {access} would act {door.submitted} times with one SET")


_ASKER = Asker(pdu="selftest", source="selftest", principal="selftest", request=b"", now_at=0.0, now_mono=0.0)


def _set_request(version: Version, oid: ber.Oid) -> ber.Message:
    varbinds = ber.tlv(ber.SEQUENCE, ber.varbind(ber.encode_oid(oid), ber.integer(2)))
    pdu = (ber.integer(1), ber.integer(0), ber.integer(0), varbinds)
    return ber.decode(ber.message(version, b"selftest", PduType.SET, pdu))


def _status() -> PduStatus:
    outlet = Outlet(number=1, name="", state=OutletState.ON, pending=False, read_at=0.0, read_mono=0.0)
    snapshot = PduSnapshot(
        pdu="selftest",
        seq=1,
        taken_at=0.0,
        taken_mono=0.0,
        dialect="",
        identity=Identity(),
        nmc=Nmc(),
        outlets=(outlet,),
    )
    link = Link(state=LinkState.UP, since_at=0.0)
    return PduStatus(pdu="selftest", link=link, snapshot=snapshot, stale_after_s=1.0, lost_after_s=2.0)
