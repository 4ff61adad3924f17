"""What this machine knows of its serial ports: which there are, who may open them, who has them open."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERED = re.compile(r"(ttyUSB|ttyACM|ttyS)(\d+)")
_KINDS = ("ttyUSB", "ttyACM", "ttyS")
_PTS = "/dev/pts/"
_COMMAND_LIMIT = 4096
_STRANGER = 1
"""Process 1 and kernel threads hold no serial port of ours."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a port open, or is told on its command line to use it."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPort:
    """A serial device of this machine."""

    path: str
    """Its most lasting name: the one by id where it has one."""
    device: str
    """Where that leads, ``/dev/ttyUSB0``."""
    built_in: bool
    """A ``ttyS``: most of them have no plug behind them."""
    permitted: bool
    """We may open it."""
    holders: tuple[Holder, ...]

    @property
    def free(self) -> bool:
        """Nothing is known that would keep us from opening it."""
        return self.permitted and not self.holders


@dataclass(frozen=True, slots=True)
class Machine:
    """Where devices and processes are looked for."""

    dev: Path = field(default=Path("/dev"))
    proc: Path = field(default=Path("/proc"))

    def serial_ports(self) -> tuple[SerialPort, ...]:
        """List the serial devices, those with a lasting name first, each device once."""
        found: dict[str, SerialPort] = {}
        for path in self._candidates():
            device = os.path.realpath(path)
            if device in found or not _is_character_device(device):
                continue
            found[device] = SerialPort(
                path=str(path),
                device=device,
                built_in=path.name.startswith("ttyS"),
                permitted=os.access(device, os.R_OK | os.W_OK),
                holders=self.holders(device),
            )
        return tuple(found.values())

    def holders(self, device: str) -> tuple[Holder, ...]:
        """Name the processes that have a device open or are told to use it.

        Left out are ourselves, and whoever answers at the other end of a pseudo-terminal, such as `apcbridge simulate`.
        Only root sees what the processes of others have open; the command line of a getty or a terminal program names
        the device to everybody.
        """
        target = os.path.realpath(device)
        name = Path(target).name
        return tuple(
            Holder(pid, self._name(pid))
            for pid in self._pids()
            if pid != os.getpid()
            and (self._has_open(pid, target) or self._is_told(pid, target, name))
            and not self._is_other_end(pid, target)
        )

    def running(self, name: str) -> Holder | None:
        """Return a process of that name, or None."""
        return next((Holder(pid, name) for pid in self._pids() if self._name(pid) == name), None)

    def socket_owner(self, inode: str) -> Holder | None:
        """Name the process that has a socket open, where we may see it."""
        target = f"socket:[{inode}]"
        pid = next((pid for pid in self._pids() if self._has_open(pid, target)), None)
        return None if pid is None else Holder(pid, self._name(pid))

    def _candidates(self) -> Iterator[Path]:
        by_id = self.dev / "serial" / "by-id"
        if by_id.is_dir():
            yield from sorted(by_id.iterdir())
        numbered = [(match, path) for path in self.dev.iterdir() if (match := _NUMBERED.fullmatch(path.name))]
        numbered.sort(key=lambda pair: (_KINDS.index(pair[0][1]), int(pair[0][2])))
        yield from (path for _, path in numbered)

    def _pids(self) -> Iterator[int]:
        try:
            names = [path.name for path in self.proc.iterdir()]
        except OSError:
            return
        yield from sorted(int(name) for name in names if name.isdecimal() and int(name) > _STRANGER)

    def _has_open(self, pid: int, target: str) -> bool:
        try:
            descriptors = list((self.proc / str(pid) / "fd").iterdir())
        except OSError:
            return False
        return any(_leads_to(descriptor, target) for descriptor in descriptors)

    def _is_other_end(self, pid: int, target: str) -> bool:
        """Tell whether a process has the master of a pseudo-terminal; it often keeps the other end open, too."""
        if not target.startswith(_PTS):
            return False
        try:
            infos = [path.read_text(encoding="ascii") for path in (self.proc / str(pid) / "fdinfo").iterdir()]
        except OSError:
            return False
        mark = f"tty-index:\t{target.removeprefix(_PTS)}"
        return any(mark in info.splitlines() for info in infos)

    def _is_told(self, pid: int, target: str, name: str) -> bool:
        """Tell whether a login or terminal program was started for the device."""
        words = self._command(pid)
        program = Path(words[0]).name if words else ""
        return program in _PROGRAMS and any(word in (target, name) for word in words[1:])

    def _command(self, pid: int) -> list[str]:
        try:
            content = (self.proc / str(pid) / "cmdline").read_bytes()[:_COMMAND_LIMIT]
        except OSError:
            return []
        return content.decode("utf-8", "replace").split("\0")

    def _name(self, pid: int) -> str:
        try:
            return (self.proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return "a process"


_PROGRAMS = frozenset({"agetty", "getty", "mgetty", "picocom", "minicom", "screen", "cu", "tio", "ser2net"})


def _leads_to(link: Path, target: str) -> bool:
    try:
        return str(link.readlink()) == target
    except OSError:
        return False


def _is_character_device(path: str) -> bool:
    try:
        return stat.S_ISCHR(Path(path).stat().st_mode)
    except OSError:
        return False


def who_am_i() -> str:
    """Name the user of this process."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def group_of(path: str) -> str:
    """Name the group that owns a file; empty if it cannot be told."""
    try:
        gid = Path(path).stat().st_gid
        return grp.getgrgid(gid).gr_name
    except (OSError, KeyError):
        return ""
