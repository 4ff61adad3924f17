"""What the edges told since the start: results by id, last commands, counts, the latest entries. Pure.

Everything here is bounded and lives in memory: it serves those who ask how their command went and who touched an
outlet last. The journal is what remembers.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult, Origin, ResultStatus
from apcbridge.errors import UnknownOutlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from apcbridge.store import Edge, Store

RESULTS_KEPT = 1024
"""Results that can be asked for by their id: an hour of a busy bridge."""
ENTRIES_KEPT = 500
"""Entries shown where there is no journal."""

Count = tuple[str, Origin, ResultStatus]
"""PDU, origin, status."""


class Chronicle:
    """The reader of the edge log that never leaves: it outlives a server that is renewed."""

    def __init__(self, is_known: Callable[[str], bool]) -> None:
        """Remember what concerns the PDUs for which ``is_known`` is true at the time."""
        self._is_known = is_known
        self._last: dict[str, dict[int, CommandResult]] = {}
        self._results: OrderedDict[tuple[str, str], CommandResult] = OrderedDict()
        self._entries: deque[Edge] = deque(maxlen=ENTRIES_KEPT)
        self._counts: Counter[Count] = Counter()

    @classmethod
    def of(cls, store: Store) -> tuple[Chronicle, Callable[[], None]]:
        """Return a chronicle of a store's edge log from now on, and what brings it up to date."""
        chronicle = cls(lambda pdu: any(status.pdu == pdu for status in store))
        cursor = store.cursor()
        return chronicle, lambda: chronicle.take(cursor.read().items)

    def take(self, edges: Iterable[Edge]) -> None:
        """Remember edges, oldest first. Those of a PDU that is not configured are somebody's typing error."""
        for edge in edges:
            if isinstance(edge, CommandResult):
                self._take_result(edge)
            elif self._is_known(edge.pdu):
                self._entries.append(edge)

    def result(self, pdu: str, command_id: str) -> CommandResult | None:
        """Return the latest step of a command, or None if it was never here or is long over."""
        return self._results.get((pdu, command_id))

    def last_commands(self, pdu: str) -> Mapping[int, CommandResult]:
        """Return the latest step of the last command of each outlet."""
        return self._last.get(pdu, {})

    @property
    def counts(self) -> Mapping[Count, int]:
        """How many steps of each kind there were; an accepted command counts again when it ends."""
        return self._counts

    def history(self, since_at: float | None, limit: int) -> list[Edge]:
        """Return the newest entries; see :data:`~apcbridge.web.settings.History`."""
        entries = [e for e in self._entries if (since_at is None or e.at >= since_at) and not self._has_gone_on(e)]
        return entries[-limit:]

    def _has_gone_on(self, edge: Edge) -> bool:
        """Tell whether a later step of the same command stands for this one, as in the journal."""
        if not isinstance(edge, CommandResult) or edge.status is not ResultStatus.ACCEPTED:
            return False
        latest = self.result(edge.command.pdu, edge.command.id)
        return latest is not None and latest.status.terminal

    def _take_result(self, result: CommandResult) -> None:
        command = result.command
        if not self._is_known(command.pdu):
            return
        self._counts[command.pdu, command.origin, result.status] += 1
        self._entries.append(result)
        if result.status is ResultStatus.DUPLICATE:
            # The command of this id, or the reboot under way, has a result of its own.
            return
        self._keep_by_id(result)
        # Outlets that do not exist would grow the table without bound.
        if command.outlet is not None and not isinstance(result.error, UnknownOutlet):
            self._last.setdefault(command.pdu, {})[command.outlet] = result

    def _keep_by_id(self, result: CommandResult) -> None:
        key = (result.command.pdu, result.command.id)
        known = self._results.get(key)
        if result.status is ResultStatus.REFUSED and known and known.status is not ResultStatus.REFUSED:
            # The same id refused later does not undo what the first one did.
            return
        self._results[key] = result
        self._results.move_to_end(key)
        while len(self._results) > RESULTS_KEPT:
            self._results.popitem(last=False)
