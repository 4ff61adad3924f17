"""The engine of the menu consoles (D0 to D3): screens, choices, settings, confirmation, pager, event log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.sim.dialog import AskKey, AskLine, Deaf, Dialog, Terminal, ToControlConsole
from apcbridge.sim.faces import layout
from apcbridge.sim.faces.eventlog import show_event_log
from apcbridge.sim.faces.layout import INDENT, NL
from apcbridge.sim.faces.login import FAREWELL, User
from apcbridge.sim.keyboard import Key
from apcbridge.sim.quirks import EditPrompt, WrongChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apcbridge.sim.firmware import Firmware

_HOT_KEYS = frozenset({Key.ESC, Key.CTRL_C, Key.CTRL_L})
_BACK = "     <ESC>- Back, <ENTER>- Refresh"
_MAIN = "     <ESC>- Main Menu, <ENTER>- Refresh"
_LOG = ", <CTRL-L>- Event Log"


@dataclass(frozen=True, slots=True)
class Item:
    """One choice of a menu; a choice without action only prints the menu again."""

    label: str
    action: Callable[[], Dialog[None]] | None = None


@dataclass(slots=True)
class Setting:
    """One editable field of a settings screen, with the value that waits for ``Accept Changes``."""

    label: str
    value: str
    hint: str
    """Printed above the prompt while the field is edited."""
    check: Callable[[str], bool]


class LogOut(Exception):
    """A jump in the dialog, not a fault: the user chose Logout."""


class MenuFace:
    """What all menu consoles have in common; a dialect adds its banner and its screens."""

    has_log = True
    """CTRL-L opens the event log and the footers say so."""

    def __init__(self, terminal: Terminal, user: User) -> None:
        """One instance per session."""
        self.terminal = terminal
        self.user = user

    @property
    def firmware(self) -> Firmware:
        """The device behind the screens."""
        return self.terminal.firmware

    @property
    def now(self) -> float:
        """The device's clock."""
        return self.terminal.now

    def line(self, text: str = "") -> None:
        """Print one line."""
        self.terminal.put(text + NL)

    def lines(self, texts: Sequence[str]) -> None:
        """Print some lines."""
        for text in texts:
            self.line(text)

    # -- to be given by a dialect --------------------------------------------------------------------------

    def banner(self) -> list[str]:
        """Return the lines printed once, at login."""
        raise NotImplementedError

    def control_console(self) -> list[Item]:
        """Return the items of the main menu, without Logout."""
        raise NotImplementedError

    def above_main(self) -> list[str]:
        """Return the lines above the title of the main menu."""
        return []

    # -- the session ---------------------------------------------------------------------------------------

    def run(self) -> Dialog[None]:
        """Serve one session, from the banner to Logout."""
        yield from self.terminal.screen("login.banner")
        self.line()
        if self.terminal.quirks.login_banner_extra:
            self.line(self.terminal.quirks.login_banner_extra)
        if self.terminal.quirks.login_banner:
            self.lines(self.banner())
        try:
            while True:
                try:
                    yield from self._main_menu()
                except ToControlConsole:
                    self.line()
        except LogOut:
            self.terminal.put(FAREWELL)

    def _main_menu(self) -> Dialog[None]:
        items = [*self.control_console(), Item("Logout", self._log_out)]
        yield from self.menu("main", "Control Console", lambda: items, above=self.above_main, footer=_MAIN)

    def _log_out(self) -> Dialog[None]:
        yield from self.terminal.at("logout")
        raise LogOut

    # -- building blocks -----------------------------------------------------------------------------------

    def menu(
        self,
        step: str,
        title: str,
        items: Callable[[], Sequence[Item]],
        *,
        body: Callable[[], Sequence[str]] = list,
        above: Callable[[], Sequence[str]] = list,
        footer: str = _BACK,
    ) -> Dialog[None]:
        """Show a menu and serve its choices until ESC; at the main menu ESC only prints it again."""

        def paint(choices: Sequence[Item]) -> Dialog[None]:
            yield from self.terminal.screen(step)
            self.line()
            self.lines(above())
            self.line(layout.title(title))
            self.line()
            information = body()
            self.lines(information)
            if information:
                self.line()
            self.lines([layout.item(number, choice.label) for number, choice in enumerate(choices, 1)])
            if choices:
                self.line()
            self.footer(footer)

        yield from self.serve(step, paint, items, main=footer == _MAIN)

    def serve(
        self,
        step: str,
        paint: Callable[[Sequence[Item]], Dialog[None]],
        items: Callable[[], Sequence[Item]],
        *,
        main: bool = False,
        fixed: bool = False,
    ) -> Dialog[None]:
        """Paint, ask, act, again, until ESC. ``fixed`` numbers cannot be shifted: outlets and settings."""
        silent = False
        shifted = self.terminal.quirks.extra_items and not fixed
        while True:
            choices = [Item("Special Functions"), *items()] if shifted else items()
            if not silent:
                yield from paint(choices)
            silent = False
            answer = yield from self.ask(step)
            if answer is Key.ESC:
                if not main:
                    return
                continue
            text = str(answer).strip()
            if not text:
                continue
            if text.isascii() and text.isdecimal() and 1 <= int(text) <= len(choices):
                action = choices[int(text) - 1].action
                if action is not None:
                    yield from action()
            elif text == "?":
                self.lines(["", f"{INDENT}Choose an item by its number."])
            else:
                silent = self._wrong()

    def ask(self, step: str) -> Dialog[str | Key]:
        """Wait at a menu prompt for a line or ESC; CTRL-L shows the event log, CTRL-C leaves everything."""
        yield from self.terminal.at(f"{step}.prompt")
        self.terminal.put("> ")
        answer = yield AskLine(keys=_HOT_KEYS)
        if answer is Key.CTRL_C:
            self.line()
            raise ToControlConsole
        if answer is Key.CTRL_L:
            self.line()
            if self.has_log:
                yield from self.event_log()
            return ""
        if answer is Key.ESC:
            self.line()
            return Key.ESC
        return str(answer)

    def _wrong(self) -> bool:
        match self.terminal.quirks.wrong_choice:
            case WrongChoice.MESSAGE:
                self.lines(["", f"{INDENT}{self.terminal.quirks.wrong_choice_text}"])
                return False
            case WrongChoice.PROMPT:
                self.line()
                return True
            case WrongChoice.REPRINT:
                return False

    def footer(self, footer: str, *, help_too: bool = False) -> None:
        """Print the line of keys; control screens offer help as well."""
        text = footer + (_LOG if self.has_log else "")
        self.line(text.replace("     <", "     ?- Help, <", 1) if help_too else text)

    def pager(self, step: str) -> Dialog[None]:
        """Print ``Press <ENTER> to continue...`` behind a bare CR (bytes of s-celles issue 13), wait for Enter."""
        yield from self.terminal.at(step)
        self.terminal.put(f"\r{INDENT}Press <ENTER> to continue...")
        yield from self.wait_enter()

    def wait_enter(self) -> Dialog[None]:
        """Wait for Enter; CTRL-C leaves, ESC counts as Enter (guess), anything else is ignored."""
        deaf = self.terminal.quirks.pager_deaf_s
        if deaf:
            yield Deaf(deaf)
        while True:
            key = yield AskKey()
            if key is Key.CTRL_C:
                self.line()
                raise ToControlConsole
            if key in {Key.ENTER, Key.ESC}:
                return

    def confirm(self, sentence: Sequence[str], act: Callable[[], None], success: str) -> Dialog[None]:
        """Ask for YES (unless that is switched off), act, print the success line, wait for Enter."""
        yield from self.terminal.screen("confirm")
        self.line()
        self.line(layout.INNER_RULE)
        self.lines([INDENT + line for line in sentence])
        if self.terminal.quirks.confirm:
            self.line()
            yield from self.terminal.at("confirm.prompt")
            self.terminal.put(f"{INDENT}Enter 'YES' to continue or <ENTER> to cancel : ")
            answer = yield AskLine(keys=frozenset({Key.CTRL_C, Key.ESC}))
            if answer is Key.CTRL_C:
                self.line()
                raise ToControlConsole
            if str(answer).strip().upper() != "YES":
                if answer is Key.ESC:
                    self.line()
                return
            yield from self.terminal.at("confirm.yes")
        act()
        yield from self.terminal.at("confirm.acted")
        self.line(INDENT + success)
        yield from self.terminal.at("confirm.success")
        self.terminal.put(f"{NL}{INDENT}Press <ENTER> to continue...")
        yield from self.terminal.at("confirm.pager")
        yield from self.wait_enter()
        self.line()

    def settings_screen(
        self,
        step: str,
        title: str,
        read: Callable[[], list[Setting]],
        accept: Callable[[list[str]], None],
        *,
        help_too: bool = False,
    ) -> Dialog[None]:
        """Show settings, let them be edited, and apply them all on ``Accept Changes``.

        Behind ``Accept Changes`` stands nothing, then ``Pending`` once something was edited, then ``Success``.
        """
        fields = read()
        state = ""

        def paint(_choices: Sequence[Item]) -> Dialog[None]:
            yield from self.terminal.screen(step)
            self.line()
            self.line(layout.title(title))
            self.line()
            self.lines(layout.settings([(f.label, f.value) for f in fields], state))
            self.line()
            self.footer(_BACK, help_too=help_too)

        def edit(field: Setting) -> Dialog[None]:
            nonlocal state
            if (yield from self._edit(step, field)):
                state = "Pending"

        def accept_all() -> Dialog[None]:
            nonlocal state
            yield from self.terminal.at(f"{step}.accept")
            accept([field.value for field in fields])
            state = "Success"
            yield from self.terminal.at(f"{step}.accepted")

        def editor(field: Setting) -> Item:
            return Item(field.label, lambda: edit(field))

        items = [*(editor(field) for field in fields), Item("Accept Changes", accept_all)]
        yield from self.serve(step, paint, lambda: items, fixed=True)

    def _edit(self, step: str, field: Setting) -> Dialog[bool]:
        """Ask for a new value; False if it was left as it is or is not acceptable."""
        yield from self.terminal.at(f"{step}.edit")
        self.line()
        if field.hint:
            self.line(INDENT + field.hint)
        if self.terminal.quirks.edit_prompt is EditPrompt.LABEL:
            self.terminal.put(f"{INDENT}{field.label} : ")
        else:
            self.terminal.put("> ")
        answer = yield AskLine(keys=frozenset({Key.CTRL_C, Key.ESC}))
        if answer is Key.CTRL_C:
            self.line()
            raise ToControlConsole
        if answer is Key.ESC:
            self.line()
            return False
        text = str(answer)
        if not text or not field.check(text):
            return False
        field.value = text
        return True

    # -- event log -----------------------------------------------------------------------------------------

    def event_log(self) -> Dialog[None]:
        """Show the event log, newest first; keys act at once."""
        yield from show_event_log(self.terminal, "Switched Rack PDU: Communication Established")
