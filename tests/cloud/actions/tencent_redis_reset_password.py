"""ResetPassword in the stand-in, as functions/tencent_redis_reset_password.py calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.cloud.state.api_error import ApiError
from tests.cloud.tencent.redis import CHANGE_PASSWORD, TencentRedis
from tests.cloud.tencent.redis_parameters import check_password
from tests.cloud.tencent.redis_state import ROOT
from tests.cloud.wire.service import Action, Answer, Call, parameter_table

NAME = "ResetPassword"
SERVICE = TencentRedis
CODES = (
    "FailedOperation.SystemError FailedOperation.UnSupportError FailedOperation.Unknown InternalError.DbOperationFailed"
    " InvalidParameter InvalidParameter.EmptyParam InvalidParameter.InvalidParameter InvalidParameter.PermissionDenied"
    " InvalidParameterValue.PasswordFreeDenied ResourceNotFound.InstanceNotExists"
    " ResourceUnavailable.InstanceLockedError ResourceUnavailable.InstanceStatusAbnormal"
    " UnauthorizedOperation.NoCAMAuthed"
)


def action(service: TencentRedis) -> Action:
    """The action's published parameters, and its effect on the service's state and servers."""

    async def answer(given: Mapping[str, Any], call: Call) -> Answer:
        # claims: R14, W3
        world, password = service.world, given.get("Password")
        free = given.get("NoAuth", False) or (password == "" and world.holds("R25"))
        if not free:
            check_password(password or "", 32)
            world.check_password(call.action, password or "")
        instance = service.instance_of(call)
        refusal = service.refusal_of(instance, call, "ResourceUnavailable.InstanceStatusAbnormal")
        account = service.account_of(instance, ROOT)
        if password == account.user.password and not account.user.no_auth and not world.holds("R26"):
            raise ApiError("InvalidParameterValue.PasswordRuleError", "The new password equals the one in force.")
        if not free and not world.holds("R27"):
            raise ApiError("FailedOperation.UnSupportError", "This instance does not support the action.")
        switched = account.user.no_auth != free
        user = replace(account.user, no_auth=free, password=account.user.password if free else password or "")
        begun = service.begin(
            instance, account, user, CHANGE_PASSWORD, call, not free, account.remark, account.readonly_policy, refusal
        )
        return {"TaskId": begun["TaskId"] - 1} if switched and world.holds("R24") else begun

    return Action(
        parameter_table("InstanceId! Password NoAuth:bool", "EncryptPassword:bool"),
        answer,
        changes=True,
        resource=service.actions["ModifyInstancePassword"].resource,
    )
