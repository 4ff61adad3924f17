from __future__ import annotations

import pytest

from apcbridge.console.outlet_lists import parse_outlet_list, parse_state_block
from apcbridge.console.screens import (
    Kind,
    parse_banner,
    parse_columns,
    parse_loads,
    parse_outlet_page,
    parse_screen,
    parse_up_time,
)
from apcbridge.errors import ScreenUnrecognised, TableIncomplete
from apcbridge.model import LoadState, OutletState
from tests.unit.console import rackpdu as pdu

EIGHT = ("ON", "OFF", "ON*", "OFF", "ON", "ON", "ON", "OFF*")
AWKWARD = {
    1: "ON",
    2: "OFF  ON",
    3: "Backup OFF site",
    4: "a: b > c",
    5: "12- ON",
    6: "x" * 23,
    7: "web                  ON",
    8: "Master Control",
}


def listing(*states: str, names: dict[int, str] | None = None) -> str:
    return pdu.outlet_list(*states, names=names).decode()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (pdu.MAIN, Kind.MAIN),
        (pdu.DEVICE_MANAGER, Kind.DEVICE_MANAGER),
        (pdu.OUTLET_MANAGEMENT, Kind.OUTLET_MANAGEMENT),
        (pdu.outlet_list(*EIGHT), Kind.LIST),
        (pdu.outlet_page(2, "ON"), Kind.OUTLET),
        (pdu.outlet_page(2, "ON", "Control Console"), Kind.OUTLET),
        (pdu.action_menu(2, "ON", "Outlet Manager"), Kind.OUTLET),
        (pdu.menu("System", *pdu.items("About", "Logout")), Kind.OTHER),
    ],
)
def test_a_screen_is_told_by_what_is_on_it(text: bytes, kind: Kind) -> None:
    assert parse_screen(text.decode()).kind is kind


def test_the_last_screen_counts_where_two_were_printed() -> None:
    assert parse_screen((pdu.MAIN + pdu.DEVICE_MANAGER).decode()).title == "Device Manager"


def test_text_without_a_title_is_no_screen() -> None:
    with pytest.raises(ScreenUnrecognised):
        parse_screen("hello\r\n> ")


def test_items_are_found_by_their_whole_words() -> None:
    screen = parse_screen(pdu.action_menu(2, "ON").decode())
    item = screen.find("immediate off")
    assert item is not None
    assert item.number == 2
    assert screen.find("Immediate") is None


def test_a_label_that_stands_twice_is_refused() -> None:
    screen = parse_screen(pdu.menu("X", *pdu.items("Logout", "Logout")).decode())
    with pytest.raises(ScreenUnrecognised):
        screen.find("Logout")


def test_a_whole_list_gives_every_row() -> None:
    table = parse_outlet_list(parse_screen(listing(*EIGHT)))
    assert table.sure
    assert [f"{row.state}{'*' * row.pending}" for row in table.rows] == list(EIGHT)


def test_names_may_hold_anything_that_fits() -> None:
    table = parse_outlet_list(parse_screen(listing(*EIGHT, names=AWKWARD)))
    assert {row.number: row.name for row in table.rows} == AWKWARD
    assert [f"{row.state}{'*' * row.pending}" for row in table.rows] == list(EIGHT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("     3- ", "     4- "),
        ("     8- Outlet 8                 OFF*\r\n", ""),
        ("     8- Outlet 8                 OFF*", "     8- Outlet 8                 OF"),
        ("     2- Outlet 2                 OFF", "     2- Outlet 2                OFF"),
        ("     2- Outlet 2                 OFF", "    2- Outlet 2                 OFF"),
        ("OFF\r\n     3-", "OFF     3-"),
        ("     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log", ""),
        ("     9- Master", "    10- Master"),
        ("     5- Outlet 5                 ON", "     5- Outlet 5                 ON  x"),
    ],
)
def test_a_damaged_list_is_no_reading(old: str, new: str) -> None:
    damaged = listing(*EIGHT).replace(old, new)
    assert damaged != listing(*EIGHT)
    with pytest.raises(TableIncomplete):
        parse_outlet_list(parse_screen(damaged))


def test_a_list_of_another_length_than_expected_is_no_reading() -> None:
    with pytest.raises(TableIncomplete):
        parse_outlet_list(parse_screen(listing(*EIGHT)), 16)


def test_a_list_without_the_item_for_all_outlets_is_not_sure_of_its_length() -> None:
    text = listing(*EIGHT).replace("     9- Master Control/Configuration\r\n", "")
    assert not parse_outlet_list(parse_screen(text)).sure
    assert parse_outlet_list(parse_screen(text), 8).sure


def test_the_plus_prints_the_control_mode_behind_the_state() -> None:
    rows = ["     1- Outlet 1:1  shell-01                ON        Graceful Shutdown", "     2- Outlet 1:2  b  OFF"]
    table = parse_outlet_list(parse_screen(pdu.menu("MasterSwitch plus 1", *rows).decode()), 2, loose=True)
    assert [(row.name, row.state) for row in table.rows] == [("shell-01", OutletState.ON), ("b", OutletState.OFF)]


def test_an_outlet_page_names_number_name_and_state() -> None:
    page = parse_outlet_page(parse_screen(pdu.action_menu(12, "OFF*", "a: ON").decode()))
    assert (page.number, page.name, page.state, page.pending) == (12, "a: ON", OutletState.OFF, True)


@pytest.mark.parametrize(("old", "new"), [(": ON", ": O"), (": ON", ": ONN"), (": 12", ": 1x"), ("Name  ", "Nme  ")])
def test_a_damaged_outlet_page_is_refused(old: str, new: str) -> None:
    with pytest.raises(ScreenUnrecognised):
        parse_outlet_page(parse_screen(pdu.outlet_page(12, "ON").decode().replace(old, new)))


def test_the_banner_of_a_rack_pdu() -> None:
    banner = parse_banner(pdu.banner(name="a name as long as the whole field of forty").decode())
    assert banner is not None
    assert (banner.aos_version, banner.app_name, banner.app_version) == ("3.7.3", "Rack PDU", "3.7.3")
    assert (banner.name, banner.date) == ("a name as long as the whole field of forty", "02/13/2013")
    assert (banner.user, banner.status_flags) == ("Administrator", "P+ N+ A+")
    assert banner.up_time_s == ((7 * 24 + 15) * 60 + 31) * 60


def test_the_banner_of_a_master_switch_has_the_up_time_on_the_right() -> None:
    banner = parse_banner(
        "American Power Conversion               Web/SNMP Management Card AOS     v3.0.3\r\n"
        "(c) Copyright 2000 All Rights Reserved  MasterSwitch APP                 v2.2.0\r\n"
        "-------------------------------------------------------------------------------\r\n"
        "Name      : Unknown                     Date    : 06/16/2024\r\n"
        "Contact   : Unknown                     Time    : 13:50:52\r\n"
        "Location  : Unknown                     Up Time : 0 Days 0 Hours 15 Minutes\r\n"
        "Status    : P+ N+ A-                    User    : Administrator\r\n"
    )
    assert banner is not None
    assert (banner.up_time_s, banner.status_flags, banner.user) == (900, "P+ N+ A-", "Administrator")


def test_the_name_of_an_application_is_read_with_and_without_the_word_app() -> None:
    for name in ("RPDU 2g APP", "RPDU 2g"):
        banner = parse_banner(
            "Schneider Electric                      Network Management Card AOS      v6.4.0\r\n"
            f"(c) Copyright 2015 All Rights Reserved  {name:<33}v6.4.0\r\n"
        )
        assert banner is not None
        assert (banner.app_name, banner.app_version) == ("RPDU 2g", "6.4.0")


def test_no_banner_is_none() -> None:
    assert parse_banner("hello\r\n") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0 Days 0 Hours 1 Minute", 60),
        ("1 Day 1 Hour 0 Minutes", 90000),
        ("0 Days 24 Hours 0 Minutes", None),
        ("7 Days 15 Hours", None),
        ("", None),
    ],
)
def test_up_times(text: str, seconds: int | None) -> None:
    assert parse_up_time(text) == seconds


def test_loads_of_phases_and_banks() -> None:
    phase = parse_loads(parse_screen(pdu.menu("Phase Management", "        Phase Load :  2.5").decode()))
    assert [(load.index, load.deciamps) for load in phase.phases] == [(1, 25)]
    rows = [
        "        1      None           3.0     0     16     20     Within Limits",
        "        2      On Warning     17.0    0     16     20     Near Overload",
        "        Total  None           20.0    0     19     24     Overload",
    ]
    banks = parse_loads(parse_screen(pdu.menu("Bank Monitor", *rows).decode()))
    assert [(load.index, load.deciamps, load.state) for load in banks.banks] == [
        (1, 30, LoadState.NORMAL),
        (2, 170, LoadState.NEAR_OVERLOAD),
    ]
    assert banks.total_deciamps == 200


def test_pairs_two_to_a_line() -> None:
    line = "        Model Number      : AP9210       Serial Number     : WA9903036579"
    shown = parse_columns(parse_screen(pdu.menu("About System", line).decode()))
    assert shown == {"Model Number": "AP9210", "Serial Number": "WA9903036579"}


def test_the_block_of_states_of_an_early_master_switch() -> None:
    assert parse_state_block(["Device 1:ON         Device 2:OFF", "        3:ON"]) == {1: "ON", 2: "OFF", 3: "ON"}
    with pytest.raises(TableIncomplete):
        parse_state_block(["Device 1:ON  Device 1:OFF"])
