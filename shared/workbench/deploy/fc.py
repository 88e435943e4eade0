"""Function Compute's control plane through the official SDK (alibabacloud-fc20230330, 2023-03-30).

Whose a function is stands in a tag and in the description; which code it runs in the description, by a stronger digest
than the platform's CRC-64. `state` and `lastUpdateStatus` may say Pending or nothing for ever of a Python function:
only a failure is believed, and a change that is refused with 409 is asked for again for some seconds. A `logConfig`
that is sent sets `project`, `logstore` and `logBeginRule`; what becomes of the metrics' switches beside them is the
platform's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from shared.runtime.errors import clean_code
from shared.workbench.apis.alibaba import config_of
from shared.workbench.bundle.description import FunctionSpec
from shared.workbench.deploy.control_plane import (
    GONE,
    NO_ROOM,
    OPEN_EVENTBRIDGE,
    CallFailed,
    FunctionStatus,
    Package,
    Patience,
    call_with_retries,
    change_when_ready,
    deployed_variables,
    variables_as_settings,
    wait_until_active,
)
from shared.workbench.deploy.fc_settings import WHOLE, shown_logs, shown_network, wanted_destinations
from shared.workbench.deploy.fc_triggers import read_trigger, trigger_request, triggers_of, wanted_trigger
from shared.workbench.deploy.plan import LOG_RULE, LOGS, MARK, Bound, FunctionState, Marks, described
from shared.workbench.deploy.shown import Value

_TIMEOUT_S = 60.0
_PAGE = 20
_UPDATE_S = 10.0  # an update that is longer under way than this will never show its end
_UPDATE = "lastUpdateStatus"


class FcPlane:
    """Functions of one service in one region, version LATEST."""

    def __init__(self, keys: Mapping[str, str], region: str, service: str, endpoint: str | None) -> None:
        """`keys`: id, key and, if they are temporary, token. `endpoint`: see KEYTURN_ALIBABA_ENDPOINT."""
        from alibabacloud_fc20230330.client import Client

        self._client = Client(config_of(keys, region, endpoint or "", _TIMEOUT_S))
        self._service = service
        self._region = region
        self._update_patience = Patience(_UPDATE_S)

    def wanted(self, spec: FunctionSpec, package: Package) -> FunctionState:
        """See ControlPlane."""
        settings: dict[str, Value] = {
            "handler": spec.handler,
            "runtime": spec.runtime,
            "memory MB": spec.memory_mb,
            "timeout s": spec.timeout_s,
            "role": spec.role,
            "concurrency": spec.concurrency,
            "private network": str(spec.network) if spec.network else None,
            **({LOGS: str(spec.logs), LOG_RULE: WHOLE} if spec.logs else {}),
            **variables_as_settings(deployed_variables(spec)),
        }
        retries: dict[str, Value] = {"retries": spec.async_retries, **wanted_destinations(spec)}
        triggers = tuple(wanted_trigger(one) for one in triggers_of(spec).values())
        bound = Bound(spec.instances) if spec.instances else None
        return FunctionState(
            spec.name, package.digest, settings, retries, triggers, without_logs=spec.logs is None, bound=bound
        )

    def read(self, names: set[str]) -> list[FunctionState]:
        """See ControlPlane."""
        from alibabacloud_fc20230330 import models

        found = self._pages(
            "ListFunctions",
            lambda token: self._client.list_functions(models.ListFunctionsRequest(limit=_PAGE, next_token=token)),
            "functions",
        )
        ours = [one["functionName"] for one in found if self._marks(one).service == self._service]
        # Those that are known by name are asked for in any case: a list may show them late.
        states = [
            state for name in dict.fromkeys((*ours, *sorted(names))) if (state := self.read_function(name)) is not None
        ]
        return [one for one in states if one.name in names or one.made_by_deploy]

    def read_function(self, name: str) -> FunctionState | None:
        """See ControlPlane."""
        from alibabacloud_fc20230330 import models

        self._wait_for_update(name)
        got = self._get(name)
        if got is None:
            return None
        try:
            triggers = self._pages(
                "ListTriggers",
                lambda at: self._client.list_triggers(name, models.ListTriggersRequest(limit=_PAGE, next_token=at)),
                "triggers",
            )
        except CallFailed as error:
            if error.code == "FunctionNotFound":  # it was deleted, and GetFunction still shows it
                return None
            raise
        marks = self._marks(got)
        settings: dict[str, Value] = {
            "handler": got.get("handler"),
            "runtime": got.get("runtime"),
            "memory MB": got.get("memorySize"),
            "timeout s": got.get("timeout"),
            "role": got.get("role"),
            "concurrency": got.get("instanceConcurrency"),
            "private network": shown_network(got.get("vpcConfig") or {}),
            **shown_logs(got.get("logConfig") or {}),
            **variables_as_settings(got.get("environmentVariables") or {}),
        }
        return FunctionState(
            name,
            marks.code if _status(got).state == "Active" else "",
            settings,
            self._retries(name),
            tuple(read_trigger(one) for one in triggers),
            marks.service == self._service,
            creation_failed=got.get("state") == "Failed",
            owner=marks.service,
            bound=self._bound(name),
        )

    def _retries(self, name: str) -> dict[str, Value]:
        from alibabacloud_fc20230330 import models

        def ask() -> Any:
            return self._client.get_async_invoke_config(name, models.GetAsyncInvokeConfigRequest())

        got = self._configured("GetAsyncInvokeConfig", ask)
        if got is None:
            return {}  # never set: the platform's own default
        ends = got.get("destinationConfig") or {}
        return {
            "retries": got.get("maxAsyncRetryAttempts"),
            "on success": (ends.get("onSuccess") or {}).get("destination"),
            "on failure": (ends.get("onFailure") or {}).get("destination"),
        }

    def _bound(self, name: str) -> Bound | None:
        """None: the function may have as many instances as the account."""
        got = self._configured("GetConcurrencyConfig", lambda: self._client.get_concurrency_config(name))
        most = (got or {}).get("reservedConcurrency")
        return None if most is None else Bound(most)

    def _configured(self, action: str, ask: Callable[[], Any]) -> dict[str, Any] | None:
        """A configuration beside the function's own; None where there is none."""
        try:
            return self._call(action, ask, reads=True)
        except CallFailed as error:
            if "NotExist" not in error.code and "NotFound" not in error.code:
                raise
            return None

    def reported_digest(self, name: str) -> str:
        """See ControlPlane."""
        return str((self._get(name) or {}).get("codeChecksum") or "")

    def settle(self, name: str) -> None:
        """See ControlPlane."""
        self._wait_for_update(name)
        wait_until_active(lambda: self._status(name), frozenset())

    def create(self, spec: FunctionSpec, package: Package) -> None:
        """Make it, with its mark."""
        from alibabacloud_fc20230330 import models

        configuration = self._configuration(spec, package)
        if spec.network is None:
            del configuration["vpcConfig"]
        given = {
            "functionName": spec.name,
            **configuration,
            "code": {"zipFile": package.encoded},
            "tags": [{"Key": MARK, "Value": self._service}],
        }
        request = models.CreateFunctionRequest(body=_model(models.CreateFunctionInput(), given))
        self._call("CreateFunction", lambda: self._client.create_function(request))

    def change_code(self, spec: FunctionSpec, package: Package) -> None:
        """Replace its zip and its handler."""
        self._update(spec, {"handler": spec.handler, "code": {"zipFile": package.encoded}})

    def change_settings(self, spec: FunctionSpec, package: Package) -> None:
        """Replace all else, the note about its code included; where its lines go stays if nothing is said of it."""
        given = self._configuration(spec, package)
        if spec.logs is None and (got := self._get(spec.name)) and got.get("logConfig"):
            given["logConfig"] = got["logConfig"]
        self._update(spec, given)

    def change_retries(self, spec: FunctionSpec) -> None:
        """How often a failed asynchronous event is repeated, and where what became of it goes.

        Whether PutAsyncInvokeConfig keeps a destination that it does not name is said nowhere: one that is to go is
        deleted first.
        """
        from alibabacloud_fc20230330 import models

        wanted = wanted_destinations(spec)
        if any(arn and not wanted[name] for name, arn in self._retries(spec.name).items() if name in wanted):
            ask = models.DeleteAsyncInvokeConfigRequest()
            self._change(
                spec.name, "DeleteAsyncInvokeConfig", lambda: self._client.delete_async_invoke_config(spec.name, ask)
            )
        given: dict[str, Any] = {"maxAsyncRetryAttempts": spec.async_retries}
        if ends := spec.destinations:
            arns = {"onSuccess": ends.on_success, "onFailure": ends.on_failure}
            given["destinationConfig"] = {name: {"destination": arn} for name, arn in arns.items() if arn}
        request = models.PutAsyncInvokeConfigRequest(body=_model(models.PutAsyncInvokeConfigInput(), given))
        self._change(
            spec.name, "PutAsyncInvokeConfig", lambda: self._client.put_async_invoke_config(spec.name, request)
        )

    def change_instances(self, spec: FunctionSpec) -> None:
        """Give it so many at most, provisioned ones included; FC publishes no code for an account that has too few."""
        from alibabacloud_fc20230330 import models

        given = {"reservedConcurrency": spec.instances}
        request = models.PutConcurrencyConfigRequest(body=_model(models.PutConcurrencyInput(), given))
        try:
            self._change(
                spec.name, "PutConcurrencyConfig", lambda: self._client.put_concurrency_config(spec.name, request)
            )
        except CallFailed as error:
            error.hint = NO_ROOM if error.status in (400, 403) else ""
            raise

    def create_trigger(self, spec: FunctionSpec, name: str) -> None:
        """Make one, with its mark."""
        from alibabacloud_fc20230330 import models

        given = {"triggerName": name, **trigger_request(spec, name, self._region), "qualifier": "LATEST"}
        request = models.CreateTriggerRequest(body=_model(models.CreateTriggerInput(), given))
        try:
            self._change(spec.name, "CreateTrigger", lambda: self._client.create_trigger(spec.name, request))
        except CallFailed as error:
            if given["triggerType"] == "eventbridge" and error.status < 500:  # FC publishes no code for what it lacks
                error.hint = OPEN_EVENTBRIDGE
            raise

    def change_trigger(self, spec: FunctionSpec, name: str) -> None:
        """Replace its settings."""
        from alibabacloud_fc20230330 import models

        asked = trigger_request(spec, name, self._region)
        given = {key: value for key, value in asked.items() if key != "triggerType"}
        request = models.UpdateTriggerRequest(body=_model(models.UpdateTriggerInput(), given))
        self._change(spec.name, "UpdateTrigger", lambda: self._client.update_trigger(spec.name, name, request))

    def delete_trigger(self, function: str, name: str, kind: str) -> None:
        """Remove one."""
        self._change(function, "DeleteTrigger", lambda: self._client.delete_trigger(function, name))

    def delete(self, function: str) -> None:
        """See ControlPlane. Whether a bound goes with its function is said nowhere, so it is taken off first."""
        if self._bound(function) is not None:
            try:
                self._change(
                    function, "DeleteConcurrencyConfig", lambda: self._client.delete_concurrency_config(function)
                )
            except CallFailed as error:
                if "NotFound" not in error.code:  # another remove was quicker
                    raise
        self._change(function, "DeleteFunction", lambda: self._client.delete_function(function))

    def _update(self, spec: FunctionSpec, given: dict[str, Any]) -> None:
        from alibabacloud_fc20230330 import models

        request = models.UpdateFunctionRequest(body=_model(models.UpdateFunctionInput(), given))
        self._change(spec.name, "UpdateFunction", lambda: self._client.update_function(spec.name, request))

    def _configuration(self, spec: FunctionSpec, package: Package) -> dict[str, Any]:
        net = spec.network
        given: dict[str, Any] = {
            "description": described(self._service, package.digest),
            "handler": spec.handler,
            "runtime": spec.runtime,
            "memorySize": spec.memory_mb,
            "timeout": spec.timeout_s,
            "role": spec.role,
            "instanceConcurrency": spec.concurrency,
            "environmentVariables": deployed_variables(spec),
            "vpcConfig": {
                "vpcId": net.vpc if net else "",
                "vSwitchIds": list(net.subnets) if net else [],
                "securityGroupId": net.security_group if net else "",
            },
        }
        if spec.logs is not None:
            given["logConfig"] = {"project": spec.logs.group, "logstore": spec.logs.topic, "logBeginRule": WHOLE}
        return given

    def _get(self, name: str) -> dict[str, Any] | None:
        """GetFunction's answer; None where there is no such function."""
        from alibabacloud_fc20230330 import models

        try:
            return self._call(
                "GetFunction", lambda: self._client.get_function(name, models.GetFunctionRequest()), reads=True
            )
        except CallFailed as error:
            if error.status != 404:
                raise
            return None

    def _status(self, name: str) -> FunctionStatus:
        got = self._get(name)
        return GONE if got is None else _status(got)

    def _wait_for_update(self, name: str) -> None:
        self._update_patience.until(lambda: self._get(name), lambda got: (got or {}).get(_UPDATE) != "InProgress")

    def _marks(self, shown: Mapping[str, Any]) -> Marks:
        return Marks.read(self._service, shown.get("tags") or (), shown.get("description"))

    def _change(self, function: str, action: str, ask: Callable[[], Any]) -> None:
        """A change of a function that is there. 409 for what exists already is final."""
        change_when_ready(
            lambda: self._call(action, ask),
            lambda error: error.status == 409 and "Exists" not in error.code,
            lambda: self._wait_for_update(function),
        )

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

        answer: dict[str, Any] = call_with_retries(once, _throttled, reads=reads)
        return answer


def _throttled(error: CallFailed) -> bool:
    return error.status == 429 or error.code.startswith("Throttling")


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
            request_id = str(getattr(failure, "request_id", "") or "")
            maybe = status >= 500
            known = clean_code(code)
            raise CallFailed(action, known, request_id, may_have_happened=maybe, status=status, service="fc") from None
        raise CallFailed.of_client(action, failure) from None
    body = getattr(answer, "body", None)
    return body.to_map() if body is not None else {}


def _model(model: Any, given: dict[str, Any]) -> Any:
    """A request model. The SDK drops what it does not know without a word, so what it keeps is compared."""
    model.from_map(given)
    kept = model.to_map()
    if lost := sorted(given.keys() - kept.keys()):
        raise TypeError(f"the SDK's {type(model).__name__} has no {', '.join(lost)}")
    return model


def _status(got: Mapping[str, Any]) -> FunctionStatus:
    """Active, unless its creation or its last update failed."""
    for name in ("state", _UPDATE):
        if got.get(name) == "Failed":
            reason = got.get(f"{name}ReasonCode")
            return FunctionStatus("Failed", clean_code(reason) if reason else "", got.get(f"{name}Reason") or "")
    return FunctionStatus("Active")
