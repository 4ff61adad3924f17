"""kill -9 of the whole daemon at any moment: no report lost or doubled, no command done twice, the journal whole."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.journal import JournalReader
from apcbridge.model import RebootCause
from apcbridge.sim.url import parse_url
from tests.integration.daemon_world import Daemon
from tests.integration.mqtt_world import until

if TYPE_CHECKING:
    from apcbridge.commands import CommandResult

pytestmark = pytest.mark.debian

KILLS = 5
"""``python -m tests.soak.kill_daemon`` kills 200 times."""
APART_S = 150.0
"""Restarts of the card closer to each other cannot be told apart by an up time in whole minutes."""
SETTLE_S = 240.0
OUTLETS = 8


@dataclass(slots=True)
class Figures:
    """What was done, and what came of it."""

    kills: int = 0
    restarts: int = 0
    commands: int = 0
    carried_out: int = 0
    told_again: int = 0


@dataclass
class Ordeal:
    """A daemon that is killed again and again while commands come and the card restarts."""

    daemon: Daemon
    rng: random.Random
    sent: list[tuple[str, int, str]] = field(default_factory=list)
    """Id, outlet and word of each command."""

    async def live_and_die(self) -> None:
        """Let the daemon live for a moment, give it something to do, kill it where it stands."""
        moment_s = self.rng.uniform(0.2, 8.0)
        for _ in range(self.rng.randrange(3)):
            await asyncio.sleep(moment_s / 3)
            self._happen()
        await asyncio.sleep(moment_s / 3)
        await self.daemon.end(signal.SIGKILL)

    def _happen(self) -> None:
        card = self.daemon.pdu.firmware
        newest = card.restarts[-1].at_mono if card.restarts else -APART_S
        if self.daemon.pdu.now() - newest > APART_S:
            self.daemon.pdu.restart(self.rng.choice([RebootCause.WATCHDOG, RebootCause.REQUESTED]))
            return
        self.say(self.rng.randrange(3, OUTLETS + 1), self.rng.choice(["ON", "OFF"]))

    def say(self, outlet: int, word: str) -> None:
        """Give a command by MQTT."""
        one = (f"kill-{len(self.sent)}", outlet, word)
        self.sent.append(one)
        self.daemon.observer.say(
            f"apcbridge/pdu1/outlet/{outlet}/set", json.dumps({"command": word, "id": one[0], "ttl": 20})
        )

    def shown(self) -> dict[int, str | None]:
        """Return what the topics show of the outlets."""
        return {n: self.daemon.last(f"apcbridge/pdu1/outlet/{n}/state") for n in range(1, OUTLETS + 1)}

    def true(self) -> dict[int, str | None]:
        """Return how the outlets are."""
        relays = self.daemon.pdu.firmware.relays
        return {n: "ON" if relays.is_on(n) else "OFF" for n in range(1, OUTLETS + 1)}


async def ordeal(folder: Path, kills: int, seed: int) -> Figures:
    """Kill that many times, let the last daemon settle, and judge what is left."""
    profile = parse_url("sim://AP7920?watchdog=off&boot=4&up_time=90000")
    async with Daemon(folder, profile, session="release") as daemon:
        await daemon.until_online()
        one = Ordeal(daemon, random.Random(seed))
        await asyncio.sleep(2)
        daemon.pdu.restart(RebootCause.WATCHDOG)
        for _ in range(kills):
            await one.live_and_die()
            daemon.observer.say("apcbridge/pdu1/availability", "nobody", retain=True)
            await daemon.start()
        await daemon.until_online()
        await until(lambda: one.shown() == one.true(), f"true topics: {one.shown()} and {one.true()}", SETTLE_S)
        restarts = len(daemon.pdu.firmware.restarts)
        reader = JournalReader(folder / "state" / "journal.sqlite")
        await until(lambda: len(reader.reboots("pdu1")) >= restarts, "every restart in the journal", SETTLE_S)
        await until(lambda: len(set(told(daemon))) >= restarts, "every restart told", SETTLE_S)
        one.say(1, "OFF")
        await until(lambda: one.shown()[1] == "OFF", "a last command", SETTLE_S)
        assert await daemon.end(signal.SIGTERM) == 0
        return judge(one, reader, kills, restarts)


def told(daemon: Daemon) -> list[str]:
    """Return the ids of the restarts that MQTT told of, each time it did."""
    events = [m.json() for m in tuple(daemon.observer.seen) if m.topic == "apcbridge/pdu1/event"]
    return [str(event["id"]) for event in events if str(event["event_type"]).endswith("_reboot")]


def judge(one: Ordeal, reader: JournalReader, kills: int, restarts: int) -> Figures:
    kept = [reboot.id for reboot in reader.reboots("pdu1")]
    heard = told(one.daemon)
    assert len(kept) == len(set(kept)) == restarts, "each restart is kept once"
    assert set(heard) == set(kept), "and told with the id that was kept"
    assert len(heard) - len(set(heard)) <= kills, "told again at most once per kill"
    taken = [(c.outlets[0], str(c.action).removeprefix("immediate_").upper()) for c in one.daemon.pdu.log.commands()]
    for outlet in range(1, OUTLETS + 1):
        orders = iter(word for _, number, word in one.sent if number == outlet)
        done = [word for number, word in taken if number == outlet]
        assert all(any(word == order for order in orders) for word in done), "in order, none twice"
    assert not [r for r in commands(reader) if not r.status.terminal and r.status not in ("refused", "duplicate")]
    with closing(sqlite3.connect(one.daemon.folder / "state" / "journal.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return Figures(kills, restarts, len(one.sent), len(taken), len(heard) - len(set(heard)))


def commands(reader: JournalReader) -> tuple[CommandResult, ...]:
    return reader.commands(limit=100_000)


@pytest.mark.timeout(600)
async def test_nothing_is_lost_doubled_or_done_twice(tmp_path: Path) -> None:
    figures = await ordeal(tmp_path, KILLS, seed=7920)
    assert figures.restarts >= 1
    assert figures.carried_out >= 1


def soak(kills: int, seed: int) -> Figures:
    """Run it at length."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(ordeal(Path(folder), kills, seed))
