"""What is typed into a console: the input buffer, line ends, control keys and the line being edited. Pure."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from apcbridge.sim.quirks import Crlf

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.sim.quirks import Quirks

_CR, _LF, _BACKSPACE, _DELETE = 0x0D, 0x0A, 0x08, 0x7F
_BUFFER_CAP = 4096
_LINE_CAP = 255


class Key(Enum):
    """Keys that act at once."""

    ESC = 0x1B
    CTRL_C = 0x03
    CTRL_L = 0x0C
    ENTER = _CR


_CONTROL = {key.value: key for key in Key}


class Echo(StrEnum):
    """How typed characters come back."""

    PLAIN = "plain"
    STARS = "stars"
    NONE = "none"


class Keyboard:
    """Bytes wait here until a dialog asks for them, so typing ahead works as it does on the device."""

    def __init__(self, quirks: Quirks, echo: Callable[[str], None]) -> None:
        """``echo`` prints what typing shows."""
        self._quirks = quirks
        self._print = echo
        self._buffer = bytearray()
        self._line = bytearray()
        self._swallow_lf = False

    def feed(self, data: bytes) -> None:
        """Put typed bytes into the buffer; what does not fit is lost."""
        self._buffer += data[: max(0, _BUFFER_CAP - len(self._buffer))]

    def clear(self) -> None:
        """Forget everything typed."""
        self._buffer.clear()
        self._line.clear()

    def drop_line(self) -> None:
        """Forget the line being edited, not what was typed ahead."""
        self._line.clear()

    def lose_enters(self) -> None:
        """Lose the Enters that wait in the buffer, and nothing else."""
        self._buffer = bytearray(byte for byte in self._buffer if byte not in (_CR, _LF))

    def take_line(self, echo: Echo, keys: frozenset[Key]) -> str | Key | None:
        """Return a line without its end, or one of ``keys``; None if neither has been typed yet."""
        while (byte := self._next_byte()) is not None:
            if byte == _CR:
                text = self._line.decode("latin-1")
                self._line.clear()
                if echo is not Echo.NONE:
                    self._print("\r\n")
                return text
            if byte in _CONTROL:
                if _CONTROL[byte] in keys:
                    self._line.clear()
                    return _CONTROL[byte]
            elif byte in (_BACKSPACE, _DELETE):
                self._rub_out()
            elif byte >= 0x20 and len(self._line) < _LINE_CAP:
                self._line.append(byte)
                self._echo(byte, echo)
        return None

    def take_key(self) -> str | Key | None:
        """Return one key or character, unechoed; None if nothing has been typed yet."""
        byte = self._next_byte()
        return None if byte is None else _CONTROL.get(byte, chr(byte))

    def _rub_out(self) -> None:
        if self._line:
            self._line.pop()
            self._print("\b \b")

    def _echo(self, byte: int, echo: Echo) -> None:
        if echo is not Echo.NONE:
            self._print("*" if echo is Echo.STARS else chr(byte))

    def _next_byte(self) -> int | None:
        """Return the next byte with line ends made into CR."""
        while self._buffer:
            byte = self._buffer.pop(0)
            if byte == 0:
                continue  # telnet sends CR NUL for a bare CR
            swallow, self._swallow_lf = self._swallow_lf, byte == _CR and self._quirks.crlf is Crlf.ONE
            if byte != _LF:
                return byte
            if not swallow and (self._quirks.lone_lf_is_enter or self._quirks.crlf is Crlf.TWO):
                return _CR
        return None
