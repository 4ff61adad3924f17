"""The commands that ask the running daemon, as processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from apcbridge.commands import ResultStatus
from apcbridge.model import OutletState
from tests.integration.web_world import PATIENCE_S, eventually, serving
from tests.unit.web.world import World, event, outlet, result, snapshot, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished command left."""

    code: int
    out: str
    err: str


@asynccontextmanager
async def started(
    path: Path, *arguments: str, out: int = asyncio.subprocess.PIPE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start ``apcbridge …`` at a local socket; it is killed if the block ends before it."""
    environment = {**os.environ, "APCBRIDGE_SOCKET": str(path), "TERM": "xterm", "PYTHONWARNINGS": "error"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "apcbridge", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def finished(process: asyncio.subprocess.Process) -> Outcome:
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return Outcome(process.returncode or 0, out.decode(), err.decode())


async def run(path: Path, *arguments: str) -> Outcome:
    async with started(path, *arguments) as process:
        return await finished(process)


async def read_until(process: asyncio.subprocess.Process, text: str) -> str:
    """Return the first line of the output that has the text."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        while line := (await process.stdout.readline()).decode():
            if text in line:
                return line
    raise AssertionError(f"the output ended without {text!r}")


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("outlet", "p", "1", "on"), ("events",), ("events", "--follow"), ("watch",)],
)
async def test_without_a_daemon_every_command_says_how_to_start_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    outcome = await run(tmp_path / "none", *arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert "systemctl start apcbridge" in outcome.err
    assert "Traceback" not in outcome.err


async def test_status_shows_every_pdu_or_one(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(World(), local=path):
        everything, one, unknown = [await run(path, "status", *pdu) for pdu in ((), ("q",), ("x",))]
        as_json = await run(path, "status", "p", "--json")
    assert everything.code == one.code == 0
    assert "  1  nas     ON" in everything.out
    assert "\x1b" not in everything.out
    assert one.out.startswith("q  not read yet")
    assert (unknown.code, unknown.err) == (1, "apcbridge: no PDU 'x' is configured\n")
    assert json.loads(as_json.out)["outlets"][0]["state"] == "ON"


async def test_outlet_is_good_only_when_the_pdu_has_confirmed(tmp_path: Path) -> None:
    for step, code in ((ResultStatus.CONFIRMED, 0), (ResultStatus.FAILED, 1), (ResultStatus.UNKNOWN, 1)):
        world, path = World(), tmp_path / step.value
        async with serving(world, local=path), started(path, "outlet", "p", "1", "off") as process:
            await read_until(process, "off accepted")
            world.confirm(step=step)
            outcome = await finished(process)
        assert outcome.code == code
        assert f"off {step.value}" in outcome.out


async def test_outlet_without_waiting_is_good_when_accepted(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "s"
    async with serving(world, local=path):
        outcome = await run(path, "outlet", "p", "1", "DELAYED_OFF", "--no-wait", "--id", "n1", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["id"] == "n1"
    assert [command.action.value for command in world.arbiter.unfinished("p")] == ["DELAYED_OFF"]


async def test_outlet_refused_says_why(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(World(), local=path):
        outcome = await run(path, "outlet", "p", "2", "off")
    assert (outcome.code, outcome.out) == (1, "")
    assert "is no-off" in outcome.err


async def test_outlet_repeated_under_its_name_reports_the_first_and_acts_once(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "s"
    async with serving(world, local=path):
        await run(path, "outlet", "p", "1", "off", "--no-wait", "--id", "n1")
        world.confirm()
        again = await run(path, "outlet", "p", "1", "off", "--id", "n1")
        other = await run(path, "outlet", "p", "1", "on", "--id", "n1")
    assert (again.code, "off confirmed" in again.out) == (0, True)
    assert (other.code, other.out) == (1, "")
    assert world.arbiter.unfinished("p") == ()


async def test_outlet_warns_when_the_daemon_goes_away_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(World(), local=path):
        held = started(path, "outlet", "p", "1", "off")
        process = await held.__aenter__()
        await read_until(process, "off accepted")
    outcome = await finished(process)
    await held.__aexit__(None, None, None)
    assert outcome.code == 1
    assert "look at the outlet before asking again" in outcome.err


async def test_events_since_a_moment_and_from_now_on(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "s"
    async with serving(world, local=path):
        world.store.append(event("old", at=world.clock.at - 4000))
        world.store.append(event("new"))
        past = await run(path, "events", "--since", "2027-01-15T07:59:00Z", "--json")
        wrong = await run(path, "events", "--since", "yesterday")
        async with started(path, "events", "--follow") as process:
            await read_until(process, "watchdog reboot")
            await read_until(process, "watchdog reboot")
            world.store.append(result("a"))
            await read_until(process, "off confirmed (by mqtt, id a)")
    assert [json.loads(line)["id"] for line in past.out.splitlines()] == ["new"]
    assert (wrong.code, "15m" in wrong.err) == (2, True)


async def test_watch_prints_changes_where_there_is_no_terminal(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "s"
    async with serving(world, local=path), started(path, "watch", "p") as process:
        await read_until(process, "outlet 1 nas: ON")
        world.store.replace(status(snapshot("p", outlet(1, OutletState.OFF, name="nas"))))
        line = await read_until(process, "outlet 1 nas: OFF")
        process.send_signal(signal.SIGINT)
        outcome = await finished(process)
    assert "\x1b" not in line
    assert (outcome.code, outcome.err) == (0, "")


async def test_watch_names_a_pdu_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(World(), local=path):
        outcome = await run(path, "watch", "x")
    assert (outcome.code, outcome.out, outcome.err) == (1, "", "apcbridge: no PDU 'x' is configured\n")


async def test_watch_of_one_pdu_shows_nothing_of_another(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "s"
    ours, theirs = pty.openpty()
    shown = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, lambda: shown.extend(os.read(ours, 65536)))
    try:
        async with serving(world, local=path):
            world.store.append(event("e1", pdu="q"))
            assert "q: watchdog reboot" in (await run(path, "events")).out
            async with started(path, "watch", "p", out=theirs):
                await eventually(lambda: b"nas" in shown)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)
    assert b"watchdog reboot" not in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_watch_leaves_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "s"
    ours, theirs = pty.openpty()
    shown = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, lambda: shown.extend(os.read(ours, 65536)))
    try:
        async with serving(World(), local=path), started(path, "watch", out=theirs) as process:
            await eventually(lambda: b"nas" in shown)
            process.send_signal(number)
            outcome = await finished_quietly(process)
        await eventually(lambda: shown.endswith(b"\x1b[?25h\x1b[?1049l"))
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)
    assert shown.startswith(b"\x1b[?1049h\x1b[?25l")
    assert outcome == 0


async def finished_quietly(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(PATIENCE_S):
        return await process.wait()
