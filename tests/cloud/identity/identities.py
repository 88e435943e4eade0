"""Every identity of both clouds: the person who calls, and the roles of functions."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.runtime.spelling import meant
from tests.cloud.identity.documents import FUNCTION_SERVICE, Cloud, Question, is_allowed, service_trust, trusts
from tests.cloud.identity.roles import SCF_POLICY, SCF_ROLE, Role, RoleDirectory
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_UIN
from tests.cloud.state.identity_tables import Activated, CallersRights, TemporaryKeys
from tests.cloud.state.world import World

ACCOUNT: Mapping[Cloud, str] = {"tencent": TENCENT_UIN, "alibaba": ALIBABA_ACCOUNT}
_SCF_CONFIGURES = "scf.qcloud.com"


@dataclass(frozen=True)
class Caller:
    """The owner of the keys that sign a request.

    `role`: the role's name, empty for the person; `until`: epoch seconds of the world.

    `account`: empty for the functions' own account; `session`: the session name from AssumeRole.
    """

    cloud: Cloud
    keys: TemporaryKeys
    role: str = ""
    until: float | None = None
    account: str = ""
    session: str = ""

    @property
    def number(self) -> str:
        """The account's number."""
        return self.account or ACCOUNT[self.cloud]

    def has_token(self, given: str, now: float) -> bool:
        """Whether a token is this caller's and still valid."""
        same = hmac.compare_digest(given.encode(), self.keys.token.encode())
        return same and (self.until is None or now < self.until)


class Identities:
    """Finds callers by their key, creates keys of roles, and knows what each caller may do."""

    def __init__(self, world: World, now: Callable[[], float]) -> None:
        self._now = now
        self.roles: dict[Cloud, RoleDirectory] = {
            "tencent": RoleDirectory("tencent", world, now),
            "alibaba": RoleDirectory("alibaba", world, now),
        }
        self.reset(world)

    def reset(self, world: World) -> None:
        """Return to the state of this world. Keys that were given out are no longer valid."""
        self._world = world
        for directory in self.roles.values():
            directory.begin(world)
        clouds: tuple[Cloud, ...] = ("tencent", "alibaba")
        self._others = {
            (cloud, number): RoleDirectory(cloud, world, self._now, number)
            for cloud in clouds
            for number in world.accounts.of(cloud)
        }
        people = world.credentials
        self._people = {"tencent": Caller("tencent", people.tencent), "alibaba": Caller("alibaba", people.alibaba)}
        self._by_key: dict[tuple[Cloud, str], Caller] = {}
        self._of_role: dict[tuple[Cloud, str], Caller] = {}
        self.activated = world.activated
        self._rights = world.caller
        self._consent()

    def activate(self, services: Mapping[str, Any]) -> None:
        """Somebody agrees to services' first use, as in their consoles. Raises: ValueError: no such service."""
        known = Activated.model_fields
        if unknown := next((name for name in services if name not in known), None):
            near = meant(unknown, known) or ";"
            raise ValueError(f"there is no service {unknown}{near} known are {', '.join(known)}")
        self.activated = Activated.model_validate({**self.activated.model_dump(), **services})
        self._consent()

    def grant(self, rights: Mapping[str, Any]) -> None:
        """From now on the persons who call may do only what these documents allow.

        Raises: ValueError: there is no such table.
        """
        self._rights = CallersRights.model_validate({**self._rights.model_dump(), **rights})

    def find(self, cloud: Cloud, key_id: str) -> Caller | None:
        """The owner of this key."""
        person = self._people[cloud]
        if hmac.compare_digest(key_id.encode(), person.keys.id.encode()):
            return person
        return self._by_key.get((cloud, key_id))

    def keys_of(self, cloud: Cloud, role_name: str) -> TemporaryKeys | None:
        """Keys for a function with this role. They are renewed after half their time.

        None: the role does not exist, or does not trust the cloud's function service.
        """
        if not self.can_run_as(cloud, role_name):
            return None
        caller = self._of_role.get((cloud, role_name))
        life_s = self._world.role_keys_s
        if caller is None or caller.until is None or caller.until - self._now() < life_s / 2:
            caller = Caller(cloud, _new_keys(cloud), role_name, self._now() + life_s)
            self._of_role[cloud, role_name] = self._by_key[cloud, caller.keys.id] = caller
        return caller.keys

    def directory(self, cloud: Cloud, number: str) -> RoleDirectory | None:
        """The roles of an account, by the account's number."""
        return self.roles[cloud] if number == ACCOUNT[cloud] else self._others.get((cloud, number))

    def assume(self, role: Role, account: str, cloud: Cloud, session: str, life_s: float) -> Caller:
        """New keys of a role, after the rights were checked; `account`: its number."""
        own = account == ACCOUNT[cloud]
        until = self._now() + life_s
        caller = Caller(cloud, _new_keys(cloud), role.name, until, "" if own else account, session)
        self._by_key[cloud, caller.keys.id] = caller
        return caller

    def seen(self, cloud: Cloud, role_name: str) -> Role | None:
        """A role as the cloud's other services see it: they see a new role after some time."""
        role = self.roles[cloud].find(role_name)
        late = role is not None and self._now() < role.made_by_call_at + self._world.role_lag_s
        return None if late else role

    def can_run_as(self, cloud: Cloud, role_name: str) -> bool:
        """Whether a role exists and lets the cloud's function service take it."""
        role = self.seen(cloud, role_name)
        return role is not None and (not self._world.holds("D10") or trusts(cloud, role.trust, FUNCTION_SERVICE[cloud]))

    def may(self, caller: Caller, action: str, resource: str = "*") -> bool:
        """Whether a caller's policies allow an action on a resource.

        `*`: an action that is judged without a resource.
        """
        # claims: D11, D12, E7
        documents = self._documents(caller)
        if documents is None:
            return True
        cloud, holds = caller.cloud, self._world.holds
        if (cloud == "tencent" and not holds("D11")) or (cloud == "alibaba" and not holds("E7")):
            resource = "*"  # every action is judged without a resource
        return is_allowed(Question(cloud, action, resource, caller.number, levels=holds("D12")), documents)

    def may_pass(self, caller: Caller, resource: str) -> bool:
        """Whether a caller may give this role to a service."""
        right = "cam:PassRole" if caller.cloud == "tencent" else "ram:PassRole"
        return not self._world.holds("D10") or self.may(caller, right, resource)

    def may_everything(self, caller: Caller) -> bool:
        """Whether the world sets no limit on what a caller may do."""
        return self._documents(caller) is None

    def _documents(self, caller: Caller) -> tuple[dict[str, Any], ...] | list[dict[str, Any]] | None:
        if caller.role:
            directory = self.directory(caller.cloud, caller.number)
            role = directory.find(caller.role) if directory is not None else None
            return directory.documents_of(role) if directory is not None and role is not None else []
        rights = self._rights.tencent if caller.cloud == "tencent" else self._rights.alibaba
        return rights.policies

    def _consent(self) -> None:
        """Whether somebody agreed to SCF's first use. The console creates a role for that."""
        # claims: D4, I7
        directory = self.roles["tencent"]
        if self.activated.scf and directory.find(SCF_ROLE) is None:
            role = directory.add(SCF_ROLE, service_trust("tencent", _SCF_CONFIGURES))
            role.attached[SCF_POLICY] = self._now()


def _new_keys(cloud: Cloud) -> TemporaryKeys:
    prefix = "AKID" if cloud == "tencent" else "STS."
    return TemporaryKeys(id=prefix + secrets.token_hex(12), key=secrets.token_hex(16), token=secrets.token_urlsafe(48))
