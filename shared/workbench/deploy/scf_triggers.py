"""SCF's triggers: as serverless.yml wants them, as the API takes them, and as ListTriggers shows them.

Sources: https://cloud.tencent.com/document/product/583/39901 (2024-10-29), 583/34880, 583/100227 and, of UpdateTrigger,
583/96828. A timer's TriggerDesc is written as the bare expression and shown as JSON; an offset cannot be changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.workbench.bundle.description import CkafkaTrigger, FunctionSpec, HttpTrigger, TimerTrigger
from shared.workbench.deploy.plan import MARK, TriggerState
from shared.workbench.deploy.shown import Value

QUALIFIER = "$DEFAULT"
_KINDS = {"http": "http", "timer": "timer", "ckafka": "queue"}


def scf_type(kind: str) -> str:
    """SCF's own word for a kind of trigger."""
    return next((theirs for theirs, ours in _KINDS.items() if ours == kind), kind)


def triggers_of(spec: FunctionSpec) -> dict[str, HttpTrigger | TimerTrigger | CkafkaTrigger]:
    """A function's triggers by name."""
    every = (*((spec.http,) if spec.http else ()), *spec.timers, *spec.queues)
    return {one.name: one for one in every if isinstance(one, HttpTrigger | TimerTrigger | CkafkaTrigger)}


def trigger_request(spec: FunctionSpec, name: str) -> dict[str, Any]:
    """The request for a trigger."""
    trigger = triggers_of(spec)[name]
    extra: dict[str, Any] = {"Enable": "OPEN"}
    if isinstance(trigger, HttpTrigger):
        net = {"EnableIntranet": False, "EnableExtranet": True}
        type_, desc = "http", _json({"AuthType": trigger.auth_type, "NetConfig": net})
    elif isinstance(trigger, TimerTrigger):
        type_, desc = "timer", trigger.cron
        extra = {"Enable": "OPEN" if trigger.enabled else "CLOSE", "CustomArgument": trigger.message}
    else:
        type_, extra = "ckafka", {"Enable": "OPEN" if trigger.enabled else "CLOSE"}
        numbers = {"maxMsgNum": trigger.batch, "retry": trigger.retries, "timeOut": trigger.wait_s}
        desc = _json({**numbers, "offset": trigger.offset})
    return {
        "FunctionName": spec.name,
        "Namespace": "default",
        "TriggerName": name,
        "Type": type_,
        "TriggerDesc": desc,
        "Qualifier": QUALIFIER,
        "Description": MARK,
        **extra,
    }


def _json(desc: Mapping[str, Any]) -> str:
    return json.dumps(desc, separators=(",", ":"))


def wanted_trigger(name: str, trigger: HttpTrigger | TimerTrigger | CkafkaTrigger) -> TriggerState:
    """A trigger as it will read back."""
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
    return TriggerState(name, "queue", settings, fixed=("offset",))


def read_trigger(shown: Mapping[str, Any]) -> TriggerState:
    """A trigger as the platform shows it."""
    name, kind = str(shown.get("TriggerName")), _KINDS.get(str(shown.get("Type")), str(shown.get("Type")))
    ours = shown.get("Description") == MARK
    desc = _desc(shown.get("TriggerDesc") or "{}")
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
        numbers: dict[str, Value] = {"batch": _number(desc.get("maxMsgNum")), "retries": _number(desc.get("retry"))}
        numbers |= {"wait s": _number(desc.get("timeOut")), "enabled": enabled}
        numbers |= {"offset": str(desc["offset"])} if desc.get("offset") else {}
        return TriggerState(name, kind, numbers, ours)
    return TriggerState(name, kind, {}, ours)


def _desc(text: str) -> dict[str, Any]:
    """TriggerDesc; what is no JSON object is taken for a timer's bare expression."""
    try:
        desc = json.loads(text)
    except ValueError:
        desc = None
    return desc if isinstance(desc, dict) else {"cron": text}


def _number(value: Any) -> Any:
    """A number that may come back as text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value
