"""New files: private where they must be, never over another, and gone again when something fails."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from apcbridge.config.secret import read_secret
from apcbridge.errors import ConfigError
from apcbridge.tools.files import NewFiles

if TYPE_CHECKING:
    from pathlib import Path


def test_a_secret_is_its_owners_only_and_readable_by_the_daemon(tmp_path: Path) -> None:
    name = NewFiles(tmp_path).write_secret("pdu1.password", "s3cret")
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert read_secret(tmp_path / name).reveal() == "s3cret"


def test_a_taken_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pdu1.password").write_text("of somebody else")
    assert NewFiles(tmp_path).write_secret("pdu1.password", "ours") == "pdu1-2.password"
    assert (tmp_path / "pdu1.password").read_text() == "of somebody else"


def test_a_configuration_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kept")
    files = NewFiles(tmp_path)
    with pytest.raises(ConfigError, match="never overwritten"):
        files.check_free("a.yaml")
    with pytest.raises(ConfigError, match="never overwritten"):
        files.write_readable("a.yaml", "new")
    files.remove()
    assert (tmp_path / "a.yaml").read_text() == "kept"


def test_a_dangling_link_is_in_the_way_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        NewFiles(tmp_path).check_free("a.yaml")
    assert not (tmp_path / "elsewhere").exists()


def test_everything_can_be_taken_back(tmp_path: Path) -> None:
    files = NewFiles(tmp_path)
    files.write_secret("a", "x")
    files.write_readable("b", "y")
    files.remove()
    assert list(tmp_path.iterdir()) == []
