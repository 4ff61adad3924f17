"""The composition root: one configuration becomes one running bridge, and one place decides how it ends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import apcbridge
from apcbridge.clock import SystemClock
from apcbridge.commands import Arbiter
from apcbridge.composition import (
    embedded_settings,
    first_status,
    mqtt_settings,
    pdu_rules,
    pdu_settings,
    snmp_settings,
    web_settings,
)
from apcbridge.door import Door
from apcbridge.health import Progress
from apcbridge.journal import Journal, JournalReader
from apcbridge.model import LinkState
from apcbridge.mqtt.bridge import MqttBridge
from apcbridge.mqtt.embedded import EmbeddedBroker
from apcbridge.notify import Supervision, find_notify, watchdog_interval_s
from apcbridge.pdu.keeper import Keeper
from apcbridge.pdu.ports import PortRegistry
from apcbridge.pdu.reboots import RebootDetector
from apcbridge.pdu.supervisor import Services, Supervisor
from apcbridge.recorder import Recorder
from apcbridge.simulated import SimulatedRack
from apcbridge.snmp.agent import SnmpAgent
from apcbridge.store import Store
from apcbridge.web.server import WebServer
from apcbridge.web.settings import Health

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from typing import Protocol

    from apcbridge.clock import Clock
    from apcbridge.config import Config, PduConfig

    class Part(Protocol):
        """A part that runs in the background and shows that it moves."""

        @property
        def progress_mono(self) -> float:
            """When it last got somewhere."""

        def run(self) -> Coroutine[object, object, None]:
            """Serve until cancelled."""


log = logging.getLogger(__name__)

STOP_S = 4.0
"""How long the consoles may take to be left in order; the whole stop must take 5 s at most."""
STOP_SWITCHING_S = 14.0
"""The same while a command is being carried out: it is read back first."""
TURN_S = 1.0
"""How often the parts' progress is looked at, at most."""
SILENT_PART_S = 30.0
"""A part that shows no progress for so long hangs."""


class Bridge:
    """Everything that runs. :meth:`run` returns after :meth:`stop`, or raises what made it impossible to go on."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self._config = config
        self.clock = clock or SystemClock()
        self.store = Store(first_status(pdu, self.clock.wall()) for pdu in config.pdus)
        self._journal = Journal(config.bridge.state_dir / "journal.sqlite", self.clock)
        self.recorder = Recorder(self.store, self._journal)
        self.arbiter = Arbiter({pdu.id: pdu_rules(pdu, config.mqtt) for pdu in config.pdus}, self.recorder.result)
        self.door = Door(self.arbiter, self.store, self.clock)
        self.rack = SimulatedRack()
        self.ready = asyncio.Event()
        """Set once every socket is bound and every PDU was tried."""
        self._stop = asyncio.Event()
        self._progress = Progress()
        self._supervision = Supervision(find_notify(), self._progress)
        self._supervisors = [self._supervisor(pdu) for pdu in config.pdus]
        self._parts: dict[str, Part] = {f"console of {s.id}": s for s in self._supervisors}
        self.mqtt = self._mqtt()
        self.snmp = self._snmp()
        self.web = self._web()

    def stop(self) -> None:
        """Ask for an orderly end; a signal handler of the loop may call this."""
        self._stop.set()

    async def run(self) -> None:
        """Serve until :meth:`stop`."""
        async with AsyncExitStack() as stack:
            stack.callback(self._journal.close)
            await stack.enter_async_context(self.rack)
            if self._config.mqtt is not None and (embedded := embedded_settings(self._config.mqtt)):
                await stack.enter_async_context(EmbeddedBroker(embedded))
            async with asyncio.TaskGroup() as group:
                tasks = {name: group.create_task(part.run(), name=name) for name, part in self._parts.items()}
                watch = group.create_task(self._watch(), name="health")
                self.recorder.tell_what_was_cut_short()
                await self._stop.wait()
                log.info("stopping")
                self._supervision.stopping()
                await self._leave_consoles([tasks.pop(f"console of {s.id}") for s in self._supervisors])
                for task in (watch, *tasks.values()):
                    task.cancel()
            if self.mqtt is None or not self.mqtt.queued:
                for _ in range(2):
                    self.recorder.readers_are_done()

    # Parts

    def _supervisor(self, pdu: PduConfig) -> Supervisor:
        settings = pdu_settings(pdu)
        memory = self._journal.load(pdu.id)
        detector = RebootDetector(pdu.id, memory, machine_boot=_machine_boot(), pace=settings.pace)
        keeper = Keeper(settings, self.store, self.clock, self.recorder, self.door, detector)
        supervisor = Supervisor(settings, self._services(), keeper)
        self.door.on_command(pdu.id, supervisor.wake)
        return supervisor

    def _services(self) -> Services:
        ports = PortRegistry()
        ports.register("sim", self.rack.open)
        return Services(clock=self.clock, arbiter=self.arbiter, ports=ports)

    def _mqtt(self) -> MqttBridge | None:
        if self._config.mqtt is None:
            return None
        settings = mqtt_settings(self._config, self._config.mqtt, apcbridge.__version__)
        bridge = MqttBridge(settings, self.store, self.door, self.clock, verbs={"refresh": self._refresh})
        self._parts["MQTT"] = bridge
        return bridge

    def _snmp(self) -> SnmpAgent | None:
        settings = snmp_settings(self._config)
        if settings is None:
            return None
        agent = SnmpAgent(settings, self.store, self.door, self.clock)
        self._parts["SNMP"] = agent
        return agent

    def _web(self) -> WebServer:
        reader = JournalReader(self._config.bridge.state_dir / "journal.sqlite")
        server = WebServer(
            web_settings(self._config),
            self.store,
            self.door,
            self.clock,
            version=apcbridge.__version__,
            events=reader.history,
            health=self.health,
        )
        self._parts["web"] = server
        return server

    async def _refresh(self, _arguments: Mapping[str, object]) -> Mapping[str, str]:
        """Read every PDU now."""
        for supervisor in self._supervisors:
            supervisor.poll_now()
        return {}

    # Health

    def health(self) -> Health:
        """Say which parts hang and what does not work although the bridge does."""
        degraded = [f"{s.pdu}: console {s.link.state}" for s in self.store if s.link.state is not LinkState.UP]
        if self._journal.health:
            degraded.append(f"journal {self._journal.health}")
        if self.mqtt is not None and not self.mqtt.connected:
            degraded.append("MQTT: not connected")
        return Health(failed=self._progress.overdue(self.clock.monotonic()), degraded=tuple(degraded))

    async def _watch(self) -> None:
        """Tell systemd when all is ready, and go on telling it that every part moves."""
        for name in self._parts:
            self._progress.register(name, SILENT_PART_S, self.clock.monotonic())
        if self.snmp is not None:
            await self.snmp.opened()
        await self.web.opened()
        for supervisor in self._supervisors:
            await supervisor.tried.wait()
        self.ready.set()
        self._supervision.ready()
        log.info("ready: %s", self._summary())
        turn_s = min(TURN_S, watchdog_interval_s() or TURN_S)
        while True:
            now_mono = self.clock.monotonic()
            for name, part in self._parts.items():
                self._progress.beat(name, part.progress_mono)
            self._supervision.watch(now_mono)
            self._supervision.status(self._summary())
            if self.mqtt is None or (self.mqtt.connected and not self.mqtt.queued):
                self.recorder.readers_are_done()
            await asyncio.sleep(turn_s)

    def _summary(self) -> str:
        """Say in one line how all is."""
        up = sum(status.link.state is LinkState.UP for status in self.store)
        return "; ".join([f"{up} of {len(self._supervisors)} PDUs answer", *self.health().degraded])

    # The end

    async def _leave_consoles(self, consoles: list[asyncio.Task[None]]) -> None:
        """Log out everywhere, reading back what is being switched; then stop waiting."""
        for supervisor in self._supervisors:
            supervisor.stop()
        switching = any(supervisor.switching for supervisor in self._supervisors)
        _, late = await asyncio.wait(consoles, timeout=STOP_SWITCHING_S if switching else STOP_S)
        for task in late:
            log.warning("%s was not left in time: its session ends with the PDU's own time-out", task.get_name())
            task.cancel()


def _machine_boot() -> str:
    """Identify this run of the kernel: its monotonic clock goes on for as long as this stays the same."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
