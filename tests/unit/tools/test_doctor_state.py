"""What the doctor says of the state directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from apcbridge.tools.doctor.state import check_state

if TYPE_CHECKING:
    from pathlib import Path


def test_a_directory_that_is_well_is_not_spoken_of(tmp_path: Path) -> None:
    assert check_state(tmp_path, daemon_runs=False) == ()


def test_one_that_is_missing_is_only_told_before_the_service_makes_it(tmp_path: Path) -> None:
    (finding,) = check_state(tmp_path / "state", daemon_runs=False)
    assert (str(finding.level), "not there yet" in finding.text) == ("warn", True)
    assert check_state(tmp_path / "state", daemon_runs=True) == ()


@pytest.mark.parametrize("runs", [True, False])
def test_a_disk_without_room_is_a_failure_whether_the_daemon_runs_or_not(tmp_path: Path, *, runs: bool) -> None:
    (finding,) = check_state(tmp_path, daemon_runs=runs, room_bytes=1 << 62)
    assert (str(finding.level), finding.advice) == ("fail", "make room on that disk")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_one_that_we_may_not_write_to_is_told_with_what_to_type(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    (finding,) = check_state(tmp_path, daemon_runs=False)
    assert finding.advice.startswith("sudo chown ")
    assert finding.advice.endswith(str(tmp_path))
