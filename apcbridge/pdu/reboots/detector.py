"""Finds every restart of an NMC, exactly once, and says why as far as the evidence goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apcbridge.model import Nmc, Reboot
    from apcbridge.pdu.reboots.memory import RebootMemory
    from apcbridge.pdu.reboots.observations import Evidence, Observation


class RebootDetector:
    """One PDU's restarts. Pure: every observation brings its own time.

    The supervisor tells what it sees with :meth:`observe`, reads what :meth:`wanted_evidence` asks for, and after each
    round calls :meth:`settle`, which returns each restart exactly once. It then gives those restarts *and*
    :meth:`memory` to the journal in one call, and publishes after that was committed.
    """

    def __init__(
        self,
        pdu: str,
        memory: RebootMemory | None = None,
        *,
        machine_boot: str = "",
        pace: float = 1.0,
    ) -> None:
        """Start from what was remembered.

        ``machine_boot`` identifies the run of the kernel whose monotonic clock is used (``/proc/sys/kernel/random/
        boot_id``); where it equals the remembered one the monotonic clock decides across a restart of the daemon,
        otherwise only the wall clock, the up time and the event log are left. ``pace`` is the card's seconds per second
        of ours: 1, save for a simulator whose clock was sped up.
        """

    def observe(self, observation: Observation) -> None:
        """Take in what was seen."""
        raise NotImplementedError

    def settle(self, now_mono: float, now_at: float) -> tuple[Reboot, ...]:
        """Return the restarts that are certain and either explained or past waiting for, oldest first; once each."""
        raise NotImplementedError

    def wanted_evidence(self) -> frozenset[Evidence]:
        """Tell what would help now; empty most of the time."""
        raise NotImplementedError

    def nmc(self, status_flags: str | None = None) -> Nmc:
        """Return boot time, counts, rhythm and prediction as of the last observation or settling."""
        raise NotImplementedError

    def memory(self) -> RebootMemory:
        """Return what the journal must keep."""
        raise NotImplementedError

    @property
    def revision(self) -> int:
        """Grows when :meth:`memory` changed in a way that is worth a write to disk."""
        raise NotImplementedError
