"""``apcbridge simulate``: a simulated PDU on a pty, a TCP port or a telnet port."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command
from apcbridge.errors import ApcBridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apcbridge.cli import Subparsers
    from apcbridge.sim.device import SimulatedPdu
    from apcbridge.sim.server import SimServer

_OPTIONS = (
    ("firmware", "VERSION"),
    ("outlets", "N"),
    ("baud", "N"),
    ("speed", "FACTOR"),
    ("user", "NAME"),
    ("password", "WORD"),
    ("watchdog", "on|off"),
    ("gateway", "alive|dead|none"),
    ("relay-lag", "SECONDS"),
    ("boot", "SECONDS"),
    ("seed", "N"),
    ("drop", "PERCENT"),
    ("flip", "PERCENT"),
    ("insert", "PERCENT"),
    ("mute-at", "STEP[:BYTES]"),
    ("restart-at", "STEP[:BYTES]"),
)


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(subparsers, "simulate", run, "offer a simulated PDU to any program that drives one")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = textwrap.fill(
        "Every other word of a sim:// URL goes with --set; --words lists them. Ctrl-C stops.", 100
    )
    parser.add_argument("--model", default="AP7920", help="such as AP7920, AP7930, AP8959 (default: %(default)s)")
    wire = parser.add_mutually_exclusive_group()
    wire.add_argument("--pty", metavar="PATH", type=Path, help="symbolic link to a pseudo-terminal")
    wire.add_argument("--listen", metavar="HOST:PORT", type=_address, help="the serial line as raw TCP")
    parser.add_argument("--telnet", metavar="HOST:PORT", type=_address, help="the console by telnet")
    for name, metavar in _OPTIONS:
        parser.add_argument(f"--{name}", metavar=metavar, help=_help(name))
    parser.add_argument(
        "--set", metavar="WORD=VALUE", action="append", default=[], type=_word, help="any other property"
    )
    parser.add_argument("--words", action="store_true", help="list what --set and sim:// URLs take, and exit")


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    if args.words:
        from apcbridge.sim.url import describe_words

        print("\n".join(describe_words()))
        return Exit.GOOD
    from apcbridge.errors import ConfigError
    from apcbridge.sim.device import SimulatedPdu
    from apcbridge.sim.url import profile_from_words

    given = {name.replace("-", "_"): getattr(args, name.replace("-", "_")) for name, _ in _OPTIONS}
    words = {key: value for key, value in given.items() if value is not None} | dict(args.set)
    try:
        pdu = SimulatedPdu(profile_from_words(args.model, words))
    except ConfigError as error:
        print(f"apcbridge simulate: {error}", file=sys.stderr)
        return Exit.USAGE
    asyncio.run(_serve(pdu, args))
    return Exit.GOOD


class NotOffered(ApcBridgeError):
    """A way in could not be opened; the message says which and why."""


async def _serve(pdu: SimulatedPdu, args: argparse.Namespace) -> None:
    from apcbridge.sim.server import SimServer

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with SimServer(pdu) as server:
        for line in [*_introduce(pdu), *(await _open(server, args))]:
            print(line, flush=True)
        await stop.wait()
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _introduce(pdu: SimulatedPdu) -> list[str]:
    from apcbridge.sim.profiles import FACTORY_ACCOUNTS

    profile = pdu.profile
    account = profile.accounts[0]
    versions = f"AOS v{profile.aos_version}, APP v{profile.app_version}, dialect {profile.dialect}"
    return [
        f"{profile.model}, {profile.outlets} outlets, {versions}, clock x{profile.speed:g}",
        f"log in as {account.name}, password {'apc' if account == FACTORY_ACCOUNTS[0] else 'as given'}",
    ]


async def _open(server: SimServer, args: argparse.Namespace) -> Sequence[str]:
    """Open the ways in that were asked for, telnet on a free port if none was."""
    lines = []
    if args.pty is not None:
        with _offering(f"--pty {args.pty}"):
            path = server.open_pty(args.pty).path
        lines += [f"serial line at {args.pty} -> {path}", f"  try: picocom -b 9600 {args.pty}    (then Enter)"]
    if args.listen is not None:
        with _offering(f"--listen {':'.join(map(str, args.listen))}"):
            host, port = await server.listen_tcp(*args.listen)
        lines += [f"serial line at socket://{host}:{port}", f"  try: nc {host} {port}    (then Enter)"]
    if args.telnet is not None or not lines:
        place = args.telnet or ("127.0.0.1", 0)
        with _offering(f"--telnet {':'.join(map(str, place))}"):
            host, port = await server.listen_telnet(*place)
        lines += [
            f"telnet at {host}:{port}",
            f"  try: telnet {host} {port}",
            f"  try: fence_apc -a {host} -u {port} -l {args.user or 'apc'} -p {args.password or 'apc'} -n 1 -o status",
        ]
    return lines


@contextlib.contextmanager
def _offering(way: str) -> Iterator[None]:
    """Raise NotOffered where the machine does not let us open a way in."""
    try:
        yield
    except FileExistsError:
        raise NotOffered(f"{way}: a file of that name exists, and is left alone") from None
    except OSError as error:
        # asyncio hides the number's own text behind a sentence of its own.
        raise NotOffered(f"{way}: {os.strerror(error.errno) if error.errno else error}") from error


def _address(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[?([^\]]*)\]?:)?(\d{1,5})", text)
    if match is None or int(match[2]) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: expected HOST:PORT")
    return match[1] or "127.0.0.1", int(match[2])


def _word(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: expected WORD=VALUE")
    return key.replace("-", "_"), value


def _help(name: str) -> str:
    from apcbridge.sim.url import WORDS

    known = {"firmware": "application's version; decides the console's dialect", "outlets": "number of outlets"}
    key = name.replace("-", "_")
    return known[key] if key in known else WORDS[key][1].replace("%", "%%")
