"""Roles and policies of Alibaba Cloud's RAM.

Source: RAM 2015-05-01 (models of the SDK).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallRefused
from shared.workbench.bootstrap.needs import Role
from shared.workbench.bootstrap.resources import ApiCall, as_text
from shared.workbench.bootstrap.roles import FunctionRole, Kept

_ROTATE = {"SetAsDefault": "true", "RotateStrategy": "DeleteOldestNonDefaultVersionWhenLimitExceeded"}


def ram_role(api: AlibabaApi, role: Role, mark: str) -> FunctionRole:
    """A role of RAM as bootstrap knows it."""
    return FunctionRole(Ram(api, mark), role, mark)


def ram_calls(role: Role, mark: str) -> list[ApiCall]:
    """A role, its policy and the two joined."""
    told = {"Description": f"{mark}, for {role.function}"}
    named = {"RoleName": role.name, "AssumeRolePolicyDocument": as_text(role.trust)}
    calls = [ApiCall("ram", "CreateRole", {**named, **told})]
    if role.policy:
        named = {"PolicyName": role.policy_name, "PolicyDocument": as_text(role.policy)}
        calls.append(ApiCall("ram", "CreatePolicy", {**named, **told}))
        joined = {"PolicyType": "Custom", "PolicyName": role.policy_name, "RoleName": role.name}
        calls.append(ApiCall("ram", "AttachPolicyToRole", joined))
    return calls


class Ram:
    """RAM's calls, as FunctionRole makes them."""

    def __init__(self, api: AlibabaApi, mark: str) -> None:
        self._api, self._mark = api, mark

    def creation(self, role: Role) -> list[ApiCall]:
        return ram_calls(role, self._mark)

    def do(self, call: ApiCall) -> None:
        self._api.call(call.service, call.action, call.parameters)

    def role(self, name: str) -> Kept | None:
        found = self._ask("GetRole", {"RoleName": name}, "Role")
        return Kept(found["AssumeRolePolicyDocument"], found.get("Description") or "") if found else None

    def policy(self, name: str) -> Kept | None:
        answer = self._ask("GetPolicy", {"PolicyType": "Custom", "PolicyName": name})
        if answer is None:
            return None
        return Kept(answer["DefaultPolicyVersion"]["PolicyDocument"], answer["Policy"].get("Description") or "")

    def attached(self, role: str) -> dict[str, str]:
        """Each with its type."""
        answer = self._api.call("ram", "ListPoliciesForRole", {"RoleName": role})
        return {one["PolicyName"]: one["PolicyType"] for one in answer["Policies"]["Policy"]}

    def set_trust(self, role: str, document: Mapping[str, Any]) -> None:
        self._api.call("ram", "UpdateRole", {"RoleName": role, "NewAssumeRolePolicyDocument": as_text(document)})

    def rewrite(self, policy: str, document: Mapping[str, Any]) -> None:
        named = {"PolicyName": policy, "PolicyDocument": as_text(document)}
        self._api.call("ram", "CreatePolicyVersion", {**named, **_ROTATE})

    def detach(self, role: str, policy: str, known: str) -> None:
        named = {"PolicyType": known, "PolicyName": policy, "RoleName": role}
        self._api.call("ram", "DetachPolicyFromRole", named)

    def delete_role(self, role: str) -> None:
        self._api.call("ram", "DeleteRole", {"RoleName": role})

    def delete_policy(self, policy: str) -> None:
        self._api.call("ram", "DeletePolicy", {"PolicyName": policy, "CascadingDelete": "true"})

    def _ask(self, action: str, asked: dict[str, str], part: str = "") -> dict[str, Any] | None:
        """The answer or a part of it; None if there is no such thing."""
        try:
            answer = self._api.call("ram", action, asked)
        except CallRefused as refused:
            if "NotExist" in refused.code:
                return None
            raise
        found: dict[str, Any] = answer[part] if part else answer
        return found
