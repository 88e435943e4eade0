"""FC's triggers as its API takes and shows them; `triggerConfig` is JSON text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.functions import validation
from tests.cloud.functions.host import Trigger
from tests.cloud.functions.instance_process import FunctionSpec
from tests.cloud.functions.urls import fc_url_host
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.wire.service import ApiError, parameter_table

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_TABLES = {
    "http": parameter_table("authType! methods!:strs disableURLInternet:bool", "authConfig corsConfig:object"),
    "timer": parameter_table("cronExpression! enable!:bool payload"),
    "eventbridge": parameter_table(
        "eventSourceConfig!:object runOptions:object triggerEnable:bool",
        "asyncInvocationType:bool eventSinkConfig:object eventRuleFilterPattern",
    ),
}
_RUN = parameter_table("mode batchWindow:object retryStrategy:object errorsTolerance deadLetterQueue:object")
_SOURCE = parameter_table("eventSourceType! eventSourceParameters:object")
_MNS = parameter_table("QueueName! RegionId IsBase64Decode:bool")


def read_trigger(given: Mapping[str, Any], url_id: str) -> Trigger:
    """A trigger from its request; an EventBridge one must read an SMQ queue. Raises: ApiError."""
    kind, name = given["triggerType"], given["triggerName"]
    if not _NAME.fullmatch(name):
        raise _invalid("triggerName", "is malformed")
    if kind not in _TABLES:
        raise ApiError("UnsupportedOperation", "The stand-in has http, timer and eventbridge triggers.")
    try:
        config = json.loads(given["triggerConfig"])
    except ValueError:
        raise _invalid("triggerConfig", "is not JSON") from None
    if not isinstance(config, dict):
        raise _invalid("triggerConfig", "is no object")
    validation.check_fields(config, _TABLES[kind], _invalid, "triggerConfig")
    said = dict(given)
    if kind == "http":
        if config["authType"] not in ("anonymous", "function"):
            raise _invalid("triggerConfig.authType", "is not anonymous or function")
        return Trigger("http", name, not config.get("disableURLInternet", False), config, said, url_id)
    if kind == "timer":
        expression = config["cronExpression"]
        if not expression.startswith("@every ") and not validation.is_cron(re.sub(r"^CRON_TZ=\S+ ", "", expression), 6):
            raise _invalid("triggerConfig.cronExpression", "has not six fields")
        return Trigger("timer", name, config["enable"], {"message": config.get("payload", ""), **config}, said)
    source = config["eventSourceConfig"]
    validation.check_fields(source, _SOURCE, _invalid, "eventSourceConfig")
    parameters = source.get("eventSourceParameters", {})
    if source["eventSourceType"] != "MNS" or parameters.keys() != {"sourceMNSParameters"}:
        raise ApiError("UnsupportedOperation", "The stand-in's EventBridge reads SMQ queues.")
    validation.check_fields(parameters["sourceMNSParameters"], _MNS, _invalid, "sourceMNSParameters")
    run = config.get("runOptions", {})
    validation.check_fields(run, _RUN, _invalid, "runOptions")
    validation.check_fields(
        run.get("retryStrategy", {}), parameter_table("PushRetryStrategy!"), _invalid, "retryStrategy"
    )
    validation.check_fields(
        run.get("batchWindow", {}), parameter_table("CountBasedWindow:int TimeBasedWindow:int"), _invalid, "batchWindow"
    )
    options = {
        "queue": parameters["sourceMNSParameters"]["QueueName"],
        "batch": run.get("batchWindow", {}).get("CountBasedWindow", 1),
        "retry": {"EXPONENTIAL_DECAY_RETRY": 176}.get(run.get("retryStrategy", {}).get("PushRetryStrategy", ""), 3),
        "tolerant": run.get("errorsTolerance", "NONE") == "ALL",
    }
    return Trigger("mns", name, config.get("triggerEnable", True), options, said)


def shown_trigger(trigger: Trigger, spec: FunctionSpec) -> dict[str, Any]:
    """A trigger as GetTrigger shows it."""
    said = trigger.request
    shown = {
        "triggerName": trigger.name,
        "triggerType": said["triggerType"],
        "triggerConfig": said["triggerConfig"],
        "triggerId": f"standin-{spec.name}-{trigger.name}",
        "description": said.get("description", ""),
        "invocationRole": said.get("invocationRole", ""),
        "sourceArn": said.get("sourceArn", ""),
        "qualifier": said.get("qualifier", "LATEST"),
        "status": "",
        "targetArn": f"acs:fc:{spec.region}:{ALIBABA_ACCOUNT}:functions/{spec.name}",
        "createdTime": "2026-01-01T00:00:00Z",
        "lastModifiedTime": "2026-01-01T00:00:00Z",
    }
    if trigger.kind == "http":
        host = fc_url_host(trigger.url_id, spec.region)
        shown["httpTrigger"] = {"urlInternet": f"https://{host}", "urlIntranet": ""}
    return shown


def _invalid(name: str, why: str) -> ApiError:
    return ApiError("InvalidArgument", f"{name} {why}", 400)
