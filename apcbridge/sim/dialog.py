"""A console as a dialog: generators that print, ask for a line or a key, and are driven by bytes and time.

A face is written as plain code that ``yield``s what it waits for. The :class:`Terminal` below feeds it from the
input buffer, so whatever is typed ahead waits there, as in the device. Pure: no I/O, time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from apcbridge.sim.faults import FaultKind, FaultPlan, StepFault
from apcbridge.sim.keyboard import Echo, Key, Keyboard

if TYPE_CHECKING:
    from apcbridge.model import RebootCause
    from apcbridge.sim.firmware import Firmware
    from apcbridge.sim.quirks import Quirks

T = TypeVar("T")

_GARBAGE = b"\x00\xff\x1b[7~\x80{i\r#\xfe> "


@dataclass(frozen=True, slots=True)
class AskLine:
    """Wait for a line; the answer is its text, or a key out of ``keys``. Other control keys are ignored."""

    echo: Echo = Echo.PLAIN
    keys: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class AskKey:
    """Wait for one character or key, unechoed; the answer is a one-character text or a key."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for that many seconds of device time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Deaf:
    """Lose Enters that come in the next seconds (a knob of the pager), then go on."""

    seconds: float


Request = AskLine | AskKey | Pause | Deaf
Answer = str | Key | None
Dialog = Generator[Request, Answer, T]


class ToControlConsole(Exception):
    """A jump in the dialog, not a fault: CTRL-C was pressed inside a menu."""


class LoggedOff(Exception):
    """A jump: the session ends by inactivity, pre-emption by another one, or a fault."""


class NmcRestarts(Exception):
    """A jump: the NMC restarts under the dialog."""

    def __init__(self, cause: RebootCause) -> None:
        """``cause`` is what the firmware will remember."""
        super().__init__(cause)
        self.cause = cause


class Terminal:
    """One console's input buffer, output and running dialog."""

    def __init__(
        self,
        firmware: Firmware,
        faults: FaultPlan,
        start: Callable[[Terminal], Dialog[None]],
        *,
        network: bool,
        now: float,
    ) -> None:
        """``start`` makes the dialog of a console that nobody is logged in to."""
        self.firmware = firmware
        self.faults = faults
        self.network = network
        """It is reached by telnet: greeted at once, closed at log-out, and typing is traffic for the watchdog."""
        self.now = now
        self.session_timeout_s = 0.0
        """Set by the dialog while somebody is logged in, else 0."""
        self.hung_up = False
        """The dialog has ended a network session; the server closes the connection."""
        self._start = start
        self._keyboard = Keyboard(self.quirks, self.put)
        self._out = bytearray()
        self._last_input = now
        self._boots = firmware.boots
        self._unasked_at = now + self.quirks.unasked_every_s
        self._pause_until = now
        self._dialog: Dialog[None] | None = None
        self._request: Request | None = None

    @property
    def quirks(self) -> Quirks:
        """The habits of this console."""
        return self.firmware.profile.quirks

    # -- what the server calls -----------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> bytes:
        """Take what was typed, return what is printed."""
        self.now = now
        if self.network:
            self.firmware.traffic(now)
        if data and self.firmware.is_up() and not self.faults.muted:
            self._keyboard.feed(data)
            self._last_input = now
        return self.advance(now)

    def advance(self, now: float) -> bytes:
        """Let time pass, return what is printed. The firmware must have been advanced to ``now`` before."""
        self.now = now
        self._guarded(self._progress)
        out = bytes(self._out)
        self._out.clear()
        return out

    def next_event(self) -> float | None:
        """When something happens next by itself on this console."""
        if not self.firmware.is_up():
            return None
        times: list[float] = []
        if isinstance(self._request, Pause | Deaf):
            times.append(self._pause_until)
        if 0 < self.session_timeout_s < float("inf"):
            times.append(self._last_input + self.session_timeout_s)
        if self.quirks.unasked_every_s and self.quirks.unasked_text:
            times.append(self._unasked_at)
        return min(times, default=None)

    def log_off(self) -> None:
        """End the session from outside (another one has priority)."""
        if self.session_timeout_s:
            self._guarded(lambda: self._throw(LoggedOff()))

    def hang_up(self) -> None:
        """End the session because the network peer has gone away."""
        self._close()

    # -- what dialogs call ---------------------------------------------------------------------------------

    def put(self, text: str) -> None:
        """Print; raises to cut the dialog when a fault strikes inside the text."""
        data = text.encode("latin-1", "replace")
        if self.faults.cut is not None:
            fault, left = self.faults.cut
            if len(data) >= left:
                self._out += data[:left]
                self.faults.cut = None
                self._strike(fault)
                return
            self.faults.cut = (fault, left - len(data))
        if not self.faults.muted:
            self._out += data

    def at(self, step: str) -> Dialog[None]:
        """Reach a named step: faults strike here."""
        fault = self.faults.reach(step)
        if fault is None:
            return
        if fault.kind is FaultKind.STALL:
            yield Pause(fault.stall_s)
        elif fault.after_bytes and fault.kind in {FaultKind.MUTE, FaultKind.RESTART}:
            self.faults.cut = (fault, fault.after_bytes)
        else:
            self._strike(fault)

    def screen(self, step: str) -> Dialog[None]:
        """Reach a step at which a screen begins: the device may take its time."""
        yield from self.at(step)
        low, high = self.quirks.screen_delay_s, self.quirks.screen_delay_max_s
        if max(low, high) > 0:
            yield Pause(self.firmware.rng.uniform(low, max(low, high)))

    # -- machinery -----------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do some work under which a fault may restart the NMC."""
        try:
            work()
        except NmcRestarts as restart:
            self.firmware.restart(self.now, restart.cause)
            self._follow_restart()
        except LoggedOff:
            # Nobody was logged in: the login dialog starts anew.
            self._close()

    def _progress(self) -> None:
        if self.firmware.boots != self._boots or not self.firmware.is_up():
            self._follow_restart()
        if not self.firmware.is_up():
            return
        if self._dialog is None and not self.hung_up:
            self._dialog = self._start(self)
            self._resume(None, first=True)
        self._expire()
        self._run()
        self._speak_unasked()

    def _strike(self, fault: StepFault) -> None:
        match fault.kind:
            case FaultKind.MUTE:
                self.faults.muted = True
            case FaultKind.RESTART:
                raise NmcRestarts(fault.cause)
            case FaultKind.GARBAGE:
                self._out += _GARBAGE
            case FaultKind.LOGOFF:
                raise LoggedOff
            case FaultKind.STALL:
                pass

    def _follow_restart(self) -> None:
        self._close()
        self._keyboard.clear()
        if self.firmware.is_up():
            self._boots = self.firmware.boots
            self._last_input = self.now
            if not self.network:
                self.put(self.quirks.boot_text)

    def _close(self) -> None:
        if self._dialog is not None:
            self._dialog.close()
        self._dialog = None
        self._request = None
        self.session_timeout_s = 0.0
        self._keyboard.drop_line()
        if self.network:
            self.hung_up = True

    def _expire(self) -> None:
        if self.session_timeout_s and self.now >= self._last_input + self.session_timeout_s:
            self._throw(LoggedOff())

    def _speak_unasked(self) -> None:
        every = self.quirks.unasked_every_s
        if every and self.quirks.unasked_text and self.now >= self._unasked_at:
            self._unasked_at = self.now + every
            if isinstance(self._request, AskLine | AskKey):
                self.put(f"\r\n{self.quirks.unasked_text}\r\n")

    def _run(self) -> None:
        while self._request is not None:
            answer: Answer = None
            match self._request:
                case Pause():
                    if self.now < self._pause_until:
                        return
                case Deaf():
                    if self.now < self._pause_until:
                        self._keyboard.lose_enters()
                        return
                case AskLine(echo=echo, keys=keys):
                    answer = self._keyboard.take_line(echo, keys)
                    if answer is None:
                        return
                case AskKey():
                    answer = self._keyboard.take_key()
                    if answer is None:
                        return
            self._resume(answer)

    def _resume(self, answer: Answer, *, first: bool = False) -> None:
        dialog = self._dialog
        if dialog is None:
            return
        self._step(lambda: next(dialog) if first else dialog.send(answer))

    def _throw(self, jump: Exception) -> None:
        dialog = self._dialog
        if dialog is not None:
            self._keyboard.drop_line()
            self._step(lambda: dialog.throw(jump))

    def _step(self, resume: Callable[[], Request]) -> None:
        try:
            self._request = resume()
        except StopIteration:
            self._close()
            return
        if isinstance(self._request, Pause | Deaf):
            self._pause_until = self.now + self._request.seconds
