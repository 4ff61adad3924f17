"""The command line as a whole: what it says when nothing, too much or the wrong thing is asked, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from apcbridge import cli

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED_IMPORT = """
import builtins, os, signal
from apcbridge.__main__ import main
real = builtins.__import__
def slow(name, *rest):
    if name == "apcbridge.cli":
        os.kill(os.getpid(), signal.SIGINT)
    return real(name, *rest)
builtins.__import__ = slow
main()
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, timeout=60)


def test_ctrl_c_while_the_program_is_still_loading_leaves_no_traceback() -> None:
    ended = run("-c", INTERRUPTED_IMPORT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


def test_ctrl_c_is_not_turned_on_again_for_a_program_in_the_background() -> None:
    program = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{INTERRUPTED_IMPORT}"
    ended = run("-c", program, "--version")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("apcbridge ")


def test_without_a_command_everything_there_is_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "check-config" in said.err
    assert "watch outlets" in said.err


def test_an_unknown_option_is_told_with_the_usage_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["schema", "--yaml"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: apcbridge schema")


def test_a_bad_file_is_shown_with_its_lines_by_whatever_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "apcbridge.yaml"
    path.write_text("pdus:\n  - id: pdu1\n    port: /dev/ttyS0\n    password: hunter2\n    pasword: hunter3\n")
    assert cli.main(["run", "-c", str(path)]) == 78
    said = capsys.readouterr().err
    assert said.splitlines()[1:3] == ["        pasword: *******", "        ^"]
    assert said.endswith("1 fault; nothing was started\n")
    assert "hunter" not in said


def test_an_output_that_cannot_be_written_is_told_in_a_line() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        ended = subprocess.run(
            [sys.executable, "-m", "apcbridge", "mib"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (1, "apcbridge: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_reason_to_fail(closed: str) -> None:
    told = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m apcbridge mib {closed}', sys.executable], capture_output=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, b"")
