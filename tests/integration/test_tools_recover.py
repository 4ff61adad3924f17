"""``apcbridge recover`` with a simulated card and a person who presses its button."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from apcbridge.clock import SystemClock
from apcbridge.pdu.ports import PortRegistry
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.profiles import UserType
from apcbridge.sim.server import SimServer
from apcbridge.sim.url import parse_url
from apcbridge.simulated import SimPort
from apcbridge.tools.recover import NotRecovered, Recovery
from tests.unit.tools.people import Player

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.pdu.ports import Port

LOST = "l0st-by-all"
NEW = "n3w-secret"
UNIT, BUTTON, CONSENT = "^Unit", "pressed it the second time", "Answer its questions"
PASSWORDS = (("New password", NEW), ("Once more", NEW))


class Rack:
    """A PDU whose password nobody knows."""

    def __init__(self, url: str) -> None:
        self.pdu = SimulatedPdu(parse_url(f"sim://{url}{'&' if '?' in url else '?'}password={LOST}&boot=2"))

    def press(self, times: int = 2) -> Callable[[], str]:
        def act() -> str:
            for _ in range(times):
                self.pdu.press_reset()
            return ""

        return act

    async def recover(self, player: Player, patience: int = 6) -> None:
        async with SimServer(self.pdu) as server:

            async def open_port(url: str, _baud: int) -> Port:
                return SimPort(url, server)

            ports = PortRegistry()
            ports.register("rack", open_port)
            await Recovery(player, ports, SystemClock(), patience).run("rack://1", (9600,))

    @property
    def password(self) -> str:
        (administrator,) = (one for one in self.pdu.firmware.accounts if one.type is UserType.ADMIN)
        return administrator.password

    def assert_untouched_outlets(self) -> None:
        assert self.pdu.log.commands() == []
        assert self.pdu.firmware.forbidden == []


@pytest.mark.parametrize(
    ("url", "unit"), [("AP7920?firmware=3.7.3", "1"), ("AP7900?firmware=2.7.3", "3"), ("AP9211", "1")]
)
async def test_a_lost_password_is_replaced(url: str, unit: str) -> None:
    rack = Rack(url)
    player = Player((UNIT, unit), *PASSWORDS, (BUTTON, rack.press()))
    await rack.recover(player)
    assert rack.password == NEW
    assert rack.pdu.gate.holder is None
    assert "proved by logging in" in player.page
    assert NEW not in player.page
    assert player.left == []
    rack.assert_untouched_outlets()


async def test_a_missed_window_leads_back_to_the_button() -> None:
    rack = Rack("AP7920?firmware=3.7.3")
    player = Player((UNIT, "1"), *PASSWORDS, (BUTTON, rack.press(1)), ("Try again", True), (BUTTON, rack.press()))
    await rack.recover(player)
    assert rack.password == NEW
    assert "refuses apc" in player.page
    rack.assert_untouched_outlets()


async def test_giving_up_leaves_everything_as_it_was() -> None:
    rack = Rack("AP7920?firmware=3.7.3")
    player = Player((UNIT, "1"), *PASSWORDS, (BUTTON, rack.press(0)), ("Try again", False))
    with pytest.raises(NotRecovered, match="as it was"):
        await rack.recover(player)
    assert rack.password == LOST
    assert rack.pdu.gate.holder is None


async def test_nothing_happens_without_a_yes() -> None:
    rack = Rack("AP7920?firmware=3.7.3")
    with pytest.raises(NotRecovered, match="nothing was done"):
        await rack.recover(Player(("Shall we begin", False)))
    assert rack.pdu.firmware.events == []


async def test_a_password_that_cannot_be_typed_is_refused_before_the_button() -> None:
    rack = Rack("AP7920?firmware=3.7.3")
    refused = (("New password", "far-too-long-for-it"), ("New password", "with blank"), ("New password", "apc"))
    mistyped = (("New password", NEW), ("Once more", "n3w-secrft"))
    player = Player((UNIT, "1"), *refused, *mistyped, *PASSWORDS, (BUTTON, rack.press()))
    await rack.recover(player)
    assert player.page.count("That will not do") == 4
    assert rack.password == NEW


async def test_broken_off_at_the_button_nothing_is_left_open() -> None:
    rack = Rack("AP7920?firmware=3.7.3")
    at_button = asyncio.Event()

    async def wait_for_ever() -> None:
        at_button.set()
        await asyncio.Event().wait()

    recovering = asyncio.create_task(rack.recover(Player((UNIT, "1"), *PASSWORDS, (BUTTON, wait_for_ever))))
    await asyncio.wait_for(at_button.wait(), 30)
    recovering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(recovering, 30)
    assert rack.password == LOST
    assert rack.pdu.gate.holder is None


async def test_broken_off_while_logged_in_the_console_is_logged_out() -> None:
    rack = Rack("AP7920?firmware=3.7.3")

    class Breaking(Player):
        def say(self, text: str = "") -> None:
            super().say(text)
            if text == "Logged in.":
                recovering.cancel()

    recovering = asyncio.create_task(rack.recover(Breaking((UNIT, "1"), *PASSWORDS, (BUTTON, rack.press()))))
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(recovering, 60)
    assert rack.password == "apc"
    assert rack.pdu.gate.holder is None


async def test_a_forced_change_is_answered_with_consent_only() -> None:
    rack = Rack("AP8959?cli_force_password_change=on")
    player = Player((UNIT, "2"), *PASSWORDS, (BUTTON, rack.press()), (CONSENT, True))
    await rack.recover(player)
    assert rack.password == NEW
    assert NEW not in player.page


async def test_without_consent_nothing_is_typed_into_a_forced_change() -> None:
    rack = Rack("AP8959?cli_force_password_change=on")
    player = Player((UNIT, "2"), *PASSWORDS, (BUTTON, rack.press()), (CONSENT, False))
    with pytest.raises(NotRecovered, match="nothing was typed"):
        await rack.recover(player)
    assert rack.password == "apc"


async def test_a_console_without_account_menus_says_where_they_are() -> None:
    profile = parse_url("sim://AP7920?firmware=3.7.3&boot=2&password=lost")
    # Anybody but the administrator has no System menu: the same screens as those of a firmware that lacks it.
    account = dataclasses.replace(profile.accounts[0], type=UserType.DEVICE, password="apc")
    rack = Rack("AP7920")
    rack.pdu = SimulatedPdu(dataclasses.replace(profile, accounts=(account,)))
    player = Player((UNIT, "1"), *PASSWORDS, (BUTTON, rack.press(0)))
    with pytest.raises(NotRecovered, match="does not offer it"):
        await rack.recover(player)
    assert "web page only" in player.page
    assert rack.pdu.gate.holder is None


async def test_a_silent_line_is_told_before_anybody_goes_to_the_rack() -> None:
    rack = Rack("AP7920")
    rack.pdu.faults.muted = True
    player = Player()
    with pytest.raises(NotRecovered, match="apcbridge wiring"):
        await rack.recover(player)
    assert player.secrets_asked == 0


async def test_ctrl_c_ends_it_at_a_question() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "apcbridge", "recover", "socket://127.0.0.1:1"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    printed = await asyncio.wait_for(process.stdout.readuntil(b"Shall we begin?"), 30)
    assert b"No outlet is switched" in printed
    process.send_signal(signal.SIGINT)
    _, told = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert b"broken off" in told
    assert b"Traceback" not in told
