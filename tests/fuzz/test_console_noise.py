"""However bad the line, no false state is ever believed: a session reads, the daemon's rule of two readings believes.

``APCBRIDGE_FUZZ=full`` prints a million screens; ``APCBRIDGE_FUZZ_SEED`` repeats a run.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.fuzz.noisy_lists import run_share, total

FULL = os.environ.get("APCBRIDGE_FUZZ") == "full"
SCREENS = 1_000_000 if FULL else 8_000
SHARES = 40 if FULL else 1


@pytest.mark.timeout(3 * 3600 if FULL else 120)
def test_no_false_state_is_believed_on_a_noisy_line(capsys: pytest.CaptureFixture[str]) -> None:
    seed = os.environ.get("APCBRIDGE_FUZZ_SEED") or str(random.SystemRandom().randrange(1, 2**32))
    shares = [(f"{seed}/{number}", SCREENS // SHARES) for number in range(SHARES)]
    begun = time.monotonic()
    if FULL:
        workers = max(1, (os.cpu_count() or 2) - 1)
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            tallies = list(pool.map(run_share, shares))
    else:
        tallies = [run_share(share) for share in shares]
    found = total(tallies)
    with capsys.disabled():
        if FULL:
            print(f"\nseed {seed}, {time.monotonic() - begun:.0f} s: {dict(found)}")
    assert all(each.believed for tally in tallies for each in tally.values()), "nothing comes through"
    assert found["false_states"] == 0, f"seed {seed}: {found}"
    assert found["false_names"] <= max(1, found["believed"] // 100_000), f"seed {seed}: {found}"
