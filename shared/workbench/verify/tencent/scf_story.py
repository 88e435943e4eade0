"""The story of a small function on SCF: it is created, changed, given triggers, called, deleted, and created again."""

from __future__ import annotations

import json
import secrets as randomness
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.workbench.apis.calls import CallLost
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.deploy.call import scf_headers
from shared.workbench.verify.check import Untried, new_mark
from shared.workbench.verify.put_back import Changed
from shared.workbench.verify.tencent.desk import TencentDesk
from shared.workbench.verify.tencent.scf_function import MEMORY_MB, NO_PAIR, OTHER, PLAIN, RICH, TAG, ScfFunction, post
from shared.workbench.verify.waiting import wait_until

KIND = "scf function"
CRON = "0 0 4 1 1 * 2099"
TIMER, URL = "keyturn-verify-timer", "keyturn-verify-url"
SHOWN_S, _SHOWS_S = 20.0, 2.0
AT_ONCE = "Active at once"


@dataclass(frozen=True)
class Made:
    """How the function was created. A code is empty if the call was accepted."""

    with_rich_values: str
    plain: str
    while_creating: str
    state: str
    tags_after_s: float | None


@dataclass(frozen=True)
class Triggered:
    """Its triggers: the code of each, the timer as the API shows it, and when the address was shown."""

    timer: str
    timer_shown: str
    url: str
    address: str
    address_after_s: float | None


@dataclass(frozen=True)
class Called:
    """The results of calls: statuses and bodies by address, and the result of Invoke with its log."""

    told: Mapping[str, Any]
    mark: str
    log: str
    unsigned: int
    signed: int
    with_token: bool
    body_sent: str
    reply: Mapping[str, Any]
    raised: int


@dataclass(frozen=True)
class FunctionStory:
    """The whole story. A part that could not be tried is None."""

    made: Made
    triggered: Triggered | None
    called: Called | None
    variables: tuple[str, ...]
    logs_stay: bool | None
    deleted_after_s: float | None
    made_again: str
    digest: str
    """The digest of the code that SCF reports, or the code of a refusal."""
    quiet: str = ""
    """The code that refuses IgnoreSysLog, or where the setting is shown; empty: accepted, but not shown."""
    reserved: tuple[str, int | None, int | None] = ("", None, None)
    """The code that refuses a reservation for one instance; what is shown of it, and after it is removed."""


def function_story(desk: TencentDesk) -> FunctionStory:
    """See the module. Raises: Untried: a function of this name exists already."""
    part = desk.need(desk.sandbox.scf, "scf")
    mark = new_mark()
    function = ScfFunction(desk.api, part.function, mark)
    if function.shown() is not None:
        raise Untried("a function of this name exists already; verify leaves it alone")
    logs = {"ClsLogsetId": part.log_set, "ClsTopicId": part.log_topic} if part.log_set and part.log_topic else {}
    ids = {"function": part.function, "mark": mark}
    with desk.change(Changed(KIND, "a small function, which is created, called and deleted", ids)):
        made = _make(function, part.role, logs)
        if made.state != "Active":
            return FunctionStory(made, None, None, (), None, None, made_again="", digest="")
        digest = function.reported_digest()
        triggered = _trigger(function)
        called = _call(desk, function, triggered.address)
        variables = tuple(_variables_after(function, part.role, one) for one in (OTHER, [], [NO_PAIR]))
        stay = _logs_stay(function, part.role, logs) if logs else None
        quiet = _quiet(function, part.role)
        reserved = _reserve(function)
        began = time.monotonic()
        gone = function.remove()
        deleted = time.monotonic() - began if gone else None
        again = function.create(part.role, PLAIN, {})
        return FunctionStory(made, triggered, called, variables, stay, deleted, again, digest, quiet, reserved)


def put_back(api: TencentApi, what: Changed) -> None:
    """Delete the function if this run created it. A new function may not show at once.

    Raises: what the API raises; Untried: it still exists.
    """
    function = ScfFunction(api, what.ids["function"], what.ids["mark"])
    wait_until(function.is_there, _SHOWS_S)
    if not function.remove():
        raise Untried("the function still exists")


def _make(function: ScfFunction, role: str, logs: Mapping[str, str]) -> Made:
    began = time.monotonic()
    rich = function.create(role, RICH, logs)
    plain = function.create(role, PLAIN, logs) if rich else ""
    if plain:
        return Made(rich, plain, "", "", None)
    while_creating = AT_ONCE
    if function.status() == "Creating":
        while_creating = function.describe("while it is created", role)
    state = function.rest()
    if state != "Active":
        return Made(rich, plain, while_creating, state, None)
    shown = wait_until(lambda: _is_tagged(function), SHOWN_S)
    after = time.monotonic() - began if shown else None
    return Made(rich, plain, while_creating, state, after)


def _is_tagged(function: ScfFunction) -> bool:
    """Whether both reads show the tag."""
    listed = function.api.call("scf", "ListFunctions", {"SearchKey": function.name, "Offset": 0, "Limit": 20})
    rows = [one for one in listed["Functions"] if one["FunctionName"] == function.name]
    return all(TAG in (one.get("Tags") or []) for one in (function.shown() or {}, *rows)) and bool(rows)


def _trigger(function: ScfFunction) -> Triggered:
    more = {"Qualifier": "$DEFAULT", "Enable": "CLOSE"}
    timer = function.when_rested("CreateTrigger", TriggerName=TIMER, Type="timer", TriggerDesc=CRON, **more)
    net = {"EnableIntranet": False, "EnableExtranet": True}
    desc = json.dumps({"AuthType": "CAM", "NetConfig": net}, separators=(",", ":"))
    began = time.monotonic()
    more["Enable"] = "OPEN"
    url = function.when_rested("CreateTrigger", TriggerName=URL, Type="http", TriggerDesc=desc, **more)
    address = [""]

    def shown() -> bool:
        one = function.triggers().get(URL, {})
        address[0] = _json(one.get("TriggerDesc")).get("NetConfig", {}).get("ExtranetUrl") or ""
        return bool(address[0])

    after = time.monotonic() - began if not url and wait_until(shown, SHOWN_S) else None
    return Triggered(timer, str(function.triggers().get(TIMER, {}).get("TriggerDesc", "")), url, address[0], after)


def _call(desk: TencentDesk, function: ScfFunction, address: str) -> Called:
    mark = randomness.token_hex(8)
    result = function.invoke({"mark": mark})
    told = _json(result.get("RetMsg"))
    body = json.dumps({"mark": mark})
    unsigned = signed = raised = 0
    reply = ""
    if address:
        unsigned, _ = post(address, body.encode(), {"Content-Type": "application/json"}, desk.api.endpoint)
        signed, reply = _signed(desk, address, body, str(told.get("uin", "")))
        raised, _ = _signed(desk, address, json.dumps({"raise": True}), str(told.get("uin", "")))
    token = bool(desk.api.keys.get("token"))
    return Called(told, mark, _log(result), unsigned, signed, token, body, _json(reply), raised)


def _signed(desk: TencentDesk, address: str, body: str, uin: str) -> tuple[int, str]:
    """Status and body of a signed call; 0 if there was no answer."""
    host = address.removeprefix("https://").rstrip("/")
    try:
        return post(address, body.encode(), scf_headers(host, body.encode(), desk.api.keys, uin), desk.api.endpoint)
    except CallLost:
        return 0, ""


def _variables_after(function: ScfFunction, role: str, given: list[dict[str, str]]) -> str:
    """The names of the function's variables after an update with these, or the code that refuses it."""
    variables = {"Variables": given}
    code = function.when_rested("UpdateFunctionConfiguration", Role=role, Environment=variables)
    function.rest()
    shown = (function.shown() or {}).get("Environment") or {}
    return code or " ".join(one["Key"] for one in shown.get("Variables") or [])


def _logs_stay(function: ScfFunction, role: str, logs: Mapping[str, str]) -> bool:
    function.rest()
    function.when_rested("UpdateFunctionConfiguration", Description=function.described("no log settings"), Role=role)
    function.rest()
    shown = function.shown() or {}
    return all(shown.get(name) == value for name, value in logs.items())


def _quiet(function: ScfFunction, role: str) -> str:
    code = function.when_rested("UpdateFunctionConfiguration", Role=role, IgnoreSysLog=True)
    function.rest()
    return code or ("shown by GetFunction" if "IgnoreSysLog" in (function.shown() or {}) else "")


def _reserve(function: ScfFunction) -> tuple[str, int | None, int | None]:
    code = function.when_rested("PutReservedConcurrencyConfig", ReservedConcurrencyMem=MEMORY_MB)
    wait_until(lambda: function.reserved_mb() == MEMORY_MB, 0 if code else SHOWN_S)
    put = function.reserved_mb()
    function.when_rested("DeleteReservedConcurrencyConfig")
    wait_until(lambda: function.reserved_mb() is None, SHOWN_S)
    return code, put, function.reserved_mb()


def _log(result: Mapping[str, Any]) -> str:
    return str(result.get("Log") or "")


def _json(text: object) -> dict[str, Any]:
    """The JSON object in a text; an empty one if there is none."""
    try:
        found = json.loads(str(text or ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
