"""The page about the cable: the copper is right, and it fits a terminal."""

from __future__ import annotations

import re

from apcbridge.tools.wiring import page


def text() -> str:
    return "\n".join(line.text for line in page())


def test_the_copper_is_that_of_all_sources() -> None:
    wires = re.findall(r"^ +(\d)   [\w ]+? +o-+[<>]*-+o   (\d)", text(), re.MULTILINE)
    assert wires == [("2", "5"), ("3", "2"), ("4", "3"), ("5", "5")]


def test_directions_agree_with_the_pins() -> None:
    lines = text().splitlines()
    (sends,) = (line for line in lines if ">>" in line)
    (receives,) = (line for line in lines if "<<" in line)
    assert "PDU sends" in sends
    assert "receive  (RXD)" in sends
    assert "PDU receives" in receives
    assert "transmit (TXD)" in receives


def test_it_fits_a_terminal_and_any_pipe() -> None:
    assert all(len(line.text) <= 80 and line.text.isascii() for line in page())
