"""What else the two command lines tell and let be set: identity, network, delays, thresholds, names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apcbridge.console import answers
from apcbridge.console.dialects import DialectId
from apcbridge.console.dialog import Dialog, Emit, Memory, Send, check_address, check_typable
from apcbridge.console.eventlog import read_event_log
from apcbridge.console.events import Banner, ConfigReading, GoalResult, IdentityReading, OutletReading
from apcbridge.console.screens import parse_up_time
from apcbridge.console.shell import ask, query, query_if_known, read_if_known, read_outlet
from apcbridge.errors import CommandRejected, OutletMismatch, ScreenUnrecognised
from apcbridge.model import Identity

if TYPE_CHECKING:
    from apcbridge.console.goals import Configure, ReadEventLog, SetGateway, SetPduName


def read_identity(memory: Memory, *, about: bool) -> Dialog[GoalResult]:
    """Read ``system`` and, with ``about``, the hardware (D4)."""
    system = answers.pairs((yield from query_if_known(memory, "system")))
    up_time_s = parse_up_time(system.get("Up Time", ""))
    identity, uptime_of_about = Identity(), None
    if about or up_time_s is None:
        identity, uptime_of_about = answers.parse_about((yield from query(memory, "about")))
    alarms = answers.parse_alarm_count((yield from query_if_known(memory, "alarmcount"))) if about else None
    banner = memory.banner or Banner()
    identity = replace(
        identity,
        aos_version=answers.version(system.get("AOS")) or identity.aos_version or banner.aos_version,
        app_version=answers.version(system.get("App")) or identity.app_version or banner.app_version,
        name=system.get("Name") or None,
        contact=system.get("Contact") or None,
        location=system.get("Location") or None,
    )
    up_time_s = uptime_of_about if up_time_s is None else up_time_s
    if up_time_s is None:
        raise ScreenUnrecognised("neither 'system' nor 'about' tells the up time")
    yield Emit(
        IdentityReading(
            identity=identity,
            up_time_s=up_time_s,
            status_flags=system.get("Stat") or None,
            user=banner.user,
            outlets=memory.outlets,
            alarm_count=alarms,
        )
    )
    return GoalResult()


def read_reset_cause(memory: Memory) -> Dialog[GoalResult]:
    """Read why the NMC restarted last (D4)."""
    yield Emit(answers.parse_reset_cause((yield from query(memory, "lastrst"))))
    return GoalResult()


def read_network(memory: Memory) -> Dialog[GoalResult]:
    """Read the IPv4 settings (D4)."""
    yield Emit(answers.parse_tcpip(answers.pairs((yield from query(memory, "tcpip")))))
    return GoalResult()


def read_log(goal: ReadEventLog) -> Dialog[GoalResult]:
    """Page through the event log (D4)."""
    result, _ = yield from read_event_log(goal, Send("eventlog"))
    return result


_DASH_C_REBOOT = "rebootduration"
_DASH_C_DELAYS = ("powerondelay", "poweroffdelay", _DASH_C_REBOOT)
_SHELL_DELAYS = ("olOnDelay", "olOffDelay", "olRbootTime")


def read_config(memory: Memory) -> Dialog[GoalResult]:
    """Read the delays of all outlets and, on D4, the thresholds that later loads are reported with."""
    commands = _DASH_C_DELAYS if memory.dialect is DialectId.D3C else _SHELL_DELAYS
    on = yield from read_if_known(memory, f"{commands[0]} all", answers.parse_delays)
    off = yield from read_if_known(memory, f"{commands[1]} all", answers.parse_delays)
    reboot = yield from read_if_known(memory, f"{commands[2]} all", answers.parse_delays)
    yield Emit(ConfigReading(outlets=answers.join_delays(on, off, reboot)))
    for kind in ("ph", "bk") if memory.dialect is DialectId.D4 else ():
        limits = yield from _read_limits(memory, kind)
        if limits == memory.limits.get(kind) or limits == (yield from _read_limits(memory, kind)):
            memory.limits[kind] = limits
    return GoalResult()


def _read_limits(memory: Memory, kind: str) -> Dialog[tuple[dict[int, int], dict[int, int], dict[int, int]]]:
    """Read the thresholds of phases or banks; a digit lost would make another, so new ones are read twice."""
    low = yield from read_if_known(memory, f"{kind}LowLoad all", answers.parse_limits)
    near = yield from read_if_known(memory, f"{kind}NearOver all", answers.parse_limits)
    over = yield from read_if_known(memory, f"{kind}OverLoad all", answers.parse_limits)
    return low, near, over


# --- settings --------------------------------------------------------------------------------------------------


def quote(text: str) -> str:
    r"""Quote an argument; a backslash escapes only ``"`` and itself."""
    check_typable(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def configure(memory: Memory, goal: Configure) -> Dialog[GoalResult]:
    """Change one outlet's settings and read them back."""
    before = yield from read_outlet(memory, goal.outlet)
    if goal.current_name is not None and before.name != goal.current_name.strip():
        raise OutletMismatch(f"outlet {goal.outlet} is called {before.name!r}, not {goal.current_name!r}")
    dash_c = memory.dialect is DialectId.D3C
    delays = zip(
        _DASH_C_DELAYS if dash_c else _SHELL_DELAYS,
        (goal.on_delay_s, goal.off_delay_s, goal.reboot_duration_s),
        strict=True,
    )
    for command, seconds in delays:
        if seconds is not None:
            yield from _set_and_compare(memory, command, goal.outlet, seconds)
    if goal.name is None:
        return GoalResult(row=before)
    yield from query(memory, f"{'name' if dash_c else 'olName'} {goal.outlet} {quote(goal.name)}")
    after = yield from read_outlet(memory, goal.outlet)
    yield Emit(OutletReading(after))
    if after.name != goal.name.strip():
        raise CommandRejected(f"the outlet is called {after.name!r} after naming it {goal.name!r}")
    return GoalResult(row=after)


def _set_and_compare(memory: Memory, command: str, outlet: int, seconds: int) -> Dialog[None]:
    first, *others = _set_commands(command, outlet, seconds)
    answer = yield from ask(memory, Send(first))
    for form in others if answer.rejected else ():
        answer = yield from ask(memory, Send(form))
    answer.require(first)
    shown = answers.parse_delays((yield from query(memory, f"{command} {outlet}")))
    if shown != {outlet: seconds}:
        raise CommandRejected(f"{command} of outlet {outlet} reads {shown.get(outlet)} after setting {seconds}")


def _set_commands(command: str, outlet: int, seconds: int) -> tuple[str, ...]:
    """Tell how a delay is set: as the manual has it, then the form that the other commands have.

    ``-c`` wants ``rebootduration 3:10`` and the word ``never``; AOS 5 refuses the word and takes -1.
    """
    plain = f"{command} {outlet} {seconds}"
    if command == _DASH_C_REBOOT:
        return f"{command} {outlet}:{seconds}", plain
    if command in _DASH_C_DELAYS and seconds < 0:
        return f"{command} {outlet} never", plain
    return (plain,)


def set_pdu_name(memory: Memory, goal: SetPduName) -> Dialog[GoalResult]:
    """Name the PDU itself; where the console tells the name, compare it."""
    if memory.dialect is DialectId.D3C:
        yield from query(memory, f"name master {quote(goal.name)}")
        return GoalResult()
    yield from query(memory, f"system -n {quote(goal.name)}")
    shown = answers.pairs((yield from query(memory, "system"))).get("Name")
    if shown != goal.name.strip():
        raise CommandRejected(f"the PDU is called {shown!r} after naming it {goal.name!r}")
    return GoalResult()


def set_gateway(memory: Memory, goal: SetGateway) -> Dialog[GoalResult]:
    """Set the default gateway (D4); some firmware uses it only after a restart, so nothing is compared."""
    check_address(goal.address)
    yield from query(memory, f"tcpip -g {goal.address}")
    yield from read_network(memory)
    return GoalResult(detail="the PDU may need a restart of its NMC before it uses the new gateway")
