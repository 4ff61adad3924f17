"""The person at the keyboard: asked and told through one small interface, so that tests can play them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
from typing import TYPE_CHECKING, Protocol

from apcbridge.errors import ApcBridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHUNK = 4096
_GLANCE_S = 0.5
"""A Ctrl-C that comes in the instant before the event loop goes to sleep does not wake it: it must not sleep long."""
_YES = frozenset({"y", "yes"})
_NO = frozenset({"n", "no"})


class NobodyAnswers(ApcBridgeError):
    """A question came up and there is nobody to answer it: standard input has ended, or nothing may be asked."""


class Terminal(Protocol):
    """Somebody who can be asked. Every question may be broken off by cancelling it."""

    def say(self, text: str = "") -> None:
        """Tell something; a line or several."""

    async def ask(self, question: str, default: str = "") -> str:
        """Return the answer without blanks around it, or the default if it is empty; raises NobodyAnswers."""

    async def ask_secret(self, question: str) -> str:
        """Return an answer that is never shown while it is typed; raises NobodyAnswers."""

    async def confirm(self, question: str, *, default: bool) -> bool:
        """Return a yes or a no; raises NobodyAnswers."""


class Keyboard:
    """Standard input and output.

    Lines are read by the event loop itself: a thread that blocks in ``input()`` could not be broken off by Ctrl-C.
    """

    def __init__(self) -> None:
        self._typed = bytearray()

    def say(self, text: str = "") -> None:
        """Print."""
        print(text, flush=True)

    async def ask(self, question: str, default: str = "") -> str:
        """Ask for a line; see :class:`Terminal`."""
        return (await self._line(f"{question} [{default}] " if default else f"{question} ")).strip() or default

    async def ask_secret(self, question: str) -> str:
        """Ask with the echo switched off; see :class:`Terminal`."""
        with _no_echo():
            try:
                return await self._line(f"{question} ")
            finally:
                print(flush=True)

    async def confirm(self, question: str, *, default: bool) -> bool:
        """Ask until the answer is yes or no; see :class:`Terminal`."""
        while True:
            answer = (await self._line(f"{question} [{'Y/n' if default else 'y/N'}] ")).strip().lower()
            if not answer:
                return default
            if answer in _YES | _NO:
                return answer in _YES
            self.say("Please answer y or n.")

    async def _line(self, question: str) -> str:
        print(question, end="", flush=True)
        while b"\n" not in self._typed:
            data = await _read(sys.stdin.fileno())
            if not data:
                print(flush=True)
                raise NobodyAnswers("no answer: standard input has ended")
            self._typed += data
        line, _, rest = bytes(self._typed).partition(b"\n")
        self._typed[:] = rest
        return line.decode("utf-8", "replace").rstrip("\r")


async def _read(fd: int) -> bytes:
    """Wait until there is something to read, and read it; a regular file cannot be waited for and never blocks."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(fd, _set, ready)
    except (PermissionError, NotImplementedError):
        return os.read(fd, _CHUNK)
    try:
        while not ready.done():
            await asyncio.wait([ready], timeout=_GLANCE_S)
    finally:
        loop.remove_reader(fd)
    return os.read(fd, _CHUNK)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


@contextlib.contextmanager
def _no_echo() -> Iterator[None]:
    """Switch the echo of a terminal off, and on again whatever happens; a pipe has none."""
    try:
        before = termios.tcgetattr(sys.stdin.fileno())
    except termios.error:
        yield
        return
    silent = [*before]
    silent[3] &= ~termios.ECHO
    try:
        # Unread typing is kept: somebody may have pasted several answers.
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, silent)
        yield
    finally:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)


class Unattended:
    """Nobody is asked: defaults hold, and a question without one ends the matter."""

    def __init__(self, tell: Callable[[str], None] = print) -> None:
        self._tell = tell

    def say(self, text: str = "") -> None:
        """Tell whoever reads it later."""
        self._tell(text)

    async def ask(self, question: str, default: str = "") -> str:
        """Take the default; see :class:`Terminal`."""
        if not default:
            raise NobodyAnswers(f"this needs an answer: {question}")
        return default

    async def ask_secret(self, question: str) -> str:
        """Refuse: a secret has no default."""
        raise NobodyAnswers(f"this needs an answer: {question}")

    async def confirm(self, question: str, *, default: bool) -> bool:
        """Take the default; see :class:`Terminal`."""
        del question
        return default
