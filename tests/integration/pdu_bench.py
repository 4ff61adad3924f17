"""A supervisor at a simulated PDU on a real pty, with everything it reported."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from apcbridge.clock import SystemClock
from apcbridge.commands import Arbiter, Command, CommandResult, Origin, PduRules, ResultStatus
from apcbridge.console.session import Access, Credentials
from apcbridge.door import Door
from apcbridge.model import Action, Event, Freshness, Link, LinkState, PduStatus, Reboot, Setting
from apcbridge.pdu.keeper import Keeper
from apcbridge.pdu.ports import PortRegistry
from apcbridge.pdu.reboots import RebootDetector
from apcbridge.pdu.settings import OnPendingLost, PduSettings, RebootBy, SessionMode
from apcbridge.pdu.supervisor import Services, Supervisor
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.profiles import Profile, make_profile
from apcbridge.sim.server import SimServer
from apcbridge.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from apcbridge.pdu.reboots import RebootMemory
    from apcbridge.sim.server import SimPty

DEADLINE_S = 40.0
"""For whatever must happen; generous, because the machine may be busy with other tests."""


async def eventually(condition: Callable[[], bool], what: str, within_s: float = DEADLINE_S) -> None:
    """Wait until a condition holds; fail saying what did not come about."""
    try:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - any condition of any object: there is no event to wait for
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {within_s:.0f} s: {what}") from None


class Bench:
    """One PDU and its supervisor. An asynchronous context manager."""

    def __init__(
        self,
        link: Path,
        profile: Profile | None = None,
        *,
        password: str = "apc",
        session: SessionMode = SessionMode.HOLD,
        on_pending_lost: OnPendingLost = OnPendingLost.REPORT,
        reboot: RebootBy = RebootBy.PDU,
        access: Access = Access.MENU,
        rules: PduRules | None = None,
        poll_interval_s: float = 1.0,
    ) -> None:
        self.profile = profile or make_profile("AP7920")
        self.pdu = SimulatedPdu(self.profile)
        self._link = link
        self._server = SimServer(self.pdu)
        self.pty: SimPty
        self.clock = SystemClock()
        self.settings = PduSettings(
            id="p",
            port=str(link),
            credentials=Credentials("apc", password),
            poll_interval_s=poll_interval_s,
            stale_after_s=15,
            lost_after_s=25,
            session=session,
            access=access,
            on_pending_lost=on_pending_lost,
            reboot=reboot,
            pace=self.profile.speed,
            silence_s=3,
        )
        self.results: list[CommandResult] = []
        self.events: list[Event] = []
        self.reboots_reported: list[Reboot] = []
        self.store = Store(
            [
                PduStatus(
                    pdu="p",
                    link=Link(state=LinkState.CONNECTING, since_at=0),
                    snapshot=None,
                    stale_after_s=15,
                    lost_after_s=25,
                )
            ]
        )
        self.links: list[LinkState] = []
        self.store.on_status(lambda _pdu: self._note_link())
        self.arbiter = Arbiter({"p": rules or PduRules()}, self.results.append)
        self.door = Door(self.arbiter, self.store, self.clock)
        detector = RebootDetector("p", None, pace=self.profile.speed)
        keeper = Keeper(self.settings, self.store, self.clock, self, self.door, detector)
        services = Services(clock=self.clock, arbiter=self.arbiter, ports=PortRegistry())
        self.supervisor = Supervisor(self.settings, services, keeper)
        self.door.on_command("p", self.supervisor.wake)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        self.pty = self._server.open_pty(self._link)
        self._task = asyncio.create_task(self.supervisor.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._server.__aexit__(kind, error, trace)

    # What the keeper tells

    def event(self, event: Event) -> None:
        """Take an event as the recorder would."""
        self.events.append(event)

    def reboots(
        self, pdu: str, reboots: tuple[Reboot, ...], memory: RebootMemory, events: tuple[Event, ...]
    ) -> asyncio.Future[None]:
        """Take restarts as the recorder would."""
        assert pdu == "p"
        assert memory.dump()
        self.reboots_reported += reboots
        self.events += events
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        kept.set_result(None)
        return kept

    def _note_link(self) -> None:
        state = self.status.link.state
        if not self.links or self.links[-1] is not state:
            self.links.append(state)

    # What a test asks

    @property
    def status(self) -> PduStatus:
        """What the store holds."""
        return self.store.get("p")

    @property
    def fresh(self) -> bool:
        """Readings are fresh and the link is up."""
        status = self.status
        return status.freshness(self.clock.monotonic()) is Freshness.FRESH and status.link.state is LinkState.UP

    def state(self, outlet: int) -> str | None:
        """Return what the store says of an outlet."""
        found = self.status.snapshot.outlet(outlet) if self.status.snapshot else None
        return str(found.state) if found else None

    def told_alarms(self) -> int | None:
        """Return how many active alarms the store knows of."""
        return self.status.snapshot.nmc.alarm_count if self.status.snapshot else None

    def commands_taken(self, outlet: int | None = None) -> list[str]:
        """Return what the PDU was made to do, as its own log says."""
        return [str(command.action) for command in self.pdu.log.commands(outlet)]

    def of_type(self, kind: str) -> list[Event]:
        """Return the events of one type."""
        return [event for event in self.events if event.type == kind]

    async def until_fresh(self) -> None:
        """Wait for the first whole reading."""
        await eventually(lambda: self.fresh, f"fresh readings (link: {self.status.link})")

    async def stop(self) -> None:
        """End the supervisor in order."""
        self.supervisor.stop()
        assert self._task is not None
        await asyncio.wait_for(self._task, DEADLINE_S)

    def submit(
        self, action: Action | Setting, outlet: int | None = 3, *, value: str | None = None, ttl_s: float = 30.0
    ) -> str:
        """Give a command; return its id."""
        now_mono, now_at = self.clock.monotonic(), self.clock.wall()
        command = Command(
            id=uuid4().hex,
            origin=Origin.LOCAL,
            principal="tester",
            pdu="p",
            outlet=outlet,
            action=action,
            value=value,
            received_at=now_at,
            received_mono=now_mono,
            deadline_mono=now_mono + ttl_s,
        )
        self.door.submit(command)
        return command.id

    def ends(self, command_id: str) -> list[CommandResult]:
        """Return the terminal results of a command."""
        return [r for r in self.results if r.command.id == command_id and r.status.terminal]

    async def ended(self, command_id: str) -> CommandResult:
        """Wait for the one end of a command."""
        await eventually(lambda: bool(self.ends(command_id)), "the end of a command")
        (end,) = self.ends(command_id)
        return end

    async def done(self, action: Action, outlet: int = 3) -> ResultStatus:
        """Give a command and return how it ended."""
        return (await self.ended(self.submit(action, outlet))).status


def slowly_switching(profile: Profile) -> Profile:
    """Return the profile with relays that follow the success text by a moment."""
    return dataclasses.replace(profile, relay_lag_min_s=0.3, relay_lag_s=1.0)
