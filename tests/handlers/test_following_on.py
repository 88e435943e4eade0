"""follow_change and time: how often it asks, how long it waits, and how it hands on what has not ended."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from functions import load_operation
from shared.changes.credential import Observation
from shared.handlers.follow import FollowChangeHandler
from shared.results.outcome import Subject
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.times import parse_time
from tests.support.following import FAILED, PLACE, RUNNING, SUCCEEDED, TYPE, code, following
from tests.support.scripted_world import PARENT, World, message

# --- how long, how often


def test_a_running_task_is_asked_every_half_second_for_four_seconds() -> None:
    scene = following(progress=RUNNING)
    (handled,) = scene.process(scene.message())
    assert handled.handed is True
    assert scene.world.time.slept == [0.5] * 8
    assert scene.cloud.script.count("progress") == 9
    assert scene.world.results.events == []


@pytest.mark.parametrize(("left_s", "asked"), [(60.0, 61), (10.0, 18)])
def test_where_the_queue_cannot_hold_a_message_it_is_asked_for_longer(left_s: float, asked: int) -> None:
    scene = following(World(left_s=left_s), progress=RUNNING)
    scene.world.commands.max_delay_s = 0.0
    scene.process(scene.message())
    assert scene.cloud.script.count("progress") == asked
    alone = following(World(left_s=left_s), progress=RUNNING)
    alone.world.commands.max_delay_s = 0.0
    alone.process(alone.message(), alone.message(CommandId="c-2"))
    assert alone.cloud.script.count("progress") == 18  # two, each nine times


def test_a_task_that_ends_meanwhile_is_told_at_once() -> None:
    scene = following(progress=[RUNNING, RUNNING, SUCCEEDED])
    assert scene.ended(scene.message())["Outcome"] == "changed"
    assert scene.world.time.slept == [0.5, 0.5]


def test_what_cannot_end_sooner_is_not_asked_sooner() -> None:
    scene = following(observe=Observation(moved=False))
    lost: dict[str, Any] = {"TaskId": "-", "Settling": {"Signed": scene.ago(327.0)}, "Before": {"Time": "then"}}
    (handled,) = scene.process(scene.message(400.0, **lost))
    assert scene.world.time.slept == [pytest.approx(3.0)]  # until the settling time is over
    assert scene.cloud.script.count("observe") == 2
    assert handled.handed is True
    data = scene.world.commands.events[0]["data"]
    assert data["Settling"]["Quiet"] == scene.ago(0.0)
    assert scene.world.commands.delays == [60.0]
    assert data["Before"] == {"Tasks": [], "Time": "then", "Asked": {}, "Calls": 0, "Secret": True}


def test_a_batch_is_asked_together_and_each_ends_in_its_place() -> None:
    scene = following(progress=[RUNNING, SUCCEEDED, FAILED], observe=Observation(moved=False))
    handled = scene.process(
        scene.message(CommandId="c-1", Before={"Time": "then"}),
        message(None, type=TYPE, authentic=True, problem="poison"),
        scene.message(CommandId="c-2"),
    )
    told = [one.event["data"]["CommandId"] if one.event else None for one in handled]
    outcomes = [one.event["data"]["Outcome"] if one.event else None for one in handled]
    assert (told, outcomes) == (["c-1", None, "c-2"], ["not_changed", None, "changed"])
    assert scene.world.time.slept == [0.5]


def test_the_shortest_wait_of_a_batch_is_everybody_s() -> None:
    scene = following(progress=[RUNNING, RUNNING, SUCCEEDED], observe=Observation(moved=False))
    lost: dict[str, Any] = {"TaskId": "-", "Settling": {"Signed": scene.ago(327.0)}, "Before": {"Time": "then"}}
    scene.process(scene.message(400.0, **lost), scene.message(CommandId="c-2"))
    assert scene.world.time.slept[0] == 0.5


def test_with_no_time_left_nothing_is_asked_and_the_change_goes_on() -> None:
    scene = following(World(left_s=1.4), progress=SUCCEEDED)
    (handled,) = scene.process(scene.message())
    assert (handled.handed, scene.cloud.script.calls) == (True, [])
    scene = following(World(left_s=1.6), progress=SUCCEEDED)
    assert scene.ended(scene.message())["Outcome"] == "changed"


# --- handing on


def test_it_is_handed_on_with_all_that_it_came_with() -> None:
    scene = following(progress=RUNNING)
    what: dict[str, Any] = {
        "Site": "intl",
        "Login": True,
        "Before": {"Tasks": [1], "Time": "then", "Asked": {}, "Secret": True, "Calls": 1},
        "Refused": {"Class": "busy", "Code": "Locked", "Message": "locked", "Retryable": True},
        "Unclear": True,
        "Store": PLACE | {"Current": "v1"},
        "Sealed": "a.b.c",
        "Attempts": 2,
        "RequestId": "req-1",
        "Evidence": ["seen"],
        "Actor": "ops",
        "Reason": "yearly",
    }
    one = scene.message(hop=4, **what)
    scene.process(one)
    (sent,) = scene.world.commands.events
    assert sent["data"] == {**scene.data(14.0, **what), "Proven": False}
    assert (sent["hop"], sent["attempt"], sent["traceparent"]) == (5, 2, PARENT)
    bare = following(progress=RUNNING)
    bare.process(bare.message())
    assert bare.world.commands.events[0]["data"].keys().isdisjoint({"Before", "Store", "Refused", "Settling"})


@pytest.mark.parametrize(("hop", "delay_s"), [(0, 2.0), (1, 4.0), (13, 28.0), (14, 30.0), (500, 30.0)])
def test_each_hop_waits_longer_up_to_half_a_minute(hop: int, delay_s: float) -> None:
    scene = following(progress=RUNNING)
    before = datetime.now(timezone.utc)
    scene.process(scene.message(hop=hop))
    assert scene.world.commands.delays == [delay_s]
    due = parse_time(scene.world.commands.events[0]["notbefore"])
    assert due is not None
    assert timedelta(seconds=delay_s - 0.1) < due - before < timedelta(seconds=delay_s + 5)


@pytest.mark.parametrize(("hop", "ends"), [(999, False), (1000, True)])
def test_a_change_is_followed_over_a_thousand_hops(hop: int, ends: bool) -> None:
    scene = following(progress=RUNNING)
    (handled,) = scene.process(scene.message(hop=hop))
    assert handled.handed is not ends
    if handled.event is not None:
        assert code(handled.event["data"]) == ("unknown", "TooManyHops")


@pytest.mark.parametrize("why", ["no queue", "queue refuses"])
def test_what_no_message_carries_on_is_asked_for_to_the_end_and_told(why: str) -> None:
    for answers, told in (([RUNNING], ("unknown", "NotHandedOn")), ([RUNNING] * 20 + [SUCCEEDED], None)):
        scene = following(World(), progress=answers)
        if why == "no queue":
            scene.world.set(commands=None)
        scene.world.commands.refuses = True
        data = scene.ended(scene.message())
        assert (code(data) if told else data["Outcome"]) == (told or "changed")
        assert scene.world.time.monotonic <= 1_018.5  # a second and a half are kept for telling


def test_a_refusal_while_it_is_asked_ends_it() -> None:
    scene = following(observe=Refused(ErrorClass.FORBIDDEN, "no", code="Denied"))
    lost: dict[str, Any] = {"TaskId": "-", "Settling": {"Signed": scene.ago(10.0)}, "Before": {}}
    assert code(scene.ended(scene.message(**lost))) == ("unknown", "Denied")


def test_what_a_handler_is_called() -> None:
    handler = FollowChangeHandler(load_operation)
    assert (handler.function, handler.action) == ("follow_change", "follow_change")
    assert set(handler.fields) == {"TaskId", "Operation", "StartedAt", "Resource"}
    assert handler.unknown_subject == Subject("-", "-", "-")
    scene = following()
    assert scene.process() == []
