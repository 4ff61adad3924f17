"""One HTTP/1.1 connection: bytes <-> requests and answers, with a bound on everything a peer may do to us.

The grammar is h11's, which knows no sockets; this module gives it bytes, deadlines and the answers of the
:class:`~apcbridge.web.api.Api`.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11

from apcbridge.errors import JournalError
from apcbridge.web.api import Api, Call, history_response, history_unavailable
from apcbridge.web.messages import HistoryQuery, Peer, Request, RequestRefused, Response, ResultWait, StreamStart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apcbridge.clock import Clock
    from apcbridge.store import Store
    from apcbridge.web.feed import Feed
    from apcbridge.web.messages import Headers
    from apcbridge.web.settings import History, Limits

READ_BYTES = 4096
"""Small beside the limit on headers, which a head may overshoot by as much before it is looked at."""
LINGER_S = 1.0
HANG_UP_S = 1.0
"""How soon it is noticed that one who waits for a result has gone."""

_log = logging.getLogger(__name__)

_EVERY_ANSWER: Headers = (
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
)
_NO_PAGE = ("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
_STREAM_HEAD = Response(content_type="text/event-stream")


@dataclass(slots=True)
class StreamBudget:
    """How many event streams a listener still has to give."""

    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the connections of one listener have in common."""

    api: Api
    clock: Clock
    limits: Limits
    history: History
    store: Store
    streams: StreamBudget


class Connection:
    """One peer. ``await serve()`` returns when it has gone or has been let go; the stream is closed then."""

    def __init__(
        self, service: Service, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._service = service
        self._limits = service.limits
        self._peer = peer
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=service.limits.header_bytes)
        self._wants_body = True
        self._hung_up = False

    async def serve(self) -> None:
        """Answer requests, one after the other, until either side has enough."""
        try:
            while await self._exchange():
                self._http.start_next_cycle()
            self._writer.close()
            async with asyncio.timeout(self._limits.write_s):
                await self._writer.wait_closed()
        except OSError as fault:
            # The peer has gone, or reads or sends too slowly: nothing is lost but its connection.
            _log.debug("connection of %s: %s", self._peer.name, fault or "too slow")
        finally:
            self._writer.transport.abort()

    async def _exchange(self) -> bool:
        """Read one request and answer it; tell whether another may follow."""
        try:
            request = await self._read_request()
        except RequestRefused as refused:
            await self._turn_away(refused.response)
            return False
        except h11.RemoteProtocolError as fault:
            status = HTTPStatus(fault.error_status_hint)
            await self._turn_away(RequestRefused(status, "malformed_request", str(fault)).response)
            return False
        if request is None:
            return False
        await self._answer(request)
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _answer(self, request: Request) -> None:
        clock = self._service.clock
        call = Call(request=request, peer=self._peer, now_mono=clock.monotonic(), now_at=clock.wall())
        answer = self._service.api.answer(call)
        match answer:
            case Response():
                await self._send(answer)
            case ResultWait():
                await self._send(await self._result(answer))
            case HistoryQuery():
                await self._send(await self._history(answer))
            case StreamStart():
                await self._start_stream(answer)

    async def _read_request(self) -> Request | None:
        """Read one request whole; None if the peer closed instead or stayed silent."""
        if not self._http.trailing_data[0] and not await self._first_bytes():
            return None
        try:
            async with asyncio.timeout(self._limits.request_s):
                head = await self._event()
                if not isinstance(head, h11.Request):
                    return None
                body = await self._read_body(head)
        except TimeoutError:
            raise RequestRefused(
                HTTPStatus.REQUEST_TIMEOUT, "too_slow", "the request took too long to arrive"
            ) from None
        self._wants_body = head.method != b"HEAD"
        return Request(
            method=head.method.decode("ascii"),
            target=head.target.decode("ascii", "replace"),
            headers=tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers),
            body=body,
        )

    async def _first_bytes(self) -> bool:
        """Wait for the beginning of a request; a peer that begins none for long is let go without a word."""
        try:
            async with asyncio.timeout(self._limits.idle_s):
                await self._receive()
        except TimeoutError:
            return False
        return True

    async def _read_body(self, head: h11.Request) -> bytes:
        names = {name for name, _ in head.headers}
        if {b"content-length", b"transfer-encoding"} <= names:
            # Programs disagree on which one counts: the way in for a request hidden in another's body (RFC 9112, 6.1).
            raise RequestRefused(HTTPStatus.BAD_REQUEST, "malformed_request", "the length of the body is told twice")
        announced = dict(head.headers).get(b"content-length", b"0")
        if int(announced) > self._limits.body_bytes:
            raise self._too_large()
        body = bytearray()
        while True:
            if self._http.they_are_waiting_for_100_continue:
                await self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            event = await self._event()
            if isinstance(event, h11.EndOfMessage):
                return bytes(body)
            if isinstance(event, h11.Data):
                body += event.data
            if len(body) > self._limits.body_bytes:
                raise self._too_large()

    def _too_large(self) -> RequestRefused:
        detail = f"the body may have {self._limits.body_bytes} bytes"
        return RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail)

    async def _event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            await self._receive()

    async def _receive(self) -> None:
        self._http.receive_data(await self._reader.read(READ_BYTES))

    async def _send(self, response: Response, *, keep: bool = True) -> None:
        if response.status is HTTPStatus.UNAUTHORIZED:
            _log.warning("%s asked over HTTP to switch an outlet without the right token; refused", self._peer.name)
        headers = [*_headers(response), ("content-length", str(len(response.body)))]
        if not keep:
            headers.append(("connection", "close"))
        parts = [self._http.send(_head(response.status, headers))]
        if self._wants_body:
            parts.append(self._http.send(h11.Data(data=response.body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        await self._write(b"".join(part for part in parts if part))

    async def _write(self, data: bytes | None) -> None:
        if data:
            self._writer.write(data)
        async with asyncio.timeout(self._limits.write_s):
            await self._writer.drain()

    async def _turn_away(self, response: Response) -> None:
        """Answer a request that was not read to its end, and see to it that the answer arrives.

        Closing a socket that holds unread bytes makes the kernel reset the connection, and the peer may lose the
        answer with it; so the rest is thrown away for a moment before the close.
        """
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        await self._send(response, keep=False)
        if self._writer.can_write_eof():
            self._writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while await self._reader.read(READ_BYTES):
                    pass

    async def _result(self, wait: ResultWait) -> Response:
        """Wait for a command to end, as long as there is somebody to be told."""
        service, wake = self._service, asyncio.Event()
        leave = service.store.on_edge(wake.set)
        try:
            while not service.api.has_ended(wait) and not self._reader.at_eof():
                remaining_s = wait.until_mono - service.clock.monotonic()
                if remaining_s <= 0:
                    break
                wake.clear()
                await _wait(wake, min(remaining_s, HANG_UP_S))
        finally:
            leave()
        return service.api.result_response(wait)

    async def _history(self, query: HistoryQuery) -> Response:
        try:
            entries = await asyncio.to_thread(self._service.history, query.since_at, query.reach)
        except JournalError as fault:
            return history_unavailable(str(fault))
        return history_response(query, entries)

    async def _start_stream(self, start: StreamStart) -> None:
        budget = self._service.streams
        if budget.left <= 0:
            await self._send(_busy("every event stream is taken").response)
            return
        headers = [*_headers(_STREAM_HEAD), ("x-accel-buffering", "no")]
        await self._write(self._http.send(_head(HTTPStatus.OK, headers)))
        if not self._wants_body:
            await self._write(self._http.send(h11.EndOfMessage()))
            return
        budget.left -= 1
        try:
            await self._stream(self._service.api.feed(start))
        finally:
            budget.left += 1

    async def _stream(self, feed: Feed) -> None:
        """Send events until the peer hangs up or no longer reads; either way the connection is over."""
        wake = asyncio.Event()

        def changed(pdu: str) -> None:
            feed.mark(pdu)
            wake.set()

        leave_status, leave_edges = self._service.store.on_status(changed), self._service.store.on_edge(wake.set)
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch_for_hang_up(wake), name=f"hang-up of {self._peer.name}")
                await self._pump(feed, wake)
                watcher.cancel()
        except* OSError as faults:
            _log.debug("event stream of %s: %s", self._peer.name, faults.exceptions[0] or "too slow")
        finally:
            leave_status()
            leave_edges()
            self._writer.transport.abort()

    async def _pump(self, feed: Feed, wake: asyncio.Event) -> None:
        clock = self._service.clock
        while not self._hung_up:
            # Cleared before looking: what happens while we write wakes us again.
            wake.clear()
            frames = feed.frames(clock.monotonic(), clock.wall())
            if frames:
                await self._write(self._http.send(h11.Data(data=frames)))
            await _wait(wake, feed.next_mono(clock.monotonic()) - clock.monotonic())

    async def _watch_for_hang_up(self, wake: asyncio.Event) -> None:
        """Read on, for that is how a closed connection shows; a listener has nothing to say."""
        try:
            while await self._reader.read(READ_BYTES):
                pass
        finally:
            self._hung_up = True
            wake.set()


def busy_response() -> bytes:
    """Return the whole answer to a peer for whom there is no connection left."""
    http = h11.Connection(h11.SERVER)
    response = _busy("every connection is taken").response
    headers = [*_headers(response), ("content-length", str(len(response.body))), ("connection", "close")]
    events = (_head(response.status, headers), h11.Data(data=response.body), h11.EndOfMessage())
    return b"".join(http.send(event) or b"" for event in events)


def _busy(detail: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, headers=(("retry-after", "10"),))


def _headers(response: Response) -> Headers:
    own = {name for name, _ in response.headers}
    policy = () if _NO_PAGE[0] in own else (_NO_PAGE,)
    date = ("date", formatdate(usegmt=True))
    return (date, ("content-type", response.content_type), *response.headers, *policy, *_EVERY_ANSWER)


def _head(status: HTTPStatus, headers: Sequence[tuple[str, str]]) -> h11.Response:
    return h11.Response(status_code=status.value, reason=status.phrase, headers=list(headers))


async def _wait(wake: asyncio.Event, at_most_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, at_most_s)):
            await wake.wait()
