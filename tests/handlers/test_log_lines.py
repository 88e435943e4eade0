"""The log lines of a request, and that none of them holds a secret or raises."""

from __future__ import annotations

import json
import time
from typing import Any

from shared.handlers.operation import OperationHandler
from shared.handlers.request import log_result, log_unexpected, refused_result
from shared.results.outcome import CommandContext, Conclusion, Outcome, Subject
from shared.results.result_event import result_event
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.secret import Secret
from tests.support.scripted_cloud import Cloud
from tests.support.scripted_world import PARENT, World, logged, message

CONTEXT = CommandContext(Subject("tencent", "ap-guangzhou", "redis", "crs-one", "app"), "SetPassword", "c-1", "then")


def test_a_result_without_a_trace_has_a_line_without_one() -> None:
    with logged() as log:
        log_result(result_event(CONTEXT, Conclusion(Outcome.CHANGED)), time.monotonic() - 100_000.0)
    (line,) = log.lines
    assert (line["trace_id"], line["calls"], line["outcome"]) == (None, 0, "changed")
    assert 100_000_000 <= line["milliseconds"] < 100_050_000
    assert log.levels == ["INFO"]


def test_a_request_publishes_and_logs_with_the_calls() -> None:
    world = World()
    request = world.request()
    event = result_event(CONTEXT, Conclusion(Outcome.CHANGED))
    with logged() as log:
        assert request.publish(event, time.monotonic(), 2) is True
        assert request.publish(event, time.monotonic()) is True
        world.results.refuses = True
        assert request.publish(event, time.monotonic()) is False
    assert [line["calls"] for line in log.of("result")] == [2, 0, 0]
    assert len(world.results.events) == 2


def test_a_refused_result_is_named_by_the_handler() -> None:
    one = message({"InstanceId": "crs-one"}, "m-9")
    handler = OperationHandler(Cloud().operation)
    event = refused_result(handler, World().request(one), one, Refused(ErrorClass.FORBIDDEN, "no", code="Denied"))
    assert (event["subject"], event["data"]["CommandId"]) == ("redis/crs-one/-", "m-9")
    assert event["data"]["Outcome"] == "not_changed"
    assert event["data"]["Error"] is not None
    assert event["data"]["Error"]["Code"] == "Denied"


def unexpected(error: BaseException) -> dict[str, Any]:
    with logged() as log:
        try:
            raise error
        except BaseException as raised:
            log_unexpected(raised, message(None))
    assert log.levels == ["ERROR"]
    (line,) = log.lines
    assert (line["event"], line["trace_id"]) == ("unexpected", PARENT[3:35])
    return line


def test_a_defect_s_line_has_its_trace_and_no_secret() -> None:
    secret = Secret("Hidden-Passw0rd")
    line = unexpected(ValueError(f"it was {secret.reveal()}"))
    assert line["why"] == "ValueError"
    assert "it was ***" in line["traceback"]
    assert "test_log_lines.py" in line["traceback"]
    assert "Hidden" not in json.dumps(line)


def test_of_a_long_trace_the_end_is_kept_and_no_half_of_a_secret() -> None:
    secret = Secret("Hidden-Passw0rd")
    text = unexpected(ValueError("x" * 100 + secret.reveal() + "y" * 7_990))["traceback"]
    assert len(text) == 8_000
    assert text.endswith("y" * 7_990)
    assert "Passw0rd" not in text
    assert len(unexpected(ValueError("z" * 20_000))["traceback"]) == 8_000


def test_a_defect_that_cannot_be_printed_is_still_told() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

        @property
        def __traceback__(self) -> Any:  # type: ignore[override]
            return 3

    with logged() as log:
        log_unexpected(Unprintable(), message(None))
    (line,) = log.lines
    assert (line["why"], line["traceback"]) == ("Unprintable", "cannot be printed")
