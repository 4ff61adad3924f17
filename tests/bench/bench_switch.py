"""Prints how long one switch takes at 9600 baud: ours over MQTT, fence_apc's and powerman's, on the same simulated PDU.

Run with ``make bench``. The wire time is that of the bytes that crossed the line meanwhile, both ways, at 960 a second:
no program that speaks the menus can be faster than its own dialog.
"""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.line import Pacer
from apcbridge.sim.profiles import make_profile
from apcbridge.sim.server import SimServer
from tests.integration.daemon_world import Daemon
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from apcbridge.sim.device import SimLine

BAUD = 9600
BYTES_PER_S = BAUD / 10
ROUNDS = 6
OUTLET = 3
PAUSE_S = 2.0
"""Between two switches, outside the time: the card takes no new login for a moment after a logout."""


class CountingPacer(Pacer):
    """A paced line that counts what crosses it."""

    def __init__(self, counter: Counter) -> None:
        super().__init__(BAUD)
        self._counter = counter

    def push(self, data: bytes, now: float) -> None:
        self._counter.octets += len(data)
        super().push(data, now)


@dataclass(slots=True)
class Counter:
    """Bytes on the line, both ways."""

    octets: int = 0


class CountedPdu(SimulatedPdu):
    """A simulated PDU whose serial line and telnet are both paced and counted."""

    counter: Counter

    def connect(self, on_output: Callable[[bytes], None]) -> SimLine:
        return self._counted(super().connect(on_output))

    def connect_network(self, on_output: Callable[[bytes], None]) -> SimLine:
        return self._counted(super().connect_network(on_output))

    def _counted(self, line: SimLine) -> SimLine:
        line.to_pdu, line.from_pdu = CountingPacer(self.counter), CountingPacer(self.counter)
        return line


@dataclass(frozen=True, slots=True)
class Figure:
    """One way of switching, over all rounds."""

    name: str
    seconds: tuple[float, ...]
    octets: tuple[int, ...]

    def line(self) -> str:
        median_s = statistics.median(self.seconds)
        octets = statistics.median(self.octets)
        wire_s = octets / BYTES_PER_S
        return (
            f"{self.name:<44} {median_s:7.2f} s  (min {min(self.seconds):.2f}, max {max(self.seconds):.2f})  "
            f"{octets:6.0f} bytes = {wire_s:5.2f} s of wire  {100 * (median_s / wire_s - 1):+5.0f} %"
        )


async def measure(name: str, counter: Counter, switch: Callable[[bool], Awaitable[None]]) -> Figure:
    """Switch off and on in turn; one round first that does not count."""
    seconds, octets = [], []
    for number in range(ROUNDS + 1):
        await asyncio.sleep(PAUSE_S)
        before, begun = counter.octets, time.monotonic()
        await switch(number % 2 == 1)
        if number:
            seconds.append(time.monotonic() - begun)
            octets.append(counter.octets - before)
    return Figure(name, tuple(seconds), tuple(octets))


def counted_pdu(model: str) -> CountedPdu:
    """Make the PDU that everybody switches."""
    pdu = CountedPdu(dataclasses.replace(make_profile(model), baud=BAUD))
    pdu.counter = Counter()
    return pdu


async def ours(model: str, access: str, session: str) -> Figure:
    """Time from an MQTT publish to the confirmed state on MQTT; every switch begins in the quiet between two polls."""
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), pdu=(pdu := counted_pdu(model)), access=access, session=session, poll_interval=60)
        async with daemon:
            await daemon.until_online()

            async def switch(on: bool) -> None:
                word = "ON" if on else "OFF"
                daemon.observer.say(f"apcbridge/pdu1/outlet/{OUTLET}/set", word)
                await daemon.until_topic(f"apcbridge/pdu1/outlet/{OUTLET}/state", word)

            return await measure(f"apcbridge, MQTT set to state, {access}, {session}", pdu.counter, switch)


@asynccontextmanager
async def by_telnet(model: str) -> AsyncIterator[tuple[CountedPdu, int]]:
    """Offer the PDU on telnet, paced like the serial line."""
    pdu = counted_pdu(model)
    async with SimServer(pdu) as server:
        _, port = await server.listen_telnet()
        yield pdu, port


async def run(*command: str) -> str:
    """Run a program to its end; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {printed.decode()}")
    return printed.decode()


async def fence_apc(model: str) -> Figure:
    """Time fence_apc: it logs in, looks, switches, looks again and logs out."""
    async with by_telnet(model) as (pdu, port):

        async def switch(on: bool) -> None:
            action = "on" if on else "off"
            login = ("-a", "127.0.0.1", "-u", str(port), "-l", "apc", "-p", "apc")
            await run("/usr/sbin/fence_apc", *login, "-n", str(OUTLET), "-o", action)

        return await measure("fence_apc (login, status, switch, status, logout)", pdu.counter, switch)


async def powerman(model: str) -> Figure:
    """Time powerman, whose daemon stays logged in; it does not read the outlet back."""
    async with by_telnet(model) as (pdu, port):
        with tempfile.TemporaryDirectory() as folder:
            listen = free_port()
            config = Path(folder) / "powerman.conf"
            config.write_text(
                f'include "/etc/powerman/apc7900v3.dev"\nlisten "127.0.0.1:{listen}"\n'
                f'device "pdu" "apc7900v3" "127.0.0.1:{port}"\nnode "p[1-8]" "pdu" "[1-8]"\n'
            )
            daemon = await asyncio.create_subprocess_exec(
                "/usr/sbin/powermand", "-f", "-c", str(config), stderr=asyncio.subprocess.DEVNULL
            )
            try:
                await _until_listening(listen)

                async def switch(on: bool) -> None:
                    await run("/usr/bin/powerman", "-h", f"127.0.0.1:{listen}", "-1" if on else "-0", f"p{OUTLET}")

                return await measure("powerman (logged in; cancel, switch)", pdu.counter, switch)
            finally:
                daemon.terminate()
                await daemon.wait()


async def _until_listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return


async def main() -> None:
    """Print every figure."""
    print(f"One switch of outlet {OUTLET} of an AP7920 (AOS 3.7.3, 8 outlets) at {BAUD} baud, median of {ROUNDS}:")
    print((await ours("AP7920", "menu", "hold")).line())
    print((await ours("AP7920", "menu", "release")).line())
    print((await ours("AP7920", "auto", "hold")).line())
    print((await fence_apc("AP7920")).line())
    print((await powerman("AP7920")).line())


if __name__ == "__main__":
    asyncio.run(main())
