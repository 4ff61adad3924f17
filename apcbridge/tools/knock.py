"""Is there a console on this line, and at which speed? Logs nobody in, types no password."""

from __future__ import annotations

import string
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from apcbridge.console.access import Access, Credentials, DashC, Door, arrive
from apcbridge.errors import ConsoleError, PasswordChangeForced
from apcbridge.tools.conversation import Conversation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apcbridge.clock import Clock
    from apcbridge.pdu.ports import PortRegistry

_PRINTABLE = frozenset(string.printable.encode())
_READABLE_SHARE = 0.9


class Sound(StrEnum):
    """What a line answers to a few Enters."""

    CONSOLE = "a console"
    SILENCE = "nothing"
    ECHO = "only what we typed ourselves"
    GARBAGE = "garbage"
    STRANGER = "something, but no PDU's console"


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard, at the speed that made the most sense."""

    sound: Sound
    baud: int


class _Ear:
    """Counts what goes over the line."""

    def __init__(self) -> None:
        self._typed = bytearray()
        self._heard = bytearray()

    def typed(self, data: bytes, *, secret: bool) -> None:
        del secret  # nothing secret is ever typed here
        self._typed += data

    def heard(self, data: bytes) -> None:
        self._heard += data

    @property
    def sound(self) -> Sound:
        """Judge what came, given that no prompt of a console did."""
        if not self._heard:
            return Sound.SILENCE
        if self._typed.startswith(self._heard) or self._heard == self._typed:
            return Sound.ECHO
        readable = sum(byte in _PRINTABLE for byte in self._heard)
        return Sound.STRANGER if readable >= _READABLE_SHARE * len(self._heard) else Sound.GARBAGE


_TELLING = (Sound.STRANGER, Sound.GARBAGE, Sound.ECHO, Sound.SILENCE)


async def knock(ports: PortRegistry, clock: Clock, url: str, bauds: Sequence[int]) -> Heard:
    """Press Enter at each speed until a console answers; a session left open by somebody is logged out.

    Raises PortError if the port cannot be used.
    """
    heard: list[Heard] = []
    for baud in bauds if _has_speed(url) else bauds[:1]:
        one = Heard(await _knock_once(ports, clock, url, baud), baud)
        if one.sound is Sound.CONSOLE:
            return one
        heard.append(one)
        if one.sound is Sound.ECHO:
            break
    return min(heard, key=lambda one: _TELLING.index(one.sound))


def _has_speed(url: str) -> bool:
    """Tell whether we set the speed: a terminal server sets its own, save by RFC 2217."""
    return "://" not in url or url.startswith("rfc2217:")


async def _knock_once(ports: PortRegistry, clock: Clock, url: str, baud: int) -> Sound:
    ear = _Ear()
    talk = Conversation(await ports.open(url, baud), clock, ear)
    # The name is never typed: arriving ends at the prompt for it.
    door = Door(Credentials("-", "-"), Access.AUTO, DashC.UNTRIED)
    try:
        await talk.hold(arrive(door, talk.memory))
    except PasswordChangeForced:
        return Sound.CONSOLE
    except ConsoleError:
        return ear.sound
    finally:
        talk.close()
    return Sound.CONSOLE
