"""The words in which a dialog and the session speak: a dialog is a generator of steps, answered by replies.

    reply = yield Send("3")

The session sends, waits for the prompt, answers pagers on the way and watches the clock; the dialog reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, TypeVar

from apcbridge.console.scanner import split_lines
from apcbridge.errors import (
    CommandRejected,
    ConsoleError,
    GoalTimeout,
    OutletMismatch,
    ScreenUnrecognised,
    TableIncomplete,
)

if TYPE_CHECKING:
    from apcbridge.console.dialects import DialectId
    from apcbridge.console.events import Banner, Event
    from apcbridge.console.scanner import Prompt
    from apcbridge.console.screens import Screen
    from apcbridge.model import OutletState

ESC = "\x1b"
CTRL_C = "\x03"
CTRL_L = "\x0c"
ERASE = "\x7f" * 80 + "\x08" * 160
"""As long as a terminal's line, which a human or a killed predecessor may have left half typed. The manuals speak of
BACKSPACE and do not tell which of the two bytes that is. What the wrong one leaves in a line, where it is not ignored,
is erased by the other or spoils the line, which is just as good: it can then not be executed by our ENTER."""

PATIENCE_MOST_S = 7.0
"""Screens take up to 5 s; what was once put off still longer, by chatter, does not count."""


@dataclass(frozen=True, slots=True)
class Send:
    """Type ``text`` (and ENTER) and wait for the next prompt."""

    text: str = field(default="", repr=False)
    """Not shown: it may be a password."""
    _: KW_ONLY
    enter: bool = True
    secret: bool = False
    """Neither the text nor what the console makes of it may be shown in messages."""
    login: bool = False
    """A login prompt is a due answer; anywhere else it means that the console has left us."""
    actuates: bool = False
    """The PDU may act once ENTER is sent."""
    may_ask: bool = False
    """Chooses an action: the YES prompt in answer proves that nothing has been done yet."""
    echo_first: bool = False
    """Send ENTER only after the echo equals the text: what the line garbles is never executed."""
    silence_s: float | None = None
    """Silence for so long is an answer too (Prompt.NONE with what came); None: silence is a failure."""
    settle_s: float = 0.0
    """Accept a prompt only after so long a pause: an answer to an earlier key may still be on its way."""
    wants_input: bool = False
    """A question for a value is a due answer."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Report an event now; the answer to this step is meaningless."""

    event: Event


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait until that moment (monotonic seconds); the answer to this step is meaningless."""

    until: float


Step = Send | Emit | Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the console printed up to its prompt."""

    pages: tuple[str, ...]
    """The text between pagers, without the echo of what we typed."""
    prompt: Prompt
    at: float
    """When the prompt was recognised, monotonic seconds."""
    echoed: bool = False
    """What we typed stood before the pages, to the letter."""

    @property
    def text(self) -> str:
        """All pages in a row."""
        return "".join(self.pages)

    @property
    def lines(self) -> list[str]:
        """Lines of all pages that are not blank, without the prompt's own line."""
        return [line.rstrip() for line in split_lines(self.text)[:-1] if line.strip()]


Result = TypeVar("Result")
Dialog = Generator[Step, Reply, Result]


class LoginPromptSeen(ScreenUnrecognised):
    """The console asks for a login where none was due: it has logged us off, or the NMC has restarted."""

    def __init__(self, message: str, prompt: Prompt) -> None:
        super().__init__(message)
        self.prompt = prompt


class NothingHeard(GoalTimeout):
    """Nothing at all came where something must."""


GARBLED = (OutletMismatch, ScreenUnrecognised, TableIncomplete)
"""What a noisy line makes of a screen. After an actuation such a screen is read again: only reading is left."""


@dataclass(slots=True)
class Memory:
    """What one session has learned about its console; dialogs read and extend it."""

    dialect: DialectId | None = None
    banner: Banner | None = None
    account: str | None = None
    """Type of account as the last banner printed it."""
    outlets: int | None = None
    """How many outlets there are: configured, or seen on a whole list."""
    listed_names: tuple[str, ...] | None = None
    """Names on the last list believed; other names are believed when a second list agrees."""
    noisy: bool = False
    """Something came garbled on this line: names are not believed from one list, not even the first."""
    screen: Screen | None = None
    """The menu screen on which the cursor stands."""
    items: dict[int, int] = field(default_factory=dict)
    """Outlet number -> menu item, from the last whole list."""
    names: dict[int, str] = field(default_factory=dict)
    """Outlet number -> name, from the same list."""
    states: dict[int, OutletState] = field(default_factory=dict)
    """Outlet number -> state, from the same list; only what a command was given upon."""
    renumbered: bool = False
    """The list counts only the outlets of this account (outlet users), so items are not outlet numbers."""
    echoes: bool | None = None
    """Whether the console echoes what we type; None until seen."""
    echoes_keys: bool | None = None
    """Whether it does so key by key, before the ENTER; None until seen. One that reads whole lines does not."""
    pager_pause_s: float = 0.0
    """How long to wait before answering a pager; not nought once an answer was lost."""
    slowest_s: float = 0.0
    """The longest that this console has taken for a screen: an answer is not given up for lost before."""
    state_width: int | None = None
    """Width of the state column of the ``-c`` command line, from the last whole list."""
    limits: dict[str, tuple[dict[int, int], dict[int, int], dict[int, int]]] = field(default_factory=dict)
    """Thresholds of phases (``ph``) and banks (``bk``) where the console tells them: low, near overload, overload;
    each by number, in amperes. Read rarely, reported with every load."""
    refusals: Counter[str] = field(default_factory=Counter)
    """How often in a row this firmware has answered a command with an error; twice, and it is not asked again."""

    @property
    def is_outlet_user(self) -> bool:
        """The account may see some outlets only."""
        return self.account is not None and "outlet" in self.account.casefold()

    def knows_names(self, names: tuple[str, ...]) -> bool:
        """Tell whether one list that shows these names may be believed."""
        return self.listed_names == names or (self.listed_names is None and not self.noisy)

    def patience_s(self, least_s: float) -> float:
        """How long to wait for an answer that may never come, on a console that may be one of the slow ones."""
        return min(max(least_s, self.slowest_s + 1.0), max(least_s, PATIENCE_MOST_S))

    def forget_place(self) -> None:
        """Forget where in the menus we are. What was listed is kept: it is compared with a fresh list before use."""
        self.screen = None


def next_step(dialog: Dialog[Result], answer: Reply | ConsoleError | None) -> Step:
    """Begin a dialog, or hand it how its last step ended, and return its next one; StopIteration holds its result."""
    if answer is None:
        return next(dialog)
    if isinstance(answer, ConsoleError):
        return dialog.throw(answer)
    return dialog.send(answer)


def check_typable(text: str) -> None:
    """Raise CommandRejected unless a value can be typed as it is: a control character would be a key of its own."""
    if not (text.isascii() and text.isprintable()):
        raise CommandRejected(f"{text!r} cannot be typed into a console")


def check_address(text: str) -> None:
    """Raise CommandRejected unless the text is a dotted IPv4 address."""
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdecimal() and int(part) < 256 for part in parts):
        raise CommandRejected(f"{text!r} is no IPv4 address")
