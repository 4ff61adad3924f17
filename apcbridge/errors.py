"""Every exception that apcbridge raises on purpose.

::

    ApcBridgeError
      ConfigError                 start-up only: exit 78
      PortError                   the line to the PDU: back off and reopen
        PortUnavailable             it is not there, or we may not open it
        PortBusy                    another process holds it
        PortLost                    it was open and went away
      ConsoleError                the dialog on the line: resynchronise, log in again, reopen
        LoginRefused                the PDU asked for the user name again
        PasswordChangeForced        AOS 6 insists on a new password: a human must choose it
        ScreenUnrecognised          the screen is none that we know: nothing is typed into it
        TableIncomplete             a list without all of its rows is no reading
        OutletMismatch              the outlet's page names another number or name than was asked for
        CommandRejected             the PDU itself answered with an error
        GoalTimeout                 the screen that must come did not come in time
      CommandRefused              a command stopped at the door: answer the asker
        UnknownPdu, UnknownOutlet   there is no such thing here
        NotPermitted                the outlet's policy or the principal's rights forbid it
        Stale                       the readings are not fresh: we do not act blind
        QueueFull                   too many commands wait for this PDU
        TooSoon                     a hold-off (reboot, minimum off time) has not passed
        RetainedCommand             a retained MQTT message is never a command
        MalformedCommand            the words are not those of the contract
      BrokerError                 the MQTT broker: back off and connect again
        BrokerUnavailable           nobody answers there, or the connection broke
        BrokerRefused               it answers and will not have us: name, password, certificate, rights
      JournalError                the state on disk cannot be read or written

Reactions go by class, never by message.
"""

from __future__ import annotations

from dataclasses import dataclass


class ApcBridgeError(Exception):
    """Base of everything below."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in a configuration file; ``line`` and ``column`` count from 1, 0 is unknown."""

    file: str
    line: int
    column: int
    key: str
    """Where in the document, ``pdus[0].outlets.3.policy``; empty for the document as a whole."""
    reason: str
    """What is wrong and what to do about it, without the value of a secret."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.key}: {self.reason}" if self.key else f"{place}: {self.reason}"


class ConfigError(ApcBridgeError):
    """The configuration cannot be used; the message lists every fault with file, line and key."""

    def __init__(self, message: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


class PortError(ApcBridgeError):
    """The line to the PDU failed."""


class PortUnavailable(PortError):
    """The port does not exist or may not be opened; the message says which and what to do."""


class PortBusy(PortError):
    """Another process holds the port."""


class PortLost(PortError):
    """The port was open and went away (cable, adapter, peer)."""


class ConsoleError(ApcBridgeError):
    """The dialog with the console failed."""


class LoginRefused(ConsoleError):
    """The console asked for the user name again after we gave name and password."""


class PasswordChangeForced(ConsoleError):
    """The console insists on a new password before it lets anybody in; apcbridge never types one."""


class ScreenUnrecognised(ConsoleError):
    """The screen is none that this program knows, so nothing was typed into it."""


class TableIncomplete(ConsoleError):
    """A list lacked rows, its footer or its prompt; it is not a reading."""


class OutletMismatch(ConsoleError):
    """The page on the screen is not that of the outlet asked for; nothing was switched."""


class CommandRejected(ConsoleError):
    """The PDU understood the command and answered with an error."""


class GoalTimeout(ConsoleError):
    """What the console must print next did not come in time."""


class CommandRefused(ApcBridgeError):
    """A command was not accepted; nothing was sent to the PDU."""


class UnknownPdu(CommandRefused):
    """No PDU of that id is configured."""


class UnknownOutlet(CommandRefused):
    """The PDU has no outlet of that number."""


class NotPermitted(CommandRefused):
    """The outlet's policy, the bulk switch or the principal's rights forbid it."""


class Stale(CommandRefused):
    """The PDU's readings are not fresh."""


class QueueFull(CommandRefused):
    """Too many commands wait for this PDU."""


class TooSoon(CommandRefused):
    """A hold-off has not passed yet."""


class RetainedCommand(CommandRefused):
    """A retained message is an old message: it never acts."""


class MalformedCommand(CommandRefused):
    """The payload is none that the contract knows."""


class BrokerError(ApcBridgeError):
    """The MQTT broker cannot be used just now."""


class BrokerUnavailable(BrokerError):
    """Nobody answers at the broker's address, or the connection broke."""


class BrokerRefused(BrokerError):
    """The broker answered and refused; the message says what a person must change."""


class JournalError(ApcBridgeError):
    """The journal or another state file cannot be read or written."""
