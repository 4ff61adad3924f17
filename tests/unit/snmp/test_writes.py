"""From SET to command: what is accepted, in whose name, how often, and what every refusal is called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from apcbridge import errors
from apcbridge.commands import Arbiter, Command, CommandResult, Origin, OutletRule, PduRules
from apcbridge.errors import CommandRefused
from apcbridge.model import Action, PduStatus, Policy, Setting
from apcbridge.snmp import ber
from apcbridge.snmp.ber import ErrorStatus, PduType
from apcbridge.snmp.desk import Desk
from apcbridge.snmp.mib import MibContext
from apcbridge.snmp.powernet import (
    RPDU,
    RPDU_ALL_COMMAND,
    RPDU_COMMAND,
    RPDU_NAME,
    RPDU_OUTLET_CONFIG,
    RPDU_STATE,
    SPDU,
    SPDU_ALL_COMMAND,
    SPDU_CONTROL,
    SPDU_NAME,
    SPDU_OUTLET_CONFIG,
)
from apcbridge.snmp.settings import Access
from apcbridge.snmp.system import SYS_CONTACT, SYS_NAME, AgentCounters
from apcbridge.snmp.writes import ANSWERS_REMEMBERED, DEDUP_WINDOW_S, Asker
from tests.unit.snmp.world import NOW, Door, outlet, snapshot, status

if TYPE_CHECKING:
    from collections.abc import Mapping

Binds = list[tuple[ber.Oid, bytes]]


class Texts:
    """Keeps the strings of one PDU in memory."""

    def __init__(self, *, writable: bool = True) -> None:
        self.kept = MibContext(counters=AgentCounters())
        self._writable = writable

    def context(self, pdu: str) -> MibContext:
        assert pdu == "pdu1"
        return self.kept

    def write(self, pdu: str, texts: Mapping[str, str]) -> bool:
        assert pdu == "pdu1"
        for field, value in texts.items() if self._writable else ():
            self.kept = self.kept.with_text(field, value)
        return self._writable


class Place:
    """A desk, its door, and one asker."""

    def __init__(
        self, shown: PduStatus | None = None, refusal: CommandRefused | None = None, *, writable: bool = True
    ) -> None:
        self.door = Door(refusal)
        self.texts = Texts(writable=writable)
        self.desk = Desk(shown or status(), self.door, self.texts)
        self.asker = Asker(
            pdu="pdu1", source="127.0.0.1:5000", principal="writer", request=b"\x02\x01\x4d", now_at=1.0, now_mono=NOW
        )

    def set(
        self,
        binds: Binds,
        *,
        version: int = 1,
        access: Access = Access.WRITE,
        number: int = 77,
        asker: Asker | None = None,
    ) -> tuple[int, int]:
        """Return error-status and error-index; the varbinds must come back as they went."""
        listed = b"".join(ber.varbind(ber.encode_oid(oid), value) for oid, value in binds)
        pdu = (ber.integer(number), ber.integer(0), ber.integer(0), ber.tlv(0x30, listed))
        request = ber.decode(ber.message(version, b"operator", PduType.SET, pdu))
        asker = replace(asker or self.asker, request=request.request_id)
        answer = ber.decode(self.desk.write(request, access, asker))
        assert answer.varbinds == request.varbinds
        return answer.first, answer.second

    @property
    def done(self) -> list[tuple[int | None, Action | Setting, str | int | None]]:
        return [(c.outlet, c.action, c.value) for c in self.door.commands]


def one(value: int) -> bytes:
    return ber.integer(value)


@pytest.mark.parametrize(
    ("oid", "value", "expected"),
    [
        ((*RPDU_COMMAND, 3), one(1), (3, Action.ON, None)),
        ((*RPDU_COMMAND, 3), one(2), (3, Action.OFF, None)),
        ((*RPDU_COMMAND, 3), one(3), (3, Action.REBOOT, None)),
        ((*RPDU_COMMAND, 3), one(4), (3, Action.DELAYED_ON, None)),
        ((*RPDU_COMMAND, 3), one(5), (3, Action.DELAYED_OFF, None)),
        ((*RPDU_COMMAND, 3), one(6), (3, Action.DELAYED_REBOOT, None)),
        ((*RPDU_COMMAND, 3), one(7), (3, Action.CANCEL, None)),
        ((*SPDU_CONTROL, 8), one(1), (8, Action.ON, None)),
        ((*SPDU_CONTROL, 8), one(2), (8, Action.OFF, None)),
        ((*SPDU_CONTROL, 8), one(3), (8, Action.REBOOT, None)),
        ((*SPDU_CONTROL, 8), one(5), (8, Action.DELAYED_ON, None)),
        ((*SPDU_CONTROL, 8), one(6), (8, Action.DELAYED_OFF, None)),
        ((*SPDU_CONTROL, 8), one(7), (8, Action.DELAYED_REBOOT, None)),
        (RPDU_ALL_COMMAND, one(2), (None, Action.ON, None)),
        (RPDU_ALL_COMMAND, one(3), (None, Action.OFF, None)),
        (RPDU_ALL_COMMAND, one(4), (None, Action.REBOOT, None)),
        (RPDU_ALL_COMMAND, one(5), (None, Action.DELAYED_ON, None)),
        (RPDU_ALL_COMMAND, one(6), (None, Action.DELAYED_OFF, None)),
        (RPDU_ALL_COMMAND, one(7), (None, Action.DELAYED_REBOOT, None)),
        (RPDU_ALL_COMMAND, one(8), (None, Action.CANCEL, None)),
        (SPDU_ALL_COMMAND, one(1), (None, Action.ON, None)),
        (SPDU_ALL_COMMAND, one(2), (None, Action.DELAYED_ON, None)),
        (SPDU_ALL_COMMAND, one(3), (None, Action.OFF, None)),
        (SPDU_ALL_COMMAND, one(4), (None, Action.REBOOT, None)),
        (SPDU_ALL_COMMAND, one(5), (None, Action.DELAYED_REBOOT, None)),
        (SPDU_ALL_COMMAND, one(7), (None, Action.DELAYED_OFF, None)),
        ((*RPDU_OUTLET_CONFIG, 2, 1), ber.octets(b"nas"), (1, Setting.NAME, "nas")),
        ((*RPDU_OUTLET_CONFIG, 4, 1), one(-1), (1, Setting.ON_DELAY, -1)),
        ((*RPDU_OUTLET_CONFIG, 5, 1), one(7200), (1, Setting.OFF_DELAY, 7200)),
        ((*RPDU_OUTLET_CONFIG, 6, 1), one(60), (1, Setting.REBOOT_DURATION, 60)),
        ((*SPDU_OUTLET_CONFIG, 2, 1), one(15), (1, Setting.ON_DELAY, 15)),
        ((*SPDU_OUTLET_CONFIG, 3, 1), ber.octets(b"nas"), (1, Setting.NAME, "nas")),
        ((*SPDU_OUTLET_CONFIG, 4, 1), one(30), (1, Setting.OFF_DELAY, 30)),
        ((*SPDU_OUTLET_CONFIG, 5, 1), one(5), (1, Setting.REBOOT_DURATION, 5)),
        (RPDU_NAME, ber.octets(b"rack 7"), (None, Setting.PDU_NAME, "rack 7")),
        (SPDU_NAME, ber.octets(b"rack 7"), (None, Setting.PDU_NAME, "rack 7")),
    ],
)
@pytest.mark.parametrize("version", [0, 1])
def test_every_writable_object_becomes_its_command(
    oid: ber.Oid, value: bytes, expected: tuple[int | None, Action | Setting, str | int | None], version: int
) -> None:
    place = Place()
    assert place.set([(oid, value)], version=version) == (0, 0)
    assert place.done == [expected]


def test_a_command_says_who_asked_and_for_how_long_it_may_act() -> None:
    place = Place()
    place.set([((*RPDU_COMMAND, 3), one(2))])
    made: Command = place.door.commands[0]
    assert (made.origin, made.principal, made.pdu) == (Origin.SNMP, "writer", "pdu1")
    assert (made.received_mono, made.deadline_mono, made.dedup_window_s) == (NOW, NOW + 20.0, DEDUP_WINDOW_S)


@pytest.mark.parametrize(
    ("oid", "value", "refused", "in_v1"),
    [
        ((*RPDU_COMMAND, 3), one(8), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        ((*RPDU_COMMAND, 3), one(0), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        ((*SPDU_CONTROL, 3), one(4), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        ((*RPDU_COMMAND, 3), ber.octets(b"1"), ErrorStatus.WRONG_TYPE, ErrorStatus.BAD_VALUE),
        ((*RPDU_COMMAND, 3), ber.gauge(1), ErrorStatus.WRONG_TYPE, ErrorStatus.BAD_VALUE),
        ((*RPDU_COMMAND, 3), b"\x02\x05\x00\x80\x00\x00\x01", ErrorStatus.WRONG_ENCODING, ErrorStatus.BAD_VALUE),
        ((*RPDU_COMMAND, 9), one(1), ErrorStatus.NO_CREATION, ErrorStatus.NO_SUCH_NAME),
        ((*RPDU_COMMAND, 0), one(1), ErrorStatus.NO_CREATION, ErrorStatus.NO_SUCH_NAME),
        ((*SPDU_CONTROL, 1, 1), one(1), ErrorStatus.NO_CREATION, ErrorStatus.NO_SUCH_NAME),
        ((*RPDU_STATE, 3), one(1), ErrorStatus.NOT_WRITABLE, ErrorStatus.NO_SUCH_NAME),
        ((*SPDU, 4, 2, 1, 4, 3), ber.octets(b"nas"), ErrorStatus.NOT_WRITABLE, ErrorStatus.NO_SUCH_NAME),
        ((*RPDU, 1, 15, 0), one(230), ErrorStatus.NOT_WRITABLE, ErrorStatus.NO_SUCH_NAME),
        ((1, 3, 6, 1, 4, 1, 9, 1), one(1), ErrorStatus.NOT_WRITABLE, ErrorStatus.NO_SUCH_NAME),
        ((*RPDU_STATE, 9), one(1), ErrorStatus.NOT_WRITABLE, ErrorStatus.NO_SUCH_NAME),
        ((*SYS_CONTACT[:-1], 1), ber.octets(b"me"), ErrorStatus.NO_CREATION, ErrorStatus.NO_SUCH_NAME),
        ((*RPDU_ALL_COMMAND[:-1], 1), one(1), ErrorStatus.NO_CREATION, ErrorStatus.NO_SUCH_NAME),
        ((*RPDU_COMMAND, 3), ber.NO_SUCH_INSTANCE, ErrorStatus.WRONG_TYPE, ErrorStatus.BAD_VALUE),
        ((*RPDU_OUTLET_CONFIG, 2, 1), ber.octets(b"x" * 24), ErrorStatus.WRONG_LENGTH, ErrorStatus.BAD_VALUE),
        ((*RPDU_OUTLET_CONFIG, 2, 1), ber.octets(b"a\x1bb"), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        ((*RPDU_OUTLET_CONFIG, 2, 1), ber.octets(b""), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        ((*RPDU_OUTLET_CONFIG, 2, 1), one(1), ErrorStatus.WRONG_TYPE, ErrorStatus.BAD_VALUE),
        ((*RPDU_OUTLET_CONFIG, 4, 1), one(7201), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        ((*RPDU_OUTLET_CONFIG, 5, 1), one(-2), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        ((*RPDU_OUTLET_CONFIG, 6, 1), one(4), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        ((*RPDU_OUTLET_CONFIG, 6, 1), one(61), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
    ],
)
def test_what_does_not_fit_is_refused_and_reaches_nobody(
    oid: ber.Oid, value: bytes, refused: ErrorStatus, in_v1: ErrorStatus
) -> None:
    for version, expected in ((0, in_v1), (1, refused)):
        place = Place()
        assert place.set([(oid, value)], version=version) == (expected, 1)
        assert place.done == []


@pytest.mark.parametrize(
    ("refusal", "expected", "in_v1"),
    [
        (errors.UnknownOutlet("x"), ErrorStatus.NO_CREATION, ErrorStatus.NO_SUCH_NAME),
        (errors.NotPermitted("x"), ErrorStatus.NO_ACCESS, ErrorStatus.NO_SUCH_NAME),
        (errors.Stale("x"), ErrorStatus.GEN_ERR, ErrorStatus.GEN_ERR),
        (errors.QueueFull("x"), ErrorStatus.RESOURCE_UNAVAILABLE, ErrorStatus.GEN_ERR),
        (errors.TooSoon("x"), ErrorStatus.INCONSISTENT_VALUE, ErrorStatus.BAD_VALUE),
        (errors.MalformedCommand("x"), ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        (errors.UnknownPdu("x"), ErrorStatus.GEN_ERR, ErrorStatus.GEN_ERR),
        (CommandRefused("x"), ErrorStatus.GEN_ERR, ErrorStatus.GEN_ERR),
    ],
)
def test_refusals_of_the_arbiter_have_their_names(
    refusal: CommandRefused, expected: ErrorStatus, in_v1: ErrorStatus
) -> None:
    for version, error in ((0, in_v1), (1, expected)):
        assert Place(refusal=refusal).set([((*RPDU_COMMAND, 3), one(2))], version=version) == (error, 1)


def test_one_bad_varbind_keeps_all_from_acting() -> None:
    place = Place()
    binds = [((*RPDU_COMMAND, 1), one(2)), ((*RPDU_COMMAND, 2), one(2)), ((*RPDU_COMMAND, 9), one(2))]
    assert place.set(binds) == (ErrorStatus.NO_CREATION, 3)
    assert place.done == []


def test_several_outlets_in_one_request_each_get_their_command() -> None:
    place = Place()
    assert place.set([((*RPDU_COMMAND, n), one(2)) for n in (1, 2, 3)]) == (0, 0)
    assert place.done == [(n, Action.OFF, None) for n in (1, 2, 3)]
    assert len({c.id for c in place.door.commands}) == 3


@pytest.mark.parametrize(
    "binds",
    [
        [((*RPDU_COMMAND, 1), one(2)), ((*SPDU_CONTROL, 1), one(1))],
        [((*RPDU_COMMAND, 1), one(1)), (RPDU_ALL_COMMAND, one(3))],
        [(SPDU_ALL_COMMAND, one(3)), ((*RPDU_COMMAND, 1), one(1))],
        [(SPDU_ALL_COMMAND, one(3)), (RPDU_ALL_COMMAND, one(2))],
        [(SYS_CONTACT, ber.octets(b"a")), (SYS_CONTACT, ber.octets(b"b"))],
    ],
)
def test_one_request_may_not_ask_twice_for_the_same_thing(binds: Binds) -> None:
    place = Place()
    assert place.set(binds) == (ErrorStatus.INCONSISTENT_VALUE, 2)
    assert place.done == []


def test_no_command_is_granted_and_does_nothing() -> None:
    place = Place()
    assert place.set([(RPDU_ALL_COMMAND, one(1)), (SPDU_NAME, ber.octets(b"x"))]) == (0, 0)
    assert place.set([(SPDU_ALL_COMMAND, one(6))], number=78) == (0, 0)
    assert place.done == [(None, Setting.PDU_NAME, "x")]


def test_a_reader_sets_nothing() -> None:
    for version, error in ((0, ErrorStatus.NO_SUCH_NAME), (1, ErrorStatus.NO_ACCESS)):
        place = Place()
        assert place.set([((*RPDU_COMMAND, 3), one(2))], access=Access.READ, version=version) == (error, 1)
        assert place.done == []
        assert place.texts.kept.counters.bad_community_uses == 1


def test_a_pdu_that_was_never_read_is_not_switched() -> None:
    place = Place(status(read=False))
    assert place.set([((*RPDU_COMMAND, 3), one(2))]) == (ErrorStatus.GEN_ERR, 1)
    assert place.done == []


def test_a_repetition_acts_once_and_is_answered_alike() -> None:
    place = Place()
    for age in (0.0, 1.0, DEDUP_WINDOW_S - 0.1):
        later = replace(place.asker, now_mono=NOW + age)
        assert place.set([((*RPDU_COMMAND, 3), one(3))], asker=later) == (0, 0)
    assert place.done == [(3, Action.REBOOT, None)]
    assert place.texts.kept.counters.repeated_sets == 2


def test_a_refused_request_stays_refused_when_it_is_repeated() -> None:
    place = Place(refusal=errors.Stale("x"))
    place.set([((*RPDU_COMMAND, 3), one(3))])
    place.door.refusal = None
    assert place.set([((*RPDU_COMMAND, 3), one(3))]) == (ErrorStatus.GEN_ERR, 1)
    assert place.done == []


@pytest.mark.parametrize("difference", ["request", "source", "principal", "value", "time"])
def test_another_request_is_no_repetition(difference: str) -> None:
    place = Place()
    place.set([((*RPDU_COMMAND, 3), one(2))])
    asker = place.asker
    if difference == "source":
        asker = replace(asker, source="127.0.0.1:5001")
    elif difference == "principal":
        asker = replace(asker, principal="other")
    elif difference == "time":
        asker = replace(asker, now_mono=NOW + DEDUP_WINDOW_S + 1)
    value = 1 if difference == "value" else 2
    number = 78 if difference == "request" else 77
    assert place.set([((*RPDU_COMMAND, 3), one(value))], number=number, asker=asker) == (0, 0)
    assert len(place.door.commands) == 2


def test_when_no_answer_may_be_forgotten_new_requests_are_refused() -> None:
    place = Place()
    for number in range(ANSWERS_REMEMBERED):
        place.set([((*RPDU_COMMAND, 3), one(2))], number=number)
    assert place.set([((*RPDU_COMMAND, 3), one(2))], number=99_999) == (ErrorStatus.RESOURCE_UNAVAILABLE, 1)
    assert place.set([((*RPDU_COMMAND, 3), one(2))], number=0) == (0, 0)
    assert len(place.door.commands) == ANSWERS_REMEMBERED


def test_system_texts_are_kept_or_refused() -> None:
    place = Place()
    assert place.set([(SYS_CONTACT, ber.octets(b"noc")), (SYS_NAME, ber.octets(b"rack"))]) == (0, 0)
    assert (place.texts.kept.contact, place.texts.kept.name) == ("noc", "rack")
    assert Place(writable=False).set([(SYS_CONTACT, ber.octets(b"noc"))]) == (ErrorStatus.RESOURCE_UNAVAILABLE, 1)


def test_nothing_is_switched_when_a_text_cannot_be_kept() -> None:
    place = Place(writable=False)
    binds = [((*RPDU_COMMAND, 3), one(2)), (SYS_CONTACT, ber.octets(b"noc"))]
    assert place.set(binds) == (ErrorStatus.RESOURCE_UNAVAILABLE, 2)
    assert place.done == []


def test_no_text_is_kept_when_a_command_is_refused() -> None:
    place = Place(refusal=errors.NotPermitted("x"))
    binds = [(SYS_CONTACT, ber.octets(b"noc")), ((*RPDU_COMMAND, 3), one(2))]
    assert place.set(binds) == (ErrorStatus.NO_ACCESS, 2)
    assert place.texts.kept.contact is None


def test_errors_are_counted_as_they_are_told() -> None:
    place = Place()
    place.set([((*RPDU_COMMAND, 9), one(2))], version=0)
    place.set([((*RPDU_COMMAND, 3), one(9))], version=0, number=78)
    place.set([((*RPDU_COMMAND, 3), one(9))], version=1, number=79)
    get = ber.message(1, b"c", PduType.GET, (one(1), one(0) * 2, ber.tlv(0x30, ber.varbind(b"\x2b", ber.NULL_VALUE))))
    place.desk.update(status(read=False))
    state = ber.varbind(ber.encode_oid((*RPDU_STATE, 3)), ber.NULL_VALUE)
    stale = ber.message(1, b"c", PduType.GET, (one(1), one(0) * 2, ber.tlv(0x30, state)))
    for request in (get, stale):
        place.desk.read(ber.decode(request), NOW)
    counted = [place.desk.table.find(ber.encode_oid((1, 3, 6, 1, 2, 1, 11, n, 0))) for n in (20, 21, 22, 24)]
    shown = [place.desk.table.varbind(row, NOW) for row in counted if row is not None]
    assert [found[-1] for found in shown if found] == [0, 1, 1, 1]


class ArbitersDoor:
    """The real rules behind the desk."""

    def __init__(self, rules: PduRules, shown: PduStatus) -> None:
        self.results: list[CommandResult] = []
        self.arbiter = Arbiter({"pdu1": rules}, self.results.append)
        self._shown = shown

    def examine(self, command: Command, ahead: int = 0) -> None:
        self.arbiter.examine(command, self._shown, NOW, ahead)

    def submit(self, command: Command) -> CommandResult:
        return self.arbiter.submit(command, self._shown, NOW, 1.0)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (PduRules(outlets={2: OutletRule(policy=Policy.NO_OFF)}), (ErrorStatus.NO_ACCESS, 2)),
        (PduRules(queue_limit=2), (ErrorStatus.RESOURCE_UNAVAILABLE, 3)),
        (PduRules(), (0, 0)),
    ],
)
def test_several_outlets_are_switched_all_or_none(rules: PduRules, expected: tuple[int, int]) -> None:
    place = Place()
    door = ArbitersDoor(rules, status())
    place.desk = Desk(status(), door, place.texts)
    assert place.set([((*RPDU_COMMAND, n), one(2)) for n in (1, 2, 3)]) == expected
    assert len(door.arbiter.unfinished("pdu1")) == (3 if expected == (0, 0) else 0)


def test_switching_all_outlets_is_up_to_the_rules() -> None:
    place = Place()
    for bulk, expected in ((frozenset[Origin](), (ErrorStatus.NO_ACCESS, 1)), (frozenset({Origin.SNMP}), (0, 0))):
        place.desk = Desk(status(), ArbitersDoor(PduRules(bulk_origins=bulk), status()), place.texts)
        assert place.set([(RPDU_ALL_COMMAND, one(3))]) == expected


def test_a_confirmed_setting_is_served_until_a_reading_tells() -> None:
    shown = snapshot(outlets=1)
    untold = status(replace(shown, outlets=(outlet(1, reboot_duration_s=None),)))
    place, duration = Place(untold), ber.encode_oid((*RPDU_OUTLET_CONFIG, 6, 1))

    def served() -> bytes | None:
        row = place.desk.table.find(duration)
        assert row is not None
        return place.desk.table.varbind(row, NOW)

    assert served() == ber.varbind(duration, one(5))
    place.set([((*RPDU_OUTLET_CONFIG, 6, 1), one(20))])
    assert served() == ber.varbind(duration, one(5))
    place.desk.confirm(place.door.commands[0])
    assert served() == ber.varbind(duration, one(20))
    place.desk.update(status(replace(shown, outlets=(outlet(1, reboot_duration_s=30),))))
    assert served() == ber.varbind(duration, one(30))
