"""ModifyInstancePassword: changes the password of a TencentDB for Redis instance; needs the old password.

Promise: the cloud accepts a change only with the password that is in force. So a command that is delivered twice, with
the same old and new password, changes the instance once. The fence does not help if somebody sets the old password back
in between.

`ModfiyInstancePassword` is the action's older, misspelt name; its own page calls it deprecated on both sites. If a
gateway does not know the one name, keyturn calls the other: that refusal proves that nothing happened. The new name
takes 8 to 30 characters and the older one 8 to 64, so a longer password uses the older name only.

Sources: ModifyInstancePassword, redis 2018-04-12, 2024-12-04; ModfiyInstancePassword, the same version, 2025-10-30.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from shared.clouds.tencent.redis import InstanceId, RedisChange, RedisInstance
from shared.commands.command import TencentCommand
from shared.commands.password_rules import REDIS_PASSWORD, PasswordRule
from shared.commands.secrets import NewSecret, OldSecret, resolved
from shared.handlers.declaration import Operation, Rotation
from shared.handlers.operation import OperationHandler
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess

if TYPE_CHECKING:
    from shared.clouds.tencent.fleet import RedisFleet

ACTION, OLDER_NAME = "ModifyInstancePassword", "ModfiyInstancePassword"
INSTANCE_PASSWORD = replace(REDIS_PASSWORD, longest=64, source="Redis ModfiyInstancePassword, 2025-10-30")


class ModifyInstancePassword(TencentCommand):
    """Change the password of an instance, its account `root`. The call needs the old password."""

    account_field: ClassVar[str | None] = None
    account_default: ClassVar[str] = "root"
    old_field: ClassVar[str | None] = "old_password"
    new_field: ClassVar[str] = "password"
    rule: ClassVar[PasswordRule] = INSTANCE_PASSWORD

    instance_id: InstanceId
    """The TencentDB for Redis instance, whose account `root` is changed."""
    old_password: OldSecret
    """The password in force: the fence against repeats."""
    password: Annotated[NewSecret, INSTANCE_PASSWORD]
    """The new password. It must differ from OldPassword. Above 30 characters: by ModfiyInstancePassword alone."""

    @model_validator(mode="after")
    def _fence_holds(self) -> ModifyInstancePassword:
        if self.password == self.old_password:
            raise PydanticCustomError("same", "Password: must differ from OldPassword, or a repeat could not be told")
        return self


def _change(command: ModifyInstancePassword, subject: Subject, access: CloudAccess) -> RedisChange:
    old, new = resolved(command.old_password), resolved(command.password)
    return RedisChange(
        RedisInstance(access, subject),
        ACTION,
        actions=(OLDER_NAME,) if len(new.reveal()) > REDIS_PASSWORD.longest else (ACTION, OLDER_NAME),
        params=command.parameters(),
        secrets={"OldPassword": old, "Password": new},
        new=new,
        old=old,
    )


def _fleet(access: CloudAccess, region: str) -> RedisFleet:
    from shared.clouds.tencent.fleet import RedisFleet

    return RedisFleet(access, region)


operation = Operation(
    action=ACTION,
    cloud="tencent",
    service="redis",
    command=ModifyInstancePassword,
    change=_change,
    rights=("redis:ModifyInstancePassword", "redis:ModfiyInstancePassword", *RedisInstance.rights),
    follower=RedisInstance,
    rotation=Rotation(_fleet, rights=("redis:DescribeInstances", "redis:DescribeInstanceAccount")),
)
main_handler = OperationHandler(operation)
