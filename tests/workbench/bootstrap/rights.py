"""Policies of the person who calls, and which rights the stand-in's API asks for."""

from __future__ import annotations

from typing import Any

from shared.workbench.bundle.description import Cloud
from tests.cloud.client.standin import Standin

_PRODUCTS = {"mns-open": "mns", "eventbridge-console": "eventbridge", "r-kvstore": "kvstore"}
_CALLED_OTHERWISE = {
    "eventbridge:CreateServiceLinkedRoleForProduct": "ram:CreateServiceLinkedRole",
    "fc:InvokeHTTPTrigger": "fc:InvokeFunction",
}


def all_but(cloud: Cloud, right: str) -> dict[str, Any]:
    """A policy that allows everything except one right."""
    rows = (("allow", "*"), ("deny", right))
    if cloud == "tencent":
        parts = [{"effect": effect, "action": action, "resource": "*"} for effect, action in rows]
        return {"version": "2.0", "statement": parts}
    named = [{"Effect": effect.capitalize(), "Action": action, "Resource": "*"} for effect, action in rows]
    return {"Version": "1", "Statement": named}


def rights_asked_for(cloud: Standin, *, since: int = 0) -> set[str]:
    """The rights of every call that the stand-in saw after the first `since`; that of passing a role is not told."""
    found = {f"{_product(one['Host'])}:{one['Action']}" for one in cloud.calls()[since:]}
    return {_CALLED_OTHERWISE.get(one, one) for one in found}


def _product(host: str) -> str:
    parts = host.split(".")
    ends = {"tencentscf": "scf", "fcapp": "fc", "log": "log", "mns": "mns", "fc": "fc", "fcv3": "fc"}
    inner = next((ends[part] for part in parts if part in ends), "")
    return inner or _PRODUCTS.get(parts[0], parts[0].removesuffix("-vpc"))
