"""What a client of the HTTP API sees."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from apcbridge.commands import Origin, ResultStatus
from apcbridge.model import Action, LinkState, OutletState
from apcbridge.web.messages import HistoryQuery, Peer, Response, ResultWait, StreamStart
from apcbridge.web.settings import Health, WebSettings
from tests.unit.web.world import (
    LOCAL,
    LOOPBACK,
    LOST_AFTER_S,
    NOW_AT,
    REMOTE,
    STALE_AFTER_S,
    TOKEN,
    World,
    event,
    header,
    outlet,
    parsed,
    result,
    snapshot,
    status,
)


@pytest.fixture
def world() -> World:
    return World()


def outlets_of(world: World, pdu: str = "p") -> list[dict[str, object]]:
    response = world.get(f"/api/v1/pdus/{pdu}")
    found: list[dict[str, object]] = json.loads(response.body)["outlets"]
    return found


def test_a_fresh_outlet_has_its_state(world: World) -> None:
    first, second = outlets_of(world)
    assert (first["name"], first["state"], first["freshness"], first["policy"]) == ("nas", "ON", "fresh", "normal")
    assert (second["name"], second["state"], second["policy"]) == ("router", "OFF", "no-off")


@pytest.mark.parametrize(("age_s", "freshness"), [(STALE_AFTER_S, "stale"), (LOST_AFTER_S, "lost")])
def test_nothing_old_passes_for_current(world: World, age_s: float, freshness: str) -> None:
    world.clock.pass_(age_s)
    document = json.loads(world.get("/api/v1/pdus/p").body)
    assert (document["available"], document["freshness"], document["age_s"]) == (False, freshness, age_s)
    assert {o["state"] for o in document["outlets"]} == {o["pending"] for o in document["outlets"]} == {None}
    assert [o["last_state"] for o in document["outlets"]] == ["ON", "OFF"]
    assert document["load"]["amperes"] is document["load"]["watts"] is document["load"]["phases"][0]["amperes"] is None
    assert document["nmc"]["uptime_s"] is None


def test_an_outlet_read_back_after_a_command_is_younger_than_the_list(world: World) -> None:
    world.clock.pass_(STALE_AFTER_S)
    young = outlet(1, OutletState.OFF, read_mono=world.clock.mono, read_at=world.clock.at)
    world.store.replace(status(snapshot("p", young, outlet(2))))
    first, second = outlets_of(world)
    assert (first["state"], first["age_s"]) == ("OFF", 0.0)
    assert (second["state"], second["age_s"]) == (None, STALE_AFTER_S)


def test_a_lost_line_makes_young_readings_old(world: World) -> None:
    world.store.replace(status(snapshot(), link=LinkState.LOST))
    assert {o["state"] for o in outlets_of(world)} == {None}


def test_a_pdu_that_was_never_read_has_only_its_link(world: World) -> None:
    document = parsed(world.get("/api/v1/pdus/q"))
    assert document["freshness"] == "lost"
    assert document["outlets"] == []
    assert document["info"] is document["load"] is document["nmc"] is document["age_s"] is None


def test_every_pdu_is_listed(world: World) -> None:
    document = json.loads(world.get("/api/v1/pdus").body)
    assert [pdu["pdu"] for pdu in document["pdus"]] == ["p", "q"]
    assert (document["bridge"], document["version"], document["ts"]) == ("rack-a", "1.2.3", "2027-01-15T08:00:00.000Z")


def test_one_outlet_can_be_asked_for(world: World) -> None:
    assert parsed(world.get("/api/v1/pdus/p/outlets/2"))["name"] == "router"


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("/nothing", "unknown_path"),
        ("/api/v1/pdus/", "unknown_pdu"),
        ("/api/v1/pdus/x", "unknown_pdu"),
        ("/api/v1/pdus/p/outlets/3", "unknown_outlet"),
        ("/api/v1/pdus/p/outlets/all", "unknown_outlet"),
        ("/api/v1/pdus/p/outlets/01", "unknown_outlet"),
        ("/api/v1/pdus/p/outlets/%31x", "unknown_outlet"),
        ("/api/v1/pdus/q/outlets/1", "unknown_outlet"),
        ("/api/v1/pdus/x/outlets/1", "unknown_pdu"),
        ("/api/v1/pdus/p/commands/x", "unknown_command"),
        ("/api/v1/events?pdu=x", "unknown_pdu"),
        ("/api/v1/events/", "unknown_path"),
        ("//api/v1/pdus", "unknown_path"),
        ("http://localhost/api/v1/pdus", "unknown_path"),
    ],
)
def test_what_is_not_there_is_404_in_json(world: World, target: str, error: str) -> None:
    document = parsed(world.get(target), HTTPStatus.NOT_FOUND)
    assert document["error"] == error
    assert document["detail"]


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("POST", "/api/v1/pdus", "GET, HEAD"),
        ("DELETE", "/metrics", "GET, HEAD"),
        ("PUT", "/api/v1/pdus/p/outlets/1", "GET, HEAD, POST"),
        ("OPTIONS", "/api/v1/pdus/p/outlets/1", "GET, HEAD, POST"),
    ],
)
def test_a_method_that_does_not_fit_is_405_and_says_which_do(
    world: World, method: str, target: str, allowed: str
) -> None:
    answer = world.ask(target, method)
    parsed(answer, HTTPStatus.METHOD_NOT_ALLOWED)
    assert header(answer, "allow") == allowed


class TestSwitching:
    def test_is_accepted_with_a_place_to_ask_for_the_result(self, world: World) -> None:
        answer = world.switch({"command": "OFF"})
        document = parsed(answer, HTTPStatus.ACCEPTED)
        assert (document["status"], document["id"], document["outlet"]) == ("accepted", "made-1", 1)
        where = header(answer, "location")
        assert where == "/api/v1/pdus/p/commands/made-1"
        world.confirm()
        assert parsed(world.get(where))["status"] == "confirmed"

    @pytest.mark.parametrize(
        ("peer", "origin", "principal"), [(LOCAL, "local", "alice"), (REMOTE, "http", "token@192.0.2.7")]
    )
    def test_is_told_apart_by_door_and_person(self, world: World, peer: Peer, origin: str, principal: str) -> None:
        document = parsed(world.switch({"command": "OFF"}, peer=peer), HTTPStatus.ACCEPTED)
        assert (document["origin"], document["principal"]) == (origin, principal)
        assert (document["command"], document["pdu"]) == ("OFF", "p")

    def test_carries_id_and_time_to_live(self, world: World) -> None:
        world.switch({"command": "REBOOT", "id": "mine", "ttl": 5})
        (command,) = world.arbiter.unfinished("p")
        assert (command.id, command.action, command.origin) == ("mine", Action.REBOOT, Origin.LOCAL)
        assert command.deadline_mono == world.clock.mono + 5

    def test_of_all_outlets_obeys_the_rule_of_its_door(self, world: World) -> None:
        target = "/api/v1/pdus/p/outlets/all"
        parsed(world.switch({"command": "ON"}, target, REMOTE), HTTPStatus.FORBIDDEN)
        parsed(world.switch({"command": "ON"}, target, LOCAL), HTTPStatus.ACCEPTED)

    @pytest.mark.parametrize(
        ("target", "document", "expected", "error"),
        [
            ("/api/v1/pdus/p/outlets/9", {"command": "ON"}, HTTPStatus.NOT_FOUND, "unknown_outlet"),
            ("/api/v1/pdus/x/outlets/1", {"command": "ON"}, HTTPStatus.NOT_FOUND, "unknown_pdu"),
            ("/api/v1/pdus/p/outlets/2", {"command": "OFF"}, HTTPStatus.FORBIDDEN, "not_permitted"),
            ("/api/v1/pdus/q/outlets/1", {"command": "ON"}, HTTPStatus.SERVICE_UNAVAILABLE, "stale"),
            ("/api/v1/pdus/p/outlets/1", {"command": "on"}, HTTPStatus.BAD_REQUEST, "malformed"),
            ("/api/v1/pdus/p/outlets/x", {"command": "ON"}, HTTPStatus.NOT_FOUND, "unknown_outlet"),
        ],
    )
    def test_is_refused_with_the_reason(
        self, world: World, target: str, document: object, expected: HTTPStatus, error: str
    ) -> None:
        assert parsed(world.switch(document, target), expected)["error"] == error
        assert world.arbiter.unfinished("p") == ()

    def test_again_too_soon_is_a_conflict(self, world: World) -> None:
        world.switch({"command": "REBOOT"})
        world.confirm()
        assert parsed(world.switch({"command": "REBOOT"}), HTTPStatus.CONFLICT)["error"] == "too_soon"

    def test_with_a_full_queue_asks_to_come_back(self, world: World) -> None:
        for _ in range(16):
            world.switch({"command": "ON"})
        answer = world.switch({"command": "ON"})
        assert parsed(answer, HTTPStatus.SERVICE_UNAVAILABLE)["error"] == "queue_full"
        assert header(answer, "retry-after")

    def test_twice_under_one_name_acts_once_and_tells_of_the_first(self, world: World) -> None:
        world.switch({"command": "OFF", "id": "a"})
        world.confirm()
        answer = world.switch({"command": "OFF", "id": "a"})
        document = parsed(answer, HTTPStatus.CONFLICT)
        assert isinstance(document["first"], dict)
        assert (document["error"], document["id"], document["first"]["status"]) == ("duplicate", "a", "confirmed")
        assert header(answer, "location") == "/api/v1/pdus/p/commands/a"
        assert world.arbiter.unfinished("p") == ()

    def test_of_stale_readings_is_refused(self, world: World) -> None:
        world.clock.pass_(STALE_AFTER_S)
        assert parsed(world.switch({"command": "OFF"}), HTTPStatus.SERVICE_UNAVAILABLE)["error"] == "stale"


class TestWaiting:
    @pytest.mark.parametrize(
        ("step", "expected"),
        [
            (ResultStatus.CONFIRMED, HTTPStatus.OK),
            (ResultStatus.FAILED, HTTPStatus.BAD_GATEWAY),
            (ResultStatus.UNKNOWN, HTTPStatus.GATEWAY_TIMEOUT),
        ],
    )
    def test_ends_with_how_the_command_ended(self, world: World, step: ResultStatus, expected: HTTPStatus) -> None:
        wait = world.switch({"command": "OFF", "wait": True})
        assert isinstance(wait, ResultWait)
        assert not world.api.has_ended(wait)
        assert parsed(world.api.result_response(wait), HTTPStatus.ACCEPTED)["status"] == "accepted"
        world.confirm(step=step)
        assert world.api.has_ended(wait)
        assert parsed(world.api.result_response(wait), expected)["status"] == step.value

    def test_does_not_take_an_old_result_of_the_name_for_its_own(self, world: World) -> None:
        world.switch({"command": "OFF", "id": "a"})
        world.confirm()
        world.clock.pass_(700)
        world.store.replace(status(snapshot(taken_mono=world.clock.mono)))
        wait = world.switch({"command": "OFF", "id": "a", "wait": True})
        assert isinstance(wait, ResultWait)
        assert not world.api.has_ended(wait)

    def test_outlasts_the_deadline_and_the_longest_reboot(self, world: World) -> None:
        wait = world.switch({"command": "REBOOT", "ttl": 20, "wait": True})
        assert isinstance(wait, ResultWait)
        assert wait.until_mono >= world.clock.mono + 20 + 60


class TestAccess:
    ORDER = b'{"command": "OFF"}'
    GOOD = (
        ("host", "bridge.example"),
        ("content-type", "application/json; charset=utf-8"),
        ("authorization", f"Bearer {TOKEN}"),
    )

    def post(self, world: World, *changes: tuple[str, str]) -> Response:
        headers = {**dict(self.GOOD), **dict(changes)}
        answer = world.ask("/api/v1/pdus/p/outlets/1", "POST", self.ORDER, REMOTE, tuple(headers.items()))
        assert isinstance(answer, Response)
        return answer

    def test_the_token_opens_the_door(self, world: World) -> None:
        parsed(self.post(world), HTTPStatus.ACCEPTED)

    @pytest.mark.parametrize(
        "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}, Bearer x", "Bearer ü"]
    )
    def test_without_the_token_it_stays_shut(self, world: World, given: str) -> None:
        answer = self.post(world, ("authorization", given))
        parsed(answer, HTTPStatus.UNAUTHORIZED)
        assert (header(answer, "www-authenticate") or "").startswith("Bearer")
        assert TOKEN.encode() not in answer.body
        assert world.arbiter.unfinished("p") == ()

    @pytest.mark.parametrize(
        "settings",
        [
            WebSettings(bridge_id="b"),
            WebSettings(bridge_id="b", control=True),
            WebSettings(bridge_id="b", control=True, token=""),
            WebSettings(bridge_id="b", token=TOKEN),
        ],
    )
    def test_control_is_off_unless_switched_on_with_a_token(self, settings: WebSettings) -> None:
        world = World(settings=settings)
        assert parsed(self.post(world), HTTPStatus.FORBIDDEN)["error"] == "control_off"
        assert parsed(self.post(world, ("authorization", "Bearer ")), HTTPStatus.FORBIDDEN)["error"] == "control_off"

    @pytest.mark.parametrize(
        "change",
        [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://bridge.example.evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ],
    )
    def test_another_site_cannot_switch_even_with_the_token(self, world: World, change: tuple[str, str]) -> None:
        assert parsed(self.post(world, change), HTTPStatus.FORBIDDEN)["error"] == "cross_site"

    def test_our_own_page_can(self, world: World) -> None:
        answer = self.post(world, ("origin", "https://bridge.example"), ("sec-fetch-site", "same-origin"))
        parsed(answer, HTTPStatus.ACCEPTED)

    @pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    def test_what_a_form_can_send_is_no_command(self, world: World, media_type: str) -> None:
        parsed(self.post(world, ("content-type", media_type)), HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "localhost."]
    )
    def test_loopback_answers_to_its_own_names(self, world: World, host: str) -> None:
        assert world.get("/healthz", LOOPBACK, (("host", host),)).status is HTTPStatus.OK

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "localhost.evil.example",
            "192.0.2.1",
            "",
            "[::1",
            "[::1].evil.example",
            "127.0.0.1.evil.example",
        ],
    )
    def test_loopback_answers_to_no_other(self, world: World, host: str) -> None:
        assert world.get("/api/v1/pdus", LOOPBACK, (("host", host),)).status is HTTPStatus.MISDIRECTED_REQUEST

    def test_a_reverse_proxy_is_let_in_by_name(self) -> None:
        world = World(settings=WebSettings(bridge_id="b", hosts=("Power.Example",)))
        assert world.get("/", LOOPBACK, (("host", "power.example"),)).status is HTTPStatus.OK

    def test_an_address_that_others_reach_answers_to_any_name(self, world: World) -> None:
        assert world.get("/healthz", REMOTE, (("host", "anything.example"),)).status is HTTPStatus.OK

    def test_a_token_of_any_script_can_be_shown(self) -> None:
        world = World(settings=WebSettings(bridge_id="b", control=True, token="schlüssel"))
        on_the_wire = "Bearer schlüssel".encode().decode("latin-1")
        parsed(self.post(world, ("authorization", on_the_wire)), HTTPStatus.ACCEPTED)

    def test_settings_do_not_show_the_token(self, world: World) -> None:
        assert TOKEN not in repr(world.settings)


class TestOtherResources:
    def test_health_is_503_when_a_part_makes_no_progress(self, world: World) -> None:
        assert parsed(world.get("/healthz"))["status"] == "ok"
        world.health = Health(degraded=("journal: disk full",))
        assert parsed(world.get("/healthz"))["degraded"] == ["journal: disk full"]
        world.health = Health(failed=("console of p",))
        document = parsed(world.get("/healthz"), HTTPStatus.SERVICE_UNAVAILABLE)
        assert (document["status"], document["failed"]) == ("failed", ["console of p"])

    def test_the_page_is_at_the_root(self, world: World) -> None:
        assert world.get("/").content_type.startswith("text/html")

    def test_events_ask_the_journal(self, world: World) -> None:
        answer = world.ask("/api/v1/events?since=2027-01-15T08:00:00Z&limit=7")
        assert answer == HistoryQuery(since_at=NOW_AT, limit=7, reach=7, pdu=None)

    def test_a_stream_goes_on_where_it_broke(self, world: World) -> None:
        answer = world.ask("/api/v1/stream", headers=(("host", "x"), ("last-event-id", "e-3")))
        assert answer == StreamStart(last_id="e-3", control=True)

    def test_the_last_command_stands_beside_its_outlet(self, world: World) -> None:
        world.store.append(result("m1", ResultStatus.FAILED))
        world.store.append(event("e1"))
        last = outlets_of(world)[0]["last_command"]
        assert isinstance(last, dict)
        assert (last["id"], last["status"], last["principal"], last["origin"]) == ("m1", "failed", "mqtt", "mqtt")
        assert outlets_of(world)[1]["last_command"] is None
