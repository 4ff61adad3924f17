"""Where events and results go: kept first, then told to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apcbridge.commands import CommandResult
    from apcbridge.model import Event, Reboot
    from apcbridge.pdu.reboots import RebootMemory
    from apcbridge.store import Store


class Recorder:
    """Tells the store's readers what happened once it is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def event(self, event: Event) -> None:
        """Keep and tell an event."""
        self._store.append(event)

    def result(self, result: CommandResult) -> None:
        """Keep and tell a step in the life of a command."""
        self._store.append(result)

    def reboots(self, pdu: str, reboots: tuple[Reboot, ...], memory: RebootMemory, events: tuple[Event, ...]) -> None:
        """Keep restarts together with the memory that counts them, then tell of them."""
        del pdu, reboots, memory
        for event in events:
            self._store.append(event)
