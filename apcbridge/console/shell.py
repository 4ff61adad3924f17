"""Reading and switching on the two command lines: ``-c`` of AOS 3 (D3c), and AOS 5/6 and NMC3 (D4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from apcbridge.console import answers
from apcbridge.console.dialects import DASH_C_VERBS, SHELL_VERBS, DialectId
from apcbridge.console.dialog import GARBLED, Dialog, Emit, LoginPromptSeen, Memory, Pause, Send
from apcbridge.console.events import GoalResult, LoadReading, OutletReading, StatusReading
from apcbridge.console.scanner import Prompt
from apcbridge.console.screens import summary
from apcbridge.console.settle import Watch, read_back_all
from apcbridge.errors import CommandRejected, ConsoleError, OutletMismatch, ScreenUnrecognised, TableIncomplete

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.console.answers import Answer, StatusTable
    from apcbridge.console.events import OutletRow
    from apcbridge.console.goals import Switch, SwitchAll

Parsed = TypeVar("Parsed")


def ask(memory: Memory, send: Send) -> Dialog[Answer]:
    """Give a command line and take the answer apart; raises ScreenUnrecognised if no prompt of ours follows.

    The first one also finds out how this console echoes, before a command that switches depends on it.
    """
    if memory.echoes_keys is None:
        send = replace(send, echo_first=True)
    reply = yield send
    due = Prompt.DASH_C if memory.dialect is DialectId.D3C else Prompt.SHELL
    if reply.prompt is not due:
        raise ScreenUnrecognised(f"after {send.text!r} came {summary(reply.text)}")
    if memory.echoes and not reply.echoed and not send.echo_first:
        raise ScreenUnrecognised(f"typed {send.text!r}, the echo was garbled in {summary(reply.text)}")
    return answers.parse_answer(reply.lines)


def query(memory: Memory, command: str) -> Dialog[tuple[str, ...]]:
    """Ask what must be answered; raises CommandRejected if it is not."""
    answer = yield from ask(memory, Send(command))
    answer.require(command)
    return answer.data


def query_if_known(memory: Memory, command: str) -> Dialog[tuple[str, ...]]:
    """Ask what some firmware does not know; two refusals in a row are remembered (one may be noise)."""
    if _known_refused(memory, command):
        return ()
    answer = yield from ask(memory, Send(command))
    if answer.rejected:
        memory.refusals[command] += 1
        return ()
    memory.refusals.pop(command, None)
    return answer.data


def read_if_known(memory: Memory, command: str, parse: Callable[[tuple[str, ...]], Parsed]) -> Dialog[Parsed]:
    """Ask what is of use but not vital; an answer not understood twice in a row (once may be noise) counts as none."""
    sense = f"the sense of {command!r}"
    if _known_refused(memory, sense):
        return parse(())
    data = yield from query_if_known(memory, command)
    try:
        parsed = parse(data)
    except (ScreenUnrecognised, TableIncomplete):
        memory.refusals[sense] += 1
        raise
    memory.refusals.pop(sense, None)
    return parsed


def _known_refused(memory: Memory, command: str) -> bool:
    return memory.refusals[command] > 1


# --- status ----------------------------------------------------------------------------------------------------


_ONE_OUTLET = "status of one outlet"


def _status_command(memory: Memory, outlet: int | None = None) -> str:
    if memory.dialect is DialectId.D3C:
        return "status" if outlet is None else f"status {outlet}"
    return f"olStatus {'all' if outlet is None else outlet}"


def _parse_status(memory: Memory, data: tuple[str, ...]) -> StatusTable:
    if memory.dialect is DialectId.D3C:
        return answers.parse_dash_c_status(data, memory.state_width)
    return answers.parse_shell_status(data)


def read_rows(memory: Memory) -> Dialog[tuple[OutletRow, ...]]:
    """Read all outlets; where nothing tells how many there are, or a name is new, two readings must agree."""
    table = _parse_status(memory, (yield from _query_status(memory)))
    answers.check_whole(table, _expected(memory), all_seen=not memory.is_outlet_user)
    names = tuple(row.name for row in table.rows)
    if _expected(memory) is None or not memory.knows_names(names):
        memory.state_width = table.width
        again = _parse_status(memory, (yield from _query_status(memory)))
        answers.check_whole(again, len(names), all_seen=not memory.is_outlet_user)
        if _numbered_names(again) != _numbered_names(table):
            raise TableIncomplete("two readings of the outlet list do not agree")
        table = again
    if not memory.is_outlet_user:
        memory.outlets = len(names)
    memory.state_width, memory.listed_names = table.width, names
    return table.rows


def _expected(memory: Memory) -> int | None:
    """Tell how many rows are due; of an outlet user's only what was listed before tells that."""
    if memory.is_outlet_user:
        return None if memory.listed_names is None else len(memory.listed_names)
    return memory.outlets


def _numbered_names(table: StatusTable) -> list[tuple[int, str]]:
    return [(row.number, row.name) for row in table.rows]


def _query_status(memory: Memory) -> Dialog[tuple[str, ...]]:
    """Ask for the whole list; every unit has it, so a refusal is a garbled line and no answer."""
    command = _status_command(memory)
    answer = yield from ask(memory, Send(command))
    if answer.rejected:
        raise ScreenUnrecognised(f"{command!r} was answered with E{answer.code}: {answer.message}")
    return answer.data


def read_outlet(memory: Memory, outlet: int) -> Dialog[OutletRow]:
    """Read one outlet, from its own line where the firmware answers that, else from the whole list."""
    command = _status_command(memory, outlet)
    if not _known_refused(memory, _ONE_OUTLET):
        answer = yield from ask(memory, Send(command))
        table = _parse_status(memory, answer.data)
        if not answer.rejected and len(table.rows) == 1 and table.strange is None:
            memory.refusals.pop(_ONE_OUTLET, None)
            if table.rows[0].number != outlet:
                raise OutletMismatch(f"{command!r} was answered for outlet {table.rows[0].number}")
            return table.rows[0]
        memory.refusals[_ONE_OUTLET] += 1
    rows = {row.number: row for row in (yield from read_rows(memory))}
    if outlet not in rows:
        raise OutletMismatch(f"the PDU shows no outlet {outlet}")
    return rows[outlet]


def read_status(memory: Memory, *, load: bool) -> Dialog[GoalResult]:
    """Read all outlets, then the loads."""
    rows = yield from read_rows(memory)
    yield Emit(StatusReading(rows=rows))
    if load:
        yield Emit((yield from (_dash_c_load(memory) if memory.dialect is DialectId.D3C else _shell_load(memory))))
    return GoalResult()


def _dash_c_load(memory: Memory) -> Dialog[LoadReading]:
    phases, banks, total = yield from read_if_known(memory, "current", answers.parse_dash_c_current)
    watts, volt_amperes = yield from read_if_known(memory, "power", answers.parse_power)
    return LoadReading(phases=phases, banks=banks, total_deciamps=total, watts=watts, volt_amperes=volt_amperes)


_NO_LIMITS: tuple[dict[int, int], dict[int, int], dict[int, int]] = ({}, {}, {})


def _shell_load(memory: Memory) -> Dialog[LoadReading]:
    phases = yield from read_if_known(memory, "phReading all current", answers.parse_numbered_amperes)
    banks = yield from read_if_known(memory, "bkReading all", answers.parse_numbered_amperes)
    watts, _ = yield from read_if_known(memory, "devReading power", answers.parse_power)
    _, volt_amperes = yield from read_if_known(memory, "devReading appower", answers.parse_power)
    return LoadReading(
        phases=answers.with_limits(phases, *memory.limits.get("ph", _NO_LIMITS)),
        banks=answers.with_limits(banks, *memory.limits.get("bk", _NO_LIMITS)),
        watts=watts,
        volt_amperes=volt_amperes,
    )


# --- switching -------------------------------------------------------------------------------------------------


def switch(memory: Memory, goal: Switch) -> Dialog[GoalResult]:
    """Check number and name, give the one command for the one outlet, read it back."""
    verbs = DASH_C_VERBS if memory.dialect is DialectId.D3C else SHELL_VERBS
    if goal.action not in verbs:
        raise CommandRejected(f"the command line has no command for {goal.action}")
    before = yield from read_outlet(memory, goal.outlet)
    if goal.name is not None and before.name != goal.name.strip():
        raise OutletMismatch(f"outlet {goal.outlet} is called {before.name!r}, not {goal.name!r}")
    goal.check_state(before.state)
    command = f"{verbs[goal.action]} {goal.outlet}"
    answer = yield from ask(memory, Send(command, echo_first=True, actuates=True))
    answer.require(command)
    _check_acknowledgement(answer, goal)
    result = yield from _read_back(memory, goal, before)
    changed = result.row is not None and result.row.state is not before.state
    if not answer.accepted and not answer.data and not changed:
        raise ScreenUnrecognised(f"{command!r} was answered neither with success nor with failure")
    return result


def _check_acknowledgement(answer: Answer, goal: Switch) -> None:
    """Raise OutletMismatch if the answer tells of another outlet (``-c`` lists those that it has switched)."""
    for line in answer.data:
        number, colon, _ = line.partition(":")
        if colon and number.strip().isdecimal() and int(number) != goal.outlet:
            raise OutletMismatch(f"asked for outlet {goal.outlet}, the PDU speaks of {summary(line)}")


def _read_back(memory: Memory, goal: Switch, before: OutletRow) -> Dialog[GoalResult]:
    """Read the outlet until it shows the effect; what the line has garbled is read again."""
    watch = Watch(goal.action, before.state)
    until: float | None = None
    while True:
        garbled: ConsoleError | None = None
        try:
            row = yield from _read_same(memory, goal.outlet, before.name)
            moment = yield Emit(OutletReading(row))
            result = watch.see(row)
            if result is not None:
                return result
        except GARBLED as error:
            if isinstance(error, LoginPromptSeen):
                raise
            garbled = error
            moment = yield Pause(0.0)
        until = moment.at + watch.patience_s(goal.settle_s) if until is None else until
        if moment.at >= until and garbled is not None:
            raise garbled
        if moment.at >= until:
            return watch.give_up()
        yield Pause(moment.at + goal.poll_s)


def _read_same(memory: Memory, outlet: int, name: str) -> Dialog[OutletRow]:
    row = yield from read_outlet(memory, outlet)
    if row.name != name:
        raise OutletMismatch(f"outlet {outlet} was called {name!r} and is now {row.name!r}")
    return row


def switch_all(memory: Memory, goal: SwitchAll) -> Dialog[GoalResult]:
    """Give the one command for all outlets, read the list back."""
    verbs = DASH_C_VERBS if memory.dialect is DialectId.D3C else SHELL_VERBS
    if goal.action not in verbs:
        raise CommandRejected(f"the command line has no command for {goal.action}")
    watches = {row.number: Watch(goal.action, row.state) for row in (yield from read_rows(memory))}
    command = f"{verbs[goal.action]} all"
    answer = yield from ask(memory, Send(command, echo_first=True, actuates=True))
    answer.require(command)
    return (yield from read_back_all(watches, goal, lambda: read_rows(memory)))
