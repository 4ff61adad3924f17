"""Hours of the simulated card's watchdog before the real console code; ``tests.soak.watchdog`` runs thousands."""

from __future__ import annotations

import logging

import pytest

from tests.soak.watchdog import soak


@pytest.mark.parametrize("seed", [22, 1979])
def test_hours_of_misfortune_break_no_promise(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "apcbridge")
    tally = soak(20, seed)
    assert tally.faults == []
    assert tally.reported > 0
