"""Requests and the answers to them, as plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

from apcbridge.errors import ApcBridgeError
from apcbridge.facts import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.commands import Command
    from apcbridge.facts import JsonObject

Headers = tuple[tuple[str, str], ...]

JSON_TYPE = "application/json"


class Door(Enum):
    """Which way a request came in."""

    TCP = "tcp"
    LOOPBACK = "loopback"
    """TCP on an address that only this machine reaches."""
    LOCAL = "local"
    """The local socket: the kernel has told who it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who asks."""

    door: Door
    name: str
    """The user's name at the local socket, the address of the other end over TCP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, read whole."""

    method: str
    target: str
    """As sent: path and query."""
    headers: Headers = ()
    """Names in lower case."""
    body: bytes = b""

    @property
    def path(self) -> tuple[str, ...]:
        """The segments of the path, decoded: ``/api/v1/pdus`` is ``("api", "v1", "pdus")``, ``/`` is ``("",)``."""
        return tuple(unquote(segment) for segment in self.target.partition("?")[0].split("/")[1:])

    @property
    def query(self) -> str:
        """What follows the question mark, as sent."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """Return a header's value, several joined by commas, or None."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer, whole."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Headers = ()

    @classmethod
    def json(cls, document: JsonObject, status: HTTPStatus = HTTPStatus.OK, headers: Headers = ()) -> Response:
        """Answer with a JSON object; a line feed ends it, for those who read it in a terminal."""
        return cls(status=status, body=encode(document) + b"\n", headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWait:
    """Answer when a command has ended, or at :attr:`until_mono` with where it stands."""

    command: Command
    until_mono: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Answer with what the journal says, which may take a moment."""

    since_at: float | None
    limit: int
    """Entries in the answer, the newest there are."""
    reach: int
    """Entries to look through for them."""
    pdu: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStart:
    """Answer with server-sent events for as long as the peer listens."""

    last_id: str | None
    """The last event that the peer has seen, from before its connection broke."""
    control: bool
    """Whether the peer may switch, with the token where one is needed."""


Answer = Response | ResultWait | HistoryQuery | StreamStart


class RequestRefused(ApcBridgeError):
    """A request that is answered with an error: ``{"error": CODE, "detail": TEXT}``."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: Headers = (),
        more: Mapping[str, JsonObject | str | None] | None = None,
    ) -> None:
        super().__init__(detail)
        self._status = status
        self._code = code
        self._headers = headers
        self._more = more or {}

    @property
    def response(self) -> Response:
        """The answer."""
        document = {"error": self._code, "detail": str(self), **self._more}
        return Response.json(document, self._status, self._headers)
