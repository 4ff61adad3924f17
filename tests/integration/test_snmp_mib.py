"""APCBRIDGE-MIB as managers use it: linted, and every object of it asked for by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from apcbridge.snmp.bridge_mib import module_text
from tests.integration.snmp_world import run_program, serving

HERE = Path(__file__).parent
STANDARD = HERE / "smi"

pytestmark = pytest.mark.debian


@pytest.fixture
def modules(tmp_path: Path) -> str:
    """A directory with the module as ``apcbridge mib`` prints it, beside the standard ones."""
    (tmp_path / "APCBRIDGE-MIB.txt").write_text(module_text())
    return f"{STANDARD}:{tmp_path}"


async def test_the_module_is_clean(modules: str) -> None:
    lint = await run_program("/usr/bin/smilint", "-l", "3", modules.split(":")[1] + "/APCBRIDGE-MIB.txt", smi=modules)
    assert (lint.code, lint.out, lint.err) == (0, "", "")


async def test_every_object_is_served_under_its_name(modules: str) -> None:
    blocks = re.findall(r"^(\w+) OBJECT-TYPE\n(.*?)::=", module_text(), re.MULTILINE | re.DOTALL)
    names = [name for name, body in blocks if "MAX-ACCESS read-only" in body]
    assert len(names) > 20
    named = ("-M", modules, "-m", "APCBRIDGE-MIB", "-v", "2c", "-c", "monitor")
    async with serving() as bench:
        for name in names:
            instance = f"{name}.watchdog" if name == "abRebootCauseCount" else f"{name}.0"
            got = await run_program("/usr/bin/snmpget", *named, bench.target, f"APCBRIDGE-MIB::{instance}")
            assert got.code == 0, got
            assert "No Such" not in got.out, got
            assert got.out.startswith(f"APCBRIDGE-MIB::{name}."), got
            assert "Wrong Type" not in got.out, got
        table = await run_program("/usr/bin/snmptable", *named, bench.target, "APCBRIDGE-MIB::abRebootCauseTable")
        assert table.code == 0, table
        assert len(table.out.splitlines()) == 7, table
        walk = await run_program("/usr/bin/snmpwalk", *named, bench.target, "APCBRIDGE-MIB::apcbridgeMIB")
        served = [line for line in walk.out.splitlines() if "No more variables" not in line]
        assert len(served) == len(names) + 3, walk
