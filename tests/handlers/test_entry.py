"""One invocation from event to reply: what each trigger gets, when the platform's repeat is wanted, what is logged."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from functions import load_operation
from shared.handlers import entry
from shared.handlers.follow import FollowChangeHandler
from shared.handlers.operation import OperationHandler
from shared.handlers.request import Handled, NothingDone, Request
from shared.handlers.rotation import PlanRotationHandler
from shared.queues import pool
from shared.results.outcome import Outcome
from shared.runtime import redaction
from shared.runtime.errors import ErrorClass, Refused, SettingsError
from shared.runtime.secret import Secret
from tests.support import platform_events
from tests.support.scripted_cloud import Cloud
from tests.support.scripted_platform import COMMAND, FUNCTION, Platform, line_of, platform_in, told
from tests.support.scripted_world import PARENT, Lines, logged


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    with platform_in(monkeypatch) as made:
        yield made


@pytest.fixture
def log() -> Iterator[Lines]:
    with logged() as lines:
        yield lines


# --- what comes back


def test_a_queue_gets_its_results_and_the_log_a_line(platform: Platform, log: Lines) -> None:
    platform.handler.answer = lambda _: [Handled(told()), Handled(None), Handled(told(Outcome.UNKNOWN))]
    returned = platform.send()
    assert [one["data"]["Outcome"] for one in returned["Results"]] == ["changed", "unknown"]
    assert (returned["Count"], returned["Delivered"]) == (2, True)
    assert line_of(log) == {
        "trigger": "queue",
        "messages": 3,
        "outcomes": {"changed": 1, "unknown": 1},
        "delivered": True,
        "raised": None,
        "request_id": "request-1",
    }


@pytest.mark.parametrize(
    "handler",
    [OperationHandler(Cloud().operation), FollowChangeHandler(load_operation), PlanRotationHandler(load_operation)],
)
def test_each_handler_is_an_entry_point(platform: Platform, handler: Any) -> None:
    returned = platform.call(
        platform_events.event([{}], "scf", "http"), lambda _, event, context: handler(event, context)
    )
    (result,) = json.loads(returned["body"])["Results"]
    assert (returned["statusCode"], result["data"]["Error"]["Class"]) == (207, "invalid_command")


def test_a_long_invocation_s_time_is_told_in_milliseconds(log: Lines) -> None:
    entry._InvocationLine().log(FUNCTION, time.monotonic() - 100_000.0, None)
    assert 100_000_000 <= log.lines[0]["milliseconds"] < 100_050_000


def test_outcomes_are_counted(platform: Platform, log: Lines) -> None:
    platform.handler.answer = lambda _: [Handled(told())] * 3
    platform.send(trigger="timer")
    line = line_of(log)
    assert (line["trigger"], line["outcomes"]) == ("timer", {"changed": 3})


def test_of_a_long_batch_a_hundred_results_are_returned_and_all_counted(platform: Platform) -> None:
    platform.handler.answer = lambda _: [Handled(told(command_id=f"c-{n}")) for n in range(101)]
    returned = platform.send()
    assert (len(returned["Results"]), returned["Count"]) == (100, 101)
    assert returned["Results"][-1]["data"]["CommandId"] == "c-99"


def test_an_http_caller_gets_a_reply(platform: Platform, log: Lines) -> None:
    returned = platform.send(trigger="http")
    assert (returned["statusCode"], json.loads(returned["body"])["Delivered"]) == (200, True)
    line = line_of(log)
    assert (line["trigger"], line["messages"], line["delivered"]) == ("http", 1, True)


def test_messages_come_with_their_ids_and_the_function_s_own_fields(platform: Platform) -> None:
    platform.send(trigger="timer", name="nightly")
    (message,) = platform.handler.messages
    assert message.data == COMMAND
    assert message.prefix == "nightly-2026-11-21T10:00:00Z"
    assert platform.handler.requests[0].began > 0


def test_what_is_learned_in_an_invocation_is_forgotten_at_its_end(platform: Platform) -> None:
    scrubbed: list[str] = []

    def learn(request: Request) -> list[Handled]:
        Secret("Learned-Passw0rd")
        scrubbed.append(redaction.scrub("Learned-Passw0rd"))
        return [Handled(told())]

    platform.handler.answer = learn
    platform.send()
    assert (scrubbed, redaction.scrub("Learned-Passw0rd")) == (["***"], "Learned-Passw0rd")


def test_logs_are_guarded_before_anything_is_read(platform: Platform) -> None:
    plain = logging.LogRecord
    logging.setLogRecordFactory(plain)
    try:
        with pytest.raises(SettingsError):
            platform.set(LOG="loud")
            platform.send()
        assert logging.getLogRecordFactory() is not plain
    finally:
        redaction.guard_logs()


# --- when a repeat is wanted


@pytest.mark.parametrize(
    ("handled", "raises"),
    [
        ([Handled(told(), delivered=False)], True),
        ([Handled(told(), delivered=False), Handled(None)], True),
        ([Handled(told(), delivered=False), Handled(told())], False),
        ([Handled(told(), delivered=False, called=True)], False),
        ([Handled(told(), delivered=False), Handled(None, handed=True)], False),
        ([Handled(None, delivered=False)], False),
        ([], False),
    ],
)
def test_only_where_nothing_left_and_nothing_was_called_a_repeat_is_wanted(
    platform: Platform, log: Lines, handled: list[Handled], raises: bool
) -> None:
    platform.handler.answer = lambda _: handled
    if raises:
        with pytest.raises(NothingDone):
            platform.send()
    else:
        assert platform.send()["Delivered"] == all(one.delivered for one in handled)
    line = line_of(log)
    assert line["raised"] == ("NothingDone" if raises else None)
    assert line["delivered"] == all(one.delivered for one in handled)
    platform.handler.answer = lambda _: handled or [Handled(told())]
    assert "statusCode" in platform.send(trigger="http")


def test_without_a_results_queue_only_http_is_answered(platform: Platform, log: Lines) -> None:
    platform.patch.delenv("KEYTURN_RESULTS")
    for trigger in ("queue", "timer"):
        with pytest.raises(NothingDone, match="KEYTURN_RESULTS is not set"):
            platform.send(trigger=trigger)
    assert platform.handler.requests == []
    assert [line["message"] for line in log.of("settings")] == ["KEYTURN_RESULTS is not set"] * 2
    assert platform.send(trigger="http")["statusCode"] == 200


def test_what_a_handler_raises_is_named_and_raised_on(platform: Platform, log: Lines) -> None:
    def fail(request: Request) -> list[Handled]:
        raise ZeroDivisionError

    platform.handler.answer = fail
    with pytest.raises(ZeroDivisionError):
        platform.send()
    assert line_of(log)["raised"] == "ZeroDivisionError"


def test_queues_rest_after_an_invocation(platform: Platform) -> None:
    platform.handler.answer = lambda request: [Handled(told(), request.publish(told(), 0.0))]
    platform.send()
    assert [one.name.url for one in pool._resting].count(f"memory://{platform.name}") == 1


# --- events that hold no command


def test_an_event_of_no_known_shape_is_a_result(platform: Platform, log: Lines) -> None:
    returned = platform.call({"odd": 1})
    (result,) = returned["Results"]
    assert (result["data"]["Outcome"], result["data"]["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert result["data"]["Error"]["Message"].startswith("the event has no known shape")
    assert (result["data"]["CommandId"], len(result["traceparent"])) == ("request-1", 55)
    assert platform.results == [result]
    line = line_of(log)
    assert (line["trigger"], line["outcomes"], line["messages"]) == (None, {"not_changed": 1}, 1)
    assert len(log.of("result")) == 1
    assert platform.handler.requests == []


def test_a_call_that_is_no_post_is_refused_by_its_status(platform: Platform, log: Lines) -> None:
    event = platform_events.event(COMMAND, "scf", "http", headers={"traceparent": PARENT}) | {"httpMethod": "GET"}
    returned = platform.call(event)
    body = json.loads(returned["body"])
    assert (returned["statusCode"], returned["headers"]["Allow"], body["Delivered"]) == (405, "POST", False)
    assert body["Result"]["data"]["Error"]["Message"] == "only POST is allowed"
    assert body["Result"]["traceparent"] == PARENT
    assert platform.results == []
    line = line_of(log)
    assert (line["trigger"], line["outcomes"], line["delivered"]) == ("http", {"not_changed": 1}, False)
    assert line["messages"] == 0
    assert len(log.of("result")) == 1


def test_over_http_another_function_s_event_is_refused_and_on_a_queue_it_comes_as_it_is(platform: Platform) -> None:
    event = {"specversion": "1.0", "id": "e-1", "source": "s", "type": "keyturn.command.other", "data": COMMAND}
    platform.send(event, "http")
    (message,) = platform.handler.messages
    assert (message.data, message.type) == (None, None)
    assert message.problem == "the event is for another function, or is not a command"
    platform.handler.requests.clear()
    platform.send(event)
    (message,) = platform.handler.messages
    assert (message.data, message.type, message.problem) == (COMMAND, "keyturn.command.other", None)
    platform.handler.requests.clear()
    platform.send(event | {"type": f"keyturn.command.{FUNCTION}"}, "http")
    assert platform.handler.messages[0].data == COMMAND


def test_a_signed_message_is_known_by_the_key_of_the_settings(platform: Platform) -> None:
    key = "c2lnbnMtd2hhdC1rZXl0dXJuLXNlbmRzLWl0c2VsZi4"
    platform.set(HANDOFF_KEY=key)
    event = {"specversion": "1.0", "id": "e-1", "source": "s", "subject": "x", "data": COMMAND}
    platform.send(platform_events.signed(event | {"type": f"keyturn.command.{FUNCTION}", "attempt": 4}, key))
    (message,) = platform.handler.messages
    assert (message.authentic, message.attempt) == (True, 4)


def test_a_refusal_is_counted_as_one(platform: Platform) -> None:
    refused = told(Outcome.NOT_CHANGED, Refused(ErrorClass.FORBIDDEN, "no"))
    platform.handler.answer = lambda _: [Handled(refused)]
    assert platform.send(trigger="http")["statusCode"] == 403
