"""``apcbridge check-config``: everything that is wrong with a configuration file, with the lines at fault."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command, add_config_option

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers
    from apcbridge.config import Config, Report


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(subparsers, "check-config", run, "check a configuration file; opens and contacts nothing")
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Check the file, print the result, return 0 or 78."""
    from apcbridge.config import examine

    report = examine(Path(args.config))
    if args.json:
        print(json.dumps(_as_json(args.config, report), indent=2))
    elif report.config:
        print(f"{args.config}: good: {summary(report.config)}")
    else:
        from apcbridge.config.excerpt import explain

        print("\n".join(explain(report.faults, report.document)), file=sys.stderr)
    return Exit.GOOD if report.config else Exit.CONFIG


def summary(config: Config) -> str:
    """Say in one line what a configuration does."""
    count = len(config.pdus)
    agents = [str(pdu.snmp.listen) for pdu in config.pdus if pdu.snmp]
    parts = [
        f"{count} PDU{'s' if count > 1 else ''} ({', '.join(pdu.id for pdu in config.pdus)})",
        f"MQTT {config.mqtt.url}" if config.mqtt else "no MQTT",
        f"SNMP on {', '.join(agents)}" if agents else "no SNMP",
    ]
    return ", ".join(parts)


def _as_json(file: str, report: Report) -> dict[str, object]:
    faults = [
        {"file": f.file, "line": f.line, "column": f.column, "key": f.key, "reason": f.reason} for f in report.faults
    ]
    return {"file": file, "good": report.config is not None, "faults": faults}
