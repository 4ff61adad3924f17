"""Menu consoles that differ in all that the known transcripts leave open. Drawn from those facts, not from a simulator.

One engine, many manners: line ends, blank lines, dashes, footers, the order and wording of items and confirmations,
echo, pagers, prompts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Key = Callable[[], None]
ACTIONS = {
    "Immediate On": "ON",
    "Immediate Off": "OFF",
    "Immediate Reboot": "REBOOT",
    "Delayed On": "ON",
    "Delayed Off": "OFF",
    "Delayed Reboot": "REBOOT",
    "Cancel": "CANCEL",
    "Cancel Pending Commands": "CANCEL",
    "Turn Outlet On": "ON",
    "Turn Outlet Off": "OFF",
    "Reboot Outlet": "REBOOT",
}
CONTROLS = ("Control Outlet", "Control of Outlet", "Outlet Control")


def attested_confirmation(label: str, number: int, name: str) -> list[str]:
    return [label, "This command will immediately act on", f"outlet {number} named '{name}'."]


def dashes_to_79(title: str) -> str:
    return f"------- {title} ".ljust(79, "-")


def name_alone(number: int, name: str) -> str:
    return name


def attested_block(number: int, name: str, state: str) -> list[str]:
    return [f"        Name         : {name}", f"        Outlet       : {number}", f"        State        : {state}"]


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a console prints and asks."""

    eol: str = "\r\n"
    echo: bool = True
    erasers: str = "\x08\x7f"
    """What takes back the last key."""
    echo_lines: bool = False
    """The echo comes with the ENTER: this console reads whole lines."""
    prompt: str = "> "
    blanks: tuple[int, int, int] = (1, 1, 1)
    """Before the title, after it, before the footer."""
    title: Callable[[str], str] = dashes_to_79
    pad: int = 0
    """Lines are padded with blanks to this column."""
    footer: str = "     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log"
    main_footer: str = "     <ESC>- Main Menu, <ENTER>- Refresh, <CTRL-L>- Event Log"
    page: int = 0
    """A pager after so many lines, on whatever screen."""
    after_pager: str = "\r"
    pager: str = "        Press <ENTER> to continue..."
    confirm: Callable[[str, int, str], list[str]] | None = attested_confirmation
    ask: str = "        Enter 'YES' to continue or <ENTER> to cancel : "
    success: str = "        Command successfully issued."
    pager_after_success: bool = True
    back_to_main: bool = False
    """After an action the Control Console is shown, not the outlet's menu."""
    ctrl_c: bool = True
    banner: tuple[str, ...] = (
        "American Power Conversion               Network Management Card AOS      v3.7.3",
        "(c) Copyright 2009 All Rights Reserved  Rack PDU APP                     v3.7.3",
        "-" * 79,
        "Name      : RackPDU                                   Date : 02/13/2013",
        "Contact   : Unknown                                   Time : 10:49:37",
        "Location  : Unknown                                   User : Administrator",
        "Up Time   : 7 Days 15 Hours 31 Minutes                Stat : P+ N+ A+",
        "",
        "Switched Rack PDU: Communication Established",
    )
    main: tuple[str, ...] = ("Device Manager", "Network", "System", "Logout")
    manager: tuple[str, ...] = ("Phase Management", "Outlet Management", "Power Supply Status")
    management: tuple[str, ...] = ("Outlet Control/Configuration", "Outlet Restriction")
    list_title: str = "Outlet Control/Configuration"
    master: str | None = "Master Control/Configuration"
    heading: tuple[str, ...] = ()
    """Above the rows."""
    more: tuple[str, ...] = ()
    """Items behind the rows."""
    row: Callable[[int, str, str], str] = "{:6d}- {:<25}{}".format
    outlet_title: Callable[[int, str], str] = name_alone
    outlet_items: tuple[str, ...] = ("Control Outlet", "Configure Outlet")
    actions: tuple[str, ...] = tuple(ACTIONS)[:7]
    block: Callable[[int, str, str], list[str]] = attested_block


@dataclass
class Node:
    title: str
    body: list[str] = field(default_factory=list)
    items: list[tuple[str, Key | None]] = field(default_factory=list)
    above: tuple[str, ...] = ()


class ForeignConsole:
    """Takes keys, returns what is printed; ``log`` holds what was done to which outlet."""

    def __init__(self, manner: Manner, names: list[str], *, mine: tuple[int, ...] = ()) -> None:
        self.manner, self.names = manner, names
        self.mine = mine or tuple(range(1, len(names) + 1))
        self.states = dict.fromkeys(range(1, len(names) + 1), "ON")
        self.log: list[tuple[int, str]] = []
        self._out = ""
        self._line = ""
        self._mode: Callable[[str], None] = self._user
        self._pages: list[str] = []
        self._stack: list[Callable[[], Node]] = []
        self._reboots: dict[int, int] = {}

    def __call__(self, typed: bytes) -> bytes:
        for key in typed.decode("latin-1"):
            self._key(key)
        out, self._out = self._out, ""
        return out.encode("latin-1")

    def log_off(self) -> None:
        """Leave whoever is logged in, without a word."""
        self._stack, self._pages, self._mode, self._out = [], [], self._user, ""

    @property
    def logged_in(self) -> bool:
        """Somebody is."""
        return bool(self._stack)

    @property
    def title(self) -> str:
        """The title of the screen that keys act upon."""
        return self._stack[-1]().title

    # --- keys ---

    def _key(self, key: str) -> None:
        manner = self.manner
        if self._pages:
            if key == "\r":
                self._out += manner.after_pager + self._pages.pop(0)
        elif key == "\r":
            line, self._line = self._line, ""
            self._out += line if manner.echo_lines and self._mode != self._password else ""
            self._mode(line)
        elif key == "\x1b" and self._mode == self._choose:
            self._stack = self._stack[:-1] or self._stack
            self._show()
        elif key == "\x03" and self._stack and manner.ctrl_c:
            self._stack, self._mode = self._stack[:1], self._choose
            self._out += manner.eol
            self._show()
        elif key in manner.erasers:
            self._line = self._line[:-1]
        elif " " <= key < "\x7f":
            self._line += key
            self._out += ("*" if self._mode == self._password else key) if manner.echo and not manner.echo_lines else ""

    def _user(self, line: str) -> None:
        self._out += self.manner.eol
        self._mode = self._password if line else self._user
        self._out += "\rPassword  : " if line else "\rUser Name : "

    def _password(self, line: str) -> None:
        if line != "apc":
            self._out += self.manner.eol + "\rUser Name : "
            self._mode = self._user
            return
        self._out += self.manner.eol * 2 + self.manner.eol.join(self.manner.banner) + self.manner.eol
        self._stack, self._mode = [self._main], self._choose
        self._show()

    def _choose(self, line: str) -> None:
        if not line:
            self._show()
            return
        self._out += self.manner.eol if self.manner.echo else ""
        items = self._stack[-1]().items
        chosen = items[int(line) - 1][1] if line.isdecimal() and 1 <= int(line) <= len(items) else None
        if chosen is None:
            self._show()
        else:
            chosen()

    # --- screens ---

    def _open(self, node: Callable[[], Node]) -> Key:
        def key() -> None:
            self._stack.append(node)
            self._show()

        return key

    def _show(self) -> None:
        manner, node = self.manner, self._stack[-1]()
        before, after, last = manner.blanks
        lines = [*node.above, *[""] * before, manner.title(node.title), *[""] * after, *node.body]
        lines += [
            label if action is None and label.startswith(" ") else f"{number:6d}- {label}"
            for number, (label, action) in enumerate(node.items, 1)
            if label not in node.body
        ]
        lines += [*[""] * last, manner.main_footer if len(self._stack) == 1 else manner.footer]
        padded = [line.ljust(manner.pad) for line in lines]
        size = manner.page or len(padded)
        pages = [manner.eol.join(padded[start : start + size]) for start in range(0, len(padded), size)]
        pages[-1] += manner.eol + manner.prompt
        pager = manner.eol + "\r" + manner.pager
        self._out += "\r" + pages[0] + (pager if pages[1:] else "")
        self._pages = [page + (pager if page is not pages[-1] else "") for page in pages[1:]]

    def _main(self) -> Node:
        manager = self._open(self._manager)
        below = {"Device Manager": manager, "Outlet Manager": manager, "Logout": self._log_out}
        return Node("Control Console", items=[(label, below.get(label)) for label in self.manner.main])

    def _log_out(self) -> None:
        self._stack, self._mode = [], self._user
        self._out += "Connection Closed - Bye\r\n"

    def _manager(self) -> Node:
        if not self.manner.manager:
            return self._list()
        below = {
            "Outlet Management": self._management,
            "Outlet Control/Configuration": self._list,
            "MasterSwitch plus 1": self._list,
        }
        items = [(label, below.get(label)) for label in self.manner.manager]
        return Node("Device Manager", items=[(label, self._open(node) if node else None) for label, node in items])

    def _management(self) -> Node:
        items = self.manner.management
        return Node(
            "Outlet Management",
            items=[(label, self._open(self._list) if label.startswith("Outlet Control") else None) for label in items],
        )

    def _shown(self, number: int) -> str:
        if number in self._reboots:
            self._reboots[number] -= 1
            if not self._reboots[number]:
                del self._reboots[number]
                self.states[number] = "ON"
        return self.states[number]

    def _list(self) -> Node:
        rows = [
            (self._outlet(n), self.manner.row(i, self.names[n - 1], self._shown(n))) for i, n in enumerate(self.mine, 1)
        ]
        items: list[tuple[str, Key | None]] = [(row, self._open(node)) for node, row in rows]
        if self.manner.master:
            items.append(
                (self.manner.master, self._open(lambda: Node("Master", items=[("Control of ALL Outlets", None)])))
            )
        items += [(label, None) for label in self.manner.more]
        return Node(self.manner.list_title, body=[*self.manner.heading, *(row for _, row in rows)], items=items)

    def _outlet(self, number: int) -> Callable[[], Node]:
        def page() -> Node:
            if not self.manner.outlet_items:
                return self._actions(number)()
            items = [
                (label.format(number), self._actions(number) if label.startswith(CONTROLS) else None)
                for label in self.manner.outlet_items
            ]
            return self._with_block(number, [(label, self._open(node) if node else None) for label, node in items])

        return page

    def _actions(self, number: int) -> Callable[[], Node]:
        def menu() -> Node:
            return self._with_block(number, [(label, self._action(number, label)) for label in self.manner.actions])

        return menu

    def _with_block(self, number: int, items: list[tuple[str, Key | None]]) -> Node:
        name = self.names[number - 1]
        return Node(
            self.manner.outlet_title(number, name),
            body=[*self.manner.block(number, name, self._shown(number)), ""],
            items=items,
        )

    # --- acting ---

    def _action(self, number: int, label: str) -> Key:
        def key() -> None:
            if self.manner.confirm is None:
                self._act(number, label)
                return
            texts = self.manner.confirm(label, number, self.names[number - 1])
            rule = "        " + "-" * 71
            lines = ["", rule, *("        " + text for text in texts), "", self.manner.ask]
            self._out += self.manner.eol.join(lines)
            self._mode = lambda line: self._confirmed(line, number, label)

        return key

    def _confirmed(self, line: str, number: int, label: str) -> None:
        self._out += self.manner.eol
        self._mode = self._choose
        if line.upper() == "YES":
            self._act(number, label)
        else:
            self._show()

    def _act(self, number: int, label: str) -> None:
        effect = ACTIONS[label.strip()]
        self.log.append((number, effect))
        if effect == "REBOOT" and self.states[number] == "ON":
            self.states[number], self._reboots[number] = "OFF", 2
        elif effect in ("ON", "OFF"):
            self.states[number] = effect
        self._out += self.manner.success + self.manner.eol
        if self.manner.back_to_main:
            self._stack = self._stack[:1]
        if self.manner.pager_after_success:
            self._out += self.manner.eol + "        Press <ENTER> to continue..."
            waiting, self._out = self._out, ""
            self._show()
            self._pages = ["".join([self._out, *self._pages])]
            self._out = waiting
        else:
            self._show()
