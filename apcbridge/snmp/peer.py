"""The other side of version 3: informs to an engine that is not ours, whose id and clock we must learn first. Pure."""

from __future__ import annotations

import secrets
from enum import Enum, auto
from typing import TYPE_CHECKING

from apcbridge.snmp import ber, v3
from apcbridge.snmp.ber import MalformedMessage, PduType
from apcbridge.snmp.usm import DecryptionFailed, Keys

if TYPE_CHECKING:
    from apcbridge.snmp.settings import User


class Heard(Enum):
    """What a datagram from the receiver means."""

    NOTHING = auto()
    """Not for us, or not proven."""
    CLOCK = auto()
    """Its engine id and clock: what was sent must be sent again."""
    ACKNOWLEDGED = auto()


class Peer:
    """One receiver's engine, as far as it is known (RFC 3414, 4)."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._engine_id = b""
        self._keys: Keys | None = None
        self._boots = 0
        self._ahead_s = 0.0
        self._counter = secrets.randbits(63)

    def message(self, pdu: bytes, message_id: int, now_mono: float) -> bytes:
        """Encode an inform; to an engine that is not known yet, the question who it is."""
        self._counter = (self._counter + 1) & 0xFFFFFFFFFFFFFFFF
        if self._keys is None:
            question = ber.tlv(PduType.GET, ber.integer(message_id) + ber.integer(0) * 2 + ber.tlv(ber.SEQUENCE, b""))
            nobody = v3.Sender(b"", 0, 0, b"", None)
            return v3.encode(message_id, v3.REPORTABLE, nobody, v3.scoped_pdu(b"", b"", question), 0)
        time_s = min(max(int(now_mono + self._ahead_s), 0), 0x7FFFFFFF)
        sender = v3.Sender(self._engine_id, self._boots, time_s, self._user.name.encode(), self._keys)
        flags = v3.AUTH | v3.PRIV | v3.REPORTABLE
        return v3.encode(message_id, flags, sender, v3.scoped_pdu(self._engine_id, b"", pdu), self._counter)

    def hear(self, data: bytes, message_id: int, now_mono: float) -> Heard:
        """Judge a datagram from the receiver."""
        try:
            header = v3.decode(data)
            if header.message_id != message_id:
                return Heard.NOTHING
            if self._keys is None:
                return self._meet(header, now_mono)
            return self._judge(data, header, self._keys, now_mono)
        except (MalformedMessage, DecryptionFailed):
            return Heard.NOTHING

    def forget(self) -> None:
        """Ask again who the receiver is: it may have been set up anew."""
        self._keys = None

    def _meet(self, header: v3.Header, now_mono: float) -> Heard:
        if not header.engine_id:
            return Heard.NOTHING
        self._engine_id = header.engine_id
        self._keys = Keys.of(self._user, header.engine_id)
        self._learn_clock(header, now_mono)
        return Heard.CLOCK

    def _judge(self, data: bytes, header: v3.Header, keys: Keys, now_mono: float) -> Heard:
        if header.engine_id != self._engine_id or not header.flags & v3.AUTH or not v3.is_signed(data, header, keys):
            return Heard.NOTHING
        plain = header.scoped
        if header.flags & v3.PRIV:
            plain = keys.decrypt(plain, header.boots, header.time_s, header.salt)
        kind = v3.decode_scoped(plain, ber.MAX_RESPONSE).request.pdu_type
        if kind == PduType.RESPONSE:
            return Heard.ACKNOWLEDGED
        self._learn_clock(header, now_mono)
        return Heard.CLOCK

    def _learn_clock(self, header: v3.Header, now_mono: float) -> None:
        self._boots = header.boots
        self._ahead_s = header.time_s - now_mono
