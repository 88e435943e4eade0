"""ModifyAccountPassword: an account of a Tair or Redis instance on Alibaba Cloud, fenced by the old password.

Promise: the cloud takes a change only with the password that is in force, so a command that is delivered again, with
the same old and new password, changes it at most once. Both passwords travel in the form body, never in the URL; if
the gateway says that they are missing there, that is the answer.

Source: ModifyAccountPassword, R-kvstore 2015-01-01, 2024-02-20.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.clouds.alibaba_tair import TairChange, TairInstance
from shared.clouds.session import Access
from shared.command import AlibabaCommand
from shared.operation import Operation
from shared.result import Subject
from shared.rules import PasswordRule
from shared.secret import Secret

TAIR_PASSWORD = PasswordRule(
    8, 32, classes=3, symbols="!@#$%^&*()_+-=", source="R-kvstore ModifyAccountPassword, 2024-02-20"
)


class ModifyAccountPassword(AlibabaCommand):
    """Change the password of one account; the old one must be given (it is the fence against repeats)."""

    instance_id: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,4}-[a-z0-9]{1,60}$")]
    # The account that an instance comes with is named after the instance, so a hyphen may occur.
    account_name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,99}$")]
    old_account_password: Secret
    new_account_password: Annotated[Secret, TAIR_PASSWORD]

    @model_validator(mode="after")
    def _fence_holds(self) -> ModifyAccountPassword:
        if self.new_account_password == self.old_account_password:
            rule = "NewAccountPassword: must differ from OldAccountPassword, or a repeat could not be told"
            raise PydanticCustomError("same", rule)
        return self


def _credential(command: ModifyAccountPassword, subject: Subject, access: Access) -> TairChange:
    return TairChange(TairInstance(access, subject), command.old_account_password, command.new_account_password)


main_handler = Operation(
    name="ModifyAccountPassword",
    function="alibaba_tair_modify_account_password",
    cloud="alibaba",
    service="tair",
    command=ModifyAccountPassword,
    credential=_credential,
    rights=(
        "kvstore:ModifyAccountPassword",
        "kvstore:DescribeAccounts",
        "kvstore:DescribeInstanceAttribute",
        "kvstore:DescribeInstanceSSL",
    ),
)
