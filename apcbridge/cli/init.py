"""``apcbridge init``: finds serial ports, looks what answers, writes a configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.cli import DEFAULT_CONFIG, Exit, add_command, arguments

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from apcbridge.cli.probe import PASSWORD_VARIABLE, add_baud_option

    parser = add_command(
        subparsers, "init", run, "find the PDU's serial port and write a configuration; switches nothing"
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        default=Path(DEFAULT_CONFIG),
        help="where to write it; a file that says something is never overwritten (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=arguments.port,
        action="append",
        default=[],
        help="look here only; may be repeated",
    )
    add_baud_option(parser)
    parser.add_argument(
        "--username", metavar="NAME", help="account of the console (default: asked for, apc with --yes)"
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        type=Path,
        help=f"file with its password, for the configuration to name; else ${PASSWORD_VARIABLE}, else it is asked for",
    )
    parser.add_argument(
        "--mqtt", metavar="URL", type=arguments.broker, help="broker: a URL, embedded or none (default: asked for)"
    )
    parser.add_argument("--mqtt-username", metavar="NAME", default="", help="account at the broker")
    parser.add_argument("--mqtt-password-file", metavar="FILE", type=Path, help="file with its password")
    snmp = parser.add_mutually_exclusive_group()
    snmp.add_argument("--snmp", action="store_true", default=None, help="serve SNMP on 127.0.0.1")
    snmp.add_argument("--no-snmp", action="store_false", dest="snmp", help="do not")
    parser.add_argument("--yes", action="store_true", help="ask nothing: take the defaults (no MQTT, no SNMP)")


def run(args: argparse.Namespace) -> int:
    """Set up; raise ConfigError, NothingFound or NobodyAnswers with what is wrong."""
    # `apcbridge --help` must not wait for what only this command needs.
    import asyncio
    import shutil
    import sys

    from apcbridge.cli.probe import PASSWORD_VARIABLE
    from apcbridge.clock import SystemClock
    from apcbridge.simulated import every_port
    from apcbridge.tools.init import FACTORY_PASSWORD, Init
    from apcbridge.tools.machine import Machine
    from apcbridge.tools.outward import Wishes
    from apcbridge.tools.terminal import Keyboard, Unattended

    password = os.environ.get(PASSWORD_VARIABLE) or (FACTORY_PASSWORD if args.yes else None)
    wishes = Wishes(
        output=args.output,
        of_the_service=args.output == Path(DEFAULT_CONFIG),
        program="apcbridge" if shutil.which("apcbridge") else sys.argv[0],
        bauds=args.baud,
        ports=tuple(args.port),
        username=args.username,
        password_file=args.password_file,
        password=password,
        mqtt=args.mqtt,
        mqtt_username=args.mqtt_username,
        mqtt_password_file=args.mqtt_password_file,
        snmp=args.snmp,
    )

    async def set_up() -> None:
        async with every_port() as ports:
            await Init(Unattended() if args.yes else Keyboard(), ports, SystemClock(), Machine(), wishes).run()

    asyncio.run(set_up())
    return Exit.GOOD
