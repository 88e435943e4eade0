"""The message to follow_change: what is written is what is read, nothing else is taken, and it holds no secret."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from shared.changes.credential import StateBefore, Task
from shared.changes.settling import LostCall
from shared.commands.parsing import parse_model
from shared.handlers.follow_message import FIELDS, FUNCTION, FollowChange, follow_command, seconds
from shared.results.outcome import CommandContext, Conclusion, Outcome, StoredSecret, Subject
from shared.results.publisher import OutgoingCommand
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused
from shared.runtime.secret import Secret
from shared.runtime.times import parse_time
from tests.support.scripted_cloud import Cloud, fenced_cloud

SUBJECT = Subject("tencent", "ap-guangzhou", "redis", "crs-one", "app")
CONTEXT = CommandContext(
    SUBJECT, "SetPassword", "c-1", "2026-11-26T10:00:00.000Z", 3, False, "ops", "yearly", "00-a-b-01", "k=v"
)
PLACE = StoredSecret("ssm://s", "kt-0123abcd-1", "pending", "ap-guangzhou", "v1")
FULL = StateBefore(frozenset({9, 3}), "then", {"Privilege": "rw"}, False, 2, frozenset({8, 5}), True)


def pending(**what: Any) -> Conclusion:
    return Conclusion(Outcome.PENDING, None, **what)


def written(conclusion: Conclusion | None = None, context: CommandContext = CONTEXT, **what: Any) -> OutgoingCommand:
    return follow_command(context, conclusion or pending(), **{"site": "intl", "delay_s": 2.0, "task": Task(7), **what})


def read(command: OutgoingCommand) -> FollowChange:
    return parse_model(FollowChange, json.loads(json.dumps(command.data)), FIELDS)


def test_whose_change_it_is() -> None:
    command = written(pending(request_id="req-1", evidence=["seen"], sealed="a.b.c"), login=True)
    told = read(command)
    assert (told.cloud, told.service, told.region, told.resource, told.account) == (
        "tencent",
        "redis",
        "ap-guangzhou",
        "crs-one",
        "app",
    )
    assert (told.site, told.operation, told.command_id, told.task_id) == ("intl", "SetPassword", "c-1", 7)
    assert (told.started_at, told.attempts, told.actor, told.reason) == (CONTEXT.started_at, 3, "ops", "yearly")
    assert (told.request_id, told.evidence, told.sealed, told.login) == ("req-1", ["seen"], "a.b.c", True)
    assert told.function == "tencent_redis_set_password"
    assert (command.function, command.source, command.subject) == (FUNCTION, SUBJECT.source, "redis/crs-one/app")
    assert (command.traceparent, command.tracestate, command.attempt, command.hop) == ("00-a-b-01", "k=v", 3, 1)


def test_what_is_not_known_is_not_written() -> None:
    bare = CommandContext(SUBJECT, "SetPassword", "c-1", CONTEXT.started_at)
    data = written(context=bare, task=None).data
    absent = {"TaskId", "Settling", "Refused", "Before", "Store", "Sealed", "RequestId", "Role", "Actor", "Reason"}
    assert data.keys() == FIELDS - absent
    assert (data["Unclear"], data["Proven"], data["Login"], data["Attempts"]) == (False, False, False, 1)
    told = read(written(context=bare, task=None))
    assert (told.unclear, told.proven, told.login, told.task_id, told.lost_call()) == (False, False, False, None, None)


@pytest.mark.parametrize(
    "before",
    [
        StateBefore(),
        FULL,
        StateBefore(frozenset({1})),
        StateBefore(time="then"),
        StateBefore(asked={"a": [1]}),
        StateBefore(secret=False),
        StateBefore(calls=3),
        StateBefore(soon=frozenset({4})),
        StateBefore(denied=True),
    ],
)
def test_what_stood_before_is_read_as_it_was_written(before: StateBefore) -> None:
    told = read(written(before=before))
    assert told.before is not None
    assert told.before.before == before


def test_what_stood_before_names_only_what_is_so() -> None:
    assert written(before=StateBefore()).data["Before"] == {"Tasks": [], "Asked": {}, "Calls": 0, "Secret": True}
    assert written(before=FULL).data["Before"]["Tasks"] == [3, 9]
    assert written(before=FULL).data["Before"]["Soon"] == [5, 8]
    told = parse_model(FollowChange, {**written().data, "Before": {}}, FIELDS)
    assert told.before is not None
    assert told.before.before == StateBefore()


@pytest.mark.parametrize("quiet", [None, 1_795_000_060.25])
def test_a_lost_call_is_read_as_it_was_written(quiet: float | None) -> None:
    lost = LostCall(1_795_000_000.5, FULL, quiet)
    assert read(written(settling=lost, before=FULL)).lost_call() == lost
    assert ("Quiet" in written(settling=lost, before=FULL).data["Settling"]) is (quiet is not None)


def test_a_lost_call_of_a_proven_change_needs_nothing_before() -> None:
    data = {**written(pending(stored=PLACE), proven=True).data, "Settling": SIGNED}
    told = parse_model(FollowChange, data, FIELDS)
    assert told.lost_call() is None


SIGNED = {"Signed": "2026-11-26T10:00:00Z"}


@pytest.mark.parametrize("retryable", [True, False])
@pytest.mark.parametrize("code", ["Locked", None])
def test_an_earlier_refusal_is_read_as_it_was_written(code: str | None, retryable: bool) -> None:
    error = Refused(ErrorClass.BUSY, "locked", code=code)
    error.retryable = retryable
    told = read(written(refused=error))
    assert told.refused is not None
    back: KeyturnError = told.refused.error
    assert isinstance(back, Refused)
    assert (back.error_class, back.message, back.code, back.retryable) == (ErrorClass.BUSY, "locked", code, retryable)
    assert ("Code" in written(refused=error).data["Refused"]) is (code is not None)


def test_what_was_read_does_not_change_and_a_task_is_no_lost_call() -> None:
    told = read(written(before=FULL))
    assert told.lost_call() is None
    with pytest.raises(ValidationError):
        told.proven = True


def test_a_store_s_place_is_read_as_it_was_written() -> None:
    told = read(written(pending(stored=PLACE), proven=True, unclear=True))
    assert told.store is not None
    assert (told.store.name, told.store.version, told.store.region, told.store.current) == (
        PLACE.name,
        PLACE.version,
        PLACE.region,
        "v1",
    )
    assert (told.proven, told.unclear) == (True, True)
    assert "Current" not in written(pending(stored=StoredSecret("ssm://s", "kt-0123", None, "-"))).data["Store"]


def test_no_secret_travels_in_it_and_no_text_is_longer_than_its_reader_takes() -> None:
    secret = Secret("Hidden-Passw0rd").reveal()
    lines = [f"said {secret}", "x" * 500, *["more"] * 60]
    error = Ambiguous(f"was {secret} " + "y" * 3_000, code=f"Odd-{secret}")
    told = read(written(pending(evidence=lines), refused=error))
    assert (told.evidence[0], len(told.evidence[1]), len(told.evidence)) == ("said ***", 200, 40)
    assert told.refused is not None
    assert (told.refused.code, len(told.refused.message)) == ("Odd-***", 2_000)
    assert "Hidden" not in json.dumps(told.model_dump(mode="json"))


def test_it_comes_after_its_delay_or_at_a_given_time() -> None:
    before = datetime.now(timezone.utc)
    command = written(delay_s=30.0)
    due = parse_time(command.notbefore)
    assert due is not None
    assert timedelta(seconds=29.9) < due - before < timedelta(seconds=32)
    assert command.delay_s == 30.0
    assert written(notbefore="2030-01-01T00:00:00Z").notbefore == "2030-01-01T00:00:00Z"


def test_each_message_of_a_change_has_an_id_of_its_own_and_a_repeat_has_the_same() -> None:
    different = [
        written(),
        written(hop=2),
        written(proven=True),
        written(task=Task(8)),
        written(task=None),
        written(context=CommandContext(SUBJECT, "SetPassword", "c-2", CONTEXT.started_at)),
        written(context=CommandContext(SUBJECT, "SetPassword", "c-1", "2026-11-26T10:00:01.000Z")),
    ]
    assert len({command.id for command in different}) == len(different)
    assert written(delay_s=9.0).id == written().id
    assert (len(written().id), written(hop=2).hop) == (32, 2)


def test_times() -> None:
    assert seconds("2026-11-18T10:26:40Z") == 1_794_997_600.0
    assert seconds("2026-11-18T10:26:40.250Z") == 1_794_997_600.25
    assert seconds("2026-02-31T10:26:40Z") == 0.0


# --- what is not taken


def changed(**what: Any) -> dict[str, Any]:
    data = {**written(pending(stored=PLACE), before=StateBefore()).data, **what}
    return {name: value for name, value in data.items() if value != "-"}


REFUSED: list[tuple[dict[str, Any], str]] = [
    (changed(Odd=1), "Odd: is not a field"),
    (changed(Cloud="other"), "Cloud: "),
    (changed(Service="Redis"), "Service: "),
    (changed(Region="nowhere"), "Region: "),
    (changed(Site="mars"), "Site: "),
    (changed(Resource="a/b"), "Resource: "),
    (changed(Account=""), "Account: "),
    (changed(Operation="set"), "Operation: "),
    (changed(CommandId="-x"), "CommandId: "),
    (changed(TaskId=0), "TaskId: "),
    (changed(TaskId="7"), "TaskId: "),
    (changed(StartedAt="today"), "StartedAt: "),
    (changed(StartedAt="-"), "StartedAt: is required"),
    (changed(Attempts=0), "Attempts: "),
    (changed(Evidence=["x" * 201]), "Evidence"),
    (changed(Evidence=["x"] * 41), "Evidence"),
    (changed(Sealed="x" * 16_001), "Sealed: "),
    (changed(RequestId="x" * 101), "RequestId: "),
    (changed(Proven=True, Store="-"), "Store: is required with Proven"),
    (changed(Settling=SIGNED, Before="-"), "Settling: requires Before"),
    (changed(Settling={}), "Settling.Signed: is required"),
    (changed(Refused={"Class": "odd", "Message": "m"}), "Refused.Class: "),
    (changed(Refused={"Class": "busy"}), "Refused.Message: is required"),
    (changed(Refused={"Class": "busy", "Message": "x" * 2_001}), "Refused.Message: "),
    (changed(Refused={"Class": "busy", "Message": "m", "Code": "x" * 101}), "Refused.Code: "),
    (changed(Before={"Tasks": ["1"]}), "Before.Tasks"),
    (changed(Before={"Tasks": [1] * 201}), "Before.Tasks: "),
    (changed(Before={"Calls": -1}), "Before.Calls: "),
    (changed(Before={"Calls": 101}), "Before.Calls: "),
    (changed(Before={"Soon": [1] * 101}), "Before.Soon: "),
    (changed(Before={"Time": "x" * 41}), "Before.Time: "),
    (changed(Store={"Name": "ssm://s", "Version": "v1", "Region": "ap-guangzhou"}), "Store.Version: "),
    (changed(Store={"Name": "x" * 161, "Version": "kt-0123", "Region": "ap-guangzhou"}), "Store.Name: "),
    (changed(Store={"Name": "s", "Version": "kt-0123", "Region": "ap-guangzhou", "Current": "x" * 65}), "Store"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "rule"), REFUSED, ids=[rule for _, rule in REFUSED])
def test_what_keyturn_would_not_write_is_refused(data: dict[str, Any], rule: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_model(FollowChange, data, FIELDS)
    assert rule in refused.value.message


TAKEN: list[dict[str, Any]] = [
    changed(TaskId=1),
    changed(Evidence=["x" * 200] * 40),
    changed(Sealed="x" * 16_000),
    changed(RequestId="x" * 100),
    changed(Attempts=1),
    changed(Before={"Tasks": [1] * 200, "Calls": 100, "Soon": [1] * 100, "Time": "x" * 40}),
    changed(Before={"Calls": 0}),
    changed(Refused={"Class": "busy", "Message": "x" * 2_000, "Code": "x" * 100}),
    changed(Store={"Name": "x" * 160, "Version": "kt-0123", "Region": "ap-guangzhou", "Current": "x" * 64}),
    changed(Proven=True, Settling=SIGNED, Before="-"),
]


@pytest.mark.parametrize("data", TAKEN, ids=range(len(TAKEN)))
def test_what_keyturn_may_write_is_taken(data: dict[str, Any]) -> None:
    parse_model(FollowChange, data, FIELDS)


def test_a_message_without_its_optional_fields_has_their_defaults() -> None:
    needed = ("Cloud", "Service", "Region", "Resource", "Account", "Operation", "CommandId", "StartedAt")
    told = parse_model(FollowChange, {name: changed()[name] for name in needed}, FIELDS)
    assert (told.site, told.attempts, told.evidence, told.unclear, told.proven, told.login) == (
        "domestic", 1, [], False, False, False,
    )  # fmt: skip
    told = parse_model(FollowChange, changed(Refused={"Class": "busy", "Message": "m"}), FIELDS)
    assert told.refused is not None
    assert told.refused.error.retryable is False


# --- what the operation asks of it


@pytest.mark.parametrize(
    ("cloud", "what", "rule"),
    [
        (Cloud(), {}, None),
        (Cloud(follows=False), {}, "Operation: its changes have no task or status to follow"),
        (Cloud(follows=False), {"Proven": True}, None),
        (Cloud(), {"TaskId": "-"}, "TaskId: is required for a change that runs as a task"),
        (Cloud(), {"TaskId": "-", "Settling": SIGNED}, None),
        (fenced_cloud(), {"Settling": SIGNED}, "Settling: is only for an operation whose tasks can be read"),
        (fenced_cloud(), {"TaskId": "-"}, None),
        (Cloud(), {"TaskId": "-", "Proven": True}, None),
    ],
)
def test_the_operation_s_declaration_decides_what_can_be_followed(
    cloud: Cloud, what: dict[str, Any], rule: str | None
) -> None:
    told = parse_model(FollowChange, changed(**what), FIELDS)
    if rule is None:
        told.check(cloud.operation)
        return
    with pytest.raises(Refused) as refused:
        told.check(cloud.operation)
    assert (refused.value.error_class, refused.value.message) == (ErrorClass.INVALID_COMMAND, rule)
