"""plan_rotation as a handler: what it refuses before it lists, what it lists by, whose report it is, and its waits."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from functions import load_operation
from shared.commands.parsing import parse_model
from shared.handlers.request import NothingDone
from shared.handlers.rotation import PlanRotationHandler, policy_for, spelling_of
from shared.results.outcome import Subject
from shared.rotation.fleet import Account
from shared.rotation.policy import PlanRotation
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.times import now_text
from shared.triggers import Trigger, fit_id
from tests.support.planning import BEGUN, OLD, PLAN, SET, TYPE, Planning, ScriptedFleet
from tests.support.scripted_cloud import Cloud, SetRootPassword, fenced_cloud
from tests.support.scripted_world import PARENT, World, logged, message


def test_a_due_credential_gets_a_command_and_the_firing_a_report() -> None:
    scene = Planning()
    (handled,) = scene.process(message(PLAN, "nightly-1"))
    assert (handled.event, handled.delivered, handled.handed, handled.called) == (None, True, True, False)
    (command,) = scene.world.commands.events
    assert (command["type"], command["subject"]) == (f"keyturn.command.{SET}", "redis/crs-one/app")
    data = command["data"]
    assert (data["Region"], data["InstanceId"], data["AccountName"]) == ("ap-guangzhou", "crs-one", "app")
    assert (data["NewPassword"], data["Deliver"]) == ({"Generate": {"Length": 24}}, {"Store": "ssm://crs-one"})
    assert data["NoAuth"] is False
    (report,) = scene.world.results.events
    assert (report["data"]["Firing"], report["data"]["Sent"], report["data"]["Last"]) == ("nightly-1", 1, True)
    assert report["data"]["Rows"][0]["AgeDays"] == pytest.approx((scene.world.time.utc() - OLD).days, abs=1.0)
    ((access, region),) = scene.opened
    assert (access.keys.id, region, access.site) == ("AKIDTEST", "ap-guangzhou", "domestic")


@pytest.mark.parametrize(("left_s", "kept_s"), [(30.0, 5.0), (15.0, 5.0), (6.0, 2.0)])
def test_listing_ends_early_enough_to_tell(left_s: float, kept_s: float) -> None:
    scene = Planning(World(left_s=left_s))
    scene.process(message(PLAN))
    assert scene.opened[0][0].deadline.left() == pytest.approx(left_s - kept_s)
    assert scene.opened[0][0].deadline.clock == scene.world.time.clock


def test_the_plan_s_site_is_the_one_that_is_listed() -> None:
    scene = Planning()
    scene.process(message(PLAN | {"Site": "intl"}))
    assert scene.opened[0][0].site == "intl"


def test_the_pace_of_commands_is_the_cloud_s() -> None:
    scene = Planning(World().set(rate=0.5), ScriptedFleet({n: [Account("app", "t", OLD)] for n in ("crs-a", "crs-b")}))
    scene.process(message(PLAN))
    assert scene.world.commands.delays == [0.0, 2.0]


# --- what is refused


@pytest.mark.parametrize(
    ("change", "settings", "told"),
    [
        ({"Odd": 1}, {}, ("invalid_command", None, "Odd: is not a field")),
        ({"Function": "tencent_redis_no_such"}, {}, ("invalid_command", None, "Function: names no operation of this")),
        ({"From": BEGUN}, {}, ("invalid_command", None, "From: only keyturn itself may set it")),
        ({"Region": "cn-hangzhou"}, {}, ("invalid_command", None, "Region: ")),
        ({}, {"commands": None}, ("failed", "Settings", "KEYTURN_COMMANDS is not set")),
        ({}, {"results": None}, ("failed", "Settings", "KEYTURN_RESULTS is not set")),
    ],
)
def test_what_may_not_be_listed_is_refused_before_a_call(
    change: dict[str, Any], settings: dict[str, Any], told: tuple[str, str | None, str]
) -> None:
    scene = Planning(World().set(**settings))
    (handled,) = scene.handler.process(scene.world.request(message(PLAN | change), trigger=Trigger.HTTP))
    assert handled.event is not None
    error = handled.event["data"]["Error"]
    assert error is not None
    assert (error["Class"], error["Code"]) == told[:2]
    assert error["Message"].startswith(told[2])
    assert scene.opened == []
    assert scene.world.results.events == ([] if settings.get("results", "-") is None else [handled.event])
    assert handled.delivered is (settings.get("results", "-") is not None)


def test_a_message_with_a_problem_is_refused_with_it() -> None:
    told = Planning().refused(message(None, problem="is not JSON"))
    assert told == ("invalid_command", None, "is not JSON")


def test_an_operation_that_nothing_lists_cannot_be_planned() -> None:
    told = Planning(rotates=False).refused(PLAN)
    assert told == ("invalid_command", None, "Function: names an operation whose credentials cannot be listed")


def test_a_report_needs_no_commands_queue() -> None:
    scene = Planning(World().set(commands=None))
    scene.process(message(PLAN | {"Mode": "report"}))
    assert scene.world.results.events[0]["data"]["Due"] == 1


@pytest.mark.parametrize(
    ("given", "setting", "platform", "cloud", "region"),
    [
        ("ap-tokyo", "ap-singapore", "ap-guangzhou", "tencent", "ap-tokyo"),
        (None, "ap-singapore", "ap-guangzhou", "tencent", "ap-singapore"),
        (None, None, "ap-guangzhou", "tencent", "ap-guangzhou"),
        (None, None, "cn-hangzhou", "alibaba", None),
        (None, None, None, "tencent", None),
    ],
)
def test_the_region_is_the_plan_s_then_the_settings_then_the_platform_s_own(
    given: str | None, setting: str | None, platform: str | None, cloud: str, region: str | None
) -> None:
    scene = Planning(World(cloud=cloud, region=platform).set(region=setting))
    one = message(PLAN | ({"Region": given} if given else {}))
    if region is None:
        assert scene.refused(one)[2] == "Region: is required, in the command or in KEYTURN_REGION"
        return
    scene.process(one)
    assert scene.opened[0][1] == region


def test_the_store_s_region_must_be_known() -> None:
    told = Planning().refused(PLAN | {"Store": "kms://{resource}"})
    assert told[0] == "invalid_command"
    assert "the region of a store in another cloud is not known" in told[2]


def test_what_only_keyturn_writes_is_taken_in_its_own_messages() -> None:
    scene = Planning()
    own = message(PLAN | {"From": BEGUN}, type=TYPE)
    forged = scene.refused(own)
    assert forged[2] == "From: only keyturn itself may set it"
    scene = Planning()
    scene.process(replace(own, authentic=True), trigger=Trigger.QUEUE)
    (report,) = scene.world.results.events
    assert (report["data"]["Firing"], report["data"]["Page"], report["data"]["Listed"]) == ("f-1", 2, 4)


def test_a_package_that_cannot_list_a_cloud_says_so() -> None:
    told = Planning(fleet=ScriptedFleet(error=ImportError("no client"))).refused(PLAN)
    assert told[:2] == ("failed", "NotPackaged")
    assert "this package cannot list that cloud" in told[2]


def test_what_the_listing_is_refused_is_told() -> None:
    error = Refused(ErrorClass.FORBIDDEN, "no", code="Denied")
    assert Planning(fleet=ScriptedFleet(error=error)).refused(PLAN)[:2] == ("forbidden", "Denied")
    assert Planning(World(environ={})).refused(PLAN)[1] == "NoCredentials"


def test_a_defect_stops_no_other_message() -> None:
    scene = Planning(fleet=ScriptedFleet(error=ZeroDivisionError()))
    with logged() as log:
        handled = scene.process(message(PLAN), message({"Policy": "x"}, "m-2"))
    errors = [one.event["data"]["Error"] for one in handled if one.event]
    assert [(error["Class"], error["Code"]) for error in errors if error] == [
        ("failed", None),
        ("invalid_command", None),
    ]
    assert errors[0] is not None
    assert errors[0]["Message"] == "an unexpected failure while the fleet was listed; see the log"
    assert [line["why"] for line in log.of("unexpected")] == ["ZeroDivisionError"]


def test_another_function_s_message_is_left_to_it() -> None:
    scene = Planning()
    with logged() as log:
        (handled,) = scene.process(message(PLAN, type="keyturn.command.other"))
    assert (handled.event, handled.delivered, scene.opened) == (None, True, [])
    assert len(log.of("left")) == 1


# --- the age that a store tells


def test_an_age_that_the_cloud_does_not_tell_is_asked_of_the_store_with_its_cloud_s_keys() -> None:
    environ = {"KEYTURN_TENCENT_SECRET_ID": "AKIDTEST", "KEYTURN_TENCENT_SECRET_KEY": "role-secret-key"}
    world = World(cloud="alibaba", region="cn-hangzhou", environ=environ).set(region="ap-guangzhou")
    scene = Planning(world, ScriptedFleet({"crs-one": [Account("app")]}))
    scene.process(message(PLAN | {"Store": "kms://{resource}", "Mode": "report"}))
    (row,) = world.results.events[0]["data"]["Rows"]
    assert row["Why"] == "no age: the cloud shows none, and kms://crs-one answers NoCredentials"


def test_without_a_store_there_is_no_other_age() -> None:
    scene = Planning(fleet=ScriptedFleet({"crs-one": [Account("app")]}))
    scene.process(message({name: value for name, value in PLAN.items() if name != "Store"} | {"Mode": "report"}))
    (row,) = scene.world.results.events[0]["data"]["Rows"]
    assert row["Why"] == "no age: the cloud shows none, and neither does the store"


def test_settings_decide_what_is_listed_and_changed() -> None:
    scene = Planning(World().set(allow=(("tencent", "redis", "*", "crs-two", "*"),)))
    scene.process(message(PLAN))
    assert scene.world.commands.events == []
    assert scene.world.results.events[0]["data"]["NotAllowed"] == 1


# --- nothing done


@pytest.mark.parametrize(
    ("trigger", "refuses", "raises"),
    [
        (Trigger.TIMER, True, True),
        (Trigger.QUEUE, True, True),
        (Trigger.HTTP, True, False),
        (Trigger.TIMER, False, False),
    ],
)
def test_where_nothing_was_sent_or_told_a_repeat_is_wanted(trigger: Trigger, refuses: bool, raises: bool) -> None:
    scene = Planning()
    scene.world.results.refuses = refuses
    if raises:
        with pytest.raises(NothingDone):
            scene.process(message({"Odd": 1}), trigger=trigger)
    else:
        (handled,) = scene.process(message({"Odd": 1}), trigger=trigger)
        assert handled.delivered is not refuses


def test_what_was_sent_or_told_of_one_message_is_enough() -> None:
    scene = Planning()
    scene.world.results.refuses = True
    assert [one.delivered for one in scene.process(message({"Odd": 1}), message(PLAN))] == [False, False]
    assert len(scene.world.commands.events) == 1
    assert [one.delivered for one in scene.process(message(PLAN), message(PLAN, type="keyturn.command.other"))]
    lost = Planning()
    lost.world.results.refuses = lost.world.commands.refuses = True
    with pytest.raises(NothingDone):
        lost.process(message({"Odd": 1}), message(PLAN, type="keyturn.command.other"))
    assert lost.process(message(PLAN, type="keyturn.command.other"))[0].delivered is True


def test_one_report_that_left_is_enough() -> None:
    scene = Planning()
    queue = scene.world.results
    sent: list[Any] = []

    class Once:
        """A queue that takes one message."""

        max_delay_s = 0.0

        def send(self, *args: Any, **what: Any) -> None:
            if sent:
                queue.refuses = True
            sent.append(args)
            queue.send(*args, **what)

        def close(self) -> None:
            """Nothing to let go of."""

    scene.world.results = Once()  # type: ignore[assignment]
    handled = scene.process(message({"Odd": 1}, "m-1"), message({"Odd": 2}, "m-2"))
    assert [one.delivered for one in handled] == [True, False]


# --- the wait before a time


@pytest.mark.parametrize(
    ("early_s", "left_s", "slept"),
    [(4.0, 30.0, [4.0]), (-4.0, 30.0, [0.0]), (60.0, 60.0, [10.0]), (60.0, 15.0, [5.0]), (None, 30.0, [])],
)
def test_a_firing_waits_for_its_time_but_not_for_long(early_s: float | None, left_s: float, slept: list[float]) -> None:
    scene = Planning(World(left_s=left_s))
    due = None if early_s is None else now_text(scene.world.time.utc() + timedelta(seconds=early_s))
    scene.process(message(PLAN, notbefore=due))
    assert scene.world.time.slept == pytest.approx(slept)


# --- whose result it is


def named(data: Any, **what: Any) -> Any:
    one = message(data, **what)
    scene = Planning(World(region="ap-tokyo").set(**({"region": "ap-seoul"} if what.get("hop") else {})))
    return scene.handler.context_of(scene.world.request(one), one)


def test_a_broken_plan_is_named_by_what_is_valid_of_it() -> None:
    context = named({**PLAN, "Odd": 1, "Region": "ap-singapore", "CommandId": "c-1"}, attempt=3)
    assert context.subject == Subject("tencent", "ap-singapore", "redis")
    assert (context.operation, context.command_id, context.attempt) == ("plan_rotation", "c-1", 3)
    assert (context.traceparent, context.tracestate) == (PARENT, None)
    other = named({"Function": "alibaba_tair_modify", "Region": "nowhere"})
    assert other.subject == Subject("tencent", "-", "-")  # what names no operation is the sender's text
    assert other.command_id == "m-1"
    assert named({"Function": "x"}, hop=1).subject == Subject("tencent", "ap-seoul", "-")
    assert named("text").subject == Subject("tencent", "-", "-")


def test_a_timer_s_name_stands_before_a_given_id() -> None:
    assert named({"CommandId": "c-1"}, prefix="nightly-10").command_id == "nightly-10-c-1"
    assert named({"CommandId": "c" * 60}, prefix="nightly-10").command_id == fit_id(f"nightly-10-{'c' * 60}")
    assert named({}, prefix="nightly-10").command_id == "m-1"


def test_what_a_handler_is_called() -> None:
    handler = PlanRotationHandler(load_operation)
    assert (handler.function, handler.action) == ("plan_rotation", "plan_rotation")
    assert {"Policy", "Resources", "From"} <= set(handler.fields)
    assert handler.unknown_subject == Subject("-", "-", "-")
    assert isinstance(handler.rng, random.Random)
    assert abs(handler.now() - datetime.now(timezone.utc)) < timedelta(seconds=5)
    assert Planning().process() == []


# --- the spelling


def test_a_policy_is_spelt_as_the_operation_s_command_is() -> None:
    told = spelling_of(Planning().load(SET))
    assert (told.cloud, told.service, told.resource, told.account, told.new, told.old) == (
        "tencent", "redis", "InstanceId", "AccountName", "NewPassword", None,
    )  # fmt: skip
    assert (told.lengths, told.length, told.alternates, told.only) == (range(8, 33), 24, True, None)
    assert dict(told.parameters) == {"NoAuth": False}
    root = spelling_of(Cloud(command=SetRootPassword).operation)
    assert (root.account, root.only, root.alternates, dict(root.parameters)) == (None, "root", False, {})
    assert spelling_of(fenced_cloud().operation).old == "OldPassword"


def test_a_plan_is_checked_against_its_operation() -> None:
    scene = Planning()
    plan = parse_model(PlanRotation, PLAN, PlanRotation.names)
    rotation, policy = policy_for(plan, scene.load)
    assert rotation is scene.cloud.rotation
    assert (policy.plan, policy.spelling.new) == (plan, "NewPassword")
    long = parse_model(PlanRotation, PLAN | {"Length": 33}, PlanRotation.names)
    with pytest.raises(KeyturnError, match="Length: must be 8 to 32"):
        policy_for(long, scene.load)


def test_a_reason_that_passes_is_told_in_the_report_and_handed_on() -> None:
    scene = Planning(fleet=ScriptedFleet(error=RetryLater(ErrorClass.THROTTLED, "slow down", code="Slow")))
    (handled,) = scene.process(message(PLAN))
    assert (handled.event, handled.handed) == (None, True)
    assert scene.world.commands.events[0]["type"] == TYPE
