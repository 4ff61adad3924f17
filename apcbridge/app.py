"""The composition root: one configuration becomes one running bridge, and one place decides how it ends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from functools import partial
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
from apcbridge.errors import ConfigError
from apcbridge.health import Progress
from apcbridge.journal import Journal, JournalReader
from apcbridge.model import LinkState
from apcbridge.mqtt.bridge import MqttBridge
from apcbridge.mqtt.embedded import EmbeddedBroker
from apcbridge.notify import Supervision, find_notify, watchdog_interval_s
from apcbridge.parts import Blueprint, Parts
from apcbridge.pdu.keeper import Keeper
from apcbridge.pdu.ports import PortRegistry
from apcbridge.pdu.reboots import RebootDetector
from apcbridge.pdu.records import Books
from apcbridge.pdu.supervisor import Services, Supervisor
from apcbridge.recorder import Recorder
from apcbridge.simulated import SimulatedRack
from apcbridge.snmp.agent import SnmpAgent
from apcbridge.store import Store
from apcbridge.web.chronicle import Chronicle
from apcbridge.web.server import WebServer
from apcbridge.web.settings import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apcbridge.clock import Clock
    from apcbridge.commands import PduRules
    from apcbridge.config import Config
    from apcbridge.mqtt.embedded import EmbeddedSettings
    from apcbridge.mqtt.settings import MqttSettings
    from apcbridge.parts import Part
    from apcbridge.pdu.settings import PduSettings
    from apcbridge.snmp.settings import SnmpSettings
    from apcbridge.web.settings import WebSettings

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

    def __init__(self, config: Config, load: Callable[[], Config] | None = None, clock: Clock | None = None) -> None:
        """``load`` reads the configuration anew for :meth:`reload`; without it there is nothing to reload."""
        self._config = config
        self._load = load
        self.clock = clock or SystemClock()
        self.store = Store(first_status(pdu, self.clock.wall()) for pdu in config.pdus)
        self._journal = Journal(config.bridge.state_dir / "journal.sqlite", self.clock)
        self._recorder = Recorder(self.store, self._journal)
        self._arbiter = Arbiter(_rules(config), self._recorder.result)
        self._door = Door(self._arbiter, self.store, self.clock)
        self._chronicle = Chronicle.of(self.store)
        self._rack = SimulatedRack()
        self._detectors: dict[str, RebootDetector] = {}
        self._books: dict[str, Books] = {}
        self._parts: Parts
        self.ready = asyncio.Event()
        """Set once every socket is bound and every PDU was tried."""
        self._stop = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._reload_wanted = asyncio.Event()
        self._reload_askers: list[asyncio.Future[tuple[str, ...]]] = []
        self._progress = Progress()
        self._supervision = Supervision(find_notify(), self._progress)

    def stop(self) -> None:
        """Ask for an orderly end; a signal handler of the loop may call this."""
        self._stop.set()

    def reload_soon(self) -> None:
        """Ask for :meth:`reload`; a signal handler of the loop may call this."""
        self._reload_wanted.set()

    async def run(self) -> None:
        """Serve until :meth:`stop`."""
        async with AsyncExitStack() as stack:
            stack.callback(self._journal.close)
            await stack.enter_async_context(self._rack)
            if self._config.mqtt is not None and (embedded := embedded_settings(self._config.mqtt)):
                await stack.enter_async_context(EmbeddedBroker(embedded))
            async with asyncio.TaskGroup() as group:
                self._parts = Parts(group, self._leave)
                self._parts.start(self._wanted(self._config))
                own = [group.create_task(self._watch()), group.create_task(self._reload_when_asked())]
                self._recorder.tell_what_was_cut_short()
                await self._stop.wait()
                log.info("stopping")
                self._supervision.stopping()
                for task in own:
                    task.cancel()
                bridges = self._bridges()
                await self._parts.end()
            if not any(bridge.queued for bridge in bridges):
                for _ in range(2):
                    self._recorder.readers_are_done()

    # What the configuration asks for

    def _wanted(self, config: Config) -> dict[str, Blueprint]:
        """Return every part that a configuration asks for; consoles first, so that they end last."""
        wanted: dict[str, Blueprint] = {}
        for pdu in config.pdus:
            settings = pdu_settings(pdu)
            wanted[f"console of {pdu.id}"] = Blueprint(settings, partial(self._supervisor, settings))
        if config.mqtt is not None:
            mqtt = mqtt_settings(config, config.mqtt, apcbridge.__version__)
            wanted["MQTT"] = Blueprint(mqtt, partial(self._mqtt, mqtt), partial(_adopt_mqtt, mqtt), mqtt.identity)
        snmp = snmp_settings(config)
        if snmp is not None:
            wanted["SNMP"] = Blueprint(snmp, partial(self._snmp, snmp))
        web = web_settings(config, apcbridge.__version__)
        wanted["web"] = Blueprint((web, tuple(pdu.id for pdu in config.pdus)), partial(self._web, web))
        return wanted

    def _supervisor(self, settings: PduSettings) -> Supervisor:
        # The detector outlives a change of settings: what it has seen of this NMC stays true.
        detector = self._detectors.get(settings.id)
        if detector is None:
            memory = self._journal.load(settings.id)
            detector = RebootDetector(
                settings.id,
                memory,
                machine_boot=_machine_boot(),
                pace=settings.pace,
                history=self._journal.restarts(settings.id),
            )
            self._detectors[settings.id] = detector
            self._books[settings.id] = Books.recalled(memory)
        books = self._books[settings.id]
        keeper = Keeper(settings, self.store, self.clock, self._recorder, self._door, detector, books)
        ports = PortRegistry()
        ports.register("sim", partial(self._rack.open, owner=settings.id))
        services = Services(clock=self.clock, arbiter=self._arbiter, ports=ports)
        supervisor = Supervisor(settings, services, keeper)
        self._door.on_command(settings.id, supervisor.wake)
        return supervisor

    def _mqtt(self, settings: MqttSettings) -> MqttBridge:
        verbs = {"refresh": self._refresh} | ({"reload": self._reload_by_request} if self._load else {})
        return MqttBridge(settings, self.store, self._door, self.clock, verbs=verbs)

    def _snmp(self, settings: SnmpSettings) -> SnmpAgent:
        return SnmpAgent(settings, self.store, self._door, self.clock)

    def _web(self, settings: WebSettings) -> WebServer:
        if settings.socket is None:
            log.warning(
                "no local socket: its directory may not be written to; status, outlet, events and watch get no answer"
            )
        reader = JournalReader(self._config.bridge.state_dir / "journal.sqlite")
        return WebServer(
            settings,
            self.store,
            self._door,
            self.clock,
            events=reader.history,
            health=self.health,
            chronicle=self._chronicle,
        )

    async def _refresh(self, _arguments: Mapping[str, object]) -> Mapping[str, str]:
        """Read every PDU now."""
        for _, part in self._parts:
            if isinstance(part, Supervisor):
                part.poll_now()
        return {}

    # Reloading

    async def reload(self) -> tuple[str, ...]:
        """Read the configuration anew and change what differs; return the names of the parts that changed.

        Raises ConfigError, and changes nothing, if the file has faults or asks for what needs a new start.
        """
        if self._load is None:
            raise ConfigError("this bridge has no configuration file to read anew")
        async with self._reloading:
            config = await asyncio.to_thread(self._load)
            self._check_reloadable(config)
            added = [pdu for pdu in config.pdus if self._config.pdu(pdu.id) is None]
            for pdu in added:
                self.store.replace(first_status(pdu, self.clock.wall()))
            before, self._config = self._config, config
            self._arbiter.configure(_rules(config) | _rules(before), self.clock.wall())
            try:
                changed = await self._parts.change(self._wanted(config))
            except BaseException:
                self._config = before
                raise
            finally:
                self._forget_others()
            log.info("reloaded: %s", ", ".join(changed) or "nothing differs")
            return changed

    def _check_reloadable(self, config: Config) -> None:
        old, new = self._config, config
        if old.bridge.state_dir != new.bridge.state_dir:
            raise ConfigError("bridge.state_dir changed: that needs a restart of apcbridge")
        if _embedded(old) != _embedded(new):
            raise ConfigError("the built-in broker changed: that needs a restart of apcbridge")

    def _forget_others(self) -> None:
        """Forget the PDUs that the configuration in force does not name."""
        self._arbiter.configure(_rules(self._config), self.clock.wall())
        for status in self.store:
            if self._config.pdu(status.pdu) is None:
                self.store.remove(status.pdu)
                self._detectors.pop(status.pdu, None)
                self._books.pop(status.pdu, None)

    async def _reload_by_request(self, _arguments: Mapping[str, object]) -> Mapping[str, list[str]]:
        """Reload and tell what changed; whoever asks may be ended by it, so the work is done in a task of our own."""
        asker: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._reload_askers.append(asker)
        self._reload_wanted.set()
        return {"changed": list(await asker)}

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            askers, self._reload_askers = self._reload_askers, []
            self._supervision.reloading()
            outcome: tuple[str, ...] | ConfigError
            try:
                outcome = await self.reload()
            except ConfigError as error:
                log.error("not reloaded, the old configuration stays in force: %s", error)  # noqa: TRY400
                outcome = error
            for asker in askers:
                _settle(asker, outcome)
            self._supervision.ready()

    # Health

    def health(self) -> Health:
        """Say which parts hang and what does not work although the bridge does."""
        degraded = [f"{s.pdu}: console {s.link.state}" for s in self.store if s.link.state is not LinkState.UP]
        if self._journal.health:
            degraded.append(self._journal.health)
        if not all(bridge.connected for bridge in self._bridges()):
            degraded.append("MQTT: not connected")
        return Health(failed=self._progress.overdue(self.clock.monotonic()), degraded=tuple(degraded))

    async def _watch(self) -> None:
        """Tell systemd when all is ready, and go on telling it that every part moves."""
        await self._parts.opened()
        self.ready.set()
        self._supervision.ready()
        log.info("ready: %s", self._summary())
        turn_s = min(TURN_S, watchdog_interval_s() or TURN_S)
        while True:
            self._note_progress()
            self._supervision.watch(self.clock.monotonic())
            self._supervision.status(self._summary())
            if self._readers_idle():
                self._recorder.readers_are_done()
            await asyncio.sleep(turn_s)

    def _note_progress(self) -> None:
        now_mono = self.clock.monotonic()
        parts = dict(self._parts)
        for name in self._progress.names - parts.keys():
            self._progress.remove(name)
        for name, part in parts.items():
            if name not in self._progress.names:
                self._progress.register(name, SILENT_PART_S, now_mono)
            self._progress.beat(name, part.progress_mono)

    def _readers_idle(self) -> bool:
        """Tell whether everything told so far has reached the broker, if there is one."""
        return all(bridge.connected and not bridge.queued for bridge in self._bridges())

    def _bridges(self) -> list[MqttBridge]:
        return [part for _, part in self._parts if isinstance(part, MqttBridge)]

    def _summary(self) -> str:
        """Say in one line how all is."""
        states = [status.link.state for status in self.store]
        return "; ".join([f"{states.count(LinkState.UP)} of {len(states)} PDUs answer", *self.health().degraded])

    # The end

    async def _leave(self, parts: Mapping[str, Part]) -> None:
        """Log out at the consoles among these parts, reading back what is being switched; then stop waiting."""
        supervisors = {name: part for name, part in parts.items() if isinstance(part, Supervisor)}
        for supervisor in supervisors.values():
            supervisor.stop()
        patience_s = STOP_SWITCHING_S if any(s.switching for s in supervisors.values()) else STOP_S
        try:
            async with asyncio.timeout(patience_s):
                for supervisor in supervisors.values():
                    await supervisor.left.wait()
        except TimeoutError:
            late = [name for name, supervisor in supervisors.items() if not supervisor.left.is_set()]
            log.warning("%s not left in time: the session ends with the PDU's own time-out", ", ".join(late))


def _settle(asker: asyncio.Future[tuple[str, ...]], outcome: tuple[str, ...] | ConfigError) -> None:
    """Tell one who asked for a reload what came of it, if he still waits."""
    if asker.done():
        return
    if isinstance(outcome, ConfigError):
        asker.set_exception(outcome)
    else:
        asker.set_result(outcome)


async def _adopt_mqtt(settings: MqttSettings, part: Part) -> None:
    if isinstance(part, MqttBridge):
        await part.adopt(settings)


def _rules(config: Config) -> dict[str, PduRules]:
    return {pdu.id: pdu_rules(pdu, config) for pdu in config.pdus}


def _embedded(config: Config) -> EmbeddedSettings | None:
    return embedded_settings(config.mqtt) if config.mqtt is not None else None


def _machine_boot() -> str:
    """Identify this run of the kernel: its monotonic clock goes on for as long as this stays the same."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
