"""Trace context: one trace through all hops, whatever the hop, and in the log lines of each."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from shared.results.outcome import CommandContext, Conclusion, Outcome, Subject
from shared.results.result_event import result_event
from shared.runtime.tracing import new_trace, trace_id, traceparent, tracestate
from shared.triggers import read
from tests.conftest import ACCOUNT, TAIR, House, outcome
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, logger="keyturn")

    def of(kind: str) -> list[dict[str, Any]]:
        said = [json.loads(record.getMessage()) for record in caplog.records if record.name == "keyturn"]
        return [line for line in said if line["event"] == kind]

    return of


@pytest.mark.parametrize(
    "malformed",
    [
        TRACE.upper(),
        TRACE[:-1],
        TRACE + "-00",
        "ff" + TRACE[2:],
        f"00-{'0' * 32}-0123456789abcdef-01",
        f"00-{ID}-{'0' * 16}-01",
        None,
        7,
    ],
)
def test_a_malformed_context_is_ignored(malformed: object) -> None:
    assert traceparent(malformed) is None


def test_of_a_later_version_the_known_fields_are_kept() -> None:
    assert traceparent(TRACE) == TRACE
    assert traceparent("01" + TRACE[2:] + "-more") == TRACE


def test_a_new_trace_is_well_formed_and_its_own() -> None:
    one, other = new_trace(), new_trace()
    assert traceparent(one) == one
    assert trace_id(one) == one.split("-")[1] != trace_id(other)


# The forms of the recommendation's section 3.3: members, their keys and values, white space, limits.
STATES = ["a=1", "vendor=00f067aa0ba902b7,t61rcwkgmze@old=x y", "a=1 , b=2,\tc=3", "a=1,,b=2", "0t@v=1", "a=1,a=2",
          "0foo=1", "foo@=1,bar=2", "foo@@bar=1", "foo@bar@baz=1",
          "a=" + "v" * 256, ",".join(f"k{n}=v" for n in range(32))]  # fmt: skip
NO_STATES = ["", " ", ",", "a", "=1", "a=", "A=1", "a==1", "a=b=c", "a=1;b=2\n", "a=é",
             "a=" + "v" * 257, ",".join(f"k{n}=v" for n in range(33)), "a=1," * 200, "@v=1", "a=1\x00",
             None, 7, ["a=1"]]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_a_tracestate_passes_on_as_it_came(state: str) -> None:
    assert tracestate(state) == state


def test_a_long_tracestate_loses_whole_members_the_long_ones_first() -> None:
    members = ["first=1", "long=" + "v" * 130, *(f"k{n}={'v' * 27}" for n in range(16))]
    whole = ",".join(members)
    assert len(whole) > 512
    assert tracestate(whole) == ",".join(one for one in members if not one.startswith("long"))
    assert tracestate("a=1" + "," * 600) == "a=1"
    many = ",".join(f"k{n:02}={'v' * 20}" for n in range(32))
    kept = tracestate(many)
    assert kept is not None and 480 < len(kept) <= 512 and many.startswith(kept + ",")


@pytest.mark.parametrize("state", NO_STATES)
def test_a_malformed_tracestate_is_dropped(state: object) -> None:
    assert tracestate(state) is None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"traceparent": TRACE, "tracestate": "a=1"}, "a=1"),
        ({"traceparent": TRACE, "tracestate": "a"}, None),
        ({"traceparent": TRACE.upper(), "tracestate": "a=1"}, None),
        ({"tracestate": "a=1"}, None),
    ],
)
def test_a_tracestate_is_read_beside_its_traceparent_alone(attributes: dict[str, str], expected: str | None) -> None:
    event = {"specversion": "1.0", "id": "e", "source": "s", "type": "t", "data": {"a": 1}, **attributes}
    outside = {"traceparent": new_trace(), "tracestate": "z=9"}
    by_queue = read({"Records": [{"CMQ": {"msgBody": event}}]}, fields=(), request_id="r").messages[0]
    by_call = read(
        platform_events.event({"a": 1}, "scf", "http", headers=attributes), fields=(), request_id="r"
    ).messages[0]
    assert (by_queue.tracestate, by_call.tracestate) == (expected, expected)
    both = read(platform_events.event(event, "scf", "http", headers=outside), fields=(), request_id="r").messages[0]
    inner = traceparent(attributes.get("traceparent"))
    assert (both.traceparent, both.tracestate) == (inner or outside["traceparent"], expected if inner else "z=9")


def test_a_result_has_the_tracestate_beside_the_traceparent() -> None:
    def event(**trace: str) -> Any:
        subject = Subject("tencent", "ap-guangzhou", "redis", "crs-1", "app")
        origin = CommandContext(subject, "Op", "c-1", "2026-01-01T00:00:00.000Z", **trace)  # type: ignore[arg-type]
        return result_event(origin, Conclusion(Outcome.CHANGED))

    assert event(traceparent=TRACE, tracestate="a=1")["tracestate"] == "a=1"
    assert "tracestate" not in event(traceparent=TRACE) and "tracestate" not in event(tracestate="a=1")


@pytest.mark.parametrize(("function", "platform"), [(ACCOUNT, "scf"), (TAIR, "fc")])
def test_a_callers_context_is_in_the_result_and_in_its_log_line(
    house: House, function: str, platform: str, lines: Any
) -> None:
    returned = house.send(function, VALID_COMMANDS[function], platform, headers={"traceparent": TRACE})
    assert returned.body["Result"]["traceparent"] == TRACE
    assert [line["trace_id"] for line in lines("result")] == [ID]


@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
def test_without_one_a_trace_begins_with_the_delivery(house: House, trigger: str, lines: Any) -> None:
    house.send(
        ACCOUNT, [VALID_COMMANDS[ACCOUNT], VALID_COMMANDS[ACCOUNT] | {"InstanceId": "crs-demo0003"}], trigger=trigger
    )
    begun = [event["traceparent"] for event in house.results()]
    assert all(traceparent(one) for one in begun)
    assert sorted(line["trace_id"] for line in lines("result")) == sorted(str(trace_id(one)) for one in begun)


def _trace_of(event: dict[str, Any]) -> tuple[str, str]:
    return event["traceparent"], event["tracestate"]


@pytest.mark.parametrize("function", ["plan_rotation", "follow_change", ACCOUNT])
def test_a_refused_message_of_any_function_keeps_its_trace(house: House, function: str) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": {"No": 1}}
    event |= {"traceparent": TRACE, "tracestate": "a=1"}
    body = house.send(function, event).body
    assert _trace_of(body["Result"]) == (TRACE, "a=1")


def test_what_is_refused_keeps_its_callers_context(house: House, lines: Any) -> None:
    returned = house.send(ACCOUNT, "no JSON", headers={"traceparent": TRACE, "tracestate": "a=1"})
    assert returned.value["statusCode"] == 400
    assert _trace_of(returned.body["Result"]) == (TRACE, "a=1")
    house.settings["KEYTURN_RATE"] = "none"
    assert traceparent(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT]).body["Result"]["traceparent"])
    assert len(lines("result")) == 2


@pytest.mark.long
def test_a_command_that_is_handed_back_and_followed_stays_in_its_trace(house: House, lines: Any) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    made = {"AccountPassword": {"Generate": {}}, "Deliver": {"Store": "ssm://redis-crs-demo0001-app"}}
    event: dict[str, Any] = {"specversion": "1.0", "id": "t-1", "source": "ops", "type": f"keyturn.command.{ACCOUNT}"}
    event |= {
        "traceparent": TRACE,
        "tracestate": "a=1",
        "data": {"InstanceId": "crs-demo0001", "AccountName": "app", **made},
    }
    house.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "lock", "Times": 50}])
    house.deliver(ACCOUNT, platform_events.event(event, "scf", "queue"))
    (back,) = house.commands()
    assert (back["type"], back["attempt"], _trace_of(back)) == (event["type"], 2, (TRACE, "a=1"))

    house.cloud.clear_faults()
    house.cloud.reset(task_s=3.0)
    house.deliver(ACCOUNT, platform_events.event({**back, "notbefore": "2026-01-01T00:00:00Z"}, "scf", "queue"))
    follow = house.commands()[-1]
    assert (follow["type"], _trace_of(follow)) == ("keyturn.command.follow_change", (TRACE, "a=1"))
    house.deliver("follow_change", platform_events.event(follow, "scf", "queue"), timeout_s=30.0)
    told = [(event["data"]["Outcome"], _trace_of(event)) for event in house.results()]
    assert told == [("pending", (TRACE, "a=1")), ("changed", (TRACE, "a=1"))]
    assert [(line["outcome"], line["trace_id"]) for line in lines("result")] == [("pending", ID), ("changed", ID)]


def test_a_dry_run_has_a_trace_too(house: House) -> None:
    returned = house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT] | {"DryRun": True})
    assert outcome(returned) == "would_change"
    assert traceparent(returned.body["Result"]["traceparent"])
