"""Other people's programs, unmodified, drive the simulator: fence_apc and powermand as Debian ships them.

Where one of them fails on a face that it was made for, the simulator is wrong. The judges are the client's own
words and the simulator's actuation log.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.profiles import Account, UserType, make_profile
from apcbridge.sim.relays import Action
from apcbridge.sim.server import SimServer
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.debian

DEADLINE_S = 30.0


@asynccontextmanager
async def telnet_pdu(
    model: str, firmware: str, outlets: int | None = None, *, baud: int = 0, user: Account | None = None
) -> AsyncIterator[tuple[SimulatedPdu, int]]:
    profile = make_profile(model, firmware, outlets)
    accounts = profile.accounts if user is None else (*profile.accounts, user)
    pdu = SimulatedPdu(replace(profile, baud=baud, accounts=accounts))
    async with SimServer(pdu) as server:
        _, port = await server.listen_telnet()
        yield pdu, port


async def run(*command: str) -> tuple[int, str]:
    """Run a program to its end; return its exit code and everything that it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        pytest.fail(f"{command[0]} did not end")
    assert process.returncode is not None
    return process.returncode, out.decode()


def acts(pdu: SimulatedPdu) -> list[tuple[Action, tuple[int, ...]]]:
    """What was accepted, without the cancels that powerman sends before everything."""
    return [(c.action, c.outlets) for c in pdu.log.commands() if c.action is not Action.CANCEL]


# -- fence_apc ---------------------------------------------------------------------------------------------


async def fence(
    port: int, action: str, outlet: int | None = None, *, user: str = "apc", password: str = "apc"
) -> tuple[int, str]:
    program = shutil.which("fence_apc") or "/usr/sbin/fence_apc"
    plug = [] if outlet is None else ["-n", str(outlet)]
    return await run(program, "-a", "127.0.0.1", "-u", str(port), "-l", user, "-p", password, "-o", action, *plug)


FENCED = (
    ("AP7920", "3.7.3", 8, 3),
    ("AP7931", "3.9.2", 16, 12),
    ("AP7930", "3.7.3", 24, 23),
    ("AP8959", "6.9.6", 24, 24),
    ("AP7920B", "6.9.6", 8, 1),
    ("AP7951", "2.7.3", 24, 24),
    ("AP7900", "2.7.3", 8, 8),
    ("AP9225", "2.0.0", 8, 4),
)
"""Model, firmware, outlets, the outlet to switch: D3b, D4, D3a and the older MasterSwitch plus."""


@pytest.mark.timeout(300)
async def test_fence_apc() -> None:
    """All units at once: the agent sleeps half a second here and there."""
    async with asyncio.TaskGroup() as tasks:
        for unit in FENCED:
            tasks.create_task(fence_one(*unit))


async def fence_one(model: str, firmware: str, outlets: int, outlet: int) -> None:
    async with telnet_pdu(model, firmware, outlets) as (pdu, port):
        code, said = await fence(port, "list")
        assert code == 0, model
        names = [f"{n},{pdu.firmware.settings(n).name}" for n in range(1, outlets + 1)]
        if model == "AP9225":
            names = [f"{n},Outlet 1:{n}  Outlet #{n}" for n in range(1, outlets + 1)]
        assert said.splitlines() == names, model
        assert acts(pdu) == []

        assert await fence(port, "status", outlet) == (0, "Status: ON\n"), model
        assert await fence(port, "off", outlet) == (0, "Success: Powered OFF\n"), model
        assert await fence(port, "status", outlet) == (2, "Status: OFF\n"), model
        assert await fence(port, "on", outlet) == (0, "Success: Powered ON\n"), model
        assert await fence(port, "reboot", outlet) == (0, "Success: Rebooted\n"), model
        one = (outlet,)
        assert acts(pdu) == [(Action.OFF, one), (Action.ON, one), (Action.OFF, one), (Action.ON, one)], model
        assert pdu.log.moves(outlet) == [False, True, False, True], model


async def test_fence_apc_as_an_outlet_user() -> None:
    """Menu positions are not outlet numbers, and a level is missing: fence_apc knows both firmwares."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fence_own_outlet("3.7.3"))
        tasks.create_task(fence_own_outlet("2.7.3"))


async def fence_own_outlet(firmware: str) -> None:
    async with telnet_pdu(
        "AP7920", firmware, user=Account(name="ann", password="plum", type=UserType.OUTLET, outlets=(3, 7))
    ) as (pdu, port):
        assert await fence(port, "list", user="ann", password="plum") == (0, "1,Outlet 3\n2,Outlet 7\n")
        assert await fence(port, "off", 2, user="ann", password="plum") == (0, "Success: Powered OFF\n")
        assert acts(pdu) == [(Action.OFF, (7,))]
        assert [n for n in range(1, 9) if not pdu.firmware.relays.is_on(n)] == [7]


async def test_fence_apc_with_a_wrong_password_gets_nowhere() -> None:
    async with telnet_pdu("AP7920", "3.7.3") as (pdu, port):
        code, _ = await fence(port, "off", 1, password="wrong")
        assert code != 0
        assert acts(pdu) == []


# -- powerman ----------------------------------------------------------------------------------------------


class Powerman:
    """A powermand that drives one PDU as nodes o1..oN, and the client that talks to it."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def ask(self, *arguments: str) -> str:
        code, said = await run("powerman", "-h", f"127.0.0.1:{self.port}", *arguments)
        assert code == 0, said
        return said

    async def states(self) -> tuple[set[int], set[int]]:
        """Which outlets are on and which are off; powerman must know them all."""
        said = await self.ask("-q")
        found = {
            word: nodes(match[1]) if (match := re.search(rf"^{word}:[ \t]*(\S*)$", said, re.MULTILINE)) else set()
            for word in ("on", "off", "unknown")
        }
        assert found["unknown"] == set(), said
        return found["on"], found["off"]

    async def act(self, verb: str, target: str) -> None:
        assert await self.ask(verb, target) == "Command completed successfully\n"


def nodes(text: str) -> set[int]:
    """Read a host list such as ``o[1-3,5]``."""
    numbers: set[int] = set()
    for part in text.removeprefix("o").strip("[]").split(","):
        if part:
            low, _, high = part.partition("-")
            numbers |= set(range(int(low), int(high or low) + 1))
    return numbers


@asynccontextmanager
async def powermand(tmp_path: Path, script: str, outlets: int, pdu_port: int) -> AsyncIterator[Powerman]:
    port = free_port()
    conf = tmp_path / f"{script}.conf"
    conf.write_text(
        f'listen "127.0.0.1:{port}"\ninclude "/etc/powerman/{script}.dev"\n'
        f'device "pdu" "{script}" "127.0.0.1:{pdu_port}"\nnode "o[1-{outlets}]" "pdu"\n'
    )
    daemon = await asyncio.create_subprocess_exec(
        shutil.which("powermand") or "/usr/sbin/powermand",
        *("-f", "-c", str(conf)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                await writer.wait_closed()
                break
        yield Powerman(port)
    finally:
        daemon.kill()
        await daemon.wait()


SCRIPTS = (
    ("apcold", "AP9210", "1.1.1", 8, 9600),
    ("apc", "AP9225", "2.0.0", 8, 9600),
    ("apcnew", "AP9225", "2.2.0", 8, 9600),
    ("apcpdu", "AP7930", "2.6.5", 24, 9600),
    ("apc7900", "AP7900", "2.7.3", 8, 9600),
    ("apcpdu3", "AP7930", "3.3.3", 24, 0),
    ("apc7900v3", "AP7900", "3.7.0", 8, 9600),
)
"""Device script of Debian's powerman, and the model, firmware, outlets and baud rate of the PDU that it meets.

The older scripts leave a list unread and live on the line's slowness, so they get it.
"""
DELAYED = {"apcpdu", "apc7900", "apcpdu3", "apc7900v3"}
"""Scripts that switch all outlets by the delayed actions."""


@pytest.mark.timeout(300)
async def test_powerman(tmp_path: Path) -> None:
    """All scripts at once: each of them waits four seconds in a cycle."""
    async with asyncio.TaskGroup() as tasks:
        for unit in SCRIPTS:
            tasks.create_task(drive_by_script(tmp_path, *unit))


async def drive_by_script(tmp_path: Path, script: str, model: str, firmware: str, outlets: int, baud: int) -> None:
    every = set(range(1, outlets + 1))
    last = outlets
    async with (
        telnet_pdu(model, firmware, baud=baud) as (pdu, pdu_port),
        powermand(tmp_path, script, outlets, pdu_port) as powerman,
    ):
        assert await powerman.states() == (every, set()), script
        await powerman.act("-0", f"o{last}")
        assert await powerman.states() == (every - {last}, {last}), script
        await powerman.act("-1", f"o{last}")
        assert await powerman.states() == (every, set()), script
        await powerman.act("-c", "o2")
        assert await powerman.states() == (every, set()), script
        one, two, everyone = (last,), (2,), tuple(sorted(every))
        single = [(Action.OFF, one), (Action.ON, one), (Action.OFF, two), (Action.ON, two)]
        assert acts(pdu) == single, script
        await powerman.act("-0", f"o[1-{outlets}]")
        assert await powerman.states() == (set(), every), script
        await powerman.act("-1", f"o[1-{outlets}]")
        assert await powerman.states() == (every, set()), script
        await powerman.act("-c", f"o[1-{outlets}]")
        assert await powerman.states() == (every, set()), script
        off, on = (Action.OFF, everyone), (Action.ON, everyone)
        if script in DELAYED:
            off, on = (Action.DELAYED_OFF, everyone), (Action.DELAYED_ON, everyone)
        assert acts(pdu) == [*single, off, on, off, on], script
        assert pdu.log.moves(last) == [False, True, False, True, False, True], script


async def test_powerman_apcnew_on_a_masterswitch(tmp_path: Path) -> None:
    """D1 shares that script's way of switching, not its item 8, which only the cycle of all outlets uses."""
    async with (
        telnet_pdu("AP9211", "2.2.0") as (pdu, pdu_port),
        powermand(tmp_path, "apcnew", 8, pdu_port) as powerman,
    ):
        await powerman.act("-0", "o[1-8]")
        assert await powerman.states() == (set(), set(range(1, 9)))
        await powerman.act("-1", "o6")
        assert await powerman.states() == ({6}, {1, 2, 3, 4, 5, 7, 8})
        assert acts(pdu) == [(Action.OFF, (1, 2, 3, 4, 5, 6, 7, 8)), (Action.ON, (6,))]


async def test_powerman_apc7920_switches_without_a_status_script(tmp_path: Path) -> None:
    async with (
        telnet_pdu("AP7920", "3.3.3") as (pdu, pdu_port),
        powermand(tmp_path, "apc7920", 8, pdu_port) as powerman,
    ):
        await powerman.act("-0", "o5")
        assert not pdu.firmware.relays.is_on(5)
        await powerman.act("-1", "o5")
        assert acts(pdu) == [(Action.OFF, (5,)), (Action.ON, (5,))]
        assert pdu.log.moves(5) == [False, True]
