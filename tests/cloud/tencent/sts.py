"""Tencent STS, 2018-08-13: who calls.

Source: the official SDK's models (tencentcloud-sdk-python-sts 3.0.1459).

Claims: I1, W2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cloud.identity.identities import Identities
from tests.cloud.state.accounts import TENCENT_UIN
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind

_SESSION = "keyturn-standin"


class TencentSts:
    """The one look-up that anybody with a key may ask."""

    cloud: Cloud = "tencent"
    name = "sts"
    version = "2018-08-13"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, identities: Identities) -> None:
        self._roles = identities.roles["tencent"]
        self.actions: Mapping[str, Action] = {"GetCallerIdentity": Action({}, self._who)}

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            return ApiError("AuthFailure.UnauthorizedOperation", f"No permission for sts:{call.action}.")
        return ApiError("InternalError.SystemError", "Internal system error.")

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
        known = {"AccountId": TENCENT_UIN, "PrincipalId": TENCENT_UIN}
        if role is None:
            person = f"qcs::cam:uin/{TENCENT_UIN}:uin/{TENCENT_UIN}"
            return {**known, "Arn": person, "UserId": TENCENT_UIN, "Type": "CloudAccount"}
        arn = f"qcs::sts:uin/{TENCENT_UIN}:assumed-role/{role.id}"
        return {**known, "Arn": arn, "UserId": f"{role.id}:{_SESSION}", "Type": "CAMRole"}
