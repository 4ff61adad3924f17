"""A PDU to serve: statuses built by hand, a clock that is set by hand, a door that remembers what came through it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from apcbridge.commands import Command, CommandResult, ResultStatus
from apcbridge.model import (
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
)

if TYPE_CHECKING:
    from apcbridge.errors import CommandRefused

NOW = 10_000.0
BOOT = NOW - 3600.0

AP7900 = Identity(
    model="AP7900",
    serial_number="ZA0733005455",
    hardware_revision="B2",
    aos_version="3.7.4",
    app_version="3.7.4",
    manufacture_date="08/18/2007",
    mac_address="00:c0:b7:12:34:56",
    name="RackPDU",
    contact="Unknown",
    location="Rack 7",
)


class SetClock:
    """Stands still until somebody moves it."""

    def __init__(self, now_mono: float = NOW) -> None:
        self.now_mono = now_mono

    def monotonic(self) -> float:
        return self.now_mono

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now_mono


def outlet(number: int, state: OutletState = OutletState.ON, **changes: object) -> Outlet:
    made = Outlet(
        number=number,
        name=f"Outlet {number}",
        state=state,
        pending=False,
        read_at=1_700_000_000.0,
        read_mono=NOW,
        on_delay_s=0,
        off_delay_s=0,
        reboot_duration_s=5,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # tests pass the fields of Outlet


def load(index: int, deciamps: int = 0, **changes: object) -> Load:
    made = Load(index=index, deciamps=deciamps, state=LoadState.NORMAL, low_a=0, near_overload_a=8, overload_a=12)
    return replace(made, **changes)  # type: ignore[arg-type]  # tests pass the fields of Load


def snapshot(outlets: int = 8, **changes: object) -> PduSnapshot:
    made = PduSnapshot(
        pdu="pdu1",
        seq=1,
        taken_at=1_700_000_000.0,
        taken_mono=NOW,
        dialect="d3b",
        identity=AP7900,
        nmc=Nmc(boot_at=1_700_000_000.0 - 3600, boot_mono=BOOT),
        outlets=tuple(outlet(n) for n in range(1, outlets + 1)),
        phases=(load(1),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # tests pass the fields of PduSnapshot


def status(
    shown: PduSnapshot | None = None, *, link: LinkState = LinkState.UP, read: bool = True, pdu: str = "pdu1"
) -> PduStatus:
    """The PDU's status; ``read=False`` is a bridge that has just started."""
    return PduStatus(
        pdu=pdu,
        link=Link(state=link, since_at=1_700_000_000.0),
        snapshot=(shown or snapshot()) if read else None,
        stale_after_s=30.0,
        lost_after_s=50.0,
    )


def with_outlet(old: PduStatus, number: int, read_mono: float, **changes: object) -> PduStatus:
    """Return the status after a whole new reading in which one outlet is different."""
    assert old.snapshot is not None
    read = [replace(o, read_mono=read_mono) for o in old.snapshot.outlets]
    read[number - 1] = replace(read[number - 1], **changes)  # type: ignore[arg-type]  # fields of Outlet
    shown = replace(old.snapshot, seq=old.snapshot.seq + 1, taken_mono=read_mono, outlets=tuple(read))
    return replace(old, snapshot=shown)


@dataclass
class Door:
    """Accepts everything, or refuses with ``refusal``."""

    refusal: CommandRefused | None = None
    commands: list[Command] = field(default_factory=list)

    def examine(self, command: Command, ahead: int = 0) -> None:
        assert ahead >= 0
        assert command not in self.commands
        if self.refusal is not None:
            raise self.refusal

    def submit(self, command: Command) -> CommandResult:
        if self.refusal is not None:
            raise self.refusal
        self.commands.append(command)
        return CommandResult(command=command, status=ResultStatus.ACCEPTED, detail="", at=command.received_at)
