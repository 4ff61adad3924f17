"""Outlet list, outlet page, control and configuration: what every menu dialect has, with its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.sim.faces import layout
from apcbridge.sim.faces.layout import INDENT
from apcbridge.sim.faces.menu import Item, MenuFace, Setting
from apcbridge.sim.relays import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apcbridge.sim.dialog import Dialog

_BACK = "     <ESC>- Back, <ENTER>- Refresh"
_CONTROL_PAD = 26

ACTION_WORDS = {
    Action.ON: "Immediate On",
    Action.OFF: "Immediate Off",
    Action.REBOOT: "Immediate Reboot",
    Action.DELAYED_ON: "Delayed On",
    Action.DELAYED_OFF: "Delayed Off",
    Action.DELAYED_REBOOT: "Delayed Reboot",
    Action.CANCEL: "Cancel",
}


class OutletMenus(MenuFace):
    """The outlet screens; a dialect overrides the words, the order of actions and the form of a row."""

    list_title = "Outlet Control/Configuration"
    control_title = "Control Outlet"
    configure_title = "Configure Outlet"

    # -- words that differ ---------------------------------------------------------------------------------

    def actions(self) -> Sequence[tuple[str, Action | None]]:
        """Return the control menu, in order; None stands for an item that this simulation does nothing for."""
        return [(self.action_words(action), action) for action in ACTION_WORDS]

    def action_words(self, action: Action) -> str:
        """Return an action's label; outlet users see the cancel item by another name."""
        if action is Action.CANCEL and self.user.outlet_user:
            return "Cancel Pending Commands"
        return ACTION_WORDS[action]

    def row(self, position: int, outlet: int) -> str:
        """One row of the list."""
        wide = self.terminal.quirks.row_name_width
        name, state = self.firmware.settings(outlet).name, self.firmware.state_text(outlet)
        group = self.terminal.quirks.group_column if outlet % 2 == 0 else ""
        return layout.item(position, f"{name:<{wide}}{f'{state:<6}{group}' if group else state}")

    def master_label(self) -> str:
        """Return the last item of the list."""
        return "Master Control/Configuration"

    def outlet_title(self, outlet: int) -> str:
        """Return the title of the outlet's page: its name."""
        wide = layout.WIDTH - 1 if self.terminal.quirks.outlet_title_short else layout.WIDTH
        return layout.title(self.firmware.settings(outlet).name, wide)

    def outlet_info(self, outlet: int) -> list[str]:
        """Return the block on the outlet's pages."""
        return layout.info(
            [
                ("Name", self.firmware.settings(outlet).name),
                ("Outlet", str(outlet)),
                ("State", self.firmware.state_text(outlet)),
            ]
        )

    def control_label(self, _outlet: int) -> str:
        """Return the first item of the outlet's page."""
        return self.control_title

    def success_line(self, _words: str) -> str:
        """Return the line behind an accepted command."""
        return "Command successfully issued."

    # -- the list ------------------------------------------------------------------------------------------

    def visible_outlets(self) -> list[int]:
        """Return the outlets of this account; an outlet user's are renumbered by position in the list."""
        return list(self.user.outlets or self.firmware.relays.numbers)

    def outlet_list(self) -> Dialog[None]:
        """Show the list of outlets, stopped by the pager behind its 22nd row where more follow."""

        def items() -> list[Item]:
            rows = [self._open(outlet) for outlet in self.visible_outlets()]
            return [*rows, Item(self.master_label(), self.master_page)]

        def paint(_choices: Sequence[Item]) -> Dialog[None]:
            yield from self.terminal.screen("outlet_list")
            self.line()
            self.line(layout.title(self.list_title))
            if self.terminal.quirks.blank_after_list_title:
                self.line()
            yield from self.list_rows()
            self.line()
            self.footer(_BACK)

        yield from self.serve("outlet_list", paint, items, fixed=True)

    def list_rows(self) -> Dialog[None]:
        """Print the rows and the master's line."""
        rows = [self.row(position, outlet) for position, outlet in enumerate(self.visible_outlets(), 1)]
        rows.append(layout.item(len(rows) + 1, self.master_label()))
        stop = self.terminal.quirks.pager_after_row
        for number, text in enumerate(rows, 1):
            self.line(text)
            # The master's line never comes alone behind the pager: 22 outlets would need no stop.
            if number == stop and len(rows) > number + 1:
                yield from self.pager("outlet_list.pager")
                yield from self.terminal.at("outlet_list.rest")
                # After the pager the rows go on behind a bare CR (fence-agents dbd62638).
                self.terminal.put("\r")

    def _open(self, outlet: int) -> Item:
        def page() -> Dialog[None]:
            if self.user.outlet_user:
                yield from self.control_page([outlet])
            else:
                yield from self.outlet_page(outlet)

        return Item(self.firmware.settings(outlet).name, page)

    # -- one outlet ----------------------------------------------------------------------------------------

    def outlet_page(self, outlet: int) -> Dialog[None]:
        """Show the outlet's page: control or configure."""

        def paint(choices: Sequence[Item]) -> Dialog[None]:
            yield from self.terminal.screen("outlet")
            self.line()
            self.line(self.outlet_title(outlet))
            self._choices(self.outlet_info(outlet), choices)

        items = [
            Item(self.control_label(outlet), lambda: self.control_page([outlet])),
            Item(self.configure_title, lambda: self.configure_page(outlet)),
        ]
        yield from self.serve("outlet", paint, lambda: items)

    def control_page(self, outlets: list[int], *, master: bool = False) -> Dialog[None]:
        """Show the actions for one outlet, or for all."""
        title = self.all_title() if master else self.control_title

        def paint(choices: Sequence[Item]) -> Dialog[None]:
            yield from self.terminal.screen("control")
            self.line()
            self.line(layout.title(title))
            self._choices(self._control_info(outlets, master=master), choices)

        yield from self.serve("control", paint, lambda: self._control_items(outlets, master=master))

    def _control_info(self, outlets: list[int], *, master: bool) -> list[str]:
        return self.master_info() if master else self.outlet_info(outlets[0])

    def _control_items(self, outlets: list[int], *, master: bool) -> list[Item]:
        def choose(words: str, action: Action | None) -> Callable[[], Dialog[None]] | None:
            if action is None:
                return None
            return lambda: self._command(words, action, outlets, master=master)

        return [Item(words, choose(words, action)) for words, action in self.actions()]

    def _choices(self, info: Sequence[str], choices: Sequence[Item]) -> None:
        wide = _CONTROL_PAD if self.terminal.quirks.trailing_blanks else 0
        self.line()
        self.lines(info)
        self.line()
        self.lines([layout.item(n, choice.label.ljust(wide)) for n, choice in enumerate(choices, 1)])
        self.line()
        self.footer(_BACK, help_too=True)

    def _command(self, words: str, action: Action, outlets: list[int], *, master: bool) -> Dialog[None]:
        def act() -> None:
            self.firmware.accept(action, outlets, self.now, f"menu:{self.user.name}")

        sentence = self.all_sentence(words, action) if master else self.sentence(words, action, outlets[0])
        yield from self.confirm(sentence, act, self.success_line(words))

    def sentence(self, words: str, action: Action, outlet: int) -> list[str]:
        """Return what the confirmation says; only the one for Immediate Reboot is attested."""
        if self.terminal.quirks.confirm_bare:
            return [words]
        setting = self.firmware.settings(outlet)
        named = f"outlet {outlet} named '{setting.name}'"
        match action:
            case Action.REBOOT:
                tail = [f"{named}, delay for {setting.reboot_duration_s} seconds,", "and then restart."]
                return [words, "This command will immediately shutdown", *tail]
            case Action.ON:
                return [words, "This command will immediately turn on", f"{named}."]
            case Action.OFF:
                return [words, "This command will immediately shutdown", f"{named}."]
            case Action.CANCEL:
                return [words, "This command will cancel any pending command for", f"{named}."]
            case _:
                return [words, "This command will act after the configured delay on", f"{named}."]

    # -- all outlets ---------------------------------------------------------------------------------------

    def all_title(self) -> str:
        """Return the title of the control page for all outlets."""
        return "Control of ALL Accessible Outlets" if self.user.outlet_user else "Control of ALL Outlets"

    def all_sentence(self, words: str, action: Action) -> list[str]:
        """Return what the confirmation for all outlets says (guess)."""
        if self.terminal.quirks.confirm_bare:
            return [words]
        kind = "cancel all pending commands of" if action is Action.CANCEL else "act on"
        return [words, f"This command will {kind} ALL accessible outlets."]

    def master_info(self) -> list[str]:
        """Return the block on the page for all outlets (guess: none but the word)."""
        return [] if self.terminal.quirks.sparse else layout.info([("Outlet", "ALL")])

    def master_page(self) -> Dialog[None]:
        """Show the page behind the list's last item."""
        outlets = self.visible_outlets()
        yield from self.menu(
            "master",
            self.master_label(),
            lambda: [Item(self.all_title(), lambda: self.control_page(outlets, master=True))],
        )

    # -- configuration -------------------------------------------------------------------------------------

    def configure_page(self, outlet: int) -> Dialog[None]:
        """Name, delays and reboot duration (items 2 to 5 are attested, 1 is inferred)."""
        setting = self.firmware.settings(outlet)

        def read() -> list[Setting]:
            delay = "{} Range: -1 to 7200 sec, where -1=Never"
            return [
                Setting("Outlet Name", setting.name, "Outlet Name: up to 23 characters", _is_name),
                Setting(
                    "Power On Delay(sec)",
                    str(setting.on_delay_s),
                    delay.format("Power On Delay"),
                    _is_number(-1, 7200),
                ),
                Setting(
                    "Power Off Delay(sec)",
                    str(setting.off_delay_s),
                    delay.format("Power Off Delay"),
                    _is_number(-1, 7200),
                ),
                Setting(
                    "Reboot Duration(sec)",
                    str(setting.reboot_duration_s),
                    "Reboot Duration Range: 5 to 60 sec",
                    _is_number(5, 60),
                ),
            ]

        def accept(values: list[str]) -> None:
            name, *numbers = values
            self.firmware.configure(outlet, "name", name, self.now)
            for field, value in zip(("on_delay_s", "off_delay_s", "reboot_duration_s"), numbers, strict=True):
                self.firmware.configure(outlet, field, int(value), self.now)

        yield from self.settings_screen("configure", self.configure_title, read, accept, help_too=True)

    def unavailable(self, step: str, title: str, text: str) -> Dialog[None]:
        """Show a screen that says one thing."""
        yield from self.menu(step, title, list, body=lambda: [INDENT + text])


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 23


def _is_number(low: int, high: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        return text.removeprefix("-").isdecimal() and low <= int(text) <= high

    return check
