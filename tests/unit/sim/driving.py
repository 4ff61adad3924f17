"""A simulated PDU on a clock that only the test moves."""

from __future__ import annotations

from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.url import parse_url

START_WALL = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


class HandClock:
    """Time stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return START_WALL + self.seconds


class Bench:
    """A PDU made from a ``sim://`` URL, its serial line, and what has come out of it."""

    def __init__(self, url: str) -> None:
        self.clock = HandClock()
        self.pdu = SimulatedPdu(parse_url(url), self.clock)
        self._out = bytearray()
        self.line = self.pdu.connect(self._out.extend)

    def type(self, *texts: str) -> str:
        """Type, byte for byte; return what is printed meanwhile."""
        del self._out[:]
        for text in texts:
            self.line.send(text.encode("latin-1"))
            self.pdu.poll()
        return self._out.decode("latin-1")

    def enter(self, *lines: str) -> str:
        """Type lines, each with Enter; return what the last one printed."""
        out = ""
        for line in lines:
            out = self.type(line + "\r")
        return out

    def wait(self, seconds: float) -> str:
        """Let time pass; return what is printed meanwhile."""
        del self._out[:]
        self.clock.seconds += seconds
        self.pdu.poll()
        return self._out.decode("latin-1")

    def login(self, password: str = "apc", user: str = "apc") -> str:
        """Wake the console and log in."""
        self.type("\r")
        return self.enter(user, password)
