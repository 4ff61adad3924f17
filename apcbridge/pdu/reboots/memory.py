"""What must survive the daemon so that a restart of the NMC is reported exactly once."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from apcbridge.errors import JournalError
from apcbridge.model import PendingCommand, Reboot, RebootCause

FORMAT = 2
"""Grows when a field changes its meaning; a memory of another format is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeMemory:
    """The running life of the NMC when last saved.

    ``*_mono`` are only of use while the machine has not restarted; otherwise ``saved_at`` carries them over.
    """

    boot_lo_mono: float
    boot_hi_mono: float
    """The NMC started between these two."""
    held_mono: float
    """The start as shown to others."""
    narrowed_mono: float
    """When the two were last narrowed."""
    alive_mono: float
    """The last moment at which this life was seen."""
    up_s: int
    """The up time printed then, plus what has rolled over."""
    wrapped_s: float
    """What must be added to the printed up time because it rolled over."""
    agreed: int
    """Up-time readings that told of this life."""
    card_clock_s: float | None
    """The card's own date and time at the last reading."""
    saved_mono: float
    saved_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMark:
    """The newest event-log lines we have seen, newest first, and the restarts reported whose lines are still owed."""

    lines: tuple[tuple[str, str, str], ...]
    """Date, time and text as printed."""
    owed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootMemory:
    """Everything the detector knows, without an inquiry that is still open: that one begins anew after a crash."""

    format: int = FORMAT
    machine_boot: str = ""
    """Identifies the run of this machine's kernel: its monotonic clock goes on while this is the same."""
    series: str = ""
    """Made when the counting began; with the count it makes the ids of the restarts."""
    life: LifeMemory | None = None
    mark: LogMark | None = None
    requested_mono: float | None = None
    requested_by: str = ""
    counts: dict[RebootCause, int] = field(default_factory=lambda: dict.fromkeys(RebootCause, 0))
    past: tuple[Reboot, ...] = ()
    """The newest restarts, oldest first."""
    pending: tuple[PendingCommand, ...] = ()
    """Commands that rest in the NMC's memory; kept here so that a restart and what it lost are written at once."""
    owed: tuple[PendingCommand, ...] = ()
    """Reboots that were cut and whose outlets shall be switched on again."""
    held: tuple[PendingCommand, ...] = ()
    """Delayed commands that the bridge was to carry out by its own clock."""

    def dump(self) -> str:
        """Return the JSON text that the journal keeps."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def parse(cls, text: str) -> RebootMemory:
        """Read what :meth:`dump` wrote; raise JournalError if it is damaged or of another format."""
        try:
            memory = _ADAPTER.validate_json(text)
        except ValidationError as error:
            raise JournalError(f"the memory of NMC restarts is damaged ({error.error_count()} faults)") from error
        if memory.format != FORMAT:
            raise JournalError(f"the memory of NMC restarts has format {memory.format}, this program reads {FORMAT}")
        return memory


_ADAPTER = TypeAdapter(RebootMemory)
