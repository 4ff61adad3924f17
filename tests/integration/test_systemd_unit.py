"""The unit file, judged by systemd itself, and the service as its manager sees it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "apcbridge.service"
INSTALLED = "/opt/apcbridge/bin/apcbridge"
EXPOSURE_LIMIT = 20
"""Tenths, as ``--threshold`` takes them: 2.0 of 10."""
DEADLINE_S = 30.0

pytestmark = pytest.mark.debian


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as it is after an installation: its program is there."""
    program = tmp_path / "apcbridge"
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o755)
    text = UNIT.read_text(encoding="utf-8")
    assert text.count(INSTALLED) == 1
    copy = tmp_path / "apcbridge.service"
    copy.write_text(text.replace(INSTALLED, str(program)), encoding="utf-8")
    return copy


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    done = analyze("verify", "--man=no", str(unit))
    assert done.returncode == 0, done.stderr
    assert "apcbridge.service" not in done.stderr


def test_systemd_would_find_something_wrong(unit: Path) -> None:
    unit.write_text(unit.read_text(encoding="utf-8").replace("WatchdogSec=60", "WatchdogSecs=60"), encoding="utf-8")
    assert "WatchdogSecs" in analyze("verify", "--man=no", str(unit)).stderr


def test_the_sandbox_is_tight(unit: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_LIMIT}", "--no-pager", str(unit))
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level" in done.stdout


CONFIGURATION = """\
bridge: {state_dir: state}
pdus:
  - {id: pdu1, port: "sim://AP7920?firmware=3.7.3", password: apc, session: hold}
"""


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end of ``$NOTIFY_SOCKET``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        yield manager


@pytest.fixture
def service(tmp_path: Path, notified: socket.socket) -> Iterator[subprocess.Popen[str]]:
    """The bridge as systemd would start it, watched every 4 s."""
    pytest.importorskip("systemd.daemon", reason="needs the extra systemd")
    # As StateDirectory= does.
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "apcbridge.yaml").write_text(CONFIGURATION, encoding="utf-8")
    environment = {**os.environ, "NOTIFY_SOCKET": notified.getsockname(), "WATCHDOG_USEC": "4000000"}
    environment.pop("WATCHDOG_PID", None)
    command = [sys.executable, "-m", "apcbridge", "run", "-c", str(tmp_path / "apcbridge.yaml")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def hears(notified: socket.socket, assignment: str) -> bool:
    """Wait for an assignment; False if something else comes instead for too long, a time-out if nothing does."""
    heard_by = time.monotonic() + DEADLINE_S
    while time.monotonic() < heard_by:
        if assignment in notified.recv(4096).decode().splitlines():
            return True
    return False


def test_systemd_hears_that_it_is_ready_alive_and_stopping(
    service: subprocess.Popen[str], notified: socket.socket
) -> None:
    assert hears(notified, "READY=1")
    assert hears(notified, "STATUS=1 of 1 PDUs answer")
    assert hears(notified, "WATCHDOG=1")
    assert hears(notified, "WATCHDOG=1")
    service.send_signal(signal.SIGTERM)
    assert hears(notified, "STOPPING=1")
    assert service.wait(DEADLINE_S) == 0
