"""An operation at work on a delivery: order, lanes, one bad message among good ones, waiting, and what is told."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.changes.credential import Accepted, Snapshot
from shared.handlers.operation import OperationHandler
from shared.handlers.request import Handled
from shared.results.outcome import Subject
from shared.results.result_event import result_event
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.runtime.times import parse_time
from shared.triggers import Message, Trigger
from tests.support.scripted_cloud import Cloud
from tests.support.scripted_world import PARENT, World, logged, message

FUNCTION = "tencent_redis_set_password"
GIVEN = {"InstanceId": "crs-one", "AccountName": "app", "NewPassword": "New-Passw0rd1"}
KEPT = GIVEN | {"NewPassword": {"SecretRef": "ssm://s"}}


def process(
    *messages: Message, cloud: Cloud | None = None, world: World | None = None, trigger: Trigger = Trigger.QUEUE
) -> list[Handled]:
    handler = OperationHandler((cloud or Cloud()).operation)
    return handler.process((world or World()).request(*messages, trigger=trigger))


def outcomes(handled: list[Handled]) -> list[str | None]:
    return [one.event["data"]["Outcome"] if one.event is not None else None for one in handled]


def code(handled: Handled) -> str | None:
    error = handled.event["data"]["Error"] if handled.event is not None else None
    return error["Code"] if error is not None else None


def in_s(seconds: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def test_a_handler_is_named_by_its_declaration() -> None:
    handler = OperationHandler(Cloud().operation)
    assert (handler.function, handler.action) == (FUNCTION, "SetPassword")
    assert {"InstanceId", "NewPassword", "CommandId"} <= set(handler.fields)
    assert handler.unknown_subject == Subject("tencent", "-", "redis")
    one = message(GIVEN)
    assert str(handler.context_of(World().request(one), one).subject) == "redis/crs-one/app"


def test_one_command_is_changed_published_and_told() -> None:
    cloud, world = Cloud(), World()
    with logged() as log:
        (handled,) = process(message(GIVEN, attempt=2), cloud=cloud, world=world)
    assert (handled.delivered, handled.called, handled.handed, handled.password) == (True, True, False, None)
    assert world.results.events == [handled.event]
    assert cloud.script.sent == ["New-Passw0rd1"]
    (line,) = log.of("result")
    assert line["milliseconds"] < 10_000
    assert {name: value for name, value in line.items() if name != "milliseconds"} == {
        "event": "result",
        "command_id": "m-1",
        "operation": "SetPassword",
        "resource": "redis/crs-one/app",
        "outcome": "changed",
        "error_class": None,
        "code": None,
        "calls": 1,
        "attempt": 2,
        "trace_id": PARENT[3:35],
    }


def test_nothing_to_do_is_nothing_done() -> None:
    assert process() == []


def test_what_was_not_published_is_said_so() -> None:
    world = World()
    world.results.refuses = True
    (handled,) = process(message(GIVEN), world=world)
    assert (handled.delivered, handled.called) == (False, True)


def test_the_http_caller_gets_what_was_made() -> None:
    cloud = Cloud()
    cloud.script.answers["change"] = [Accepted("r", None, [], Secret("Cloud-Passw0rd"))]
    command = {"InstanceId": "crs-one", "AccountName": "app", "Random": True}
    (handled,) = process(message(command), cloud=cloud, trigger=Trigger.HTTP)
    assert handled.password is not None
    assert handled.password.reveal() == "Cloud-Passw0rd"


def test_results_stand_in_the_order_of_their_messages_and_one_bad_message_stops_none() -> None:
    cloud, world = Cloud(), World()

    def change() -> Accepted:
        time.sleep(0.02)
        return Accepted("r", None)

    cloud.script.answers["change"] = [change]
    bad = message(GIVEN | {"InstanceId": "crs-two", "Bad": 1}, "m-2")
    batch = [
        message(GIVEN, "m-1"),
        bad,
        message(None, "m-3", problem="is not JSON"),
        message(GIVEN | {"InstanceId": "crs-two"}, "m-4"),
        message(GIVEN, "m-5", type="keyturn.command.other"),
        message(GIVEN, "m-6"),
    ]
    handled = process(*batch, cloud=cloud, world=world)
    assert outcomes(handled) == ["changed", "not_changed", "not_changed", "changed", None, "changed"]
    named = [one.event["data"]["CommandId"] for one in handled if one.event]
    assert named == ["m-1", "m-2", "m-3", "m-4", "m-6"]
    assert [one.called for one in handled] == [True, False, False, True, False, True]


def test_commands_of_one_resource_run_one_after_another_and_of_two_beside_each_other() -> None:
    def most_at_once(*instances: Any) -> int:
        cloud, at_work, most = Cloud(), [0], [0]

        def change() -> Accepted:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            time.sleep(0.02)
            at_work[0] -= 1
            return Accepted("r", None)

        cloud.script.answers["change"] = [change]
        process(*[message(GIVEN | {"InstanceId": one}, f"m-{n}") for n, one in enumerate(instances)], cloud=cloud)
        assert cloud.script.count("change") == len(instances)
        return most[0]

    assert most_at_once("crs-one", "crs-one", "crs-one") == 1
    assert most_at_once("crs-one", "crs-two", "crs-one") == 2


def test_thirty_resources_are_worked_on_at_once() -> None:
    cloud, lock, full, at_work, most = Cloud(), threading.Lock(), threading.Event(), [0], [0]

    def change() -> Accepted:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            if at_work[0] == 30:
                full.set()
        assert full.wait(10.0)
        time.sleep(0.05)  # in which one more could begin
        with lock:
            at_work[0] -= 1
        return Accepted("r", None)

    cloud.script.answers["change"] = [change]
    batch = [message(GIVEN | {"InstanceId": f"crs-{n}"}, f"m-{n}") for n in range(32)]
    assert outcomes(process(*batch, cloud=cloud)) == ["changed"] * 32
    assert most[0] == 30


def test_messages_that_name_no_resource_have_each_a_lane_of_its_own() -> None:
    handler = OperationHandler(Cloud().operation)
    lanes = [handler._lane(message(data), n) for n, data in enumerate(("text", {"InstanceId": 3}, {}, GIVEN))]
    assert lanes == ["#0", "#1", "#2", "crs-one"]


def test_a_message_for_another_function_is_left_with_one_line() -> None:
    world = World()
    with logged() as log:
        (handled,) = process(message(GIVEN, type="keyturn.command.follow_change"), world=world)
    assert (handled.event, handled.delivered, handled.called, handled.handed) == (None, True, False, False)
    assert log.lines == [{"event": "left", "type": "keyturn.command.follow_change", "trace_id": PARENT[3:35]}]
    assert world.results.events == []


def test_only_types_of_ours_are_shown_in_the_line_of_what_is_left() -> None:
    for kind in ("keyturn.Secret-Passw0rd", "keyturn." + "x" * 81, "keyturn."):
        with logged() as log:
            process(message(GIVEN, type=kind))
        assert log.lines[0]["type"] == "keyturn.-"
    for taken in (None, "com.example.order", f"keyturn.command.{FUNCTION}"):
        assert outcomes(process(message(GIVEN, type=taken))) == ["changed"]
        assert World().request().is_for_another_function(message(GIVEN, type=taken), FUNCTION) is False


# --- defects


def test_a_defect_before_the_command_is_known_names_nothing_of_it() -> None:
    class Broken(dict[str, Any]):
        """A command whose reading fails, as by a defect of ours."""

        def __len__(self) -> int:
            raise ZeroDivisionError

    world = World()
    with logged() as log:
        broken = message(Broken(GIVEN | {"Actor": "ops"}), "m-1", attempt=3)
        handled = process(broken, message(GIVEN, "m-2"), world=world)
    assert outcomes(handled) == ["not_changed", "changed"]
    event = handled[0].event
    assert event is not None
    assert event["data"]["Error"] == {
        "Class": "failed",
        "Code": None,
        "Message": "an unexpected failure before the call; see the log",
        "Retryable": False,
    }
    assert (event["subject"], event["data"]["CommandId"], event["data"]["Attempts"], event["data"]["Actor"]) == (
        "redis/-/-",
        "m-1",
        3,
        None,
    )
    assert event["traceparent"] == PARENT
    (line,) = log.of("unexpected")
    assert (line["why"], line["trace_id"]) == ("ZeroDivisionError", PARENT[3:35])


def test_a_defect_in_a_change_stops_no_other() -> None:
    cloud, world = Cloud(), World()
    cloud.script.answers["change"] = [ZeroDivisionError(), Accepted("r", None)]
    with logged() as log:
        handled = process(message(GIVEN, "m-1"), message(GIVEN, "m-2"), cloud=cloud, world=world)
    assert outcomes(handled) == ["unknown", "changed"]
    assert [one.called for one in handled] == [True, True]
    assert [line["calls"] for line in log.of("result")] == [1, 1]
    assert len(log.of("unexpected")) == 1
    cloud = Cloud(on_change=lambda: 1 // 0)  # type: ignore[arg-type]
    handled = process(message(GIVEN), cloud=cloud)
    assert (outcomes(handled), handled[0].called) == (["not_changed"], False)


def test_a_result_that_cannot_be_made_after_a_change_is_told_as_the_least_that_is_true(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []

    def fails_once(*given: Any) -> Any:
        made.append(given)
        if len(made) == 1:
            raise MemoryError
        return result_event(*given)

    monkeypatch.setattr("shared.handlers.operation.result_event", fails_once)
    world = World()
    handled = process(message(GIVEN, "m-1"), message(GIVEN, "m-2"), world=world)
    assert outcomes(handled) == ["unknown", "changed"]
    assert [one.called for one in handled] == [True, True]
    assert len(world.results.events) == 2


# --- handed back, and waited for


def test_a_command_that_goes_back_has_no_result_yet() -> None:
    cloud, world = Cloud(), World()
    cloud.script.answers["snapshot"] = [RetryLater(ErrorClass.BUSY, "later")]
    command = {"InstanceId": "crs-one", "AccountName": "app", "NoAuth": True}
    (handled,) = process(message(command), cloud=cloud, world=world.set(allow_noauth=True))
    assert (handled.event, handled.handed, handled.delivered, handled.called) == (None, True, True, False)
    assert (len(world.commands.events), world.results.events) == (1, [])


def test_a_command_far_before_its_time_is_put_off_and_called_nothing() -> None:
    cloud, world = Cloud(), World()
    due = in_s(3600)
    (handled,) = process(message(KEPT, notbefore=due), cloud=cloud, world=world)
    assert (handled.handed, world.commands.events[0]["notbefore"]) == (True, due)
    assert cloud.script.calls == []
    (handled,) = process(message(GIVEN, notbefore=due), cloud=cloud, world=world)
    assert code(handled) == "TooEarly"
    assert cloud.script.calls == []


def test_a_command_that_is_due_does_not_wait_however_little_time_is_left() -> None:
    began = time.monotonic()
    assert outcomes(process(message(GIVEN), world=World(left_s=9.0))) == ["changed"]
    assert time.monotonic() - began < 0.9


def test_a_command_a_little_before_its_time_is_waited_for() -> None:
    cloud = Cloud()
    begun: list[datetime] = []

    def look() -> Snapshot:
        begun.append(datetime.now(timezone.utc))
        return Snapshot()

    cloud.script.answers["snapshot"] = [look]
    due = in_s(0.1)
    assert outcomes(process(message(GIVEN, notbefore=due), cloud=cloud)) == ["changed"]
    moment = parse_time(due)
    assert moment is not None
    assert begun[0] >= moment
    assert outcomes(process(message(GIVEN, notbefore=in_s(-3600)), cloud=cloud)) == ["changed"]


@pytest.mark.parametrize("trigger", [Trigger.QUEUE, Trigger.TIMER])
def test_a_refusal_is_a_result(trigger: Trigger) -> None:
    cloud, world = Cloud(), World()
    cloud.script.answers["change"] = [Refused(ErrorClass.NOT_FOUND, "gone", code="NoSuch", request_id="req-2")]
    with logged() as log:
        (handled,) = process(message(GIVEN), cloud=cloud, world=world, trigger=trigger)
    assert handled.event is not None
    assert (code(handled), handled.event["data"]["RequestId"]) == ("NoSuch", "req-2")
    (line,) = log.of("result")
    assert (line["outcome"], line["error_class"], line["code"], line["calls"]) == (
        "not_changed",
        "not_found",
        "NoSuch",
        1,
    )
