"""Function Compute's control plane through the official SDK (alibabacloud-fc20230330, 2023-03-30).

Whose a function is stands in a tag; which code it runs in the description, since the platform's own checksum is not
that of the zip. Unverified: that a change without `logConfig` leaves it as it is; one with it sets `project`,
`logstore` and `logBeginRule`, and what becomes of the metrics' switches beside them is the platform's choice.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from shared.clouds.error_classification import never_sent
from shared.runtime.errors import clean_code
from shared.workbench.bundle.description import FunctionSpec, HttpTrigger, Logs, SmqTrigger, TimerTrigger
from shared.workbench.deploy.control_plane import (
    CallFailed,
    Package,
    call_with_retries,
    deployed_variables,
    variables_as_settings,
    wait_until_active,
    wait_until_idle,
)
from shared.workbench.deploy.plan import LOG_RULE, LOGS, MARK, FunctionState, TriggerState, Value

_TIMEOUT_MS = 60_000
_PAGE = 20
_BUSY = frozenset({"Pending", "InProgress"})
_KINDS = {"http": "http", "timer": "timer", "eventbridge": "queue"}
_PUSHES = {3: "BACKOFF_RETRY", 176: "EXPONENTIAL_DECAY_RETRY"}
_WHOLE = "None"  # the rule by which lines are not joined: each of keyturn's is one JSON document
_CODE = re.compile(rf"{MARK}, code ([0-9a-f]{{32}})")


class FcPlane:
    """Functions of one service in one region, version LATEST."""

    def __init__(self, keys: Mapping[str, str], region: str, service: str, endpoint: str | None) -> None:
        """`keys`: id, key and, if they are temporary, token. `endpoint`: see KEYTURN_ALIBABA_ENDPOINT."""
        from alibabacloud_fc20230330.client import Client
        from alibabacloud_tea_openapi.utils_models import Config

        config = Config(
            access_key_id=keys["id"],
            access_key_secret=keys["key"],
            security_token=keys.get("token"),
            region_id=region,
            protocol="HTTPS",
            read_timeout=_TIMEOUT_MS,
        )
        if endpoint and endpoint.startswith("http://"):
            config.protocol, config.http_proxy = "HTTP", endpoint
        elif endpoint:
            config.endpoint = endpoint.removeprefix("https://")
        self._client = Client(config)
        self._service = service
        self._region = region

    def wanted(self, spec: FunctionSpec, package: Package) -> FunctionState:
        """See ControlPlane."""
        settings: dict[str, Value] = {
            "handler": spec.handler,
            "runtime": spec.runtime,
            "memory MB": spec.memory_mb,
            "timeout s": spec.timeout_s,
            "role": spec.role,
            "concurrency": spec.concurrency,
            **({LOGS: str(spec.logs), LOG_RULE: _WHOLE} if spec.logs else {}),
            **variables_as_settings(deployed_variables(spec)),
        }
        ends = spec.destinations
        retries: dict[str, Value] = {"retries": spec.async_retries}
        retries |= {
            "on success": ends.on_success if ends else None,
            "on failure": ends.on_failure if ends else None,
        }
        triggers = tuple(_wanted_trigger(one) for one in _triggers(spec).values())
        return FunctionState(spec.name, package.digest, settings, retries, triggers, without_logs=spec.logs is None)

    def read(self, names: set[str]) -> list[FunctionState]:
        """See ControlPlane."""
        from alibabacloud_fc20230330 import models

        found = self._pages(
            "ListFunctions",
            lambda token: self._client.list_functions(models.ListFunctionsRequest(limit=_PAGE, next_token=token)),
            "functions",
        )
        there = [one for one in found if one["functionName"] in names or self._ours(one)]
        return [self._read(one["functionName"]) for one in there]

    def _read(self, name: str) -> FunctionState:
        from alibabacloud_fc20230330 import models

        state = wait_until_idle(lambda: self._status(name), _BUSY)
        got = self._get(name)
        triggers = self._pages(
            "ListTriggers",
            lambda token: self._client.list_triggers(name, models.ListTriggersRequest(limit=_PAGE, next_token=token)),
            "triggers",
        )
        code = _CODE.search(got.get("description") or "")
        settings: dict[str, Value] = {
            "handler": got.get("handler"),
            "runtime": got.get("runtime"),
            "memory MB": got.get("memorySize"),
            "timeout s": got.get("timeout"),
            "role": got.get("role"),
            "concurrency": got.get("instanceConcurrency"),
            **_logs(got.get("logConfig") or {}),
            **variables_as_settings(got.get("environmentVariables") or {}),
        }
        found = tuple(_read_trigger(one) for one in triggers)
        runs, creation_failed = code[1] if code and state == "Active" else "", got.get("state") == "Failed"
        return FunctionState(name, runs, settings, self._retries(name), found, self._ours(got), creation_failed)

    def _retries(self, name: str) -> dict[str, Value]:
        from alibabacloud_fc20230330 import models

        def ask() -> Any:
            return self._client.get_async_invoke_config(name, models.GetAsyncInvokeConfigRequest())

        try:
            got = self._call("GetAsyncInvokeConfig", ask, reads=True)
        except CallFailed as error:
            if "NotExist" not in error.code and "NotFound" not in error.code:
                raise
            return {}  # never set: the platform's own default
        ends = got.get("destinationConfig") or {}
        return {
            "retries": got.get("maxAsyncRetryAttempts"),
            "on success": (ends.get("onSuccess") or {}).get("destination"),
            "on failure": (ends.get("onFailure") or {}).get("destination"),
        }

    def settle(self, name: str) -> None:
        """See ControlPlane."""
        wait_until_active(lambda: self._status(name), _BUSY)

    def create(self, spec: FunctionSpec, package: Package) -> None:
        """Make it, with its mark."""
        from alibabacloud_fc20230330 import models

        given = {
            "functionName": spec.name,
            **_configuration(spec, package),
            "code": {"zipFile": _encoded(package)},
            "tags": [{"Key": MARK, "Value": self._service}],
        }
        request = models.CreateFunctionRequest(body=_model(models.CreateFunctionInput(), given))
        self._call("CreateFunction", lambda: self._client.create_function(request))

    def change_code(self, spec: FunctionSpec, package: Package) -> None:
        """Replace its zip and its handler."""
        self._update(spec, {"handler": spec.handler, "code": {"zipFile": _encoded(package)}})

    def change_settings(self, spec: FunctionSpec, package: Package) -> None:
        """Replace all else, the note about its code included."""
        self._update(spec, _configuration(spec, package))

    def change_retries(self, spec: FunctionSpec) -> None:
        """How often a failed asynchronous event is repeated, and where what became of it goes."""
        from alibabacloud_fc20230330 import models

        given: dict[str, Any] = {"maxAsyncRetryAttempts": spec.async_retries}
        if ends := spec.destinations:
            arns = {"onSuccess": ends.on_success, "onFailure": ends.on_failure}
            given["destinationConfig"] = {name: {"destination": arn} for name, arn in arns.items() if arn}
        request = models.PutAsyncInvokeConfigRequest(body=_model(models.PutAsyncInvokeConfigInput(), given))
        self._call("PutAsyncInvokeConfig", lambda: self._client.put_async_invoke_config(spec.name, request))

    def create_trigger(self, spec: FunctionSpec, name: str) -> None:
        """Make one, with its mark."""
        from alibabacloud_fc20230330 import models

        given = {"triggerName": name, **self._trigger(spec, name), "qualifier": "LATEST"}
        request = models.CreateTriggerRequest(body=_model(models.CreateTriggerInput(), given))
        self._call("CreateTrigger", lambda: self._client.create_trigger(spec.name, request))

    def change_trigger(self, spec: FunctionSpec, name: str) -> None:
        """Replace its settings."""
        from alibabacloud_fc20230330 import models

        given = {key: value for key, value in self._trigger(spec, name).items() if key != "triggerType"}
        request = models.UpdateTriggerRequest(body=_model(models.UpdateTriggerInput(), given))
        self._call("UpdateTrigger", lambda: self._client.update_trigger(spec.name, name, request))

    def delete_trigger(self, function: str, name: str, kind: str) -> None:
        """Remove one."""
        self._call("DeleteTrigger", lambda: self._client.delete_trigger(function, name))

    def delete(self, function: str) -> None:
        """Remove it."""
        self._call("DeleteFunction", lambda: self._client.delete_function(function))

    def _update(self, spec: FunctionSpec, given: dict[str, Any]) -> None:
        from alibabacloud_fc20230330 import models

        request = models.UpdateFunctionRequest(body=_model(models.UpdateFunctionInput(), given))
        self._call("UpdateFunction", lambda: self._client.update_function(spec.name, request))

    def _get(self, name: str) -> dict[str, Any]:
        from alibabacloud_fc20230330 import models

        return self._call(
            "GetFunction", lambda: self._client.get_function(name, models.GetFunctionRequest()), reads=True
        )

    def _status(self, name: str) -> str:
        got = self._get(name)
        states = [str(got.get("state") or "Active"), str(got.get("lastUpdateStatus") or "Successful")]
        return next((one for one in states if one not in ("Active", "Successful")), "Active")

    def _ours(self, shown: Mapping[str, Any]) -> bool:
        tags = [(tag.get("Key"), tag.get("Value")) for tag in shown.get("tags") or []]
        return (MARK, self._service) in tags

    def _trigger(self, spec: FunctionSpec, name: str) -> dict[str, Any]:
        """The fields of a trigger's request."""
        trigger = _triggers(spec)[name]
        config: dict[str, Any]
        if isinstance(trigger, HttpTrigger):
            config = {"authType": trigger.auth_type, "methods": list(trigger.methods), "disableURLInternet": False}
            type_ = "http"
        elif isinstance(trigger, TimerTrigger):
            config = {"cronExpression": trigger.cron, "enable": trigger.enabled, "payload": trigger.message}
            type_ = "timer"
        else:
            type_ = "eventbridge"
            source = {"QueueName": trigger.queue, "RegionId": self._region, "IsBase64Decode": True}
            config = {
                "triggerEnable": trigger.enabled,
                "eventSourceConfig": {
                    "eventSourceType": "MNS",
                    "eventSourceParameters": {"sourceMNSParameters": source},
                },
                "runOptions": {
                    "mode": "event-streaming",
                    "batchWindow": {"CountBasedWindow": trigger.batch, "TimeBasedWindow": 0},
                    "retryStrategy": {"PushRetryStrategy": _PUSHES[trigger.retries]},
                    "errorsTolerance": "ALL",  # with NONE, one poison message would hold up all behind it
                },
            }
        return {"triggerType": type_, "triggerConfig": json.dumps(config), "description": MARK}

    def _pages(self, action: str, ask: Callable[[str | None], Any], name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            answer = self._call(action, partial(ask, token), reads=True)
            found += answer.get(name) or []
            token = answer.get("nextToken")
            if not token:
                return found

    def _call(self, action: str, ask: Callable[[], Any], *, reads: bool = False) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            return _once(action, ask)

        answer: dict[str, Any] = call_with_retries(once, lambda error: error.code.startswith("Throttling"), reads=reads)
        return answer


def _once(action: str, ask: Callable[[], Any]) -> dict[str, Any]:
    failure: BaseException | None = None
    answer: Any = None
    try:
        answer = ask()
    # Whatever the client or what lies below it raises: a change may be under way.
    except Exception as error:
        failure = error
    if failure is not None:
        code, status = getattr(failure, "code", None), getattr(failure, "status_code", None)
        if code and isinstance(status, int):
            raise CallFailed(action, clean_code(code), str(getattr(failure, "request_id", "") or "")) from None
        sent = not never_sent(failure)
        raise CallFailed(action, "NoAnswer" if sent else "NoConnection", may_have_happened=sent) from None
    body = getattr(answer, "body", None)
    return body.to_map() if body is not None else {}


def _model(model: Any, given: dict[str, Any]) -> Any:
    """A request model. The SDK drops what it does not know without a word, so what it keeps is compared."""
    model.from_map(given)
    kept = model.to_map()
    if lost := sorted(given.keys() - kept.keys()):
        raise TypeError(f"the SDK's {type(model).__name__} has no {', '.join(lost)}")
    return model


def _encoded(package: Package) -> str:
    return base64.b64encode(package.path.read_bytes()).decode()


def _logs(config: Mapping[str, Any]) -> dict[str, Value]:
    logs = Logs(config.get("project") or "", config.get("logstore") or "")
    return {LOGS: str(logs), LOG_RULE: config.get("logBeginRule") or _WHOLE} if logs.group or logs.topic else {}


def _configuration(spec: FunctionSpec, package: Package) -> dict[str, Any]:
    given: dict[str, Any] = {
        "description": f"{MARK}, code {package.digest}",
        "handler": spec.handler,
        "runtime": spec.runtime,
        "memorySize": spec.memory_mb,
        "timeout": spec.timeout_s,
        "role": spec.role,
        "instanceConcurrency": spec.concurrency,
        "environmentVariables": deployed_variables(spec),
    }
    if spec.logs is not None:
        given["logConfig"] = {"project": spec.logs.group, "logstore": spec.logs.topic, "logBeginRule": _WHOLE}
    return given


def _triggers(spec: FunctionSpec) -> dict[str, HttpTrigger | TimerTrigger | SmqTrigger]:
    every = (*((spec.http,) if spec.http else ()), *spec.timers, *spec.queues)
    return {one.name: one for one in every if isinstance(one, HttpTrigger | TimerTrigger | SmqTrigger)}


def _wanted_trigger(trigger: HttpTrigger | TimerTrigger | SmqTrigger) -> TriggerState:
    settings: dict[str, Value]
    if isinstance(trigger, HttpTrigger):
        settings = {"auth": trigger.auth_type, "methods": ",".join(trigger.methods), "public": True}
        return TriggerState(trigger.name, "http", settings)
    if isinstance(trigger, TimerTrigger):
        settings = {"cron": trigger.cron, "enabled": trigger.enabled, "message": trigger.message}
        return TriggerState(trigger.name, "timer", settings)
    settings = {
        "queue": trigger.queue,
        "batch": trigger.batch,
        "retries": _PUSHES[trigger.retries],
        "on errors": "ALL",
        "enabled": trigger.enabled,
    }
    return TriggerState(trigger.name, "queue", settings)


def _read_trigger(shown: Mapping[str, Any]) -> TriggerState:
    name, type_ = str(shown.get("triggerName")), str(shown.get("triggerType"))
    kind, ours = _KINDS.get(type_, type_), shown.get("description") == MARK
    try:
        config = json.loads(shown.get("triggerConfig") or "{}")
    except ValueError:
        config = {}
    settings: dict[str, Value] = {}
    if kind == "http":
        methods = ",".join(config.get("methods") or [])
        public = not config.get("disableURLInternet", False)
        settings = {"auth": config.get("authType"), "methods": methods, "public": public}
        return TriggerState(name, kind, settings, ours, (shown.get("httpTrigger") or {}).get("urlInternet"))
    if kind == "timer":
        message = config.get("payload") or ""
        settings = {"cron": config.get("cronExpression"), "enabled": config.get("enable"), "message": message}
    elif kind == "queue":
        source = config.get("eventSourceConfig") or {}
        mns = (source.get("eventSourceParameters") or {}).get("sourceMNSParameters") or {}
        run = config.get("runOptions") or {}
        settings = {
            "queue": mns.get("QueueName"),
            "batch": (run.get("batchWindow") or {}).get("CountBasedWindow"),
            "retries": (run.get("retryStrategy") or {}).get("PushRetryStrategy"),
            "on errors": run.get("errorsTolerance"),
            "enabled": config.get("triggerEnable"),
        }
    return TriggerState(name, kind, settings, ours)
