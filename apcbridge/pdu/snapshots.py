"""From readings to snapshots: what the console showed becomes what is believed.

Pure. A reading that differs from what is believed is believed once a second one in a row says the same, or once a
command of ours explains it: a byte lost and a bit flipped can turn ``OFF`` into ``ON``, but not twice alike.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.model import Identity, Load, Nmc, Outlet, OutletState, PduSnapshot, PendingCommand, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apcbridge.console.events import ConfigReading, LoadReading, OutletRow


_OF_SETTING = {
    Setting.ON_DELAY: "on_delay_s",
    Setting.OFF_DELAY: "off_delay_s",
    Setting.REBOOT_DURATION: "reboot_duration_s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletChange:
    """The state of an outlet was seen to be another than before."""

    number: int
    name: str
    state: OutletState
    explained_by: str | None
    """Id of the command of ours that did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a reading did."""

    changes: tuple[OutletChange, ...]
    settled: bool
    """False while a row waits for a second reading that says the same."""


class SnapshotBuilder:
    """Gathers the readings of one PDU and builds its snapshots."""

    def __init__(self, pdu: str, names: Mapping[int, str]) -> None:
        self._pdu = pdu
        self._names = names
        self._seq = 0
        self._rows: dict[int, OutletRow] = {}
        self._outlets: dict[int, Outlet] = {}
        self._doubted: dict[int, OutletRow] = {}
        self._delays: dict[int, dict[str, int | None]] = {}
        """What is known of each outlet's delays, by the fields of :class:`~apcbridge.model.Outlet`."""
        self._identity = Identity()
        self._identity_doubted: Identity | None = None
        self._load: LoadReading | None = None
        self._taken: tuple[float, float] | None = None
        self._dialect = ""

    @property
    def outlet_count(self) -> int | None:
        """How many outlets the last whole list had."""
        return len(self._outlets) or None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The outlets of the last list."""
        return tuple(sorted(self._outlets))

    @property
    def identity(self) -> Identity:
        """What is believed of the PDU's identity."""
        return self._identity

    def outlet(self, number: int) -> Outlet | None:
        """Return what is believed of one outlet."""
        return self._outlets.get(number)

    @property
    def outlets(self) -> tuple[Outlet, ...]:
        """What is believed of all outlets, in order of their numbers."""
        return tuple(self._outlets[number] for number in sorted(self._outlets))

    def take_list(self, rows: Iterable[OutletRow], dialect: str, now_mono: float, now_at: float) -> Taken:
        """Take a whole list; rows that differ from what is believed wait for a second list that says the same."""
        changes: list[OutletChange] = []
        self._dialect = dialect
        for row in rows:
            if row in (self._rows.get(row.number), self._doubted.get(row.number)):
                self._doubted.pop(row.number, None)
                changes += self._believe(row, None, now_mono, now_at)
            else:
                self._doubted[row.number] = row
        if not self._doubted:
            self._taken = (now_mono, now_at)
        return Taken(changes=tuple(changes), settled=not self._doubted)

    def take_outlet(self, row: OutletRow, explained_by: str | None, now_mono: float, now_at: float) -> Taken:
        """Take one outlet's page; one that a command of ours explains is believed at once."""
        changes: list[OutletChange] = []
        if explained_by is None and row not in (self._rows.get(row.number), self._doubted.get(row.number)):
            self._doubted[row.number] = row
        else:
            self._doubted.pop(row.number, None)
            changes = self._believe(row, explained_by, now_mono, now_at)
        return Taken(changes=tuple(changes), settled=not self._doubted)

    def take_identity(self, identity: Identity) -> None:
        """Take an identity: what was not known is believed, what contradicts only when it is read twice.

        Other programs key their history on the serial number: one bad byte must not make another device.
        """
        merged = _merge(self._identity, identity)
        if _contradicts(self._identity, identity) and identity != self._identity_doubted:
            self._identity_doubted = identity
            return
        self._identity_doubted = None
        self._identity = merged

    def take_load(self, load: LoadReading) -> None:
        """Take the loads."""
        self._load = load

    def take_config(self, config: ConfigReading) -> None:
        """Take the delays of the outlets, also of those whose list waits for a second one that says the same."""
        for told in config.outlets:
            self._delays[told.number] = {
                "on_delay_s": told.on_delay_s,
                "off_delay_s": told.off_delay_s,
                "reboot_duration_s": told.reboot_duration_s,
            }
            self._set_delays(told.number)

    def take_setting(self, setting: Setting, number: int | None, value: str | int | None) -> None:
        """Take a setting that the console has confirmed: what comes next is held against it."""
        if setting is Setting.PDU_NAME:
            self._identity = dataclasses.replace(self._identity, name=str(value))
        if setting is Setting.NAME and number in self._outlets:
            self._rename(number, str(value).strip())
        field = _OF_SETTING.get(setting)
        if number is not None and field is not None:
            self._delays.setdefault(number, {})[field] = int(value or 0)
            self._set_delays(number)

    def _rename(self, number: int, label: str) -> None:
        name = self._names.get(number)
        self._rows[number] = dataclasses.replace(self._rows[number], name=label)
        self._outlets[number] = dataclasses.replace(
            self._outlets[number], name=name or label, own_label=label if name else None
        )

    def _set_delays(self, number: int) -> None:
        if number in self._outlets:
            delays = self._delays.get(number, {})
            self._outlets[number] = dataclasses.replace(self._outlets[number], **delays)  # type: ignore[arg-type]  # ints

    def build(
        self, nmc: Nmc, pending: tuple[PendingCommand, ...], held: tuple[PendingCommand, ...] = ()
    ) -> PduSnapshot | None:
        """Build the next snapshot, or None before the first list was believed whole.

        ``pending`` rests in the NMC's memory; what the bridge has ``held`` looks the same to everybody.
        """
        if self._taken is None:
            return None
        self._seq += 1
        taken_mono, taken_at = self._taken
        load = self._load
        waiting = {one.outlet for one in held}
        return PduSnapshot(
            pdu=self._pdu,
            seq=self._seq,
            taken_at=taken_at,
            taken_mono=taken_mono,
            dialect=self._dialect,
            identity=self._identity,
            nmc=nmc,
            outlets=tuple(dataclasses.replace(o, pending=True) if o.number in waiting else o for o in self.outlets),
            phases=_phases(load) if load else (),
            banks=load.banks if load else (),
            watts=load.watts if load else None,
            volt_amperes=load.volt_amperes if load else None,
            pending=(*pending, *held),
        )

    def _believe(self, row: OutletRow, explained_by: str | None, now_mono: float, now_at: float) -> list[OutletChange]:
        """Make a row what is believed of its outlet; return the change of state, if it is one."""
        before = self._outlets.get(row.number)
        changed = before is not None and before.state is not row.state
        name = self._names.get(row.number)
        self._rows[row.number] = row
        self._outlets[row.number] = Outlet(
            number=row.number,
            name=name or row.name,
            own_label=row.name if name else None,
            state=row.state,
            pending=row.pending,
            read_at=now_at,
            read_mono=now_mono,
            changed_at=now_at if changed else (before.changed_at if before else None),
        )
        self._set_delays(row.number)
        if not changed:
            return []
        return [OutletChange(number=row.number, name=name or row.name, state=row.state, explained_by=explained_by)]


def _phases(load: LoadReading) -> tuple[Load, ...]:
    """Return the loads per phase; a unit that prints no phase but a total has one phase, and the total is its load."""
    if load.phases or load.total_deciamps is None:
        return load.phases
    return (Load(index=1, deciamps=load.total_deciamps),)


def _merge(old: Identity, new: Identity) -> Identity:
    """Keep what only one of the two knows; prefer the new where both do."""
    told = {f.name: value for f in dataclasses.fields(new) if (value := getattr(new, f.name)) is not None}
    return dataclasses.replace(old, **told)


def _contradicts(old: Identity, new: Identity) -> bool:
    """Tell whether the two name different values for the same field."""
    return any(
        None not in (getattr(old, f.name), getattr(new, f.name)) and getattr(old, f.name) != getattr(new, f.name)
        for f in dataclasses.fields(old)
    )
