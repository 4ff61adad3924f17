"""The simulator's card with its real watchdog, watched by the real console code for thousands of virtual hours.

Supervisor, session, keeper and detector are those of the daemon; the card restarts by its watchdog (570 s without
traffic, a probe of the gateway each 270 s), by power cuts, by somebody's wish and by its reset button. The gateway
dies and comes back, the daemon is killed, the line is pulled, the wall clock is set, commands come at random. The
judge is the card's own list of restarts: each that could be seen is reported once, with the right cause where there is
evidence, and nothing else is.

Run as ``python -m tests.soak.watchdog [hours] [seed]``, or ``APCBRIDGE_SOAK_HOURS=10000 make soak``; exits 1 on the
first broken promise.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from apcbridge.console.session import Access
from apcbridge.errors import CommandRefused
from apcbridge.model import Action, RebootCause
from apcbridge.pdu.reboots import EventLog, Evidence, Observation, ResetCause, UpTime
from apcbridge.pdu.settings import OnPendingLost, PduSettings, RebootBy, SessionMode
from apcbridge.sim.relays import Action as SimAction
from apcbridge.sim.relays import Effect
from apcbridge.sim.url import parse_url
from tests import soak as soaking
from tests.integration.virtual_world import TrueTime, World, leaping

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from apcbridge.model import Reboot
    from apcbridge.sim.firmware import Restart

HOUR = 3600.0
DEFAULT_HOURS = 200.0
CARD_HOURS = 40.0
NEAR_S = 200.0
"""A report is of a restart no further than this from its time; an unread up time is dated by the silence alone."""
APART_S = 180.0
"""Restarts closer to each other cannot be told apart by an up time in whole minutes."""
CERTAIN_S = 300.0
"""A restart is certain this long after it at the latest, while the line works."""
WANTED = {SimAction.DELAYED_ON: True, SimAction.DELAYED_OFF: False}
ALIVE, DEAD = "192.168.7.1", "192.168.7.254"
FACES = (
    ("AP9211", Access.AUTO),
    ("AP9225", Access.AUTO),
    ("AP7920", Access.MENU),
    ("AP7920", Access.AUTO),
    ("AP7931", Access.MENU),
    ("AP8941", Access.AUTO),
)


class Loss(NamedTuple):
    """A command that a restart took away."""

    outlet: int
    at_mono: float
    wanted: bool | None
    """Whether it was to end on, or None for a reboot."""


@dataclass(slots=True)
class Life:
    """One run of the card after a restart, as the judge knows it."""

    restart: Restart
    readings: int = 0
    """Up times that the daemon read."""
    evidence: set[Evidence] = field(default_factory=set)
    unwatched: bool = False
    """The daemon was down, or its line was, when it began."""
    reports: int = 0


@dataclass(slots=True)
class Tally(soaking.Tally):
    """What came of it all."""

    judged: int = 0
    misled: int = 0
    """Other restarts that fell on the watchdog's beat where there was nothing but the beat to go by."""
    commands: int = 0
    lost: int = 0
    kills: int = 0
    causes: Counter[str] = field(default_factory=Counter)


class Watch:
    """One card with everything that befalls it, and the judge behind it."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tally = Tally()
        model, access = rng.choice(FACES)
        boot_s = rng.uniform(5, 120)
        log = rng.choice(["on", "on", "off"])
        poll_s = rng.choice([20.0, 100.0, 120.0, 170.0, 170.0])
        session = rng.choice(list(SessionMode))
        url = f"sim://{model}?boot={boot_s:.1f}&event_log={log}&relay_lag=2&on_delay=240&off_delay=240&seed={rng.randrange(2**31)}"
        self.name = f"{url} {access} {session} poll {poll_s:.0f}"
        self.lives: list[Life] = []
        self.lost: list[Loss] = []
        self.predicted: dict[int, float] = {}
        """Number of restarts so far -> when the next was expected."""
        self.time = TrueTime()

        def settings(plain: PduSettings) -> PduSettings:
            return dataclasses.replace(
                plain,
                access=access,
                session=session,
                poll_interval_s=poll_s,
                stale_after_s=3 * poll_s,
                lost_after_s=5 * poll_s,
                reboot=rng.choice(list(RebootBy)),
                on_pending_lost=rng.choice(list(OnPendingLost)),
            )

        self.world = World(self.time, parse_url(url), settings)
        self.world.on_observation = self._observed
        self.world.on_reboot = self._judge
        self.card = self.world.pdu.firmware

    async def run(self, hours: float) -> Tally:
        """Let it all happen."""
        async with self.world:
            end = hours * HOUR
            while self.time.now < end and not self.tally.faults:
                await asyncio.sleep(self.rng.expovariate(1 / 300))
                await self._befall()
                self._note()
            self._calm_down()
            await asyncio.sleep(3 * self.world.settings.poll_interval_s + 400)
            self._note()
        self._judge_end()
        self.tally.hours = self.time.now / HOUR
        self.tally.restarts = len(self.lives)
        return self.tally

    def _calm_down(self) -> None:
        """Leave the card alone, so that the last restart can be reported."""
        self.card.watchdog = False
        self.world.cut_until = self.time.now

    # What befalls

    async def _befall(self) -> None:
        happenings: tuple[tuple[float, Callable[[], object]], ...] = (
            (0.03, self._gateway),
            (0.012, lambda: self._restart(RebootCause.POWER)),
            (0.012, lambda: self._restart(RebootCause.REQUESTED)),
            (0.006, lambda: self._restart(RebootCause.UNKNOWN)),
            (0.03, self._pull_line),
            (0.02, self._set_clock),
            (0.25, self._command),
        )
        chance = self.rng.random()
        if chance < 0.02:
            await self._kill()
            return
        chance -= 0.02
        for share, happening in happenings:
            if chance < share:
                happening()
                return
            chance -= share

    def _gateway(self) -> None:
        dead = self.card.network.gateway == DEAD
        self.card.set_network(dataclasses.replace(self.card.network, gateway=ALIVE if dead else DEAD))

    def _restart(self, cause: RebootCause) -> None:
        if self.card.is_up() and self.time.now - self._newest_mono() > APART_S + self.card.profile.boot_s:
            self.world.pdu.restart(cause)

    def _newest_mono(self) -> float:
        return self.card.restarts[-1].at_mono if self.card.restarts else float("-inf")

    def _pull_line(self) -> None:
        self.tally.line_losses += 1
        self.world.pull_line(self.rng.choice([5.0, 60.0, 300.0, 1800.0]))

    def _set_clock(self) -> None:
        self.tally.clock_jumps += 1
        self.world.clock.wall_off_s += self.rng.choice([-86400.0, 86400.0, -3600.0, 3600.0, 5.0])

    async def _kill(self) -> None:
        self.tally.kills += 1
        await self.world.kill_daemon()
        await asyncio.sleep(self.rng.choice([1.0, 30.0, 700.0, 4 * HOUR]))
        self.world.start_daemon()

    def _command(self) -> None:
        action = self.rng.choice([Action.ON, Action.OFF, Action.REBOOT, Action.DELAYED_ON, Action.DELAYED_OFF])
        try:
            self.world.submit(action, self.rng.randrange(1, self.card.profile.outlets + 1))
        except CommandRefused:
            return
        self.tally.commands += 1

    # What the judge sees

    def _note(self) -> None:
        """Take in the restarts that have happened, and what the daemon expects next."""
        for restart in self.card.restarts[len(self.lives) :]:
            self.lives.append(Life(restart))
            self.lost += self._lost_by(restart)
        nmc = self.world.detector.nmc()
        if nmc.next_expected_at is not None:
            self.predicted[len(self.lives)] = self._true(nmc.next_expected_at)

    def _lost_by(self, restart: Restart) -> set[Loss]:
        """Return what a restart lost that had not happened already."""
        lost = {
            Loss(one.outlet, one.at_mono, WANTED.get(one.command.action))
            for one in self.card.log.entries
            if one.effect is Effect.LOST and one.at_mono == restart.at_mono and one.command is not None
        }
        return {one for one in lost if one.wanted is not self.card.relays.is_on(one.outlet)}

    def _true(self, at: float) -> float:
        return self.time.now + at - self.world.clock.wall()

    def _observed(self, seen: Observation) -> None:
        self._note()
        if not self.lives or not self.card.is_up():
            return
        life = self.lives[-1]
        match seen:
            case UpTime():
                life.readings += 1
            case EventLog():
                life.evidence.add(Evidence.EVENT_LOG)
            case ResetCause():
                life.evidence.add(Evidence.RESET_CAUSE)

    def _judge(self, reboot: Reboot) -> None:
        self._note()
        self.tally.reported += 1
        happened = self._true(reboot.at)
        open_lives = [life for life in self.lives if not life.reports]
        life = min(open_lives, key=lambda one: abs(one.restart.at_mono - happened), default=None)
        if life is None or abs(life.restart.at_mono - happened) > NEAR_S:
            self._fault(f"false report {reboot} at {happened:.0f}")
            return
        life.reports += 1
        self.tally.boot_errors_s.append(abs(life.restart.at_mono - happened))
        self._judge_cause(reboot, life)
        expected = self.predicted.get(self.lives.index(life))
        if expected is not None and abs(life.restart.at_mono - expected) < 300:
            self.tally.prediction_errors_s.append(abs(life.restart.at_mono - expected))

    def _judge_cause(self, reboot: Reboot, life: Life) -> None:
        true = life.restart.cause
        self.tally.causes[f"{true} called {reboot.cause}"] += 1
        if reboot.cause is RebootCause.UNKNOWN:
            self.tally.unknown += 1
            certain = Evidence.EVENT_LOG in life.evidence and self.card.profile.quirks.event_log
            if certain and true is not RebootCause.UNKNOWN and life is self.lives[-1]:
                self._fault(f"cause not told although the log was read: {reboot}")
        elif any("rhythm" in line for line in reboot.evidence) and reboot.cause is not true:
            # Without a log nothing tells a power cut on the beat from the beat itself; the report says what it goes by.
            self.tally.misled += 1
        elif reboot.cause is not true and true is not RebootCause.UNKNOWN:
            self._fault(f"called {reboot.cause}, was {true}: {reboot}")

    def _judge_end(self) -> None:
        for life, after in zip(self.lives, [*self.lives[1:], None], strict=True):
            if life.readings < 3 or life.reports == 1:
                self.tally.judged += life.reports
                continue
            near = after is not None and after.restart.at_mono - life.restart.at_mono < APART_S
            if not near:
                self._fault(f"never reported: {life}")
        self._judge_losses()

    def _judge_losses(self) -> None:
        """Compare what restarts lost with what was reported lost, outlet by outlet."""
        lost = Counter(loss.outlet for loss in self.lost if not self._is_moot(loss))
        told = Counter(e.details["outlet"] for e in self.world.events if e.type == "pending_lost")
        self.tally.lost += sum(lost.values())
        for outlet in lost:
            if not told[outlet]:
                self._fault(f"outlet {outlet} lost {lost[outlet]} steps and nothing was told")

    def _is_moot(self, loss: Loss) -> bool:
        """Tell whether nobody needed to hear of a loss when it was certain.

        The card had taken another command by then, or the outlet was as wanted by itself: when the power comes back.
        """
        moot = {Effect.ACCEPTED, {True: Effect.RELAY_ON, False: Effect.RELAY_OFF, None: Effect.ACCEPTED}[loss.wanted]}
        return any(
            one.effect in moot and one.outlet == loss.outlet and 0 < one.at_mono - loss.at_mono < CERTAIN_S
            for one in self.card.log.entries
        )

    def _fault(self, text: str) -> None:
        self.tally.faults.append(f"{text}; now {self.time.now:.0f}; {self.name}")


def soak(hours: float, seed: int) -> Tally:
    """Watch card after card until that many hours have passed; stop at the first fault."""

    def watched(rng: random.Random) -> Tally:
        watch = Watch(rng)
        return leaping(watch.time, watch.run(min(CARD_HOURS, hours)))

    return soaking.card_after_card(Tally(), hours, seed, watched)


def figures(tally: Tally) -> Iterator[str]:
    """Say what came of it."""
    yield (
        f"{tally.kills} daemons killed, {tally.clock_jumps} clock jumps, {tally.line_losses} line losses, "
        f"{tally.commands} commands, {tally.lost} steps lost by restarts"
    )
    yield f"{tally.restarts} NMC restarts, {tally.reported} reported, {tally.unknown} of unknown cause"
    yield f"{tally.misled} other restarts taken for the watchdog's because they fell on its beat"
    yield f"causes: {', '.join(f'{words} {count}' for words, count in sorted(tally.causes.items()))}"


def main() -> int:
    """Run and print the figures."""
    logging.disable(logging.CRITICAL)
    return soaking.run(float(os.environ.get("APCBRIDGE_SOAK_HOURS", DEFAULT_HOURS)), soak, figures)


if __name__ == "__main__":
    raise SystemExit(main())
