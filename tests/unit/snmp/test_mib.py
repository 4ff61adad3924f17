"""What is served, object by object, and when it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apcbridge.model import (
    Freshness,
    Identity,
    LinkState,
    Load,
    LoadState,
    Nmc,
    OutletState,
    Reboot,
    RebootCause,
    RestartStatistics,
)
from apcbridge.snmp import ber
from apcbridge.snmp.bridge_mib import date_and_time
from apcbridge.snmp.mib import MibContext, build_table
from apcbridge.snmp.powernet import RPDU, RPDU_COMMAND, RPDU_STATE, SPDU, SPDU_CONTROL, STATE_COLUMNS
from apcbridge.snmp.settings import PRIVATE_ROOT
from apcbridge.snmp.system import MIB_2, SYS_UP_TIME, SYSTEM, AgentCounters
from tests.unit.snmp.world import AP7900, BOOT, NOW, load, outlet, snapshot, status

if TYPE_CHECKING:
    from apcbridge.snmp.table import OidTable

E: ber.Oid = (1, 3, 6, 1, 4, 1, 318)


def table_of(shown: object = None, **context: str) -> OidTable:
    return build_table(shown or status(), MibContext(counters=AgentCounters(), **context))  # type: ignore[arg-type]


def value(table: OidTable, oid: ber.Oid, now: float = NOW) -> tuple[int, object] | None:
    """Return tag and content of a value, None if it is not known now; KeyError if there is no such row."""
    encoded = ber.encode_oid(oid)
    row = table.find(encoded)
    if row is None:
        raise KeyError(oid)
    varbind = table.varbind(row, now)
    if varbind is None:
        return None
    message = ber.message(1, b"c", ber.PduType.GET, (ber.integer(1), ber.integer(0) * 2, ber.tlv(0x30, varbind)))
    found = ber.decode(message).varbinds[0]
    assert found.oid == encoded
    content: object = found.value
    if found.tag in (ber.INTEGER, ber.GAUGE32, ber.COUNTER32, ber.TIME_TICKS):
        content = int.from_bytes(found.value, signed=True)
    elif found.tag == ber.OBJECT_IDENTIFIER:
        content = ber.decode_oid(found.value)
    elif found.tag == ber.OCTET_STRING:
        content = found.value.decode("latin-1")
    return found.tag, content


def under(table: OidTable, root: ber.Oid) -> list[ber.Oid]:
    return [oid for oid in table.oids if oid[: len(root)] == root]


def test_an_ap7900_has_the_instances_of_a_real_one() -> None:
    table = table_of()
    assert len(under(table, RPDU)) == 196
    assert len(under(table, SPDU)) == 85
    assert list(table.oids) == sorted(table.oids)


def test_tables_share_their_names() -> None:
    """Ten readings of a hundred PDUs a second must not each leave a thousand objects to the garbage collector."""
    first, second = table_of().oids, table_of(status(snapshot(outlets=24))).oids
    shared = set(map(id, first)) & set(map(id, second))
    assert len(shared) == len(set(first) & set(second)) > 300


@pytest.mark.parametrize(
    ("oid", "tag", "content"),
    [
        ((*SYSTEM, 2, 0), ber.OBJECT_IDENTIFIER, (*E, 1, 3, 4, 5)),
        (SYS_UP_TIME, ber.TIME_TICKS, 360000),
        ((*SYSTEM, 7, 0), ber.INTEGER, 72),
        ((*RPDU, 1, 1, 0), ber.OCTET_STRING, "RackPDU"),
        ((*RPDU, 1, 3, 0), ber.OCTET_STRING, "v3.7.4"),
        ((*RPDU, 1, 7, 0), ber.INTEGER, 12),
        ((*RPDU, 1, 8, 0), ber.INTEGER, 8),
        ((*RPDU, 1, 15, 0), ber.INTEGER, 120),
        ((*RPDU, 2, 1, 4, 0), ber.INTEGER, 0),
        ((*RPDU, 2, 3, 1, 1, 2, 1), ber.GAUGE32, 0),
        ((*RPDU, 3, 1, 1, 0), ber.INTEGER, 1),
        ((*RPDU_STATE, 3), ber.INTEGER, 1),
        ((*RPDU, 3, 5, 1, 1, 5, 3), ber.INTEGER, 2),
        ((*RPDU, 4, 1, 3, 0), ber.INTEGER, 1),
        ((*SPDU, 1, 4, 0), ber.OCTET_STRING, "AP7900"),
        ((*SPDU, 2, 1, 0), ber.INTEGER, 6),
        ((*SPDU, 2, 2, 0), ber.OCTET_STRING, "On  " * 8),
        ((*SPDU, 2, 3, 0), ber.OCTET_STRING, "No  " * 8),
        ((*SPDU, 4, 2, 1, 4, 8), ber.OCTET_STRING, "Outlet 8"),
        ((*SPDU, 5, 2, 1, 5, 1), ber.INTEGER, 5),
        ((*E, 1, 4, 2, 3, 0), ber.INTEGER, 2),
        ((*E, 1, 4, 2, 4, 1, 2, 2), ber.OCTET_STRING, "ZA0733005455"),
        ((*E, 1, 4, 2, 4, 1, 3, 1), ber.OCTET_STRING, "apc_hw02_aos_374.bin"),
        ((*E, 1, 4, 2, 4, 1, 3, 2), ber.OCTET_STRING, "apc_hw02_rpdu_374.bin"),
        ((*E, 1, 4, 2, 4, 1, 4, 1), ber.OCTET_STRING, "v3.7.4"),
        ((*E, 1, 4, 2, 4, 1, 4, 2), ber.OCTET_STRING, "v3.7.4"),
    ],
)
def test_types_and_values_are_those_of_a_real_unit(oid: ber.Oid, tag: int, content: object) -> None:
    assert value(table_of(), oid) == (tag, content)


def test_sys_descr_is_in_the_form_that_pollers_parse() -> None:
    assert value(table_of(), (*SYSTEM, 1, 0)) == (
        ber.OCTET_STRING,
        (
            "APC Web/SNMP Management Card (MB:v0.0.0 PF:v3.7.4 PN:apc_hw02_aos_374.bin AF1:v3.7.4 "
            "AN1:apc_hw02_rpdu_374.bin MN:AP7900 HR:B2 SN: ZA0733005455 MD:08/18/2007) "
        ),
    )


def test_both_trees_tell_the_same_outlets() -> None:
    shown = snapshot(outlets=4)
    outlets = (outlet(1), outlet(2, OutletState.OFF), outlet(3, OutletState.OFF, pending=True), outlet(4))
    table = table_of(status(replace(shown, outlets=outlets)))
    for column in (RPDU_STATE, RPDU_COMMAND, SPDU_CONTROL):
        assert [value(table, (*column, n)) for n in range(1, 5)] == [(2, 1), (2, 2), (2, 2), (2, 1)]
    assert value(table, (*SPDU, 2, 2, 0)) == (ber.OCTET_STRING, "On  Off Off On  ")
    assert value(table, (*SPDU, 2, 3, 0)) == (ber.OCTET_STRING, "No  No  Yes No  ")
    assert value(table, (*SPDU, 4, 2, 1, 2, 3)) == value(table, (*RPDU, 3, 5, 1, 1, 5, 3)) == (2, 1)


@given(st.floats(-5, 120), st.floats(-5, 120), st.sampled_from(LinkState))
def test_state_is_served_exactly_as_long_as_the_model_calls_it_fresh(
    list_age: float, outlet_age: float, link: LinkState
) -> None:
    shown = snapshot(outlets=2)
    read = (outlet(1, read_mono=NOW - outlet_age), outlet(2))
    current = status(replace(shown, taken_mono=NOW - list_age, outlets=read), link=link)
    table = table_of(current)
    fresh = current.outlet_freshness(1, NOW) is Freshness.FRESH
    for column in STATE_COLUMNS:
        assert (value(table, (*column, 1)) is not None) is fresh
    fresh = current.freshness(NOW) is Freshness.FRESH
    for oid in ((*SPDU, 2, 2, 0), (*RPDU, 2, 3, 1, 1, 2, 1), (*RPDU, 4, 1, 1, 0), SYS_UP_TIME):
        assert (value(table, oid) is not None) is fresh


def test_names_and_identity_outlive_freshness() -> None:
    table = table_of()
    assert value(table, (*RPDU_STATE, 1), NOW + 1000) is None
    assert value(table, (*RPDU, 3, 5, 1, 1, 2, 1), NOW + 1000) == (ber.OCTET_STRING, "Outlet 1")
    assert value(table, (*RPDU, 1, 6, 0), NOW + 1000) == (ber.OCTET_STRING, "ZA0733005455")


def test_up_time_follows_the_clock_and_is_unknown_without_a_boot_time() -> None:
    assert value(table_of(), SYS_UP_TIME, NOW + 10) == (ber.TIME_TICKS, 361000)
    assert value(table_of(status(snapshot(nmc=Nmc()))), SYS_UP_TIME) is None
    early = status(snapshot(nmc=Nmc(boot_mono=NOW + 5)))
    assert value(table_of(early), SYS_UP_TIME) == (ber.TIME_TICKS, 0)


def test_a_pdu_that_was_never_read_tells_nothing_but_admits_it() -> None:
    table = table_of(status(read=False))
    for oid in under(table, (*E, 1)):
        assert value(table, oid) is None
    assert value(table, SYS_UP_TIME) is None
    assert {oid[:-1] for oid in table.oids} >= set(STATE_COLUMNS)


def test_settings_that_no_screen_has_told_are_those_of_the_factory() -> None:
    bare = outlet(1, on_delay_s=None, off_delay_s=None, reboot_duration_s=None)
    untold = Load(index=1, deciamps=85)
    shown = replace(snapshot(outlets=1), outlets=(bare,), phases=(untold,))
    table = table_of(status(shown))
    assert [value(table, (*RPDU, 3, 4, 1, 1, column, 1)) for column in (4, 5, 6)] == [(2, 0), (2, 0), (2, 5)]
    assert [value(table, (*SPDU, 5, 2, 1, column, 1)) for column in (2, 4, 5)] == [(2, 0), (2, 0), (2, 5)]
    assert [value(table, (*RPDU, 2, 2, 1, 1, column, 1)) for column in (2, 3, 4, 5)] == [
        (2, 0),
        (2, 8),
        (2, 12),
        (2, 3),
    ]
    assert value(table, (*RPDU, 2, 3, 1, 1, 3, 1)) == (2, 3)
    unknown = table_of(status(replace(shown, identity=replace(AP7900, model="AP9999"))))
    for missing in ((*RPDU, 2, 2, 1, 1, 3, 1), (*RPDU, 2, 3, 1, 1, 3, 1), (*RPDU, 1, 7, 0)):
        with pytest.raises(KeyError):
            value(unknown, missing)


def test_a_load_that_no_screen_has_told_has_no_row() -> None:
    table = table_of(status(snapshot(phases=())))
    with pytest.raises(KeyError):
        value(table, (*RPDU, 2, 3, 1, 1, 2, 1))


def test_banked_units_have_bank_rows_behind_the_phases_and_no_phase_status() -> None:
    banks = (load(1, 31, state=LoadState.LOW), load(2, 47))
    identity = replace(AP7900, model="AP7902")
    shown = replace(snapshot(outlets=16), identity=identity, phases=(load(1, 78),), banks=banks)
    table = table_of(status(shown))
    entry = (*RPDU, 2, 3, 1, 1)
    rows = [[value(table, (*entry, column, row)) for column in range(1, 6)] for row in (1, 2, 3)]
    assert rows == [
        [(2, 1), (ber.GAUGE32, 78), (2, 1), (2, 1), (2, 0)],
        [(2, 2), (ber.GAUGE32, 31), (2, 2), (2, 0), (2, 1)],
        [(2, 3), (ber.GAUGE32, 47), (2, 1), (2, 0), (2, 2)],
    ]
    assert value(table, (*RPDU, 5, 1, 0)) == (2, 2)
    assert value(table, (*RPDU, 5, 3, 0)) == (2, 0)
    assert not under(table, (*RPDU, 5, 4))
    assert len(under(table, (*RPDU, 5, 2))) == 6
    assert value(table, (*RPDU, 2, 1, 6, 1, 3, 2)) == (2, 20)
    assert value(table, (*RPDU, 3, 6, 1, 1, 2, 1)) == (2, 1)


def test_firmware_373_differs_from_374_as_the_walks_do() -> None:
    old = table_of(status(snapshot(identity=replace(AP7900, app_version="3.7.3"))))
    assert value(old, (*RPDU, 3, 5, 1, 1, 7, 8)) == (ber.GAUGE32, 0)
    with pytest.raises(KeyError):
        value(old, (*RPDU, 1, 19, 0))
    with pytest.raises(KeyError):
        value(table_of(), (*RPDU, 3, 5, 1, 1, 7, 8))
    assert value(table_of(), (*RPDU, 1, 19, 0)) == (2, 0)


@pytest.mark.parametrize(
    ("deciamps", "state"), [(0, 2), (9, 2), (10, 1), (79, 1), (80, 3), (119, 3), (120, 4), (400, 4)]
)
def test_a_load_without_a_judgement_is_judged_by_its_thresholds(deciamps: int, state: int) -> None:
    phase = load(1, deciamps, state=LoadState.UNKNOWN, low_a=1)
    table = table_of(status(snapshot(phases=(phase,))))
    assert value(table, (*RPDU, 2, 3, 1, 1, 3, 1)) == (2, state)


def test_watts_are_computed_like_the_unit_does_unless_the_console_tells() -> None:
    computed = table_of(status(snapshot(phases=(load(1, 25),))))
    assert value(computed, (*RPDU, 1, 16, 0)) == (2, 300)
    told = table_of(status(snapshot(phases=(load(1, 25),), watts=280, volt_amperes=310)))
    assert value(told, (*RPDU, 1, 16, 0)) == (2, 280)
    assert value(told, (*RPDU, 1, 18, 0)) == (2, 310)


@pytest.mark.parametrize(
    ("model", "volts", "watts"),
    [("AP7930", 120, 300), ("AP7930J", 100, 250), ("AP7902B", 120, 300), ("XY79J", -1, None)],
)
def test_the_watts_of_a_japanese_unit_are_those_of_its_100_volts(model: str, volts: int, watts: int | None) -> None:
    shown = snapshot(identity=replace(AP7900, model=model), phases=(load(1, 25),))
    table = table_of(status(shown))
    assert value(table, (*RPDU, 1, 15, 0)) == (2, volts)
    assert ((*RPDU, 1, 16, 0) in table.oids) == (watts is not None)
    if watts is not None:
        assert value(table, (*RPDU, 1, 16, 0)) == (2, watts)


def test_a_three_phase_unit_tells_its_voltage_and_no_rating_that_nobody_knows() -> None:
    phases = tuple(load(n, low_a=None, near_overload_a=None, overload_a=None) for n in (1, 2, 3))
    table = table_of(status(snapshot(identity=replace(AP7900, model="AP7960"), phases=phases)))
    assert value(table, (*RPDU, 1, 15, 0)) == (2, 208)
    assert (*RPDU, 1, 7, 0) not in table.oids


def test_an_unknown_model_and_an_odd_address_are_served_plainly() -> None:
    identity = Identity(model="XY1", app_version="beta", mac_address="not one")
    table = table_of(status(snapshot(identity=identity)))
    assert value(table, (*RPDU, 1, 15, 0)) == (2, -1)
    assert value(table, (*RPDU, 1, 7, 0)) == (2, 12)
    assert value(table, (1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 2)) == (ber.OCTET_STRING, "")


def test_configured_texts_win_over_the_banner() -> None:
    table = table_of(None, contact="noc", location="")
    assert value(table, (*SYSTEM, 4, 0)) == (ber.OCTET_STRING, "noc")
    assert value(table, (*SYSTEM, 6, 0)) == (ber.OCTET_STRING, "")
    assert value(table_of(), (*SYSTEM, 6, 0)) == (ber.OCTET_STRING, "Rack 7")


def test_the_bridges_own_module_tells_how_old_the_reading_is() -> None:
    table, root = table_of(), PRIVATE_ROOT
    assert value(table, (*root, 1, 1, 1, 0)) == (ber.OCTET_STRING, "pdu1")
    ages = [value(table, (*root, 1, 1, 2, 0), NOW + age) for age in (0.0, 12.7, 100.0)]
    assert ages == [(2, 0), (2, 12), (2, 100)]
    freshness = [value(table, (*root, 1, 1, 3, 0), NOW + age) for age in (0.0, 30.0, 50.0)]
    assert freshness == [(2, 1), (2, 2), (2, 3)]
    unread = table_of(status(read=False))
    assert value(unread, (*root, 1, 1, 2, 0)) == (2, -1)
    assert value(unread, (*root, 1, 1, 3, 0)) == (2, 3)


def test_the_bridges_own_module_tells_of_restarts() -> None:
    reboot = Reboot(
        id="r", at=1_700_000_000.5, cause=RebootCause.WATCHDOG, evidence=("up time went back",), noticed_at=1.0
    )
    nmc = Nmc(
        boot_at=1_700_000_000.5,
        boot_mono=BOOT,
        reboot_count=7,
        watchdog_reboot_count=5,
        reboots_by_cause={RebootCause.WATCHDOG: 5, RebootCause.POWER: 2},
        last_reboot=reboot,
        interval_s=570.0,
        jitter_s=4.2,
        next_expected_error_s=60.0,
        day=RestartStatistics(count=3),
        week=RestartStatistics(count=6),
        diagnosis="no gateway: set one",
        watchdog=True,
    )
    table = table_of(status(snapshot(nmc=nmc)))
    group = (*PRIVATE_ROOT, 1, 3)
    shown = [value(table, (*group, scalar, 0)) for scalar in (2, 3, 5, 6, 7, 9, 11, 12, 13, 14, 15)]
    assert shown == [
        (ber.COUNTER32, 7),
        (ber.COUNTER32, 5),
        (2, 1),
        (ber.OCTET_STRING, "up time went back"),
        (ber.GAUGE32, 570),
        (2, 1),
        (ber.GAUGE32, 4),
        (ber.GAUGE32, 60),
        (ber.GAUGE32, 3),
        (ber.GAUGE32, 6),
        (ber.OCTET_STRING, "no gateway: set one"),
    ]
    assert [value(table, (*group, 10, 1, 2, cause)) for cause in (1, 2, 3, 4)] == [
        (ber.COUNTER32, count) for count in (5, 2, 0, 0)
    ]
    assert date_and_time(1_700_000_000.5) == ber.octets(bytes((7, 231, 11, 14, 22, 13, 20, 5)) + b"+\x00\x00")
    assert date_and_time(None) == ber.octets(bytes(8))


def test_the_root_of_the_bridges_own_module_can_be_moved() -> None:
    context = MibContext(counters=AgentCounters(), private_root=(1, 3, 6, 1, 4, 1, 55555))
    table = build_table(status(), context)
    assert len(under(table, (1, 3, 6, 1, 4, 1, 55555))) > 20
    assert not under(table, PRIVATE_ROOT)


def test_no_secret_stands_where_a_card_shows_them() -> None:
    table = table_of()
    assert value(table, (*E, 2, 4, 2, 3, 3, 0)) == (ber.OCTET_STRING, "***")
    for receiver in range(1, 5):
        assert value(table, (*E, 2, 1, 2, 1, 3, receiver)) == (ber.OCTET_STRING, "***")


S, N, G, A, T, C, D = (
    ber.OCTET_STRING,
    ber.INTEGER,
    ber.GAUGE32,
    ber.IP_ADDRESS,
    ber.TIME_TICKS,
    ber.COUNTER32,
    ber.OBJECT_IDENTIFIER,
)
WALK: dict[ber.Oid, tuple[int, ...]] = {
    # branch -> types of its scalars or columns 1, 2, ...; 0 where there is none. Walk of an AP7900 with firmware 3.7.4.
    (*RPDU, 1): (S, S, S, S, S, S, N, N, N, N, N, N, N, N, N, N, N, N, N),
    (*RPDU, 2, 1): (N, N, N, N, N, 0, N),
    (*RPDU, 3, 1): (N, N, N, N, N),
    (*RPDU, 3, 4): (0, N),
    (*RPDU, 4, 1): (N, N, N),
    (*RPDU, 5): (N, 0, N, 0, N),
    (*SPDU, 1): (S, S, S, S, S),
    (*SPDU, 2): (N, S, S),
    (*SPDU, 3): (N, N, S),
    (*SPDU, 4): (N,),
    (*SPDU, 5): (N,),
    SYSTEM: (S, D, T, S, S, S, N, T),
    (*MIB_2, 2): (N,),
    (*MIB_2, 11): (*[C] * 6, 0, *[C] * 15, 0, *[C] * 6, N, C, C),
    (*E, 2, 1): (N, 0, N, A, N),
    (*E, 2, 1, 6): (S, S),
    (*E, 2, 2): (N,),
    (*E, 2, 3): (N, A, S, G, T, N, N, A, A, S, S, G, G, T, T),
    (*E, 2, 4, 1): (N,),
    (*E, 2, 4, 2, 1): (S,),
    (*E, 2, 4, 2, 2): (S,),
    (*E, 2, 4, 2, 3): (S, S, S),
    (*E, 2, 4, 3): (N,),
}
TABLES: dict[ber.Oid, tuple[int, tuple[int, ...]]] = {
    # entry -> rows, types of its columns.
    (*RPDU, 2, 2, 1, 1): (1, (N, N, N, N, N)),
    (*RPDU, 2, 3, 1, 1): (1, (N, G, N, N, N)),
    (*RPDU, 3, 2, 1, 1): (1, (N, N)),
    (*RPDU, 3, 3, 1, 1): (8, (N, S, N, N, N)),
    (*RPDU, 3, 4, 1, 1): (8, (N, S, N, N, N, N, N)),
    (*RPDU, 3, 5, 1, 1): (8, (N, S, N, N, N, N)),
    (*RPDU, 5, 4, 1): (1, (N, N, N)),
    (*SPDU, 4, 2, 1): (8, (N, N, N, S)),
    (*SPDU, 5, 2, 1): (8, (N, N, S, N, N)),
    (*SYSTEM, 9, 1): (5, (0, D, S, T)),
    (*MIB_2, 2, 2, 1): (2, (N, S, N, N, G, S, N, N, T, *[C] * 11, G, D)),
    (*E, 1, 4, 2, 4, 1): (2, (N, S, S, S)),
    (*E, 2, 1, 2, 1): (4, (N, A, S, N, N, N)),
}


def test_a_walk_is_that_of_a_real_unit_object_for_object_and_type_for_type() -> None:
    real = {(*branch, at, 0): tag for branch, tags in WALK.items() for at, tag in enumerate(tags, start=1) if tag}
    for entry, (rows, tags) in TABLES.items():
        real |= {(*entry, at, row): tag for at, tag in enumerate(tags, start=1) if tag for row in range(1, rows + 1)}
    real[(*E, 1, 4, 2, 3, 0)] = N
    table = table_of()
    served = {}
    for oid in (*under(table, MIB_2), *under(table, E)):
        shown = value(table, oid)
        assert shown is not None
        served[oid] = shown[0]
    assert served == real
