"""``apcbridge schema``: the JSON schema of the configuration file, for editors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    add_command(subparsers, "schema", run, "print the JSON schema of the configuration file")


def run(_args: argparse.Namespace) -> int:
    """Print the schema."""
    from apcbridge.config.reference import json_schema

    print(json.dumps(json_schema(), indent=2))
    return Exit.GOOD
