"""The commands of AOS 5/6 that are about outlets and load."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from apcbridge.sim.faces import layout
from apcbridge.sim.faces.commands import (
    Answer,
    ParameterError,
    chosen_outlets,
    outlet_name,
    parse_outlets,
    whole_number,
)
from apcbridge.sim.faces.rackpdu import near_overload
from apcbridge.sim.relays import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from apcbridge.sim.dialog import Terminal
    from apcbridge.sim.faces.login import User
    from apcbridge.sim.firmware import Firmware

_SWITCH = {
    "olon": Action.ON,
    "oloff": Action.OFF,
    "olreboot": Action.REBOOT,
    "oldlyon": Action.DELAYED_ON,
    "oldlyoff": Action.DELAYED_OFF,
    "oldlyreboot": Action.DELAYED_REBOOT,
    "olcancelcmd": Action.CANCEL,
}
_FIELDS = {
    "olondelay": ("on_delay_s", -1, 7200),
    "oloffdelay": ("off_delay_s", -1, 7200),
    "olrboottime": ("reboot_duration_s", 5, 60),
}


class OutletCommands:
    """What one session may ask of the outlets and the meters."""

    def __init__(self, terminal: Terminal, user: User) -> None:
        """One instance per session."""
        self.terminal = terminal
        self.user = user
        self.firmware: Firmware = terminal.firmware

    def table(self) -> dict[str, Callable[[list[str]], Answer]]:
        """Return the commands by their names in small letters."""
        profile = self.firmware.profile
        phases, banks = profile.phases, profile.banks
        rating, bank_rating = profile.rating_a, profile.bank_rating_a
        return {
            **{verb: partial(self._switch, action) for verb, action in _SWITCH.items()},
            **{verb: partial(self._field, *field) for verb, field in _FIELDS.items()},
            "olstatus": self._ol_status,
            "olname": self._ol_name,
            "olgroups": lambda _: Answer(["Outlet Group Configuration: disabled"]),
            "phreading": self._ph_reading,
            "bkreading": self._bk_reading,
            "devreading": self._dev_reading,
            "phlowload": lambda _: _limit(phases, 0),
            "phnearover": lambda _: _limit(phases, near_overload(rating)),
            "phoverload": lambda _: _limit(phases, rating),
            "bklowload": lambda _: _limit(banks, 0),
            "bknearover": lambda _: _limit(banks, near_overload(bank_rating)),
            "bkoverload": lambda _: _limit(banks, bank_rating),
        }

    def _chosen(self, text: str) -> list[int]:
        return chosen_outlets(self.firmware, self.user, text)

    def _switch(self, action: Action, arguments: list[str]) -> Answer:
        if len(arguments) != 1:
            raise ParameterError
        outlets = self._chosen(arguments[0])
        self.firmware.accept(action, outlets, self.terminal.now, f"cli:{self.user.name}")
        return Answer()

    def _ol_status(self, arguments: list[str]) -> Answer:
        if len(arguments) != 1:
            raise ParameterError
        lines = []
        for outlet in self._chosen(arguments[0]):
            state = self.firmware.state_text(outlet).replace("ON", "On").replace("OFF", "Off")
            lines.append(f"{outlet:2d}: {self.firmware.settings(outlet).name}: {state}")
        return Answer(lines)

    def _ol_name(self, arguments: list[str]) -> Answer:
        if not 1 <= len(arguments) <= 2:
            raise ParameterError
        outlets = self._chosen(arguments[0])
        if len(arguments) == 2:
            name = outlet_name(arguments[1])
            for outlet in outlets:
                self.firmware.configure(outlet, "name", name, self.terminal.now)
            return Answer()
        form = "Outlet {}: {}" if self.terminal.quirks.cli_ol_name_manual else "{:2d}: {}"
        return Answer([form.format(n, self.firmware.settings(n).name) for n in outlets])

    def _field(self, field: str, low: int, high: int, arguments: list[str]) -> Answer:
        if not 1 <= len(arguments) <= 2:
            raise ParameterError
        outlets = self._chosen(arguments[0])
        if len(arguments) == 2:
            value = whole_number(arguments[1], low, high)
            for outlet in outlets:
                self.firmware.configure(outlet, field, value, self.terminal.now)
            return Answer()
        return Answer(
            [
                f"{n:2d}: {self.firmware.settings(n).name}: {getattr(self.firmware.settings(n), field)} sec"
                for n in outlets
            ]
        )

    # -- load ----------------------------------------------------------------------------------------------

    def _ph_reading(self, arguments: list[str]) -> Answer:
        if len(arguments) != 2:
            raise ParameterError
        phases = range(1, self.firmware.profile.phases + 1)
        if arguments[0].lower() != "all":
            chosen = parse_outlets(arguments[0])
            if chosen is None or any(n not in phases for n in chosen):
                raise ParameterError
            phases = range(chosen[0], chosen[-1] + 1)
        return Answer([f"{n}: {self._reading(arguments[1].lower(), n)}" for n in phases])

    def _reading(self, kind: str, phase: int) -> str:
        load = self.firmware.phase_deciamps(phase)
        volts = self.firmware.profile.voltage_v
        kilo = load * volts / 10_000
        match kind:
            case "current":
                return f"{layout.amps(load)} A"
            case "power":
                return f"{kilo:.2f} kW"
            case "appower":
                return f"{kilo:.2f} kVA"
            case "voltage":
                return f"{volts} V"
            case _:
                raise ParameterError

    def _bk_reading(self, arguments: list[str]) -> Answer:
        banks = range(1, self.firmware.profile.banks + 1)
        if not banks or arguments[:1] not in ([], ["all"]):
            raise ParameterError
        return Answer([f"{n}: {layout.amps(self.firmware.bank_deciamps(n))} A" for n in banks])

    def _dev_reading(self, arguments: list[str]) -> Answer:
        kilo = self.firmware.watts() / 1000
        values = {"power": f"{kilo:.1f} kW", "appower": f"{kilo:.1f} kVA", "energy": "123.4 kWh", "pf": "1.00"}
        if len(arguments) != 1 or arguments[0].lower() not in values:
            raise ParameterError
        return Answer([values[arguments[0].lower()]])


def _limit(count: int, amperes: int) -> Answer:
    if not count:
        raise ParameterError
    return Answer([f"{n}: {amperes} A" for n in range(1, count + 1)])
