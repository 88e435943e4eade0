"""The part of a world file about rights: who may do what on the clouds."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

from tests.cloud.state.world_table import WorldTable


class TemporaryKeys(WorldTable):
    """Temporary keys of a person or a role."""

    id: str
    key: str
    token: str


class Credentials(WorldTable):
    """The keys of the person who calls, by cloud."""

    tencent: TemporaryKeys
    alibaba: TemporaryKeys


class CallerRights(WorldTable):
    """The rights of the person who calls, as policy documents of that cloud; None: every right."""

    policies: tuple[dict[str, Any], ...] | None = None


class CallersRights(WorldTable):
    """The rights of the person who calls, by cloud."""

    tencent: CallerRights = CallerRights()
    alibaba: CallerRights = CallerRights()


class StartingRole(WorldTable):
    """A role that exists from the start. None as trust: its cloud's function service. None as rights: every right.

    `exists` false: this name does not exist, although a wider pattern matches it.
    """

    trust: dict[str, Any] | None = None
    policies: tuple[dict[str, Any], ...] | None = None
    exists: bool = True


class StartingRoles(WorldTable):
    """Roles by name or pattern of names. The longest pattern that matches applies."""

    roles: dict[str, StartingRole] = {"*": StartingRole()}


class OtherAccount(WorldTable):
    """An account other than the functions' own: its roles, and what it owns, by name or pattern of names."""

    roles: dict[str, StartingRole] = {}
    owns: tuple[str, ...] = ()


class OtherAccounts(WorldTable):
    """The other accounts of each cloud, by number."""

    tencent: dict[str, OtherAccount] = {}
    alibaba: dict[str, OtherAccount] = {}

    def of(self, cloud: Literal["tencent", "alibaba"]) -> dict[str, OtherAccount]:
        """The other accounts of one cloud."""
        return self.tencent if cloud == "tencent" else self.alibaba

    def owner_of(self, cloud: Literal["tencent", "alibaba"], name: str) -> str:
        """The number of the account that owns an instance, a registry or a secret.

        Empty: the functions' own account.
        """
        named = self.of(cloud).items()
        return next((number for number, one in named if any(fnmatchcase(name, owned) for owned in one.owns)), "")


class Activated(WorldTable):
    """The services whose first use somebody has agreed to in their consoles."""

    scf: bool = True
    cls: bool = True
    ssm: bool = True
    fc: bool = True
    sls: bool = True
    kms: bool = True
    smq: bool = True
    eventbridge: bool = True
