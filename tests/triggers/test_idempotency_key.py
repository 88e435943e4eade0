"""The header Idempotency-Key: a string of structured fields (RFC 9651, 3.3.3 and 3.1.2), or bare as many send it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.triggers import Delivery, fit_id, read


def call(key: Any) -> Delivery:
    headers = {"content-type": "application/json", "Idempotency-Key": key}
    event = {"httpMethod": "POST", "path": "/", "headers": headers, "body": json.dumps({"InstanceId": "crs-1"})}
    return read(event, fields=("InstanceId",), request_id="req-1")


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("abc-123", "abc-123"),
        (" abc-123\t", "abc-123"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("a key", "a key"),
        ("a;b=c", "a;b=c"),
        ('"abc-123"', "abc-123"),
        ('"abc-123";a', "abc-123"),
        ('"abc-123"; a=1;b=-2.5;c=tok/en;*d=?1;e=:aGk=:;f="x;\\"y";g=@1659578233', "abc-123"),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ('" "', " "),
        ('"abc-123";x=%"f%c3%bc"', "abc-123"),
        (["abc-123"], "abc-123"),
    ],
)
def test_a_key_means_the_same_in_each_form(sent: Any, key: str) -> None:
    (message,) = call(sent).messages
    assert (message.command_id, message.named) == (fit_id(key), True)


@pytest.mark.parametrize(
    "sent",
    [
        "", "  ", '""', '"', '"abc', 'abc"', 'a"b', '""abc""', '"a"b"', '"abc" x', '"abc"x', '"abc";', '"abc";=1',
        '"abc";A=1', '"abc";a=', '"abc";a="x', '"abc";a=é', '"é"', '"a\\b"', '"a\\"', '"a\nb"', '"a","b"', ["a", "b"],
        ['"a"', '"a"'], '"abc\n', '"a"\n;b', "\"a\";b='x'x\"",
        "a,b", "a, b", "a\x00b", "a\nb", "\u00a0", "schlüssel",
    ],
)  # fmt: skip
def test_an_empty_or_unbalanced_key_is_refused(sent: Any) -> None:
    status, why = call(sent).refused or (0, "")
    assert status == 400 and why.startswith("header Idempotency-Key must ")


@pytest.mark.parametrize("sent", [None, 7, [], [None]])
def test_a_header_that_holds_no_text_is_none(sent: Any) -> None:
    (message,) = call(sent).messages
    assert (message.command_id, message.named) == ("req-1", False)


def test_a_long_key_is_read_in_no_time() -> None:
    for sent in ('"' + "a" * 200_000, '"a"' + ";b=c" * 50_000 + '"', '"' + "\\" * 200_001 + '"'):
        assert (call(sent).refused or (0, ""))[0] == 400
