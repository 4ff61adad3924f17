"""A daemon that is killed at any moment: a card that restarts, a detector, a journal, a line of what it told.

``python -m tests.integration.journal_victim JOURNAL TOLD NOW``: simulated time begins at NOW and races on; every
restart is written first and appended to TOLD after. The card restarts every 600 s of that time, whoever looks.
"""

from __future__ import annotations

import sys
from pathlib import Path

from apcbridge.journal import Journal
from apcbridge.model import Event, EventType
from apcbridge.pdu.reboots import Evidence, RebootDetector, Unavailable, UpTime

PERIOD_S = 600
POLL_S = 25.0
WALL_S = 1_700_000_000.0
MACHINE = "one run of the machine"


class Racing:
    """A clock that this process itself moves on."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return WALL_S + self.now


def main() -> None:
    journal_path, told_path = Path(sys.argv[1]), Path(sys.argv[2])
    clock = Racing(float(sys.argv[3]))
    journal = Journal(journal_path, clock)
    if journal.health:
        raise SystemExit(journal.health)
    with told_path.open("a") as told:

        def tell(event: Event) -> None:
            told.write(f"{event.id} {event.at:.0f}\n")
            told.flush()
            journal.told([event.id])

        for event in journal.untold():
            tell(event)
        detector = RebootDetector("pdu1", journal.load("pdu1"), machine_boot=MACHINE)
        for kind in (Evidence.EVENT_LOG, Evidence.RESET_CAUSE):
            detector.observe(Unavailable(evidence=kind, now_mono=clock.now, now_at=clock.wall()))
        print("ready", flush=True)
        while True:
            clock.now += POLL_S
            up_s = int(clock.now % PERIOD_S // 60) * 60
            detector.observe(UpTime(seconds=up_s, asked_mono=clock.now - 1, now_mono=clock.now, now_at=clock.wall()))
            reboots = detector.settle(clock.now, clock.wall())
            events = [Event(id=one.id, pdu="pdu1", type=EventType.of_reboot(one.cause), at=one.at) for one in reboots]
            # Every write is waited for, so that a kill may fall anywhere between a commit and the telling.
            journal.record_reboots("pdu1", reboots, detector.memory(), events).result()
            for event in events:
                tell(event)
            print(f"now {clock.now}", flush=True)


if __name__ == "__main__":
    main()
