"""PowerNet as a first-generation switched Rack PDU serves it: rPDU (318.1.1.12), sPDU (318.1.1.4), versions, mconfig.

Object for object the set of a real AP7900 (196 + 85 instances) and, with banks, of an AP7902. The two trees tell the
same outlets with the same numbers; the enumerations differ where the MIB does. Names as in PowerNet-MIB 4.5.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apcbridge.model import Load, LoadState, Outlet, OutletState
from apcbridge.snmp.ber import Oid, gauge, integer, text
from apcbridge.snmp.models import LOW_LOAD_A, OFF_DELAY_S, ON_DELAY_S, REBOOT_DURATION_S, ModelFacts, facts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apcbridge.model import Identity, PduSnapshot
    from apcbridge.snmp.table import TableBuilder

APC: Oid = (1, 3, 6, 1, 4, 1, 318)
RPDU: Oid = (*APC, 1, 1, 12)
SPDU: Oid = (*APC, 1, 1, 4)
MODULES: Oid = (*APC, 1, 4, 2)
"""Below ``experimental``, which no MIB describes; ``.4.1`` tells what runs on the card: AOS and application."""
SYS_OBJECT_ID: Oid = (*APC, 1, 3, 4, 5)
"""masterSwitchrPDU, the only value that sends fence_apc_snmp down its rPDU path and that NUT knows."""

RPDU_STATE: Oid = (*RPDU, 3, 5, 1, 1, 4)
RPDU_PENDING: Oid = (*RPDU, 3, 5, 1, 1, 5)
RPDU_COMMAND: Oid = (*RPDU, 3, 3, 1, 1, 4)
RPDU_ALL_COMMAND: Oid = (*RPDU, 3, 1, 1, 0)
RPDU_OUTLET_CONFIG: Oid = (*RPDU, 3, 4, 1, 1)
RPDU_NAME: Oid = (*RPDU, 1, 1, 0)
SPDU_PENDING: Oid = (*SPDU, 4, 2, 1, 2)
SPDU_CONTROL: Oid = (*SPDU, 4, 2, 1, 3)
SPDU_ALL_COMMAND: Oid = (*SPDU, 2, 1, 0)
SPDU_OUTLET_CONFIG: Oid = (*SPDU, 5, 2, 1)
SPDU_NAME: Oid = (*SPDU, 3, 3, 0)

STATE_COLUMNS = (RPDU_STATE, RPDU_PENDING, RPDU_COMMAND, SPDU_PENDING, SPDU_CONTROL)

_RPDU_NO_COMMAND = 1
_SPDU_NO_COMMAND = 6
_STATE = {OutletState.ON: 1, OutletState.OFF: 2}
_LOAD_STATE = {LoadState.NORMAL: 1, LoadState.LOW: 2, LoadState.NEAR_OVERLOAD: 3, LoadState.OVERLOAD: 4}
_ALWAYS_ALLOW_TURN_ON = 1
_OK = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A snapshot with the rule for its freshness: what the trees below are built from."""

    snapshot: PduSnapshot
    list_until: float
    """Until when what came with the outlet list is fresh."""
    outlet_until: Callable[[Outlet], float]

    @property
    def identity(self) -> Identity:
        """Return who the PDU says it is."""
        return self.snapshot.identity

    @property
    def facts(self) -> ModelFacts:
        """Return what the model implies."""
        return facts_of(self.identity.model)

    @property
    def old_firmware(self) -> bool:
        """True up to application 3.7.3, which has StatusLoad and lacks the line to neutral voltage (3.7.4: reverse)."""
        return version_key(self.identity.app_version) <= (3, 7, 3)

    @property
    def phase_count(self) -> int:
        """Return the number of phases; a console that never showed a load is taken for one phase."""
        return max(len(self.snapshot.phases), 1)

    @property
    def phases(self) -> tuple[Load, ...]:
        """Return the loads of the phases, with the factory's thresholds where the console does not tell any."""
        return tuple(_with_thresholds(load, self.facts.phase_thresholds_a) for load in self.snapshot.phases)

    @property
    def banks(self) -> tuple[Load, ...]:
        """Return the loads of the banks, likewise."""
        return tuple(_with_thresholds(load, self.facts.bank_thresholds_a) for load in self.snapshot.banks)


def _with_thresholds(load: Load, factory_a: tuple[int, int] | None) -> Load:
    if factory_a is None:
        return load
    return replace(
        load,
        low_a=LOW_LOAD_A if load.low_a is None else load.low_a,
        near_overload_a=factory_a[0] if load.near_overload_a is None else load.near_overload_a,
        overload_a=factory_a[1] if load.overload_a is None else load.overload_a,
    )


def version_key(version: str | None) -> tuple[int, ...]:
    """Return ``3.7.4`` as comparable numbers; what is not known counts as new."""
    try:
        return tuple(int(part) for part in (version or "").split("."))
    except ValueError:
        return (99,)


def add_powernet(table: TableBuilder, face: Face) -> None:
    """Serve everything below 318 that a unit which has been read serves."""
    _add_spdu(table, face)
    _add_rpdu_ident(table, face)
    _add_rpdu_load(table, face)
    _add_rpdu_outlets(table, face)
    _add_rpdu_power_supplies(table, face.list_until)
    _add_rpdu_status(table, face)
    _add_modules(table, face.identity)
    for column in STATE_COLUMNS:
        table.guard(column)


def add_unread(table: TableBuilder) -> None:
    """Serve a PDU that has not been read since we started: it has an identity and an outlet 1, and we know neither."""
    for branch in (RPDU, SPDU, MODULES):
        table.unread(branch)
    for scalar in range(1, 7):
        table.add_unknown((*RPDU, 1, scalar, 0))
    for scalar in range(1, 6):
        table.add_unknown((*SPDU, 1, scalar, 0))
    for size in (
        (*RPDU, 1, 8, 0),
        (*SPDU, 2, 2, 0),
        (*SPDU, 2, 3, 0),
        (*SPDU, 4, 1, 0),
        (*RPDU, 2, 3, 1, 1, 2, 1),
    ):
        table.add_unknown(size)
    for column in STATE_COLUMNS:
        table.unread(column)
        table.add_unknown((*column, 1))


def _add_modules(table: TableBuilder, identity: Identity) -> None:
    """Serve serial number, file and version of what runs on the card; LibreNMS reads the versions."""
    table.add((*MODULES, 3, 0), integer(2))
    for row, (part, version) in enumerate((("aos", identity.aos_version), ("rpdu", identity.app_version)), start=1):
        if version is not None:
            module = (
                integer(row),
                _string(identity.serial_number),
                text(file_name(part, version)),
                _version(version),
            )
            _add_columns(table, (*MODULES, 4, 1), row, module)


def file_name(part: str, version: str) -> str:
    """Return what the card calls a firmware file."""
    return f"apc_hw02_{part}_{version.replace('.', '')}.bin"


def _version(version: str | None) -> bytes | None:
    return None if version is None else text(f"v{version}")


def _string(value: str | None) -> bytes:
    """Encode a string; what the console never told is empty, as an NMC shows a field nobody filled in."""
    return text(value or "")


def _number(value: int | None) -> bytes | None:
    return None if value is None else integer(value)


def _add_columns(table: TableBuilder, entry: Oid, row: int, values: Iterable[bytes | None]) -> None:
    """Serve the columns 1, 2, ... of a row, all of them for ever."""
    for column, value in enumerate(values, start=1):
        table.add((*entry, column, row), value)


def _add_spdu(table: TableBuilder, face: Face) -> None:
    identity, outlets = face.identity, face.snapshot.outlets
    ident = (
        _string(identity.hardware_revision),
        _version(identity.app_version) or _string(None),
        _string(identity.manufacture_date),
        _string(identity.model),
        _string(identity.serial_number),
    )
    for scalar, value in enumerate(ident, start=1):
        table.add((*SPDU, 1, scalar, 0), value)
    table.add(SPDU_ALL_COMMAND, integer(_SPDU_NO_COMMAND))
    states = "".join("On  " if o.state is OutletState.ON else "Off " for o in outlets)
    table.add((*SPDU, 2, 2, 0), text(states), face.list_until)
    table.add((*SPDU, 2, 3, 0), text("".join("Yes " if o.pending else "No  " for o in outlets)), face.list_until)
    table.add((*SPDU, 3, 1, 0), integer(0))
    table.add((*SPDU, 3, 2, 0), integer(0))
    table.add(SPDU_NAME, _string(identity.name))
    table.add((*SPDU, 4, 1, 0), integer(len(outlets)))
    table.add((*SPDU, 5, 1, 0), integer(len(outlets)))
    for outlet in outlets:
        _add_spdu_outlet(table, outlet, face.outlet_until(outlet))


def _add_spdu_outlet(table: TableBuilder, outlet: Outlet, until: float) -> None:
    number = outlet.number
    control: Oid = (*SPDU, 4, 2, 1)
    table.add((*control, 1, number), integer(number))
    table.add((*SPDU_PENDING, number), integer(1 if outlet.pending else 2), until)
    table.add((*SPDU_CONTROL, number), integer(_STATE[outlet.state]), until)
    table.add((*control, 4, number), text(outlet.name))
    on_delay, off_delay, reboot_duration = _delays(outlet)
    config = (
        integer(number),
        on_delay,
        text(outlet.name),
        off_delay,
        reboot_duration,
    )
    _add_columns(table, SPDU_OUTLET_CONFIG, number, config)


def _delays(outlet: Outlet) -> tuple[bytes, bytes, bytes]:
    """Return power-on and power-off delay and reboot duration; the factory's where the console does not tell.

    The menus of AOS 3 show them only on each outlet's own page, but clients read them (apcmastersnmp will not work
    without a reboot duration), and every real unit has them.
    """
    return (
        integer(ON_DELAY_S if outlet.on_delay_s is None else outlet.on_delay_s),
        integer(OFF_DELAY_S if outlet.off_delay_s is None else outlet.off_delay_s),
        integer(REBOOT_DURATION_S if outlet.reboot_duration_s is None else outlet.reboot_duration_s),
    )


def _add_rpdu_ident(table: TableBuilder, face: Face) -> None:
    identity, facts, snapshot = face.identity, face.facts, face.snapshot
    banks = len(snapshot.banks)
    values: list[bytes | None] = [
        _string(identity.name),
        _string(identity.hardware_revision),
        _version(identity.app_version) or _string(None),
        _string(identity.manufacture_date),
        _string(identity.model),
        _string(identity.serial_number),
        _number(_rating_a(face)),
        integer(len(snapshot.outlets)),
        integer(face.phase_count),
        integer(banks),
        integer(facts.bank_rating_a if banks else 0),
        integer(facts.orientation),
        integer(1),
        integer(1),
        integer(facts.volts),
    ]
    for scalar, value in enumerate(values, start=1):
        table.add((*RPDU, 1, scalar, 0), value)
    table.add((*RPDU, 1, 16, 0), _number(_watts(face)), face.list_until)
    table.add((*RPDU, 1, 17, 0), integer(1000))
    volt_amperes = snapshot.volt_amperes if snapshot.volt_amperes is not None else _watts(face)
    table.add((*RPDU, 1, 18, 0), _number(volt_amperes), face.list_until)
    if not face.old_firmware:
        table.add((*RPDU, 1, 19, 0), integer(0))


def _rating_a(face: Face) -> int | None:
    """Return the amperes per phase; a unit leaves the factory with its overload threshold at its rating."""
    if face.facts.rating_a is not None or not face.snapshot.phases:
        return face.facts.rating_a
    return face.snapshot.phases[0].overload_a


def _watts(face: Face) -> int | None:
    """Return what the console said, or what a single-phase unit computes: amperes by its voltage at power factor 1."""
    snapshot = face.snapshot
    if snapshot.watts is not None or len(snapshot.phases) != 1 or face.facts.volts < 0:
        return snapshot.watts
    return snapshot.phases[0].deciamps * face.facts.volts // 10


def _add_rpdu_load(table: TableBuilder, face: Face) -> None:
    snapshot, load = face.snapshot, (*RPDU, 2)
    device: Oid = (*load, 1)
    banks, facts = len(snapshot.banks), face.facts
    scalars = (
        _number(_rating_a(face)),
        integer(face.phase_count),
        integer(facts.bank_rating_a if banks else 0),
    )
    for scalar, value in enumerate((*scalars, integer(banks), integer(banks)), start=1):
        table.add((*device, scalar, 0), value)
    table.add((*device, 7, 0), integer(0))
    for bank in face.banks:
        row = (integer(bank.index), integer(bank.index), integer(facts.bank_rating_a))
        _add_columns(table, (*device, 6, 1), bank.index, row)
        _add_load_config(table, (*load, 4, 1, 1), bank, face.list_until)
    for phase in face.phases:
        _add_load_config(table, (*load, 2, 1, 1), phase, face.list_until)
    rows = [(phase, phase.index, 0) for phase in face.phases] + [(bank, 0, bank.index) for bank in face.banks]
    for index, (measured, phase_number, bank_number) in enumerate(rows, start=1):
        entry: Oid = (*load, 3, 1, 1)
        table.add((*entry, 1, index), integer(index))
        table.add((*entry, 2, index), gauge(measured.deciamps), face.list_until)
        table.add((*entry, 3, index), _number(load_state(measured)), face.list_until)
        table.add((*entry, 4, index), integer(phase_number))
        table.add((*entry, 5, index), integer(bank_number))


def _add_load_config(table: TableBuilder, entry: Oid, load: Load, until: float) -> None:
    thresholds = (
        integer(load.index),
        _number(load.low_a),
        _number(load.near_overload_a),
        _number(load.overload_a),
    )
    _add_columns(table, entry, load.index, thresholds)
    table.add((*entry, 5, load.index), _number(load_state(load)), until)


def load_state(load: Load) -> int | None:
    """Return the PDU's judgement, or what its thresholds imply where the screen shows only amperes.

    The same numbers serve the load states (normal1 low2 near3 over4) and the alarms (none1 under2 near3 over4).
    """
    if load.state is not LoadState.UNKNOWN:
        return _LOAD_STATE[load.state]
    if load.low_a is None or load.near_overload_a is None or load.overload_a is None:
        return None
    if load.deciamps >= 10 * load.overload_a:
        return _LOAD_STATE[LoadState.OVERLOAD]
    if load.deciamps >= 10 * load.near_overload_a:
        return _LOAD_STATE[LoadState.NEAR_OVERLOAD]
    return _LOAD_STATE[LoadState.LOW if load.deciamps < 10 * load.low_a else LoadState.NORMAL]


def _add_rpdu_outlets(table: TableBuilder, face: Face) -> None:
    snapshot, base = face.snapshot, (*RPDU, 3)
    count = len(snapshot.outlets)
    table.add(RPDU_ALL_COMMAND, integer(_RPDU_NO_COMMAND))
    for scalar, value in ((2, 0), (3, count), (4, count), (5, 0)):
        table.add((*base, 1, scalar, 0), integer(value))
    for phase in range(1, face.phase_count + 1):
        _add_columns(table, (*base, 2, 1, 1), phase, (integer(phase), integer(_ALWAYS_ALLOW_TURN_ON)))
    for outlet in snapshot.outlets:
        _add_rpdu_outlet(table, face, outlet)
    table.add((*base, 4, 2, 0), integer(0))
    for bank in snapshot.banks:
        _add_columns(table, (*base, 6, 1, 1), bank.index, (integer(bank.index), integer(_ALWAYS_ALLOW_TURN_ON)))


def _add_rpdu_outlet(table: TableBuilder, face: Face, outlet: Outlet) -> None:
    number, until = outlet.number, face.outlet_until(outlet)
    index, name, bank = integer(number), text(outlet.name), integer(outlet.bank or 0)
    phase = _number(outlet.phase if outlet.phase is not None or face.phase_count > 1 else 1)
    state = integer(_STATE[outlet.state])
    control: Oid = (*RPDU, 3, 3, 1, 1)
    _add_columns(table, control, number, (index, name, phase, None, bank))
    table.add((*RPDU_COMMAND, number), state, until)
    _add_columns(table, RPDU_OUTLET_CONFIG, number, (index, name, phase, *_delays(outlet), bank))
    status: Oid = (*RPDU, 3, 5, 1, 1)
    _add_columns(table, status, number, (index, name, phase, None, None, bank))
    table.add((*RPDU_STATE, number), state, until)
    table.add((*RPDU_PENDING, number), integer(1 if outlet.pending else 2), until)
    if face.old_firmware:
        table.add((*status, 7, number), gauge(0))


def _add_rpdu_power_supplies(table: TableBuilder, until: float) -> None:
    """Real units say "ok" for both supplies, also those that have one; check_apc_pdu alarms on anything else."""
    for scalar in (1, 2, 3):
        table.add((*RPDU, 4, 1, scalar, 0), integer(_OK), until)


def _add_rpdu_status(table: TableBuilder, face: Face) -> None:
    """Banked units serve the bank table instead of the phase table (walk of an AP7902B)."""
    banks, phases = face.banks, face.phases
    shown: tuple[Load, ...] = banks or phases
    status: Oid = (*RPDU, 5)
    table.add((*status, 1, 0), integer(len(banks)))
    table.add((*status, 3, 0), integer(0 if banks else len(phases)))
    table.add((*status, 5, 0), integer(0))
    entry: Oid = (*status, 2 if banks else 4, 1)
    for load in shown:
        table.add((*entry, 1, load.index), integer(load.index))
        table.add((*entry, 2, load.index), integer(load.index))
        table.add((*entry, 3, load.index), _number(load_state(load)), face.list_until)
