"""The client's side of the daemon's stream and errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.cli.daemon import Daemon, StreamEvent, parse_events


def test_events_are_taken_apart_and_comments_are_not_events() -> None:
    lines = [
        b"retry: 2000\n",
        b": comment\n",
        b"\n",
        b"event: pdu\n",
        b"id: e-1\n",
        b'data: {"a": ": "}\n',
        b"\n",
        b"data: x\n",
        b"\n",
    ]
    assert list(parse_events(lines)) == [StreamEvent("pdu", '{"a": ": "}', "e-1"), StreamEvent("message", "x", "")]


def test_an_event_cut_off_by_the_end_is_none() -> None:
    assert list(parse_events([b"event: pdu\n", b"data: {}\n"])) == []


@given(st.lists(st.text().map(lambda text: f"{text}\n".encode())))
def test_no_line_breaks_the_reader(lines: list[bytes]) -> None:
    assert len(list(parse_events(lines))) <= sum(not line.strip(b"\r\n") for line in lines)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (PermissionError(13, "x"), "usermod -aG"),
        (FileNotFoundError(2, "x"), "systemctl start"),
        (ConnectionRefusedError(111, "x"), "systemctl start"),
        (TimeoutError(), "no answer"),
    ],
)
def test_a_daemon_that_cannot_be_asked_comes_with_a_remedy(error: OSError, remedy: str) -> None:
    message = str(Daemon(Path("/run/x.sock")).away(error))
    assert "/run/x.sock" in message
    assert remedy in message
