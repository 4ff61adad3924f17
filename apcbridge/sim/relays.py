"""Relays, the commands accepted for them, and the log that judges who acted how often."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Action(StrEnum):
    """What a console can ask of an outlet."""

    ON = "immediate_on"
    OFF = "immediate_off"
    REBOOT = "immediate_reboot"
    DELAYED_ON = "delayed_on"
    DELAYED_OFF = "delayed_off"
    DELAYED_REBOOT = "delayed_reboot"
    CANCEL = "cancel"


class Effect(StrEnum):
    """What happened to one outlet."""

    ACCEPTED = "accepted"
    """A command was accepted for it; there may be nothing to do."""
    RELAY_ON = "relay_on"
    RELAY_OFF = "relay_off"
    PENDING = "pending"
    """A step was put into the NMC's memory."""
    CANCELLED = "cancelled"
    """A step was taken out of it, by a cancel or by a newer command."""
    LOST = "lost"
    """A step went away with an NMC restart."""


@dataclass(frozen=True, slots=True)
class AcceptedCommand:
    """A command that the PDU took; ``via`` says from where, such as ``menu:apc``."""

    seq: int
    at_mono: float
    action: Action
    outlets: tuple[int, ...]
    via: str


@dataclass(frozen=True, slots=True)
class Actuation:
    """One line of the log; ``command`` is None for what mains and restarts do."""

    at_mono: float
    outlet: int
    effect: Effect
    command: AcceptedCommand | None


class ActuationLog:
    """Everything that was ever done to the outlets: the judge of "at most once"."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: list[Actuation] = []

    @property
    def entries(self) -> tuple[Actuation, ...]:
        """All entries, oldest first."""
        return tuple(self._entries)

    def add(self, entry: Actuation) -> None:
        """Append an entry."""
        self._entries.append(entry)

    def commands(self, outlet: int | None = None) -> list[AcceptedCommand]:
        """Return the accepted commands in order, those that named ``outlet`` if it is given."""
        seen: dict[int, AcceptedCommand] = {}
        for entry in self._entries:
            if entry.effect is Effect.ACCEPTED and entry.command and outlet in {None, entry.outlet}:
                seen.setdefault(entry.command.seq, entry.command)
        return list(seen.values())

    def moves(self, outlet: int) -> list[bool]:
        """Return the positions that the relay took, in order."""
        wanted = {Effect.RELAY_ON: True, Effect.RELAY_OFF: False}
        return [wanted[e.effect] for e in self._entries if e.outlet == outlet and e.effect in wanted]


@dataclass(slots=True)
class OutletSettings:
    """What can be configured of an outlet; seconds, -1 is never."""

    name: str
    on_delay_s: int
    off_delay_s: int
    reboot_duration_s: int
    deciamps: int


@dataclass(frozen=True, slots=True)
class _Step:
    due: float
    command: AcceptedCommand | None
    on: bool = field(kw_only=True)
    volatile: bool = field(kw_only=True)
    """It rests in the NMC's memory, shows as ``*`` and dies with a restart."""


class RelayBoard:
    """The relays 1..N and the steps that wait for them. Times are the caller's monotonic seconds."""

    def __init__(
        self, settings: list[OutletSettings], on: Iterable[bool], lag: Callable[[], float], log: ActuationLog
    ) -> None:
        """``lag`` draws how long a relay takes to follow an accepted immediate command."""
        self.settings = settings
        self.log = log
        self._on = list(on)
        self._lag = lag
        self._steps: dict[int, list[_Step]] = {number: [] for number in self.numbers}
        self._seq = 0

    @property
    def numbers(self) -> range:
        """The outlet numbers."""
        return range(1, len(self.settings) + 1)

    def is_on(self, outlet: int) -> bool:
        """Tell the relay's position."""
        return self._on[outlet - 1]

    def is_pending(self, outlet: int, *, lag_too: bool = False) -> bool:
        """Tell whether a step waits in the NMC's memory for the outlet."""
        return any(step.volatile or lag_too for step in self._steps[outlet])

    def next_event(self) -> float | None:
        """When the next step is due."""
        return min((step.due for steps in self._steps.values() for step in steps), default=None)

    def advance(self, now: float) -> None:
        """Carry out every step that is due, in order of time."""
        due = sorted(
            ((step.due, outlet, step) for outlet in self.numbers for step in self._steps[outlet] if step.due <= now),
            key=lambda entry: entry[:2],
        )
        for at, outlet, step in due:
            self._steps[outlet].remove(step)
            self._move(outlet, at, step.command, on=step.on)

    def accept(self, action: Action, outlets: Iterable[int], now: float, via: str) -> AcceptedCommand:
        """Take a command for these outlets and plan what the relays do.

        A command for several outlets lets the relays click one after another. A newer command takes the
        place of what still waits for the outlet. A reboot of an outlet that is off leaves it off
        (powerman's apc7900.dev). For several outlets the longest reboot duration counts (PowerNet MIB).
        """
        self._seq += 1
        numbers = tuple(outlets)
        command = AcceptedCommand(self._seq, now, action, numbers, via)
        lags = sorted(self._lag() for _ in numbers)
        duration = max((self.settings[n - 1].reboot_duration_s for n in numbers), default=0)
        for outlet, lag in zip(numbers, lags, strict=True):
            self.log.add(Actuation(now, outlet, Effect.ACCEPTED, command))
            self._drop_volatile(outlet, now, Effect.CANCELLED)
            self._plan(outlet, command, lag, duration)
        self.advance(now)
        return command

    def lose_pending(self, now: float, *, lagging: bool = False) -> tuple[int, ...]:
        """Forget what rests in the NMC's memory (FA232984); return the outlets that it was for.

        ``lagging`` forgets also what a relay has been told and not yet done.
        """
        if lagging:
            self._steps = {n: [replace(s, volatile=True) for s in steps] for n, steps in self._steps.items()}
        lost = tuple(outlet for outlet in self.numbers if self.is_pending(outlet))
        for outlet in lost:
            self._drop_volatile(outlet, now, Effect.LOST)
        return lost

    def power_loss(self, now: float) -> None:
        """Mains are gone: every relay opens and nothing is remembered."""
        for outlet in self.numbers:
            self._steps[outlet].clear()
            self._move(outlet, now, None, on=False)

    def power_return(self, now: float, on: Iterable[bool]) -> None:
        """Mains are back: close the relays named in ``on``, each after its power-on delay."""
        for outlet, wanted in zip(self.numbers, on, strict=True):
            delay = self.settings[outlet - 1].on_delay_s
            if wanted and delay >= 0:
                self._steps[outlet].append(_Step(now + delay, None, on=True, volatile=False))
        self.advance(now)

    def _plan(self, outlet: int, command: AcceptedCommand, lag: float, duration: float) -> None:
        setting = self.settings[outlet - 1]
        at = command.at_mono
        match command.action:
            case Action.ON:
                self._step(outlet, at + lag, command, on=True, volatile=False)
            case Action.OFF:
                self._step(outlet, at + lag, command, on=False, volatile=False)
            case Action.REBOOT if self._will_be_on(outlet):
                off = self._step(outlet, at + lag, command, on=False, volatile=False)
                self._step(outlet, off + duration, command, on=True, volatile=True)
            case Action.DELAYED_ON if setting.on_delay_s >= 0:
                self._step(outlet, at + setting.on_delay_s, command, on=True, volatile=True)
            case Action.DELAYED_OFF if setting.off_delay_s >= 0:
                self._step(outlet, at + setting.off_delay_s, command, on=False, volatile=True)
            case Action.DELAYED_REBOOT if setting.off_delay_s >= 0 and self._will_be_on(outlet):
                off = self._step(outlet, at + setting.off_delay_s, command, on=False, volatile=True)
                if setting.on_delay_s >= 0:
                    self._step(outlet, off + duration + setting.on_delay_s, command, on=True, volatile=True)
            case _:
                pass

    def _will_be_on(self, outlet: int) -> bool:
        steps = self._steps[outlet]
        return steps[-1].on if steps else self.is_on(outlet)

    def _step(self, outlet: int, due: float, command: AcceptedCommand, *, on: bool, volatile: bool) -> float:
        steps = self._steps[outlet]
        if steps:
            due = max(due, steps[-1].due)
        steps.append(_Step(due, command, on=on, volatile=volatile))
        if volatile:
            self.log.add(Actuation(command.at_mono, outlet, Effect.PENDING, command))
        return due

    def _drop_volatile(self, outlet: int, now: float, effect: Effect) -> None:
        for step in [step for step in self._steps[outlet] if step.volatile]:
            self._steps[outlet].remove(step)
            self.log.add(Actuation(now, outlet, effect, step.command))

    def _move(self, outlet: int, at: float, command: AcceptedCommand | None, *, on: bool) -> None:
        if self._on[outlet - 1] == on:
            return
        self._on[outlet - 1] = on
        self.log.add(Actuation(at, outlet, Effect.RELAY_ON if on else Effect.RELAY_OFF, command))
