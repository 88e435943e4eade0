"""The way back to the commands queue: for which reasons, how often, how late, and never with a secret in clear."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.commands.parsing import parse_command
from shared.handlers.admission import context_of
from shared.handlers.handing_back import HandingBack, early_s, longest_wait_s
from shared.results.outcome import Conclusion, Outcome
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.message_signing import MOST_ATTEMPTS, MOST_HOPS
from shared.runtime.times import parse_time
from shared.triggers import Message, Trigger
from tests.support.scripted_cloud import Cloud, SetPassword
from tests.support.scripted_world import PARENT, World, message

KEPT = {"InstanceId": "crs-one", "AccountName": "app", "NewPassword": {"SecretRef": "ssm://s"}, "CommandId": "c-1"}
CLEAR = KEPT | {"NewPassword": "New-Passw0rd1"}
FUNCTION = "tencent_redis_set_password"


def back(world: World, one: Message, trigger: Trigger = Trigger.QUEUE, data: Any = None) -> HandingBack:
    command = parse_command(SetPassword, one.data if data is None else data)
    request = world.request(one, trigger=trigger)
    return HandingBack(FUNCTION, request, one, command, context_of(Cloud().operation, request, one, command))


def busy(after_s: float = 0.0, code: str | None = "Locked") -> RetryLater:
    error = RetryLater(ErrorClass.BUSY, "locked now", code=code, request_id="req-9")
    error.after_s = after_s
    return error


def not_changed(error: KeyturnError | None = None) -> Conclusion:
    return Conclusion(Outcome.NOT_CHANGED, error or busy(), ["seen"])


def in_s(seconds: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def test_a_command_whose_reason_passes_goes_back_with_one_attempt_and_one_hop_more() -> None:
    world = World()
    one = message(KEPT, attempt=2, hop=4)
    assert back(world, one).unless_handed_back(not_changed()) is None
    (sent,) = world.commands.events
    assert (sent["type"], sent["attempt"], sent["hop"]) == (f"keyturn.command.{FUNCTION}", 3, 5)
    assert (sent["subject"], sent["source"]) == ("redis/crs-one/app", "keyturn/tencent/ap-guangzhou")
    assert (sent["data"], sent["traceparent"]) == (KEPT, PARENT)
    assert len(sent["id"]) == 32
    assert world.results.events == []


def test_it_goes_back_under_the_id_that_its_delivery_gave_it() -> None:
    world = World()
    bare = {name: value for name, value in KEPT.items() if name != "CommandId"}
    assert back(world, message(bare)).unless_handed_back(not_changed()) is None
    assert world.commands.events[0]["data"]["CommandId"] == "m-1"


def test_two_deliveries_send_two_messages_that_a_queue_can_tell_apart() -> None:
    world = World()
    for attempt, hop in ((1, 0), (2, 0), (1, 1)):
        back(world, message(KEPT, attempt=attempt, hop=hop)).unless_handed_back(not_changed())
    assert len({event["id"] for event in world.commands.events}) == 3


@pytest.mark.parametrize(
    ("what", "trigger", "commands"),
    [
        ("a secret in clear", Trigger.QUEUE, "memory://commands"),
        ("by http", Trigger.HTTP, "memory://commands"),
        ("by timer", Trigger.TIMER, "memory://commands"),
        ("no queue", Trigger.QUEUE, None),
        ("dry run", Trigger.QUEUE, "memory://commands"),
    ],
)
def test_what_may_not_go_back_ends_here(what: str, trigger: Trigger, commands: str | None) -> None:
    data = {"a secret in clear": CLEAR, "dry run": KEPT | {"DryRun": True}}.get(what, KEPT)
    world, ended = World().set(commands=commands), not_changed()
    assert back(world, message(data), trigger).unless_handed_back(ended) is ended
    assert world.commands.events == []


@pytest.mark.parametrize(
    "ended",
    [
        Conclusion(Outcome.CHANGED),
        Conclusion(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, "no")),
        Conclusion(Outcome.UNKNOWN, busy()),
        Conclusion(Outcome.PENDING, busy()),
    ],
    ids=lambda one: one.outcome.value,
)
def test_only_a_reason_that_passes_and_changed_nothing_goes_back(ended: Conclusion) -> None:
    world = World()
    assert back(world, message(KEPT)).unless_handed_back(ended) is ended
    assert world.commands.events == []


def test_a_queue_that_does_not_take_it_leaves_the_conclusion() -> None:
    world, ended = World(), not_changed()
    world.commands.refuses = True
    assert back(world, message(KEPT)).unless_handed_back(ended) is ended


def test_it_is_given_up_after_the_last_attempt() -> None:
    world = World()
    last = back(world, message(KEPT, attempt=MOST_ATTEMPTS - 1)).unless_handed_back(not_changed())
    assert last is None
    assert world.commands.events[0]["attempt"] == MOST_ATTEMPTS
    world = World()
    ended = back(world, message(KEPT, attempt=MOST_ATTEMPTS)).unless_handed_back(not_changed())
    assert world.commands.events == []
    assert ended is not None
    assert ended.error is not None
    assert (ended.outcome, ended.error.error_class) == (Outcome.NOT_CHANGED, ErrorClass.EXHAUSTED)
    assert (ended.error.code, ended.error.request_id, ended.error.retryable) == ("Locked", "req-9", False)
    assert ended.error.message == "given up after 10 deliveries, nothing was changed: locked now"
    assert ended.evidence == ["seen"]


def test_it_comes_back_no_sooner_than_its_reason_says_and_no_sooner_than_a_second() -> None:
    world, before = World(), datetime.now(timezone.utc)
    back(world, message(KEPT)).unless_handed_back(not_changed(busy(after_s=77.0)))
    assert world.commands.delays == [77.0]
    due = parse_time(world.commands.events[0]["notbefore"])
    assert due is not None
    assert timedelta(seconds=76.9) < due - before < timedelta(seconds=80)
    for _ in range(80):
        back(world, message(KEPT)).unless_handed_back(not_changed())
    waits = world.commands.delays[1:]
    assert min(waits) == 1.0
    assert 1.5 < max(waits) <= 4.0  # the second attempt: twice the first two seconds


@pytest.mark.parametrize(("longest_s", "most_s"), [(900.0, 120.0), (0.0, 15.0), (40.0, 40.0)])
def test_the_wait_grows_up_to_what_the_queue_can_hold(longest_s: float, most_s: float) -> None:
    world = World()
    world.commands.max_delay_s = longest_s
    random.seed(153)  # jitter close to its upper end
    wait = timedelta(seconds=random.uniform(0.0, most_s))
    assert wait > timedelta(seconds=0.95 * most_s)
    random.seed(153)
    before = datetime.now(timezone.utc)
    back(world, message(KEPT, attempt=9)).unless_handed_back(not_changed())
    after = datetime.now(timezone.utc)
    due = parse_time(world.commands.events[0]["notbefore"])
    assert due is not None
    rounded = timedelta(milliseconds=1)
    assert before + wait - rounded <= due <= after + wait + rounded


def test_without_a_queue_the_last_attempt_is_told_by_its_own_reason() -> None:
    world, ended = World().set(commands=None), not_changed()
    assert back(world, message(KEPT, attempt=MOST_ATTEMPTS)).unless_handed_back(ended) is ended


# --- too early


def test_a_command_before_its_time_is_put_off_as_it_came() -> None:
    world, due = World(), in_s(3600)
    one = message(KEPT, attempt=2, hop=3, notbefore=due)
    assert back(world, one).put_off(3600.0) is None
    (sent,) = world.commands.events
    assert (sent["attempt"], sent["hop"], sent["notbefore"]) == (2, 4, due)
    assert world.commands.delays == [900.0]  # the most that this queue holds


@pytest.mark.parametrize(
    ("data", "hop", "trigger", "refuses", "goes"),
    [
        (KEPT, MOST_HOPS - 1, Trigger.QUEUE, False, True),
        (KEPT, MOST_HOPS, Trigger.QUEUE, False, False),
        (CLEAR, 0, Trigger.QUEUE, False, False),
        (KEPT, 0, Trigger.HTTP, False, False),
        (KEPT, 0, Trigger.QUEUE, True, False),
    ],
)
def test_what_cannot_be_put_off_ends_as_too_early(
    data: dict[str, Any], hop: int, trigger: Trigger, refuses: bool, goes: bool
) -> None:
    world = World()
    world.commands.refuses = refuses
    ended = back(world, message(data, hop=hop, notbefore=in_s(60)), trigger).put_off(60.0)
    assert (ended is None) == goes == bool(world.commands.events)
    if ended is not None:
        assert ended.error is not None
        assert (ended.outcome, ended.error.error_class.value, ended.error.code, ended.error.retryable) == (
            Outcome.NOT_CHANGED,
            "busy",
            "TooEarly",
            True,
        )


def test_how_early_a_message_is() -> None:
    assert early_s(message(KEPT)) == 0.0
    assert 59.0 < early_s(message(KEPT, notbefore=in_s(60))) <= 60.0
    assert -61.0 < early_s(message(KEPT, notbefore=in_s(-60))) <= -60.0


@pytest.mark.parametrize(
    ("messages", "left_s", "wait_s"),
    [(1, 25.0, 15.0), (1, 9.0, 0.0), (1, 10.0, 0.0), (2, 25.0, 5.0), (2, 12.0, 2.0), (2, 1.0, 0.0)],
)
def test_how_long_an_early_command_is_waited_for(messages: int, left_s: float, wait_s: float) -> None:
    request = World(left_s=left_s).request(*[message(KEPT)] * messages)
    assert longest_wait_s(request) == wait_s
