"""Snapshots to work on; every value that a console can give is there, or nothing of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.commands import Command, CommandResult, Origin, ResultStatus
from apcbridge.facts import PduView
from apcbridge.model import (
    Action,
    Identity,
    Link,
    LinkState,
    Load,
    LoadState,
    Nmc,
    Outlet,
    OutletState,
    PduSnapshot,
    PduStatus,
    PendingCommand,
    Policy,
)
from apcbridge.mqtt.settings import BrokerAddress, MqttSettings
from tests.unit.cards import watchdog_card

if TYPE_CHECKING:
    from apcbridge.model import Setting

AT = 1_700_000_000.0
MONO = 5_000.0


def outlet(number: int, *, full: bool = True, **changes: object) -> Outlet:
    fields: dict[str, object] = {
        "number": number,
        "name": f"Outlet {number}",
        "state": OutletState.ON,
        "pending": False,
        "read_at": AT,
        "read_mono": MONO,
    }
    if full:
        fields |= {"on_delay_s": 0, "off_delay_s": -1, "reboot_duration_s": 5, "phase": 1, "bank": 1}
    return Outlet(**(fields | changes))  # type: ignore[arg-type]  # the callers pass the field's own types


def named(number: int, name: str) -> Outlet:
    """Return an outlet that the configuration gives a name."""
    return outlet(number, name=name, own_label=f"Outlet {number}")


def guarded(policy: Policy) -> PduView:
    """Return the view of a PDU all of whose outlets have a policy."""
    return PduView(policies=dict.fromkeys(range(1, 25), policy))


def full_snapshot(outlets: int = 3, **changes: object) -> PduSnapshot:
    """Return a snapshot of a PDU whose console tells everything; the third outlet is configured as ``nas``."""
    fields: dict[str, object] = {
        "pdu": "pdu1",
        "seq": 1,
        "taken_at": AT,
        "taken_mono": MONO,
        "dialect": "test",
        "identity": Identity(
            model="AP7920",
            serial_number="ZA0401001234",
            hardware_revision="B2",
            aos_version="3.7.3",
            app_version="3.7.4",
            manufacture_date="01/02/2004",
            mac_address="00:c0:b7:01:02:03",
            name="rack pdu",
            contact="Jane",
            location="cellar",
        ),
        "nmc": watchdog_card(AT - 600.0, MONO - 600.0),
        "outlets": tuple(named(3, "nas") if number == 3 else outlet(number) for number in range(1, outlets + 1)),
        "phases": (Load(index=1, deciamps=12, state=LoadState.NORMAL, low_a=0, near_overload_a=12, overload_a=16),),
        "banks": (
            Load(index=1, deciamps=7, state=LoadState.LOW),
            Load(index=2, deciamps=5, state=LoadState.NEAR_OVERLOAD),
        ),
        "watts": 276,
        "volt_amperes": 280,
        "pending": (PendingCommand(outlet=2, action="DELAYED_OFF", command_id="c1", since_at=AT),),
    }
    return PduSnapshot(**(fields | changes))  # type: ignore[arg-type]  # the callers pass the field's own types


def bare_snapshot(outlets: int = 3) -> PduSnapshot:
    """Return a snapshot of a PDU whose console tells nothing but the outlet list."""
    return replace(
        full_snapshot(),
        identity=Identity(),
        nmc=Nmc(),
        outlets=tuple(outlet(number, full=False) for number in range(1, outlets + 1)),
        phases=(),
        banks=(),
        watts=None,
        volt_amperes=None,
        pending=(),
    )


def status(snapshot: PduSnapshot | None, link: LinkState = LinkState.UP, pdu: str = "pdu1") -> PduStatus:
    return PduStatus(
        pdu=pdu, link=Link(state=link, since_at=AT), snapshot=snapshot, stale_after_s=30.0, lost_after_s=50.0
    )


def settings(**changes: object) -> MqttSettings:
    fields: dict[str, object] = {
        "bridge_id": "rack-a",
        "broker": BrokerAddress("broker.example", 1883),
        "client_id": "apcbridge-rack-a",
        "pdus": {"pdu1": PduView()},
        "version": "1.2.3",
    }
    return MqttSettings(**(fields | changes))  # type: ignore[arg-type]  # the callers pass the field's own types


def result(
    status_: ResultStatus = ResultStatus.CONFIRMED, outlet_: int | None = 2, action: Action | Setting = Action.OFF
) -> CommandResult:
    command = Command(
        id="job-1",
        origin=Origin.MQTT,
        principal="secret community",
        pdu="pdu1",
        outlet=outlet_,
        action=action,
        received_at=AT,
        received_mono=MONO,
        deadline_mono=MONO + 20.0,
    )
    return CommandResult(command=command, status=status_, detail="read back", at=AT + 3.0)
