"""What the console and its card told, judged. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apcbridge.pdu.reboots.diagnosis import NO_ADDRESS, outside_own_network
from apcbridge.tools.knock import Sound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apcbridge.console.events import Banner, NetworkReading
    from apcbridge.probe import Findings
    from apcbridge.tools.doctor.findings import Finding, Reporter
    from apcbridge.tools.knock import Heard

FACTORY_PASSWORD = "apc"  # noqa: S105 - what every APC card leaves the factory with
CLOCK_SLACK = timedelta(minutes=5)
_ZONE_STEP = timedelta(minutes=15)
"""Time zones differ by multiples of this; the card does not tell which it means."""
_WIDEST_ZONE = timedelta(hours=26)
_DATE_FORMS = ("%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y", "%m-%d-%Y")

_FLAGS = {
    "P-": ("the card's operating system reports a fault (P-)", "restart the card; if it stays, the card is broken"),
    "N?": ("the card waits for an address from DHCP or BOOTP (N?)", "give it a fixed address, or a DHCP server"),
    "N-": ("the card has no network connection (N-)", "connect it: without traffic it restarts every ten minutes"),
    "N!": ("another host has the card's address (N!)", "give one of the two another address"),
    "A-": ("the application's checksum is bad (A-): its menus are empty", "load the firmware again"),
    "A?": ("the application is still starting (A?)", "wait a minute and look again"),
    "A!": ("application and operating system do not fit each other (A!)", "load matching firmware"),
}
_FLAG = re.compile(r"([PNA])[46]?([-+?!])")
_FATAL = frozenset({"P-", "A-", "A!"})


def judge_sound(heard: Heard, bauds: Sequence[int], report: Reporter) -> Finding:
    """Say what a line is that may or may not have a console at its end; ``bauds`` are those configured."""
    tried = "any usual speed"
    match heard.sound:
        case Sound.CONSOLE if heard.baud in bauds:
            return report.ok(f"a console answers at {heard.baud} baud")
        case Sound.CONSOLE:
            return report.fail(
                f"the console answers at {heard.baud} baud, not at {', '.join(map(str, bauds))}",
                f"set baud: {heard.baud} (or auto) in the configuration",
            )
        case Sound.SILENCE:
            return report.fail(
                f"nothing answers at {tried}",
                "is the PDU powered? Is it the right cable (apcbridge wiring)? A card that is starting is silent for "
                "up to two minutes",
            )
        case Sound.ECHO:
            return report.fail("only our own typing comes back", "pins 2 and 3 of the plug touch: apcbridge wiring")
        case Sound.GARBAGE:
            return report.fail(
                f"only garbage comes at {tried}",
                "no ground, an adapter for logic levels, or noise: apcbridge wiring",
            )
        case Sound.STRANGER:
            return report.fail(
                "something answers, but it is no PDU's console", "is it the right port? apcbridge probe shows more"
            )


def judge_card(found: Findings, password: str, now: datetime, report: Reporter) -> Iterator[Finding]:
    """Judge what a probe read; ``now`` is this machine's time with its zone."""
    yield report.ok(_who(found))
    if password == FACTORY_PASSWORD:
        yield report.warn(
            "the password is still the factory's, apc",
            "choose another: on menus System > User Manager, on AOS 5 and later the command user",
        )
    if found.banner is not None:
        yield from _judge_clock(found.banner, now, report)
    yield from judge_flags(_flags(found), report)
    if found.network is not None:
        yield from judge_network(found.network, report)
    if found.reset_cause is not None and "WDT" in found.reset_cause.text.upper():
        yield report.warn(
            f"the card's last restart was its watchdog's ({found.reset_cause.code:02} {found.reset_cause.text})",
            "see docs/watchdog.md",
        )
    yield from (report.ok(f"not told: {what}") for what in found.untold)


def judge_flags(flags: str, report: Reporter) -> Iterator[Finding]:
    """Judge the status flags of a banner, such as ``P+ N+ A+`` or ``P+ N4+ N6+ A+``."""
    seen = dict.fromkeys(f"{match[1]}{match[2]}" for match in _FLAG.finditer(flags))
    bad = [flag for flag in seen if flag in _FLAGS]
    for flag in bad:
        text, advice = _FLAGS[flag]
        yield report.fail(text, advice) if flag in _FATAL else report.warn(text, advice)
    if seen and not bad:
        yield report.ok(f"status {flags}")


def judge_network(network: NetworkReading, report: Reporter) -> Iterator[Finding]:
    """Judge address and gateway: the card lives on the gateway's answers."""
    cure = "give it a host that always answers: apcbridge doctor --fix-gateway ADDRESS PDU"
    if network.gateway is None or network.gateway == NO_ADDRESS:
        yield report.warn(
            "the card has no default gateway: on a quiet network its watchdog restarts it every ten minutes", cure
        )
        return
    own = outside_own_network(network)
    if own:
        yield report.warn(f"the gateway {network.gateway} is not in the card's own network {own}", cure)
    else:
        yield report.ok(f"address {network.address or '?'}, gateway {network.gateway}")


def _judge_clock(banner: Banner, now: datetime, report: Reporter) -> Iterator[Finding]:
    told = card_time(banner.date or "", banner.time or "", now)
    if told is None:
        return
    off = told - now.replace(tzinfo=None)
    shown = f"the card's clock shows {told:%Y-%m-%d %H:%M:%S}"
    if abs(off - round(off / _ZONE_STEP) * _ZONE_STEP) <= CLOCK_SLACK and abs(off) <= _WIDEST_ZONE:
        zone = "" if abs(off) <= CLOCK_SLACK else " (a time zone away from ours)"
        yield report.ok(f"{shown}{zone}")
    else:
        yield report.warn(
            f"{shown}, ours {now:%Y-%m-%d %H:%M:%S}",
            "set it: on menus System > Date/Time, on AOS 5 and later the command date; its event log is hard to read "
            "otherwise",
        )


def card_time(date: str, time: str, near: datetime) -> datetime | None:
    """Read the card's clock; where day and month can be taken for each other, the reading next to ours counts."""
    readings = []
    for form in _DATE_FORMS:
        try:
            readings.append(datetime.strptime(f"{date} {time}", f"{form} %H:%M:%S").replace(tzinfo=UTC))
        except ValueError:
            continue
    here = near.replace(tzinfo=UTC)
    best = min(readings, key=lambda reading: abs(reading - here), default=None)
    return None if best is None else best.replace(tzinfo=None)


def _flags(found: Findings) -> str:
    told = found.identity.status_flags if found.identity else None
    return told or (found.banner.status_flags if found.banner else None) or ""


def _who(found: Findings) -> str:
    identity = found.identity.identity if found.identity else None
    parts = [
        f"logged in, dialect {found.dialect}",
        identity.model if identity else None,
        f"AOS {identity.aos_version}" if identity and identity.aos_version else None,
        f"application {identity.app_version}" if identity and identity.app_version else None,
        f"{len(found.status.rows)} outlets" if found.status else None,
    ]
    return ", ".join(part for part in parts if part)
