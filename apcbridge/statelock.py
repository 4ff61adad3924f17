"""One bridge per state directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from apcbridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = "lock"
"""The file in the state directory that the running bridge holds locked; it is empty, and the kernel lets go of it."""


@contextlib.contextmanager
def only_bridge_in(directory: Path) -> Iterator[None]:
    """Make the state directory and keep every other bridge out of it.

    A second one would take the commands that the first is carrying out for cut short, and tell its restarts again.
    Raises ConfigError if another bridge is there. Where nothing can be written there is nothing to guard.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # the journal says what is wrong, and the bridge goes on without it
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"another apcbridge runs with the state directory {directory}: stop that one, or give this one a "
                    "bridge.state_dir of its own"
                ) from None
        yield
