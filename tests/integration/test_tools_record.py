"""``apcbridge record`` on every simulated console: it sees much, and the PDU is as it was."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import pytest

from apcbridge.clock import SystemClock
from apcbridge.console.session import Access, Credentials
from apcbridge.errors import ConsoleError, LoginRefused, PasswordChangeForced
from apcbridge.pdu.ports import PortRegistry
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.faults import FaultKind, StepFault
from apcbridge.sim.server import SimServer
from apcbridge.sim.url import parse_url
from apcbridge.simulated import SimPort
from apcbridge.tools.record import Recorder
from apcbridge.tools.transcript import Side, parse

if TYPE_CHECKING:
    from apcbridge.pdu.ports import Port
    from apcbridge.sim.profiles import Profile
    from apcbridge.tools.record import Recording

SECRET = "s3cret-pw"
NAMES = ("payroll-db", "core-switch", "nas")
PRIVATE = ("JA0712004711", "5A 47 11", "192.168.7.20", "hvac-ops", SECRET)


class Line:
    """A simulated PDU behind a port, and what it must still be afterwards."""

    def __init__(self, profile: Profile) -> None:
        self.pdu = SimulatedPdu(profile)
        self.before = self.state()

    def state(self) -> object:
        """Everything that a console could change."""
        firmware = self.pdu.firmware
        settings = [dataclasses.asdict(firmware.settings(number)) for number in firmware.relays.numbers]
        about = (firmware.pdu_name, firmware.contact, firmware.location, firmware.network)
        return settings, about, list(firmware.accounts), firmware.reset_text, len(firmware.restarts)

    async def record(
        self, username: str = "apc", password: str = "apc", *, names: bool = False, access: Access = Access.AUTO
    ) -> Recording:
        async with SimServer(self.pdu) as server:

            async def open_port(url: str, _baud: int) -> Port:
                return SimPort(url, server)

            ports = PortRegistry()
            ports.register("rack", open_port)
            credentials = Credentials(username, password)
            recorder = Recorder(
                ports, SystemClock(), credentials, _quiet, access=access, scrub_names=names, version="0"
            )
            return await recorder.run("rack://1", (9600,))

    def assert_untouched(self) -> None:
        """Nothing was switched, set, wiped or left open."""
        assert self.pdu.log.commands() == []
        assert self.pdu.firmware.forbidden == []
        assert self.state() == self.before
        assert self.pdu.gate.holder is None


def _quiet(_text: str) -> None:
    pass


def titles(recording: Recording) -> list[str]:
    return [block.title for block in parse(recording.text)]


CONSOLES = {
    "AP9210": ("Outlet Manager",),
    "AP9211": ("Device Manager", "the first outlet"),
    "AP9225?firmware=2.0.0": ("MasterSwitch plus 1", "the first outlet"),
    "AP9225?firmware=2.2.0": ("Device Manager", "the first outlet"),
    "AP7900?firmware=2.7.3": ("Outlet Restriction Configuration", "Phase Monitor/Configuration", "command: status"),
    "AP7920?firmware=3.7.3": ("Phase Management", "Configure Outlet", "TCP/IP", "command: status", "event log"),
    "AP7932?firmware=3.9.2": ("Bank Monitor", "the first outlet"),
    "AP7930?firmware=3.7.3": ("the first outlet",),
    "AP7960?firmware=3.7.3": ("Phase 3",),
    "AP8959?firmware=6.9.6": ("command: about", "command: olStatus all", "command: eventlog"),
    "AP8959?firmware=1.4.2.1": ("command: about",),
}


@pytest.mark.parametrize(("url", "seen"), CONSOLES.items(), ids=list(CONSOLES))
async def test_every_console_is_read_and_left_as_it_was(url: str, seen: tuple[str, ...]) -> None:
    line = Line(parse_url(f"sim://{url}"))
    recording = await line.record()
    line.assert_untouched()
    assert recording.trouble == ""
    listed = "\n".join(titles(recording))
    for title in seen:
        assert title in listed, listed
    assert "Control Outlet" not in listed
    assert "Logout" not in listed


@pytest.mark.parametrize(
    "quirk", ["extra_items=on", "edit_prompt=arrow", "wrong_choice=prompt", "sparse=on", "confirm=off"]
)
async def test_strange_habits_lead_nowhere(quirk: str) -> None:
    line = Line(parse_url(f"sim://AP7920?firmware=3.7.3&{quirk}"))
    recording = await line.record(access=Access.MENU)
    line.assert_untouched()
    assert recording.screens > 10


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("url", ["AP9211?confirm=off", "AP7920?firmware=3.7.3"])
async def test_on_a_line_that_garbles_bytes_nothing_acts_either(url: str, seed: int) -> None:
    line = Line(parse_url(f"sim://{url}&flip=0.05&seed={seed}"))
    with contextlib.suppress(ConsoleError):
        await line.record(access=Access.MENU)
    assert line.pdu.log.commands() == []
    assert line.pdu.firmware.forbidden == []
    assert line.state() == line.before


@pytest.mark.parametrize("url", ["AP9210", "AP9211", "AP7920?firmware=3.7.3", "AP8959?firmware=6.9.6"])
async def test_nothing_private_is_in_it(url: str) -> None:
    profile = parse_url(f"sim://{url}")
    account = dataclasses.replace(profile.accounts[0], name="hvac-ops", password=SECRET)
    profile = dataclasses.replace(
        profile,
        accounts=(account,),
        names=(*NAMES, *profile.names[len(NAMES) :]),
        pdu_name="cage-7-left",
        contact="Jane Doe",
        location="Vault 3",
    )
    line = Line(profile)
    line.pdu.firmware.record(0, "System: Console user 'hvac-ops' logged in from 192.168.7.20.")
    text = (await line.record("hvac-ops", SECRET, names=True)).text
    line.assert_untouched()
    for private in (*PRIVATE, *NAMES[:2], "cage-7", "Jane", "Vault"):
        assert private not in text
    # A name of three letters may be part of a word; as a name it is gone.
    assert "3- nas" not in text
    assert ": nas" not in text


async def test_the_file_replays_what_the_console_said() -> None:
    line = Line(parse_url("sim://AP7920?firmware=3.7.3"))
    recording = await line.record(access=Access.MENU)
    (block,) = (b for b in parse(recording.text) if b.title.endswith("> Outlet Control/Configuration"))
    assert [part.text for part in block.parts if part.side is Side.TYPED] == ["1\r"]
    printed = "".join(part.text for part in block.parts if part.side is Side.PRINTED)
    assert "     8- Outlet 8                 ON\r\n" in printed
    assert printed.endswith("> ")


async def test_an_outlet_user_records_without_acting() -> None:
    line = Line(parse_url("sim://AP7920?firmware=3.7.3&outlet_user=joe:joe:2,5"))
    recording = await line.record("joe", "joe", access=Access.MENU)
    line.assert_untouched()
    assert recording.screens > 3


async def test_a_console_that_falls_silent_leaves_what_was_seen() -> None:
    line = Line(parse_url("sim://AP7920?firmware=3.7.3"))
    line.pdu.faults.arm(StepFault(step="outlet_management", kind=FaultKind.MUTE))
    recording = await line.record(access=Access.MENU)
    assert recording.trouble
    assert "ended early" in recording.text
    assert "Control Console > Device Manager" in titles(recording)
    assert line.pdu.log.commands() == []


async def test_a_wrong_password_is_tried_once() -> None:
    line = Line(parse_url("sim://AP7920?firmware=3.7.3"))
    with pytest.raises(LoginRefused):
        await line.record("apc", "wrong")
    assert sum("unauthorized" in entry.text for entry in line.pdu.firmware.events) == 1
    line.assert_untouched()


async def test_a_forced_password_change_is_not_typed_into() -> None:
    line = Line(parse_url("sim://AP8959?cli_force_password_change=on"))
    with pytest.raises(PasswordChangeForced):
        await line.record()
    assert line.pdu.log.commands() == []
    assert line.state() == line.before
