"""Restarts of the NMC: noticed, explained, counted and predicted, from observations alone."""

from apcbridge.pdu.reboots.detector import RebootDetector
from apcbridge.pdu.reboots.memory import RebootMemory
from apcbridge.pdu.reboots.observations import (
    ConsoleBack,
    ConsoleSilent,
    EventLog,
    Evidence,
    Network,
    Observation,
    RequestedRestart,
    ResetCause,
    Unavailable,
    UpTime,
)

__all__ = [
    "ConsoleBack",
    "ConsoleSilent",
    "EventLog",
    "Evidence",
    "Network",
    "Observation",
    "RebootDetector",
    "RebootMemory",
    "RequestedRestart",
    "ResetCause",
    "Unavailable",
    "UpTime",
]
