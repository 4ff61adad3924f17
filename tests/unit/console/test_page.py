from __future__ import annotations

from pathlib import Path

from apcbridge.console import page
from apcbridge.console.dialects import WEB_ONLY, DialectId


def test_the_page_is_current() -> None:
    file = Path(__file__).resolve().parents[3] / "docs" / "supported-devices.md"
    assert file.read_text(encoding="utf-8") == page.render(), "run make docs"


def test_every_dialect_has_its_row_and_every_table_its_columns() -> None:
    text = page.render()
    for dialect in DialectId:
        assert f"\n| {dialect.value} | " in text
    tables = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert len(tables) == 4
    for table in tables:
        assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1
    assert WEB_ONLY in text
