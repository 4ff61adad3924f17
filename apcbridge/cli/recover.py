"""``apcbridge recover PORT``: a lost password, by the reset button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from apcbridge.cli.probe import add_baud_option, add_port_argument

    parser = add_command(
        subparsers, "recover", run, "set a new password by the reset button, step by step; switches no outlet"
    )
    add_port_argument(parser)
    add_baud_option(parser)


def run(args: argparse.Namespace) -> int:
    """Guide; raise NotRecovered, PortError or ConsoleError with what is wrong."""
    import asyncio
    import sys

    from apcbridge.clock import SystemClock
    from apcbridge.pdu.ports import PortRegistry
    from apcbridge.tools.recover import Recovery
    from apcbridge.tools.terminal import Keyboard

    try:
        asyncio.run(Recovery(Keyboard(), PortRegistry(), SystemClock()).run(args.port, args.baud))
    except KeyboardInterrupt:
        print("\nbroken off; the console was logged out", file=sys.stderr)
        return Exit.FAILED
    return Exit.GOOD
