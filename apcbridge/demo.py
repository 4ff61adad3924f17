"""The demo: two simulated PDUs, the built-in broker, SNMP agents, and a tour that uses them as anybody would.

The tour talks to the bridge from outside only: with paho-mqtt over MQTT and with pysnmp over SNMP.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    Integer32,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    get_cmd,
    set_cmd,
)

from apcbridge.errors import ApcBridgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.app import Bridge

SPEED = 20
"""How much faster the clock of the PDU with the watchdog fault runs: 570 s become 28.5 s."""
STEP_S = 90.0
"""How long any step of the tour may take before the demo has failed."""
LOOPBACK = "127.0.0.1"
READER, WRITER = "demo-read", "demo-write"
OUTLET_STATE = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4"
OUTLET_CONTROL = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4"
SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"

_CONFIGURATION = """\
# What `apcbridge demo` runs with: two simulated PDUs. A real one has a port such as
#   port: /dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0
bridge:
  id: demo
  state_dir: {state_dir}
pdus:
  - id: rack
    port: "sim://AP7920?firmware=3.7.3&serial_number=DEMO00000001&baud=9600&names=router,nas,switch,hypervisor"
    password: apc
    poll_interval: 2
    session: hold
    outlets:
      2: {{policy: no-off}}
    snmp: {{listen: "127.0.0.1:{snmp_rack}"}}
  - id: attic          # its Ethernet cable is out: the card restarts itself every 570 s, here {speed} times as fast
    port: "sim://AP7900?firmware=3.7.3&serial_number=DEMO00000002&speed={speed}&ethernet=off&boot=20&up_time=60"
    password: apc
    poll_interval: 1
    session: hold
    access: menu
    snmp: {{listen: "127.0.0.1:{snmp_attic}"}}
mqtt:
  url: embedded://127.0.0.1:{mqtt}
  homeassistant: {{discovery: device}}
snmp:
  communities:
    - {{name: {reader}, access: read}}
    - {{name: {writer}, access: write}}
web: {{listen: "127.0.0.1:{web}"}}
"""

_TRY = """
Try it yourself (Debian: apt install mosquitto-clients snmp), in another terminal:

  mosquitto_sub -h 127.0.0.1 -p {mqtt} -t 'apcbridge/#' -v
  mosquitto_pub -h 127.0.0.1 -p {mqtt} -t apcbridge/rack/outlet/3/set -m OFF
  mosquitto_pub -h 127.0.0.1 -p {mqtt} -t apcbridge/rack/outlet/3/set -m '{{"command": "REBOOT", "id": "my-1"}}'
  mosquitto_pub -h 127.0.0.1 -p {mqtt} -t apcbridge/rack/outlet/2/set -m OFF    # refused: its policy is no-off
  snmpwalk -v2c -c {reader} 127.0.0.1:{snmp_rack} 1.3.6.1.4.1.318.1.1.12.3.5
  snmpset  -v1  -c {writer} 127.0.0.1:{snmp_rack} 1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.3 i 1
  snmpget  -v2c -c {reader} 127.0.0.1:{snmp_attic} 1.3.6.1.2.1.1.3.0             # up time of the card that restarts
  {program} watch --socket {socket}

The status page: http://127.0.0.1:{web}/      the configuration of this demo: {path}
"""


class DemoFailed(ApcBridgeError):
    """A step of the tour did not come about."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo listens."""

    mqtt: int
    snmp_rack: int
    snmp_attic: int
    web: int


def choose_ports() -> Ports:
    """Take the well-known ports where they are free, so that the commands look familiar, and any others where not."""
    return Ports(
        mqtt=_free(1883, socket.SOCK_STREAM),
        snmp_rack=_free(1161, socket.SOCK_DGRAM),
        snmp_attic=_free(1162, socket.SOCK_DGRAM),
        web=_free(8080, socket.SOCK_STREAM),
    )


def _free(wanted: int, kind: socket.SocketKind) -> int:
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            number: int = probe.getsockname()[1]
            return number
    raise DemoFailed("no free port on 127.0.0.1")


def _program() -> str:
    """Return how this very program is called from a shell."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "apcbridge" else f"{sys.executable} -m apcbridge"


def write_configuration(directory: Path, ports: Ports) -> Path:
    """Write the demo's configuration, readable by its owner only; return its path."""
    state_dir = directory / "state"
    state_dir.mkdir()
    path = directory / "apcbridge.yaml"
    path.touch(mode=0o600)
    text = _CONFIGURATION.format(
        state_dir=state_dir,
        speed=SPEED,
        reader=READER,
        writer=WRITER,
        mqtt=ports.mqtt,
        snmp_rack=ports.snmp_rack,
        snmp_attic=ports.snmp_attic,
        web=ports.web,
    )
    path.write_text(text, encoding="utf-8")
    return path


class Tour:
    """What a visitor is shown; ``say`` prints one line."""

    def __init__(self, bridge: Bridge, ports: Ports, path: Path, say: Callable[[str], None], *, once: bool) -> None:
        self._bridge = bridge
        self._ports = ports
        self._path = path
        self._say = say
        self._once = once
        self._heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._topics: dict[str, str] = {}
        self._states: dict[str, str] = {}
        """What the attic's outlets were said to be since the tour began to wait for the restart."""
        self._engine = SnmpEngine()

    async def run(self) -> None:
        """Show everything; then go on telling what happens, or stop the bridge if once is enough."""
        loop = asyncio.get_running_loop()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        client.on_connect = lambda c, *_: c.subscribe("apcbridge/#", qos=1)

        def on_message(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
            heard = message.topic, message.payload.decode(errors="replace")
            loop.call_soon_threadsafe(self._heard.put_nowait, heard)

        client.on_message = on_message
        try:
            async with asyncio.timeout(STEP_S):
                await self._bridge.ready.wait()
            client.connect(LOOPBACK, self._ports.mqtt)
            client.loop_start()
            await self._show(client)
            if self._once:
                self._bridge.stop()
                return
            while True:
                await self._tell()
        finally:
            client.disconnect()
            client.loop_stop()
            self._engine.close_dispatcher()

    async def _show(self, client: paho.Client) -> None:
        await self._show_outlets()
        await self._show_command(client)
        await self._show_snmp()
        await self._show_refusal(client)
        self._say(
            "\n4. The attic's card sees no network traffic, so its watchdog restarts it. Waiting for the next time …"
        )
        event = json.loads(await self._until("apcbridge/attic/event", "watchdog_reboot"))
        self._say(f"   MQTT  apcbridge/attic/event          {event['event_type']}: {event.get('evidence', '')}")
        ticks = await self._get(self._ports.snmp_attic, SYS_UP_TIME)
        self._say(f"   SNMP  sysUpTime of the attic         {int(ticks) / 100:.0f} s: every monitoring system sees it")
        if "OFF" in self._states.values():
            raise DemoFailed("an outlet of the attic was reported OFF, which it never was")
        self._say("   No outlet of the attic was reported as anything but ON.")
        self._say(
            _TRY.format(
                reader=READER,
                writer=WRITER,
                path=self._path,
                mqtt=self._ports.mqtt,
                snmp_rack=self._ports.snmp_rack,
                snmp_attic=self._ports.snmp_attic,
                web=self._ports.web,
                program=_program(),
                socket=self._path.parent / "state" / "apcbridge.sock",
            )
        )
        if not self._once:
            self._say("What happens from now on (Ctrl-C ends the demo):\n")

    async def _show_outlets(self) -> None:
        await self._until("apcbridge/rack/outlet/8/state", "O")
        self._say("1. The rack's outlets, read from its serial console at 9600 baud, over MQTT:\n")
        for number in range(1, 9):
            outlet = json.loads(await self._until(f"apcbridge/rack/outlet/{number}", "{"))
            self._say(f"   outlet {number}  {outlet['state']:<3}  {outlet['name']}")

    async def _show_command(self, client: paho.Client) -> None:
        self._say("\n2. A command over MQTT, answered when the PDU's own screen shows it:\n")
        self._publish(client, "apcbridge/rack/outlet/3/set", "OFF")
        await self._until("apcbridge/rack/outlet/3/state", "OFF")
        self._say("   MQTT  apcbridge/rack/outlet/3/state  OFF")
        result = json.loads(await self._until("apcbridge/rack/outlet/3/result", "confirmed"))
        self._say(f"   MQTT  apcbridge/rack/outlet/3/result {result['status']}: {result['detail']}")

    async def _show_snmp(self) -> None:
        self._say("\n3. A command over SNMP, at the agent that stands in for the PDU's network card:\n")
        await self._set(self._ports.snmp_rack, f"{OUTLET_CONTROL}.3", 1)
        self._say("   SNMP  SET rPDUOutletControlOutletCommand.3 = immediateOn(1)")
        await self._until("apcbridge/rack/outlet/3/state", "ON")
        value = await self._get(self._ports.snmp_rack, f"{OUTLET_STATE}.3")
        self._say(f"   SNMP  GET rPDUOutletStatusOutletState.3 = {value} (1 is on)")

    async def _show_refusal(self, client: paho.Client) -> None:
        self._publish(client, "apcbridge/rack/outlet/2/set", "OFF")
        result = json.loads(await self._until("apcbridge/rack/outlet/2/result", "refused"))
        self._say(f"   MQTT  apcbridge/rack/outlet/2/result {result['status']}: {result['detail']}")

    def _publish(self, client: paho.Client, topic: str, payload: str) -> None:
        self._topics.clear()
        self._say(f"   you   {topic:<30} {payload}")
        client.publish(topic, payload, qos=1)

    async def _until(self, topic: str, word: str) -> str:
        """Return the first payload of a topic that holds a word; payloads heard before count."""
        try:
            async with asyncio.timeout(STEP_S):
                while word not in self._topics.get(topic, ""):
                    heard, payload = await self._heard.get()
                    self._topics[heard] = payload
                    if heard.startswith("apcbridge/attic/outlet/") and heard.endswith("/state"):
                        self._states[heard] = payload
        except TimeoutError:
            raise DemoFailed(f"the demo waited {STEP_S:.0f} s for {word!r} on {topic}, which did not come") from None
        return self._topics[topic]

    async def _tell(self) -> None:
        """Print one thing that happens: a state, a result or an event."""
        topic, payload = await self._heard.get()
        if topic.endswith(("/state", "/result", "/event", "/availability")):
            self._say(f"   {topic:<36} {payload}")

    async def _get(self, port: int, oid: str) -> str:
        return await self._ask(port, READER, oid, None)

    async def _set(self, port: int, oid: str, value: int) -> str:
        return await self._ask(port, WRITER, oid, value)

    async def _ask(self, port: int, community: str, oid: str, value: int | None) -> str:
        identity = ObjectIdentity(oid)
        asked = ObjectType(identity) if value is None else ObjectType(identity, Integer32(value))
        failed, status, _, varbinds = await (get_cmd if value is None else set_cmd)(
            self._engine,
            CommunityData(community, mpModel=1),  # noqa: S508 - on the loopback, with the communities of the demo
            await UdpTransportTarget.create((LOOPBACK, port), timeout=2, retries=3),
            ContextData(),
            asked,
        )
        if failed or status:
            raise DemoFailed(f"SNMP {oid} at port {port}: {failed or status.prettyPrint()}")
        answer: str = varbinds[0][1].prettyPrint()
        return answer
