"""The simulator on real wires: pty, raw TCP, telnet, and the command that offers them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from apcbridge.sim.device import SimulatedPdu
from apcbridge.sim.server import SimServer
from apcbridge.sim.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEADLINE_S = 20.0


class Tty:
    """A serial port opened by path, read without blocking."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.seen = b""

    def write(self, data: bytes) -> None:
        os.write(self.fd, data)

    def read(self) -> bytes:
        """Return all that has come so far."""
        with contextlib.suppress(BlockingIOError):
            self.seen += os.read(self.fd, 4096)
        return self.seen

    async def expect(self, text: bytes) -> None:
        await until(lambda: text in self.read(), lambda: f"{text!r} in {self.seen!r}")

    def close(self) -> None:
        os.close(self.fd)


async def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110  # a tty that is read without blocking has no event
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"did not come: {what()}")


async def expect(reader: asyncio.StreamReader, text: bytes) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return await reader.readuntil(text)


async def test_the_console_on_a_pty() -> None:
    async with SimServer(SimulatedPdu(parse_url("sim://AP7920"))) as server:
        tty = Tty(server.open_pty().path)
        try:
            tty.write(b"\r")
            await tty.expect(b"User Name : ")
            tty.write(b"apc\r")
            await tty.expect(b"Password  : ")
            tty.write(b"apc\r")
            await tty.expect(b"Event Log\r\n> ")
            # Nothing translates on the way: the bytes are those of the device.
            assert b"\r\n------- Control Console ---" in tty.seen
            assert not termios.tcgetattr(tty.fd)[3] & termios.ECHO
        finally:
            tty.close()


async def test_a_pty_can_be_pulled_out_and_put_in_again_behind_its_link(tmp_path: Path) -> None:
    link = tmp_path / "pdu"
    async with SimServer(SimulatedPdu(parse_url("sim://AP7920"))) as server:
        pty = server.open_pty(link)
        first = Tty(str(link))
        first.write(b"\r")
        await first.expect(b"User Name : ")
        pty.unplug()
        assert not link.is_symlink()

        def gone() -> bool:
            try:
                return os.read(first.fd, 100) == b""
            except BlockingIOError:
                return False
            except OSError as error:
                return error.errno == errno.EIO

        await until(gone, lambda: "the end of the pulled-out line")
        first.close()
        assert pty.plug() == str(link)
        second = Tty(str(link))
        # The device never noticed: it still waits for the name that was to come.
        second.write(b"apc\r")
        await second.expect(b"Password  : ")
        second.close()
    assert not link.is_symlink()


async def test_raw_tcp_says_nothing_first_and_is_lent_once() -> None:
    async with SimServer(SimulatedPdu(parse_url("sim://AP7920"))) as server:
        host, port = await server.listen_tcp()
        reader, writer = await asyncio.open_connection(host, port)
        await until(lambda: server.pdu.serial_in_use, lambda: "the line in use")
        other, other_writer = await asyncio.open_connection(host, port)
        async with asyncio.timeout(DEADLINE_S):
            assert await other.read() == b""
        other_writer.close()
        writer.write(b"\rapc\rapc\r")
        assert b"\n\rUser Name : apc\r\n" in await expect(reader, b"> ")
        writer.close()
        await writer.wait_closed()
        await until(lambda: not server.pdu.serial_in_use, lambda: "the line free again")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"\r")
        # The session is still open, as on a terminal server whose client went away.
        assert b"Control Console" in await expect(reader, b"> ")
        writer.close()
        await writer.wait_closed()


async def test_telnet_greets_negotiates_and_closes_at_log_out() -> None:
    async with SimServer(SimulatedPdu(parse_url("sim://AP7920"))) as server:
        host, port = await server.listen_telnet()
        reader, writer = await asyncio.open_connection(host, port)
        assert (await expect(reader, b"User Name : ")).startswith(b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x03\n\r")
        writer.write(b"apc\r\x00")
        await expect(reader, b"Password  : ")
        writer.write(b"apc\r\x00")
        await expect(reader, b"> ")
        writer.write(b"1\r\n")
        await expect(reader, b"> ")
        writer.write(b"\xff\xf4\xff\xfd\x06")
        back = await expect(reader, b"- Logout\r\n")
        assert b"\xff\xfc\x06" in back
        writer.write(b"4\r")
        async with asyncio.timeout(DEADLINE_S):
            assert (await reader.read()).endswith(b"Connection Closed - Bye\r\n")
        writer.close()


async def test_in_process() -> None:
    out = bytearray()
    async with SimServer(SimulatedPdu(parse_url("sim://AP7920"))) as server:
        line = server.connect(out.extend)
        line.send(b"\r")
        await until(lambda: b"User Name : " in out, lambda: repr(bytes(out)))


async def test_a_fast_clock_restarts_the_card_by_itself() -> None:
    async with SimServer(SimulatedPdu(parse_url("sim://AP7920?gateway=dead&speed=5000"))) as server:
        await until(lambda: len(server.pdu.firmware.restarts) >= 2, lambda: "two restarts")
        gaps = [r.at_mono for r in server.pdu.firmware.restarts[:2]]
        assert gaps[1] - gaps[0] == 595.0


async def test_the_simulate_command_says_where_it_listens_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    link = tmp_path / "pdu"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "import sys; from apcbridge.cli import main; sys.exit(main())"),
        *("simulate", "--model", "AP7930", "--firmware", "3.9.2", "--pty", str(link), "--telnet", "127.0.0.1:0"),
        *("--set", "names=nas"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        head = (await expect(process.stdout, b"telnet at 127.0.0.1:")).decode()
        assert "AP7930, 24 outlets" in head
        assert str(link) in head
        port = int((await expect(process.stdout, b"\n")).decode())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await expect(reader, b"User Name : ")
        tty = Tty(str(link))
        tty.write(b"\r")
        await tty.expect(b"User Name : ")
        tty.close()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE_S):
            assert await process.wait() == 0
        writer.close()
        assert not link.is_symlink()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        (["--set", "nonsense=1"], "nonsense"),
        (["--model", "AP0"], "AP0"),
        (["--speed", "x"], "speed"),
        (["--set", "watchdgo=1"], "watchdog?"),
    ],
)
async def test_the_simulate_command_names_what_it_does_not_understand(options: list[str], culprit: str) -> None:
    code, said = await simulate(*options)
    assert code == 2
    assert culprit in said


async def test_the_simulate_command_leaves_a_file_alone_that_has_the_name_of_its_link(tmp_path: Path) -> None:
    kept = tmp_path / "apcbridge.yaml"
    kept.write_text("mine")
    code, said = await simulate("--pty", str(kept))
    assert (code, kept.read_text()) == (1, "mine")
    assert "is left alone" in said


async def test_the_simulate_command_says_which_way_in_cannot_be_opened(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        for option, value in (("--pty", str(tmp_path / "none" / "pdu")), ("--listen", place), ("--telnet", place)):
            code, said = await simulate(option, value)
            assert code == 1
            assert said.startswith(f"apcbridge: {option} {value}: ")
            assert "Traceback" not in said


async def simulate(*options: str) -> tuple[int | None, str]:
    """Run the command to its end; return its exit code and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "apcbridge", "simulate", *options, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, said.decode()
