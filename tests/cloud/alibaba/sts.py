"""Alibaba STS, 2015-04-01: who calls, and the keys of a role.

Sources: the official SDK's models (alibabacloud-sts20150401 1.2.0); AssumeRole (api.alibabacloud.com; 42775 for codes).
On the real cloud, an account's own keys may assume no role. The stand-in treats a caller with such keys as a user of
the account.

Claims: I2, I12, W2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from tests.cloud.identity.documents import trusts
from tests.cloud.identity.identities import Identities
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, parameter_table

_SESSION = "keyturn-standin"
_ROLE = re.compile(r"acs:ram::(?P<account>\d+):role/(?P<name>.+)")
_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
_LEAST_S, _DEFAULT_S = 900, 3600


class AlibabaSts:
    """Two calls that change nothing. Any key may make the first; the other needs a right, and the trust of a role."""

    cloud: Cloud = "alibaba"
    name = "sts"
    version = "2015-04-01"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, identities: Identities) -> None:
        self._world = world
        self._identities = identities
        self.actions: Mapping[str, Action] = {
            "GetCallerIdentity": Action({}, self._who),
            "AssumeRole": Action(
                parameter_table(
                    "RoleArn! RoleSessionName! DurationSeconds:int", "Policy ExternalId SourceIdentity Tags:objects"
                ),
                self._assume,
                resource=_resource,
            ),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            return ApiError("NoPermission", f"You are not authorized to do this action: sts:{call.action}.", 403)
        return ApiError("InternalError", "The request processing has failed.", 500)

    def state(self) -> dict[str, Any]:
        """Empty: this service keeps nothing."""
        return {}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Does nothing: Identities keeps the roles and resets them."""
        self._world = world

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    async def _who(self, given: Mapping[str, Any], call: Call) -> Answer:
        number = call.caller.number if call.caller is not None else ALIBABA_ACCOUNT
        directory = self._identities.directory("alibaba", number)
        role = directory.find(call.caller.role) if directory and call.caller and call.caller.role else None
        if role is None or call.caller is None:
            arn = f"acs:ram::{number}:root"
            known = {"AccountId": number, "UserId": number, "PrincipalId": number}
            return {**known, "Arn": arn, "IdentityType": "Account"}
        session = call.caller.session or _SESSION
        return {
            "AccountId": number,
            "RoleId": str(role.id),
            "PrincipalId": f"{role.id}:{session}",
            "Arn": f"acs:ram::{number}:assumed-role/{role.name}/{session}",
            "IdentityType": "AssumedRoleUser",
        }

    async def _assume(self, given: Mapping[str, Any], call: Call) -> Answer:
        caller, asked = call.caller, _ROLE.fullmatch(given["RoleArn"])
        if asked is None or caller is None:
            raise ApiError("InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.")
        if not _SESSION_NAME.fullmatch(given["RoleSessionName"]):
            raise ApiError("InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
        if not self._world.holds("I12"):
            raise ApiError("NoPermission", "You are not authorized to do this action.", 403)
        directory = self._identities.directory("alibaba", asked["account"])
        role = directory.find(asked["name"]) if directory is not None else None
        if role is None:
            raise ApiError("EntityNotExist.Role", "The specified Role not exists.", 404)
        who = f"acs:ram::{caller.number}:"
        if not trusts("alibaba", role.trust, f"{who}root", f"{who}role/{caller.role}"):
            raise ApiError("NoPermission", "No permission perform sts:AssumeRole on this Role.", 403)
        life_s = given.get("DurationSeconds", _DEFAULT_S)
        if not _LEAST_S <= life_s <= max(role.session_s, _DEFAULT_S):
            raise ApiError("InvalidParameter.DurationSeconds", "DurationSeconds is out of the role's range.")
        session = given["RoleSessionName"]
        assumed = self._identities.assume(role, asked["account"], "alibaba", session, life_s)
        keys, until = assumed.keys, datetime.fromtimestamp(assumed.until or 0, timezone.utc)
        return {
            "Credentials": {
                "SecurityToken": keys.token,
                "AccessKeyId": keys.id,
                "AccessKeySecret": keys.key,
                "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "AssumedRoleUser": {
                "Arn": f"acs:ram::{asked['account']}:assumed-role/{role.name}/{session}",
                "AssumedRoleId": f"{role.id}:{session}",
            },
        }


def _resource(call: Call) -> str:
    """The role's ARN as policies write it, for any region."""
    return str(call.parameters.get("RoleArn", "*")).replace("acs:ram::", "acs:ram:*:", 1)
