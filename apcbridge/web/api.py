"""Requests -> answers. Pure: the store and the time go in, nothing but a command at the door comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from apcbridge.commands import Command, CommandDoor, CommandResult, Origin, ResultStatus
from apcbridge.errors import (
    CommandRefused,
    MalformedCommand,
    NotPermitted,
    QueueFull,
    Stale,
    TooSoon,
    UnknownOutlet,
    UnknownPdu,
)
from apcbridge.facts import timestamp
from apcbridge.web import metrics
from apcbridge.web.access import check_read, check_write, may_switch, principal
from apcbridge.web.documents import edge_document, outlet_document, pdu_document, result_document
from apcbridge.web.feed import Feed
from apcbridge.web.messages import Answer, Door, Peer, Request, RequestRefused, Response, ResultWait, StreamStart
from apcbridge.web.orders import parse_order
from apcbridge.web.queries import parse_history_query
from apcbridge.web.routes import Resource, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apcbridge.facts import JsonObject
    from apcbridge.model import PduStatus
    from apcbridge.store import Edge, Store
    from apcbridge.web.chronicle import Chronicle
    from apcbridge.web.messages import Headers, HistoryQuery
    from apcbridge.web.orders import Order
    from apcbridge.web.settings import Health, WebSettings

WAIT_AFTER_DEADLINE_S = 90.0
"""How long an answer with ``wait`` is held back past the command's deadline: the longest reboot duration that the
consoles take, 60 s, and the time to read back."""

_REFUSALS: dict[type[CommandRefused], tuple[HTTPStatus, str]] = {
    UnknownPdu: (HTTPStatus.NOT_FOUND, "unknown_pdu"),
    UnknownOutlet: (HTTPStatus.NOT_FOUND, "unknown_outlet"),
    NotPermitted: (HTTPStatus.FORBIDDEN, "not_permitted"),
    MalformedCommand: (HTTPStatus.BAD_REQUEST, "malformed"),
    TooSoon: (HTTPStatus.CONFLICT, "too_soon"),
    QueueFull: (HTTPStatus.SERVICE_UNAVAILABLE, "queue_full"),
    Stale: (HTTPStatus.SERVICE_UNAVAILABLE, "stale"),
}
_ENDINGS = {
    ResultStatus.CONFIRMED: HTTPStatus.OK,
    ResultStatus.FAILED: HTTPStatus.BAD_GATEWAY,
    ResultStatus.EXPIRED: HTTPStatus.GATEWAY_TIMEOUT,
    ResultStatus.UNKNOWN: HTTPStatus.GATEWAY_TIMEOUT,
}
"""What a caller who waited is told: anything but CONFIRMED is an error to a script that looks at the status alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, who sent it, and when."""

    request: Request
    peer: Peer
    now_mono: float
    now_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Every resource there is."""

    settings: WebSettings
    store: Store
    door: CommandDoor
    chronicle: Chronicle
    health: Callable[[], Health]
    new_id: Callable[[], str]
    """Names commands whose asker did not; never the same twice."""
    epoch: str
    """Names this run of the bridge in the ids of stream events, which count from its start."""
    page: Response

    def answer(self, call: Call) -> Answer:
        """Answer a request; errors are answers too. ``HEAD`` is answered as ``GET``: who sends it drops the body."""
        try:
            check_read(call.request, call.peer, self.settings)
            resource, segments = find(call.request)
            if call.request.method == "POST":
                return self._switch(call, *segments)
            return self._read(call, resource, *segments)
        except RequestRefused as refused:
            return refused.response
        except CommandRefused as refused:
            return _refusal(refused).response

    def has_ended(self, wait: ResultWait) -> bool:
        """Tell whether there is nothing to wait for any more."""
        result = self._outcome(wait)
        return result is not None and result.status.terminal

    def result_response(self, wait: ResultWait) -> Response:
        """Answer one who waited for a command to end: how it ended, or 202 if it has not."""
        result = self._outcome(wait)
        if result is None:
            return _unknown_command().response
        return _result(result, _ENDINGS.get(result.status, HTTPStatus.ACCEPTED))

    def _outcome(self, wait: ResultWait) -> CommandResult | None:
        result = self.chronicle.result(wait.command.pdu, wait.command.id)
        # An id may have been used before, long enough ago to be no repetition.
        return result if result is not None and result.command == wait.command else None

    def feed(self, start: StreamStart) -> Feed:
        """Begin an event stream."""
        greeting: JsonObject = {
            "bridge": self.settings.bridge_id,
            "version": self.settings.version,
            "control": start.control,
            "pdus": [status.pdu for status in self.store],
        }
        return Feed(
            self.settings, self.store, self.chronicle, greeting=greeting, epoch=self.epoch, last_id=start.last_id
        )

    def _read(self, call: Call, resource: Resource, *segments: str) -> Answer:
        match resource:
            case Resource.PAGE:
                return self.page
            case Resource.HEALTH:
                return self._health()
            case Resource.METRICS:
                return self._metrics(call)
            case Resource.EVENTS:
                return self._events(call)
            case Resource.STREAM:
                last_id = call.request.header("last-event-id")
                return StreamStart(last_id=last_id, control=may_switch(call.peer, self.settings))
            case _:
                return self._read_pdus(call, resource, *segments)

    def _read_pdus(self, call: Call, resource: Resource, *segments: str) -> Response:
        match resource:
            case Resource.PDU:
                return Response.json(self._pdu(self.store.get(segments[0]), call))
            case Resource.OUTLET:
                return self._outlet(call, *segments)
            case Resource.COMMAND:
                return self._command(*segments)
            case _:
                return self._pdus(call)

    def _health(self) -> Response:
        health = self.health()
        word = "failed" if health.failed else "degraded" if health.degraded else "ok"
        status = HTTPStatus.SERVICE_UNAVAILABLE if health.failed else HTTPStatus.OK
        document = {
            "status": word,
            "failed": health.failed,
            "degraded": health.degraded,
            "version": self.settings.version,
        }
        return Response.json(document, status)

    def _metrics(self, call: Call) -> Response:
        body = metrics.render(self.store, self.chronicle.counts, self.health(), self.settings.version, call.now_mono)
        return Response(body=body, content_type=metrics.CONTENT_TYPE)

    def _pdus(self, call: Call) -> Response:
        return Response.json(
            {
                "bridge": self.settings.bridge_id,
                "version": self.settings.version,
                "ts": timestamp(call.now_at),
                "pdus": [self._pdu(status, call) for status in self.store],
            }
        )

    def _pdu(self, status: PduStatus, call: Call) -> JsonObject:
        view, last_commands = self.settings.view(status.pdu), self.chronicle.last_commands(status.pdu)
        return {**pdu_document(status, view, last_commands, call.now_mono), "ts": timestamp(call.now_at)}

    def _outlet(self, call: Call, pdu: str, segment: str) -> Response:
        status, number = self.store.get(pdu), _outlet_number(segment)
        outlet = status.snapshot.outlet(number) if status.snapshot and number else None
        if outlet is None:
            raise UnknownOutlet(f"no outlet {segment!r:.40} of {pdu} has been read")
        last = self.chronicle.last_commands(pdu).get(outlet.number)
        document = outlet_document(status, outlet, self.settings.view(pdu), last, call.now_mono)
        return Response.json({**document, "pdu": pdu, "ts": timestamp(call.now_at)})

    def _switch(self, call: Call, pdu: str, segment: str) -> Answer:
        check_write(call.request, call.peer, self.settings)
        self.store.get(pdu)
        order = parse_order(call.request.body)
        command = self._compose(call, order, pdu, _outlet_number(segment))
        result = self.door.submit(command)
        if result.status is ResultStatus.DUPLICATE:
            return self._duplicate(result)
        if order.wait:
            until_mono = command.deadline_mono + WAIT_AFTER_DEADLINE_S
            return ResultWait(command=command, until_mono=until_mono)
        return _result(result, HTTPStatus.ACCEPTED)

    def _compose(self, call: Call, order: Order, pdu: str, outlet: int | None) -> Command:
        return Command(
            id=order.id or self.new_id(),
            origin=Origin.LOCAL if call.peer.door is Door.LOCAL else Origin.HTTP,
            principal=principal(call.peer),
            pdu=pdu,
            outlet=outlet,
            action=order.action,
            received_at=call.now_at,
            received_mono=call.now_mono,
            deadline_mono=call.now_mono + order.ttl_s,
        )

    def _duplicate(self, result: CommandResult) -> Response:
        """Tell a repeated request what became of the first one: it may be repeated for want of an answer."""
        first = self.chronicle.result(result.command.pdu, result.command.id)
        return RequestRefused(
            HTTPStatus.CONFLICT,
            "duplicate",
            result.detail,
            headers=_location(result) if first else (),
            more={"id": result.command.id, "first": result_document(first) if first else None},
        ).response

    def _command(self, pdu: str, command_id: str) -> Response:
        self.store.get(pdu)
        result = self.chronicle.result(pdu, command_id)
        if result is None:
            raise _unknown_command()
        return _result(result, HTTPStatus.OK)

    def _events(self, call: Call) -> HistoryQuery:
        query = parse_history_query(call.request.query)
        if query.pdu is not None:
            self.store.get(query.pdu)
        return query


def history_response(query: HistoryQuery, edges: Iterable[Edge]) -> Response:
    """Answer with what the journal returned."""
    documents = [edge_document(edge) for edge in edges]
    wanted = [document for document in documents if query.pdu in (None, document["pdu"])]
    return Response.json({"events": wanted[-query.limit :]})


def history_unavailable(reason: str) -> Response:
    """Answer one who asked for the journal when it cannot be read."""
    return RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, "journal", reason).response


def _result(result: CommandResult, status: HTTPStatus) -> Response:
    return Response.json(result_document(result), status, _location(result))


def _location(result: CommandResult) -> Headers:
    command = result.command
    return (("location", f"/api/v1/pdus/{quote(command.pdu, safe='')}/commands/{quote(command.id, safe='')}"),)


def _refusal(refused: CommandRefused) -> RequestRefused:
    status, code = _REFUSALS.get(type(refused), (HTTPStatus.CONFLICT, "refused"))
    headers = (("retry-after", "10"),) if status is HTTPStatus.SERVICE_UNAVAILABLE else ()
    return RequestRefused(status, code, str(refused), headers=headers)


def _unknown_command() -> RequestRefused:
    detail = "no such command is remembered; see /api/v1/events"
    return RequestRefused(HTTPStatus.NOT_FOUND, "unknown_command", detail)


def _outlet_number(segment: str) -> int | None:
    """Read the outlet of a path; None is every outlet."""
    if segment == "all":
        return None
    if segment.isascii() and segment.isdigit() and len(segment) <= 3 and not segment.startswith("0"):
        return int(segment)
    raise UnknownOutlet('an outlet is a number from 1 up, or "all"')
