"""Simulated PDUs in a process of their own, each on a pty behind a link that stays, and the hands that hurt them."""

from __future__ import annotations

import asyncio
import multiprocessing
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import uvloop

from apcbridge.serving import settle
from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.relays import Action
from apcbridge.sim.server import SimServer
from apcbridge.sim.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path
    from types import TracebackType

    from apcbridge.sim.device import SimLine
    from apcbridge.sim.server import SimPty

FLOOD_BYTES = 1152
FLOOD_EVERY_S = 0.1
"""A line at 115200 baud that never falls silent."""
WORDS = {Action.ON: "ON", Action.OFF: "OFF"}


class FloodingPdu(SimulatedPdu):
    """A PDU whose serial console may print without end."""

    line: SimLine | None = None

    def connect(self, on_output: Callable[[bytes], None]) -> SimLine:
        self.line = super().connect(on_output)
        return self.line

    async def flood(self) -> None:
        """Print what looks like rows of a list until cancelled."""
        rows = b"     1- Outlet 1                 ON\r\n" * 40
        while True:
            if self.line is not None and self.line.open:
                self.line.on_output(rows[:FLOOD_BYTES])
            await asyncio.sleep(FLOOD_EVERY_S)


@dataclass
class Place:
    """One PDU and the pty it is on."""

    pdu: FloodingPdu
    pty: SimPty
    flooding: asyncio.Task[None] | None = None


class Bench:
    """What may be asked of the PDUs from the other process."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places

    def states(self) -> dict[str, dict[int, str]]:
        """Return how every outlet of every PDU is."""
        return {
            name: {n: "ON" if place.pdu.firmware.relays.is_on(n) else "OFF" for n in place.pdu.firmware.relays.numbers}
            for name, place in self._places.items()
        }

    def taken(self) -> dict[str, dict[int, list[str]]]:
        """Return the commands that each outlet was given, in order, for every PDU."""
        return {
            name: {n: [WORDS[c.action] for c in place.pdu.log.commands(n)] for n in place.pdu.firmware.relays.numbers}
            for name, place in self._places.items()
        }

    def unplug(self, name: str) -> None:
        """Pull the adapter out."""
        self._places[name].pty.unplug()

    def plug(self, name: str) -> None:
        """Put it in again; its path has another number behind the same link."""
        self._places[name].pty.plug()

    def mute(self, name: str) -> None:
        """Let the console say nothing and hear nothing."""
        self._places[name].pdu.faults.muted = True

    def flood(self, name: str) -> None:
        """Let the console print without end."""
        place = self._places[name]
        place.flooding = asyncio.get_running_loop().create_task(place.pdu.flood())

    def heal(self, name: str) -> None:
        """End :meth:`mute` and :meth:`flood`."""
        place = self._places[name]
        place.pdu.faults.heal()
        if place.flooding is not None:
            place.flooding.cancel()
            place.flooding = None


async def _serve(urls: Mapping[str, str], folder: Path, pipe: Connection) -> None:
    ended = asyncio.Event()
    async with AsyncExitStack() as stack:
        places = {}
        for name, url in urls.items():
            pdu = FloodingPdu(parse_url(url))
            server = await stack.enter_async_context(SimServer(pdu))
            places[name] = Place(pdu, server.open_pty(folder / name))
        bench = Bench(places)

        def answer() -> None:
            try:
                word, *arguments = pipe.recv()
            except EOFError:
                ended.set()
                return
            pipe.send(getattr(bench, word)(*arguments))

        loop = asyncio.get_running_loop()
        loop.add_reader(pipe.fileno(), answer)
        pipe.send(None)
        await ended.wait()
        loop.remove_reader(pipe.fileno())


def _process(urls: Mapping[str, str], folder: Path, pipe: Connection) -> None:
    settle()
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(urls, folder, pipe))


class Simulators:
    """The other process, as this one sees it: every method of :class:`Bench` by :meth:`ask`. A context manager."""

    def __init__(self, urls: Mapping[str, str], folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_process, args=(urls, folder, theirs), daemon=True)
        self._theirs = theirs
        self._lock = asyncio.Lock()

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        self._pipe.recv()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(10)
        self._process.kill()

    async def ask(self, word: str, *arguments: str) -> Any:
        """Call a method of the bench."""
        async with self._lock:
            return await asyncio.to_thread(self._call, word, arguments)

    def _call(self, word: str, arguments: tuple[str, ...]) -> object:
        self._pipe.send((word, *arguments))
        return self._pipe.recv()
