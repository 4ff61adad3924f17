"""Paging through the event log, which looks the same on menus (CTRL-L) and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.console.answers import parse_log_page
from apcbridge.console.dialog import ESC, Dialog, Emit, Reply, Send
from apcbridge.console.events import EventLogReading, GoalResult
from apcbridge.console.scanner import Prompt
from apcbridge.console.screens import summary
from apcbridge.errors import ScreenUnrecognised

if TYPE_CHECKING:
    from apcbridge.console.events import LogEntry
    from apcbridge.console.goals import ReadEventLog

_NEXT = "<SPACE>- Next"


def read_event_log(goal: ReadEventLog, opening: Send) -> Dialog[tuple[GoalResult, Reply]]:
    """Open the log, page forward, leave it by ESC; return the result and what came after leaving.

    Only SPACE and ESC are ever typed here: D deletes the log. SPACE on the last page starts again at the first.
    """
    reply = yield opening
    entries: list[LogEntry] = []
    more = True
    for page in range(max(1, goal.max_pages)):
        if page:
            reply = yield Send(" ", enter=False)
        if reply.prompt is not Prompt.EVENT_LOG or "Event Log" not in reply.text:
            raise ScreenUnrecognised(f"no event log: {summary(reply.text)}")
        found = parse_log_page(reply.lines)
        if found and entries and found[0] == entries[0]:
            more = False
        else:
            entries += found
            more = any(_NEXT in line for line in reply.lines)
        if not more:
            break
    reply = yield Send(ESC, enter=False)
    yield Emit(EventLogReading(entries=tuple(entries), complete=not more))
    return GoalResult(detail=f"{len(entries)} entries"), reply
