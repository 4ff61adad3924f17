from __future__ import annotations

import pytest

from apcbridge.sim.faces.commands import ParameterError, parse_outlets, read_options, split_words


@pytest.mark.parametrize(
    ("text", "outlets"),
    [("3", [3]), ("1-3,8", [1, 2, 3, 8]), ("24", [24]), ("", None), ("x", None), ("1,", None), ("3-1", None)],
)
def test_outlet_lists(text: str, outlets: list[int] | None) -> None:
    assert parse_outlets(text) == outlets


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("off  1-3", ["off", "1-3"]),
        ('name 1 " a b "', ["name", "1", " a b "]),
        (r'name 1 "a\"b\\c"', ["name", "1", 'a"b\\c']),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_options() -> None:
    assert read_options(["-n", "x", "-c", "y"], "ncl") == {"n": "x", "c": "y"}


@pytest.mark.parametrize("arguments", [["-n"], ["n", "x"], ["-z", "x"], ["-nn", "x"]])
def test_bad_options(arguments: list[str]) -> None:
    with pytest.raises(ParameterError):
        read_options(arguments, "ncl")
