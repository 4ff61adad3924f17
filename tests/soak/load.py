"""``apcbridge run`` under the reference load: 16 PDUs of 24 outlets, 9600 baud, poll 10 s, and everybody asks at once.

PDUs, daemon and mosquitto are processes of their own. Half of the PDUs are read through menus, half through command
lines; half stay logged in, half log out after each poll. A manager asks the agents 50 times a second, commands come at
random over MQTT and as SNMP SETs, and in the end 200 of them within a second.

Run as ``python -m tests.soak.load [minutes] [seed]``. Figures are printed beside what is promised; the verdict is on
correctness alone: exits 1 if a command had not exactly one end, an outlet was given what nobody asked for or given it
twice, a topic or object differs from its relay, or a descriptor is left over.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.mqtt_world import Mosquitto, until
from tests.integration.snmp_world import run_program
from tests.soak.rack.daemon import READER, Daemon, Place
from tests.soak.rack.figures import counts, processor, row, seconds
from tests.soak.rack.simulators import Simulators
from tests.soak.rack.snmp import Manager
from tests.soak.rack.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.soak.rack.daemon import Usage
    from tests.soak.rack.watcher import Life

OUTLETS = 24
POLL_S = 10.0
SNMP_RATE = 50.0
COMMANDS_PER_S = 0.8
"""One every 20 s for each PDU."""
AGES_EVERY_S = 1.0
QUIET_S = 30.0
BURST = 200
DEFAULT_MINUTES = 3.0
SETTLE_S = 180.0
MODELS = {
    ("menu", "hold"): ("AP7930", "AP7930", "AP7930", "AP7930"),
    ("menu", "release"): ("AP7930", "AP7930", "AP7930", "AP7930"),
    ("auto", "hold"): ("AP7930", "AP8941", "AP7930", "AP8941"),
    ("auto", "release"): ("AP7930", "AP8941", "AP7930", "AP8941"),
}
DEVICE = "baud=9600&relay_lag_min=3&relay_lag=5&watchdog=off&up_time=90000"


def rack() -> dict[str, Place]:
    """Return four PDUs of each way to read one."""
    found: dict[str, Place] = {}
    for (access, session), models in MODELS.items():
        for model in models:
            name = f"pdu{len(found) + 1:02}"
            found[name] = Place(name, f"sim://{model}?{DEVICE}&seed={len(found)}", access, session, OUTLETS)
    return found


class Load:
    """The rack with all who want something of it."""

    watcher: Watcher
    simulators: Simulators
    daemon: Daemon
    manager: Manager

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.places = rack()
        self.ages_s: dict[str, list[float]] = {}
        """PDU -> age of its readings at each look."""
        self.commanding = True
        self.sets_taken = 0

    async def run(self, folder: Path, minutes: float) -> list[str]:
        """Load, print figures, return the broken promises."""
        async with AsyncExitStack() as stack:
            # Both are what an administrator would set who cares about delays, or looks at who connects.
            broker = Mosquitto(folder, "set_tcp_nodelay true", "log_dest topic", "log_type notice")
            stack.enter_context(broker)
            urls = {name: place.url for name, place in self.places.items()}
            self.simulators = stack.enter_context(Simulators(urls, folder))
            self.watcher = stack.enter_context(Watcher(broker.port))
            self.daemon = Daemon(folder, list(self.places.values()), broker.port, POLL_S)
            await stack.enter_async_context(self.daemon)
            began = time.monotonic()
            await until(lambda: all(map(self.watcher.available, self.places)), "all PDUs available", SETTLE_S)
            print(f"{len(self.places)} PDUs are read and published {time.monotonic() - began:.1f} s after the start")
            self.manager = Manager(self.daemon.agents, self.places, self.daemon, self.rng.randrange(2**31))
            stack.callback(self.manager.close)
            quiet = await self._quiet()
            await self._loaded(minutes)
            await self._come_back()
            faults = await self._judge(quiet)
            await self._steady()
            return faults + await self._stop()

    async def _quiet(self) -> Usage:
        """Take the measure of the process while nobody does anything."""
        await asyncio.sleep(QUIET_S)
        before = self.daemon.usage()
        await asyncio.sleep(QUIET_S)
        after = self.daemon.usage()
        row("L1", "", f"{processor(before, after)}, {after.rss_kib / 1024:.0f} MiB with polls alone")
        looking = asyncio.create_task(self._look())
        await asyncio.sleep(QUIET_S)
        looking.cancel()
        self._show_ages("alone")
        return after

    async def _loaded(self, minutes: float) -> None:
        """Everything at once, then the burst on top."""
        async with asyncio.TaskGroup() as group:
            always = [group.create_task(self.manager.load(SNMP_RATE)), group.create_task(self._look())]
            before = self.daemon.usage()
            commands = group.create_task(self._command())
            for _ in range(2):
                await asyncio.sleep(minutes * 30)
                await self._walk()
            self.commanding = False
            await commands
            self._show_load(before, self.daemon.usage())
            await self._burst()
            for task in always:
                task.cancel()

    async def _command(self) -> None:
        """Switch at random, by either door, where no other command is under way: the burst shows what queues do."""
        while self.commanding:
            await asyncio.sleep(self.rng.expovariate(COMMANDS_PER_S))
            busy = {life.pdu for life in self.watcher.lives.values() if not life.over}
            pdu = self.rng.choice([name for name in self.places if name not in busy] or list(self.places))
            outlet = self.rng.randrange(1, OUTLETS + 1)
            word = "OFF" if self.watcher.state(pdu, outlet) == "ON" else "ON"
            if self.rng.random() < 0.5:
                self.watcher.command(pdu, outlet, word)
            else:
                self.sets_taken += await self.manager.switch(pdu, outlet, word)

    async def _look(self) -> None:
        while True:
            for pdu, age_s in (await self.daemon.ages_s()).items():
                self.ages_s.setdefault(pdu, []).append(age_s)
            await asyncio.sleep(AGES_EVERY_S)

    async def _walk(self) -> None:
        agent = f"127.0.0.1:{self.daemon.agents['pdu01']}"
        began = time.monotonic()
        ran = await run_program("/usr/bin/snmpwalk", "-m", "", "-v", "2c", "-c", READER, agent, ".1.3.6.1.4.1.318")
        took_s = time.monotonic() - began
        row("L4", "walk of one PDU <= 2 s", f"snmpwalk: {len(ran.out.splitlines())} rows in {took_s:.2f} s")

    async def _burst(self) -> None:
        """Give 200 commands within a second to four PDUs, one of each kind, and wait for their ends."""
        known = set(self.watcher.lives)
        held_before = len(self.manager.figures.held_s)
        chosen = list(self.places)[:: len(self.places) // len(MODELS)]
        began = time.monotonic()
        for number in range(BURST):
            word = self.rng.choice(["ON", "OFF"])
            self.watcher.command(self.rng.choice(chosen), self.rng.randrange(1, OUTLETS + 1), word)
            await asyncio.sleep(max(0.0, began + number / BURST - time.monotonic()))
        lives = {name: life for name, life in self.watcher.lives.items() if name not in known}
        await until(lambda: all(life.over for life in lives.values()), "an end of every command", SETTLE_S, step_s=0.1)
        self._show_burst(lives.values(), chosen, self.manager.figures.held_s[held_before:])

    async def _come_back(self) -> None:
        """Throw the bridge off the broker, and look how it comes back."""
        self.watcher.connected_mono.clear()
        self.watcher.online_mono.clear()
        heard = self.watcher.heard.total()
        await asyncio.to_thread(self.watcher.take_place_of_bridge)
        await until(lambda: self.watcher.online_mono, "the bridge online again", SETTLE_S)
        took_s = self.watcher.online_mono[0] - self.watcher.connected_mono[-1]
        sent = self.watcher.heard.total() - heard
        row("L5", "connect to everything published <= 3 s", f"{took_s:.2f} s, {sent} messages")

    async def _steady(self) -> None:
        """Look at what is published when everything is known and nothing changes."""
        heard = self.watcher.heard.copy()
        await asyncio.sleep(QUIET_S)
        row("L5", "steady state publishes only changes", f"{QUIET_S:.0f} s: {counts(self.watcher.heard - heard)}")

    async def _stop(self) -> list[str]:
        """End the daemon; return what is not clean about its end."""
        if await self.daemon.end() != 0 or "Traceback" in self.daemon.log():
            return [f"the log or the end is not clean:\n{self.daemon.log()[-4000:]}"]
        return []

    # What is printed

    def _show_load(self, before: Usage, after: Usage) -> None:
        minutes = (after.at_mono - before.at_mono) / 60
        row("L1", "CPU <= 15 % of a core", f"{processor(before, after)} under the load of L3 and L4")
        grown = f"{(after.rss_kib - before.rss_kib) / 1024:+.1f} MiB in {minutes:.1f} min"
        row("L1", "RSS <= 96 MB, growth in a day <= 5 MB", f"{after.rss_kib / 1024:.0f} MiB, {grown}")
        held = f"{before.descriptors} then {after.descriptors}; {before.threads} then {after.threads}"
        row("L1", "descriptors and threads constant", held)
        self._show_ages("and commands")
        lives = self.watcher.lives.values()
        row("L3", "accepted or refused <= 50 ms, MQTT", seconds(_answered_s(lives)))
        row("L3", "accepted or refused <= 50 ms, SNMP SET", seconds(self.manager.sets.all_s))
        row("L3", "confirmed p95 <= 10 s, p99 <= 15 s", seconds(_ended_s(lives)))
        for group in dict.fromkeys(place.group for place in self.places.values()):
            mine = [life for life in lives if self.places[life.pdu].group == group]
            row("", f"    {group}", seconds(_ended_s(mine)))
        figures = self.manager.figures
        trouble = f"{figures.timeouts} time-outs, errors: {counts(figures.errors)}"
        row("L4", "50 requests/s: p99 <= 250 ms, 0 time-outs at 2 s", f"{seconds(figures.all_s)}; {trouble}")
        row("L7", "longest stall <= 100 ms under L4", _stall(figures.all_s, figures.held_s))

    def _show_ages(self, what: str) -> None:
        for group in dict.fromkeys(place.group for place in self.places.values()):
            ages_s = [age for pdu, ages in self.ages_s.items() if self.places[pdu].group == group for age in ages]
            bound_s = POLL_S + (6 if "release" in group else 3)
            row("L2", f"age p99 <= {bound_s:.0f} s: {group}, polls {what}", seconds(ages_s, (50, 99)))
        self.ages_s.clear()

    def _show_burst(self, lives: Iterable[Life], chosen: list[str], held_s: list[float]) -> None:
        lives = list(lives)
        ends: dict[str, int] = {}
        for life in lives:
            end = next(iter(life.ends or life.steps))
            detail = life.details[end] if end == "refused" else ""
            what = f"{end} ({detail.split(' for ')[0]})" if detail else end
            ends[what] = ends.get(what, 0) + 1
        told = ", ".join(f"{count} {what}" for what, count in sorted(ends.items()))
        row("L6", f"{BURST} commands in 1 s: a result for each, 16 wait", told)
        row("L6", "", f"answered {seconds(_answered_s(lives))}")
        for title, meant in (("those", chosen), ("others", [p for p in self.places if p not in chosen])):
            ages_s = [age for pdu in meant for age in self.ages_s.get(pdu, [])]
            row("L6", f"polls still within 2 x interval: age of {title}", seconds(ages_s, (50, 99)))
        row("L7", "longest stall <= 100 ms under L4 and L6", _stall([], held_s))

    # What is judged

    async def _judge(self, quiet: Usage) -> list[str]:
        """Wait until all has settled; return what is not as it must be."""
        await until(lambda: not self.watcher.open(), "an end of every command", SETTLE_S)
        states: dict[str, dict[int, str]] = await self.simulators.ask("states")
        try:
            await until(lambda: not self.watcher.differs(states), "topics equal to the relays", SETTLE_S, step_s=0.5)
        except AssertionError:
            return self.watcher.differs(states)
        faults = self.watcher.judge(await self.simulators.ask("taken"))
        told = {pdu: await self.manager.states(pdu) for pdu in self.places}
        faults += [f"{pdu}: SNMP tells {told[pdu]}, is {states[pdu]}" for pdu in states if told[pdu] != states[pdu]]
        by_snmp = sum(life.origin == "snmp" for life in self.watcher.lives.values())
        if by_snmp != self.sets_taken:
            faults.append(f"{self.sets_taken} SETs were taken, {by_snmp} commands came of them")
        after = self.daemon.usage()
        if after.descriptors > quiet.descriptors:
            faults.append(f"{after.descriptors} descriptors, {quiet.descriptors} before the load")
        outlets = sum(len(each) for each in states.values())
        print(f"{len(self.watcher.lives)} commands: {counts(self.watcher.results())}")
        print(f"{outlets} outlets compared on MQTT and over SNMP; {after.descriptors} descriptors at the end")
        return faults


def _answered_s(lives: Iterable[Life]) -> list[float]:
    return [life.answered_mono - life.sent_mono for life in lives if life.sent_mono and life.answered_mono]


def _ended_s(lives: Iterable[Life]) -> list[float]:
    """Return how long it took from the first answer to the confirmation."""
    return [
        life.ended_mono - life.answered_mono
        for life in lives
        if life.ended_mono and life.answered_mono and "confirmed" in life.ends
    ]


def _stall(took_s: list[float], held_s: list[float]) -> str:
    """Say how long the longest wait for an answer was: each is a look at the loop, 50 a second."""
    seen = f"longest answer {1000 * max(took_s):.0f} ms, " if took_s else ""
    held = [1000 * value for value in sorted(held_s)[-3:]]
    return f"{seen}without waits for a processor {', '.join(f'{value:.0f}' for value in reversed(held))} ms"


def main() -> int:
    """Load and judge."""
    logging.disable(logging.CRITICAL)
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_MINUTES
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    print(f"seed {seed}; {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} before", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        faults = asyncio.run(Load(seed).run(Path(folder), minutes))
    print(f"load average {os.getloadavg()[0]:.1f} after")
    for fault in faults:
        print(f"BROKEN: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
