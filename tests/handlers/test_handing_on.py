"""Giving a change to follow_change: with a key, a queue and somewhere to report; what of it only then may be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.changes.credential import Accepted, Observation, Snapshot, Task, TaskProgress, TaskState
from shared.results.outcome import Outcome
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.times import parse_time
from shared.triggers import Trigger
from tests.support.memory_run import Scene
from tests.support.scripted_cloud import Cloud, fenced_cloud
from tests.support.scripted_world import PARENT, World

ONE = {"InstanceId": "crs-one", "AccountName": "app", "CommandId": "c-1"}
GIVEN = ONE | {"NewPassword": "New-Passw0rd1"}
MADE = ONE | {"NewPassword": {"Generate": {}}, "Deliver": {"Store": "ssm://s"}}
SWAP = {"Region": "cn-hangzhou", "InstanceId": "r-one", "AccountName": "app", "CommandId": "c-1"}
SWAP_GIVEN = SWAP | {"OldPassword": "Old-Passw0rd1", "NewPassword": "New-Passw0rd1"}


def in_time(scene: Scene, left_s: float, answer: Accepted | KeyturnError) -> Callable[[], Accepted]:
    """The answer comes so late that no more than this is left."""

    def late() -> Accepted:
        scene.world.time.monotonic = 1_000.0 + scene.world.left_s - left_s
        if isinstance(answer, KeyturnError):
            raise answer
        return answer

    return late


def begun(scene: Scene) -> Scene:
    """A task that outlives the invocation."""
    scene.cloud.script.answers["change"] = [in_time(scene, 0.0, Accepted("req-1", Task(7)))]
    return scene


def lost(scene: Scene) -> Scene:
    scene.cloud.script.answers["change"] = [in_time(scene, 0.0, Ambiguous("no answer", code="Timeout"))]
    return scene


def without(**settings: Any) -> World:
    return World().set(**settings)


def test_a_task_that_outlives_the_invocation_is_given_to_follow_change() -> None:
    scene = begun(Scene())
    scene.cloud.script.answers["snapshot"] = [Snapshot(tasks=frozenset({3}), time="then")]
    conclusion = scene.conclude(GIVEN | {"Site": "intl", "Login": False, "Actor": "ops"}, attempt=2)
    assert conclusion.outcome is Outcome.PENDING
    (sent,) = scene.world.commands.events
    data = sent["data"]
    assert (sent["type"], sent["attempt"], sent["hop"]) == ("keyturn.command.follow_change", 2, 1)
    assert (sent["traceparent"], sent["subject"]) == (PARENT, "redis/crs-one/app")
    assert scene.world.commands.delays == [2.0]
    assert (data["TaskId"], data["RequestId"], data["Site"], data["Actor"]) == (7, "req-1", "intl", "ops")
    assert (data["Login"], data["Proven"], data["Unclear"]) == (False, False, False)
    assert data["Before"]["Tasks"] == [3]
    assert "Store" not in data
    assert "Settling" not in data


def test_the_site_of_a_message_is_the_settings_where_the_command_names_none() -> None:
    scene = begun(Scene(world=without(site="intl")))
    scene.conclude(GIVEN)
    assert scene.world.commands.events[0]["data"]["Site"] == "intl"


def test_a_login_that_is_asked_for_is_asked_of_follow_change_too() -> None:
    scene = begun(Scene())
    scene.cloud.script.answers["login"] = [Refused(ErrorClass.FAILED, "no address")]
    scene.conclude(GIVEN | {"Login": True})
    assert scene.world.commands.events[0]["data"]["Login"] is True


def test_a_kept_secret_s_place_goes_with_its_task() -> None:
    scene = begun(Scene())
    conclusion = scene.conclude(MADE)
    assert conclusion.stored is not None
    assert (conclusion.outcome, conclusion.stored.stage) == (Outcome.PENDING, "pending")
    assert scene.world.commands.events[0]["data"]["Store"] == {
        "Name": "ssm://s",
        "Version": scene.version_of("c-1"),
        "Region": "ap-guangzhou",
        "Current": "v1",
    }
    assert scene.world.commands.events[0]["data"]["Unclear"] is False


def test_a_task_after_an_earlier_delivery_is_unclear() -> None:
    scene = begun(Scene())
    scene.vault.put(scene.version_of("c-1"), "Begun-Passw0rd")
    assert scene.conclude(MADE).outcome is Outcome.PENDING
    assert scene.world.commands.events[0]["data"]["Unclear"] is True


def test_a_task_after_a_lost_call_of_the_same_delivery_is_unclear() -> None:
    scene = Scene()
    scene.cloud.script.answers["change"] = [
        in_time(scene, 2.11, Ambiguous("no answer", code="Timeout")),  # 10 ms to wait before the repeat
        in_time(scene, 0.0, Accepted("req-1", Task(7))),
    ]
    assert scene.conclude(GIVEN).outcome is Outcome.PENDING
    data = scene.world.commands.events[0]["data"]
    assert (data["TaskId"], data["Unclear"]) == (7, True)


def test_a_lost_call_is_given_with_its_time_and_what_stood_before() -> None:
    scene = lost(Scene())
    scene.cloud.script.answers["snapshot"] = [Snapshot(tasks=frozenset({3}), time="then")]
    assert scene.conclude(GIVEN).outcome is Outcome.PENDING
    data = scene.world.commands.events[0]["data"]
    assert parse_time(data["Settling"]["Signed"]) is not None
    assert (data["Before"]["Calls"], data["Before"]["Time"], "TaskId" in data) == (1, "then", False)


# --- where it can be given

NO_KEY: dict[str, Any] = {"handoff_keys": ()}


@pytest.mark.parametrize(
    ("settings", "kept", "reconciles", "lost_call", "outcome"),
    [
        ({}, False, True, False, Outcome.PENDING),
        ({}, True, True, False, Outcome.PENDING),
        ({}, False, False, False, Outcome.PENDING),
        ({}, True, False, False, Outcome.PENDING),
        (NO_KEY, False, True, False, Outcome.PENDING),
        (NO_KEY, True, True, False, Outcome.UNKNOWN),
        (NO_KEY, False, False, False, Outcome.UNKNOWN),
        ({"results": None}, False, True, False, Outcome.UNKNOWN),
        ({"commands": None}, False, True, False, Outcome.UNKNOWN),
        ({}, False, True, True, Outcome.PENDING),
        (NO_KEY, False, True, True, Outcome.UNKNOWN),
        ({}, False, False, True, Outcome.UNKNOWN),
        ({"commands": None}, False, True, True, Outcome.UNKNOWN),
    ],
)
def test_where_a_change_can_be_given_to_follow_change(
    settings: dict[str, Any], kept: bool, reconciles: bool, lost_call: bool, outcome: Outcome
) -> None:
    scene = Scene(Cloud(reconciles=reconciles), without(**settings))
    scene = lost(scene) if lost_call else begun(scene)
    conclusion = scene.conclude(MADE if kept else GIVEN)
    assert conclusion.outcome is outcome
    assert not any("follow_change" in line for line in conclusion.evidence)  # it is not asked in vain
    assert len(scene.world.commands.events) == (outcome is Outcome.PENDING)


def test_an_operation_without_reads_tells_nothing_of_what_stood_before() -> None:
    scene = begun(Scene(Cloud(reconciles=False)))
    scene.conclude(GIVEN)
    assert "Before" not in scene.world.commands.events[0]["data"]


def test_what_the_queue_does_not_take_is_not_said_to_be_pending() -> None:
    scene = begun(Scene())
    scene.world.commands.refuses = True
    conclusion = scene.conclude(GIVEN)
    assert conclusion.outcome is Outcome.UNKNOWN
    assert "follow_change: not reached, waited here instead" in conclusion.evidence


# --- a promotion that fails


def test_a_promotion_that_fails_for_a_while_is_given_as_proven() -> None:
    scene = Scene(fails={"promote": RetryLater(ErrorClass.BUSY, "later", code="Locked")})
    conclusion = scene.conclude(MADE)
    assert conclusion.stored is not None
    assert (conclusion.outcome, conclusion.stored.stage) == (Outcome.PENDING, "pending")
    data = scene.world.commands.events[0]["data"]
    assert (data["Proven"], data["Store"]["Version"]) == (True, scene.version_of("c-1"))


@pytest.mark.parametrize("settings", [NO_KEY, {"commands": None}, {"results": None}])
def test_without_a_key_or_a_queue_the_store_is_left_to_the_next_command(settings: dict[str, Any]) -> None:
    scene = Scene(world=without(**settings), fails={"promote": RetryLater(ErrorClass.BUSY, "later", code="Locked")})
    conclusion = scene.conclude(MADE)
    assert conclusion.error is not None
    assert (conclusion.outcome, conclusion.error.code) == (Outcome.UNKNOWN, "Locked")
    assert scene.world.commands.events == []


def test_a_proven_task_is_named_to_follow_change() -> None:
    scene = Scene(fails={"promote": RetryLater(ErrorClass.BUSY, "later", code="Locked")})
    scene.cloud.script.answers |= {
        "change": [in_time(scene, 2.51, Accepted("req-1", Task(7)))],  # 10 ms to poll in
        "progress": [TaskProgress(TaskState.SUCCEEDED, [])],
        "snapshot": [Snapshot(tasks=frozenset({3}))],
    }
    assert scene.conclude(MADE).outcome is Outcome.PENDING
    data = scene.world.commands.events[0]["data"]
    assert (data["TaskId"], data["Before"]["Tasks"]) == (7, [3])


# --- beside an earlier delivery


def refused_beside(scene: Scene, data: dict[str, Any] = MADE, **what: Any) -> Any:
    """A delivery whose call is refused, while an earlier one wrote the version."""
    resource = data["InstanceId"]
    scene.vault.put(scene.version_of("c-1", resource=resource), "Begun-Passw0rd")
    refused = Refused(ErrorClass.FAILED, "not so", code="Odd")
    refused.retryable = True
    scene.cloud.script.answers.setdefault("change", [refused])
    scene.cloud.script.answers.setdefault("snapshot", [Snapshot(tasks=frozenset({3}))])
    return scene.conclude(data, **what)


def test_a_refusal_beside_an_earlier_delivery_waits_for_what_that_one_sent() -> None:
    scene = Scene()
    conclusion = refused_beside(scene)
    assert (conclusion.outcome, conclusion.error) == (Outcome.PENDING, None)
    assert conclusion.stored is not None
    assert conclusion.stored.stage == "pending"
    data = scene.world.commands.events[0]["data"]
    assert data["Refused"] == {"Class": "failed", "Code": "Odd", "Message": "not so", "Retryable": True}
    assert data["Settling"].keys() == {"Signed"}
    assert data["Before"]["Tasks"] == [3]


def test_a_task_that_this_delivery_began_is_not_the_earlier_one_s() -> None:
    scene = Scene()
    scene.cloud.script.answers |= {
        "change": [in_time(scene, 2.51, Accepted("req-1", Task(7)))],
        "progress": [TaskProgress(TaskState.FAILED, [])],
        "observe": [Observation(moved=False)],
    }
    assert refused_beside(scene).outcome is Outcome.PENDING
    data = scene.world.commands.events[0]["data"]
    assert (data["Before"]["Tasks"], data["Refused"]["Code"]) == ([3, 7], "TaskFailed")
    scene = Scene()
    scene.cloud.script.answers |= {
        "change": [in_time(scene, 2.51, Accepted("req-1", Task(None)))],
        "progress": [TaskProgress(TaskState.FAILED, [])],
        "observe": [Observation(moved=False)],
    }
    assert refused_beside(scene).outcome is Outcome.PENDING
    assert scene.world.commands.events[0]["data"]["Before"]["Tasks"] == [3]


@pytest.mark.parametrize("why", ["no queue", "no reads", "queue refuses", "no key"])
def test_where_nobody_can_wait_for_it_the_earlier_delivery_leaves_it_unknown(why: str) -> None:
    settings = {"no queue": {"commands": None}, "no key": NO_KEY}.get(why, {})
    scene = Scene(Cloud(reconciles=why != "no reads"), without(**settings))
    scene.world.commands.refuses = why == "queue refuses"
    conclusion = refused_beside(scene)
    assert (conclusion.outcome, conclusion.error.code, conclusion.stored.stage) == (Outcome.UNKNOWN, "Odd", "pending")
    assert scene.world.commands.events == []


def test_a_dry_run_beside_an_earlier_delivery_says_what_it_saw() -> None:
    scene = Scene()
    scene.cloud.script.answers["snapshot"] = [Snapshot(obstacle=Refused(ErrorClass.FAILED, "no", code="Odd"))]
    conclusion = refused_beside(scene, MADE | {"DryRun": True})
    assert (conclusion.outcome, scene.world.commands.events) == (Outcome.NOT_CHANGED, [])


def test_what_ended_otherwise_beside_an_earlier_delivery_stands() -> None:
    scene = Scene()
    scene.cloud.script.answers["change"] = [Accepted("req-1", None)]
    assert refused_beside(scene).outcome is Outcome.CHANGED
    scene = Scene()
    scene.cloud.script.answers["snapshot"] = [RetryLater(ErrorClass.BUSY, "later")]
    scene.vault.put(scene.version_of("c-1"), "Begun-Passw0rd")
    assert scene.begin(MADE).conclude() is None


def test_a_first_delivery_that_is_refused_changed_nothing() -> None:
    scene = Scene()
    scene.cloud.script.answers["change"] = [Refused(ErrorClass.FAILED, "not so", code="Odd")]
    conclusion = scene.conclude(MADE)
    assert conclusion.stored is not None
    assert (conclusion.outcome, conclusion.stored.stage) == (Outcome.NOT_CHANGED, "pending")
    assert scene.world.commands.events == []


def test_a_fenced_operation_without_reads_keeps_its_lost_call_to_itself() -> None:
    scene = lost(Scene(fenced_cloud(), World()))
    scene.cloud.script.answers["probe"] = [Ambiguous("no answer", code="Timeout")]
    conclusion = scene.conclude(SWAP_GIVEN, Trigger.QUEUE)
    assert (conclusion.outcome, scene.world.commands.events) == (Outcome.UNKNOWN, [])


def test_settling_is_by_what_reads_show() -> None:
    scene = lost(Scene())
    scene.cloud.script.answers["observe"] = [Observation(evidence=("nothing begun",))]
    assert "nothing begun" in scene.conclude(GIVEN).evidence
