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
    """Watch until interrupted; raise DaemonUnavailable if there is no daemon to begin with."""
    import sys

    from apcbridge.cli.daemon import Daemon
    from apcbridge.cli.watching import watch_lines, watch_screen

    watch = watch_screen if sys.stdout.isatty() else watch_lines
    try:
        watch(Daemon(args.socket), args.pdu)
    except KeyboardInterrupt:
        # How a person ends it: nothing failed.
        return Exit.GOOD
    return Exit.GOOD
