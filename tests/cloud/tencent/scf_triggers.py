"""SCF's triggers, as its API accepts, shows and refuses them.

TriggerDesc is JSON text. A timer's is written as the bare expression, but shown as JSON:
https://cloud.tencent.com/document/product/583/39901 (2024-10-29), 583/34880, 583/9708 (names, CustomArgument).

Claims: D1, D2, D3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.functions import validation
from tests.cloud.functions.host import Trigger
from tests.cloud.functions.urls import scf_url_host
from tests.cloud.state.world import World
from tests.cloud.wire.service import ApiError, Call, parameter_table

_TRIGGER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_TIMER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_ARGUMENT_BYTES = 4096
_HTTP = parameter_table("AuthType! NetConfig:object")
_NET = parameter_table("EnableIntranet:bool EnableExtranet:bool")
_TIMER = parameter_table("cron!")
_CKAFKA = parameter_table("maxMsgNum!:int offset! retry:int timeOut:int consumerGroupName")


def read_trigger(given: Mapping[str, Any], url_id: str, world: World) -> Trigger:
    """The trigger in a request. Raises: ApiError."""
    kind, name = given["Type"], given["TriggerName"]
    if not (_TIMER_NAME if kind == "timer" else _TRIGGER).fullmatch(name):
        raise invalid_value("TriggerName", "is malformed")
    if kind not in ("http", "timer", "ckafka"):
        raise ApiError("UnsupportedOperation.Trigger", "The stand-in has http, timer and ckafka triggers.")
    desc = _desc(given.get("TriggerDesc", ""), bare=kind == "timer" and world.holds("D1"))
    validation.check_fields(
        desc, {"http": _HTTP, "timer": _TIMER, "ckafka": _CKAFKA}[kind], _trigger_desc, "TriggerDesc"
    )
    if kind == "http":
        validation.check_fields(desc.get("NetConfig", {}), _NET, _trigger_desc, "TriggerDesc.NetConfig")
        if desc["AuthType"] not in ("CAM", "NONE"):
            raise invalid_value("TriggerDesc", "has an unknown AuthType")
    if kind == "timer" and not validation.is_cron(desc["cron"], 7):
        raise ApiError("InvalidParameterValue.TriggerCronConfig", "A timer takes seven cron fields.")
    if kind == "ckafka" and not (1 <= desc["maxMsgNum"] <= 10_000 and 0 <= desc.get("retry", 0) <= 10_000):
        raise invalid_value("TriggerDesc", "is out of range")
    if len(given.get("CustomArgument", "").encode()) > _ARGUMENT_BYTES:
        raise invalid_value("CustomArgument", "is over 4 KB")
    if "CustomArgument" in given and kind != "timer" and given["CustomArgument"]:
        raise invalid_value("CustomArgument", "is for timers only")
    if given.get("Enable", "OPEN") not in ("OPEN", "CLOSE"):
        raise invalid_value("Enable", "is OPEN or CLOSE")
    options = dict(desc)
    if kind == "timer":
        options["message"] = given.get("CustomArgument", "")
    return Trigger(kind, name, given.get("Enable", "OPEN") == "OPEN", options, dict(given), url_id)


def _desc(text: str, *, bare: bool) -> dict[str, Any]:
    if bare:
        return {"cron": text}
    try:
        desc = json.loads(text)
    except ValueError:
        desc = None
    if not isinstance(desc, dict):
        raise invalid_value("TriggerDesc", "is not JSON")
    return desc


def keep_offset(trigger: Trigger, before: Trigger) -> None:
    """Keep the offset: UpdateTrigger does not change it, https://cloud.tencent.com/document/product/583/96828."""
    trigger.options["offset"] = before.options["offset"]


def shown_trigger(trigger: Trigger, call: Call, *, addressed: bool) -> dict[str, Any]:
    """TriggerInfo. `addressed`: whether its address is shown."""
    said = trigger.request
    desc = {name: value for name, value in trigger.options.items() if name != "message"}
    if trigger.kind == "http":
        net = {"EnableIntranet": False, "EnableExtranet": True, **desc.get("NetConfig", {})}
        url = f"https://{scf_url_host(trigger.url_id, call.region or '')}"
        net["ExtranetUrl"] = url if net["EnableExtranet"] and addressed else ""
        desc = {**desc, "NetConfig": net}
    return {
        "Type": trigger.kind,
        "TriggerName": trigger.name,
        "TriggerDesc": json.dumps(desc, separators=(",", ":")),
        "Enable": int(trigger.enabled),
        "Qualifier": said.get("Qualifier", "$LATEST"),
        "AvailableStatus": "Available",
        "CustomArgument": said.get("CustomArgument", ""),
        "Description": said.get("Description", ""),
        "BindStatus": "",
        "ResourceId": "",
        "TriggerAttribute": "",
        "AddTime": "2026-01-01 00:00:00",
        "ModTime": "2026-01-01 00:00:00",
        "BoundResources": "",
    }


def invalid_value(name: str, why: str) -> ApiError:
    """The error for a bad value of a parameter."""
    return ApiError(f"InvalidParameterValue.{name}", f"{name} {why}.")


def unknown_field(name: str, why: str) -> ApiError:
    """The error for an unknown field, or one of the wrong type."""
    return ApiError("UnknownParameter" if "not a field" in why else "InvalidParameter", f"`{name}` {why}.")


def _trigger_desc(name: str, why: str) -> ApiError:
    return ApiError("InvalidParameterValue.TriggerDesc", f"`{name}` {why}.")


def invalid_environment(name: str, why: str) -> ApiError:
    """The error for a bad environment variable."""
    code = {"is reserved by the platform": "EnvironmentSystemProtect"}.get(why)
    return ApiError(f"InvalidParameterValue.{code or ('EnvironmentExceededLimit' if not name else 'Environment')}", why)
