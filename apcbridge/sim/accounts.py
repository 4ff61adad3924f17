"""Who may log in, and the reset button's way back in. Pure; ``now`` is the device's clock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.sim.profiles import Account, UserType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FACTORY = "apc"
_FACTORY_WINDOW_S = 30.0


class AccountBook:
    """The accounts of one PDU."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        """Start with these."""
        self._accounts = {account.name: account for account in accounts}
        self._armed = False
        self._factory_until: float | None = None

    def __iter__(self) -> Iterator[Account]:
        """Go through the accounts in order."""
        return iter(self._accounts.values())

    def check(self, name: str, password: str, now: float) -> Account | None:
        """Return the account, or None if name and password do not belong together."""
        if name == password == _FACTORY and self._factory_until is not None and now < self._factory_until:
            self._factory_until = None
            self._reset_administrator()
        account = self._accounts.get(name)
        return account if account is not None and account.password == password else None

    def set_password(self, name: str, password: str) -> None:
        """Change an account's password."""
        self._accounts[name] = replace(self._accounts[name], password=password)

    def rename(self, name: str, new_name: str) -> None:
        """Change an account's name."""
        self._accounts[new_name] = replace(self._accounts.pop(name), name=new_name)

    def arm_recovery(self) -> None:
        """Let apc/apc in for 30 s from the next user-name prompt on (AP7900 manual)."""
        self._armed = True

    def user_prompt_shown(self, now: float) -> None:
        """Note that the console asks for a user name."""
        if self._armed:
            self._armed = False
            self._factory_until = now + _FACTORY_WINDOW_S

    def _reset_administrator(self) -> None:
        others = {name: a for name, a in self._accounts.items() if a.type is not UserType.ADMIN}
        self._accounts = {_FACTORY: Account(name=_FACTORY, password=_FACTORY)} | others
