"""One account's roles and the policies attached to them, as CAM or RAM keeps them.

The world describes some roles only by a pattern of names. Such a role is created when its name is first used.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.cloud.identity.documents import EVERYTHING, FUNCTION_SERVICE, Cloud, service_trust
from tests.cloud.state.identity_tables import StartingRole
from tests.cloud.state.world import World

ADMINISTRATOR = "AdministratorAccess"
SCF_ROLE = "SCF_QcsRole"
SCF_POLICY = "QcloudAccessForScfRole"
LINKED_SERVICES: Mapping[str, str] = {
    "AliyunServiceRoleForEventBridgeSendToFC": "sendevent-fc.eventbridge.aliyuncs.com",
    "AliyunServiceRoleForEventBridgeSourceMNS": "source-mns.eventbridge.aliyuncs.com",
    "AliyunServiceRoleForEventBridgeSendToMNS": "sendevent-mns.eventbridge.aliyuncs.com",
}
"""Service-linked roles that a trigger on an SMQ queue may need -> the service of each."""
_FIRST_ID = 4_611_686_018_427_000_000


@dataclass
class ManagedPolicy:
    """A policy that can be attached. Its newest version applies. Times are in epoch seconds of the world."""

    name: str
    id: int
    versions: dict[int, dict[str, Any]]
    current: int = 1
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    of_the_cloud: bool = False
    created: float = 0.0
    updated: float = 0.0

    @property
    def document(self) -> dict[str, Any]:
        """The document of the newest version."""
        return self.versions[self.current]


@dataclass
class Role:
    """A role; `attached` are names of policies, with the time of each. `linked`: the service that owns the role."""

    name: str
    id: int
    trust: dict[str, Any]
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    attached: dict[str, float] = field(default_factory=dict)
    session_s: int = 7200
    linked: str = ""
    created: float = 0.0
    updated: float = 0.0
    made_by_call_at: float = 0.0
    """Epoch seconds of the world; 0 for a role that the world starts with."""


class RoleDirectory:
    """The roles and policies of one account on one cloud. No pattern of names matches SCF's own role."""

    def __init__(self, cloud: Cloud, world: World, now: Callable[[], float], account: str = "") -> None:
        self.cloud: Cloud = cloud
        self.account = account  # empty: the functions' own
        self.now = now
        self.begin(world)

    def begin(self, world: World) -> None:
        """Set the roles that the world starts with."""
        own = (world.cam if self.cloud == "tencent" else world.ram).roles
        self._starting = world.accounts.of(self.cloud)[self.account].roles if self.account else own
        self._ids = itertools.count(_FIRST_ID)
        self._roles: dict[str, Role] = {}
        self._deleted: set[str] = set()
        self.policies: dict[str, ManagedPolicy] = {}
        system = [ADMINISTRATOR, *([SCF_POLICY] if self.cloud == "tencent" else [])]
        for name in system:
            self.add_policy(name, EVERYTHING[self.cloud]).of_the_cloud = True
        for name in self._starting:
            if "*" not in name:
                self.find(name)

    def find(self, name: str) -> Role | None:
        """The role of this name, if there is one."""
        if name in self._roles or name in self._deleted:
            return self._roles.get(name)
        fitting = [one for one in self._starting if one == name or (fnmatchcase(name, one) and name != SCF_ROLE)]
        spec = self._starting[max(fitting, key=lambda one: (one == name, len(one)))] if fitting else None
        return self._begin_role(name, spec) if spec is not None and spec.exists else None

    def every(self) -> Iterator[Role]:
        """The roles in a list: a role of a pattern only after its name was used."""
        yield from self._roles.values()

    def add(self, name: str, trust: Mapping[str, Any], **values: Any) -> Role:
        """A new role. The caller has checked that the name is free."""
        self._deleted.discard(name)
        moment = self.now()
        role = Role(name, next(self._ids), dict(trust), created=moment, updated=moment, **values)
        role.made_by_call_at = moment
        self._roles[name] = role
        return role

    def add_linked(self, service: str) -> Role:
        """A service-linked role. Raises: KeyError: the service has none here; ValueError: it exists already."""
        name = {of: role for role, of in LINKED_SERVICES.items()}[service]
        if self.find(name) is not None:
            raise ValueError(name)
        return self.add(name, service_trust(self.cloud, service), linked=service)

    def remove(self, role: Role) -> None:
        """Delete a role. Its name is free again."""
        del self._roles[role.name]
        self._deleted.add(role.name)

    def add_policy(self, name: str, document: Mapping[str, Any], description: str = "") -> ManagedPolicy:
        """A new policy. The caller has checked that the name is free."""
        moment = self.now()
        policy = ManagedPolicy(name, next(self._ids), {1: dict(document)}, 1, description)
        policy.created = policy.updated = moment
        self.policies[name] = policy
        return policy

    def documents_of(self, role: Role) -> list[dict[str, Any]]:
        """The documents of a role's policies."""
        return [self.policies[name].document for name in role.attached if name in self.policies]

    def holders_of(self, policy: ManagedPolicy) -> list[Role]:
        """The roles that a policy is attached to."""
        return [one for one in self._roles.values() if policy.name in one.attached]

    def _begin_role(self, name: str, spec: StartingRole) -> Role:
        trust = spec.trust or service_trust(self.cloud, FUNCTION_SERVICE[self.cloud])
        role = self.add(name, trust, linked=LINKED_SERVICES.get(name, ""))
        role.made_by_call_at = 0.0
        if spec.policies is None:
            role.attached[ADMINISTRATOR] = self.now()
        for place, document in enumerate(spec.policies or ()):
            own = name if place == 0 else f"{name}-{place + 1}"
            self.add_policy(own, document)
            role.attached[own] = self.now()
        return role
