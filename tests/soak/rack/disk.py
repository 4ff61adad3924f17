"""State directories in which nothing good can be kept."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RUBBISH = b"\x00rubbish{" * 500
ILLS = ("sound", "read-only", "full", "of rubbish")
FILES = ("journal.sqlite", "mqtt-topics.json", "snmp-engine.json")


@contextmanager
def ailing_disk(ill: str) -> Iterator[Path | None]:
    """Yield a state directory with one of :data:`ILLS`, or None where this process may not make it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "state"
        folder.mkdir()
        mounted = ill in ("read-only", "full")
        if mounted and not _mounted(folder):
            yield None
            return
        try:
            if ill == "read-only":
                subprocess.run(["/usr/bin/mount", "-o", "remount,ro", str(folder)], check=True)
            if ill == "full":
                _fill(folder)
            if ill == "of rubbish":
                for file in FILES:
                    (folder / file).write_bytes(RUBBISH)
            yield folder
        finally:
            if mounted:
                subprocess.run(["/usr/bin/umount", str(folder)], check=True)


def _mounted(folder: Path) -> bool:
    words = ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(words, capture_output=True, check=False).returncode == 0


def _fill(folder: Path) -> None:
    with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"x" * 4096)
