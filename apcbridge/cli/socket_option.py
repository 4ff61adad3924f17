"""``--socket``: where the running daemon is asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SOCKET_VARIABLE = "APCBRIDGE_SOCKET"
DEFAULT_SOCKETS = ("/run/apcbridge/apcbridge.sock", "/var/lib/apcbridge/apcbridge.sock")
"""systemd's runtime directory, and beside the state, where the daemon puts it without one."""


def add_socket_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--socket PATH``."""
    found = next((path for path in DEFAULT_SOCKETS if os.access(path, os.F_OK)), DEFAULT_SOCKETS[0])
    parser.add_argument(
        "--socket",
        metavar="PATH",
        type=Path,
        default=Path(os.environ.get(SOCKET_VARIABLE) or found),
        help=f"the daemon's local socket (default: ${SOCKET_VARIABLE}, else {found})",
    )
