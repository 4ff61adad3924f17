"""The wheel, installed with no compiler into an environment of its own, for every Python that is here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("apcbridge", "LICENSE", "README.md", "pyproject.toml")
SUPPORTED = ("3.11", "3.12", "3.13")
DEADLINE_S = 60.0

pytestmark = pytest.mark.timeout(600)


def version_of(python: str) -> str:
    """Return "3.11" and the like of an interpreter that can make environments, or nothing."""
    ask = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def interpreters() -> dict[str, str]:
    """Return an interpreter for each supported version of Python that is on this machine, ours among them."""
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [sys.executable, *(f"/usr/bin/python{version}" for version in SUPPORTED)]
    candidates += sorted(str(path) for path in managed.glob("3.*/bin/python"))
    found: dict[str, str] = {}
    for python in candidates:
        found.setdefault(version_of(python), python)
    return {version: found[version] for version in SUPPORTED if version in found}


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    done = run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", folder)
    assert done.returncode == 0, done.stderr
    [found] = (folder / "dist").iterdir()
    return found


@pytest.fixture(scope="module", params=interpreters())
def program(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"python{request.param}") / "environment"
    made = run(interpreters()[request.param], "-m", "venv", "--without-pip", folder)
    assert made.returncode == 0, made.stdout + made.stderr
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", folder / "bin" / "python")
    installed = run(*pip, "install", "--only-binary=:all:", "--no-compile", wheel, CC="/bin/false")
    assert installed.returncode == 0, installed.stderr
    return folder / "bin" / "apcbridge"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    file = tmp_path / "apcbridge.yaml"
    file.touch(mode=0o600)
    file.write_text(
        f"bridge: {{id: rack-a, state_dir: {tmp_path}/state}}\n"
        'pdus: [{id: pdu1, port: "sim://AP7920?firmware=3.7.3", password: apc, session: hold}]\n',
        encoding="utf-8",
    )
    return file


@pytest.fixture
def daemon(program: Path, config: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([program, "run", "-c", config], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_is_complete(program: Path, config: Path) -> None:
    assert "check-config" in run(program, "--help").stdout
    assert "DEFINITIONS ::= BEGIN" in run(program, "mib").stdout
    checked = run(program, "check-config", "-c", config)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_it_reads_a_pdu_and_ends_well(program: Path, tmp_path: Path, daemon: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    ask = (program, "status", "--json", "--socket", tmp_path / "state" / "apcbridge.sock")
    while (asked := run(*ask)).returncode or '"ON"' not in asked.stdout:
        assert daemon.poll() is None, daemon.communicate()[1]
        assert time.monotonic() < deadline, asked.stdout + asked.stderr
        time.sleep(0.2)  # between two questions
    assert json.loads(asked.stdout)
    daemon.terminate()
    assert daemon.wait(DEADLINE_S) == 0
