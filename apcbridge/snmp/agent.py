"""The agent on the network: one UDP socket per address, answered from memory.

A socket is drained in turns of at most :data:`ANSWERS_PER_TURN`, so a burst costs one wake-up of the loop and a flood
cannot keep the consoles waiting. What is only dropped is cheap, and drained faster, to make room for others.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import TYPE_CHECKING

from apcbridge.commands import CommandResult, ResultStatus
from apcbridge.errors import JournalError
from apcbridge.limits import LogBudget
from apcbridge.snmp.desk import Desk
from apcbridge.snmp.engine import next_boot
from apcbridge.snmp.listener import Listener
from apcbridge.snmp.notifier import Notifier, Place
from apcbridge.snmp.selftest import check_access
from apcbridge.snmp.settings import AddressUnavailable
from apcbridge.snmp.texts import SystemTextFile
from apcbridge.snmp.v3 import UserEngine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apcbridge.clock import Clock
    from apcbridge.snmp.desk import SetDoor
    from apcbridge.snmp.settings import AgentAddress, SnmpSettings
    from apcbridge.snmp.system import AgentCounters
    from apcbridge.store import Store

ANSWERS_PER_TURN = 32
DATAGRAMS_PER_TURN = 512
"""About 2 ms of dropping."""
RECEIVE_BUFFER = 256 * 1024
PROGRESS_INTERVAL_S = 1.0

_log = logging.getLogger(__name__)


class SnmpAgent:
    """Every PDU's agent: ``await run()`` serves until it is cancelled."""

    def __init__(self, settings: SnmpSettings, store: Store, door: SetDoor, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._texts = SystemTextFile(settings, clock.wall)
        # One budget of log lines for all addresses: a flood does not become louder by the number of PDUs.
        self._drop_lines, refusal_lines = LogBudget(), LogBudget()
        self._desks = {
            address.pdu: Desk(store.get(address.pdu), door, self._texts, refusal_lines)
            for address in settings.addresses
        }
        self._edges = store.cursor()
        self._bound: dict[str, tuple[str, int]] = {}
        self._opened = asyncio.Event()
        self._engines: dict[str, UserEngine] = {}
        self._notifier = Notifier(settings, store, clock, self.counters, self.place)
        self.progress_mono = clock.monotonic()
        """When the agent last took its turn in the loop."""

    @property
    def addresses(self) -> Mapping[str, tuple[str, int]]:
        """Where each PDU's agent listens; empty until the sockets are open (see :meth:`opened`)."""
        return dict(self._bound)

    @property
    def counters(self) -> Mapping[str, AgentCounters]:
        """What came in and what became of it, per PDU."""
        return {pdu: self._texts.context(pdu).counters for pdu in self._desks}

    @property
    def engine_ids(self) -> Mapping[str, bytes]:
        """Return the SNMPv3 engine id of each PDU's agent; empty while version 3 is closed."""
        return {pdu: engine.engine_id for pdu, engine in self._engines.items()}

    def place(self, pdu: str) -> Place:
        """Return where a PDU's notifications come from."""
        host, _ = self._bound.get(pdu, (None, 0))
        return Place(host, self._engines.get(pdu))

    async def opened(self) -> None:
        """Return once every socket is open."""
        await self._opened.wait()

    async def run(self) -> None:
        """Open every address and serve; raise AddressUnavailable if one cannot be, AccessBroken if it must not be."""
        check_access()
        self._start_engines()
        loop = asyncio.get_running_loop()
        sockets: list[socket.socket] = []
        unsubscribe = (self._store.on_status(self._on_status), self._store.on_edge(self._on_edge))
        try:
            for group in _by_address(self._settings.addresses):
                sock = _open(group[0])
                sockets.append(sock)
                loop.add_reader(sock, _drain, sock, self._listener(sock, group))
            self._opened.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._notifier.run())
                tasks.create_task(self._progress())
        finally:
            for end in unsubscribe:
                end()
            self._opened.clear()
            self._bound.clear()
            for sock in sockets:
                loop.remove_reader(sock)
                sock.close()

    def _start_engines(self) -> None:
        """Count this start and open version 3; where that cannot be kept, say so and leave it closed."""
        self._engines.clear()
        state_dir = self._settings.state_dir
        if not self._settings.users:
            return
        if state_dir is None:
            _log.error("SNMPv3 stays closed: there is no state directory to keep the engine's boots counter in")
            return
        try:
            state = next_boot(state_dir)
        except JournalError as fault:
            _log.error("SNMPv3 stays closed, v1 and v2c are served: %s", fault)  # the text says it all
            return
        started_mono = self._clock.monotonic()
        for pdu in self._desks:
            self._engines[pdu] = UserEngine(state.engine_id(pdu), state.boots, started_mono)

    def _listener(self, sock: socket.socket, group: list[AgentAddress]) -> Listener:
        host, port = sock.getsockname()[:2]
        for address in group:
            self._bound[address.pdu] = (host, port)
            self._on_status(address.pdu)
        for address in group:
            _log.info("%s: SNMP agent on %s port %d", address.pdu, host, port, extra={"pdu": address.pdu})
        desks = [self._desks[address.pdu] for address in group]
        counters = self._texts.context(group[0].pdu).counters
        return Listener(
            self._settings,
            desks,
            counters,
            self._clock,
            self._notifier.authentication_failed,
            self._engines.get(group[0].pdu),
            self._drop_lines,
        )

    async def _progress(self) -> None:
        while True:
            self.progress_mono = self._clock.monotonic()
            await asyncio.sleep(PROGRESS_INTERVAL_S)

    def _on_status(self, pdu: str) -> None:
        desk = self._desks.get(pdu)
        if desk is not None:
            desk.update(self._store.get(pdu))

    def _on_edge(self) -> None:
        for edge in self._edges.read().items:
            if isinstance(edge, CommandResult) and edge.status is ResultStatus.CONFIRMED:
                desk = self._desks.get(edge.command.pdu)
                if desk is not None:
                    desk.confirm(edge.command)


def _drain(sock: socket.socket, listener: Listener) -> None:
    """Answer what waits in a socket, up to a turn's worth."""
    now_mono = listener.now_mono()
    answers_left = ANSWERS_PER_TURN
    for _ in range(DATAGRAMS_PER_TURN):
        try:
            data, address = sock.recvfrom(0xFFFF)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as fault:
            # An ICMP error for an earlier answer (the asker has gone) is reported here; it concerns nobody else.
            _log.debug("SNMP socket: %s", fault)
            continue
        answer = listener.answer(data, address[0], address[1], now_mono)
        if answer is not None:
            _send(sock, answer, address)
            answers_left -= 1
            if not answers_left:
                return


def _send(sock: socket.socket, answer: bytes, address: tuple[str, int]) -> None:
    """Send an answer or lose it, as UDP may: the asker repeats, and a repeated SET gets the same answer."""
    try:
        sock.sendto(answer, address)
    except OSError as fault:
        _log.debug("SNMP answer to %s not sent: %s", address[0], fault)


def _by_address(addresses: Iterable[AgentAddress]) -> list[list[AgentAddress]]:
    """Group the PDUs that share an address, in the order of the configuration; port 0 is never shared."""
    groups: dict[tuple[str, int, str], list[AgentAddress]] = {}
    for address in addresses:
        alone = address.pdu if address.port == 0 else ""
        groups.setdefault((address.host, address.port, alone), []).append(address)
    return list(groups.values())


def _open(address: AgentAddress) -> socket.socket:
    """Bind one address."""
    where = f"{address.host} port {address.port}"
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as fault:
        raise AddressUnavailable(f"{address.pdu}: SNMP address {where} cannot be used: {fault}") from fault
    try:
        sock.settimeout(0.0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind(target)
    except OSError as fault:
        sock.close()
        raise AddressUnavailable(
            f"{address.pdu}: cannot listen on {where}: {fault.strerror}. {_advice(fault)}"
        ) from fault
    return sock


def _advice(fault: OSError) -> str:
    if fault.errno in (errno.EACCES, errno.EPERM):
        return "Ports below 1024 need CAP_NET_BIND_SERVICE (see the systemd unit), or choose one above, e.g. 1161."
    if fault.errno == errno.EADDRINUSE:
        return "Another program (snmpd?) has it: stop that one or choose another address or port."
    if fault.errno == errno.EADDRNOTAVAIL:
        return "This machine has no such address: add it to an interface or correct the configuration."
    return "Check the address in the configuration."
