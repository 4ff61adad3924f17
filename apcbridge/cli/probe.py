"""``apcbridge probe PORT``: what is at the other end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command, arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from apcbridge.cli import Subparsers
    from apcbridge.probe import Findings

PASSWORD_VARIABLE = "APCBRIDGE_PASSWORD"  # noqa: S105 - the name of a variable
FACTORY_PASSWORD = "apc"  # noqa: S105 - what every APC card leaves the factory with


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers, "probe", run, "look at the PDU on a port: dialect, identity, outlets, load; switches nothing"
    )
    add_port_argument(parser)
    add_login_options(parser)
    parser.add_argument("--access", choices=("auto", "menu", "cli"), default="auto", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def add_port_argument(parser: argparse.ArgumentParser) -> None:
    """Add the line to a console."""
    parser.add_argument(
        "port", metavar="PORT", type=arguments.port, help="/dev/serial/by-id/..., socket://host:port, sim://AP7920, ..."
    )


def add_login_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command needs that talks to a console by itself."""
    add_baud_option(parser)
    parser.add_argument(
        "--username", metavar="NAME", default="apc", help="account of the console (default: %(default)s)"
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        type=Path,
        help=f"file with its password; else ${PASSWORD_VARIABLE}, else it is asked for on a terminal, else apc",
    )


def add_baud_option(parser: argparse.ArgumentParser) -> None:
    """Add the speed of the line."""
    parser.add_argument(
        "--baud", metavar="N", type=arguments.baud, default="auto", help="a speed, or auto (the default): 9600 first"
    )


def run(args: argparse.Namespace) -> int:
    """Look and print; raise PortError or ConsoleError with what is wrong."""
    # `apcbridge --help` must not wait for what only this command needs.
    import asyncio

    from apcbridge.cli.paint import announce
    from apcbridge.clock import SystemClock
    from apcbridge.console.session import Access, Credentials
    from apcbridge.probe import Probe
    from apcbridge.simulated import every_port

    credentials = Credentials(args.username, read_password(args.password_file))

    async def look() -> Findings:
        async with every_port() as ports:
            return await Probe(ports, SystemClock(), credentials, Access(args.access)).run(args.port, args.baud)

    announce(f"Looking at {args.port}; a line that is silent at every speed takes most of a minute ...")
    findings = asyncio.run(look())
    if args.json:
        import json

        print(json.dumps(document(findings), indent=2))
    else:
        print("\n".join(describe(findings)))
    return Exit.GOOD


def document(findings: Findings) -> dict[str, object]:
    """Return what was found, as JSON has it; what the console did not tell is null."""
    from dataclasses import asdict

    identity, cause = findings.identity, findings.reset_cause
    return {
        "port": findings.port,
        "baud": findings.baud,
        "dialect": findings.dialect,
        "identity": asdict(identity.identity) if identity else None,
        "up_time_s": identity.up_time_s if identity else None,
        "status": identity.status_flags if identity else None,
        "alarms": identity.alarm_count if identity else None,
        "network": asdict(findings.network) if findings.network else None,
        "last_restart": {"code": cause.code, "text": cause.text} if cause else None,
        "load": asdict(findings.load) if findings.load else None,
        "outlets": [asdict(row) for row in findings.status.rows] if findings.status else None,
        "not_told": findings.untold,
    }


def read_password(file: Path | None) -> str:
    """Return the password from where the user keeps it."""
    from apcbridge.config.secret import read_secret
    from apcbridge.errors import ConfigError

    if file is not None:
        try:
            return read_secret(file).reveal()
        except ValueError as error:
            raise ConfigError(str(error)) from None
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("Password of the console (empty: apc): ") or FACTORY_PASSWORD
    return FACTORY_PASSWORD


def describe(findings: Findings) -> Iterator[str]:
    """Say for people what was found."""
    from apcbridge.console.dialects import WEB_ONLY, lacks_security_setup

    yield f"Port          {findings.port} at {findings.baud} baud"
    yield f"Console       dialect {findings.dialect}"
    yield from _identity(findings)
    if findings.network is not None:
        network = findings.network
        yield f"Network       {network.address or '?'}, gateway {network.gateway or '?'}"
    if findings.reset_cause is not None:
        yield f"Last restart  {findings.reset_cause.code:02} {findings.reset_cause.text}"
    yield from _load(findings)
    yield from (f"Not told      {what}" for what in findings.untold)
    if findings.dialect is not None and lacks_security_setup(findings.dialect):
        yield f"Not here      {WEB_ONLY}"
    yield from _outlets(findings)


def _identity(findings: Findings) -> Iterator[str]:
    if findings.identity is None:
        return
    identity = findings.identity.identity
    yield f"Model         {identity.model or 'not told'}, serial number {identity.serial_number or 'not told'}"
    yield f"Firmware      AOS {identity.aos_version or '?'}, application {identity.app_version or '?'}"
    yield f"Name          {identity.name or ''}".rstrip()
    up_time_s = findings.identity.up_time_s
    if up_time_s is not None:
        days, minutes = divmod(up_time_s // 60, 1440)
        flags = findings.identity.status_flags or "?"
        yield f"Up time       {days} d {minutes // 60} h {minutes % 60} min, status {flags}"


def _load(findings: Findings) -> Iterator[str]:
    load = findings.load
    if load is None:
        return
    parts = [f"phase {one.index}: {one.deciamps / 10:.1f} A" for one in load.phases]
    parts += [f"bank {one.index}: {one.deciamps / 10:.1f} A" for one in load.banks]
    if load.total_deciamps is not None:
        parts.append(f"total: {load.total_deciamps / 10:.1f} A")
    if load.watts is not None:
        parts.append(f"{load.watts} W")
    yield f"Load          {', '.join(parts) or 'not told'}"


def _outlets(findings: Findings) -> Iterator[str]:
    if findings.status is None:
        return
    yield f"Outlets       {len(findings.status.rows)}"
    for row in findings.status.rows:
        yield f"  {row.number:>3}  {row.state:<3}{' *' if row.pending else '  '} {row.name}"
