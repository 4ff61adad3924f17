"""What is remembered of the edges."""

from __future__ import annotations

from dataclasses import replace

from apcbridge.commands import CommandResult, Origin, ResultStatus
from apcbridge.errors import UnknownOutlet
from apcbridge.web.chronicle import ENTRIES_KEPT, RESULTS_KEPT, Chronicle
from tests.unit.web.world import NOW_AT, event, result

ACCEPTED, CONFIRMED, DUPLICATE, REFUSED = (
    ResultStatus.ACCEPTED,
    ResultStatus.CONFIRMED,
    ResultStatus.DUPLICATE,
    ResultStatus.REFUSED,
)


def chronicle(*edges: CommandResult) -> Chronicle:
    made = Chronicle({"p", "q"}.__contains__)
    made.take(edges)
    return made


def test_the_latest_step_of_a_command_is_found_by_its_id() -> None:
    found = chronicle(result("a", ACCEPTED), result("a", CONFIRMED)).result("p", "a")
    assert found is not None
    assert found.status is CONFIRMED


def test_the_same_id_at_another_pdu_is_another_command() -> None:
    made = chronicle(result("a", CONFIRMED), result("a", ACCEPTED, pdu="q"))
    assert made.result("p", "a") == result("a", CONFIRMED)
    assert made.result("q", "a") == result("a", ACCEPTED, pdu="q")


def test_a_repetition_does_not_hide_the_result_of_the_first() -> None:
    for later in (DUPLICATE, REFUSED):
        found = chronicle(result("a", ACCEPTED), result("a", CONFIRMED), result("a", later)).result("p", "a")
        assert found is not None
        assert found.status is CONFIRMED


def test_a_refused_command_may_come_again_and_be_accepted() -> None:
    found = chronicle(result("a", REFUSED), result("a", ACCEPTED)).result("p", "a")
    assert found is not None
    assert found.status is ACCEPTED


def test_results_are_bounded_and_the_oldest_goes_first() -> None:
    made = chronicle(*(result(str(number)) for number in range(RESULTS_KEPT + 1)))
    assert made.result("p", "0") is None
    assert made.result("p", "1") is not None


def test_outlets_that_do_not_exist_leave_no_trace_beside_the_outlets() -> None:
    refused = replace(result("a", REFUSED, number=77), error=UnknownOutlet("no"))
    assert chronicle(refused).last_commands("p") == {}


def test_steps_are_counted_and_strangers_are_not() -> None:
    made = chronicle(result("a", ACCEPTED), result("a"), result("b"), result("c", REFUSED, pdu="typo"))
    assert made.counts == {("p", Origin.MQTT, ACCEPTED): 1, ("p", Origin.MQTT, CONFIRMED): 2}


def test_history_tells_each_command_once_it_has_ended() -> None:
    made = Chronicle({"p"}.__contains__)
    made.take([result("a", ACCEPTED), event("e", NOW_AT + 1), result("b", ACCEPTED), result("a", CONFIRMED)])
    assert made.history(None, 10) == [event("e", NOW_AT + 1), result("b", ACCEPTED), result("a", CONFIRMED)]
    assert made.history(NOW_AT + 1, 10) == [event("e", NOW_AT + 1)]
    assert made.history(None, 1) == [result("a", CONFIRMED)]


def test_history_is_bounded() -> None:
    made = Chronicle({"p"}.__contains__)
    made.take(event(str(number)) for number in range(ENTRIES_KEPT + 5))
    assert len(made.history(None, 10_000)) == ENTRIES_KEPT
