r"""What went over a line, block by block, as text that can be read, published and replayed. Pure.

A transcript is a head of ``#`` lines and blocks::

    == Control Console > Device Manager
    > 1\r
    < 1\r\n
    < \r\n
    < ------- Device Manager -------------\r\n

``>`` was typed, ``<`` was printed; a line of the file ends where the console's did, or where the other side spoke.
Bytes outside of printable ASCII are ``\r``, ``\n``, ``\t`` or ``\xNN``, a backslash is doubled. What was typed at a
password prompt is ``> <secret>``, and its echo has eight stars, however many came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SECRET = "<secret>"  # noqa: S105 - what stands for one
_ESCAPES = {"\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t"}
_UNESCAPED = {escaped: plain for plain, escaped in _ESCAPES.items()}
_ESCAPED = re.compile(r"\\(?:\\|r|n|t|x[0-9a-f]{2})")
_ECHO = re.compile(r"^\*+")


class Side(Enum):
    """Who spoke."""

    TYPED = ">"
    PRINTED = "<"


@dataclass(slots=True)
class Part:
    """What one side said before the other did; bytes as latin-1."""

    side: Side
    text: str
    secret: bool = False


@dataclass(slots=True)
class Block:
    """One screen or one answer."""

    title: str
    parts: list[Part] = field(default_factory=list)


class Transcript:
    """Listens in on a line (see :class:`~apcbridge.tools.conversation.Tap`) and keeps what it is told to keep."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._block: Block | None = None

    def begin(self, title: str) -> None:
        """Start a block: what comes now belongs to it."""
        self._block = Block(title)
        self.blocks.append(self._block)

    def pause(self) -> None:
        """Keep nothing of what comes now: it was recorded before."""
        self._block = None

    def typed(self, data: bytes, *, secret: bool) -> None:
        """Note what was typed; a secret leaves only that there was one."""
        self._add(Part(Side.TYPED, "" if secret else data.decode("latin-1"), secret))

    def heard(self, data: bytes) -> None:
        """Note what was printed."""
        self._add(Part(Side.PRINTED, data.decode("latin-1")))

    def _add(self, part: Part) -> None:
        if self._block is None:
            return
        parts = self._block.parts
        if parts and parts[-1].side is part.side and parts[-1].secret == part.secret:
            parts[-1].text += part.text
        else:
            parts.append(part)


def render(head: Iterable[str], blocks: Iterable[Block], scrub: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of the file, every text scrubbed."""
    yield from (f"# {line}".rstrip() for line in head)
    for block in blocks:
        yield ""
        yield f"== {scrub(block.title)}"
        after_secret = False
        for part in block.parts:
            if part.secret:
                yield f"{part.side.value} {SECRET}"
            else:
                text = _ECHO.sub("*" * 8, part.text) if after_secret else part.text
                yield from (f"{part.side.value} {escape(line)}" for line in _lines(scrub(text)))
            after_secret = part.secret


def parse(text: str) -> list[Block]:
    """Read a transcript again; raises ValueError on a line that is none of one."""
    blocks: list[Block] = []
    for line in text.splitlines():
        mark, _, rest = line.partition(" ")
        if not line or mark == "#":
            continue
        if mark == "==":
            blocks.append(Block(rest))
        elif mark in (">", "<") and blocks:
            _append(blocks[-1].parts, Side(mark), rest)
        else:
            raise ValueError(f"no line of a transcript: {line[:40]!r}")
    return blocks


def _append(parts: list[Part], side: Side, rest: str) -> None:
    secret = side is Side.TYPED and rest == SECRET
    text = "" if secret else unescape(rest)
    if parts and parts[-1].side is side and parts[-1].secret == secret:
        parts[-1].text += text
    else:
        parts.append(Part(side, text, secret))


def escape(text: str) -> str:
    """Write bytes (as latin-1) in printable ASCII."""
    return "".join(_ESCAPES.get(c, c if " " <= c <= "~" else f"\\x{ord(c):02x}") for c in text)


def unescape(text: str) -> str:
    """Read what :func:`escape` wrote."""
    return _ESCAPED.sub(lambda m: _UNESCAPED.get(m[0]) or chr(int(m[0].removeprefix("\\x"), 16)), text)


def _lines(text: str) -> list[str]:
    return [line for line in re.split(r"(?<=\n)", text) if line]
