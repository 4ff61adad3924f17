"""How fast the agent answers, beside net-snmp's snmpd with a table of the same rows; same client, same run.

``python -m tests.bench.bench_snmp [--rounds N] [--seconds N] [--pdus 1,16,100] [--loop uvloop|asyncio]``. Figures, not
verdicts. All agents run from the start and are measured in turn, round after round, and the figures are medians of the
rounds: what else the machine does meets all of them alike. ``us/GET`` and ``us/row`` are processor time of the agent.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import select
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, fields, replace
from ipaddress import ip_network
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from apcbridge.clock import SystemClock
from apcbridge.serving import settle
from apcbridge.snmp import ber
from apcbridge.snmp.agent import SnmpAgent
from apcbridge.snmp.ber import PduType
from apcbridge.snmp.mib import MibContext, build_table
from apcbridge.snmp.powernet import RPDU, RPDU_STATE
from apcbridge.snmp.settings import Access, AgentAddress, Community, RateLimits, SnmpSettings
from apcbridge.snmp.system import AgentCounters
from apcbridge.store import Store
from tests.ports import free_port
from tests.unit.snmp.world import Door, snapshot, status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from apcbridge.model import PduStatus

COMMUNITY = "bench"
WINDOW = 8
OUTLETS = 24
RATE = 5000
POLL_INTERVAL_S = 10.0
SETTLING_S = 0.5
"""Until an agent that nobody has asked for a while has built its tables: steady load is what is measured."""
SO_TIMESTAMPNS = 35
"""Linux: the kernel tells when a datagram arrived, however late the client looks."""


def fresh(pdu: str) -> PduStatus:
    now = SystemClock().monotonic()
    shown = snapshot(outlets=OUTLETS)
    outlets = tuple(replace(outlet, read_mono=now) for outlet in shown.outlets)
    shown = replace(shown, pdu=pdu, taken_mono=now, outlets=outlets)
    return replace(status(shown, pdu=pdu), stale_after_s=1e6, lost_after_s=2e6)


def serve(pdus: int, loop: str, ready: Connection) -> None:
    """Run an agent with that many PDUs, each on a port of its own and read as often as in life; send the ports."""
    names = [f"pdu{number}" for number in range(pdus)]
    everything = Community(name=COMMUNITY, label="bench", access=Access.READ, sources=(ip_network("127.0.0.0/8"),))
    settings = SnmpSettings(
        addresses=tuple(AgentAddress(pdu=name, host="127.0.0.1", port=0) for name in names),
        communities=(everything,),
        limits=RateLimits(per_source=1e9, total=1e9),
    )

    async def main() -> None:
        store = Store([fresh(name) for name in names])
        agent = SnmpAgent(settings, store, Door(), SystemClock())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(agent.run())
            await agent.opened()
            ready.send([agent.addresses[name][1] for name in names])
            for name in cycle(names):
                await asyncio.sleep(POLL_INTERVAL_S / pdus)
                store.replace(fresh(name))

    settle()
    if loop == "uvloop":
        uvloop.run(main())
    else:
        asyncio.run(main())


@dataclass(frozen=True, slots=True)
class Target:
    """An agent that runs."""

    ports: list[int]
    pid: int

    def cpu_s(self) -> float:
        """Return the processor time its one thread has used: unlike the rates, it hardly depends on what else runs."""
        return self._scheduled(0)

    def waited_s(self) -> float:
        """Return how long it was ready to run while somebody else had the processor: no fault of its own."""
        return self._scheduled(1)

    def _scheduled(self, field: int) -> float:
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[field]) / 1e9


@contextmanager
def our_agent(pdus: int, loop: str) -> Iterator[Target]:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(pdus, loop, theirs), daemon=True)
    process.start()
    try:
        yield Target(ours.recv(), process.pid or 0)
    finally:
        process.terminate()
        process.join()


@contextmanager
def snmpd(ports: int) -> Iterator[Target]:
    """Run net-snmp's agent on that many ports with one PDU's OIDs as fixed values, answered from memory like ours."""
    table = build_table(fresh("pdu0"), MibContext(counters=AgentCounters()))
    lines = [f"rocommunity {COMMUNITY} 127.0.0.1", "dontLogTCPWrappersConnects yes"]
    served = [oid for oid in table.oids if oid[: len(RPDU) - 2] == RPDU[:-2]]
    lines += [f"override .{'.'.join(map(str, oid))} integer 1" for oid in served]
    with tempfile.TemporaryDirectory() as home:
        free = [free_port() for _ in range(ports)]
        config = Path(home) / "snmpd.conf"
        config.write_text("\n".join(lines) + "\n")
        words = ("/usr/sbin/snmpd", "-f", "-LF", "0", f"{home}/log", "-C", "-c", str(config))
        addresses = ",".join(f"udp:127.0.0.1:{port}" for port in free)
        process = subprocess.Popen((*words, addresses), env={"SNMP_PERSISTENT_DIR": home, "PATH": "/usr/bin"})
        try:
            yield Target(free, process.pid)
        finally:
            process.terminate()
            process.wait()


def request(kind: PduType, oid: bytes, number: int, repetitions: int = 0) -> bytes:
    pdu = (
        b"\x02\x04" + number.to_bytes(4),
        ber.integer(0),
        ber.integer(repetitions),
        ber.tlv(ber.SEQUENCE, ber.varbind(oid, ber.NULL_VALUE)),
    )
    return ber.message(1, COMMUNITY.encode(), kind, pdu)


class Client:
    """Keeps a window of requests under way, spread over the ports."""

    def __init__(self, ports: list[int]) -> None:
        self._sockets = []
        for port in ports:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect(("127.0.0.1", port))
            sock.settimeout(5.0)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._sockets.append(sock)

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def warm_up(self, datagram: bytes) -> None:
        """Ask everybody once: a table is built when the first request after a reading asks for it."""
        for sock in self._sockets:
            sock.send(datagram)
            sock.recv(2000)

    def throughput(self, datagram: bytes, seconds: float) -> float:
        """Return answers per second to one request asked again and again."""
        waiting = deque(self._sockets[n % len(self._sockets)] for n in range(max(WINDOW, len(self._sockets))))
        for sock in waiting:
            sock.send(datagram)
        answered, end = 0, time.perf_counter() + seconds
        started = time.perf_counter()
        while time.perf_counter() < end:
            for _ in range(50):
                sock = waiting[0]
                sock.recv(2000)
                sock.send(datagram)
                waiting.rotate(-1)
                answered += 1
        elapsed = time.perf_counter() - started
        for sock in waiting:
            sock.recv(2000)
        return answered / elapsed

    def walk(self, root: bytes, repetitions: int = 0) -> tuple[int, float]:
        """Walk to the end of the branch; return rows and seconds."""
        sock, oid, rows = self._sockets[0], root, 0
        kind = PduType.GET_BULK if repetitions else PduType.GET_NEXT
        started = time.perf_counter()
        while True:
            sock.send(request(kind, oid, 1, repetitions))
            varbinds = response_oids(sock.recv(2000))
            inside = [name for name in varbinds if name.startswith(root)]
            rows += len(inside)
            if len(inside) < len(varbinds) or not inside or inside[-1] == oid:
                return rows, time.perf_counter() - started
            oid = inside[-1]

    def latencies(self, datagram: bytes, seconds: float) -> list[float]:
        """Ask all of them in turn at a steady rate; return the seconds until each answer was in its socket, sorted."""
        asked: dict[int, tuple[socket.socket, deque[int]]] = {s.fileno(): (s, deque()) for s in self._sockets}
        turns = cycle(asked.values())
        took: list[float] = []
        started = time.perf_counter()
        due, end = started, started + seconds
        with select.epoll() as poller:
            for number in asked:
                poller.register(number, select.EPOLLIN)
            while due < end or any(sent for _, sent in asked.values()):
                now = time.perf_counter()
                if due < end and now >= due:
                    sock, sent = next(turns)
                    sent.append(time.time_ns())
                    sock.send(datagram)
                    due += 1 / RATE
                    continue
                ready = poller.poll(max(due - now, 0.0) if due < end else 1.0)
                for number, _ in ready:
                    sock, sent = asked[number]
                    took.append((arrival_ns(sock) - sent.popleft()) / 1e9)
                if not ready and due >= end:
                    break
        return sorted(took)


def arrival_ns(sock: socket.socket) -> int:
    """Receive a datagram; return when the kernel had it."""
    ancillary = sock.recvmsg(2000, 64)[1]
    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def response_oids(answer: bytes) -> list[bytes]:
    """Return the names in a response; endOfMibView ends it."""
    start, end = ber.expect(answer, 0, len(answer), ber.SEQUENCE)
    for _ in range(2):
        start = ber.header(answer, start, end)[2]
    start = ber.header(answer, start, end)[1]
    for _ in range(3):
        start = ber.header(answer, start, end)[2]
    start = ber.header(answer, start, end)[1]
    names = []
    while start < end:
        inner, start = ber.expect(answer, start, end, ber.SEQUENCE)
        name_start, name_stop = ber.expect(answer, inner, start, ber.OBJECT_IDENTIFIER)
        if answer[name_stop] == 0x82:
            break
        names.append(answer[name_start:name_stop])
    return names


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round tells of one agent."""

    get: float
    get_cpu_us: float
    get_next: float
    bulk: float
    walk: float
    walk_cpu_us: float
    bulk_walk: float
    p50_ms: float
    p99_ms: float
    waited_percent: float
    """Share of that time in which the agent wanted to run and could not."""


HEADS = (
    "GET/s",
    "us/GET",
    "GETNEXT/s",
    "BULK25/s",
    "walk rows/s",
    "us/row",
    "bulk rows/s",
    "p50 ms",
    "p99 ms",
    "waited %",
)
FORMATS = (",.0f", ".1f", ",.0f", ",.0f", ",.0f", ".1f", ",.0f", ".2f", ".2f", ".0f")
WIDTH = 13


def measure(target: Target, client: Client, seconds: float) -> Figures:
    """Take one round's figures."""
    state, root = ber.encode_oid((*RPDU_STATE, 3)), ber.encode_oid(RPDU)
    client.latencies(request(PduType.GET, state, 1), SETTLING_S)
    waited_s = target.waited_s()
    took = client.latencies(request(PduType.GET, state, 1), seconds)
    waited_s = target.waited_s() - waited_s
    used_s = target.cpu_s()
    get = client.throughput(request(PduType.GET, state, 1), seconds)
    get_cpu_s = target.cpu_s() - used_s
    used_s = target.cpu_s()
    rows, walk_s = repeat(lambda: client.walk(root), seconds)
    walk_cpu_s = target.cpu_s() - used_s
    bulk_rows, bulk_s = repeat(lambda: client.walk(root, 25), seconds / 2)
    return Figures(
        get=get,
        get_cpu_us=1e6 * get_cpu_s / (get * seconds),
        get_next=client.throughput(request(PduType.GET_NEXT, state, 1), seconds / 2),
        bulk=client.throughput(request(PduType.GET_BULK, state, 1, 25), seconds / 2),
        walk=rows / walk_s,
        walk_cpu_us=1e6 * walk_cpu_s / rows,
        bulk_walk=bulk_rows / bulk_s,
        p50_ms=1000 * took[len(took) // 2],
        p99_ms=1000 * took[len(took) * 99 // 100],
        waited_percent=100 * waited_s / seconds,
    )


def repeat(walk: Callable[[], tuple[int, float]], seconds: float) -> tuple[int, float]:
    """Walk again and again; return all of the rows and the seconds they took."""
    rows, took = 0, 0.0
    while took < seconds:
        more, more_s = walk()
        rows, took = rows + more, took + more_s
    return rows, took


def await_answer(client: Client, oid: bytes) -> None:
    """Return once the agent answers: snmpd takes a moment to read its rows."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            client.walk(oid)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the agent does not answer")


def show(name: str, rounds: list[Figures]) -> None:
    """Print the median of each figure."""
    medians = [statistics.median(values) for values in zip(*map(astuple, rounds), strict=True)]
    print(
        f"{name:<28}" + "".join(f"{format(value, how):>{WIDTH}}" for value, how in zip(medians, FORMATS, strict=True))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="per figure and round")
    parser.add_argument("--pdus", default="1,16,100")
    parser.add_argument("--loop", choices=["uvloop", "asyncio", "both"], default="both")
    options = parser.parse_args()
    loops = ["uvloop", "asyncio"] if options.loop == "both" else [options.loop]
    assert len(HEADS) == len(FORMATS) == len(fields(Figures))
    print(f"one client, window {WINDOW}; a PDU of {OUTLETS} outlets; latency at {RATE} GET/s; {options.rounds} rounds")
    with ExitStack() as running:
        targets: dict[str, Target] = {}
        for pdus in map(int, options.pdus.split(",")):
            if shutil.which("snmpd") or Path("/usr/sbin/snmpd").exists():
                targets[f"net-snmp snmpd, {pdus} ports"] = running.enter_context(snmpd(pdus))
            for loop in loops:
                targets[f"apcbridge {loop}, {pdus} PDUs"] = running.enter_context(our_agent(pdus, loop))
        clients = {name: Client(target.ports) for name, target in targets.items()}
        state = ber.encode_oid((*RPDU_STATE, 3))
        for client in clients.values():
            running.callback(client.close)
            await_answer(client, state)
            client.warm_up(request(PduType.GET, state, 1))
        figures: dict[str, list[Figures]] = {name: [] for name in targets}
        for _ in range(options.rounds):
            for name, target in targets.items():
                figures[name].append(measure(target, clients[name], options.seconds))
    print(f"{'load average ' + format(os.getloadavg()[0], '.1f'):<28}" + "".join(f"{head:>{WIDTH}}" for head in HEADS))
    for name, rounds in figures.items():
        show(name, rounds)


if __name__ == "__main__":
    main()
