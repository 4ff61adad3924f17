"""Other people's programs, unmodified, drive the simulator: fence_apc and powermand as Debian ships them.

Where one of them fails on a face that it was made for, the simulator is wrong. The judges are the client's own
words and the simulator's actuation log.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.profiles import make_profile
from apcbridge.sim.relays import Action
from apcbridge.sim.server import SimServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.debian

DEADLINE_S = 30.0


@asynccontextmanager
async def telnet_pdu(model: str, firmware: str, outlets: int | None = None) -> AsyncIterator[tuple[SimulatedPdu, int]]:
    pdu = SimulatedPdu(make_profile(model, firmware, outlets))
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


async def fence(port: int, action: str, outlet: int | None = None) -> tuple[int, str]:
    program = shutil.which("fence_apc") or "/usr/sbin/fence_apc"
    plug = [] if outlet is None else ["-n", str(outlet)]
    return await run(program, "-a", "127.0.0.1", "-u", str(port), "-l", "apc", "-p", "apc", "-o", action, *plug)


@pytest.mark.parametrize(
    ("model", "firmware", "outlets", "outlet"),
    [
        pytest.param("AP7920", "3.7.3", 8, 3, id="d3b-8"),
        pytest.param("AP7931", "3.9.2", 16, 12, id="d3b-16"),
        pytest.param("AP7930", "3.7.3", 24, 23, id="d3b-24"),
        pytest.param("AP8959", "6.9.6", 24, 24, id="d4-24"),
        pytest.param("AP7920B", "6.9.6", 8, 1, id="d4-8"),
    ],
)
async def test_fence_apc(model: str, firmware: str, outlets: int, outlet: int) -> None:
    async with telnet_pdu(model, firmware, outlets) as (pdu, port):
        code, said = await fence(port, "list")
        assert code == 0
        assert said.split() == " ".join(f"{n},Outlet {n}" for n in range(1, outlets + 1)).split()
        assert acts(pdu) == []

        assert await fence(port, "status", outlet) == (0, "Status: ON\n")
        assert await fence(port, "off", outlet) == (0, "Success: Powered OFF\n")
        assert await fence(port, "status", outlet) == (2, "Status: OFF\n")
        assert await fence(port, "on", outlet) == (0, "Success: Powered ON\n")
        assert await fence(port, "reboot", outlet) == (0, "Success: Rebooted\n")
        one = (outlet,)
        assert acts(pdu) == [(Action.OFF, one), (Action.ON, one), (Action.OFF, one), (Action.ON, one)]
        assert pdu.log.moves(outlet) == [False, True, False, True]


async def test_fence_apc_with_a_wrong_password_gets_nowhere() -> None:
    async with telnet_pdu("AP7920", "3.7.3") as (pdu, port):
        program = shutil.which("fence_apc") or "/usr/sbin/fence_apc"
        code, _ = await run(
            program, "-a", "127.0.0.1", "-u", str(port), "-l", "apc", "-p", "wrong", "-n", "1", "-o", "off"
        )
        assert code != 0
        assert acts(pdu) == []


# -- powerman ----------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
    conf = tmp_path / "powerman.conf"
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


@pytest.mark.parametrize(
    ("script", "model", "firmware", "outlets"),
    [
        pytest.param("apcpdu3", "AP7930", "3.3.3", 24, id="apcpdu3"),
        pytest.param("apc7900v3", "AP7900", "3.7.0", 8, id="apc7900v3"),
    ],
)
async def test_powerman_on_d3b(tmp_path: Path, script: str, model: str, firmware: str, outlets: int) -> None:
    every = set(range(1, outlets + 1))
    last = outlets
    async with (
        telnet_pdu(model, firmware) as (pdu, pdu_port),
        powermand(tmp_path, script, outlets, pdu_port) as powerman,
    ):
        assert await powerman.states() == (every, set())
        await powerman.act("-0", f"o{last}")
        assert await powerman.states() == (every - {last}, {last})
        await powerman.act("-1", f"o{last}")
        assert await powerman.states() == (every, set())
        await powerman.act("-c", "o2")
        assert await powerman.states() == (every, set())
        one, two, everyone = (last,), (2,), tuple(sorted(every))
        single = [(Action.OFF, one), (Action.ON, one), (Action.OFF, two), (Action.ON, two)]
        assert acts(pdu) == single
        await powerman.act("-0", f"o[1-{outlets}]")
        assert await powerman.states() == (set(), every)
        await powerman.act("-1", f"o[1-{outlets}]")
        assert await powerman.states() == (every, set())
        await powerman.act("-c", f"o[1-{outlets}]")
        assert await powerman.states() == (every, set())
        off, on = (Action.DELAYED_OFF, everyone), (Action.DELAYED_ON, everyone)
        assert acts(pdu) == [*single, off, on, off, on]
        assert pdu.log.moves(last) == [False, True, False, True, False, True]


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
