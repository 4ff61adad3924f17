"""The file format: everything that went over the line is in it, secrets are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.tools.transcript import SECRET, Part, Side, Transcript, escape, parse, render, unescape


def as_text(transcript: Transcript) -> str:
    return "\n".join(render(["head"], transcript.blocks, str))


@given(st.binary())
def test_every_byte_survives(data: bytes) -> None:
    text = escape(data.decode("latin-1"))
    assert text.isascii()
    assert text.isprintable() or not text
    assert unescape(text).encode("latin-1") == data


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1)), min_size=1))
def test_a_conversation_is_read_back_as_it_was(parts: list[tuple[bool, bytes]]) -> None:
    transcript = Transcript()
    transcript.begin("a screen")
    for typed, data in parts:
        if typed:
            transcript.typed(data, secret=False)
        else:
            transcript.heard(data)
    (block,) = parse(as_text(transcript))
    assert block.title == "a screen"
    assert block.parts == transcript.blocks[0].parts


def test_a_secret_leaves_no_trace_not_even_its_length() -> None:
    transcript = Transcript()
    transcript.begin("login")
    transcript.heard(b"\rPassword  : ")
    transcript.typed(b"hunter2-and-more\r", secret=True)
    transcript.heard(b"****************\r\n***\r\n")
    text = as_text(transcript)
    assert "hunter2" not in text
    assert f"> {SECRET}\n< ********\\r\\n\n< ***\\r\\n" in text


def test_what_comes_in_a_pause_is_not_kept() -> None:
    transcript = Transcript()
    transcript.heard(b"before")
    transcript.begin("a")
    transcript.heard(b"kept")
    transcript.pause()
    transcript.heard(b"on the way")
    assert [block.parts for block in transcript.blocks] == [[Part(Side.PRINTED, "kept")]]


def test_bytes_that_come_one_by_one_are_one_part() -> None:
    transcript = Transcript()
    transcript.begin("a")
    for byte in b"line one\r\nline two\r\n> ":
        transcript.heard(bytes([byte]))
    assert as_text(transcript).splitlines()[-3:] == ["< line one\\r\\n", "< line two\\r\\n", "< > "]


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="no line of a transcript"):
        parse("bridge:\n  id: x\n")
