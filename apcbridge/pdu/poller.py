"""Reading a PDU: the goals of one poll, what may be missing from it, and what is asked when its NMC restarted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from apcbridge.console.dialects import DialectId
from apcbridge.console.dialog import GARBLED
from apcbridge.console.goals import (
    Goal,
    ReadConfig,
    ReadEventLog,
    ReadIdentity,
    ReadNetwork,
    ReadOutletConfig,
    ReadResetCause,
    ReadStatus,
)
from apcbridge.errors import CommandRejected, ConsoleError
from apcbridge.pdu.logger import PduLogger
from apcbridge.pdu.reboots import Evidence
from apcbridge.pdu.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apcbridge.clock import Clock
    from apcbridge.console.session import Session
    from apcbridge.pdu.keeper import Keeper

    Ask = Callable[[Goal], Awaitable[None]]
    """Pursues a goal on an open line; raises what made it fail."""

CONFIRM_READS = 3
"""Readings that may follow one that was not believed; then the next poll goes on."""

_EVIDENCE: tuple[tuple[Evidence, str | None, Goal], ...] = (
    (Evidence.UP_TIME, None, ReadIdentity(about=False)),
    (Evidence.RESET_CAUSE, "reset_cause", ReadResetCause()),
    (Evidence.NETWORK, None, ReadNetwork()),
    (Evidence.EVENT_LOG, "event_log", ReadEventLog()),
)
"""What tells why an NMC restarted, and the capability of the dialect that it needs."""


class Poller:
    """Asks one PDU for what is due. The answers go to the keeper."""

    def __init__(self, pdu: str, clock: Clock, session: Session, keeper: Keeper) -> None:
        self._log = PduLogger(logging.getLogger(__name__), pdu)
        self._clock = clock
        self._session = session
        self._keeper = keeper
        self._schedule = Schedule()
        self._refused: frozenset[Evidence] = frozenset()
        """What the console refused to tell when it was last asked."""
        self.listed_mono = float("-inf")
        """When the outlets were last listed."""

    async def read(self, ask: Ask, now_mono: float) -> None:
        """Read the outlets' states, and before them identity and up time if they are due."""
        await self._read_identity(ask, now_mono)
        await self._read_status(ask, now_mono)

    async def _read_identity(self, ask: Ask, now_mono: float) -> None:
        if self._schedule.identity_due(now_mono):
            told = await self._told(ask, ReadIdentity())
            self._schedule.identity_asked(now_mono, told=told)
        elif self._on_command_line and self._schedule.up_time_due(now_mono, self._keeper.up_time_mono):
            await self._told(ask, ReadIdentity(about=False))
            self._schedule.up_time_asked(now_mono)

    async def _read_status(self, ask: Ask, now_mono: float) -> None:
        cheap = self._on_command_line
        load = self._can("load") and self._schedule.load_due(now_mono)
        told = load and await self._told(ask, ReadStatus(load=True))
        if not told:
            await ask(ReadStatus(load=False))
        if load:
            self._schedule.load_asked(now_mono, told=told, cheap=cheap)
        self.listed_mono = self._clock.monotonic()
        for _ in range(CONFIRM_READS):
            if self._keeper.settled:
                break
            await ask(ReadStatus(load=False))

    async def read_configs(self, ask: Ask, now_mono: float) -> None:
        """Read the delays of all outlets; on menus of one a poll, whose page is 1.5 s of wire."""
        if not self._schedule.configs_due(now_mono):
            return
        if self._can("outlet_config"):
            self._schedule.configs_asked(now_mono, told=await self._told(ask, ReadConfig()))
            return
        outlet = self._schedule.next_config(self._keeper.outlets, now_mono)
        if outlet is not None:
            told = await self._told(ask, ReadOutletConfig(outlet.number, outlet.label))
            self._schedule.config_asked(outlet.number, now_mono, told=told)

    async def gather_evidence(self, ask: Ask) -> None:
        """Ask the PDU why its NMC restarted, as far as its dialect can tell."""
        for evidence, capability, goal in _EVIDENCE:
            if not self._keeper.wants(evidence):
                continue
            offered = capability is None or self._can(capability)
            if not (offered and await self._may_ask_again(ask, evidence, goal)):
                self._keeper.cannot_tell(evidence)
        self._keeper.settle_reboots()

    async def _may_ask_again(self, ask: Ask, evidence: Evidence, goal: Goal) -> bool:
        """Ask for evidence; return whether it may be asked for again.

        What one garbled byte has spoilt is: the detector asks until its deadline. What this unit or account refuses
        twice in a row is not (once may be noise), nor the network: no report waits for it, and its screen is the least
        attested one.
        """
        once = evidence is Evidence.NETWORK
        try:
            await ask(goal)
        except (CommandRejected, *GARBLED) as error:
            self._not_told(goal, error)
            refused = isinstance(error, CommandRejected)
            refused_before = evidence in self._refused
            self._refused = self._refused | {evidence} if refused else self._refused - {evidence}
            return not once and not (refused and refused_before)
        except ConsoleError:
            if once:
                self._keeper.cannot_tell(evidence)
            raise
        self._refused -= {evidence}
        return True

    async def _told(self, ask: Ask, goal: Goal) -> bool:
        """Pursue a goal without which a poll is whole; return whether it was reached.

        A unit or account may not offer it, or show it on a screen that this program does not know: neither makes the
        outlets' states less true.
        """
        try:
            await ask(goal)
        except (CommandRejected, *GARBLED) as error:
            self._not_told(goal, error)
            return False
        return True

    def _not_told(self, goal: Goal, error: ConsoleError) -> None:
        self._log.info("%s was not told: %s", type(goal).__name__, error)

    @property
    def _on_command_line(self) -> bool:
        """Tell whether the console is the ``-c`` command line or that of AOS 5/6.

        There the loads cost little, and the up time must be asked for. Menus show it at every login, and a restart
        ends the login.
        """
        return self._session.dialect in (DialectId.D3C, DialectId.D4)

    def _can(self, capability: str) -> bool:
        return bool(getattr(self._session.capabilities, capability, False))
