"""SETs: from varbinds to commands, and the memory that makes a repeated SET act once.

A SET is judged as a whole before anything of it is submitted (RFC 3416, 4.2.5); the console is never waited for.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apcbridge import errors
from apcbridge.commands import DEFAULT_TTL_S, Command, Origin
from apcbridge.model import Action, Setting
from apcbridge.snmp import ber
from apcbridge.snmp.ber import ErrorStatus, Oid
from apcbridge.snmp.powernet import (
    RPDU_ALL_COMMAND,
    RPDU_COMMAND,
    RPDU_NAME,
    RPDU_OUTLET_CONFIG,
    SPDU_ALL_COMMAND,
    SPDU_CONTROL,
    SPDU_NAME,
    SPDU_OUTLET_CONFIG,
)
from apcbridge.snmp.responder import Refusal
from apcbridge.snmp.system import SYS_CONTACT, SYS_LOCATION, SYS_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apcbridge.errors import CommandRefused
    from apcbridge.model import PduSnapshot

DEDUP_WINDOW_S = 30.0
"""Net-snmp repeats a SET for 6 s by default, pollers for up to half a minute."""
ANSWERS_REMEMBERED = 4096

NAME_LENGTH = 23
"""AOS 3.9.2 cuts outlet names here; a longer one would not read back as it was written."""
SYSTEM_TEXT_LENGTH = 255

_RPDU_ACTIONS = {
    1: Action.ON,
    2: Action.OFF,
    3: Action.REBOOT,
    4: Action.DELAYED_ON,
    5: Action.DELAYED_OFF,
    6: Action.DELAYED_REBOOT,
    7: Action.CANCEL,
}
_SPDU_ACTIONS = {
    1: Action.ON,
    2: Action.OFF,
    3: Action.REBOOT,
    5: Action.DELAYED_ON,
    6: Action.DELAYED_OFF,
    7: Action.DELAYED_REBOOT,
}
_RPDU_ALL_ACTIONS = {
    1: None,
    2: Action.ON,
    3: Action.OFF,
    4: Action.REBOOT,
    5: Action.DELAYED_ON,
    6: Action.DELAYED_OFF,
    7: Action.DELAYED_REBOOT,
    8: Action.CANCEL,
}
_SPDU_ALL_ACTIONS = {
    1: Action.ON,
    2: Action.DELAYED_ON,
    3: Action.OFF,
    4: Action.REBOOT,
    5: Action.DELAYED_REBOOT,
    6: None,
    7: Action.DELAYED_OFF,
}

_CONTROLS: Mapping[Oid, Mapping[int, Action]] = {RPDU_COMMAND: _RPDU_ACTIONS, SPDU_CONTROL: _SPDU_ACTIONS}
_ALL_CONTROLS: Mapping[Oid, Mapping[int, Action | None]] = {
    RPDU_ALL_COMMAND: _RPDU_ALL_ACTIONS,
    SPDU_ALL_COMMAND: _SPDU_ALL_ACTIONS,
}
_OUTLET_SETTINGS: Mapping[Oid, Setting] = {
    (*RPDU_OUTLET_CONFIG, 2): Setting.NAME,
    (*RPDU_OUTLET_CONFIG, 4): Setting.ON_DELAY,
    (*RPDU_OUTLET_CONFIG, 5): Setting.OFF_DELAY,
    (*RPDU_OUTLET_CONFIG, 6): Setting.REBOOT_DURATION,
    (*SPDU_OUTLET_CONFIG, 2): Setting.ON_DELAY,
    (*SPDU_OUTLET_CONFIG, 3): Setting.NAME,
    (*SPDU_OUTLET_CONFIG, 4): Setting.OFF_DELAY,
    (*SPDU_OUTLET_CONFIG, 5): Setting.REBOOT_DURATION,
}
_RANGES = {
    Setting.ON_DELAY: (-1, 7200),
    Setting.OFF_DELAY: (-1, 7200),
    Setting.REBOOT_DURATION: (5, 60),
}
_PDU_NAMES = frozenset({RPDU_NAME, SPDU_NAME})
_SYSTEM_TEXTS: Mapping[Oid, str] = {SYS_CONTACT: "contact", SYS_NAME: "name", SYS_LOCATION: "location"}
_WRITABLE = frozenset(
    {*_CONTROLS, *_OUTLET_SETTINGS, *(scalar[:-1] for scalar in (*_ALL_CONTROLS, *_PDU_NAMES, *_SYSTEM_TEXTS))}
)
"""The objects, without instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWish:
    """A varbind that becomes a command. ``action`` None asks for nothing ("noCommand") and is granted."""

    outlet: int | None
    action: Action | Setting | None
    value: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWish:
    """A varbind that writes a string of the system group: ``contact``, ``name`` or ``location``."""

    field: str
    value: str


Wish = CommandWish | TextWish


def plan(request: ber.Message, snapshot: PduSnapshot | None) -> tuple[Wish, ...] | Refusal:
    """Judge every varbind of a SET; raise MalformedMessage if an OID is none."""
    wishes: list[Wish] = []
    for index, varbind in enumerate(request.varbinds, start=1):
        wish = _wish(varbind, snapshot)
        if not isinstance(wish, ErrorStatus) and _contradicts(wish, wishes):
            wish = ErrorStatus.INCONSISTENT_VALUE
        if isinstance(wish, ErrorStatus):
            return Refusal(wish, index)
        wishes.append(wish)
    return tuple(wishes)


def _contradicts(wish: Wish, earlier: list[Wish]) -> bool:
    """Tell whether one request asks twice for the same thing: their order would decide, and it has none."""
    return any(_target(wish) == _target(other) or _switches_both(wish, other) for other in earlier)


def _target(wish: Wish) -> tuple[object, ...]:
    if isinstance(wish, TextWish):
        return (wish.field,)
    return (wish.outlet, wish.action if isinstance(wish.action, Setting) else "switch")


def _switches_both(wish: Wish, other: Wish) -> bool:
    """Tell whether one of two switches all outlets, the other's among them."""
    switches = [w.outlet for w in (wish, other) if isinstance(w, CommandWish) and isinstance(w.action, Action)]
    return len(switches) == 2 and None in switches


def _wish(varbind: ber.Varbind, snapshot: PduSnapshot | None) -> Wish | ErrorStatus:
    oid = ber.decode_oid(varbind.oid)
    column, number = oid[:-1], oid[-1]
    if oid in _SYSTEM_TEXTS:
        written = _text(varbind, SYSTEM_TEXT_LENGTH)
        return written if isinstance(written, ErrorStatus) else TextWish(field=_SYSTEM_TEXTS[oid], value=written)
    if oid in _PDU_NAMES:
        return _setting(varbind, None, Setting.PDU_NAME)
    if oid in _ALL_CONTROLS:
        return _control(varbind, None, _ALL_CONTROLS[oid])
    if column not in _CONTROLS and column not in _OUTLET_SETTINGS:
        return _why_not(oid)
    if snapshot is None:
        return ErrorStatus.GEN_ERR
    if snapshot.outlet(number) is None:
        return ErrorStatus.NO_CREATION
    if column in _CONTROLS:
        return _control(varbind, number, _CONTROLS[column])
    return _setting(varbind, number, _OUTLET_SETTINGS[column])


def _why_not(oid: Oid) -> ErrorStatus:
    """Say why an OID cannot be set (RFC 3416, 4.2.5): nobody can write its object, or it has no such instance."""
    writable = any(oid[: len(written)] == written for written in _WRITABLE)
    return ErrorStatus.NO_CREATION if writable else ErrorStatus.NOT_WRITABLE


def _control(
    varbind: ber.Varbind, outlet: int | None, actions: Mapping[int, Action] | Mapping[int, Action | None]
) -> Wish | ErrorStatus:
    value = _integer(varbind)
    if isinstance(value, ErrorStatus):
        return value
    if value not in actions:
        return ErrorStatus.WRONG_VALUE
    return CommandWish(outlet=outlet, action=actions[value])


def _setting(varbind: ber.Varbind, outlet: int | None, setting: Setting) -> Wish | ErrorStatus:
    bounds = _RANGES.get(setting)
    value = _text(varbind, NAME_LENGTH) if bounds is None else _integer(varbind)
    if isinstance(value, ErrorStatus):
        return value
    if value == "" or (bounds and isinstance(value, int) and not bounds[0] <= value <= bounds[1]):
        return ErrorStatus.WRONG_VALUE
    return CommandWish(outlet=outlet, action=setting, value=value)


def _integer(varbind: ber.Varbind) -> int | ErrorStatus:
    if varbind.tag != ber.INTEGER:
        return ErrorStatus.WRONG_TYPE
    try:
        return ber.decode_integer(varbind.value)
    except ber.MalformedMessage:
        return ErrorStatus.WRONG_ENCODING


def _text(varbind: ber.Varbind, limit: int) -> str | ErrorStatus:
    if varbind.tag != ber.OCTET_STRING:
        return ErrorStatus.WRONG_TYPE
    if len(varbind.value) > limit:
        return ErrorStatus.WRONG_LENGTH
    if any(not 0x20 <= octet <= 0x7E for octet in varbind.value):
        return ErrorStatus.WRONG_VALUE
    return varbind.value.decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who sent a SET, and when."""

    pdu: str
    source: str
    """Address and port."""
    principal: str
    """Label of the community or name of the user."""
    request: bytes
    """What tells this request from another of the same asker: the request-id's octets."""
    now_at: float
    now_mono: float


def command(wish: CommandWish, action: Action | Setting, asker: Asker, varbind: ber.Varbind) -> Command:
    """Make the command of one varbind; the same varbind of the same request gets the same id."""
    identity = (asker.pdu, asker.source, asker.principal, asker.request, *varbind)
    digest = hashlib.blake2s(repr(identity).encode(), digest_size=12).hexdigest()
    return Command(
        id=f"snmp-{digest}",
        origin=Origin.SNMP,
        principal=asker.principal,
        pdu=asker.pdu,
        outlet=wish.outlet,
        action=action,
        value=wish.value,
        received_at=asker.now_at,
        received_mono=asker.now_mono,
        deadline_mono=asker.now_mono + DEFAULT_TTL_S,
        dedup_window_s=DEDUP_WINDOW_S,
    )


_STATUS_OF: tuple[tuple[type[CommandRefused], ErrorStatus], ...] = (
    (errors.UnknownOutlet, ErrorStatus.NO_CREATION),
    (errors.NotPermitted, ErrorStatus.NO_ACCESS),
    (errors.TooSoon, ErrorStatus.INCONSISTENT_VALUE),
    (errors.QueueFull, ErrorStatus.RESOURCE_UNAVAILABLE),
    (errors.MalformedCommand, ErrorStatus.WRONG_VALUE),
)


def status_of(refusal: CommandRefused) -> ErrorStatus:
    """Name a refusal of the arbiter as SNMP does; readings that are not fresh, and all else, are genErr."""
    for kind, status in _STATUS_OF:
        if isinstance(refusal, kind):
            return status
    return ErrorStatus.GEN_ERR


class AnswerMemory:
    """The answers to recent SETs, by (source, principal, request-id, varbinds).

    Bounded: when it is full of answers that may still be asked for again, new SETs are refused, because forgetting one
    would let its repetition act.
    """

    def __init__(self, limit: int = ANSWERS_REMEMBERED, window_s: float = DEDUP_WINDOW_S) -> None:
        self._limit = limit
        self._window_s = window_s
        self._answers: OrderedDict[tuple[object, ...], tuple[float, bytes]] = OrderedDict()

    def recall(self, key: tuple[object, ...], now_mono: float) -> bytes | None:
        """Return the answer given to the same request within the window."""
        while self._answers:
            oldest = next(iter(self._answers))
            if self._answers[oldest][0] > now_mono:
                break
            del self._answers[oldest]
        found = self._answers.get(key)
        return found[1] if found else None

    @property
    def full(self) -> bool:
        """True if nothing may be forgotten yet."""
        return len(self._answers) >= self._limit

    def remember(self, key: tuple[object, ...], answer: bytes, now_mono: float) -> None:
        """Keep an answer for the length of the window."""
        self._answers[key] = (now_mono + self._window_s, answer)
