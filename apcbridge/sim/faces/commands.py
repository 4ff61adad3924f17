"""What the command lines share: splitting words, outlet lists, options, answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apcbridge.sim.faces.login import User
    from apcbridge.sim.firmware import Firmware

E000 = "E000: Success"


class ParameterError(Exception):
    """The arguments are none that the command takes."""


class AccessDeniedError(Exception):
    """The account may not do that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command of AOS 5/6 prints: its data lines and its code; a None code is left out."""

    lines: Sequence[str] = ()
    code: str | None = E000


def parse_outlets(text: str) -> list[int] | None:
    """Read a list of outlets such as ``1-3,8``; None if it is none."""
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", part.strip())
        if match is None:
            return None
        low = int(match[1])
        numbers += range(low, int(match[2] or low) + 1)
    return numbers or None


def chosen_outlets(firmware: Firmware, user: User, text: str) -> list[int]:
    """Turn ``1-3,8`` or ``all`` into outlet numbers; an outlet user has only his own.

    Raises ParameterError if the text is no such list or names an outlet that is not there, AccessDeniedError if
    it names somebody else's.
    """
    own = list(user.outlets or firmware.relays.numbers)
    if text.lower() == "all":
        return own
    found = parse_outlets(text)
    if found is None or any(n not in firmware.relays.numbers for n in found):
        raise ParameterError
    if any(n not in own for n in found):
        raise AccessDeniedError
    return found


def whole_number(text: str, low: int, high: int) -> int:
    """Read a number within its bounds or raise ParameterError."""
    if not re.fullmatch(r"-?\d{1,4}", text) or not low <= int(text) <= high:
        raise ParameterError
    return int(text)


def outlet_name(text: str) -> str:
    """Return a name of 1 to 23 characters or raise ParameterError."""
    if not 0 < len(text) <= 23:
        raise ParameterError
    return text


def read_options(arguments: list[str], letters: str) -> dict[str, str]:
    """Read ``-x value`` pairs or raise ParameterError."""
    found: dict[str, str] = {}
    if len(arguments) % 2:
        raise ParameterError
    for flag, value in zip(arguments[::2], arguments[1::2], strict=True):
        if len(flag) != 2 or flag[0] != "-" or flag[1] not in letters:
            raise ParameterError
        found[flag[1]] = value
    return found


def split_words(text: str) -> list[str]:
    """Split at blanks; quotes hold blanks, the backslash escapes only itself and the quote."""
    words = re.findall(r'"(?:\\["\\]|[^"])*"|\S+', text)
    return [
        re.sub(r'\\(["\\])', r"\1", word[1:-1]) if len(word) > 1 and word[0] == word[-1] == '"' else word
        for word in words
    ]
