"""A supervisor at a simulated PDU in virtual time: the real code on an event loop that leaps from event to event.

Nothing sleeps and nothing depends on the machine's load, so hours pass in seconds and every run of a seed is alike.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, Self, TypeVar

from apcbridge.commands import Arbiter, Command, CommandResult, Origin, PduRules
from apcbridge.console.session import Credentials
from apcbridge.door import Door
from apcbridge.errors import PortLost, PortUnavailable
from apcbridge.model import Event, Link, LinkState, PduStatus, Reboot
from apcbridge.pdu.keeper import Keeper
from apcbridge.pdu.ports import PortRegistry
from apcbridge.pdu.reboots import Observation, RebootDetector, RebootMemory
from apcbridge.pdu.records import Books
from apcbridge.pdu.settings import PduSettings
from apcbridge.pdu.supervisor import Services, Supervisor
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.server import SimServer
from apcbridge.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from apcbridge.console.events import Event as ConsoleEvent
    from apcbridge.model import Action
    from apcbridge.pdu.ports import Port
    from apcbridge.sim.device import SimLine
    from apcbridge.sim.profiles import Profile

T = TypeVar("T")
EPOCH_AT = 1_700_000_000.0
TURN_S = 1e-6
"""What a turn of the loop takes: a wait shorter than the loop's resolution must end at last."""


class TrueTime:
    """Seconds since the beginning of the world."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return EPOCH_AT + self.now


class MachineTime:
    """What the daemon's machine takes for the time."""

    def __init__(self, true: TrueTime) -> None:
        self._true = true
        self.wall_off_s = 0.0
        self.mono_off_s = 1000.0

    def monotonic(self) -> float:
        return self._true.now + self.mono_off_s

    def wall(self) -> float:
        return self._true.wall() + self.wall_off_s


class _Leap(selectors.SelectSelector):
    """Waits for nobody: lets the time pass at once."""

    def __init__(self, time: TrueTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits and nothing will happen"
        self._time.now += max(timeout, TURN_S)
        return []


class _LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self, time: TrueTime) -> None:
        super().__init__(_Leap(time))
        self._true_time = time

    def time(self) -> float:
        return self._true_time.now


def leaping(time: TrueTime, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: _LeapingLoop(time)) as runner:
        return runner.run(work)


class _Wire:
    """An open line to the simulated PDU; it can break."""

    def __init__(self, server: SimServer, on_bytes: Callable[[bytes], bytes]) -> None:
        self._on_bytes = on_bytes
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._line: SimLine = server.connect(self._received.put_nowait)

    async def read(self) -> bytes:
        data = await self._received.get()
        if data is None:
            raise PortLost("the line was pulled")
        return self._on_bytes(data)

    async def write(self, data: bytes) -> None:
        if not self._line.open:
            raise PortLost("the line was pulled")
        self._line.send(data)

    def close(self) -> None:
        self._line.close()

    def pull(self) -> None:
        self._line.close()
        self._received.put_nowait(None)


class Witness(RebootDetector):
    """A detector that is looked over the shoulder."""

    on_observation: Callable[[Observation], None] = staticmethod(lambda _seen: None)

    def observe(self, observation: Observation) -> None:
        self.on_observation(observation)
        super().observe(observation)


class Listener(Keeper):
    """A keeper that is told of the console's events together with others."""

    heard: Callable[[ConsoleEvent], None] = staticmethod(lambda _event: None)

    def on_event(self, event: ConsoleEvent) -> None:
        self.heard(event)
        super().on_event(event)


class World:
    """A PDU, the line to it, and a daemon's part for it that may be killed. An asynchronous context manager."""

    def __init__(
        self,
        time: TrueTime,
        profile: Profile,
        settings: Callable[[PduSettings], PduSettings] = lambda plain: plain,
        rules: PduRules | None = None,
    ) -> None:
        self.time = time
        self.clock = MachineTime(time)
        self.pdu = SimulatedPdu(profile, time)
        self.settings = settings(
            PduSettings(id="p", port="virtual://p", credentials=Credentials("apc", "apc"), silence_s=3)
        )
        self.results: list[CommandResult] = []
        self.events: list[Event] = []
        self.reports: list[Reboot] = []
        self.memory: str | None = None
        self.machine_run = 0
        self.cut_until = -1.0
        self.disk_s = 0.0
        """How long it takes until what is to be kept is on disk."""
        self._unkept: list[asyncio.TimerHandle] = []
        self.on_reboot: Callable[[Reboot], None] = lambda _reboot: None
        self.on_observation: Callable[[Observation], None] = lambda _seen: None
        self.on_event: Callable[[ConsoleEvent], None] = lambda _event: None
        self.on_bytes: Callable[[bytes], bytes] = lambda data: data
        """What the line makes of what the console prints."""
        self._rules = rules or PduRules()
        self._server = SimServer(self.pdu)
        self._wire: _Wire | None = None
        self._task: asyncio.Task[None] | None = None
        self._given = 0
        self.detector: Witness
        self.supervisor: Supervisor
        self.arbiter: Arbiter
        self.store: Store
        self._door: Door

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        self.start_daemon()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill_daemon()
        await self._server.__aexit__(kind, error, trace)

    # The daemon

    def start_daemon(self) -> None:
        """Start with what the one before has kept on disk."""
        memory = RebootMemory.parse(self.memory) if self.memory else None
        self.detector = Witness("p", memory, machine_boot=f"run{self.machine_run}", pace=self.pdu.profile.speed)
        self.detector.on_observation = self.on_observation
        link = Link(state=LinkState.CONNECTING, since_at=self.clock.wall())
        stale_s, lost_s = self.settings.stale_after_s, self.settings.lost_after_s
        first = PduStatus(pdu="p", link=link, snapshot=None, stale_after_s=stale_s, lost_after_s=lost_s)
        self.store = Store([first])
        self.arbiter = arbiter = Arbiter({"p": self._rules}, self.results.append)
        self._door = Door(arbiter, self.store, self.clock)
        books = Books.recalled(memory)
        keeper = Listener(self.settings, self.store, self.clock, self, self._door, self.detector, books)
        keeper.heard = self.on_event
        ports = PortRegistry()
        ports.register("virtual", self._open)
        services = Services(clock=self.clock, arbiter=arbiter, ports=ports)
        self.supervisor = Supervisor(self.settings, services, keeper)
        self._door.on_command("p", self.supervisor.wake)
        self._task = asyncio.create_task(self.supervisor.run())

    async def kill_daemon(self) -> None:
        """End it where it stands; nothing of what it would still write is kept."""
        assert self._task is not None
        for write in self._unkept:
            write.cancel()
        kept, told = self.memory, (len(self.reports), len(self.events))
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled() and (error := self._task.exception()):
            raise error
        self.memory = kept
        assert told == (len(self.reports), len(self.events))
        self._wire = None

    async def _open(self, url: str, _baud: int) -> Port:
        if self.time.now < self.cut_until:
            raise PortUnavailable(f"{url}: no such device")
        self._wire = _Wire(self._server, self.on_bytes)
        return self._wire

    def pull_line(self, for_s: float) -> None:
        """Pull the adapter out for a while."""
        self.cut_until = self.time.now + for_s
        if self._wire is not None:
            self._wire.pull()

    # What the keeper tells: the journal of this world forgets nothing

    def event(self, event: Event) -> None:
        self.events.append(event)

    def reboots(
        self, pdu: str, reboots: tuple[Reboot, ...], memory: RebootMemory, events: tuple[Event, ...]
    ) -> asyncio.Future[None]:
        assert pdu == "p"
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()

        def keep() -> None:
            self.memory = memory.dump()
            self.reports += reboots
            self.events += events
            for reboot in reboots:
                self.on_reboot(reboot)
            kept.set_result(None)

        if self.disk_s:
            self._unkept.append(loop.call_later(self.disk_s, keep))
        else:
            keep()
        return kept

    # What a test does and asks

    def submit(self, action: Action, outlet: int | None = 3, *, ttl_s: float = 30.0) -> Command:
        """Give a command; raises CommandRefused."""
        self._given += 1
        now_mono = self.clock.monotonic()
        command = Command(
            id=f"c{self._given}",
            origin=Origin.LOCAL,
            principal="tester",
            pdu="p",
            outlet=outlet,
            action=action,
            received_at=self.clock.wall(),
            received_mono=now_mono,
            deadline_mono=now_mono + ttl_s,
        )
        self._door.submit(command)
        return command

    def ends(self, command: Command) -> list[CommandResult]:
        """Return the terminal results of a command."""
        return [one for one in self.results if one.command.id == command.id and one.status.terminal]

    async def until(self, condition: Callable[[], bool], what: str, within_s: float = 3600.0) -> None:
        """Let time pass until a condition holds."""
        end = self.time.now + within_s
        while not condition():
            assert self.time.now < end, f"not within {within_s:.0f} s: {what}"
            await asyncio.sleep(0.5)

    async def until_up(self) -> None:
        """Let time pass until the console was read."""
        await self.until(lambda: self.store.get("p").link.state is LinkState.UP, "a console that answers")

    def lost(self, outlet: int) -> int:
        """Count the reports of commands of an outlet that a restart has lost."""
        return sum(one.type == "pending_lost" and one.details["outlet"] == outlet for one in self.events)
