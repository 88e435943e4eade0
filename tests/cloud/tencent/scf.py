"""Tencent SCF's control plane, 2018-04-16: functions, triggers, invocation.

Source: the official SDK's models (tencentcloud-sdk-python-scf 3.1.100) and https://www.tencentcloud.com/document/api/583.

Claims: D5, D6, D7, D8, D9, D14, D16, P10, W2.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.functions import validation
from tests.cloud.functions.host import FunctionHost, Trigger, response_line
from tests.cloud.functions.instance_process import FunctionSpec, InvocationOutcome
from tests.cloud.identity.identities import Identities
from tests.cloud.state.china_time import china_time
from tests.cloud.state.world import World
from tests.cloud.tencent.scf_configuration import (
    CODE,
    FIELDS,
    NOT_IMPLEMENTED,
    PAIR,
    answered,
    changed_configuration,
    check_handler,
    check_logs,
    shown_configuration,
    spec_fields,
    told,
)
from tests.cloud.tencent.scf_functions import FunctionRecord, FunctionTable
from tests.cloud.tencent.scf_reserved import ReservedConcurrency
from tests.cloud.tencent.scf_role import check_consent, check_role
from tests.cloud.tencent.scf_triggers import (
    invalid_value,
    keep_offset,
    read_trigger,
    shown_trigger,
    unknown_field,
)
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

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]")
_CREATE_MB, _UPDATE_MB, _MOST_TRIGGERS = 50, 20, 10
_MOST_RETRIES, _TTL_S = 2, (60, 21_600)
_FUNCTION = "qcs::scf:{region}:uin/{account}:namespace/default/function/{FunctionName}"


class TencentScf:
    """SCF in every region, with the namespace `default` and the version `$LATEST`."""

    cloud: Cloud = "tencent"
    name = "scf"
    version = "2018-04-16"
    task_faults: frozenset[str] = frozenset({"fail_task"})  # a change of a function then ends in a Failed state

    def __init__(self, world: World, host: FunctionHost, identities: Identities) -> None:
        self._world = world
        self._identities = identities
        self._host = host
        self._functions = FunctionTable(world, host.clock.now)
        self._count = 0
        bounds = ReservedConcurrency(self._functions, host.clock.now).actions()
        self.actions: Mapping[str, Action] = judged_by(_FUNCTION, "FunctionName", self._all_actions() | bounds)

    def _all_actions(self) -> dict[str, Action]:
        named = "FunctionName! Namespace Qualifier"
        triggers = "FunctionName! TriggerName! Type! TriggerDesc Namespace Qualifier Enable CustomArgument Description"
        return {
            "CreateFunction": Action(
                parameter_table(
                    f"{FIELDS} Code!:object Type Tags:objects CodeSource",
                    f"{NOT_IMPLEMENTED} AsyncRunEnable TraceEnable AutoDeployClsTopicIndex AutoCreateClsTopic "
                    "ProtocolType",
                ),
                self._create,
                changes=True,
            ),
            "UpdateFunctionCode": Action(
                parameter_table(
                    "FunctionName! Handler ZipFile Namespace Code:object Publish CodeSource",
                    "CosBucketName CosObjectName CosBucketRegion InstallDependency EnvId",
                ),
                self._update_code,
                changes=True,
            ),
            "UpdateFunctionConfiguration": Action(
                parameter_table(
                    FIELDS.replace("Handler ", "") + " Publish IgnoreSysLog:bool", f"{NOT_IMPLEMENTED} L5Enable"
                ),
                self._update_configuration,
                changes=True,
            ),
            "GetFunction": Action(parameter_table(f"{named} ShowCode"), self._get),
            "GetFunctionAddress": Action(parameter_table(named), self._address),
            "ListFunctions": Action(
                parameter_table(
                    "Order Orderby Offset:int Limit:int SearchKey Namespace Description", "Filters:objects"
                ),
                self._list,
            ),
            "DeleteFunction": Action(parameter_table(named), self._delete, changes=True),
            "CreateTrigger": Action(parameter_table(triggers), self._create_trigger, changes=True),
            "UpdateTrigger": Action(parameter_table(triggers), self._update_trigger, changes=True),
            "DeleteTrigger": Action(
                parameter_table("FunctionName! TriggerName! Type! Namespace TriggerDesc Qualifier"),
                self._delete_trigger,
                changes=True,
            ),
            "ListTriggers": Action(
                parameter_table("FunctionName! Namespace Offset:int Limit:int OrderBy Order", "Filters:objects"),
                self._list_triggers,
            ),
            "GetFunctionEventInvokeConfig": Action(parameter_table(named), self._get_async),
            "UpdateFunctionEventInvokeConfig": Action(
                parameter_table("AsyncTriggerConfig!:object FunctionName! Namespace"), self._update_async, changes=True
            ),
            "Invoke": Action(
                parameter_table("FunctionName! InvocationType Qualifier ClientContext LogType Namespace", "RoutingKey"),
                self._invoke,
                changes=True,
            ),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            text = f"you are not authorized to perform operation (scf:{call.action})"
            return ApiError("AuthFailure.UnauthorizedOperation", text)
        if kind == "lock":
            return ApiError("FailedOperation.FunctionStatusError", "The function's state does not allow this.")
        return ApiError("InternalError.System", "An internal error has occurred.")

    def state(self) -> dict[str, Any]:
        return {one.host.spec.name: one.host.state() | told(one.configuration) for one in self._functions.every()}

    async def start(self) -> None:
        pass

    async def reset(self, world: World) -> None:
        self._world = world
        self._functions.begin(world)

    async def close(self) -> None:
        pass

    # Functions

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = given["FunctionName"]
        check_consent(self._identities, self._world)
        if not _NAME.fullmatch(name):
            raise invalid_value("FunctionName", "is malformed")
        if self._functions.takes_name(given, call):
            raise ApiError("ResourceInUse.FunctionName", "The function name is in use.")
        if given.get("Type", "Event") != "Event":
            raise ApiError("UnsupportedOperation", "The stand-in runs event functions.")
        tags = given.get("Tags", [])
        for tag in tags:
            validation.check_fields(tag, PAIR, unknown_field, "Tags")
        values = spec_fields(
            given,
            {"Runtime": "Python2.7", "MemorySize": 128, "Timeout": 3, "Role": ""},
            self._world,
        )
        check_role(self._identities, call, values["role"])
        check_logs(given, call.region or "", self._host.logs)
        validation.check_fields(given["Code"], CODE, unknown_field, "Code")
        folder, archive = await asyncio.to_thread(
            validation.unpack_zip_file, given["Code"]["ZipFile"], _CREATE_MB, invalid_value
        )
        assert call.region is not None
        spec = FunctionSpec("scf", call.region, name, given.get("Handler", "index.main_handler"), code=folder, **values)
        self._count += 1
        added = china_time(self._host.clock.now())
        deployed = FunctionRecord(
            self._host.add(spec),
            shown_configuration(given),
            tags,
            len(archive),
            _sha256(archive),
            self._count,
            added=added,
        )
        self._functions.add(deployed, fails=call.fault == "fail_task" or self._has_no_log(given))
        return {}

    def _has_no_log(self, given: Mapping[str, Any]) -> bool:
        """Whether SCF would create a log topic for the function, although the account never opened the log service."""
        return not given.get("ClsTopicId") and not self._identities.activated.cls and self._world.holds("I5")

    async def _update_code(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.changeable(given, call)
        if "Code" in given:
            validation.check_fields(given["Code"], CODE, unknown_field, "Code")
        text = given.get("ZipFile") or given.get("Code", {}).get("ZipFile")
        if text is None:
            raise ApiError("InvalidParameterValue.Code", "No code is given.")
        folder, archive = await asyncio.to_thread(validation.unpack_zip_file, text, _UPDATE_MB, invalid_value)
        handler = given.get("Handler", deployed.host.spec.handler)
        check_handler(handler)
        if not (fails := call.fault == "fail_task"):
            deployed.size, deployed.sha256 = len(archive), _sha256(archive)
            deployed.configuration["Handler"] = handler
            await self._host.change(deployed.host, code=folder, handler=handler)
        self._functions.hold(deployed, "Updating", fails=fails)
        return {}

    async def _update_configuration(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.changeable(given, call)
        said = changed_configuration(deployed.configuration, given, self._world)
        values = spec_fields(said, {}, self._world)
        if "Role" in given:
            check_role(self._identities, call, values["role"])
        check_logs(given, call.region or "", self._host.logs)
        if not (fails := call.fault == "fail_task"):
            await self._host.change(deployed.host, **values)
            deployed.configuration = said
        self._functions.hold(deployed, "Updating", fails=fails)
        return {}

    async def _get(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.found(given, call)
        triggers = [self._shown(one, call) for one in deployed.host.triggers.values()]
        return {
            **answered(deployed.configuration),
            **self._functions.shown(deployed),
            "FunctionName": deployed.host.spec.name,
            "FunctionId": f"lam-standin{deployed.number:02d}",
            "FunctionVersion": "$LATEST",
            "Qualifier": "$LATEST",
            "Namespace": "default",
            "CodeSize": deployed.size,
            "CodeResult": "success",
            "CodeInfo": "",
            "StatusDesc": "",
            "AvailableStatus": "Available",
            "Triggers": [{name: value for name, value in one.items() if name != "BoundResources"} for one in triggers],
            "AddTime": deployed.added,
            "ModTime": deployed.added,
        }

    async def _address(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.found(given, call)
        of_the_zip = self._world.holds("D16")
        return {
            "Url": f"https://code.standin.invalid/{deployed.host.spec.name}.zip",
            "CodeSha256": deployed.sha256 if of_the_zip else _sha256(deployed.sha256.encode()),
        }

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        found = self._functions.every(call.region)
        listed = [
            {
                **self._functions.shown(one),
                "FunctionName": one.host.spec.name,
                "FunctionId": f"lam-standin{one.number:02d}",
                "Runtime": one.configuration["Runtime"],
                "Namespace": "default",
                "Description": one.configuration["Description"],
                "Type": "Event",
                "AddTime": one.added,
                "ModTime": one.added,
            }
            for one in found
            if given.get("SearchKey", "") in one.host.spec.name
        ]
        return {"Functions": page(listed, given.get("Offset", 0), given.get("Limit", 20)), "TotalCount": len(listed)}

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.deletable(given, call)
        self._functions.hold(deployed, "Deleting", fails=call.fault == "fail_task")
        if not deployed.failed:
            await self._host.remove(deployed.host)
        return {}

    # Triggers

    async def _create_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.changeable(given, call)
        triggers = deployed.host.triggers
        if given["TriggerName"] in triggers:
            raise ApiError("ResourceInUse.TriggerName", "The trigger name is in use.")
        if sum(one.kind == given["Type"] for one in triggers.values()) >= _MOST_TRIGGERS:
            raise ApiError("LimitExceeded.Trigger", "There are 10 triggers of the type.")
        if given["Type"] == "http" and any(one.kind == "http" for one in triggers.values()):
            raise ApiError("ResourceInUse.Trigger", "The version has a function URL.")
        trigger = read_trigger(given, self._host.url_id() if given["Type"] == "http" else "", self._world)
        trigger.created_at = self._host.clock.now()
        trigger.address_at = trigger.created_at + self._world.planes_lag_s
        triggers[trigger.name] = trigger
        return {
            "TriggerInfo": {
                name: value for name, value in self._shown(trigger, call).items() if name != "BoundResources"
            }
        }

    async def _update_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.changeable(given, call)
        old = self._trigger(deployed, given)
        if given["Type"] not in ("timer", "ckafka", "http"):
            raise ApiError("UnsupportedOperation.Trigger", "Triggers of the type cannot be changed.")
        new = read_trigger({**old.request, **given}, old.url_id, self._world)
        if old.kind == "ckafka" and self._world.holds("D3"):
            keep_offset(new, old)
        new.served, new.created_at, new.address_at = old.served, old.created_at, old.address_at
        deployed.host.triggers[old.name] = new
        return {}

    async def _delete_trigger(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.changeable(given, call)
        del deployed.host.triggers[self._trigger(deployed, given).name]
        return {}

    async def _list_triggers(self, given: Mapping[str, Any], call: Call) -> Answer:
        shown = [self._shown(one, call) for one in self._functions.found(given, call).host.triggers.values()]
        return {"Triggers": page(shown, given.get("Offset", 0), given.get("Limit", 20)), "TotalCount": len(shown)}

    def _shown(self, trigger: Trigger, call: Call) -> dict[str, Any]:
        addressed = self._world.holds("D2") and self._host.clock.now() >= trigger.address_at
        return shown_trigger(trigger, call, addressed=addressed)

    def _trigger(self, deployed: FunctionRecord, given: Mapping[str, Any]) -> Trigger:
        trigger = deployed.host.triggers.get(given["TriggerName"])
        if trigger is None or trigger.kind != given["Type"]:
            raise ApiError("ResourceNotFound.Trigger", "The trigger does not exist.")
        return trigger

    # Asynchronous events and invocation

    async def _get_async(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed = self._functions.found(given, call)
        retry = [{"RetryNum": deployed.host.retries}]
        return {"AsyncTriggerConfig": {"RetryConfig": retry, "MsgTTL": deployed.ttl_s}}

    async def _update_async(self, given: Mapping[str, Any], call: Call) -> Answer:
        deployed, config = self._functions.found(given, call), given["AsyncTriggerConfig"]
        validation.check_fields(
            config, parameter_table("RetryConfig!:objects MsgTTL!:int"), unknown_field, "AsyncTriggerConfig"
        )
        for one in config["RetryConfig"]:
            validation.check_fields(
                one, parameter_table("RetryNum!:int"), unknown_field, "AsyncTriggerConfig.RetryConfig"
            )
        if len(config["RetryConfig"]) != 1 or not 0 <= config["RetryConfig"][0]["RetryNum"] <= _MOST_RETRIES:
            raise ApiError("LimitExceeded.RetryNum", "RetryNum is 0 to 2.")
        if not _TTL_S[0] <= config["MsgTTL"] <= _TTL_S[1]:
            raise ApiError("LimitExceeded.MsgTTL", "MsgTTL is 60 to 21600.")
        deployed.host.retries, deployed.ttl_s = config["RetryConfig"][0]["RetryNum"], config["MsgTTL"]
        return {}

    def _log(self, outcome: InvocationOutcome) -> str:
        """The log that Invoke shows: the platform's lines around the function's own."""
        lines = [f"START RequestId:{outcome.request_id}", outcome.log.rstrip("\n")]
        if self._world.holds("P6") and outcome.kind == "ok":
            lines.append(response_line(outcome))
        return "\n".join([*lines, f"END RequestId:{outcome.request_id}"])

    async def _invoke(self, given: Mapping[str, Any], call: Call) -> Answer:
        function = self._functions.running(given, call).host
        event = given.get("ClientContext", "{}")
        try:
            json.loads(event)
        except ValueError:
            raise ApiError("InvalidParameterValue.Param", "ClientContext is not JSON.") from None
        if given.get("InvocationType", "RequestResponse") == "Event":
            self._host.deliver_later(function, event.encode())
            return {"Result": {"FunctionRequestId": call.request_id, "RetMsg": "", "ErrMsg": "", "Log": ""}}
        outcome = await function.invoke(event.encode(), request_id=call.request_id)
        ended = outcome.kind == "ok"
        return {
            "Result": {
                "FunctionRequestId": outcome.request_id,
                "RetMsg": outcome.body.decode() if ended else json.dumps(outcome.error),
                "ErrMsg": "" if ended else str(outcome.error.get("errorMessage", "")),
                "Log": self._log(outcome) if given.get("LogType") == "Tail" else "",
                "MemUsage": outcome.memory_bytes,
                "Duration": round(outcome.seconds * 1000, 3),
                "BillDuration": int(outcome.seconds * 1000) + 1,
                "InvokeResult": 0 if ended else 1,
            }
        }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
