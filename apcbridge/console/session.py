"""A session with the console: logs in, pursues one goal at a time, never acts twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from apcbridge.console.dialects import Capabilities, DialectId

if TYPE_CHECKING:
    from apcbridge.console.events import Event
    from apcbridge.console.goals import Goal


class Access(StrEnum):
    """Which face of an AOS 3 Rack PDU to use; other units have one face only."""

    AUTO = "auto"
    """The ``-c`` command line where the unit has it, menus otherwise."""
    MENU = "menu"
    CLI = "cli"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Account of the console."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What the caller knows or wants. ``hint`` and ``expected_outlets`` are findings of earlier sessions."""

    access: Access = Access.AUTO
    hint: DialectId | None = None
    expected_outlets: int | None = None
    silence_s: float = 8.0
    """Nothing at all for so long where something must come: GoalTimeout (screens may take 3 to 5 s)."""
    goal_s: float = 120.0
    """Longest life of a goal, its settle time not counted."""


class SessionState(StrEnum):
    """Where the session stands with the console."""

    UNKNOWN = "unknown"
    """Just opened, or after a failure: the next goal finds out where the console is."""
    LOGGED_OUT = "logged out"
    LOGGED_IN = "logged in"


class Session:
    """Sans-IO driver of one console.

    ``now`` is always monotonic seconds. Feed what arrives with :meth:`receive_data`, send what
    :meth:`data_to_send` gives, call :meth:`handle_timeout` when :meth:`next_deadline` has come. A goal ends in
    exactly one GoalDone or GoalFailed; nothing is ever raised for what the wire does.
    """

    def __init__(self, credentials: Credentials, options: SessionOptions) -> None:
        raise NotImplementedError

    def start(self, goal: Goal, now: float) -> None:
        """Begin to pursue ``goal``, logging in first where needed. One login try at most is refused per goal.

        Raises RuntimeError if a goal is in progress (:attr:`busy`).
        """
        raise NotImplementedError

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Take bytes from the line; return what they meant, in order."""
        raise NotImplementedError

    def data_to_send(self) -> bytes:
        """Return and forget the bytes to be written to the line."""
        raise NotImplementedError

    def next_deadline(self) -> float | None:
        """Tell when :meth:`handle_timeout` wants to be called, or None while there is nothing to wait for."""
        raise NotImplementedError

    def handle_timeout(self, now: float) -> list[Event]:
        """Do what is due at ``now``; harmless when called early."""
        raise NotImplementedError

    def reset(self) -> list[Event]:
        """Forget where the console is: the line was closed or reopened. A goal in progress fails."""
        raise NotImplementedError

    def abort(self, now: float) -> list[Event]:
        """Give up the goal in progress (GoalFailed with GoalTimeout); the next goal finds out where we are."""
        raise NotImplementedError

    @property
    def busy(self) -> bool:
        """A goal is in progress."""
        raise NotImplementedError

    @property
    def state(self) -> SessionState:
        """Whether we are logged in, as far as we know."""
        raise NotImplementedError

    @property
    def dialect(self) -> DialectId | None:
        """The dialect found at the last login; stays known after logging out."""
        raise NotImplementedError

    @property
    def capabilities(self) -> Capabilities | None:
        """What the dialect found offers, or None before the first login."""
        raise NotImplementedError

    @property
    def outlets(self) -> int | None:
        """How many outlets the PDU has, from the options or the first whole list."""
        raise NotImplementedError

    @property
    def where(self) -> str:
        """The screen or prompt last seen, for logs; never holds a secret."""
        raise NotImplementedError
