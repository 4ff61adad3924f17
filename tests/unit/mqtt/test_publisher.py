"""What goes out, over a connection that the test plays."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from apcbridge.commands import ResultStatus
from apcbridge.model import Event, EventType, LinkState, OutletState
from apcbridge.mqtt.ledger import Ledger
from apcbridge.mqtt.publisher import FULL_REFRESH_S, Publisher
from apcbridge.store import Store

from .samples import AT, full_snapshot, outlet, result, settings, status
from .test_inbox import HandClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

    from apcbridge.mqtt.connection import BrokerConnection, Outgoing

STATE = "apcbridge/bridge/rack-a/state"
EVENT = "apcbridge/pdu1/event"


class Wire:
    """Takes every message; acknowledges while it is told to."""

    def __init__(self, *, acknowledges: bool = True, limit: int | None = None) -> None:
        self.sent: list[Outgoing] = []
        self.left_out: list[str] = []
        self._acknowledges = acknowledges
        self._limit = limit
        self.packet_limit = None

    async def publish(self, message: Outgoing, on_ack: Callable[[], None] | None = None) -> None:
        await asyncio.sleep(0)
        self.sent.append(message)
        if self._acknowledges and on_ack is not None:
            on_ack()

    def fits(self, message: Outgoing) -> bool:
        return self._limit is None or len(message.payload) <= self._limit

    def leave_out(self, message: Outgoing) -> None:
        self.left_out.append(message.topic)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def topics(self) -> list[str]:
        return [message.topic for message in self.sent]


class Scene:
    def __init__(self, edge_limit: int = 100) -> None:
        self.clock = HandClock()
        self.store = Store([status(full_snapshot())], edge_limit)
        self.publisher = Publisher(settings(), self.store, self.clock, Ledger(None), dict)
        self.publisher.listen()

    @contextlib.asynccontextmanager
    async def over(self, wire: Wire) -> AsyncIterator[None]:
        """Run over a wire until everything that can be said has been."""
        task = asyncio.create_task(self.publisher.run(cast("BrokerConnection", wire)))
        await self.quiet(wire)
        try:
            yield
            await self.quiet(wire)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @staticmethod
    async def quiet(wire: Wire) -> None:
        before = -1
        while before != len(wire.sent) or before <= 0:
            before = len(wire.sent)
            for _ in range(50):
                await asyncio.sleep(0)

    def event(self, name: str) -> None:
        self.store.append(Event(id=name, pdu="pdu1", type=EventType.OVERLOAD, at=AT))


def ids(wire: Wire, topic: str = EVENT) -> list[str]:
    return [json.loads(m.payload)["id"] for m in wire.sent if m.topic == topic]


async def test_online_is_the_last_of_the_first() -> None:
    scene, wire = Scene(), Wire()
    async with scene.over(wire):
        assert wire.topics()[-1] == STATE
        assert wire.topics().count(STATE) == 1


async def test_what_happened_before_and_between_connections_is_told_on_the_next() -> None:
    scene, first, second = Scene(), Wire(), Wire()
    scene.event("before")
    async with scene.over(first):
        pass
    scene.event("between")
    async with scene.over(second):
        pass
    assert (ids(first), ids(second)) == (["before"], ["between"])


async def test_what_was_not_acknowledged_is_told_again_in_order() -> None:
    scene, deaf, second = Scene(), Wire(acknowledges=False), Wire()
    async with scene.over(deaf):
        scene.event("one")
        scene.event("two")
    scene.event("three")
    assert scene.publisher.queued == 2
    async with scene.over(second):
        pass
    assert ids(deaf) == ["one", "two"]
    assert ids(second) == ["one", "two", "three"]
    assert scene.publisher.queued == 0


async def test_what_fell_out_of_the_log_is_counted_aloud(caplog: pytest.LogCaptureFixture) -> None:
    scene, wire = Scene(edge_limit=3), Wire()
    for number in range(10):
        scene.event(f"e{number}")
    async with scene.over(wire):
        pass
    assert ids(wire) == ["e7", "e8", "e9"]
    (lost,) = [json.loads(m.payload) for m in wire.sent if m.topic == "apcbridge/bridge/rack-a/event"]
    assert (lost["event_type"], lost["count"]) == ("edges_lost", 7)
    assert "7 events or results were lost" in caplog.text


async def test_a_state_goes_before_the_result_that_is_about_it() -> None:
    scene, wire = Scene(), Wire()
    async with scene.over(wire):
        begun = len(wire.sent)
        off = tuple(outlet(n, state=OutletState.OFF if n == 2 else OutletState.ON) for n in (1, 2, 3))
        scene.store.replace(status(replace(full_snapshot(), outlets=off)))
        scene.store.append(result(ResultStatus.CONFIRMED))
    said = wire.topics()[begun:]
    assert said.index("apcbridge/pdu1/outlet/2/state") < said.index("apcbridge/pdu1/outlet/2/result")


async def test_a_link_that_is_gone_is_said_first() -> None:
    scene, wire = Scene(), Wire()
    async with scene.over(wire):
        begun = len(wire.sent)
        scene.store.replace(status(full_snapshot(), LinkState.LOST))
    assert wire.topics()[begun:] == ["apcbridge/pdu1/availability"]
    assert wire.sent[-1].payload == b"offline"


async def test_everything_is_said_again_now_and_then() -> None:
    scene, wire = Scene(), Wire()
    async with scene.over(wire):
        begun = wire.topics()
        scene.clock.now_mono += FULL_REFRESH_S
        scene.store.replace(status(full_snapshot()))
    again = wire.topics()[len(begun) :]
    assert set(again) == set(begun)


async def test_what_is_too_large_is_left_out_and_the_rest_goes_on() -> None:
    scene, wire = Scene(), Wire(limit=600)
    async with scene.over(wire):
        pass
    assert STATE in wire.topics()
    assert "homeassistant/device/apcbridge_za0401001234/config" not in wire.topics()
    assert "homeassistant/device/apcbridge_za0401001234/config" in wire.left_out


async def test_the_last_words_are_said_and_then_farewell() -> None:
    scene, wire = Scene(), Wire()
    scene.event("last")
    await scene.publisher.finish(cast("BrokerConnection", wire), farewell=True)
    assert ids(wire) == ["last"]
    assert [(m.topic, m.payload, m.retain) for m in wire.sent[1:]] == [
        ("apcbridge/pdu1/availability", b"offline", True),
        (STATE, b"offline", True),
    ]
