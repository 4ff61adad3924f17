"""Where the command begins: ``apcbridge`` and ``python -m apcbridge``."""

from __future__ import annotations

import signal
import sys

_INTERRUPTIBLE = signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""Not so for what a shell has put into the background."""


def main() -> int:
    """Run the command line; Ctrl-C leaves no traceback, whatever is going on at that moment."""
    _end_quietly()
    from apcbridge.cli import main as run

    if _INTERRUPTIBLE:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run()
    finally:
        _end_quietly()


def _end_quietly() -> None:
    """Let Ctrl-C end the process without a word, as it ends other programs."""
    if _INTERRUPTIBLE:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
