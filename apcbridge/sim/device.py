"""One simulated PDU with its consoles on their wires. Pure: the caller owns the clock and the transport.

::

    pdu = SimulatedPdu(make_profile("AP7920"), clock)
    line = pdu.connect(on_output)           # the serial line; on_output(bytes) is called with what is printed
    line.send(b"1")
    wait_s = pdu.poll()                     # again after wait_s seconds, or after the next send
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from apcbridge.clock import Clock, SystemClock
from apcbridge.model import RebootCause
from apcbridge.sim.dialog import Terminal
from apcbridge.sim.faces import serve_user
from apcbridge.sim.faces.login import Entrance, Gate, User
from apcbridge.sim.faults import FaultPlan
from apcbridge.sim.firmware import Firmware
from apcbridge.sim.line import Noise, Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.sim.profiles import Dialect, Profile
    from apcbridge.sim.relays import ActuationLog

_MIN_WAIT_S = 0.001
_PACED_WAIT_S = 0.004


class SimLine:
    """One end of a line to the PDU's console. Made by :meth:`SimulatedPdu.connect`."""

    def __init__(self, pdu: SimulatedPdu, terminal: Terminal, on_output: Callable[[bytes], None], baud: int) -> None:
        """``on_output`` is called from :meth:`SimulatedPdu.poll`."""
        self.terminal = terminal
        self.on_output = on_output
        self.to_pdu = Pacer(baud)
        self.from_pdu = Pacer(baud)
        self.open = True
        self._pdu = pdu

    @property
    def hung_up(self) -> bool:
        """True when a network session has ended; the server closes the connection."""
        return self.terminal.hung_up and self.from_pdu.next_at() is None

    def send(self, data: bytes) -> None:
        """Type bytes into the console."""
        if self.open:
            self.to_pdu.push(data, self._pdu.real_now())
            self._pdu.wake()

    def close(self) -> None:
        """Let go of the line. A serial session stays open until its time-out, a network session ends."""
        if self.open:
            self.open = False
            self._pdu.disconnect(self)


class SimulatedPdu:
    """A PDU: firmware, one serial console, any number of network connections to a second console."""

    def __init__(self, profile: Profile, clock: Clock | None = None) -> None:
        """Start the device at the clock's present; its own time runs ``profile.speed`` times as fast."""
        self.profile = profile
        self._clock = clock or SystemClock()
        self._origin = self._clock.monotonic()
        self._rng = random.Random(profile.seed)  # noqa: S311  # faults must be repeatable, not secret
        self.noise: Noise = profile.noise
        self.faults = FaultPlan()
        for fault in profile.faults:
            self.faults.arm(fault)
        self.firmware = Firmware(profile, now=0.0, wall=self._clock.wall(), rng=self._rng)
        self.gate = Gate()
        self._serial_entrance = Entrance(serve_user, self.gate)
        self._network_entrance = Entrance(serve_user, self.gate)
        self._serial = Terminal(self.firmware, self.faults, self._serial_entrance, network=False, now=0.0)
        self._serial_line: SimLine | None = None
        self._lines: list[SimLine] = []
        if profile.stale_session:
            self.leave_stale_session(profile.stale_session)
        self.on_wake: Callable[[], None] = _nothing
        """Called when something was typed, so that the owner of the clock polls soon."""

    # -- lines ---------------------------------------------------------------------------------------------

    def connect(self, on_output: Callable[[bytes], None]) -> SimLine:
        """Take the serial line; whoever held it before is cut off. The session on it, if any, goes on."""
        if self._serial_line is not None:
            self._serial_line.close()
        line = SimLine(self, self._serial, on_output, self.profile.baud)
        self._serial_line = line
        self._lines.append(line)
        self.wake()
        return line

    def connect_network(self, on_output: Callable[[bytes], None]) -> SimLine:
        """Open a telnet session: it is greeted at once, and its end is :attr:`SimLine.hung_up`."""
        terminal = Terminal(self.firmware, self.faults, self._network_entrance, network=True, now=self.now())
        line = SimLine(self, terminal, on_output, self.profile.baud)
        self._lines.append(line)
        self.wake()
        return line

    def disconnect(self, line: SimLine) -> None:
        """Forget a line that was closed."""
        if line in self._lines:
            self._lines.remove(line)
        if line is self._serial_line:
            self._serial_line = None
        if line.terminal.network:
            line.terminal.hang_up()

    @property
    def serial_in_use(self) -> bool:
        """True while somebody holds the serial line."""
        return self._serial_line is not None

    # -- time ----------------------------------------------------------------------------------------------

    def real_now(self) -> float:
        """Seconds of the world's clock."""
        return self._clock.monotonic()

    def now(self) -> float:
        """Seconds of the device's clock; 0 is when this object was made."""
        return (self._clock.monotonic() - self._origin) * self.profile.speed

    def wake(self) -> None:
        """Ask the owner of the clock for a poll."""
        self.on_wake()

    def poll(self) -> float | None:
        """Do everything that is due; return the seconds until the next thing is, None if nothing is.

        A poll after a long silence works the events off in order, so a day may pass in one call.
        """
        now = self.now()
        while (due := self._next_device_event()) is not None and due < now:
            self._progress(due)
        for line in list(self._lines):
            typed = line.to_pdu.pull(self.real_now())
            if typed:
                self.firmware.advance(now)
                noisy = typed if line.terminal.network else self.noise.apply(typed, self._rng)
                self._print(line, line.terminal.receive(noisy, now))
        self._progress(now)
        for line in list(self._lines):
            self._deliver(line)
        return self._wait_s(now)

    def _progress(self, now: float) -> None:
        """Let the firmware, then the consoles, reach a moment; a console may restart the firmware."""
        boots = self.firmware.boots
        self.firmware.advance(now)
        if self.firmware.boots != boots:
            # What the card had not yet put on the wire dies with it.
            for line in self._lines:
                line.from_pdu.clear()
        terminals = [line.terminal for line in self._lines]
        if self._serial not in terminals:
            self._serial.advance(now)
        for line in list(self._lines):
            self._print(line, line.terminal.advance(now))

    def _next_device_event(self) -> float | None:
        times = [self.firmware.next_event(), self._serial.next_event()]
        times += [line.terminal.next_event() for line in self._lines]
        return min((t for t in times if t is not None), default=None)

    def _print(self, line: SimLine, data: bytes) -> None:
        if not line.terminal.network:
            data = self.noise.apply(data, self._rng)
        line.from_pdu.push(data, self.real_now())

    def _deliver(self, line: SimLine) -> None:
        data = line.from_pdu.pull(self.real_now())
        if data and line.open:
            line.on_output(data)

    def _wait_s(self, now: float) -> float | None:
        waits: list[float] = []
        due = self._next_device_event()
        if due is not None:
            waits.append(max(_MIN_WAIT_S, (due - now) / self.profile.speed))
        real = self.real_now()
        for line in self._lines:
            flights = (line.to_pdu.next_at(), line.from_pdu.next_at())
            waits.extend(max(_PACED_WAIT_S, at - real) for at in flights if at is not None)
        return min(waits, default=None)

    # -- what people do to a PDU ---------------------------------------------------------------------------

    @property
    def log(self) -> ActuationLog:
        """Everything that was done to the outlets."""
        return self.firmware.log

    @property
    def dialect(self) -> Dialect:
        """The console's dialect."""
        return self.profile.dialect

    def restart(self, cause: RebootCause = RebootCause.REQUESTED) -> None:
        """Restart the NMC now; POWER takes the mains away for a moment, too."""
        now = self.now()
        self.firmware.advance(now)
        self.firmware.restart(now, cause)
        self._progress(now)
        self.wake()

    def press_reset(self) -> None:
        """Press the reset button; see :meth:`Firmware.press_reset`."""
        now = self.now()
        self.firmware.advance(now)
        self.firmware.press_reset(now)
        self._progress(now)
        self.wake()

    def leave_stale_session(self, name: str) -> None:
        """Put the serial console inside a session that this account left without logging out.

        Its banner was printed when nobody listened.
        """
        account = next(a for a in self.firmware.accounts if a.name == name)
        self._serial_entrance.stale = User(account.name, account.type, account.outlets)
        self._serial.hang_up()
        self._serial.advance(self.now())


def _nothing() -> None:
    pass
