"""A logger that says which PDU it speaks of."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class PduLogger(logging.LoggerAdapter[logging.Logger]):
    """Puts the PDU's id before every message and into the record's fields (``pdu``)."""

    def __init__(self, logger: logging.Logger, pdu: str) -> None:
        super().__init__(logger, {"pdu": pdu})
        self._pdu = pdu

    def process(self, msg: str, kwargs: MutableMapping[str, Any]) -> tuple[str, MutableMapping[str, Any]]:
        """Add the PDU to message and fields."""
        kwargs["extra"] = {"pdu": self._pdu, **(kwargs.get("extra") or {})}
        return f"{self._pdu}: {msg}", kwargs
