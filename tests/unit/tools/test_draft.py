"""The first configuration: whatever was found and answered, the file says exactly that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.config import examine
from apcbridge.config.document import parse_document
from apcbridge.tools.draft import BrokerDraft, Draft, PduDraft, SnmpDraft, comment, configuration, scalar

if TYPE_CHECKING:
    from pathlib import Path


def pdu(number: int = 1, found: str = "AP7920") -> PduDraft:
    return PduDraft(
        id=f"pdu{number}",
        port=f"/dev/serial/by-id/usb-{number}",
        baud=9600,
        username="apc",
        password_file="p",
        found=found,
    )


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1))
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    assert parse_document("x", f"a: {scalar(text)}").data == {"a": text}


@given(st.text())
def test_no_console_can_write_into_the_configuration(found: str) -> None:
    text = configuration(Draft(pdus=(pdu(found=found),), state_dir="state"))
    assert yaml.safe_load(text)["pdus"] == yaml.safe_load(configuration(Draft(pdus=(pdu(),), state_dir="s")))["pdus"]


def test_a_line_break_stays_out_of_a_comment() -> None:
    assert comment("a\r\nb\x1b[2J") == "a??b?[2J"


def test_all_of_it_passes_check_config(tmp_path: Path) -> None:
    (tmp_path / "p").touch(mode=0o600)
    (tmp_path / "p").write_text("secret\n")
    draft = Draft(
        pdus=(pdu(1), pdu(2)),
        state_dir="state",
        broker=BrokerDraft(url="mqtt://127.0.0.1:1883", username="off", password_file="p"),
        snmp=SnmpDraft(read_community="one-word", write_community="another"),
    )
    file = tmp_path / "a.yaml"
    file.write_text(configuration(draft))
    report = examine(file)
    assert report.faults == ()
    assert report.config is not None
    assert [str(one.snmp.listen) for one in report.config.pdus if one.snmp] == ["127.0.0.1:1161", "127.0.0.1:1162"]
    assert report.config.mqtt is not None
    assert report.config.mqtt.username == "off"


def test_what_was_not_wanted_is_off(tmp_path: Path) -> None:
    (tmp_path / "p").touch(mode=0o600)
    (tmp_path / "p").write_text("secret\n")
    file = tmp_path / "a.yaml"
    file.write_text(configuration(Draft(pdus=(pdu(),), state_dir="state")))
    config = examine(file).config
    assert config is not None
    assert (config.mqtt, config.snmp, config.web) == (None, None, None)
