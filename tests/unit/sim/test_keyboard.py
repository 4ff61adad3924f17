from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.sim.keyboard import Echo, Key, Keyboard
from apcbridge.sim.quirks import Crlf, Quirks


class Typing:
    """A keyboard and what it has echoed."""

    def __init__(self, *, crlf: Crlf = Crlf.ONE, lone_lf_is_enter: bool = True) -> None:
        self.echoed = ""
        self.keyboard = Keyboard(Quirks(crlf=crlf, lone_lf_is_enter=lone_lf_is_enter), self._echo)

    def _echo(self, text: str) -> None:
        self.echoed += text

    def lines(self, data: bytes, echo: Echo = Echo.PLAIN, keys: frozenset[Key] = frozenset()) -> list[str | Key]:
        self.keyboard.feed(data)
        found: list[str | Key] = []
        while (line := self.keyboard.take_line(echo, keys)) is not None:
            found.append(line)
        return found


@pytest.mark.parametrize(
    ("data", "crlf", "lines"),
    [
        (b"a\rb\r", Crlf.ONE, ["a", "b"]),
        (b"a\r\nb\r\n", Crlf.ONE, ["a", "b"]),
        (b"a\r\nb\r\n", Crlf.TWO, ["a", "", "b", ""]),
        (b"a\nb\n", Crlf.ONE, ["a", "b"]),
        (b"a\r\x00b\r\x00", Crlf.ONE, ["a", "b"]),
        (b"\r\n\r\n", Crlf.ONE, ["", ""]),
    ],
)
def test_line_ends(data: bytes, crlf: Crlf, lines: list[str]) -> None:
    assert Typing(crlf=crlf).lines(data) == lines


def test_an_lf_that_comes_later_still_belongs_to_its_cr() -> None:
    typing = Typing()
    assert typing.lines(b"a\r") == ["a"]
    assert typing.lines(b"\n") == []
    assert typing.lines(b"\n") == [""]


def test_a_lone_lf_need_not_be_enter() -> None:
    assert Typing(lone_lf_is_enter=False).lines(b"a\nb\r") == ["ab"]


def test_echo() -> None:
    typing = Typing()
    typing.lines(b"apc\r")
    typing.lines(b"apc\r", Echo.STARS)
    typing.lines(b"apc\r", Echo.NONE)
    assert typing.echoed == "apc\r\n***\r\n"


def test_backspace_rubs_out() -> None:
    typing = Typing()
    assert typing.lines(b"\x08ab\x7fc\r") == ["ac"]
    assert typing.echoed == "ab\b \bc\r\n"


def test_keys_act_at_once_where_they_are_wanted_and_are_ignored_elsewhere() -> None:
    assert Typing().lines(b"half\x1b1\r", keys=frozenset({Key.ESC})) == [Key.ESC, "1"]
    assert Typing().lines(b"ha\x1b\x03lf\r") == ["half"]


def test_losing_enters_keeps_the_rest() -> None:
    typing = Typing()
    typing.keyboard.feed(b"\r\nab\r")
    typing.keyboard.lose_enters()
    assert typing.lines(b"\r") == ["ab"]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_cuts_make_no_difference(data: bytes, cuts: list[int]) -> None:
    whole, pieces = Typing(), Typing()
    expected = whole.lines(data)
    found: list[str | Key] = []
    edges = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    for low, high in itertools.pairwise(edges):
        found += pieces.lines(data[low:high])
    assert found == expected
    assert pieces.echoed == whole.echoed


def test_the_buffer_is_bounded() -> None:
    typing = Typing()
    typing.keyboard.feed(b"x" * 100_000)
    assert typing.lines(b"") == []
    typing.keyboard.feed(b"\r")
    assert len(str(typing.keyboard.take_line(Echo.PLAIN, frozenset()))) == 255
