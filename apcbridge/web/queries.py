"""The query of ``/api/v1/events`` -> what to look up. Strict. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

from apcbridge.web.messages import HistoryQuery, RequestRefused

EVENTS_DEFAULT = 100
EVENTS_MAX = 1000
REACH = 10_000
"""How many entries are looked through for those of one PDU."""

_KNOWN = ("since", "limit", "pdu")


def parse_history_query(query: str) -> HistoryQuery:
    """Read ``since=…&limit=…&pdu=…``, each optional; raise RequestRefused with what is wrong."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=8)
    except ValueError:
        raise _bad("the query is not of the form name=value&name=value") from None
    fields = dict(pairs)
    if len(fields) != len(pairs) or not fields.keys() <= set(_KNOWN):
        raise _bad(f"each of {', '.join(_KNOWN)} may be given once, and nothing else")
    limit = _limit(fields["limit"]) if "limit" in fields else EVENTS_DEFAULT
    return HistoryQuery(
        since_at=_since_at(fields["since"]) if "since" in fields else None,
        limit=limit,
        reach=REACH if "pdu" in fields else limit,
        pdu=fields.get("pdu"),
    )


def _since_at(text: str) -> float:
    """Read Unix time or ISO 8601; without a zone it is UTC."""
    try:
        at = float(text)
    except ValueError:
        at = _iso_at(text)
    if not math.isfinite(at):
        raise _bad("since must be a moment")
    return at


def _iso_at(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise _bad("since must be Unix time or ISO 8601, as in 2026-11-22T11:23:00Z") from None


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= EVENTS_MAX:
        return int(text)
    raise _bad(f"limit must be a whole number from 1 to {EVENTS_MAX}")


def _bad(detail: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.BAD_REQUEST, "query", detail)
