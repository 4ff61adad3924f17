"""The branches of 318.2 where tools look: trap receivers, clock, restart, trap arguments, file transfer.

They show that there is nothing to see: the receivers are those of the bridge's configuration, and no secret (community,
FTP password) is ever shown. Nothing here can be written.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from apcbridge.snmp.ber import Oid, gauge, integer, ip_address, text, time_ticks
from apcbridge.snmp.powernet import APC

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.snmp.table import TableBuilder

_CONFIG: Oid = (*APC, 2, 1)
_TRAP_ARGUMENTS: Oid = (*APC, 2, 3)
_FILE_TRANSFER: Oid = (*APC, 2, 4)
_RECEIVERS = 4
_NO = 2
_INFORMATION = 1
_POWERNET = 1
_CONTINUE = 2
_NOT_AVAILABLE = 2
_DO_NOT_INITIATE = 1
_NO_ADDRESS = bytes(4)
_HIDDEN = "***"


def add_mgmt(table: TableBuilder, wall: Callable[[], float]) -> None:
    """Serve mconfig, mcontrol, mtrapargs and mfiletransfer as a unit that uses none of them."""
    table.add((*_CONFIG, 1, 0), integer(_RECEIVERS))
    for row in range(1, _RECEIVERS + 1):
        nobody = (
            integer(row),
            ip_address(_NO_ADDRESS),
            text(_HIDDEN),
            integer(_INFORMATION),
            integer(_NO),
            integer(_POWERNET),
        )
        for column, value in enumerate(nobody, start=1):
            table.add((*_CONFIG, 2, 1, column, row), value)
    table.add((*_CONFIG, 3, 0), integer(_NO))
    table.add((*_CONFIG, 4, 0), ip_address(_NO_ADDRESS))
    table.add((*_CONFIG, 5, 0), integer(1))
    table.add_live((*_CONFIG, 6, 1, 0), lambda _now_mono: text(time.strftime("%m/%d/%Y", time.gmtime(wall()))))
    table.add_live((*_CONFIG, 6, 2, 0), lambda _now_mono: text(time.strftime("%H:%M:%S", time.gmtime(wall()))))
    table.add((*APC, 2, 2, 1, 0), integer(_CONTINUE))
    kinds = (integer(0), ip_address(_NO_ADDRESS), text(""), gauge(0), time_ticks(0))
    # Five types, then twice again in the order that the MIB numbers them.
    arguments = (*kinds, *(kinds[0],) * 2, *(kinds[1],) * 2, *(kinds[2],) * 2, *(kinds[3],) * 2, *(kinds[4],) * 2)
    for scalar, value in enumerate(arguments, start=1):
        table.add((*_TRAP_ARGUMENTS, scalar, 0), value)
    table.add((*_FILE_TRANSFER, 1, 1, 0), integer(_NOT_AVAILABLE))
    table.add((*_FILE_TRANSFER, 2, 1, 1, 0), text(""))
    table.add((*_FILE_TRANSFER, 2, 2, 1, 0), text(""))
    for scalar, shown in ((1, ""), (2, _HIDDEN), (3, _HIDDEN)):
        table.add((*_FILE_TRANSFER, 2, 3, scalar, 0), text(shown))
    table.add((*_FILE_TRANSFER, 3, 1, 0), integer(_DO_NOT_INITIATE))
