"""What the bridge carries out by its own clock, because the NMC would forget it: delayed commands and reboots. Pure.

What is held is lost with the daemon: it is written down, so that the daemon after it tells that it was not done, and
never does it a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from apcbridge.model import OutletState, PendingCommand
from apcbridge.pdu.pending import is_done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apcbridge.commands import Command
    from apcbridge.model import Action, Outlet

LATE_S = 300.0
"""How long after its time a step may still begin: an NMC that restarts does not answer for up to two minutes."""
AGAIN_S = 5.0
"""When to try again what certainly did not reach the PDU."""
_AWAY = "the bridge was stopped before it was seen done"
_NEWER = "a newer command took its place"
_WENT_OFF = "the outlet was switched off; on again:"


class Step(NamedTuple):
    """One switching, so long after what comes before it."""

    wait_s: float
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A command of one outlet with the steps that are still to be done."""

    command: Command
    outlet: Outlet
    """As its asker saw it."""
    steps: tuple[Step, ...]
    due_mono: float
    late_mono: float
    """Past this moment it is no longer done."""
    since_at: float
    begun: bool = False
    """The outlet was switched off and is owed its ON."""
    answers: bool = False
    """Its asker has no result yet: it comes with the end."""

    @property
    def pending(self) -> PendingCommand:
        """What others see of it: once a reboot has begun, its ON."""
        action = self.steps[0].action if self.begun else self.command.action
        return PendingCommand(
            outlet=self.outlet.number, action=action, command_id=self.command.id, since_at=self.since_at
        )


def hold(
    command: Command, outlet: Outlet, steps: tuple[Step, ...], now_mono: float, now_at: float, *, begun: bool = False
) -> Held:
    """Begin to wait for the first of these steps.

    With ``begun`` the outlet was switched off for an immediate reboot, whose asker waits for its end.
    """
    due_mono = now_mono + steps[0].wait_s
    return Held(
        command=command,
        outlet=outlet,
        steps=steps,
        due_mono=due_mono,
        late_mono=due_mono + LATE_S,
        since_at=now_at,
        begun=begun,
        answers=begun,
    )


class Forsaken(NamedTuple):
    """What will not be done any more, and why."""

    pending: PendingCommand
    reason: str


class Answer(NamedTuple):
    """What an asker who waits for the end of his command is to be told."""

    command: Command
    confirmed: bool
    detail: str


class Agenda:
    """What the bridge holds for the outlets of one PDU, one command an outlet: a newer one takes its place."""

    def __init__(self, known: Iterable[PendingCommand] = ()) -> None:
        """Take over what a daemon before us held: it is told of, not done."""
        self._held: dict[int, Held] = {}
        self._answers: list[Answer] = []
        self._forsaken = [Forsaken(one, _AWAY) for one in known]

    def __call__(self) -> tuple[PendingCommand, ...]:
        """Return what must be written down: all of which nobody can say yet that it was done or that it was not."""
        return (*self.pending, *(one.pending for one in self._forsaken))

    @property
    def pending(self) -> tuple[PendingCommand, ...]:
        """What waits for its time."""
        return tuple(held.pending for held in self._held.values())

    @property
    def begun(self) -> tuple[Held, ...]:
        """Reboots whose outlet is off and waits for its ON."""
        return tuple(held for held in self._held.values() if held.begun)

    @property
    def next_mono(self) -> float:
        """When the next step is due; infinity if none is."""
        return min((held.due_mono for held in self._held.values()), default=float("inf"))

    def due(self, now_mono: float) -> Held | None:
        """Return what is to be done now; an outlet that is off for it goes first."""
        due = (held for held in self._held.values() if held.due_mono <= now_mono)
        return min(due, key=lambda held: (not held.begun, held.due_mono), default=None)

    def put(self, held: Held) -> None:
        """Hold a command; it takes the place of what was held for its outlet."""
        self.drop(held.outlet.number)
        self._held[held.outlet.number] = held

    def drop(self, outlet: int, *, unless: str = "", why: str = _NEWER) -> bool:
        """Forget what is held for an outlet, save the command of that id; return whether anything was."""
        held = self._held.get(outlet)
        if held is None or held.command.id == unless:
            return False
        del self._held[outlet]
        self._answer(held, why)
        return True

    def answers(self) -> tuple[Answer, ...]:
        """Return what has ended and whose askers wait for it, each once."""
        answers, self._answers = self._answers, []
        return tuple(answers)

    def stop_waiting(self, why: str) -> None:
        """Answer all who wait; what is held stays held."""
        for held in self._held.values():
            self._answer(held, why)
        self._held = {outlet: replace(held, answers=False) for outlet, held in self._held.items()}

    def _answer(self, held: Held, why: str) -> None:
        if held.answers:
            self._answers.append(Answer(held.command, confirmed=False, detail=f"{_WENT_OFF} {why}"))

    def seen_through(self, held: Held, now_mono: float) -> None:
        """Go on after the first step was seen: wait for the next one, or be done."""
        rest = held.steps[1:]
        if rest:
            due_mono = now_mono + rest[0].wait_s
            self._update(replace(held, steps=rest, due_mono=due_mono, late_mono=due_mono + LATE_S, begun=True))
            return
        self._held.pop(held.outlet.number, None)
        if held.answers:
            self._answers.append(Answer(held.command, confirmed=True, detail="off and on again: each half was seen"))

    def failed(self, held: Held, reason: str, now_mono: float) -> None:
        """Try again what certainly did not reach the PDU, until it is too late."""
        if now_mono + AGAIN_S > held.late_mono:
            self.forsake(held, reason)
        else:
            self._update(replace(held, due_mono=now_mono + AGAIN_S))

    def forsake(self, held: Held, reason: str) -> None:
        """Give up what is held; :meth:`undone` tells of it."""
        self.drop(held.outlet.number, why=reason)
        self._forsaken.append(Forsaken(held.pending, reason))

    def _update(self, held: Held) -> None:
        self._held[held.outlet.number] = held

    def undone(self, state_of: Callable[[int], OutletState | None], owed: Iterable[str]) -> tuple[Forsaken, ...]:
        """Return what was given up and has not happened, judged by fresh readings, and forget it.

        Of a reboot that switched its outlet off tells who owes it the ON; ``owed`` are the ids of such commands.
        """
        ids = frozenset(owed)
        gone, self._forsaken = self._forsaken, []
        return tuple(
            one
            for one in gone
            if not is_done(one.pending, state_of(one.pending.outlet))
            and not (one.pending.command_id in ids and state_of(one.pending.outlet) is OutletState.OFF)
        )
