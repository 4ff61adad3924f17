"""Who may do what: communities and users by name and source. Asked for every datagram, so it is cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.snmp.guard import SOURCES_REMEMBERED, SourceList
from apcbridge.snmp.settings import Access
from apcbridge.snmp.usm import Keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.snmp.settings import Community, User


@dataclass(frozen=True, slots=True)
class Grant:
    """A principal and its right."""

    principal: str
    access: Access
    pdu: str | None
    """The PDU asked for as ``community@pdu``; None is the address's own."""


class Communities:
    """The communities of one address."""

    def __init__(self, communities: Iterable[Community], pdus: Iterable[str]) -> None:
        self._grants: dict[bytes, list[tuple[SourceList, Grant]]] = {}
        names: tuple[str | None, ...] = (None, *pdus)
        for community in communities:
            sources = SourceList(community.sources)
            for pdu in names:
                name = community.name if pdu is None else f"{community.name}@{pdu}"
                grant = Grant(community.label, community.access, pdu)
                self._grants.setdefault(name.encode(), []).append((sources, grant))
        self._found: dict[tuple[bytes, str], Grant] = {}

    def find(self, name: bytes, host: str) -> Grant | None:
        """Return what a community from that address may do: the widest of what is granted, None if nothing."""
        grant = self._found.get((name, host))
        if grant is None:
            grant = self._search(name, host)
            if grant is not None:
                if len(self._found) >= SOURCES_REMEMBERED:
                    self._found.clear()
                self._found[name, host] = grant
        return grant

    def _search(self, name: bytes, host: str) -> Grant | None:
        best: Grant | None = None
        for sources, grant in self._grants.get(name, ()):
            if host in sources and (best is None or grant.access is Access.WRITE):
                best = grant
        return best


class Users:
    """The users of one engine, with their keys there."""

    def __init__(self, users: Iterable[User], engine_id: bytes) -> None:
        self._users = {user.name.encode(): (user, Keys.of(user, engine_id), SourceList(user.sources)) for user in users}

    def find(self, name: bytes, host: str) -> tuple[User, Keys] | None:
        """Return a user that may come from that address."""
        found = self._users.get(name)
        if found is None or host not in found[2]:
            return None
        return found[0], found[1]

    def keys(self, name: str) -> tuple[User, Keys] | None:
        """Return a user whatever the address, for what we send."""
        found = self._users.get(name.encode())
        return (found[0], found[1]) if found else None
