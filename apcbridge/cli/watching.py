"""A live view of the daemon's event stream: what is known, how it is drawn, and a terminal that is left as it was."""

from __future__ import annotations

import json
import queue
import shutil
import signal
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from apcbridge.cli.paint import Paint, Style, fit, moment_at
from apcbridge.cli.panel import changes, entry_line, pdu_lines
from apcbridge.errors import ApcBridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apcbridge.cli.daemon import Daemon, Stream, StreamEvent
    from apcbridge.cli.shapes import EntryShape, HistoryShape, PduShape

ENTRIES_KEPT = 200
ENTRIES_SHOWN = 8
RETRY_S = 2.0
TICK_S = 1.0

_ENTER = "\x1b[?1049h\x1b[?25l"
"""The terminal's second screen, no cursor."""
_LEAVE = "\x1b[?25h\x1b[?1049l"


class View:
    """What a watcher has been told. Pure."""

    def __init__(self, pdu: str | None) -> None:
        self._only = pdu
        self.bridge = ""
        self.pdus: dict[str, PduShape] = {}
        self.entries: deque[EntryShape] = deque(maxlen=ENTRIES_KEPT)
        self.ahead_s = 0.0
        """The daemon's clock minus ours."""
        self.trouble = ""

    def tell(self, event: StreamEvent, now_at: float, paint: Paint) -> list[str]:
        """Take an event in; return the lines that say what it changed."""
        self.trouble = ""
        match event.name:
            case "hello":
                hello = json.loads(event.data)
                self.bridge = hello["bridge"]
                self.ahead_s = moment_at(hello["ts"]) - now_at
                self.pdus = {name: pdu for name, pdu in self.pdus.items() if name in hello["pdus"]}
                return []
            case "pdu":
                pdu: PduShape = json.loads(event.data)
                return self._tell_pdu(pdu, now_at, paint)
            case "event" | "result":
                entry: EntryShape = json.loads(event.data)
                return self._tell_entry(entry, paint)
            case "missed":
                count = json.loads(event.data)["count"]
                return [f"{count} events were missed; see apcbridge events"]
            case _:
                return []

    def screen(self, width: int, height: int, now_at: float, paint: Paint) -> list[str]:
        """Draw everything into that many columns and rows."""
        daemon_at = now_at + self.ahead_s
        title = paint(f"apcbridge {self.bridge}".rstrip(), Style.STRONG)
        state = paint(self.trouble, Style.BAD) if self.trouble else paint("Ctrl-C ends", Style.SOFT)
        body: list[str] = []
        for pdu in self.pdus.values():
            shown = _out_of_date(pdu) if self.trouble else pdu
            body += ["", *pdu_lines(shown, daemon_at, paint)]
        # What happened gives way to what is: in a small window to a third of it.
        count = min(ENTRIES_SHOWN, height // 3)
        tail = [entry_line(entry, paint) for entry in list(self.entries)[-count:]] if count else []
        tail = ["", *tail] if tail else []
        room = max(1, height - 1 - len(tail))
        if len(body) > room:
            hidden = len(body) - room + 1
            body = [
                *body[: room - 1],
                paint(f"... {hidden} more lines: make the window taller or name a PDU", Style.SOFT),
            ]
        return [fit(line, width) for line in [f"{title}  {state}", *body, *tail][:height]]

    def _tell_pdu(self, pdu: PduShape, now_at: float, paint: Paint) -> list[str]:
        if self._only not in (None, pdu["pdu"]):
            return []
        before = self.pdus.get(pdu["pdu"])
        self.pdus[pdu["pdu"]] = pdu
        stamp = paint(_stamp(now_at + self.ahead_s), Style.SOFT)
        return [f"{stamp}  {line}" for line in changes(before, pdu, paint)]

    def _tell_entry(self, entry: EntryShape, paint: Paint) -> list[str]:
        if self._only not in (None, entry["pdu"]):
            return []
        self.entries.append(entry)
        return [entry_line(entry, paint)]


def watch_lines(daemon: Daemon, pdu: str | None) -> None:
    """Print a line per change until interrupted."""
    view, paint = View(pdu), Paint.of()
    for event in _Subscription(daemon):
        if isinstance(event, ApcBridgeError):
            print(f"{_stamp(time.time())}  {event}", flush=True)
        elif event is not None:
            for line in view.tell(event, time.time(), paint):
                print(line, flush=True)


def watch_screen(daemon: Daemon, pdu: str | None) -> None:
    """Redraw the terminal until interrupted."""
    view, paint = View(pdu), Paint.of()
    subscription = _Subscription(daemon)
    only = f"&pdu={quote(pdu)}" if pdu else ""
    history: HistoryShape = json.loads(daemon.get(f"/api/v1/events?limit={ENTRIES_SHOWN}{only}"))
    for entry in history["events"]:
        view.entries.append(entry)
    with _second_screen():
        for event in subscription:
            if isinstance(event, ApcBridgeError):
                view.trouble = f"{event} (trying again)"
            elif event is not None:
                view.tell(event, time.time(), paint)
            _draw(view, paint)


class _Subscription:
    """The event stream, opened again whenever it breaks: iterate for events, errors, and None every second."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._news: queue.Queue[StreamEvent | ApcBridgeError] = queue.Queue(maxsize=1000)
        # Whoever starts the command wants to know at once that there is no daemon.
        self._stream = daemon.stream()
        # It ends with the process: a blocking read cannot be interrupted otherwise.
        threading.Thread(target=self._read, name="event stream", daemon=True).start()

    def __iter__(self) -> Iterator[StreamEvent | ApcBridgeError | None]:
        while True:
            try:
                yield self._news.get(timeout=TICK_S)
            except queue.Empty:
                yield None

    def _read(self) -> None:
        last_id = ""
        stream: Stream | None = self._stream
        while True:
            try:
                with stream or self._daemon.stream(last_id) as events:
                    for event in events:
                        last_id = event.id or last_id
                        self._news.put(event)
            except ApcBridgeError as gone:
                self._news.put(gone)
            stream = None
            time.sleep(RETRY_S)


@contextmanager
def _second_screen() -> Iterator[None]:
    """Draw on the terminal's second screen; whatever ends us, the first comes back as it was."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    sys.stdout.write(_ENTER)
    try:
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _out_of_date(pdu: PduShape) -> PduShape:
    """Show a PDU as one of which nothing is known now: the daemon has gone, and its last word is old."""
    outlets = [outlet | {"state": None, "pending": None} for outlet in pdu["outlets"]]
    nmc = pdu["nmc"] | {"uptime_s": None} if pdu["nmc"] else None
    return pdu | {"available": False, "freshness": "lost", "outlets": outlets, "load": None, "nmc": nmc}


def _stamp(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def _draw(view: View, paint: Paint) -> None:
    """Write every row over the old one and erase what is left of it: nothing flickers."""
    columns, rows = shutil.get_terminal_size()
    lines = view.screen(columns, rows, time.time(), paint)
    sys.stdout.write("\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")
    sys.stdout.flush()
