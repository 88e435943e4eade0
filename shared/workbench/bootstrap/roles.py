"""A function's role and the policy of its name, as both clouds have them; the calls themselves are each cloud's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.workbench.bootstrap import regions
from shared.workbench.bootstrap.needs import Role
from shared.workbench.bootstrap.resources import (
    ApiCall,
    Found,
    as_text,
    is_marked,
    of_another_service,
    same_document,
    service_of,
)

NO_POLICY = "it has no policy of its name"
OTHER_POLICY = "the policy of its name differs from what the function needs"


@dataclass(frozen=True)
class Standing:
    """A role or a policy as the account has it. `document`: who may take the role, or what the policy allows."""

    document: str
    description: object
    id: int = 0  # CAM's number of a policy


class FunctionRole(ABC):
    """A role and the policy of its name, which functions of several regions may share."""

    kind = "role"
    after = ""

    def __init__(self, region: str, role: Role, mark: str, calls: Iterable[ApiCall]) -> None:
        """`calls`: what makes the role, its policy and joins the two; a role without a policy has the first alone."""
        self.name = role.name
        self._region, self._role, self._mark = region, role, mark
        self._create, *self._create_policy_and_attach = calls

    def look(self) -> Found:
        """Another's role may be used as it is, if it trusts the platform and has a policy that says the same."""
        role, policy = self._find_role(), self._find_policy()
        told = [one.description for one in (role, policy) if one]
        if theirs := of_another_service(service_of(self._mark), *map(service_of, told)):
            return theirs
        by_hand = policy is not None and not self._is_ours(policy)
        if role is None:
            if by_hand:
                return Found("foreign", why=f"a policy {self.name} stands that is not bootstrap's: remove or rename it")
            return Found("missing", ours=policy is not None)
        ours, wrong = self._is_ours(role), self._wrong(role, policy)
        elsewhere = ours and policy is not None and regions.is_of_others_alone(policy.document, self._region)
        if not wrong:
            return Found("there", ours=ours and not elsewhere)
        if not ours and wrong == NO_POLICY:
            return Found("there", why="made by hand: whether its policies are enough was not compared")
        if elsewhere:
            return Found("differs", why="its policy is of functions in another region alone; theirs is kept")
        mends = ours and not (by_hand and wrong == OTHER_POLICY)
        return Found("differs" if mends else "foreign", ours=ours, why=wrong)

    def make(self) -> None:
        """See Resource."""
        role = self._find_role()
        if role is None:
            self._do(self._create)
        elif not same_document(role.document, self._role.trust):
            self._change_trust(as_text(self._role.trust))
        if not self._create_policy_and_attach:
            return
        create, attach = self._create_policy_and_attach
        policy = self._find_policy()
        if policy is None:
            self._do(create)
        elif not same_document(policy.document, wanted := self._wanted(policy)):
            self._rewrite(policy, as_text(wanted))
        if not self._is_attached():
            self._do(attach)

    def take_away(self) -> None:
        """See Resource. What functions of another region run with stays."""
        role, policy = self._find_role(), self._find_policy()
        if policy and (left := regions.without(policy.document, self._region)):
            if self._is_ours(policy):
                self._rewrite(policy, as_text(left))
            return
        if role and self._is_ours(role):
            self._delete_role()
        if policy and self._is_ours(policy):
            self._delete_policy(policy)

    def _wrong(self, role: Standing, policy: Standing | None) -> str:
        """What differs of a role that is there."""
        if not same_document(role.document, self._role.trust):
            return "its trust policy is not that of the functions' service"
        if self._role.policy is None:
            return ""
        if policy is None:
            return NO_POLICY
        if not same_document(policy.document, self._wanted(policy)):
            return OTHER_POLICY
        return "" if self._is_attached() else "the policy of its name is not attached"

    def _wanted(self, policy: Standing) -> dict[str, Any]:
        return regions.united(policy.document, self._role.policy or {}, self._region)

    def _is_ours(self, standing: Standing) -> bool:
        return is_marked(standing.description, self._mark)

    @abstractmethod
    def _do(self, call: ApiCall) -> object: ...
    @abstractmethod
    def _find_role(self) -> Standing | None: ...
    @abstractmethod
    def _find_policy(self) -> Standing | None:
        """The account's own policy of the role's name."""

    @abstractmethod
    def _change_trust(self, document: str) -> None: ...
    @abstractmethod
    def _rewrite(self, policy: Standing, document: str) -> None: ...
    @abstractmethod
    def _is_attached(self) -> bool: ...
    @abstractmethod
    def _delete_role(self) -> None:
        """Detach all its policies, whosever they are, and delete it."""

    @abstractmethod
    def _delete_policy(self, policy: Standing) -> None: ...
