"""``apcbridge run`` in a process of its own for many PDUs, and what the system tells of that process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.integration.mqtt_world import until
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

READER, WRITER = "soak-read", "soak-write"
PATIENCE_S = 120.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Place:
    """One PDU of the rack."""

    id: str
    url: str
    """The simulated PDU."""
    access: str
    session: str
    outlets: int

    @property
    def group(self) -> str:
        """Name what the console is, for figures."""
        return f"{'menus' if self.access == 'menu' else 'command line'}, {self.session}"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the process has used up to now, and what it holds."""

    at_mono: float
    cpu_s: float
    waited_s: float
    """It could have run and somebody else had the processor."""
    rss_kib: int
    descriptors: int
    threads: int


class Daemon:
    """The daemon. An asynchronous context manager; leaving it kills what still runs."""

    def __init__(
        self,
        folder: Path,
        places: Sequence[Place],
        broker_port: int,
        poll_interval_s: float,
        *,
        state_dir: Path | None = None,
        environment: Mapping[str, str] | None = None,
        users: str = "",
    ) -> None:
        self.folder = folder
        self.state_dir = state_dir or folder / "state"
        self.socket = self.state_dir / "apcbridge.sock"
        """Where the daemon answers."""
        self._log_path = folder / "log"
        self._environment = dict(environment or {})
        self._config = folder / "apcbridge.yaml"
        self._process: asyncio.subprocess.Process | None = None
        self._begun = 0
        self.agents = {place.id: free_port() for place in places}
        """The ports of the SNMP agents."""
        pdus = "\n".join(
            f"  - {{id: {p.id}, port: {folder / p.id}, password: apc, access: {p.access}, session: {p.session}, "
            f'poll_interval: {poll_interval_s:g}, snmp: {{listen: "127.0.0.1:{self.agents[p.id]}"}}}}'
            for p in places
        )
        self.state_dir.mkdir(exist_ok=True)
        self._config.touch(mode=0o600)
        self._config.write_text(
            f"""
bridge: {{id: soak, state_dir: {self.state_dir}}}
pdus:
{pdus}
mqtt: {{url: "mqtt://127.0.0.1:{broker_port}", homeassistant: {{discovery: device}}}}
snmp:
  communities: [{{name: {READER}, access: read}}, {{name: {WRITER}, access: write}}]
{users}""",
            encoding="utf-8",
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self.log()[-4000:])
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            await self._process.wait()

    async def start(self) -> None:
        """Start the process."""
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"} | self._environment
        self._begun = self._log_path.stat().st_size if self._log_path.exists() else 0
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "apcbridge", "run", "-c", str(self._config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def end(self) -> int:
        """End it as systemd does; return the exit code."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), PATIENCE_S)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """Return what it has written since it was last started."""
        return self._log_path.read_bytes()[self._begun :].decode(errors="replace")

    async def until_logged(self, words: str) -> None:
        """Wait until it has written something."""
        await until(lambda: words in self.log(), f"{words!r} in the log", PATIENCE_S, step_s=0.1)

    def usage(self) -> Usage:
        """Ask the system."""
        proc = Path(f"/proc/{self.pid}")
        fields = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        status = (proc / "status").read_text()
        return Usage(
            at_mono=time.monotonic(),
            cpu_s=(int(fields[11]) + int(fields[12])) * _TICK_S,
            waited_s=self.waited_s(),
            rss_kib=int(re.findall(r"VmRSS:\s+(\d+)", status)[0]),
            descriptors=len(list((proc / "fd").iterdir())),
            threads=int(re.findall(r"Threads:\s+(\d+)", status)[0]),
        )

    def waited_s(self) -> float:
        """Return how long the event loop's thread was ready to run and could not."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9

    async def ask(self, path: str) -> str:
        """GET from the local socket; an empty text if nobody answers."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_unix_connection(str(self.socket))
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read()
                writer.close()
                return answer.partition(b"\r\n\r\n")[2].decode()
        return ""

    async def ages_s(self) -> dict[str, float]:
        """Return the age of every PDU's readings."""
        metrics = await self.ask("/metrics")
        found = re.findall(r'^apcbridge_snapshot_age_seconds\{pdu="(\w+)"\} (\S+)', metrics, re.MULTILINE)
        return {pdu: float(age) for pdu, age in found}

    async def pdu(self, name: str) -> dict[str, object]:
        """Return what the API says of a PDU."""
        found = json.loads(await self.ask(f"/api/v1/pdus/{name}") or "{}")
        assert isinstance(found, dict)
        return found
