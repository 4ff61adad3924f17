"""The little of telnet (RFC 854, RFC 2217) that a console behind a terminal server needs."""

from __future__ import annotations

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ECHO, SUPPRESS_GO_AHEAD = 1, 3
COM_PORT_OPTION = 44
SET_BAUDRATE, SET_DATASIZE, SET_PARITY, SET_STOPSIZE, SET_CONTROL = 1, 2, 3, 4, 5
READ_AHEAD = 512
"""Longest unfinished telnet command that is kept; a longer one is no negotiation but noise."""

_WANTED_OF_THE_PEER = frozenset({ECHO, SUPPRESS_GO_AHEAD})
"""What we let the peer do: the console echoes, and nobody waits for a turn."""


class TelnetCodec:
    """Takes the console's bytes out of a telnet stream and puts ours in; survives any cut of the stream."""

    def __init__(self) -> None:
        self._held = b""
        self._granted: set[int] = set()

    def decode(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the console's bytes and the answer that the peer's negotiation wants."""
        data = self._held + data
        console, answer = bytearray(), bytearray()
        position = 0
        while position < len(data):
            start = data.find(IAC, position)
            if start < 0:
                start = len(data)
            console += data[position:start]
            position = start
            if start == len(data):
                break
            length = self._command_length(data, start)
            if length is None:
                break
            self._command(data[start : start + length], console, answer)
            position = start + length
        self._held = data[position:][:READ_AHEAD]
        return self._without_nul(console), bytes(answer)

    @staticmethod
    def encode(data: bytes) -> bytes:
        """Escape IAC; a bare CR travels as CR NUL (RFC 854), which is one press of ENTER."""
        return data.replace(b"\xff", b"\xff\xff").replace(b"\r", b"\r\0")

    @staticmethod
    def _without_nul(console: bytearray) -> bytes:
        """Drop NUL: telnet pads a bare CR with it, and no console prints one."""
        return bytes(console).replace(b"\0", b"")

    @staticmethod
    def _command_length(data: bytes, start: int) -> int | None:
        """Return the length of the command at ``start``, or None while it is cut."""
        if start + 1 >= len(data):
            return None
        kind = data[start + 1]
        if kind in (DO, DONT, WILL, WONT):
            return 3 if start + 2 < len(data) else None
        if kind == SB:
            end = data.find(bytes((IAC, SE)), start + 2)
            return None if end < 0 else end + 2 - start
        return 2

    def _command(self, command: bytes, console: bytearray, answer: bytearray) -> None:
        kind = command[1]
        if kind == IAC:
            console.append(IAC)
        elif kind == DO:
            answer += self._answer_do(command[2])
        elif kind == WILL:
            self._answer_will(command[2], answer)

    def _answer_do(self, option: int) -> bytes:
        return bytes((IAC, WONT, option))

    def _answer_will(self, option: int, answer: bytearray) -> None:
        if option not in _WANTED_OF_THE_PEER:
            answer += bytes((IAC, DONT, option))
        elif option not in self._granted:
            # Answered once only: two sides that confirm each other's confirmation never stop.
            self._granted.add(option)
            answer += bytes((IAC, DO, option))


class ComPortCodec(TelnetCodec):
    """Telnet with RFC 2217: sets the terminal server's serial port to our speed, 8N1 without flow control."""

    def __init__(self, baud: int) -> None:
        super().__init__()
        self._baud = baud

    @staticmethod
    def greeting() -> bytes:
        """Return what is sent first: the offer to set the port."""
        return bytes((IAC, WILL, COM_PORT_OPTION))

    def _answer_do(self, option: int) -> bytes:
        """Set the port once the server wants to be told; a server that does not keeps the settings it has."""
        if option != COM_PORT_OPTION:
            return super()._answer_do(option)
        speed = self._baud.to_bytes(4, "big")
        values = ((SET_BAUDRATE, speed), (SET_DATASIZE, b"\x08"), (SET_PARITY, b"\1"), (SET_STOPSIZE, b"\1"))
        settings = (*values, (SET_CONTROL, b"\1"))
        return b"".join(
            bytes((IAC, SB, COM_PORT_OPTION, what)) + self.encode(value) + bytes((IAC, SE)) for what, value in settings
        )
