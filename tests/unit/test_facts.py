"""What MQTT and HTTP say alike; their own tests show the whole documents."""

from __future__ import annotations

import pytest

from apcbridge.facts import clean, encode, load_facts, outlet_facts, outlet_name, timestamp
from apcbridge.model import Load, LoadState, PendingCommand, Policy

from .web.world import outlet, snapshot

PHASES = (Load(index=1, deciamps=10), Load(index=2, deciamps=20))
BANKS = (Load(index=1, deciamps=10), Load(index=2, deciamps=25))


@pytest.mark.parametrize(
    ("phases", "banks", "total"),
    [(PHASES, (), None), (PHASES[:1], (), 1.0), (PHASES[:1], BANKS, 1.0), ((), BANKS, 3.5), ((), (), None)],
)
def test_currents_of_several_phases_make_no_total(
    phases: tuple[Load, ...], banks: tuple[Load, ...], total: float | None
) -> None:
    assert load_facts(snapshot(phases=phases, banks=banks))["amperes"] == total


def test_the_worst_part_is_the_state_of_the_whole() -> None:
    banks = (Load(index=1, deciamps=1, state=LoadState.LOW), Load(index=2, deciamps=150, state=LoadState.OVERLOAD))
    assert load_facts(snapshot(banks=banks))["state"] == "overload"
    assert load_facts(snapshot(phases=(), banks=()))["state"] == "unknown"


def test_of_a_load_that_is_not_fresh_only_the_thresholds_are_told() -> None:
    load = load_facts(
        snapshot(phases=(Load(index=1, deciamps=63, state=LoadState.NORMAL, overload_a=16),)), fresh=False
    )
    assert {name: load[name] for name in ("amperes", "watts", "state")} == {
        "amperes": None,
        "watts": None,
        "state": "unknown",
    }
    assert load["phases"] == [
        {"index": 1, "amperes": None, "state": "unknown", "low": None, "near_overload": None, "overload": 16}
    ]


@pytest.mark.parametrize(
    ("fresh", "told"),
    [(True, ("ON", True, "DELAYED_OFF")), (False, (None, None, None))],
)
def test_of_an_outlet_that_is_not_fresh_neither_state_nor_pending_is_told(
    fresh: bool, told: tuple[object, ...]
) -> None:
    resting = (PendingCommand(outlet=1, action="DELAYED_OFF", command_id="c", since_at=0.0),)
    facts = outlet_facts(outlet(1), resting, Policy.NORMAL, None, fresh=fresh)
    assert (facts["state"], facts["pending"], facts["pending_command"]) == told


def test_a_name_that_shows_nothing_is_the_number() -> None:
    assert outlet_name(outlet(2, name="\x07 ")) == "Outlet 2"


def test_times_are_utc() -> None:
    assert timestamp(0.0) == "1970-01-01T00:00:00.000Z"


def test_texts_are_shown_clean_and_bounded() -> None:
    assert clean(" a\x07b ") == "a b"
    assert clean("x" * 64) == "x" * 64
    assert clean("x" * 65) == "x" * 63 + "…"


def test_json_survives_half_a_character() -> None:
    assert encode({"name": "\ud800"}) == b'{"name":"?"}'
