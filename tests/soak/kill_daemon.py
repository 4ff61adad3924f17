"""kill -9 of ``apcbridge run`` two hundred times, then a hundred with reboots by its own clock under way.

Beside a simulated PDU on a pty, and mosquitto.

Run as ``python -m tests.soak.kill_daemon [kills] [seed] [rounds]``; stops with an AssertionError at the first broken
promise.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tests.integration import test_daemon_killed, test_held_killed

if TYPE_CHECKING:
    from collections import Counter


def main() -> None:
    """Kill and print the figures."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    print(f"seed {seed}")
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    figures = test_daemon_killed.soak(kills, seed)
    print(
        f"{figures.kills} times kill -9: {figures.restarts} restarts of the card, none lost, none doubled, "
        f"{figures.told_again} told again with the same id; {figures.carried_out} of {figures.commands} commands "
        "carried out, none twice; journal intact"
    )
    held = test_held_killed.soak(rounds, seed)
    print(
        f"{rounds} rounds ({_words(held.ends)}): {held.accepted} reboots accepted ({_words(held.results)}), "
        f"{held.switched_off} times switched off and as often on, {held.told_lost} losses told once; "
        "every result heard, no outlet left off"
    )


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))


if __name__ == "__main__":
    main()
