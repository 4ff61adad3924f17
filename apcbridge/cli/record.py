"""``apcbridge record PORT``: a transcript of a console, to add a new firmware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers
    from apcbridge.console.session import Credentials
    from apcbridge.tools.record import Recording


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from apcbridge.cli.probe import add_login_options, add_port_argument

    parser = add_command(
        subparsers, "record", run, "write a transcript of every screen that only shows; switches and changes nothing"
    )
    add_port_argument(parser)
    add_login_options(parser)
    parser.add_argument("--access", choices=("auto", "menu", "cli"), default="auto", help="default: %(default)s")
    parser.add_argument(
        "--scrub-names", action="store_true", help="replace the names of outlets and PDU, contact and location, too"
    )
    parser.add_argument(
        "--output", metavar="FILE", type=Path, help="where to write it; never overwritten (default: standard output)"
    )


def run(args: argparse.Namespace) -> int:
    """Record and write; 1 if it ended early. Raises PortError or ConsoleError with what is wrong."""
    import asyncio
    import sys

    from apcbridge.cli.probe import read_password
    from apcbridge.console.session import Credentials
    from apcbridge.errors import ConfigError
    from apcbridge.tools.files import NewFiles

    if args.output is not None:
        try:
            NewFiles(args.output.parent).check_free(args.output.name)
        except ConfigError as error:
            print(f"apcbridge: {error}", file=sys.stderr)
            return Exit.FAILED
    credentials = Credentials(args.username, read_password(args.password_file))
    recording = asyncio.run(_record(args, credentials))
    if args.output is None:
        print(recording.text, end="")
    else:
        NewFiles(args.output.parent).write_readable(args.output.name, recording.text)
    _report(recording, args.output)
    return Exit.FAILED if recording.trouble else Exit.GOOD


async def _record(args: argparse.Namespace, credentials: Credentials) -> Recording:
    import sys

    import apcbridge
    from apcbridge.clock import SystemClock
    from apcbridge.console.session import Access
    from apcbridge.simulated import every_port
    from apcbridge.tools.record import Recorder

    def tell(text: str) -> None:
        print(f"{text} ...", file=sys.stderr)

    async with every_port() as ports:
        recorder = Recorder(
            ports,
            SystemClock(),
            credentials,
            tell,
            access=Access(args.access),
            scrub_names=args.scrub_names,
            version=apcbridge.__version__,
        )
        return await recorder.run(args.port, args.baud)


def _report(recording: Recording, output: Path | None) -> None:
    import sys

    where = f" in {output}" if output else ""
    print(f"{recording.screens} screens{where}", file=sys.stderr)
    if recording.trouble:
        print(f"ended early: {recording.trouble}", file=sys.stderr)
    if recording.left_over:
        print(f"may still be in it: {', '.join(recording.left_over)}", file=sys.stderr)
    print("Read it before you publish it: no program knows what is private to you.", file=sys.stderr)
