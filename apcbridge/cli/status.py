"""``apcbridge status``: what the running daemon knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers
    from apcbridge.cli.shapes import PduShape, PdusShape


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from apcbridge.cli.socket_option import add_socket_option

    parser = add_command(subparsers, "status", run, "ask the running daemon for the state of its PDUs")
    parser.add_argument("pdu", metavar="PDU", nargs="?", help="one PDU only")
    parser.add_argument("--json", action="store_true", help="print the daemon's JSON")
    add_socket_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print it; raise DaemonUnavailable or DaemonRefused."""
    import json
    import time
    from urllib.parse import quote

    from apcbridge.cli.daemon import Daemon
    from apcbridge.cli.paint import Paint
    from apcbridge.cli.panel import pdu_lines

    text = Daemon(args.socket).get(f"/api/v1/pdus/{quote(args.pdu, safe='')}" if args.pdu else "/api/v1/pdus")
    if args.json:
        print(text, end="")
        return Exit.GOOD
    pdus: list[PduShape]
    if args.pdu:
        pdus = [json.loads(text)]
    else:
        document: PdusShape = json.loads(text)
        pdus = document["pdus"]
    paint = Paint.of()
    print("\n\n".join("\n".join(pdu_lines(pdu, time.time(), paint)) for pdu in pdus))
    return Exit.GOOD
