"""``--socket``: where the running daemon is asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SOCKET_VARIABLE = "APCBRIDGE_SOCKET"
DEFAULT_SOCKET = "/run/apcbridge/apcbridge.sock"
"""The same as :data:`apcbridge.web.settings.DEFAULT_SOCKET`, which is too heavy to import for ``--help``."""


def add_socket_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--socket PATH``."""
    parser.add_argument(
        "--socket",
        metavar="PATH",
        type=Path,
        default=Path(os.environ.get(SOCKET_VARIABLE) or DEFAULT_SOCKET),
        help=f"the daemon's local socket (default: ${SOCKET_VARIABLE}, else {DEFAULT_SOCKET})",
    )
