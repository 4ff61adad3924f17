"""Values of the command line that are checked while it is parsed, so that a slip is told before anything is done."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def port(text: str) -> str:
    """Take a serial device by any path, or the URL of a terminal server or a simulated PDU."""
    from apcbridge.config.addresses import check_port

    return _checked(check_port, text) if "://" in text else text


def broker(text: str) -> str:
    """Take the URL of a broker, or a word for the built-in one or for none."""
    from apcbridge.config.addresses import check_broker_url

    return text if text in {"embedded", "none"} else _checked(check_broker_url, text)


def baud(text: str) -> tuple[int, ...]:
    """Take one speed of a line, or ``auto``; return the speeds to try."""
    from apcbridge.composition import AUTO_BAUDS
    from apcbridge.config.fields import BAUD_RATES

    if text == "auto":
        return AUTO_BAUDS
    if text not in map(str, BAUD_RATES):
        raise argparse.ArgumentTypeError(f"{text!r}: must be auto or one of {', '.join(map(str, BAUD_RATES))}")
    return (int(text),)


def action(text: str) -> str:
    """Take the word for an action as MQTT writes it, too: ``DELAYED_ON`` for ``delayed-on``."""
    return text.lower().replace("_", "-")


def ttl(text: str) -> float:
    """Take how many seconds a command may wait before it begins."""
    from apcbridge.web.orders import TTL_MAX_S, TTL_MIN_S

    return _within(_number(float, text), TTL_MIN_S, TTL_MAX_S, "seconds")


def limit(text: str) -> int:
    """Take how many entries to show."""
    from apcbridge.web.queries import EVENTS_MAX

    return int(_within(_number(int, text), 1, EVENTS_MAX, "entries"))


def since(text: str) -> float:
    """Take a span before now or a moment; return it as Unix time."""
    import time

    from apcbridge.cli.paint import parse_since

    try:
        return parse_since(text, time.time())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _number(kind: Callable[[str], float], text: str) -> float:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def _within(number: float, low: float, high: float, unit: str) -> float:
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"must be {low:g} to {high:g} {unit}")
    return number


def _checked(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
