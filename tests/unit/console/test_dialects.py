from __future__ import annotations

import pytest

from apcbridge.console.dialects import (
    ACTION_LABELS,
    CAPABILITIES,
    SHELL_VERBS,
    SUCCESS,
    DialectId,
    menu_dialect,
    rack_pdu,
)
from apcbridge.console.screens import parse_screen
from apcbridge.model import Action
from tests.unit.console import rackpdu as pdu


def manager(*labels: str, title: str = "Device Manager") -> bytes:
    return pdu.menu(title, *pdu.items(*labels))


ROW = f"{'web':<25}ON"


@pytest.mark.parametrize(
    ("app", "screen", "dialect"),
    [
        ("Rack PDU", pdu.DEVICE_MANAGER, DialectId.D3B),
        (
            "Rack PDU",
            manager("Phase Monitor/Configuration", "Outlet Restriction Configuration", "Outlet Control/Configuration"),
            DialectId.D3A,
        ),
        ("MasterSwitch", manager(ROW, ROW, "Master"), DialectId.D1),
        ("MasterSwitch", manager(), DialectId.D1),
        ("MasterSwitch plus", manager("MasterSwitch plus 1"), DialectId.D2_OLD),
        ("MasterSwitch plus", manager(ROW), DialectId.D2_NEW),
        (None, manager(f"Outlet 1:1  {ROW}", f"Outlet 1:2  {ROW}", "Master"), DialectId.D2_NEW),
        (None, manager(f"Outlet 1:1  {ROW}", ROW, ROW, "Master"), DialectId.D1),
        (None, manager("Outlet Manager", "Network", "System", "Logout", title="Control Console"), DialectId.D0),
        (None, manager("web", "Master", title="Outlet Manager"), DialectId.D0),
        ("Smart-UPS", manager("UPS Control"), None),
    ],
)
def test_menus_are_told_apart_by_their_words(app: str | None, screen: bytes, dialect: DialectId | None) -> None:
    assert menu_dialect(app, parse_screen(screen.decode())) is dialect


@pytest.mark.parametrize(
    "line",
    ["        Command successfully issued.", "Turn Outlet On completed successfully!", "  Immediate On Success"],
)
def test_every_success_text_is_known(line: str) -> None:
    assert SUCCESS.search(line)


@pytest.mark.parametrize("line", ["Command not successfully issued. Retry", "Unsuccessful", "No Success today"])
def test_other_texts_are_no_success(line: str) -> None:
    assert not SUCCESS.search(line)


def test_the_tables_are_complete() -> None:
    assert set(CAPABILITIES) == set(DialectId)
    assert set(ACTION_LABELS) == set(Action) == set(SHELL_VERBS)
    labels = [label for each in ACTION_LABELS.values() for label in each]
    assert len(labels) == len(set(labels))


def test_only_rack_pdus_may_have_the_dash_c_command_line() -> None:
    assert [dialect for dialect in DialectId if rack_pdu(dialect)] == [DialectId.D3A, DialectId.D3B, DialectId.D3C]
