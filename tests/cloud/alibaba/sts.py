"""Alibaba STS, 2015-04-01: who calls.

Source: the official SDK's models (alibabacloud-sts20150401 1.2.0).

Claims: I2, W2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cloud.identity.identities import Identities
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind

_SESSION = "keyturn-standin"


class AlibabaSts:
    """The one look-up that anybody with a key may ask."""

    cloud: Cloud = "alibaba"
    name = "sts"
    version = "2015-04-01"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, identities: Identities) -> None:
        self._roles = identities.roles["alibaba"]
        self.actions: Mapping[str, Action] = {"GetCallerIdentity": Action({}, self._who)}

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            return ApiError("NoPermission", f"You are not authorized to do this action: sts:{call.action}.", 403)
        return ApiError("InternalError", "The request processing has failed.", 500)

    def state(self) -> dict[str, Any]:
        """Nothing is kept."""
        return {}

    async def start(self) -> None:
        """Nothing runs."""

    async def reset(self, world: World) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing runs."""

    async def _who(self, given: Mapping[str, Any], call: Call) -> Answer:
        role = self._roles.find(call.caller.role) if call.caller is not None and call.caller.role else None
        if role is None:
            arn = f"acs:ram::{ALIBABA_ACCOUNT}:root"
            known = {"AccountId": ALIBABA_ACCOUNT, "UserId": ALIBABA_ACCOUNT, "PrincipalId": ALIBABA_ACCOUNT}
            return {**known, "Arn": arn, "IdentityType": "Account"}
        return {
            "AccountId": ALIBABA_ACCOUNT,
            "RoleId": str(role.id),
            "PrincipalId": f"{role.id}:{_SESSION}",
            "Arn": f"acs:ram::{ALIBABA_ACCOUNT}:assumed-role/{role.name}/{_SESSION}",
            "IdentityType": "AssumedRoleUser",
        }
