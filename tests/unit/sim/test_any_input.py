"""Whatever is typed, from any screen, the simulator stays a console: it never fails and can be brought back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sim.driving import Bench

URLS = [
    "sim://AP9210?status_block=on",
    "sim://AP9211?old_event_log=on",
    "sim://AP9225?firmware=2.0.0",
    "sim://AP9225?firmware=2.2.0",
    "sim://AP7930?firmware=2.6.5&crlf=two",
    "sim://AP7930?screen_delay_s=1",
    "sim://AP7902?outlet_user=ann:pear:3&wrong_choice=prompt",
    "sim://AP8941",
    "sim://AP8959?cli_force_password_change=on",
]
KEYS = st.sampled_from(
    ["\r", "\n", "\x1b", "\x03", "\x0c", " ", "b", "d", "?", "YES\r", "yes\r", "-1\r", "\x08", "\x00", "\xb2\r", "\xff"]
    + [f"{n}\r" for n in range(1, 27)]
)
WORDS = st.sampled_from(
    [
        "apc\r",
        "apc -c\r",
        "ann\r",
        "pear\r",
        "status\r",
        "off all\r",
        "olStatus all\r",
        "olOn 1,2\r",
        "olName 3 x\r",
        "eventlog\r",
        "reboot\r",
        "format\r",
        "tcpip -g 1\r",
        "phReading all power\r",
        "name 1 ²\r",
        "current\r",
    ]
)
NOISE = st.binary(max_size=6).map(lambda data: data.decode("latin-1"))


@pytest.mark.parametrize("url", URLS)
@settings(max_examples=40)
@given(
    start=st.sampled_from([[], ["\r", "apc\r", "apc\r"], ["\r", "apc\r", "apc -c\r"], ["\r", "ann\r", "pear\r"]]),
    typed=st.lists(st.one_of(KEYS, KEYS, WORDS, NOISE), max_size=60),
)
def test_any_input(url: str, start: list[str], typed: list[str]) -> None:
    bench = Bench(url)
    bench.type(*start)
    for text in typed:
        bench.type(text)
        bench.wait(1.0)
    # Half an hour later everybody is logged off and the card, whatever befell it, is up.
    bench.wait(1800.0)
    bench.type("\r")
    out = bench.type("\r")
    assert "User Name : " in out or "Password  : " in out
