"""All checks of one configuration, each PDU's at the same time."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apcbridge.composition import AUTO_BAUDS, embedded_settings, mqtt_settings, pdu_settings
from apcbridge.config import Endpoint, examine
from apcbridge.errors import ConsoleError, LoginRefused, PasswordChangeForced, PortError, UnknownPdu
from apcbridge.probe import Probe
from apcbridge.tools.doctor.addresses import Listening
from apcbridge.tools.doctor.broker import BrokerCheck
from apcbridge.tools.doctor.card import judge_card, judge_sound
from apcbridge.tools.doctor.findings import Reporter
from apcbridge.tools.doctor.line import check_port, usable
from apcbridge.tools.doctor.overhear import OverhearingPorts
from apcbridge.tools.doctor.rhythm import check_restarts
from apcbridge.tools.doctor.state import check_state
from apcbridge.tools.knock import Sound, knock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from apcbridge.clock import Clock
    from apcbridge.config import Config, PduConfig, Report
    from apcbridge.pdu.ports import PortRegistry
    from apcbridge.pdu.settings import PduSettings
    from apcbridge.tools.doctor.findings import Finding
    from apcbridge.tools.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonPdu:
    """What a running daemon says of one PDU."""

    available: bool
    """Its readings are fresh."""
    link: str
    detail: str
    """Why the link is as it is."""
    diagnosis: str = ""
    """Why its watchdog restarts the card, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The daemon, asked over its socket."""

    pdus: Mapping[str, DaemonPdu] | None = None
    """None: no daemon answers."""
    untold: str = ""
    """There may be one, but it may not be asked: why."""

    @property
    def runs(self) -> bool:
        """A daemon answered."""
        return self.pdus is not None


class Examination:
    """Looks at everything that a configuration names."""

    def __init__(self, ports: PortRegistry, clock: Clock, machine: Machine, daemon: Daemon, version: str) -> None:
        self._ports = ports
        self._clock = clock
        self._machine = machine
        self._daemon = daemon
        self._version = version

    async def run(self, file: Path, only: str | None = None) -> tuple[Finding, ...]:
        """Return every finding, in the order of the configuration; raises UnknownPdu."""
        report = examine(file)
        if report.config is None:
            return _faults(file, report)
        config = report.config
        if only is not None and config.pdu(only) is None:
            raise UnknownPdu(f"{file} has no PDU {only!r}; it has {', '.join(pdu.id for pdu in config.pdus)}")
        pdus = [pdu for pdu in config.pdus if only in (None, pdu.id)]
        found = await asyncio.gather(*(self._pdu(config, pdu) for pdu in pdus))
        head = (
            Reporter("configuration").ok(f"{file} is good"),
            *self._about_daemon(),
            *check_state(config.bridge.state_dir, daemon_runs=self._daemon.runs),
        )
        return (
            *head,
            *(one for many in found for one in many),
            *self._agents(pdus),
            *await self._broker(config),
        )

    def _about_daemon(self) -> tuple[Finding, ...]:
        report = Reporter("daemon")
        if self._daemon.untold:
            return (report.warn(self._daemon.untold, "without it every port is looked at as if nobody used it"),)
        if not self._daemon.runs:
            return (report.ok("it does not run, so the ports are looked at directly"),)
        return (report.ok("it runs; it is asked about the PDUs, and their ports are left to it"),)

    # --- one PDU ---

    async def _pdu(self, config: Config, pdu: PduConfig) -> tuple[Finding, ...]:
        report = Reporter(pdu.id)
        journal = config.bridge.state_dir / "journal.sqlite"
        told = (self._daemon.pdus or {}).get(pdu.id)
        restarts = check_restarts(journal, pdu.id, self._clock.wall(), report, told.diagnosis if told else "")
        if told:
            return (_as_told(told, report), *restarts)
        line = check_port(pdu.port, self._machine, report)
        console = await self._console(pdu, report) if usable(line) else ()
        return (*line, *console, *restarts)

    async def _console(self, pdu: PduConfig, report: Reporter) -> tuple[Finding, ...]:
        settings = pdu_settings(pdu)
        bauds = dict.fromkeys((*settings.bauds, *AUTO_BAUDS))
        try:
            heard = await knock(self._ports, self._clock, pdu.port, list(bauds))
        except PortError as error:
            return (report.fail(str(error), "apcbridge wiring, or ask whoever runs the terminal server"),)
        sound = judge_sound(heard, settings.bauds, report)
        if heard.sound is not Sound.CONSOLE:
            return (sound,)
        return (sound, *await self._log_in(settings, heard.baud, report))

    async def _log_in(self, pdu: PduSettings, baud: int, report: Reporter) -> tuple[Finding, ...]:
        ports = OverhearingPorts(self._ports)
        try:
            found = await Probe(ports, self._clock, pdu.credentials, pdu.access).run(pdu.port, [baud])
        except LoginRefused as error:
            return (report.fail(str(error), "correct username or password_file; a lost password: apcbridge recover"),)
        except PasswordChangeForced as error:
            return (report.fail(str(error), "apcbridge recover sets one, or log in by hand with a terminal program"),)
        except ConsoleError as error:
            return (report.fail(f"the console answers, then: {error}", "apcbridge record shows what it prints"),)
        except PortError as error:
            return (report.fail(str(error), "a loose plug? dmesg tells what became of a USB adapter"),)
        now = datetime.fromtimestamp(self._clock.wall(), UTC).astimezone()
        due = (
            report.warn(
                "the card says that it must be restarted for a changed setting", "restart it when it suits you"
            ),
        )
        judged = judge_card(found, pdu.credentials.password, now, report)
        return (*judged, *(due if ports.restart_due else ()))

    # --- what the daemon listens on and talks to ---

    def _agents(self, pdus: Sequence[PduConfig]) -> tuple[Finding, ...]:
        listening = Listening(socket.SOCK_DGRAM, self._machine, daemon_runs=self._daemon.runs)
        report = Reporter("snmp")
        return tuple(listening.check(f"agent of {pdu.id} on", pdu.snmp.listen, report) for pdu in pdus if pdu.snmp)

    async def _broker(self, config: Config) -> tuple[Finding, ...]:
        if config.mqtt is None:
            return ()
        report = Reporter("mqtt")
        embedded = embedded_settings(config.mqtt)
        if embedded is not None and not self._daemon.runs:
            listening = Listening(socket.SOCK_STREAM, self._machine, daemon_runs=False)
            return (listening.check("built-in broker on", Endpoint(embedded.host, embedded.port), report),)
        return await BrokerCheck(mqtt_settings(config, config.mqtt, self._version), report).run()


def _faults(file: Path, report: Report) -> tuple[Finding, ...]:
    about = Reporter("configuration")
    advice = f"apcbridge check-config -c {file}" if os.path.lexists(file) else "apcbridge init writes one"
    return tuple(about.fail(str(fault), advice) for fault in report.faults)


def _as_told(pdu: DaemonPdu, report: Reporter) -> Finding:
    detail = f": {pdu.detail}" if pdu.detail else ""
    if pdu.available:
        return report.ok(f"the daemon's readings are fresh, its link is {pdu.link}")
    return report.fail(
        f"the daemon has no fresh readings, its link is {pdu.link}{detail}",
        "for a closer look: systemctl stop apcbridge, then the doctor again",
    )
