"""The interface of a service of the stand-in: hosts, versions, parameters, and one coroutine for each action."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from tests.cloud.identity.documents import Cloud
from tests.cloud.identity.identities import ACCOUNT, Caller
from tests.cloud.state.api_error import ApiError
from tests.cloud.state.world import World

__all__ = [
    "Action",
    "Answer",
    "ApiError",
    "Call",
    "Cloud",
    "Handler",
    "Parameter",
    "RefusalKind",
    "Service",
    "has_type",
]

Answer = dict[str, Any]


@dataclass
class Call:
    """One call of a known caller. `host` is as sent; `site` and `region` are what the host may reach, None for any."""

    cloud: Cloud
    service: str
    action: str
    version: str
    region: str | None
    host: str
    site: Literal["domestic", "intl"] | None
    request_id: str
    parameters: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    in_query: frozenset[str] = frozenset()  # the parameters that came in the URL
    refused_when_done: bool = False  # in a world without W2: its token is wrong
    caller: Caller | None = None  # None: the rights are not checked

    @property
    def instance_id(self) -> str:
        """The instance, queue or secret that the call names; empty if it names none."""
        names = ("InstanceId", "RegistryId", "DataHubId", "QueueName", "SecretName")
        return next((str(self.parameters[name]) for name in names if self.parameters.get(name)), "")

    def sees(self, world: World, name: str) -> bool:
        """Whether the thing of this name belongs to the caller's account.

        Otherwise it does not exist for the caller.
        """
        # claims: I12
        return world.accounts.owner_of(self.cloud, name) == (self.caller.account if self.caller else "")


RefusalKind = Literal["denied", "lock", "failed", "system"]
Handler = Callable[[Mapping[str, Any], Call], Awaitable[Answer]]
ParameterType = Literal["str", "int", "number", "bool", "strs", "ints", "object", "objects"]


@dataclass(frozen=True)
class Parameter:
    """One published request parameter.

    If it is not `here`, the stand-in refuses it, because a cloud would act on it.
    """

    type: ParameterType
    required: bool = False
    implemented: bool = True


def parameter_table(published: str, elsewhere: str = "") -> dict[str, Parameter]:
    """A parameter table from the words `Name[!][:type]`: `!` means required, the default type is `str`.

    `elsewhere` lists published parameters that the stand-in does not implement.
    """
    table = {}
    for words, implemented in ((published, True), (elsewhere, False)):
        for word in words.split():
            name, _, kind = word.partition(":")
            type_: ParameterType = kind or "str"  # type: ignore[assignment]
            table[name.rstrip("!")] = Parameter(type_, name.endswith("!"), implemented)
    return table


@dataclass(frozen=True)
class Action:
    """One API action: its parameters, its coroutine, whether it changes anything, and its own published rate.

    `throttle_code` is the service's own code above that rate, if it has one. `right` is the action's name in policies,
    `<service>:<Action>` if empty. `resource` is the resource's name in policies: a template with the call's parameters,
    `{region}` and `{account}`, or a function; `*` if the cloud judges the action without a resource.
    """

    parameters: Mapping[str, Parameter]
    handler: Handler
    changes: bool = False
    rate_per_s: int | None = None
    throttle_code: str = ""
    right: str = ""
    resource: str | Callable[[Call], str] = "*"

    def right_of(self, call: Call) -> str:
        """The action's name in policies."""
        return self.right or f"{call.service.removeprefix('r-')}:{call.action}"

    def resource_of(self, call: Call) -> str:
        """The resource's name in policies. A part that the call does not name is `*`."""
        if callable(self.resource):
            return self.resource(call)
        said = {name: value for name, value in call.parameters.items() if isinstance(value, str | int) and value}
        place = {"region": call.region or "*", "account": call.caller.number if call.caller else ACCOUNT[call.cloud]}
        return self.resource.format_map(_Named({**said, **place}))


def judged_by(resource: str, parameter: str, actions: Mapping[str, Action]) -> dict[str, Action]:
    """The actions, where those that have this parameter and no resource of their own are judged by this resource."""
    return {
        name: replace(one, resource=resource) if parameter in one.parameters and one.resource == "*" else one
        for name, one in actions.items()
    }


class _Named(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "*"


class Service(Protocol):
    """One product of one cloud. A new product is one file with a class like this."""

    cloud: Cloud
    name: str  # the first label of its host, and the service in TC3's credential scope
    version: str
    actions: Mapping[str, Action]
    task_faults: frozenset[str]
    """The faults that its changes play themselves. The dispatcher plays the others."""

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The answer to a call that the world forbids or a fault spoils; nothing was applied."""

    def state(self) -> dict[str, Any]:
        """The state that tests may see; never a password."""

    async def start(self) -> None:
        """Start its servers, except lazy ones."""

    async def reset(self, world: World) -> None:
        """Return to the state of this world, at the same addresses."""

    async def close(self) -> None:
        """End its servers."""


_PYTHON: Mapping[str, Callable[[object], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "strs": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "ints": lambda value: isinstance(value, list) and all(type(one) is int for one in value),
    "object": lambda value: isinstance(value, dict),
    "objects": lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value),
}


def has_type(value: object, type_: ParameterType) -> bool:
    """Whether a JSON value has the published type."""
    return _PYTHON[type_](value)


def parse_text(value: str, type_: ParameterType) -> object:
    """A text from a query or form in its published type; unchanged if it does not fit."""
    if type_ == "int":
        return int(value) if value.lstrip("-").isdecimal() else value
    if type_ == "bool":
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def character_classes(password: str) -> int:
    """How many of these classes the password has: lower case, upper case, digit, other."""
    kinds = (str.islower, str.isupper, str.isdecimal, lambda character: not character.isalnum())
    return sum(any(kind(character) for character in password) for kind in kinds)


def page(items: list[Any], offset: int, limit: int) -> list[Any]:
    """One page of a list."""
    return items[offset : offset + limit]
