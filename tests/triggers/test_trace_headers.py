"""Trace context in HTTP headers, by the cases that the W3C's own harness plays (trace-context, test/test.py).

Each case is written from the recommendation's text (level 2, sections 3.2 and 3.3). keyturn passes the parent's id on
as it came, because it exports no spans.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.triggers import Delivery, read

TRACE_ID, PARENT_ID = "12345678901234567890123456789012", "1234567890123456"
PARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


def call(headers: dict[str, Any], method: str = "POST") -> Delivery:
    event = {"httpMethod": method, "path": "/", "headers": headers, "body": json.dumps({"InstanceId": "crs-1"})}
    return read(event, fields=("InstanceId",), request_id="r")


def parent_after(headers: dict[str, Any]) -> str:
    return call(headers).messages[0].traceparent


def state_after(state: object, parent: str = PARENT) -> str | None:
    return call({"traceparent": parent, "tracestate": state}).messages[0].tracestate


@pytest.mark.parametrize(
    ("sent", "goes_on"),
    [
        (PARENT, PARENT),
        (PARENT[:-1] + "0", PARENT[:-1] + "0"),
        *((space + PARENT + other, PARENT) for space, other in [(" ", ""), ("\t", ""), ("", " "), ("\t ", " \t")]),
        ("cc" + PARENT[2:], PARENT),
        ("cc" + PARENT[2:] + "-what-the-future-will-be-like", PARENT),
        ("cc" + PARENT[2:] + "-" + "x" * 500, PARENT),
        ("01" + PARENT[2:-2] + "ff", PARENT[:-2] + "03"),
        (PARENT[:-2] + "02", PARENT[:-2] + "02"),
        (PARENT[:-2] + "fd", PARENT),
    ],
)
def test_a_parent_goes_on_in_the_version_that_keyturn_knows(sent: str, goes_on: str) -> None:
    assert parent_after({"traceparent": sent}) == goes_on
    assert parent_after({"traceparent": [sent]}) == goes_on


@pytest.mark.parametrize("name", ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"])
def test_a_headers_name_is_taken_in_any_case(name: str) -> None:
    assert parent_after({name: PARENT}) == PARENT


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"trace-parent": PARENT},
        {"trace.parent": PARENT},
        {"traceparent": [PARENT, PARENT.replace("9012-", "9011-")]},
        {"traceparent": [PARENT, PARENT]},
        {"traceparent": PARENT, "Traceparent": PARENT},
        {"traceparent": f"{PARENT},{PARENT}"},
        *(
            {"traceparent": sent}
            for sent in [
                "", PARENT + ".", PARENT + "-what-the-future-will-be-like",
                "cc" + PARENT[2:] + ".what-the-future-will-be-like", "cc" + PARENT[2:] + "0",
                "ff" + PARENT[2:], ".0" + PARENT[2:], "0." + PARENT[2:], "0" + PARENT, "00" + PARENT, PARENT[1:],
                "CC" + PARENT[2:],
                f"00-{'0' * 32}-{PARENT_ID}-01", f"00-.{TRACE_ID[1:]}-{PARENT_ID}-01",
                f"00-{TRACE_ID[:-1]}.-{PARENT_ID}-01", f"00-{TRACE_ID}3-{PARENT_ID}-01",
                f"00-{TRACE_ID[:-1]}-{PARENT_ID}-01", f"00-{'A' * 32}-{PARENT_ID}-01",
                f"00-{TRACE_ID}-{'0' * 16}-01", f"00-{TRACE_ID}-.{PARENT_ID[1:]}-01",
                f"00-{TRACE_ID}-{PARENT_ID[:-1]}.-01", f"00-{TRACE_ID}-{PARENT_ID}7-01",
                f"00-{TRACE_ID}-{PARENT_ID[:-1]}-01",
                f"00-{TRACE_ID}-{PARENT_ID}-.0", f"00-{TRACE_ID}-{PARENT_ID}-0.", f"00-{TRACE_ID}-{PARENT_ID}-001",
                f"00-{TRACE_ID}-{PARENT_ID}-1", f"00-{TRACE_ID}-{PARENT_ID}-", f"00-{TRACE_ID}-{PARENT_ID}",
            ]
        ),
    ],
)  # fmt: skip
def test_what_is_no_single_parent_starts_a_new_trace_without_a_state(headers: dict[str, Any]) -> None:
    (message,) = call(headers | {"tracestate": "foo=1"}).messages
    assert len(message.traceparent) == 55 and message.tracestate is None
    assert TRACE_ID[:31] not in message.traceparent


_KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
_VALUE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")
_MEMBERS = [f"bar{n:02}={n:02}" for n in range(1, 34)]


@pytest.mark.parametrize(
    ("sent", "members"),
    [
        ("foo=1,bar=2", ["foo=1", "bar=2"]),
        (["foo=1", ""], ["foo=1"]),
        (["", "foo=1"], ["foo=1"]),
        (["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], ["foo=1", "bar=2", "rojo=1", "congo=2", "baz=3"]),
        ("foo=1,foo=2", ["foo=1", "foo=2"]),  # a receiver need not discard one
        (["foo=1", "foo=1"], ["foo=1", "foo=1"]),
        (f"{_KEY}={_VALUE}", [f"{_KEY}={_VALUE}"]),
        (f"{_KEY}@a-z0-9_-*/={_VALUE}", [f"{_KEY}@a-z0-9_-*/={_VALUE}"]),
        ("foo=1 \t , \t bar=2, \t baz=3", ["foo=1", "bar=2", "baz=3"]),
        *((sent, ["foo=1"]) for sent in (" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t")),
        ([",".join(_MEMBERS[:20]), ",".join(_MEMBERS[20:32])], _MEMBERS[:32]),
        ("z" * 256 + "=1", ["z" * 256 + "=1"]),
        ("t" * 241 + "@" + "v" * 14 + "=1", ["t" * 241 + "@" + "v" * 14 + "=1"]),
    ],
)
def test_a_state_passes_on_with_its_members_in_their_order(sent: object, members: list[str]) -> None:
    after = state_after(sent)
    assert after is not None
    assert [one.strip(" \t") for one in after.split(",") if one.strip(" \t")] == members


@pytest.mark.parametrize(
    "sent",
    [
        "", " ", "foo =1", "FOO=1", "foo.bar=1", "@foo=1,bar=2",
        "foo=bar=baz", "foo=,bar=3", ",".join(_MEMBERS), [",".join(_MEMBERS[:32]), _MEMBERS[32]],
        "z" * 257 + "=1",
    ],
)  # fmt: skip
def test_a_state_that_is_malformed_is_dropped_and_the_trace_goes_on(sent: object) -> None:
    (message,) = call({"traceparent": PARENT, "tracestate": sent}).messages
    assert (message.traceparent, message.tracestate) == (PARENT, None)


def test_a_refused_call_keeps_its_trace() -> None:
    delivery = call({"traceparent": PARENT, "tracestate": "foo=1"}, method="GET")
    assert (delivery.traceparent, delivery.tracestate) == (PARENT, "foo=1")
