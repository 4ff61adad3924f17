"""A client of the broker that commands, takes down what came of it and when, and judges it at the end."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.integration.mqtt_world import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from paho.mqtt.client import MQTTMessage

TERMINAL = frozenset({"confirmed", "failed", "expired", "unknown"})
AT_THE_DOOR = frozenset({"refused", "duplicate"})
BRIDGE_STATE = "apcbridge/bridge/soak/state"


@dataclass(slots=True)
class Life:
    """A command, as its results told it."""

    pdu: str
    outlet: int
    word: str
    origin: str = "mqtt"
    sent_mono: float | None = None
    answered_mono: float | None = None
    """When the first result came."""
    ended_mono: float | None = None
    steps: Counter[str] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)

    @property
    def ends(self) -> frozenset[str]:
        return TERMINAL & self.steps.keys()

    @property
    def over(self) -> bool:
        return bool(self.ends or AT_THE_DOOR & self.steps.keys())


class Watcher(Observer):
    """Everything that the bridge tells, newest value by topic, and every command with its results."""

    def __init__(self, port: int) -> None:
        self.values: dict[str, str] = {}
        """Topic -> newest payload since the broker was last connected to."""
        self.heard: Counter[str] = Counter()
        """Kind of topic -> live messages."""
        self.lives: dict[str, Life] = {}
        """Id -> command, in the order in which they were first heard of."""
        self.turned: dict[str, list[tuple[float, str]]] = {}
        """PDU -> when its availability was said, and what."""
        self.connected_mono: list[float] = []
        """When the broker said that the bridge had connected."""
        self.online_mono: list[float] = []
        self._bridge = ""
        """The bridge's client id."""
        self._numbers = count()
        self._port = port
        super().__init__(port)
        self.client.on_disconnect = lambda *_args: self.values.clear()
        self.client.subscribe("$SYS/broker/log/N", qos=0)
        self.client.reconnect_delay_set(1, 1)

    def _note(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        now_mono, topic = time.monotonic(), message.topic
        payload = bytes(message.payload).decode()
        if topic.startswith("$SYS"):
            if found := re.search(r" as (apcbridge-soak-\w+)", payload):
                self._bridge = found[1]
                self.connected_mono.append(now_mono)
            return
        self.values[topic] = payload
        if not message.retain:
            self.heard[_kind(topic)] += 1
        if topic == BRIDGE_STATE and payload == "online":
            self.online_mono.append(now_mono)
        words = topic.split("/")
        if words[-1] == "availability":
            self.turned.setdefault(words[1], []).append((now_mono, payload))
        if words[-1] == "result":
            self._step(json.loads(payload), now_mono)

    def _step(self, result: dict[str, object], now_mono: float) -> None:
        known = self.lives.setdefault(
            str(result["id"]), Life(str(result["pdu"]), int(str(result["outlet"])), str(result["command"]))
        )
        status = str(result["status"])
        known.origin = str(result["origin"])
        known.steps[status] += 1
        known.details[status] = str(result["detail"])
        if known.answered_mono is None:
            known.answered_mono = now_mono
        if status in TERMINAL and known.ended_mono is None:
            known.ended_mono = now_mono

    def command(self, pdu: str, outlet: int, word: str) -> bool:
        """Give a command; return whether it left this client."""
        if not self.client.is_connected():
            return False
        name = f"soak-{next(self._numbers)}"
        self.lives[name] = Life(pdu, outlet, word, sent_mono=time.monotonic())
        sent = self.client.publish(
            f"apcbridge/{pdu}/outlet/{outlet}/set", json.dumps({"command": word, "id": name}), qos=1
        )
        return sent.rc == MQTT_ERR_SUCCESS

    def take_place_of_bridge(self) -> None:
        """Connect by the bridge's client id, which ends its connection, and go again."""
        thief = Client(CallbackAPIVersion.VERSION2, client_id=self._bridge)
        thief.on_connect = lambda client, *_args: client.disconnect()
        thief.connect("127.0.0.1", self._port)
        thief.loop_forever()

    def state(self, pdu: str, outlet: int) -> str | None:
        return self.values.get(f"apcbridge/{pdu}/outlet/{outlet}/state")

    def available(self, pdu: str) -> bool:
        return self.values.get(f"apcbridge/{pdu}/availability") == "online"

    def differs(self, states: Mapping[str, Mapping[int, str]]) -> list[str]:
        """Return the outlets whose topics do not say what is so."""
        return [
            f"{pdu} outlet {outlet}: {self.state(pdu, outlet)} on MQTT, is {state}"
            for pdu, outlets in states.items()
            for outlet, state in outlets.items()
            if self.state(pdu, outlet) != state
        ] + [f"{pdu}: not available" for pdu in states if not self.available(pdu)]

    def open(self) -> list[str]:
        """Return the commands that were accepted and have not ended."""
        return [name for name, life in self.lives.items() if life.steps and not life.over]

    def results(self) -> Counter[str]:
        """Count the commands by how they ended."""
        return Counter(step for life in self.lives.values() for step in (life.ends or AT_THE_DOOR & life.steps.keys()))

    def judge(
        self, taken: Mapping[str, Mapping[int, list[str]]], *, repeats: bool = False, silent: bool = False
    ) -> list[str]:
        """Return the broken promises, given what each outlet was made to do.

        ``repeats``: the broker was away, so that a result may have come twice, and a command may have reached the
        bridge twice. ``silent``: a command may have reached nobody.
        """
        faults = list(self._judge_ends(repeats=repeats, silent=silent))
        for pdu, outlets in taken.items():
            for outlet, done in outlets.items():
                faults += self._judge_outlet(pdu, outlet, done)
        return faults

    def _judge_ends(self, *, repeats: bool, silent: bool) -> Iterator[str]:
        for name, life in self.lives.items():
            if len(life.ends) > 1:
                yield f"{name} ended as {sorted(life.ends)}"
            if not life.over and (life.steps or not silent):
                yield f"{name} has no end: {dict(life.steps)}"
            if "refused" in life.steps and len(life.steps) > 1:
                yield f"{name} was refused and more: {dict(life.steps)}"
            if not repeats and any(count > 1 for count in life.steps.values()):
                yield f"{name} was told twice: {dict(life.steps)}"

    def _judge_outlet(self, pdu: str, outlet: int, done: list[str]) -> Iterator[str]:
        """An outlet was given what was accepted for it, in that order, none twice; what was confirmed was done."""
        mine = [life for life in self.lives.values() if (life.pdu, life.outlet) == (pdu, outlet)]
        accepted = sorted((life for life in mine if "accepted" in life.steps), key=lambda life: life.answered_mono or 0)
        orders = iter(life.word for life in accepted)
        if not all(any(word == order for order in orders) for word in done):
            yield f"{pdu} outlet {outlet} was given {done}, accepted were {[life.word for life in accepted]}"
        sure = sum("confirmed" in life.steps for life in mine)
        perhaps = sum("unknown" in life.steps for life in mine)
        if not sure <= len(done) <= sure + perhaps:
            yield f"{pdu} outlet {outlet} was switched {len(done)} times, {sure} confirmed and {perhaps} unknown"


def _kind(topic: str) -> str:
    """Return what a topic is about, without who it is about."""
    words = topic.split("/")
    if words[0] != "apcbridge":
        return "discovery"
    return words[-1] if words[1] == "bridge" or words[-2] != "outlet" else "outlet document"
