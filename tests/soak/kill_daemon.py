"""kill -9 of ``apcbridge run`` two hundred times, beside a simulated PDU on a pty and mosquitto.

Run as ``python -m tests.soak.kill_daemon [kills] [seed]``; stops with an AssertionError at the first broken promise.
"""

from __future__ import annotations

import sys
import time

from tests.integration.test_daemon_killed import soak


def main() -> None:
    """Kill and print the figures."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    print(f"seed {seed}")
    figures = soak(kills, seed)
    print(
        f"{figures.kills} times kill -9: {figures.restarts} restarts of the card, none lost, none doubled, "
        f"{figures.told_again} told again with the same id; {figures.carried_out} of {figures.commands} commands "
        "carried out, none twice; journal intact"
    )


if __name__ == "__main__":
    main()
