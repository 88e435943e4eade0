"""ModifyServiceAccountPassword: changes a service account's password in a Tencent container registry.

Promise: with a given password, a repeated command sets the same value again (the last write wins; there is no fence).
With `Random` each delivery makes a new password and shows it once, in the HTTP reply. If that reply is lost, rotate
again. With `Random` and a store, keyturn makes the password itself, by the registry's rule, and stores it first.

Source: ModifyServiceAccountPassword, tcr 2019-09-24, 2024-03-21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import StringConstraints

from shared.clouds.tencent.service_accounts import PREFIX
from shared.clouds.tencent.tcr import RegistryChange
from shared.commands.command import TencentCommand
from shared.commands.password_rules import PasswordRule
from shared.commands.secrets import Generate, NewSecret, resolved
from shared.commands.store_reference import StoreRef
from shared.handlers.declaration import Operation, Rotation
from shared.handlers.operation import OperationHandler
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.secret import Secret

if TYPE_CHECKING:
    from shared.clouds.tencent.fleet import RegistryFleet

# Which special characters are taken is not published; visible ASCII is what an HTTP login can carry.
TCR_PASSWORD = PasswordRule(
    8,
    20,
    must=("an upper-case letter", "a lower-case letter", "a digit"),
    source="TCR ModifyServiceAccountPassword, 2024-03-21",
)


class ModifyServiceAccountPassword(TencentCommand):
    """Set a service account's password, or let the registry make one. Both forms of the name are taken."""

    resource_field: ClassVar[str] = "RegistryId"
    account_field: ClassVar[str | None] = "Name"
    new_field: ClassVar[str] = "password"
    instead_field: ClassVar[str | None] = "random"
    rule: ClassVar[PasswordRule] = TCR_PASSWORD

    registry_id: Annotated[str, StringConstraints(pattern=r"^tcr-[A-Za-z0-9-]{1,60}$")]
    """The container registry."""
    name: Annotated[str, StringConstraints(pattern=r"^(tcr\$)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    """The service account, with or without `tcr$`."""
    random: bool
    """The registry makes the password: each delivery a new one, shown once. With Deliver.Store keyturn makes it.
    Excludes Password."""
    password: Annotated[NewSecret, TCR_PASSWORD] | None = None
    """The new password, where Random is false."""

    @classmethod
    def bare_account(cls, given: str) -> str:
        return given.removeprefix(PREFIX)

    @property
    def returns_secret(self) -> bool:
        return self.random and (self.deliver is None or self.deliver.store is None)

    @property
    def given_new(self) -> Secret | StoreRef | Generate | None:
        # What the registry makes is known only by its answer. What a store is to keep is made here, and written first.
        return Generate(self.rule.longest) if self.random and not self.returns_secret else self.password


def _change(command: ModifyServiceAccountPassword, subject: Subject, access: CloudAccess) -> RegistryChange:
    new = None if command.password is None else resolved(command.password)
    return RegistryChange(access, subject, access.site, new)


def _fleet(access: CloudAccess, region: str) -> RegistryFleet:
    from shared.clouds.tencent.fleet import RegistryFleet

    return RegistryFleet(access, region)


operation = Operation(
    action="ModifyServiceAccountPassword",
    cloud="tencent",
    service="tcr",
    command=ModifyServiceAccountPassword,
    change=_change,
    rights=("tcr:ModifyServiceAccountPassword", "tcr:DescribeServiceAccounts", "tcr:DescribeInstances"),
    rotation=Rotation(
        _fleet, rights=("tcr:DescribeInstances", "tcr:DescribeServiceAccounts"), parameters={"Random": False}
    ),
)
main_handler = OperationHandler(operation)
