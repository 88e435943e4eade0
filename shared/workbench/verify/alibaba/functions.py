"""How FC runs a function and answers for it. The checks create one function, call it, and delete it."""

from __future__ import annotations

import base64
import binascii
import json
import secrets as randomness
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.workbench.apis.plain_http import HttpAnswer
from shared.workbench.deploy.code_digests import is_of
from shared.workbench.verify.alibaba.desk import AlibabaCheck, AlibabaDesk
from shared.workbench.verify.alibaba.function import KIND, FcFunction, packed_code
from shared.workbench.verify.check import Untried, new_mark
from shared.workbench.verify.findings import Differs, Finding, Holds
from shared.workbench.verify.put_back import Changed

_REST_S, _AGE_S = 5.0, 600
_DEFAULT_RETRIES, _DEFAULT_AGE_S = (None, 3), (None, 86_400)
_FIELDS = {"version", "rawPath", "headers", "queryParameters", "body", "isBase64Encoded", "requestContext"}
_CONTEXT = {"accountId", "domainName", "domainPrefix", "requestId", "time", "timeEpoch", "http"}


@dataclass(frozen=True)
class FunctionSeen:
    """What one function showed: its own report, its log, its address and its settings."""

    states: tuple[str, str]
    checksum: str
    runtime: Mapping[str, Any]
    log: str | None
    printed: str
    returned: str
    signed: HttpAnswer
    unsigned: HttpAnswer
    raised: HttpAnswer
    bound: int | str | None
    configurations: tuple[Mapping[str, Any], Mapping[str, Any]]
    logs: tuple[Mapping[str, Any], Mapping[str, Any]] | None


def function_story(desk: AlibabaDesk) -> FunctionSeen:
    """Create a function, call it in each way, change it, delete it. Raises: Untried, CallRefused, CallLost."""
    part = desk.need(desk.sandbox.fc, "fc")
    mark = new_mark()
    function = FcFunction(desk.api, part.function, mark)
    if not function.name_is_free():
        raise Untried("the sandbox names a function that exists already")
    logs = {"project": part.log_project, "logstore": part.logstore} if part.log_project and part.logstore else None
    title = "the function, which is created, called five times, and deleted"
    with desk.change(Changed(KIND, title, {"function": part.function, "mark": mark})):
        function.create(part.role, logs)
        runtime = _look(desk, function)
        states = _at_rest(function)
        checksum = str(function.shown().get("codeChecksum") or "")
        printed, returned = randomness.token_hex(8), randomness.token_hex(8)
        _, headers = function.invoke({"do": "say", "printed": printed, "returned": returned})
        host = function.create_address()
        answers = _calls(function, host)
        bound = function.bound()
        function.put_async(maxAsyncRetryAttempts=1, maxAsyncEventAgeInSeconds=_AGE_S)
        only_age = function.put_async(maxAsyncEventAgeInSeconds=2 * _AGE_S)
        only_retries = function.put_async(maxAsyncRetryAttempts=2)
        log_configs = _logs_over_an_update(function) if logs else None
    configurations = only_age, only_retries
    return FunctionSeen(
        states, checksum, runtime, _log(headers), printed, returned, *answers, bound, configurations, log_configs
    )


def _look(desk: AlibabaDesk, function: FcFunction) -> dict[str, Any]:
    """The function's report about its event and its keys."""
    api = desk.api
    order = {"do": "look", "host": api.host("r-kvstore"), "endpoint": api.endpoint, "region": api.region}
    seen = json.loads(function.invoke(order)[0])
    return seen if isinstance(seen, dict) else {}


def _at_rest(function: FcFunction) -> tuple[str, str]:
    """`state` and `lastUpdateStatus` of a running function, once they are settled or after some seconds."""
    until = time.monotonic() + _REST_S
    while True:
        shown = function.shown()
        states = str(shown.get("state") or ""), str(shown.get("lastUpdateStatus") or "")
        if states == ("Active", "Successful") or time.monotonic() > until:
            return states
        time.sleep(0.3)


def _calls(function: FcFunction, host: str) -> tuple[HttpAnswer, HttpAnswer, HttpAnswer]:
    """Make a signed call once the platform knows the address, one without a signature, and one that raises."""
    until = time.monotonic() + 20
    while True:
        signed = function.call(host, {"look": "here"})
        if signed.status not in (404, 502, 503) or time.monotonic() > until:
            break
        time.sleep(1)
    unsigned = function.call(host, {"look": "here"}, signed=False)
    return signed, unsigned, function.call(host, {"do": "raise"})


def _log(headers: Mapping[str, str]) -> str | None:
    try:
        return base64.b64decode(headers["x-fc-log-result"]).decode("utf-8", "replace")
    except (KeyError, binascii.Error):
        return None


def _logs_over_an_update(function: FcFunction) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    before = function.shown().get("logConfig") or {}
    function.describe("changed")
    return before, function.shown().get("logConfig") or {}


def _called(desk: AlibabaDesk) -> Finding:
    seen = desk.once(function_story).runtime
    kind, code = str(seen.get("event")), str(seen.get("code"))
    if "errorMessage" in seen:
        return Differs("bytes, and keys that an API accepts", f"the function raised {seen.get('errorType')}")
    if code.startswith("no answer"):
        raise Untried(f"the function asked an API: {code}")
    told = f"the event is {kind}; an API's answer to the keys of context.credentials: {code or 'accepted'}"
    stale = any(word in code for word in ("SecurityToken", "AccessKey", "Signature"))
    return Holds(told) if kind == "bytes" and not stale else Differs("bytes, and keys that an API accepts", told)


def _reaches(desk: AlibabaDesk) -> Finding:
    code = str(desk.once(function_story).runtime.get("code"))
    told = f"a function without a private network calls an API: {code or 'answered'}"
    return Differs("an answer", told) if code.startswith("no answer") else Holds(told)


def _return_in_log(desk: AlibabaDesk) -> Finding:
    seen = desk.once(function_story)
    if seen.log is None or seen.printed not in seen.log:
        raise Untried("the answer does not show the log of its call")
    if seen.returned in seen.log:
        return Differs("what was printed alone", "the end of the log has what the function printed and returned")
    return Holds("the end of the log has what the function printed, not what it returned")


def _http(desk: AlibabaDesk) -> Finding:
    seen = desk.once(function_story)
    try:
        event = json.loads(seen.signed.body)
    except ValueError:
        event = None
    event = event if isinstance(event, dict) else {}
    missing = _FIELDS - set(event.get("fields") or ()) | _CONTEXT - set(event.get("context") or ())
    missing |= {"version v1"} if event.get("version") != "v1" else set()
    header = seen.signed.headers.get("x-keyturn")
    told = (
        f"signed without a hash of the body: {seen.signed.status}, missing in the event: "
        f"{', '.join(sorted(missing)) or 'nothing'}; unsigned: {seen.unsigned.status}"
    )
    answered = seen.signed.status == 201 and header == "verify" and not missing
    as_expected = answered and seen.unsigned.status in (401, 403)
    return Holds(told) if as_expected else Differs("201 with the reply's header, nothing, 401 or 403", told)


def _raised(desk: AlibabaDesk) -> Finding:
    seen = desk.once(function_story)
    if seen.signed.status >= 400:
        raise Untried(f"the address answers {seen.signed.status} to a call that does not raise")
    told = f"after an exception the address answers {seen.raised.status}"
    return Holds(told) if 500 <= seen.raised.status < 600 else Differs("5xx", told)


def _state(desk: AlibabaDesk) -> Finding:
    state, update = desk.once(function_story).states
    told = f"a running function shows state {state or 'null'}, lastUpdateStatus {update or 'null'}"
    as_expected = (state, update) == ("Active", "Successful")
    return (
        Holds(told)
        if as_expected
        else Differs("Active and Successful; keyturn also counts the others as settled", told)
    )


def _checksum(desk: AlibabaDesk) -> Finding:
    checksum = desk.once(function_story).checksum
    same = is_of(checksum, packed_code())
    told = f"codeChecksum is the CRC-64/XZ of the zip: {same}" if checksum else "the API shows no codeChecksum"
    return Holds(told) if same else Differs("the CRC-64/XZ of the zip, in decimal", told)


def _replaced(desk: AlibabaDesk) -> Finding:
    only_age, only_retries = desk.once(function_story).configurations
    retries, age_s = only_age.get("maxAsyncRetryAttempts"), only_retries.get("maxAsyncEventAgeInSeconds")
    told = f"1 retry, which the next call did not name: {retries}; an age of {2 * _AGE_S} s: {age_s}"
    replaced = retries in _DEFAULT_RETRIES and age_s in _DEFAULT_AGE_S
    return Holds(told) if replaced else Differs("both have their defaults again", told)


def _no_bound(desk: AlibabaDesk) -> Finding:
    bound = desk.once(function_story).bound
    told = f"a function without a limit of its own shows {bound or 'no number'}"
    return Holds(told) if bound == "OnDemandConfigNotFound" else Differs("OnDemandConfigNotFound", told)


def _logs_stay(desk: AlibabaDesk) -> Finding:
    logs = desk.once(function_story).logs
    if logs is None:
        raise Untried("[alibaba.fc] of the sandbox file names no log_project and logstore")
    parts = [(one.get("project"), one.get("logstore")) for one in logs]
    if not all(parts[0]):
        raise Untried("the function does not show its log settings")
    told = f"after an update without them, the log settings are {'there' if parts[0] == parts[1] else 'changed'}"
    return Holds(told) if parts[0] == parts[1] else Differs("as before", told)


CHECKS: tuple[AlibabaCheck, ...] = (
    AlibabaCheck("F1", _called),
    AlibabaCheck("F4", _return_in_log),
    AlibabaCheck("P3", _http),
    AlibabaCheck("P5", _raised),
    AlibabaCheck("E3", _state),
    AlibabaCheck("E4", _replaced),
    AlibabaCheck("E9", _checksum),
    AlibabaCheck("E11", _no_bound),
    AlibabaCheck("D9", _logs_stay),
    AlibabaCheck("W7", _reaches),
)
