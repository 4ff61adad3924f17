"""``apcbridge demo``: everything with no hardware and no other server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers, "demo", run, "show everything with simulated PDUs: no hardware and no other server is needed"
    )
    parser.add_argument("--once", action="store_true", help="end after the tour instead of running until Ctrl-C")


def run(args: argparse.Namespace) -> int:
    """Run the demo; raise DemoFailed if a step of it does not come about."""
    # `apcbridge --help` must not wait for what only the demo needs.
    import logging

    from apcbridge import demo, logs
    from apcbridge.clock import SystemClock
    from apcbridge.config import load
    from apcbridge.serving import serve

    logs.set_up(logging.ERROR, logs.LogFormat.TEXT, logs.Redaction(), SystemClock().monotonic)
    with tempfile.TemporaryDirectory(prefix="apcbridge-demo-") as directory:
        ports = demo.choose_ports()
        path = demo.write_configuration(Path(directory), ports)
        _say(f"apcbridge demo: MQTT on 127.0.0.1:{ports.mqtt}, SNMP on :{ports.snmp_rack} and :{ports.snmp_attic}\n")
        serve(lambda: load(path), lambda bridge: demo.Tour(bridge, ports, path, _say, once=args.once).run())
    return Exit.GOOD


def _say(line: str) -> None:
    print(line, flush=True)
