from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apcbridge.sim.telnet import BINARY, DO, DONT, ECHO, IAC, TIMING_MARK, WILL, WONT, TelnetServer


def test_plain_bytes_pass() -> None:
    assert TelnetServer().feed(b"apc\r\n") == (b"apc\r\n", b"")


def test_interrupt_process_is_ctrl_c_and_the_timing_mark_is_refused() -> None:
    typed, answer = TelnetServer().feed(b"\xff\xf4\xff\xfd\x06")
    assert typed == b"\x03"
    assert answer == bytes([IAC, WONT, TIMING_MARK])


def test_agreement_to_what_we_offered_is_not_answered() -> None:
    server = TelnetServer()
    assert server.greeting()[:3] == bytes([IAC, WILL, ECHO])
    assert server.feed(bytes([IAC, DO, ECHO]))[1] == b""


def test_binary_is_agreed_to_once() -> None:
    server = TelnetServer()
    assert server.feed(bytes([IAC, DO, BINARY]))[1] == bytes([IAC, WILL, BINARY])
    assert server.feed(bytes([IAC, DO, BINARY]))[1] == b""
    assert server.feed(bytes([IAC, WILL, BINARY]))[1] == bytes([IAC, DO, BINARY])


def test_a_refusal_of_echo_is_confirmed_once() -> None:
    server = TelnetServer()
    assert server.feed(bytes([IAC, DONT, ECHO]))[1] == bytes([IAC, WONT, ECHO])
    assert server.feed(bytes([IAC, DONT, ECHO]))[1] == b""


def test_unknown_options_are_refused() -> None:
    assert TelnetServer().feed(bytes([IAC, WILL, 24]))[1] == bytes([IAC, DONT, 24])


def test_subnegotiation_and_doubled_iac_are_understood() -> None:
    typed, _ = TelnetServer().feed(b"a\xff\xfa\x18\x00xterm\xff\xf0b\xff\xffc")
    assert typed == b"ab\xffc"


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_cuts_make_no_difference(data: bytes, cuts: list[int]) -> None:
    whole = TelnetServer().feed(data)
    pieces = TelnetServer()
    typed, answer, last = b"", b"", 0
    for cut in [*sorted(cut for cut in cuts if cut <= len(data)), len(data)]:
        part = pieces.feed(data[last:cut])
        typed, answer, last = typed + part[0], answer + part[1], cut
    assert (typed, answer) == whole


@given(st.binary(max_size=300))
def test_what_we_send_comes_back_whole(data: bytes) -> None:
    assert TelnetServer().feed(TelnetServer.escape(data))[0] == data
