"""What is believed of readings."""

from __future__ import annotations

import pytest

from apcbridge.console.events import ConfigReading, LoadReading, OutletConfig, OutletRow
from apcbridge.model import Identity, Load, Nmc, OutletState, PduSnapshot, Setting
from apcbridge.pdu.snapshots import SnapshotBuilder, Taken

ON, OFF = OutletState.ON, OutletState.OFF


def row(number: int = 1, state: OutletState = ON, *, name: str = "nas", pending: bool = False) -> OutletRow:
    return OutletRow(number=number, name=name, state=state, pending=pending)


class Builder(SnapshotBuilder):
    """A builder fed with lists at given times."""

    def listed(self, *rows: OutletRow, at: float = 0.0) -> Taken:
        return self.take_list(rows, "d3b", at, 1000 + at)

    def snapshot(self) -> PduSnapshot | None:
        return self.build(Nmc(), ())


@pytest.fixture
def builder() -> Builder:
    builder = Builder("p", {2: "router"})
    for _ in range(2):
        builder.listed(row(1), row(2, OFF, name="Outlet 2"))
    return builder


def test_nothing_is_served_before_two_readings_agree() -> None:
    builder = Builder("p", {})
    assert not builder.listed(row()).settled
    assert builder.snapshot() is None
    assert builder.listed(row()).settled
    snapshot = builder.snapshot()
    assert snapshot is not None
    assert [(o.number, o.state) for o in snapshot.outlets] == [(1, ON)]


def test_a_single_reading_that_differs_changes_nothing(builder: Builder) -> None:
    assert not builder.listed(row(1, OFF), row(2, OFF, name="Outlet 2"), at=5).settled
    taken = builder.listed(row(1), row(2, OFF, name="Outlet 2"), at=6)
    assert taken.settled
    assert taken.changes == ()
    outlet = builder.outlet(1)
    assert outlet is not None
    assert (outlet.state, outlet.read_mono, outlet.changed_at) == (ON, 6, None)


def test_two_readings_that_differ_alike_are_a_change(builder: Builder) -> None:
    builder.listed(row(1, OFF), row(2, OFF, name="Outlet 2"), at=5)
    taken = builder.listed(row(1, OFF), row(2, OFF, name="Outlet 2"), at=6)
    assert [(c.number, c.state, c.explained_by) for c in taken.changes] == [(1, OFF, None)]
    outlet = builder.outlet(1)
    assert outlet is not None
    assert outlet.changed_at == 1006


def test_two_different_doubts_in_a_row_are_no_agreement(builder: Builder) -> None:
    builder.listed(row(1, OFF), row(2, OFF, name="Outlet 2"), at=5)
    taken = builder.listed(row(1, OFF, name="nbs"), row(2, OFF, name="Outlet 2"), at=6)
    assert not taken.settled
    outlet = builder.outlet(1)
    assert outlet is not None
    assert outlet.state is ON


def test_the_reading_keeps_its_age_while_a_row_is_in_doubt(builder: Builder) -> None:
    builder.listed(row(1, OFF), row(2, OFF, name="Outlet 2"), at=5)
    snapshot = builder.snapshot()
    assert snapshot is not None
    assert snapshot.taken_mono == 0


def test_a_page_that_a_command_explains_is_believed_at_once(builder: Builder) -> None:
    taken = builder.take_outlet(row(1, OFF), "c1", 3, 1003)
    assert [(c.state, c.explained_by) for c in taken.changes] == [(OFF, "c1")]


def test_a_page_that_nothing_explains_waits_like_a_list(builder: Builder) -> None:
    assert builder.take_outlet(row(1, OFF), None, 3, 1003).changes == ()
    assert len(builder.take_outlet(row(1, OFF), None, 4, 1004).changes) == 1


def test_the_configured_name_is_shown_and_the_pdus_label_is_kept(builder: Builder) -> None:
    outlet = builder.outlet(2)
    assert outlet is not None
    assert (outlet.name, outlet.label) == ("router", "Outlet 2")


def test_delays_told_before_a_second_list_has_agreed_are_known_once_it_has() -> None:
    builder = Builder("p", {})
    builder.listed(row())
    builder.take_config(ConfigReading(outlets=(OutletConfig(number=1, off_delay_s=240),)))
    builder.listed(row())
    builder.listed(row(1, OFF))
    builder.listed(row(1, OFF))
    outlet = builder.outlet(1)
    assert outlet is not None
    assert (outlet.state, outlet.off_delay_s) == (OFF, 240)


def test_settings_of_outlets_survive_the_next_list(builder: Builder) -> None:
    builder.take_config(ConfigReading(outlets=(OutletConfig(number=1, on_delay_s=-1, reboot_duration_s=5),)))
    builder.listed(row(1), row(2, OFF, name="Outlet 2"), at=9)
    outlet = builder.outlet(1)
    assert outlet is not None
    assert (outlet.on_delay_s, outlet.off_delay_s, outlet.reboot_duration_s) == (-1, None, 5)


def test_an_identity_grows_but_a_contradiction_needs_a_second_reading() -> None:
    builder = Builder("p", {})
    builder.take_identity(Identity(serial_number="ZA1"))
    builder.take_identity(Identity(model="AP7920"))
    assert builder.identity == Identity(serial_number="ZA1", model="AP7920")
    builder.take_identity(Identity(serial_number="ZB1"))
    assert builder.identity.serial_number == "ZA1"
    builder.take_identity(Identity(serial_number="ZB1"))
    assert builder.identity.serial_number == "ZB1"


def test_a_confirmed_setting_is_known_at_once(builder: Builder) -> None:
    builder.take_setting(Setting.ON_DELAY, 1, 30)
    builder.take_setting(Setting.PDU_NAME, None, "rack")
    outlet = builder.outlet(1)
    assert outlet is not None
    assert outlet.on_delay_s == 30
    assert builder.identity.name == "rack"


def test_a_confirmed_name_is_the_one_that_the_next_list_is_expected_to_show(builder: Builder) -> None:
    builder.take_setting(Setting.NAME, 1, "web")
    builder.take_setting(Setting.NAME, 2, "spare")
    outlets = [(outlet.name, outlet.label) for outlet in builder.outlets]
    assert outlets == [("web", "web"), ("router", "spare")]
    assert builder.listed(row(1, name="web"), row(2, OFF, name="spare")).settled
    builder.take_setting(Setting.NAME, 9, "gone")


def test_loads_reach_the_snapshot(builder: Builder) -> None:
    builder.take_load(LoadReading(phases=(Load(index=1, deciamps=14),), watts=168))
    snapshot = builder.snapshot()
    assert snapshot is not None
    assert (snapshot.phases[0].deciamps, snapshot.watts) == (14, 168)


def test_every_snapshot_has_a_number_of_its_own(builder: Builder) -> None:
    first, second = builder.snapshot(), builder.snapshot()
    assert first is not None
    assert second is not None
    assert second.seq == first.seq + 1
