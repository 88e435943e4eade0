"""Tencent STS, 2018-08-13: who calls, and the keys of a role.

Sources: the official SDK's models and list of error codes (tencentcloud-sdk-python-sts 3.0.1459); 598/33164, by which
temporary keys may assume a role. The code for a role that does not trust the caller is not published.

Claims: I1, I12, W2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from tests.cloud.identity.documents import trusts
from tests.cloud.identity.identities import Identities
from tests.cloud.state.accounts import TENCENT_UIN
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, parameter_table

_SESSION = "keyturn-standin"
_ROLE = re.compile(r"qcs::cam::uin/(?P<account>\d+):roleName/(?P<name>.+)")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,128}", re.ASCII)
_DEFAULT_S = 7200


class TencentSts:
    """Two calls that change nothing. Any key may make the first; the other needs a right, and the trust of a role."""

    cloud: Cloud = "tencent"
    name = "sts"
    version = "2018-08-13"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, identities: Identities) -> None:
        self._world = world
        self._identities = identities
        self.actions: Mapping[str, Action] = {
            "GetCallerIdentity": Action({}, self._who),
            "AssumeRole": Action(
                parameter_table(
                    "RoleArn! RoleSessionName! DurationSeconds:int",
                    "Policy ExternalId Tags:objects SourceIdentity SerialNumber TokenCode",
                ),
                self._assume,
                rate_per_s=600,
                resource="{RoleArn}",
            ),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            return ApiError("AuthFailure.UnauthorizedOperation", f"No permission for sts:{call.action}.")
        return ApiError("InternalError.SystemError", "Internal system error.")

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
        number = call.caller.number if call.caller is not None else TENCENT_UIN
        directory = self._identities.directory("tencent", number)
        role = directory.find(call.caller.role) if directory and call.caller and call.caller.role else None
        known = {"AccountId": number, "PrincipalId": number}
        if role is None or call.caller is None:
            person = f"qcs::cam:uin/{number}:uin/{number}"
            return {**known, "Arn": person, "UserId": number, "Type": "CloudAccount"}
        arn = f"qcs::sts:uin/{number}:assumed-role/{role.id}"
        return {**known, "Arn": arn, "UserId": f"{role.id}:{call.caller.session or _SESSION}", "Type": "CAMRole"}

    async def _assume(self, given: Mapping[str, Any], call: Call) -> Answer:
        caller, asked = call.caller, _ROLE.fullmatch(given["RoleArn"])
        if asked is None or caller is None or not _SESSION_NAME.fullmatch(given["RoleSessionName"]):
            raise ApiError("InvalidParameter.ParamError", "RoleArn or RoleSessionName breaks the rules.")
        if not self._world.holds("I12"):
            raise ApiError("FailedOperation.TempKeyNotAllowed", "Temporary keys are not taken.")
        directory = self._identities.directory("tencent", asked["account"])
        role = directory.find(asked["name"]) if directory is not None else None
        if role is None:
            raise ApiError("ResourceNotFound.RoleNotFound", "The role does not exist.")
        who = f"qcs::cam::uin/{caller.number}:"
        if not trusts("tencent", role.trust, f"{who}root", f"{who}roleName/{caller.role}"):
            raise ApiError("UnauthorizedOperation", "The role does not trust the caller.")
        life_s = given.get("DurationSeconds", _DEFAULT_S)
        if not 0 < life_s <= role.session_s:
            raise ApiError("InvalidParameter.OverTimeError", "DurationSeconds is longer than the role allows.")
        assumed = self._identities.assume(role, asked["account"], "tencent", given["RoleSessionName"], life_s)
        keys, until = assumed.keys, int(assumed.until or 0)
        return {
            "Credentials": {"Token": keys.token, "TmpSecretId": keys.id, "TmpSecretKey": keys.key},
            "ExpiredTime": until,
            "Expiration": datetime.fromtimestamp(until, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
