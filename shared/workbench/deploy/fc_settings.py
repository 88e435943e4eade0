"""Parts of a function of FC as serverless.yml says them, and as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.workbench.bundle.description import FunctionSpec, Logs, Network
from shared.workbench.deploy.plan import LOG_RULE, LOGS
from shared.workbench.deploy.shown import Value

WHOLE = "None"
"""The rule by which lines are not joined: each of keyturn's is one JSON document."""


def wanted_destinations(spec: FunctionSpec) -> dict[str, Value]:
    """Where what became of an asynchronous event is to go."""
    ends = spec.destinations
    return {"on success": ends.on_success if ends else None, "on failure": ends.on_failure if ends else None}


def shown_network(config: Mapping[str, Any]) -> str | None:
    """A private network, of `vpcConfig`."""
    subnets = tuple(config.get("vSwitchIds") or ())
    return str(Network(config["vpcId"], subnets, config.get("securityGroupId") or "")) if config.get("vpcId") else None


def shown_logs(config: Mapping[str, Any]) -> dict[str, Value]:
    """A place for lines, of `logConfig`."""
    logs = Logs(config.get("project") or "", config.get("logstore") or "")
    return {LOGS: str(logs), LOG_RULE: config.get("logBeginRule") or WHOLE} if logs.group or logs.topic else {}
