"""The query of the event history."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from apcbridge.web.messages import RequestRefused
from apcbridge.web.queries import EVENTS_DEFAULT, parse_history_query
from tests.unit.web.world import NOW_AT


def test_without_a_query_the_newest_entries_are_meant() -> None:
    query = parse_history_query("")
    assert (query.since_at, query.limit, query.pdu) == (None, EVENTS_DEFAULT, None)


@pytest.mark.parametrize(
    "since", ["2027-01-15T08:00:00Z", "2027-01-15T08:00:00", "2027-01-15T09%3A00%3A00%2B01%3A00", "1800000000", "1.8e9"]
)
def test_a_moment_is_unix_time_or_iso_8601(since: str) -> None:
    assert parse_history_query(f"since={since}").since_at == NOW_AT


def test_the_entries_of_one_pdu_are_looked_for_among_many() -> None:
    query = parse_history_query("pdu=p&limit=5")
    assert query.limit == 5
    assert query.reach > 1000


@pytest.mark.parametrize(
    "query",
    ["since=", "since=yesterday", "since=inf", "since=nan", "limit=0", "limit=1001", "limit=-1", "limit=1e2", "limit=٣",
     "limit=5&limit=6", "colour=red", "&", "limit", "a=1&" * 20, "since=9999-99-99"],
)  # fmt: skip
def test_anything_else_is_a_bad_request(query: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        parse_history_query(query)
    assert refused.value.response.status is HTTPStatus.BAD_REQUEST
