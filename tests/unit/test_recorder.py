"""Events are kept, then told; what was cut short is told again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from apcbridge.clock import SystemClock
from apcbridge.commands import Command, CommandResult, Origin, ResultStatus
from apcbridge.journal import Journal
from apcbridge.model import Action, Event, EventType, Link, LinkState, PduStatus
from apcbridge.recorder import Recorder
from apcbridge.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def make_store() -> Store:
    link = Link(state=LinkState.CONNECTING, since_at=0)
    return Store([PduStatus(pdu="p", link=link, snapshot=None, stale_after_s=30, lost_after_s=50)])


def event(kind: EventType, number: int = 1) -> Event:
    return Event(id=f"{kind}-{number}", pdu="p", type=kind, at=float(number))


async def told(store: Store, recorder: Recorder, *events: Event) -> list[str]:
    """Give events to a recorder and return what the store's readers heard."""
    cursor = store.cursor()
    heard: list[str] = []
    arrived = asyncio.Event()
    store.on_edge(arrived.set)
    for one in events:
        recorder.event(one)
    async with asyncio.timeout(20):
        while len(heard) < len(events):
            await arrived.wait()
            arrived.clear()
            heard += [edge.id for edge in cursor.read().items if isinstance(edge, Event)]
    return heard


def told_at_start(path: Path) -> list[str]:
    """Return what a new run tells first."""
    journal = Journal(path, SystemClock())
    store = make_store()
    cursor = store.cursor()
    Recorder(store, journal).tell_what_was_cut_short()
    journal.close()
    return [edge.id for edge in cursor.read().items if isinstance(edge, Event)]


async def test_events_are_told_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", SystemClock())
    store = make_store()
    events = [event(EventType.OUTLET_CHANGED, number) for number in range(20)]
    assert await told(store, Recorder(store, journal), *events) == [e.id for e in events]
    journal.close()


async def test_events_are_told_even_if_the_disk_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "no-such-directory" / "journal.sqlite", SystemClock())
    store = make_store()
    assert await told(store, Recorder(store, journal), event(EventType.LINK_LOST)) == ["link_lost-1"]
    journal.close()


async def test_a_restart_that_was_kept_but_not_passed_on_is_told_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, SystemClock())
    store = make_store()
    await told(store, Recorder(store, journal), event(EventType.WATCHDOG_REBOOT), event(EventType.OUTLET_CHANGED))
    journal.close()
    assert told_at_start(path) == ["watchdog_reboot-1"]


async def test_a_restart_that_was_passed_on_is_not_told_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, SystemClock())
    store = make_store()
    recorder = Recorder(store, journal)
    await told(store, recorder, event(EventType.WATCHDOG_REBOOT))
    recorder.readers_are_done()
    recorder.readers_are_done()
    journal.close()
    assert told_at_start(path) == []


def command() -> Command:
    return Command(
        id="c1",
        origin=Origin.MQTT,
        principal="nodered",
        pdu="p",
        outlet=3,
        action=Action.OFF,
        received_at=0,
        received_mono=0,
        deadline_mono=20,
    )


def results_at_start(path: Path) -> list[ResultStatus]:
    """Return what a new run tells of the commands of the one before."""
    journal = Journal(path, SystemClock())
    store = make_store()
    cursor = store.cursor()
    Recorder(store, journal).tell_what_was_cut_short()
    journal.close()
    return [edge.status for edge in cursor.read().items if isinstance(edge, CommandResult)]


def test_the_end_of_a_command_is_told_until_it_was_heard(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, SystemClock())
    recorder = Recorder(make_store(), journal)
    recorder.result(CommandResult(command=command(), status=ResultStatus.ACCEPTED, detail="", at=1))
    refused = replace(command(), id="c2")
    recorder.result(CommandResult(command=refused, status=ResultStatus.REFUSED, detail="read-only", at=1))
    journal.close()
    assert results_at_start(path) == [ResultStatus.UNKNOWN], "cut short, and nobody asks who was refused"
    assert results_at_start(path) == [ResultStatus.UNKNOWN], "it was told to nobody who noted it"
    journal = Journal(path, SystemClock())
    recorder = Recorder(make_store(), journal)
    recorder.tell_what_was_cut_short()
    for _ in range(2):
        recorder.readers_are_done()
    journal.close()
    assert results_at_start(path) == []


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (ResultStatus.CONFIRMED, logging.INFO),
        (ResultStatus.REFUSED, logging.INFO),
        (ResultStatus.UNKNOWN, logging.WARNING),
    ],
)
def test_the_log_tells_who_asked_for_what_and_how_it_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: ResultStatus, level: int
) -> None:
    caplog.set_level(logging.INFO)
    journal = Journal(tmp_path / "journal.sqlite", SystemClock())
    recorder = Recorder(make_store(), journal)
    recorder.result(CommandResult(command=command(), status=ResultStatus.ACCEPTED, detail="", at=1))
    recorder.result(CommandResult(command=command(), status=status, detail="what was seen", at=2))
    journal.close()
    [record] = caplog.records
    assert record.getMessage() == f"p outlet 3: OFF {status} (by nodered through mqtt, id c1): what was seen"
    assert record.levelno == level
    assert [vars(record)[name] for name in ("pdu", "outlet", "command_id")] == ["p", 3, "c1"]


def test_whoever_repeats_what_is_refused_does_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    journal = Journal(tmp_path / "journal.sqlite", SystemClock())
    recorder = Recorder(make_store(), journal)
    for _ in range(100):
        recorder.result(CommandResult(command=command(), status=ResultStatus.REFUSED, detail="read-only", at=2))
    assert len(caplog.records) == 5
    later = replace(command(), received_mono=60)
    recorder.result(CommandResult(command=later, status=ResultStatus.REFUSED, detail="read-only", at=62))
    journal.close()
    assert caplog.records[-1].getMessage().endswith("read-only (95 more like it were not reported)")
