"""A rotation's policy: the command in a timer's text, and the commands that keyturn makes for due credentials."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

from shared.commands.command import CommandId, Moment, Region, Role, Site
from shared.commands.store_reference import StoreRef, parse_ref
from shared.results.outcome import Subject
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.regions import region_rule, regions_of
from shared.runtime.role_names import role_parts
from shared.runtime.wildcard import matches_wildcard

FUNCTION = "plan_rotation"

PolicyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
_Pattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9*][A-Za-z0-9*._-]{0,99}$")]
_Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
_TagKey = Annotated[str, StringConstraints(min_length=1, max_length=128)]
_TagText = Annotated[str, StringConstraints(max_length=256)]
_Count = Annotated[int, Field(ge=0)]
_ACCOUNTS = "Accounts: give patterns, or Alternate with two accounts, not both"
_PLACES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class CommandSpelling:
    """The field names and limits of an operation's command, as far as a policy needs them."""

    cloud: str
    service: str
    resource: str
    account: str | None  # None: the operation changes one fixed account of the instance
    new: str
    old: str | None  # None: the operation takes no old secret
    lengths: range  # lengths of a secret that the API accepts
    length: int  # the length if the policy names none
    alternates: bool  # whether it can change two accounts in turn
    only: str | None  # the fixed account
    parameters: Mapping[str, Any]  # further parameters that the API needs


class _Form(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_pascal, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )


class Resources(_Form):
    """Which resources: those with all the tags, and with a name that matches a pattern. Give one of the two or both."""

    tags: Annotated[dict[_TagKey, _TagText], Field(max_length=20)] = {}
    patterns: Annotated[list[_Pattern], Field(max_length=50)] = []

    @model_validator(mode="after")
    def _something(self) -> Resources:
        if not self.tags and not self.patterns:
            raise PydanticCustomError(
                "resources", "must name Tags, Patterns or both; for every resource, set Patterns to one *"
            )
        return self

    def selects(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether a resource belongs to the policy."""
        return all(tags.get(key) == value for key, value in self.tags.items()) and (
            not self.patterns or matches(self.patterns, name)
        )


class Continuation(_Form):
    """Where a firing continues. Only keyturn writes this: what was listed and reported, and when to send next."""

    firing: CommandId
    fired: Moment
    page: _Count  # the number of the report's next page
    offset: _Count
    after: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    next: Moment
    listed: _Count
    due: _Count
    sent: _Count
    not_due: _Count
    unknown: _Count
    not_allowed: _Count


class PlanRotation(_Form):
    """Send a command for each credential of a fleet whose secret is older than `MaxAgeDays`, or report the ages."""

    names: ClassVar[frozenset[str]]

    policy: PolicyName
    function: Annotated[str, StringConstraints(pattern=r"^(tencent|alibaba)(_[a-z0-9]+)+$", max_length=100)]
    region: Region | None = None
    regions: Annotated[list[Region], Field(min_length=1, max_length=50)] | None = None
    role: Role | None = None
    roles: Annotated[list[Role], Field(min_length=1, max_length=100)] | None = None
    site: Site | None = None
    resources: Resources
    accounts: Annotated[list[_Pattern], Field(min_length=1, max_length=50)] | None = None
    alternate: Annotated[list[_Account], Field(min_length=2, max_length=2)] | None = None
    max_age_days: Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False)]
    store: Annotated[str, StringConstraints(max_length=200)] | None = None
    length: int | None = None
    mode: Literal["rotate", "report"] = "rotate"
    jitter_s: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 5.0
    login: bool = False
    command_id: CommandId | None = None
    begun: Annotated[Continuation | None, Field(alias="From")] = None

    @model_validator(mode="after")
    def _fits_itself(self) -> PlanRotation:
        if self.accounts is not None and self.alternate is not None:
            raise PydanticCustomError("accounts", _ACCOUNTS)
        if self.alternate and self.alternate[0] == self.alternate[1]:
            raise PydanticCustomError("alternate", "Alternate: must name two different accounts")
        for one, several in (("region", "regions"), ("role", "roles")):
            listed = getattr(self, several)
            if listed is not None and (getattr(self, one) is not None or len(set(listed)) < len(listed)):
                rule = f"{to_pascal(several)}: must not repeat a value, and excludes {to_pascal(one)}"
                raise PydanticCustomError(several, "{rule}", {"rule": rule})
        self._check_store()
        return self

    @property
    def is_spread(self) -> bool:
        """Whether it is for several regions or accounts. Each of them is listed separately."""
        return self.regions is not None or self.roles is not None

    @property
    def places(self) -> list[tuple[str | None, str | None]]:
        """Each pair of region and role. None: the function's own region or account."""
        regions: Sequence[str | None] = self.regions or [self.region]
        roles: Sequence[str | None] = self.roles or [self.role]
        return list(product(regions, roles))

    def _check_store(self) -> None:
        if self.store is None:
            if self.mode == "rotate":
                raise PydanticCustomError("store", "Store: is required, as only the store will hold the new secrets")
            return
        found = set(_PLACES.findall(self.store))
        try:
            place = self.store_of("r", "a")
        except ValueError:
            place = None
        if place is None or place.version is not None or not found <= {"{resource}", "{account}"}:
            rule = "Store: must read ssm://name or kms://name, with {resource} and {account} in the name and no version"
            raise PydanticCustomError("store", "{rule}", {"rule": rule})
        if self.alternate and "{account}" in found:
            rule = "Store: with Alternate one secret holds both accounts: leave out {account}"
            raise PydanticCustomError("store", "{rule}", {"rule": rule})
        # If two credentials had one secret, one password would be lost.
        several = self.accounts is not None and (len(self.accounts) > 1 or "*" in self.accounts[0])
        if several and "{account}" not in found:
            raise PydanticCustomError("store", "{rule}", {"rule": "Store: must hold {account}, one per account"})
        patterns = self.resources.patterns
        if (len(patterns) != 1 or "*" in patterns[0]) and "{resource}" not in found:
            raise PydanticCustomError("store", "{rule}", {"rule": "Store: must hold {resource}, one per resource"})

    def store_of(self, resource: str, account: str) -> StoreRef | None:
        """The store for a credential's secret. Raises: ValueError if the name is not valid for a store."""
        if self.store is None:
            return None
        return parse_ref(self.store.replace("{resource}", resource).replace("{account}", account))


PlanRotation.names = frozenset(field.alias or name for name, field in PlanRotation.model_fields.items())


@dataclass(frozen=True)
class Policy:
    """A plan, with the field names of its operation's command."""

    plan: PlanRotation
    spelling: CommandSpelling

    def check(self) -> None:
        """Check that the plan fits its operation. Raises: Refused (invalid_command), naming the field and the rule."""
        plan, spelling, rule = self.plan, self.spelling, None
        store, roles = plan.store_of("r", "a"), {role for _, role in plan.places if role is not None}
        known = regions_of(spelling.cloud)
        if odd := [region for region, _ in plan.places if region is not None and region not in known]:
            rule = f"Region{'s' if plan.regions else ''}: {region_rule(spelling.cloud, odd[0])}"
        elif any((role_parts(role) or ("",))[0] != spelling.cloud for role in roles):
            rule = f"Role{'s' if plan.roles else ''}: must be of {spelling.cloud}, like Function"
        elif roles and store is not None and store.cloud != spelling.cloud:
            rule = "Store: with a role the store is in the role's account, so it must be of the same cloud"
        elif spelling.only and (plan.accounts or plan.alternate):
            rule = f"Accounts: this operation changes only {spelling.only}: leave out Accounts and Alternate"
        elif not spelling.only and (plan.accounts is None) == (plan.alternate is None):
            rule = _ACCOUNTS
        elif plan.alternate and not spelling.alternates:
            rule = "Alternate: this operation cannot change two accounts in turn"
        elif plan.site is not None and spelling.cloud != "tencent":
            rule = "Site: only Tencent Cloud has sites"
        elif plan.length is not None and plan.length not in spelling.lengths:
            rule = f"Length: must be {spelling.lengths[0]} to {spelling.lengths[-1]} for this operation"
        if rule is not None:
            raise Refused(ErrorClass.INVALID_COMMAND, rule)

    def wants(self, account: str) -> bool:
        """Whether an account belongs to the policy. The accounts of Alternate are not asked about here."""
        if self.spelling.only:
            return account == self.spelling.only
        return self.plan.accounts is not None and matches(self.plan.accounts, account)

    def command(self, resource: str, account: str | None, region: str, command_id: str) -> dict[str, Any]:
        """The operation's command for one credential. It holds no secret. `account`: None for the pair of Alternate.

        Raises: ValueError, as `PlanRotation.store_of`.
        """
        plan, spelling = self.plan, self.spelling
        place = plan.store_of(resource, account or "")
        store = place.place if place else ""
        given: dict[str, Any] = {"Region": region, spelling.resource: resource}
        if spelling.account and account is not None:
            given[spelling.account] = account
        elif account is None:
            given["Alternate"] = list(plan.alternate or ())
        given |= spelling.parameters
        if spelling.old and account is not None:
            given[spelling.old] = {"SecretRef": store}
        given |= {
            spelling.new: {"Generate": {"Length": plan.length or spelling.length}},
            "Deliver": {"Store": store},
            "CommandId": command_id,
            "Reason": f"policy {plan.policy}",
        }
        given |= {"Site": plan.site} if plan.site else {}
        given |= {"Role": plan.role} if plan.role else {}
        return given | ({"Login": True} if plan.login else {})


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether a name matches one of the patterns, in which only `*` is special."""
    return any(matches_wildcard(one, name) for one in patterns)


def command_id(policy: str, subject: Subject, changed: str) -> str:
    """The CommandId of the change that is due. Every firing gives the same id until the time `changed` moves."""
    names = [policy, subject.source, str(subject), changed]
    return "due-" + hashlib.sha256(json.dumps(names).encode()).hexdigest()[:40]
