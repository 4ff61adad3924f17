"""A value that must not be seen, and the files it comes from."""

from __future__ import annotations

import os
import stat
from pathlib import Path

SECRET_LIMIT = 4096
"""Bytes of a secret file: a file that holds more is some other file."""

_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


class Secret:
    """A password, key, token or community: only :meth:`reveal` shows it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)


def locate(name: str, base: Path) -> Path:
    """Find the file a configuration names.

    A relative name is that of a systemd credential where ``$CREDENTIALS_DIRECTORY`` has one, otherwise it is
    relative to ``base``, the directory of the configuration file.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and not Path(name).is_absolute() and (Path(credentials) / name).is_file():
        return Path(credentials) / name
    return base / name


def read_secret(path: Path) -> Secret:
    """Read the secret in the only line of a file; raise ValueError with what is wrong and what to do."""
    try:
        _check_private(path)
        content = path.read_bytes()[: SECRET_LIMIT + 1]
    except FileNotFoundError:
        raise ValueError(f"{path} is not there: write the secret into it and chmod 600 it") from None
    except PermissionError:
        raise ValueError(f"{path} may not be read: chown it to the user that runs apcbridge") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > SECRET_LIMIT:
        raise ValueError(f"{path} is longer than {SECRET_LIMIT} bytes: it does not look like a secret")
    try:
        value = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    if not value.strip():
        raise ValueError(f"{path} is empty: write the secret into its first line")
    if not value.isprintable():
        raise ValueError(f"{path} must hold one line of printable characters")
    return Secret(value)


def _check_private(path: Path) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is not a regular file")
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    # systemd lets the service read a credential through an access list, whose mask shows as group permission.
    guarded_by_systemd = credentials is not None and path.parent == Path(credentials)
    if status.st_mode & _OTHERS and not guarded_by_systemd:
        raise ValueError(f"{path} is open to group or others: chmod 600 {path}")
