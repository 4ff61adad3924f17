"""What one listener of the event stream is told, and when."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from apcbridge.commands import ResultStatus
from apcbridge.model import OutletState
from apcbridge.web.feed import EDGES_PER_TURN, Feed
from apcbridge.web.messages import StreamStart
from apcbridge.web.settings import Limits
from tests.unit.web.world import LOST_AFTER_S, STALE_AFTER_S, Parsed, World, event, outlet, result, snapshot, status


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event, as a browser takes it apart."""

    event: str
    data: dict[str, Parsed]
    id: str


def frames(text: bytes) -> list[Frame]:
    found = []
    for block in text.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if "event" in fields:
            found.append(Frame(fields["event"], json.loads(fields["data"]), fields.get("id", "")))
    return found


def listener(world: World, last_id: str | None = None) -> Feed:
    feed = world.api.feed(StreamStart(last_id=last_id, control=False))
    world.store.on_status(feed.mark)
    return feed


def told(world: World, feed: Feed) -> list[Frame]:
    return frames(feed.frames(world.clock.mono, world.clock.at))


def names(found: list[Frame]) -> list[str]:
    return [frame.event for frame in found]


def test_a_new_listener_is_told_everything_once() -> None:
    world = World()
    feed = listener(world)
    hello, first, second = told(world, feed)
    assert (hello.event, hello.data["bridge"], hello.data["pdus"], hello.data["control"]) == (
        "hello",
        "rack-a",
        ["p", "q"],
        False,
    )
    assert [first.data["pdu"], second.data["pdu"]] == ["p", "q"]
    assert told(world, feed) == []


def test_levels_merge_into_the_newest() -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    for state in (OutletState.OFF, OutletState.ON, OutletState.OFF):
        world.store.replace(status(snapshot("p", outlet(1, state))))
    (frame,) = told(world, feed)
    assert json.dumps(frame.data["outlets"]).count('"state": "OFF"') == 1


def test_edges_come_one_by_one_and_in_order() -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    world.store.append(event("1"))
    world.store.append(result("a"))
    world.store.append(event("2"))
    found = [frame for frame in told(world, feed) if frame.event != "pdu"]
    assert [(frame.event, frame.data["id"]) for frame in found] == [("event", "1"), ("result", "a"), ("event", "2")]


def test_a_result_brings_the_last_command_of_its_outlet_with_it() -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    world.store.append(result("a", ResultStatus.FAILED))
    frame = told(world, feed)[-1]
    assert frame.event == "pdu"
    assert '"status": "failed"' in json.dumps(frame.data["outlets"])


def test_growing_old_is_told_when_it_happens_and_not_before() -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    for limit_s, freshness in ((STALE_AFTER_S, "stale"), (LOST_AFTER_S, "lost")):
        due = 0.0
        while not due:
            wake = feed.next_mono(world.clock.mono)
            assert wake > world.clock.mono
            world.clock.pass_(wake - world.clock.mono)
            if any(frame.event == "pdu" and frame.data["freshness"] == freshness for frame in told(world, feed)):
                due = world.clock.mono
        assert due == 5000.0 + limit_s


def test_a_pdu_that_is_added_while_the_bridge_runs_is_told_of() -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    world.store.replace(status(snapshot("new"), "new"))
    world.store.append(result("a", pdu="new"))
    assert [frame.data["pdu"] for frame in told(world, feed)] == ["new", "new"]


def test_silence_is_broken_by_a_heartbeat() -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    world.clock.pass_(Limits().heartbeat_s)
    assert names(told(world, feed)) == ["heartbeat"]


def test_who_comes_back_goes_on_where_the_connection_broke() -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    world.store.append(event("1"))
    last_id = told(world, feed)[0].id
    world.store.append(event("2"))
    world.store.append(event("3"))
    found = told(world, listener(world, last_id))
    assert [frame.data["id"] for frame in found if frame.event == "event"] == ["2", "3"]


def test_who_comes_back_after_a_restart_of_the_bridge_starts_anew() -> None:
    world = World()
    world.store.append(event("1"))
    for last_id in ("other-0", "e-", "e-x", "e--1", "", "e-99999999999999999999999", "e-٣"):
        assert "event" not in names(told(world, listener(world, last_id)))


@given(st.text(max_size=40))
def test_no_last_id_breaks_a_stream(last_id: str) -> None:
    world = World()
    assert names(told(world, listener(world, last_id))) == ["hello", "pdu", "pdu"]


def test_who_is_far_behind_learns_how_much_was_missed() -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    for number in range(EDGES_PER_TURN + 7):
        world.store.append(event(str(number)))
    missed, *rest = told(world, feed)
    assert (missed.event, missed.data["count"]) == ("missed", 7)
    assert [frame.data["id"] for frame in rest] == [str(number) for number in range(7, EDGES_PER_TURN + 7)]


@given(st.text(max_size=30))
def test_no_name_breaks_the_framing(name: str) -> None:
    world = World()
    feed = listener(world)
    told(world, feed)
    world.store.replace(status(snapshot("p", outlet(1, name=name or "x"))))
    world.store.append(replace(event("1"), details={"name": name}))
    assert sorted(names(told(world, feed))) == ["event", "pdu"]
