"""What Prometheus scrapes, read back by its own parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from apcbridge.commands import Origin, ResultStatus
from apcbridge.model import Link, LinkState, Load, PduStatus
from apcbridge.web.metrics import render
from apcbridge.web.settings import Health
from tests.unit.web.world import LOST_AFTER_S, NOW_AT, NOW_MONO, STALE_AFTER_S, outlet, snapshot, status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apcbridge.web.chronicle import Count

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(
    statuses: Iterable[PduStatus],
    age_s: float = 0,
    counts: Mapping[Count, int] | None = None,
    health: Health | None = None,
) -> Samples:
    text = render(statuses, counts or {}, health or Health(), "1.2.3", NOW_MONO + age_s).decode()
    assert text.endswith("\n")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(metric: str, /, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"apcbridge_{metric}", frozenset(labels.items())


def names(samples: Samples) -> set[str]:
    return {name.removeprefix("apcbridge_") for name, _ in samples}


def test_a_fresh_pdu_has_every_value() -> None:
    samples = scrape([status(snapshot())], age_s=2.5)
    assert samples[key("outlet_on", pdu="p", outlet="1", name="nas")] == 1
    assert samples[key("outlet_on", pdu="p", outlet="2", name="router")] == 0
    assert samples[key("load_amperes", pdu="p", phase="1")] == 6.3
    assert samples[key("load_limit_amperes", pdu="p", phase="1", limit="overload")] == 16
    assert samples[key("load_watts", pdu="p")] == 1449
    assert samples[key("nmc_boot_timestamp_seconds", pdu="p")] == NOW_AT - 100
    assert samples[key("nmc_reboots_total", pdu="p", cause="watchdog")] == 6
    assert samples[key("snapshot_age_seconds", pdu="p")] == 2.5
    assert samples[key("link_up", pdu="p")] == samples[key("snapshot_fresh", pdu="p")] == 1
    assert samples[key("build_info", version="1.2.3")] == 1


def test_a_value_that_is_not_fresh_has_no_sample() -> None:
    for age_s in (STALE_AFTER_S, LOST_AFTER_S):
        samples = scrape([status(snapshot())], age_s)
        assert names(samples) == {
            "build_info", "healthy", "link_up", "snapshot_fresh", "snapshot_age_seconds", "nmc_reboots_total",
            "load_limit_amperes",
        }  # fmt: skip
        assert samples[key("snapshot_age_seconds", pdu="p")] == age_s
        assert samples[key("snapshot_fresh", pdu="p")] == 0


def test_an_outlet_read_back_later_outlives_the_list() -> None:
    young = outlet(1, name="nas", read_mono=NOW_MONO + STALE_AFTER_S)
    samples = scrape([status(snapshot("p", young, outlet(2)))], STALE_AFTER_S)
    assert [dict(labels)["outlet"] for name, labels in samples if name == "apcbridge_outlet_on"] == ["1"]


def test_a_pdu_that_was_never_read_says_so() -> None:
    link = Link(state=LinkState.CONNECTING, since_at=0)
    samples = scrape([PduStatus(pdu="q", link=link, snapshot=None, stale_after_s=1, lost_after_s=2)])
    assert samples[key("link_up", pdu="q")] == samples[key("snapshot_fresh", pdu="q")] == 0
    assert "snapshot_age_seconds" not in names(samples)


def test_phases_and_banks_are_told_apart() -> None:
    read = snapshot(banks=(Load(index=1, deciamps=20), Load(index=2, deciamps=43)))
    samples = scrape([status(read)])
    assert samples[key("load_amperes", pdu="p", bank="2")] == 4.3
    assert samples[key("load_amperes", pdu="p", phase="1")] == 6.3


def test_commands_are_counted_by_door_and_outcome() -> None:
    counts = {("p", Origin.SNMP, ResultStatus.CONFIRMED): 3, ("p", Origin.HTTP, ResultStatus.REFUSED): 1}
    samples = scrape([], counts=counts)
    assert samples[key("commands_total", pdu="p", origin="snmp", status="confirmed")] == 3
    assert samples[key("commands_total", pdu="p", origin="http", status="refused")] == 1


def test_a_part_that_hangs_makes_the_bridge_unhealthy() -> None:
    assert scrape([])[key("healthy")] == 1
    assert scrape([], health=Health(failed=("mqtt",)))[key("healthy")] == 0


@given(st.text(max_size=30))
def test_no_name_breaks_the_format(name: str) -> None:
    samples = scrape([status(snapshot("p", outlet(1, name=name or "x")))])
    (labels,) = [dict(labels) for sample, labels in samples if sample == "apcbridge_outlet_on"]
    shown = "".join(c if c.isprintable() else " " for c in name).strip()
    assert labels["name"] == (shown or ("x" if not name else "Outlet 1"))
