"""What the recorder may enter and type: nothing that acts is among it."""

from __future__ import annotations

import re

import pytest

from apcbridge.console.dialects import ACTION_LABELS, DASH_C_VERBS, SHELL_VERBS
from apcbridge.console.screens import Kind
from apcbridge.tools.walk import BY_KIND, BY_TITLE, COMMANDS

ACTING = (
    *(label for labels in ACTION_LABELS.values() for label in labels),
    "Control Outlet",
    "Control of Outlet",
    "Control of ALL Outlets",
    "Outlet Control 1:4",
    "Master Control/Configuration",
    "Logout",
    "Accept Changes",
    "Tools",
    "Reboot Management Interface",
    "Reset to Defaults",
    "Reset to Defaults Except TCP/IP",
    "Format",
    "Delete Event Log",
    "Clear Event Log",
    "Ping Utility",
    "SNMP",
    "Special Functions",
    "Power On Delay(sec)   : 0",
)


@pytest.mark.parametrize("label", ACTING)
def test_no_table_lets_it_in(label: str) -> None:
    for grammar in (*BY_KIND.values(), *BY_TITLE.values()):
        assert not re.fullmatch(grammar, label)


def test_an_outlet_page_leads_to_its_settings_only() -> None:
    grammar = BY_KIND[Kind.OUTLET]
    assert re.fullmatch(grammar, "Configure Outlet")
    assert not re.fullmatch(grammar, "Control Outlet")


@pytest.mark.parametrize("command", [command for commands in COMMANDS.values() for command in commands])
def test_no_command_switches_sets_or_wipes(command: str) -> None:
    verb, *arguments = command.split()
    acting = {*DASH_C_VERBS.values(), *SHELL_VERBS.values(), "format", "resetToDef", "reboot", "delete", "clrrst"}
    assert verb not in acting
    assert verb not in {"reset_defaults_pdu", "uploadini", "passwd", "adduser", "user", "ping", "ftp"}
    # A setting is read as long as no value follows the outlets.
    assert arguments in ([], ["all"]) or arguments[-1] in {"current", "power", "voltage", "energy"}
