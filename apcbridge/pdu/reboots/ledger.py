"""The restarts reported so far: numbered, counted, remembered."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from apcbridge.model import Reboot, RebootCause
from apcbridge.pdu.reboots.history import RestartHistory, Statistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apcbridge.pdu.reboots.explain import Explained
    from apcbridge.pdu.reboots.memory import RebootMemory

PAST_LIMIT = 64
"""Restarts remembered with their evidence; the journal keeps all of them."""


class Ledger:
    """One PDU's restarts."""

    def __init__(self, pdu: str, known: RebootMemory, history: Iterable[tuple[float, float | None]]) -> None:
        """Go on counting; ``history`` is what the journal has, see :class:`RestartHistory`."""
        self._pdu = pdu
        self._counts = {cause: known.counts.get(cause, 0) for cause in RebootCause}
        self._past: deque[Reboot] = deque(known.past, maxlen=PAST_LIMIT)
        self._history = RestartHistory(tuple(history) or ((one.at, one.interval_s) for one in known.past))
        self.series = known.series
        """Made when the counting began; with the count it makes the ids."""

    @property
    def counts(self) -> Mapping[RebootCause, int]:
        """How many there were of each cause."""
        return dict(self._counts)

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self._counts.values())

    @property
    def past(self) -> tuple[Reboot, ...]:
        """The newest ones, oldest first."""
        return tuple(self._past)

    @property
    def last(self) -> Reboot | None:
        """The newest one."""
        return self._past[-1] if self._past else None

    @property
    def intervals(self) -> list[float | None]:
        """How long the lives before the newest ones lasted, oldest first."""
        return [one.interval_s for one in self._past]

    def statistics(self, now_at: float) -> Statistics:
        """Return the figures of the last day, the last week and of all."""
        return self._history.statistics(now_at, self.total)

    def enter(self, restart: Explained, at: float, noticed_at: float) -> Reboot:
        """Take in a restart; return its report.

        The id is unique even if the state directory is lost, and the same again if a crash takes us back: a restart
        that was told but whose writing a crash prevented is found again from the same memory.
        """
        self._counts[restart.cause] += 1
        reboot = Reboot(
            id=f"{self._pdu}-restart-{self.series}-{self.total}",
            at=at,
            cause=restart.cause,
            evidence=restart.evidence,
            noticed_at=noticed_at,
            interval_s=restart.interval_s,
        )
        self._past.append(reboot)
        self._history.add(at, restart.interval_s)
        return reboot
