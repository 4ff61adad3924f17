"""``apcbridge recover``: back in by the reset button, step by step, with a person at the rack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.console.access import Access, Credentials, DashC, Door
from apcbridge.errors import (
    ApcBridgeError,
    CommandRejected,
    ConsoleError,
    GoalTimeout,
    LoginRefused,
    ScreenUnrecognised,
)
from apcbridge.tools.conversation import Conversation, walk_out
from apcbridge.tools.knock import Sound, knock
from apcbridge.tools.passwords import (
    FACTORY,
    Entry,
    NoSuchScreen,
    Unit,
    Within,
    answer_forced,
    complaint,
    log_in,
    set_on_menus,
    set_on_shell,
    wait_for_login,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apcbridge.clock import Clock
    from apcbridge.pdu.ports import PortRegistry
    from apcbridge.tools.terminal import Terminal

PATIENCE = 15
"""Rounds of some ten seconds: a card takes half a minute to two minutes to start."""

_WELCOME = """\
This brings back the password apc of the account apc, for a card whose password
is lost. You press the reset button of the PDU; the rest happens here.

  - No outlet is switched: the button restarts the management card only.
  - Delayed commands that wait in the card's memory are lost.
  - The button is a small one, behind a hole beside the RJ12 or the network
    socket: have a straightened paper clip at hand.
  - Ctrl-C breaks it off at any step and logs the console out."""

_WHICH = """\
Which unit is it?
  1  AP79xx without a B at the end, or a MasterSwitch (AOS 1 to 3: menus)
  2  AP8xxx, AP79xxB or newer (AOS 5 or 6, or NMC3: a command line)
  3  not sure"""

_UNITS = {"1": Unit.MENUS, "2": Unit.SHELL, "3": Unit.UNSURE}

_TWO_PRESSES = """\
  1. Press Reset, short. After 5 to 7 seconds the Status LED flashes orange (red on
     some) and green in turns.
  2. While it flashes so, press Reset a second time, at once."""

_LONG_PRESS = """\
If the LED does not flash so: hold Reset down instead, for some 20 seconds. Green
flashing means pressed, orange flashing means that the reset begins: let go then.
Mind: this way the whole set-up of accounts goes back to the factory's."""

_WEB_ONLY = """\
This firmware keeps its accounts on the web page only. The password apc holds for
the moment, so: connect the card's Ethernet port, open http:// and the card's
address (apcbridge probe PORT shows it), log in as apc with password apc, accept
the licence if it asks, and set the password under Administration or System > User
Manager. If apc is refused there, press the button again: it holds 30 seconds."""


class NotRecovered(ApcBridgeError):
    """The password is as it was, or nobody knows: the message says which."""


class Recovery:
    """One recovery at one port."""

    def __init__(self, terminal: Terminal, ports: PortRegistry, clock: Clock, patience: int = PATIENCE) -> None:
        self._terminal = terminal
        self._ports = ports
        self._clock = clock
        self._patience = patience
        self._unit = Unit.UNSURE

    async def run(self, url: str, bauds: Sequence[int]) -> None:
        """Guide a person through it; raises NotRecovered, PortError, ConsoleError or NobodyAnswers."""
        self._terminal.say(_WELCOME)
        if not await self._terminal.confirm("\nShall we begin?", default=True):
            raise NotRecovered("nothing was done")
        heard = await knock(self._ports, self._clock, url, bauds)
        if heard.sound is not Sound.CONSOLE:
            raise NotRecovered(f"the line answers with {heard.sound}: mend that first (apcbridge wiring)")
        self._terminal.say(f"The console answers at {heard.baud} baud: cable and port are right.\n")
        await self._ask_unit()
        password = await self._ask_password()
        talk = Conversation(await self._ports.open(url, heard.baud), self._clock)
        door = _door(FACTORY)
        try:
            await self._set(talk, await self._get_in(talk, door), password)
        finally:
            await walk_out(talk, door)
        await self._prove(url, heard.baud, password)

    async def _ask_unit(self) -> None:
        self._terminal.say(_WHICH)
        while (answer := await self._terminal.ask("Unit:", "3")) not in _UNITS:
            self._terminal.say("Please answer 1, 2 or 3.")
        self._unit = _UNITS[answer]

    async def _ask_password(self) -> str:
        """Ask before the button is pressed: after it there are 30 seconds."""
        self._terminal.say()
        while True:
            password = await self._terminal.ask_secret(f"New password for the account {FACTORY}:")
            wrong = complaint(password, self._unit)
            if not wrong and await self._terminal.ask_secret("Once more:") != password:
                wrong = "the two are not the same"
            if not wrong:
                return password
            self._terminal.say(f"That will not do: {wrong}.")

    # --- the button ---

    async def _get_in(self, talk: Conversation, door: Door) -> Entry:
        """Have the button pressed until the login succeeds."""
        while True:
            self._terminal.say(f"\nNow at the PDU:\n{_TWO_PRESSES}")
            if self._unit is not Unit.MENUS:
                self._terminal.say(f"\n{_LONG_PRESS}")
            await self._terminal.ask("\nPress Enter here as soon as you have pressed it the second time.")
            self._terminal.say("Watching the line until the card is back (up to two minutes) ...")
            try:
                return await talk.hold(wait_for_login(door, talk.memory, self._patience))
            except LoginRefused:
                self._terminal.say(
                    "The card is back and refuses apc: the second press was missed, or the 30 seconds were over.\n"
                    "After three refusals some cards accept nobody for two minutes: wait before the next try then."
                )
            except (GoalTimeout, ScreenUnrecognised):
                self._terminal.say("The card has not come back. Look at its LEDs, and at the cable.")
            if not await self._terminal.confirm("Try again from the button on?", default=True):
                raise NotRecovered("not logged in; the password is as it was")

    # --- the password ---

    async def _set(self, talk: Conversation, entry: Entry, password: str) -> None:
        forced = entry.within is Within.FORCED
        self._terminal.say("The card insists on a new password." if forced else "Logged in.")
        wrong = complaint(password, Unit.MENUS if entry.within is Within.MENUS else Unit.SHELL)
        if wrong:
            raise NotRecovered(f"the new password does not fit this unit after all: {wrong}; begin anew")
        match entry.within:
            case Within.MENUS:
                await self._set_on_menus(talk, password)
            case Within.SHELL:
                await self._set_on_shell(talk, password)
            case Within.FORCED:
                await self._answer_forced(talk, entry.question, password)

    async def _set_on_menus(self, talk: Conversation, password: str) -> None:
        try:
            await talk.hold(set_on_menus(talk.memory, password))
        except NoSuchScreen as missing:
            self._terminal.say(f"\n{_WEB_ONLY}")
            raise NotRecovered(f"the console does not offer it: {missing}") from missing

    async def _set_on_shell(self, talk: Conversation, password: str) -> None:
        try:
            await talk.hold(set_on_shell(talk.memory, password))
        except CommandRejected as refused:
            raise NotRecovered(
                f"{refused}; the account apc has the password apc now: log in with a terminal program and see user ?"
            ) from refused

    async def _answer_forced(self, talk: Conversation, question: str, password: str) -> None:
        if not await self._terminal.confirm("Answer its questions with the password that you gave?", default=False):
            raise NotRecovered(
                "nothing was typed; log in as apc with a terminal program and answer it yourself, in three minutes, "
                "when the console has logged itself off"
            )
        try:
            await talk.hold(answer_forced(question, password))
        except CommandRejected as refused:
            raise NotRecovered(str(refused)) from refused

    async def _prove(self, url: str, baud: int, password: str) -> None:
        """Log in with the new password: nothing else shows that it was taken."""
        talk = Conversation(await self._ports.open(url, baud), self._clock)
        door = _door(password)
        try:
            await talk.hold(log_in(door, talk.memory))
        except ConsoleError as error:
            raise NotRecovered(
                f"the new password could not be confirmed ({error}); try it by hand, and apc, before you begin anew"
            ) from error
        finally:
            await walk_out(talk, door)
        self._terminal.say(f"\nDone: user {FACTORY}, with the new password; it was proved by logging in.")
        self._terminal.say("Put it into the password file of the configuration, and the cables back where they were.")


def _door(password: str) -> Door:
    return Door(Credentials(FACTORY, password), Access.MENU, DashC.REFUSED)
