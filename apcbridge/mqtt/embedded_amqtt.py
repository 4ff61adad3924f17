"""What we add to amqtt for the embedded broker; imported only when it is started."""

from __future__ import annotations

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


class DiscreetBroker(Broker):  # type: ignore[misc]  # amqtt is optional and untyped to us
    """Sends retained messages to those who subscribed to them.

    amqtt up to 0.12.1 greets every client that connects with the retained messages of everybody's subscriptions.
    """

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = self._subscriptions.get(subscription[0], ())
        if any(subscriber is session for subscriber, _qos in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)
