"""Real brokers, an observer beside the bridge, and a bridge whose store and door are in the test's hands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from apcbridge.clock import SystemClock
from apcbridge.commands import Arbiter, Command, CommandResult, OutletRule, PduRules, ResultStatus
from apcbridge.facts import PduView
from apcbridge.model import (
    Identity,
    Link,
    LinkState,
    Load,
    LoadState,
    Nmc,
    Outlet,
    OutletState,
    PduSnapshot,
    PduStatus,
    Policy,
)
from apcbridge.mqtt.bridge import MqttBridge
from apcbridge.mqtt.payloads import pdu_topics
from apcbridge.mqtt.settings import BrokerAddress, MqttProtocol, MqttSettings
from apcbridge.mqtt.topics import Topics
from apcbridge.store import Store
from tests.ports import free_port

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from apcbridge.mqtt.verbs import Verb

PATIENCE_S = 60.0
"""Deadline for what happens at once on an idle machine; on a busy one a lost connection or two is in it."""
CLOCK = SystemClock()


async def until(
    condition: Callable[[], object], what: str = "", patience_s: float = PATIENCE_S, step_s: float = 0.01
) -> None:
    """Wait for a condition; fail with ``what`` did not happen."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never happened: {what or condition}")
        await asyncio.sleep(step_s)


class Mosquitto:
    """A broker process that forgets everything when it ends."""

    def __init__(self, folder: Path, *lines: str, port: int | None = None, listener: str = "") -> None:
        self.port = port or free_port()
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._log = folder / f"mosquitto-{self.port}.log"
        listeners = [f"listener {self.port} 127.0.0.1", *listener.splitlines()]
        access = [] if any(line.startswith("allow_anonymous") for line in lines) else ["allow_anonymous true"]
        # Started by root, it would become a user who cannot read the test's files; and a slow observer loses nothing.
        always = ["user root", "max_queued_messages 100000"]
        self._config.write_text("\n".join([*always, *listeners, *access, *lines, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(["/usr/sbin/mosquitto", "-c", self._config], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, "mosquitto does not listen"
            time.sleep(0.01)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal: SIGSTOP freezes it, SIGHUP makes it read its password file again."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()


def password_file(folder: Path, **users: str) -> Path:
    """Write who may log in to mosquitto, in place of who might before."""
    path = folder / "passwords"
    path.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
    subprocess.run(["/usr/bin/mosquitto_passwd", "-U", path], check=True)
    path.chmod(0o644)
    return path


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that the observer got."""

    topic: str
    payload: bytes
    retained: bool
    correlation: bytes | None = None

    def json(self) -> dict[str, object]:
        value = json.loads(self.payload)
        assert isinstance(value, dict)
        return value


class Observer:
    """Another client of the broker: sees everything, says what it is told."""

    def __init__(
        self, port: int, *, username: str | None = None, password: str | None = None, topics: str = "#"
    ) -> None:
        self.seen: list[Seen] = []
        self._subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.username_pw_set(username, password)
        self.client.on_message = self._note
        self.client.on_subscribe = lambda *_args: self._subscribed.set()
        self.client.on_connect = lambda client, *_args: client.subscribe(topics, qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._subscribed.wait(PATIENCE_S), "the observer could not subscribe"

    def _note(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        self.seen.append(Seen(message.topic, bytes(message.payload), bool(message.retain), correlation))

    def say(self, topic: str, payload: str | bytes, *, retain: bool = False, **properties: object) -> None:
        """Publish and wait until the broker has it."""
        carried = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for name, value in properties.items():
            setattr(carried, name, value)
        self.client.publish(topic, payload, qos=1, retain=retain, properties=carried).wait_for_publish(PATIENCE_S)

    def on(self, topic: str) -> list[Seen]:
        """Return what came on one topic, oldest first."""
        return [message for message in list(self.seen) if message.topic == topic]

    def last(self, topic: str) -> bytes | None:
        """Return what came last on one topic."""
        found = self.on(topic)
        return found[-1].payload if found else None

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def retained_at(port: int) -> dict[str, bytes]:
    """Return everything that the broker retains, as a new client gets it (not the broker's own $SYS)."""
    with Observer(port) as observer:
        marker = f"marker/{time.monotonic_ns()}"
        observer.say(marker, b"x")
        deadline = time.monotonic() + PATIENCE_S
        while not observer.on(marker):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return {m.topic: m.payload for m in observer.seen if m.retained}


def snapshot(pdu: str = "pdu1", outlets: int = 8, seq: int = 1, serial: str | None = "ZA0401001234") -> PduSnapshot:
    """Make a reading taken just now; the third outlet is configured as ``nas``."""
    at, mono = CLOCK.wall(), CLOCK.monotonic()
    return PduSnapshot(
        pdu=pdu,
        seq=seq,
        taken_at=at,
        taken_mono=mono,
        dialect="test",
        identity=Identity(model="AP7920", serial_number=serial, aos_version="3.7.3", app_version="3.7.3"),
        nmc=Nmc(boot_at=1_700_000_000.0, boot_mono=mono - 100.0),
        outlets=tuple(
            Outlet(
                number=number,
                name="nas" if number == 3 else f"Outlet {number}",
                own_label="Outlet 3" if number == 3 else None,
                state=OutletState.ON,
                pending=False,
                read_at=at,
                read_mono=mono,
                on_delay_s=0,
                off_delay_s=-1,
                reboot_duration_s=5,
            )
            for number in range(1, outlets + 1)
        ),
        phases=(Load(index=1, deciamps=12, state=LoadState.NORMAL),),
    )


def status(reading: PduSnapshot, link: LinkState = LinkState.UP, stale_after_s: float = 600.0) -> PduStatus:
    """Wrap a reading whose console answers."""
    return PduStatus(
        pdu=reading.pdu,
        link=Link(state=link, since_at=reading.taken_at),
        snapshot=reading,
        stale_after_s=stale_after_s,
        lost_after_s=stale_after_s * 2,
    )


class HandDoor:
    """The real rules of commands, with the PDU played by the test."""

    def __init__(self, store: Store, pdus: Mapping[str, PduRules]) -> None:
        self._store = store
        self.arbiter = Arbiter(pdus, store.append)

    def submit(self, command: Command) -> CommandResult:
        return self.arbiter.submit(command, self._store.get(command.pdu), CLOCK.monotonic(), CLOCK.wall())

    def waiting(self, pdu: str = "pdu1") -> tuple[Command, ...]:
        return self.arbiter.unfinished(pdu)

    def finish(self, pdu: str = "pdu1", status_: ResultStatus = ResultStatus.CONFIRMED) -> Command:
        """Take the next command and say that it ended so."""
        command = self.arbiter.take(pdu, CLOCK.monotonic(), CLOCK.wall())
        assert command is not None
        self.arbiter.finish(command, status_, "read back", CLOCK.monotonic(), CLOCK.wall())
        return command


@dataclass
class World:
    """A bridge with its surroundings."""

    settings: MqttSettings
    store: Store
    door: HandDoor
    bridge: MqttBridge
    task: asyncio.Task[None]
    topics: Topics = field(init=False)

    def __post_init__(self) -> None:
        self.topics = Topics(self.settings.base_topic, self.settings.bridge_id)

    def set_outlet(self, number: int, state: OutletState, pdu: str = "pdu1") -> None:
        """Let the PDU's console show a state."""
        old = self.store.get(pdu)
        assert old.snapshot is not None
        at, mono = CLOCK.wall(), CLOCK.monotonic()
        outlets = tuple(
            replace(o, state=state, changed_at=at, read_at=at, read_mono=mono) if o.number == number else o
            for o in old.snapshot.outlets
        )
        reading = replace(old.snapshot, seq=old.snapshot.seq + 1, taken_at=at, taken_mono=mono, outlets=outlets)
        self.store.replace(replace(old, snapshot=reading))

    def expected(self) -> dict[str, bytes]:
        """Return what every value topic should hold, without the parts that move by themselves."""
        wanted: dict[str, bytes] = {}
        for status_ in self.store:
            view = self.settings.pdus[status_.pdu]
            found = pdu_topics(self.topics, status_, view, {}, CLOCK.monotonic())
            wanted |= {topic: value.payload for topic, value in found.items()}
        return wanted

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


def settings_for(port: int, folder: Path, **changes: object) -> MqttSettings:
    """Make settings for one PDU of eight outlets, the eighth read-only."""
    base = MqttSettings(
        bridge_id="rack-a",
        broker=BrokerAddress("127.0.0.1", port),
        client_id="apcbridge-test",
        pdus={"pdu1": PduView(policies={8: Policy.READ_ONLY})},
        state_file=folder / "mqtt.json",
        version="1.2.3",
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the tests pass the field's own types


@contextlib.asynccontextmanager
async def running(
    settings: MqttSettings, *statuses: PduStatus, verbs: Mapping[str, Verb] | None = None
) -> AsyncIterator[World]:
    """Run a bridge for as long as the block lasts."""
    store = Store(statuses or [status(snapshot())])
    rules = {
        pdu: PduRules(outlets={n: OutletRule(policy=policy) for n, policy in view.policies.items()})
        for pdu, view in settings.pdus.items()
    }
    door = HandDoor(store, rules)
    bridge = MqttBridge(settings, store, door, CLOCK, verbs=verbs)
    world = World(settings, store, door, bridge, asyncio.create_task(bridge.run()))
    try:
        yield world
    finally:
        await world.stop()


def steady(topic: str, payload: bytes) -> object:
    """Reduce a payload to what must not differ: values that move with every reading are left out."""
    if payload[:1] != b"{":
        return payload
    fields = json.loads(payload)
    for moving in ("read_at", "uptime_s", "last_command"):
        fields.pop(moving, None)
    return fields


def assert_equal_to_store(port: int, world: World) -> None:
    """Compare every value topic that the broker retains with the store."""
    held = retained_at(port)
    mine = {t: steady(t, p) for t, p in held.items() if t.startswith("apcbridge/") and "/bridge/" not in t}
    assert mine == {t: steady(t, p) for t, p in world.expected().items()}
    assert held["apcbridge/bridge/rack-a/state"] == b"online"


async def settled(port: int, world: World) -> None:
    """Wait until the bridge has said ``online`` on the connection of now and nothing is on its way."""
    await until(lambda: world.bridge.connected, "the bridge connects")
    with await asyncio.to_thread(Observer, port) as observer:
        await until(lambda: observer.last("apcbridge/bridge/rack-a/state") == b"online", "online is published")


PROTOCOLS = (MqttProtocol.V5, MqttProtocol.V311)
