"""Another client that speaks where only we may: most often a second bridge with our base topic and one of our PDU ids.

A command for that PDU then reaches both bridges and switches two outlets, and each overwrites what the other says.
With MQTT 5 the broker does not send us our own messages: whatever comes on the availability topic of one of our PDUs is
somebody else's. With 3.1.1 nobody could tell.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from apcbridge.limits import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apcbridge.mqtt.requests import Incoming
    from apcbridge.mqtt.topics import Topics

log = logging.getLogger(__name__)

REMEMBERED_S = 1500.0
"""Two refreshes of another bridge and some more: until then it counts as being there."""
REPAIRS, REPAIR_AGAIN_S = 3, 600.0
"""A slip is repaired at once; two bridges are not to overwrite each other for ever."""


class Intruders:
    """Remembers who was heard where; time comes as an argument."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._heard_mono: dict[str, float] = {}
        self._repairs = TokenBucket(rate=1 / REPAIR_AGAIN_S, burst=REPAIRS)

    def filters(self, pdus: Iterable[str]) -> tuple[str, ...]:
        """List what to subscribe to, without our own messages."""
        return tuple(self._topics.pdu(pdu, "availability") for pdu in pdus)

    def heard(self, message: Incoming, ours: bytes | None, now_mono: float) -> bool:
        """Note a message under :meth:`filters`, where we say ``ours``; tell whether to publish everything again now.

        A newcomer is answered once, so that a second bridge hears of us; what it says in agreement with us afterwards
        needs no repair, or two bridges would use up those that the farewell of one of them needs.
        """
        newcomer = False
        if message.payload:  # without one somebody only cleared the topic
            newcomer = message.topic not in self._present(now_mono)
            if newcomer:
                log.error("MQTT: %s", self._accusation(message.topic))
            self._heard_mono[message.topic] = now_mono
        return newcomer or (message.payload != ours and self._repairs.take(now_mono))

    def problems(self, pdus: Iterable[str], now_mono: float) -> list[str]:
        """Say what is wrong on the topics of these PDUs, for the health topic."""
        ours = self.filters(pdus)
        return [self._accusation(topic) for topic in self._present(now_mono) if topic in ours]

    def _present(self, now_mono: float) -> list[str]:
        return [topic for topic, mono in self._heard_mono.items() if now_mono - mono < REMEMBERED_S]

    @staticmethod
    def _accusation(topic: str) -> str:
        return f"another client publishes to {topic}: a second bridge with this PDU id would get its commands, too"
