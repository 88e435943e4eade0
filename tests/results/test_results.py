"""Results, replies and settings: what callers and consumers may rely on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from shared.handlers.request import NothingDone
from shared.results.result_event import event_id
from shared.workbench.bundle.operations import operations
from tests.cloud.invocation.runtime import run_function
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

DATA_FIELDS = [
    "CommandId", "Operation", "Outcome", "RequestId", "TaskId", "Evidence", "Error", "Attempts", "StartedAt",
    "FinishedAt", "DryRun", "Sealed", "Stored", "Role", "Actor", "Reason",
]  # fmt: skip


@pytest.mark.parametrize("function", operations())
def test_a_result_is_a_cloudevent_that_the_public_package_reads(house: House, function: str) -> None:
    house.send(function, {**VALID_COMMANDS[function], "Actor": "ops", "Reason": "quarterly"}, trigger="queue")
    house.send(function, {"no": "command"}, trigger="queue", name="m-2")
    events = house.results()
    assert len(events) == 2
    for event in events:
        read = JSONFormat().read(lambda attributes, data: CloudEvent(attributes, data), json.dumps(event))
        assert read.get_type().startswith("keyturn.credential.")
        assert read.get_specversion() == "1.0"
        assert list(event["data"]) == DATA_FIELDS
        assert len(json.dumps(event)) < 48 * 1024
    assert (events[0]["data"]["Actor"], events[0]["data"]["Reason"]) == ("ops", "quarterly")


def test_a_results_id_is_the_hash_that_the_contract_names() -> None:
    import hashlib

    parts = ["keyturn/tencent/ap-guangzhou", "redis/crs-demo0001/app", "ModifyInstanceAccount", "c-1", "in_force"]
    digest = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:32]
    assert event_id(*parts) == digest


def test_the_same_fact_has_the_same_id_however_often_it_is_delivered(house: House) -> None:
    first = house.send(PASSWORD, VALID_COMMANDS[PASSWORD], trigger="queue")
    second = house.send(PASSWORD, VALID_COMMANDS[PASSWORD], trigger="queue")
    assert (outcome(first), outcome(second)) == ("changed", "already_changed")
    assert first.value["Results"][0]["id"] == second.value["Results"][0]["id"]
    assert len(house.results()) == 1


@pytest.mark.parametrize(
    ("trigger", "platform", "expected"),
    [("timer", "scf", "m-1-2026-11-21T10:00:00Z"), ("queue", "scf", "m-1-3-7"), ("queue", "fc", "m-1")],
)
def test_the_default_command_id_comes_from_the_trigger(
    house: House, trigger: str, platform: str, expected: str
) -> None:
    from shared.triggers import fit_id

    data = result(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], platform, trigger))
    assert data["CommandId"] == fit_id(expected)


def test_an_idempotency_key_names_the_command_and_a_given_id_is_put_behind_a_timers(house: House) -> None:
    keyed = house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], headers={"idempotency-key": "k-1"})
    assert result(keyed)["CommandId"] == "k-1"
    from shared.triggers import fit_id

    timed = house.send(ACCOUNT, {**VALID_COMMANDS[ACCOUNT], "CommandId": "weekly"}, trigger="timer")
    assert result(timed)["CommandId"] == fit_id("m-1-2026-11-21T10:00:00Z-weekly")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"httpMethod": "GET"}, 405),
        ({"headers": {"content-type": "text/plain"}}, 415),
        ({"headers": {"content-type": "application/x-www-form-urlencoded"}}, 415),
        ({"body": "not json"}, 400),
        ({"body": ""}, 400),
        ({"body": "[]"}, 400),
        ({"body": '"text"'}, 400),
    ],
)
def test_an_http_call_that_is_no_command_is_told_why_and_reaches_no_cloud(
    house: House, change: dict[str, Any], status: int
) -> None:
    event = platform_events.event(VALID_COMMANDS[ACCOUNT], "scf", "http") | change
    returned = house.deliver(ACCOUNT, event)
    assert returned.value["statusCode"] == status
    assert returned.body["Result"]["data"]["Error"]["Class"] == "invalid_command"
    assert house.cloud.calls() == []


def test_a_list_of_commands_gets_a_list_of_results_and_207_if_not_all_went_well(house: House) -> None:
    good, bad = VALID_COMMANDS[ACCOUNT], {**VALID_COMMANDS[ACCOUNT], "AccountName": "nobody"}
    returned = house.send(ACCOUNT, [good, bad])
    outcomes = [event["data"]["Outcome"] for event in returned.body["Results"]]
    assert (outcomes, returned.value["statusCode"]) == (["changed", "not_changed"], 207)
    ids = [event["data"]["CommandId"] for event in returned.body["Results"]]
    assert ids[0].endswith("-0")
    assert ids[1].endswith("-1")


def test_random_passwords_of_a_list_stand_beside_their_results(house: House) -> None:
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Region": "ap-guangzhou"}
    returned = house.send(REGISTRY, [command, command], "fc")
    assert len(returned.body["Passwords"]) == 2
    assert house.accepts("tcr-demo0001", "robot", returned.body["Passwords"][1])


def test_one_bad_message_of_a_batch_neither_stops_nor_repeats_its_neighbours(house: House) -> None:
    bodies = [
        json.dumps(VALID_COMMANDS[ACCOUNT]),
        "poison",
        "[1]",
        '{"InstanceId": "crs-demo0001"}',
        json.dumps(VALID_COMMANDS[ACCOUNT]),
    ]
    returned = house.deliver(ACCOUNT, platform_events.batch(bodies))
    outcomes = [event["data"]["Outcome"] for event in returned.value["Results"]]
    assert outcomes == ["changed", "not_changed", "not_changed", "not_changed", "changed"]
    assert len(house.results()) == 5


@pytest.mark.parametrize("event", [{"Records": [{"cos": {}, "event": {}}]}, {}, {"hello": "world"}, [], "text", 7])
def test_an_event_of_no_known_shape_is_named_as_such_and_never_raises(house: House, event: Any) -> None:
    returned = house.deliver(ACCOUNT, event)
    assert returned.error is None
    if returned.value["Count"]:
        error = returned.value["Results"][0]["data"]["Error"]
        assert error["Class"] == "invalid_command"
    assert house.cloud.calls() == []


def test_without_a_results_queue_http_is_answered_undelivered_and_the_others_are_refused_first(house: House) -> None:
    del house.settings["KEYTURN_RESULTS"]
    returned = house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    assert (outcome(returned), returned.body["Delivered"]) == ("changed", False)
    before = len(house.cloud.calls())
    for trigger in ("timer", "queue"):
        assert isinstance(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], trigger=trigger).error, NothingDone)
    assert len(house.cloud.calls()) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEYTURN_RESULTS", "ftp://user:hush-hush@host/x"),
        ("KEYTURN_TENCENT_ENDPOINT", "http://redis.example.com"),
        ("KEYTURN_ALIBABA_ENDPOINT", "gopher://127.0.0.1"),
        ("KEYTURN_RATE", "fast"),
        ("KEYTURN_ALLOW", "tencent/redis"),
        ("KEYTURN_SITE", "moon"),
        ("KEYTURN_LOG", "LOUD"),
    ],
)
def test_a_malformed_setting_is_named_without_its_value_and_nothing_is_called(
    house: House, name: str, value: str
) -> None:
    house.settings[name] = value
    returned = house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    error = returned.body["Result"]["data"]["Error"]
    assert (returned.value["statusCode"], error["Code"], returned.body["Delivered"]) == (500, "Settings", False)
    assert name in error["Message"]
    assert "hush-hush" not in json.dumps(returned.value)
    assert name in str(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], trigger="timer").error)
    assert house.cloud.calls() == []


@pytest.mark.parametrize("platform", ["scf", "fc"])
@pytest.mark.parametrize(("function", "words"), [(ACCOUNT, "TENCENT"), (TAIR, "ALIBABA")])
def test_a_function_without_a_role_says_which_variables_are_missing(
    house: House, function: str, platform: str, words: str
) -> None:
    event = platform_events.event(VALID_COMMANDS[function], platform, "http")
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    keys = {
        name: ""
        for cloud, names in {
            "TENCENT": ("SECRET_ID", "SECRET_KEY", "TOKEN"),
            "ALIBABA": ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "TOKEN"),
        }.items()
        for name in (f"KEYTURN_{cloud}_{part}" for part in names)
    }
    returned = run_function(function, raw, platform, settings=house.settings, role=False, extra=keys)
    error = result(returned)["Error"]
    assert error["Class"] == "forbidden"
    assert words in error["Message"]
    assert house.cloud.calls() == []


def test_an_allow_list_lets_only_what_it_names_through(house: House) -> None:
    house.settings["KEYTURN_ALLOW"] = "tencent/redis/ap-guangzhou/crs-demo*/app, tencent/tcr/*/*/robot"
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])) == "changed"
    before = len(house.cloud.calls())
    refused = house.send(PASSWORD, VALID_COMMANDS[PASSWORD])
    assert (result(refused)["Error"]["Class"], refused.value["statusCode"]) == ("forbidden", 403)
    assert len(house.cloud.calls()) == before
    assert outcome(house.send(REGISTRY, {**VALID_COMMANDS[REGISTRY], "Name": "tcr$robot"})) == "changed"


@pytest.mark.parametrize("function", operations())
def test_a_dry_run_reads_and_changes_nothing(house: House, function: str) -> None:
    data = result(house.send(function, {**VALID_COMMANDS[function], "DryRun": True}))
    assert (data["Outcome"], data["DryRun"]) == ("would_change", True)
    assert data["Evidence"]
    assert all(call["Action"].startswith("Describe") for call in house.cloud.calls())
    field = operations()[function].command.resource_field
    absent = {field: VALID_COMMANDS[function][field].replace("demo", "none")}
    if function == REGISTRY:
        absent = {"Name": "nobody"}
    data = result(house.send(function, {**VALID_COMMANDS[function], **absent, "DryRun": True}))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "not_found")


def test_an_event_for_another_function_is_left_without_a_result(house: House) -> None:
    envelope = {"specversion": "1.0", "id": "e-1", "source": "s", "data": VALID_COMMANDS[ACCOUNT]}
    for kind in ("keyturn.command.follow_change", "keyturn.credential.changed"):
        returned = house.deliver(ACCOUNT, platform_events.batch([json.dumps({**envelope, "type": kind})]))
        assert returned.value["Results"] == []
    assert house.results() == []
    own = {**envelope, "type": f"keyturn.command.{ACCOUNT}"}
    returned = house.deliver(ACCOUNT, platform_events.batch([json.dumps(own)]))
    assert (outcome(returned), result(returned)["CommandId"]) == ("changed", "e-1")
