"""Manual pages and completions: what is made of the command line serves its users."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apcbridge.cli import build_parser
from apcbridge.config.schema import Config

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": "0"}


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("generated")
    run(sys.executable, str(ROOT / "packaging" / "generate"), str(directory))
    return directory


def offers(generated: Path, *words: str) -> list[str]:
    """Return what bash offers for the last word."""
    script = f"""
        source {generated}/completions/apcbridge.bash
        COMP_WORDS=(apcbridge "$@"); COMP_CWORD=$#
        _apcbridge
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return run("bash", "-c", script, "bash", *words).split()


def test_bash_offers_commands_options_and_values(generated: Path) -> None:
    assert {"run", "check-config", "status", "--version"} <= set(offers(generated, ""))
    assert offers(generated, "run", "--log-l") == ["--log-level"]
    assert offers(generated, "run", "--log-level", "") == ["debug", "info", "warning", "error"]
    assert offers(generated, "outlet", "--ttl", "5", "pdu1", "3", "o") == ["on", "off"]


def test_bash_offers_files(generated: Path) -> None:
    assert f"{ROOT}/pyproject.toml" in offers(generated, "check-config", "-c", f"{ROOT}/pyp")


@pytest.mark.debian
@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_offers_the_same(generated: Path) -> None:
    ask = f"source {generated}/completions/apcbridge.fish; complete -C 'apcbridge run --log-level '"
    assert [line.split("\t")[0] for line in run("fish", "-c", ask).splitlines()] == [
        "debug",
        "error",
        "info",
        "warning",
    ]


@pytest.mark.debian
@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_takes_the_script(generated: Path) -> None:
    assert not run("zsh", "-n", f"{generated}/completions/_apcbridge")


@pytest.mark.debian
@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
@pytest.mark.parametrize("page", ["apcbridge.1", "apcbridge.yaml.5"])
def test_troff_has_nothing_to_complain_about(generated: Path, page: str) -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-c", str(generated / "man" / page)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not done.stderr
    assert "apcbridge" in done.stdout


def test_the_manual_names_every_command_and_key(generated: Path) -> None:
    page = (generated / "man" / "apcbridge.1").read_text(encoding="utf-8").replace("\\-", "-")
    for line in build_parser().format_help().split("commands:")[1].splitlines():
        if line.startswith("    ") and not line.startswith("     ") and line.split()[0] != "COMMAND":
            assert f".SS {line.split()[0]}\n" in page
    keys = (generated / "man" / "apcbridge.yaml.5").read_text(encoding="utf-8")
    for section in Config.model_fields:
        assert f".SH {section}" in keys
    for key in ("poll_interval", "reboot_holdoff", "allow_bulk", "priv_key_file"):
        assert f"\\fB{key}\\fR" in keys


def test_one_source_gives_one_text(generated: Path, tmp_path: Path) -> None:
    run(sys.executable, str(ROOT / "packaging" / "generate"), str(tmp_path))
    for path in (path for path in generated.rglob("*") if path.is_file()):
        assert path.read_bytes() == (tmp_path / path.relative_to(generated)).read_bytes()
