"""The shapes of the daemon's JSON that the commands look at; the whole of it is in docs/http.md."""

from __future__ import annotations

from typing import Literal, TypedDict


class LinkShape(TypedDict):
    """The line to the console."""

    state: str
    since: str
    detail: str


class EntryShape(TypedDict, total=False):
    """An event or a step of a command."""

    kind: Literal["event", "result"]
    id: str
    ts: str
    pdu: str
    outlet: int | None
    name: str | None
    detail: str
    event_type: str
    command: str
    status: str
    principal: str
    origin: str


class OutletShape(TypedDict):
    """One outlet; ``state`` is None when it is not known now."""

    number: int
    name: str
    state: str | None
    last_state: str
    pending: bool | None
    pending_command: str | None
    policy: str
    last_command: EntryShape | None


class MeterShape(TypedDict):
    """The load of one phase or bank."""

    index: int
    amperes: float | None
    state: str


class LoadShape(TypedDict):
    """The load of a PDU."""

    amperes: float | None
    watts: int | None
    phases: list[MeterShape]
    banks: list[MeterShape]


class RebootShape(TypedDict):
    """A restart of the management card."""

    at: str
    cause: str


class FiguresShape(TypedDict):
    """The restarts of a span of time."""

    count: int
    interval_s: float | None
    jitter_s: float | None


class NmcShape(TypedDict):
    """The management card."""

    uptime_s: int | None
    reboot_count: int
    watchdog_reboot_count: int
    last_reboot: RebootShape | None
    statistics: dict[str, FiguresShape]
    next_expected: str | None
    next_expected_error_s: float | None
    watchdog: bool
    diagnosis: str | None


class InfoShape(TypedDict):
    """Who the PDU says it is."""

    model: str | None
    firmware: str | None


class PduShape(TypedDict):
    """One PDU."""

    pdu: str
    available: bool
    freshness: str
    age_s: float | None
    read_at: str | None
    link: LinkShape
    info: InfoShape | None
    outlets: list[OutletShape]
    load: LoadShape | None
    nmc: NmcShape | None


class PdusShape(TypedDict):
    """Every PDU."""

    pdus: list[PduShape]


class HistoryShape(TypedDict):
    """What happened."""

    events: list[EntryShape]


class RefusalShape(TypedDict, total=False):
    """Why a request was refused; ``first`` is what a repeated command repeats."""

    error: str
    detail: str
    first: EntryShape | None
