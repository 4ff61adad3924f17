"""The one door for commands: it asks the arbiter and wakes whoever carries the command out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.commands import ResultStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.clock import Clock
    from apcbridge.commands import Arbiter, Command, CommandResult
    from apcbridge.store import Store


class Door:
    """The :class:`~apcbridge.commands.CommandDoor` that MQTT, SNMP and the others knock at."""

    def __init__(self, arbiter: Arbiter, store: Store, clock: Clock) -> None:
        self._arbiter = arbiter
        self._store = store
        self._clock = clock
        self._wake: dict[str, Callable[[], None]] = {}

    def on_command(self, pdu: str, wake: Callable[[], None]) -> None:
        """Call ``wake`` whenever a command for that PDU was accepted."""
        self._wake[pdu] = wake

    def examine(self, command: Command, ahead: int = 0) -> None:
        """Raise what :meth:`submit` would raise now; see :meth:`~apcbridge.commands.Arbiter.examine`."""
        self._arbiter.examine(command, self._store.get(command.pdu), self._clock.monotonic(), ahead)

    def submit(self, command: Command) -> CommandResult:
        """Answer at once; see :class:`~apcbridge.commands.CommandDoor`."""
        status = self._store.get(command.pdu)
        result = self._arbiter.submit(command, status, self._clock.monotonic(), self._clock.wall())
        if result.status is ResultStatus.ACCEPTED and command.pdu in self._wake:
            self._wake[command.pdu]()
        return result
