"""What is private goes, the same for the same, and the columns stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.console.outlet_lists import parse_outlet_list
from apcbridge.console.screens import parse_banner, parse_screen
from apcbridge.tools.scrub import Scrubber

if TYPE_CHECKING:
    from ipaddress import IPv4Address

BANNER = (
    "American Power Conversion               Network Management Card AOS      v3.7.3\r\n"
    "(c) Copyright 2009 All Rights Reserved  Rack PDU APP                     v3.7.3\r\n"
    "-------------------------------------------------------------------------------\r\n"
    "Name      : cage-7-left                               Date : 02/13/2013\r\n"
    "Contact   : jane@corp.example                         Time : 10:49:37\r\n"
    "Location  : Vault 3                                   User : Administrator\r\n"
    "Up Time   : 7 Days 15 Hours 31 Minutes                Stat : P+ N+ A+\r\n"
)
LIST = (
    "\r\n------- Outlet Control/Configuration ------------------------------------------\r\n"
    "\r\n"
    "     1- payroll-db               ON\r\n"
    "     2- ON                       OFF*\r\n"
    "     3- Outlet 3                 ON\r\n"
    "     4- Master Control/Configuration\r\n"
    "\r\n"
    "     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log\r\n> "
)


def scrub(*texts: str, names: bool = False, username: str = "apc") -> list[str]:
    scrubber = Scrubber(username, names=names)
    for text in texts:
        scrubber.learn(text)
    return [scrubber.scrub(text) for text in texts]


@pytest.mark.parametrize(
    "private",
    [
        "Serial Number     : JA0712004711",
        "Serial Number: \t\tZA1234E56789\r\n",
        "MAC Address: \t\t28 29 86 47 69 82",
        "MAC Address : 00:C0:B7:5A:47:11",
        "System IP          : 192.168.7.20\r\n",
        "fe80::2c0:b7ff:fe5a:4711",
        "2001:41d0:2:3::17",
        "Name      : apc566BF4",
        "Contact   : jane@corp.example",
        "System: Console user 'jane.doe' logged in from serial port.",
        "     1- User Name : janedoe\r\n",
    ],
)
def test_gone(private: str) -> None:
    (text,) = scrub(private)
    told = private.partition(":")[2].strip() or private
    assert told.strip("'") not in text
    for word in ("4711", "47 69 82", "E56789", "192.168", "2c0", "41d0", "566BF4", "jane"):
        assert word not in text


@pytest.mark.parametrize(
    "kept",
    [
        "Default Gateway    : 0.0.0.0",
        "Subnet Mask        : 255.255.255.0",
        "Date : 02/13/2013                Time : 10:49:37",
        "DateTime: 11/22/2026:12:34:56",
        "Network Management Card AOS      v1.4.2.1",
        "aos:v6.9.6",
        "User : Administrator",
        "User: apc",
        "Up Time: 16 Days 9 Hours 3 Minutes",
        "Console user 'apc' logged in",
        "E000: Success",
        "APC>status",
        " 1: Outlet 1: On",
    ],
)
def test_kept(kept: str) -> None:
    assert scrub(kept, names=True) == [kept]


def test_the_same_is_the_same_everywhere_and_others_are_others() -> None:
    first, second = scrub("from 192.168.7.20 to 192.168.7.1", "again 192.168.7.20")
    assert first == "from 192.0.2.1 to 192.0.2.2"
    assert second == "again 192.0.2.1"
    a, b = scrub("00 C0 B7 5A 47 11", "00:c0:b7:5a:47:11 and 00:c0:b7:5a:47:12")
    assert (a, b) == ("02 00 00 00 00 01", "02:00:00:00:00:01 and 02:00:00:00:00:02")


def test_what_is_recognised_late_is_gone_from_the_start() -> None:
    first, _ = scrub("bob@apc>", "User Name : bob")
    assert first == "user1@apc>"


def test_our_own_user_name_goes() -> None:
    assert scrub("User Name : hvac-ops\r\n", "hvac-ops  Serial", username="hvac-ops") == [
        "User Name : user1\r\n",
        "user1     Serial",
    ]


def test_columns_stay_where_they_are() -> None:
    (banner,) = scrub(BANNER, names=True)
    before, after = BANNER.splitlines(), banner.splitlines()
    assert [len(line) for line in after] == [len(line) for line in before]
    parsed = parse_banner(banner)
    assert parsed is not None
    assert (parsed.user, parsed.time, parsed.status_flags) == ("Administrator", "10:49:37", "P+ N+ A+")
    for private in ("cage", "jane", "corp", "Vault"):
        assert private not in banner


def test_outlet_names_go_and_the_list_stays_a_list() -> None:
    (listing, line) = scrub(LIST, "Switched Rack PDU: Outlet 'payroll-db' turned off", names=True)
    assert "payroll" not in listing + line
    rows = parse_outlet_list(parse_screen(listing)).rows
    assert [(row.number, str(row.state), row.pending) for row in rows] == [
        (1, "ON", False),
        (2, "OFF", True),
        (3, "ON", False),
    ]
    assert rows[2].name == "Outlet 3"
    assert rows[1].name != "ON"


def test_names_stay_unless_asked_for() -> None:
    assert "payroll-db" in scrub(LIST)[0]
    assert "cage-7-left" in scrub(BANNER)[0]


@pytest.mark.parametrize(
    "row", [" 1: payroll: db: On\r\n", "1: ON    : payroll: db\r\n", "1: payroll: db: Power on delay is 5 seconds.\r\n"]
)
def test_names_in_the_answers_of_the_command_lines(row: str) -> None:
    (text,) = scrub(row, names=True)
    assert "payroll" not in text
    assert "db" not in text
    assert text.startswith(row[:3])


def test_what_is_left_is_told() -> None:
    scrubber = Scrubber("apc", names=True)
    scrubber.learn(LIST)
    assert scrubber.left_over(scrubber.scrub(LIST)) == ()
    assert scrubber.left_over("payroll-db") == ("payroll-db",)


@given(
    st.lists(st.ip_addresses(v=4), min_size=1, max_size=5), st.sampled_from((" ", ", ", "/24 ", ":161 ", "\r\n", " - "))
)
def test_no_address_of_anybody_is_left(addresses: list[IPv4Address], between: str) -> None:
    private = [
        str(one) for one in addresses if not (one.is_unspecified or one.is_loopback or str(one).startswith("255."))
    ]
    (text,) = scrub(between.join(map(str, addresses)) + between)
    left = re.findall(r"[0-9.]{7,}", text)
    assert [one for one in left if one in private and not one.startswith("192.0.2.")] == []


@given(st.lists(st.binary(min_size=6, max_size=6), min_size=1, max_size=5), st.sampled_from(" :-"))
def test_no_mac_address_is_left(addresses: list[bytes], separator: str) -> None:
    shown = [one.hex(separator).upper() for one in addresses]
    (text,) = scrub("\r\n".join(f"MAC Address       : {one}" for one in shown))
    assert all(line.startswith(f"MAC Address       : 02{separator}00{separator}00") for line in text.splitlines())
