"""A function's configuration as FC's API takes it.

Claims: D9, F1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.alibaba.fc_triggers import invalid
from tests.cloud.functions import validation
from tests.cloud.state.log_places import LogPlaces
from tests.cloud.state.world import World
from tests.cloud.wire.service import parameter_table

_HANDLER = re.compile(r"[A-Za-z0-9_./-]{1,120}\.[A-Za-z_][A-Za-z0-9_]*")
_ROLE = re.compile(r"acs:ram::[0-9]{1,32}:role/[A-Za-z0-9.-]{1,64}")
_RUNTIMES = {"python3.10": "3.10", "python3.12": "3.12"}
_LOG_CONFIG = parameter_table(
    "project logstore logBeginRule", "enableInstanceMetrics:bool enableRequestMetrics:bool enableLlmMetrics:bool"
)
_NETWORK = parameter_table("vpcId vSwitchIds:strs securityGroupId role")
_PROJECT, _LOGSTORE = (re.compile(rf"[a-z0-9][a-z0-9{more}-]{{1,61}}[a-z0-9]") for more in ("", "_"))

FIELDS = (
    "description environmentVariables:object handler instanceConcurrency:int memorySize:int role runtime timeout:int "
    "code:object internetAccess:bool diskSize:int cpu:number logConfig:object vpcConfig:object"
)
NOT_IMPLEMENTED = (
    "customContainerConfig:object customDNS:object customRuntimeConfig:object disableInjectCredentials "
    "disableOndemand:bool enableLongLiving:bool gpuConfig:object idleTimeout:int instanceIsolationMode "
    "instanceLifecycleConfig:object juiceFsConfig:object layers:strs microSandboxConfig:object "
    "nasConfig:object ossMountConfig:object polarFsConfig:object sessionAffinity sessionAffinityConfig "
    "tracingConfig:object"
)


def spec_fields(said: Mapping[str, Any], world: World) -> dict[str, Any]:
    """The fields of FunctionSpec in a configuration. Raises: ApiError."""
    for name in ("handler", "runtime"):
        if name not in said:
            raise invalid(name, "is required")
    if not _HANDLER.fullmatch(said["handler"]):
        raise invalid("handler", "is not file.method")
    if said["runtime"] not in _RUNTIMES:
        raise invalid("runtime", f"is none that the stand-in runs: {', '.join(_RUNTIMES)}")
    if said["memorySize"] % 64 or not 128 <= said["memorySize"] <= 32_768:
        raise invalid("memorySize", "is not 128 to 32768 in steps of 64")
    if not 1 <= said["timeout"] <= 86_400 or not 1 <= said["instanceConcurrency"] <= 200:
        raise invalid("timeout or instanceConcurrency", "is out of range")
    role, environment = said.get("role", ""), said.get("environmentVariables", {})
    if role and not _ROLE.fullmatch(role):
        raise invalid("role", "is no role's ARN")
    net, log = said.get("vpcConfig", {}), said.get("logConfig", {})
    validation.check_fields(net, _NETWORK, invalid, "vpcConfig")
    if not all(net.get(part) for part in ("vpcId", "vSwitchIds", "securityGroupId")) and any(net.values()):
        raise invalid("vpcConfig", "is not a VPC with its vSwitches and a security group")
    _check_logs(log)
    if not all(isinstance(value, str) for value in environment.values()):
        raise invalid("environmentVariables", "holds something else than text")
    return {
        "handler": said["handler"],
        "runtime": _RUNTIMES[said["runtime"]],
        "memory_mb": said["memorySize"],
        "timeout_s": said["timeout"],
        "environment": validation.check_environment(environment, ("FC_", "ALIBABA_CLOUD_"), invalid),
        "concurrency": said["instanceConcurrency"],
        "fresh_context": world.holds("F1"),
        "role": role.rpartition("/")[2],
        "log_place": f"{log['project']}/{log['logstore']}" if log.get("project") else "",
    }


def check_logstore(given: Mapping[str, Any], region: str, logs: LogPlaces) -> None:
    """Raises: ApiError: the function's Logstore does not exist.

    Claims: L3.
    """
    log = given.get("logConfig", {})
    if log.get("project") and not logs.has_logstore(region, log["project"], log["logstore"]):
        raise invalid("logConfig", "names a project or a Logstore that does not exist")


def stated(given: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a request that is configuration."""
    return {name: value for name, value in given.items() if name not in ("functionName", "code", "tags")}


def _check_logs(given: Mapping[str, Any]) -> None:
    """Check that the log settings name a project and a Logstore, or neither. Neither ends logging."""
    validation.check_fields(given, _LOG_CONFIG, invalid, "logConfig")
    project, logstore = given.get("project", ""), given.get("logstore", "")
    if (project or logstore) and not (_PROJECT.fullmatch(project) and _LOGSTORE.fullmatch(logstore)):
        raise invalid("logConfig", "is not a project and a logstore")
    if given.get("logBeginRule", "None") not in ("None", "DefaultRegex"):
        raise invalid("logConfig.logBeginRule", "is None or DefaultRegex")
