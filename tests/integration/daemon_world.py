"""The daemon as its users run it: a process, a configuration file, a PDU on a pty, a broker."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.profiles import Profile, make_profile
from apcbridge.sim.server import SimServer
from tests.integration.mqtt_world import Mosquitto, Observer, until

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from apcbridge.sim.server import SimPty

READER, WRITER = "test-read", "test-write"
LOG_DEADLINE_S = 40.0


class Daemon:
    """``apcbridge run`` beside a simulated PDU (on a pty) and mosquitto. An asynchronous context manager."""

    def __init__(
        self,
        folder: Path,
        profile: Profile | None = None,
        *,
        pdu: SimulatedPdu | None = None,
        password: str = "apc",
        access: str = "menu",
        session: str = "hold",
        poll_interval: float = 1,
        keys: str = "",
        extra: str = "",
    ) -> None:
        self.folder = folder
        self.pdu = pdu or SimulatedPdu(profile or make_profile("AP7920"))
        self._server = SimServer(self.pdu)
        self.pty: SimPty
        self.device = folder / "ttyUSB0"
        self.broker = Mosquitto(folder)
        self.config = folder / "apcbridge.yaml"
        self.log_path = folder / "log"
        self.process: asyncio.subprocess.Process | None = None
        self.observer: Observer
        self._keys = f"password: {password}, access: {access}, session: {session}, poll_interval: {poll_interval}{keys}"
        self._extra = extra

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self.broker)
            await stack.enter_async_context(self._server)
            self.pty = self._server.open_pty(self.device)
            self.observer = stack.enter_context(Observer(self.broker.port))
            self.write_config()
            await self.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self.log())
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        await self._stack.__aexit__(kind, error, trace)

    def write_config(self) -> None:
        """Write what the daemon is told."""
        (self.folder / "state").mkdir(exist_ok=True)
        self.config.touch(mode=0o600)
        self.config.write_text(
            f"""
bridge: {{id: bench, state_dir: {self.folder / "state"}}}
pdus:
  - {{id: pdu1, port: {self.device}, {self._keys}, outlets: {{2: {{policy: no-off}}}}, snmp: {{listen: "127.0.0.1:0"}}}}
{self._extra}
mqtt:
  url: mqtt://127.0.0.1:{self.broker.port}
  homeassistant: {{discovery: device}}
snmp:
  communities:
    - {{name: {READER}, access: read}}
    - {{name: {WRITER}, access: write}}
""",
            encoding="utf-8",
        )

    async def start(self) -> None:
        """Start the daemon."""
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        with self.log_path.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "apcbridge",
                "run",
                "-c",
                str(self.config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    async def reload(self, *, poll_interval: float) -> None:
        """Let the daemon read a configuration in which its PDU is another; return when it has."""
        assert self.process is not None
        self._keys = re.sub(r"poll_interval: [0-9.]+", f"poll_interval: {poll_interval}", self._keys)
        self.write_config()
        before = self.log().count("reloaded: ")
        self.process.send_signal(signal.SIGHUP)
        await until(lambda: self.log().count("reloaded: ") > before, "the reload", LOG_DEADLINE_S)

    def log(self) -> str:
        """Return what the daemon has written so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    async def until_logged(self, words: str) -> None:
        """Wait until the daemon has written something."""
        await until(lambda: words in self.log(), f"the daemon saying {words!r}; it said:\n{self.log()}", LOG_DEADLINE_S)

    async def until_online(self) -> None:
        """Wait until the PDU is published as available."""
        await until(lambda: self.last("apcbridge/pdu1/availability") == "online", "the PDU online", LOG_DEADLINE_S)

    def last(self, topic: str) -> str | None:
        """Return the newest payload seen on a topic."""
        return next((m.payload.decode() for m in reversed(tuple(self.observer.seen)) if m.topic == topic), None)

    async def until_topic(self, topic: str, payload: str) -> None:
        """Wait until a topic's newest payload is this."""
        await until(
            lambda: self.last(topic) == payload, f"{payload!r} on {topic}, last {self.last(topic)!r}", LOG_DEADLINE_S
        )

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), LOG_DEADLINE_S)

    def commands_taken(self) -> list[str]:
        """Return what the PDU was made to do."""
        return [str(command.action) for command in self.pdu.log.commands()]

    def logged_in(self) -> bool:
        """Whether somebody is logged in at the PDU's console."""
        return self.pdu.gate.holder is not None

    @property
    def snmp_port(self) -> int:
        """The port that the agent got from the kernel, at last."""
        line = next(line for line in reversed(self.log().splitlines()) if "SNMP agent on" in line)
        return int(line.rsplit(" ", 1)[1])
