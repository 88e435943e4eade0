"""Names given twice and numbers that are none, anywhere in a platform's envelope, are refused as in a body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.triggers import Delivery, Trigger, read
from tests.triggers.test_cloud_events import COMMAND, WAYS, kafka, only, rabbit

TWICE, NOT_FINITE = "names a key twice", "holds a number that is not finite"
CALL = {"httpMethod": "POST", "path": "/", "headers": {}, "queryString": {}, "body": json.dumps(COMMAND)}
FC_CALL = {
    "version": "v1",
    "rawPath": "/",
    "headers": {},
    "body": json.dumps(COMMAND),
    "requestContext": {
        "requestId": "1",
        "domainName": "x",
        "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1"},
    },
}


def texts(event: Any) -> str:
    return event.decode() if isinstance(event, bytes) else json.dumps(event)


def delivered(text: str) -> Delivery:
    return read(text.encode(), fields=COMMAND, request_id="req-1")


@pytest.mark.parametrize("event", [CALL, FC_CALL])
def test_a_call_whose_envelope_is_ambiguous_is_refused(event: dict[str, Any]) -> None:
    for more, rule in (('"x": 1, "x": 2', TWICE), ('"x": NaN', NOT_FINITE), ('"x": -1e999', NOT_FINITE)):
        for text in (
            texts(event)[:-1] + f", {more}}}",
            texts(event).replace('"headers": {}', f'"headers": {{{more}}}'),
        ):
            assert delivered(text).refused == (400, f"call {rule}")
    doubled = texts(event)[:-1] + ', "body": "{}"}'
    assert delivered(doubled).refused == (400, f"call {TWICE}")


def test_what_the_runtime_parsed_is_refused_as_well() -> None:
    for event in (CALL | {"x": float("nan")}, CALL | {"headers": {"x": float("inf")}}):
        assert read(event, fields=COMMAND, request_id="r").refused == (400, f"call {NOT_FINITE}")


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("http", "bare", "array", "array of texts")])
@pytest.mark.parametrize("more", ['"x": 1, "x": 2', '"x": NaN', '"x": [{"y": Infinity}]', '"x": {"y": 1, "y": 1}'])
def test_a_message_whose_envelope_is_ambiguous_is_refused(way: str, more: str) -> None:
    text = texts(WAYS[way](COMMAND))
    at = [n for n, sign in enumerate(text) if sign == "{" and text[n - 1] != "\\" and text[n - 1] != '"']
    for n in at:
        delivery = delivered(text[: n + 1] + more + ", " + text[n + 1 :])
        assert delivery.trigger in (Trigger.QUEUE, Trigger.TIMER)
        for message in delivery.messages:
            assert message.data is None and message.problem is not None
            assert message.problem.endswith(TWICE if "NaN" not in more and "Inf" not in more else NOT_FINITE)


def test_an_ambiguous_record_spoils_no_other() -> None:
    good = '{"Ckafka": {"topic": "t", "partition": 0, "offset": 5, "msgBody": "{\\"InstanceId\\": \\"crs-1\\"}"}}'
    for bad in (good.replace('"offset"', '"offset": 4, "offset"'), good.replace("5", "NaN")):
        messages = delivered(f'{{"Records": [{good}, {bad}, {good}]}}').messages
        assert [message.problem is None for message in messages] == [True, False, True]
        bus = texts(kafka([]))[1:-1]
        messages = delivered(f"[{bus}, {bus.replace('5', 'NaN')}, {bus}]").messages
        assert [message.problem is None for message in messages] == [True, False, True]


def test_an_envelope_that_python_parsed_holds_finite_numbers() -> None:
    assert only(rabbit({"priority": float("nan")})).problem == f"message {NOT_FINITE}"
    assert only({"Type": "Timer", "TriggerName": "t", "Time": float("nan"), "Message": "{}"}).problem == (
        f"timer event {NOT_FINITE}"
    )
