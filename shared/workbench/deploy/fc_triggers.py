"""FC's triggers: as serverless.yml wants them, as the API takes them, and as ListTriggers shows them.

An eventbridge trigger is written with all its six parts, which the schema of Serverless Devs' fc3 component asks for
(devsapp/fc3, src/schema.json). What it reads cannot be changed: the Terraform provider makes such a trigger anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.workbench.bundle.description import FunctionSpec, HttpTrigger, SmqTrigger, TimerTrigger
from shared.workbench.deploy.plan import MARK, TriggerState
from shared.workbench.deploy.shown import Value

_KINDS = {"http": "http", "timer": "timer", "eventbridge": "queue"}
_PUSHES = {3: "BACKOFF_RETRY", 176: "EXPONENTIAL_DECAY_RETRY"}


def triggers_of(spec: FunctionSpec) -> dict[str, HttpTrigger | TimerTrigger | SmqTrigger]:
    """A function's triggers by name."""
    every = (*((spec.http,) if spec.http else ()), *spec.timers, *spec.queues)
    return {one.name: one for one in every if isinstance(one, HttpTrigger | TimerTrigger | SmqTrigger)}


def trigger_request(spec: FunctionSpec, name: str, region: str) -> dict[str, Any]:
    """The fields of a trigger's request."""
    trigger = triggers_of(spec)[name]
    config: dict[str, Any]
    if isinstance(trigger, HttpTrigger):
        type_ = "http"
        config = {"authType": trigger.auth_type, "methods": list(trigger.methods), "disableURLInternet": False}
    elif isinstance(trigger, TimerTrigger):
        type_ = "timer"
        config = {"cronExpression": trigger.cron, "enable": trigger.enabled, "payload": trigger.message}
    else:
        type_, config = "eventbridge", _eventbridge(trigger, region)
    return {"triggerType": type_, "triggerConfig": json.dumps(config), "description": MARK}


def _eventbridge(trigger: SmqTrigger, region: str) -> dict[str, Any]:
    source = {"QueueName": trigger.queue, "RegionId": region, "IsBase64Decode": True}
    return {
        "triggerEnable": trigger.enabled,
        "asyncInvocationType": False,
        "eventRuleFilterPattern": "{}",
        "eventSourceConfig": {"eventSourceType": "MNS", "eventSourceParameters": {"sourceMNSParameters": source}},
        "eventSinkConfig": {"deliveryOption": {"eventSchema": "CloudEvents"}},
        "runOptions": {
            "mode": "event-streaming",
            "batchWindow": {"CountBasedWindow": trigger.batch, "TimeBasedWindow": 0},
            "retryStrategy": {"PushRetryStrategy": _PUSHES[trigger.retries]},
            "errorsTolerance": "ALL",  # with NONE, one poison message would hold up all behind it
        },
    }


def wanted_trigger(trigger: HttpTrigger | TimerTrigger | SmqTrigger) -> TriggerState:
    """A trigger as it will read back."""
    settings: dict[str, Value]
    if isinstance(trigger, HttpTrigger):
        settings = {"auth": trigger.auth_type, "methods": ",".join(trigger.methods), "public": True}
        return TriggerState(trigger.name, "http", settings)
    if isinstance(trigger, TimerTrigger):
        settings = {"cron": trigger.cron, "enabled": trigger.enabled, "message": trigger.message}
        return TriggerState(trigger.name, "timer", settings)
    settings = {
        "source": "MNS",
        "queue": trigger.queue,
        "batch": trigger.batch,
        "retries": _PUSHES[trigger.retries],
        "on errors": "ALL",
        "enabled": trigger.enabled,
    }
    return TriggerState(trigger.name, "queue", settings, fixed=("source", "queue"))


def read_trigger(shown: Mapping[str, Any]) -> TriggerState:
    """A trigger as the platform shows it."""
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
        return TriggerState(name, kind, settings, ours, (shown.get("httpTrigger") or {}).get("urlInternet") or None)
    if kind == "timer":
        message = config.get("payload") or ""
        settings = {"cron": config.get("cronExpression"), "enabled": config.get("enable"), "message": message}
    elif kind == "queue":
        source = config.get("eventSourceConfig") or {}
        mns = (source.get("eventSourceParameters") or {}).get("sourceMNSParameters") or {}
        run = config.get("runOptions") or {}
        settings = {
            "source": source.get("eventSourceType"),
            "queue": mns.get("QueueName"),
            "batch": (run.get("batchWindow") or {}).get("CountBasedWindow"),
            "retries": (run.get("retryStrategy") or {}).get("PushRetryStrategy"),
            "on errors": run.get("errorsTolerance"),
            "enabled": config.get("triggerEnable"),
        }
    return TriggerState(name, kind, settings, ours)
