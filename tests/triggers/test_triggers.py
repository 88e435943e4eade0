"""Every published event shape, from our own fixtures, as each platform passes it."""

import hashlib
import json
from pathlib import Path

import pytest

from shared.triggers import Delivery, Trigger, UnknownEvent, fit_id, read

EVENTS = Path(__file__).parents[1] / "fixtures" / "events"
COMMAND = {"InstanceId": "crs-fixture1", "AccountName": "app"}
FIELDS = ("InstanceId", "AccountName", "Region")
UNKNOWN = ("scf-cos.json", "scf-context.json")
NIGHTLY = "h" + hashlib.sha256(b"nightly-2026-03-01T02:00:00Z").hexdigest()[:40]


def read_fixture(name: str) -> Delivery:
    raw = (EVENTS / name).read_bytes()
    return read(raw if name.startswith("fc-") else json.loads(raw), fields=FIELDS, request_id="req-1")


@pytest.mark.parametrize(
    ("name", "trigger", "command_id"),
    [
        ("scf-function-url.json", "http", "order-4711"),
        ("scf-api-gateway.json", "http", "req-1"),
        ("fc-http.json", "http", "req-1"),
        ("fc-api-gateway.json", "http", "req-1"),
        ("scf-timer.json", "timer", NIGHTLY),
        ("fc-timer.json", "timer", NIGHTLY),
        ("scf-cmq.json", "queue", "880001"),
        ("scf-eventbridge-ckafka.json", "queue", "commands-1-7"),
        ("scf-eventbridge-tdmq.json", "queue", "660001"),
        ("fc-smq-topic.json", "queue", "SMQTOPIC01"),
        ("fc-smq-topic-stream-attributes.json", "queue", "req-1"),
        ("fc-smq-queue.json", "queue", "SMQQUEUE01"),
        ("fc-smq-queue-base64.json", "queue", "SMQQUEUE01"),
        ("fc-smq-queue-raw.json", "queue", "SMQQUEUE01"),
        ("fc-rocketmq.json", "queue", "ROCKET01"),
        ("fc-rocketmq-raw.json", "queue", "ROCKET02"),
        ("fc-rabbitmq-object.json", "queue", "rabbit-1"),
        ("fc-rabbitmq-text.json", "queue", "ev-3"),
        ("fc-kafka-text.json", "queue", "commands-3-9"),
        ("fc-kafka-object.json", "queue", "commands-3-9"),
        ("fc-kafka-bytes-literal.json", "queue", "commands-3-9"),
        ("fc-kafka-strings.json", "queue", "commands-3-9"),
        ("fc-kafka-base64.json", "queue", "commands-3-9"),
        ("fc-kafka-raw.json", "queue", "commands-3-9"),
        ("fc-mqtt-raw.json", "queue", "req-1-0"),
        ("fc-eventbridge-custom.json", "queue", "custom-1"),
        ("raw-command.json", "queue", "req-1"),
        ("scf-dead-letter.json", "queue", NIGHTLY),
        ("fc-dead-letter.json", "queue", "fc-original-1"),
        ("fc-dead-letter-in-smq-queue.json", "queue", "fc-original-1"),
        ("keyturn-command.json", "queue", "change-1_a2"),
        ("keyturn-command-in-ckafka.json", "queue", "change-1_a2"),
    ],
)
def test_each_shape_yields_its_command_and_id(name: str, trigger: str, command_id: str) -> None:
    delivery = read_fixture(name)
    (message,) = delivery.messages
    assert (delivery.trigger.value, delivery.refused, delivery.many) == (trigger, None, False)
    assert (message.data, message.command_id, message.problem) == (COMMAND, command_id, None)


def test_every_json_fixture_reads_alike_as_bytes_text_and_value() -> None:
    for path in EVENTS.glob("*.json"):
        if path.name in UNKNOWN:
            continue
        raw = path.read_bytes()
        forms = [raw, raw.decode(), json.loads(raw)]
        read_as = [read(form, fields=FIELDS, request_id="r").messages for form in forms]
        # A trace begins with each reading.
        assert len({repr([vars(m) | {"traceparent": None} for m in messages]) for messages in read_as}) == 1


def test_a_ckafka_batch_keeps_its_order_and_one_bad_record_spoils_no_other() -> None:
    messages = read_fixture("scf-ckafka.json").messages
    assert [m.command_id for m in messages] == ["commands-2-40", "commands-2-41", "commands--42"]
    assert [m.problem for m in messages] == [None, "message is not JSON", None]
    assert [m.data for m in messages] == [COMMAND, None, COMMAND]


@pytest.mark.parametrize("name", ["fc-smq-topic-stream.txt", "scf-dead-letter.txt"])
def test_bytes_that_are_no_json_are_one_message_with_a_problem(name: str) -> None:
    delivery = read((EVENTS / name).read_bytes(), fields=FIELDS, request_id="req-1")
    assert delivery.trigger is Trigger.QUEUE
    assert [m.problem for m in delivery.messages] == ["message is not JSON"]


def test_a_timer_without_a_text_is_one_message_with_a_problem() -> None:
    delivery = read_fixture("scf-timer-empty.json")
    assert delivery.trigger is Trigger.TIMER
    assert [(m.command_id, m.problem) for m in delivery.messages] == [(NIGHTLY, "timer text is empty")]


@pytest.mark.parametrize("event", [b"", "", None, 7, {}, {"foo": 1}, b'{"foo":1}', {"Records": [{"s3": {}}]}])
def test_an_unknown_event_is_refused_with_the_known_shapes(event: object) -> None:
    with pytest.raises(UnknownEvent, match=r"known shapes: .*timer.*CKafka.*CloudEvent"):
        read(event, fields=FIELDS, request_id="r")


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_no_trigger_of_keyturn_is_unknown(name: str) -> None:
    with pytest.raises(UnknownEvent):
        read_fixture(name)


@pytest.mark.parametrize("event", [b"[]", [], {"Records": []}])
def test_an_empty_batch_is_a_delivery_of_nothing(event: object) -> None:
    assert read(event, fields=FIELDS, request_id="r").messages == ()


@pytest.mark.parametrize("raw", ["a", "A-1_b", "9" * 64])
def test_an_id_that_fits_stays(raw: str) -> None:
    assert fit_id(raw) == raw


@pytest.mark.parametrize("raw", ["", "-a", "_a", "a:b", "a\n", "9" * 65, "é", "\ud800"])
def test_an_id_that_does_not_fit_becomes_a_stable_hash(raw: str) -> None:
    assert fit_id(raw) == fit_id(raw)
    assert fit_id(fit_id(raw)) == fit_id(raw)
    assert len(fit_id(raw)) == 41


def test_a_keyturn_command_brings_its_attributes() -> None:
    (m,) = read_fixture("keyturn-command.json").messages
    assert (m.type, m.attempt, m.hop) == ("keyturn.command.follow_change", 2, 1)
    assert m.notbefore == "2026-03-01T02:00:05Z"
    assert m.traceparent == "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def test_a_timer_prefixes_its_ids_and_two_firings_differ() -> None:
    event = {"Type": "timer", "TriggerName": "t", "Time": "1", "Message": json.dumps([COMMAND, COMMAND])}
    (a, b) = read(event, fields=FIELDS, request_id="r").messages
    assert (a.command_id, b.command_id, a.prefix, b.prefix) == ("t-1-0", "t-1-1", "t-1", "t-1")
    (c, _) = read(event | {"Time": "2"}, fields=FIELDS, request_id="r").messages
    assert c.command_id == "t-2-0"
    cloud_event = json.dumps({"id": "e", "type": "x", "source": "s", "data": COMMAND})
    (d,) = read(event | {"Message": cloud_event}, fields=FIELDS, request_id="r").messages
    assert (d.command_id, d.prefix) == ("t-1-e", "t-1")


@pytest.mark.parametrize("text", ["", None, "TestText", "[]", "3"])
def test_a_timer_text_that_is_no_command_is_a_problem(text: object) -> None:
    event = {"triggerTime": "1", "triggerName": "t", "payload": text}
    (message,) = read(event, fields=FIELDS, request_id="r").messages
    assert message.problem is not None
    assert message.problem.startswith("timer text")
    assert message.command_id == "t-1"


def test_a_dead_letter_inside_a_dead_letter_is_a_problem() -> None:
    letter = json.loads((EVENTS / "fc-dead-letter.json").read_bytes())
    (message,) = read(letter | {"requestPayload": json.dumps(letter)}, fields=FIELDS, request_id="r").messages
    assert message.problem == "message is a dead letter inside a dead letter"


def test_a_destination_of_a_successful_invocation_is_never_run_again() -> None:
    letter = json.loads((EVENTS / "fc-dead-letter.json").read_bytes())
    letter["requestContext"]["condition"] = "Success"
    (message,) = read(letter, fields=FIELDS, request_id="r").messages
    assert (message.data, message.problem) == (None, "message reports an invocation that succeeded")


def test_a_dead_letter_of_an_http_call_has_no_waiting_caller() -> None:
    letter = json.loads((EVENTS / "fc-dead-letter.json").read_bytes())
    call = (EVENTS / "fc-http.json").read_text()
    delivery = read(letter | {"requestPayload": call}, fields=FIELDS, request_id="r")
    assert delivery.trigger is Trigger.QUEUE
    assert [(m.data, m.command_id) for m in delivery.messages] == [(COMMAND, "fc-original-1")]
    refused = letter | {"requestPayload": call.replace("POST", "GET")}
    (message,) = read(refused, fields=FIELDS, request_id="r").messages
    assert message.problem == "dead letter holds a refused call: only POST is allowed"


_LIKE_A_CALL = {"httpMethod": "POST", "path": "/", "headers": {}, "queryString": {}, "body": json.dumps(COMMAND)}
_LIKE_FC = json.loads((EVENTS / "fc-http.json").read_text())


@pytest.mark.parametrize("name", ["path", "headers", "queryString"])
def test_a_bare_message_that_lacks_a_mark_of_a_gateway_is_no_call(name: str) -> None:
    event = {key: value for key, value in _LIKE_A_CALL.items() if key != name}
    with pytest.raises(UnknownEvent):
        read(json.dumps(event).encode(), fields=FIELDS, request_id="r")
    assert read(json.dumps(_LIKE_A_CALL).encode(), fields=FIELDS, request_id="r").trigger is Trigger.HTTP


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", "v2"),
        ("version", None),
        ("rawPath", None),
        ("rawPath", "rotate"),
        ("headers", None),
        ("headers", "x"),
        ("requestContext", None),
        ("requestContext", {}),
        ("requestContext", {"http": {"method": "POST"}}),
        ("requestContext", {**_LIKE_FC["requestContext"], "http": {"method": "POST"}}),
        ("requestContext", {**_LIKE_FC["requestContext"], "http": None}),
        ("requestContext", {**_LIKE_FC["requestContext"], "requestId": 7}),
    ],
)
def test_fcs_own_call_has_all_of_its_marks(name: str, value: object) -> None:
    event = {**_LIKE_FC, name: value}
    with pytest.raises(UnknownEvent):
        read(json.dumps(event).encode(), fields=FIELDS, request_id="r")


@pytest.mark.parametrize("shape", [_LIKE_A_CALL, _LIKE_FC])
@pytest.mark.parametrize("more", [{"AccountName": "x"}, {"InstanceId": "crs-1", "AccountName": "app"}])
def test_a_message_that_has_a_commands_own_fields_is_no_call(shape: dict[str, object], more: dict[str, str]) -> None:
    for event in (json.dumps(shape | more).encode(), shape | more):
        delivery = read(event, fields=FIELDS, request_id="r")
        assert delivery.trigger is Trigger.QUEUE
        assert len(delivery.messages) == 1


@pytest.mark.parametrize(
    "envelope",
    [
        {"msgBody": json.dumps(COMMAND)},
        {"messageBody": json.dumps(COMMAND)},
        {"props": {"messageId": "m"}, "envelope": {}, "body": COMMAND},
        {"specversion": "1.0", "id": "e", "type": "x", "source": "s", "data": COMMAND},
    ],
)
@pytest.mark.parametrize("shape", [_LIKE_A_CALL, _LIKE_FC])
def test_a_queues_envelope_that_also_looks_like_a_call_is_a_message(
    shape: dict[str, object], envelope: dict[str, object]
) -> None:
    delivery = read(json.dumps(shape | envelope).encode(), fields=FIELDS, request_id="r")
    assert delivery.trigger is Trigger.QUEUE
    assert [message.data for message in delivery.messages] == [COMMAND]
