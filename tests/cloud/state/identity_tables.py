"""The part of a world file that says who may do what on its clouds."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

from tests.cloud.state.world_table import WorldTable


class TemporaryKeys(WorldTable):
    """Temporary keys, of a person or of a role."""

    id: str
    key: str
    token: str


class Credentials(WorldTable):
    """The keys of the person who calls, by cloud."""

    tencent: TemporaryKeys
    alibaba: TemporaryKeys


class CallerRights(WorldTable):
    """What the person who calls may do, as policy documents of that cloud; None: everything."""

    policies: tuple[dict[str, Any], ...] | None = None


class CallersRights(WorldTable):
    """The rights of the person who calls, by cloud."""

    tencent: CallerRights = CallerRights()
    alibaba: CallerRights = CallerRights()


class StartingRole(WorldTable):
    """A role that is there from the start. None: its cloud's function service may take it; it may do everything.

    `exists` false: there is none of this name, though a wider pattern fits it.
    """

    trust: dict[str, Any] | None = None
    policies: tuple[dict[str, Any], ...] | None = None
    exists: bool = True


class StartingRoles(WorldTable):
    """Roles by name, or by a pattern of names; the longest that fits counts."""

    roles: dict[str, StartingRole] = {"*": StartingRole()}


class OtherAccount(WorldTable):
    """An account beside the one that functions run in: its roles, and what it owns, by name or pattern of names."""

    roles: dict[str, StartingRole] = {}
    owns: tuple[str, ...] = ()


class OtherAccounts(WorldTable):
    """The other accounts of each cloud, by number."""

    tencent: dict[str, OtherAccount] = {}
    alibaba: dict[str, OtherAccount] = {}

    def of(self, cloud: Literal["tencent", "alibaba"]) -> dict[str, OtherAccount]:
        """One cloud's."""
        return self.tencent if cloud == "tencent" else self.alibaba

    def owner_of(self, cloud: Literal["tencent", "alibaba"], name: str) -> str:
        """The account that an instance, a registry or a secret is of; empty: the functions' own."""
        named = self.of(cloud).items()
        return next((number for number, one in named if any(fnmatchcase(name, owned) for owned in one.owns)), "")


class Activated(WorldTable):
    """Services to whose first use somebody has agreed in their consoles."""

    scf: bool = True
    cls: bool = True
    ssm: bool = True
    fc: bool = True
    sls: bool = True
    kms: bool = True
    smq: bool = True
    eventbridge: bool = True
