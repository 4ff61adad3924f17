"""``apcbridge doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command, add_config_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from apcbridge.cli import Subparsers
    from apcbridge.cli.paint import Paint
    from apcbridge.cli.shapes import PdusShape
    from apcbridge.tools.doctor.examination import Daemon
    from apcbridge.tools.doctor.findings import Finding

TEXT_WIDTH = 78
_NARROWEST = 40


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from apcbridge.cli.socket_option import add_socket_option

    parser = add_command(
        subparsers,
        "doctor",
        run,
        "look at everything from the cable to the broker, and say what to do; switches nothing",
    )
    add_config_option(parser)
    parser.add_argument("pdu", metavar="PDU", nargs="?", help="one PDU only")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--fix-gateway",
        metavar="ADDRESS",
        help="set the default gateway of PDU's card, the cure of its network watchdog; asks before",
    )
    add_socket_option(parser)


def run(args: argparse.Namespace) -> int:
    """Examine and print; 0 when nothing failed. Raises UnknownPdu, or what keeps the gateway from being set."""
    import asyncio

    import apcbridge
    from apcbridge.cli.paint import announce
    from apcbridge.clock import SystemClock
    from apcbridge.simulated import every_port
    from apcbridge.tools.doctor.examination import Examination
    from apcbridge.tools.doctor.findings import Level
    from apcbridge.tools.machine import Machine

    if args.fix_gateway is not None:
        return _fix_gateway(args)
    daemon = _find_daemon(args)

    async def look() -> tuple[Finding, ...]:
        async with every_port() as ports:
            examination = Examination(ports, SystemClock(), Machine(), daemon, apcbridge.__version__)
            return await examination.run(Path(args.config), args.pdu)

    announce("Looking; a line that is silent at every speed takes most of a minute ...")
    findings = asyncio.run(look())
    if args.json:
        print(json.dumps(_as_json(findings), indent=2))
    else:
        from apcbridge.cli.paint import Paint

        # Piped text is as wide as ever; a window narrower than it would break words.
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else TEXT_WIDTH
        print("\n".join(report(findings, Paint.of(), min(columns, TEXT_WIDTH))))
    return Exit.FAILED if any(finding.level is Level.FAIL for finding in findings) else Exit.GOOD


def report(findings: Sequence[Finding], paint: Paint, width: int = TEXT_WIDTH) -> Iterator[str]:
    """Show findings subject by subject, the advice under each, and a summary that can be read alone."""
    from apcbridge.cli.paint import Style
    from apcbridge.tools.doctor.findings import Level

    styles = {Level.OK: (Style.GOOD,), Level.WARN: (Style.WARN,), Level.FAIL: (Style.BAD, Style.STRONG)}
    for subject in dict.fromkeys(finding.subject for finding in findings):
        yield paint(subject, Style.STRONG)
        for finding in (finding for finding in findings if finding.subject == subject):
            word = finding.level.upper() if finding.level is Level.FAIL else str(finding.level)
            first, *rest = _wrapped(finding.text, width - 8)
            yield f"  {paint(f'{word:<4}', *styles[finding.level])}  {first}"
            yield from (f"        {line}" for line in rest)
            if finding.advice:
                first, *rest = _wrapped(finding.advice, width - 11)
                yield f"        {paint('->', Style.SOFT)} {first}"
                yield from (f"           {line}" for line in rest)
        yield ""
    yield _summary(findings, paint)


def _summary(findings: Iterable[Finding], paint: Paint) -> str:
    from apcbridge.cli.paint import Style
    from apcbridge.tools.doctor.findings import Level

    levels = [finding.level for finding in findings]
    failed, warned = levels.count(Level.FAIL), levels.count(Level.WARN)
    if failed:
        return paint(f"{failed} failed, {warned} to mind, {levels.count(Level.OK)} fine", Style.BAD, Style.STRONG)
    if warned:
        return paint(f"nothing failed, {warned} to mind, {levels.count(Level.OK)} fine", Style.WARN)
    return paint(f"all {len(levels)} fine", Style.GOOD)


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    # Commands and paths must stay in one piece, so that they can be copied.
    return textwrap.wrap(text, max(width, _NARROWEST), break_long_words=False, break_on_hyphens=False) or [""]


def _as_json(findings: Iterable[Finding]) -> dict[str, object]:
    from apcbridge.tools.doctor.findings import Level

    listed = [{"subject": f.subject, "level": str(f.level), "text": f.text, "advice": f.advice} for f in findings]
    levels = [str(entry["level"]) for entry in listed]
    return {"failed": levels.count(Level.FAIL), "warnings": levels.count(Level.WARN), "findings": listed}


def _find_daemon(args: argparse.Namespace) -> Daemon:
    """Ask the daemon at its usual place, and at the one it takes without systemd: beside its state."""
    from apcbridge.config import examine
    from apcbridge.tools.doctor.examination import Daemon

    config = examine(Path(args.config)).config
    places = [args.socket, *([config.bridge.state_dir / args.socket.name] if config else [])]
    found = [_ask_daemon(place) for place in places]
    return next((one for one in found if one.runs), next((one for one in found if one.untold), Daemon()))


def _ask_daemon(path: Path) -> Daemon:
    """Ask the running daemon for its PDUs, if there is one."""
    from apcbridge.cli.daemon import Daemon as LocalSocket
    from apcbridge.cli.daemon import DaemonRefused, DaemonUnavailable
    from apcbridge.tools.doctor.examination import Daemon, DaemonPdu

    try:
        document: PdusShape = json.loads(LocalSocket(path).get("/api/v1/pdus"))
    except DaemonUnavailable as away:
        known = isinstance(away.__cause__, FileNotFoundError | ConnectionRefusedError)
        return Daemon() if known else Daemon(untold=str(away))
    except DaemonRefused as refused:
        return Daemon(untold=str(refused))
    return Daemon(
        pdus={
            pdu["pdu"]: DaemonPdu(
                available=pdu["available"],
                link=pdu["link"]["state"],
                detail=pdu["link"]["detail"],
                diagnosis=(pdu["nmc"] and pdu["nmc"]["diagnosis"]) or "",
            )
            for pdu in document["pdus"]
        }
    )


def _fix_gateway(args: argparse.Namespace) -> int:
    import asyncio

    from apcbridge.clock import SystemClock
    from apcbridge.composition import pdu_settings
    from apcbridge.config import load
    from apcbridge.errors import UnknownPdu
    from apcbridge.simulated import every_port
    from apcbridge.tools.doctor.gateway import GatewayFix
    from apcbridge.tools.terminal import Keyboard

    if args.pdu is None:
        print("apcbridge doctor: --fix-gateway needs the PDU, too", file=sys.stderr)
        return Exit.USAGE
    pdu = load(Path(args.config)).pdu(args.pdu)
    if pdu is None:
        raise UnknownPdu(f"{args.config} has no PDU {args.pdu!r}")
    if args.pdu in (_find_daemon(args).pdus or {}):
        print("apcbridge doctor: the daemon has the port; first: systemctl stop apcbridge", file=sys.stderr)
        return Exit.FAILED

    async def fix() -> bool:
        async with every_port() as ports:
            return await GatewayFix(Keyboard(), ports, SystemClock()).run(pdu_settings(pdu), args.fix_gateway)

    return Exit.GOOD if asyncio.run(fix()) else Exit.FAILED
