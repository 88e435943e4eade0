"""Checks whether a new operation can be made from an existing one, and derives everything from its name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from keyword import iskeyword

from shared.handlers.declaration import function_name
from shared.runtime.spelling import meant
from shared.workbench.bundle.operations import operations

_NAME = re.compile(r"(tencent|alibaba)(_[a-z0-9]+)+")
_PLATFORMS_NAME = re.compile(r"[a-z][a-z0-9_]{0,58}[a-z]")
"""SCF's rule for a function's name and a handler's file: 2 to 60 characters, a letter first and last."""


class ScaffoldRefused(Exception):
    """Nothing was written; the message says why, and what to do."""


@dataclass(frozen=True)
class NewOperation:
    """A new function, and the existing function that it is copied from."""

    source: str
    source_action: str
    name: str
    action: str
    cloud: str
    service: str

    def renamed(self, text: str) -> str:
        """A text with the new names: the action, the function with `_` or `-`, and its role without a cloud."""
        text = re.sub(rf"\b{self.source_action}\b", self.action, text)
        old, new = self.source.removeprefix(f"{self.cloud}_"), self.name.removeprefix(f"{self.cloud}_")
        return text.replace(old, new).replace(_dashed(old), _dashed(new))


def new_operation(source: str, name: str) -> NewOperation:
    """The operation to write. Raises: ScaffoldRefused."""
    known = operations()
    if source not in known:
        near = meant(source, known) or ";"
        raise ScaffoldRefused(f"FROM={source}: there is no operation of that name{near} one of {', '.join(known)}")
    cloud, service = names_of(name)
    words = name.split("_")[2:]
    action = "".join(word.capitalize() for word in words)
    named = action.isidentifier() and not iskeyword(action)
    if cloud is None or service is None or not named or function_name(cloud, service, action) != name:
        rule = "<cloud>_<service>_<the API's action, its words apart by _>, as tencent_redis_modify_instance_account"
        raise ScaffoldRefused(f"NAME={name}: a function's name has the form {rule}")
    if not _PLATFORMS_NAME.fullmatch(name):
        raise ScaffoldRefused(f"NAME={name}: SCF takes 2 to 60 characters, the last one a letter")
    if name in known:
        raise ScaffoldRefused(f"NAME={name}: functions/{name}.py exists already")
    declared = known[source]
    if (cloud, service) != (declared.cloud, declared.service):
        raise ScaffoldRefused(_of_another_service(source, name, cloud, service))
    return NewOperation(source, declared.action, name, action, cloud, service)


def _of_another_service(source: str, name: str, cloud: str, service: str) -> str:
    beside = _of_service(cloud, service)
    if beside:
        return f"NAME={name}: {source} belongs to another service; copy from {' or '.join(beside)}"
    return (
        f"NAME={name}: there is no operation of {cloud}'s {service} to copy from. First write the service by hand: its "
        f"adapter in shared/clouds/{cloud}/, its API in tests/cloud/{cloud}/, its rows in the error table. "
        "CONTRIBUTING.md, `How to add`, describes the rest"
    )


def _of_service(cloud: str, service: str) -> Iterable[str]:
    return [name for name, one in operations().items() if (one.cloud, one.service) == (cloud, service)]


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def names_of(function: str) -> tuple[str | None, str | None]:
    """The cloud and the service in a function's name; None for both if it is not the name of an operation."""
    if not _NAME.fullmatch(function):
        return None, None
    cloud, service = function.split("_")[:2]
    return cloud, service
