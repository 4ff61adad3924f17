"""The telnet codec."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apcbridge.pdu.telnet import DO, DONT, ECHO, IAC, READ_AHEAD, SB, SE, WILL, WONT, ComPortCodec, TelnetCodec


def test_the_consoles_bytes_come_out_of_the_negotiation() -> None:
    codec = TelnetCodec()
    console, answer = codec.decode(b"User" + bytes((IAC, WILL, ECHO)) + b" Name" + bytes((IAC, IAC)) + b" : \r\0")
    assert console == b"User Name\xff : \r"
    assert answer == bytes((IAC, DO, ECHO))


def test_an_option_is_agreed_to_once_so_that_two_agreeable_sides_fall_silent() -> None:
    codec = TelnetCodec()
    codec.decode(bytes((IAC, WILL, ECHO)))
    assert codec.decode(bytes((IAC, WILL, ECHO))) == (b"", b"")


def test_what_we_do_not_know_is_refused() -> None:
    assert TelnetCodec().decode(bytes((IAC, DO, 24, IAC, WILL, 31)))[1] == bytes((IAC, WONT, 24, IAC, DONT, 31))


def test_subnegotiation_is_skipped() -> None:
    assert TelnetCodec().decode(b"a" + bytes((IAC, SB, 24, 1, IAC, SE)) + b"b")[0] == b"ab"


def test_enter_is_one_enter_and_iac_is_escaped() -> None:
    assert TelnetCodec.encode(b"1\r\xff") == b"1\r\0\xff\xff"


def test_an_endless_subnegotiation_does_not_grow_in_memory() -> None:
    codec = TelnetCodec()
    for _ in range(100):
        codec.decode(bytes((IAC, SB)) + b"x" * 1000)
    assert len(codec._held) <= READ_AHEAD


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=8).map(lambda b: b.replace(b"\xff", b"").replace(b"\0", b"")),
            st.sampled_from(
                [bytes((IAC, IAC)), bytes((IAC, WILL, ECHO)), bytes((IAC, DO, 1)), bytes((IAC, SB, 1, IAC, SE))]
            ),
        )
    ),
    st.data(),
)
def test_any_cut_of_the_stream_gives_the_same_bytes_and_answers(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    whole = TelnetCodec().decode(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    codec, console, answer = TelnetCodec(), b"", b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        more_console, more_answer = codec.decode(stream[start:end])
        console, answer = console + more_console, answer + more_answer
    assert (console, answer) == whole


def test_a_terminal_server_that_takes_settings_gets_ours() -> None:
    codec = ComPortCodec(2400)
    assert codec.greeting() == bytes((IAC, WILL, 44))
    _, answer = codec.decode(bytes((IAC, DO, 44)))
    assert answer.startswith(bytes((IAC, SB, 44, 1, 0, 0, 9, 96, IAC, SE)))
    assert answer.count(bytes((IAC, SB, 44))) == 5
