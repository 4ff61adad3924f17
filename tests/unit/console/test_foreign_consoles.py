"""Consoles that nobody has seen yet: the session reads them by their words, or refuses."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, repeat

import pytest

from apcbridge.console.events import ActuationSent, Event, GoalDone, GoalFailed, Outcome, SessionLost, StatusReading
from apcbridge.console.goals import Logout, ReadIdentity, ReadStatus, Switch
from apcbridge.console.session import Access, Credentials, Session, SessionOptions
from apcbridge.errors import TableIncomplete
from apcbridge.model import Action
from tests.unit.console.foreign import ACTIONS, ForeignConsole, Manner, dashes_to_79
from tests.unit.console.foreign_shell import Accent, ForeignShell
from tests.unit.console.peer import Driver

READ = ReadStatus(load=False)
NAMES = ["web", "db: ON", "a b  c", "OFF-site", "nas > x", "12- ON", "rack  ON  bbbbbbbbbbbbb", "x" * 23]
PLAIN = Manner()
AOS_2 = replace(
    PLAIN,
    manager=(
        "Phase Monitor/Configuration",
        "Outlet Restriction Configuration",
        "Outlet Control/Configuration",
        "Power Supply Status",
    ),
)


def prose(label: str, number: int, name: str) -> list[str]:
    verb = {"ON": "turn on", "OFF": "turn off", "REBOOT": "reboot"}[ACTIONS[label]]
    return [f"This command will {verb} power to", f"outlet {number} ({name})."]


def verbose(label: str, number: int, name: str) -> list[str]:
    return [f"{label} : Outlet {number}", "", f"Outlet {number} named '{name}'", "will change state. Are you sure?"]


def quoted(label: str, number: int, name: str) -> list[str]:
    return [f'{label} of outlet "{name}"', "Load equipment may lose power."]


def bare(label: str, number: int, name: str) -> list[str]:
    return []


MANNERS = {
    "plain": PLAIN,
    "no echo": replace(PLAIN, echo=False),
    "echo of whole lines": replace(PLAIN, echo_lines=True),
    "lf cr": replace(PLAIN, eol="\n\r"),
    "lf only": replace(PLAIN, eol="\n"),
    "no blank lines": replace(PLAIN, blanks=(0, 0, 0)),
    "many blank lines": replace(PLAIN, blanks=(3, 2, 3)),
    "padded lines": replace(PLAIN, pad=79),
    "short dashes": replace(PLAIN, title=lambda text: f"------- {text} -------"),
    "long dashes": replace(PLAIN, title=lambda text: f"-------- {text} ".ljust(80, "-")),
    "long title": replace(PLAIN, list_title="Outlet Control/Configuration"),
    "list under another title": replace(PLAIN, list_title="Switched Outlets"),
    "prompt without blank": replace(PLAIN, prompt=">"),
    "help in the footer": replace(PLAIN, footer="     ?- Help, <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log"),
    "log not in the footer": replace(
        PLAIN, footer="     <ESC>- Back, <ENTER>- Refresh", main_footer="     <ESC>- Main Menu, <ENTER>- Refresh"
    ),
    "another key in the footer": replace(
        PLAIN, footer="     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log, <CTRL-D>- Device Manager"
    ),
    "footer not indented": replace(PLAIN, footer="<ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log"),
    "pager on every screen": replace(PLAIN, page=9),
    "pager with line feed": replace(PLAIN, page=12, after_pager="\r\n"),
    "pager before the prompt": replace(PLAIN, page=15),
    "other order": replace(
        PLAIN,
        main=("System", "Network", "Logout", "Device Manager"),
        manager=("Power Supply Status", "Environment", "Outlet Management", "Bank Monitor"),
        management=("Outlet Restriction", "Outlet Groups", "Outlet Control/Configuration"),
        outlet_items=("Configure Outlet", "Schedule Outlet", "Control Outlet"),
        actions=(
            "Cancel",
            "Delayed Reboot",
            "Delayed Off",
            "Delayed On",
            "Immediate Reboot",
            "Immediate Off",
            "Immediate On",
        ),
    ),
    "load management": replace(PLAIN, manager=("Load Management", "Outlet Management", "Power Supply Status", "About")),
    "padded actions": replace(PLAIN, actions=tuple(f"{label:<26}" for label in PLAIN.actions)),
    "prose confirmation": replace(PLAIN, confirm=prose),
    "verbose confirmation": replace(PLAIN, confirm=verbose),
    "quoting confirmation": replace(PLAIN, confirm=quoted),
    "bare confirmation": replace(PLAIN, confirm=bare),
    "confirmation at the margin": replace(PLAIN, ask="Enter 'YES' to continue or <ENTER> to cancel: "),
    "no pager after success": replace(PLAIN, pager_after_success=False),
    "success at the margin": replace(PLAIN, success="Command successfully issued."),
    "ctrl-c ignored": replace(PLAIN, ctrl_c=False),
    "wider names": replace(PLAIN, row="{:6d}- {:<32}{}".format),
    "numbers at the margin": replace(PLAIN, row="{:2d}- {:<25}{}".format),
    "padded states": replace(PLAIN, row="{:6d}- {:<25}{:<6}".format),
    "states in mixed case": replace(PLAIN, row=lambda n, name, state: f"{n:6d}- {name:<25}{state.capitalize()}"),
    "outlet groups behind the states": replace(PLAIN, row="{:6d}- {:<25}{:<6}Group A".format),
    "some groups behind the states": replace(
        PLAIN, row=lambda n, name, state: f"{n:6d}- {name:<25}{state:<6}{'Global Outlet' if n < 4 else ''}"
    ),
    "a group behind one state": replace(
        PLAIN, row=lambda n, name, state: f"{n:6d}- {name:<25}{state:<6}{'Global Outlet' if n == 3 else ''}"
    ),
    "pager in other words": replace(PLAIN, page=9, pager="Press <ENTER> to continue ..."),
    "pager like that of other makers": replace(PLAIN, page=9, pager="-- More --"),
    "pager without its dots": replace(PLAIN, page=9, pager="        Press <ENTER> to continue"),
    "back to the control console after success": replace(PLAIN, back_to_main=True),
    "padding after line ends": replace(PLAIN, eol="\r\n\0"),
    "bell before the prompt": replace(PLAIN, prompt="\x07> "),
    "colours": replace(
        PLAIN,
        row=lambda n, name, state: f"{n:6d}- {name:<25}\x1b[1;3{1 if state == 'OFF' else 2}m{state}\x1b[0m",
        prompt="\x1b[0m> ",
    ),
    "cleared screens": replace(PLAIN, title=lambda text: "\x1b[2J\x1b[1;1H" + dashes_to_79(text)),
    "cr cr lf": replace(PLAIN, eol="\r\r\n"),
    "title without dashes behind": replace(PLAIN, title=lambda text: f"------- {text}"),
    "footer in another order": replace(PLAIN, footer="     <ENTER>- Refresh, <ESC>- Back"),
    "footer on two lines": replace(PLAIN, footer="     ?- Help, <ESC>- Back,\r\n     <ENTER>- Refresh"),
    "other labels on the page": replace(
        PLAIN,
        block=lambda number, name, state: [
            f"        Outlet Name   : {name}",
            f"        Outlet #      : {number}",
            f"        Outlet Status : {state}",
        ],
    ),
    "heading over the rows": replace(PLAIN, heading=("     Outlet Name                 State",)),
    "heading and no master": replace(
        AOS_2, master=None, heading=("     Outlet Name                 State", "     Bank 1")
    ),
    "items behind the rows": replace(PLAIN, more=("Outlet Groups", "Schedules")),
    "items and no master": replace(AOS_2, master=None, more=("Outlet Groups",)),
    "all outlets": replace(PLAIN, master="All Outlets"),
    "shouting confirmation": replace(
        PLAIN, confirm=lambda label, number, name: [label.upper(), f"OUTLET {number} NAMED '{name}'"]
    ),
    "wrapped confirmation": replace(
        PLAIN,
        confirm=lambda label, number, name: [label, "This command will act on outlet", f"{number} named", f"'{name}'"],
    ),
    "aos 2": AOS_2,
    "aos 2 without master": replace(AOS_2, master=None),
    "aos 3 without master": replace(PLAIN, master=None),
    "title of number and name": replace(PLAIN, outlet_title="Outlet {}: {}".format),
    "title control outlet": replace(PLAIN, outlet_title=lambda number, _: f"Control Outlet {number}"),
    "more in the block": replace(
        PLAIN,
        block=lambda number, name, state: [
            f"        Name         : {name}",
            f"        Outlet       : {number}",
            f"        State        : {state}",
            "        Bank         : 1",
            "        Power On Delay(sec)  : 0",
        ],
    ),
    "narrow block": replace(
        PLAIN,
        block=lambda number, name, state: [f" Name: {name}", f" Outlet: {number}", f" State: {state}"],
    ),
}
SWITCH_BANNER = (
    "American Power Conversion               Web/SNMP Management Card AOS     v3.0.3",
    "(c) Copyright 2000 All Rights Reserved  MasterSwitch APP                 v2.2.0",
    "-" * 79,
    "Name    : Unknown                       Date    : 01/02/2003",
    "Contact : Unknown                       Time    : 01:02:03",
    "Location: Unknown                       Up Time : 0 Days 0 Hours 1 Minute",
    "Status  : P+ N+ A-                      User    : Administrator",
)
MASTERSWITCH = replace(
    PLAIN,
    banner=SWITCH_BANNER,
    manager=(),
    list_title="Device Manager",
    footer="     <ESC>- Back, <ENTER>- Refresh",
    main_footer="     <ESC>- Main Menu, <ENTER>- Refresh",
    outlet_items=("Outlet Control", "Outlet Configuration"),
    actions=("Immediate On", "Immediate Off", "Immediate Reboot"),
)
PLUS = replace(
    MASTERSWITCH,
    banner=(
        *SWITCH_BANNER[:1],
        SWITCH_BANNER[1].replace("MasterSwitch APP     ", "MasterSwitch plus APP"),
        *SWITCH_BANNER[2:],
        "",
        "MS plus 1 : Serial Communication Established",
    ),
    row=lambda number, name, state: f"{number:6d}- Outlet 1:{number}  {name:<23} {state}",
    outlet_title=lambda number, name: f"Outlet 1:{number} {name}",
    outlet_items=("Outlet Control 1:{}", "Outlet Configuration 1:{}"),
    block=lambda _, name, state: [f"        Outlet Name  : {name}", f"        Outlet State : {state}"],
    actions=("Immediate On", "Delayed On", "Immediate Off", "Immediate Reboot", "Cancel Pending Commands"),
    success="        Success",
)
FIRST = replace(
    MASTERSWITCH,
    banner=SWITCH_BANNER[:2],
    main=("Outlet Manager", "Network", "System", "Logout"),
    list_title="Outlet Manager",
    outlet_items=("Control of Outlet", "Configuration of Outlet"),
    actions=("Turn Outlet On", "Turn Outlet Off", "Reboot Outlet"),
    success="        Outlet command issued successfully!",
    row=lambda number, name, state: f"{number:6d}- {name}:{state}",
    block=lambda number, name, state: [
        f"        Device Name  : {name}",
        f"        Device Number: {number}",
        f"        Device State : {state}",
    ],
)
MANNERS |= {
    "masterswitch": MASTERSWITCH,
    "masterswitch without confirmation": replace(MASTERSWITCH, confirm=None),
    "masterswitch without number on the page": replace(
        MASTERSWITCH,
        block=lambda _, name, state: [f"        Name         : {name}", f"        State        : {state}"],
    ),
    "masterswitch, terse": replace(MASTERSWITCH, confirm=None, echo=False, blanks=(0, 0, 0), pager_after_success=False),
    "masterswitch, straight to the actions": replace(MASTERSWITCH, outlet_items=()),
    "first masterswitch": replace(
        MASTERSWITCH,
        banner=SWITCH_BANNER[:2],
        main=("Outlet Manager", "Network", "System", "Logout"),
        list_title="Outlet Manager",
        outlet_items=("Control of Outlet", "Configuration of Outlet"),
        actions=("Turn Outlet On", "Turn Outlet Off", "Reboot Outlet"),
        success="        Outlet command issued successfully!",
    ),
    "masterswitch without anything on the page": replace(MASTERSWITCH, block=lambda *_: []),
    "masterswitch with the state alone on the page": replace(
        MASTERSWITCH, block=lambda _number, _name, state: [f"        State        : {state}"]
    ),
    "masterswitch back at the control console": replace(MASTERSWITCH, confirm=None, back_to_main=True),
    "first masterswitch, rows of names and states": FIRST,
    "first masterswitch, nothing on the page": replace(FIRST, block=lambda *_: []),
    "plus, units first": replace(
        PLUS, manager=("MasterSwitch plus 1", "MasterSwitch plus 2"), list_title="MasterSwitch plus 1"
    ),
    "plus, outlets first": replace(
        PLUS,
        row=lambda number, name, state: f"{number:6d}- Outlet 1:{number}  {name:<23} {state:<10}Graceful Shutdown",
    ),
    "plus, ragged": replace(PLUS, row=lambda number, name, state: f"{number:6d}- Outlet 1:{number}  {name}  {state}"),
    "plus, one-digit items": replace(
        PLUS, row=lambda number, name, state: f"  {number}- Outlet 1:{number}  {name:<24}{state}  Annunciator "
    ),
}
manners = pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)


def driver(console: ForeignConsole | ForeignShell, access: Access = Access.MENU, *, drip: bool = False) -> Driver:
    session = Session(Credentials("apc", "apc"), SessionOptions(access=access))
    return Driver(session, console, cuts=cycle([1, 3, 1, 17]) if drip else repeat(10_000))


def states(events: list[Event]) -> list[tuple[int, str, str]]:
    assert isinstance(events[-1], GoalDone), events[-1]
    readings = [event for event in events if isinstance(event, StatusReading)]
    return [(row.number, row.name, row.state.value) for row in readings[-1].rows]


@manners
def test_reads_and_switches(manner: Manner) -> None:
    for drip in (False, True):
        console = ForeignConsole(manner, NAMES)
        console.states[3] = "OFF"
        run = driver(console, drip=drip)
        expected = [(number, NAMES[number - 1], state) for number, state in console.states.items()]
        assert states(run.run(READ)) == expected
        assert states(run.run(READ)) == expected
        end = run.run(Switch(2, "db: ON", Action.OFF))[-1]
        assert isinstance(end, GoalDone), end
        assert end.result.outcome is Outcome.CONFIRMED
        assert console.log == [(2, "OFF")]
        assert states(run.run(READ))[1][2] == "OFF"
        assert isinstance(run.run(Logout())[-1], GoalDone)
        assert states(run.run(READ))[1][2] == "OFF"
        assert isinstance(run.run(Switch(6, "12- ON", Action.REBOOT, settle_s=9.0))[-1], GoalDone)
        assert console.log == [(2, "OFF"), (6, "REBOOT")]


@pytest.mark.parametrize("slow_s", [0.9, 1.5, 4.5])
@pytest.mark.parametrize("manner", [PLAIN, MASTERSWITCH, PLUS], ids=["rack pdu", "masterswitch", "plus"])
def test_a_console_that_takes_seconds_for_a_screen_is_waited_for(manner: Manner, slow_s: float) -> None:
    console = ForeignConsole(manner, NAMES)
    console(b"\rapc\rapc\r1\r")
    run = driver(console)
    run.slow_s = slow_s
    assert len(states(run.run(READ))) == 8, "from somebody's session that was left open"
    end = run.run(Switch(2, "db: ON", Action.OFF))[-1]
    assert isinstance(end, GoalDone), end
    assert isinstance(run.run(ReadIdentity())[-1], GoalDone), "which logs out and in again"
    assert states(run.run(READ))[1][2] == "OFF"
    assert console.log == [(2, "OFF")]
    assert run.session.where == f"logged in, {console.title!r}", "not one screen behind"


def test_the_page_of_another_outlet_is_never_acted_upon_even_where_it_tells_its_title_only() -> None:
    for title in ("Outlet 3", "db: OFF", "Control Outlet"):
        manner = replace(MASTERSWITCH, block=lambda *_: [], outlet_title=lambda *_, shown=title: shown)
        console = ForeignConsole(manner, NAMES)
        end = driver(console).run(Switch(2, "db: ON", Action.OFF))[-1]
        assert isinstance(end, GoalFailed), title
        assert console.log == []


def test_a_console_that_does_not_ask_and_leaves_at_once_has_been_told_once() -> None:
    """Confirmations may be off where nobody knew that they can be; the NMC restarts before it has told success."""
    for manner in (PLAIN, MASTERSWITCH):
        console = ForeignConsole(replace(manner, confirm=None), NAMES)
        run = driver(console)
        assert isinstance(run.run(READ)[-1], GoalDone)

        def leave_after_the_deed(typed: bytes, console: ForeignConsole = console) -> bytes:
            done = len(console.log)
            printed = console(typed)
            if len(console.log) == done:
                return printed
            console.log_off()
            return b"\r\n\rUser Name : "

        run.console = leave_after_the_deed
        *events, end = run.run(Switch(2, "db: ON", Action.OFF))
        assert isinstance(end, GoalFailed)
        assert end.actuated
        assert sum(isinstance(event, ActuationSent) for event in events) == 1
        assert console.log == [(2, "OFF")]


def test_given_up_at_any_moment_the_console_is_left_logged_out() -> None:
    """In the middle of a screen, or right behind the password, whose answer nobody waits for any more."""
    for manner in (replace(PLAIN, page=7), MASTERSWITCH):
        turns = 0
        while True:
            console = ForeignConsole(manner, NAMES)
            run = driver(console)
            run.cuts = repeat(150)
            run.slow_s = 0.2
            turns += 1
            if not run.give_up(READ, turns):
                break
            end = run.run(Logout())[-1]
            assert isinstance(end, GoalDone), (turns, end)
            assert not console.logged_in, turns
        assert turns > 15


def test_a_restart_between_two_goals_costs_none_of_them() -> None:
    """A restarted NMC hears neither ESC nor CTRL-C: the screen where we stood is gone without a word."""
    for manner in (PLAIN, MASTERSWITCH):
        console = ForeignConsole(manner, NAMES)
        run = driver(console)
        assert isinstance(run.run(Switch(2, "db: ON", Action.OFF))[-1], GoalDone)
        run.console = restarted = ForeignConsole(manner, NAMES)
        events = run.run(READ)
        assert len(states(events)) == 8
        assert any(isinstance(event, SessionLost) for event in events), "which may be all that tells of the restart"
        run.console = restarted = ForeignConsole(manner, NAMES)
        assert isinstance(run.run(Switch(3, "a b  c", Action.OFF))[-1], GoalDone)
        assert restarted.log == [(3, "OFF")]


@pytest.mark.parametrize("count", [8, 16, 24])
@pytest.mark.parametrize("page", [0, 5, 11, 22, 25])
def test_pages_wherever_they_are_cut(count: int, page: int) -> None:
    console = ForeignConsole(replace(PLAIN, page=page), [f"Outlet {number}" for number in range(1, count + 1)])
    assert [row[0] for row in states(driver(console).run(READ))] == list(range(1, count + 1))


@pytest.mark.parametrize("direct", [False, True])
def test_an_outlet_user_of_a_foreign_console_reaches_its_own_outlets_only(direct: bool) -> None:
    banner = tuple(line.replace("Administrator", "Outlet User") for line in PLAIN.banner)
    manner = replace(
        PLAIN, banner=banner, management=("Outlet Control/Configuration",), master="ALL Accessible Outlets"
    )
    console = ForeignConsole(replace(manner, outlet_items=() if direct else manner.outlet_items), NAMES, mine=(2, 5))
    run = driver(console)
    assert states(run.run(READ)) == [(2, "db: ON", "ON"), (5, "nas > x", "ON")]
    assert isinstance(run.run(Switch(5, "nas > x", Action.OFF))[-1], GoalDone)
    assert console.log == [(5, "OFF")]


LYING = {
    "another outlet": lambda label, number, name: [label, f"outlet {number + 1} named '{name}'"],
    "another name": lambda label, number, _: [label, f"outlet {number} named 'router'"],
    "another action": lambda _, number, name: ["Immediate Reboot", f"outlet {number} named '{name}'"],
    "all outlets": lambda label, *_: [label, "This command will act on all outlets."],
    "another action in prose": lambda _, number, name: [f"This will turn on outlet {number} named '{name}'"],
}


@pytest.mark.parametrize("text", LYING.values(), ids=LYING)
def test_a_confirmation_for_something_else_is_cancelled(text: object) -> None:
    assert callable(text)
    console = ForeignConsole(replace(PLAIN, confirm=text), NAMES)
    run = driver(console)
    end = run.run(Switch(2, "db: ON", Action.OFF))[-1]
    assert not isinstance(end, GoalDone)
    assert console.log == []
    assert states(run.run(READ))[1][2] == "ON"


AOS_6 = Accent()
DASH_C = Accent(
    dash_c=True,
    prompt="APC>",
    welcome=("", "Unit ID: rack7", "Outlets: 8", ""),
    code="OK",
    refusal=("E100: Command does not exist.",),
    row=lambda number, name, state: f"{number:2d}: {state:<6}: {name}",
    current=("Current on total is 1.4A",),
    acknowledgement=lambda number, name: [f"{number:2d}: {name:<15}: Outlet Turned On"],
)
ACCENTS = {
    "aos 6": AOS_6,
    "no echo": replace(AOS_6, echo=False),
    "echo of whole lines": replace(AOS_6, echo_lines=True),
    "lf cr": replace(AOS_6, eol="\n\r"),
    "lf only": replace(AOS_6, eol="\n"),
    "long prompt": replace(AOS_6, prompt="Administrator@apc>"),
    "coloured prompt": replace(AOS_6, prompt="\x1b[32mapc>\x1b[0m"),
    "prompt of two words": replace(AOS_6, prompt="Super User@apc>"),
    "prompt with blank": replace(AOS_6, prompt="apc> "),
    "code last": replace(AOS_6, code_last=True),
    "code with blanks": replace(AOS_6, code="E000: Success  "),
    "issued": replace(AOS_6, code="E001: Successfully Issued"),
    "reboot required": replace(AOS_6, trailer=("", "", "* Reboot required for change to take effect.")),
    "code of a required reboot": replace(
        AOS_6, code="E002: Success", trailer=("Reboot required for change to take effect.",)
    ),
    "blank lines": replace(AOS_6, before=2, after=3),
    "no blank lines": replace(AOS_6, after=0),
    "one outlet is not told": replace(AOS_6, one_outlet=False),
    "usage on refusal": replace(
        AOS_6, one_outlet=False, refusal=("E102: Parameter Error", "Usage: olStatus", "    <all | outlet name>")
    ),
    "numbers at the margin": replace(AOS_6, row=lambda number, name, state: f"{number}: {name}: {state.capitalize()}"),
    "wide numbers": replace(AOS_6, row=lambda number, name, state: f"{number:3d}: {name}: {state.capitalize()}"),
    "padded rows": replace(AOS_6, row=lambda number, name, state: f"{number:2d}: {name}: {state.capitalize()}   "),
    "padded names": replace(AOS_6, row=lambda number, name, state: f"{number:2d}: {name:<23}: {state.capitalize()}"),
    "numbers far from the margin": replace(
        AOS_6, row=lambda number, name, state: f"{number:6d}: {name:<20} : {state.capitalize()}"
    ),
    "tabs": replace(AOS_6, row=lambda number, name, state: f"{number:2d}:\t{name}:\t{state.capitalize()}"),
    "pager": replace(AOS_6, page=5),
    "loads in words": replace(AOS_6, current=("Phase 1 carries 0.5 A of 16 A",)),
    "loads not available": replace(AOS_6, current=("1: N/A",)),
    "dash c": DASH_C,
    "dash c, no ok": replace(DASH_C, code=""),
    "dash c, prompt with blank": replace(DASH_C, prompt="APC> "),
    "dash c, no echo": replace(DASH_C, echo=False),
    "dash c, echo of whole lines": replace(DASH_C, echo_lines=True),
    "dash c, no acknowledgement": replace(DASH_C, acknowledgement=lambda *_: []),
    "dash c, numbers at the margin": replace(
        DASH_C, row=lambda number, name, state: f"{number}: {state:<6}: {name}", acknowledgement=lambda *_: ["OK"]
    ),
    "dash c, narrow states": replace(DASH_C, row=lambda number, name, state: f"{number:2d}: {state:<4}: {name}"),
    "dash c, loads in words": replace(DASH_C, current=("Phase 1: 0.5 A",)),
}
accents = pytest.mark.parametrize("accent", ACCENTS.values(), ids=ACCENTS)


BLANKS = [" leading", "trailing ", "  both ", "", "   ", "y" * 22 + " ", "in  between", "> "]


@pytest.mark.parametrize("console", [PLAIN, MASTERSWITCH, AOS_6, DASH_C], ids=["aos 3", "masterswitch", "aos 6", "-c"])
def test_names_may_begin_or_end_with_blanks_or_be_empty(console: Manner | Accent) -> None:
    for number, name in enumerate(BLANKS, 1):
        pdu: ForeignConsole | ForeignShell
        pdu = ForeignConsole(console, BLANKS) if isinstance(console, Manner) else ForeignShell(console, BLANKS)
        run = driver(pdu, Access.CLI if console is DASH_C else Access.MENU)
        assert [row[1] for row in states(run.run(READ))] == [each.strip() for each in BLANKS]
        end = run.run(Switch(number, name, Action.OFF))[-1]
        assert isinstance(end, GoalDone), end
        assert pdu.log == [(number, "OFF")]


@pytest.mark.parametrize("erasers", ["\x08\x7f", "\x08", "\x7f"], ids=["both", "backspace", "delete"])
def test_what_somebody_left_half_typed_is_never_executed(erasers: str) -> None:
    menus = replace(PLAIN, erasers=erasers)
    for left, manner in (
        (b"\rapc\rapc\r1\r2\r1\r2\r1\r2\rYES", menus),
        (b"\rapc\rapc\r1\r2\r1\r2\rYES", replace(MASTERSWITCH, erasers=erasers)),
    ):
        console = ForeignConsole(replace(manner, ctrl_c=False), NAMES)
        console(left)
        assert len(states(driver(console).run(READ))) == len(NAMES)
        assert console.log == []
    for left, accent in ((b"\rapc\rapc\rolOff 3", AOS_6), (b"\rapc\rapc -c\roff 3", DASH_C)):
        shell = ForeignShell(replace(accent, erasers=erasers), NAMES)
        shell(left)
        assert len(states(shell_driver(shell).run(READ))) == len(NAMES)
        assert shell.log == []


def shell_driver(console: ForeignShell, *, drip: bool = False) -> Driver:
    return driver(console, Access.CLI if console.accent.dash_c else Access.AUTO, drip=drip)


@accents
def test_reads_and_switches_on_a_command_line(accent: Accent) -> None:
    for drip in (False, True):
        console = ForeignShell(accent, NAMES)
        console.states[3] = "OFF"
        run = shell_driver(console, drip=drip)
        expected = [(number, NAMES[number - 1], state) for number, state in console.states.items()]
        assert states(run.run(READ)) == expected
        assert states(run.run(READ)) == expected
        end = run.run(Switch(2, "db: ON", Action.OFF))[-1]
        assert isinstance(end, GoalDone), end
        assert end.result.outcome is Outcome.CONFIRMED
        assert console.log == [(2, "OFF")]
        assert isinstance(run.run(Logout())[-1], GoalDone)
        assert states(run.run(READ))[1][2] == "OFF"
        end = run.run(Switch(6, "12- ON", Action.REBOOT, settle_s=9.0))[-1]
        assert isinstance(end, GoalDone), end
        assert end.result.outcome is Outcome.CONFIRMED
        assert console.log == [(2, "OFF"), (6, "REBOOT")]


@accents
def test_loads_in_unknown_words_are_given_up_and_spoil_no_list(accent: Accent) -> None:
    run = shell_driver(ForeignShell(accent, NAMES))
    ends = [run.run(ReadStatus())[-1] for _ in range(4)]
    assert all(isinstance(end, GoalDone) for end in ends[2:]), ends
    assert len(states(run.run(ReadStatus()))) == len(NAMES)


@pytest.mark.parametrize("accent", [AOS_6, DASH_C], ids=["aos 6", "dash c"])
def test_an_outlet_user_of_a_command_line_sees_its_own_outlets(accent: Accent) -> None:
    welcome = tuple(line.replace("Super User", "Outlet User") for line in AOS_6.welcome)
    console = ForeignShell(replace(accent, welcome=welcome), NAMES, mine=(2, 5))
    run = shell_driver(console)
    assert [row[0] for row in states(run.run(READ))] == [2, 5]
    assert isinstance(run.run(Switch(5, "nas > x", Action.OFF))[-1], GoalDone)
    assert console.log == [(5, "OFF")]


TORN = {
    "a name that reads like the item for all outlets": ("Master switch", "OXN"),
    "all outlets of": ("ALL the Outlets", "O N"),
}


@pytest.mark.parametrize(("name", "state"), TORN.values(), ids=TORN)
def test_a_torn_row_is_not_the_item_for_all_outlets(name: str, state: str) -> None:
    names = [*NAMES[:5], name, *NAMES[6:]]
    row = PLAIN.row
    torn = replace(PLAIN, row=lambda number, name, shown: row(number, name, state if number == 6 else shown))
    for master in (PLAIN.master, None):
        end = driver(ForeignConsole(replace(torn, master=master), names)).run(READ)[-1]
        assert isinstance(end, GoalFailed)
        assert isinstance(end.error, TableIncomplete)


@pytest.mark.parametrize("garbled", [False, True])
def test_the_first_names_are_read_twice_where_the_line_has_garbled_something(garbled: bool) -> None:
    console = ForeignShell(AOS_6, NAMES)
    asked = 0

    def line(typed: bytes) -> bytes:
        nonlocal asked
        asked += typed.count(b"olStatus all")
        printed = console(typed)
        return printed.replace(b" 3: a b  c", b"a b  c") if garbled and asked == 1 else printed

    options = SessionOptions(expected_outlets=len(NAMES))
    run = Driver(Session(Credentials("apc", "apc"), options), line)
    if garbled:
        assert isinstance(run.run(READ)[-1], GoalFailed)
    before = asked
    assert len(states(run.run(READ))) == len(NAMES)
    assert asked - before == (2 if garbled else 1)
    assert len(states(run.run(READ))) == len(NAMES)
    assert asked - before == (3 if garbled else 2)
