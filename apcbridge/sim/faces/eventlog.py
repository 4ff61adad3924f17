"""The event log and its viewer, the same on menus and on command lines.

The rows of AOS 2/3 were not found; those of AOS 5/6 stand in for them. Footers and keys are known for both.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from apcbridge.sim.dialog import AskKey, AskLine, Dialog, Terminal, ToControlConsole
from apcbridge.sim.faces.layout import NL
from apcbridge.sim.keyboard import Key

if TYPE_CHECKING:
    from apcbridge.sim.firmware import Firmware, LogEntry

_DELETE_TITLE = "------- Delete log? --------------------------------------------------"
_TEXT_WIDTH = 51
"""The text column wraps here; its lines go on in column 28."""


def show_event_log(terminal: Terminal, state: str) -> Dialog[None]:
    """Page through the log, newest first, until ESC; keys act at once.

    ``state`` is the line under the clock. Raises ToControlConsole on CTRL-C.
    """
    page = 0
    while True:
        rows = max(1, terminal.quirks.log_rows)
        pages = max(1, -(-len(terminal.firmware.events) // rows))
        page %= pages
        yield from terminal.screen("event_log")
        terminal.put(_page(terminal, state, page * rows, rows) + _footer(page, pages))
        yield from terminal.at("event_log.prompt")
        match (yield AskKey()):
            case Key.CTRL_C:
                terminal.put(NL)
                raise ToControlConsole
            case Key.ESC:
                terminal.put(NL)
                return
            case " ":
                page += 1
            case "b" | "B":
                page = max(0, page - 1)
            case "d" | "D":
                yield from _delete(terminal)
                page = 0


def _delete(terminal: Terminal) -> Dialog[None]:
    terminal.put(f"{NL}{NL}{_DELETE_TITLE}{NL}{NL}Enter 'YES' to continue or <ENTER> to cancel : ")
    answer = yield AskLine()
    if str(answer).upper() == "YES":
        terminal.firmware.events.clear()
        terminal.firmware.record(terminal.now, "System: Event Log cleared.")


def _page(terminal: Terminal, state: str, first: int, rows: int) -> str:
    firmware = terminal.firmware
    clock = firmware.clock(terminal.now)
    out = [
        "",
        "",
        "---- Event Log -------------------------------------------------",
        "",
        f"     Date: {clock:%m/%d/%Y}       Time: {clock:%H:%M:%S}",
        "     -------------------------------------",
        f"     {state}",
        "",
        "     Date        Time      Event",
        "     " + "-" * 75,
    ]
    for entry in list(reversed(firmware.events))[first : first + rows]:
        out += _row(firmware, entry)
    return NL.join(out) + NL


def _row(firmware: Firmware, entry: LogEntry) -> list[str]:
    stamp = firmware.stamp(entry.wall_at)
    first, *more = textwrap.wrap(entry.text, _TEXT_WIDTH, break_long_words=False) or [""]
    return [f"     {stamp:%m/%d/%Y}  {stamp:%H:%M:%S}  {first}", *(" " * 28 + line for line in more)]


def _footer(page: int, pages: int) -> str:
    keys = ["<ESC>- Exit", "<ENTER>- Refresh"]
    keys += ["<SPACE>- Next"] if pages > 1 else []
    keys += ["<B>- Back"] if page else []
    return f"{NL}   {', '.join([*keys, '<D>- Delete'])}{NL}> "
