"""``sim://AP7920?firmware=3.7.3&speed=10``: a simulated PDU as a URL, and the words that describe one.

The same words are the options of ``apcbridge simulate``. Besides those of :data:`WORDS`, every field of
:class:`apcbridge.sim.quirks.Quirks` is a word.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from apcbridge.errors import ConfigError
from apcbridge.sim.faults import FaultKind, StepFault
from apcbridge.sim.profiles import Account, UserType, make_profile
from apcbridge.sim.quirks import Quirks
from apcbridge.sim.steps import STEPS, is_step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apcbridge.sim.line import Noise
    from apcbridge.sim.profiles import Profile

SCHEME = "sim"
_DEAD_GATEWAY = "192.168.7.254"
_NO_GATEWAY = "0.0.0.0"
_TRUTH = {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}


def parse_url(url: str) -> Profile:
    """Read a ``sim://`` URL; raise ConfigError that names the word at fault."""
    parts = urlsplit(url)
    if parts.scheme != SCHEME:
        raise ConfigError(f"{url}: expected sim://MODEL?firmware=VERSION")
    model = url.split("://", 1)[1].split("?", 1)[0].strip("/")
    if not model:
        raise ConfigError(f"{url}: needs a model, as in sim://AP7920?firmware=3.7.3")
    try:
        words = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise ConfigError(f"{url}: {error}") from error
    twice = {key for key, _ in words if sum(key == other for other, _ in words) > 1}
    if twice:
        raise ConfigError(f"{url}: given twice: {', '.join(sorted(twice))}")
    try:
        return profile_from_words(model, dict(words))
    except ConfigError as error:
        raise ConfigError(f"{url}: {error}") from error


def profile_from_words(model: str, words: Mapping[str, str]) -> Profile:
    """Build a profile from a model and words; raise ConfigError that names the word at fault."""
    left = dict(words)
    firmware = left.pop("firmware", None)
    outlets = left.pop("outlets", None)
    count = None if outlets is None else _integer("outlets", outlets, 1, 48)
    profile = make_profile(model, firmware, count)
    # A stale session belongs to an account that another word may make or rename.
    for key, text in sorted(left.items(), key=lambda word: word[0] == "stale"):
        if key in WORDS:
            profile = WORDS[key][0](profile, key, text)
        elif key in _QUIRKS:
            profile = replace(profile, quirks=_with_quirk(profile.quirks, key, text))
        else:
            close = difflib.get_close_matches(key, known_words(), n=1)
            more = f"did you mean {close[0]}?" if close else f"known are {', '.join(known_words())}"
            raise ConfigError(f"{key}: unknown; {more}")
    return profile


def describe_words() -> list[str]:
    """Return a line for every word: what it means, or for a quirk its value where none is given."""
    lines = [f"{name:<26}{meaning}" for name, (_, meaning) in WORDS.items()]
    defaults = Quirks()
    return [*lines, *(f"{name:<26}quirk, {_shown(getattr(defaults, name))}" for name in _QUIRKS)]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value) or "empty"


def known_words() -> list[str]:
    """Return every word that a URL may hold."""
    return ["firmware", "outlets", *WORDS, *_QUIRKS]


def _number(low: float, high: float) -> Callable[[str, str], float]:
    def read(key: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ConfigError(f"{key}: {text!r} is no number") from None
        if not low <= value <= high:
            raise ConfigError(f"{key}: {text} is not between {low:g} and {high:g}")
        return value

    return read


def _truth(key: str, text: str) -> bool:
    try:
        return _TRUTH[text.lower()]
    except KeyError:
        raise ConfigError(f"{key}: {text!r}: expected on or off") from None


Word: TypeAlias = "Callable[[Profile, str, str], Profile]"
"""Takes a profile, the word and its value; returns the profile changed."""


def _real(put: Callable[[Profile, float], Profile], low: float, high: float) -> Word:
    return lambda profile, key, text: put(profile, _number(low, high)(key, text))


def _whole(put: Callable[[Profile, int], Profile], low: int, high: int) -> Word:
    return lambda profile, key, text: put(profile, _integer(key, text, low, high))


def _flag(put: Callable[[Profile, bool], Profile]) -> Word:
    return lambda profile, key, text: put(profile, _truth(key, text))


def _text(put: Callable[[Profile, str], Profile]) -> Word:
    return lambda profile, _key, text: put(profile, text)


def _per_outlet(put: Callable[[Profile, tuple[int, ...]], Profile], low: int, high: int) -> Word:
    """Read one value for all outlets, or one per outlet with commas."""

    def read(profile: Profile, key: str, text: str) -> Profile:
        values = tuple(_integer(key, part, low, high) for part in text.split(","))
        if len(values) == 1:
            values *= profile.outlets
        if len(values) != profile.outlets:
            raise ConfigError(f"{key}: expected one value or {profile.outlets}")
        return put(profile, values)

    return read


def _integer(key: str, text: str, low: int, high: int) -> int:
    value = _number(low, high)(key, text)
    if value != int(value):
        raise ConfigError(f"{key}: {text} is no whole number")
    return int(value)


def _outlets_off(profile: Profile, key: str, text: str) -> Profile:
    numbers = {_integer(key, part, 1, profile.outlets) for part in text.split(",") if part}
    return replace(profile, on=tuple(n not in numbers for n in range(1, profile.outlets + 1)))


def _names(profile: Profile, key: str, text: str) -> Profile:
    names = tuple(text.split(","))
    if len(names) > profile.outlets or any(not 0 < len(name) <= 23 for name in names):
        raise ConfigError(f"{key}: expected up to {profile.outlets} names of 1 to 23 characters")
    return replace(profile, names=names + profile.names[len(names) :])


def _gateway(profile: Profile, key: str, text: str) -> Profile:
    known = {"alive": profile.network.gateway, "dead": _DEAD_GATEWAY, "none": _NO_GATEWAY}
    address = known.get(text, text)
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        raise ConfigError(f"{key}: {text!r}: expected alive, dead, none or an IPv4 address") from None
    return replace(profile, network=replace(profile.network, gateway=address))


def _administrator(field: str) -> Word:
    def put(profile: Profile, key: str, text: str) -> Profile:
        if not text:
            raise ConfigError(f"{key}: is empty")
        first, *others = profile.accounts
        changed = replace(first, name=text) if field == "name" else replace(first, password=text)
        return replace(profile, accounts=(changed, *others))

    return put


def _outlet_user(profile: Profile, key: str, text: str) -> Profile:
    try:
        name, password, numbers = text.split(":")
    except ValueError:
        raise ConfigError(f"{key}: expected name:password:1,2") from None
    outlets = tuple(_integer(key, part, 1, profile.outlets) for part in numbers.split(","))
    account = Account(name=name, password=password, type=UserType.OUTLET, outlets=outlets)
    return replace(profile, accounts=(*profile.accounts, account))


def _stale(profile: Profile, key: str, text: str) -> Profile:
    if text not in {account.name for account in profile.accounts}:
        raise ConfigError(f"{key}: no account {text!r}")
    return replace(profile, stale_session=text)


def _noise(put: Callable[[Noise, float], Noise]) -> Word:
    return _real(lambda profile, percent: replace(profile, noise=put(profile.noise, percent / 100)), 0, 100)


def _fault(kind: FaultKind) -> Word:
    """Read ``step`` or ``step:bytes``; a stall is ``step:seconds``."""

    def put(profile: Profile, key: str, text: str) -> Profile:
        step, _, more = text.partition(":")
        if not is_step(profile.dialect, step):
            raise ConfigError(f"{key}: no step {step!r}; known are {', '.join(STEPS[profile.dialect])}")
        amount = _number(0, 1e6)(key, more) if more else 0.0
        if kind is FaultKind.STALL:
            fault = StepFault(step=step, kind=kind, stall_s=amount)
        else:
            fault = StepFault(step=step, kind=kind, after_bytes=int(amount))
        return replace(profile, faults=(*profile.faults, fault))

    return put


WORDS: dict[str, tuple[Word, str]] = {
    "speed": (
        _real(lambda p, v: replace(p, speed=v), 0.001, 100_000),
        "how many times as fast the device's clock runs (1)",
    ),
    "baud": (
        _whole(lambda p, v: replace(p, baud=v), 0, 115_200),
        "pace of the serial line; 0 is as fast as it goes (0)",
    ),
    "seed": (_whole(lambda p, v: replace(p, seed=v), 0, 2**31), "of the random numbers behind lags and noise (0)"),
    "user": (_administrator("name"), "administrator's name (apc)"),
    "password": (_administrator("password"), "administrator's password (apc)"),
    "outlet_user": (_outlet_user, "another account, name:password:outlets, as ann:secret:2,5"),
    "name": (_text(lambda p, v: replace(p, pdu_name=v)), "the PDU's name"),
    "contact": (_text(lambda p, v: replace(p, contact=v)), "the PDU's contact"),
    "location": (_text(lambda p, v: replace(p, location=v)), "the PDU's location"),
    "serial_number": (_text(lambda p, v: replace(p, serial_number=v)), "the PDU's serial number"),
    "stale": (_stale, "the account whose session is still open on the serial line at the start"),
    "names": (_names, "outlet names, with commas"),
    "off": (_outlets_off, "outlets that are off at the start, with commas"),
    "amps": (
        _per_outlet(lambda p, v: replace(p, outlet_deciamps=v), 0, 500),
        "tenths of amperes of each outlet, with commas",
    ),
    "on_delay": (
        _per_outlet(lambda p, v: replace(p, on_delay_s=v), -1, 7200),
        "power-on delay in seconds, -1 is never",
    ),
    "off_delay": (
        _per_outlet(lambda p, v: replace(p, off_delay_s=v), -1, 7200),
        "power-off delay in seconds, -1 is never",
    ),
    "reboot_duration": (
        _per_outlet(lambda p, v: replace(p, reboot_duration_s=v), 1, 7200),
        "seconds that a reboot leaves an outlet off",
    ),
    "relay_lag": (
        _real(lambda p, v: replace(p, relay_lag_s=v), 0, 600),
        "a relay follows the success text by up to this (0 s)",
    ),
    "relay_lag_min": (_real(lambda p, v: replace(p, relay_lag_min_s=v), 0, 600), "and by no less than this (0 s)"),
    "watchdog": (
        _flag(lambda p, v: replace(p, watchdog=v)),
        "the NMC restarts after 570 s without traffic: on or off (on)",
    ),
    "watchdog_s": (_real(lambda p, v: replace(p, watchdog_s=v), 1, 1e6), "seconds of that watchdog (570)"),
    "gateway": (_gateway, "alive, dead, none or an address (alive)"),
    "gateway_probe_s": (
        _real(lambda p, v: replace(p, gateway_probe_s=v), 1, 1e6),
        "seconds between probes of the gateway (270)",
    ),
    "ethernet": (_flag(lambda p, v: replace(p, ethernet=v)), "whether the network cable is in: on or off (on)"),
    "lan_traffic": (
        _real(lambda p, v: replace(p, lan_traffic_every_s=v), 0, 1e6),
        "seconds between frames from elsewhere; 0 is none (0)",
    ),
    "boot": (_real(lambda p, v: replace(p, boot_s=v), 0, 3600), "seconds that the NMC takes to start (25)"),
    "up_time": (
        _real(lambda p, v: replace(p, up_time_at_start_s=v), 0, 1e9),
        "seconds that the NMC has been up at the start (3600)",
    ),
    "clock_offset": (
        _real(lambda p, v: replace(p, clock_offset_s=v), -1e9, 1e9),
        "how wrong the NMC's clock is, in seconds (0)",
    ),
    "drop": (_noise(lambda n, share: replace(n, drop=share)), "per cent of bytes that the line loses"),
    "flip": (_noise(lambda n, share: replace(n, flip=share)), "per cent of bytes that arrive with one wrong bit"),
    "insert": (_noise(lambda n, share: replace(n, insert=share)), "per cent of bytes before which the line adds one"),
    "mute_at": (_fault(FaultKind.MUTE), "STEP[:BYTES], where the console falls silent"),
    "restart_at": (_fault(FaultKind.RESTART), "STEP[:BYTES], where the NMC restarts"),
    "garbage_at": (_fault(FaultKind.GARBAGE), "STEP, where rubbish is printed"),
    "logoff_at": (_fault(FaultKind.LOGOFF), "STEP, where the session ends"),
    "stall_at": (_fault(FaultKind.STALL), "STEP:SECONDS, where the console pauses"),
}

_QUIRKS = {field.name: field for field in dataclasses.fields(Quirks)}


def _with_quirk(quirks: Quirks, key: str, text: str) -> Quirks:
    """Change one quirk; its present value tells of what type it is."""
    values: dict[str, object] = {name: getattr(quirks, name) for name in _QUIRKS}
    values[key] = _quirk_value(values[key], key, text)
    return Quirks(**values)  # type: ignore[arg-type]  # each value is of the type of the one that it replaces


def _quirk_value(old: object, key: str, text: str) -> object:
    match old:
        case bool():
            return _truth(key, text)
        case int():
            return _integer(key, text, 0, 100_000)
        case float():
            return _number(0, 1e6)(key, text)
        case StrEnum():
            kind = type(old)
            try:
                return kind(text)
            except ValueError:
                raise ConfigError(f"{key}: {text!r}: expected {', '.join(kind)}") from None
        case _:
            return text
