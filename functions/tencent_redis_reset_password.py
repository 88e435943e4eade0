"""ResetPassword: sets the password of a TencentDB for Redis instance, without the old one.

Promise: there is no fence. The call needs no old password, so a second delivery changes the password again and undoes
what somebody set in between (the last write wins). Use `Generate` with `Store`: a second delivery then sets the same
password and, with `Login`, checks what is in force. If you know the old password, ModifyInstancePassword is safer.

The API takes an empty password for none. keyturn never sends an empty one, and sends `NoAuth` in every call. `NoAuth:
true` opens the instance without a password. For a call that switches between both, the page says that the task's id
means nothing; there keyturn asks the instance itself.

Source: ResetPassword, redis 2018-04-12, 2024-12-04.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from shared.clouds.tencent.redis import InstanceId, RedisChange, RedisInstance
from shared.commands.command import TencentCommand, admit_no_auth
from shared.commands.password_rules import REDIS_PASSWORD, PasswordRule
from shared.commands.secrets import NewSecret, resolved
from shared.handlers.declaration import Operation, Rotation
from shared.handlers.operation import OperationHandler
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.settings import Settings

if TYPE_CHECKING:
    from shared.clouds.tencent.fleet import RedisFleet

ACTION = "ResetPassword"
INSTANCE_PASSWORD = replace(REDIS_PASSWORD, longest=32, source="Redis ResetPassword, SDK 3.1.189")


class ResetPassword(TencentCommand):
    """Set the password of an instance, its account `root`. There is no fence: the call needs no old password."""

    account_field: ClassVar[str | None] = None
    account_default: ClassVar[str] = "root"
    new_field: ClassVar[str] = "password"
    instead_field: ClassVar[str | None] = "no_auth"
    rule: ClassVar[PasswordRule] = INSTANCE_PASSWORD
    page_defaults: ClassVar[Mapping[str, Any]] = {"NoAuth": False}

    instance_id: InstanceId
    """The TencentDB for Redis instance, whose account `root` is changed."""
    password: Annotated[NewSecret, INSTANCE_PASSWORD] | None = None
    """The new password. A redelivery sets it again: Generate with Deliver.Store is safer."""
    no_auth: bool | None = None
    """Opens the instance without a password. Without Password, and only where `KEYTURN_ALLOW_NOAUTH=1` lets it
    through."""

    def permit(self, settings: Settings) -> None:
        if self.no_auth:
            admit_no_auth(settings, login=self.login)


def _change(command: ResetPassword, subject: Subject, access: CloudAccess) -> RedisChange:
    password = None if command.password is None else resolved(command.password)
    return RedisChange(
        RedisInstance(access, subject),
        ACTION,
        actions=(ACTION,),
        params={**command.parameters(), "NoAuth": bool(command.no_auth)},
        secrets={"Password": password} if password is not None else {},
        new=password,
        switch_has_task=False,
    )


def _fleet(access: CloudAccess, region: str) -> RedisFleet:
    from shared.clouds.tencent.fleet import RedisFleet

    return RedisFleet(access, region)


operation = Operation(
    action=ACTION,
    cloud="tencent",
    service="redis",
    command=ResetPassword,
    change=_change,
    rights=("redis:ResetPassword", *RedisInstance.rights),
    follower=RedisInstance,
    rotation=Rotation(_fleet, rights=("redis:DescribeInstances", "redis:DescribeInstanceAccount")),
)
main_handler = OperationHandler(operation)
