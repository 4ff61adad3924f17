"""What the Debian package puts on a system, as far as it can be judged before it is built."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from apcbridge.config import examine

ROOT = Path(__file__).resolve().parents[2]
DEB = ROOT / "packaging" / "deb"
SYSTEMD = ROOT / "systemd"
EXPOSURE_LIMIT = 20
"""Tenths, as ``--threshold`` takes them: 2.0 of 10."""


def configured(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(DEB / "configured"), str(path)], capture_output=True, text=True, check=False, timeout=30)


def test_the_service_waits_while_the_configuration_says_nothing(tmp_path: Path) -> None:
    done = configured(DEB / "apcbridge.yaml")
    assert done.returncode == 1
    assert "systemctl start apcbridge" in done.stdout
    (tmp_path / "empty").touch()
    assert configured(tmp_path / "empty").returncode == 1


def test_the_service_starts_once_it_says_something(tmp_path: Path) -> None:
    file = tmp_path / "apcbridge.yaml"
    file.write_text("# a comment\n\n  bridge: {id: a}  # another\n", encoding="utf-8")
    assert configured(file).returncode == 0


def test_a_file_that_cannot_be_read_is_left_to_the_daemon_to_explain(tmp_path: Path) -> None:
    assert configured(tmp_path / "none").returncode == 0


def test_the_shipped_configuration_is_right_once_it_is_uncommented(tmp_path: Path) -> None:
    _, _, keys = (DEB / "apcbridge.yaml").read_text(encoding="utf-8").partition("\n\n")
    file = tmp_path / "apcbridge.yaml"
    file.write_text(re.sub(r"^#", "", keys, flags=re.MULTILINE), encoding="utf-8")
    for name in ("pdu1.password", "mqtt.password"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text("a password\n", encoding="utf-8")
    report = examine(file)
    assert not report.faults
    assert report.config is not None
    assert [pdu.id for pdu in report.config.pdus] == ["pdu1"]


def test_every_dependency_is_pinned_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", (DEB / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    for requirement in project["dependencies"] + extras["embedded"] + extras["fast"]:
        found = re.fullmatch(r"([\w-]+)>=([\d.]+).*", requirement)
        assert found, requirement
        assert _release(pinned[found[1]]) >= _release(found[2]), requirement


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])


def test_an_instance_differs_from_the_service_only_in_its_paths() -> None:
    ordinary, instance = (
        [line for line in (SYSTEMD / name).read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
        for name in ("apcbridge.service", "apcbridge@.service")
    )
    differing = [(a, b) for a, b in zip(ordinary, instance, strict=True) if a != b]
    assert [a.partition("=")[0] for a, _ in differing] == [
        "Description",
        "ExecStart",
        "StateDirectory",
        "RuntimeDirectory",
    ]
    assert all("%i" in b for _, b in differing)


@pytest.mark.debian
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_an_instance_right_and_tight(tmp_path: Path) -> None:
    unit = tmp_path / "apcbridge@.service"
    text = (SYSTEMD / unit.name).read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/apcbridge/bin/apcbridge", "/bin/true"), encoding="utf-8")
    one = tmp_path / "apcbridge@rack.service"
    shutil.copy(unit, one)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(one)], capture_output=True, text=True, check=False, timeout=60
    )
    assert verified.returncode == 0, verified.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_LIMIT}", "--no-pager", str(one)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr
