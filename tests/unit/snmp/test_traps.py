"""Which notification tells what, with which varbinds, and how it looks in version 1."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pyasn1.codec.ber import decoder
from pysnmp.proto.api import v1, v2c

from apcbridge.commands import Command, CommandResult, Origin, ResultStatus
from apcbridge.model import Action, Event, EventType, LinkState, Load, LoadState, PduStatus, Setting
from apcbridge.snmp import ber, traps
from apcbridge.snmp.traps import Notification
from tests.unit.snmp.world import NOW, load, snapshot, status

if TYPE_CHECKING:
    from apcbridge.snmp.ber import Oid

ROOT: Oid = (1, 3, 6, 1, 4, 1, 55555)
APC: Oid = (1, 3, 6, 1, 4, 1, 318)
STATUS = status()


def event(kind: EventType, **details: str | float | None) -> Event:
    return Event(id="e", pdu="pdu1", type=kind, at=1_700_000_000.0, details=details)


def names(notifications: tuple[Notification, ...]) -> list[Oid]:
    return [notification.oid for notification in notifications]


def told(kind: EventType, **details: str | float | None) -> tuple[Notification, ...]:
    return traps.of_event(event(kind, **details), STATUS, ROOT, 3)


def values(notification: Notification) -> dict[Oid, bytes]:
    return dict(notification.varbinds)


def test_an_outlet_that_changed_is_told_in_the_words_of_both_trees() -> None:
    on = told(EventType.OUTLET_CHANGED, outlet=3, name="nas", state="ON", command_id="x")
    off = told(EventType.OUTLET_CHANGED, outlet=3, name="nas", state="OFF", command_id=None)
    assert names(on) == [(*APC, 0, 268), (*APC, 0, 41)]
    assert names(off) == [(*APC, 0, 269), (*APC, 0, 42)]
    assert [oid for oid, _ in on[0].varbinds] == [
        (*APC, 1, 1, 12, 1, 6, 0),
        (*APC, 1, 1, 12, 1, 1, 0),
        (*APC, 1, 1, 12, 3, 3, 1, 1, 1, 0),
        (*APC, 1, 1, 12, 3, 3, 1, 1, 2, 0),
        (*APC, 2, 3, 3, 0),
    ]
    assert values(off[0])[(*APC, 1, 1, 12, 3, 3, 1, 1, 1, 0)] == ber.integer(3)
    assert values(off[1])[(*APC, 2, 3, 1, 0)] == ber.integer(3)


def test_the_line_is_the_cards_communication() -> None:
    assert names(told(EventType.LINK_LOST, reason="cable")) == [(*APC, 0, 267), (*ROOT, 0, 3)]
    assert names(told(EventType.LINK_RESTORED)) == [(*APC, 0, 266), (*ROOT, 0, 4)]
    assert values(told(EventType.LINK_LOST, reason="cable")[1])[(*ROOT, 1, 2, 3, 0)] == ber.text("cable")


@pytest.mark.parametrize(
    ("kind", "cause", "standard", "number"),
    [
        (EventType.WATCHDOG_REBOOT, "watchdog", 2, 1),
        (EventType.POWER_REBOOT, "power", 1, 2),
        (EventType.REQUESTED_REBOOT, "requested", 2, 3),
        (EventType.UNKNOWN_REBOOT, "unknown", 2, 4),
    ],
)
def test_a_restart_is_told_as_the_card_would_and_with_its_cause(
    kind: EventType, cause: str, standard: int, number: int
) -> None:
    notifications = told(kind, at=1.0, cause=cause, evidence="up time went back")
    assert names(notifications) == [(1, 3, 6, 1, 6, 3, 1, 1, 5, standard), (*ROOT, 0, 1)]
    assert values(notifications[1])[(*ROOT, 1, 3, 5, 0)] == ber.integer(number)
    assert values(notifications[1])[(*ROOT, 1, 3, 6, 0)] == ber.text("up time went back")


def test_a_lost_command_is_told_with_its_outlet_and_the_count() -> None:
    (notification,) = told(EventType.PENDING_LOST, outlet=4, action="DELAYED_ON", command_id="c")
    assert notification.oid == (*ROOT, 0, 2)
    assert values(notification)[(*ROOT, 1, 4, 3, 0)] == ber.gauge(4)
    assert values(notification)[(*ROOT, 1, 4, 2, 0)] == ber.counter(3)


def test_an_overload_is_told_by_the_loads_not_by_the_event() -> None:
    assert told(EventType.OVERLOAD, where="phase 1") == ()


def loaded(*, phases: tuple[Load, ...] = (), banks: tuple[Load, ...] = ()) -> PduStatus:
    return status(snapshot(phases=phases, banks=banks))


@pytest.mark.parametrize(
    ("before", "after", "numbers"),
    [
        (LoadState.NORMAL, LoadState.NORMAL, ()),
        (LoadState.NORMAL, LoadState.LOW, (0,)),
        (LoadState.LOW, LoadState.NORMAL, (1,)),
        (LoadState.NORMAL, LoadState.NEAR_OVERLOAD, (2,)),
        (LoadState.NEAR_OVERLOAD, LoadState.OVERLOAD, (3, 4)),
        (LoadState.OVERLOAD, LoadState.NORMAL, (5,)),
    ],
)
def test_loads_tell_what_they_enter_and_leave(before: LoadState, after: LoadState, numbers: tuple[int, ...]) -> None:
    old, new = load(1, 50, state=before), load(1, 50, state=after)
    of_phase = traps.of_loads(loaded(phases=(old,)).snapshot, loaded(phases=(new,)))
    assert names(of_phase) == [(*APC, 0, 272 + number) for number in numbers]
    of_bank = traps.of_loads(loaded(banks=(old,)).snapshot, loaded(banks=(new,)))
    assert names(of_bank) == [(*APC, 0, 222 + number) for number in numbers]
    assert all((*APC, 1, 1, 12, 2, 3, 1, 1, 5, 0) in values(notification) for notification in of_bank)


def test_a_load_that_is_abnormal_at_first_sight_is_told() -> None:
    current = loaded(phases=(load(1, 130, state=LoadState.OVERLOAD),))
    assert names(traps.of_loads(None, current)) == [(*APC, 0, 276)]
    assert traps.of_loads(None, status(read=False)) == ()


def result(action: Action | Setting, outlet: int | None, end: ResultStatus = ResultStatus.CONFIRMED) -> CommandResult:
    command = Command(
        id="c",
        origin=Origin.MQTT,
        principal="p",
        pdu="pdu1",
        outlet=outlet,
        action=action,
        received_at=0.0,
        received_mono=0.0,
        deadline_mono=1.0,
    )
    return CommandResult(command=command, status=end, detail="", at=0.0)


@pytest.mark.parametrize(
    ("action", "outlet", "number"),
    [
        (Action.CANCEL, 3, 283),
        (Action.REBOOT, 3, 43),
        (Setting.NAME, 3, 271),
        (Setting.ON_DELAY, 3, 271),
        (Setting.PDU_NAME, None, 270),
        (Action.ON, 3, None),
        (Action.OFF, None, None),
    ],
)
def test_commands_that_change_no_state_are_told_when_they_are_confirmed(
    action: Action | Setting, outlet: int | None, number: int | None
) -> None:
    expected = [] if number is None else [(*APC, 0, number)]
    assert names(traps.of_result(result(action, outlet), STATUS)) == expected
    for end in (ResultStatus.ACCEPTED, ResultStatus.UNKNOWN, ResultStatus.FAILED, ResultStatus.REFUSED):
        assert traps.of_result(result(action, outlet, end), STATUS) == ()


def test_the_time_stamp_is_the_cards_up_time_or_nothing() -> None:
    assert traps.up_time_hundredths(STATUS, NOW) == 360_000
    assert traps.up_time_hundredths(status(read=False), NOW) == 0
    assert traps.up_time_hundredths(status(link=LinkState.LOST), NOW) == 0


@pytest.mark.parametrize(
    ("oid", "enterprise", "generic", "specific"),
    [
        (traps.COLD_START.oid, (*APC, 1, 3, 4, 5), 0, 0),
        (traps.WARM_START.oid, (*APC, 1, 3, 4, 5), 1, 0),
        (traps.AUTHENTICATION_FAILURE.oid, (*APC, 1, 3, 4, 5), 4, 0),
        ((*APC, 0, 269), APC, 6, 269),
        ((*ROOT, 0, 1), ROOT, 6, 1),
    ],
)
def test_version_1_names_it_by_enterprise_and_numbers(oid: Oid, enterprise: Oid, generic: int, specific: int) -> None:
    varbinds = ((ROOT, ber.integer(5)),)
    encoded = traps.encode_v1(Notification(oid, varbinds), "monitor", bytes((192, 0, 2, 1)), 777)
    message, rest = decoder.decode(encoded, asn1Spec=v1.Message())
    assert not rest
    pdu = v1.apiMessage.get_pdu(message)
    assert tuple(v1.apiTrapPDU.get_enterprise(pdu)) == enterprise
    assert int(v1.apiTrapPDU.get_generic_trap(pdu)) == generic
    assert int(v1.apiTrapPDU.get_specific_trap(pdu)) == specific
    assert v1.apiTrapPDU.get_agent_address(pdu).prettyPrint() == "192.0.2.1"
    assert int(v1.apiTrapPDU.get_timestamp(pdu)) == 777
    assert [(tuple(name), int(value)) for name, value in v1.apiTrapPDU.get_varbinds(pdu)] == [(ROOT, 5)]


@pytest.mark.parametrize("inform", [False, True])
def test_version_2c_puts_up_time_and_name_first(inform: bool) -> None:  # drawn by pytest
    encoded = traps.encode_v2c(traps.WARM_START, "monitor", 99, 777, inform=inform)
    message, rest = decoder.decode(encoded, asn1Spec=v2c.Message())
    assert not rest
    pdu = v2c.apiMessage.get_pdu(message)
    assert pdu.tagSet == (v2c.InformRequestPDU if inform else v2c.TrapPDU).tagSet
    varbinds = [(tuple(name), value) for name, value in v2c.apiPDU.get_varbinds(pdu)]
    assert varbinds[0] == ((1, 3, 6, 1, 2, 1, 1, 3, 0), 777)
    assert varbinds[1] == ((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0), (1, 3, 6, 1, 6, 3, 1, 1, 5, 2))


def test_every_text_of_a_hostile_name_is_printable() -> None:
    hostile = replace(STATUS, pdu="x")
    (notification, _) = traps.of_event(
        event(EventType.OUTLET_CHANGED, outlet=1, name="a\x1b[2J\u00e9", state="ON"), hostile, ROOT, 0
    )
    assert values(notification)[(*APC, 1, 1, 12, 3, 3, 1, 1, 2, 0)] == ber.octets(b"a?[2J?")
