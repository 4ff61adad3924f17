"""What a restart of the NMC may take away, and what we owe an outlet after one did. Pure.

Both survive the daemon: they are kept with the reboot detector's memory, in one transaction with the restarts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apcbridge.commands import REBOOTS, ResultStatus
from apcbridge.model import Action, OutletState, PendingCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apcbridge.commands import Command
    from apcbridge.console.events import OutletRow
    from apcbridge.pdu.reboots.lives import Span

RESTS_IN_THE_NMC = frozenset({Action.DELAYED_ON, Action.DELAYED_OFF, *REBOOTS})
"""What an NMC restart loses (FA232984)."""
TAKES_S = 15.0
"""How long a list may not show the ``*`` of a command yet."""
BOOTS_S = 1.0
"""No NMC answers sooner after its reset."""
OWED_FOR_S = 3600.0
"""After an hour an outlet that is off is no longer switched on for a reboot that was cut: somebody may count on it."""

_NEVER = float("-inf")
_DONE_WHEN = {Action.ON: OutletState.ON, Action.DELAYED_ON: OutletState.ON, Action.DELAYED_OFF: OutletState.OFF}


@dataclass(frozen=True, slots=True)
class _Resting:
    command: PendingCommand
    session: int | None
    """The console session in which it was last known to rest; None: one of a daemon before us."""
    begun_mono: float
    """Since when that session lasted."""
    noted_mono: float
    """When it was last known to rest there: it was sent then, or its mark was seen."""
    gone_mono: float | None = None
    """Since when its mark is gone, while a restart may be what took it."""


class PendingBook:
    """The commands of ours that rest in the NMC's memory, where a restart loses them.

    The mark (``*``) behind an outlet's state goes when its command was carried out, and also when a restart lost it.
    Within one console session no restart can have come between, so there the mark is believed at once; otherwise the
    command is kept until the card is known to be in its old life (:meth:`no_restart`), or its restart is certain
    (:meth:`lose`).
    """

    def __init__(self, known: Iterable[PendingCommand] = ()) -> None:
        """Go on with what a daemon before us had noted."""
        self._resting = {one.outlet: _Resting(one, None, _NEVER, _NEVER) for one in known}
        self._session = 0
        self._begun_mono = _NEVER

    def __call__(self) -> tuple[PendingCommand, ...]:
        """Return what rests there now."""
        return tuple(one.command for one in self._resting.values())

    def new_session(self, begun_mono: float) -> None:
        """Note that we are at the console anew, or must be: the card may have restarted in between."""
        self._session += 1
        self._begun_mono = begun_mono

    def sent(self, command: Command, outlets: Iterable[int], now_mono: float, now_at: float) -> None:
        """Note a command for these outlets as soon as the PDU may have it."""
        for outlet in outlets:
            if command.action in RESTS_IN_THE_NMC:
                pending = PendingCommand(outlet=outlet, action=command.action, command_id=command.id, since_at=now_at)
                self._resting[outlet] = _Resting(pending, self._session, self._begun_mono, now_mono)
            elif command.action is Action.CANCEL:
                self._resting.pop(outlet, None)

    def ended(self, command: Command, status: ResultStatus) -> None:
        """Forget an immediate reboot that was seen through, and whatever certainly did not reach the PDU."""
        seen_through = command.action is Action.REBOOT and status is ResultStatus.CONFIRMED
        if seen_through or status is ResultStatus.FAILED:
            for outlet in [n for n, one in self._resting.items() if one.command.command_id == command.id]:
                del self._resting[outlet]

    def seen(self, row: OutletRow, now_mono: float, now_at: float) -> None:
        """Take an outlet's row: with its mark a command still rests, without it was carried out or lost."""
        one = self._resting.get(row.number)
        if one is None:
            return
        if row.pending:
            self._resting[row.number] = _Resting(one.command, self._session, self._begun_mono, now_mono)
        elif not 0 <= now_at - one.command.since_at <= TAKES_S:
            if one.session == self._session:
                del self._resting[row.number]
            elif one.gone_mono is None:
                self._resting[row.number] = replace(one, gone_mono=now_mono)

    def no_restart(self, until_mono: float) -> None:
        """Forget the commands whose mark was gone before ``until_mono``: the card was in its old life then."""
        self._resting = {
            outlet: one for outlet, one in self._resting.items() if one.gone_mono is None or one.gone_mono >= until_mono
        }

    def lose(self, state_of: Callable[[int], OutletState | None], boot: Span | None) -> tuple[PendingCommand, ...]:
        """Return what an NMC restart has lost, and forget it.

        ``boot`` is when the NMC started. What is known to rest there since then, or in the session that we have with it
        now, stays: a restart is certain only a while after the card takes commands again. A delayed switch whose outlet
        has the wanted state (``state_of``, as read after the restart) is not lost.
        """
        gone = [one for one in self._resting.values() if not self._rests_since(one, boot)]
        for one in gone:
            del self._resting[one.command.outlet]
        return tuple(one.command for one in gone if not is_done(one.command, state_of(one.command.outlet)))

    def _rests_since(self, one: _Resting, boot: Span | None) -> bool:
        """Tell whether a command came after the start. No session outlives a restart: it was before or after all of it.

        Where both can be, it was before if little speaks for after: ``boot`` is wide by the drift of timers.
        """
        if one.session == self._session:
            return True
        if boot is None:
            return False
        may_be_before = boot.lo < one.begun_mono - BOOTS_S
        return boot.hi <= one.noted_mono or (may_be_before and boot.hi - BOOTS_S < one.noted_mono)


def is_done(command: PendingCommand, state: OutletState | None) -> bool:
    """Tell whether an outlet of that state has what a command wanted; of a reboot no state tells it."""
    wanted = _DONE_WHEN.get(Action(command.action))
    return wanted is not None and state is wanted


class Debts:
    """Outlets that a cut reboot left off and that shall be switched on again, each at most once."""

    def __init__(self, known: Iterable[PendingCommand] = ()) -> None:
        """Go on with what a daemon before us had owed."""
        self._owed = {one.outlet: one for one in known}
        self._until_mono: dict[int, float] = {}
        """When each is owed for too long; a clock that is set meanwhile changes nothing about that."""

    def __call__(self) -> tuple[PendingCommand, ...]:
        """Return what is owed now."""
        return tuple(self._owed.values())

    def owe(self, pending: PendingCommand) -> None:
        """Owe an outlet the ON half of its reboot."""
        known = self._owed.get(pending.outlet)
        if known is None or known.command_id != pending.command_id:
            self._until_mono.pop(pending.outlet, None)
        self._owed[pending.outlet] = pending

    def settle(self, outlet: int, *, unless: str = "") -> None:
        """Forget what is owed to an outlet, save to the command of that id.

        It was paid, or somebody else gave the outlet a command.
        """
        if outlet in self._owed and self._owed[outlet].command_id != unless:
            del self._owed[outlet]
            self._until_mono.pop(outlet, None)

    def overdue(self, now_mono: float, now_at: float) -> tuple[PendingCommand, ...]:
        """Return what is owed for too long, and forget it.

        A clock that is behind the beginning of a debt cannot tell its age: it counts from now.
        """
        for one in self._owed.values():
            left_s = OWED_FOR_S - max(0.0, now_at - one.since_at)
            self._until_mono.setdefault(one.outlet, now_mono + left_s)
        late = tuple(one for one in self._owed.values() if now_mono > self._until_mono[one.outlet])
        for one in late:
            self.settle(one.outlet)
        return late
