"""Whoever stops moving is named; whoever moves is left alone."""

from __future__ import annotations

import pytest

from apcbridge.health import Progress


def test_nobody_is_overdue_within_the_bound() -> None:
    progress = Progress()
    progress.register("pdu pdu1", 30, now_mono=100)
    assert progress.overdue(130) == ()


def test_the_longest_silent_is_named_first() -> None:
    progress = Progress()
    for name, bound_s in (("pdu pdu1", 30.0), ("mqtt", 10.0), ("snmp", 10.0)):
        progress.register(name, bound_s, now_mono=0)
    progress.beat("snmp", 25)
    progress.beat("mqtt", 5)
    assert progress.overdue(31) == ("pdu pdu1", "mqtt")
    assert progress.silence_s("mqtt", 31) == 26


def test_a_beat_brings_a_part_back() -> None:
    progress = Progress()
    progress.register("mqtt", 10, now_mono=0)
    assert progress.overdue(11) == ("mqtt",)
    progress.beat("mqtt", 11)
    assert progress.overdue(12) == ()


def test_a_late_report_of_an_old_beat_makes_nobody_older() -> None:
    progress = Progress()
    progress.register("mqtt", 10, now_mono=0)
    progress.beat("mqtt", 20)
    progress.beat("mqtt", 3)
    assert progress.overdue(25) == ()


def test_a_part_that_ended_is_not_waited_for() -> None:
    progress = Progress()
    progress.register("mqtt", 10, now_mono=0)
    progress.remove("mqtt")
    assert progress.overdue(1000) == ()


def test_an_unknown_part_and_an_impossible_bound_are_defects() -> None:
    progress = Progress()
    with pytest.raises(KeyError):
        progress.beat("nobody", 0)
    with pytest.raises(ValueError, match="mqtt"):
        progress.register("mqtt", 0, now_mono=0)
