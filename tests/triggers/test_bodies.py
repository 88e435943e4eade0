"""HTTP rules, message bodies, and input that means harm."""

import base64
import json
import logging
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.triggers import Delivery, Message, UnknownEvent, read

COMMAND = {"InstanceId": "crs-fixture1"}
TEXT = json.dumps(COMMAND)
CANARY = "S3cret-Canary"
JSON_HEADERS = {"content-type": "application/json"}


def call(body: object = TEXT, headers: object = None, **more: object) -> Delivery:
    event = {
        "httpMethod": "POST",
        "path": "/",
        "headers": JSON_HEADERS if headers is None else headers,
        "body": body,
    }
    return read(event | more, fields=COMMAND, request_id="req-1")


def body(text: object) -> tuple[Message, ...]:
    record = {"Ckafka": {"topic": "t", "partition": 0, "offset": 5, "msgBody": text}}
    return read({"Records": [record]}, fields=COMMAND, request_id="req-1").messages


def cloud_event(**attributes: object) -> str:
    event = {"specversion": "1.0", "id": "e1", "source": "s", "type": "keyturn.command.f", "data": COMMAND}
    return json.dumps(event | attributes)


@pytest.mark.parametrize("method", ["GET", "PUT", "", None, 1])
def test_only_post_is_answered(method: object) -> None:
    assert call(httpMethod=method).refused == (405, "only POST is allowed")


@pytest.mark.parametrize(
    "headers",
    [{"content-type": "text/plain"}, {"content-type": "application/jsonx"}, {"content-type": ""}],
)
def test_any_other_content_type_is_refused(headers: object) -> None:
    assert call(headers=headers).refused == (415, "content type must be application/json")


@pytest.mark.parametrize("headers", [{}, "x", None, {"content-type": None}])
def test_a_call_without_a_content_type_is_read_as_json(headers: object) -> None:
    assert call(headers=headers).refused is None


@pytest.mark.parametrize(
    "headers",
    [
        {"CONTENT-TYPE": "Application/JSON"},
        {"Content-Type": "application/json ; charset=utf-8"},
        {"content-type": ["application/json"]},
    ],
)
def test_json_is_taken_in_any_spelling_of_its_header(headers: object) -> None:
    assert call(headers=headers).messages[0].data == COMMAND


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "is empty"),
        ("", "is empty"),
        ({}, "is not text"),
        ("nope", "is not JSON"),
        ('"text"', "neither"),
        ("null", "neither"),
        ("[]", "an empty list"),
        (json.dumps([COMMAND] * 101), "more than 100"),
        ('{"a":1,"a":1}', "names a key twice"),
        ('{"a":[NaN]}', "not finite"),
        ('{"a":1e999}', "not finite"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", "nested too deeply"),
        ('{"a":"\\ud800"}', "not Unicode"),
        ('{"a":' + "9" * 5000 + "}", "is not JSON" if sys.version_info >= (3, 11) else ""),
    ],
)
def test_a_body_that_is_no_command_is_refused(text: object, reason: str) -> None:
    if reason:
        status, said = call(text).refused or (0, "")
        assert status == 400
        assert reason in said


@pytest.mark.parametrize("flag", [True, "true", "True"])
def test_a_base64_body_is_decoded(flag: object) -> None:
    assert call(base64.b64encode(TEXT.encode()).decode(), isBase64Encoded=flag).messages[0].data == COMMAND
    assert call("***", isBase64Encoded=flag).refused == (400, "body is not base64")
    assert call("/w==", isBase64Encoded=flag).refused == (400, "body is not UTF-8")
    assert call("", isBase64Encoded=flag).refused == (400, "body is empty")


def test_a_call_without_a_body_is_refused() -> None:
    event = {"httpMethod": "POST", "path": "/", "headers": JSON_HEADERS}
    assert read(event, fields=(), request_id="r").refused == (400, "body is empty")


def test_a_list_is_many_and_one_bad_element_spoils_no_other() -> None:
    delivery = call(json.dumps([COMMAND, 3, [COMMAND]]), headers=JSON_HEADERS | {"Idempotency-Key": "k"})
    assert delivery.many
    assert [(m.command_id, m.named, m.problem) for m in delivery.messages] == [
        ("k-0", True, None),
        ("k-1", True, "element of body is not a JSON object"),
        ("k-2", True, "element of body is not a JSON object"),
    ]


def test_an_idempotency_key_means_the_same_in_quotes_and_without() -> None:
    ids = [call(headers=JSON_HEADERS | {"idempotency-KEY": key}).messages[0] for key in ("k", '"k"', " k ")]
    assert {(m.command_id, m.named) for m in ids} == {("k", True)}


def test_an_asynchronous_call_is_known_as_such() -> None:
    assert call(headers=JSON_HEADERS | {"X-Fc-Invocation-Type": "Async"}).asynchronous
    assert not call(headers=JSON_HEADERS | {"X-Fc-Invocation-Type": "Sync"}).asynchronous


def test_a_cloud_event_over_http_keeps_its_own_id() -> None:
    (message,) = call(cloud_event(), headers=JSON_HEADERS | {"idempotency-key": "k"}).messages
    assert (message.data, message.command_id, message.named) == (COMMAND, "e1", True)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        json.dumps(TEXT),
        base64.b64encode(TEXT.encode()).decode(),
        base64.encodebytes(TEXT.encode()).decode(),
        repr(TEXT.encode()),
        "\ufeff" + TEXT,
        COMMAND,
        cloud_event(id=""),
        cloud_event(id="t-0-5", data=TEXT),
        cloud_event(id="t-0-5", data=None, data_base64=base64.b64encode(TEXT.encode()).decode()),
        cloud_event(id="t-0-5", type="anyone.at.all"),
    ],
)
def test_each_wrapping_of_a_body_yields_the_command(text: object) -> None:
    (message,) = body(text)
    assert (message.data, message.command_id, message.problem) == (COMMAND, "t-0-5", None)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "hello", "3", "[]", "b'x' b'y'", "b'\\d'", "b'{' + b'}'", repr(b"\xff"), '{"a":1,"a":1}',
        "[" * 9999,
        json.dumps([COMMAND] * 101), json.dumps(json.dumps(json.dumps(json.dumps(TEXT)))),
        cloud_event(attempt=0),
        cloud_event(attempt="x"), cloud_event(hop=-1), cloud_event(hop=True),
        cloud_event(notbefore=5),
        '{"id":"e","source":"s","type":"t","specversion":"1.0"}', cloud_event(data=3),
        cloud_event(data=None),
        '{"id":"e","source":"s","type":"t","data":{},"data":{}}', cloud_event(data="nope"),
        cloud_event(type="\ud800"),
    ],
)  # fmt: skip
def test_a_body_that_holds_no_command_is_a_problem_and_never_an_error(text: object) -> None:
    (message,) = body(text)
    assert message.data is None
    assert message.problem


def test_a_list_in_a_body_numbers_its_commands() -> None:
    assert [m.command_id for m in body(json.dumps([COMMAND, COMMAND]))] == ["t-0-5-0", "t-0-5-1"]
    messages = body(cloud_event(attempt="2", data=[COMMAND, 1]))
    assert [(m.command_id, m.attempt, m.problem is None) for m in messages] == [
        ("e1-0", 2, True),
        ("e1-1", 2, False),
    ]


def test_an_array_with_bad_elements_keeps_the_good_ones() -> None:
    event = json.dumps([COMMAND, 3, "x", {"foo": 1}, None]).encode()[:-1] + b',{"InstanceId":1,"InstanceId":2}]'
    messages = read(event, fields=COMMAND, request_id="r").messages
    assert [(m.command_id, m.problem is None) for m in messages] == [
        (f"r-{n}", n == 0) for n in range(6)
    ]  # fmt: skip


def test_a_queue_record_without_a_body_is_a_problem_as_raising_would_block_its_partition() -> None:
    messages = read({"Records": [{"Ckafka": {}}, {"CMQ": 3}, None]}, fields=(), request_id="r").messages
    assert [m.problem for m in messages] == ["record has no known shape"] * 3


def test_envelopes_within_envelopes_end() -> None:
    wrapped: object = COMMAND
    for _ in range(2):
        wrapped = {"messageId": "m", "messageBody": wrapped}
    (message,) = body(wrapped)
    assert message.problem == "message is wrapped in too many envelopes"


@pytest.mark.parametrize(
    "text", [CANARY, f'{{"a":"{CANARY}"', f'{{"a":1,"a":"{CANARY}"}}', f"b'{CANARY}'", f'["{CANARY}"]']
)
def test_no_problem_reason_or_repr_repeats_the_content(text: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    deliveries = [
        call(text),
        read(text.encode(), fields=("a",), request_id="r"),
        read({"Type": "Timer", "TriggerName": "t", "Time": "1", "Message": text}, fields=(), request_id="r"),
    ]
    for delivery in deliveries:
        said = [delivery.refused, repr(delivery), *(f"{m.problem} {m!r}" for m in delivery.messages)]
        assert CANARY not in str(said)
    with pytest.raises(UnknownEvent) as caught:
        read({CANARY: CANARY}, fields=(), request_id="r")
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None
    assert not caplog.records


KEYS = [
    "Records",
    "CMQ",
    "Ckafka",
    "msgBody",
    "messageBody",
    "messageId",
    "data",
    "id",
    "type",
    "source",
    "specversion",
    "body",
    "attrs",
    "props",
    "value",
    "topic",
    "offset",
    "requestContext",
    "requestPayload",
    "Body",
    "ClientContext",
    "RequestId",
    "Type",
    "TriggerName",
    "httpMethod",
    "headers",
    "InstanceId",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_no_event_causes_anything_but_a_delivery_or_unknown_event(event: object) -> None:
    for form in (event, json.dumps(event).encode()):
        try:
            delivery = read(form, fields=COMMAND, request_id="r")
        except UnknownEvent:
            continue
        for message in delivery.messages:
            assert (message.data is None) == (message.problem is not None)


def test_the_room_imports_nothing_beyond_the_standard_library() -> None:
    for path in (Path(__file__).parents[2] / "shared" / "triggers").glob("*.py"):
        imports = [
            line.split()[1].split(".")[0]
            for line in path.read_text().splitlines()
            if line.startswith(("import ", "from "))
        ]
        assert set(imports) <= sys.stdlib_module_names | {"shared"}
