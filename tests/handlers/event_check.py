"""What must hold after any event, whatever came: nothing is raised, shown or called that must not."""

from __future__ import annotations

import builtins
import itertools
import json
import logging
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.handlers.request import NothingDone
from shared.runtime.errors import SettingsError
from shared.triggers.commands import is_event
from shared.triggers.envelopes import record_of
from tests.campaign import leaks
from tests.conftest import REGISTRY, TAIR, House
from tests.handlers.event_strategies import DrawnEvent, delivered_form
from tests.handlers.event_trees import CARRIED, COPIED, FOLLOW, NEW, OLD, PLAN, STRAY, close_tree

_TIMEOUT_S = 6.0
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


class EventCheck:
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
        rule = {REGISTRY: "tcr", TAIR: "tair"}.get(function, "redis")
        rng = random.Random(next(self._numbers))
        return {token: leaks.canary(rng, rule) for token in (OLD, NEW, STRAY)}

    def deliver(self, sent: DrawnEvent, *, results: bool = True) -> None:
        """One event, and everything that must hold after it."""
        canaries = self.canaries(sent.function)

        def fill(text: str) -> str:
            for token, canary in canaries.items():
                text = text.replace(token, canary)
            return text

        clean = COPIED | (CARRIED if sent.function in (FOLLOW, PLAN) else set())
        value = close_tree(sent.tree, fill, frozenset(clean))
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
        counted = {"Rotations", "Continues"} if "Rotations" in reply else set()
        assert reply.keys() - {"Passwords"} == {"Results", "Delivered"} | counted and status in (200, 207)
    else:
        counted = {"Rotation", "Continues"} if "Rotation" in reply else set()
        assert reply.keys() - {"Password"} == {"Result", "Delivered"} | counted
    for event in _events(value):
        assert event["data"]["Outcome"] in _OUTCOMES
    told = {event["id"] for event in _events(value)}
    assert {event["id"] for event in published if event["type"] != "keyturn.rotation.report"} <= told
    if not told:
        assert status == 202 and (published or commands != "[]"), "neither a result nor a command, and HTTP 202"
