"""Which serial ports there are and who has them, read from directories that stand in for /dev and /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apcbridge.tools.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def device() -> Iterator[str]:
    """Yield a character device that nothing else has open."""
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "dev" / "serial" / "by-id").mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    return Machine(tmp_path / "dev", tmp_path / "proc")


def process(machine: Machine, pid: int, name: str, *words: str, opened: str = "") -> None:
    folder = machine.proc / str(pid)
    (folder / "fd").mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "cmdline").write_bytes("\0".join([name, *words, ""]).encode())
    if opened:
        (folder / "fd" / "3").symlink_to(opened)


def test_the_lasting_name_comes_first_and_hides_the_numbered_one(machine: Machine, device: str) -> None:
    (machine.dev / "ttyUSB0").symlink_to(device)
    (machine.dev / "serial" / "by-id" / "usb-FTDI").symlink_to(machine.dev / "ttyUSB0")
    (port,) = machine.serial_ports()
    assert port.path.endswith("by-id/usb-FTDI")
    assert port.device == device
    assert port.free
    assert not port.built_in


def test_what_is_no_device_is_no_port(machine: Machine) -> None:
    (machine.dev / "ttyUSB0").write_text("a file")
    (machine.dev / "ttyUSB1").symlink_to(machine.dev / "gone")
    (machine.dev / "tty1").write_text("")
    assert machine.serial_ports() == ()


def test_numbers_are_sorted_as_numbers_and_built_in_ports_come_last(machine: Machine) -> None:
    ends = [os.openpty() for _ in range(3)]
    try:
        for name, (_, slave) in zip(("ttyS0", "ttyUSB10", "ttyUSB9"), ends, strict=True):
            (machine.dev / name).symlink_to(os.ttyname(slave))
        names = [Path(port.path).name for port in machine.serial_ports()]
        assert names == ["ttyUSB9", "ttyUSB10", "ttyS0"]
        assert [port.built_in for port in machine.serial_ports()] == [False, False, True]
    finally:
        for pair in ends:
            for end in pair:
                os.close(end)


def test_whoever_has_it_open_is_named(machine: Machine, device: str) -> None:
    (machine.dev / "ttyUSB0").symlink_to(device)
    process(machine, 4711, "picocom", opened=device)
    process(machine, 4712, "bash", opened="/dev/null")
    (port,) = machine.serial_ports()
    assert [str(holder) for holder in port.holders] == ["picocom (process 4711)"]
    assert not port.free


def test_a_getty_is_seen_by_its_command_line_where_its_files_are_not(machine: Machine) -> None:
    process(machine, 812, "agetty", "-o", "-p -- \\u", "--keep-baud", "9600", "ttyUSB0", "vt220")
    process(machine, 813, "vim", "ttyUSB0")
    (holder,) = machine.holders("/dev/ttyUSB0")
    assert holder.pid == 812


def test_we_ourselves_are_in_nobodys_way(machine: Machine, device: str) -> None:
    process(machine, os.getpid(), "apcbridge", opened=device)
    assert machine.holders(device) == ()


def test_who_answers_at_the_other_end_of_a_pseudo_terminal_is_in_nobodys_way(machine: Machine, device: str) -> None:
    number = device.removeprefix("/dev/pts/")
    for pid, name, index in ((77, "apcbridge", number), (78, "screen", number + "1")):
        process(machine, pid, name, opened=device)
        (machine.proc / str(pid) / "fdinfo").mkdir()
        (machine.proc / str(pid) / "fdinfo" / "4").write_text(f"pos:\t0\nflags:\t0100002\ntty-index:\t{index}\n")
    assert [holder.name for holder in machine.holders(device)] == ["screen"]


def test_a_socket_is_traced_to_its_process(machine: Machine) -> None:
    process(machine, 99, "snmpd", opened="socket:[1234]")
    owner = machine.socket_owner("1234")
    assert owner is not None
    assert owner.name == "snmpd"
    assert machine.socket_owner("4321") is None


def test_a_machine_without_proc_knows_nothing_and_says_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path, tmp_path / "nowhere")
    assert machine.serial_ports() == ()
    assert machine.holders("/dev/ttyUSB0") == ()
    assert machine.running("ModemManager") is None
