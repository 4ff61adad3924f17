"""Prints how fast the broker is brought up to date: 16 PDUs of 24 outlets against a real mosquitto.

Run with ``make bench``. Figures, not verdicts: the broker and the observer share the machine with the bridge.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import uvloop

from apcbridge.facts import PduView
from apcbridge.model import OutletState
from apcbridge.mqtt.settings import MqttProtocol, MqttSettings
from tests.integration.mqtt_world import (
    CLOCK,
    Mosquitto,
    Observer,
    World,
    retained_at,
    running,
    settings_for,
    snapshot,
    status,
    until,
)

PDUS = 16
OUTLETS = 24
ROUNDS = 5
SWITCHES = 200
STATE = "apcbridge/bridge/rack-a/state"


def rack(settings: MqttSettings) -> MqttSettings:
    return replace(settings, pdus={f"pdu{number}": PduView() for number in range(1, PDUS + 1)})


async def connect_to_published(broker: Mosquitto, folder: Path, protocol: MqttProtocol) -> tuple[float, int, int]:
    """Return seconds from the first byte to ``online``, which comes last; then how many topics and bytes there are."""
    settings = rack(settings_for(broker.port, folder, protocol=protocol))
    readings = [status(snapshot(f"pdu{n}", OUTLETS, serial=f"ZA{n:08}")) for n in range(1, PDUS + 1)]
    with Observer(broker.port, topics=STATE) as observer:
        start = time.perf_counter()
        async with running(settings, *readings):
            await until(lambda: any(m.payload == b"online" and not m.retained for m in observer.seen), step_s=0.001)
            took_s = time.perf_counter() - start
            held = await asyncio.to_thread(retained_at, broker.port)
    return took_s, len(held), sum(len(topic) + len(payload) for topic, payload in held.items())


def heard(observer: Observer, topic: str, begun: int) -> bool:
    return any(m.topic == topic for m in observer.seen[begun:])


async def store_to_observer(world: World, observer: Observer) -> list[float]:
    """Return the seconds from a changed reading in the store to its state at another client."""
    found = []
    for number in range(SWITCHES):
        outlet, state = number % OUTLETS + 1, OutletState.OFF if number // OUTLETS % 2 == 0 else OutletState.ON
        topic, begun = f"apcbridge/pdu1/outlet/{outlet}/state", len(observer.seen)
        start = time.perf_counter()
        world.set_outlet(outlet, state)
        await until(partial(heard, observer, topic, begun), step_s=0)
        found.append(time.perf_counter() - start)
    return found


async def command_to_accepted(world: World, observer: Observer) -> list[float]:
    """Return the seconds from a command at another client to its first answer there."""
    found = []
    for number in range(SWITCHES):
        outlet = number % OUTLETS + 1
        topic, begun = f"apcbridge/pdu1/outlet/{outlet}/result", len(observer.seen)
        start = time.perf_counter()
        observer.client.publish(f"apcbridge/pdu1/outlet/{outlet}/set", "ON", qos=1)
        await until(partial(heard, observer, topic, begun), step_s=0)
        found.append(time.perf_counter() - start)
        world.door.finish("pdu1")
    return found


async def steady_state(world: World, observer: Observer) -> tuple[float, int]:
    """Return the processor seconds that a round of unchanged readings of all PDUs costs, and what it published."""
    await asyncio.sleep(0.5)
    begun, rounds = len(observer.seen), 20
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(rounds):
        for old in world.store:
            assert old.snapshot is not None
            at, mono = CLOCK.wall(), CLOCK.monotonic()
            outlets = tuple(replace(outlet, read_at=at, read_mono=mono) for outlet in old.snapshot.outlets)
            world.store.replace(
                replace(old, snapshot=replace(old.snapshot, taken_at=at, taken_mono=mono, outlets=outlets))
            )
        await asyncio.sleep(0.02)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent_s / rounds, len(observer.seen) - begun


def spread(waits: list[float]) -> str:
    ordered = sorted(waits)
    return f"median {1e3 * statistics.median(ordered):.1f} ms, p99 {1e3 * ordered[int(len(ordered) * 0.99)]:.1f} ms"


async def bench(name: str) -> None:
    print(f"MQTT, {PDUS} PDUs of {OUTLETS} outlets, {name}, real mosquitto")
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
        for protocol in (MqttProtocol.V5, MqttProtocol.V311):
            runs = [await connect_to_published(broker, Path(folder), protocol) for _ in range(ROUNDS)]
            took_s, messages, octets = min(runs)
            worst_s = max(run[0] for run in runs)
            print(
                f"  connect to everything published, MQTT {protocol.value:5}  {took_s:.2f} to {worst_s:.2f} s"
                f"  ({messages} topics, {octets / 1e6:.2f} MB)"
            )
        settings = rack(settings_for(broker.port, Path(folder)))
        readings = [status(snapshot(f"pdu{n}", OUTLETS, serial=f"ZA{n:08}")) for n in range(1, PDUS + 1)]
        with Observer(broker.port) as observer:
            begun = len(observer.seen)
            async with running(settings, *readings) as world:
                await until(lambda: any(m.topic == STATE and m.payload == b"online" for m in observer.seen[begun:]))
                shown = spread(await store_to_observer(world, observer))
                print(f"  changed reading in the store to another client     {shown}")
                answered = spread(await command_to_accepted(world, observer))
                print(f"  command of another client to `accepted` there      {answered}")
                spent_s, published = await steady_state(world, observer)
                print(
                    f"  unchanged readings of all PDUs                     {1e3 * spent_s:.1f} ms of processor a round,"
                    f" {published} messages published"
                )


def main() -> None:
    asyncio.run(bench("asyncio"))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(bench("uvloop"))


if __name__ == "__main__":
    main()
