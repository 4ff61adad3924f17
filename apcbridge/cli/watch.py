"""``apcbridge watch``: the running daemon live in a terminal, or line by line where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from apcbridge.cli.socket_option import add_socket_option

    parser = add_command(subparsers, "watch", run, "watch outlets, load, commands and restarts of the running daemon")
    parser.add_argument("pdu", metavar="PDU", nargs="?", help="one PDU only")
    add_socket_option(parser)


def run(args: argparse.Namespace) -> int:
    """Watch until interrupted; raise DaemonUnavailable or DaemonRefused if there is nothing to begin with."""
    import os
    import sys
    from urllib.parse import quote

    from apcbridge.cli.daemon import Daemon
    from apcbridge.cli.watching import watch_lines, watch_screen

    # A dumb terminal cannot move its cursor.
    drawn = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    watch = watch_screen if drawn else watch_lines
    daemon = Daemon(args.socket)
    try:
        if args.pdu:
            daemon.get(f"/api/v1/pdus/{quote(args.pdu, safe='')}")
        watch(daemon, args.pdu)
    except KeyboardInterrupt:
        # How a person ends it: nothing failed.
        return Exit.GOOD
    return Exit.GOOD
