"""``apcbridge wiring``: the cable to the console, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.cli import Exit, add_command

if TYPE_CHECKING:
    import argparse

    from apcbridge.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    add_command(subparsers, "wiring", run, "draw the RJ12 to DE-9 cable, and tell a wrong one from a right one")


def run(_args: argparse.Namespace) -> int:
    """Print the page."""
    from apcbridge.cli.paint import Paint, Style
    from apcbridge.tools.wiring import Tone, page

    styles = {Tone.HEADING: (Style.STRONG,), Tone.DRAWING: (Style.GOOD,), Tone.CAUTION: (Style.WARN,), Tone.PLAIN: ()}
    paint = Paint.of()
    for line in page():
        print(paint(line.text, *styles[line.tone]) if line.text else "")
    return Exit.GOOD
