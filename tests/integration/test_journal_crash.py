"""kill -9 at any moment neither loses nor doubles the report of a restart, and the journal stays whole."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from apcbridge.journal import JournalReader
from tests.integration.journal_victim import PERIOD_S

KILLS = 10
"""``python -m tests.soak.journal`` kills 200 times."""
ROOT = Path(__file__).resolve().parents[2]


def run_and_kill(journal: Path, told: Path, now: float, lines: int) -> float:
    """Let the victim print so many lines and kill it where it stands; return the simulated time it had reached."""
    command = [sys.executable, "-m", "tests.integration.journal_victim", str(journal), str(told), str(now)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "ready\n"
        for _ in range(lines):
            now = float(victim.stdout.readline().split()[1])
        victim.send_signal(signal.SIGKILL)
        for line in victim.stdout:
            if line.startswith("now ") and line.endswith("\n"):
                now = float(line.split()[1])
    assert victim.returncode == -signal.SIGKILL
    return now


def crash(directory: Path, kills: int) -> tuple[int, int]:
    """Kill that many times and judge what is left; return how many restarts were kept and how many told twice."""
    rng = random.Random(7920)
    journal, told = directory / "journal.sqlite", directory / "told"
    now = 90.0
    for _ in range(kills):
        # A line more may have been on its way when the kill came; time must not run backwards, as it never does.
        now = run_and_kill(journal, told, now, lines=rng.randrange(0, 60)) + 1

    reader = JournalReader(journal)
    kept = reader.reboots("pdu1", limit=100_000)
    times = [reboot.at for reboot in kept]
    # The card restarted once per period: a lost report would leave a gap of two, a doubled one a gap of none.
    assert {round((b - a) / PERIOD_S) for a, b in pairwise(times)} == {1}
    assert len({reboot.id for reboot in kept}) == len(kept)
    assert {event.id for event in reader.events(limit=100_000)} == {reboot.id for reboot in kept}

    lines = told.read_text().splitlines()
    told_ids = {line.split()[0] for line in lines}
    untold = {reboot.id for reboot in kept} - told_ids
    assert told_ids <= {reboot.id for reboot in kept}
    # Only the very last one may still be waiting to be told at a start that never came.
    assert untold <= {kept[-1].id}
    # Told again only where the kill fell between telling and noting it: at most once per kill.
    assert len(lines) - len(told_ids) <= kills

    with closing(sqlite3.connect(journal)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return len(kept), len(lines) - len(told_ids)


def test_every_restart_is_told_and_kept_once_whatever_is_killed(tmp_path: Path) -> None:
    restarts, _ = crash(tmp_path, KILLS)
    assert restarts > KILLS / 2
