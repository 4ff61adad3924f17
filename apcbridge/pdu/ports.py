"""The line to a console: a tty, ``socket://``, ``telnet://``, ``rfc2217://`` or whatever the application registers.

A port moves bytes and says clearly when it is gone; it knows nothing of what they mean. Opening fails with
:class:`PortUnavailable` or :class:`PortBusy`, a line that breaks later with :class:`PortLost`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import termios
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

import serial

from apcbridge.errors import PortBusy, PortError, PortLost, PortUnavailable
from apcbridge.pdu.telnet import ComPortCodec, TelnetCodec

CONNECT_TIMEOUT_S = 10.0
READ_SIZE = 4096
"""Bytes taken at once: a PDU that floods the line waits in the kernel's buffer, not in ours."""


class Port(Protocol):
    """An open line."""

    async def read(self) -> bytes:
        """Wait for bytes and return them, at least one; raise PortLost when the line is gone.

        May be cancelled at any time without losing a byte.
        """

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the kernel; raise PortLost when the line is gone."""

    def close(self) -> None:
        """Give the line back; harmless when it is gone already."""


async def open_tty(path: str, baud: int) -> Port:
    """Open a serial device for us alone, 8N1 without flow control.

    Opened by path every time, so that an adapter that comes back under another number is found again by its
    ``/dev/serial/by-id`` name.
    """
    try:
        device = serial.Serial(path, baudrate=baud, exclusive=True, timeout=0)
    except (serial.SerialException, ValueError, OSError) as error:
        raise _open_error(path, error) from error
    try:
        # The lock above only binds those who ask for it; this one also keeps out a getty or a terminal program.
        fcntl.ioctl(device.fileno(), termios.TIOCEXCL)
    except OSError as error:
        device.close()
        raise PortUnavailable(f"{path}: not a serial device ({error.strerror})") from error
    return TtyPort(path, device)


def _open_error(path: str, error: Exception) -> PortError:
    """Say what is wrong with a device and what to do about it."""
    # pyserial keeps the number of what the terminal calls answered only as the exception before its own.
    cause = error.__context__
    number = getattr(error, "errno", None) or (cause.args[0] if isinstance(cause, termios.error) else None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return PortUnavailable(f"{path}: no such device; is the adapter plugged in? See ls -l /dev/serial/by-id/")
    if number in (errno.EACCES, errno.EPERM):
        return PortUnavailable(
            f"{path}: permission denied; the user of apcbridge must be in the group that owns the device "
            "(usually dialout)"
        )
    if number in (errno.EAGAIN, errno.EBUSY):
        return PortBusy(f"{path}: held by another process; find it with: fuser -v {path}")
    if number in (errno.ENOTTY, errno.EISDIR):
        return PortUnavailable(f"{path}: not a serial device")
    return PortUnavailable(f"{path}: cannot be opened ({os.strerror(number) if number else error})")


class TtyPort:
    """A serial device or pty, read by the event loop itself: no thread, no latency of its own."""

    def __init__(self, path: str, device: serial.Serial) -> None:
        self._path = path
        self._device = device

    async def read(self) -> bytes:
        """Wait for bytes; see :class:`Port`."""
        while True:
            await self._ready(asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader)
            try:
                data = os.read(self._fileno(), READ_SIZE)
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._lost(error.strerror or str(error)) from error
            if not data:
                raise self._lost("hung up")
            return data

    async def write(self, data: bytes) -> None:
        """Hand bytes to the kernel; see :class:`Port`."""
        while data:
            try:
                data = data[os.write(self._fileno(), data) :]
            except BlockingIOError:
                await self._ready(asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer)
            except OSError as error:
                raise self._lost(error.strerror or str(error)) from error

    def close(self) -> None:
        """Give the device back."""
        if not self._device.is_open:
            return
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._device.fileno(), termios.TIOCNXCL)
            # Closing a tty waits for unsent bytes; one whose peer is gone would block us for 30 s.
            termios.tcflush(self._device.fileno(), termios.TCIOFLUSH)
        with contextlib.suppress(OSError, serial.SerialException):
            self._device.close()

    def _fileno(self) -> int:
        if not self._device.is_open:
            raise self._lost("closed")
        return self._device.fileno()

    async def _ready(self, add: Callable[..., object], remove: Callable[[int], object]) -> None:
        """Wait until the device can be read or written, whichever ``add`` watches for."""
        fileno = self._fileno()
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        add(fileno, _resolve, ready)
        try:
            await ready
        finally:
            remove(fileno)

    def _lost(self, reason: str) -> PortLost:
        return PortLost(f"{self._path}: {reason}")


def _resolve(ready: asyncio.Future[None]) -> None:
    """Wake whoever waits; the loop may call this again before the waiter has run."""
    if not ready.done():
        ready.set_result(None)


async def open_socket(url: str, _baud: int) -> Port:
    """Connect to ``socket://host:port``, a terminal server that passes raw bytes."""
    return StreamPort(url, *await _connect(url))


async def open_telnet(url: str, _baud: int) -> Port:
    """Connect to ``telnet://host:port``, a terminal server (or a PDU's network card) that speaks telnet."""
    return TelnetPort(url, *await _connect(url), TelnetCodec())


async def open_rfc2217(url: str, baud: int) -> Port:
    """Connect to ``rfc2217://host:port``, a terminal server whose serial port we set to ``baud``."""
    reader, writer = await _connect(url)
    writer.write(ComPortCodec.greeting())
    return TelnetPort(url, reader, writer, ComPortCodec(baud))


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        raise PortUnavailable(f"{url}: needs a host and a port, as in {parts.scheme}://host:4001")
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=READ_SIZE)
    except TimeoutError as error:
        raise PortUnavailable(f"{url}: no answer within {CONNECT_TIMEOUT_S:.0f} s") from error
    except OSError as error:
        # asyncio puts a sentence with the address in place of the system's own words.
        number = error.errno or 0
        text = os.strerror(number) if number in errno.errorcode else error.strerror or error
        raise PortUnavailable(f"{url}: {text}") from error
    # A terminal server that loses power never says so: let the kernel ask after it.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return reader, writer


class StreamPort:
    """A TCP connection that carries the console's bytes as they are."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._url = url
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """Wait for bytes; see :class:`Port`."""
        try:
            data = await self._reader.read(READ_SIZE)
        except OSError as error:
            raise PortLost(f"{self._url}: {error.strerror or error}") from error
        if not data:
            raise PortLost(f"{self._url}: closed by the peer")
        return data

    async def write(self, data: bytes) -> None:
        """Hand bytes to the kernel; see :class:`Port`."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise PortLost(f"{self._url}: {error.strerror or error}") from error

    def close(self) -> None:
        """Drop the connection."""
        self._writer.close()


class TelnetPort(StreamPort):
    """A TCP connection that carries the console's bytes within telnet."""

    def __init__(
        self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, codec: TelnetCodec
    ) -> None:
        super().__init__(url, reader, writer)
        self._codec = codec

    async def read(self) -> bytes:
        """Wait for bytes of the console; negotiation is answered on the way."""
        data = b""
        while not data:
            data, answer = self._codec.decode(await super().read())
            if answer:
                await super().write(answer)
        return data

    async def write(self, data: bytes) -> None:
        """Hand bytes to the kernel; see :class:`Port`."""
        await super().write(self._codec.encode(data))


Opener: TypeAlias = Callable[[str, int], Awaitable[Port]]
"""Opens a URL (or path) at a baud rate."""


class PortRegistry:
    """Which opener serves which URL scheme; a path without a scheme is a tty."""

    def __init__(self) -> None:
        self._openers: dict[str, Opener] = {
            "": open_tty,
            "socket": open_socket,
            "telnet": open_telnet,
            "rfc2217": open_rfc2217,
        }

    def register(self, scheme: str, opener: Opener) -> None:
        """Serve another scheme, such as ``sim``."""
        self._openers[scheme] = opener

    async def open(self, url: str, baud: int) -> Port:
        """Open a line; raise PortUnavailable or PortBusy with what to do about it."""
        scheme = url.split("://", 1)[0] if "://" in url else ""
        try:
            opener = self._openers[scheme]
        except KeyError:
            raise PortUnavailable(f"{url}: no port of kind {scheme}:// is known") from None
        return await opener(url, baud)
