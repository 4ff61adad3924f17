"""What we add to amqtt for the embedded broker; imported only when it is started."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amqtt.broker import Broker
from amqtt.plugins.base import BaseAuthPlugin

if TYPE_CHECKING:
    from amqtt.session import Session


class PasswordPlugin(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is optional and untyped to us
    """Lets in who gives a configured name with its password; amqtt finds it by its dotted name."""

    @dataclass
    class Config:
        """What amqtt hands us."""

        users: dict[str, str] = field(default_factory=dict, repr=False)

    async def authenticate(self, *, session: Session) -> bool:
        """Compare in constant time, for an unknown name too."""
        expected: str | None = self.config.users.get(session.username or "")
        given: str = session.password or ""
        matches = hmac.compare_digest((expected or "").encode(), given.encode())
        return matches and expected is not None


class TidyBroker(Broker):  # type: ignore[misc]  # amqtt is optional and untyped to us
    """amqtt without two habits, both seen in 0.12.1.

    It greets every client that connects with the retained messages of everybody's subscriptions; and it waits for ever
    for the rest of a greeting that it misreads (that of MQTT 5), even past its own end.
    """

    def __init__(self, configuration: dict[str, object]) -> None:
        super().__init__(configuration)
        self._writers: set[asyncio.StreamWriter] = set()

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Serve one client."""
        self._writers.add(writer)
        try:
            await super().stream_connected(reader, writer, listener_name)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def shutdown(self) -> None:
        """Stop, and hang up on whoever is left."""
        await super().shutdown()
        writers = tuple(self._writers)
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = self._subscriptions.get(subscription[0], ())
        if any(subscriber is session for subscriber, _qos in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)
