"""``apcbridge events``: what happened, from the running daemon's journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command, arguments

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers
    from apcbridge.cli.daemon import Daemon
    from apcbridge.cli.shapes import EntryShape, HistoryShape


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from apcbridge.cli.socket_option import add_socket_option

    parser = add_command(subparsers, "events", run, "show restarts, commands and changes from the daemon's journal")
    parser.add_argument("pdu", metavar="PDU", nargs="?", help="one PDU only")
    parser.add_argument(
        "--since",
        metavar="WHEN",
        type=arguments.since,
        help="90s, 15m, 1h, 2d ago, or a moment such as 2026-11-22T11:23:00Z",
    )
    parser.add_argument(
        "--limit",
        type=arguments.limit,
        default=100,
        metavar="N",
        help="at most the newest N, up to 1000 (default: 100)",
    )
    parser.add_argument("--follow", action="store_true", help="go on with what happens from now on")
    parser.add_argument("--json", action="store_true", help="print one line of JSON each")
    add_socket_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print them; raise DaemonUnavailable or DaemonRefused."""
    from apcbridge.cli.daemon import Daemon

    daemon = Daemon(args.socket)
    if args.follow:
        _follow(daemon, args)
    else:
        for entry in _history(daemon, args):
            _show(entry, as_json=args.json)
    return Exit.GOOD


def _history(daemon: Daemon, args: argparse.Namespace) -> list[EntryShape]:
    import json
    from urllib.parse import urlencode

    query = {"limit": str(args.limit)}
    if args.since is not None:
        query["since"] = f"{args.since:.3f}"
    if args.pdu:
        query["pdu"] = args.pdu
    document: HistoryShape = json.loads(daemon.get(f"/api/v1/events?{urlencode(query)}"))
    return document["events"]


def _follow(daemon: Daemon, args: argparse.Namespace) -> None:
    """Print the past and then what comes, until interrupted or the daemon goes away."""
    import json

    # The stream is opened first, so that nothing falls between it and the past; what is in both is shown once.
    with daemon.stream() as stream:
        shown = set()
        for entry in _history(daemon, args):
            shown.add(_key(entry))
            _show(entry, as_json=args.json)
        for event in stream:
            if event.name not in {"event", "result"}:
                continue
            entry = json.loads(event.data)
            if _key(entry) not in shown and args.pdu in (None, entry["pdu"]):
                _show(entry, as_json=args.json)


def _key(entry: EntryShape) -> tuple[str, str, str]:
    return entry["pdu"], entry["id"], entry.get("status", "")


def _show(entry: EntryShape, *, as_json: bool) -> None:
    import json

    from apcbridge.cli.paint import Paint
    from apcbridge.cli.panel import entry_line

    print(json.dumps(entry) if as_json else entry_line(entry, Paint.of()), flush=True)
