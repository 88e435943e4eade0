"""Events that nobody planned for, to every handler on both platforms: nothing is raised, shown or called that must not.

Half begin as the events of `events/`, opened down to the command and then spoiled in a few places; half are made of
nothing but known names and odd values. Each carries canaries: where secrets go, and wherever else chance puts one.
`KEYTURN_FUZZ` multiplies the number of examples, and draws others in each run; without it they are the same each time.
"""

from __future__ import annotations

import base64
import builtins
import itertools
import json
import logging
import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.handlers.request import NothingDone
from shared.runtime.errors import SettingsError
from shared.triggers.commands import is_event
from shared.triggers.envelopes import record_of
from shared.workbench.bundle.operations import functions, operations
from tests.campaign import leaks
from tests.cloud.functions.runtime import FC, ROOT, SCF
from tests.conftest import ACCOUNT, REGISTRY, House
from tests.support import shapes

FOLLOW, PLAN = "follow_change", "plan_rotation"
FUNCTIONS = functions()
_TIMES = int(os.environ.get("KEYTURN_FUZZ", "1"))
_TIMEOUT_S = 6.0

_OLD, _NEW, _STRAY = "\ue000old\ue001", "\ue000new\ue001", "\ue000stray\ue001"
_SECRETS = {"OldPassword": _OLD, "OldAccountPassword": _OLD, "Password": _NEW, "AccountPassword": _NEW}
_SECRETS["NewAccountPassword"] = _NEW
# Free text that is copied to results as its sender claims it: no place for a canary.
_COPIED = {"Actor", "Reason"}
# What only keyturn writes, and copies from its own message to its own result.
_CARRIED = {"RequestId", "Evidence", "StartedAt", "Sealed", "TimeBefore", "Store", "Moot", "After"}


def fuzz(examples: int) -> settings:
    """So many examples, or so many times more."""
    return settings(
        max_examples=examples * _TIMES,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate] if _TIMES > 1 else [Phase.explicit, Phase.generate, Phase.shrink],
    )


# Events as trees: a text that holds JSON is opened, so that chance reaches the command as easily as the envelope.


@dataclass(frozen=True)
class Packed:
    """JSON inside a text, and how it is written there."""

    value: Any
    how: str = "json"


def _again(text: str) -> str:
    return text.replace("{", '{"InstanceId": "crs-demo0009", "InstanceId": "crs-demo0009", ', 1)


PACKINGS: dict[str, Callable[[str], str]] = {
    "json": lambda text: text,
    "json in json": json.dumps,
    "json in json in json": lambda text: json.dumps(json.dumps(text)),
    "base64": lambda text: base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(),
    "base64, broken lines": lambda text: base64.encodebytes(text.encode("utf-8", "surrogatepass")).decode(),
    "bytes literal": lambda text: repr(text.encode("utf-8", "surrogatepass")),
    "byte order mark": lambda text: "\ufeff" + text,
    "twice": lambda text: text + text,
    "cut": lambda text: text[: len(text) * 2 // 3],
    "key twice": _again,
    "NUL before": lambda text: "\0" + text,
    "NUL behind": lambda text: text + "\0",
    "comment behind": lambda text: text + "// and so on",
    "single quotes": lambda text: text.replace('"', "'"),
    "101 times": lambda text: f"[{','.join([text] * 101)}]",
    "deep": lambda text: "[" * 40 + text + "]" * 40,
    "very deep": lambda text: '{"a":' * 20_000 + text,
    "NaN beside": lambda text: text.replace("{", '{"Extra": NaN, ', 1),
    "endless beside": lambda text: text.replace("{", '{"Extra": -1e999, ', 1),
    "long number beside": lambda text: text.replace("{", '{"Extra": ' + "9" * 5000 + ", ", 1),
    "lone surrogate beside": lambda text: text.replace("{", '{"Extra": "\\ud800", ', 1),
    "lone surrogate key": lambda text: text.replace("{", '{"\\udfff": 1, ', 1),
}


def opened(value: Any) -> Any:
    """The tree of a parsed event."""
    if isinstance(value, dict):
        return {key: opened(_SECRETS.get(key, part)) for key, part in value.items()}
    if isinstance(value, list):
        return [opened(part) for part in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        return Packed(opened(json.loads(value)))
    return value


def closed(value: Any, fill: Callable[[str], str], clean: frozenset[str]) -> Any:
    """The event of a tree, with its canaries in place; under the names in `clean` no stray one is."""
    if isinstance(value, Packed):
        return PACKINGS[value.how](json.dumps(closed(value.value, fill, clean), ensure_ascii=False))
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, list):
        return [closed(part, fill, clean) for part in value]
    if isinstance(value, dict):
        without: Callable[[str], str] = lambda text: fill(_without(text))  # noqa: E731
        return {fill(key): closed(part, without if key in clean else fill, clean) for key, part in value.items()}
    return value


def _without(text: str) -> str:
    for token in (_OLD, _NEW, _STRAY):
        text = text.replace(token, "claimed")
    return text


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every node of a tree, the root included."""
    yield path
    parts: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, Packed):
        parts = iter([(None, value.value)])
    elif isinstance(value, (dict, list)):
        parts = iter(value.items() if isinstance(value, dict) else enumerate(value))
    for step, part in parts:
        yield from places(part, (*path, step))


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """The tree with one node put through `change`."""
    if not path:
        return change(value)
    step, rest = path[0], path[1:]
    if isinstance(value, Packed):
        return replace(value, value=changed(value.value, rest, change))
    if isinstance(value, list):
        return [changed(part, rest, change) if n == step else part for n, part in enumerate(value)]
    return {key: changed(part, rest, change) if key == step else part for key, part in value.items()}


# Odd values, names that mean something, and what chance does to a tree with them.

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
    *("Adopted", "Sealed", "TimeBefore", "Expect", "StartedAt", "Attempts", "RequestId", "Evidence", "Version", "Moot"),
    *("Policy", "Function", "Resources", "Tags", "Patterns", "Accounts", "MaxAgeDays", "Mode", "JitterS", "From"),
    *("Firing", "Fired", "Page", "Offset", "After", "Next", "Listed", "Due", "Sent", "NotDue", "Unknown", "NotAllowed"),
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
    *("ssm://redis-crs-demo0001-app", "kms://nothing", "ssm://nothing#v1", f"ssm://{_STRAY}", "ssm://{resource}-x"),
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
    {"Generate": {"Length": _STRAY}},
    {"Generate": {"Length": 10**400}},
    {"SecretRef": _STRAY},
    {"SecretRef": "ssm://redis-crs-demo0001-app"},
    {"SecretRef": {"SecretRef": _STRAY}},
    {"Store": "ssm://nothing-there"},
    {"Store": _STRAY},
    {"Seal": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    {"Seal": {"kty": "EC", "crv": [], "x": _STRAY, "y": 1}},
    {"Seal": {"kty": "OKP", "crv": "X25519", "x": "A" * 43, "d": _STRAY}},
    {"Seal": {_STRAY: _STRAY}},
    {"Reply": True},
    {"Reply": _STRAY},
    {"Tags": {_STRAY: 1}},
    {"Tags": {_STRAY: _STRAY}, "Patterns": [_STRAY]},
    {"value": _STRAY},
    [_STRAY],
]

_texts = st.one_of(
    st.sampled_from(_WORDS),
    st.sampled_from([_STRAY, f"x{_STRAY}", f"{_STRAY} y", f"{_STRAY}\ud800", f"crs-{_STRAY}"]),
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
        {"Records": [{"Ckafka": {"topic": _STRAY, "Partition": {}, "offset": "5", "msgBody": packed}}] * 3},
        {"Records": [{"CMQ": {"type": "topic", "msgId": _STRAY, "msgBody": packed}}, None, {"CMQ": {}}]},
        {"TopicName": "t", "MessageId": _STRAY, "Message": packed},
        [{"topic": "t", "partition": 0, "offset": 5, "value": packed, "headers": {}}],
        [{"msgId": "m", "systemProperties": {"UNIQ_KEY": "u"}, "body": Packed(value, "base64")}],
        [{"props": {"messageId": _STRAY}, "envelope": {}, "body": value}],
        [{"id": "a", "data": {"requestId": "r", "messageId": "m", "messageBody": packed}}],
        [{**event, "type": "mns:Queue:SendMessage", "data": {"messageId": 5, "messageBody": packed}}],
        {"RequestId": _STRAY, "Body": {"ClientContext": packed}},
        {"requestContext": {"requestId": "r", "condition": [_STRAY]}, "requestPayload": packed},
        {"Type": "Timer", "TriggerName": _STRAY, "Time": "2026-05-04T03:00:00Z", "Message": packed},
        {"triggerName": [_STRAY], "triggerTime": {"at": _STRAY}, "payload": value},
        {"httpMethod": "POST", "headers": {"Idempotency-Key": _STRAY, _STRAY: [_STRAY]}, "body": packed},
        {"httpMethod": "POST", "path": "/", "headers": {_STRAY: [_STRAY]}, "queryString": {}, "body": packed},
        {"version": "v1", "rawPath": "/", "requestContext": {"http": {"method": "POST"}}, "body": packed},
        shapes._fc_http("", {"Idempotency-Key": _STRAY}) | {"body": packed},
    ]  # fmt: skip


def _spoil(draw: st.DrawFn, tree: Any) -> Any:
    """The tree with one more thing wrong in it."""
    paths = list(places(tree))
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
        return changed(tree, path, draw(st.sampled_from([lambda v, n=n: _enveloped(v)[n] for n in range(25)])))
    if way == "repack":
        how = draw(st.sampled_from(sorted(PACKINGS)))
        return changed(tree, path, lambda packed: Packed(packed.value, how))
    if way == "repeat":
        times = draw(st.sampled_from([2, 3, 101]))
        return changed(tree, path, lambda items: items * times)
    if way == "add":
        key, value = draw(_keys), draw(_values)
        return changed(tree, path, lambda fields: {**fields, key: value})
    if way in ("drop", "rename") and node:
        key = draw(st.sampled_from(sorted(node)))
        renamed = draw(st.sampled_from([key.swapcase(), key + _STRAY, f"{key} ", _STRAY, *_NAMES]))
        left = {name: part for name, part in node.items() if name != key}
        return changed(tree, path, lambda fields: left if way == "drop" else {**left, renamed: fields[key]})
    value = draw(st.sampled_from([_STRAY, f"x{_STRAY}"]) if way == "plant" else _values)
    return changed(tree, path, lambda _: [] if way == "empty" else value)


def _is_command(node: Any) -> bool:
    return isinstance(node, dict) and not node.keys().isdisjoint({"InstanceId", "RegistryId", "Policy", "Operation"})


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        tree = tree.value if isinstance(tree, Packed) else tree[step]
    return tree


@dataclass(frozen=True)
class Sent:
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
        for path in places(tree):
            node = _at(tree, path)
            if _is_command(node):
                found.append(node)
    assert found
    return found


def _samples(function: str) -> list[tuple[str, Any]]:
    paths = sorted((ROOT / "events" / function).glob("*.json"))
    return [(path.name[:3].rstrip("-"), opened(json.loads(path.read_text()))) for path in paths]


@st.composite
def spoiled(draw: st.DrawFn) -> Sent:
    """An event that is nearly right."""
    function = draw(st.sampled_from(FUNCTIONS))
    platform, tree = draw(st.sampled_from(_samples(function)))
    for _ in range(draw(st.integers(1, 4))):
        tree = _spoil(draw, tree)
    return Sent(function, platform, tree, draw(st.sampled_from(_FORMS)))


@st.composite
def carried(draw: st.DrawFn) -> Sent:
    """A nearly right command in an envelope of any platform, once or twice, delivered on any."""
    function = draw(st.sampled_from(FUNCTIONS))
    tree = _spoil(draw, draw(st.sampled_from(_commands(function))))
    for _ in range(draw(st.integers(1, 3))):
        tree = draw(st.sampled_from(_enveloped(tree)))
    return Sent(function, draw(st.sampled_from([SCF, FC])), tree, draw(st.sampled_from(_FORMS)))


@st.composite
def invented(draw: st.DrawFn) -> Sent:
    """An event of nothing but chance."""
    return Sent(
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


# What must hold whatever came.

_NAMED = {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)}
_NAMED |= {"ValidationError", "JSONDecodeError", "PydanticCustomError", "TencentCloudSDKException", "NotJson"}
_NAMED |= {"KeyturnError", "RetryLater", "UnknownEvent", "NothingDone", "SettingsError", "ClientException"}
_INSIDES = re.compile(rf"Traceback \(|\bFile \"|[/\\]shared[/\\]|\.pyc?\b|\b({'|'.join(sorted(_NAMED))})\b")
_STATUSES = {200, 202, 207, 400, 403, 404, 405, 409, 415, 429}
_OUTCOMES = {"changed", "already_changed", "not_changed", "unknown", "would_change", "pending"}


class Log(logging.Handler):
    """All that any library says, as a platform would keep it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @contextmanager
    def open(self) -> Iterator[None]:
        root, own = logging.getLogger(), logging.getLogger("keyturn")
        levels = root.level, own.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.removeHandler(self)
            root.setLevel(levels[0])
            own.setLevel(levels[1])


class Range:
    """A house whose queues begin empty for each event, and which counts what the cloud was asked."""

    _numbers = itertools.count()

    def __init__(self, house: House) -> None:
        self.house = house
        self.begin()
        house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_RATE": "1000", "KEYTURN_LOG": "DEBUG"}

    def begin(self) -> None:
        """A fresh world that is quick."""
        self.house.cloud.reset(rate=5000, task_s=0.0, settle_s=0.0)
        self.seen = 0

    def canaries(self, function: str) -> dict[str, str]:
        """One for each kind of place, all new: what a process has seen as a secret once it keeps out of its log."""
        rule = operations()[function].service if function in operations() else "redis"
        rng = random.Random(next(self._numbers))
        return {token: leaks.canary(rng, rule) for token in (_OLD, _NEW, _STRAY)}

    def deliver(self, sent: Sent, *, results: bool = True) -> None:
        """One event, and everything that must hold after it."""
        canaries = self.canaries(sent.function)

        def fill(text: str) -> str:
            for token, canary in canaries.items():
                text = text.replace(token, canary)
            return text

        clean = _COPIED | (_CARRIED if sent.function in (FOLLOW, PLAN) else set())
        value = closed(sent.tree, fill, frozenset(clean))
        self.deliver_event(
            sent.function,
            delivered_form(value, sent.platform, sent.form),
            sent.platform,
            list(canaries.values()),
            results=results,
        )

    def deliver_event(
        self, function: str, event: Any, platform: str, canaries: list[str], *, results: bool = True
    ) -> dict[str, Any] | None:
        for url in (self.house.results_url, self.house.commands_url):
            for suffix in ("", "-wal", "-shm"):
                Path(url.removeprefix("sqlite://") + suffix).unlink(missing_ok=True)
        log = Log()
        with log.open():
            returned = self.house.deliver(function, event, platform, timeout_s=_TIMEOUT_S)
        published = self.house.results()
        places = {
            "log": "\n".join(log.lines),
            "returned": json.dumps(returned.value, ensure_ascii=False),
            "raised": repr(returned.error) if returned.error else "",
            "results": json.dumps(published, ensure_ascii=False),
            "commands": json.dumps(self.house.commands(), ensure_ascii=False),
        }
        shown = _passwords(returned.value)
        for name in ("log", "results", "commands"):
            for made in shown:
                assert made not in places[name]
        encoded = {name: text.encode("utf-8", "surrogatepass") for name, text in places.items()}
        assert leaks.hits(encoded, canaries) == [], places
        # The line of an invocation may say that it raised, by the name of one of the two.
        places["log"] = re.sub(r'"raised": "(NothingDone|SettingsError)"', "", places["log"])
        for name, text in places.items():
            if name != "raised":
                assert not (found := _INSIDES.search(text)), f"{name} shows {found and found[0]}: {text[-3000:]}"
        if returned.error is not None:
            assert not results, f"raised {returned.error!r}"
            assert isinstance(returned.error, NothingDone | SettingsError), f"raised {returned.error!r}"
            assert not _waited_for(function, event)
            return None
        for one in published:
            assert one["data"].get("Outcome", "-") in _OUTCOMES or one["type"] == "keyturn.rotation.report"
        if _waited_for(function, event):
            _check_reply(returned.value, published, places["commands"], function if results else None)
        else:
            assert returned.value.keys() == {"Results", "Count", "Delivered"}
        self._nothing_called_for_nothing(returned.value, published)
        assert isinstance(returned.value, dict)
        return returned.value

    def _nothing_called_for_nothing(self, value: Any, published: list[dict[str, Any]]) -> None:
        """An event of which every command is refused by its form asks the cloud nothing."""
        now = len(self.house.cloud.calls())
        asked, self.seen = now - self.seen, now
        events = published or _events(value)
        refused = all((one["data"].get("Error") or {}).get("Class") == "invalid_command" for one in events)
        handed = bool(self.house.commands())
        if refused and not handed and not any(_by_the_cloud(one) for one in events):
            assert asked == 0, f"{asked} calls for commands that are invalid: {events}"
        if now > 3000:
            self.begin()


def _by_the_cloud(event: dict[str, Any]) -> bool:
    """The cloud itself called the parameters invalid, or a store was read before a rule could be looked at."""
    data = event["data"]
    return bool((data.get("Error") or {}).get("Code")) or bool(data.get("Evidence"))


def _events(value: Any) -> list[dict[str, Any]]:
    reply = json.loads(value["body"]) if "statusCode" in value else value
    found = reply.get("Results", [reply.get("Result")])
    return [event for event in found if event is not None]


def _passwords(value: Any) -> list[str]:
    if not isinstance(value, dict) or "statusCode" not in value:
        return []
    reply = json.loads(value["body"])
    return [one for one in [reply.get("Password"), *(reply.get("Passwords") or [])] if one]


def _waited_for(function: str, event: Any) -> bool:
    """Whether an event is an HTTP call, as the platforms' pages show them."""
    raw = isinstance(event, (bytes, bytearray, str))
    if raw:
        try:
            text = event if isinstance(event, str) else bytes(event).decode()
            event = json.loads(text.removeprefix("\ufeff"))
            for _ in range(2):  # three wrappings are opened, and no more
                event = json.loads(event) if isinstance(event, str) else event
        except (ValueError, RecursionError):
            return False
    if not isinstance(event, dict):
        return False
    # What has a command's names or a queue's envelope is a message, whatever else it has.
    names = import_module(f"functions.{function}").main_handler.fields
    if not event.keys().isdisjoint(names) or record_of(event) is not None or is_event(event):
        return False
    path = event.get("path" if "httpMethod" in event else "rawPath")
    if "httpMethod" in event and not raw:
        return "headers" in event or "path" in event
    if not isinstance(event.get("headers"), dict) or not isinstance(path, str) or not path.startswith("/"):
        return False
    if "httpMethod" in event:
        queries = ("queryString", "queryStringParameters", "queryParameters")
        return isinstance(event["httpMethod"], str) and any(isinstance(event.get(name), dict) for name in queries)
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    texts = [(context, ("requestId", "domainName")), (http, ("method", "path", "protocol"))]
    told = all(isinstance(box, dict) and all(isinstance(box.get(n), str) for n in names) for box, names in texts)
    return event.get("version") == "v1" and told


def _check_reply(value: Any, published: list[dict[str, Any]], commands: str, function: str | None) -> None:
    """`function`: None where settings name no results queue, which plan_rotation refuses as a failure."""
    assert value.keys() == {"isBase64Encoded", "statusCode", "headers", "body"}
    status, headers, reply = value["statusCode"], value["headers"], json.loads(value["body"])
    unset = function is None and '"Code":"Settings"' in value["body"]
    # follow_change has no HTTP trigger; asked all the same for a task that is not there, it may well say `unknown`.
    rightly = status in _STATUSES or unset or (function == FOLLOW and '"Outcome":"unknown"' in value["body"])
    assert type(status) is int and rightly, f"HTTP {status}: {value['body'][:2000]}"
    assert all(isinstance(text, str) and text.isprintable() for pair in headers.items() for text in pair)
    assert headers["Content-Type"] == "application/json" and headers["Cache-Control"] == "no-store"
    assert isinstance(reply["Delivered"], bool)
    if "Results" in reply:
        assert reply.keys() <= {"Results", "Delivered", "Passwords"} and status in (200, 207)
    else:
        assert reply.keys() - {"Password"} == {"Result", "Delivered"}
    for event in _events(value):
        assert event["data"]["Outcome"] in _OUTCOMES
    told = {event["id"] for event in _events(value)}
    assert {event["id"] for event in published if event["type"] != "keyturn.rotation.report"} <= told
    if not told:
        assert status == 202 and (published or commands != "[]"), "neither a result nor a command, and HTTP 202"


@pytest.fixture
def ground(house: House) -> Range:
    return Range(house)


@pytest.fixture
def plain(ground: Range) -> Range:
    """The same; without a results queue, so that timers and queues have nowhere to report."""
    del ground.house.settings["KEYTURN_RESULTS"]
    return ground


def test_events_that_are_nearly_right(ground: Range) -> None:
    @fuzz(130)
    @given(spoiled())
    def holds(sent: Sent) -> None:
        ground.deliver(sent)

    holds()


def test_commands_in_strange_envelopes(ground: Range) -> None:
    @fuzz(80)
    @given(carried())
    def holds(sent: Sent) -> None:
        ground.deliver(sent)

    holds()


def test_events_of_nothing_but_chance(ground: Range) -> None:
    @fuzz(80)
    @given(invented())
    def holds(sent: Sent) -> None:
        ground.deliver(sent)

    holds()


def test_events_with_nowhere_to_report(plain: Range) -> None:
    @fuzz(40)
    @given(spoiled() | carried())
    def holds(sent: Sent) -> None:
        plain.deliver(sent, results=False)

    holds()


# What this search has found, each as its shortest event.

_SECRET = "Aa1bcdE?/&+x=<>%fgh"


@pytest.mark.parametrize(
    "resources",
    [
        {"Tags": {_SECRET: 1}},
        {"Tags": {_SECRET * 9: "x"}},
        {"Tags": {_SECRET: {_SECRET: _SECRET}}},
        {"Tags": {"a": "b"}, _SECRET: {_SECRET: 1}},
    ],
)
def test_a_key_inside_a_field_is_not_named(ground: Range, resources: dict[str, Any]) -> None:
    policy = {"Policy": "p", "Function": ACCOUNT, "Resources": resources, "Accounts": ["app"], "MaxAgeDays": 9}
    ground.deliver_event(PLAN, shapes.event(policy, SCF, "http"), SCF, [_SECRET])


@pytest.mark.parametrize(("wrappings", "is_call"), [(0, True), (2, True), (3, False)])
def test_a_call_that_is_wrapped_too_often_is_a_message_that_is_refused(
    ground: Range, wrappings: int, is_call: bool
) -> None:
    event: Any = {"httpMethod": "POST", "path": "/", "headers": {}, "queryString": {}, "body": "{}"}
    for _ in range(wrappings + 1):
        event = json.dumps(event)
    value = ground.deliver_event(ACCOUNT, event.encode(), FC, [])
    assert value is not None and ("statusCode" in value) == is_call


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "name", ["CorrectHorse2", "correct-horse", "correct horse", "CorrectHorseBatteryStapleOnceMore"]
)
def test_an_unknown_field_that_does_not_read_as_a_name_is_not_named(ground: Range, function: str, name: str) -> None:
    for command in ({"InstanceId": "crs-demo0001", "Policy": "p", "TaskId": 1, name: "x"}, {"Deliver": {name: 1}}):
        value = ground.deliver_event(function, shapes.event(command, SCF, "http"), SCF, [name])
        assert value is not None and value["statusCode"] == 400


def test_an_unknown_field_that_reads_as_a_name_is_named(ground: Range) -> None:
    for name in ("AcountName", "Acount", "OldPassword", "Instanceid", "Foo"):
        command = {"InstanceId": "crs-demo0001", "AccountName": "app", name: "x"}
        value = ground.deliver_event(ACCOUNT, shapes.event(command, SCF, "http"), SCF, [])
        assert value is not None and f"{name}: is not a field" in value["body"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_type_that_is_left_alone_is_logged_only_where_it_is_ours(ground: Range, function: str) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": f"keyturn.{_SECRET}", "data": {}}
    ground.deliver_event(function, shapes.event(event, SCF, "queue"), SCF, [_SECRET])


def test_each_command_in_an_events_data_has_its_result_in_the_reply(ground: Range) -> None:
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True}
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "desk.order", "data": [command, command]}
    value = ground.deliver_event(REGISTRY, shapes.event(event, SCF, "http"), SCF, [])
    assert value is not None
    reply = json.loads(value["body"])
    assert [one["data"]["Outcome"] for one in reply["Results"]] == ["changed", "changed"]
    assert ground.house.accepts("tcr-demo0001", "robot", reply["Passwords"][1])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_caller_who_waits_is_told_that_an_event_is_for_another_function(ground: Range, function: str) -> None:
    other = FOLLOW if function == PLAN else PLAN
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": f"keyturn.command.{other}", "data": {}}
    value = ground.deliver_event(function, shapes.event(event, SCF, "http"), SCF, [])
    assert value is not None and value["statusCode"] == 400


def test_what_the_runtime_could_just_parse_is_answered(ground: Range) -> None:
    for event in _nested_as_deeply_as_can_be():
        ground.deliver_event(ACCOUNT, event, SCF, [])


def _nested_as_deeply_as_can_be() -> Iterator[dict[str, Any]]:
    def nested(depth: int) -> Any:
        return json.loads("[" * depth + "]" * depth)

    deepest = 100
    while True:
        try:
            nested(deepest + 1)
        except RecursionError:
            break
        deepest += 1
    for depth in range(deepest - 12, deepest + 1, 4):
        deep = nested(depth)
        yield {"Type": "Timer", "TriggerName": deep, "Time": deep, "Message": "{}"}
        yield {"triggerName": "t", "triggerTime": "t", "payload": deep}
        yield {"requestContext": {"condition": deep}, "requestPayload": "{}"}
        yield {"httpMethod": deep, "headers": deep, "body": deep, "isBase64Encoded": deep}
        yield {"specversion": "1.0", "id": deep, "source": "s", "type": "t", "attempt": deep, "data": deep}
        yield {"Records": [{"Ckafka": {"topic": deep, "partition": deep, "offset": deep, "msgBody": deep}}]}
