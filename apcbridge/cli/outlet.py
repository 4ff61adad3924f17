"""``apcbridge outlet``: switch an outlet through the running daemon, under the same rules as everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command, arguments

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers
    from apcbridge.cli.daemon import Daemon, DaemonRefused
    from apcbridge.cli.shapes import EntryShape, RefusalShape

ACTIONS = ("on", "off", "reboot", "delayed-on", "delayed-off", "delayed-reboot", "cancel")
POLL_S = 0.2
AFTER_DEADLINE_S = 90.0
"""How long to wait past the time to live: the longest reboot duration of a PDU, 60 s, and the time to read back."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    import argparse

    from apcbridge.cli.socket_option import add_socket_option

    summary = "switch an outlet through the running daemon; exits with 0 only when the PDU has confirmed it"
    parser = add_command(subparsers, "outlet", run, summary)
    parser.add_argument("pdu", metavar="PDU")
    parser.add_argument("outlet", metavar="OUTLET", help="its number, or all")
    parser.add_argument("action", type=arguments.action, choices=ACTIONS)
    parser.add_argument(
        "--wait", action=argparse.BooleanOptionalAction, default=True, help="wait for the result (the default)"
    )
    parser.add_argument("--id", help="name the command; one of the same name never acts twice")
    parser.add_argument(
        "--ttl", type=arguments.ttl, default=20.0, metavar="S", help="begin within S seconds (default: 20)"
    )
    parser.add_argument("--json", action="store_true", help="print each step as a line of JSON")
    add_socket_option(parser)


def run(args: argparse.Namespace) -> int:
    """Send the command, print its steps; raise DaemonUnavailable or DaemonRefused."""
    import json
    import time
    from urllib.parse import quote

    from apcbridge.cli.daemon import Daemon, DaemonRefused

    daemon = Daemon(args.socket)
    body: dict[str, object] = {"command": args.action.upper().replace("-", "_"), "ttl": args.ttl}
    if args.id is not None:
        body["id"] = args.id
    target = f"/api/v1/pdus/{quote(args.pdu, safe='')}/outlets/{quote(args.outlet, safe='')}"
    try:
        step: EntryShape = json.loads(daemon.post(target, body))
    except DaemonRefused as refused:
        # A script that repeats a named command for want of an answer is told what became of the first.
        step = _first(refused, args.outlet, body["command"])
    _show(step, as_json=args.json)
    if not args.wait:
        return Exit.GOOD
    if step["status"] == "accepted":
        step = _wait(daemon, step, time.monotonic() + args.ttl + AFTER_DEADLINE_S)
        _show(step, as_json=args.json)
    return Exit.GOOD if step["status"] == "confirmed" else Exit.FAILED


def _first(refused: DaemonRefused, outlet: str, command: object) -> EntryShape:
    """Return what became of the command that the refused one repeats; raise the refusal if it repeats none.

    Another command under a name that was used before is no repetition: its asker must not take the result of the one
    for that of the other.
    """
    import json

    document: RefusalShape = json.loads(refused.content)
    first = document.get("first")
    if not first or first["command"] != command:
        raise refused
    if outlet != ("all" if first["outlet"] is None else str(first["outlet"])):
        raise refused
    return first


def _wait(daemon: Daemon, step: EntryShape, until_mono: float) -> EntryShape:
    """Return the terminal step of a command, or the last one there is when the time is over.

    Raises DaemonUnavailable if the daemon goes away meanwhile.
    """
    import json
    import time
    from urllib.parse import quote

    from apcbridge.cli.daemon import DaemonUnavailable

    target = f"/api/v1/pdus/{quote(step['pdu'], safe='')}/commands/{quote(step['id'], safe='')}"
    while step["status"] == "accepted" and time.monotonic() < until_mono:
        time.sleep(POLL_S)
        try:
            step = json.loads(daemon.get(target))
        except DaemonUnavailable as gone:
            raise DaemonUnavailable(
                f"{gone}; what became of the command is not known: look at the outlet before asking again"
            ) from gone
    return step


def _show(step: EntryShape, *, as_json: bool) -> None:
    import json

    from apcbridge.cli.paint import Paint
    from apcbridge.cli.panel import entry_line

    print(json.dumps(step) if as_json else entry_line(step, Paint.of()), flush=True)
