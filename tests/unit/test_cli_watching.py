"""What a watcher has been told, and how it is drawn."""

from __future__ import annotations

import json

from apcbridge.cli.daemon import StreamEvent, parse_events
from apcbridge.cli.paint import Paint
from apcbridge.cli.watching import View
from apcbridge.facts import PduView, encode
from apcbridge.web.documents import pdu_document
from apcbridge.web.messages import StreamStart
from tests.unit.web.world import NOW_AT, NOW_MONO, World, event, result, snapshot, status

PLAIN = Paint(colours=False)


def stream(world: World) -> list[StreamEvent]:
    """Take a daemon's stream apart as the client does."""
    feed = world.api.feed(StreamStart(last_id=None, control=True))
    world.store.append(event("e1"))
    world.store.append(result("a"))
    return list(parse_events(feed.frames(world.clock.mono, world.clock.at).splitlines(keepends=True)))


def told(pdu: str | None = None) -> tuple[View, list[str]]:
    view, lines = View(pdu), []
    for one in stream(World()):
        lines += view.tell(one, NOW_AT, PLAIN)
    return view, lines


def test_the_stream_of_the_daemon_is_understood() -> None:
    assert [one.name for one in stream(World())] == ["hello", "event", "result", "pdu", "pdu"]
    assert stream(World())[1].id == "e-1"


def test_lines_say_what_changed() -> None:
    _, lines = told()
    text = "\n".join(lines)
    assert "p: watchdog reboot" in text
    assert "off confirmed" in text
    assert "p outlet 1 nas: ON" in text
    assert "q: link lost" in text


def test_one_pdu_can_be_watched_alone() -> None:
    view, lines = told("q")
    assert list(view.pdus) == ["q"]
    assert not [line for line in lines if " p" in line]


def test_the_screen_shows_outlets_and_what_happened() -> None:
    view, _ = told()
    text = "\n".join(view.screen(100, 40, NOW_AT, PLAIN))
    assert "apcbridge rack-a" in text
    assert "  1  nas     ON" in text
    assert "off confirmed (by mqtt, id a)" in text


def test_the_screen_fits_whatever_the_window_is() -> None:
    view, _ = told()
    for width, height in ((100, 40), (30, 8), (10, 3), (1, 1)):
        drawn = view.screen(width, height, NOW_AT, PLAIN)
        assert len(drawn) <= height
        assert all(len(line) <= width for line in drawn)


def test_in_a_small_window_the_outlets_are_shown_before_what_happened() -> None:
    view, _ = told("p")
    for _ in range(20):
        view.tell(stream(World())[2], NOW_AT, PLAIN)
    text = "\n".join(view.screen(100, 14, NOW_AT, PLAIN))
    assert "  2  router  OFF" in text
    assert "off confirmed" in text


def test_a_window_too_small_says_that_there_is_more() -> None:
    view, _ = told()
    assert "more lines" in "\n".join(view.screen(100, 10, NOW_AT, PLAIN))


def test_without_the_daemon_nothing_is_current() -> None:
    view, _ = told()
    view.trouble = "no daemon"
    text = "\n".join(view.screen(100, 40, NOW_AT, PLAIN))
    assert "no daemon" in text
    assert "was ON" in text
    assert "6.3 A" not in text
    document = pdu_document(status(snapshot()), PduView(), {}, NOW_MONO)
    view.tell(StreamEvent("pdu", encode(document).decode(), ""), NOW_AT, PLAIN)
    assert "was ON" not in "\n".join(view.screen(100, 40, NOW_AT, PLAIN))


def test_ages_are_told_by_the_clock_of_the_daemon() -> None:
    view = View(None)
    hello = {"bridge": "b", "pdus": ["p"], "ts": "2027-01-15T08:00:00.000Z"}
    view.tell(StreamEvent("hello", json.dumps(hello), ""), NOW_AT - 5000, PLAIN)
    document = pdu_document(status(snapshot()), PduView(), {}, NOW_MONO)
    view.tell(StreamEvent("pdu", encode(document).decode(), ""), NOW_AT - 5000, PLAIN)
    assert "read 3 s ago" in "\n".join(view.screen(100, 40, NOW_AT - 5000 + 3, PLAIN))


def test_missed_events_are_admitted() -> None:
    assert "7 events were missed" in View(None).tell(StreamEvent("missed", '{"count": 7}', ""), NOW_AT, PLAIN)[0]
