"""Bytes to text, and the prompt that ends it.

A prompt counts only as the last line of what has arrived. What is sure to end a screen is accepted at once;
what could be the start of something longer (``"> "`` without a known footer before it) only after a pause.
"""

from __future__ import annotations

import re
from enum import StrEnum

from apcbridge.errors import ScreenUnrecognised

LIMIT_BYTES = 16 * 1024
"""More than four times the longest screen known (24 outlets); beyond it the line is babbling."""

_TAIL_CHARS = 160
"""The longest prompt is 68 characters; a longer last line is none."""


class Prompt(StrEnum):
    """What the console waits for."""

    NONE = "nothing"
    """Nothing came, or nothing that we know: only where a step allows silence."""
    USER = "user name"
    PASSWORD = "password"  # noqa: S105 (the name of a prompt)
    NEW_PASSWORD = "new password"  # noqa: S105
    MENU = "menu"
    EVENT_LOG = "event log"
    SHELL = "apc>"
    DASH_C = "APC>"
    PAGER = "pager"
    CONFIRM = "confirm"
    INPUT = "input"
    """A value is asked for; only where a step expects it."""
    BYE = "bye"


PAGER = r"Press (?:<ENTER>|Enter) to continue ?\.\.\."
OTHER_PAGER = (
    r"(?:Press|Hit) (?:[<\[]?(?:ENTER|RETURN)[>\]]?|any key) (?:to continue|for more)[ .:]*|-{1,8} ?More ?-{1,8} ?"
)
"""Words that no source has for it, in any letter case. None that offers a choice: that could be a question."""
_PROMPT_OF_SHELL = r"(?:[^\s@:>][^@:>]{0,31}@)?apc>"
"""The long form bears the account or its type, ``Super User@apc>``. Without a colon: a row with such a name has one."""
_SURE = (
    (Prompt.PAGER, re.compile(rf"\s*{PAGER}\s*")),
    (Prompt.CONFIRM, re.compile(r"\s*Enter 'YES' to continue or <ENTER> to cancel ?: ")),
    (Prompt.USER, re.compile(r"\s*User Name {1,4}: ")),
    (Prompt.PASSWORD, re.compile(r"\s*Password {1,4}: ")),
    (Prompt.NEW_PASSWORD, re.compile(r"\s*(?:Enter (?:current|new)|Confirm new|Re-?enter new) password ?: ")),
    (Prompt.DASH_C, re.compile(r"APC> ?")),
    (Prompt.SHELL, re.compile(rf"{_PROMPT_OF_SHELL} ?")),
)
_AFTER_A_PAUSE = (
    (Prompt.PAGER, re.compile(rf"\s*(?:{OTHER_PAGER})\s*", re.IGNORECASE)),
    (Prompt.MENU, re.compile(r"> ?")),
    (Prompt.CONFIRM, re.compile(r"\s*Enter 'YES' to continue or <ENTER> to cancel ?:")),
    (Prompt.USER, re.compile(r"\s*User Name {1,4}:")),
    (Prompt.PASSWORD, re.compile(r"\s*Password {1,4}:")),
    (Prompt.NEW_PASSWORD, re.compile(r"\s*(?:Enter (?:current|new)|Confirm new|Re-?enter new) password ?:")),
)
_INPUT = re.compile(r"\s*\S.*[:>?=] ?")
_MENU_PROMPT = re.compile(r"> ?")
_BYE = re.compile(r"(?:Connection Closed - )?Bye\.?\s*")
_BURIED = (
    (Prompt.PAGER, re.compile(rf"\s*{PAGER}\s*")),
    (Prompt.USER, re.compile(r"User Name {1,4}: .*")),
    (Prompt.DASH_C, re.compile(r"APC>.*")),
    (Prompt.SHELL, re.compile(rf"{_PROMPT_OF_SHELL}.*")),
)
"""Prompts that still count when a line that nobody asked for was printed after them. Not the one for the
password, which is only given where nothing stands between, and not the one for YES."""
_BURIED_DEPTH = 6
_LAST_OF_PROMPTS = frozenset(" >:.")
_PADDING = bytes((0x00, 0x07))
"""Old terminals needed NUL after a line end, and BEL rings at a wrong choice: neither is text."""
_CONTROL = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*([@-~])|[()][0-9AB]|[=78])")
"""Colours, clearing, moves of the cursor. No transcript has any; a terminal server between may add them."""
_BEGUN_CONTROL = re.compile(rb"\x1b(?:\[[0-?]{0,16}[ -/]{0,2}|[()])?\Z")
_MOVES = b"ABEFHJfd"
"""Ends of those after which the text goes on in another line, or on a cleared screen."""
_LINE_END = re.compile(r"\r\n|\n|\r")

_FOOTER_KEY = r"(?:\?|<[A-Z-]{1,9}>)- (?!Exit)[A-Z][\w ]{1,20}"
FOOTER = re.compile(rf"\s*(?=.*<(?:ESC|ENTER)>- )(?:{_FOOTER_KEY}, ){{0,6}}{_FOOTER_KEY}\s*")
"""The keys that a menu takes, in whatever order."""
LOG_FOOTER = re.compile(r"\s*<ESC>- Exit, <ENTER>- Refresh(?:, <SPACE>- Next)?(?:, <B>- Back)?(?:, <D>- Delete)?\s*")


def split_lines(text: str) -> list[str]:
    r"""Split at CRLF, LF and lone CR: the row after a pager follows a bare ``\r``."""
    return _LINE_END.split(text)


class Scanner:
    """Collects what the console prints until a prompt ends it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._last_line_at = 0
        """Where the last line begins; kept so that a slow drip of bytes costs linear time."""
        self._begun = b""
        """The beginning of a control sequence whose end has not come yet."""

    def __len__(self) -> int:
        return len(self._buffer)

    @property
    def blank(self) -> bool:
        """Nothing but white space has come."""
        return not self._buffer or self._buffer.isspace()

    @property
    def text(self) -> str:
        """What has come since the last :meth:`take`."""
        return self._buffer.decode("latin-1")

    def feed(self, data: bytes) -> None:
        """Append; raises ScreenUnrecognised when the console has printed more than any screen holds."""
        data = self._without_controls(data.translate(None, _PADDING))
        if len(self._buffer) + len(data) > LIMIT_BYTES:
            self.clear()
            raise ScreenUnrecognised(f"more than {LIMIT_BYTES} bytes without a prompt that we know")
        start = len(self._buffer)
        self._buffer += data
        newest = max(self._buffer.rfind(b"\n", start), self._buffer.rfind(b"\r", start))
        if newest >= 0:
            self._last_line_at = newest + 1

    def _without_controls(self, data: bytes) -> bytes:
        """Take out terminal control sequences; a move of the cursor ends the line."""
        if not self._begun and b"\x1b" not in data:
            return data
        data = _CONTROL.sub(lambda found: b"\n" if found[1] and found[1] in _MOVES else b"", self._begun + data)
        begun = _BEGUN_CONTROL.search(data)
        self._begun = begun[0] if begun else b""
        return data[: begun.start()] if begun else data

    def clear(self) -> None:
        """Forget everything."""
        self._buffer.clear()
        self._last_line_at = 0

    def take(self) -> str:
        """Return the text and forget it."""
        text = self.text
        self.clear()
        return text

    def prompt(self, *, quiet: bool) -> Prompt:
        """Name the prompt at the end of the text; ``quiet`` tells that nothing has come for a while."""
        tail = self._tail()
        if not tail:
            return self._farewell()
        if len(self._buffer) - self._last_line_at > _TAIL_CHARS or not (quiet or tail[-1] in _LAST_OF_PROMPTS):
            return Prompt.NONE
        for prompt, grammar in _SURE:
            if grammar.fullmatch(tail):
                return prompt
        if _MENU_PROMPT.fullmatch(tail):
            return self._menu_prompt(tail, quiet=quiet)
        if quiet:
            for prompt, grammar in _AFTER_A_PAUSE:
                if grammar.fullmatch(tail):
                    return prompt
        return Prompt.NONE

    def buried_prompt(self) -> Prompt:
        """Name the prompt after which the console has printed something unasked; ask only after a pause."""
        window = self._buffer[-_BURIED_DEPTH * _TAIL_CHARS :].decode("latin-1")
        lines = [line for line in split_lines(window) if line.strip()][-_BURIED_DEPTH:]
        for position, line in reversed(list(enumerate(lines))):
            above = lines[position - 1] if position else ""
            if line.startswith(">") and FOOTER.fullmatch(above):
                return Prompt.MENU
            for prompt, grammar in _BURIED:
                if grammar.fullmatch(line):
                    return prompt
        return Prompt.NONE

    def input_prompt(self) -> bool:
        """Tell whether the last line looks like a question for a value; ask only after a pause."""
        return _INPUT.fullmatch(self._tail()) is not None

    def _menu_prompt(self, tail: str, *, quiet: bool) -> Prompt:
        above = self._line_above()
        if LOG_FOOTER.fullmatch(above):
            return Prompt.EVENT_LOG
        sure = tail == "> " and FOOTER.fullmatch(above) is not None
        return Prompt.MENU if sure or quiet else Prompt.NONE

    def _farewell(self) -> Prompt:
        return Prompt.BYE if _BYE.fullmatch(self._line_above()) else Prompt.NONE

    def _tail(self) -> str:
        return self._buffer[self._last_line_at :][:_TAIL_CHARS].decode("latin-1")

    def _line_above(self) -> str:
        """Return the last line above the prompt that is not blank."""
        window = self._buffer[max(0, self._last_line_at - 2 * _TAIL_CHARS) : self._last_line_at].rstrip()
        return split_lines(window.decode("latin-1"))[-1] if window else ""
