"""The documents are those of docs/http.md."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from apcbridge.facts import PduView
from apcbridge.model import Load
from apcbridge.web.documents import event_document, pdu_document
from tests.unit.web.world import NOW_MONO, Parsed, event, outlet, snapshot, status

PAGE = Path(__file__).resolve().parents[3] / "docs" / "http.md"


def keys(value: Parsed, path: str = "") -> set[str]:
    """Return the path of every key; what depends on the data, such as causes, by its name alone."""
    if isinstance(value, list):
        return {key for item in value for key in keys(item, path)}
    if not isinstance(value, dict) or path.endswith("reboots_by_cause"):
        return {path}
    return {key for name, item in value.items() for key in keys(item, f"{path}.{name}")}


def test_the_example_in_the_documentation_has_the_keys_of_the_real_thing() -> None:
    example = re.search(r"^```json\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert example
    shown: Parsed = json.loads(example[1])
    read = snapshot("p", outlet(1), phases=(Load(index=1, deciamps=63),))
    document = {**pdu_document(status(read), PduView(), {}, NOW_MONO), "ts": ""}
    real: Parsed = json.loads(json.dumps(document))
    assert keys(shown) - {".load.banks"} == keys(real) - {".load.banks"}


def test_control_characters_of_the_pdu_are_not_passed_on() -> None:
    read = snapshot("p", outlet(1, name="a\x1b[31m\nb\u202e"), outlet(2, name="\x07"))
    text = json.dumps(pdu_document(status(read), PduView(), {}, NOW_MONO))
    names = [one["name"] for one in json.loads(text)["outlets"]]
    assert names == ["a [31m b", "Outlet 2"]


def test_neither_are_those_in_the_details_of_an_event() -> None:
    told = replace(event("e"), details={"name": "a\x1b[31m\r\n", "interval_s": 571})
    document = event_document(told)
    assert (document["name"], document["interval_s"]) == ("a [31m", 571)


def test_an_event_is_what_it_is_whatever_its_details_are_called() -> None:
    document = event_document(replace(event("e"), details={"kind": "result", "id": "x", "pdu": "y"}))
    assert (document["kind"], document["id"], document["pdu"]) == ("event", "e", "p")


def test_a_pdu_without_a_meter_has_no_load() -> None:
    read = snapshot(phases=(), watts=None)
    assert pdu_document(status(read), PduView(), {}, NOW_MONO)["load"] is None
