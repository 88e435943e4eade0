"""ResetPassword: the password of a TencentDB for Redis instance, where the old one is lost.

Promise: there is no fence. Without the old password a redelivery changes the password again, and so undoes what
somebody set in between (last write wins): use `Generate` with `Store`, whose redelivery brings no other password than
its own and, with `Login`, looks at what is in force. Where the old one is known, ModifyInstancePassword is the safer
change.

For the API an empty password is none at all: keyturn sends no empty one, and `NoAuth` in every call. `NoAuth: true`
opens the instance without a password. Of a call that switches between both the page calls the task's id meaningless:
the instance itself tells.

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
    """Set the password of an instance, that is of its account `root`; no old one is asked for, and so none fences."""

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
