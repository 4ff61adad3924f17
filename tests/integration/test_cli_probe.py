"""``apcbridge probe`` and ``record`` as their users run them."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


async def apcbridge(*arguments: str) -> tuple[int | None, str, str]:
    """Run the program; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "apcbridge", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, told = await process.communicate()
    return process.returncode, printed.decode(), told.decode()


@pytest.mark.parametrize(
    ("model", "dialect", "alarms", "code"), [("AP7920?firmware=3.7.3", "d3b", None, None), ("AP8941", "d4", 0, 1)]
)
async def test_what_was_found_can_be_had_as_json(
    model: str, dialect: str, alarms: int | None, code: int | None
) -> None:
    returned, printed, _ = await apcbridge("probe", "--json", f"sim://{model}")
    found = json.loads(printed)
    assert returned == 0
    assert (found["port"], found["dialect"], found["alarms"]) == (f"sim://{model}", dialect, alarms)
    assert found["identity"]["serial_number"]
    assert found["outlets"][0] == {"number": 1, "name": "Outlet 1", "state": "ON", "pending": False}
    assert (found["last_restart"] and found["last_restart"]["code"]) == code


async def test_a_transcript_that_exists_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "transcript"
    kept.write_text("mine")
    returned, _, told = await apcbridge("record", "--output", str(kept), "sim://AP7920")
    assert (returned, kept.read_text()) == (1, "mine")
    assert "never overwritten" in told
