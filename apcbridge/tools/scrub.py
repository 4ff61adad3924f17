"""Takes out of a transcript what tells whose PDU it is. Pure.

The same thing gets the same placeholder everywhere, of the same width where it can, so that columns stay columns: they
are what a transcript is recorded for. Everything is learned first and replaced afterwards, so that a name that is only
recognised late is gone from the first screen, too.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SERIAL_LABEL = re.compile(r"Serial (?:Number|No\.?)\s*:\s*([A-Za-z0-9-]{4,})")
_SERIAL_SHAPE = re.compile(r"(?<![A-Za-z0-9])[0-9A-Z]{2}\d{4}[0-9A-Z]\d{5}(?![A-Za-z0-9])")
_MAC = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}([ :-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])( *)")
_MAC_NAME = re.compile(r"(?<![A-Za-z0-9])apc[0-9A-F]{6}(?![A-Za-z0-9])")
"""The name that a new AOS 6 card gives itself ends in its MAC address."""
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)( *)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])( *)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+( *)")
_STARS = re.compile(r"(Password\s*: ?)\*+")
"""The echo of a password tells its length."""

_USERS = (
    re.compile(r"[Uu]ser '([^'\r\n]{1,64})'"),
    re.compile(r"User Name\s*: ([^\s:][^\r\n]*?)(?=\s{2,}|\s*[\r\n]|$)"),
    re.compile(r"^User:\s+([^\r\n]*?)(?=\s{2,}|\s*[\r\n]|$)", re.MULTILINE),
)
_COMMON_USERS = frozenset(
    {"apc", "device", "readonly", "Administrator", "Super User", "Outlet User", "Device Only", "Device User", "admin"}
)

_NAME_FIELDS = r"Name|Outlet Name|Contact|Location|Unit ID|Host Name|System Name|Domain Name|Message"
_NAMES = (
    re.compile(r"^[ \t]{0,8}\d{1,2}- (?:Outlet \d:\d{1,2}\s+)?(\S.*?)\s{2,}(?:ON|OFF)\*?(?:\s|$)", re.MULTILINE),
    re.compile(r"^[ \t]{0,2}\d{1,2}: (?:ON|OFF)\*?\s*: ([^\r\n]+)", re.MULTILINE),
    re.compile(r"^[ \t]{0,2}\d{1,2}: ([^\r\n]+): (?:On|Off)\*?\s*$", re.MULTILINE),
    re.compile(r"^[ \t]{0,2}\d{1,2}: ([^\r\n]+?): (?:Power |Reboot |-?\d+(?:\.\d+)? ?[A-Za-z]+\s*$)", re.MULTILINE),
    re.compile(rf"^\s*(?:\d- )?(?:{_NAME_FIELDS})\s*:[ \t]+([^\s:][^\r\n\t]*?)(?=\s{{2,}}|\s*[\r\n]|$)", re.MULTILINE),
    re.compile(r"named '?([^'\r\n,:]+)"),
)
_KEPT_NAME = re.compile(r"Outlet #?\d{1,2}|Unknown|RackPDU|MasterSwitch|rpdu2g|aos|bootmon|Outlet \d:\d{1,2}")
"""What the factory writes tells nothing of the owner; the last ones are modules of the firmware."""
_VOCABULARY = frozenset({
    "on", "off", "outlet", "outlets", "name", "state", "status", "system", "network", "control", "configure",
    "management", "device", "manager", "user", "all", "none", "enabled", "disabled", "date", "time", "contact",
    "location", "master", "apc", "pdu", "rack", "current", "power",
})  # fmt: skip
_CONTEXT = r"(?:(?<=\d- )|(?<=: )|(?<=:\t)|(?<=- )|(?<='))"
"""Where a name that is also a word of the screens counts as a name."""
_SHORT = 3


class Scrubber:
    """Replaces what is private; ``names`` also those of outlets, PDU, contact and location."""

    def __init__(self, username: str, *, names: bool) -> None:
        self._names_too = names
        self._placeholders: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._serials: set[str] = set()
        self._users: set[str] = set()
        self._names: set[str] = set()
        self._add_users([username])

    def learn(self, text: str) -> None:
        """Note what is private in a text, to be replaced wherever it stands."""
        self._serials.update(_SERIAL_LABEL.findall(text))
        for grammar in _USERS:
            self._add_users(grammar.findall(text))
        if self._names_too:
            for grammar in _NAMES:
                self.learn_names(grammar.findall(text))

    def learn_names(self, names: Iterable[str]) -> None:
        """Note names that were seen otherwise; without effect where names are kept."""
        if self._names_too:
            found = (name.strip() for name in names)
            self._names.update(name for name in found if name and not _KEPT_NAME.fullmatch(name))

    def scrub(self, text: str) -> str:
        """Return the text with placeholders."""
        for serial in sorted(self._serials, key=len, reverse=True):
            text = text.replace(serial, self._serial(serial))
        text = _SERIAL_SHAPE.sub(lambda m: m[0] if m[0].startswith("XX") else self._serial(m[0]), text)
        text = _MAC.sub(self._mac, text)
        text = _EMAIL.sub(lambda m: _fit(m, self._number("mail", m[0].strip(), "user{}@example.net")), text)
        text = _IPV4.sub(self._ipv4, text)
        text = _IPV6.sub(self._ipv6, text)
        text = _STARS.sub(r"\1********", text)
        for user in sorted(self._users, key=len, reverse=True):
            text = _whole(user).sub(self._replacing("user", user, "user{}"), text)
        for name in sorted(self._names, key=len, reverse=True):
            text = self._name_pattern(name).sub(self._replacing_name(name), text)
        return _MAC_NAME.sub(lambda m: self._number("mac name", m[0], "apc{:06}"), text)

    def left_over(self, text: str) -> tuple[str, ...]:
        """Return what was learned and still stands in a scrubbed text; words of the screens are not counted."""
        private = {*self._serials, *self._users, *self._names}
        return tuple(sorted(word for word in private if not _is_word(word) and _whole(word).search(text)))

    def _add_users(self, users: Iterable[str]) -> None:
        self._users.update(user for user in users if user and user not in _COMMON_USERS and not _is_word(user))

    def _number(self, kind: str, value: str, form: str) -> str:
        key = (kind, value)
        if key not in self._placeholders:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._placeholders[key] = form.format(self._counts[kind])
        return self._placeholders[key]

    def _serial(self, serial: str) -> str:
        return self._number("serial", serial, f"XX{{:0{max(1, len(serial) - 2)}}}")

    def _mac(self, match: re.Match[str]) -> str:
        digits = re.sub(r"[^0-9A-F]", "", match[0].upper())
        number = int(self._number("mac", digits, "{}"))
        # 02 marks an address that nobody was given by a maker.
        return match[1].join(["02", "00", "00", "00", "00", f"{number % 256:02X}"]) + match[2]

    def _ipv4(self, match: re.Match[str]) -> str:
        text = match[0].strip()
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            return match[0]
        if address.is_unspecified or address.is_loopback or text.startswith("255."):
            return match[0]
        return _fit(match, self._number("ipv4", text, "192.0.2.{}"))

    def _ipv6(self, match: re.Match[str]) -> str:
        text = match[0].strip()
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            return match[0]
        if address.is_unspecified or address.is_loopback:
            return match[0]
        return _fit(match, self._number("ipv6", address.compressed, "2001:db8::{:x}"))

    def _replacing(self, kind: str, value: str, form: str) -> Callable[[re.Match[str]], str]:
        return lambda match: _fit(match, self._number(kind, value, form))

    def _replacing_name(self, name: str) -> Callable[[re.Match[str]], str]:
        long = len(name) > _SHORT
        return lambda match: _fit(
            match, self._number("name", name, "name{:02}" if long else "n{}").ljust(len(name), "x")
        )

    def _name_pattern(self, name: str) -> re.Pattern[str]:
        if len(name) < _SHORT or _is_word(name):
            return re.compile(rf"{_CONTEXT}{re.escape(name)}(?![A-Za-z0-9])( *)")
        return _whole(name)


def _is_word(text: str) -> bool:
    return text.lower() in _VOCABULARY


def _whole(text: str) -> re.Pattern[str]:
    """Match a text where it is not part of a longer word, with the blanks behind it."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])( *)")


def _fit(match: re.Match[str], replacement: str) -> str:
    """Put a replacement in, and take the difference in width from the padding behind it, if it is padding."""
    blanks = match[match.lastindex or 0]
    if len(blanks) < 2:
        return replacement + blanks
    return replacement.ljust(max(len(match[0]), len(replacement) + 1))
