"""Notifications: which happening is told by which of them, and their octets in version 1 and 2c. Pure.

PowerNet notifications are those of a first-generation Rack PDU, with the varbinds of the MIB in its order and, as real
cards send them, instance 0 for table columns. Numbers: 266/267 communication, 268/269 outlet on/off, 270/271
configuration, 272-277 load of a phase, 222-227 load of a bank, 283 cancel. 41-43 tell the same outlets in the words of
the MasterSwitch tree, which is all that some receivers know (LibreNMS), with the arguments that real ones send.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult, ResultStatus
from apcbridge.model import Action, Event, EventType, LinkState, OutletState, RebootCause, Setting
from apcbridge.snmp import ber, bridge_mib
from apcbridge.snmp.ber import ErrorStatus, Oid, PduType, Version, integer, object_identifier, text, time_ticks
from apcbridge.snmp.powernet import APC, RPDU, SYS_OBJECT_ID, load_state
from apcbridge.snmp.system import SYS_UP_TIME

if TYPE_CHECKING:
    from apcbridge.model import Load, PduSnapshot, PduStatus

SNMP_TRAP_OID: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
STANDARD: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 5)
POWERNET: Oid = (*APC, 0)
_ARGUMENT_INTEGER: Oid = (*APC, 2, 3, 1, 0)
_ARGUMENT_STRING: Oid = (*APC, 2, 3, 3, 0)
_IDENT_SERIAL: Oid = (*RPDU, 1, 6, 0)
_IDENT_NAME: Oid = (*RPDU, 1, 1, 0)
_OUTLET_INDEX: Oid = (*RPDU, 3, 3, 1, 1, 1, 0)
_OUTLET_NAME: Oid = (*RPDU, 3, 3, 1, 1, 2, 0)
_LOAD_PHASE: Oid = (*RPDU, 2, 3, 1, 1, 4, 0)
_LOAD_BANK: Oid = (*RPDU, 2, 3, 1, 1, 5, 0)

_COLD_START, _WARM_START, _AUTHENTICATION_FAILURE = 1, 2, 5
_ENTERPRISE_SPECIFIC = 6

_NORMAL, _LOW, _NEAR, _OVER = 1, 2, 3, 4
_LOAD_WORDS = {_LOW: "Low load", _NEAR: "Near overload", _OVER: "Overload"}

_REBOOTS = {EventType.of_reboot(cause): cause for cause in RebootCause}

Varbinds = tuple[tuple[Oid, bytes], ...]


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification, by its version 2 name."""

    oid: Oid
    varbinds: Varbinds = field(default=())


COLD_START = Notification((*STANDARD, _COLD_START))
WARM_START = Notification((*STANDARD, _WARM_START))
AUTHENTICATION_FAILURE = Notification((*STANDARD, _AUTHENTICATION_FAILURE))


def of_event(event: Event, status: PduStatus, root: Oid, pending_lost: int) -> tuple[Notification, ...]:
    """Return what tells an event; ``root`` is where APCBRIDGE-MIB hangs, ``pending_lost`` its counter."""
    if event.type is EventType.OUTLET_CHANGED:
        return _outlet_changed(event, status)
    identified = _identity(status)
    if event.type is EventType.LINK_LOST:
        told = text("Rack PDU: Communication lost.")
        return (
            _powernet(267, (*identified, (_ARGUMENT_STRING, told))),
            _link(root, bridge_mib.LINK_LOST, event, status),
        )
    if event.type is EventType.LINK_RESTORED:
        told = text("Rack PDU: Communication established.")
        ours = _link(root, bridge_mib.LINK_RESTORED, event, status)
        return (_powernet(266, (*identified, (_ARGUMENT_STRING, told))), ours)
    if event.type is EventType.PENDING_LOST:
        return (_pending_lost(event, root, pending_lost),)
    if event.type in _REBOOTS:
        return _rebooted(event, status, root)
    # An overload is told by the loads themselves (of_loads), with its end.
    return ()


def _outlet_changed(event: Event, status: PduStatus) -> tuple[Notification, ...]:
    number = _whole_number(event.details.get("outlet"))
    name = str(event.details.get("name") or "")
    on = event.details.get("state") == OutletState.ON
    sentence = f"Rack PDU: Outlet {number} ({name}) has been turned {'on' if on else 'off'}."
    return (
        _powernet(268 if on else 269, _outlet(status, number, name, sentence)),
        _powernet(41 if on else 42, _switch_arguments(number, sentence)),
    )


def _rebooted(event: Event, status: PduStatus, root: Oid) -> tuple[Notification, ...]:
    """Tell a restart of the NMC: as the card itself would when it is back, and with what the bridge knows of it."""
    cause = _REBOOTS[event.type]
    at = event.details.get("at")
    happened_at = float(at) if isinstance(at, int | float) else event.at
    count = status.snapshot.nmc.reboot_count if status.snapshot else 0
    ours = (
        ((*root, *bridge_mib.PDU_ID), bridge_mib.short_text(status.pdu)),
        ((*root, *bridge_mib.LAST_REBOOT), bridge_mib.date_and_time(happened_at)),
        ((*root, *bridge_mib.LAST_REBOOT_CAUSE), integer(bridge_mib.CAUSES[cause])),
        ((*root, *bridge_mib.LAST_REBOOT_EVIDENCE), bridge_mib.short_text(str(event.details.get("evidence") or ""))),
        ((*root, *bridge_mib.NMC_REBOOTS), ber.counter(count)),
    )
    card = COLD_START if cause is RebootCause.POWER else WARM_START
    return (card, Notification((*root, *bridge_mib.NMC_REBOOTED), ours))


def _pending_lost(event: Event, root: Oid, lost: int) -> Notification:
    varbinds = (
        ((*root, *bridge_mib.PDU_ID), bridge_mib.short_text(event.pdu)),
        ((*root, *bridge_mib.PENDING_LOST_OUTLET), ber.gauge(_whole_number(event.details.get("outlet")))),
        (
            (*root, *bridge_mib.PENDING_LOST_ACTION),
            bridge_mib.short_text(str(event.details.get("action") or "")),
        ),
        ((*root, *bridge_mib.PENDING_LOST), ber.counter(lost)),
    )
    return Notification((*root, *bridge_mib.PENDING_COMMAND_LOST), varbinds)


def _link(root: Oid, name: Oid, event: Event, status: PduStatus) -> Notification:
    detail = str(event.details.get("reason") or status.link.detail)
    varbinds = (
        ((*root, *bridge_mib.PDU_ID), bridge_mib.short_text(status.pdu)),
        ((*root, *bridge_mib.LINK_STATE), bridge_mib.link_state(status)),
        ((*root, *bridge_mib.LINK_DETAIL), bridge_mib.short_text(detail)),
    )
    return Notification((*root, *name), varbinds)


def of_result(result: CommandResult, status: PduStatus) -> tuple[Notification, ...]:
    """Return what tells that a command was carried out, for those that change no state (those tell themselves)."""
    command = result.command
    if result.status is not ResultStatus.CONFIRMED:
        return ()
    if command.action is Setting.PDU_NAME:
        named = text("Rack PDU: Configuration change. Rack PDU name.")
        return (_powernet(270, (*_identity(status), (_ARGUMENT_STRING, named))),)
    if command.outlet is None:
        return ()
    outlet = status.snapshot.outlet(command.outlet) if status.snapshot else None
    name = outlet.name if outlet else ""
    if isinstance(command.action, Setting):
        sentence = f"Rack PDU: Outlet {command.outlet} ({name}) configuration changed."
        return (_powernet(271, _outlet(status, command.outlet, name, sentence)),)
    if command.action is Action.CANCEL:
        sentence = f"Rack PDU: Outlet {command.outlet} ({name}) pending command cancelled."
        return (_powernet(283, _outlet(status, command.outlet, name, sentence)),)
    if command.action is Action.REBOOT:
        sentence = f"Rack PDU: Outlet {command.outlet} ({name}) has been rebooted."
        return (_powernet(43, _switch_arguments(command.outlet, sentence)),)
    return ()


def of_loads(before: PduSnapshot | None, after: PduStatus) -> tuple[Notification, ...]:
    """Return what tells the loads that entered or left a state since the snapshot before; at first, all abnormal."""
    if after.snapshot is None:
        return ()
    told: list[Notification] = []
    for is_bank, old, new in (
        (False, before.phases if before else (), after.snapshot.phases),
        (True, before.banks if before else (), after.snapshot.banks),
    ):
        known = {load.index: load for load in old}
        for load in new:
            told += _load_changed(after, known.get(load.index), load, is_bank=is_bank)
    return tuple(told)


def _load_changed(status: PduStatus, before: Load | None, load: Load, *, is_bank: bool) -> list[Notification]:
    was = (load_state(before) if before else None) or _NORMAL
    now = load_state(load) or was
    if was == now:
        return []
    told = []
    if was in _LOAD_WORDS:
        told.append(_load(status, load, was, cleared=True, is_bank=is_bank))
    if now in _LOAD_WORDS:
        told.append(_load(status, load, now, cleared=False, is_bank=is_bank))
    return told


def _load(status: PduStatus, load: Load, state: int, *, cleared: bool, is_bank: bool) -> Notification:
    where: Varbinds = ((_LOAD_PHASE, integer(0 if is_bank else load.index)),)
    if is_bank:
        where = ((_LOAD_BANK, integer(load.index)), *where)
    ended = " cleared" if cleared else ""
    sentence = f"Metered Rack PDU: {_LOAD_WORDS[state]}{ended}. {'Bank' if is_bank else 'Phase'} {load.index}."
    number = (222 if is_bank else 272) + 2 * (state - _LOW) + int(cleared)
    return _powernet(number, (*_identity(status), *where, (_ARGUMENT_STRING, text(sentence))))


def _powernet(number: int, varbinds: Varbinds) -> Notification:
    return Notification((*POWERNET, number), varbinds)


def _identity(status: PduStatus) -> Varbinds:
    identity = status.snapshot.identity if status.snapshot else None
    return (
        (_IDENT_SERIAL, text((identity.serial_number if identity else None) or "")),
        (_IDENT_NAME, text((identity.name if identity else None) or status.pdu)),
    )


def _outlet(status: PduStatus, number: int, name: str, sentence: str) -> Varbinds:
    return (
        *_identity(status),
        (_OUTLET_INDEX, integer(number)),
        (_OUTLET_NAME, text(name)),
        (_ARGUMENT_STRING, text(sentence)),
    )


def _switch_arguments(number: int, sentence: str) -> Varbinds:
    return ((_ARGUMENT_INTEGER, integer(number)), (_ARGUMENT_STRING, text(sentence)))


def _whole_number(value: object) -> int:
    return value if isinstance(value, int) else 0


def up_time_hundredths(status: PduStatus, now_mono: float) -> int:
    """Return the NMC's up time for a notification's time stamp; 0 while it is not known."""
    boot_mono = status.snapshot.nmc.boot_mono if status.snapshot else None
    if boot_mono is None or status.link.state is LinkState.LOST:
        return 0
    return int(max(now_mono - boot_mono, 0.0) * 100)


def encode_v1(notification: Notification, community: str, agent_address: bytes, up_time: int) -> bytes:
    """Return the Trap-PDU of version 1 (RFC 3584, 3.2); ``agent_address`` is four octets, ``up_time`` hundredths."""
    name = notification.oid
    if name[:-1] == STANDARD:
        enterprise, generic, specific = SYS_OBJECT_ID, name[-1] - 1, 0
    else:
        enterprise, generic, specific = name[:-2] if name[-2] == 0 else name[:-1], _ENTERPRISE_SPECIFIC, name[-1]
    parts = (
        object_identifier(enterprise),
        ber.ip_address(agent_address),
        integer(generic),
        integer(specific),
        time_ticks(up_time),
        ber.tlv(ber.SEQUENCE, _varbind_list(notification.varbinds)),
    )
    return ber.message(Version.V1, community.encode(), PduType.TRAP_V1, parts)


def pdu_v2(notification: Notification, request_id: int, up_time: int) -> tuple[bytes, ...]:
    """Return the parts of a version 2 Trap- or Inform-PDU."""
    varbinds = (
        (SYS_UP_TIME, time_ticks(up_time)),
        (SNMP_TRAP_OID, object_identifier(notification.oid)),
        *notification.varbinds,
    )
    return (
        integer(request_id),
        integer(ErrorStatus.NO_ERROR),
        integer(0),
        ber.tlv(ber.SEQUENCE, _varbind_list(varbinds)),
    )


def encode_v2c(notification: Notification, community: str, request_id: int, up_time: int, *, inform: bool) -> bytes:
    """Return the message of a version 2c trap or inform."""
    kind = PduType.INFORM if inform else PduType.TRAP_V2
    return ber.message(Version.V2C, community.encode(), kind, pdu_v2(notification, request_id, up_time))


def _varbind_list(varbinds: Varbinds) -> bytes:
    return b"".join(ber.varbind(ber.encode_oid(oid), value) for oid, value in varbinds)
