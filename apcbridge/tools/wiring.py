"""The cable to a PDU's serial console, for reading at the rack. Plain ASCII, 80 columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Tone(Enum):
    """How a line may be shown where there are colours."""

    HEADING = "heading"
    PLAIN = "plain"
    DRAWING = "drawing"
    CAUTION = "caution"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the page."""

    text: str
    tone: Tone = Tone.PLAIN


# The copper (2-5, 3-2, 4-3, 5-5) is what four independent sources agree on; they differ only in whose RX and TX they
# write. Pin 3 of the socket is what the PDU transmits.
_CABLE = r"""
   PDU, RJ12 socket                              computer, DE-9 (female)

     1   not used
     2   ground        o-----------------------o   5   ground
     3   PDU sends     o---------->>-----------o   2   receive  (RXD)
     4   PDU receives  o----------<<-----------o   3   transmit (TXD)
     5   ground        o-----------------------o   5   ground
     6   not used

     1, 4, 6, 7, 8 and 9 of the DE-9 stay open: there is no flow control.
"""

_SOCKET = r"""
   Looking into the socket of the PDU, pin 1 is at the bottom:

        +----------+
        |   6   ---|
        |   5   ---|--  ground
        |   4   ---|--  PDU receives
        |   3   ---|--  PDU sends
        |   2   ---|--  ground
        |   1   ---|
        +----------+
"""

_SECTIONS: tuple[tuple[str, str], ...] = (
    ("The cable: APC 940-0144 (940-0144A)", _CABLE),
    ("Which pin is which", _SOCKET),
    (
        "To make one yourself",
        """
   Four wires are enough: a four-wire RJ11 or RJ14 plug fits the socket and has
   just the pins 2 to 5. Either ground will do, both are better. Check each wire
   with a meter, end to end, before you plug it in. A USB adapter must be one
   for RS-232 (+-5 V or more on the wire), not one for 3.3 V or 5 V logic.
""",
    ),
    (
        "The line",
        """
   9600 baud, 8 data bits, no parity, 1 stop bit, no flow control. The oldest
   cards come with 2400; AOS 5 and 6 can be set to 2400, 9600, 19200 or 38400.
   Press Enter a few times: "User Name :" must appear.
""",
    ),
    (
        "How to tell a wrong one",
        """
   Nothing at all    Wrong cable (the usual cause), or wires 3 and 4 crossed.
                     A null-modem cable, a Cisco lead or the cable of an APC UPS
                     does not work. Or another program has the port: apcbridge
                     doctor names it.
   Only your own     You hear yourself: pins 2 and 3 of the DE-9 touch.
   typing
   Garbage           The wires are right, the speed is not: apcbridge probe
                     tries all of them. Garbage at every speed: no ground, or
                     an adapter for logic levels, which sees it all inverted.
   You see, but it   Pin 4 has no contact: the PDU sends and does not hear.
   does not obey
   Dies now and      A loose plug, or a USB adapter that drops off the bus:
   then              dmesg tells.
""",
    ),
    (
        "To test the adapter without a PDU",
        """
   Take the cable off and join pins 2 and 3 of the adapter's DE-9 with a paper
   clip. Whatever you type in a terminal program (no local echo) must come
   back; without the clip it must not. If it does not come back, the adapter,
   its driver or the port's name is at fault, not the cable and not the PDU.
""",
    ),
    (
        "Units with another cable",
        """
   A 2.5 mm jack (management cards of the second generation for slots: AP9630,
   AP9631): APC 940-0299, not this one. An RJ45 socket is the network or a
   sensor, never this console.
""",
    ),
)

_CAUTION = "Never plug a telephone line into the RJ12 socket."


def page() -> Iterator[Line]:
    """Yield the page line by line."""
    for heading, text in _SECTIONS:
        yield Line(heading, Tone.HEADING)
        drawn = text in (_CABLE, _SOCKET)
        yield from (Line(line, Tone.DRAWING if drawn else Tone.PLAIN) for line in text.strip("\n").splitlines())
        yield Line("")
    yield Line(_CAUTION, Tone.CAUTION)
