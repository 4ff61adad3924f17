"""Where events and results go: into the journal, and to everybody who reads the store.

Events are told after they were kept, so that a crash can neither lose one nor hide that it was told; results are told
at once, because somebody waits for them. What an earlier run may not have told is told again, with the same id.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult, ResultStatus
from apcbridge.limits import LogBudget
from apcbridge.model import Event, EventType, RebootCause

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from apcbridge.journal import Journal
    from apcbridge.model import Reboot
    from apcbridge.pdu.reboots import RebootMemory
    from apcbridge.store import Edge, Store

log = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""A disk that takes longer does not hold back what people must hear."""

_MUST_BE_TOLD = frozenset({*(EventType.of_reboot(cause) for cause in RebootCause), EventType.PENDING_LOST})
_WENT_WRONG = frozenset({ResultStatus.FAILED, ResultStatus.EXPIRED, ResultStatus.UNKNOWN})


class Recorder:
    """Keeps and tells."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._just_told: list[Edge] = []
        self._told_before: list[Edge] = []
        self._turned_away = LogBudget(at_once=5, per_s=1.0)

    def event(self, event: Event) -> None:
        """Keep and tell an event."""
        self._tell_after(self._journal.record_event(event), (event,))

    def result(self, result: CommandResult) -> None:
        """Tell and keep a step in the life of a command."""
        self._tell(result)
        self._journal.record_result(result)
        if result.status is not ResultStatus.ACCEPTED:
            self._log_end(result)

    def _log_end(self, result: CommandResult) -> None:
        """Log what became of a command; of those that never began only so many: an asker may repeat one for ever."""
        command = result.command
        silent = 0 if result.status.terminal else self._turned_away.spend(command.received_mono)
        if silent is None:
            return
        log.log(
            logging.WARNING if result.status in _WENT_WRONG else logging.INFO,
            "%s: %s %s (by %s through %s, id %s): %s%s",
            command.target,
            command.action,
            result.status,
            command.principal,
            command.origin,
            command.id,
            result.detail,
            f" ({silent} more like it were not reported)" if silent else "",
            extra={"pdu": command.pdu, "outlet": command.outlet, "command_id": command.id},
        )

    def reboots(
        self, pdu: str, reboots: tuple[Reboot, ...], memory: RebootMemory, events: tuple[Event, ...]
    ) -> asyncio.Future[None]:
        """Keep restarts together with the memory that counts them, then tell of them.

        The future that is returned is done at that moment: when all is kept, or the disk takes too long.
        """
        return self._tell_after(self._journal.record_reboots(pdu, reboots, memory, events), events)

    def tell_what_was_cut_short(self) -> None:
        """Tell again the restarts that an earlier run kept but may not have told, and how its commands ended.

        What else it may not have told (a state, a link) has been overtaken by how things are now.
        """
        untold = self._journal.untold()
        for event in untold:
            if event.type in _MUST_BE_TOLD:
                self._tell(event)
        self._journal.told(event.id for event in untold if event.type not in _MUST_BE_TOLD)
        for result in self._journal.untold_results():
            self._tell(result)

    def readers_are_done(self) -> None:
        """Note that those who pass events on have none left to pass; call this again and again.

        What was told before the last call is then certainly with them.
        """
        if self._told_before:
            self._journal.told(one.id for one in self._told_before if isinstance(one, Event))
            self._journal.results_told(one for one in self._told_before if isinstance(one, CommandResult))
        self._told_before, self._just_told = self._just_told, []

    def _tell_after(self, kept: Future[bool], events: tuple[Event, ...]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            patience.cancel()
            if not told.done():
                told.set_result(None)
                for event in events:
                    self._tell(event)

        patience = loop.call_later(PATIENCE_S, tell)
        kept.add_done_callback(lambda _kept: _from_thread(loop, tell))
        return told

    def _tell(self, edge: Edge) -> None:
        self._store.append(edge)
        if isinstance(edge, Event) or edge.status.terminal:
            self._just_told.append(edge)


def _from_thread(loop: asyncio.AbstractEventLoop, tell: Callable[[], None]) -> None:
    """Run ``tell`` in the loop, unless the bridge has ended meanwhile."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(tell)
