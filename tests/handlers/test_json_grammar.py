"""JSON's grammar (RFC 8259) over HTTP and queue: what it refuses is refused, what it allows is read, nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud.functions.platform_names import FC, SCF
from tests.conftest import ACCOUNT, TAIR
from tests.handlers.event_check import EventCheck
from tests.support import platform_events

# Beside RFC 8259: a name twice (section 4 leaves it open) and a lone surrogate (8.2) are refused here.
REFUSED = [
    "", " ", "\t\n", "{", "}", "[", "]", "{]", "[}", "{}{}", "[][]", "{},", "[],", ",{}", "{},{}", "[1,]", "[,1]",
    "[1,,2]",
    "[1 2]", "[1:2]", "{,}", '{"a"}', '{"a":}', '{:1}', '{"a":1,}', '{"a":1,,"b":2}', '{"a" 1}', '{"a"::1}', "{a:1}",
    "{'a':1}", "{1:1}", "{null:1}", '{"a":1 "b":2}', '{"a":1;"b":2}', '{"a":\'b\'}', "['a']", '["a]', '["a', '["a\nb"]',
    '["a\tb"]', '["a\x00b"]', '["a\x1fb"]', '["\\x41"]', '["\\a"]', '["\\u12"]', '["\\u12G4"]', '["\\U00000041"]',
    '["\\\'"]', '["\\', '["\\u', "[01]", "[-01]", "[1.]", "[.5]", "[-.5]", "[+1]", "[1e]", "[1e+]", "[1.e1]", "[- 1]",
    "[0x1F]", "[1_000]", "[--1]", "[1.2.3]", "[1,5e]", "[NaN]", "[Infinity]", "[-Infinity]", "[nan]", "[1e999]",
    "[True]",
    "[FALSE]", "[None]", "[nul]", "[undefined]", "[tru e]", "// x\n{}", "{} // x", "/* x */{}", "# x\n{}", "{}\x00",
    "\x00{}", "\u00a0{}", "{}\u2028", "\ufeff\ufeff{}", "[\u0661]", "[\uff11]", "\u201c{}\u201d", "{}x", '{"a":1}}',
    '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"a":{"b":1,"b":1}}', '["\\ud800"]', '["\\udc00\\ud800"]', '{"\\udfff":1}',
    "[" * 5000, "[" * 40 + "]" * 40, '{"a":' * 40 + "1" + "}" * 40, "<a/>", "a: 1", "(1)", "[1](2)",
]  # fmt: skip
ALLOWED = [
    "{}", " {} ", "\t{}\r\n", "[{}]", "[ { } ]", "{\n}", "\ufeff{}", '{"a":1}', '{ "a" : 1 }', '{"a":1,"b":2}',
    '{"a":{}}',
    '{"a":[]}', '{"a":[[]]}', '{"a":[1,2,3]}', '{"a":{"b":{"c":1}}}', '{"":1}', '{" ":1}', '{"a":null}', '{"a":true}',
    '{"a":false}', '{"a":0}', '{"a":-0}', '{"a":-1}', '{"a":10}', '{"a":0.0}', '{"a":-0.0}', '{"a":1.5}', '{"a":1e5}',
    '{"a":1E5}', '{"a":1e+5}', '{"a":1e-5}', '{"a":1.5E-05}', '{"a":0e0}', '{"a":1e-999}',
    '{"a":123456789012345678901}',
    '{"a":' + "9" * 300 + "}", '{"a":0.' + "1" * 300 + "}", '{"a":""}', '{"a":" "}', '{"a":"\\""}', '{"a":"\\\\"}',
    '{"a":"\\/"}', '{"a":"/"}', '{"a":"\\b\\f\\n\\r\\t"}', '{"a":"\\u0041"}', '{"a":"\\u00e9"}', '{"a":"\u00e9"}',
    '{"a":"\\ud83d\\ude00"}', '{"a":"\U0001f600"}', '{"a":"\\u0000"}', '{"a":"\\uFFFE"}', '{"a":"\x7f"}',
    '{"a":"\u2028"}',
    '{"a":"\ufeff"}', '{"a":"\u00a0"}', '{"a":"{}"}', '{"a":"[1,]"}', '{"a":"// x"}', '{"a":"NaN"}', '{"\\u0061":1}',
    '{"\u00e9":1}', '{"a":1,"A":2}', '{"a":1,"a ":2}', '{"a":{"a":{"a":1}}}', '[{"a":1},{"a":1}]',
    '{"a":[null,true,1,"x"]}',
    '{"a":' + "[" * 30 + "]" * 30 + "}", '{"a":"' + "x" * 5000 + '"}', '{"a":["' + '","'.join("x" * 500) + '"]}',
]  # fmt: skip
# What a problem says where the text is at fault, and not the command in it.
_GRAMMAR = ("not JSON", "a key twice", "not finite", "not Unicode", "nested too deeply", "is empty", "wrapped")
_WAYS = [(ACCOUNT, SCF), (TAIR, FC)]


def results_of(checked: EventCheck, function: str, platform: str, trigger: str, text: str) -> list[dict[str, Any]]:
    """The results of one delivery; `checked` sees that nothing is raised, shown or called."""
    value = checked.deliver_event(function, platform_events.event(text, platform, trigger), platform, [])
    assert value is not None
    if trigger == "queue":
        return list(value["Results"])
    assert value["statusCode"] in (207, 400)
    reply = json.loads(value["body"])
    return reply.get("Results") or [reply["Result"]]


def test_the_lists_are_long_enough_and_each_text_is_its_own() -> None:
    assert len(set(REFUSED)) == len(REFUSED) >= 60 and len(set(ALLOWED)) == len(ALLOWED) >= 60


@pytest.mark.parametrize("trigger", ["http", "queue"])
@pytest.mark.parametrize(("function", "platform"), _WAYS)
def test_a_text_that_is_no_json_is_refused(checked: EventCheck, function: str, platform: str, trigger: str) -> None:
    for text in REFUSED:
        (one,) = results_of(checked, function, platform, trigger, text)
        assert one["data"]["Outcome"] == "not_changed"
        assert one["data"]["Error"]["Class"] == "invalid_command"
        # A message's list is looked at by its elements, so that one bad command spoils no other.
        rules = (*_GRAMMAR, "is not a JSON object")
        assert any(rule in one["data"]["Error"]["Message"] for rule in rules), (text[:50], one["data"]["Error"])


@pytest.mark.parametrize("trigger", ["http", "queue"])
@pytest.mark.parametrize(("function", "platform"), _WAYS)
def test_a_text_that_is_json_is_read(checked: EventCheck, function: str, platform: str, trigger: str) -> None:
    for text in ALLOWED:
        for one in results_of(checked, function, platform, trigger, text):
            assert not any(rule in one["data"]["Error"]["Message"] for rule in _GRAMMAR), (text[:50], one["data"])


@pytest.mark.parametrize("trigger", ["http", "queue"])
def test_a_command_in_any_spelling_of_json_is_run(checked: EventCheck, trigger: str) -> None:
    command = {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": "New-Passw0rd1", "DryRun": True}
    plain = json.dumps(command)
    spellings = [plain, f" \t\r\n{plain}\n", json.dumps(command, indent=3), "\ufeff" + plain]
    spellings.append(plain.replace("I", "\\u0049").replace("-", "\\u002D"))
    for text in spellings:
        value = checked.deliver_event(ACCOUNT, platform_events.event(text, SCF, trigger), SCF, ["New-Passw0rd1"])
        assert value is not None
        shown = value["Results"] if trigger == "queue" else [json.loads(value["body"])["Result"]]
        assert [one["data"]["Outcome"] for one in shown] == ["would_change"]
