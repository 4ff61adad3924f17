"""Outlet lists of every dialect on a bad line, read by a session and believed as the daemon believes them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from apcbridge.console.dialects import DialectId
from apcbridge.console.events import Event, GoalDone, GoalFailed, StatusReading
from apcbridge.console.goals import ReadStatus
from apcbridge.console.screens import parse_screen
from apcbridge.console.session import Access, Credentials, Session, SessionOptions, SessionState
from apcbridge.model import OutletState
from apcbridge.pdu.snapshots import SnapshotBuilder
from tests.unit.console import rackpdu as pdu

READINGS = 12
"""Per PDU: the first of a session, then with what has been learned of it."""
STEPS = 400
WORDS = [
    "Outlet",
    "nas",
    "db-3",
    "a: ON",
    "OFF site",
    "b > c",
    "12- ON",
    "ON",
    "OFF  ON",
    "x*",
    "1: 2: Off",
    "On",
    "R2-D2",
]
TELLING = b" *:-\r\n>ONFnf0123456789"
"""Bytes that mean something in a list: noise made of them is worse than chance."""


@dataclass(frozen=True)
class Noise:
    """Shares of bytes that are damaged, lost or added; ``bursts``: chance of a lost piece of up to 80 bytes."""

    flip: float = 0.0
    drop: float = 0.0
    insert: float = 0.0
    bursts: float = 0.0

    def apply(self, data: bytes, rng: random.Random) -> bytes:
        out = data
        if self.bursts and data and rng.random() < self.bursts:
            start = rng.randrange(len(out))
            out = out[:start] + out[start + rng.randrange(1, 80) :]
        marks = [(self.insert, "insert"), (self.drop, "drop"), (self.flip, "flip")]
        for share, kind in marks:
            if share and out:
                out = _mark(out, share, kind, rng)
        return out


def _mark(data: bytes, share: float, kind: str, rng: random.Random) -> bytes:
    changed = bytearray()
    before = 0
    for position in _positions(len(data), share, rng):
        changed += data[before:position]
        byte = data[position]
        if kind == "flip":
            changed.append(byte ^ 1 << rng.randrange(8))
        elif kind == "insert":
            changed += bytes([rng.choice(TELLING) if rng.random() < 0.5 else rng.randrange(256), byte])
        before = position + 1
    return bytes(changed + data[before:])


def _positions(length: int, share: float, rng: random.Random) -> list[int]:
    """Every position with that chance."""
    if share > 0.05:
        return [position for position in range(length) if rng.random() < share]
    found, position = [], int(rng.expovariate(share))
    while position < length:
        found.append(position)
        position += 1 + int(rng.expovariate(share))
    return found


SLIGHT = [
    Noise(flip=share * 0.4, drop=share * 0.4, insert=share * 0.2, bursts=bursts)
    for share in (0.0005, 0.001, 0.002, 0.004)
    for bursts in (0.0, 0.2)
]
"""So little that many screens come through whole or nearly so: these are the dangerous ones."""
HEAVY = [
    Noise(flip=0.01),
    Noise(drop=0.2),
    Noise(insert=0.05),
    Noise(flip=0.01, drop=0.01, insert=0.01),
    Noise(flip=0.01, drop=0.2, insert=0.05),
    Noise(bursts=0.9),
]


@dataclass
class Console:
    """A console that stands on its outlet list and prints it again at every ENTER."""

    dialect: DialectId
    names: list[str]
    states: list[str]
    master: bool = True
    """The list ends with the item for all outlets; without it nothing on the list tells how long it is."""
    heading: str = ""
    screens: int = 0
    _typed: str = ""
    _rest: bytes = b""

    def type(self, typed: bytes) -> bytes:
        """Take keys; return what is printed."""
        printed = b""
        for key in typed.decode("latin-1"):
            if key == "\r":
                line, self._typed = self._typed, ""
                printed += self._answer(line)
            elif key == "\x1b" and self.dialect is DialectId.D0:
                printed += self.screen()
            elif key >= " ":
                self._typed += key
                printed += key.encode("latin-1")
        return printed

    def _answer(self, line: str) -> bytes:
        rest, self._rest = self._rest, b""
        if rest:
            return rest
        if self.dialect in (DialectId.D3C, DialectId.D4):
            return self._command(line)
        if self.dialect is DialectId.D0 and line == str(len(self.names) + 1):
            self.screens += 1
            states = [f"{number}:{state:<3}" for number, state in enumerate(self.states, 1)]
            return b"\r\n" + pdu.menu("Master Control", "        " + " ".join(states), *pdu.items("Turn Outlet On"))
        screen = self.screen()
        if pdu.PAGER in screen:
            screen, self._rest = screen.split(pdu.PAGER)
            screen += pdu.PAGER
        return screen

    def _command(self, line: str) -> bytes:
        d4 = self.dialect is DialectId.D4
        prompt = b"\r\napc>" if d4 else b"\r\nAPC>"
        if line.casefold() != ("olstatus all" if d4 else "status"):
            return b"\r\nE101: Command Not Found\r\n" + prompt if line else prompt
        return b"\r\n" + self.screen() + prompt

    def screen(self) -> bytes:
        """The list as printed, with the pager in it where it has one."""
        self.screens += 1
        rows = list(enumerate(zip(self.names, self.states, strict=True), 1))
        master = f"{len(rows) + 1:6d}- Master Control/Configuration"
        match self.dialect:
            case DialectId.D4:
                found = [f"{n:2d}: {name}: {state.capitalize()}" for n, (name, state) in rows]
                return pdu.lines("E000: Success", *found)
            case DialectId.D3C:
                return pdu.lines("OK", *(f"{n:2d}: {state:<6}: {name}" for n, (name, state) in rows))
            case DialectId.D2_OLD | DialectId.D2_NEW:
                more = "        Graceful Shutdown" if self.dialect is DialectId.D2_NEW else ""
                found = [f"{n:6d}- Outlet 1:{n}  {name:<23} {state}{more}" for n, (name, state) in rows]
                return pdu.menu("MasterSwitch plus 1", *found, master)
            case DialectId.D0:
                return pdu.menu("Outlet Manager", *(f"{n:6d}- {name}" for n, (name, _) in rows), master)
            case DialectId.D1:
                title, footer = "Device Manager", "     <ESC>- Back, <ENTER>- Refresh"
            case _:
                title, footer = (
                    "Outlet Control/Configuration",
                    "     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log",
                )
        found = [f"{n:6d}- {name:<25}{state}" for n, (name, state) in rows]
        found = [*filter(None, [self.heading]), *found, *([master] if self.master else [])]
        if len(found) <= 22:
            return b"\r\n" + pdu.menu(title, *found, footer=footer)
        head = pdu.lines("", pdu.title(title), "", *found[:22]) + pdu.PAGER
        return head + b"\r" + pdu.lines(*found[22:], "", footer) + b"> "


@dataclass
class Tally:
    """What came of the screens."""

    screens: int = 0
    lists: int = 0
    believed: int = 0
    """Rows believed, by the daemon's rule."""
    false_states: int = 0
    false_names: int = 0
    false_readings: int = 0
    """Lists with some wrong state, each refuted before it was believed."""
    misnamed: int = 0
    """Lists with some wrong name."""

    def add(self, other: Tally) -> None:
        """Sum up."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def console_of(dialect: DialectId, rng: random.Random) -> Console:
    """Draw a PDU: its size, names, states."""
    rack_pdu = dialect in (DialectId.D3A, DialectId.D3B, DialectId.D3C, DialectId.D4)
    count = rng.choice([8, 8, 16, 24]) if rack_pdu else 8
    plain = rng.random() < 0.5
    names = [
        f"Outlet {n}" if plain else f"{rng.choice(WORDS)} {rng.choice(WORDS)}"[:23].strip() for n in range(1, count + 1)
    ]
    states = [rng.choice(["ON", "OFF", "ON*", "OFF*", "ON", "OFF"]) for _ in names]
    heading = rng.choice(["", "", "     Outlet Name              State"])
    return Console(dialect, names, states, master=rng.random() < 0.7, heading=heading)


def session_at(console: Console, *, count_known: bool) -> Session:
    """A session that has just come to the list over a quiet line."""
    access = Access.AUTO if console.dialect in (DialectId.D3C, DialectId.D4) else Access.MENU
    count = len(console.names) if count_known else None
    options = SessionOptions(access=access, hint=console.dialect, expected_outlets=count, goal_s=60.0)
    session = Session(Credentials("apc", "apc"), options)
    stand(session, console)
    return session


def stand(session: Session, console: Console) -> None:
    """Let a session that was thrown out be logged in again, at the list."""
    session._door.state, session._door.ours = SessionState.LOGGED_IN, True
    session._door.closed_at, session._door.shut_until = None, -1.0
    session._memory.dialect = console.dialect
    if console.dialect in (DialectId.D3C, DialectId.D4):
        session._memory.echoes = True
    else:
        session._memory.screen = parse_screen(console.screen().decode("latin-1"))
        console.screens -= 1


def read(session: Session, console: Console, noise: Noise, now: float, rng: random.Random) -> tuple[list[Event], float]:
    """Pursue one reading over the noisy line."""
    events: list[Event] = []
    session.start(ReadStatus(load=False), now)
    for _ in range(STEPS):
        heard = noise.apply(console.type(noise.apply(session.data_to_send(), rng)), rng)
        if heard:
            events += session.receive_data(heard, now)
        else:
            deadline = session.next_deadline()
            now = now if deadline is None else max(now, deadline)
            events += session.handle_timeout(now)
        if events and isinstance(events[-1], GoalDone | GoalFailed):
            return events, now
    return events + session.abort(now), now


def one_pdu(dialect: DialectId, seed: str) -> Tally:
    """Read one PDU a few times; raises AssertionError as soon as something false is believed."""
    rng = random.Random(seed)
    console = console_of(dialect, rng)
    session = session_at(console, count_known=rng.random() < 0.7)
    noise = rng.choice(SLIGHT) if rng.random() < 0.6 else rng.choice(HEAVY)
    builder, tally, now = SnapshotBuilder("p", {}), Tally(), 1000.0
    states = [OutletState(state.strip("*")) for state in console.states]
    for _ in range(READINGS):
        events, now = read(session, console, noise, now, rng)
        for event in events:
            if isinstance(event, StatusReading):
                tally.lists += 1
                judge(builder, event, console, states, tally, now)
        stand(session, console)
        now += 1.0
    tally.screens = console.screens
    return tally


def judge(
    builder: SnapshotBuilder,
    reading: StatusReading,
    console: Console,
    states: list[OutletState],
    tally: Tally,
    now: float,
) -> None:
    """Let the daemon's rule take a list; count what of it and of the belief is wrong."""
    tally.false_readings += [row.state for row in reading.rows] != states
    tally.misnamed += [row.name for row in reading.rows] != console.names
    before = {number: builder.outlet(number) for number in range(1, len(states) + 1)}
    builder.take_list(reading.rows, console.dialect, now, now)
    assert builder.outlet(len(states) + 1) is None, "an outlet that there is not is believed"
    for number, state in enumerate(states, 1):
        outlet = builder.outlet(number)
        if outlet is None or outlet is before[number]:
            continue
        tally.believed += 1
        tally.false_states += outlet.state is not state
        tally.false_names += outlet.name != console.names[number - 1]


def run_share(share: tuple[str, int]) -> dict[str, Tally]:
    """Read PDUs of all dialects in turn until so many screens were printed; by dialect."""
    seed, screens = share
    tallies = {dialect.value: Tally() for dialect in DialectId}
    number = 0
    while sum(tally.screens for tally in tallies.values()) < screens:
        for dialect in DialectId:
            number += 1
            tallies[dialect.value].add(one_pdu(dialect, f"{seed}/{number}"))
    return tallies


def total(tallies: list[dict[str, Tally]]) -> Counter[str]:
    """Sum up over all shares and dialects."""
    found: Counter[str] = Counter()
    for tally in (tally for each in tallies for tally in each.values()):
        found.update({name: getattr(tally, name) for name in tally.__dataclass_fields__})
    return found
