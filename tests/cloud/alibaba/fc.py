"""Alibaba Function Compute 3.0's control plane, 2023-03-30: functions, triggers, invocation.

Source: the official SDK's models (alibabacloud-fc20230330 4.8.3) and
https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-overview.
Not verified, so chosen by the stand-in: `state` and `lastUpdateStatus` while a function is created or changed, and some
error codes.

Claims: E3, E4, E5, E6, E8, E9, W2.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from shared.workbench.deploy.code_digests import crc64
from tests.cloud.alibaba.fc_concurrency import ConcurrencyConfigs
from tests.cloud.alibaba.fc_configuration import FIELDS, NOT_IMPLEMENTED, check_logstore, spec_fields, stated
from tests.cloud.alibaba.fc_gateway import RAW, VERSION
from tests.cloud.alibaba.fc_record import FunctionRecord, arn_of
from tests.cloud.alibaba.fc_role import check_eventbridge, check_network, check_role
from tests.cloud.alibaba.fc_triggers import invalid, keep_source, read_trigger, shown_trigger
from tests.cloud.functions import validation
from tests.cloud.functions.host import DeployedFunction, FunctionHost, Trigger
from tests.cloud.functions.instance_process import FunctionSpec
from tests.cloud.identity.identities import Identities
from tests.cloud.state.world import World
from tests.cloud.wire.service import (
    Action,
    Answer,
    ApiError,
    Call,
    Cloud,
    RefusalKind,
    judged_by,
    page,
    parameter_table,
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_ZIP_MB, _MOST_RETRIES, _MOST_AGE_S = 100, 8, 604_800

_LOG_TAIL, _PIPE_S = 4096, 0.05  # a function's output arrives by a separate pipe

_CODE = parameter_table("zipFile!", "ossBucketName ossObjectName checksum")
_TAG = parameter_table("Key! Value!")
_DESTINATIONS = parameter_table("onSuccess:object onFailure:object")


_FUNCTION = "acs:fc:{region}:{account}:functions/{functionName}"


class AlibabaFc:
    """FC in every region, with the version LATEST."""

    cloud: Cloud = "alibaba"
    name = "fc"
    version = VERSION
    task_faults: frozenset[str] = frozenset({"fail_task"})  # a change of a function then ends in a Failed state

    def __init__(self, world: World, host: FunctionHost, identities: Identities) -> None:
        self._world = world
        self._identities = identities
        self._host = host
        self._functions: dict[tuple[str, str], FunctionRecord] = {}
        named, trigger = "functionName! qualifier", "functionName! triggerName!"
        actions = {
            "CreateFunction": Action(
                parameter_table(f"functionName! {FIELDS} tags:objects", f"{NOT_IMPLEMENTED} resourceGroupId"),
                self._create,
                changes=True,
            ),
            "UpdateFunction": Action(
                parameter_table(f"functionName! {FIELDS}", NOT_IMPLEMENTED), self._update, changes=True
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
            "DeleteAsyncInvokeConfig": Action(parameter_table(named), self._delete_async, changes=True),
            "TagResources": Action(
                parameter_table("resourceId!:strs resourceType! tag!:objects"), self._tag, changes=True
            ),
            "InvokeFunction": Action(parameter_table(named), self._invoke, changes=True),
        }
        bounds = ConcurrencyConfigs(lambda: self._world, self._found, self._settled, self._in_region)
        self.actions: Mapping[str, Action] = judged_by(_FUNCTION, "functionName", actions | bounds.actions())

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
            raise invalid("functionName", "is malformed")
        if (call.region or "", name) in self._functions:
            raise ApiError("FunctionAlreadyExists", f"function '{name}' already exists", 409)
        for tag in given.get("tags", []):
            validation.check_fields(tag, _TAG, invalid, "tags")
        if "code" not in given:
            raise invalid("code", "is required")
        said = {"memorySize": 512, "timeout": 3, "instanceConcurrency": 1, "description": "", **stated(given)}
        values = spec_fields(said, self._world)
        check_role(self._identities, call, said.get("role", ""))
        check_network(self._identities, self._world, said)
        check_logstore(given, call.region or "", self._host.logs)
        folder, size, checksum = await self._code(given["code"])
        assert call.region is not None
        spec = FunctionSpec("fc", call.region, name, code=folder, **values)
        added = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._host.clock.now()))
        deployed = FunctionRecord(self._host.add(spec), said, list(given.get("tags", [])), size, checksum, added=added)
        self._functions[call.region, name] = deployed
        self._hold(deployed, "state" if call.fault == "fail_task" else "")
        deployed.made_at = deployed.changed_at
        return self._shown(deployed)

    async def _update(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._settled(given, call)
        said = {**deployed.configuration, **stated(given)}
        values = spec_fields(said, self._world)
        if "role" in given:
            check_role(self._identities, call, given["role"])
        check_network(self._identities, self._world, said)
        check_logstore(given, call.region or "", self._host.logs)
        if "code" in given:
            values["code"], deployed.size, deployed.checksum = await self._code(given["code"])
        if call.fault == "fail_task":
            self._hold(deployed, "lastUpdateStatus")
            return self._shown(deployed)
        if not self._world.holds("D9") and "logConfig" not in given:
            said.pop("logConfig", None)
        await self._host.change(deployed.host, **values)
        deployed.configuration = said
        self._hold(deployed)
        return self._shown(deployed)

    async def _code(self, given: Mapping[str, Any]) -> tuple[Any, int, str]:
        validation.check_fields(given, _CODE, invalid, "code")
        folder, archive = await asyncio.to_thread(validation.unpack_zip_file, given["zipFile"], _ZIP_MB, invalid)
        return folder, len(archive), str(await asyncio.to_thread(crc64, archive))

    async def _get(self, given: Mapping[str, Any], call: Call) -> Answer:
        return self._shown(self._found(given, call))

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        found = sorted(self._in_region(call.region or ""), key=lambda one: one.host.spec.name)
        shown = [self._shown(one) for one in found if one.host.spec.name.startswith(given.get("prefix", ""))]
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
        trigger = read_trigger(given, self._host.url_id(), self._world)
        if trigger.kind == "mns":
            check_eventbridge(self._identities, self._world)
        if trigger.kind == "http" and any(one.kind == "http" for one in triggers.values()):
            raise ApiError("TriggerAlreadyExists", "the function has an HTTP trigger", 409)
        trigger.created_at = self._host.clock.now()
        trigger.address_at = trigger.created_at + self._world.planes_lag_s
        triggers[trigger.name] = trigger
        return self._shown_trigger(trigger, deployed)

    async def _update_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._settled(given, call)
        old = self._trigger(given, call)
        new = read_trigger({**old.request, **given}, old.url_id, self._world)
        if old.kind == "mns" and self._world.holds("E5"):
            keep_source(new, old)
        new.served, new.created_at, new.address_at = old.served, old.created_at, old.address_at
        deployed.host.triggers[old.name] = new
        return self._shown_trigger(new, deployed)

    async def _get_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        return self._shown_trigger(self._trigger(given, call), self._found(given, call))

    async def _list_triggers(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._found(given, call)
        shown = [self._shown_trigger(one, deployed) for _, one in sorted(deployed.host.triggers.items())]
        return _paged("triggers", shown, given, 20)

    async def _delete_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        del self._settled(given, call).host.triggers[self._trigger(given, call).name]
        return {}

    def _shown_trigger(self, trigger: Trigger, deployed: FunctionRecord) -> dict[str, Any]:
        addressed = self._world.holds("D2") and self._host.clock.now() >= trigger.address_at
        return shown_trigger(trigger, deployed.host.spec, addressed=addressed)

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
            raise invalid("maxAsyncRetryAttempts or maxAsyncEventAgeInSeconds", "is out of range")
        destinations = given.get("destinationConfig", {})
        if not self._world.holds("E4") and deployed.asynchronous is not None:
            kept = deployed.asynchronous
            retries = given.get("maxAsyncRetryAttempts", kept["maxAsyncRetryAttempts"])
            destinations = {**kept["destinationConfig"], **destinations}
        validation.check_fields(destinations, _DESTINATIONS, invalid, "destinationConfig")
        for name, one in destinations.items():
            validation.check_fields(one, parameter_table("destination!"), invalid, f"destinationConfig.{name}")
        deployed.host.retries = retries
        deployed.asynchronous = {
            "functionArn": arn_of(deployed.host.spec),
            "maxAsyncRetryAttempts": retries,
            "maxAsyncEventAgeInSeconds": age_s,
            "destinationConfig": destinations,
            "createdTime": deployed.added,
            "lastModifiedTime": deployed.added,
        }
        return deployed.asynchronous

    async def _delete_async(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._found(given, call)
        if deployed.asynchronous is None:
            raise ApiError("AsyncConfigNotExists", "the function has no asynchronous configuration", 404)
        deployed.asynchronous, deployed.host.retries = None, 3
        return {}

    async def _tag(self, given: Mapping[str, Any], call: Call) -> Answer:
        by_arn = {arn_of(one.host.spec): one for one in self._functions.values()}
        for arn in given["resourceId"]:
            if arn not in by_arn:
                raise ApiError("ResourceNotFound", "the resource does not exist", 404)
            added = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in given["tag"]]
            kept = [tag for tag in by_arn[arn].tags if tag["Key"] not in {one["Key"] for one in added}]
            by_arn[arn].tags = kept + added
        return {}

    async def _invoke(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed, headers = self._found(given, call), given["headers"]
        if self._busy(deployed) or deployed.failed == "state":
            raise _not_ready()
        function = deployed.host
        if headers.get("x-fc-invocation-type", "Sync").lower() == "async":
            self._host.deliver_later(function, given[RAW])
            return {"status": 202, "body": b"", "headers": {}}
        lines = len(function.log)
        outcome = await function.invoke(given[RAW], request_id=call.request_id)
        told = await _log_tail(function, lines) if headers.get("x-fc-log-type") == "Tail" else {}
        if outcome.kind == "busy":
            raise ApiError(outcome.error["Code"], outcome.error["Message"], 429)
        if outcome.kind == "ok":
            return {"status": 200, "body": outcome.body, "headers": told}
        told["X-Fc-Error-Type"] = {"init": "InitializationError"}.get(outcome.kind, "UnhandledInvocationError")
        return {"status": 200, "body": json.dumps(outcome.error).encode(), "headers": told}

    # What exists, and in which state

    def _in_region(self, region: str) -> list[FunctionRecord]:
        return [one for (place, _), one in self._functions.items() if place == region]

    def _found(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        if given.get("qualifier", "LATEST") != "LATEST":
            raise ApiError("VersionNotFound", "The stand-in has the version LATEST.", 404)
        deployed = self._functions.get((call.region or "", given["functionName"]))
        if deployed is None:
            raise ApiError("FunctionNotFound", f"function '{given['functionName']}' does not exist", 404)
        return deployed

    def _settled(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        deployed = self._found(given, call)
        if self._busy(deployed):
            raise _not_ready()
        return deployed

    def _hold(self, deployed: FunctionRecord, failed: str = "") -> None:
        deployed.changed_at, deployed.failed = self._host.clock.now(), failed
        deployed.busy_until = deployed.changed_at + self._world.active_s

    def _busy(self, deployed: FunctionRecord) -> bool:
        return self._host.clock.now() < deployed.busy_until

    def _states(self, deployed: FunctionRecord) -> dict[str, str | None]:
        """`state` and `lastUpdateStatus`. They show a change after some time, or never."""
        now, made = self._host.clock.now(), deployed.made_at == deployed.changed_at
        shown: dict[str, str | None] = {"state": "Active", "lastUpdateStatus": "Successful"}
        if self._busy(deployed) and (made or now >= deployed.changed_at + self._world.planes_lag_s):
            return {"state": "Pending" if made else "Active", "lastUpdateStatus": "InProgress"}
        if deployed.failed and not self._busy(deployed):
            return {
                **shown,
                deployed.failed: "Failed",
                f"{deployed.failed}ReasonCode": "InternalError",
                f"{deployed.failed}Reason": "A free text.",
            }
        if self._world.fc_state == "Pending":
            return {"state": "Pending", "lastUpdateStatus": "InProgress"}
        return shown if self._world.fc_state else dict.fromkeys(shown)

    def _shown(self, deployed: FunctionRecord) -> dict[str, Any]:
        tagged = self._world.holds("D7") and self._host.clock.now() >= deployed.made_at + self._world.planes_lag_s
        return {
            **deployed.configuration,
            **self._states(deployed),
            "functionName": deployed.host.spec.name,
            "functionArn": arn_of(deployed.host.spec),
            "functionId": f"standin-{deployed.host.spec.name}",
            "codeSize": deployed.size,
            "codeChecksum": deployed.checksum if self._world.holds("E9") else deployed.checksum[::-1],
            "tags": deployed.tags if tagged else [],
            "createdTime": deployed.added,
            "lastModifiedTime": deployed.added,
        }


async def _log_tail(function: DeployedFunction, lines: int) -> dict[str, str]:
    """The last 4 KB of the log after so many lines, if a caller of InvokeFunction asks for it."""
    await asyncio.sleep(_PIPE_S)
    tail = "\n".join(list(function.log)[lines:]).encode()[-_LOG_TAIL:]
    return {"X-Fc-Log-Result": base64.b64encode(tail).decode()}


def _paged(name: str, shown: list[Any], given: Mapping[str, Any], limit: int) -> Answer:
    start, limit = int(given.get("nextToken") or 0), given.get("limit", limit)
    more = {"nextToken": str(start + limit)} if start + limit < len(shown) else {}
    return {name: page(shown, start, limit), **more}


def _not_ready() -> ApiError:
    return ApiError("FunctionNotReady", "the function is being updated", 409)
