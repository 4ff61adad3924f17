"""Text for terminals and pipes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.cli.paint import Paint, Style, fit, parse_since, span

NOW_AT = 1_800_000_000.0
COLOURS = Paint(colours=True)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Paint.of(Terminal())("on", Style.GOOD) == "\x1b[32mon\x1b[0m"
    assert Paint.of(io.StringIO())("on", Style.GOOD) == "on"
    monkeypatch.setenv("TERM", "dumb")
    assert Paint.of(Terminal())("on", Style.GOOD) == "on"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert Paint.of(Terminal())("on", Style.GOOD) == "on"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "59 min"), (3660, "1 h 1 min"), (90000, "1 d 1 h")],
)
def test_spans_read_like_a_person_says_them(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_line_is_cut_to_the_columns_it_shows_not_to_those_of_its_colours() -> None:
    line = f"{COLOURS('outlet', Style.STRONG)} {COLOURS('confirmed', Style.GOOD)}"
    assert fit(line, 16) == line
    assert fit(line, 10) == "\x1b[1moutlet\x1b[0m \x1b[32mco\x1b[0m…"


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])), st.integers(1, 40))
def test_no_line_is_longer_than_the_terminal(text: str, width: int) -> None:
    assert len(fit(text, width)) <= width


@pytest.mark.parametrize(
    ("text", "at"),
    [("90s", NOW_AT - 90), ("15m", NOW_AT - 900), ("1h", NOW_AT - 3600), ("2d", NOW_AT - 172800),
     ("1799999999", 1_799_999_999.0), ("2027-01-15T08:00:00Z", NOW_AT), ("2027-01-15T09:00:00+01:00", NOW_AT)],
)  # fmt: skip
def test_a_moment_is_said_in_the_ways_people_say_it(text: str, at: float) -> None:
    assert parse_since(text, NOW_AT) == at


@pytest.mark.parametrize("text", ["", "yesterday", "1w", "-1h", "1 h", "5", "nan", "9999-12-40"])
def test_what_is_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="15m"):
        parse_since(text, NOW_AT)
