"""New files beside each other in one directory: nothing that says something is lost, and all can be taken back."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path

from apcbridge.errors import ConfigError

SERVICE_USER = "apcbridge"
SYSTEM_STATE = Path("/var/lib/apcbridge")
SYSTEM_SCHEMA = Path("/usr/share/apcbridge/schema.json")
"""Where the package puts the JSON schema of the configuration."""
_PRIVATE, _READABLE = 0o600, 0o640
_ASIDE = "before-init"
_TEXT_LIMIT = 256 * 1024


class NewFiles:
    """Writes files of a set-up. Those of root are handed to the service's user, where there is one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.written: list[Path] = []
        self.put_aside: dict[Path, Path] = {}
        """What stood in the place of a written file, and where it is kept now."""

    def check_free(self, name: str, *, or_silent: bool = False) -> None:
        """Raise ConfigError if the file exists or its directory cannot be written to.

        With ``or_silent`` a file of comments only is not in the way: the package brings such a configuration.
        """
        path = self._directory / name
        if os.path.lexists(path) and not (or_silent and _is_silent(path)):
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

    def write_configuration(self, name: str, text: str) -> None:
        """Write a configuration; one of comments only is put aside, and its owner keeps the new one.

        Raises ConfigError if there is one that says something.
        """
        path = self._directory / name
        if not _is_silent(path):
            self.write_readable(name, text)
            return
        owner = path.stat()
        self._put_aside(path)
        self.write_readable(name, text)
        with contextlib.suppress(PermissionError):
            os.chown(path, owner.st_uid, owner.st_gid)

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
        for path, aside in self.put_aside.items():
            aside.rename(path)

    def _put_aside(self, path: Path) -> None:
        for number in range(1, 100):
            aside = path.with_name(f"{path.name}.{_ASIDE}" if number == 1 else f"{path.name}.{_ASIDE}-{number}")
            if os.path.lexists(aside):
                continue
            path.rename(aside)
            self.put_aside[path] = aside
            return
        raise ConfigError(f"{path}.{_ASIDE} and 98 others like it exist already: remove what is not needed")

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


def _is_silent(path: Path) -> bool:
    """Tell whether a file holds nothing but comments; what cannot be read, or is reached by a link, may hold more."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            content = file.read(_TEXT_LIMIT + 1)
    except OSError:
        return False
    lines = (line.strip() for line in content.splitlines())
    return len(content) <= _TEXT_LIMIT and all(line.startswith(b"#") for line in lines if line)


def _hand_over(descriptor: int) -> None:
    """Give a file of root to the user that the service runs as: it insists on secrets of its own."""
    if os.geteuid() != 0:
        return
    with contextlib.suppress(KeyError):
        user = pwd.getpwnam(SERVICE_USER)
        os.fchown(descriptor, user.pw_uid, user.pw_gid)
