"""The keyboard: lines from a pipe or a terminal, secrets without an echo, and the end of input."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from apcbridge.tools.terminal import Keyboard, NobodyAnswers, Unattended

if TYPE_CHECKING:
    from collections.abc import Iterator


class Typist:
    """Types into what stands for standard input."""

    def __init__(self, write_to: int) -> None:
        self._write_to = write_to

    def type(self, text: str) -> None:
        os.write(self._write_to, text.encode())


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Typist]:
    read_from, write_to = os.pipe()
    with os.fdopen(read_from) as stdin, os.fdopen(write_to, "w"):
        monkeypatch.setattr(sys, "stdin", stdin)
        yield Typist(write_to)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Typist]:
    master, slave = os.openpty()
    with os.fdopen(slave) as stdin, os.fdopen(master, "wb", buffering=0):
        monkeypatch.setattr(sys, "stdin", stdin)
        yield Typist(master)


def echoes() -> bool:
    return bool(termios.tcgetattr(sys.stdin.fileno())[3] & termios.ECHO)


async def test_lines_are_taken_one_by_one(pipe: Typist) -> None:
    keyboard = Keyboard()
    pipe.type("  first \nsecond\n\n")
    assert await keyboard.ask("1?") == "first"
    assert await keyboard.ask("2?", "x") == "second"
    assert await keyboard.ask("3?", "default") == "default"


async def test_yes_and_no_are_insisted_on(pipe: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    pipe.type("maybe\nYES\nn\n\n")
    keyboard = Keyboard()
    assert await keyboard.confirm("sure?", default=False)
    assert "Please answer y or n." in capsys.readouterr().out
    assert not await keyboard.confirm("sure?", default=True)
    assert await keyboard.confirm("sure?", default=True)


async def test_a_secret_is_not_echoed_and_the_echo_comes_back(
    terminal: Typist, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = asyncio.create_task(Keyboard().ask_secret("password?"))
    await asyncio.sleep(0)
    assert not echoes()
    terminal.type("s3cret\n")
    assert await asyncio.wait_for(asking, 20) == "s3cret"
    assert echoes()
    assert "s3cret" not in capsys.readouterr().out


async def test_broken_off_at_a_secret_the_echo_comes_back(terminal: Typist) -> None:
    asking = asyncio.create_task(Keyboard().ask_secret("password?"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert echoes()


async def test_the_end_of_input_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, encoding="ascii") as nothing:  # noqa: PTH123, ASYNC230 - a device, which never blocks
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(NobodyAnswers):
            await Keyboard().ask("anybody?")


async def test_unattended_takes_defaults_and_invents_nothing() -> None:
    told: list[str] = []
    nobody = Unattended(told.append)
    nobody.say("hello")
    assert told == ["hello"]
    assert await nobody.ask("name?", "pdu1") == "pdu1"
    assert await nobody.confirm("sure?", default=True)
    assert not await nobody.confirm("sure?", default=False)
    with pytest.raises(NobodyAnswers, match="name"):
        await nobody.ask("name?")
    with pytest.raises(NobodyAnswers):
        await nobody.ask_secret("password?")
