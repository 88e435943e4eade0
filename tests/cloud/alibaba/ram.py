"""Alibaba RAM, 2015-05-01: an account's roles and the policies attached to them.

Sources: the official SDK's models (alibabacloud-ram20150501 1.3.0). The codes are those that the Terraform provider and
Serverless Devs expect, which work with real accounts. RAM's host is the same in every region.

Claims: I2, I10, W2.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from tests.cloud.alibaba.ram_policies import RamPolicies, no_such, read_document, refuse_denied
from tests.cloud.identity.identities import Identities
from tests.cloud.identity.roles import Role
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, page, parameter_table

_NAME = re.compile(r"[A-Za-z0-9.-]{1,64}")
_MOST_TAGS = 5
_TAGS = " ".join(f"Tag.{number}.{part}" for number in range(1, _MOST_TAGS + 1) for part in ("Key", "Value"))
_NAMES = " ".join(f"ResourceNames.{number}" for number in range(1, 6))
_ROLE, _POLICY = "acs:ram::{account}:role/{RoleName}", "acs:ram::{account}:policy/{PolicyName}"


class AlibabaRam:
    """The roles and policies of the account."""

    cloud: Cloud = "alibaba"
    name = "ram"
    version = "2015-05-01"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, identities: Identities) -> None:
        self._roles = identities.roles["alibaba"]
        self._policies = RamPolicies(world, self._roles)
        self._world = world
        self.actions: Mapping[str, Action] = {**self._role_actions(), **self._policy_actions()}

    def _role_actions(self) -> dict[str, Action]:
        attaching = parameter_table("PolicyType! PolicyName! RoleName!", "ResourceGroupId")
        return {
            "CreateRole": Action(
                parameter_table(
                    f"RoleName! AssumeRolePolicyDocument! Description MaxSessionDuration:int {_TAGS}",
                    "AllowConsoleLogin:bool",
                ),
                self._create,
                changes=True,
                resource=_ROLE,
            ),
            "GetRole": Action(parameter_table("RoleName!"), self._get, resource=_ROLE),
            "UpdateRole": Action(
                parameter_table(
                    "RoleName! NewAssumeRolePolicyDocument NewDescription NewMaxSessionDuration:int",
                    "NewAllowConsoleLogin:bool",
                ),
                self._update,
                changes=True,
                resource=_ROLE,
            ),
            "DeleteRole": Action(parameter_table("RoleName!"), self._delete, changes=True, resource=_ROLE),
            "ListRoles": Action(parameter_table(f"Marker MaxItems:int {_TAGS}"), self._list),
            "TagResources": Action(
                parameter_table(f"ResourceType! {_NAMES} {_TAGS}"), self._tag, changes=True, resource="*"
            ),
            "CreateServiceLinkedRole": Action(
                parameter_table("ServiceName! Description", "CustomSuffix"), self._create_linked, changes=True
            ),
            "DeleteServiceLinkedRole": Action(
                parameter_table("RoleName!"), self._delete_linked, changes=True, resource=_ROLE
            ),
            "ListPoliciesForRole": Action(parameter_table("RoleName!"), self._attached, resource=_ROLE),
            "AttachPolicyToRole": Action(attaching, self._attach, changes=True, resource=_ROLE),
            "DetachPolicyFromRole": Action(attaching, self._detach, changes=True, resource=_ROLE),
        }

    def _policy_actions(self) -> dict[str, Action]:
        policies, named = self._policies, parameter_table("PolicyType! PolicyName!")
        version = parameter_table("PolicyName! VersionId!")
        return {
            "CreatePolicy": Action(
                parameter_table(f"PolicyName! PolicyDocument! Description {_TAGS}"),
                policies.create,
                changes=True,
                resource=_POLICY,
            ),
            "GetPolicy": Action(named, policies.get, resource=_POLICY),
            "GetPolicyVersion": Action(
                parameter_table("PolicyType! PolicyName! VersionId!"), policies.get_version, resource=_POLICY
            ),
            "ListPolicyVersions": Action(named, policies.list_versions, resource=_POLICY),
            "CreatePolicyVersion": Action(
                parameter_table("PolicyName! PolicyDocument! SetAsDefault:bool RotateStrategy"),
                policies.create_version,
                changes=True,
                resource=_POLICY,
            ),
            "SetDefaultPolicyVersion": Action(version, policies.set_default, changes=True, resource=_POLICY),
            "DeletePolicyVersion": Action(version, policies.delete_version, changes=True, resource=_POLICY),
            "DeletePolicy": Action(
                parameter_table("PolicyName! CascadingDelete"), policies.delete, changes=True, resource=_POLICY
            ),
            "ListPolicies": Action(parameter_table(f"PolicyType Marker MaxItems:int {_TAGS}"), policies.list),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            return refuse_denied(f"ram:{call.action}")
        if kind == "lock":
            return ApiError("EntityTemporarilyUnmodifiable", "The entity cannot be changed now.", 409)
        return ApiError("InternalError", "The request processing has failed.", 500)

    def state(self) -> dict[str, Any]:
        """Roles and the names of their policies."""
        return {role.name: list(role.attached) for role in self._roles.every()}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Does nothing: Identities keeps the roles and resets them."""
        self._world = world
        self._policies.world = world

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = given["RoleName"]
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameter.RoleName.InvalidChars", "The role name is not valid.")
        if self._roles.find(name) is not None:
            raise ApiError("EntityAlreadyExists.Role", f"The role already exists: {name}.", 409)
        role = self._roles.add(
            name,
            read_document(given["AssumeRolePolicyDocument"], trust=True),
            description=given.get("Description", ""),
            tags=_tags(given),
            session_s=given.get("MaxSessionDuration", 3600),
        )
        return {"Role": _shown(role)}

    async def _get(self, given: Mapping[str, Any], call: Call) -> Answer:
        return {"Role": _shown(self._role(given))}

    async def _update(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        if "NewAssumeRolePolicyDocument" in given:
            role.trust = read_document(given["NewAssumeRolePolicyDocument"], trust=True)
        role.description = given.get("NewDescription", role.description)
        role.session_s = given.get("NewMaxSessionDuration", role.session_s)
        role.updated = self._roles.now()
        return {"Role": _shown(role)}

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        if role.linked:
            raise ApiError("NoPermission", "A service-linked role is deleted by DeleteServiceLinkedRole.", 403)
        if role.attached and self._world.holds("I2"):
            raise ApiError("DeleteConflict.Role.Policy", "The role has policies attached.", 409)
        self._roles.remove(role)
        return {}

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        wanted = _tags(given).items()
        found = [one for one in self._roles.every() if wanted <= one.tags.items()]
        start, size = int(given.get("Marker") or 0), given.get("MaxItems", 100)
        more = start + size < len(found)
        shown = [
            {**_shown(one), "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in one.tags.items()]}}
            for one in page(found, start, size)
        ]
        for one in shown:
            del one["AssumeRolePolicyDocument"]
        return {"IsTruncated": more, "Roles": {"Role": shown}} | ({"Marker": str(start + size)} if more else {})

    async def _tag(self, given: Mapping[str, Any], call: Call) -> Answer:
        names = [str(value) for key, value in given.items() if key.startswith("ResourceNames.")]
        if given["ResourceType"] not in ("role", "policy") or not names:
            raise ApiError("InvalidParameter.ResourceType", "The stand-in tags roles and policies.")
        kept: list[dict[str, str]] = []
        for name in names:
            if given["ResourceType"] == "role":
                kept.append(self._role({"RoleName": name}).tags)
            else:
                kept.append(self._policies.find({"PolicyName": name, "PolicyType": "Custom"}).tags)
        for tags in kept:
            tags |= _tags(given)
        return {}

    async def _create_linked(self, given: Mapping[str, Any], call: Call) -> Answer:
        try:
            role = self._roles.add_linked(given["ServiceName"])
        except KeyError:
            raise ApiError("InvalidParameter.ServiceName", "The service has no service-linked role.") from None
        except ValueError:
            raise ApiError("EntityAlreadyExists.Role", "The role already exists.", 409) from None
        return {"Role": _shown(role)}

    async def _delete_linked(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        if not role.linked:
            raise ApiError("InvalidParameter.RoleName", "The role is not linked to a service.")
        self._roles.remove(role)
        return {"DeletionTaskId": f"task/{role.linked}/{role.name}/{role.id}"}

    async def _attached(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        found = [
            {
                "PolicyName": policy.name,
                "PolicyType": "System" if policy.of_the_cloud else "Custom",
                "Description": policy.description,
                "DefaultVersion": f"v{policy.current}",
                "AttachDate": moment(attached_at),
            }
            for name, attached_at in role.attached.items()
            if (policy := self._roles.policies.get(name))
        ]
        return {"Policies": {"Policy": found}}

    async def _attach(self, given: Mapping[str, Any], call: Call) -> Answer:
        role, policy = self._role(given), self._policies.find(given)
        if policy.name in role.attached:
            raise ApiError("EntityAlreadyExists.Role.Policy", "The policy is attached already.", 409)
        role.attached[policy.name] = self._roles.now()
        return {}

    async def _detach(self, given: Mapping[str, Any], call: Call) -> Answer:
        role, policy = self._role(given), self._policies.find(given)
        if policy.name not in role.attached:
            raise no_such("Role.Policy", policy.name)
        del role.attached[policy.name]
        return {}

    def _role(self, given: Mapping[str, Any]) -> Role:
        """The role that a call names. Raises: ApiError."""
        role = self._roles.find(given["RoleName"])
        if role is None:
            raise no_such("Role", given["RoleName"])
        return role


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    numbers = range(1, _MOST_TAGS + 1)
    return {given[f"Tag.{n}.Key"]: given.get(f"Tag.{n}.Value", "") for n in numbers if f"Tag.{n}.Key" in given}


def _shown(role: Role) -> dict[str, Any]:
    return {
        "RoleId": str(role.id),
        "RoleName": role.name,
        "Arn": f"acs:ram::{ALIBABA_ACCOUNT}:role/{role.name}",
        "Description": role.description,
        "AssumeRolePolicyDocument": json.dumps(role.trust),
        "MaxSessionDuration": role.session_s,
        "CreateDate": moment(role.created),
        "UpdateDate": moment(role.updated),
        "IsServiceLinkedRole": bool(role.linked),
    }


def moment(unix: float) -> str:
    """A time in RAM's format."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))
