"""``apcbridge record``: a transcript of every screen that only shows, to teach apcbridge a new firmware."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apcbridge.console import screens
from apcbridge.console.access import Access, Credentials, DashC, Door, SessionState, enter, leave
from apcbridge.console.dialects import DialectId, rack_pdu
from apcbridge.errors import ConsoleError, GoalTimeout, LoginRefused, PasswordChangeForced, PortLost, ScreenUnrecognised
from apcbridge.tools.conversation import Conversation, walk_out
from apcbridge.tools.knock import Sound, knock
from apcbridge.tools.scrub import Scrubber
from apcbridge.tools.transcript import Side, Transcript, render
from apcbridge.tools.walk import COMMANDS, run_commands, walk_menus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from apcbridge.clock import Clock
    from apcbridge.pdu.ports import PortRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What came of it."""

    text: str
    """The file."""
    screens: int
    trouble: str
    """Why it ended early; empty if it did not."""
    left_over: tuple[str, ...]
    """Private words that may still be in the text."""


class Recorder:
    """Records one console, once."""

    def __init__(
        self,
        ports: PortRegistry,
        clock: Clock,
        credentials: Credentials,
        tell: Callable[[str], None],
        *,
        access: Access = Access.AUTO,
        scrub_names: bool = False,
        version: str = "",
    ) -> None:
        self._ports = ports
        self._clock = clock
        self._credentials = credentials
        self._tell = tell
        self._access = access
        self._names = scrub_names
        self._version = version
        self._transcript = Transcript()
        self._left: list[str] = []
        self._dialects: list[DialectId] = []

    async def run(self, url: str, bauds: Sequence[int]) -> Recording:
        """Record whatever can be reached; raises PortError, LoginRefused or PasswordChangeForced.

        A console that turns out strange half-way ends the recording early: what is there is the more valuable.
        """
        heard = await knock(self._ports, self._clock, url, bauds)
        if heard.sound is Sound.SILENCE:
            raise GoalTimeout("nothing answers: see apcbridge wiring")
        talk = Conversation(await self._ports.open(url, heard.baud), self._clock, self._transcript)
        door = Door(self._credentials, self._access, DashC.UNTRIED)
        trouble = ""
        try:
            await self._record(talk, door)
        except (LoginRefused, PasswordChangeForced):
            raise
        except (ConsoleError, PortLost) as error:
            trouble = str(error)
        finally:
            self._transcript.pause()
            await walk_out(talk, door)
        return self._finish(heard.baud, trouble)

    async def _record(self, talk: Conversation, door: Door) -> None:
        self._tell("logging in")
        self._transcript.begin("login")
        try:
            await talk.hold(enter(door, talk.memory, want_shell=self._access is Access.CLI))
        except ScreenUnrecognised:
            # A menu of no known dialect: its screens are what this tool is for.
            if talk.memory.screen is None:
                raise
        self._note_dialect(talk)
        if talk.memory.dialect in COMMANDS:
            await self._commands(talk)
            return
        self._tell("walking the menus")
        self._left = await talk.hold(walk_menus(talk.memory, self._transcript))
        if self._access is Access.AUTO and rack_pdu(talk.memory.dialect):
            await self._other_face(talk, door)

    async def _other_face(self, talk: Conversation, door: Door) -> None:
        """Record the ``-c`` command line as well, where the unit has it."""
        door.state = SessionState.LOGGED_IN
        await talk.hold(leave(door, talk.memory, told=False))
        self._transcript.begin("login with -c")
        await talk.hold(enter(door, talk.memory, want_shell=True))
        self._note_dialect(talk)
        if talk.memory.dialect in COMMANDS:
            await self._commands(talk)

    async def _commands(self, talk: Conversation) -> None:
        dialect = talk.memory.dialect or DialectId.D4
        self._tell(f"asking the command line {len(COMMANDS[dialect])} questions")
        self._left += await talk.hold(run_commands(self._transcript, dialect))

    def _note_dialect(self, talk: Conversation) -> None:
        if talk.memory.dialect is not None and talk.memory.dialect not in self._dialects:
            self._dialects.append(talk.memory.dialect)

    # --- the file ---

    def _finish(self, baud: int, trouble: str) -> Recording:
        scrubber = Scrubber(self._credentials.username, names=self._names)
        printed = [part.text for block in self._transcript.blocks for part in block.parts if part.side is Side.PRINTED]
        for text in printed:
            scrubber.learn(text)
            scrubber.learn_names(_listed_names(text))
        head = self._head(baud, trouble, scrubber)
        blocks = [block for block in self._transcript.blocks if block.parts]
        text = "\n".join(render(head, blocks, scrubber.scrub)) + "\n"
        return Recording(text=text, screens=len(blocks), trouble=trouble, left_over=scrubber.left_over(text))

    def _head(self, baud: int, trouble: str, scrubber: Scrubber) -> Iterator[str]:
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        names = ", names of outlets and PDU, contact, location" if self._names else ""
        yield "apcbridge transcript 1"
        yield f"recorded {now:%Y-%m-%d %H:%M} UTC with apcbridge {self._version}, {baud} baud"
        yield f"dialect {', '.join(self._dialects) or 'not known'}"
        yield f"replaced: serial numbers, MAC and IP addresses, user names{names}"
        if trouble:
            yield f"ended early: {scrubber.scrub(trouble)}"
        if self._left:
            yield "seen and left alone:"
            yield from (f"  {scrubber.scrub(label)}" for label in self._left)


def _listed_names(text: str) -> list[str]:
    """Return the names on the outlet list of an AP9210, which shows no states beside them."""
    try:
        screen = screens.parse_screen(text)
    except ScreenUnrecognised:
        return []
    if screen.title != "Outlet Manager":
        return []
    return [item.label for item in screen.items[:-1]]
