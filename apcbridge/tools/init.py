"""``apcbridge init``: from a machine with a cable in it to a configuration that works."""

from __future__ import annotations

import asyncio
import re
import shlex
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apcbridge.config import examine
from apcbridge.config.rules import RESERVED_PDU_IDS
from apcbridge.config.secret import read_secret
from apcbridge.console.session import Access, Credentials
from apcbridge.errors import ApcBridgeError, ConfigError, ConsoleError, LoginRefused, PortError
from apcbridge.probe import Probe
from apcbridge.tools.draft import Draft, PduDraft, configuration
from apcbridge.tools.files import SYSTEM_SCHEMA, NewFiles
from apcbridge.tools.knock import Heard, Sound, knock
from apcbridge.tools.outward import Outward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apcbridge.clock import Clock
    from apcbridge.pdu.ports import PortRegistry
    from apcbridge.probe import Findings
    from apcbridge.tools.draft import BrokerDraft, SnmpDraft
    from apcbridge.tools.machine import Machine, SerialPort
    from apcbridge.tools.outward import Wishes
    from apcbridge.tools.terminal import Terminal

LOGIN_TRIES = 3
"""Three failures in a row lock an AOS 3 command line for two minutes; each try here is one."""
FACTORY_PASSWORD = "apc"  # noqa: S105 - what every APC card leaves the factory with

_ID = re.compile(r"[a-z0-9_-]{1,64}")

_ADVICE = {
    Sound.SILENCE: "nothing answers: is the PDU powered, is it the right cable? See: apcbridge wiring",
    Sound.ECHO: "we hear only ourselves: pins 2 and 3 of the plug touch. See: apcbridge wiring",
    Sound.GARBAGE: "only garbage comes back, at every speed that was tried. See: apcbridge wiring",
    Sound.STRANGER: "something answers, but it is no PDU's console",
}


class NothingFound(ApcBridgeError):
    """No PDU could be set up, so nothing was written."""


@dataclass(frozen=True, slots=True)
class _Answering:
    port: str
    baud: int


@dataclass(frozen=True, slots=True)
class _Login:
    username: str
    password: str
    file: str
    """The file that holds the password already, if one does."""


class Init:
    """One run of the tool. Nothing is written before everything is known, and nothing that was said is lost."""

    def __init__(self, terminal: Terminal, ports: PortRegistry, clock: Clock, machine: Machine, wishes: Wishes) -> None:
        self._terminal = terminal
        self._ports = ports
        self._clock = clock
        self._machine = machine
        self._wishes = wishes

    async def run(self) -> None:
        """Find, ask, write; raises ConfigError (a file is in the way), NothingFound, NobodyAnswers."""
        NewFiles(self._wishes.output.parent).check_free(self._wishes.output.name, or_silent=True)
        answering = await self._look_around()
        pdus: list[tuple[PduDraft, str]] = []
        for one in answering:
            found = await self._meet(one, [draft.id for draft, _ in pdus])
            if found is not None:
                pdus.append(found)
        if not pdus:
            raise NothingFound("no PDU could be set up; nothing was written")
        outward = Outward(self._terminal)
        broker, broker_password = await outward.broker(self._wishes)
        self._write(pdus, broker, broker_password, await outward.snmp(self._wishes))

    # --- finding ---

    async def _look_around(self) -> list[_Answering]:
        candidates = self._wishes.ports or await self._discovered()
        given = bool(self._wishes.ports)
        self._terminal.say()
        heard = await asyncio.gather(*(self._listen(port) for port in candidates))
        answering = []
        for port, one in zip(candidates, heard, strict=True):
            if isinstance(one, Heard) and one.sound is Sound.CONSOLE:
                self._terminal.say(f"  {port}: a console answers at {one.baud} baud")
                answering.append(_Answering(port, one.baud))
            elif given or not _built_in(port):
                # A PC has dozens of built-in ports with nothing behind them: only those that answer are of interest.
                self._terminal.say(f"  {port}: {_ADVICE[one.sound]}" if isinstance(one, Heard) else f"  {one}")
        if not answering:
            raise NothingFound("no console answered; nothing was written")
        return answering

    async def _discovered(self) -> tuple[str, ...]:
        found = self._machine.serial_ports()
        external = [port for port in found if not port.built_in]
        for port in external:
            self._terminal.say(f"  {_describe(port)}")
        free = tuple(port.path for port in found if port.free)
        if not external:
            self._terminal.say(
                "No USB serial adapter is plugged in. A terminal server is named with --port socket://HOST:PORT."
            )
        if not free:
            raise NothingFound("no serial port can be used; nothing was written")
        built_in = sum(port.built_in for port in found if port.free)
        counts = ((len(free) - built_in, "free port"), (built_in, "built-in port"))
        ports = " and ".join(f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count)
        question = f"May I press Enter a few times on {ports}, to see what answers?"
        if not await self._terminal.confirm(question, default=True):
            raise NothingFound("no port was looked at; nothing was written")
        return free

    async def _listen(self, port: str) -> Heard | PortError:
        # Trying every speed on a port with nothing behind it takes a while.
        bauds = self._wishes.bauds[:1] if _built_in(port) else self._wishes.bauds
        try:
            return await knock(self._ports, self._clock, port, bauds)
        except PortError as error:
            return error

    # --- logging in ---

    async def _meet(self, one: _Answering, taken: Sequence[str]) -> tuple[PduDraft, str] | None:
        """Log in and read who it is; return the draft and the password to be written beside it."""
        self._terminal.say(f"\n{one.port}:")
        found = await self._log_in(one)
        if found is None:
            return None
        findings, login = found
        what = _words(findings)
        self._terminal.say(f"  {what}")
        draft = PduDraft(
            id=await self._name(taken),
            port=one.port,
            baud=findings.baud,
            username=login.username,
            password_file=login.file,
            found=what,
        )
        return draft, login.password

    async def _name(self, taken: Sequence[str]) -> str:
        default = next(name for n in range(1, 1000) if (name := f"pdu{n}") not in taken)
        while True:
            name = await self._terminal.ask("  Name of this PDU in topics and commands:", default)
            if _ID.fullmatch(name) and name not in RESERVED_PDU_IDS and name not in taken:
                return name
            self._terminal.say(f"  {name!r} will not do: a to z, 0 to 9, _ and -, and each PDU its own")

    async def _log_in(self, one: _Answering) -> tuple[Findings, _Login] | None:
        for tries in range(LOGIN_TRIES):
            login = await self._login()
            probe = Probe(self._ports, self._clock, Credentials(login.username, login.password), Access.AUTO)
            try:
                return await probe.run(one.port, [one.baud]), login
            except LoginRefused as refused:
                self._terminal.say(f"  {refused}")
                if self._wishes.password is not None or self._wishes.password_file or tries == LOGIN_TRIES - 1:
                    self._terminal.say("  Left out. A lost password: apcbridge recover")
                    return None
            except (ConsoleError, PortError) as error:
                self._terminal.say(f"  left out: {error}")
                return None
        return None

    async def _login(self) -> _Login:
        username = self._wishes.username or await self._terminal.ask("  User name of the console:", "apc")
        file = self._wishes.password_file
        if file is not None:
            try:
                return _Login(username, read_secret(file).reveal(), str(file.absolute()))
            except ValueError as error:
                raise ConfigError(str(error)) from None
        password = self._wishes.password
        if password is None:
            password = await self._terminal.ask_secret("  Password (empty: apc, the factory's):") or FACTORY_PASSWORD
        return _Login(username, password, "")

    def _write(
        self,
        pdus: list[tuple[PduDraft, str]],
        broker: BrokerDraft | None,
        broker_password: str,
        snmp: SnmpDraft | None,
    ) -> None:
        """Write everything or nothing."""
        output = self._wishes.output
        with ExitStack() as undo:
            files = NewFiles(output.parent)
            undo.callback(files.remove)
            drafts = tuple(_with_file(draft, files, password) for draft, password in pdus)
            if broker is not None and broker_password:
                broker = _broker_with_file(broker, files, broker_password)
            draft = Draft(
                pdus=drafts,
                state_dir=files.state_directory(),
                schema=str(SYSTEM_SCHEMA) if SYSTEM_SCHEMA.is_file() else "",
                broker=broker,
                snmp=snmp,
            )
            files.write_configuration(output.name, configuration(draft))
            report = examine(output)
            if report.config is None:
                raise ConfigError("\n".join(str(fault) for fault in report.faults), report.faults)
            undo.pop_all()
        for path in files.written:
            self._terminal.say(f"wrote {path}")
        for path, aside in files.put_aside.items():
            self._terminal.say(f"{path} held comments only; they are in {aside} now")
        self._terminal.say("\n".join(["", "Next:", *(f"  {step}" for step in self._next_steps())]))

    def _next_steps(self) -> list[str]:
        program = shlex.quote(self._wishes.program)
        if self._wishes.of_the_service:
            return [f"sudo {program} check-config", f"sudo {program} doctor", "sudo systemctl restart apcbridge"]
        name = shlex.quote(str(self._wishes.output))
        return [f"{program} {step} -c {name}" for step in ("check-config", "doctor", "run")]


def _with_file(draft: PduDraft, files: NewFiles, password: str) -> PduDraft:
    if draft.password_file:
        return draft
    name = files.write_secret(f"{draft.id}.password", password)
    return replace(draft, password_file=name)


def _broker_with_file(broker: BrokerDraft, files: NewFiles, password: str) -> BrokerDraft:
    name = files.write_secret(broker.password_file, password)
    return replace(broker, password_file=name)


def _built_in(port: str) -> bool:
    return "/ttyS" in port


def _describe(port: SerialPort) -> str:
    if port.holders:
        return f"{port.path}: held by {', '.join(map(str, port.holders))}; stop it to use this port"
    if not port.permitted:
        return f"{port.path}: not permitted; see: apcbridge doctor"
    return f"{port.path}: free"


def _words(findings: Findings) -> str:
    identity = findings.identity.identity if findings.identity else None
    outlets = f"{len(findings.status.rows)} outlets" if findings.status else ""
    version = identity.app_version if identity else None
    parts = [identity.model if identity else None, f"firmware {version}" if version else None, outlets]
    return ", ".join(part for part in parts if part) or f"a console of dialect {findings.dialect}"
