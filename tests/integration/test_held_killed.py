"""The daemon killed, stopped and reloaded while it holds commands and while outlets wait for the ON of a reboot.

What was accepted ends in one result that is heard, nothing is done twice, what is not done is told once, and no outlet
stays off.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.clock import SystemClock
from apcbridge.journal import Journal, JournalReader
from apcbridge.model import Reboot, RebootCause
from apcbridge.pdu.reboots import RebootMemory
from apcbridge.pdu.reboots.memory import LifeMemory
from apcbridge.sim.url import parse_url
from tests.integration.daemon_world import Daemon
from tests.integration.mqtt_world import until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.sim.profiles import Profile

pytestmark = pytest.mark.debian

ROUNDS = 8
"""``python -m tests.soak.kill_daemon`` goes a hundred."""
REBOOTED = (3, 4, 5)
DELAYED = (6, 7, 8)
AGAIN_S = 35.0
"""When an outlet gets another command: not in its hold-off, and what was before is over by then or was told."""
SETTLE_S = 240.0
ENDS = ("confirmed", "failed", "expired", "unknown")


def profile(url: str = "sim://AP7920B?watchdog=off&boot=4&up_time=90000&off_delay=2") -> Profile:
    plain = parse_url(url)
    return dataclasses.replace(plain, reboot_duration_s=(3,) * plain.outlets)


@dataclass(slots=True)
class Figures:
    """What was done, and what came of it."""

    ends: Counter[str] = field(default_factory=Counter)
    """How the daemons ended."""
    accepted: int = 0
    results: Counter[str] = field(default_factory=Counter)
    switched_off: int = 0
    told_lost: int = 0


@dataclass
class Ordeal:
    """A daemon that is ended again and again while it reboots outlets by its own clock."""

    daemon: Daemon
    rng: random.Random
    given: dict[str, int] = field(default_factory=dict)
    """Id and outlet of each command."""
    used: dict[int, float] = field(default_factory=dict)
    """When each outlet got its last one."""
    figures: Figures = field(default_factory=Figures)

    async def round(self) -> None:
        """Give something to do, and end or reload the daemon in the middle of it."""
        moment_s = self.rng.uniform(0.5, 10.0)
        for _ in range(3):
            await asyncio.sleep(moment_s / 4)
            self._happen()
        await asyncio.sleep(moment_s / 4)
        end = self.rng.choices(["killed", "stopped", "reloaded"], [6, 1, 2])[0]
        self.figures.ends[end] += 1
        if end == "reloaded":
            await self.daemon.until_online()
            await self.daemon.reload(poll_interval=self.rng.choice([1.0, 1.1, 1.2]))
            return
        number = signal.SIGKILL if end == "killed" else signal.SIGTERM
        # Before the daemon listens to signals, SIGTERM ends it like any program.
        assert await self.daemon.end(number) in ((-number,) if end == "killed" else (-number, 0))
        self.daemon.observer.say("apcbridge/pdu1/availability", "nobody", retain=True)
        await self.daemon.start()

    def _happen(self) -> None:
        now = time.monotonic()
        if self.rng.random() < 0.05:
            self.daemon.pdu.restart(RebootCause.WATCHDOG)
        free = [n for n in (*REBOOTED, *DELAYED) if now - self.used.get(n, -AGAIN_S) >= AGAIN_S]
        if free:
            self.say(self.rng.choice(free))

    def say(self, outlet: int) -> None:
        """Give an outlet its command by MQTT."""
        self.used[outlet] = time.monotonic()
        number = f"held-{len(self.given)}"
        self.given[number] = outlet
        word = "REBOOT" if outlet in REBOOTED else "DELAYED_REBOOT"
        say(self.daemon, outlet, word, number)

    def all_on(self) -> bool:
        relays = self.daemon.pdu.firmware.relays
        return all(
            relays.is_on(n) and self.daemon.last(f"apcbridge/pdu1/outlet/{n}/state") == "ON"
            for n in (*REBOOTED, *DELAYED)
        )

    def accepted(self, reader: JournalReader) -> dict[str, str]:
        """Return how the commands that were accepted have ended, as far as they have, by their ids."""
        ends = {row.command.id: str(row.status) for row in reader.commands(limit=100_000)}
        return {one: ends[one] for one in self.given if ends.get(one, "refused") not in ("refused", "duplicate")}

    def is_over(self, reader: JournalReader) -> bool:
        """Tell whether all has ended, was heard, and was done or told as lost."""
        accepted, lost = self.accepted(reader), told_lost(self.daemon)
        return (
            self.all_on()
            and all(heard_ends(self.daemon, one) for one in accepted)
            and all(self.is_accounted_for(n, self._of(n, accepted), lost) for n in (*REBOOTED, *DELAYED))
        )

    def is_accounted_for(self, outlet: int, ends: dict[str, str], lost: dict[str, list[str]]) -> bool:
        """Tell whether what was confirmed was done, or told as lost."""
        confirmed = Counter(ends.values())["confirmed"]
        return confirmed <= self.taken(outlet)["immediate_off"] + never_begun(ends, lost)

    def taken(self, outlet: int) -> Counter[str]:
        """Count what the PDU was made to do."""
        return Counter(str(one.action) for one in self.daemon.pdu.log.commands(outlet))

    def _of(self, outlet: int, accepted: dict[str, str]) -> dict[str, str]:
        return {one: end for one, end in accepted.items() if self.given[one] == outlet}

    def judge(self, reader: JournalReader) -> Figures:
        """Compare what was accepted with what was heard, kept and done."""
        accepted, lost = self.accepted(reader), told_lost(self.daemon)
        for number, end in accepted.items():
            assert heard_ends(self.daemon, number) == {end}, f"one result of {number}, and it was heard"
            assert len(lost.get(number, ())) <= 1, f"the loss of {number} is told once: {lost[number]}"
        for outlet in (*REBOOTED, *DELAYED):
            taken, ends = self.taken(outlet), self._of(outlet, accepted)
            offs = taken["immediate_off"]
            assert taken["immediate_on"] == offs, f"outlet {outlet} was switched on as often as off: {taken}"
            assert self.is_accounted_for(outlet, ends, lost)
            assert offs + never_begun(ends, lost) <= len(ends), f"outlet {outlet}: done twice, or done and told as lost"
            self.figures.switched_off += offs
        self.figures.accepted = len(accepted)
        self.figures.results.update(accepted.values())
        self.figures.told_lost = len(lost)
        return self.figures


def never_begun(ends: Iterable[str], lost: dict[str, list[str]]) -> int:
    """Count the held commands of which nothing was done."""
    return sum(lost.get(number) == ["DELAYED_REBOOT"] for number in ends)


def say(daemon: Daemon, outlet: int, word: str, number: str) -> None:
    daemon.observer.say(f"apcbridge/pdu1/outlet/{outlet}/set", json.dumps({"command": word, "id": number, "ttl": 20}))


def heard_ends(daemon: Daemon, number: str) -> set[str]:
    """Return how a command ended, as MQTT told it; a second telling of the same end is none of a crash's faults."""
    heard = [m.json() for m in tuple(daemon.observer.seen) if m.topic.endswith("/result")]
    return {str(one["status"]) for one in heard if one["id"] == number and one["status"] in ENDS}


def told_lost(daemon: Daemon) -> dict[str, list[str]]:
    """Return the actions that were told as lost, by the ids of their commands."""
    events = {
        str(event["id"]): event
        for m in tuple(daemon.observer.seen)
        if m.topic == "apcbridge/pdu1/event" and (event := m.json())["event_type"] == "pending_lost"
    }
    lost: dict[str, list[str]] = {}
    for event in events.values():
        lost.setdefault(str(event["command_id"]), []).append(str(event["action"]))
    return lost


async def ordeal(folder: Path, rounds: int, seed: int) -> Figures:
    """Go that many rounds, let the last daemon settle, and judge what is left."""
    rng = random.Random(seed)
    keys = f", reboot: bridge, on_pending_lost: {rng.choice(['report', 'resume'])}"
    async with Daemon(folder, profile(), access="auto", session="hold", keys=keys) as daemon:
        await daemon.until_online()
        one = Ordeal(daemon, rng)
        for _ in range(rounds):
            await one.round()
        await daemon.until_online()
        reader = JournalReader(folder / "state" / "journal.sqlite")
        await until(lambda: one.is_over(reader), "every outlet on, and every end heard", SETTLE_S)
        assert await daemon.end(signal.SIGTERM) == 0
        return one.judge(reader)


@pytest.mark.timeout(900)
async def test_no_outlet_stays_off_and_nothing_is_done_twice(tmp_path: Path) -> None:
    figures = await ordeal(tmp_path, ROUNDS, seed=6)
    assert figures.accepted >= 1


def rhythm(up_s: float = 560.0) -> RebootMemory:
    """What a daemon before us knew of a card that its watchdog restarts every ten minutes."""
    now_mono, now_at = SystemClock().monotonic(), time.time()
    boot_mono = now_mono - up_s
    restarts = tuple(
        Reboot(
            id=f"pdu1-restart-{number}",
            at=now_at - up_s - 600 * (3 - number),
            cause=RebootCause.WATCHDOG,
            evidence=("seen before",),
            noticed_at=now_at - up_s,
            interval_s=600.0,
        )
        for number in (1, 2, 3)
    )
    life = LifeMemory(
        boot_lo_mono=boot_mono - 30,
        boot_hi_mono=boot_mono + 30,
        held_mono=boot_mono,
        narrowed_mono=now_mono,
        alive_mono=now_mono,
        up_s=int(up_s) // 60 * 60,
        wrapped_s=0.0,
        agreed=2,
        card_clock_s=None,
        saved_mono=now_mono,
        saved_at=now_at,
    )
    machine = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    counts = dict.fromkeys(RebootCause, 0) | {RebootCause.WATCHDOG: 3}
    return RebootMemory(machine_boot=machine, series="test", life=life, counts=counts, past=restarts)


async def held(daemon: Daemon, outlet: int) -> str:
    """Give a delayed OFF until the delays have been read and the bridge holds it; return its id."""
    given: list[str] = []

    def results() -> Iterable[str]:
        heard = [m.json() for m in tuple(daemon.observer.seen) if m.topic.endswith("/result")]
        return [str(one["detail"]) for one in heard if given and one["id"] == given[-1] and one["status"] in ENDS]

    while not any("by its own clock" in detail for detail in results()):
        given.append(f"off-{len(given)}")
        say(daemon, outlet, "DELAYED_OFF", given[-1])
        await until(lambda: bool(list(results())), "a result", 40)
    return given[-1]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("end", ["killed", "stopped", "reloaded"])
async def test_a_delayed_off_that_is_held(tmp_path: Path, end: str) -> None:
    (tmp_path / "state").mkdir()
    journal = Journal(tmp_path / "state" / "journal.sqlite", SystemClock())
    journal.remember("pdu1", rhythm())
    journal.close()
    card = profile("sim://AP7920B?watchdog=off&up_time=560&off_delay=15")
    async with Daemon(tmp_path, card, access="auto", session="hold") as daemon:
        await daemon.until_online()
        number = await held(daemon, 3)
        if end == "reloaded":
            await daemon.reload(poll_interval=1.2)
            await daemon.until_topic("apcbridge/pdu1/outlet/3/state", "OFF")
        else:
            for _ in range(2):
                await daemon.end(signal.SIGKILL if end == "killed" else signal.SIGTERM)
                await daemon.start()
                await until(lambda: number in told_lost(daemon), "the loss", 60)
            await asyncio.sleep(15)
        await daemon.end()
    assert daemon.commands_taken() == (["immediate_off"] if end == "reloaded" else [])
    assert told_lost(daemon) == ({} if end == "reloaded" else {number: ["DELAYED_OFF"]})
    assert heard_ends(daemon, number) == {"confirmed"}


def soak(rounds: int, seed: int) -> Figures:
    """Run it at length."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(ordeal(Path(folder), rounds, seed))
