"""follow_change at work: whose messages it takes, how long it asks, when it hands on, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest

from shared.handlers.declaration import Operation
from shared.handlers.follow import FollowChangeHandler
from shared.results.outcome import Subject
from shared.runtime.errors import ErrorClass, RetryLater
from shared.triggers import Message, Trigger
from tests.support.following import NO_KEY, PLACE, SUCCEEDED, TYPE, Following, code, following
from tests.support.scripted_cloud import Cloud, fenced_cloud
from tests.support.scripted_world import PARENT, World, logged, message


def test_a_change_is_brought_to_its_end_under_its_own_names() -> None:
    scene = following(progress=SUCCEEDED)
    what: dict[str, Any] = {"Attempts": 3, "Actor": "ops", "Reason": "yearly", "RequestId": "req-1"}
    one = scene.message(Sealed="a.b.c", Evidence=["seen"], **what)
    (handled,) = scene.process(Message(**{**one.__dict__, "tracestate": "k=v"}))
    assert (handled.delivered, handled.called, handled.handed) == (True, False, False)
    event = handled.event
    assert event is not None
    assert (event["type"], event["source"], event["subject"]) == (
        "keyturn.credential.changed",
        "keyturn/tencent/ap-guangzhou",
        "redis/crs-one/app",
    )
    assert (event["traceparent"], event["tracestate"]) == (PARENT, "k=v")
    data = event["data"]
    assert (data["CommandId"], data["Operation"], data["TaskId"], data["RequestId"]) == (
        "c-1", "SetPassword", 7, "req-1",
    )  # fmt: skip
    assert (data["Attempts"], data["Actor"], data["Reason"], data["StartedAt"], data["DryRun"]) == (
        3, "ops", "yearly", scene.ago(10.0), False,
    )  # fmt: skip
    assert (data["Evidence"], data["Sealed"]) == (["seen", "succeeded"], "a.b.c")
    assert (data["Error"], data["Stored"]) == (None, None)
    assert scene.world.time.slept == []
    access, subject = scene.cloud.follower.opened[0]
    assert (access.keys.id, access.site, subject) == (
        "AKIDTEST",
        "domestic",
        Subject("tencent", "ap-guangzhou", "redis", "crs-one", "app"),
    )
    assert scene.loaded == ["tencent_redis_set_password"]


def test_the_site_of_a_message_is_the_one_that_is_asked() -> None:
    scene = following(progress=SUCCEEDED)
    scene.process(scene.message(Site="intl"))
    assert scene.cloud.follower.opened[0][0].site == "intl"


def test_a_result_that_does_not_leave_is_told_of() -> None:
    scene = following(progress=SUCCEEDED)
    scene.world.results.refuses = True
    (handled,) = scene.process(scene.message())
    assert (handled.delivered, handled.event is None) == (False, False)


# --- whose message it is


def left(scene: Following, one: Message, trigger: Trigger = Trigger.QUEUE) -> bool:
    """Whether it is acknowledged and left as nobody's, with one line."""
    with logged() as log:
        (handled,) = scene.process(one, trigger=trigger)
    found = log.of("not_ours")
    assert all(line["trace_id"] == PARENT[3:35] for line in found)
    if found:
        assert log.level_of("not_ours") == "WARNING"
        assert (handled.event, handled.handed, scene.world.results.events) == (None, False, [])
    return bool(found)


def test_over_http_it_takes_nothing_and_names_nothing() -> None:
    scene = following(progress=SUCCEEDED)
    (handled,) = scene.process(scene.message(), trigger=Trigger.HTTP)
    assert handled.event is not None
    assert handled.event["data"]["Error"] is not None
    assert handled.event["data"]["Error"]["Class"] == "invalid_command"
    assert (handled.event["subject"], handled.event["data"]["CommandId"], handled.event["data"]["Operation"]) == (
        "-/-/-",
        "m-1",
        "follow_change",
    )
    assert handled.event["traceparent"] == PARENT
    assert (handled.delivered, scene.world.results.events, scene.loaded) == (True, [handled.event], [])


def test_another_function_s_message_is_left_to_it() -> None:
    scene = following()
    with logged() as log:
        (handled,) = scene.process(message(scene.data(), type="keyturn.command.other", authentic=True))
    assert (handled.event, [line["event"] for line in log.lines]) == (None, ["left"])


@pytest.mark.parametrize(
    ("settings", "authentic", "kind", "trigger", "taken"),
    [
        ({}, True, TYPE, Trigger.QUEUE, True),
        ({}, False, TYPE, Trigger.QUEUE, False),
        ({}, True, TYPE, Trigger.TIMER, False),
        (NO_KEY, False, TYPE, Trigger.QUEUE, True),
        (NO_KEY, False, None, Trigger.QUEUE, False),
        (NO_KEY, False, TYPE, Trigger.TIMER, False),
    ],
)
def test_only_keyturn_s_own_messages_are_followed(
    settings: dict[str, Any], authentic: bool, kind: str | None, trigger: Trigger, taken: bool
) -> None:
    scene = following(World().set(**settings), progress=SUCCEEDED, began_at=2e9)
    one = message(scene.data(), type=kind, authentic=authentic)
    assert left(scene, one, trigger) is not taken
    assert len(scene.world.results.events) == taken


def test_a_message_with_a_problem_is_nobody_s() -> None:
    assert left(following(), message(None, type=TYPE, authentic=True, problem="is not JSON"))


def test_a_signed_message_of_another_version_is_told_of_in_the_log() -> None:
    scene = following()
    with logged() as log:
        scene.process(scene.message(Odd=1))
    (line,) = log.of("unread")
    assert line["why"].startswith("Odd: is not a field")
    assert len(line["why"]) <= 500
    assert log.level_of("unread") == "ERROR"
    assert len(log.of("not_ours")) == 1
    with logged() as log:
        scene.process(scene.message(TaskId="-"))
    assert log.of("unread")[0]["why"].startswith("TaskId: is required")
    unkeyed = following(World().set(**NO_KEY))
    with logged() as log:
        unkeyed.process(unkeyed.message(Odd=1, authentic=False))
    assert log.of("unread") == []


def test_a_long_reason_is_cut_in_the_log() -> None:
    scene = following()
    odd: dict[str, Any] = {f"Odd{letter}": 1 for letter in "abcdefgh"}
    with logged() as log:
        scene.process(scene.message(**odd))
    assert len(log.of("unread")[0]["why"]) == 500


SETTLING = {"Settling": {"Signed": "2026-11-18T10:00:00Z"}, "Before": {}, "TaskId": "-"}
UNVERIFIABLE: list[tuple[dict[str, Any], Cloud]] = [
    ({"Store": PLACE}, Cloud()),
    (SETTLING, Cloud()),
    ({**SETTLING, "TaskId": 7}, Cloud()),
    ({"Proven": True, "Store": PLACE}, Cloud()),
    ({"Sealed": "a.b.c"}, Cloud()),
    ({"Cloud": "alibaba", "Operation": "SwapPassword", "Region": "cn-hangzhou"}, fenced_cloud()),
    ({"Operation": "OtherPassword"}, Cloud()),
]


@pytest.mark.parametrize(("what", "cloud"), UNVERIFIABLE, ids=range(len(UNVERIFIABLE)))
def test_without_a_key_only_what_the_cloud_itself_can_show_is_followed(what: dict[str, Any], cloud: Cloud) -> None:
    scene = following(World().set(**NO_KEY), cloud, progress=SUCCEEDED, began_at=2e9)
    assert left(scene, scene.message(authentic=False, **what))


def test_what_the_cloud_does_not_show_of_an_unsigned_message_has_no_result() -> None:
    scene = following(World().set(**NO_KEY), progress=SUCCEEDED, began_at=None)
    assert left(scene, scene.message(authentic=False))
    scene = following(World().set(**NO_KEY), progress=SUCCEEDED)
    scene.cloud.script.answers["began_at"] = [scene.world.time.unix - 5.0]
    data = scene.ended(scene.message(authentic=False, Evidence=["made up"]))
    assert (data["Outcome"], data["Evidence"]) == ("changed", ["succeeded"])


# --- what ends it before a question


@pytest.mark.parametrize(("age_s", "too_old"), [(7_199.0, False), (7_200.0, False), (7_201.0, True)])
def test_what_began_too_long_ago_is_not_acted_on(age_s: float, too_old: bool) -> None:
    scene = following(progress=SUCCEEDED)
    data = scene.ended(scene.message(age_s))
    assert data["Outcome"] == ("unknown" if too_old else "changed")
    assert scene.cloud.script.calls == [] if too_old else scene.cloud.script.calls
    if too_old:
        assert code(data) == ("unknown", "TooOld")


def test_what_settings_do_not_allow_is_not_asked_for() -> None:
    for allow, told in (((("tencent", "redis", "*", "crs-two", "*"),), True), ((("*",) * 5,), False)):
        scene = following(World().set(allow=allow), progress=SUCCEEDED)
        data = scene.ended(scene.message())
        assert (data["Outcome"] == "unknown") is told
        if told:
            assert code(data) == ("unknown", "Forbidden")
            assert scene.cloud.script.calls == []


def test_an_operation_that_the_package_does_not_carry_is_named() -> None:
    scene = following()
    data = scene.ended(scene.message(Operation="OtherPassword"))
    assert code(data) == ("unknown", "NotPackaged")
    assert "this package has no tencent_redis_other_password" in data["Error"]["Message"]


def test_missing_keys_leave_unknown_how_it_ended() -> None:
    scene = following(World(environ={}))
    data = scene.ended(scene.message())
    assert code(data) == ("unknown", "NoCredentials")
    assert data["Error"]["Class"] == "ambiguous"


def test_of_a_message_that_nobody_signed_nothing_is_told_before_the_cloud_shows_it() -> None:
    for world in (World(environ={}), World().set(allow=())):
        scene = following(world.set(**NO_KEY))
        assert left(scene, scene.message(authentic=False))


@pytest.mark.parametrize(
    ("place", "allow", "told"),
    [
        (PLACE | {"Name": "other://s"}, None, ("unknown", "invalid_command")),
        (PLACE, (("tencent", "redis", "*", "*", "*"),), ("unknown", "forbidden")),
    ],
)
def test_a_store_that_cannot_be_opened_ends_it_with_the_secret_left_pending(
    place: dict[str, str], allow: Any, told: tuple[str, str]
) -> None:
    scene = following(World().set(allow=allow), progress=SUCCEEDED)
    data = scene.ended(scene.message(Store=place))
    assert code(data) == told
    assert data["Stored"] == {"Name": place["Name"], "Version": "kt-0123abcd-1", "Stage": "pending"}
    assert data["Evidence"] == ["store: version kt-0123abcd-1 left pending"]
    assert scene.cloud.script.calls == []


def test_a_proven_change_of_an_operation_without_a_follower_has_its_store_alone() -> None:
    scene = following(World(left_s=1.0), Cloud(follows=False))
    (handled,) = scene.process(scene.message(Proven=True, Store=PLACE))
    assert (handled.handed, scene.cloud.follower.opened) == (True, [])
    sent = scene.world.commands.events[0]["data"]
    assert (sent["Proven"], sent["Store"]) == (True, PLACE)


def test_what_passes_is_asked_for_again_by_a_later_invocation() -> None:
    scene = following()

    def busy(function: str) -> Operation[Any]:
        operation = scene.cloud.operation
        return Operation(
            operation.action, operation.cloud, operation.service, operation.command, operation.change, (), _Busy()
        )

    handler = FollowChangeHandler(busy, scene.world.time.sleep, scene.world.time.now)
    (handled,) = handler.process(scene.world.request(scene.message()))
    assert (handled.handed, len(scene.world.commands.events)) == (True, 1)
    (handled,) = handler.process(scene.world.request(scene.message(1801.0)))
    assert handled.event is not None
    assert handled.event["data"]["Error"] is not None
    assert handled.event["data"]["Error"]["Code"] == "TaskNotEnded"


class _Busy:
    """A follower that cannot be opened now."""

    can_reconcile, rights = True, ()

    def __call__(self, access: Any, subject: Subject) -> Any:
        raise RetryLater(ErrorClass.BUSY, "later", code="Locked")


def test_an_operation_that_cannot_be_imported_ends_its_own_change_alone() -> None:
    scene = following()

    def broken(function: str) -> Operation[Any]:
        raise ModuleNotFoundError(function)

    handler = FollowChangeHandler(broken, scene.world.time.sleep, scene.world.time.now)
    (handled,) = handler.process(scene.world.request(scene.message()))
    assert handled.event is not None
    error = handled.event["data"]["Error"]
    assert (handled.event["data"]["Outcome"], error and error["Code"]) == ("unknown", "NotPackaged")
