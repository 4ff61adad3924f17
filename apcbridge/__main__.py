"""Where the command begins: ``apcbridge`` and ``python -m apcbridge``."""

from __future__ import annotations

import os
import signal
import sys

_INTERRUPTIBLE = signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""Not so for what a shell has put into the background."""


def main() -> int:
    """Run the command line; Ctrl-C leaves no traceback, whatever is going on at that moment."""
    _end_quietly()
    _open_closed_streams()
    from apcbridge.cli import main as run

    if _INTERRUPTIBLE:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run()
    finally:
        _end_quietly()


def _open_closed_streams() -> None:
    """Open nothing as what our parent has closed, or a socket of ours would take the number of a standard stream."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for as long as we run


def _end_quietly() -> None:
    """Let Ctrl-C end the process without a word, as it ends other programs."""
    if _INTERRUPTIBLE:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
