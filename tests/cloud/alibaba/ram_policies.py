"""RAM's policies and their versions. RAM keeps at most five versions of a policy.

Claims: I2, I10.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.cloud.identity.documents import DocumentError, read_text
from tests.cloud.identity.roles import ManagedPolicy, RoleDirectory
from tests.cloud.state.world import World
from tests.cloud.wire.service import Answer, ApiError, Call, page

_MOST_VERSIONS = 5
_ROTATES = "DeleteOldestNonDefaultVersionWhenLimitExceeded"


class RamPolicies:
    """Answers RAM's actions on policies."""

    def __init__(self, world: World, roles: RoleDirectory) -> None:
        self.world = world
        self._roles = roles

    def find(self, given: Mapping[str, Any]) -> ManagedPolicy:
        """The policy that a call names. Raises: ApiError."""
        policy = self._roles.policies.get(given["PolicyName"])
        if policy is None or policy.of_the_cloud != (given.get("PolicyType", "Custom") == "System"):
            raise no_such("Policy", given["PolicyName"])
        return policy

    async def create(self, given: Mapping[str, Any], call: Call) -> Answer:
        """CreatePolicy."""
        if given["PolicyName"] in self._roles.policies:
            raise ApiError("EntityAlreadyExists.Policy", "The policy already exists.", 409)
        document = read_document(given["PolicyDocument"])
        policy = self._roles.add_policy(given["PolicyName"], document, given.get("Description", ""))
        return {"Policy": _shown(policy)}

    async def get(self, given: Mapping[str, Any], call: Call) -> Answer:
        """GetPolicy."""
        policy = self.find(given)
        shown = _shown(policy) | {"AttachmentCount": len(self._roles.holders_of(policy))}
        return {"Policy": shown, "DefaultPolicyVersion": _shown_version(policy, policy.current)}

    async def get_version(self, given: Mapping[str, Any], call: Call) -> Answer:
        """GetPolicyVersion."""
        policy = self.find(given)
        return {"PolicyVersion": _shown_version(policy, _version(policy, given))}

    async def list_versions(self, given: Mapping[str, Any], call: Call) -> Answer:
        """ListPolicyVersions."""
        policy = self.find(given)
        return {"PolicyVersions": {"PolicyVersion": [_shown_version(policy, one) for one in policy.versions]}}

    async def create_version(self, given: Mapping[str, Any], call: Call) -> Answer:
        """CreatePolicyVersion."""
        policy, document = self.find(given), read_document(given["PolicyDocument"])
        if len(policy.versions) >= _MOST_VERSIONS:
            if given.get("RotateStrategy") != _ROTATES:
                raise ApiError("LimitExceeded.Policy.Version", "The policy has five versions.", 409)
            del policy.versions[min(one for one in policy.versions if one != policy.current)]
        number = max(policy.versions) + 1
        policy.versions[number] = document
        if given.get("SetAsDefault"):
            policy.current = number
        policy.updated = self._roles.now()
        return {"PolicyVersion": _shown_version(policy, number)}

    async def set_default(self, given: Mapping[str, Any], call: Call) -> Answer:
        """SetDefaultPolicyVersion."""
        policy = self.find(given)
        policy.current = _version(policy, given)
        return {}

    async def delete_version(self, given: Mapping[str, Any], call: Call) -> Answer:
        """DeletePolicyVersion."""
        policy = self.find(given)
        number = _version(policy, given)
        if number == policy.current:
            raise ApiError("DeleteConflict.PolicyVersion.Default", "The version is the default one.", 409)
        del policy.versions[number]
        return {}

    async def delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        """DeletePolicy. A policy that is attached, or has more than its default version, is not deleted."""
        policy = self.find(given)
        holders = self._roles.holders_of(policy)
        cascades = given.get("CascadingDelete", "").lower() == "true" or not self.world.holds("I2")
        if holders and not cascades:
            raise ApiError("DeleteConflict.Policy.Role", "The policy is attached to roles.", 409)
        if len(policy.versions) > 1 and not cascades:
            raise ApiError("DeleteConflict.Policy.Version", "The policy has other versions.", 409)
        for role in holders:
            del role.attached[policy.name]
        del self._roles.policies[policy.name]
        return {}

    async def list(self, given: Mapping[str, Any], call: Call) -> Answer:
        """ListPolicies."""
        wanted = given.get("PolicyType")
        shown = [_shown(one) for one in self._roles.policies.values()]
        found = [one for one in shown if wanted in (None, one["PolicyType"])]
        start, size = int(given.get("Marker") or 0), given.get("MaxItems", 100)
        more = start + size < len(found)
        answer = {"IsTruncated": more, "Policies": {"Policy": page(found, start, size)}}
        return answer | ({"Marker": str(start + size)} if more else {})


def read_document(text: str, *, trust: bool = False) -> dict[str, Any]:
    """The policy document in a request. Raises: ApiError."""
    try:
        return read_text("alibaba", text, trust=trust)
    except DocumentError as error:
        raise ApiError("MalformedPolicyDocument", str(error)) from None


def no_such(kind: str, name: str) -> ApiError:
    """The refusal for something that does not exist."""
    return ApiError(f"EntityNotExist.{kind}", f"The {kind.lower()} does not exist: {name}.", 404)


def refuse_denied(right: str) -> ApiError:
    """The refusal of a call that the caller's policies do not allow."""
    return ApiError("NoPermission", f"You are not authorized to do this action: {right}.", 403)


def _version(policy: ManagedPolicy, given: Mapping[str, Any]) -> int:
    number = given["VersionId"].removeprefix("v")
    if not number.isdecimal() or int(number) not in policy.versions:
        raise no_such("Policy.Version", given["VersionId"])
    return int(number)


def _shown(policy: ManagedPolicy) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyType": "System" if policy.of_the_cloud else "Custom",
        "Description": policy.description,
        "DefaultVersion": f"v{policy.current}",
        "CreateDate": _moment(policy.created),
        "UpdateDate": _moment(policy.updated),
    }


def _shown_version(policy: ManagedPolicy, number: int) -> dict[str, Any]:
    return {
        "VersionId": f"v{number}",
        "IsDefaultVersion": number == policy.current,
        "PolicyDocument": json.dumps(policy.versions[number]),
        "CreateDate": _moment(policy.created),
    }


def _moment(unix: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))
