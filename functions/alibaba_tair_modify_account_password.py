"""ModifyAccountPassword: changes an account's password on a Tair or Redis instance; needs the old password.

Promise: the cloud accepts a change only with the password that is in force. So a command that is delivered twice, with
the same old and new password, changes the account once. Both passwords travel in the form body, never in the URL. If
the gateway says that it finds no passwords there, keyturn reports that.

Source: ModifyAccountPassword, R-kvstore 2015-01-01, 2024-02-20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from shared.clouds.alibaba.tair import AccountName, InstanceId, TairChange, TairInstance
from shared.commands.command import AlibabaCommand, Alternate, account_or_alternate
from shared.commands.password_rules import PasswordRule
from shared.commands.secrets import NewSecret, OldSecret, resolved
from shared.handlers.declaration import Operation, Rotation
from shared.handlers.operation import OperationHandler
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess

if TYPE_CHECKING:
    from shared.clouds.alibaba.fleet import TairFleet

ACTION = "ModifyAccountPassword"
TAIR_PASSWORD = PasswordRule(
    8, 32, classes=3, symbols="!@#$%^&*()_+-=", source="R-kvstore ModifyAccountPassword, 2024-02-20"
)


class ModifyAccountPassword(AlibabaCommand):
    """Change the password of one account. The old password is the fence: it stops a second delivery."""

    old_field: ClassVar[str | None] = "old_account_password"
    new_field: ClassVar[str] = "new_account_password"
    rule: ClassVar[PasswordRule] = TAIR_PASSWORD

    instance_id: InstanceId
    """The Tair or Redis instance on Alibaba Cloud."""
    account_name: AccountName | None = None
    """The account to change."""
    alternate: Alternate[AccountName] | None = None
    old_account_password: OldSecret | None = None
    """The password in force: the fence against repeats. With Alternate it comes from the store, and is not given."""
    new_account_password: Annotated[NewSecret, TAIR_PASSWORD]
    """The new password. It must differ from OldAccountPassword."""

    @property
    def alternates(self) -> tuple[str, ...]:
        return tuple(self.alternate or ())

    @model_validator(mode="after")
    def _fence_holds(self) -> ModifyAccountPassword:
        account_or_alternate(self, self.account_name)
        if (self.old_account_password is None) != bool(self.alternate):
            rule = "OldAccountPassword: give it, or Alternate, which takes it from the store, not both"
            raise PydanticCustomError("old", rule)
        if self.new_account_password == self.old_account_password:
            rule = "NewAccountPassword: must differ from OldAccountPassword, or a repeat could not be told"
            raise PydanticCustomError("same", rule)
        return self


def _change(command: ModifyAccountPassword, subject: Subject, access: CloudAccess) -> TairChange:
    assert command.old_account_password is not None  # noqa: S101 - the command's rule, or the store's secret
    old, new = resolved(command.old_account_password), resolved(command.new_account_password)
    secrets = {"OldAccountPassword": old, "NewAccountPassword": new}
    return TairChange(TairInstance(access, subject), ACTION, secrets, new, old)


def _fleet(access: CloudAccess, region: str) -> TairFleet:
    from shared.clouds.alibaba.fleet import TairFleet

    return TairFleet(access, region)


operation = Operation(
    action=ACTION,
    cloud="alibaba",
    service="tair",
    command=ModifyAccountPassword,
    change=_change,
    rights=("kvstore:ModifyAccountPassword", *TairInstance.rights),
    follower=TairInstance,
    rotation=Rotation(_fleet, rights=("kvstore:DescribeInstances", "kvstore:DescribeAccounts")),
)
main_handler = OperationHandler(operation)
