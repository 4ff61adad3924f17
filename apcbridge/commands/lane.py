"""The commands of one PDU: what waits, what acts, what rests, and what is remembered of those before. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.commands.command import REBOOTS
from apcbridge.model import Action

if TYPE_CHECKING:
    from apcbridge.commands.command import Command
    from apcbridge.commands.rules import PduRules


@dataclass(slots=True)
class Lane:
    """One command acts at a time; the others wait in the order in which they came."""

    rules: PduRules
    waiting: deque[Command] = field(default_factory=deque)
    active: Command | None = None
    resting: list[Command] = field(default_factory=list)
    """Begun, and waiting for their end beside the order."""
    seen: dict[str, float] = field(default_factory=dict)
    """Command id -> monotonic time until which it is remembered."""
    rebooted_mono: dict[int, float] = field(default_factory=dict)
    off_mono: dict[int, float] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """True while no command is under way."""
        return self.active is None and not self.resting

    @property
    def unfinished(self) -> tuple[Command, ...]:
        """The commands that have not ended, oldest first."""
        return (*self.resting, *((self.active,) if self.active else ()), *self.waiting)

    def repetition(self, command: Command, now_mono: float) -> str:
        """Say in words why the command is one we have already, or return nothing."""
        self.seen = {known: until_mono for known, until_mono in self.seen.items() if until_mono > now_mono}
        if command.id in self.seen:
            return "a command of this id was accepted before"
        if command.action in REBOOTS and any(
            c.action in REBOOTS and c.outlet == command.outlet for c in self.unfinished
        ):
            return "a reboot of this outlet is already under way"
        return ""

    def enqueue(self, command: Command, now_mono: float) -> None:
        """Let a command wait for its turn, and remember its id."""
        self.seen[command.id] = now_mono + command.dedup_window_s
        self.waiting.append(command)

    def take(self, now_mono: float) -> Command | None:
        """Make the next command that may act now the active one; None if there is none, or one is active.

        An ON that must wait for an outlet's minimum off time lets commands for other outlets pass, never another for
        the same outlet.
        """
        if self.active is not None:
            return None
        held: set[int | None] = set()
        for command in self.waiting:
            if command.outlet in held or (command.outlet is None and held):
                continue
            if self.may_act_mono(command) > now_mono:
                held.add(command.outlet)
                continue
            self.waiting.remove(command)
            self.active = command
            return command
        return None

    def late(self, now_mono: float) -> tuple[Command, ...]:
        """Return the waiting commands whose deadline has passed."""
        return tuple(command for command in self.waiting if command.deadline_mono <= now_mono)

    def under_way(self, command: Command) -> bool:
        """Tell whether a command was begun and has not ended."""
        return self.active is command or command in self.resting

    def step_aside(self, command: Command) -> None:
        """Take out a command that is under way."""
        if self.active is command:
            self.active = None
        else:
            self.resting.remove(command)

    def acted(self, command: Command, now_mono: float) -> None:
        """Remember when an outlet was, or may have been, rebooted or switched off."""
        if command.outlet is None:
            return
        if command.action in REBOOTS:
            self.rebooted_mono[command.outlet] = now_mono
        if command.action is Action.OFF:
            self.off_mono[command.outlet] = now_mono

    def holdoff_left_s(self, outlet: int, now_mono: float) -> float:
        """Tell for how long an outlet that was rebooted may not be rebooted again; nothing left is 0 or less."""
        if outlet not in self.rebooted_mono:
            return 0.0
        return self.rebooted_mono[outlet] + self.rules.rule(outlet).reboot_holdoff_s - now_mono

    def may_act_mono(self, command: Command) -> float:
        """Tell from when a waiting command may act: an ON respects the outlet's minimum off time."""
        if command.action is not Action.ON or command.outlet not in self.off_mono:
            return command.received_mono
        return self.off_mono[command.outlet] + self.rules.rule(command.outlet).min_off_time_s

    def next_event_mono(self, after_mono: float) -> float | None:
        """Tell when, after a moment, a waiting command next becomes able to act or expires, or None."""
        moments = [moment for c in self.waiting for moment in (self.may_act_mono(c), c.deadline_mono)]
        return min((moment for moment in moments if moment > after_mono), default=None)
