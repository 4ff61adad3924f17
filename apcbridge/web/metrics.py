"""Prometheus metrics, text format 0.0.4. Pure.

Written by hand on purpose: everything here is a level of the snapshot at the moment of the scrape, with series that
come and go as readings grow stale. That is a custom collector in any client library, which would leave to the library
the escaping of three characters. The format is proved against the official parser and promtool in the tests.

A value that is not fresh has no sample: a graph shows a gap, never the past, and ``apcbridge_snapshot_age_seconds``
and ``apcbridge_link_up`` say why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apcbridge.facts import outlet_name
from apcbridge.model import Freshness, LinkState, OutletState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apcbridge.model import Load, PduSnapshot, PduStatus
    from apcbridge.web.chronicle import Count
    from apcbridge.web.settings import Health

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(slots=True)
class Family:
    """One metric with its samples."""

    name: str
    kind: str
    help: str
    samples: list[str] = field(default_factory=list)

    def add(self, value: float, **labels: str | int) -> None:
        """Add a sample."""
        text = ",".join(f'{key}="{str(label).translate(_ESCAPES)}"' for key, label in labels.items())
        self.samples.append(f"{self.name}{{{text}}} {_number(value)}" if text else f"{self.name} {_number(value)}")

    def lines(self) -> Iterable[str]:
        """Yield the family as text; nothing if there is no sample."""
        if self.samples:
            yield f"# HELP {self.name} {self.help}"
            yield f"# TYPE {self.name} {self.kind}"
            yield from self.samples


class Scrape:
    """The families of one scrape, in the order in which they are written."""

    def __init__(self) -> None:
        self.build = Family("apcbridge_build_info", "gauge", "Version of the running bridge; always 1.")
        self.healthy = Family("apcbridge_healthy", "gauge", "1 while every part of the bridge makes progress.")
        self.link = Family("apcbridge_link_up", "gauge", "1 while the console answers.")
        self.fresh = Family("apcbridge_snapshot_fresh", "gauge", "1 while the readings may be taken for current.")
        self.age = Family(
            "apcbridge_snapshot_age_seconds", "gauge", "Age of the last whole reading; absent before the first."
        )
        self.on = Family("apcbridge_outlet_on", "gauge", "1 if the outlet is on, 0 if off; absent when not fresh.")
        self.pending = Family(
            "apcbridge_outlet_pending", "gauge", "1 while a delayed command rests in the card; absent when not fresh."
        )
        self.amperes = Family("apcbridge_load_amperes", "gauge", "Measured current; absent when not fresh.")
        self.limit = Family("apcbridge_load_limit_amperes", "gauge", "Threshold configured in the PDU.")
        self.watts = Family("apcbridge_load_watts", "gauge", "Measured power of the PDU; absent when not fresh.")
        self.boot = Family(
            "apcbridge_nmc_boot_timestamp_seconds", "gauge", "When the running card started; absent when not fresh."
        )
        self.expected = Family(
            "apcbridge_nmc_next_reboot_timestamp_seconds", "gauge", "When the next restart of the card is expected."
        )
        self.watchdog = Family(
            "apcbridge_nmc_watchdog", "gauge", "1 while the restarts follow the rhythm of the card's network watchdog."
        )
        self.reboots = Family("apcbridge_nmc_reboots_total", "counter", "Restarts of the card, by cause.")
        self.commands = Family("apcbridge_commands_total", "counter", "Steps of commands since the bridge started.")

    def text(self) -> bytes:
        """Write the scrape."""
        families = [family for family in vars(self).values() if isinstance(family, Family)]
        return "".join(f"{line}\n" for family in families for line in family.lines()).encode("utf-8", "replace")


def render(
    statuses: Iterable[PduStatus], counts: Mapping[Count, int], health: Health, version: str, now_mono: float
) -> bytes:
    """Write everything there is to scrape."""
    scrape = Scrape()
    scrape.build.add(1, version=version)
    scrape.healthy.add(not health.failed)
    for status in statuses:
        _add_pdu(scrape, status, now_mono)
    for (pdu, origin, step), count in sorted(counts.items()):
        scrape.commands.add(count, pdu=pdu, origin=origin.value, status=step.value)
    return scrape.text()


def _add_pdu(scrape: Scrape, status: PduStatus, now_mono: float) -> None:
    fresh = status.freshness(now_mono) is Freshness.FRESH
    scrape.link.add(status.link.state is LinkState.UP, pdu=status.pdu)
    scrape.fresh.add(fresh, pdu=status.pdu)
    snapshot = status.snapshot
    if snapshot is None:
        return
    scrape.age.add(round(max(0.0, now_mono - snapshot.taken_mono), 3), pdu=status.pdu)
    for cause, count in sorted(snapshot.nmc.reboots_by_cause.items()):
        scrape.reboots.add(count, pdu=status.pdu, cause=cause.value)
    _add_outlets(scrape, status, snapshot, now_mono)
    _add_limits(scrape, snapshot)
    if fresh:
        _add_load(scrape, snapshot)
        _add_nmc(scrape, snapshot)


def _add_outlets(scrape: Scrape, status: PduStatus, snapshot: PduSnapshot, now_mono: float) -> None:
    resting = {pending.outlet for pending in snapshot.pending}
    for outlet in snapshot.outlets:
        if status.outlet_freshness(outlet.number, now_mono) is not Freshness.FRESH:
            continue
        name = outlet_name(outlet)
        scrape.on.add(outlet.state is OutletState.ON, pdu=status.pdu, outlet=outlet.number, name=name)
        scrape.pending.add(outlet.pending or outlet.number in resting, pdu=status.pdu, outlet=outlet.number, name=name)


def _meters(snapshot: PduSnapshot) -> Iterable[tuple[str, Load]]:
    yield from (("phase", load) for load in snapshot.phases)
    yield from (("bank", load) for load in snapshot.banks)


def _add_load(scrape: Scrape, snapshot: PduSnapshot) -> None:
    for meter, load in _meters(snapshot):
        scrape.amperes.add(load.deciamps / 10, pdu=snapshot.pdu, **{meter: load.index})
    if snapshot.watts is not None:
        scrape.watts.add(snapshot.watts, pdu=snapshot.pdu)


def _add_limits(scrape: Scrape, snapshot: PduSnapshot) -> None:
    for meter, load in _meters(snapshot):
        limits = {"low": load.low_a, "near_overload": load.near_overload_a, "overload": load.overload_a}
        for limit, amperes in limits.items():
            if amperes is not None:
                scrape.limit.add(amperes, pdu=snapshot.pdu, **{meter: load.index}, limit=limit)


def _add_nmc(scrape: Scrape, snapshot: PduSnapshot) -> None:
    nmc = snapshot.nmc
    scrape.watchdog.add(nmc.watchdog, pdu=snapshot.pdu)
    if nmc.boot_at is not None:
        scrape.boot.add(round(nmc.boot_at, 3), pdu=snapshot.pdu)
    if nmc.next_expected_at is not None:
        scrape.expected.add(round(nmc.next_expected_at, 3), pdu=snapshot.pdu)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
