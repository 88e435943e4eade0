"""Who may run: every refusal before a call, by field and class, and what of a broken command its result names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.handlers.admission import AdmittedCommand, RefusedCommand, admit, context_of, site_of
from shared.triggers import Message, Trigger, fit_id
from tests.support.scripted_cloud import Cloud, SetRootPassword, fenced_cloud
from tests.support.scripted_world import PARENT, World, message

GOOD = {"InstanceId": "crs-one", "AccountName": "app", "NewPassword": "New-Passw0rd1"}
ALLOW_APP = (("tencent", "redis", "ap-guangzhou", "crs-one", "app"),)
ALLOW_ALL = (("*",) * 5,)


def admitted(
    command: Any,
    world: World | None = None,
    cloud: Cloud | None = None,
    trigger: Trigger = Trigger.QUEUE,
    asynchronous: bool = False,
    **what: Any,
) -> AdmittedCommand[Any] | RefusedCommand:
    one = command if isinstance(command, Message) else message(command, **what)
    request = (world or World()).request(one, trigger=trigger, asynchronous=asynchronous)
    return admit((cloud or Cloud()).operation, request, one)


def refused(*args: Any, **what: Any) -> tuple[str, str]:
    found = admitted(*args, **what)
    assert isinstance(found, RefusedCommand)
    return found.error.error_class.value, found.error.message


def test_a_good_command_runs_with_its_names_and_its_cloud_s_access() -> None:
    found = admitted(GOOD | {"Actor": "ops", "Reason": "yearly"}, attempt=3)
    assert isinstance(found, AdmittedCommand)
    context, access = found.context, found.access
    assert context.subject.name == ("tencent", "redis", "ap-guangzhou", "crs-one", "app")
    assert (context.operation, context.command_id, context.attempt) == ("SetPassword", "m-1", 3)
    assert (context.actor, context.reason, context.traceparent) == ("ops", "yearly", PARENT)
    assert context.dry_run is False
    assert (access.keys.id, access.site, access.operator, access.calls_per_s) == (
        "AKIDTEST",
        "domestic",
        "100000000001",
        20.0,
    )


def test_a_dry_run_is_said_to_be_one() -> None:
    found = admitted(GOOD | {"DryRun": True})
    assert isinstance(found, AdmittedCommand)
    assert found.context.dry_run is True


def test_a_dry_run_that_is_forbidden_is_still_said_to_be_one() -> None:
    found = admitted(GOOD | {"DryRun": True}, World().set(allow=()))
    assert isinstance(found, RefusedCommand)
    assert found.context.dry_run is True


def test_the_site_is_the_command_s_then_the_settings() -> None:
    for command, site in ((GOOD | {"Site": "intl"}, "intl"), (GOOD, "domestic")):
        found = admitted(command)
        assert isinstance(found, AdmittedCommand)
        assert found.access.site == site
    assert site_of(object()) is None
    assert site_of(type("Odd", (), {"site": 3})()) is None


REFUSALS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (GOOD | {"Nonsense": 1}, {}, "invalid_command", "Nonsense: is not a field of this command"),
    ({}, {}, "invalid_command", "InstanceId: is required"),
    (GOOD | {"Region": "cn-hangzhou"}, {}, "invalid_command", "Region: "),
    (GOOD, {"allow": (("tencent", "redis", "*", "crs-two", "*"),)}, "forbidden", "does not name this credential"),
    (GOOD | {"NoAuth": True}, {}, "forbidden", "NoAuth: not here"),
    (GOOD | {"Deliver": {"Reply": True}}, {}, "invalid_command", "Deliver: leave it out"),
    (
        {"InstanceId": "crs-one", "AccountName": "app", "NewPassword": {"Generate": {}}},
        {},
        "invalid_command",
        "Deliver: is required",
    ),
    (
        {
            "InstanceId": "crs-one",
            "Alternate": ["app", "web"],
            "NewPassword": {"Generate": {}},
            "Deliver": {"Store": "ssm://s"},
        },
        {"allow": (("tencent", "redis", "*", "crs-one", "-"), ("tencent", "redis", "*", "crs-one", "app"))},
        "forbidden",
        "does not name both accounts",
    ),
    (
        GOOD | {"NewPassword": {"SecretRef": "ssm://other"}},
        {"allow": ALLOW_APP},
        "forbidden",
        "KEYTURN_ALLOW does not name ssm://other, nothing was called",
    ),
    (GOOD | {"NewPassword": {"SecretRef": "kms://s"}}, {}, "invalid_command", "the region of a store in"),
]


@pytest.mark.parametrize(("command", "settings", "error_class", "text"), REFUSALS, ids=lambda part: None)
def test_what_may_not_run_is_refused_by_class_and_field(
    command: dict[str, Any], settings: dict[str, Any], error_class: str, text: str
) -> None:
    told, why = refused(command, World().set(**settings))
    assert told == error_class
    assert text in why


def test_what_is_allowed_runs() -> None:
    pair = {"InstanceId": "crs-one", "Alternate": ["app", "web"], "NewPassword": {"Generate": {}}}
    allowed = (("tencent", "redis", "*", "crs-one", "*"), ("tencent", "ssm", "*", "s", "*"))
    for command, settings in (
        (GOOD, {"allow": ALLOW_APP}),
        (GOOD | {"NoAuth": True}, {"allow_noauth": True}),
        (pair | {"Deliver": {"Store": "ssm://s"}}, {"allow": allowed}),
    ):
        assert isinstance(admitted(command, World().set(**settings)), AdmittedCommand)


def test_a_message_with_a_problem_is_refused_with_it() -> None:
    assert refused(message(None, problem="message is not JSON")) == ("invalid_command", "message is not JSON")


def test_what_the_cloud_makes_is_shown_only_to_a_caller_who_waits() -> None:
    command = {"InstanceId": "crs-one", "AccountName": "app", "Random": True}
    assert isinstance(admitted(command, trigger=Trigger.HTTP), AdmittedCommand)
    for how in (
        {"trigger": Trigger.QUEUE},
        {"trigger": Trigger.TIMER},
        {"trigger": Trigger.HTTP, "asynchronous": True},
    ):
        error_class, text = refused(command, **how)
        assert error_class == "invalid_command"
        assert "an HTTP caller who waits" in text


def test_keys_that_are_missing_are_told_of_a_command_that_is_known() -> None:
    world = World(environ={})
    found = admitted(GOOD, world)
    assert isinstance(found, RefusedCommand)
    assert found.error.code == "NoCredentials"
    assert found.context.subject.resource == "crs-one"


# --- the region


@pytest.mark.parametrize(
    ("given", "setting", "platform", "cloud", "region"),
    [
        ("ap-singapore", "ap-tokyo", "ap-guangzhou", "tencent", "ap-singapore"),
        (None, "ap-tokyo", "ap-guangzhou", "tencent", "ap-tokyo"),
        (None, None, "ap-guangzhou", "tencent", "ap-guangzhou"),
        (None, None, "cn-hangzhou", "alibaba", "-"),
        (None, None, None, "tencent", "-"),
        ("nowhere", "ap-tokyo", "ap-guangzhou", "tencent", "-"),
        (3, "ap-tokyo", "ap-guangzhou", "tencent", "-"),
    ],
)
def test_the_region_is_the_command_s_then_the_settings_then_the_platform_s_own(
    given: Any, setting: str | None, platform: str | None, cloud: str, region: str
) -> None:
    world = World(cloud=cloud, region=platform).set(region=setting)
    data = GOOD | ({} if given is None else {"Region": given})
    one = message(data)
    assert context_of(Cloud().operation, world.request(one), one).subject.region == region


def test_no_region_is_a_refusal_that_names_the_setting() -> None:
    found = refused(GOOD, World(region=None))
    assert found == ("invalid_command", "Region: is required, in the command or in KEYTURN_REGION")


def test_the_region_of_a_message_without_an_object_is_the_platform_s() -> None:
    one = message(["x"])
    assert context_of(Cloud().operation, World().request(one), one).subject.region == "ap-guangzhou"


def test_a_setting_s_region_of_another_cloud_is_refused() -> None:
    error_class, text = refused(GOOD, World().set(region="cn-hangzhou"))
    assert error_class == "invalid_command"
    assert "egion" in text


# --- what a broken command is called


def named(data: Any, cloud: Cloud | None = None, **what: Any) -> Any:
    one = message(data, **what)
    return context_of((cloud or Cloud()).operation, World().request(one), one)


def test_of_a_broken_command_only_valid_fields_are_named() -> None:
    context = named(
        GOOD | {"Actor": "ops", "Reason": "x" * 65, "CommandId": "c-1", "AccountName": "APP!", "DryRun": True}
    )
    assert (context.subject.resource, context.subject.account) == ("crs-one", "-")
    assert (context.command_id, context.actor, context.reason) == ("c-1", "ops", None)
    assert context.dry_run is False


def test_nothing_is_named_that_holds_a_secret_that_was_pasted_beside_it() -> None:
    context = named({"InstanceId": "crs-one", "AccountName": "app", "NewPassword": "crs-one", "Actor": "ops"})
    assert context.subject.resource == "-"
    assert (context.subject.account, context.actor) == ("app", "ops")


def test_a_message_that_is_no_object_is_named_by_itself() -> None:
    context = named("text", attempt=2)
    assert (str(context.subject), context.command_id, context.attempt) == ("redis/-/-", "m-1", 2)


def test_an_operation_for_one_account_names_that() -> None:
    root = Cloud(command=SetRootPassword)
    assert named({"InstanceId": "crs-one", "AccountName": "app"}, root).subject.account == "root"
    assert fenced_cloud().operation.command.account_field == "AccountName"


def test_an_account_s_prefix_is_no_part_of_its_name() -> None:
    assert named(GOOD | {"AccountName": "t$robot"}).subject.account == "robot"


def test_a_timer_s_name_stands_before_a_given_id() -> None:
    assert named(GOOD | {"CommandId": "c-1"}, prefix="nightly-10").command_id == "nightly-10-c-1"
    assert named(GOOD, prefix="nightly-10").command_id == "m-1"
    long = named(GOOD | {"CommandId": "c" * 60}, prefix="nightly-10").command_id
    assert long == fit_id(f"nightly-10-{'c' * 60}") != f"nightly-10-{'c' * 60}"


def test_a_valid_command_gives_its_own_id() -> None:
    found = admitted(GOOD | {"CommandId": "c-7"})
    assert isinstance(found, AdmittedCommand)
    assert found.context.command_id == "c-7"


def test_an_alternating_command_has_no_account_before_its_turn_is_known() -> None:
    pair = {"InstanceId": "crs-one", "Alternate": ["app", "web"], "NewPassword": {"Generate": {}}}
    found = admitted(pair | {"Deliver": {"Store": "ssm://s"}}, World().set(allow=ALLOW_ALL))
    assert isinstance(found, AdmittedCommand)
    assert found.context.subject == replace(found.context.subject, account="-")
