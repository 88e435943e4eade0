"""CloudEvents in each mode (1.0.2 and its bindings): structured, batched, binary; one at most, in one envelope."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.triggers import Delivery, Message, Trigger, read

COMMAND = {"InstanceId": "crs-fixture1"}
EVENT = {"specversion": "1.0", "id": "e1", "source": "/desk", "type": "desk.order", "data": COMMAND}
ATTRIBUTES = {"specversion": "1.0", "id": "e1", "source": "/desk", "type": "desk.order"}
TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


def call(body: object, headers: dict[str, Any] | None = None) -> Delivery:
    event = {"httpMethod": "POST", "path": "/", "headers": {"content-type": "application/json"} | (headers or {})}
    return read(event | {"body": json.dumps(body)}, fields=COMMAND, request_id="req-1")


def binary(body: object = COMMAND, prefix: str = "ce-", **more: Any) -> Delivery:
    headers = {f"{prefix}{name}": value for name, value in (ATTRIBUTES | more).items() if value is not None}
    return call(body, headers)


def in_ckafka(body: object) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"Records": [{"Ckafka": {"topic": "t", "partition": 0, "offset": 5, "msgBody": text}}]}


def on_a_bus(data: object) -> Any:
    return [{"id": "bus-1", "source": "acs:x", "specversion": "1.0", "type": "x:Topic:Message", "data": data}]


def kafka(headers: object, value: object = json.dumps(COMMAND)) -> Any:
    return on_a_bus({"topic": "t", "partition": 0, "offset": 5, "headers": headers, "value": value})


def rabbit(props: dict[str, Any], body: object = COMMAND) -> Any:
    return on_a_bus({"envelope": {"deliveryTag": 1}, "props": {"messageId": "m-1"} | props, "body": body})


def only(event: Any) -> Message:
    (message,) = read(event, fields=COMMAND, request_id="req-1").messages
    return message


# --- HTTP


def test_an_event_in_binary_mode_is_named_and_typed_by_its_headers() -> None:
    (message,) = binary(traceparent=TRACE, tracestate="a=1").messages
    assert (message.data, message.command_id, message.named, message.type) == (COMMAND, "e1", True, "desk.order")
    assert (message.traceparent, message.tracestate) == (TRACE, "a=1")
    (message,) = binary(prefix="CE-").messages
    assert message.command_id == "e1"


def test_the_type_in_a_header_says_that_an_event_is_another_functions() -> None:
    (message,) = binary(type="keyturn.command.follow_change", attempt="3", hop="2").messages
    assert message.for_another("tencent_redis_modify_instance_account")
    assert (message.attempt, message.hop) == (3, 2)
    (message,) = binary(type="keyturn.command.f", attempt="x").messages
    assert message.problem == "event attribute attempt or hop is not a whole number in its range"


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
@pytest.mark.parametrize("value", [None, ""])
def test_an_event_in_binary_mode_has_every_required_attribute(missing: str, value: str | None) -> None:
    more: dict[str, Any] = {missing: value}
    status, why = binary(**more).refused or (0, "")
    assert status == 400 and missing in why


def test_headers_that_name_no_event_make_none() -> None:
    (message,) = call(COMMAND, {"ce-note": "x", "ce-": "y", "ce-data": "{}"}).messages
    assert (message.data, message.command_id, message.type) == (COMMAND, "req-1", None)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("a%2Db", "a-b"), ('"a-b"', "a-b"), ("a%20b", None), ("%E2%82%AC", None), ("%2525", None)],
)
def test_a_headers_value_is_percent_decoded_once(sent: str, meant: str | None) -> None:
    from shared.triggers import fit_id

    decoded = {"a%20b": "a b", "%E2%82%AC": "\u20ac", "%2525": "%25"}.get(sent, meant)
    assert binary(id=sent).messages[0].command_id == fit_id(str(decoded))


def test_a_headers_value_that_is_no_utf8_and_a_repeated_attribute_are_refused() -> None:
    assert (binary(id="%FF").refused or (0, ""))[0] == 400
    assert (binary(id=["e1", "e2"]).refused or (0, ""))[0] == 400


def test_a_list_in_binary_mode_is_many_commands_of_one_event() -> None:
    delivery = binary([COMMAND, COMMAND])
    assert delivery.many
    assert [(m.command_id, m.problem) for m in delivery.messages] == [("e1-0", None), ("e1-1", None)]


def test_a_batch_is_many_events_each_with_its_own_id() -> None:
    delivery = call([EVENT, EVENT | {"id": "e2"}, COMMAND, 3], {"content-type": f"{BATCH}; charset=utf-8"})
    assert delivery.many and delivery.trigger is Trigger.HTTP
    assert [(m.command_id, m.data) for m in delivery.messages[:2]] == [("e1", COMMAND), ("e2", COMMAND)]
    assert [m.problem for m in delivery.messages[2:]] == ["element of body is not a CloudEvent"] * 2


@pytest.mark.parametrize("kind", [STRUCTURED, BATCH])
@pytest.mark.parametrize("body", [COMMAND, EVENT, [EVENT], [], 3])
def test_a_body_is_what_its_content_type_says(kind: str, body: object) -> None:
    delivery = call(body, {"content-type": kind})
    right = body == ([EVENT] if kind == BATCH else EVENT)
    problem = delivery.refused or delivery.messages[0].problem
    assert (problem is None) == right


def test_a_content_type_of_an_event_wins_over_headers_that_name_one() -> None:
    (message,) = call(EVENT, {"content-type": STRUCTURED, "ce-id": "e9", "ce-type": "x"}).messages
    assert (message.command_id, message.type) == ("e1", "desk.order")


@pytest.mark.parametrize("kind", ["application/cloudevents", "application/cloudevents+avro", "text/json"])
def test_a_format_that_is_not_json_is_refused(kind: str) -> None:
    assert (call(EVENT, {"content-type": kind}).refused or (0, ""))[0] == 415


# --- attributes


@pytest.mark.parametrize(
    "name",
    ["specversion", "subject", "time", "datacontenttype", "attempt", "hop", "notbefore", "mac", "traceparent",
     "tracestate", "data_base64", "other"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["desk.order", "keyturn.command.f"])
def test_a_null_attribute_is_one_that_is_not_there(name: str, kind: str) -> None:
    (message,) = call(EVENT | {"type": kind, name: None}).messages
    assert (message.data, message.command_id, message.problem) == (COMMAND, "e1", None)
    assert (message.attempt, message.hop, message.notbefore) == (1, 0, None)


@pytest.mark.parametrize("id_", [None, 7, 1.5, True, [], ["e1"], {}, {"id": "e1"}])
def test_an_id_that_is_no_text_is_refused(id_: object) -> None:
    event = EVENT | {"id": id_}
    for message in (call(event).messages[0], only(in_ckafka(event)), only(timer(event))):
        assert (message.data, message.problem) == (None, "event attribute id is not text")


@pytest.mark.parametrize("packed", ["e30=", "", 7, {}])
def test_data_beside_data_base64_is_refused(packed: object) -> None:
    event = EVENT | {"data_base64": packed}
    for message in (call(event).messages[0], only(in_ckafka(event)), only(timer(event))):
        assert (message.data, message.problem) == (None, "event has both data and data_base64")


def test_data_in_base64_alone_is_read() -> None:
    packed = base64.b64encode(json.dumps(COMMAND).encode()).decode()
    for event in (EVENT | {"data": None, "data_base64": packed}, ATTRIBUTES | {"data_base64": packed}):
        assert call(event).messages[0].data == COMMAND
    for wrong in (7, {"InstanceId": "crs-1"}, [{"InstanceId": "crs-1"}], True):
        assert call(ATTRIBUTES | {"data_base64": wrong}).messages[0].problem == "event data_base64 is not text"
    assert call(ATTRIBUTES | {"data": None}).messages[0].problem == "event has no data"


# --- one envelope, one event


def timer(text: object) -> Any:
    return {"Type": "Timer", "TriggerName": "t", "Time": "1", "Message": json.dumps(text)}


def fc_timer(text: object) -> Any:
    return json.dumps({"triggerName": "t", "triggerTime": "1", "payload": json.dumps(text)}).encode()


WAYS: dict[str, Callable[[object], Any]] = {
    "http": lambda inner: {"httpMethod": "POST", "path": "/", "headers": {}, "body": json.dumps(inner)},
    "timer": timer,
    "fc timer": fc_timer,
    "ckafka": in_ckafka,
    "cmq": lambda inner: {"Records": [{"CMQ": {"msgId": "1", "msgBody": json.dumps(inner)}}]},
    "smq queue": lambda inner: on_a_bus({"messageId": "1", "messageBody": json.dumps(inner)}),
    "smq topic": lambda inner: {"Message": json.dumps(inner), "MessageId": "1", "TopicName": "t"},
    "kafka": lambda inner: kafka({"headers": []}, json.dumps(inner)),
    "rabbitmq": lambda inner: rabbit({}, inner),
    "rocketmq": lambda inner: on_a_bus({"systemProperties": {"UNIQ_KEY": "1"}, "body": json.dumps(inner)}),
    "bare": lambda inner: json.dumps(inner).encode(),
    "array": lambda inner: json.dumps([inner]).encode(),
    "array of texts": lambda inner: json.dumps([json.dumps(inner)]).encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_one_event_in_the_platforms_envelope_is_opened(way: str) -> None:
    message = only(WAYS[way](EVENT))
    assert (message.data, message.problem) == (COMMAND, None)
    assert message.command_id in ("e1", "t-1-e1")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("packed", ["object", "text", "list", "base64"])
def test_an_event_in_an_events_data_is_refused(way: str, packed: str) -> None:
    inner: Any = EVENT | {"id": "e2"}
    outer = {**ATTRIBUTES, "data": {"object": inner, "text": json.dumps(inner), "list": [inner]}.get(packed)}
    if packed == "base64":
        outer["data_base64"] = base64.b64encode(json.dumps(inner).encode()).decode()
    message = only(WAYS[way](outer))
    assert message.data is None
    assert message.problem is not None and "a CloudEvent inside a CloudEvent" in message.problem


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("http", "bare", "array", "array of texts")])
def test_an_envelope_inside_an_event_is_no_envelope(way: str) -> None:
    message = only(WAYS[way](EVENT | {"data": {"messageId": "m", "messageBody": json.dumps(COMMAND)}}))
    assert message.data == {"messageId": "m", "messageBody": json.dumps(COMMAND)}  # which no command's model takes


@pytest.mark.parametrize("way", ["ckafka", "cmq", "smq queue", "kafka", "rabbitmq"])
def test_an_envelope_inside_an_envelope_is_refused(way: str) -> None:
    message = only(WAYS[way]({"messageId": "m", "messageBody": json.dumps(COMMAND)}))
    assert (message.data, message.problem) == (None, "message is wrapped in too many envelopes")


def test_a_topic_that_pushes_into_a_queue_is_the_platforms_own_envelope() -> None:
    topic = {"Message": json.dumps(EVENT), "MessageId": "1", "TopicName": "t"}
    message = only(on_a_bus({"messageId": "1", "messageBody": json.dumps(topic)}))
    assert (message.data, message.command_id) == (COMMAND, "e1")


@pytest.mark.parametrize("odd", ["%ff", '""', "x"])
def test_a_header_that_only_looks_like_an_attribute_is_none(odd: str) -> None:
    (message,) = call(COMMAND, {"content-type": "application/json", "ce-note": odd}).messages
    assert (message.data, message.problem) == (COMMAND, None)


@pytest.mark.parametrize("odd", ["%ff", '""'])
def test_a_required_attribute_that_is_empty_or_no_text_is_refused(odd: str) -> None:
    status, why = binary(id=odd).refused or (0, "")
    assert status == 400 and why.startswith("call ")


def test_an_event_in_binary_mode_holds_no_event() -> None:
    (message,) = binary(EVENT | {"id": "e2"}).messages
    assert message.problem is not None and "a CloudEvent inside a CloudEvent" in message.problem


# --- Kafka and AMQP headers


def pairs(values: dict[str, Any]) -> Any:
    return {"headers": [{"key": name, "value": value} for name, value in values.items()], "isReadOnly": False}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


KAFKA = {f"ce_{name}": value for name, value in ATTRIBUTES.items()}
HEADERS = [
    kafka(pairs(KAFKA)),
    kafka(pairs(KAFKA)["headers"]),
    kafka(KAFKA),
    kafka(pairs({name: b64(value) for name, value in KAFKA.items()})),
    kafka(KAFKA | {"content-type": "application/json", "other": None}, COMMAND),
    rabbit({"headers": {f"cloudEvents:{name}": value for name, value in ATTRIBUTES.items()}}),
    rabbit({"headers": {f"cloudEvents_{name}": value for name, value in ATTRIBUTES.items()}}, json.dumps(COMMAND)),
]


@pytest.mark.parametrize("event", HEADERS)
def test_attributes_in_a_queues_headers_name_and_type_the_event(event: Any) -> None:
    for form in (event, json.dumps(event).encode()):
        message = only(form)
        assert (message.data, message.command_id, message.type) == (COMMAND, "e1", "desk.order")


@pytest.mark.parametrize(
    "event",
    [
        kafka(pairs({"content-type": STRUCTURED, **KAFKA, "ce_id": "e9"}), json.dumps(EVENT)),
        rabbit({"contentType": STRUCTURED, "headers": {"cloudEvents:id": "e9"}}, EVENT),
    ],
)
def test_headers_beside_a_structured_event_are_not_read(event: Any) -> None:
    assert only(event).command_id == "e1"


@pytest.mark.parametrize("headers", [None, [], {}, 7, "x", [7, None, {"key": 3}], {"headers": 7}, {"ce_note": "x"}])
def test_headers_of_another_form_make_no_event(headers: object) -> None:
    message = only(kafka(headers))
    assert (message.data, message.command_id, message.type) == (COMMAND, "t-0-5", None)


def test_attributes_in_headers_that_are_no_event_are_refused() -> None:
    message = only(kafka({"ce_specversion": "1.0", "ce_id": "e1"}))
    assert message.problem == "message is a CloudEvent in binary mode without source, type in its headers"
    doubled = pairs(KAFKA)["headers"] + [{"key": "ce_id", "value": "e2"}]
    assert only(kafka(doubled)).problem == "message names a CloudEvents attribute twice in its headers"
    assert only(kafka(KAFKA, json.dumps(EVENT))).problem is not None
    assert only(kafka(KAFKA, None)).problem == "event has no data"
