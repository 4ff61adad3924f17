"""``apcbridge run`` while adapters are pulled, consoles flood or fall mute, brokers die, clocks jump and disks fill.

PDUs, daemon and mosquitto are processes of their own; commands come at random all the while. The judge is what the
simulated PDUs were made to do: each command accepted has exactly one end, none was done twice, and when a fault is over
every topic says what its relay is. How long that took is printed, not judged.

Run as ``python -m tests.soak.faults [rounds] [seed] [fault ...]``: 100 rounds are what docs/reliability.md tells of,
and the faults are ``replug``, ``neighbour``, ``broker``, ``clock``, ``suspend`` and ``disk``. Exits 1 if a promise is
broken.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.mqtt_world import until
from tests.integration.snmp_world import run_program
from tests.soak.load import POLL_S, rack
from tests.soak.rack.daemon import READER
from tests.soak.rack.disk import ILLS, ailing_disk
from tests.soak.rack.figures import counts, processor, row, seconds
from tests.soak.rack.scene import SETTLE_S, Scene, small_rack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEFAULT_ROUNDS = 20
SNMPGET = ("/usr/bin/snmpget", "-m", "", "-t", "2", "-r", "2")
SYS_UP_TIME = ".1.3.6.1.2.1.1.3.0"
PHRASE = "soaking-for-days"
V3 = ("-v", "3", "-u", "soaker", "-l", "authPriv", "-a", "SHA-256", "-A", PHRASE, "-x", "AES", "-X", PHRASE)
FAKETIME_SETTINGS = {"FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
FAKETIME = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketime.so.1")
DAY_S = 86400
ILL = "one floods, one is mute"
LOOK_S = 60.0
"""How long ages are looked at."""


@asynccontextmanager
async def commanded(scene: Scene, per_s: float) -> AsyncIterator[None]:
    """Let commands come at random meanwhile."""
    task = asyncio.create_task(scene.commands(per_s))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def replug(rounds: int, rng: random.Random) -> list[str]:
    """F1: pull the adapter out and put it in again, under another number."""
    lost_s: list[float] = []
    back_s: list[float] = []

    async def one(scene: Scene, pdu: str, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(rng.uniform(0, 5))
            await until(lambda: scene.watcher.available(pdu), f"{pdu} available", SETTLE_S)
            pulled_mono = time.monotonic()
            await scene.simulators.ask("unplug", pdu)
            await until(lambda: not scene.watcher.available(pdu), f"{pdu} not available", SETTLE_S)
            lost_s.append(time.monotonic() - pulled_mono)
            await asyncio.sleep(rng.choice([0.0, 0.5, 2.0, 10.0]))
            put_mono = time.monotonic()
            await scene.simulators.ask("plug", pdu)
            await until(lambda: scene.watcher.available(pdu), f"{pdu} available", SETTLE_S)
            back_s.append(time.monotonic() - put_mono)

    async with Scene(rng, small_rack(4), 2) as scene:
        before = scene.daemon.usage().descriptors
        async with commanded(scene, 0.5):
            await asyncio.gather(*(one(scene, pdu, -(-rounds // len(scene.places))) for pdu in scene.places))
        await scene.until_true()
        row("F1", "replugged: outlets unavailable <= 2 s", seconds(lost_s))
        row("F1", "back <= 15 s after the node has returned", seconds(back_s))
        faults = await finish("F1", scene)
        after = scene.daemon.usage().descriptors
        return faults if after <= before else [*faults, f"F1: {after} descriptors, {before} before"]


async def neighbour(_rounds: int, rng: random.Random) -> list[str]:
    """F7: one PDU floods its line and one is mute; the others must not notice."""
    places = list(rack().values())
    mute, flood = places[0].id, places[4].id
    async with Scene(rng, places, POLL_S) as scene:
        for words in ("all well", ILL):
            if words == ILL:
                await scene.simulators.ask("mute", mute)
                await scene.simulators.ask("flood", flood)
            before, ages_s = scene.daemon.usage(), []
            end_mono = time.monotonic() + LOOK_S
            while time.monotonic() < end_mono:
                ages_s += [age for pdu, age in (await scene.daemon.ages_s()).items() if pdu not in (mute, flood)]
                await asyncio.sleep(0.5)
            after = scene.daemon.usage()
            usage = f"{processor(before, after)}, {(after.rss_kib - before.rss_kib) / 1024:+.1f} MiB"
            row("F7", f"age of the other 14, {words}", f"{seconds(ages_s, (50, 99))}; {usage}")
        faults = [f"F7: {pdu} is available" for pdu in (mute, flood) if scene.watcher.available(pdu)]
        for pdu in (mute, flood):
            await scene.simulators.ask("heal", pdu)
        await scene.until_true()
        return faults + await finish("F7", scene)


async def broker(rounds: int, rng: random.Random) -> list[str]:
    """F8: the broker is killed, frozen, comes back empty, refuses; the connection breaks."""
    kinds, back_s = Counter[str](), dict[str, list[float]]()
    async with Scene(rng, small_rack(4), 2) as scene:
        async with commanded(scene, 1.0):
            for _ in range(rounds):
                await asyncio.sleep(rng.uniform(0, 8))
                kind = rng.choice(["killed", "frozen", "emptied", "refusing", "cut"])
                kinds[kind] += 1
                answers_mono = await _hurt(scene, kind)
                if kind != "frozen":
                    await _until_online(scene, answers_mono)
                await _until_topics_true(scene)
                back_s.setdefault(kind, []).append(time.monotonic() - answers_mono)
        await scene.until_true()
        for kind, took_s in sorted(back_s.items()):
            row("F8", f"broker {kind}: all topics true <= 15 s after it answers", seconds(took_s))
        lost = [m.payload.decode() for m in scene.watcher.seen if m.topic.endswith("bridge/soak/event")]
        faults = [f"F8: {event}" for event in lost if "edges_lost" in event]
        return faults + await finish(f"F8 ({counts(kinds)})", scene)


async def _hurt(scene: Scene, kind: str) -> float:
    """Do something to the broker; return when it could be spoken to again."""
    rng = scene.rng
    if kind == "frozen":
        scene.broker.signal(signal.SIGSTOP)
        await asyncio.sleep(rng.choice([2.0, 10.0, 25.0, 40.0]))
        scene.broker.signal(signal.SIGCONT)
        return time.monotonic()
    scene.gate.cut()
    if kind != "cut":
        scene.broker.kill()
        await asyncio.sleep(rng.uniform(0, 3))
        if kind == "emptied":
            (scene.folder / "mosquitto.db").unlink(missing_ok=True)
        if kind == "refusing":
            await _refuse(scene, rng.uniform(2, 8))
        scene.restart_broker()
        await until(scene.watcher.client.is_connected, "the watcher at the broker", SETTLE_S)
        await asyncio.to_thread(scene.watcher.say, "marker", b"x")
    answers_mono = time.monotonic()
    scene.gate.open()
    return answers_mono


async def _refuse(scene: Scene, for_s: float) -> None:
    """Let a broker be there that lets nobody in."""
    with scene.refusing_broker():
        scene.gate.open()
        await asyncio.sleep(for_s)
        scene.gate.cut()


async def _until_online(scene: Scene, since_mono: float) -> None:
    online = scene.watcher.online_mono
    await until(lambda: online[-1] > since_mono, "the bridge online again", SETTLE_S)


async def _until_topics_true(scene: Scene) -> None:
    """Wait until the topics say what is so; commands go on meanwhile, so it is true only from moment to moment."""
    deadline_mono = time.monotonic() + SETTLE_S
    while wrong := scene.watcher.differs(await scene.simulators.ask("states")):
        assert time.monotonic() < deadline_mono, f"never true: {wrong}"
        await asyncio.sleep(0.02)


async def clock(rounds: int, rng: random.Random) -> list[str]:
    """F11: the wall clock jumps a day ahead or back; nothing is stale for it, and no restart is reported."""
    if not os.access(FAKETIME, os.R_OK):
        row("F11", "the wall clock jumps a day", "left out: needs libfaketime (apt-get install faketime)")
        return []
    with tempfile.TemporaryDirectory() as folder:
        wall = Path(folder) / "wall"
        wall.write_text("+0\n")
        environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(wall), **FAKETIME_SETTINGS}
        async with Scene(rng, small_rack(4), 2, environment=environment) as scene:
            scene.watcher.turned.clear()
            shown = set[int]()
            ages_s: list[float] = []
            async with commanded(scene, 0.5):
                for _ in range(rounds):
                    days = rng.choice([-1, 0, 1])
                    wall.write_text(f"{days * DAY_S:+d}\n")
                    await asyncio.sleep(rng.uniform(1, 5))
                    ages_s += (await scene.daemon.ages_s()).values()
                    told = await scene.daemon.pdu("pdu1")
                    shown.add(round((datetime.fromisoformat(str(told["ts"])).timestamp() - time.time()) / DAY_S))
            await scene.until_true()
            row("F11", f"{rounds} jumps of the wall clock to days {sorted(shown)}", f"age {seconds(ages_s, (50, 99))}")
            faults = [f"F11: {pdu} was {said}" for pdu, said in scene.watcher.turned.items()]
            if len(shown) < min(3, rounds):
                faults.append(f"F11: the daemon's clock was only at days {shown}")
            for pdu in scene.places:
                nmc = (await scene.daemon.pdu(pdu))["nmc"]
                if isinstance(nmc, dict) and nmc["reboot_count"]:
                    faults.append(f"F11: {pdu} is said to have restarted: {nmc['last_reboot']}")
            return faults + await finish("F11", scene)


async def suspend(rounds: int, rng: random.Random) -> list[str]:
    """F11: the machine sleeps for longer than readings are fresh; nothing old is shown, nothing late is done."""
    async with Scene(rng, small_rack(4), 2) as scene:
        faults, first, ages_s = [], Counter[str](), []
        for _ in range(max(1, rounds // 5)):
            await scene.until_true()
            scene.daemon.signal(signal.SIGSTOP)
            known = set(scene.watcher.lives)
            asleep_s = rng.choice([17.0, 20.0, 30.0])
            for _ in range(8):
                scene.command()
            await asyncio.sleep(asleep_s)
            before = await scene.simulators.ask("taken")
            scene.daemon.signal(signal.SIGCONT)
            for pdu in scene.places:
                told = await scene.daemon.pdu(pdu)
                age_s = float(str(told["age_s"]))
                ages_s.append(age_s)
                first[str(told["freshness"])] += 1
                if told["freshness"] == "fresh" and age_s > float(str(told["stale_after_s"])):
                    faults.append(f"F11: {pdu} is fresh at an age of {age_s} s")
            await asyncio.sleep(12)
            if before != await scene.simulators.ask("taken"):
                faults.append(f"F11: commands given {asleep_s} s before were done after the sleep")
            late = [scene.watcher.lives[name] for name in scene.watcher.lives.keys() - known]
            first.update(f"command {step}" for life in late for step in life.steps)
        row("F11", f"{max(1, rounds // 5)} sleeps: first looks and commands of the sleep", counts(first))
        return faults + await finish("F11", scene)


async def disk_faults(_rounds: int, rng: random.Random) -> list[str]:
    """F10: the state directory cannot be written, is full, or holds rubbish."""
    faults = []
    for ill in ILLS:
        with ailing_disk(ill) as folder:
            if folder is None:
                row("F10", f"state directory {ill}", "left out: only root can mount a small file system")
                continue
            faults += await _on_disk(ill, folder, rng)
    return faults


async def _on_disk(ill: str, folder: Path, rng: random.Random) -> list[str]:
    """Start on such a disk: commands work over MQTT, v2c answers, and if v3 is closed somebody says why."""
    with tempfile.TemporaryDirectory() as run:
        users, environment = v3_user(Path(run)), {"RUNTIME_DIRECTORY": run}
        async with Scene(rng, small_rack(2), 2, state_dir=folder, environment=environment, users=users) as scene:
            scene.daemon.socket = Path(run) / "apcbridge.sock"
            for _ in range(4):
                scene.command()
            await until(lambda: len(scene.watcher.results()) and not scene.watcher.open(), "their ends", SETTLE_S)
            await scene.until_true()
            port = scene.daemon.agents["pdu1"]
            plain = await run_program(*SNMPGET, "-v", "2c", "-c", READER, f"127.0.0.1:{port}", SYS_UP_TIME)
            secure = await run_program(*SNMPGET, *V3, f"127.0.0.1:{port}", SYS_UP_TIME)
            health = await scene.daemon.ask("/healthz")
            said = (
                "said in the log" if re.search(r"ERROR .*(SNMP|version 3|engine)", scene.daemon.log()) else "not said"
            )
            open_ = "open" if secure.code == 0 else f"closed, {said}"
            row("F10", f"state directory {ill}", f"v3 {open_}; {health.strip()}")
            faults = [] if plain.code == 0 else [f"F10 {ill}: v2c does not answer"]
            if secure.code != 0 and ill == "sound":
                faults.append(f"F10: v3 does not answer: {secure.err}")
            if secure.code != 0 and said == "not said":
                faults.append(f"F10 {ill}: v3 is closed and nobody says why")
            taken = await scene.simulators.ask("taken")
            return faults + scene.watcher.judge(taken)


def v3_user(folder: Path) -> str:
    """Write a version 3 user's phrases; return the configuration's words for him."""
    for name in ("auth", "priv"):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(PHRASE)
    keys = f"auth: SHA-256, auth_key_file: {folder}/auth, priv: AES-128, priv_key_file: {folder}/priv"
    return f"  users: [{{name: soaker, access: read, {keys}}}]\n"


async def finish(name: str, scene: Scene) -> list[str]:
    """Let everything settle, judge, and count."""
    await scene.until_true()
    faults = [f"{name}: {fault}" for fault in await scene.judge()]
    lost = f"; {scene.lost_in_broker} were told to a broker that died" if scene.lost_in_broker else ""
    unheard = sum(not life.steps for life in scene.watcher.lives.values())
    row(
        name.split(maxsplit=1)[0],
        "each accepted command has one end",
        f"{counts(scene.watcher.results())}; {unheard} heard by nobody{lost}",
    )
    return faults


FAULTS = {
    "replug": replug,
    "neighbour": neighbour,
    "broker": broker,
    "clock": clock,
    "suspend": suspend,
    "disk": disk_faults,
}


def main() -> int:
    """Do them all, or those that are named."""
    logging.disable(logging.CRITICAL)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_ROUNDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    faults = []
    for name in sys.argv[3:] or FAULTS:
        print(f"{name}: {rounds} rounds, seed {seed}, load average {os.getloadavg()[0]:.1f}", flush=True)
        faults += asyncio.run(FAULTS[name](rounds, random.Random(f"{seed}/{name}")))
    for fault in faults:
        print(f"BROKEN: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
