from __future__ import annotations

import pytest

from apcbridge.console import answers
from apcbridge.console.events import LogEntry, OutletConfig
from apcbridge.errors import CommandRejected, ScreenUnrecognised, TableIncomplete
from tests.unit.console import shells


@pytest.mark.parametrize(
    ("lines", "data", "code"),
    [
        (["E000: Success", "12 WDT Reset"], ("12 WDT Reset",), 0),
        (["12 WDT Reset", "E000: Success"], ("12 WDT Reset",), 0),
        (["OK", "1: ON    : x"], ("1: ON    : x",), 0),
        (["E002: Success", "Reboot required for change to take effect."], (), 2),
        (["E101: Command Not Found"], (), 101),
        ([" E000: Success", "1: x"], ("1: x",), 0),
        ([" OK", "1: x"], ("1: x",), 0),
        (["1: x", "* Reboot required for change to take effect."], ("1: x",), None),
    ],
)
def test_an_answer_is_taken_apart_wherever_the_code_stands(
    lines: list[str], data: tuple[str, ...], code: int | None
) -> None:
    answer = answers.parse_answer(lines)
    assert (answer.data, answer.code) == (data, code)


def test_a_failure_is_raised_with_its_words() -> None:
    with pytest.raises(CommandRejected, match="E104: User Level Denial"):
        answers.parse_answer(["E104: User Level Denial"]).require("olOff 3")


def test_d4_rows_may_have_any_name() -> None:
    table = answers.parse_shell_status([" 1: a: On: Off", "22: PlayStation 4: On*  ", " 3: : On"])
    assert [(row.number, row.name, str(row.state), row.pending) for row in table.rows] == [
        (1, "a: On", "OFF", False),
        (22, "PlayStation 4", "ON", True),
        (3, "", "ON", False),
    ]


def test_d3c_rows_keep_their_column() -> None:
    table = answers.parse_dash_c_status(["1: ON    : a : b", "2: OFF*  : OFF", "3: ON*   : x"])
    assert table.width == 6
    assert [row.name for row in table.rows] == ["a : b", "OFF", "x"]
    with pytest.raises(TableIncomplete):
        answers.parse_dash_c_status(["1: ON    : a", "2: ON   : b"])


@pytest.mark.parametrize("rows", [[], [" 2: Outlet 2: On"], [" 1: Outlet 1: On", " 3: Outlet 3: On"]])
def test_a_table_with_gaps_is_not_whole(rows: list[str]) -> None:
    with pytest.raises(TableIncomplete):
        answers.check_whole(answers.parse_shell_status(rows), None)


def test_a_strange_line_is_forgiven_only_when_the_number_of_rows_is_known() -> None:
    table = answers.parse_shell_status([*shells.shell_rows("On", "Off"), "System: hello"])
    answers.check_whole(table, 2)
    with pytest.raises(TableIncomplete):
        answers.check_whole(table, None)


def test_loads_are_whole_or_nothing() -> None:
    assert answers.parse_numbered_amperes(["1: 0.5 A"])[0].deciamps == 5
    assert answers.parse_power(["0.5 kW", "0.13 kVA"]) == (500, 130)
    assert answers.parse_power(["1234 W"]) == (1234, None)
    with pytest.raises(ScreenUnrecognised):
        answers.parse_numbered_amperes(["1: 0.5 A", "2: 0.x A"])
    with pytest.raises(ScreenUnrecognised):
        answers.parse_power(["168 VAA"])
    with pytest.raises(ScreenUnrecognised):
        answers.parse_dash_c_current(["Current on bank 1 is 1.4"])


def test_delays_in_the_words_of_both_firmwares() -> None:
    d3c = ["1: web: Power on delay is 5 seconds.", "2: x: y: Power on delay is never."]
    assert answers.parse_delays(d3c) == {1: 5, 2: -1}
    assert answers.parse_delays([" 3: Outlet 3: 5 sec"]) == {3: 5}
    with pytest.raises(TableIncomplete):
        answers.parse_delays([" 3: Outlet 3: soon"])
    joined = answers.join_delays({1: 5}, {}, {1: 7})
    assert joined == (OutletConfig(number=1, on_delay_s=5, off_delay_s=None, reboot_duration_s=7),)


def test_wrapped_log_texts_are_joined() -> None:
    page = [
        "     Date: 08/19/2021       Time: 21:19:29",
        "     08/19/2021  21:17:24  UPS: Restored the local network management",
        "                            interface-to-UPS communication.",
        "     08/19/2021  21:16:59  System: Network Interface restarted.",
    ]
    restored = "UPS: Restored the local network management interface-to-UPS communication."
    assert answers.parse_log_page(page) == (
        LogEntry(date="08/19/2021", time="21:17:24", text=restored),
        LogEntry(date="08/19/2021", time="21:16:59", text="System: Network Interface restarted."),
    )


def test_network_settings_prefer_what_is_active() -> None:
    fields = answers.pairs(["  Active IPv4 Address:          192.0.2.32", "  IPv4 Address:  192.0.2.99", "Gateway: x"])
    reading = answers.parse_tcpip(fields)
    assert (reading.address, reading.gateway) == ("192.0.2.32", None)
    with pytest.raises(ScreenUnrecognised):
        answers.parse_tcpip({"Boot Mode": "dhcp"})


@pytest.mark.parametrize(
    ("text", "mac"), [("00 C0 B7 99 43 CD", "00:c0:b7:99:43:cd"), ("00:C0:B7:99:43", None), (None, None)]
)
def test_mac_addresses(text: str | None, mac: str | None) -> None:
    assert answers.mac_address(text) == mac
