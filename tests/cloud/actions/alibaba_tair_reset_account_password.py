"""ResetAccountPassword in the stand-in, as functions/alibaba_tair_reset_account_password.py calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cloud.alibaba.kvstore import LEGACY, AlibabaKvstore
from tests.cloud.state.api_error import ApiError
from tests.cloud.wire.service import Action, Answer, Call, parameter_table

NAME = "ResetAccountPassword"
SERVICE = AlibabaKvstore
CODES = (
    "InvalidAccountName.Duplicate InvalidAccountName.Format InvalidEngineVersion.Format InvalidAccountPassword.Format"
    " TaskExists"
)


def action(service: AlibabaKvstore) -> Action:
    """The action's published parameters, and its effect on the service's state and servers."""

    async def answer(given: Mapping[str, Any], call: Call) -> Answer:
        # claims: A5, A11, R14, W3
        instance, account, refused = service.ready_account(given, given["AccountPassword"], call)
        if float(instance.spec.engine_version) < 4 or not service.world.holds("A13"):
            raise ApiError("InvalidEngineVersion.Format", "Current EngineVersion does not support operations.")
        async with instance.turn:
            if service.is_settling(account) and service.world.holds("A14"):
                raise ApiError("TaskExists", "Specified task have existed.")
            if given["AccountPassword"] == account.user.password and not service.world.holds("A12"):
                raise ApiError("InvalidAccountPassword.Format", "Specified AccountPassword is not valid.")
            await service.set_password(instance, account, given["AccountPassword"])
        return service.answered(account, call, refused)

    return Action(
        parameter_table(f"InstanceId! AccountName! AccountPassword! {LEGACY}"),
        answer,
        changes=True,
        resource=service.actions["ModifyAccountPassword"].resource,
    )
