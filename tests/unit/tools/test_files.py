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


@pytest.mark.parametrize("silent", ["", "\n\n", "# nothing yet\n\n  #pdus: []\n"])
def test_a_configuration_of_comments_only_gives_way_and_is_kept(tmp_path: Path, silent: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(silent)
    (tmp_path / "a.yaml.before-init").write_text("of another time")
    files = NewFiles(tmp_path)
    files.check_free("a.yaml", or_silent=True)
    files.write_configuration("a.yaml", "pdus: []\n")
    assert path.read_text() == "pdus: []\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (tmp_path / "a.yaml.before-init-2").read_text() == silent
    assert (tmp_path / "a.yaml.before-init").read_text() == "of another time"
    files.remove()
    assert path.read_text() == silent
    assert not (tmp_path / "a.yaml.before-init-2").exists()


@pytest.mark.parametrize("telling", ["---\n", "pdus: []\n", "# x\n a\n", "# \x00\n\x00"])
def test_a_configuration_that_says_anything_stays(tmp_path: Path, telling: str) -> None:
    (tmp_path / "a.yaml").write_text(telling)
    with pytest.raises(ConfigError, match="never overwritten"):
        NewFiles(tmp_path).check_free("a.yaml", or_silent=True)
    with pytest.raises(ConfigError, match="never overwritten"):
        NewFiles(tmp_path).write_configuration("a.yaml", "new")
    assert (tmp_path / "a.yaml").read_text() == telling


def test_a_link_to_comments_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("# managed by somebody\n")
    (tmp_path / "a.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        NewFiles(tmp_path).check_free("a.yaml", or_silent=True)


def test_nothing_but_a_configuration_gives_way(tmp_path: Path) -> None:
    (tmp_path / "a.transcript").write_text("# a head\n")
    with pytest.raises(ConfigError):
        NewFiles(tmp_path).check_free("a.transcript")
