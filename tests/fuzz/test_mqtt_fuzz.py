"""Invariant: whatever arrives, only the exact words on the exact topics become commands, and nothing is raised.

A few thousand messages; ``APCBRIDGE_FUZZ=full`` tries a hundred thousand, and ``APCBRIDGE_FUZZ_SEED`` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from apcbridge.clock import SystemClock
from apcbridge.commands import Command, CommandResult, ResultStatus
from apcbridge.errors import UnknownOutlet
from apcbridge.facts import PduView
from apcbridge.model import Action, Link, LinkState, PduStatus, Setting
from apcbridge.mqtt.inbox import Inbox, ReplyTo
from apcbridge.mqtt.ledger import Ledger
from apcbridge.mqtt.publisher import Publisher
from apcbridge.mqtt.requests import PAYLOAD_LIMIT, Incoming
from apcbridge.mqtt.settings import BrokerAddress, MqttSettings
from apcbridge.store import Store

if TYPE_CHECKING:
    from apcbridge.mqtt.requests import VerbRequest

MESSAGES = 100_000 if os.environ.get("APCBRIDGE_FUZZ") == "full" else 3_000
CLOCK = SystemClock()

PIECES = [
    "apcbridge", "pdu1", "pdu2", "outlet", "set", "state", "config", "name", "on_delay", "reboot_duration", "all", "1",
    "24", "25", "0", "01", "-1", "bridge", "rack-a", "request", "reload", "refresh", "result", "+", "#", "", "\u0661",
    "\0", "homeassistant", "status", "OFF", "..", "$SYS", "x" * 300,
]  # fmt: skip
WORDS = [*Action, "off", "On", "TOGGLE", "true", "0", "1", "", "null", "online", "\ufeffOFF", "OFF\n"]
SAMPLES = [
    b"", b"\xff\xfe\xfd", b"\0", b"OFF\0", b"[" * 1000, b"{" * 1000, b'{"command":' * 80, b"9" * 1024, b"-1", b"7201",
    b"1e5", b"web server", b"a\x1b[2J\r", b"X" * 262_144, b'{"transaction":"t"}', b"{}", b"NaN",
]  # fmt: skip


class Door:
    """Takes every command that gets so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.taken: list[Command] = []

    def submit(self, command: Command) -> CommandResult:
        self.taken.append(command)
        if command.outlet == 25:
            raise UnknownOutlet("there is no such outlet")
        result = CommandResult(command=command, status=ResultStatus.ACCEPTED, detail="", at=0.0)
        self._store.append(result)
        return result


def make_topic(source: random.Random) -> str:
    topics = ["apcbridge/pdu1/outlet/3/set", "apcbridge/pdu1/outlet/3/config/name/set", "homeassistant/status"]
    if source.random() < 0.5:
        return source.choice(topics)
    return "/".join(source.choice(PIECES) for _ in range(source.randint(1, 7)))


def make_payload(source: random.Random) -> bytes:
    kind = source.random()
    if kind < 0.3:
        return str(source.choice(WORDS)).encode()
    if kind < 0.5:
        return source.choice(SAMPLES)
    if kind < 0.6:
        return source.randbytes(source.randint(0, 80))
    keys = source.sample(["command", "id", "ttl", "transaction", "x", "Command"], source.randint(0, 4))
    values = [*WORDS, 5, 0, -1, 3601, 1.5, True, None, [], {}, "y" * 65, "id 1"]
    fields: dict[str, object] = {key: source.choice(values) for key in keys}
    payload = bytearray(json.dumps(fields).encode())
    if source.random() < 0.3 and payload:
        payload[source.randrange(len(payload))] = source.randrange(256)
    return bytes(payload)


def is_exact(topic: str, payload: bytes, command: Command) -> bool:
    """Judge, in other words than the decoder's, whether a message may have become this command."""
    parts = topic.split("/")
    assert parts[:3] == ["apcbridge", "pdu1", "outlet"]
    assert parts[-1] == "set"
    assert parts[3] == ("all" if command.outlet is None else str(command.outlet))
    assert len(payload) <= PAYLOAD_LIMIT
    if len(parts) == 7:
        assert isinstance(command.action, Setting)
        assert parts[5] == command.action.value
        return str(command.value).encode() == payload
    if payload.startswith(b"{"):
        fields = json.loads(payload)
        assert fields.keys() <= {"command", "id", "ttl"}
        return bool(fields["command"] == command.action.value) and command.id == fields.get("id", command.id)
    return payload == command.action.value.encode()


@pytest.mark.timeout(600)
async def test_only_the_exact_words_on_the_exact_topics_act() -> None:
    seed = int(os.environ.get("APCBRIDGE_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    source = random.Random(seed)
    settings = MqttSettings(
        bridge_id="rack-a", broker=BrokerAddress("127.0.0.1", 1), client_id="x", pdus={"pdu1": PduView()}
    )
    link = Link(state=LinkState.UP, since_at=0.0)
    store = Store([PduStatus(pdu="pdu1", link=link, snapshot=None, stale_after_s=1.0, lost_after_s=2.0)])
    door = Door(store)
    publisher = Publisher(settings, store, CLOCK, Ledger(None), dict)
    requests: list[VerbRequest] = []
    births: list[None] = []

    def on_request(request: VerbRequest, _reply_to: ReplyTo | None) -> None:
        requests.append(request)

    inbox = Inbox(settings, door, CLOCK, publisher, on_request, lambda: births.append(None))
    seen: Counter[str] = Counter()
    for number in range(MESSAGES):
        topic, payload = make_topic(source), make_payload(source)
        message = Incoming(
            topic=topic,
            payload=payload,
            retain=source.random() < 0.2,
            dup=source.random() < 0.1,
            response_topic=source.choice([None, None, "client/reply", topic, "a/#", ""]),
            correlation=b"c",
            expiry_s=source.choice([None, None, 0, 5]),
        )
        before, asked, born = len(door.taken), len(requests), len(births)
        inbox.receive(message)
        context = f"seed {seed}, message {number}: {message!r:.300}"
        acted = len(door.taken) - before + len(requests) - asked
        assert acted + len(births) - born <= 1, context
        if acted:
            assert not message.retain, context
            assert message.response_topic != topic, context
        if len(door.taken) > before:
            assert not message.dup, context
            assert is_exact(topic, payload, door.taken[-1]), context
            seen[door.taken[-1].action.value] += 1
    assert len(seen) > 5, "the fuzzer reaches the door, or it proves nothing"
    assert publisher.queued <= 1000
