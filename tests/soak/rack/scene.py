"""A small rack with its broker and its daemon, and a gate between those two."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from apcbridge.journal import JournalReader
from tests.integration.mqtt_world import Mosquitto
from tests.ports import free_port
from tests.soak.rack.daemon import Daemon, Place
from tests.soak.rack.simulators import Simulators
from tests.soak.rack.watcher import Watcher

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from apcbridge.commands import CommandResult

SETTLE_S = 180.0
DEVICE = "baud=9600&relay_lag=2&watchdog=off&up_time=90000"


def small_rack(pdus: int) -> list[Place]:
    """Return PDUs of eight outlets, read in every way there is."""
    ways = [(access, session) for access in ("menu", "auto") for session in ("hold", "release")]
    return [
        Place(f"pdu{n + 1}", f"sim://AP7920?{DEVICE}&seed={n}", *ways[n % len(ways)], outlets=8) for n in range(pdus)
    ]


class Gate:
    """Stands between daemon and broker: whoever watches is there before the bridge when a broker has come back."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = True
        self.port = free_port()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._server.close()
        self.cut()

    def open(self) -> None:
        """Let the bridge through from now on."""
        self._open = True

    def cut(self) -> None:
        """End what is there, and let nobody through until :meth:`open`."""
        self._open = False
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._open:
                onward = await asyncio.open_connection("127.0.0.1", self._broker_port)
                self._writers.add(onward[1])
                await asyncio.gather(_pump(reader, onward[1]), _pump(onward[0], writer))
                self._writers.discard(onward[1])
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


class Scene:
    """Everything that a fault may befall. An asynchronous context manager."""

    def __init__(
        self,
        rng: random.Random,
        places: Sequence[Place],
        poll_s: float,
        *,
        state_dir: Path | None = None,
        environment: Mapping[str, str] | None = None,
        users: str = "",
    ) -> None:
        self.rng = rng
        self.places = {place.id: place for place in places}
        self.folder = Path(tempfile.mkdtemp(prefix="apcbridge-faults-"))
        keeps = ("persistence true", f"persistence_location {self.folder}/", "autosave_interval 1")
        self.broker = Mosquitto(self.folder, "set_tcp_nodelay true", *keeps)
        self._keeps = keeps
        self.gate = Gate(self.broker.port)
        self.simulators = Simulators({place.id: place.url for place in places}, self.folder)
        self.daemon = Daemon(
            self.folder, places, self.gate.port, poll_s, state_dir=state_dir, environment=environment, users=users
        )
        self.watcher: Watcher
        self.sent = 0
        self.lost_in_broker = 0
        """Results that a broker acknowledged and took with it."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.broker.start()
            stack.callback(self._end_broker)
            await stack.enter_async_context(self.gate)
            stack.enter_context(self.simulators)
            self.watcher = stack.enter_context(Watcher(self.broker.port))
            await stack.enter_async_context(self.daemon)
            await self.until_true()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def refusing_broker(self) -> Mosquitto:
        """Return a broker that lets nobody in, for the place of the other."""
        return Mosquitto(self.folder, "allow_anonymous false", port=self.broker.port)

    def restart_broker(self) -> None:
        """Start the broker with its own configuration again."""
        self.broker = Mosquitto(self.folder, "set_tcp_nodelay true", *self._keeps, port=self.broker.port)
        self.broker.start()

    def _end_broker(self) -> None:
        self.broker.kill()

    def command(self) -> None:
        """Switch any outlet."""
        pdu = self.rng.choice(list(self.places))
        outlet = self.rng.randrange(1, self.places[pdu].outlets + 1)
        self.sent += self.watcher.command(pdu, outlet, self.rng.choice(["ON", "OFF"]))

    async def commands(self, per_s: float) -> None:
        """Switch at random until cancelled."""
        while True:
            await asyncio.sleep(self.rng.expovariate(per_s))
            self.command()

    async def until_true(self) -> None:
        """Wait until every topic says what its relay is, every PDU is available, and every command has ended."""
        deadline = asyncio.get_running_loop().time() + SETTLE_S
        while wrong := await self.differences():
            assert asyncio.get_running_loop().time() < deadline, f"never true: {wrong}"
            await asyncio.sleep(0.25)

    async def differences(self) -> list[str]:
        """Return what is not settled."""
        found = self.watcher.differs(await self.simulators.ask("states"))
        open_ = self.watcher.open()
        ended = {c.command.id for c in self._journal() if c.status.terminal} if open_ else set()
        return found + [f"{name} has not ended" for name in open_ if name not in ended]

    async def judge(self) -> list[str]:
        """Return the broken promises; what a dead broker took with it is looked up in the journal."""
        kept = {result.command.id: str(result.status) for result in self._journal()}
        for name in self.watcher.open():
            self.watcher.lives[name].steps[kept[name]] += 1
            self.lost_in_broker += 1
        for name, life in self.watcher.lives.items():
            if not life.steps and name in kept:  # its broker took every result with it
                life.steps += {"accepted": 1, kept[name]: 1}
                life.answered_mono = life.sent_mono
                self.lost_in_broker += 1
        faults = self.watcher.judge(await self.simulators.ask("taken"), repeats=True, silent=True)
        if "Traceback" in self.daemon.log():
            faults.append(f"the log is not clean:\n{self.daemon.log()[-4000:]}")
        return faults

    def _journal(self) -> tuple[CommandResult, ...]:
        return JournalReader(self.daemon.state_dir / "journal.sqlite").commands(limit=100_000)
