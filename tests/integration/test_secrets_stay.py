"""No secret of the configuration, and none that a stranger tries, stands in anything that apcbridge writes or says."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.logs import LINES_PER_MINUTE
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.server import SimServer
from apcbridge.sim.url import parse_url
from tests.integration.mqtt_world import Mosquitto, Observer, password_file, until
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.debian, pytest.mark.timeout(300)]

CANARY = "cAnArY"
"""Part of every secret: what is looked for."""
CONSOLE, BROKER, TOKEN = f"{CANARY}-console", f"{CANARY}-broker", f"{CANARY}-token"
READ, WRITE, TRAPS = f"{CANARY}-read", f"{CANARY}-write", f"{CANARY}-traps"
AUTH, PRIV = f"{CANARY}-auth-key", f"{CANARY}-priv-key"
GUESS = f"{CANARY}-guess"
SYSTEM = "1.3.6.1.2.1.1.2.0"


class Bridge:
    """``apcbridge run`` at debug level, every door open, and everything that anybody printed."""

    def __init__(self, folder: Path, device: Path, broker: Mosquitto) -> None:
        self.folder = folder
        self._device = device
        self._broker = broker
        self.config = folder / "apcbridge.yaml"
        self.log_path = folder / "log"
        self.agent, self.web = free_port(), free_port()
        self.process: asyncio.subprocess.Process
        self.printed = ""
        (folder / "state").mkdir()
        self._keep("token", TOKEN)
        self._keep("auth", AUTH)
        self._keep("priv", PRIV)
        self._keep("broker", BROKER)

    def _keep(self, name: str, secret: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(f"{secret}\n")

    def write(self, console: str, *, broker: str, old: str = "", new: str = "") -> None:
        """Write the configuration; with ``old`` in place of which stands ``new``."""
        text = f"""
bridge: {{id: bench, state_dir: {self.folder / "state"}}}
pdus:
  - id: pdu1
    port: {self._device}
    password: {console}
    access: menu
    session: hold
    poll_interval: 1
    snmp: {{listen: "127.0.0.1:{self.agent}"}}
mqtt:
  url: mqtt://127.0.0.1:{self._broker.port}
  username: bench
  {broker}
snmp:
  communities:
    - {{name: {READ}, access: read}}
    - {{name: {WRITE}, access: write}}
  users:
    - {{name: nms, auth_key_file: auth, priv_key_file: priv}}
  traps:
    - {{target: "127.0.0.1:{free_port()}", community: {TRAPS}}}
web: {{listen: "127.0.0.1:{self.web}", control: true, token_file: token}}
"""
        assert old in text
        self.config.touch(mode=0o600)
        self.config.write_text(text.replace(old, new, 1) if old else text)

    async def start(self) -> None:
        with self.log_path.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "apcbridge", "run", "--log-level", "debug", "-c", str(self.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"},
            )

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    async def logged(self, words: str, times: int = 1) -> None:
        await until(lambda: self.log().count(words) >= times, f"{times} x {words!r} in the log:\n{self.log()}", 40)

    async def tool(self, *arguments: str) -> int:
        """Run one of our commands; what it prints must be clean as well."""
        return await self.run(sys.executable, "-m", "apcbridge", *arguments, keep=True)

    async def run(self, *command: str, keep: bool = False) -> int:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        if keep:
            self.printed += said.decode()
        assert process.returncode is not None
        return process.returncode

    async def snmp(self, *who: str, set_too: bool = False) -> None:
        """Ask the agent; some of those who ask get no answer."""
        common = ("-m", "", "-t", "0.5", "-r", "0", *who, f"127.0.0.1:{self.agent}", SYSTEM)
        await self.run("snmpget", *common)
        if set_too:
            await self.run("snmpset", *common, "o", SYSTEM)

    def http(self, method: str, target: str, token: str | None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=20)
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        with contextlib.closing(connection):
            connection.request(method, target, '{"command": "ON"}' if method == "POST" else None, headers)
            response = connection.getresponse()
            self.printed += str(response.getheaders()) + response.read().decode()
            return response.status

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def says(self) -> dict[str, bytes]:
        """Return everything that can be read of it by now: files that it wrote, what was printed, what ``ps`` shows."""
        found = {str(path): path.read_bytes() for path in (self.folder / "state").rglob("*") if path.is_file()}
        process = Path(f"/proc/{self.process.pid}")
        found |= {name: (process / name).read_bytes() for name in ("cmdline", "environ", "comm")}
        return found | {"log": self.log_path.read_bytes(), "printed": self.printed.encode()}


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    passwords = password_file(tmp_path, bench=BROKER, watcher="watcher")
    simulated = SimServer(SimulatedPdu(parse_url(f"sim://AP7920?firmware=3.7.3&password={CONSOLE}")))
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}") as broker:
        async with simulated:
            simulated.open_pty(tmp_path / "ttyUSB0")
            bridge = Bridge(tmp_path, tmp_path / "ttyUSB0", broker)
            with Observer(broker.port, username="watcher", password="watcher") as observer:
                try:
                    yield bridge
                    told = [*bridge.says().items(), *((m.topic, m.topic.encode() + m.payload) for m in observer.seen)]
                finally:
                    bridge.process.kill()
                    await bridge.process.wait()
    lines = [f"{where}: {line!r}" for where, text in told for line in text.splitlines()]
    assert any(line.startswith("apcbridge/pdu1/") for line in lines), "the topics were looked at"
    assert "\n".join(line for line in lines if CANARY.lower() in line.lower()) == ""


async def test_nobody_is_told_a_secret(bridge: Bridge) -> None:
    wrong = f"password: {GUESS}"
    right = "password_file: broker"
    bridge.write(GUESS, broker=wrong)
    await bridge.start()
    await bridge.logged("refuses us (user bench")
    await bridge.logged("SNMP agent on")
    socket = str(bridge.folder / "state" / "apcbridge.sock")
    for arguments in (("check-config",), ("doctor", "--socket", socket), ("doctor", "--json", "--socket", socket)):
        await bridge.tool(*arguments, "-c", str(bridge.config))

    await bridge.snmp("-v2c", "-c", GUESS, set_too=True)
    await bridge.snmp("-v1", "-c", READ, set_too=True)
    await bridge.snmp("-v2c", "-c", WRITE, set_too=True)
    v3 = ("-v3", "-l", "authPriv", "-a", "SHA-256", "-x", "AES")
    await bridge.snmp(*v3, "-u", "nms", "-A", AUTH, "-X", PRIV, set_too=True)
    await bridge.snmp(*v3, "-u", "nms", "-A", GUESS, "-X", GUESS)
    await bridge.snmp(*v3, "-u", GUESS, "-A", GUESS, "-X", GUESS)
    for token in (None, GUESS, TOKEN):
        for method, target in (("POST", "/api/v1/pdus/pdu1/outlets/1"), ("GET", "/api/v1/events"), ("GET", "/")):
            bridge.http(method, target, token)

    faults = (
        ("url: mqtt://", f"url: mqtt://bench:{BROKER}@"),
        (f"password: {CONSOLE}", f"pasword: {CONSOLE}"),
        (f"password: {CONSOLE}", f"password: [{CONSOLE}]"),
        (f"password: {CONSOLE}", f"password: {{{CONSOLE}: 1}}"),
        (f"password: {CONSOLE}", f'password: "{CONSOLE}'),
        (f"password: {CONSOLE}", f"password: {CONSOLE}\n\t x"),
        (f"password: {CONSOLE}", f"password: !!python/object {CONSOLE}"),
        (f"password: {CONSOLE}", f"password: {CONSOLE}\n    password: {CONSOLE}"),
        (f"name: {READ}", f"name: [{READ}]"),
        ("auth_key_file: auth", f"auth_key: {AUTH}"),
    )
    for times, (old, new) in enumerate(faults, 1):
        bridge.write(CONSOLE, broker=right, old=old, new=new)
        if times < LINES_PER_MINUTE:
            bridge.reload()
            await bridge.logged("the old configuration stays in force", times)
        assert await bridge.tool("check-config", "-c", str(bridge.config)) == 78, f"{new} is a fault"

    bridge.write(CONSOLE, broker=right)
    bridge.reload()
    await bridge.logged("MQTT: everything is published")
    await until(lambda: bridge.http("POST", "/api/v1/pdus/pdu1/outlets/1", TOKEN) in (200, 202), "the PDU answers", 40)
    await bridge.tool("status", "--json", "--socket", socket)
    await bridge.tool("events", "--json", "--socket", socket)
    await bridge.tool("doctor", "--socket", socket, "-c", str(bridge.config))
    bridge.write(GUESS, broker=wrong)
    bridge.reload()
    await bridge.logged("refuses us (user bench", 2)
