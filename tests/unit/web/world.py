"""A store, a door and a clock in the test's hands, with the API in front of them."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TypeAlias

from apcbridge.commands import Arbiter, Command, CommandResult, Origin, OutletRule, PduRules, ResultStatus
from apcbridge.door import Door as CommandsDoor
from apcbridge.facts import PduView
from apcbridge.model import (
    Action,
    Event,
    EventType,
    Identity,
    Link,
    LinkState,
    Load,
    LoadState,
    Outlet,
    OutletState,
    PduSnapshot,
    PduStatus,
    Policy,
)
from apcbridge.store import Store
from apcbridge.web.api import Api, Call
from apcbridge.web.chronicle import Chronicle
from apcbridge.web.messages import Answer, Door, Headers, Peer, Request, Response
from apcbridge.web.settings import Health, WebSettings
from tests.unit.cards import watchdog_card

NOW_AT = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""
NOW_MONO = 5000.0
STALE_AFTER_S = 30.0
LOST_AFTER_S = 50.0
TOKEN = "correct horse"

REMOTE = Peer(door=Door.TCP, name="192.0.2.7")
LOOPBACK = Peer(door=Door.LOOPBACK, name="127.0.0.1")
LOCAL = Peer(door=Door.LOCAL, name="alice")

Parsed: TypeAlias = "dict[str, Parsed] | list[Parsed] | str | int | float | bool | None"


@dataclass(slots=True)
class HandClock:
    """Time that passes when the test says so."""

    mono: float = NOW_MONO
    at: float = NOW_AT

    def monotonic(self) -> float:
        return self.mono

    def wall(self) -> float:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.mono += seconds
        self.at += seconds


def outlet(number: int, state: OutletState = OutletState.ON, name: str = "", **more: object) -> Outlet:
    plain = Outlet(
        number=number,
        name=name or f"Outlet {number}",
        state=state,
        pending=False,
        read_at=NOW_AT,
        read_mono=NOW_MONO,
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # fields of the test's choice


def snapshot(pdu: str = "p", *outlets: Outlet, **more: object) -> PduSnapshot:
    plain = PduSnapshot(
        pdu=pdu,
        seq=1,
        taken_at=NOW_AT,
        taken_mono=NOW_MONO,
        dialect="rackpdu",
        identity=Identity(model="AP7920", app_version="3.7.3", name="Rack A"),
        nmc=watchdog_card(NOW_AT - 100, NOW_MONO - 100),
        outlets=outlets or (outlet(1, name="nas"), outlet(2, OutletState.OFF, name="router")),
        phases=(Load(index=1, deciamps=63, state=LoadState.NORMAL, near_overload_a=12, overload_a=16),),
        watts=1449,
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # fields of the test's choice


def status(read: PduSnapshot | None, pdu: str = "p", link: LinkState = LinkState.UP) -> PduStatus:
    return PduStatus(
        pdu=pdu,
        link=Link(state=link, since_at=NOW_AT - 60),
        snapshot=read,
        stale_after_s=STALE_AFTER_S,
        lost_after_s=LOST_AFTER_S,
    )


def event(event_id: str, at: float = NOW_AT, pdu: str = "p") -> Event:
    return Event(id=event_id, pdu=pdu, type=EventType.WATCHDOG_REBOOT, at=at, details={"cause": "watchdog"})


def result(
    command_id: str,
    step: ResultStatus = ResultStatus.CONFIRMED,
    at: float = NOW_AT,
    pdu: str = "p",
    action: Action = Action.OFF,
    number: int | None = 1,
) -> CommandResult:
    command = Command(
        id=command_id,
        origin=Origin.MQTT,
        principal="mqtt",
        pdu=pdu,
        outlet=number,
        action=action,
        received_at=at,
        received_mono=NOW_MONO,
        deadline_mono=NOW_MONO + 20,
    )
    return CommandResult(command=command, status=step, detail="", at=at)


@dataclass(slots=True)
class World:
    """Everything around an :class:`Api`."""

    settings: WebSettings = field(
        default_factory=lambda: WebSettings(
            bridge_id="rack-a",
            control=True,
            token=TOKEN,
            pdus={"p": PduView(policies={2: Policy.NO_OFF})},
            version="1.2.3",
        )
    )
    health: Health = field(default_factory=Health)
    clock: HandClock = field(default_factory=HandClock)
    store: Store = field(default_factory=lambda: Store([status(snapshot()), status(None, "q", LinkState.LOST)]))
    arbiter: Arbiter = field(init=False)
    door: CommandsDoor = field(init=False)
    chronicle: Chronicle = field(init=False)
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        rules = PduRules(outlets={2: OutletRule(policy=Policy.NO_OFF)}, bulk_origins=frozenset({Origin.LOCAL}))
        self.arbiter = Arbiter({"p": rules, "q": PduRules()}, self.store.append)
        self.door = CommandsDoor(self.arbiter, self.store, self.clock)
        self.chronicle, bring_up_to_date = Chronicle.of(self.store)
        self.store.on_edge(bring_up_to_date)
        numbers = itertools.count(1)
        self.api = Api(
            settings=self.settings,
            store=self.store,
            door=self.door,
            chronicle=self.chronicle,
            health=lambda: self.health,
            new_id=lambda: f"made-{next(numbers)}",
            epoch="e",
            page=Response(body=b"<!doctype html>", content_type="text/html"),
        )

    def ask(
        self,
        target: str,
        method: str = "GET",
        body: bytes = b"",
        peer: Peer = REMOTE,
        headers: Headers = (("host", "bridge.example:8080"),),
    ) -> Answer:
        request = Request(method=method, target=target, headers=headers, body=body)
        call = Call(request=request, peer=peer, now_mono=self.clock.mono, now_at=self.clock.at)
        return self.api.answer(call)

    def get(self, target: str, peer: Peer = REMOTE, headers: Headers = (("host", "localhost"),)) -> Response:
        answer = self.ask(target, peer=peer, headers=headers)
        assert isinstance(answer, Response)
        return answer

    def switch(self, document: object, target: str = "/api/v1/pdus/p/outlets/1", peer: Peer = LOCAL) -> Answer:
        """Post a command as the local socket would, or over TCP with the token."""
        headers = [("host", "bridge.example:8080"), ("content-type", "application/json")]
        if peer.door is not Door.LOCAL:
            headers.append(("authorization", f"Bearer {TOKEN}"))
        return self.ask(target, "POST", json.dumps(document).encode(), peer, tuple(headers))

    def confirm(self, pdu: str = "p", step: ResultStatus = ResultStatus.CONFIRMED) -> None:
        """Carry out the next command."""
        command = self.arbiter.take(pdu, self.clock.mono, self.clock.at)
        assert command is not None
        self.arbiter.finish(command, step, "", self.clock.mono, self.clock.at)


def parsed(answer: Answer, expected: HTTPStatus = HTTPStatus.OK) -> dict[str, Parsed]:
    """Return the JSON object of an answer of that status."""
    assert isinstance(answer, Response)
    assert answer.status is expected, answer.body
    document: dict[str, Parsed] = json.loads(answer.body)
    return document


def header(answer: Answer, name: str) -> str | None:
    assert isinstance(answer, Response)
    return dict(answer.headers).get(name)
