"""A manager that asks at a steady rate, walks, and switches by SET."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.snmp import ber
from apcbridge.snmp.ber import PduType
from apcbridge.snmp.powernet import RPDU, RPDU_COMMAND, RPDU_STATE
from tests.bench.bench_snmp import SO_TIMESTAMPNS
from tests.soak.rack.daemon import READER, WRITER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.soak.rack.daemon import Daemon, Place

TIMEOUT_S = 2.0
KINDS = ("GET",) * 7 + ("GETNEXT",) * 2 + ("GETBULK 25",)
STATES = {1: "ON", 2: "OFF"}
SET_VALUES = {"ON": 1, "OFF": 2}


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way."""

    id: int
    datagram: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    request_id: int
    error_status: int
    value: int | None
    """The first value, if it is an INTEGER."""
    at_ns: int
    """When the kernel had it, in Unix time: however late this process looks."""


@dataclass(slots=True)
class Figures:
    """What came of it."""

    took_s: dict[str, list[float]] = field(default_factory=dict)
    """Kind of request -> seconds to the answer's arrival in the socket."""
    held_s: list[float] = field(default_factory=list)
    """The same without the time in which the daemon could have run and others had the processor."""
    errors: Counter[str] = field(default_factory=Counter)
    timeouts: int = 0

    @property
    def all_s(self) -> list[float]:
        return [took for several in self.took_s.values() for took in several]


class Manager:
    """One manager of all agents."""

    def __init__(self, ports: Mapping[str, int], places: Mapping[str, Place], daemon: Daemon, seed: int) -> None:
        self.figures = Figures()
        self.sets = Figures()
        self._places = places
        self._daemon = daemon
        self._rng = random.Random(seed)
        self._request_id = 0
        self._sockets: dict[str, socket.socket] = {}
        for name, port in ports.items():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect(("127.0.0.1", port))
            sock.settimeout(0)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._sockets[name] = sock
        self._busy = {name: asyncio.Lock() for name in ports}

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()

    async def load(self, rate: float) -> None:
        """Ask that many times a second until cancelled."""
        due_mono = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._ask_something())
                due_mono += 1 / rate
                await asyncio.sleep(max(0.0, due_mono - time.monotonic()))

    async def _ask_something(self) -> None:
        name, kind = self._rng.choice(list(self._sockets)), self._rng.choice(KINDS)
        outlet = self._rng.randrange(1, self._places[name].outlets + 1)
        if kind == "GETBULK 25":
            request = self._request(READER, PduType.GET_BULK, RPDU, b"\x05\x00", 25)
        else:
            pdu_type = PduType.GET if kind == "GET" else PduType.GET_NEXT
            request = self._request(READER, pdu_type, (*RPDU_STATE, outlet), b"\x05\x00")
        await self._ask(name, request, kind, self.figures)

    async def switch(self, name: str, outlet: int, word: str) -> bool:
        """Switch by SET; return whether it was taken."""
        value = ber.integer(SET_VALUES[word])
        request = self._request(WRITER, PduType.SET, (*RPDU_COMMAND, outlet), value)
        answer = await self._ask(name, request, "SET", self.sets)
        return answer is not None and answer.error_status == 0

    async def states(self, name: str) -> dict[int, str]:
        """Return the outlets' states as the agent tells them; those that it does not tell are missing."""
        found = {}
        for outlet in range(1, self._places[name].outlets + 1):
            request = self._request(READER, PduType.GET, (*RPDU_STATE, outlet), b"\x05\x00")
            answer = await self._ask(name, request, "GET", Figures())
            if answer is not None and answer.error_status == 0:
                found[outlet] = STATES.get(answer.value or 0, str(answer.value))
        return found

    def _request(self, community: str, kind: PduType, oid: ber.Oid, value: bytes, repetitions: int = 0) -> Request:
        self._request_id += 1
        bindings = ber.tlv(ber.SEQUENCE, ber.varbind(ber.encode_oid(oid), value))
        fields = (ber.integer(self._request_id), ber.integer(0), ber.integer(repetitions), bindings)
        return Request(self._request_id, ber.message(1, community.encode(), kind, fields))

    async def _ask(self, name: str, request: Request, kind: str, figures: Figures) -> Answer | None:
        """Send and wait for the answer, one request a socket at a time."""
        async with self._busy[name]:
            sock, waited_s, sent_ns = self._sockets[name], self._daemon.waited_s(), time.time_ns()
            sock.send(request.datagram)
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    answer = await _answer(sock, request.id)
            except TimeoutError:
                figures.timeouts += 1
                return None
            took_s = (answer.at_ns - sent_ns) / 1e9
            figures.took_s.setdefault(kind, []).append(took_s)
            figures.held_s.append(max(0.0, took_s - (self._daemon.waited_s() - waited_s)))
            if answer.error_status:
                figures.errors[f"{kind} error {answer.error_status}"] += 1
            return answer


async def _answer(sock: socket.socket, request_id: int) -> Answer:
    """Wait for the answer to a request; one that comes too late for an earlier request is dropped."""
    loop = asyncio.get_running_loop()
    while True:
        ready = asyncio.Event()
        loop.add_reader(sock, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(sock)
        data, ancillary, _, _ = sock.recvmsg(2000, 64)
        answer = _read(data, ancillary[0][2])
        if answer.request_id == request_id:
            return answer


def _read(data: bytes, stamp: bytes) -> Answer:
    """Read a response as far as it is of interest here."""
    seconds, nanoseconds = struct.unpack("qq", stamp[:16])
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    for _ in range(2):
        at = ber.header(data, at, end)[2]
    at = ber.header(data, at, end)[1]
    numbers = []
    for _ in range(3):
        start, at = ber.expect(data, at, end, ber.INTEGER)
        numbers.append(ber.read_integer(data, start, at))
    for _ in range(2):
        at = ber.header(data, at, end)[1]
    tag, start, stop = ber.header(data, ber.header(data, at, end)[2], end)
    value = ber.read_integer(data, start, stop) if tag == ber.INTEGER else None
    return Answer(numbers[0], numbers[1], value, int(seconds) * 1_000_000_000 + int(nanoseconds))
