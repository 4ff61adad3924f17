"""The memory of what we own on the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apcbridge.mqtt.discovery import Identity
from apcbridge.mqtt.ledger import BRIDGE, Ledger

if TYPE_CHECKING:
    from pathlib import Path


def test_it_remembers(tmp_path: Path) -> None:
    path = tmp_path / "state" / "mqtt.json"
    ledger = Ledger.load(path)
    ledger.own("pdu1", "a/b")
    ledger.own(BRIDGE, "a/c")
    ledger.identify("pdu1", Identity("za1", "ZA1"))
    ledger.describe("a/b", {"outlet_1": "switch"})
    ledger.save()
    again = Ledger.load(path)
    assert again.topics == {"pdu1": {"a/b"}, BRIDGE: {"a/c"}}
    assert again.devices == {"pdu1": Identity("za1", "ZA1")}
    assert again.components == {"a/b": {"outlet_1": "switch"}}
    assert not again.changed


def test_it_forgets(tmp_path: Path) -> None:
    ledger = Ledger.load(tmp_path / "mqtt.json")
    ledger.own("pdu1", "a/b")
    ledger.describe("a/b", {"outlet_1": "switch"})
    ledger.identify("pdu1", Identity("za1", None))
    ledger.disown("pdu1", "a/b")
    ledger.forget_devices(["pdu1"])
    ledger.save()
    again = Ledger.load(tmp_path / "mqtt.json")
    assert (again.topics, again.devices, again.components) == ({}, {}, {})


def test_it_writes_only_what_changed(tmp_path: Path) -> None:
    path = tmp_path / "mqtt.json"
    ledger = Ledger.load(path)
    ledger.own("pdu1", "a/b")
    ledger.save()
    written = path.stat().st_mtime_ns
    ledger.own("pdu1", "a/b")
    assert not ledger.changed
    ledger.save()
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 2}', '{"version": 1}', '{"version":1,"topics":[],"devices":{}}', "\xff"]
)
def test_a_damaged_file_is_an_empty_memory(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "mqtt.json"
    path.write_text(content, encoding="latin-1")
    ledger = Ledger.load(path)
    assert (ledger.topics, ledger.devices, ledger.components) == ({}, {}, {})
    assert str(path) in caplog.text


def test_a_place_that_cannot_be_written_is_complained_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger.load(tmp_path / "file" / "mqtt.json")
    for number in range(3):
        ledger.own("pdu1", f"a/{number}")
        ledger.save()
    assert len([r for r in caplog.records if "cannot write" in r.message]) == 1


def test_without_a_place_nothing_is_written() -> None:
    ledger = Ledger.load(None)
    ledger.own("pdu1", "a/b")
    ledger.save()
    assert ledger.topics == {"pdu1": {"a/b"}}
