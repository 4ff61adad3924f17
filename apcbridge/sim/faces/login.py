"""Logging in and out, the same on every console; what comes behind the password is the face's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apcbridge.sim.dialog import AskLine, Dialog, LoggedOff, Terminal
from apcbridge.sim.faces.layout import NL
from apcbridge.sim.keyboard import Echo
from apcbridge.sim.profiles import Dialect, UserType
from apcbridge.sim.quirks import SecondSession

_DASH_C_DIALECTS = {Dialect.D3A, Dialect.D3B}
FAREWELL = f"Connection Closed - Bye{NL}"


@dataclass(frozen=True, slots=True)
class User:
    """Who is logged in, and whether the hidden command line was asked for."""

    name: str
    type: UserType
    outlets: tuple[int, ...]
    dash_c: bool = False

    @property
    def outlet_user(self) -> bool:
        """True if the account sees only its own outlets."""
        return self.type is UserType.OUTLET

    @property
    def admin(self) -> bool:
        """True if the account sees the administrator's menus."""
        return self.type is UserType.ADMIN


@dataclass(slots=True)
class Gate:
    """The one session that the card allows: local serial goes before telnet (AP89xx manual)."""

    holder: Terminal | None = None

    def enter(self, terminal: Terminal) -> bool:
        """Try to take the session; a telnet session yields to the serial line, never the other way."""
        if self.holder is not None and self.holder is not terminal and self.holder.session_timeout_s:
            if terminal.network:
                return False
            self.holder.log_off()
        self.holder = terminal
        return True

    def leave(self, terminal: Terminal) -> None:
        """Give the session back."""
        if self.holder is terminal:
            self.holder = None


Face = Callable[[Terminal, User], Dialog[None]]


@dataclass(slots=True)
class Entrance:
    """Makes the dialog of a console at which nobody is logged in."""

    face: Face
    gate: Gate
    stale: User | None = None
    """The session of somebody who left without logging out: the serial console starts inside it."""
    bad_logins: int = 0
    locked_until: float = 0.0

    def __call__(self, terminal: Terminal) -> Dialog[None]:
        """Run sessions for ever on the serial line, one on a network connection."""
        if terminal.network:
            yield from self._visit(terminal, greet=True)
            return
        greet = False
        while True:
            greet = yield from self._visit(terminal, greet=greet)

    def _visit(self, terminal: Terminal, *, greet: bool) -> Dialog[bool]:
        """Log one user in and serve him; True if the user-name prompt shall come by itself."""
        user, self.stale = self.stale, None
        if user is None:
            if terminal.network and self.gate.holder is not None and self.gate.holder.session_timeout_s:
                if terminal.quirks.second_session is SecondSession.REFUSE:
                    terminal.put(f"{NL}Max logins exceeded.")
                return False
            user = yield from self._login(terminal, greet=greet)
        if not self.gate.enter(terminal):
            return False
        terminal.session_timeout_s = terminal.quirks.session_timeout_s or float("inf")
        try:
            yield from self.face(terminal, user)
        except LoggedOff:
            if terminal.quirks.timeout_text:
                terminal.put(f"{NL}{terminal.quirks.timeout_text}{NL}")
            terminal.put(NL + FAREWELL)
        finally:
            terminal.session_timeout_s = 0.0
            self.gate.leave(terminal)
        return terminal.quirks.prompt_after_logout

    def _login(self, terminal: Terminal, *, greet: bool) -> Dialog[User]:
        if terminal.network:
            yield from terminal.at("login.greeting")
        elif not greet:
            yield AskLine(echo=Echo.NONE)
        prompt = "\n\rUser Name : "
        while True:
            yield from terminal.at("login.user")
            terminal.put(prompt)
            terminal.firmware.accounts.user_prompt_shown(terminal.now)
            name = yield AskLine()
            # Behind the echoed line end a bare CR precedes the prompt (powerman insists on it).
            prompt = "\rUser Name : "
            if not name:
                continue
            yield from terminal.at("login.password")
            terminal.put("\rPassword  : ")
            password = yield AskLine(echo=Echo.STARS)
            yield from terminal.at("login.check")
            user = self._check(terminal, str(name), str(password))
            if user is not None:
                port = "Telnet" if terminal.network else "serial port"
                terminal.firmware.record(terminal.now, f"System: Console user '{user.name}' logged in from {port}.")
                return user
            if terminal.quirks.bad_login_text:
                terminal.put(f"{NL}{terminal.quirks.bad_login_text}{NL}")
            prompt = f"{NL}\rUser Name : "

    def _check(self, terminal: Terminal, name: str, password: str) -> User | None:
        dash_c = False
        accounts = terminal.firmware.accounts
        account = accounts.check(name, password, terminal.now)
        hidden = terminal.quirks.dash_c and terminal.firmware.profile.dialect in _DASH_C_DIALECTS
        if account is None and hidden and password.endswith(" -c"):
            bare = password.removesuffix(" -c").rstrip(" ")
            account = accounts.check(name, bare, terminal.now)
            dash_c = account is not None
        if terminal.now < self.locked_until:
            return None
        if account is not None:
            self.bad_logins = 0
            return User(account.name, account.type, account.outlets, dash_c=dash_c)
        terminal.firmware.record(
            terminal.now, "System: Detected an unauthorized user attempting to access the console."
        )
        self.bad_logins += 1
        limit = terminal.quirks.lockout_after
        if limit and self.bad_logins >= limit:
            self.bad_logins = 0
            self.locked_until = terminal.now + terminal.quirks.lockout_s
        return None
