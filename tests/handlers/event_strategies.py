"""Events that nobody planned for, drawn by hypothesis: nearly right ones, strange envelopes, nothing but chance."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.cloud.functions.platform_names import FC, SCF
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT
from tests.handlers.event_trees import FUNCTIONS, PACKINGS, STRAY, Packed, open_tree, paths_of, with_node_changed
from tests.support import platform_events

_NAMES = [
    *("Region", "CommandId", "Site", "DryRun", "Login", "Deliver", "Actor", "Reason", "InstanceId", "AccountName"),
    *("OldPassword", "Password", "AccountPassword", "OldAccountPassword", "NewAccountPassword", "Alternate", "Remark"),
    *("ReadonlyPolicy", "Privilege", "NoAuth", "EncryptPassword", "RegistryId", "Name", "Random", "Generate", "Length"),
    *(
        "SecretRef",
        "Store",
        "Seal",
        "Reply",
        "Cloud",
        "Service",
        "Resource",
        "Account",
        "Operation",
        "TaskId",
        "Proven",
    ),
    *("Adopted", "Sealed", "TimeBefore", "Expect", "StartedAt", "Attempts"),
    *("RequestId", "Evidence", "Version", "Moot"),
    *("Policy", "Function", "Resources", "Tags", "Patterns", "Accounts", "MaxAgeDays", "Mode", "JitterS", "From"),
    *(
        "Firing",
        "Fired",
        "Page",
        "Offset",
        "After",
        "Next",
        "Listed",
        "Due",
        "DrawnEvent",
        "NotDue",
        "Unknown",
        "NotAllowed",
    ),
    *("specversion", "id", "source", "type", "data", "data_base64", "attempt", "hop", "notbefore", "traceparent"),
    *("tracestate", "mac"),
    *("httpMethod", "headers", "path", "body", "isBase64Encoded", "requestContext", "http", "method", "version"),
    *("rawPath", "Type", "TriggerName", "Time", "Message", "triggerTime", "triggerName", "payload", "Records"),
    *("Ckafka", "CMQ", "msgBody", "msgId", "topic", "partition", "Partition", "offset", "value", "messageBody"),
    *("messageId", "MessageId", "TopicName", "props", "systemProperties", "UNIQ_KEY", "attrs", "envelope"),
    *("Body", "ClientContext", "requestPayload", "condition", "Action", "kty", "crv", "x", "y", "n", "e", "password"),
]
_WORDS = [
    *("", " ", "null", "true", "0", "-1", "POST", "GET", "v1", "Timer", "1.0", "rotate", "report", "domestic", "intl"),
    *("crs-demo0001", "tcr-demo0001", "r-demo0001", "app", "root", "robot", "tcr$robot", "ap-guangzhou", "cn-hangzhou"),
    *(
        "ap-nowhere",
        "ap-shanghai-fsi",
        "tencent",
        "alibaba",
        "redis",
        "tair",
        "tcr",
        "ModifyInstanceAccount",
        *FUNCTIONS,
    ),
    *("ssm://redis-crs-demo0001-app", "kms://nothing", "ssm://nothing#v1", f"ssm://{STRAY}", "ssm://{resource}-x"),
    *("2026-05-04T03:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-13-45T99:99:99Z"),
    *("application/json", "text/plain", "application/x-www-form-urlencoded", "async", "gzip", "RSA", "EC", "P-256"),
    *("keyturn.command.follow_change", "keyturn.credential.changed", f"keyturn.command.{ACCOUNT}", "keyturn."),
    *("00-19310ab4e0f9d06a2b85addadfc1e10d-6cebb096da79de6d-01", "\ufeff", "\0", "\ud800", "\udfff\ud800", "%s%n{0}"),
    *("../../etc/passwd", "'; --", "${jndi:x}", "\r\nSet-Cookie: a=b", "\u202e", "e\u0301", "ﬀ", "１２", "🔑" * 9),
    *("A" * 65, "a" * 5000, "*", "**", "[a", "\\", "{}", "[]", "[" * 3000, '{"a":' * 3000),
]
_NUMBERS = [0, -1, 1, 2, 20, 2**31 - 1, 2**31, 2**63, -(2**63), 10**18, 10**400, 0.0, -0.0, 0.5, 1e308]
_SHAPED: list[Any] = [
    {"Generate": {"Length": 24}},
    {"Generate": {}},
    {"Generate": {"Length": STRAY}},
    {"Generate": {"Length": 10**400}},
    {"SecretRef": STRAY},
    {"SecretRef": "ssm://redis-crs-demo0001-app"},
    {"SecretRef": {"SecretRef": STRAY}},
    {"Store": "ssm://nothing-there"},
    {"Store": STRAY},
    {"Seal": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    {"Seal": {"kty": "EC", "crv": [], "x": STRAY, "y": 1}},
    {"Seal": {"kty": "OKP", "crv": "X25519", "x": "A" * 43, "d": STRAY}},
    {"Seal": {STRAY: STRAY}},
    {"Reply": True},
    {"Reply": STRAY},
    {"Tags": {STRAY: 1}},
    {"Tags": {STRAY: STRAY}, "Patterns": [STRAY]},
    {"value": STRAY},
    [STRAY],
]

_texts = st.one_of(
    st.sampled_from(_WORDS),
    st.sampled_from([STRAY, f"x{STRAY}", f"{STRAY} y", f"{STRAY}\ud800", f"crs-{STRAY}"]),
    st.text(max_size=12),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(_NUMBERS),
    st.integers(),
    st.floats(),
    _texts,
    _texts,
)
_keys = st.one_of(st.sampled_from(_NAMES), st.sampled_from(_NAMES), _texts)
_values = st.recursive(
    _scalars | st.sampled_from(_SHAPED),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_keys, inner, max_size=5)
        | st.builds(Packed, inner, st.sampled_from(sorted(PACKINGS)))
    ),
    max_leaves=12,
)


def _enveloped(value: Any) -> list[Any]:
    """A value as each envelope carries it, in a text and as it is."""
    packed = Packed(value)
    event = {"specversion": "1.0", "id": "e-1", "source": "desk", "type": "desk.order"}
    return [
        packed,
        [value],
        [packed],
        [value, value],
        [value, [value]],
        {**event, "data": value},
        {**event, "data": packed},
        {**event, "data": [value, value]},
        {**event, "data_base64": Packed(value, "base64")},
        {**event, "type": "keyturn.command.follow_change", "data": value},
        {"Records": [{"Ckafka": {"topic": "t", "partition": 0, "offset": 5, "msgBody": packed}}]},
        {"Records": [{"Ckafka": {"topic": STRAY, "Partition": {}, "offset": "5", "msgBody": packed}}] * 3},
        {"Records": [{"CMQ": {"type": "topic", "msgId": STRAY, "msgBody": packed}}, None, {"CMQ": {}}]},
        {"TopicName": "t", "MessageId": STRAY, "Message": packed},
        [{"topic": "t", "partition": 0, "offset": 5, "value": packed, "headers": {}}],
        [{"msgId": "m", "systemProperties": {"UNIQ_KEY": "u"}, "body": Packed(value, "base64")}],
        [{"props": {"messageId": STRAY}, "envelope": {}, "body": value}],
        [{"id": "a", "data": {"requestId": "r", "messageId": "m", "messageBody": packed}}],
        [{**event, "type": "mns:Queue:SendMessage", "data": {"messageId": 5, "messageBody": packed}}],
        {"RequestId": STRAY, "Body": {"ClientContext": packed}},
        {"requestContext": {"requestId": "r", "condition": [STRAY]}, "requestPayload": packed},
        {"Type": "Timer", "TriggerName": STRAY, "Time": "2026-05-04T03:00:00Z", "Message": packed},
        {"triggerName": [STRAY], "triggerTime": {"at": STRAY}, "payload": value},
        {"httpMethod": "POST", "headers": {"Idempotency-Key": STRAY, STRAY: [STRAY]}, "body": packed},
        {"httpMethod": "POST", "path": "/", "headers": {STRAY: [STRAY]}, "queryString": {}, "body": packed},
        {"version": "v1", "rawPath": "/", "requestContext": {"http": {"method": "POST"}}, "body": packed},
        platform_events._fc_http("", {"Idempotency-Key": STRAY}) | {"body": packed},
    ]  # fmt: skip


def _spoil(draw: st.DrawFn, tree: Any) -> Any:
    """The tree with one more thing wrong in it."""
    paths = list(paths_of(tree))
    inside = [path for path in paths if _is_command(_at(tree, path[:-1])) or _is_command(_at(tree, path[:-2]))]
    nearer: bool = draw(st.booleans()) and bool(inside)
    path = draw(st.sampled_from(inside if nearer else paths))
    node = _at(tree, path)
    ways = ["replace", "replace", "plant", "wrap"]
    if isinstance(node, dict):
        ways += ["add", "add", "add", "drop", "rename"]
    if isinstance(node, Packed):
        ways += ["repack"] * 4
    if isinstance(node, list) and node:
        ways += ["repeat", "empty"]
    way = draw(st.sampled_from(ways))
    if way == "wrap":
        return with_node_changed(
            tree, path, draw(st.sampled_from([lambda v, n=n: _enveloped(v)[n] for n in range(25)]))
        )
    if way == "repack":
        how = draw(st.sampled_from(sorted(PACKINGS)))
        return with_node_changed(tree, path, lambda packed: Packed(packed.value, how))
    if way == "repeat":
        times = draw(st.sampled_from([2, 3, 101]))
        return with_node_changed(tree, path, lambda items: items * times)
    if way == "add":
        key, value = draw(_keys), draw(_values)
        return with_node_changed(tree, path, lambda fields: {**fields, key: value})
    if way in ("drop", "rename") and node:
        key = draw(st.sampled_from(sorted(node)))
        renamed = draw(st.sampled_from([key.swapcase(), key + STRAY, f"{key} ", STRAY, *_NAMES]))
        left = {name: part for name, part in node.items() if name != key}
        return with_node_changed(tree, path, lambda fields: left if way == "drop" else {**left, renamed: fields[key]})
    value = draw(st.sampled_from([STRAY, f"x{STRAY}"]) if way == "plant" else _values)
    return with_node_changed(tree, path, lambda _: [] if way == "empty" else value)


def _is_command(node: Any) -> bool:
    return isinstance(node, dict) and not node.keys().isdisjoint({"InstanceId", "RegistryId", "Policy", "Operation"})


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        tree = tree.value if isinstance(tree, Packed) else tree[step]
    return tree


@dataclass(frozen=True)
class DrawnEvent:
    """One event, before its canaries are filled in."""

    function: str
    platform: str
    tree: Any
    form: str = "own"  # how the handler gets it: as its platform does, or as bytes of an odd kind


_FORMS = ["own"] * 12 + ["utf-8 unescaped", "utf-16", "byte order mark", "latin-1", "bytearray", "text", "cut", "rot"]


def _commands(function: str) -> list[Any]:
    """The commands of a function's events, opened."""
    found = []
    for _, tree in _samples(function):
        for path in paths_of(tree):
            node = _at(tree, path)
            if _is_command(node):
                found.append(node)
    assert found
    return found


def _samples(function: str) -> list[tuple[str, Any]]:
    paths = sorted((ROOT / "events" / function).glob("*.json"))
    return [(path.name[:3].rstrip("-"), open_tree(json.loads(path.read_text()))) for path in paths]


@st.composite
def spoiled(draw: st.DrawFn) -> DrawnEvent:
    """An event that is nearly right."""
    function = draw(st.sampled_from(FUNCTIONS))
    platform, tree = draw(st.sampled_from(_samples(function)))
    for _ in range(draw(st.integers(1, 4))):
        tree = _spoil(draw, tree)
    return DrawnEvent(function, platform, tree, draw(st.sampled_from(_FORMS)))


@st.composite
def carried(draw: st.DrawFn) -> DrawnEvent:
    """A nearly right command in an envelope of any platform, once or twice, delivered on any."""
    function = draw(st.sampled_from(FUNCTIONS))
    tree = _spoil(draw, draw(st.sampled_from(_commands(function))))
    for _ in range(draw(st.integers(1, 3))):
        tree = draw(st.sampled_from(_enveloped(tree)))
    return DrawnEvent(function, draw(st.sampled_from([SCF, FC])), tree, draw(st.sampled_from(_FORMS)))


@st.composite
def invented(draw: st.DrawFn) -> DrawnEvent:
    """An event of nothing but chance."""
    return DrawnEvent(
        draw(st.sampled_from(FUNCTIONS)), draw(st.sampled_from([SCF, FC])), draw(_values), draw(st.sampled_from(_FORMS))
    )


def delivered_form(value: Any, platform: str, form: str) -> Any:
    """What a handler is called with: parsed on SCF, bytes on FC; both in forms that no runtime should give, too."""
    text = json.dumps(value)
    loose = json.dumps(value, ensure_ascii=False)
    forms: dict[str, Callable[[], Any]] = {
        "utf-8 unescaped": lambda: loose.encode("utf-8", "surrogatepass"),
        "utf-16": lambda: loose.encode("utf-16", "surrogatepass"),
        "byte order mark": lambda: b"\xef\xbb\xbf" + text.encode(),
        "latin-1": lambda: loose.encode("latin-1", "replace"),
        "bytearray": lambda: bytearray(text.encode()),
        "text": lambda: loose,
        "cut": lambda: text.encode()[: len(text) // 2],
        "rot": lambda: bytes(byte ^ 0x80 if n % 7 == 0 else byte for n, byte in enumerate(text.encode())),
    }
    if form == "own":
        return json.loads(text) if platform == SCF else text.encode()
    return forms[form]()
