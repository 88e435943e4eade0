"""Alibaba Function Compute 3.0's control plane, 2023-03-30: functions, triggers, invocation.

Source: the official SDK's models (alibabacloud-fc20230330 4.8.3) and
https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-overview.
Unverified and so chosen here: the words of State while a function is made, and some error codes.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cloud.alibaba.fc_gateway import RAW, VERSION
from tests.cloud.alibaba.fc_triggers import read_trigger, shown_trigger
from tests.cloud.functions import validation
from tests.cloud.functions.host import DeployedFunction, FunctionHost
from tests.cloud.functions.instance_process import FunctionSpec
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, page, parameter_table

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_HANDLER = re.compile(r"[A-Za-z0-9_./-]{1,120}\.[A-Za-z_][A-Za-z0-9_]*")
_ROLE = re.compile(r"acs:ram::[0-9]{1,32}:role/[A-Za-z0-9.-]{1,64}")
_RUNTIMES = {"python3.10": "3.10", "python3.12": "3.12"}
_ZIP_MB, _MOST_RETRIES, _MOST_AGE_S = 100, 8, 604_800

_CODE = parameter_table("zipFile!", "ossBucketName ossObjectName checksum")
_TAG = parameter_table("Key! Value!")
_LOG_CONFIG = parameter_table(
    "project logstore logBeginRule", "enableInstanceMetrics:bool enableRequestMetrics:bool enableLlmMetrics:bool"
)
_PROJECT, _LOGSTORE = (re.compile(rf"[a-z0-9][a-z0-9{more}-]{{1,61}}[a-z0-9]") for more in ("", "_"))
_DESTINATIONS = parameter_table("onSuccess:object onFailure:object")
_CONFIGURATION = (
    "description environmentVariables:object handler instanceConcurrency:int memorySize:int role runtime timeout:int "
    "code:object internetAccess:bool diskSize:int cpu:number logConfig:object"
)
_ELSEWHERE = (
    "customContainerConfig:object customDNS:object customRuntimeConfig:object disableInjectCredentials "
    "disableOndemand:bool enableLongLiving:bool gpuConfig:object idleTimeout:int instanceIsolationMode "
    "instanceLifecycleConfig:object juiceFsConfig:object layers:strs microSandboxConfig:object "
    "nasConfig:object ossMountConfig:object polarFsConfig:object sessionAffinity sessionAffinityConfig "
    "tracingConfig:object vpcConfig:object"
)


@dataclass
class FunctionRecord:
    """A function as its API shows it; `host` runs it."""

    host: DeployedFunction
    configuration: dict[str, Any]
    tags: list[dict[str, str]]
    size: int
    asynchronous: dict[str, Any] | None = None
    busy_until: float = 0.0
    busy: str = "Pending"
    added: str = ""


class AlibabaFc:
    """FC of every region, version LATEST."""

    cloud: Cloud = "alibaba"
    name = "fc"
    version = VERSION
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, host: FunctionHost) -> None:
        self._world = world
        self._host = host
        self._functions: dict[tuple[str, str], FunctionRecord] = {}
        named, trigger = "functionName! qualifier", "functionName! triggerName!"
        self.actions: Mapping[str, Action] = {
            "CreateFunction": Action(
                parameter_table(f"functionName! {_CONFIGURATION} tags:objects", f"{_ELSEWHERE} resourceGroupId"),
                self._create,
                changes=True,
            ),
            "UpdateFunction": Action(
                parameter_table(f"functionName! {_CONFIGURATION}", _ELSEWHERE), self._update, changes=True
            ),
            "GetFunction": Action(parameter_table(named), self._get),
            "ListFunctions": Action(
                parameter_table(
                    "prefix limit:int nextToken", "description fcVersion functionName gpuType runtime tags"
                ),
                self._list,
            ),
            "DeleteFunction": Action(parameter_table("functionName!"), self._delete, changes=True),
            "CreateTrigger": Action(
                parameter_table(
                    f"{trigger} triggerType! triggerConfig! description invocationRole qualifier sourceArn"
                ),
                self._create_trigger,
                changes=True,
            ),
            "UpdateTrigger": Action(
                parameter_table(f"{trigger} triggerConfig description invocationRole qualifier"),
                self._update_trigger,
                changes=True,
            ),
            "GetTrigger": Action(parameter_table(trigger), self._get_trigger),
            "ListTriggers": Action(parameter_table("functionName! limit:int nextToken prefix"), self._list_triggers),
            "DeleteTrigger": Action(parameter_table(trigger), self._delete_trigger, changes=True),
            "GetAsyncInvokeConfig": Action(parameter_table(named), self._get_async),
            "PutAsyncInvokeConfig": Action(
                parameter_table(
                    f"{named} maxAsyncRetryAttempts:int maxAsyncEventAgeInSeconds:int destinationConfig:object",
                    "asyncTask:bool",
                ),
                self._put_async,
                changes=True,
            ),
            "TagResources": Action(
                parameter_table("resourceId!:strs resourceType! tag!:objects"), self._tag, changes=True
            ),
            "InvokeFunction": Action(parameter_table(named), self._invoke, changes=True),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            text = f"the caller is not authorized to perform 'fc:{call.action}'"
            return ApiError("AccessDenied", text, 403)
        if kind == "lock":
            return ApiError("FunctionNotReady", "The function is being updated.", 409)
        return ApiError("InternalServerError", "An internal error has occurred. Please retry.", 500)

    def state(self) -> dict[str, Any]:
        return {one.host.spec.name: one.host.state() for one in self._functions.values()}

    async def start(self) -> None:
        pass

    async def reset(self, world: World) -> None:
        self._world = world
        self._functions = {}

    async def close(self) -> None:
        pass

    # Functions

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = given["functionName"]
        if not _NAME.fullmatch(name):
            raise _invalid("functionName", "is malformed")
        if (call.region or "", name) in self._functions:
            raise ApiError("FunctionAlreadyExists", f"function '{name}' already exists", 409)
        for tag in given.get("tags", []):
            validation.check_fields(tag, _TAG, _invalid, "tags")
        if "code" not in given:
            raise _invalid("code", "is required")
        said = {"memorySize": 512, "timeout": 3, "instanceConcurrency": 1, "description": "", **_said(given)}
        values = self._values(said)
        folder, size = await self._code(given["code"])
        assert call.region is not None
        spec = FunctionSpec("fc", call.region, name, code=folder, **values)
        added = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._host.clock.now()))
        deployed = FunctionRecord(self._host.add(spec), said, list(given.get("tags", [])), size, added=added)
        self._functions[call.region, name] = deployed
        self._hold(deployed, "Pending")
        return self._shown(deployed)

    async def _update(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._settled(given, call)
        said = {**deployed.configuration, **_said(given)}
        values = self._values(said)
        if "code" in given:
            values["code"], deployed.size = await self._code(given["code"])
        await self._host.change(deployed.host, **values)
        deployed.configuration = said
        self._hold(deployed, "InProgress")
        return self._shown(deployed)

    async def _code(self, given: Mapping[str, Any]) -> tuple[Any, int]:
        validation.check_fields(given, _CODE, _invalid, "code")
        return await asyncio.to_thread(validation.unpack_zip_file, given["zipFile"], _ZIP_MB, _invalid)

    async def _get(self, given: Mapping[str, Any], call: Call) -> Answer:
        return self._shown(self._found(given, call))

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        found = sorted((name, one) for (region, name), one in self._functions.items() if region == call.region)
        shown = [self._shown(one) for name, one in found if name.startswith(given.get("prefix", ""))]
        return _paged("functions", shown, given, 20)

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._settled(given, call)
        if deployed.host.triggers:
            raise ApiError("FunctionNotEmpty", "the function has triggers", 412)
        del self._functions[call.region or "", given["functionName"]]
        await self._host.remove(deployed.host)
        return {}

    # Triggers

    async def _create_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._settled(given, call)
        triggers = deployed.host.triggers
        if given["triggerName"] in triggers:
            raise ApiError("TriggerAlreadyExists", "the trigger already exists", 409)
        trigger = read_trigger(given, self._host.url_id())
        if trigger.kind == "http" and any(one.kind == "http" for one in triggers.values()):
            raise ApiError("TriggerAlreadyExists", "the function has an HTTP trigger", 409)
        trigger.created_at = self._host.clock.now()
        triggers[trigger.name] = trigger
        return shown_trigger(trigger, deployed.host.spec)

    async def _update_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._settled(given, call)
        old = self._trigger(given, call)
        new = read_trigger({**old.request, **given}, old.url_id)
        new.served = old.served
        new.created_at = self._host.clock.now()
        deployed.host.triggers[old.name] = new
        return shown_trigger(new, deployed.host.spec)

    async def _get_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        return shown_trigger(self._trigger(given, call), self._found(given, call).host.spec)

    async def _list_triggers(self, given: Mapping[str, Any], call: Call) -> Answer:
        host = self._found(given, call).host
        shown = [shown_trigger(one, host.spec) for name, one in sorted(host.triggers.items())]
        return _paged("triggers", shown, given, 20)

    async def _delete_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        del self._settled(given, call).host.triggers[self._trigger(given, call).name]
        return {}

    def _trigger(self, given: Mapping[str, Any], call: Call) -> Any:
        trigger = self._found(given, call).host.triggers.get(given["triggerName"])
        if trigger is None:
            raise ApiError("TriggerNotFound", "the trigger does not exist", 404)
        return trigger

    # Asynchronous events, tags, invocation

    async def _get_async(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._found(given, call)
        if deployed.asynchronous is None:
            raise ApiError("AsyncConfigNotExists", "the function has no asynchronous configuration", 404)
        return deployed.asynchronous

    async def _put_async(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._found(given, call)
        retries, age_s = given.get("maxAsyncRetryAttempts", 3), given.get("maxAsyncEventAgeInSeconds", 86_400)
        if not 0 <= retries <= _MOST_RETRIES or not 1 <= age_s <= _MOST_AGE_S:
            raise _invalid("maxAsyncRetryAttempts or maxAsyncEventAgeInSeconds", "is out of range")
        destinations = given.get("destinationConfig", {})
        validation.check_fields(destinations, _DESTINATIONS, _invalid, "destinationConfig")
        for name, one in destinations.items():
            validation.check_fields(one, parameter_table("destination!"), _invalid, f"destinationConfig.{name}")
        deployed.host.retries = retries
        deployed.asynchronous = {
            "functionArn": _arn(deployed.host.spec),
            "maxAsyncRetryAttempts": retries,
            "maxAsyncEventAgeInSeconds": age_s,
            "destinationConfig": destinations,
            "createdTime": deployed.added,
            "lastModifiedTime": deployed.added,
        }
        return deployed.asynchronous

    async def _tag(self, given: Mapping[str, Any], call: Call) -> Answer:
        by_arn = {_arn(one.host.spec): one for one in self._functions.values()}
        for arn in given["resourceId"]:
            if arn not in by_arn:
                raise ApiError("ResourceNotFound", "the resource does not exist", 404)
            added = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in given["tag"]]
            kept = [tag for tag in by_arn[arn].tags if tag["Key"] not in {one["Key"] for one in added}]
            by_arn[arn].tags = kept + added
        return {}

    async def _invoke(self, given: Mapping[str, Any], call: Call) -> Answer:
        function, headers = self._settled(given, call).host, given["headers"]
        if headers.get("x-fc-invocation-type", "Sync").lower() == "async":
            self._host.deliver_later(function, given[RAW])
            return {"status": 202, "body": b"", "headers": {}}
        outcome = await function.invoke(given[RAW], request_id=call.request_id)
        if outcome.kind == "ok":
            return {"status": 200, "body": outcome.body, "headers": {}}
        kind = {"init": "InitializationError"}.get(outcome.kind, "UnhandledInvocationError")
        return {"status": 200, "body": json.dumps(outcome.error).encode(), "headers": {"X-Fc-Error-Type": kind}}

    # What is there, and in which state

    def _found(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        if given.get("qualifier", "LATEST") != "LATEST":
            raise ApiError("VersionNotFound", "The stand-in has the version LATEST.", 404)
        deployed = self._functions.get((call.region or "", given["functionName"]))
        if deployed is None:
            raise ApiError("FunctionNotFound", f"function '{given['functionName']}' does not exist", 404)
        return deployed

    def _settled(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        deployed = self._found(given, call)
        if self._status(deployed):
            raise ApiError("FunctionNotReady", "the function is being updated", 409)
        return deployed

    def _hold(self, deployed: FunctionRecord, status: str) -> None:
        deployed.busy, deployed.busy_until = status, self._host.clock.now() + self._world.active_s

    def _status(self, deployed: FunctionRecord) -> str:
        return deployed.busy if self._host.clock.now() < deployed.busy_until else ""

    def _shown(self, deployed: FunctionRecord) -> dict[str, Any]:
        status = self._status(deployed)
        return {
            **deployed.configuration,
            "functionName": deployed.host.spec.name,
            "functionArn": _arn(deployed.host.spec),
            "functionId": f"standin-{deployed.host.spec.name}",
            "codeSize": deployed.size,
            "codeChecksum": "",
            "state": "Pending" if status == "Pending" else "Active",
            "lastUpdateStatus": "InProgress" if status else "Successful",
            "tags": deployed.tags,
            "createdTime": deployed.added,
            "lastModifiedTime": deployed.added,
        }

    def _values(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of Spec that a configuration says. Raises: ApiError."""
        for name in ("handler", "runtime"):
            if name not in said:
                raise _invalid(name, "is required")
        if not _HANDLER.fullmatch(said["handler"]):
            raise _invalid("handler", "is not file.method")
        if said["runtime"] not in _RUNTIMES:
            raise _invalid("runtime", f"is none that the stand-in runs: {', '.join(_RUNTIMES)}")
        if said["memorySize"] % 64 or not 128 <= said["memorySize"] <= 32_768:
            raise _invalid("memorySize", "is not 128 to 32768 in steps of 64")
        if not 1 <= said["timeout"] <= 86_400 or not 1 <= said["instanceConcurrency"] <= 200:
            raise _invalid("timeout or instanceConcurrency", "is out of range")
        role, environment = said.get("role", ""), said.get("environmentVariables", {})
        if role and not _ROLE.fullmatch(role):
            raise _invalid("role", "is no role's ARN")
        _check_logs(said.get("logConfig", {}))
        if not all(isinstance(value, str) for value in environment.values()):
            raise _invalid("environmentVariables", "holds something else than text")
        return {
            "handler": said["handler"],
            "runtime": _RUNTIMES[said["runtime"]],
            "memory_mb": said["memorySize"],
            "timeout_s": said["timeout"],
            "environment": validation.check_environment(environment, ("FC_", "ALIBABA_CLOUD_"), _invalid),
            "concurrency": said["instanceConcurrency"],
            "role": self._world.credentials.alibaba if role else None,
        }


def _check_logs(given: Mapping[str, Any]) -> None:
    """A project and a Logstore, or neither, which ends logging."""
    validation.check_fields(given, _LOG_CONFIG, _invalid, "logConfig")
    project, logstore = given.get("project", ""), given.get("logstore", "")
    if (project or logstore) and not (_PROJECT.fullmatch(project) and _LOGSTORE.fullmatch(logstore)):
        raise _invalid("logConfig", "is not a project and a logstore")
    if given.get("logBeginRule", "None") not in ("None", "DefaultRegex"):
        raise _invalid("logConfig.logBeginRule", "is None or DefaultRegex")


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("functionName", "code", "tags")}


def _paged(name: str, shown: list[Any], given: Mapping[str, Any], limit: int) -> Answer:
    start, limit = int(given.get("nextToken") or 0), given.get("limit", limit)
    more = {"nextToken": str(start + limit)} if start + limit < len(shown) else {}
    return {name: page(shown, start, limit), **more}


def _arn(spec: FunctionSpec) -> str:
    return f"acs:fc:{spec.region}:{ALIBABA_ACCOUNT}:functions/{spec.name}"


def _invalid(name: str, why: str) -> ApiError:
    return ApiError("InvalidArgument", f"{name} {why}", 400)
