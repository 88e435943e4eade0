"""ModifyInstanceAccount: changes an account of a TencentDB for Redis instance: password, rights, routing or remark.

Promise: a repeated command sets the same values again. There is no fence: of two *different* commands for one account
the one that the cloud accepts last stays in force. A password change sends the account's rights along, so it cannot
reset them. keyturn passes `EncryptPassword` through as it is, because its scheme is not published.

Source: ModifyInstanceAccount, redis 2018-04-12, 2025-10-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.clouds.tencent.redis import InstanceId, RedisAccountChange, RedisInstance
from shared.commands.command import Alternate, TencentCommand, account_or_alternate, admit_no_auth
from shared.commands.password_rules import REDIS_PASSWORD, PasswordRule
from shared.commands.secrets import NewSecret, resolved
from shared.handlers.declaration import Operation, Rotation
from shared.handlers.operation import OperationHandler
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.secret import Secret
from shared.runtime.settings import Settings

if TYPE_CHECKING:
    from shared.clouds.tencent.fleet import RedisFleet

ACTION = "ModifyInstanceAccount"
AccountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]


class ModifyInstanceAccount(TencentCommand):
    """Change an account of an instance. `root` keeps its rights; only `root` may be without a password."""

    new_field: ClassVar[str] = "account_password"
    rule: ClassVar[PasswordRule] = REDIS_PASSWORD
    page_defaults: ClassVar[Mapping[str, Any]] = {"EncryptPassword": False}

    instance_id: InstanceId
    """The TencentDB for Redis instance."""
    account_name: AccountName | None = None
    """The account to change; `root` is the instance's own."""
    alternate: Alternate[AccountName] | None = None
    account_password: Annotated[NewSecret, REDIS_PASSWORD] | None = None
    """The new password."""
    remark: Annotated[str, Field(max_length=1024)] | None = None
    """The account's remark. Must not hold a secret."""
    readonly_policy: Annotated[list[Literal["master", "replication"]], Field(min_length=1, max_length=2)] | None = None
    """Where reads go: `master`, `replication`, or both."""
    privilege: Literal["r", "w", "rw"] | None = None
    """The account's rights: read, write, or both. Not of `root`."""
    no_auth: bool | None = None
    """Opens the instance without a password. Of `root` alone, without AccountPassword, and only where
    `KEYTURN_ALLOW_NOAUTH=1` lets it through."""
    encrypt_password: bool | None = None
    """AccountPassword is encrypted already, by a scheme that the page does not publish: passed through as given.
    Requires an AccountPassword given as text."""

    @property
    def alternates(self) -> tuple[str, ...]:
        return tuple(self.alternate or ())

    @model_validator(mode="after")
    def _rules_of_the_page(self) -> ModifyInstanceAccount:
        account_or_alternate(self, self.account_name)
        asked = (self.account_password, self.remark, self.readonly_policy, self.privilege, self.no_auth)
        if all(value is None for value in asked):
            rule = "nothing to change: give AccountPassword, Remark, ReadonlyPolicy, Privilege or NoAuth"
            raise PydanticCustomError("nothing", rule)
        if self.encrypt_password and not isinstance(self.account_password, Secret):
            rule = "EncryptPassword: requires an AccountPassword that is given, already encrypted, as text"
            raise PydanticCustomError("encrypt", rule)
        if self.account_name == "root" and self.privilege is not None:
            raise PydanticCustomError("root", "Privilege: the rights of root cannot be changed")
        if self.account_name != "root" and self.no_auth is not None:
            raise PydanticCustomError("custom", "NoAuth: only root may be without a password")
        if self.no_auth and self.account_password is not None:
            raise PydanticCustomError("no_auth", "NoAuth: true and AccountPassword exclude each other")
        return self

    def permit(self, settings: Settings) -> None:
        if self.no_auth:
            admit_no_auth(settings, login=self.login)


def _change(command: ModifyInstanceAccount, subject: Subject, access: CloudAccess) -> RedisAccountChange:
    password = None if command.account_password is None else resolved(command.account_password)
    return RedisAccountChange(
        RedisInstance(access, subject),
        ACTION,
        actions=(ACTION,),
        params=command.parameters(),
        secrets={"AccountPassword": password} if password else {},
        new=password,
    )


def _fleet(access: CloudAccess, region: str) -> RedisFleet:
    from shared.clouds.tencent.fleet import RedisFleet

    return RedisFleet(access, region)


operation = Operation(
    action=ACTION,
    cloud="tencent",
    service="redis",
    command=ModifyInstanceAccount,
    change=_change,
    rights=("redis:ModifyInstanceAccount", *RedisInstance.rights),
    follower=RedisInstance,
    rotation=Rotation(_fleet, rights=("redis:DescribeInstances", "redis:DescribeInstanceAccount")),
)
main_handler = OperationHandler(operation)
