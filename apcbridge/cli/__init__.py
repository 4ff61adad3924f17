"""The command line: ``apcbridge COMMAND``.

Each command is a module of this package with two functions: ``add_parser(subparsers)``, which imports nothing heavy so
that ``--help`` answers at once, and ``run(args) -> int``, which returns the exit code.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

import apcbridge
from apcbridge.errors import ApcBridgeError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFAULT_CONFIG = "/etc/apcbridge/apcbridge.yaml"
COMMANDS = (
    "run",
    "demo",
    "check_config",
    "schema",
    "init",
    "probe",
    "doctor",
    "recover",
    "record",
    "wiring",
    "simulate",
    "status",
    "outlet",
    "events",
    "watch",
    "mib",
)


class Subparsers(Protocol):
    """Where commands are added: what ``ArgumentParser.add_subparsers`` returns."""

    # The name of the argument is that of the standard library.
    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser:  # noqa: A002
        """Add the parser of one command."""


class Exit(IntEnum):
    """What the commands exit with."""

    GOOD = 0
    FAILED = 1
    """The thing asked for failed."""
    USAGE = 2
    CONFIG = 78
    """EX_CONFIG: the configuration is at fault; a supervisor need not try again."""


def add_command(
    subparsers: Subparsers,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
) -> argparse.ArgumentParser:
    """Add the parser of one command; ``run`` is called with the parsed arguments."""
    parser = subparsers.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add ``-c FILE``."""
    parser.add_argument(
        "-c", "--config", metavar="FILE", default=DEFAULT_CONFIG, help="configuration file (default: %(default)s)"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; argparse exits with 2 by itself when the usage is wrong."""
    try:
        args = _parse(sys.argv[1:] if argv is None else argv)
        run: Callable[[argparse.Namespace], int] = args.run
        code = run(args)
        sys.stdout.flush()
    except ConfigError as error:
        _complain(error)
        return Exit.CONFIG
    except ApcBridgeError as error:
        print(f"apcbridge: {error}", file=sys.stderr)
        return Exit.FAILED
    except KeyboardInterrupt:
        return Exit.FAILED
    except BrokenPipeError:
        # The reader of our output, such as head(1), has enough.
        _drop_output()
        return Exit.FAILED
    except OSError as error:
        # A full disk where the output goes, a directory that went away: nothing that a traceback would tell better.
        where = f"{error.filename}: " if error.filename else ""
        print(f"apcbridge: {where}{error.strerror or error}", file=sys.stderr)
        _drop_output()
        return Exit.FAILED
    return code


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    # Only the parser that is needed: that of simulate, for one, takes a while to make.
    named = tuple(command for command in COMMANDS if argv and argv[0] == command.replace("_", "-"))
    parser = build_parser(named or COMMANDS)
    if not argv:
        parser.print_help(sys.stderr)
        parser.exit(Exit.USAGE)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        at_fault: argparse.ArgumentParser = args.parser
        at_fault.error(f"unrecognized arguments: {' '.join(unknown)}")
    return args


def _complain(error: ConfigError) -> None:
    """Print every fault with its line, or what else is wrong."""
    if not error.faults:
        print(f"apcbridge: {error}", file=sys.stderr)
        return
    from apcbridge.config.excerpt import explain

    print("\n".join(explain(error.faults)), file=sys.stderr)


def _drop_output() -> None:
    """Send what is left of the output somewhere at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _ShowVersion(argparse.Action):
    """As argparse's own, but the version is looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"apcbridge {apcbridge.__version__}")
        parser.exit()


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of the whole command line; manual pages and completions are made of it too."""
    parser = argparse.ArgumentParser(prog="apcbridge", description=apcbridge.__doc__)
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show program's version number and exit")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in commands:
        _add_parser(command, subparsers)
    return parser


def _add_parser(command: str, subparsers: Subparsers) -> None:
    name = f"apcbridge.cli.{command}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return
        raise
    module.add_parser(subparsers)
