"""The cure of the network watchdog: give the card a default gateway that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apcbridge.console.dialog import check_address
from apcbridge.console.events import GoalFailed, NetworkReading
from apcbridge.console.goals import Logout, ReadNetwork, SetGateway
from apcbridge.console.session import Session, SessionOptions
from apcbridge.errors import CommandRejected, PortLost
from apcbridge.pdu.driver import Driver
from apcbridge.pdu.reboots.diagnosis import outside_own_network

if TYPE_CHECKING:
    from apcbridge.clock import Clock
    from apcbridge.console.events import Event
    from apcbridge.console.goals import Goal
    from apcbridge.pdu.ports import PortRegistry
    from apcbridge.pdu.settings import PduSettings
    from apcbridge.tools.terminal import Terminal

AFTERWARDS = """
Now wait half an hour. If the restarts have stopped, apcbridge doctor says so, the attribute watchdog of the topic
nmc goes false, and apcbridge events shows no more watchdog_reboot. If they go on, that host does not answer the card:
try another one, or connect the card's Ethernet port to a network with traffic."""


class GatewayFix:
    """Shows what is, asks, sets, reads back."""

    def __init__(self, terminal: Terminal, ports: PortRegistry, clock: Clock) -> None:
        self._terminal = terminal
        self._ports = ports
        self._clock = clock
        self._network = NetworkReading()

    async def run(self, pdu: PduSettings, address: str) -> bool:
        """Return whether the card shows that gateway; False also if the user would rather not.

        Raises PortError, ConsoleError (CommandRejected where this console does not let the gateway be set).
        """
        check_address(address)
        session = Session(pdu.credentials, SessionOptions(access=pdu.access))
        driver = Driver(await self._ports.open(pdu.port, pdu.bauds[0]), session, self._clock, self._take)
        try:
            await _reach(driver, ReadNetwork())
            self._show(pdu.id)
            if self._network.gateway == address:
                self._terminal.say(f"The gateway is {address} already; nothing was changed.")
                return True
            if not await self._agreed(address):
                return False
            await _reach(driver, SetGateway(address))
            self._network = NetworkReading()
            await _reach(driver, ReadNetwork())
        finally:
            await self._leave(driver, session)
        return self._tell(pdu.id, address)

    async def _leave(self, driver: Driver, session: Session) -> None:
        """Log out, whatever happened: broken off by Ctrl-C, too."""
        session.abort(self._clock.monotonic())
        try:
            await driver.pursue(Logout())
        except PortLost:
            pass  # nobody is left to log out from
        finally:
            driver.close()

    def _show(self, pdu: str) -> None:
        network = self._network
        self._terminal.say(f"{pdu} now:  address {network.address or '?'}, mask {network.subnet_mask or '?'}")
        self._terminal.say(f"{' ' * len(pdu)}       default gateway {network.gateway or 'none'}")

    async def _agreed(self, address: str) -> bool:
        network = self._network
        after = NetworkReading(address=network.address, subnet_mask=network.subnet_mask, gateway=address)
        own = outside_own_network(after)
        if own:
            self._terminal.say(f"Mind: {address} is not in the card's own network {own}: it will hardly be reached.")
        question = f"Set the default gateway to {address}? No outlet is touched."
        return await self._terminal.confirm(question, default=not own)

    def _tell(self, pdu: str, address: str) -> bool:
        if self._network.gateway != address:
            self._terminal.say(
                f"{pdu} still shows gateway {self._network.gateway or 'none'}: it may use the new one only after a "
                "restart of its card. Restart it and look again with apcbridge probe."
            )
            return False
        self._terminal.say(f"{pdu} shows default gateway {address}.")
        self._terminal.say(AFTERWARDS.strip("\n"))
        return True

    def _take(self, event: Event) -> None:
        if isinstance(event, NetworkReading):
            self._network = event


async def _reach(driver: Driver, goal: Goal) -> None:
    end = await driver.pursue(goal)
    driver.check()
    if isinstance(end, GoalFailed):
        if isinstance(end.error, CommandRejected):
            raise CommandRejected(f"the gateway cannot be set over this console: {end.error}") from end.error
        raise end.error
