"""The unit file, judged by systemd itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "apcbridge.service"
INSTALLED = "/opt/apcbridge/bin/apcbridge"
EXPOSURE_LIMIT = 20
"""Tenths, as ``--threshold`` takes them: 2.0 of 10."""

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
