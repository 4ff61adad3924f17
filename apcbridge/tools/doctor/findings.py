"""The words in which the doctor speaks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, and it will bite."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """What it is about: ``configuration``, a PDU's id, ``mqtt``, ``snmp``, ``daemon``."""
    level: Level
    text: str
    """What was found."""
    advice: str = ""
    """What to do, or how to look further."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """Makes findings about one subject."""

    subject: str

    def ok(self, text: str, advice: str = "") -> Finding:
        """Say that all is well."""
        return Finding(self.subject, Level.OK, text, advice)

    def warn(self, text: str, advice: str) -> Finding:
        """Say what works and will bite."""
        return Finding(self.subject, Level.WARN, text, advice)

    def fail(self, text: str, advice: str) -> Finding:
        """Say what does not work."""
        return Finding(self.subject, Level.FAIL, text, advice)
