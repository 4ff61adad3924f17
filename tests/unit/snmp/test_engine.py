"""The engine's identity and boots on disk."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from apcbridge.errors import JournalError
from apcbridge.snmp.engine import FILE_NAME, MAX_BOOTS, next_boot

if TYPE_CHECKING:
    from pathlib import Path


def test_every_start_counts_and_keeps_the_identity(tmp_path: Path) -> None:
    first, second, third = (next_boot(tmp_path) for _ in range(3))
    assert [state.boots for state in (first, second, third)] == [1, 2, 3]
    assert first.engine_id("pdu1") == third.engine_id("pdu1")
    assert first.engine_id("pdu1") != first.engine_id("pdu2")
    assert 5 <= len(first.engine_id("pdu1")) <= 32
    assert first.engine_id("pdu1")[0] & 0x80
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_another_bridge_is_another_engine(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert next_boot(tmp_path / "a").engine_id("pdu1") != next_boot(tmp_path / "b").engine_id("pdu1")


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"\xff\xfe",
        b"7",
        b'{"boots": 3}',
        b'{"seed": "s"}',
        b'{"seed": "s", "boots": 0}',
        b'{"seed": "s", "boots": true}',
        f'{{"seed": "s", "boots": {MAX_BOOTS - 1}}}'.encode(),
    ],
)
def test_what_cannot_be_trusted_is_not_replaced(tmp_path: Path, kept: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(kept)
    with pytest.raises(JournalError, match=FILE_NAME):
        next_boot(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == kept


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be written"):
        next_boot(tmp_path / "missing")
