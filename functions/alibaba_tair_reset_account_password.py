"""ResetAccountPassword: sets an account's password on a Tair or Redis instance, without the old one.

Promise: there is no fence. The call needs no old password, so a second delivery changes the password again and undoes
what somebody set in between (the last write wins). Use `Generate` with `Store`: a second delivery then sets the same
password. If you know the old password, ModifyAccountPassword is safer. The password travels in the form body, never in
the URL.

The API shows no task and no time. If keyturn did not see the account change, only `Login` can prove the change.

Source: ResetAccountPassword, R-kvstore 2015-01-01, 2026-01-28.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import model_validator

from shared.clouds.alibaba.tair import AccountName, InstanceId, TairChange, TairInstance
from shared.commands.command import AlibabaCommand, Alternate, account_or_alternate
from shared.commands.password_rules import PasswordRule
from shared.commands.secrets import NewSecret, resolved
from shared.handlers.declaration import Operation, Rotation
from shared.handlers.operation import OperationHandler
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess

if TYPE_CHECKING:
    from shared.clouds.alibaba.fleet import TairFleet

ACTION = "ResetAccountPassword"
TAIR_PASSWORD = PasswordRule(
    8, 32, classes=3, symbols="!@#$%^&*()_+-=", source="R-kvstore ResetAccountPassword, 2026-01-28"
)


class ResetAccountPassword(AlibabaCommand):
    """Set the password of one account. There is no fence, because the call needs no old password."""

    new_field: ClassVar[str] = "account_password"
    rule: ClassVar[PasswordRule] = TAIR_PASSWORD

    instance_id: InstanceId
    """The Tair or Redis instance on Alibaba Cloud, of Redis 4.0 or later."""
    account_name: AccountName | None = None
    """The account to change."""
    alternate: Alternate[AccountName] | None = None
    account_password: Annotated[NewSecret, TAIR_PASSWORD]
    """The new password. A redelivery sets it again: Generate with Deliver.Store is safer."""

    @property
    def alternates(self) -> tuple[str, ...]:
        return tuple(self.alternate or ())

    @model_validator(mode="after")
    def _one_account_or_two(self) -> ResetAccountPassword:
        account_or_alternate(self, self.account_name)
        return self


def _change(command: ResetAccountPassword, subject: Subject, access: CloudAccess) -> TairChange:
    new = resolved(command.account_password)
    return TairChange(TairInstance(access, subject), ACTION, {"AccountPassword": new}, new)


def _fleet(access: CloudAccess, region: str) -> TairFleet:
    from shared.clouds.alibaba.fleet import TairFleet

    return TairFleet(access, region)


operation = Operation(
    action=ACTION,
    cloud="alibaba",
    service="tair",
    command=ResetAccountPassword,
    change=_change,
    rights=("kvstore:ResetAccountPassword", *TairInstance.rights),
    follower=TairInstance,
    rotation=Rotation(_fleet, rights=("kvstore:DescribeInstances", "kvstore:DescribeAccounts")),
)
main_handler = OperationHandler(operation)
