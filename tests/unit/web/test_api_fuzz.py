"""Whatever comes in, an answer goes out, and nothing acts that may not."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from apcbridge.model import Action
from apcbridge.web.messages import Answer, Request, Response
from tests.unit.web.world import LOCAL, LOOPBACK, REMOTE, TOKEN, World

SEGMENTS = st.one_of(
    st.sampled_from(
        ["api", "v1", "pdus", "p", "q", "outlets", "1", "2", "all", "commands", "events", "stream", "", "..", "%2f"]
    ),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=8),
)
TARGETS = st.one_of(
    st.lists(SEGMENTS, max_size=8).map(lambda segments: "/" + "/".join(segments)),
    st.builds("/api/v1/pdus/{}/outlets/{}".format, SEGMENTS, SEGMENTS),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40).map("/api/v1/events?".__add__),
)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.fixed_dictionaries(
        {"command": st.sampled_from([*Action, "on", ""])},
        optional={"id": st.text(max_size=5), "ttl": st.floats(), "wait": st.booleans()},
    ).map(lambda document: json.dumps(document).encode()),
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "POST ", "post"])
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["host", "origin", "authorization", "content-type", "sec-fetch-site", "last-event-id"]),
        st.one_of(
            st.sampled_from(["localhost", "application/json", "Bearer", "Bearer x", "http://localhost", "same-origin"]),
            st.text(st.characters(max_codepoint=0xFF), max_size=12),
        ),
    ),
    max_size=6,
).map(tuple)


def is_whole(answer: Answer) -> bool:
    """Tell whether an answer is one that can be sent: JSON if it says so, and an error names itself."""
    if not isinstance(answer, Response):
        return True
    if answer.content_type != "application/json":
        return answer.status == 200
    document = json.loads(answer.body)
    return answer.status < 400 or bool(document["error"] and document["detail"])


@given(METHODS, TARGETS, HEADERS, BODIES)
def test_nobody_switches_without_the_token(
    method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes
) -> None:
    for peer in (REMOTE, LOOPBACK):
        world = World()
        assert is_whole(world.ask(target, method, body, peer, headers))
        assert world.arbiter.unfinished("p") == world.arbiter.unfinished("q") == ()


@given(METHODS, TARGETS, BODIES)
def test_with_the_token_only_a_command_acts(method: str, target: str, body: bytes) -> None:
    for peer in (REMOTE, LOCAL):
        world = World()
        headers = (("host", "x"), ("content-type", "application/json"), ("authorization", f"Bearer {TOKEN}"))
        assert is_whole(world.ask(target, method, body, peer, headers))
        for command in (*world.arbiter.unfinished("p"), *world.arbiter.unfinished("q")):
            request = Request(method=method, target=target)
            assert method == "POST"
            assert request.path[:5:2] == ("api", "pdus", "outlets")
            assert json.loads(body)["command"] == command.action.value
