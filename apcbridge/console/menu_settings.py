"""What else the menus tell and let be set: identity, event log, network, an outlet's configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from apcbridge.console import screens
from apcbridge.console.answers import mac_address, parse_tcpip, version
from apcbridge.console.dialog import CTRL_L, Dialog, Emit, Memory, Send, check_address, check_typable
from apcbridge.console.eventlog import read_event_log
from apcbridge.console.events import Banner, ConfigReading, GoalResult, IdentityReading, OutletConfig
from apcbridge.console.menu import choose, here, land, read_list, show, to_list, to_main
from apcbridge.console.scanner import Prompt
from apcbridge.errors import CommandRejected, OutletMismatch, ScreenUnrecognised
from apcbridge.model import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.console.goals import Configure, ReadEventLog, ReadOutletConfig, SetGateway, SetPduName
    from apcbridge.console.screens import Item, Screen

_ABOUT = re.compile(r"About\b.*")
_ADDRESSES = re.compile(r"TCP/IP(?: .*)?")
_IDENTIFICATION = re.compile(r"Identification.*")
_CONFIGURE = re.compile(r"Configure Outlet|Configuration of Outlet.*|Outlet Configuration(?: \d:\d{1,2})?")


def read_identity(memory: Memory, *, about: bool) -> Dialog[GoalResult]:
    """Report the login banner and, with ``about``, the About screen where System leads to one.

    Either will do: an AP9210 may have no banner, other units have no About screen that we know.
    """
    shown = (yield from _read_about(memory)) if about else {}
    if memory.banner is None and "Model Number" not in shown:
        raise ScreenUnrecognised("the login printed no banner")
    banner = memory.banner or Banner()
    identity = Identity(
        model=shown.get("Model Number") or None,
        serial_number=shown.get("Serial Number") or None,
        hardware_revision=shown.get("Hardware Revision") or None,
        manufacture_date=shown.get("Manufacture Date") or None,
        mac_address=mac_address(shown.get("MAC Address")),
        aos_version=banner.aos_version,
        app_version=banner.app_version or version(shown.get("Firmware Revision")),
        name=banner.name,
        contact=banner.contact,
        location=banner.location,
    )
    yield Emit(
        IdentityReading(
            identity=identity,
            up_time_s=banner.up_time_s,
            status_flags=banner.status_flags,
            user=banner.user,
            outlets=memory.outlets,
        )
    )
    return GoalResult()


def _read_about(memory: Memory) -> Dialog[dict[str, str]]:
    main = yield from to_main(memory)
    screen: Screen = main
    for _ in range(2):
        about = screen.find_match(_ABOUT)
        if about is not None:
            screen = yield from choose(memory, about)
            return screens.parse_columns(screen)
        system = screen.find("System")
        if system is None:
            break
        screen = yield from choose(memory, system)
    return {}


def read_log(memory: Memory, goal: ReadEventLog) -> Dialog[GoalResult]:
    """Open the event log by CTRL-L, page through it, come back to the menu."""
    screen = yield from here(memory)
    if not screen.has_event_log:
        raise CommandRejected("this console's menus do not offer the event log")
    result, reply = yield from read_event_log(goal, Send(CTRL_L, enter=False))
    memory.screen = None
    if reply.prompt is Prompt.MENU:
        land(memory, reply)
    return result


def read_network(memory: Memory) -> Dialog[GoalResult]:
    """Read the IPv4 settings from Network > TCP/IP."""
    yield from _report_network((yield from _to_addresses(memory)))
    return GoalResult()


def _to_addresses(memory: Memory) -> Dialog[Screen]:
    screen = yield from _open_from_main(memory, "Network")
    addresses = screen.find_match(_ADDRESSES)
    return screen if addresses is None else (yield from choose(memory, addresses))


def _report_network(screen: Screen) -> Dialog[None]:
    shown = screens.parse_columns(screen) | {item.setting: item.value or "" for item in screen.items}
    yield Emit(parse_tcpip(shown))


def _open_from_main(memory: Memory, label: str) -> Dialog[Screen]:
    main = yield from to_main(memory)
    item = main.find(label)
    if item is None:
        raise CommandRejected(f"this account's menus have no {label!r} item")
    return (yield from choose(memory, item))


def set_pdu_name(memory: Memory, goal: SetPduName) -> Dialog[GoalResult]:
    """Name the PDU itself on System > Identification."""
    screen = yield from _open_from_main(memory, "System")
    identification = screen.find_match(_IDENTIFICATION)
    if identification is not None:
        screen = yield from choose(memory, identification)
    yield from _change(memory, screen, {"Name": goal.name})
    return GoalResult()


def set_gateway(memory: Memory, goal: SetGateway) -> Dialog[GoalResult]:
    """Set the default gateway on Network > TCP/IP."""
    check_address(goal.address)
    screen = yield from _to_addresses(memory)
    screen = yield from _change(memory, screen, {"Default Gateway": goal.address})
    yield from _report_network(screen)
    return GoalResult(detail="the PDU may need a restart of its NMC before it uses the new gateway")


# --- settings --------------------------------------------------------------------------------------------------

_NAME, _ON_DELAY, _OFF_DELAY, _REBOOT = (
    "(?:Outlet )?Name",
    "Power[- ]?On Delay.*",
    "Power[- ]?Off Delay.*",
    "Reboot Dur.*",
)


def read_outlet_config(memory: Memory, goal: ReadOutletConfig) -> Dialog[GoalResult]:
    """Read one outlet's delays from its Configure Outlet screen; what that does not show is None."""
    screen = yield from _to_configuration(memory, goal.outlet, goal.name)
    config = OutletConfig(
        number=goal.outlet,
        on_delay_s=_seconds(screen, _ON_DELAY),
        off_delay_s=_seconds(screen, _OFF_DELAY),
        reboot_duration_s=_seconds(screen, _REBOOT),
    )
    yield Emit(ConfigReading(outlets=(config,)))
    return GoalResult()


def _seconds(screen: Screen, label: str) -> int | None:
    """Read a delay, which may carry its unit, or read as a word where it is -1; None if the screen has none."""
    values = [item.value or "" for item in screen.items if re.fullmatch(label, item.setting, re.IGNORECASE)]
    if len(values) != 1:
        return None
    if values[0].casefold() == "never":
        return -1
    number = re.fullmatch(r"(-1|\d{1,4}) ?(?:s|sec|seconds)?", values[0], re.IGNORECASE)
    return int(number[1]) if number else None


def configure(memory: Memory, goal: Configure) -> Dialog[GoalResult]:
    """Change one outlet's settings on its Configure Outlet screen and read them back from it."""
    wanted = {
        _NAME: goal.name,
        _ON_DELAY: _text(goal.on_delay_s),
        _OFF_DELAY: _text(goal.off_delay_s),
        _REBOOT: _text(goal.reboot_duration_s),
    }
    screen = yield from _to_configuration(memory, goal.outlet, goal.current_name)
    yield from _change(memory, screen, {label: value for label, value in wanted.items() if value is not None})
    memory.names.clear()
    memory.items.clear()
    return GoalResult()


def _change(memory: Memory, screen: Screen, wanted: Mapping[str, str]) -> Dialog[Screen]:
    """Type new values on a screen of settings, accept them, and compare what the screen then shows."""
    for label, value in wanted.items():
        check_typable(value)
        screen = yield from _set(memory, screen, _setting(screen, label), value)
    screen = yield from choose(memory, _setting(screen, "Accept Changes"))
    screen = yield from show(memory, Send())
    for label, value in wanted.items():
        item = _setting(screen, label)
        if not _same(item.value, value):
            raise CommandRejected(f"{screen.title!r} shows {item.setting} {item.value!r} after setting {value!r}")
    return screen


def _text(seconds: int | None) -> str | None:
    return None if seconds is None else str(seconds)


def _same(shown: str | None, wanted: str) -> bool:
    """Compare a value with what is shown of it; a delay may carry its unit, -1 may read as a word."""
    if shown is None:
        return False
    unit = re.fullmatch(rf"{re.escape(wanted)} ?(?:s|sec|seconds)?", shown)
    return shown == wanted.strip() or unit is not None or (wanted == "-1" and shown.casefold() == "never")


def _to_configuration(memory: Memory, outlet: int, called: str | None) -> Dialog[Screen]:
    yield from read_list(memory)
    name = memory.names.get(outlet)
    if name is None or (called is not None and name != called.strip()):
        raise OutletMismatch(f"outlet {outlet} is called {name!r}, not {called!r}")
    screen = yield from to_list(memory)
    screen = yield from show(memory, Send(str(memory.items[outlet])))
    page = screens.parse_outlet_page(screen)
    if page.name != name or page.number not in (None, outlet):
        raise OutletMismatch(f"the page is that of outlet {page.number}, {page.name!r}")
    item = screen.find_match(_CONFIGURE)
    if item is None:
        raise CommandRejected("this account may not configure the outlet")
    return (yield from choose(memory, item))


def _setting(screen: Screen, label: str) -> Item:
    found = [item for item in screen.items if re.fullmatch(label, item.setting, re.IGNORECASE)]
    if len(found) != 1:
        raise ScreenUnrecognised(f"{screen.title!r} shows {len(found)} items for {label!r}")
    return found[0]


def _set(memory: Memory, screen: Screen, item: Item, value: str) -> Dialog[Screen]:
    """Choose a setting, type its value at the question that follows."""
    reply = yield Send(str(item.number), wants_input=True)
    if reply.prompt is not Prompt.INPUT:
        raise ScreenUnrecognised(f"{screen.title!r} did not ask for {item.setting!r}")
    return (yield from show(memory, Send(value)))
