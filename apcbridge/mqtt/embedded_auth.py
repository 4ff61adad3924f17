"""Names and passwords for the embedded broker; amqtt loads this module by its name."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amqtt.plugins.base import BaseAuthPlugin

if TYPE_CHECKING:
    from amqtt.session import Session


class PasswordPlugin(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is optional and has no stubs of its own
    """Lets in who gives a configured name with its password."""

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
