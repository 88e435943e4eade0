"""Roles and policies of Tencent Cloud's CAM.

Source: CAM 2019-01-16 (models and error codes of the SDKs 3.1.18x and 3.1.19x).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.workbench.apis.calls import CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.needs import Needs, Role
from shared.workbench.bootstrap.resources import TAG, ApiCall, as_text
from shared.workbench.bootstrap.roles import FunctionRole, Kept

_PAGE = 100


def cam_role(api: TencentApi, role: Role, needs: Needs) -> FunctionRole:
    """A role of CAM as bootstrap knows it."""
    return FunctionRole(Cam(api, needs.service, needs.mark), role, needs.mark)


def cam_calls(role: Role, service: str, mark: str) -> list[ApiCall]:
    """A role, its policy and the two joined."""
    told = f"{mark}, for {role.function}"
    named = {"RoleName": role.name, "PolicyDocument": as_text(role.trust)}
    tags = [{"Key": TAG, "Value": service}]
    calls = [ApiCall("cam", "CreateRole", {**named, "Description": told, "Tags": tags})]
    if role.policy:
        named = {"PolicyName": role.policy_name, "PolicyDocument": as_text(role.policy)}
        calls.append(ApiCall("cam", "CreatePolicy", {**named, "Description": told}))
        joined = {"AttachRoleName": role.name, "PolicyName": role.policy_name}
        calls.append(ApiCall("cam", "AttachRolePolicy", joined))
    return calls


class Cam:
    """CAM's calls, as FunctionRole makes them."""

    def __init__(self, api: TencentApi, service: str, mark: str) -> None:
        self._api, self._service, self._mark = api, service, mark

    def creation(self, role: Role) -> list[ApiCall]:
        return cam_calls(role, self._service, self._mark)

    def do(self, call: ApiCall) -> None:
        self._api.call(call.service, call.action, call.parameters)

    def role(self, name: str) -> Kept | None:
        try:
            found = self._api.call("cam", "GetRole", {"RoleName": name})["RoleInfo"]
        except CallRefused as refused:
            if "RoleNotExist" in refused.code:
                return None
            raise
        return Kept(str(found.get("PolicyDocument")), found.get("Description") or "")

    def policy(self, name: str) -> Kept | None:
        number = self._number(name)
        if number is None:
            return None
        found = self._api.call("cam", "GetPolicy", {"PolicyId": number})
        return Kept(found["PolicyDocument"], found.get("Description") or "")

    def attached(self, role: str) -> dict[str, int]:
        """At most ten or so, so that one page has them; each with its number."""
        asked = {"RoleName": role, "Page": 1, "Rp": _PAGE}
        answer = self._api.call("cam", "ListAttachedRolePolicies", asked)
        return {one["PolicyName"]: int(one["PolicyId"]) for one in answer.get("List") or ()}

    def set_trust(self, role: str, document: Mapping[str, Any]) -> None:
        named = {"RoleName": role, "PolicyDocument": as_text(document)}
        self._api.call("cam", "UpdateAssumeRolePolicy", named)

    def rewrite(self, policy: str, document: Mapping[str, Any]) -> None:
        named = {"PolicyId": self._number(policy), "PolicyDocument": as_text(document)}
        self._api.call("cam", "UpdatePolicy", named)

    def detach(self, role: str, policy: str, known: int) -> None:
        self._api.call("cam", "DetachRolePolicy", {"DetachRoleName": role, "PolicyId": known})

    def delete_role(self, role: str) -> None:
        self._api.call("cam", "DeleteRole", {"RoleName": role})

    def delete_policy(self, policy: str) -> None:
        self._api.call("cam", "DeletePolicy", {"PolicyId": [self._number(policy)]})

    def _number(self, name: str) -> int | None:
        """Of the account's own policy of this name; only its page of a list tells it."""
        for page in range(1, 200):
            asked = {"Scope": "Local", "Keyword": name, "Rp": _PAGE, "Page": page}
            answer = self._api.call("cam", "ListPolicies", asked)
            for one in answer.get("List") or ():
                if one["PolicyName"] == name:
                    return int(one["PolicyId"])
            if page * _PAGE >= answer["TotalNum"]:
                break
        return None
