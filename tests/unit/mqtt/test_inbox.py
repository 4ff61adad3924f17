"""What becomes of what comes in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import Command, CommandResult, ResultStatus
from apcbridge.errors import NotPermitted
from apcbridge.model import Action
from apcbridge.mqtt.connection import Outgoing
from apcbridge.mqtt.inbox import Inbox, ReplyTo
from apcbridge.mqtt.ledger import Ledger
from apcbridge.mqtt.publisher import Publisher
from apcbridge.mqtt.requests import Incoming
from apcbridge.store import Store

from .samples import AT, MONO, full_snapshot, settings, status

if TYPE_CHECKING:
    from apcbridge.mqtt.requests import VerbRequest

SET = "apcbridge/pdu1/outlet/2/set"
RESULT = "apcbridge/pdu1/outlet/2/result"


@dataclass
class HandClock:
    now_mono: float = MONO

    def monotonic(self) -> float:
        return self.now_mono

    def wall(self) -> float:
        return AT + self.now_mono - MONO


@dataclass
class Door:
    refuse: bool = False
    taken: list[Command] = field(default_factory=list)

    def submit(self, command: Command) -> CommandResult:
        self.taken.append(command)
        if self.refuse:
            raise NotPermitted("read-only")
        return CommandResult(command=command, status=ResultStatus.ACCEPTED, detail="", at=AT)


class Scene:
    def __init__(self) -> None:
        self.clock, self.door = HandClock(), Door()
        self.said: list[Outgoing] = []
        self.requests: list[tuple[VerbRequest, ReplyTo | None]] = []
        self.births = 0
        self.publisher = Publisher(settings(), Store([status(full_snapshot())]), self.clock, Ledger(None), dict)
        self.publisher.say = self.said.append  # type: ignore[method-assign,assignment]  # the queue is looked at
        self.inbox = Inbox(
            settings(), self.door, self.clock, self.publisher, lambda r, to: self.requests.append((r, to)), self._born
        )

    def _born(self) -> None:
        self.births += 1

    def receive(self, payload: bytes, topic: str = SET, **changes: object) -> None:
        self.inbox.receive(replace(Incoming(topic=topic, payload=payload), **changes))  # type: ignore[arg-type]

    def step(self, command: Command, status_: ResultStatus) -> list[Outgoing]:
        return list(self.publisher.on_result(CommandResult(command=command, status=status_, detail="", at=AT)))


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_a_command_goes_to_the_door(scene: Scene) -> None:
    scene.receive(b"OFF")
    (command,) = scene.door.taken
    assert (command.action, command.outlet, command.received_mono) == (Action.OFF, 2, MONO)
    assert not scene.said


async def test_a_refusal_of_the_door_is_reported_by_the_door(scene: Scene) -> None:
    scene.door.refuse = True
    scene.receive(b"OFF")
    assert not scene.said


async def test_nonsense_is_answered_a_few_times_and_then_once_a_second(scene: Scene) -> None:
    for _ in range(1000):
        scene.receive(b"off")
    assert [m.topic for m in scene.said] == [RESULT] * 5
    scene.clock.now_mono += 1.0
    for _ in range(1000):
        scene.receive(b"off")
    assert len(scene.said) == 6
    assert not scene.door.taken
    assert scene.inbox.refused == 2000


async def test_what_was_delivered_before_does_not_act_again(scene: Scene) -> None:
    scene.receive(b"REBOOT", dup=True)
    assert not scene.door.taken
    assert json.loads(scene.said[0].payload)["status"] == "refused"


async def test_a_retained_command_is_refused_and_cleared(scene: Scene) -> None:
    scene.receive(b"OFF", retain=True)
    assert not scene.door.taken
    assert scene.said[0] == Outgoing(topic=SET, payload=b"", retain=True)
    assert scene.said[1].topic == RESULT


@pytest.mark.parametrize("topic", ["apcbridge/pdu1/outlet/2/state", "homeassistant/switch/x/config", "other/topic"])
async def test_what_we_did_not_ask_for_is_left_alone(scene: Scene, topic: str) -> None:
    scene.receive(b"OFF", topic, retain=True)
    assert not scene.said
    assert not scene.door.taken


async def test_a_command_for_no_outlet_is_reported_as_an_event(scene: Scene) -> None:
    scene.receive(b"OFF", "apcbridge/pdu1/outlet/nas/set")
    assert [m.topic for m in scene.said] == ["apcbridge/bridge/rack-a/event"]


async def test_every_asker_gets_the_answers_to_its_own_command(scene: Scene) -> None:
    payload = b'{"command":"OFF","id":"same"}'
    scene.receive(payload, response_topic="first", correlation=b"1")
    scene.clock.now_mono += 1.0
    scene.receive(payload, response_topic="second", correlation=b"2")
    first, second = scene.door.taken
    assert [(m.topic, m.correlation) for m in scene.step(first, ResultStatus.ACCEPTED)] == [("first", b"1")]
    assert [(m.topic, m.correlation) for m in scene.step(second, ResultStatus.DUPLICATE)] == [("second", b"2")]
    assert [m.topic for m in scene.step(first, ResultStatus.CONFIRMED)] == ["first"]
    assert scene.step(first, ResultStatus.CONFIRMED) == []


async def test_a_malformed_command_is_answered_on_the_response_topic_too(scene: Scene) -> None:
    scene.receive(b"off", response_topic="mine", correlation=b"1")
    assert [(m.topic, m.correlation) for m in scene.said] == [(RESULT, None), ("mine", b"1")]


async def test_requests_and_births(scene: Scene) -> None:
    scene.receive(b"", "apcbridge/bridge/rack-a/request/refresh", response_topic="mine")
    ((request, reply_to),) = scene.requests
    assert request.verb == "refresh"
    assert reply_to == ReplyTo("mine", None)
    scene.receive(b"online", "homeassistant/status")
    scene.receive(b"offline", "homeassistant/status")
    assert scene.births == 1
