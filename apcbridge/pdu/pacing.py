"""How long to wait before the next try. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.errors import LoginRefused, PasswordChangeForced

if TYPE_CHECKING:
    from apcbridge.errors import ApcBridgeError

LADDER_S = (1.0, 2.0, 4.0, 8.0, 10.0)
"""Ends at 10 s: an adapter that is back in its socket, or an NMC that has booted, is found again within that."""
LOGIN_TRIES = 3
LOCKED_OUT_S = 300.0
"""AOS 3 locks the account for 2 minutes after three failures in a row (CLI guide); a human must act anyway."""


class Ladder:
    """Growing pauses between failures; a success starts it anew."""

    def __init__(self) -> None:
        self._failures = 0
        self._refusals = 0

    @property
    def failures(self) -> int:
        """How many failures in a row there were."""
        return self._failures

    def success(self) -> None:
        """Start anew."""
        self._failures = self._refusals = 0

    def failure(self, error: ApcBridgeError) -> float:
        """Return how many seconds to wait after this failure."""
        self._failures += 1
        if isinstance(error, PasswordChangeForced):
            return LOCKED_OUT_S
        if isinstance(error, LoginRefused):
            self._refusals += 1
            if self._refusals >= LOGIN_TRIES:
                self._refusals = 0
                return LOCKED_OUT_S
        return LADDER_S[min(self._failures, len(LADDER_S)) - 1]

    @property
    def port_is_suspect(self) -> bool:
        """Every third failure in a row: the port may accept bytes and lead nowhere, so open it anew."""
        return self._failures > 0 and self._failures % 3 == 0
