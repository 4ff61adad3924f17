"""The running daemon, asked over its local socket."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from apcbridge.errors import ApcBridgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from apcbridge.cli.shapes import RefusalShape

ANSWER_S = 30.0
SILENCE_S = 30.0
"""The daemon says something on a stream every 10 s."""


class DaemonUnavailable(ApcBridgeError):
    """No daemon answers; the message says what to look at."""


class DaemonRefused(ApcBridgeError):
    """The daemon answered with an error; the message is its own."""

    def __init__(self, message: str, content: str) -> None:
        super().__init__(message)
        self.content = content
        """The answer: a JSON object."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One server-sent event."""

    name: str
    data: str
    id: str


class Daemon:
    """One running daemon."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, target: str) -> str:
        """Return the JSON of a resource; raise DaemonUnavailable or DaemonRefused."""
        return self._ask("GET", target)

    def post(self, target: str, document: dict[str, object]) -> str:
        """Send a command and return the JSON of the answer; raise DaemonUnavailable or DaemonRefused."""
        return self._ask("POST", target, json.dumps(document))

    def stream(self, last_id: str = "") -> Stream:
        """Open the event stream; raise DaemonUnavailable or DaemonRefused."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        connection = _LocalConnection(self._path, SILENCE_S)
        response = self._send(connection, "GET", "/api/v1/stream", None, headers)
        if response.status != HTTPStatus.OK:
            with connection:
                raise _refusal(response.status, response.read())
        return Stream(self, connection, response)

    def away(self, error: Exception) -> DaemonUnavailable:
        """Say what may be wrong, for a person."""
        if isinstance(error, PermissionError):
            return DaemonUnavailable(
                f"not permitted to use {self._path}: join the group that owns it"
                " (sudo usermod -aG apcbridge $USER, then log in again) or use sudo"
            )
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            return DaemonUnavailable(
                f"no daemon at {self._path}: start it (systemctl start apcbridge), or name its socket with --socket"
            )
        return DaemonUnavailable(f"the daemon at {self._path} gives no answer: {error or type(error).__name__}")

    def _ask(self, method: str, target: str, body: str | None = None) -> str:
        with _LocalConnection(self._path, ANSWER_S) as connection:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            response = self._send(connection, method, target, body, headers)
            try:
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise self.away(error) from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(response.status, content)
        return content.decode()

    def _send(
        self, connection: _LocalConnection, method: str, target: str, body: str | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        try:
            connection.request(method, target, body=body, headers=headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self.away(error) from error


class Stream:
    """An open event stream: iterate over it, close it when done."""

    def __init__(self, daemon: Daemon, connection: _LocalConnection, response: http.client.HTTPResponse) -> None:
        self._daemon = daemon
        self._connection = connection
        self._response = response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[StreamEvent]:
        """Yield events; raise DaemonUnavailable when the stream ends or falls silent."""
        try:
            yield from parse_events(self._response)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # ValueError is what a response raises that another thread has closed.
            raise self._daemon.away(error) from error
        raise DaemonUnavailable("the daemon ended the stream")

    def close(self) -> None:
        """Hang up."""
        self._response.close()
        self._connection.close()


class _LocalConnection(http.client.HTTPConnection):
    """HTTP over a local socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Connect to the socket in the file system."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def parse_events(lines: Iterable[bytes]) -> Iterator[StreamEvent]:
    """Read server-sent events as this daemon writes them: one ``data`` line each."""
    fields: dict[str, str] = {}
    for line in lines:
        text = line.decode().rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield StreamEvent(fields.get("event", "message"), fields["data"], fields.get("id", ""))
            fields = {}


def _refusal(status: int, content: bytes) -> DaemonRefused:
    text = content.decode(errors="replace")
    try:
        document: RefusalShape = json.loads(text)
        return DaemonRefused(document["detail"], text)
    except (ValueError, KeyError, TypeError):
        return DaemonRefused(f"the daemon answered {status}", "{}")
