"""PDUs and events as lines of text, from the daemon's own documents."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.cli.paint import Paint, local_time
from apcbridge.cli.panel import changes, entry_line, pdu_lines
from apcbridge.commands import ResultStatus
from apcbridge.facts import PduView
from apcbridge.model import EventType, LinkState, OutletState
from apcbridge.web.documents import edge_document, pdu_document
from tests.unit.web.world import LOST_AFTER_S, NOW_AT, NOW_MONO, event, outlet, result, snapshot, status

if TYPE_CHECKING:
    from apcbridge.cli.shapes import EntryShape, PduShape
    from apcbridge.commands import CommandResult
    from apcbridge.model import PduStatus
    from apcbridge.store import Edge

PLAIN = Paint(colours=False)


def shape(known: PduStatus, age_s: float = 0, *last: CommandResult) -> PduShape:
    """Return a PDU as a client of the daemon gets it."""
    commands = {one.command.outlet: one for one in last if one.command.outlet is not None}
    document: PduShape = json.loads(json.dumps(pdu_document(known, PduView(), commands, NOW_MONO + age_s)))
    return document


def entry(edge: Edge) -> EntryShape:
    document: EntryShape = json.loads(json.dumps(edge_document(edge)))
    return document


def lines(pdu: PduShape, age_s: float = 0) -> list[str]:
    return list(pdu_lines(pdu, NOW_AT + age_s, PLAIN))


def test_a_fresh_pdu_shows_states_load_and_card() -> None:
    text = "\n".join(lines(shape(status(snapshot()), 4), 4))
    assert "p  AP7920  firmware 3.7.3  read 4 s ago" in text
    assert "6.3 A" in text
    assert "1449 W" in text
    assert "7 restarts, 6 by its watchdog" in text
    assert "next expected in 7 min give or take 1 min" in text
    assert "restarts 24h 6, every 9 min +- 4 s; 7d 7, every 9 min +- 5 s; all 7" in text
    assert "no network link (P+ N- A+): connect its Ethernet port" in text
    assert "  1  nas     ON" in text
    assert "  2  router  OFF" in text


def test_an_old_reading_shows_what_was_and_never_what_is() -> None:
    shown = lines(shape(status(snapshot()), LOST_AFTER_S), LOST_AFTER_S)
    assert "lost, read 50 s ago" in shown[0]
    assert shown[-2:] == ["    1  nas     was ON", "    2  router  was OFF"]
    assert not [line for line in shown if "6.3 A" in line or "next expected" in line]


def test_a_line_that_is_down_shows_why() -> None:
    lost = status(None, link=LinkState.LOST)
    lost = replace(lost, link=replace(lost.link, detail="plug in the adapter"))
    assert lines(shape(lost)) == ["p  not read yet", "  link lost for 1 min: plug in the adapter"]


def test_an_outlet_shows_who_touched_it_last() -> None:
    refused = result("a", ResultStatus.REFUSED, at=NOW_AT - 60)
    row = lines(shape(status(snapshot()), 0, refused))[-2]
    assert row.endswith("off refused by mqtt 1 min ago")


def test_a_command_is_shown_with_its_person_and_its_end() -> None:
    assert "p outlet 1: off confirmed (by mqtt, id a)" in entry_line(entry(result("a")), PLAIN)
    assert "p all outlets: off confirmed" in entry_line(entry(result("a", number=None)), PLAIN)


def test_an_event_is_shown_with_all_it_tells() -> None:
    restart = replace(event("e"), details={"at": NOW_AT, "cause": "watchdog", "evidence": "up time fell"})
    moment = entry(restart)["ts"]
    assert entry_line(entry(restart), PLAIN).endswith(f"p: watchdog reboot: at {local_time(moment)}, up time fell")
    changed = replace(
        event("e"),
        type=EventType.OUTLET_CHANGED,
        details={"outlet": 3, "name": "nas", "state": "OFF", "command_id": "c-1"},
    )
    assert entry_line(entry(changed), PLAIN).endswith("p outlet 3 (nas): outlet changed: OFF, by command c-1")
    lost = replace(
        event("e"),
        type=EventType.PENDING_LOST,
        details={"outlet": 3, "action": "DELAYED_OFF", "command_id": None},
    )
    assert entry_line(entry(lost), PLAIN).endswith("p outlet 3: pending lost: delayed off")


def test_only_what_is_different_is_a_change() -> None:
    before = shape(status(snapshot()))
    after = shape(
        status(snapshot("p", outlet(1, OutletState.OFF, name="nas"), outlet(2, OutletState.OFF, name="router")))
    )
    assert list(changes(before, before, PLAIN)) == []
    assert list(changes(before, after, PLAIN)) == ["p outlet 1 nas: OFF"]
    old = shape(status(snapshot()), LOST_AFTER_S)
    assert list(changes(before, old, PLAIN)) == [
        "p: readings lost",
        "p outlet 1 nas: was ON",
        "p outlet 2 router: was OFF",
    ]
