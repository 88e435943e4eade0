"""SCF's control plane through the official SDK (tencentcloud-sdk-python-scf, 2018-04-16).

Two things that the API does not keep are put where it does: whose a function is, in a tag; which code it runs, in the
description. Unverified: the fields `retry` and `timeOut` of a CKafka trigger, NetConfig.ExtranetUrl, and that a change
without ClsLogsetId and ClsTopicId leaves both as they are.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from shared.clouds.error_classification import never_sent
from shared.clouds.tencent.session import host
from shared.runtime.errors import clean_code
from shared.workbench.bundle.description import CkafkaTrigger, FunctionSpec, HttpTrigger, Logs, TimerTrigger
from shared.workbench.deploy.control_plane import (
    CallFailed,
    Package,
    call_with_retries,
    deployed_variables,
    variables_as_settings,
    wait_until_active,
    wait_until_idle,
)
from shared.workbench.deploy.plan import LOGS, MARK, FunctionState, TriggerState, Value

_TIMEOUT_S = 60
_PAGE = 20
_QUALIFIER = "$DEFAULT"
_BUSY = frozenset({"Creating", "Updating", "Publishing"})
_KINDS = {"http": "http", "timer": "timer", "ckafka": "queue"}
_CODE = re.compile(rf"{MARK}, code ([0-9a-f]{{32}})")


class ScfPlane:
    """Functions of one service in one region, namespace default."""

    def __init__(self, keys: Mapping[str, str], region: str, site: str, service: str, endpoint: str | None) -> None:
        """`keys`: id, key and, if they are temporary, token. `endpoint`: see KEYTURN_TENCENT_ENDPOINT."""
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile
        from tencentcloud.scf.v20180416.scf_client import ScfClient

        place = host("scf", region, site)
        if endpoint and endpoint.startswith("https://"):
            http = HttpProfile(endpoint=endpoint.removeprefix("https://"), reqTimeout=_TIMEOUT_S)
        elif endpoint:  # loopback: the real host is signed and sent, the connection goes through the "proxy"
            http = HttpProfile(protocol="http", endpoint=place, proxy=endpoint, reqTimeout=_TIMEOUT_S)
        else:
            http = HttpProfile(endpoint=place, reqTimeout=_TIMEOUT_S)
        credential = Credential(keys["id"], keys["key"], keys.get("token"))
        self._client = ScfClient(credential, region, ClientProfile(httpProfile=http, signMethod="TC3-HMAC-SHA256"))
        self._service = service

    def wanted(self, spec: FunctionSpec, package: Package) -> FunctionState:
        """See ControlPlane."""
        letter = spec.dead_letter
        settings: dict[str, Value] = {
            "handler": spec.handler,
            "runtime": spec.runtime,
            "memory MB": spec.memory_mb,
            "timeout s": spec.timeout_s,
            "role": spec.role,
            "dead letter": f"{letter.type.upper()} {letter.name}" if letter else None,
            **({LOGS: str(spec.logs)} if spec.logs else {}),
            **variables_as_settings(deployed_variables(spec)),
        }
        triggers = tuple(_wanted_trigger(name, one) for name, one in _triggers(spec).items())
        return FunctionState(spec.name, package.digest, settings, {"retries": spec.async_retries}, triggers)

    def read(self, names: set[str]) -> list[FunctionState]:
        """See ControlPlane."""
        listed = self._pages("ListFunctions", "Functions", {"Namespace": "default"})
        there = [one for one in listed if one["FunctionName"] in names or self._ours(one)]
        return [self._read(one["FunctionName"]) for one in there]

    def _read(self, name: str) -> FunctionState:
        state = wait_until_idle(lambda: self._status(name), _BUSY)
        got = self._call("GetFunction", {"FunctionName": name, "Namespace": "default"}, reads=True)
        async_ = self._call("GetFunctionEventInvokeConfig", {"FunctionName": name, "Namespace": "default"}, reads=True)
        retries = next(iter(async_["AsyncTriggerConfig"].get("RetryConfig") or [{}])).get("RetryNum")
        triggers = self._pages("ListTriggers", "Triggers", {"FunctionName": name, "Namespace": "default"})
        code = _CODE.search(got.get("Description") or "")
        letter = got.get("DeadLetterConfig") or {}
        pairs = (got.get("Environment") or {}).get("Variables") or []
        settings: dict[str, Value] = {
            "handler": got.get("Handler"),
            "runtime": got.get("Runtime"),
            "memory MB": got.get("MemorySize"),
            "timeout s": got.get("Timeout"),
            "role": got.get("Role"),
            "dead letter": f"{letter['Type']} {letter['Name']}" if letter.get("Name") else None,
            LOGS: _logs(got),
            **variables_as_settings({pair["Key"]: pair["Value"] for pair in pairs}),
        }
        found = tuple(_read_trigger(one) for one in triggers)
        runs = code[1] if code and state == "Active" else ""
        return FunctionState(
            name, runs, settings, {"retries": retries}, found, self._ours(got), creation_failed=state == "CreateFailed"
        )

    def settle(self, name: str) -> None:
        """See ControlPlane."""
        wait_until_active(lambda: self._status(name), _BUSY)

    def create(self, spec: FunctionSpec, package: Package) -> None:
        """Make it, with its mark."""
        given = {
            "Code": {"ZipFile": _encoded(package)},
            "Handler": spec.handler,
            "Runtime": spec.runtime,
            "Type": "Event",
            "Tags": [{"Key": MARK, "Value": self._service}],
        }
        self._call("CreateFunction", {**_configuration(spec, package), **given})

    def change_code(self, spec: FunctionSpec, package: Package) -> None:
        """Replace its zip and its handler."""
        given = {"FunctionName": spec.name, "Namespace": "default", "Handler": spec.handler}
        self._call("UpdateFunctionCode", {**given, "Code": {"ZipFile": _encoded(package)}})

    def change_settings(self, spec: FunctionSpec, package: Package) -> None:
        """Replace all else, the note about its code included."""
        self._call("UpdateFunctionConfiguration", _configuration(spec, package))

    def change_retries(self, spec: FunctionSpec) -> None:
        """How often a failed asynchronous event is repeated; how long it is kept stays the platform's 6 hours."""
        config = {"RetryConfig": [{"RetryNum": spec.async_retries}], "MsgTTL": 21_600}
        given = {"FunctionName": spec.name, "Namespace": "default", "AsyncTriggerConfig": config}
        self._call("UpdateFunctionEventInvokeConfig", given)

    def create_trigger(self, spec: FunctionSpec, name: str) -> None:
        """Make one, with its mark."""
        self._call("CreateTrigger", _trigger(spec, name))

    def change_trigger(self, spec: FunctionSpec, name: str) -> None:
        """Replace its settings."""
        self._call("UpdateTrigger", _trigger(spec, name))

    def delete_trigger(self, function: str, name: str, kind: str) -> None:
        """Remove one."""
        type_ = {ours: theirs for theirs, ours in _KINDS.items()}.get(kind, kind)
        given = {"FunctionName": function, "Namespace": "default", "TriggerName": name, "Type": type_}
        self._call("DeleteTrigger", {**given, "Qualifier": _QUALIFIER})

    def delete(self, function: str) -> None:
        """Remove it."""
        self._call("DeleteFunction", {"FunctionName": function, "Namespace": "default"})

    def _status(self, name: str) -> str:
        got = self._call("GetFunction", {"FunctionName": name, "Namespace": "default"}, reads=True)
        return str(got.get("Status"))

    def _ours(self, shown: Mapping[str, Any]) -> bool:
        return {"Key": MARK, "Value": self._service} in (shown.get("Tags") or [])

    def _pages(self, action: str, name: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = self._call(action, {**given, "Offset": len(found), "Limit": _PAGE}, reads=True)
            found += answer.get(name) or []
            if not answer.get(name) or len(found) >= answer.get("TotalCount", 0):
                return found

    def _call(self, action: str, given: dict[str, Any], *, reads: bool = False) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            return self._once(action, given)

        answer: dict[str, Any] = call_with_retries(
            once, lambda error: error.code.startswith("RequestLimitExceeded"), reads=reads
        )
        return answer

    def _once(self, action: str, given: dict[str, Any]) -> dict[str, Any]:
        failure: BaseException | None = None
        envelope: Any = None
        try:
            envelope = self._client.call_json(action, given)
        # Whatever the client or what lies below it raises: a change may be under way.
        except Exception as error:
            failure = error
        if failure is not None:
            code, request_id = getattr(failure, "code", None), getattr(failure, "requestId", None)
            if code and request_id:
                raise CallFailed(action, clean_code(code), str(request_id)) from None
            sent = not never_sent(failure)
            raise CallFailed(action, "NoAnswer" if sent else "NoConnection", may_have_happened=sent) from None
        answer = envelope.get("Response") if isinstance(envelope, dict) else None
        if not isinstance(answer, dict):
            raise CallFailed(action, "NoResponse", may_have_happened=True)
        if isinstance(problem := answer.get("Error"), dict):
            raise CallFailed(action, clean_code(problem.get("Code")), str(answer.get("RequestId") or ""))
        return answer


def _encoded(package: Package) -> str:
    return base64.b64encode(package.path.read_bytes()).decode()


def _logs(got: Mapping[str, Any]) -> str | None:
    logs = Logs(got.get("ClsLogsetId") or "", got.get("ClsTopicId") or "")
    return str(logs) if logs.group or logs.topic else None


def _configuration(spec: FunctionSpec, package: Package) -> dict[str, Any]:
    letter = spec.dead_letter
    pairs = [{"Key": name, "Value": value} for name, value in sorted(deployed_variables(spec).items())]
    given: dict[str, Any] = {
        "FunctionName": spec.name,
        "Namespace": "default",
        "Description": f"{MARK}, code {package.digest}",
        "MemorySize": spec.memory_mb,
        "Timeout": spec.timeout_s,
        "Role": spec.role,
        "Environment": {"Variables": pairs},
    }
    if letter is not None:
        given["DeadLetterConfig"] = {"Type": letter.type.upper(), "Name": letter.name}
    if spec.logs is not None:
        given |= {"ClsLogsetId": spec.logs.group, "ClsTopicId": spec.logs.topic}
    return given


def _triggers(spec: FunctionSpec) -> dict[str, HttpTrigger | TimerTrigger | CkafkaTrigger]:
    every = (*((spec.http,) if spec.http else ()), *spec.timers, *spec.queues)
    return {one.name: one for one in every if isinstance(one, HttpTrigger | TimerTrigger | CkafkaTrigger)}


def _trigger(spec: FunctionSpec, name: str) -> dict[str, Any]:
    """The request for a trigger."""
    trigger = _triggers(spec)[name]
    desc: dict[str, Any]
    extra: dict[str, Any] = {"Enable": "OPEN"}
    if isinstance(trigger, HttpTrigger):
        type_ = "http"
        desc = {"AuthType": trigger.auth_type, "NetConfig": {"EnableIntranet": False, "EnableExtranet": True}}
    elif isinstance(trigger, TimerTrigger):
        type_, desc = "timer", {"cron": trigger.cron}
        extra = {"Enable": "OPEN" if trigger.enabled else "CLOSE", "CustomArgument": trigger.message}
    else:
        type_, extra = "ckafka", {"Enable": "OPEN" if trigger.enabled else "CLOSE"}
        desc = {
            "maxMsgNum": trigger.batch,
            "offset": trigger.offset,
            "retry": trigger.retries,
            "timeOut": trigger.wait_s,
        }
    return {
        "FunctionName": spec.name,
        "Namespace": "default",
        "TriggerName": name,
        "Type": type_,
        "TriggerDesc": json.dumps(desc, separators=(",", ":")),
        "Qualifier": _QUALIFIER,
        "Description": MARK,
        **extra,
    }


def _wanted_trigger(name: str, trigger: HttpTrigger | TimerTrigger | CkafkaTrigger) -> TriggerState:
    if isinstance(trigger, HttpTrigger):
        return TriggerState(
            name, "http", {"auth": trigger.auth_type, "public": True, "private": False, "enabled": True}
        )
    settings: dict[str, Value]
    if isinstance(trigger, TimerTrigger):
        settings = {"cron": trigger.cron, "enabled": trigger.enabled, "message": trigger.message}
        return TriggerState(name, "timer", settings)
    settings = {
        "batch": trigger.batch,
        "offset": trigger.offset,
        "retries": trigger.retries,
        "wait s": trigger.wait_s,
        "enabled": trigger.enabled,
    }
    return TriggerState(name, "queue", settings)


def _read_trigger(shown: Mapping[str, Any]) -> TriggerState:
    name, kind = str(shown.get("TriggerName")), _KINDS.get(str(shown.get("Type")), str(shown.get("Type")))
    ours = shown.get("Description") == MARK
    try:
        desc: dict[str, Any] = json.loads(shown.get("TriggerDesc") or "{}")
    except ValueError:
        desc = {}
    enabled = shown.get("Enable") in (1, "OPEN")
    if kind == "http":
        net = desc.get("NetConfig") or {}
        settings: dict[str, Value] = {
            "auth": desc.get("AuthType"),
            "public": bool(net.get("EnableExtranet")),
            "private": bool(net.get("EnableIntranet")),
            "enabled": enabled,
        }
        return TriggerState(name, kind, settings, ours, net.get("ExtranetUrl") or None)
    if kind == "timer":
        message = shown.get("CustomArgument") or ""
        return TriggerState(name, kind, {"cron": desc.get("cron"), "enabled": enabled, "message": message}, ours)
    if kind == "queue":
        numbers: dict[str, Value] = {"batch": _number(desc.get("maxMsgNum")), "offset": desc.get("offset")}
        numbers |= {"retries": _number(desc.get("retry")), "wait s": _number(desc.get("timeOut")), "enabled": enabled}
        return TriggerState(name, kind, numbers, ours)
    return TriggerState(name, kind, {}, ours)


def _number(value: Any) -> Any:
    """A number that may come back as text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value
