"""``apcbridge mib``: the MIB module of what the bridge knows beside the PDU's own card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    add_command(subparsers, "mib", run, "print APCBRIDGE-MIB, for the MIB directory of an SNMP manager")


def run(_args: argparse.Namespace) -> int:
    """Print the module as it is, fit for a file."""
    from apcbridge.snmp.bridge_mib import module_text

    print(module_text(), end="")
    return Exit.GOOD
