"""New files beside each other in one directory: none is ever overwritten, and all can be taken back."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path

from apcbridge.errors import ConfigError

SERVICE_USER = "apcbridge"
SYSTEM_STATE = Path("/var/lib/apcbridge")
_PRIVATE, _READABLE = 0o600, 0o640


class NewFiles:
    """Writes files of a set-up. Those of root are handed to the service's user, where there is one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.written: list[Path] = []

    def check_free(self, name: str) -> None:
        """Raise ConfigError if the file exists or its directory cannot be written to."""
        path = self._directory / name
        if os.path.lexists(path):
            raise ConfigError(f"{path} exists already, and is never overwritten: choose another with --output")
        if not self._directory.is_dir():
            raise ConfigError(f"{self._directory} is no directory: create it, or choose another file with --output")
        if not os.access(self._directory, os.W_OK):
            raise ConfigError(f"{self._directory} may not be written to: use sudo, or choose a file with --output")

    def write_secret(self, name: str, secret: str) -> str:
        """Write a secret that only its owner can read; return the name used, a new one if ``name`` is taken."""
        stem, suffix = Path(name).stem, Path(name).suffix
        for number in range(1, 100):
            tried = name if number == 1 else f"{stem}-{number}{suffix}"
            with contextlib.suppress(FileExistsError):
                self._create(tried, f"{secret}\n", _PRIVATE)
                return tried
        raise ConfigError(f"{self._directory / name} and 99 others like it exist already")

    def write_readable(self, name: str, text: str) -> None:
        """Write a file that the owner's group may read; raises ConfigError if it exists."""
        try:
            self._create(name, text, _READABLE)
        except FileExistsError:
            raise ConfigError(f"{self._directory / name} exists already, and is never overwritten") from None

    def state_directory(self) -> str:
        """Return where the daemon keeps its state: the system's place, or one beside the files for a private set-up."""
        if self._directory.resolve().is_relative_to("/etc"):
            return str(SYSTEM_STATE)
        (self._directory / "state").mkdir(mode=0o700, exist_ok=True)
        return "state"

    def remove(self) -> None:
        """Take everything back."""
        for path in self.written:
            path.unlink(missing_ok=True)

    def _create(self, name: str, text: str, mode: int) -> None:
        path = self._directory / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        except FileExistsError:
            raise
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
        self.written.append(path)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, mode)
            _hand_over(descriptor)
            file.write(text)


def _hand_over(descriptor: int) -> None:
    """Give a file of root to the user that the service runs as: it insists on secrets of its own."""
    if os.geteuid() != 0:
        return
    with contextlib.suppress(KeyError):
        user = pwd.getpwnam(SERVICE_USER)
        os.fchown(descriptor, user.pw_uid, user.pw_gid)
