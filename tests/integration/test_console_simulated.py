"""The session against every face of the simulator; the simulator's log of actuations is the judge."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from apcbridge.console.dialects import DialectId
from apcbridge.console.events import (
    ActuationSent,
    Event,
    GoalDone,
    GoalFailed,
    IdentityReading,
    LoadReading,
    LoggedIn,
    NetworkReading,
    Outcome,
    OutletReading,
    StatusReading,
)
from apcbridge.console.goals import (
    Configure,
    Goal,
    Logout,
    ReadConfig,
    ReadEventLog,
    ReadIdentity,
    ReadNetwork,
    ReadStatus,
    SetGateway,
    SetPduName,
    Switch,
    SwitchAll,
)
from apcbridge.console.session import Access, Credentials, SessionOptions
from apcbridge.errors import CommandRejected, PasswordChangeForced
from apcbridge.model import Action, OutletState
from apcbridge.sim.steps import STEPS
from tests.integration.console_on_simulator import Wire

READ = ReadStatus(load=False)
OFF = Switch(2, None, Action.OFF)
LOGIN = (b"\r", b"apc\r", b"apc\r")


@dataclass(frozen=True)
class Face:
    dialect: DialectId
    url: str
    access: Access = Access.MENU

    def wire(self, words: str = "") -> Wire:
        return Wire(f"{self.url}&{words}".rstrip("&"), SessionOptions(access=self.access))


FACES = [
    Face(DialectId.D0, "sim://AP9210?firmware=1.1.1"),
    Face(DialectId.D1, "sim://AP9211?firmware=2.2.0"),
    Face(DialectId.D2_OLD, "sim://AP9225?firmware=2.0.0"),
    Face(DialectId.D2_NEW, "sim://AP9225?firmware=2.2.0"),
    Face(DialectId.D3A, "sim://AP7920?firmware=2.7.3"),
    Face(DialectId.D3B, "sim://AP7920?firmware=3.7.3"),
    Face(DialectId.D3B, "sim://AP7930?firmware=3.7.3"),
    Face(DialectId.D3C, "sim://AP7920?firmware=3.7.3", Access.AUTO),
    Face(DialectId.D3C, "sim://AP7930?firmware=3.7.3", Access.AUTO),
    Face(DialectId.D4, "sim://AP7920B?firmware=6.9.6", Access.AUTO),
    Face(DialectId.D4, "sim://AP8959?firmware=6.9.6", Access.AUTO),
]
RACK_PDUS = [face for face in FACES if face.dialect in (DialectId.D3B, DialectId.D3C, DialectId.D4)]


def name(face: Face) -> str:
    return f"{face.dialect}-{face.url[6:12]}-{face.access}"


ONE_OF_EACH = [face for face in FACES if face.url[6:12] != "AP8959" and face not in (FACES[5], FACES[8])]
every_face = pytest.mark.parametrize("face", FACES, ids=name)


def done(events: list[Event]) -> GoalDone:
    assert isinstance(events[-1], GoalDone), events[-1]
    return events[-1]


def states(events: list[Event]) -> dict[int, OutletState]:
    readings = [event for event in events if isinstance(event, StatusReading)]
    return {row.number: row.state for row in readings[-1].rows}


@every_face
def test_every_goal_that_every_face_knows(face: Face) -> None:
    wire = face.wire("off=3")
    events = wire.run(READ)
    assert isinstance(events[0], LoggedIn)
    assert events[0].dialect is face.dialect
    assert [number for number, state in states(events).items() if state is OutletState.OFF] == [3]
    assert done(wire.run(OFF)).result.outcome is Outcome.CONFIRMED
    assert done(wire.run(Switch(1, None, Action.REBOOT, settle_s=20.0))).result.outcome is Outcome.CONFIRMED
    assert states(wire.run(ReadStatus()))[2] is OutletState.OFF
    assert done(wire.run(ReadIdentity()))
    assert done(wire.run(Logout()))
    assert done(wire.run(READ))
    assert [command.action.name for command in wire.pdu.log.commands()] == ["OFF", "REBOOT"]


@every_face
def test_all_outlets_at_once_through_the_item_that_says_so(face: Face) -> None:
    wire = face.wire()
    assert done(wire.run(SwitchAll(Action.OFF))).result.outcome is Outcome.CONFIRMED
    assert set(states(wire.run(READ)).values()) == {OutletState.OFF}


@pytest.mark.parametrize("face", RACK_PDUS, ids=name)
def test_settings_and_delayed_commands_of_rack_pdus(face: Face) -> None:
    wire = face.wire("on_delay=90")
    changed = Configure(2, "Outlet 2", name="a: ON", on_delay_s=60, off_delay_s=4, reboot_duration_s=7)
    assert done(wire.run(changed))
    assert done(wire.run(Switch(2, "a: ON", Action.OFF)))
    assert "pending" in done(wire.run(Switch(2, "a: ON", Action.DELAYED_ON))).result.detail
    assert done(wire.run(Switch(2, "a: ON", Action.CANCEL))).result.row is not None
    assert done(wire.run(ReadEventLog(max_pages=3)))
    assert states(wire.run(READ))[2] is OutletState.OFF


@pytest.mark.parametrize("face", RACK_PDUS, ids=name)
def test_names_the_pdu_and_moves_its_gateway(face: Face) -> None:
    wire = face.wire()
    assert done(wire.run(SetPduName("cage 4 left")))
    assert done(wire.run(SetGateway("192.168.7.9")))
    readings = [event for event in wire.run(ReadNetwork()) if isinstance(event, NetworkReading)]
    assert [reading.gateway for reading in readings] == ["192.168.7.9"]
    readings_of_name = [event for event in wire.run(ReadIdentity()) if isinstance(event, IdentityReading)]
    assert [reading.identity.name for reading in readings_of_name] == ["cage 4 left"]


def test_thresholds_are_read_rarely_and_told_with_every_load() -> None:
    wire = Wire("sim://AP8941?firmware=6.5.6")
    for goal in (READ, ReadConfig()):
        assert done(wire.run(goal))
    for _ in range(2):
        loads = [event for event in wire.run(ReadStatus()) if isinstance(event, LoadReading)]
        limits = [(load.low_a, load.near_overload_a, load.overload_a) for load in (*loads[0].phases, *loads[0].banks)]
        assert limits == [(0, 19, 24), (0, 16, 20), (0, 16, 20)]


@pytest.mark.parametrize("face", RACK_PDUS, ids=name)
def test_a_value_that_would_be_keys_is_never_typed(face: Face) -> None:
    wire = face.wire()
    for goal in (Configure(2, None, name="x\rolOff 3"), SetPduName("y\x1b"), SetGateway("1.2.3.4\rolOff 3")):
        end = wire.run(goal)[-1]
        assert isinstance(end, GoalFailed)
        assert isinstance(end.error, CommandRejected)
    assert wire.pdu.log.commands() == []


QUIRKS = [
    "crlf=two",
    "confirm=off",
    "pager_after_row=5",
    "pager_deaf_s=0.4",
    "prompt_after_logout=off",
    "trailing_blanks=off",
    "blank_after_list_title=off",
    "outlet_title_short=on",
    "screen_delay_s=2",
    "screen_delay_s=4.5",
    "group_column=Group 1",
    "page_bare=on",
    "old_row_states=on&names=nas,web: ON",
    "unasked_text=System: hello&unasked_every_s=0.7",
    "relay_lag=4",
    "cli_order=data_first",
    "cli_order=code_first",
    "cli_tabs=on",
    "cli_long_prompt=on",
    "cli_reboot_required=on",
    "dash_c=off",
    "dash_c=off&lockout_after=2",
    "names=a: ON,b > c,OFF OFF,12- ON",
    "wrong_choice=prompt",
    "bad_login_text=Login failed",
    "login_banner_extra=on",
]


@pytest.mark.parametrize("quirk", QUIRKS)
@pytest.mark.parametrize("face", ONE_OF_EACH, ids=name)
def test_no_quirk_of_a_firmware_is_in_the_way(face: Face, quirk: str) -> None:
    wire = face.wire(quirk)
    assert done(wire.run(READ))
    assert done(wire.run(OFF)).result.outcome is Outcome.CONFIRMED
    assert states(wire.run(READ))[2] is OutletState.OFF
    assert done(wire.run(ReadIdentity()))
    assert done(wire.run(Logout()))
    assert done(wire.run(READ))
    assert len(wire.pdu.log.commands()) == 1


def test_a_unit_without_a_banner_tells_who_it_is_on_its_about_screen() -> None:
    wire = Face(DialectId.D0, "sim://AP9210?firmware=1.1.1").wire("login_banner=off")
    events = wire.run(ReadIdentity())
    assert done(events)
    (told,) = (event for event in events if isinstance(event, IdentityReading))
    assert (told.identity.model, told.identity.app_version) == ("AP9210", "1.1.1")
    assert told.up_time_s is None
    assert done(wire.run(OFF))


def steps_of(face: Face) -> list[str]:
    dialect = face.wire().pdu.dialect
    known = {step for each, steps in STEPS.items() if each == dialect for step in steps}
    return sorted(known)


@pytest.mark.parametrize("fault", ["mute_at", "restart_at", "logoff_at", "garbage_at"])
@pytest.mark.parametrize("face", ONE_OF_EACH, ids=name)
def test_a_fault_at_any_step_never_acts_twice_nor_tells_a_false_state(face: Face, fault: str) -> None:
    for step in steps_of(face):
        check_one_fault(face.wire(f"boot=8&{fault}={step}:150"), survivable=fault != "mute_at")


def check_one_fault(wire: Wire, *, survivable: bool) -> None:
    wire.run(READ)
    events = wire.run(OFF)
    wire.wait(12.0)
    commands = wire.pdu.log.commands()
    assert len(commands) == len(wire.pdu.log.commands(2)) <= 1, wire.url
    end = events[-1]
    told = any(isinstance(event, ActuationSent) for event in events)
    if commands:
        assert told, wire.url
        assert isinstance(end, GoalDone) or (isinstance(end, GoalFailed) and end.actuated), wire.url
    elif isinstance(end, GoalDone):
        raise AssertionError(f"{wire.url}: done, but nothing was done")
    if survivable:
        for _ in range(4):
            events = wire.run(READ)
            if isinstance(events[-1], GoalDone):
                break
            wire.wait(1.0)
        expected = OutletState.OFF if commands else OutletState.ON
        assert states(events)[2] is expected, wire.url
    assert len(wire.pdu.log.commands()) == len(commands), wire.url


LIST = (*LOGIN, b"1\r", b"2\r", b"1\r")
ACTIONS = (*LIST, b"3\r", b"1\r")
LEFT_ON_MENUS = [
    (b"\r",),
    (b"\r", b"ap"),
    (b"\r", b"apc\r"),
    (b"\r", b"apc\r", b"ap"),
    LIST,
    (*ACTIONS, b"2"),
    (*ACTIONS, b"2\r"),
    (*ACTIONS, b"2\r", b"YES"),
    (*LIST, b"9\r", b"1\r", b"2\r", b"YES"),
    (*LOGIN, b"\x0c"),
    (*LOGIN, b"\x0c", b"D", b"YES"),
    (*LIST, b"3\r", b"2\r", b"1\r", b"newname"),
]
LEFT_ON_SHELLS = [
    LOGIN,
    (*LOGIN, b"olOff 3"),
    (*LOGIN, b"olOff 1,2,3,4,5,6,7,8"),
    (*LOGIN, b"eventlog\r"),
    (*LOGIN, b"eventlog\r", b"D", b"YES"),
    (*LOGIN, b"reboot\r", b"YES"),
    (*LOGIN, b"format\r", b"YES"),
]


@pytest.mark.parametrize(
    ("url", "left"),
    [
        *(("sim://AP7920?firmware=3.7.3", left) for left in LEFT_ON_MENUS),
        ("sim://AP7920?firmware=3.7.3", (b"\r", b"apc\r", b"apc -c\r", b"off 3")),
        *(("sim://AP7920B?firmware=6.9.6", left) for left in LEFT_ON_SHELLS),
    ],
)
def test_nothing_that_was_left_half_typed_is_executed(url: str, left: tuple[bytes, ...]) -> None:
    wire = Wire(url)
    wire.type(*left)
    wire.open()
    assert set(states(wire.run(READ)).values()) == {OutletState.ON}
    assert wire.pdu.log.commands() == []


@every_face
def test_an_outlet_user_sees_true_numbers(face: Face) -> None:
    url = f"{face.url}&off=5&outlet_user=ops:secret:2,5"
    wire = Wire(url, SessionOptions(access=face.access), Credentials("ops", "secret"))
    assert states(wire.run(READ)) == {2: OutletState.ON, 5: OutletState.OFF}
    assert done(wire.run(Switch(5, None, Action.ON))).result.outcome is Outcome.CONFIRMED
    assert [command.outlets for command in wire.pdu.log.commands()] == [(5,)]
    assert states(wire.run(READ)) == {2: OutletState.ON, 5: OutletState.ON}


def test_a_forced_password_change_is_not_typed_into() -> None:
    wire = Wire("sim://AP7920B?firmware=6.9.6&cli_force_password_change=on")
    for _ in range(2):
        end = wire.run(READ)[-1]
        assert isinstance(end, GoalFailed)
        assert isinstance(end.error, PasswordChangeForced)


def test_an_nmc3_with_its_low_version_is_told_by_its_prompt() -> None:
    events = Wire("sim://AP7920B?firmware=1.4.2.1").run(READ)
    assert isinstance(events[0], LoggedIn)
    assert events[0].dialect is DialectId.D4


@pytest.mark.parametrize("goal", [READ, Switch(2, "Outlet 2", Action.OFF)], ids=["read", "switch"])
@pytest.mark.parametrize("face", RACK_PDUS, ids=name)
def test_a_goal_takes_little_more_than_its_bytes_take_on_the_wire(face: Face, goal: Goal) -> None:
    wire = face.wire("baud=9600")
    assert done(wire.run(READ))
    carried, began = wire.carried, wire.clock.now
    assert done(wire.run(goal))
    assert wire.clock.now - began <= 1.05 * (wire.carried - carried) / 960


def test_noise_makes_no_false_state() -> None:
    for face in FACES:
        for seed, noise in enumerate(("drop=2&flip=1&insert=1", "drop=0.03&flip=0.02&insert=0.02", "drop=20&flip=1")):
            wire = face.wire(f"seed={seed}&off=3&{noise}")
            for _ in range(6):
                for event in wire.run(READ):
                    if isinstance(event, StatusReading):
                        assert [row.number for row in event.rows if row.state is OutletState.OFF] == [3], wire.url
                    assert not isinstance(event, OutletReading)
