"""Every command that the documents show, typed as it stands there beside a running daemon.

A line that is not run stands in :data:`LEFT_OUT` with the reason; a line that nobody knows fails.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.sim.profiles import make_profile
from tests.integration.daemon_world import Daemon
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.debian

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
DEADLINE_S = 60
TOKEN = "a token of 20 letters"

LEFT_OUT = {
    r"make \w": "tests/unit/test_docs.py holds the target to the Makefile, CI makes it",
    r"sudo (apt|adduser|install|ln|python3|/opt/apcbridge/bin/pip) ": "changes the machine",
    r"(sudo )?systemctl ": "needs systemd; packaging/deb/trial has the package's scripts",
    r"pipx |podman ": "not in Debian 12's base, or no container engine",
    r"apcbridge demo --once": "as long as the demo; tests/integration/test_run.py has it",
    r"apcbridge recover ": "wants a person at the button; tests/integration/test_tools_recover.py plays one",
    r"apcbridge doctor --fix-gateway ": "wants a person who agrees; tests/integration/test_tools_doctor.py plays one",
    r"cd config/examples/prometheus|promtool ": "tests/packaging/test_examples.py runs them",
}

# Where a document means another place than this test's, and what a person at a terminal would end with Ctrl-C.
PRELUDE = """
set -o pipefail
sudo() { "$@"; }
apcbridge() {
    case $1 in
        check-config|doctor) case " $* " in *" -c "*) ;; *) set -- "$@" -c "$CONFIG" ;; esac ;;
        init) set -- init --yes --port sim://AP7920 --output "$(mktemp -d "$CONFIG.XXXXXX")/new.yaml" ;;
        watch) exec timeout --foreground --preserve-status -s INT 2 "$PYTHON" -m apcbridge watch ;;
    esac
    "$PYTHON" -m apcbridge "$@"
}
curl() {
    case " $* " in
        *" -sN "*) command curl --fail --max-time 1 "$@" || [ $? = 28 ] ;;
        *) command curl --fail --max-time 20 "$@" ;;
    esac
}
mosquitto_pub() { command mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" "$@"; }
mosquitto_rr() { command mosquitto_rr -h 127.0.0.1 -p "$MQTT_PORT" -W 20 "$@"; }
mosquitto_sub() {
    case " $* " in
        *" -C "*) command mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -W 20 "$@" ;;
        *" -W "*) command mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" "$@" || [ $? = 27 ] ;;
        *) command mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -W 20 -C 1 "$@" ;;
    esac
}
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One command of a document."""

    page: str
    text: str

    @property
    def left_out(self) -> bool:
        return any(re.match(pattern, self.text) for pattern in LEFT_OUT)


def commands() -> Iterator[Line]:
    for page in PAGES:
        for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")):
            name = str(page.relative_to(ROOT))
            if kind == "sh":
                lines = [line for line in body.splitlines() if line.strip() and not line.startswith("#")]
            elif kind == "":
                assert body.startswith("$ "), f"{name}: say what this is, sh or text: {body[:60]!r}"
                lines = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
            else:
                continue
            yield from (Line(name, line) for line in lines)


def test_the_reasons_for_leaving_a_command_out_are_needed() -> None:
    lines = [line.text for line in commands()]
    assert not [pattern for pattern in LEFT_OUT if not any(re.match(pattern, line) for line in lines)]


async def test_every_command_of_the_documents_works(tmp_path: Path) -> None:
    port = free_port()
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    web = f'web: {{listen: "127.0.0.1:{port}", control: true, token_file: token}}'
    async with Daemon(tmp_path, make_profile("AP7920"), extra=web) as daemon:
        await daemon.until_online()
        outcomes = [
            await typed(line, daemon, port)
            for line in commands()
            if not line.left_out and not line.text.startswith("apcbridge check-config -c")
        ]
    assert not [outcome for outcome in outcomes if outcome]


async def typed(line: Line, daemon: Daemon, port: int) -> str:
    """Type a line; return what is wrong with what came of it."""
    state = daemon.folder / "state"
    text = line.text
    for meant, here in (
        ("/opt/apcbridge/bin/", ""),
        ("/etc/apcbridge/apcbridge.yaml", str(daemon.config)),
        (" --socket /run/apcbridge-NAME/apcbridge.sock", f" --socket {state}/apcbridge.sock"),
        ("/run/apcbridge/apcbridge.sock", f"{state}/apcbridge.sock"),
        ("127.0.0.1:8080", f"127.0.0.1:{port}"),
        ("/dev/serial/by-id/usb-...", "sim://AP7920"),
        ("ap7999.transcript", str(daemon.folder / "ap7999.transcript")),
        ("<id>", "bench"),
    ):
        text = text.replace(meant, here)
    environment = {
        **os.environ,
        "APCBRIDGE_SOCKET": f"{state}/apcbridge.sock",
        "CONFIG": str(daemon.config),
        "MQTT_PORT": str(daemon.broker.port),
        "PYTHON": sys.executable,
        "TOKEN": TOKEN,
    }
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f"{PRELUDE}\n{text}",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=environment, cwd=ROOT,
    )  # fmt: skip
    busy = asyncio.create_task(_something_happens(daemon)) if "'apcbridge/+/" in text else None
    try:
        async with asyncio.timeout(DEADLINE_S):
            said = (await process.communicate())[0].decode()
    finally:
        if busy is not None:
            busy.cancel()
    if process.returncode == 0 and "Traceback" not in said:
        return ""
    return f"{line.page}: {line.text}: exit code {process.returncode}: {said}"


async def _something_happens(daemon: Daemon) -> None:
    """Switch an outlet to and fro, for those who watch."""
    for number in range(100):
        daemon.observer.say("apcbridge/pdu1/outlet/5/set", "ON" if number % 2 else "OFF")
        await asyncio.sleep(0.5)


def test_the_fault_that_the_readme_shows_is_what_is_printed(tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    good = next(body for kind, body in blocks if kind == "yaml")
    session = next(body for kind, body in blocks if not kind and body.startswith("$ apcbridge check-config"))
    typed_line, _, printed = session.partition("\n")
    for name in re.findall(r"password_file: (\S+)", good):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text("secret\n")
    (tmp_path / "apcbridge.yaml").write_text(good.replace("password_file: pdu1", "pasword_file: pdu1"))
    words = shlex.split(typed_line.removeprefix("$ apcbridge "))
    ended = subprocess.run(
        [sys.executable, "-m", "apcbridge", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (78, printed)
