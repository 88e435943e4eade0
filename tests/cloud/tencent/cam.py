"""Tencent CAM, 2019-01-16: an account's roles and the policies attached to them.

Source: the official SDK's models and list of error codes (tencentcloud-sdk-python-cam 3.1.181).

Claims: I1, I10, W2.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from tests.cloud.identity.documents import DocumentError, read_text
from tests.cloud.identity.identities import Identities
from tests.cloud.identity.roles import ManagedPolicy, Role
from tests.cloud.state.accounts import TENCENT_APPID, TENCENT_UIN
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, page, parameter_table

_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,128}")
_MOST_DESCRIPTION = 300
_SESSION_S = (0, 43_200)
_ROLE = "qcs::cam::uin/{account}:roleName/"
_PAGE = "Page:int Rp:int"


class TencentCam:
    """The roles and policies of the account; CAM has no regions."""

    cloud: Cloud = "tencent"
    name = "cam"
    version = "2019-01-16"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, identities: Identities) -> None:
        self._world = world
        self._roles = identities.roles["tencent"]
        of_role, attaching = "RoleId RoleName", "PolicyId:int AttachRoleId AttachRoleName PolicyName"
        role = _ROLE + "{RoleName}"
        self.actions: Mapping[str, Action] = {
            "CreateRole": Action(
                parameter_table(
                    "RoleName! PolicyDocument! Description SessionDuration:int Tags:objects", "ConsoleLogin:int"
                ),
                self._create_role,
                changes=True,
                resource=role,
            ),
            "GetRole": Action(parameter_table(of_role), self._get_role, resource=role),
            "DeleteRole": Action(parameter_table(of_role), self._delete_role, changes=True, resource=role),
            "UpdateAssumeRolePolicy": Action(
                parameter_table(f"PolicyDocument! {of_role}"), self._update_trust, changes=True, resource=role
            ),
            "UpdateRoleDescription": Action(
                parameter_table(f"Description! {of_role}"), self._update_description, changes=True, resource=role
            ),
            "TagRole": Action(parameter_table(f"Tags!:objects {of_role}"), self._tag, changes=True, resource=role),
            "DescribeRoleList": Action(parameter_table("Page!:int Rp!:int Tags:objects"), self._list_roles),
            "ListAttachedRolePolicies": Action(
                parameter_table(f"Page!:int Rp!:int {of_role} PolicyType Keyword"), self._attached, resource=role
            ),
            "AttachRolePolicy": Action(
                parameter_table(attaching), self._attach, changes=True, resource=_ROLE + "{AttachRoleName}"
            ),
            "DetachRolePolicy": Action(
                parameter_table("PolicyId:int DetachRoleId DetachRoleName PolicyName"),
                self._detach,
                changes=True,
                resource=_ROLE + "{DetachRoleName}",
            ),
            "CreatePolicy": Action(
                parameter_table("PolicyName! PolicyDocument! Description Tags:objects"),
                self._create_policy,
                changes=True,
            ),
            "GetPolicy": Action(parameter_table("PolicyId!:int"), self._get_policy),
            "UpdatePolicy": Action(
                parameter_table("PolicyId:int PolicyName Description PolicyDocument", "Alias"),
                self._update_policy,
                changes=True,
            ),
            "DeletePolicy": Action(parameter_table("PolicyId!:ints"), self._delete_policy, changes=True),
            "ListPolicies": Action(parameter_table(f"Scope Keyword {_PAGE}"), self._list_policies),
            "GetUserAppId": Action({}, self._app_id),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            text = f"you are not authorized to perform operation (cam:{call.action})"
            return ApiError("AuthFailure.UnauthorizedOperation", text)
        if kind == "lock":
            return ApiError("FailedOperation.Unmodifiable", "This cannot be changed now.")
        return ApiError("InternalError.SystemError", "Internal system error.")

    def state(self) -> dict[str, Any]:
        """Roles and the names of their policies."""
        return {role.name: list(role.attached) for role in self._roles.every()}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Does nothing: Identities keeps the roles and resets them."""
        self._world = world

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    # Roles

    async def _create_role(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = given["RoleName"]
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameter.RoleNameError", "The role name is not valid.")
        if self._roles.find(name) is not None:
            raise ApiError("InvalidParameter.RoleNameInUse", "The role name is in use.")
        session_s = given.get("SessionDuration", 7200)
        if not _SESSION_S[0] <= session_s <= _SESSION_S[1]:
            raise ApiError("InvalidParameter.ParamError", "SessionDuration is 0 to 43200.")
        role = self._roles.add(
            name,
            _document(given["PolicyDocument"], trust=True),
            description=_description(given),
            tags=_tags(given.get("Tags", [])),
            session_s=session_s,
        )
        return {"RoleId": str(role.id)}

    async def _get_role(self, given: Mapping[str, Any], call: Call) -> Answer:
        return {"RoleInfo": _shown_role(self._role(given))}

    async def _delete_role(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        if role.attached and not self._world.holds("I1"):
            raise ApiError("FailedOperation.Unmodifiable", "The role has policies.")
        self._roles.remove(role)
        return {}

    async def _update_trust(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        role.trust, role.updated = _document(given["PolicyDocument"], trust=True), self._roles.now()
        return {}

    async def _update_description(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        role.description, role.updated = _description(given), self._roles.now()
        return {}

    async def _tag(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        role.tags |= _tags(given["Tags"])
        return {}

    async def _list_roles(self, given: Mapping[str, Any], call: Call) -> Answer:
        wanted = _tags(given.get("Tags", [])).items()
        found = [_shown_role(one) for one in self._roles.every() if wanted <= one.tags.items()]
        return _listed(found, given)

    def _role(self, given: Mapping[str, Any], prefix: str = "") -> Role:
        """The role that a call names by its name or id. Raises: ApiError."""
        name, id_ = given.get(f"{prefix}RoleName"), given.get(f"{prefix}RoleId")
        if not name and not id_:
            raise ApiError("InvalidParameter.ParamError", "Either the name or the id of the role is needed.")
        by_id = (one for one in self._roles.every() if str(one.id) == id_)
        role = self._roles.find(name) if name else next(by_id, None)
        if role is None:
            raise ApiError("InvalidParameter.RoleNotExist", "The role does not exist.")
        return role

    # Policies

    async def _attached(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._role(given)
        found: list[dict[str, Any]] = [
            {
                "PolicyId": policy.id,
                "PolicyName": policy.name,
                "AddTime": _moment(attached_at),
                "PolicyType": "QCS" if policy.of_the_cloud else "User",
                "CreateMode": 2,
                "Deactived": 0,
                "DeactivedDetail": [],
                "Description": policy.description,
            }
            for name, attached_at in role.attached.items()
            if (policy := self._roles.policies.get(name)) and given.get("Keyword", "") in name
        ]
        return _listed([one for one in found if given.get("PolicyType", one["PolicyType"]) == one["PolicyType"]], given)

    async def _attach(self, given: Mapping[str, Any], call: Call) -> Answer:
        role, policy = self._role(given, "Attach"), self._policy(given)
        role.attached.setdefault(policy.name, self._roles.now())
        return {}

    async def _detach(self, given: Mapping[str, Any], call: Call) -> Answer:
        role, policy = self._role(given, "Detach"), self._policy(given)
        role.attached.pop(policy.name, None)
        return {}

    async def _create_policy(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = given["PolicyName"]
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameter.PolicyNameError", "The policy name is not valid.")
        if name in self._roles.policies:
            raise ApiError("FailedOperation.PolicyNameInUse", "The policy name is in use.")
        policy = self._roles.add_policy(name, _document(given["PolicyDocument"]), _description(given))
        policy.tags = _tags(given.get("Tags", []))
        return {"PolicyId": policy.id}

    async def _get_policy(self, given: Mapping[str, Any], call: Call) -> Answer:
        policy = self._policy(given)
        return {
            "PolicyName": policy.name,
            "Description": policy.description,
            "Type": 2 if policy.of_the_cloud else 1,
            "AddTime": _moment(policy.created),
            "UpdateTime": _moment(policy.updated),
            "PolicyDocument": json.dumps(policy.document),
            "PresetAlias": "",
            "IsServiceLinkedRolePolicy": 0,
            "Tags": _shown_tags(policy.tags),
        }

    async def _update_policy(self, given: Mapping[str, Any], call: Call) -> Answer:
        policy = self._own_policy(given)
        if "PolicyDocument" in given:
            policy.versions = {1: _document(given["PolicyDocument"])}
        if "Description" in given:
            policy.description = _description(given)
        policy.updated = self._roles.now()
        return {"PolicyId": policy.id}

    async def _delete_policy(self, given: Mapping[str, Any], call: Call) -> Answer:
        for policy in [self._own_policy({"PolicyId": id_}) for id_ in given["PolicyId"]]:
            for role in self._roles.holders_of(policy):
                del role.attached[policy.name]
            del self._roles.policies[policy.name]
        return {}

    async def _list_policies(self, given: Mapping[str, Any], call: Call) -> Answer:
        scope = given.get("Scope", "All")
        if scope not in ("All", "QCS", "Local"):
            raise ApiError("InvalidParameter.ScopeError", "Scope is All, QCS or Local.")
        keyword = given.get("Keyword", "") if self._world.holds("I6") else ""
        found = [
            {
                "PolicyId": one.id,
                "PolicyName": one.name,
                "AddTime": _moment(one.created),
                "UpdateTime": _moment(one.updated),
                "Type": 2 if one.of_the_cloud else 1,
                "Description": one.description,
                "CreateMode": 2,
                "Attachments": len(self._roles.holders_of(one)),
                "ServiceType": "",
                "Deactived": 0,
                "DeactivedDetail": [],
                "IsServiceLinkedPolicy": 0,
                "Tags": _shown_tags(one.tags),
            }
            for one in self._roles.policies.values()
            if keyword in one.name and scope in ("All", "QCS" if one.of_the_cloud else "Local")
        ]
        return _listed(found, given) | {"ServiceTypeList": []}

    def _policy(self, given: Mapping[str, Any]) -> ManagedPolicy:
        """The policy that a call names by its id or name. Raises: ApiError."""
        id_, name = given.get("PolicyId"), given.get("PolicyName")
        if not id_ and not name:
            raise ApiError("InvalidParameter.ParamError", "Either the id or the name of the policy is needed.")
        found = [one for one in self._roles.policies.values() if (one.id == id_ if id_ else one.name == name)]
        if not found:
            raise ApiError("ResourceNotFound.PolicyIdNotFound", "The policy does not exist.")
        return found[0]

    def _own_policy(self, given: Mapping[str, Any]) -> ManagedPolicy:
        """The same, but a policy of the cloud's own is refused. Raises: ApiError."""
        policy = self._policy(given)
        if policy.of_the_cloud:
            raise ApiError("InvalidParameter.PolicyIdError", "A preset policy cannot be changed.")
        return policy

    async def _app_id(self, given: Mapping[str, Any], call: Call) -> Answer:
        return {"Uin": TENCENT_UIN, "OwnerUin": TENCENT_UIN, "AppId": int(TENCENT_APPID)}


def _document(text: str, *, trust: bool = False) -> dict[str, Any]:
    # claims: I1
    try:
        return read_text("tencent", text, trust=trust)
    except DocumentError as error:
        part = "PolicyDocument" if error.part == "syntax" else error.part.capitalize()
        raise ApiError(f"InvalidParameter.{part}Error", str(error)) from None


def _description(given: Mapping[str, Any]) -> str:
    text = str(given.get("Description", ""))
    if len(text.encode()) > _MOST_DESCRIPTION:
        raise ApiError("InvalidParameter.DescriptionLengthOverlimit", "The description has more than 300 bytes.")
    return text


def _tags(given: list[Mapping[str, Any]]) -> dict[str, str]:
    for one in given:
        if one.keys() != {"Key", "Value"}:
            raise ApiError("InvalidParameter.TagParamError", "A tag has a Key and a Value.")
    return {one["Key"]: one["Value"] for one in given}


def _shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _shown_role(role: Role) -> dict[str, Any]:
    return {
        "RoleId": str(role.id),
        "RoleName": role.name,
        "PolicyDocument": json.dumps(role.trust),
        "Description": role.description,
        "AddTime": _moment(role.created),
        "UpdateTime": _moment(role.updated),
        "ConsoleLogin": 0,
        "RoleType": "user",
        "SessionDuration": role.session_s,
        "DeletionTaskId": "",
        "Tags": _shown_tags(role.tags),
        "RoleArn": f"qcs::cam::uin/{TENCENT_UIN}:roleName/{role.name}",
    }


def _listed(found: list[Any], given: Mapping[str, Any]) -> Answer:
    size = given.get("Rp", 20)
    return {"List": page(found, (given.get("Page", 1) - 1) * size, size), "TotalNum": len(found)}


def _moment(unix: float) -> str:
    """A time in CAM's format: China's time, without a zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(unix + 8 * 3600))
