"""Models, firmware versions and the profile that a simulated PDU is built from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from apcbridge.errors import ConfigError
from apcbridge.sim.line import Noise
from apcbridge.sim.quirks import Quirks

if TYPE_CHECKING:
    from apcbridge.sim.faults import StepFault


class Dialect(StrEnum):
    """The consoles of APC's switched PDUs; the hidden command line of D3 is a way of logging in, not a unit."""

    D0 = "d0"
    """AP9210, early MasterSwitch: ``1- Outlet Manager``."""
    D1 = "d1"
    """MasterSwitch AP9211/AP9212 with an AP9606 card."""
    D2_OLD = "d2-old"
    """MasterSwitch plus, APP 2.0.0: units first, 3 is Off."""
    D2_NEW = "d2-new"
    """MasterSwitch plus, APP 2.0.2 and later: outlets at once, 2 is Off."""
    D3A = "d3a"
    """Rack PDU, AOS/APP 1.x and 2.x."""
    D3B = "d3b"
    """Rack PDU, AOS/APP 3.x."""
    D4 = "d4"
    """AOS 5/6 and NMC3: a command line."""


class UserType(StrEnum):
    """Kinds of account."""

    ADMIN = "Administrator"
    DEVICE = "Device Only"
    OUTLET = "Outlet User"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One login. ``outlets`` are the outlets an outlet user may see, empty for the other kinds."""

    name: str
    password: str = field(repr=False)
    type: UserType = UserType.ADMIN
    outlets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """What the NMC knows of its network."""

    address: str = "192.168.7.20"
    subnet: str = "255.255.255.0"
    gateway: str = "192.168.7.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a model number implies. ``sure`` is False where no source of ours states the row."""

    outlets: int
    phases: int = 1
    banks: int = 0
    rating_a: int = 12
    bank_rating_a: int = 0
    voltage_v: int = 230
    firmware: str = "3.7.3"
    sure: bool = False


_PLUS_FIRMWARE = "2.2.0"
MODELS: dict[str, ModelFacts] = {
    "AP9210": ModelFacts(outlets=8, voltage_v=120, firmware="1.1.1", sure=True),
    "AP9211": ModelFacts(outlets=8, voltage_v=120, firmware="2.2.0", sure=True),
    "AP9212": ModelFacts(outlets=8, voltage_v=230, firmware="2.2.0", sure=True),
    "AP9225": ModelFacts(outlets=8, voltage_v=120, firmware=_PLUS_FIRMWARE, sure=True),
    "AP7900": ModelFacts(outlets=8, rating_a=12, voltage_v=120, sure=True),
    "AP7901": ModelFacts(outlets=8, rating_a=16, voltage_v=120),
    "AP7902": ModelFacts(outlets=16, banks=2, rating_a=24, bank_rating_a=20, voltage_v=120, sure=True),
    "AP7920": ModelFacts(outlets=8, rating_a=12, voltage_v=208, sure=True),
    "AP7921": ModelFacts(outlets=8, rating_a=16),
    "AP7930": ModelFacts(outlets=24, rating_a=16, voltage_v=120, sure=True),
    "AP7931": ModelFacts(outlets=16, rating_a=12, voltage_v=120, sure=True),
    "AP7932": ModelFacts(outlets=24, banks=2, rating_a=24, bank_rating_a=20, voltage_v=120),
    "AP7940": ModelFacts(outlets=24, rating_a=16, voltage_v=208),
    "AP7941": ModelFacts(outlets=24, banks=2, rating_a=24, bank_rating_a=20, voltage_v=208),
    "AP7951": ModelFacts(outlets=24, rating_a=16, sure=True),
    "AP7952": ModelFacts(outlets=24, rating_a=16, sure=True),
    "AP7953": ModelFacts(outlets=24, banks=2, rating_a=32, bank_rating_a=16),
    "AP7954": ModelFacts(outlets=24, rating_a=16, sure=True),
    "AP7960": ModelFacts(outlets=24, phases=3, rating_a=24, voltage_v=208),
    "AP7990": ModelFacts(outlets=24, phases=3, rating_a=32, voltage_v=208),
    "AP7900B": ModelFacts(outlets=8, rating_a=12, voltage_v=120, firmware="6.9.6", sure=True),
    "AP7902B": ModelFacts(
        outlets=16, banks=2, rating_a=24, bank_rating_a=20, voltage_v=120, firmware="6.7.2", sure=True
    ),
    "AP7920B": ModelFacts(outlets=8, rating_a=12, firmware="6.9.6", sure=True),
    "AP7921B": ModelFacts(outlets=8, rating_a=16, firmware="6.9.6"),
    "AP8932": ModelFacts(
        outlets=24, banks=2, rating_a=24, bank_rating_a=20, voltage_v=120, firmware="6.7.2", sure=True
    ),
    "AP8941": ModelFacts(outlets=24, banks=2, rating_a=24, bank_rating_a=20, voltage_v=208, firmware="6.5.6"),
    "AP8953": ModelFacts(outlets=24, banks=2, rating_a=32, bank_rating_a=16, firmware="6.5.6"),
    "AP8959": ModelFacts(outlets=24, rating_a=16, firmware="6.9.6", sure=True),
    "AP8981": ModelFacts(outlets=24, phases=3, rating_a=16, firmware="6.9.6"),
}

_D1_MODELS = {"AP9211", "AP9212"}
_FACTORY_WORD = "apc"
FACTORY_ACCOUNTS = (
    Account(name="apc", password=_FACTORY_WORD),
    Account(name="device", password=_FACTORY_WORD, type=UserType.DEVICE),
)


def dialect_of(model: str, firmware: str) -> Dialect:
    """Tell which console a model has with an application of that version."""
    if model == "AP9210":
        return Dialect.D0
    if model in _D1_MODELS:
        return Dialect.D1
    if model == "AP9225":
        return Dialect.D2_OLD if firmware == "2.0.0" else Dialect.D2_NEW
    parts = [int(part) for part in firmware.split(".")]
    if parts[0] >= 5 or len(parts) == 4:
        # NMC3 counts from 1 again, with four numbers: v1.4.2.1 is newer than v6.
        return Dialect.D4
    return Dialect.D3B if parts[0] >= 3 else Dialect.D3A


_AOS_OF_APP = {"2.0.0": "2.5.4", "2.0.2": "2.5.3", "2.2.0": "3.0.3", "2.6.5": "2.6.4", "2.7.3": "2.7.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything that makes one simulated PDU; times in seconds of the device's clock."""

    model: str
    dialect: Dialect
    app_version: str
    aos_version: str
    outlets: int
    phases: int
    banks: int
    rating_a: int
    bank_rating_a: int
    voltage_v: int

    names: tuple[str, ...]
    on: tuple[bool, ...]
    """State of every outlet at the start."""
    on_delay_s: tuple[int, ...]
    """-1 is never."""
    off_delay_s: tuple[int, ...]
    reboot_duration_s: tuple[int, ...]
    outlet_deciamps: tuple[int, ...]
    """What each outlet draws while it is on."""

    pdu_name: str = "RackPDU"
    contact: str = "Unknown"
    location: str = "Unknown"
    serial_number: str = "JA0712004711"
    hardware_revision: str = "B2"
    manufacture_date: str = "03/19/2007"
    mac: str = "00 C0 B7 5A 47 11"
    accounts: tuple[Account, ...] = FACTORY_ACCOUNTS

    stale_session: str = ""
    """The account that left the serial console without logging out before the start."""

    network: NetworkSettings = field(default_factory=NetworkSettings)
    ethernet: bool = True
    answering_hosts: frozenset[str] = frozenset({"192.168.7.1", "192.168.7.10"})
    lan_traffic_every_s: float = 0.0
    """Somebody talks to the card that often; 0 is never."""
    watchdog: bool = True
    watchdog_s: float = 570.0
    gateway_probe_s: float = 270.0
    boot_s: float = 25.0
    up_time_at_start_s: float = 3600.0
    clock_offset_s: float = 0.0
    """How wrong the NMC's clock is."""
    relay_lag_min_s: float = 0.0
    relay_lag_s: float = 0.0
    """A relay follows the success text by a time between these two, outlet by outlet."""

    speed: float = 1.0
    """Device seconds per second."""
    baud: int = 0
    """Pacing of the lines, telnet as through a terminal server; 0 is none."""
    seed: int = 0
    quirks: Quirks = field(default_factory=Quirks)
    noise: Noise = field(default_factory=Noise)
    faults: tuple[StepFault, ...] = ()
    """Armed from the start."""


def make_profile(model: str = "AP7920", firmware: str | None = None, outlets: int | None = None) -> Profile:
    """Build the profile of a model, with the outlets named ``Outlet N`` and all of them on.

    Raises ConfigError when the model or the form of the version is not known.
    """
    key = model.upper()
    facts = MODELS.get(key)
    if facts is None:
        raise ConfigError(f"no simulated model {model!r}; known are {', '.join(sorted(MODELS))}")
    version = (firmware or facts.firmware).removeprefix("v")
    if not re.fullmatch(r"\d+(\.\d+){2,3}", version):
        raise ConfigError(f"firmware {firmware!r}: expected a version such as 3.7.3 or 1.4.2.1")
    count = facts.outlets if outlets is None else outlets
    if not 1 <= count <= 48:
        raise ConfigError(f"outlets {count}: expected 1 to 48")
    dialect = dialect_of(key, version)
    plus = dialect in {Dialect.D2_OLD, Dialect.D2_NEW}
    name = "Outlet #{}" if plus else "Outlet {}"
    profile = Profile(
        model=key,
        dialect=dialect,
        app_version=version,
        aos_version=_AOS_OF_APP.get(version, version),
        outlets=count,
        phases=facts.phases,
        banks=facts.banks,
        rating_a=facts.rating_a,
        bank_rating_a=facts.bank_rating_a,
        voltage_v=facts.voltage_v,
        names=tuple(name.format(number) for number in range(1, count + 1)),
        on=(True,) * count,
        # The MasterSwitch plus comes with staggered delays, the rack PDUs with none (AP9225 manual).
        on_delay_s=tuple(2 * index if plus else 0 for index in range(count)),
        off_delay_s=(120 if plus else 0,) * count,
        reboot_duration_s=(5,) * count,
        outlet_deciamps=tuple(1 + index % 4 for index in range(count)),
    )
    if dialect is Dialect.D0:
        # The AP9210 prints "Hardware Revision : C4" and knows no delays.
        profile = replace(profile, hardware_revision="C4", pdu_name="MasterSwitch")
    return profile
