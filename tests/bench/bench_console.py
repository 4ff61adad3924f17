"""Prints what our dialogs cost on a wire of 9600 baud, per dialect, beside the shortest exchange of the same contents.

Run with ``make bench``. Time is that of the simulated line, on which every byte takes its time and nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass

from apcbridge.console.dialects import DialectId
from apcbridge.console.events import GoalDone
from apcbridge.console.goals import Goal, Logout, ReadIdentity, ReadStatus, Switch
from apcbridge.console.session import Access, SessionOptions
from apcbridge.model import Action
from tests.integration.console_on_simulator import Wire

BYTES_PER_S = 960
READ = ReadStatus(load=False)


@dataclass(frozen=True, slots=True)
class Face:
    """A console and the shortest way to its outlet list that we know, from where a session that stays rests."""

    dialect: DialectId
    url: str
    shortest: tuple[tuple[str, str], ...]
    """What is typed, and where the answer ends."""
    words: str
    access: Access = Access.MENU


REFRESH = (("\r", "\n> "),)
PAGED = (("\r", "continue..."), ("\r", "\n> "))
BLOCK = (("\r", "\n> "), ("9\r", "\n> "), ("1\r", "\n> "))
"""The names are on the list, the states on the screen that controls all outlets."""
FACES = [
    Face(
        DialectId.D0, "sim://AP9210", BLOCK, "ENTER on the list, 9, 1 (ours goes back, too: it rests on no such screen)"
    ),
    Face(DialectId.D1, "sim://AP9211", REFRESH, "ENTER on the list"),
    Face(DialectId.D2_OLD, "sim://AP9225?firmware=2.0.0", REFRESH, "ENTER on the list"),
    Face(DialectId.D2_NEW, "sim://AP9225", REFRESH, "ENTER on the list"),
    Face(DialectId.D3A, "sim://AP7920?firmware=2.7.3", REFRESH, "ENTER on the list"),
    Face(DialectId.D3B, "sim://AP7920", REFRESH, "ENTER on the list"),
    Face(DialectId.D3B, "sim://AP7902", REFRESH, "ENTER on the list"),
    Face(DialectId.D3B, "sim://AP7930", PAGED, "ENTER on the list, ENTER at the pager"),
    Face(DialectId.D3C, "sim://AP7920", (("status\r", "APC>"),), "status", Access.AUTO),
    Face(DialectId.D3C, "sim://AP7930", (("status\r", "APC>"),), "status", Access.AUTO),
    Face(DialectId.D4, "sim://AP7920B", (("olStatus all\r", "apc>"),), "olStatus all", Access.AUTO),
    Face(DialectId.D4, "sim://AP8959", (("olStatus all\r", "apc>"),), "olStatus all", Access.AUTO),
]


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes both ways, and seconds."""

    octets: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.octets:5d} B {self.seconds:6.2f} s"


def wire_of(face: Face) -> Wire:
    """Lay a line of 9600 baud to the console."""
    joint = "&" if "?" in face.url else "?"
    return Wire(f"{face.url}{joint}baud=9600", SessionOptions(access=face.access))


def cost(wire: Wire, goal: Goal) -> Cost:
    """Pursue a goal and weigh it."""
    carried, began = wire.carried, wire.clock.now
    events = wire.run(goal)
    if not isinstance(events[-1], GoalDone):
        raise SystemExit(f"{wire.url}: {events[-1]}")
    return Cost(wire.carried - carried, wire.clock.now - began)


def shortest(face: Face, wire: Wire) -> Cost:
    """Type the shortest exchange by hand where the session has left the console, and weigh it."""
    began, octets = wire.clock.now, 0
    for typed, end in face.shortest:
        octets += len(typed) + len(wire.exchange(typed.encode(), end.encode()))
    return Cost(octets, wire.clock.now - began)


def table() -> list[str]:
    """Measure every face."""
    lines = [f"{'':14}{'login and first list':>18}{'poll':>20}{'shortest exchange':>25}  {'':5}{'one switch':>18}"]
    for face in FACES:
        wire = wire_of(face)
        first = cost(wire, READ)
        poll = cost(wire, READ)
        best = shortest(face, wire)
        wire.run(Logout())
        wire.run(READ)
        switch = cost(wire, Switch(2, None, Action.OFF))
        over = 100 * (poll.seconds / best.seconds - 1)
        name = f"{face.dialect} {face.url[6:13].rstrip('?')}"
        lines.append(f"{name:<14}{first}     {poll}     {best} {over:+5.0f} %  {switch}   {face.words}")
    return lines


def refresh() -> str:
    """Weigh the refresh of 24 outlets with its pager against the wire time of its bytes."""
    wire = wire_of(FACES[7])
    wire.run(READ)
    rounds = [cost(wire, READ) for _ in range(5)]
    octets, seconds = sum(each.octets for each in rounds), sum(each.seconds for each in rounds)
    over = 100 * (seconds * BYTES_PER_S / octets - 1)
    return (
        f"24 outlets on menus, pager and all: {seconds / 5:.3f} s, wire {octets / 5 / BYTES_PER_S:.3f} s, {over:+.1f} %"
    )


def identity() -> list[str]:
    """Weigh what is read rarely."""
    found = []
    for face in (FACES[5], FACES[8], FACES[10]):
        wire = wire_of(face)
        wire.run(READ)
        name = f"{face.dialect} {face.url[6:13]}"
        loads, about = cost(wire, ReadStatus()), cost(wire, ReadIdentity())
        found.append(f"{name:<14}list and loads {loads}; identity with up time {about}")
    return found


def main() -> None:
    """Measure and print."""
    print("The console at 9600 baud; bytes count both ways. A poll is one whole outlet list with names.")
    print("\n".join([*table(), refresh(), *identity()]))


if __name__ == "__main__":
    main()
