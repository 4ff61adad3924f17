"""sysContact, sysName and sysLocation as managers wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apcbridge.snmp.settings import AgentAddress, SnmpSettings
from apcbridge.snmp.texts import FILE_NAME, SystemTextFile

if TYPE_CHECKING:
    from pathlib import Path


def texts(state_dir: Path | None) -> SystemTextFile:
    addresses = tuple(AgentAddress(pdu=pdu, host="127.0.0.1", port=0) for pdu in ("pdu1", "pdu2"))
    settings = SnmpSettings(addresses=addresses, contact="noc", state_dir=state_dir)
    return SystemTextFile(settings, lambda: 0.0)


def test_what_was_written_survives_a_restart_for_its_pdu_alone(tmp_path: Path) -> None:
    before = texts(tmp_path)
    assert before.write("pdu1", {"contact": "me"})
    assert before.write("pdu1", {"location": "here", "name": "rack"})
    after = texts(tmp_path)
    shown = after.context("pdu1")
    assert (shown.contact, shown.location, shown.name) == ("me", "here", "rack")
    assert (after.context("pdu2").contact, after.context("pdu2").location) == ("noc", None)


def test_without_a_place_to_keep_it_nothing_is_written(tmp_path: Path) -> None:
    for state_dir in (None, tmp_path / "missing"):
        kept = texts(state_dir)
        assert not kept.write("pdu1", {"contact": "me"})
        assert kept.context("pdu1").contact == "noc"


@pytest.mark.parametrize("damage", ["", "[]", '{"pdu1": 3}', '{"pdu1": {"colour": "red"}}'])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE_NAME).write_text(damage)
    kept = texts(tmp_path)
    assert kept.context("pdu1").contact == "noc"
    assert kept.write("pdu1", {"name": "rack"})
    assert texts(tmp_path).context("pdu1").name == "rack"
