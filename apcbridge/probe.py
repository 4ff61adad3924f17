"""What is at the other end of a port: read everything, switch nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.console.events import (
    GoalFailed,
    IdentityReading,
    LoadReading,
    LoggedIn,
    NetworkReading,
    ResetCauseReading,
    StatusReading,
)
from apcbridge.console.goals import Logout, ReadIdentity, ReadNetwork, ReadResetCause, ReadStatus
from apcbridge.console.session import Session, SessionOptions
from apcbridge.errors import CommandRejected, ConsoleError, GoalTimeout
from apcbridge.pdu.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apcbridge.clock import Clock
    from apcbridge.console.dialects import DialectId
    from apcbridge.console.events import Banner, Event
    from apcbridge.console.goals import Goal
    from apcbridge.console.session import Access, Credentials
    from apcbridge.pdu.ports import PortRegistry


@dataclass(slots=True)
class Findings:
    """What the console told; what it did not tell is None."""

    port: str
    baud: int
    dialect: DialectId | None = None
    banner: Banner | None = None
    identity: IdentityReading | None = None
    status: StatusReading | None = None
    load: LoadReading | None = None
    network: NetworkReading | None = None
    reset_cause: ResetCauseReading | None = None
    untold: list[str] = field(default_factory=list)
    """What was asked and not answered, in words."""

    def take(self, event: Event) -> None:
        """Note what an event tells."""
        match event:
            case LoggedIn(dialect=dialect, banner=banner):
                self.dialect = dialect
                self.banner = banner or self.banner
            case IdentityReading():
                self.identity = event
            case StatusReading():
                self.status = event
            case LoadReading():
                self.load = event
            case NetworkReading():
                self.network = event
            case ResetCauseReading():
                self.reset_cause = event
            case _:
                pass


class Probe:
    """Looks at one port."""

    def __init__(self, ports: PortRegistry, clock: Clock, credentials: Credentials, access: Access) -> None:
        self._ports = ports
        self._clock = clock
        self._credentials = credentials
        self._access = access

    async def run(self, url: str, bauds: Sequence[int]) -> Findings:
        """Find the speed at which the console answers, and read all it tells.

        Raises PortError if the port cannot be used, ConsoleError if the console does not answer or lets nobody in.
        """
        for baud in bauds[:-1]:
            try:
                return await self._look(url, baud)
            except GoalTimeout:
                continue
        return await self._look(url, bauds[-1])

    async def _look(self, url: str, baud: int) -> Findings:
        findings = Findings(port=url, baud=baud)
        session = Session(self._credentials, SessionOptions(access=self._access))
        driver = Driver(await self._ports.open(url, baud), session, self._clock, findings.take)
        try:
            await self._ask(driver, ReadStatus())
            await self._ask_further(driver, findings, ReadIdentity(), "identity")
            await self._ask_further(driver, findings, ReadNetwork(), "network settings")
            if session.capabilities is not None and session.capabilities.reset_cause:
                await self._ask_further(driver, findings, ReadResetCause(), "cause of the last restart")
            await driver.pursue(Logout())
        finally:
            driver.close()
        return findings

    async def _ask(self, driver: Driver, goal: Goal) -> None:
        end = await driver.pursue(goal)
        driver.check()
        if isinstance(end, GoalFailed):
            raise end.error

    async def _ask_further(self, driver: Driver, findings: Findings, goal: Goal, what: str) -> None:
        """Ask for what this console may not tell; the rest of the findings stands without it."""
        try:
            await self._ask(driver, goal)
        except CommandRejected:
            findings.untold.append(f"{what}: this console does not tell")
        except ConsoleError as error:
            findings.untold.append(f"{what}: {error}")
