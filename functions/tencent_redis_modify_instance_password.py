"""ModifyInstancePassword: the password of a TencentDB for Redis instance, fenced by the old one.

Promise: the cloud takes a change only with the password that is in force, so a command that is delivered again, with
the same old and new password, changes it at most once. The fence does not help where somebody set the old password
back in between.

The domestic site spells the action `ModfiyInstancePassword`; a site that does not know one spelling is asked for the
other, since that refusal proves that nothing happened. Sources: ModifyInstancePassword (international), redis
2018-04-12, 2024-12-04; ModfiyInstancePassword (domestic), the same version.
"""

from __future__ import annotations

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

SPELLINGS = {
    "domestic": ("ModfiyInstancePassword", "ModifyInstancePassword"),
    "intl": ("ModifyInstancePassword", "ModfiyInstancePassword"),
}


class ModifyInstancePassword(TencentCommand):
    """Change the password of an instance, that is of its account `root`; the old one must be given."""

    account_field: ClassVar[str | None] = None
    account_default: ClassVar[str] = "root"
    old_field: ClassVar[str | None] = "old_password"
    new_field: ClassVar[str] = "password"
    rule: ClassVar[PasswordRule] = REDIS_PASSWORD

    instance_id: InstanceId
    """The TencentDB for Redis instance, whose account `root` is changed."""
    old_password: OldSecret
    """The password in force: the fence against repeats."""
    password: Annotated[NewSecret, REDIS_PASSWORD]
    """The new password. It must differ from OldPassword."""

    @model_validator(mode="after")
    def _fence_holds(self) -> ModifyInstancePassword:
        if self.password == self.old_password:
            raise PydanticCustomError("same", "Password: must differ from OldPassword, or a repeat could not be told")
        return self


def _change(command: ModifyInstancePassword, subject: Subject, access: CloudAccess) -> RedisChange:
    old, new = resolved(command.old_password), resolved(command.password)
    return RedisChange(
        RedisInstance(access, subject),
        actions=SPELLINGS["domestic" if subject.region.endswith("-fsi") else access.site],
        params=command.parameters(),
        secrets={"OldPassword": old, "Password": new},
        new=new,
        old=old,
    )


def _fleet(access: CloudAccess, region: str) -> RedisFleet:
    from shared.clouds.tencent.fleet import RedisFleet

    return RedisFleet(access, region)


operation = Operation(
    action="ModifyInstancePassword",
    cloud="tencent",
    service="redis",
    command=ModifyInstancePassword,
    change=_change,
    rights=("redis:ModifyInstancePassword", "redis:ModfiyInstancePassword", *RedisInstance.rights),
    follower=RedisInstance,
    rotation=Rotation(_fleet, rights=("redis:DescribeInstances", "redis:DescribeInstanceAccount")),
)
main_handler = OperationHandler(operation)
