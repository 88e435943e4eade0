"""FC's triggers, as its API accepts and shows them; `triggerConfig` is JSON text.

An eventbridge trigger must have six parts: src/schema.json of devsapp/fc3@4ca1c1b requires them all.

Claims: E2, E5.
"""

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
from tests.cloud.state.world import World
from tests.cloud.wire.service import ApiError, parameter_table

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_TABLES = {
    "http": parameter_table("authType! methods!:strs disableURLInternet:bool", "authConfig corsConfig:object"),
    "timer": parameter_table("cronExpression! enable!:bool payload"),
    "eventbridge": parameter_table(
        "eventSourceConfig!:object runOptions!:object triggerEnable!:bool asyncInvocationType!:bool "
        "eventSinkConfig!:object eventRuleFilterPattern!"
    ),
}
_SOME_PARTS = parameter_table("eventSourceConfig!:object runOptions:object triggerEnable:bool")
_SINK = parameter_table("deliveryOption!:object")
_DELIVERY = parameter_table("eventSchema concurrency:int")
_RUN = parameter_table("mode batchWindow:object retryStrategy:object errorsTolerance deadLetterQueue:object")
_SOURCE = parameter_table("eventSourceType! eventSourceParameters:object")
_MNS = parameter_table("QueueName! RegionId IsBase64Decode:bool")


def read_trigger(given: Mapping[str, Any], url_id: str, world: World) -> Trigger:
    """The trigger in a request. An EventBridge trigger must read an SMQ queue. Raises: ApiError."""
    kind, name = given["triggerType"], given["triggerName"]
    if not _NAME.fullmatch(name):
        raise invalid("triggerName", "is malformed")
    if kind not in _TABLES:
        raise ApiError("UnsupportedOperation", "The stand-in has http, timer and eventbridge triggers.")
    try:
        config = json.loads(given["triggerConfig"])
    except ValueError:
        raise invalid("triggerConfig", "is not JSON") from None
    if not isinstance(config, dict):
        raise invalid("triggerConfig", "is no object")
    table = _TABLES[kind] if kind != "eventbridge" or world.holds("E2") else _SOME_PARTS
    validation.check_fields(config, table, invalid, "triggerConfig")
    said = dict(given)
    if kind == "http":
        if config["authType"] not in ("anonymous", "function"):
            raise invalid("triggerConfig.authType", "is not anonymous or function")
        return Trigger("http", name, not config.get("disableURLInternet", False), config, said, url_id)
    if kind == "timer":
        expression = config["cronExpression"]
        if not expression.startswith("@every ") and not validation.is_cron(re.sub(r"^CRON_TZ=\S+ ", "", expression), 6):
            raise invalid("triggerConfig.cronExpression", "has not six fields")
        return Trigger("timer", name, config["enable"], {"message": config.get("payload", ""), **config}, said)
    source = config["eventSourceConfig"]
    validation.check_fields(source, _SOURCE, invalid, "eventSourceConfig")
    parameters = source.get("eventSourceParameters", {})
    if source["eventSourceType"] != "MNS" or parameters.keys() != {"sourceMNSParameters"}:
        raise ApiError("UnsupportedOperation", "The stand-in's EventBridge reads SMQ queues.")
    validation.check_fields(parameters["sourceMNSParameters"], _MNS, invalid, "sourceMNSParameters")
    sink = config.get("eventSinkConfig", {"deliveryOption": {}})
    validation.check_fields(sink, _SINK, invalid, "eventSinkConfig")
    validation.check_fields(sink["deliveryOption"], _DELIVERY, invalid, "deliveryOption")
    if sink["deliveryOption"].get("eventSchema", "CloudEvents") != "CloudEvents" or config.get("asyncInvocationType"):
        raise ApiError("UnsupportedOperation", "The stand-in's EventBridge gives CloudEvents, and waits.")
    run = config.get("runOptions", {})
    validation.check_fields(run, _RUN, invalid, "runOptions")
    validation.check_fields(
        run.get("retryStrategy", {}), parameter_table("PushRetryStrategy!"), invalid, "retryStrategy"
    )
    validation.check_fields(
        run.get("batchWindow", {}), parameter_table("CountBasedWindow:int TimeBasedWindow:int"), invalid, "batchWindow"
    )
    options = {
        "queue": parameters["sourceMNSParameters"]["QueueName"],
        "batch": run.get("batchWindow", {}).get("CountBasedWindow", 1),
        "retry": {"EXPONENTIAL_DECAY_RETRY": 176}.get(run.get("retryStrategy", {}).get("PushRetryStrategy", ""), 3),
        "tolerant": run.get("errorsTolerance", "NONE") == "ALL",
    }
    return Trigger("mns", name, config.get("triggerEnable", True), options, said)


def keep_source(trigger: Trigger, before: Trigger) -> None:
    """Keep the queue: an update cannot change it.

    Sources: devsapp/fc#750, and the Terraform provider, which creates such a

    trigger again instead.
    """
    old = json.loads(before.request["triggerConfig"])["eventSourceConfig"]
    config = {**json.loads(trigger.request["triggerConfig"]), "eventSourceConfig": old}
    trigger.request["triggerConfig"] = json.dumps(config)
    trigger.options["queue"] = before.options["queue"]


def shown_trigger(trigger: Trigger, spec: FunctionSpec, *, addressed: bool) -> dict[str, Any]:
    """A trigger as GetTrigger shows it. `addressed`: whether its address is shown."""
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
        shown["httpTrigger"] = {"urlInternet": f"https://{host}" if addressed else "", "urlIntranet": ""}
    return shown


def invalid(name: str, why: str) -> ApiError:
    """The error for a value that the API refuses."""
    return ApiError("InvalidArgument", f"{name} {why}", 400)
