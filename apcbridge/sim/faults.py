"""Faults that strike at a named step of a dialog: the console goes mute, restarts, prints rubbish, logs off."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from apcbridge.model import RebootCause


class FaultKind(StrEnum):
    """What happens at the step."""

    MUTE = "mute"
    """Nothing is printed any more, and what is typed goes nowhere, until :meth:`FaultPlan.heal`."""
    RESTART = "restart"
    """The NMC restarts: the session and pending commands are gone."""
    GARBAGE = "garbage"
    """Some bytes of noise are printed before the step goes on."""
    LOGOFF = "logoff"
    """The session ends as if it had been inactive for too long."""
    STALL = "stall"
    """The console does nothing for ``stall_s`` of device time, then goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFault:
    """A fault, armed once.

    ``step`` is a name from :data:`apcbridge.sim.steps.STEPS`, or ``*`` for any. ``after_bytes`` lets that many
    further bytes out before a mute or a restart strikes, so that it cuts a screen or a line in two.
    ``occurrence`` counts the visits to the step from when the fault was armed; 1 is the next.
    """

    step: str
    kind: FaultKind
    after_bytes: int = 0
    occurrence: int = 1
    stall_s: float = 0.0
    cause: RebootCause = RebootCause.WATCHDOG
    """Why the NMC restarts, as its firmware will remember it."""


class FaultPlan:
    """The armed faults of one PDU and the steps that its consoles went through."""

    def __init__(self) -> None:
        """Start with no faults."""
        self._armed: list[tuple[StepFault, int]] = []
        self.visited: Counter[str] = Counter()
        """How often each step was reached."""
        self.struck: list[StepFault] = []
        """Faults that have happened."""
        self.muted = False
        self.cut: tuple[StepFault, int] | None = None
        """A fault that strikes after so many further bytes."""

    def arm(self, fault: StepFault) -> None:
        """Add a fault; several may be armed at once."""
        self._armed.append((fault, fault.occurrence))

    def heal(self) -> None:
        """Disarm everything and let the console speak again."""
        self._armed.clear()
        self.muted = False
        self.cut = None

    def reach(self, step: str) -> StepFault | None:
        """Note that a dialog reached a step; return the fault that strikes here."""
        self.visited[step] += 1
        for index, (fault, left) in enumerate(self._armed):
            if fault.step not in {step, "*"}:
                continue
            if left > 1:
                self._armed[index] = (fault, left - 1)
                continue
            del self._armed[index]
            self.struck.append(fault)
            return fault
        return None
