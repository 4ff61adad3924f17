"""A screen that tells why a card restarted comes garbled, once: it is asked for again, and the cause is right."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from apcbridge.console.events import GoalFailed
from apcbridge.console.goals import ReadEventLog, ReadResetCause
from apcbridge.console.session import Access
from apcbridge.model import RebootCause
from apcbridge.sim.url import parse_url
from tests.integration.virtual_world import TrueTime, World, leaping

if TYPE_CHECKING:
    from apcbridge.console.events import Event
    from apcbridge.pdu.settings import PduSettings


@dataclass
class Noise:
    """Spoils every screen on which a text is printed, until a goal has failed by it."""

    text: bytes
    spoilt: bytes
    goal: type[ReadEventLog | ReadResetCause]
    active: bool = False
    failed: bool = False

    def __call__(self, data: bytes) -> bytes:
        return data.replace(self.text, self.spoilt) if self.active and not self.failed else data

    def heed(self, event: Event) -> None:
        """Take in how a goal ended."""
        self.failed |= isinstance(event, GoalFailed) and isinstance(event.goal, self.goal)


CASES = [
    ("AP7920", Access.MENU, Noise(b"Event Log", b"Evemt Lof", ReadEventLog), "Network Interface restarted"),
    ("AP7920", Access.MENU, Noise(b"<CTRL-L>", b"<CTRL-M>", ReadEventLog), "Network Interface restarted"),
    ("AP8941", Access.AUTO, Noise(b"12 WDT Reset", b"1? WDT Reset", ReadResetCause), "12 WDT Reset"),
    ("AP8941", Access.AUTO, Noise(b"12 WDT Reset", b"E101: Command Not Found", ReadResetCause), "12 WDT Reset"),
]


@pytest.mark.parametrize(("model", "access", "noise", "evidence"), CASES)
def test_it_is_asked_for_again(model: str, access: Access, noise: Noise, evidence: str) -> None:
    def settings(plain: PduSettings) -> PduSettings:
        return dataclasses.replace(plain, access=access)

    world = World(TrueTime(), parse_url(f"sim://{model}?watchdog=off&boot=30"), settings)

    world.on_bytes, world.on_event = noise, noise.heed

    async def work() -> None:
        async with world:
            await world.until_up()
            await asyncio.sleep(120)
            world.pdu.restart(RebootCause.WATCHDOG)
            noise.active = True
            await world.until(lambda: bool(world.reports), "the report of the restart")

    leaping(world.time, work())
    (report,) = world.reports
    assert noise.failed
    assert evidence in "; ".join(report.evidence)
    assert report.cause is RebootCause.WATCHDOG
