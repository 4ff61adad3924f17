"""One address of the agent: from a datagram to its answer. No socket, time as an argument."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge.snmp import ber
from apcbridge.snmp.access import Communities, Users
from apcbridge.snmp.ber import PduType, Version
from apcbridge.snmp.guard import Guard, Verdict
from apcbridge.snmp.writes import Asker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apcbridge.clock import Clock
    from apcbridge.limits import LogBudget
    from apcbridge.snmp.desk import Desk
    from apcbridge.snmp.settings import Access, SnmpSettings, User
    from apcbridge.snmp.system import AgentCounters
    from apcbridge.snmp.usm import Keys
    from apcbridge.snmp.v3 import UserEngine

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a datagram came from, and when."""

    host: str
    port: int
    now_mono: float


class Listener:
    """Guard, communities, users and the desks behind them."""

    def __init__(
        self,
        settings: SnmpSettings,
        desks: Iterable[Desk],
        counters: AgentCounters,
        clock: Clock,
        on_stranger: Callable[[str, float], None],
        engine: UserEngine | None,
        drop_lines: LogBudget,
    ) -> None:
        """Serve the desks; without an engine there is no version 3. ``on_stranger(pdu, now)`` hears of bad names."""
        self._desks = {desk.pdu: desk for desk in desks}
        self._own = next(iter(self._desks.values()))
        self._communities = Communities(settings.communities, self._desks)
        self._engine = engine
        self._users = Users(settings.users, engine.engine_id) if engine else None
        versions = {Version.V1, Version.V2C, *((Version.V3,) if engine else ())}
        sources = [network for community in settings.communities for network in community.sources]
        sources += [network for user in settings.users for network in user.sources]
        self._guard = Guard(sources, settings.limits, versions=frozenset(versions))
        self._counters = counters
        self._clock = clock
        self._on_stranger = on_stranger
        self._decoder = ber.Decoder()
        self._drop_lines = drop_lines

    def now_mono(self) -> float:
        """Return the time that a turn's answers are judged by."""
        return self._clock.monotonic()

    def answer(self, data: bytes, host: str, port: int, now_mono: float) -> bytes | None:
        """Return the answer to a datagram, or None: it was dropped, counted and perhaps logged."""
        counters = self._counters
        counters.in_packets += 1
        verdict = self._guard.judge(data, host, now_mono)
        try:
            if verdict is Verdict.COMMUNITY:
                answer = self._answer_community(self._decoder.decode(data), host, port, now_mono)
            elif verdict is Verdict.USER and self._engine is not None:
                answer = self._engine.answer(data, now_mono, _Visit(self, Source(host, port, now_mono)))
            else:
                self._drop(verdict, host, now_mono)
                return None
        except ber.MalformedMessage as fault:
            counters.parse_errors += 1
            self._log_drop(f"malformed: {fault}", host, now_mono)
            return None
        if answer is not None:
            counters.out_packets += 1
        return answer

    def _answer_community(self, request: ber.Message, host: str, port: int, now_mono: float) -> bytes | None:
        grant = self._communities.find(request.community, host)
        if grant is None:
            self.stranger("unknown community", host, now_mono)
            return None
        desk = self._own if grant.pdu is None else self._desks[grant.pdu]
        if request.pdu_type == PduType.SET:
            return self._write(desk, request, grant.access, grant.principal, Source(host, port, now_mono))
        self._count_read(request)
        return desk.read(request, now_mono)

    def answer_user(self, request: ber.Message, user: User, context: str, source: Source) -> bytes | None:
        """Answer the request of a user who has proven to be one; None if there is no such context."""
        desk = self._desks.get(context) if context else self._own
        if desk is None:
            return None
        if request.pdu_type == PduType.SET:
            return self._write(desk, request, user.access, user.name, source)
        self._count_read(request)
        return desk.read(request, source.now_mono)

    def find_user(self, name: bytes, source: Source) -> tuple[User, Keys] | None:
        """Return a user who may come from there."""
        found = self._users.find(name, source.host) if self._users else None
        if found is None and name:
            # An empty name is how managers ask for our engine id.
            self.stranger("unknown user", source.host, source.now_mono)
        return found

    def stranger(self, what: str, host: str, now_mono: float) -> None:
        """Count and report a name that is none."""
        self._counters.bad_community_names += 1
        self._log_drop(what, host, now_mono)
        self._on_stranger(self._own.pdu, now_mono)

    def _write(self, desk: Desk, request: ber.Message, access: Access, principal: str, source: Source) -> bytes:
        self._counters.sets += 1
        self._counters.set_variables += len(request.varbinds)
        asker = Asker(
            pdu=desk.pdu,
            source=f"{source.host}:{source.port}",
            principal=principal,
            request=request.request_id,
            now_at=self._clock.wall(),
            now_mono=source.now_mono,
        )
        return desk.write(request, access, asker)

    def _count_read(self, request: ber.Message) -> None:
        counters = self._counters
        counters.requested_variables += len(request.varbinds)
        if request.pdu_type == PduType.GET:
            counters.gets += 1
        else:
            counters.get_nexts += 1

    def _drop(self, verdict: Verdict, host: str, now_mono: float) -> None:
        counters = self._counters
        if verdict is Verdict.WRONG_SIZE:
            counters.wrong_size += 1
        elif verdict is Verdict.UNLISTED:
            counters.unlisted += 1
        elif verdict is Verdict.BAD_VERSION:
            counters.bad_versions += 1
        elif verdict is Verdict.OVER_RATE:
            counters.over_rate += 1
        else:
            counters.parse_errors += 1
        self._log_drop(str(verdict), host, now_mono)

    def _log_drop(self, reason: str, host: str, now_mono: float) -> None:
        swallowed = self._drop_lines.spend(now_mono)
        if swallowed is not None:
            more = f" [{swallowed} more dropped]" if swallowed else ""
            _log.warning("%s: SNMP request from %s dropped: %s%s", self._own.pdu, host, reason, more)


@dataclass(frozen=True, slots=True)
class _Visit:
    """What the engine asks about the datagram at hand."""

    listener: Listener
    source: Source

    def find(self, name: bytes) -> tuple[User, Keys] | None:
        return self.listener.find_user(name, self.source)

    def serve(self, request: ber.Message, user: User, context: str) -> bytes | None:
        return self.listener.answer_user(request, user, context, self.source)
