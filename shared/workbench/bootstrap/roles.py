"""A function's role and its policy, as CAM and RAM both keep them: how they stand, are made and are taken away.

A role is the account's. Each region's policy is its own, so that no region's bootstrap touches another region's rights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.workbench.bootstrap.needs import Role
from shared.workbench.bootstrap.resources import (
    ApiCall,
    Found,
    is_marked,
    of_another_service,
    same_document,
    service_of,
)

OTHER_TRUST = "its trust policy is not that of the functions' service"
NO_POLICY = "it has no policy {}"
OTHER_POLICY = "the policy {} differs from what the function needs"
NOT_NEEDED = "the policy {} grants what the function does not need any more"
NOT_ATTACHED = "the policy {} is not attached: attach it to the role"
SHARED = "another policy is on it: functions of another region run with it, or somebody attached it"
RIGHTS_UNKNOWN = "made by hand: whether its policies are enough was not compared"


@dataclass(frozen=True)
class Kept:
    """A role or a policy as its cloud shows it. `document`: who may take the role, or what the policy grants."""

    document: str
    description: str


class RoleApi(Protocol):
    """One cloud's calls. Each may raise CallRefused, CallLost or CallerRefused."""

    def creation(self, role: Role) -> Sequence[ApiCall]:
        """The calls that make a role; with a policy, that one and its attachment, too."""

    def do(self, call: ApiCall) -> object:
        """Make one of them."""

    def role(self, name: str) -> Kept | None:
        """None: there is none."""

    def policy(self, name: str) -> Kept | None:
        """None: the account has none of its own."""

    def attached(self, role: str) -> Mapping[str, Any]:
        """The names of a role's policies, each with what `detach` wants to know of it."""

    def set_trust(self, role: str, document: Mapping[str, Any]) -> None: ...
    def rewrite(self, policy: str, document: Mapping[str, Any]) -> None: ...
    def detach(self, role: str, policy: str, known: Any) -> None: ...
    def delete_role(self, role: str) -> None: ...
    def delete_policy(self, policy: str) -> None: ...


class FunctionRole:
    """A role, and the policy that grants in one region what the function does."""

    kind = "role"
    place = ""
    after = ""

    def __init__(self, api: RoleApi, role: Role, mark: str) -> None:
        self._api, self._role, self._mark, self.name = api, role, mark, role.name

    def look(self) -> Found:
        """Another's role may be used as it is, if it trusts the platform and its policy, if there, says the same."""
        role, policy = self._api.role(self.name), self._api.policy(self._role.policy_name)
        told = [one.description for one in (role, policy) if one]
        if theirs := of_another_service(service_of(self._mark), *map(service_of, told)):
            return theirs
        by_hand = policy is not None and not self._is_marked(policy)
        if role is None:
            text = f"a policy {self._role.policy_name} stands that is not bootstrap's: remove or rename it"
            return Found("foreign", why=text) if by_hand else Found("missing", ours=policy is not None)
        is_made_here, wrong = self._is_marked(role), self._wrong(role, policy)
        is_shared = is_made_here and self._is_shared()
        if is_shared and policy is None:
            return Found("differs", why=SHARED) if wrong else Found("there")
        ours = (is_made_here and not is_shared) or (policy is not None and not by_hand)
        if not wrong or (not is_made_here and wrong == NO_POLICY):
            return Found("there", ours=ours, why=RIGHTS_UNKNOWN if wrong else "")
        mends = is_made_here and not (by_hand and wrong == OTHER_POLICY)
        return Found("differs" if mends else "foreign", ours=ours, why=wrong.format(self._role.policy_name))

    def make(self) -> None:
        create, *rest = self._api.creation(self._role)
        role = self._api.role(self.name)
        if role is None:
            self._api.do(create)
        elif not same_document(role.document, self._role.trust):
            self._api.set_trust(self.name, self._role.trust)
        policy = self._api.policy(self._role.policy_name)
        if self._role.policy is None:
            if policy and self._is_marked(policy):
                self._drop_policy()
            return
        create_policy, attach = rest
        if policy is None:
            self._api.do(create_policy)
        elif not same_document(policy.document, self._role.policy):
            self._api.rewrite(self._role.policy_name, self._role.policy)
        if self._role.policy_name not in self._api.attached(self.name):
            self._api.do(attach)

    def take_away(self) -> None:
        """This region's policy, and the role unless another one is on it."""
        role, policy = self._api.role(self.name), self._api.policy(self._role.policy_name)
        if policy and self._is_marked(policy):
            self._drop_policy()
        if role and self._is_marked(role) and not self._api.attached(self.name):
            self._api.delete_role(self.name)

    def _drop_policy(self) -> None:
        """Detach this region's policy, and delete it."""
        own = self._role.policy_name
        attached = self._api.attached(self.name) if self._api.role(self.name) else {}
        if own in attached:
            self._api.detach(self.name, own, attached[own])
        self._api.delete_policy(own)

    def _wrong(self, role: Kept, policy: Kept | None) -> str:
        """What differs of a role that is there."""
        if not same_document(role.document, self._role.trust):
            return OTHER_TRUST
        if self._role.policy is None:
            return NOT_NEEDED if policy and self._is_marked(policy) else ""
        if policy is None:
            return NO_POLICY
        if not same_document(policy.document, self._role.policy):
            return OTHER_POLICY
        return "" if self._role.policy_name in self._api.attached(self.name) else NOT_ATTACHED

    def _is_shared(self) -> bool:
        """Whether the role has another policy, too: another region's, or one that a person attached."""
        return any(name != self._role.policy_name for name in self._api.attached(self.name))

    def _is_marked(self, one: Kept) -> bool:
        return is_marked(one.description, self._mark)
