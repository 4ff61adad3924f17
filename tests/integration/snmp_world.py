"""A live agent and net-snmp's tools against it; the PDU behind it is moved by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

from apcbridge.clock import SystemClock
from apcbridge.commands import Command, CommandResult, ResultStatus
from apcbridge.model import Action, LinkState, OutletState, PduStatus
from apcbridge.snmp.agent import SnmpAgent
from apcbridge.snmp.settings import Access, AgentAddress, Community, SnmpSettings
from apcbridge.store import Store
from tests.ports import free_port
from tests.unit.snmp.world import snapshot, status, with_outlet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from apcbridge.clock import Clock
    from apcbridge.snmp.desk import SetDoor
    from apcbridge.snmp.settings import TrapReceiver, User

DEADLINE_S = 30.0
LOOPBACK = (ip_network("127.0.0.0/8"),)
READER = Community(name="monitor", label="reader", access=Access.READ, sources=LOOPBACK)
WRITER = Community(name="operator", label="writer", access=Access.WRITE, sources=LOOPBACK)
STATE = ".1.3.6.1.4.1.318.1.1.12.3.5.1.1.4"
COMMAND = ".1.3.6.1.4.1.318.1.1.12.3.3.1.1.4"
SPDU_CONTROL = ".1.3.6.1.4.1.318.1.1.4.4.2.1.3"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program did."""

    code: int
    out: str
    err: str


async def run_program(*words: str, smi: str = "") -> Ran:
    """Run a program of the system; ``smi`` is where libsmi's tools find modules."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "SMIPATH": smi},
    )
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))


async def until(store: Store, condition: Callable[[], bool]) -> None:
    """Return once a change of the store has made the condition true."""
    changed = asyncio.Event()
    unsubscribe = store.on_status(lambda _pdu: changed.set())
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                changed.clear()
                await changed.wait()
    finally:
        unsubscribe()


class RelayDoor:
    """Applies a switch to the store after a while, as the console would; or never, with ``answers=False``."""

    def __init__(self, store: Store, *, delay_s: float = 0.2, answers: bool = True) -> None:
        self.commands: list[Command] = []
        self._store = store
        self._delay_s = delay_s
        self._answers = answers
        self._tasks: set[asyncio.Task[None]] = set()

    def examine(self, command: Command, ahead: int = 0) -> None:
        """Refuse nothing."""

    def submit(self, command: Command) -> CommandResult:
        self.commands.append(command)
        if self._answers:
            task = asyncio.get_running_loop().create_task(self._apply(command))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return CommandResult(command=command, status=ResultStatus.ACCEPTED, detail="", at=command.received_at)

    async def _apply(self, command: Command) -> None:
        await asyncio.sleep(self._delay_s)
        state = {Action.ON: OutletState.ON, Action.OFF: OutletState.OFF}.get(Action(command.action))
        if state is not None and command.outlet is not None:
            now = SystemClock().monotonic()
            self._store.replace(with_outlet(self._store.get(command.pdu), command.outlet, now, state=state))

    async def settle(self) -> None:
        while self._tasks:
            await asyncio.gather(*self._tasks)


@dataclass(frozen=True, slots=True)
class Bench:
    """A running agent for one PDU."""

    agent: SnmpAgent
    store: Store
    door: RelayDoor

    @property
    def target(self) -> str:
        host, port = self.agent.addresses["pdu1"]
        return f"{host}:{port}"

    @property
    def port(self) -> int:
        return self.agent.addresses["pdu1"][1]

    async def tool(self, name: str, version: str, community: str, *words: str) -> Ran:
        return await run_program(
            f"/usr/bin/{name}", "-m", "", "-On", "-v", version, "-c", community, self.target, *words
        )

    async def fence(self, version: str, *words: str) -> Ran:
        fixed = ("-a", "127.0.0.1", "-u", str(self.port), "-d", version, "-c", "operator")
        return await run_program("/usr/sbin/fence_apc_snmp", *fixed, *words)


def fresh_status() -> PduStatus:
    """A PDU of 8 outlets that was read this moment and will stay fresh for the length of a test."""
    now = SystemClock().monotonic()
    shown = snapshot()
    shown = replace(shown, taken_mono=now, nmc=replace(shown.nmc, boot_mono=now - 3600.0))
    shown = replace(shown, outlets=tuple(replace(outlet, read_mono=now) for outlet in shown.outlets))
    return replace(status(shown), stale_after_s=600.0, lost_after_s=900.0)


def old_status() -> PduStatus:
    """The same PDU, last read ten minutes ago: a console that has gone quiet."""
    fresh = fresh_status()
    return replace(fresh, stale_after_s=-1.0, lost_after_s=900.0)


def lost_status() -> PduStatus:
    """The same PDU after its adapter was pulled."""
    fresh = fresh_status()
    return replace(fresh, link=replace(fresh.link, state=LinkState.LOST))


@asynccontextmanager
async def serving(
    shown: PduStatus | None = None,
    *,
    answers: bool = True,
    clock: Clock | None = None,
    door: SetDoor | None = None,
    receivers: tuple[TrapReceiver, ...] = (),
    users: tuple[User, ...] = (),
    state_dir: Path | None = None,
) -> AsyncIterator[Bench]:
    """Run an agent for ``pdu1`` on a port of the kernel's choice."""
    store = Store([shown or fresh_status()])
    relays = RelayDoor(store, answers=answers)
    settings = SnmpSettings(
        addresses=(AgentAddress(pdu="pdu1", host="127.0.0.1", port=0),),
        communities=(READER, WRITER),
        users=users,
        receivers=receivers,
        state_dir=state_dir,
    )
    agent = SnmpAgent(settings, store, door or relays, clock or SystemClock())
    async with running(agent):
        yield Bench(agent, store, relays)
    await relays.settle()


@asynccontextmanager
async def sharing(*, users: tuple[User, ...] = (), state_dir: Path | None = None) -> AsyncIterator[Bench]:
    """Run an agent for ``pdu1`` and ``pdu2``, whose outlet 1 is off, on one address."""
    second = fresh_status()
    assert second.snapshot is not None
    first_off = replace(second.snapshot.outlets[0], state=OutletState.OFF)
    shown = replace(second.snapshot, pdu="pdu2", outlets=(first_off, *second.snapshot.outlets[1:]))
    store = Store([fresh_status(), replace(second, pdu="pdu2", snapshot=shown)])
    relays = RelayDoor(store, answers=False)
    port = free_port()
    addresses = tuple(AgentAddress(pdu=pdu, host="127.0.0.1", port=port) for pdu in ("pdu1", "pdu2"))
    settings = SnmpSettings(addresses=addresses, communities=(READER, WRITER), users=users, state_dir=state_dir)
    agent = SnmpAgent(settings, store, relays, SystemClock())
    async with running(agent):
        yield Bench(agent, store, relays)


@asynccontextmanager
async def running(agent: SnmpAgent) -> AsyncIterator[None]:
    """Run an agent, its sockets open."""
    task = asyncio.create_task(agent.run())
    try:
        async with asyncio.timeout(DEADLINE_S):
            await agent.opened()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
