"""keyturn's own messages: signed where they are made, known where they are read, and nobody else's taken for them."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from shared.handlers import entry
from shared.handlers.adapters import open_queue
from shared.results.publisher import OutgoingCommand, Publisher
from shared.runtime import redaction
from shared.runtime.errors import SettingsError
from shared.runtime.message_signing import sign, verify
from shared.runtime.platform import read_invocation
from shared.runtime.settings import handoff_keys, read_settings
from shared.triggers import Message, Trigger, read
from tests.cloud.functions.trigger_events import queue_event
from tests.cloud.invocation.bootstrap import invocation_context
from tests.cloud.invocation.runtime import role_keys, run_function
from tests.conftest import ACCOUNT, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS
from tests.support.platform_events import signed

KEY = "a2V5dHVybiB0ZXN0IGtleSBvbmUsIDMyIGJ5dGVzISE"
OTHER = "a2V5dHVybiB0ZXN0IGtleSB0d28sIDMyIGJ5dGVzISE"
KEYS = handoff_keys(KEY)
TYPE = "keyturn.command.tencent_redis_modify_instance_account"
TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
EVENTS = Path(__file__).parents[1] / "fixtures" / "events"

COVERED: dict[str, Any] = {
    "type": TYPE,
    "id": "0123456789abcdef0123456789abcdef",
    "subject": "redis/crs-demo0001/app",
    "attempt": 2,
    "hop": 3,
    "data": {"Z": [1, 2.5, True, None], "Reason": "Größe 你好", "InstanceId": "crs-demo0001", "CommandId": "c-1"},
}
# Of this text, with `one` and `two`: openssl dgst -sha256 -hmac 'keyturn test key one, 32 bytes!!' -binary
# | basenc --base64url; Node's createHmac gives the same.
TEXT = (
    '{"attempt":2,"data":{"CommandId":"c-1","InstanceId":"crs-demo0001","Reason":"Größe 你好","Z":[1,2.5,true,null]},'
    '"hop":3,"id":"0123456789abcdef0123456789abcdef","subject":"redis/crs-demo0001/app",'
    '"type":"keyturn.command.tencent_redis_modify_instance_account"}'
)
MAC = {KEY: "ZqavPv5q0vmIiXUU7LtRvdVZGDwR3L-pjNj1saffRKc", OTHER: "91ZZv9fojMfLbLrKn4ieLLcgLdiJYhJeDzQWqpUfF_E"}


def event(**changes: Any) -> dict[str, Any]:
    """A command of keyturn's own, as it was signed, then changed."""
    attributes = {"specversion": "1.0", "source": "keyturn/tencent/ap-guangzhou", "mac": MAC[KEY]}
    made = attributes | COVERED | {"notbefore": "2026-03-01T02:00:00Z"} | changes
    return {name: value for name, value in made.items() if value is not ...}


def read_one(value: Any, keys: str = KEY) -> Message:
    (message,) = read(value, fields=("InstanceId",), request_id="r-1", keys=handoff_keys(keys)).messages
    return message


# --- the code itself


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_a_message_is_signed_as_other_programs_sign_it(key: str) -> None:
    assert sign(handoff_keys(key), **COVERED) == MAC[key]


def test_the_text_of_the_vectors_says_what_the_message_says() -> None:
    assert json.loads(TEXT) == COVERED


def test_the_first_key_signs_and_each_verifies() -> None:
    both = handoff_keys(f"{OTHER},{KEY}")
    assert sign(both, **COVERED) == MAC[OTHER]
    assert verify(both, MAC[OTHER], **COVERED) and verify(both, MAC[KEY], **COVERED)
    assert not verify(KEYS, MAC[OTHER], **COVERED)
    assert not verify((), MAC[KEY], **COVERED)


@pytest.mark.parametrize("mac", ["", MAC[KEY][:-1], MAC[KEY] + "=", MAC[KEY].lower(), MAC[OTHER], "é", "\ud800"])
def test_no_other_text_is_the_code(mac: str) -> None:
    assert not verify(KEYS, mac, **COVERED)


# --- the setting


@pytest.mark.parametrize("value", [KEY, f"{KEY}=", f" {KEY} , {OTHER}=", f"{KEY},"])
def test_a_key_or_two_are_taken(value: str) -> None:
    keys = read_settings({"KEYTURN_HANDOFF_KEY": value}).handoff_keys
    assert [key.reveal() for key in keys] == [KEY, OTHER][: len(keys)]
    assert KEY not in repr(keys)


@pytest.mark.parametrize("value", ["canary", KEY[:-1], KEY + "A", KEY + "==", KEY.replace("a", "+"), f"{KEY};{OTHER}",
                                   f"{KEY},{OTHER},{KEY}", ",", f"{KEY},canary"])  # fmt: skip
def test_another_value_is_refused_by_name_and_rule_alone(value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"KEYTURN_HANDOFF_KEY": value})
    assert str(caught.value).startswith("KEYTURN_HANDOFF_KEY: must be one key or two")
    assert "canary" not in str(caught.value) and KEY[:8] not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_without_the_setting_there_is_no_key() -> None:
    assert read_settings({}).handoff_keys == () == read_settings({"KEYTURN_HANDOFF_KEY": ""}).handoff_keys


def test_a_key_stays_masked_after_many_newer_secrets(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.settings["KEYTURN_HANDOFF_KEY"] = KEY
    for _ in range(2):
        with house.environment(ACCOUNT, "scf") as patch:
            read_invocation(invocation_context("scf", ACCOUNT, 20.0, role_keys("scf"), patch.setenv))
        logging.getLogger("somebody.else").warning("a key: %s", KEY)
        for number in range(600):
            redaction.remember(f"secret-{number:04}")
    assert caplog.text.count("a key: ***") == 2
    assert KEY not in caplog.text


# --- reading


def scf(value: dict[str, Any]) -> Any:
    return json.loads(queue_event(json.dumps(value), "scf", "m-1"))


WRAPPINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "ckafka": scf,
    "ckafka, keys in another order": lambda value: scf(dict(reversed(value.items()))),
    "ckafka, indented": lambda value: platform_events.event(json.dumps(value, indent=2), "scf", "queue"),
    "ckafka, data as text": lambda value: scf(value | {"data": json.dumps(value["data"])}),
    "smq": lambda value: queue_event(json.dumps(value), "fc", "m-1"),
    "smq, base64": lambda value: queue_event(base64.b64encode(json.dumps(value).encode()).decode(), "fc", "m-1"),
    "rabbitmq": lambda value: queue_event(json.dumps(value), "fc", "m-1", amqp=True),
    "eventbridge on scf": lambda value: json.loads(queue_event(json.dumps(value), "scf", "m-1", amqp=True)),
    "kafka, raw": lambda value: json.dumps({"topic": "t", "partition": 1, "offset": 2, "value": value}).encode(),
    "kafka, bytes literal": lambda value: {"topic": "t", "offset": 2, "value": repr(json.dumps(value).encode())},
    "bare": lambda value: json.dumps(value).encode(),
    "data in base64": lambda value: (
        value | {"data": None, "data_base64": base64.b64encode(json.dumps(value["data"]).encode()).decode()}
    ),
    "numbers as text": lambda value: value | {"attempt": "2", "hop": "3"},
    "dead letter": lambda value: {
        "RequestId": "r",
        "Body": {"ClientContext": json.dumps(platform_events.event(json.dumps(value), "scf", "queue"))},
    },
    "http": lambda value: platform_events.event(value, "scf", "http"),
    "timer": lambda value: platform_events.event(value, "fc", "timer"),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_an_own_message_is_known_in_each_wrapping_and_a_forged_one_in_none(wrapping: str) -> None:
    own = read_one(WRAPPINGS[wrapping](event()))
    assert (own.authentic, own.attempt, own.hop, own.data) == (True, 2, 3, COVERED["data"])
    forged = read_one(WRAPPINGS[wrapping](event(data=COVERED["data"] | {"CommandId": "c-2"})))
    assert (forged.authentic, forged.attempt, forged.hop, forged.problem) == (False, 1, 0, None)
    assert forged.data == COVERED["data"] | {"CommandId": "c-2"}


FORGED: dict[str, dict[str, Any]] = {
    "type": {"type": "keyturn.command.follow_change"},
    "id": {"id": "0123456789abcdef0123456789abcdee"},
    "subject": {"subject": "redis/crs-demo0001/root"},
    "no subject": {"subject": ...},
    "attempt": {"attempt": 10},
    "no attempt": {"attempt": ...},
    "hop": {"hop": 999},
    "hop beyond its range": {"hop": 2**31},
    "data": {"data": COVERED["data"] | {"InstanceId": "crs-demo0002"}},
    "more data": {"data": COVERED["data"] | {"Evidence": ["made up"]}},
    "less data": {"data": {name: value for name, value in COVERED["data"].items() if name != "Reason"}},
    "another type in data": {"data": COVERED["data"] | {"Z": [1, 2.5, 1, None]}},
    "another key's mac": {"mac": MAC[OTHER]},
    "no mac": {"mac": ...},
    "empty mac": {"mac": ""},
    "mac of no text": {"mac": 7},
    "null mac": {"mac": None},
    "mac in a list": {"mac": [MAC[KEY]]},
}


@pytest.mark.parametrize("part", FORGED)
def test_a_change_of_any_covered_part_makes_it_a_bare_command(part: str) -> None:
    message = read_one(scf(event(**FORGED[part])))
    assert (message.authentic, message.attempt, message.hop, message.problem) == (False, 1, 0, None)


def test_what_is_not_covered_may_change() -> None:
    changed = event(
        notbefore="2027-01-01T00:00:00Z", source="elsewhere", traceparent=TRACE, time="2026-03-01T02:00:00Z"
    )
    message = read_one(scf(changed))
    assert (message.authentic, message.notbefore, message.traceparent) == (True, "2027-01-01T00:00:00Z", TRACE)


def test_an_event_of_another_system_is_never_keyturns_own() -> None:
    foreign = signed(event(type="com.example.order"), KEY)
    message = read_one(scf(foreign))
    assert (message.authentic, message.attempt, message.hop) == (False, 1, 0)


def test_a_list_in_a_signed_event_is_not_keyturns_own() -> None:
    messages = read(scf(signed(event(data=[{"InstanceId": "a"}]), KEY)), fields=(), request_id="r", keys=KEYS).messages
    assert [(one.authentic, one.attempt, one.hop) for one in messages] == [(False, 1, 0)]


def test_in_a_batch_each_message_is_known_by_itself() -> None:
    batch = platform_events.batch([json.dumps(one) for one in (event(), event(hop=4), event(), {"InstanceId": "x"})])
    messages = read(batch, fields=(), request_id="r", keys=KEYS).messages
    assert [one.authentic for one in messages] == [True, False, True, False]


def test_keys_are_changed_without_losing_a_message() -> None:
    """Old; new beside old in each order of deploying; new alone."""
    stages = [KEY, f"{KEY},{OTHER}", f"{OTHER},{KEY}", OTHER]
    for before, after in pairwise(stages):
        for writer, reader in ((before, after), (after, before)):
            assert read_one(scf(signed(event(), writer)), reader).authentic, (writer, reader)
    assert not read_one(scf(signed(event(), KEY)), OTHER).authentic


@pytest.mark.parametrize(
    ("attempt", "hop", "believed"),
    [
        (2, 3, (2, 3)), (10, 999, (10, 999)), ("9", "8", (9, 8)),
        (11, 3, (1, 3)), (2, 1000, (2, 0)), (2, 2**31 - 1, (2, 0)),
    ],
)  # fmt: skip
def test_without_a_key_numbers_are_believed_within_their_limits(attempt: Any, hop: Any, believed: Any) -> None:
    message = read_one(scf(event(attempt=attempt, hop=hop)), "")
    assert (message.authentic, (message.attempt, message.hop)) == (False, believed)
    # A loop of messages that wait for a time that never comes still ends: the command is due at its last hop.
    assert (message.notbefore is None) == (int(hop) >= 1000)


@pytest.mark.parametrize("wrong", [{"attempt": 0}, {"hop": -1}, {"hop": 1.5}, {"attempt": True}])
def test_numbers_of_no_meaning_are_refused_without_a_key_and_ignored_with_one(wrong: dict[str, Any]) -> None:
    rule = "event attribute attempt or hop is not a whole number in its range"
    assert read_one(scf(event(**wrong)), "").problem == rule
    with_key = read_one(scf(event(**wrong)))
    assert (with_key.problem, with_key.attempt, with_key.hop) == (None, 1, 0)


# --- publishing


def published(house: House, command: OutgoingCommand) -> dict[str, Any]:
    with house.environment(ACCOUNT, "scf") as patch:
        publisher = Publisher(
            read_invocation(invocation_context("scf", ACCOUNT, 20.0, role_keys("scf"), patch.setenv)), open_queue
        )
        assert publisher.send_command(command)
        publisher.close()
    return house.commands()[-1]


def test_each_command_is_signed_with_the_first_key_and_read_as_keyturns_own(house: House) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_HANDOFF_KEY": f"{OTHER},{KEY}"}
    parts = {name: COVERED[name] for name in ("id", "subject", "data", "attempt", "hop")}
    command = OutgoingCommand(ACCOUNT, source="s", traceparent=TRACE, tracestate="a=1,b=2", **parts)
    sent = published(house, command)
    assert sent["mac"] == MAC[OTHER]
    message = read_one(scf(sent))
    assert not message.authentic
    message = read_one(scf(sent), f"{KEY},{OTHER}")
    assert (message.authentic, message.traceparent, message.tracestate) == (True, TRACE, "a=1,b=2")


def test_without_a_key_nothing_is_signed(house: House) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_HANDOFF_KEY": ""}
    parts = {name: COVERED[name] for name in ("id", "subject", "data")}
    assert "mac" not in published(house, OutgoingCommand(ACCOUNT, source="s", **parts))


LOCKED = {"InstanceId": "crs-demo0001", "AccountName": "app", "Privilege": "r", "Region": "ap-guangzhou"}


def locked(house: House) -> House:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "lock", "Times": 99}])
    return house


def test_a_command_that_is_handed_back_is_keyturns_own_and_counts_on(house: House) -> None:
    locked(house).settings["KEYTURN_HANDOFF_KEY"] = KEY
    house.send(ACCOUNT, LOCKED, trigger="queue", timeout_s=5.0)
    for attempt in (2, 3):
        handed = house.commands()[-1]
        assert read_one(scf(handed)).authentic
        assert (handed["attempt"], handed["hop"]) == (attempt, attempt - 1)
        # `notbefore` is advice, so an earlier one is fine.
        house.deliver(ACCOUNT, scf(handed | {"notbefore": "2026-01-01T00:00:00Z"}), timeout_s=5.0)


@pytest.mark.parametrize("key", [KEY, ""])
@pytest.mark.parametrize("forged", [{"hop": 1000}, {"hop": 2**31 - 1}, {"attempt": 11}, {"attempt": 2**31 - 1}])
def test_made_up_numbers_end_no_command(house: House, key: str, forged: dict[str, int]) -> None:
    locked(house).settings["KEYTURN_HANDOFF_KEY"] = key
    made_up = event(data=LOCKED, attempt=1, hop=0) | forged
    returned = house.deliver(ACCOUNT, scf(made_up), timeout_s=5.0)
    assert returned.value["Results"] == []  # it was handed back, as any command that finds its instance busy
    (handed,) = house.commands()
    assert (handed["attempt"], handed["hop"]) == (2, 1)


@pytest.mark.parametrize("forged", [{"hop": 999}, {"attempt": 10}])
def test_with_a_key_no_made_up_number_is_believed_at_all(house: House, forged: dict[str, int]) -> None:
    locked(house).settings["KEYTURN_HANDOFF_KEY"] = KEY
    returned = house.deliver(ACCOUNT, scf(event(data=LOCKED, attempt=1, hop=0) | forged), timeout_s=5.0)
    assert returned.value["Results"] == []
    assert [(one["attempt"], one["hop"]) for one in house.commands()] == [(2, 1)]


def test_a_planned_command_is_keyturns_own(house: House) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_HANDOFF_KEY": KEY}
    house.cloud.reset(redis={"crs-demo0001": {"accounts": {"app": {"password_age_days": 200}}}})
    policy = {
        "Policy": "p",
        "Function": ACCOUNT,
        "Region": "ap-guangzhou",
        "Resources": {"Patterns": ["crs-demo0001"]},
        "Accounts": ["app"],
        "MaxAgeDays": 90,
        "Store": "ssm://redis-{resource}-{account}",
    }
    timer = platform_events.event(policy, "scf", "timer")
    assert house.deliver("plan_rotation", timer).error is None
    sent = [read_one(scf(one)) for one in house.commands()]
    assert [(one.type, one.authentic) for one in sent] == [(TYPE, True)]


# --- the warning


def warnings(log: str) -> list[dict[str, Any]]:
    lines = [json.loads(line.partition(" keyturn ")[2]) for line in log.splitlines() if " keyturn {" in line]
    return [line for line in lines if line["event"] == "no_handoff_key"]


@pytest.mark.parametrize(("function", "platform"), [(ACCOUNT, "scf"), (TAIR, "fc")])
def test_on_a_platform_without_the_key_each_cold_start_says_so(house: House, function: str, platform: str) -> None:
    raw = platform_events.event(VALID_COMMANDS[function] | {"DryRun": True}, platform, "http")
    raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    house.settings["KEYTURN_HANDOFF_KEY"] = ""
    settings = house.settings | {"KEYTURN_COMMANDS": house.commands_url}
    (line,) = warnings(run_function(function, raw, platform, settings=settings).log)
    assert "KEYTURN_HANDOFF_KEY is not set" in line["message"] and "Set the same key" in line["message"]
    with_key = run_function(function, raw, platform, settings=settings | {"KEYTURN_HANDOFF_KEY": KEY})
    assert (warnings(with_key.log), outcome(with_key)) == ([], "would_change")
    assert KEY not in with_key.log
    assert warnings(run_function(function, raw, platform, settings=house.settings).log) == []


def test_it_is_said_once_a_process(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "_warned", False)
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_HANDOFF_KEY": ""}
    for _ in range(3):
        house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT] | {"DryRun": True})
    said = [record for record in caplog.records if "no_handoff_key" in record.getMessage()]
    assert [record.levelname for record in said] == ["WARNING"]


def test_a_key_that_is_none_ends_an_invocation_as_other_settings_do(house: House) -> None:
    house.settings["KEYTURN_HANDOFF_KEY"] = "canary-canary"
    data = result(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT]))
    assert data["Error"]["Code"] == "Settings" and "KEYTURN_HANDOFF_KEY" in data["Error"]["Message"]
    assert "canary" not in json.dumps(data)


def test_a_call_over_http_is_read_with_the_key_too() -> None:
    delivery = read(platform_events.event(event(hop=7), "fc", "http"), fields=(), request_id="r", keys=KEYS)
    assert delivery.trigger is Trigger.HTTP
    assert [(one.authentic, one.hop) for one in delivery.messages] == [(False, 0)]
