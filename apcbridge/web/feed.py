"""The server-sent events of one listener. Pure: it says what is due now and when to ask again.

Statuses are levels: a PDU that changed many times while the listener was slow is sent once, as it is now. Events and
results are edges: each is sent once, numbered by its place in the edge log, so that a browser which lost its connection
says where it was and misses nothing that the log still holds. What it no longer holds is counted in ``missed``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult
from apcbridge.facts import encode, timestamp
from apcbridge.web.documents import edge_document, pdu_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apcbridge.facts import Json, JsonObject
    from apcbridge.model import Freshness, PduStatus
    from apcbridge.store import Store
    from apcbridge.web.chronicle import Chronicle
    from apcbridge.web.settings import WebSettings

EDGES_PER_TURN = 500
"""Older ones that wait are given up: a listener so far behind looks them up in the history."""
RECONNECT_MS = 2000


class Feed:
    """What one listener has been told."""

    def __init__(
        self,
        settings: WebSettings,
        store: Store,
        chronicle: Chronicle,
        *,
        greeting: JsonObject,
        epoch: str,
        last_id: str | None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._chronicle = chronicle
        self._epoch = epoch
        self._greeting: JsonObject | None = greeting
        self._position = self._start(last_id)
        self._dirty = {status.pdu for status in store}
        self._told: dict[str, tuple[Freshness, ...]] = {}
        self._last_frame_mono = float("-inf")

    def mark(self, pdu: str) -> None:
        """Note that a PDU changed."""
        self._dirty.add(pdu)

    def frames(self, now_mono: float, now_at: float) -> bytes:
        """Return what is due, empty if nothing is."""
        parts = [*self._hello(now_at), *self._edge_frames(now_at), *self._level_frames(now_mono, now_at)]
        if not parts and now_mono - self._last_frame_mono >= self._settings.limits.heartbeat_s:
            parts = [_frame("heartbeat", {"ts": timestamp(now_at)})]
        if parts:
            self._last_frame_mono = now_mono
        return b"".join(parts)

    def next_mono(self, now_mono: float) -> float:
        """Tell when something is due at the latest, if nothing happens before."""
        moments = [self._last_frame_mono + self._settings.limits.heartbeat_s]
        for status in self._store:
            moments += [moment for moment in _turning_points(status) if moment > now_mono]
        return min(moments)

    def _start(self, last_id: str | None) -> int:
        """Find the listener's place in the edge log: where it says it was, or the end of it."""
        end = self._store.edges_after(0)[1]
        epoch, _, number = (last_id or "").partition("-")
        if epoch == self._epoch and number.isascii() and number.isdigit() and len(number) < 20:
            return min(int(number), end)
        return end

    def _hello(self, now_at: float) -> Iterator[bytes]:
        if self._greeting is not None:
            yield f"retry: {RECONNECT_MS}\n".encode()
            yield _frame("hello", {**self._greeting, "ts": timestamp(now_at)}, f"{self._epoch}-{self._position}")
            self._greeting = None

    def _edge_frames(self, now_at: float) -> Iterator[bytes]:
        edges, end = self._store.edges_after(self._position)
        self._position = end
        items = edges.items[-EDGES_PER_TURN:]
        missed = edges.missed + len(edges.items) - len(items)
        if missed:
            yield _frame("missed", {"count": missed, "ts": timestamp(now_at)})
        for number, edge in enumerate(items, start=end - len(items) + 1):
            name = "event"
            if isinstance(edge, CommandResult):
                # The last commands of its outlets are part of a PDU's level.
                self._dirty.add(edge.command.pdu)
                name = "result"
            yield _frame(name, edge_document(edge), f"{self._epoch}-{number}")

    def _level_frames(self, now_mono: float, now_at: float) -> Iterator[bytes]:
        for status in self._store:
            freshness = _freshness(status, now_mono)
            if status.pdu not in self._dirty and self._told.get(status.pdu) == freshness:
                continue
            self._told[status.pdu] = freshness
            view, last = self._settings.view(status.pdu), self._chronicle.last_commands(status.pdu)
            yield _frame("pdu", {**pdu_document(status, view, last, now_mono), "ts": timestamp(now_at)})
        self._dirty.clear()


def _freshness(status: PduStatus, now_mono: float) -> tuple[Freshness, ...]:
    """Judge a PDU and each of its outlets."""
    outlets = status.snapshot.outlets if status.snapshot else ()
    return (status.freshness(now_mono), *(status.outlet_freshness(outlet.number, now_mono) for outlet in outlets))


def _turning_points(status: PduStatus) -> Iterator[float]:
    """Yield the moments at which a reading becomes stale or lost by age."""
    if status.snapshot is None:
        return
    read_monos = {status.snapshot.taken_mono, *(outlet.read_mono for outlet in status.snapshot.outlets)}
    for read_mono in read_monos:
        yield read_mono + status.stale_after_s
        yield read_mono + status.lost_after_s


def _frame(event: str, document: Json, event_id: str | None = None) -> bytes:
    """Write one event; JSON on one line cannot break the framing, whatever the PDU's names are."""
    id_line = f"id: {event_id}\n".encode() if event_id else b""
    return b"event: " + event.encode() + b"\n" + id_line + b"data: " + encode(document) + b"\n\n"
