"""The server's half of the telnet protocol. Pure."""

from __future__ import annotations

from enum import Enum, auto

IAC, DONT, DO, WONT, WILL, SB, SE, IP = 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0xFA, 0xF0, 0xF4
ECHO, SUPPRESS_GO_AHEAD, TIMING_MARK, BINARY = 1, 3, 6, 0
_OURS = {ECHO, SUPPRESS_GO_AHEAD, BINARY}
_THEIRS = {SUPPRESS_GO_AHEAD, BINARY}
CTRL_C = b"\x03"


class _State(Enum):
    DATA = auto()
    COMMAND = auto()
    OPTION = auto()
    SUB = auto()
    SUB_IAC = auto()


class TelnetServer:
    """Splits what a client sends into typed bytes and answers to its negotiation.

    We echo and suppress go-ahead, so a client sends key by key; BINARY is agreed to, everything else refused.
    Interrupt Process becomes CTRL-C; its DO TIMING-MARK is answered WONT, as one real card does.
    """

    def __init__(self) -> None:
        """Start with nothing agreed."""
        self._state = _State.DATA
        self._verb = 0
        self._will: set[int] = {ECHO, SUPPRESS_GO_AHEAD}
        self._do: set[int] = {SUPPRESS_GO_AHEAD}

    @staticmethod
    def greeting() -> bytes:
        """Return what we offer at the start."""
        return bytes([IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, DO, SUPPRESS_GO_AHEAD])

    @staticmethod
    def escape(data: bytes) -> bytes:
        """Make text fit for the wire."""
        return data.replace(b"\xff", b"\xff\xff")

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take bytes of the client; return (what was typed, what to answer)."""
        typed, answer = bytearray(), bytearray()
        for byte in data:
            self._feed_byte(byte, typed, answer)
        return bytes(typed), bytes(answer)

    def _feed_byte(self, byte: int, typed: bytearray, answer: bytearray) -> None:
        match self._state:
            case _State.DATA:
                if byte == IAC:
                    self._state = _State.COMMAND
                else:
                    typed.append(byte)
            case _State.COMMAND:
                self._command(byte, typed)
            case _State.OPTION:
                self._state = _State.DATA
                answer += self._negotiate(self._verb, byte)
            case _State.SUB:
                if byte == IAC:
                    self._state = _State.SUB_IAC
            case _State.SUB_IAC:
                self._state = _State.DATA if byte == SE else _State.SUB

    def _command(self, byte: int, typed: bytearray) -> None:
        self._state = _State.DATA
        if byte in {DO, DONT, WILL, WONT}:
            self._verb = byte
            self._state = _State.OPTION
        elif byte == SB:
            self._state = _State.SUB
        elif byte == IP:
            typed += CTRL_C
        elif byte == IAC:
            typed.append(IAC)

    def _negotiate(self, verb: int, option: int) -> bytes:
        if verb in {DO, DONT}:
            wanted = verb == DO and option in _OURS
            return self._settle(self._will, option, wanted, (WILL, WONT), asked=verb == DO)
        wanted = verb == WILL and option in _THEIRS
        return self._settle(self._do, option, wanted, (DO, DONT), asked=verb == WILL)

    @staticmethod
    def _settle(agreed: set[int], option: int, wanted: bool, words: tuple[int, int], *, asked: bool) -> bytes:
        """Answer only when something changes or is refused, or two peers would answer each other for ever."""
        if wanted == (option in agreed):
            return b"" if wanted or not asked else bytes([IAC, words[1], option])
        if wanted:
            agreed.add(option)
            return bytes([IAC, words[0], option])
        agreed.discard(option)
        return bytes([IAC, words[1], option])
