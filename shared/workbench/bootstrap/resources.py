"""What bootstrap knows of one thing in an account: how it stands, how it is made, how it is taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

TAG = "keyturn"
"""The key of the tag on what bootstrap makes; its value is the service."""

NAME_LOGS = "rename it, or name a place of your own in the settings"

Condition = Literal["there", "missing", "differs", "foreign"]


@dataclass(frozen=True)
class Found:
    """How a thing stands. `foreign`: somebody else's, and it will not do; nothing is done about it but to say so."""

    condition: Condition
    ours: bool = False  # it carries the mark of this service
    why: str = ""  # what differs, or what a person has to do
    value: str = ""  # the id that the cloud gave it, where a setting needs it
    service: str = ""  # whose it is, if it carries the mark of another service


MISSING = Found("missing")


class Resource(Protocol):
    """One thing. Every method may raise CallRefused, CallLost or CallerRefused.

    `make` may be interrupted anywhere and repeated: it begins with what `look` found.
    """

    kind: str  # in one word or two, as a person says it
    name: str
    place: str  # what else tells two of one name apart; empty: nothing has to
    after: str  # the service whose consent it needs first; empty: none

    def look(self) -> Found:
        """How it stands; nothing is changed."""

    def make(self) -> None:
        """Make it, or bring it to what it should be, if it is missing or ours."""

    def take_away(self) -> None:
        """Remove what carries the mark, and nothing else."""


def title(one: Resource) -> str:
    """Kind and name: a topic and the DataHub task that writes to it have one name."""
    return f"{one.kind} {one.name}"


@dataclass(frozen=True)
class ApiCall:
    """One call as data: to be made, or to be printed for somebody who may."""

    service: str
    action: str
    parameters: Mapping[str, Any]


def is_marked(description: object, mark: str) -> bool:
    """Whether a description begins with a mark."""
    text = description if isinstance(description, str) else ""
    return text == mark or text.startswith(f"{mark},")


def service_of(description: object) -> str:
    """The service that a description's mark names; empty where it has none."""
    found = re.match(rf"{TAG}:([A-Za-z0-9-]+)(?:,|$)", description if isinstance(description, str) else "")
    return found[1] if found else ""


def of_another_service(own: str, *named: str) -> Found | None:
    """How a thing stands if one of its marks names another service than one's own; None: none does."""
    for service in named:
        if service and service != own:
            names = "the functions', roles' and queues' names in serverless.yml have to differ, see the manual"
            return Found("foreign", why=f"it belongs to the service {service}: {names}", service=service)
    return None


def as_text(document: Mapping[str, Any]) -> str:
    """A policy as both clouds take it: JSON in a text."""
    return json.dumps(document, separators=(",", ":"))


def same_document(text: str, document: Mapping[str, Any]) -> bool:
    """Whether a policy that the cloud shows says what `document` does, however it is laid out."""
    try:
        return bool(_sorted(json.loads(text)) == _sorted(document))
    except ValueError:
        return False


def _sorted(value: Any) -> Any:
    """Lists in one order, and a list of one as its element: neither cloud's policies tell the two apart."""
    if isinstance(value, Mapping):
        return {key: _sorted(one) for key, one in sorted(value.items())}
    if isinstance(value, list):
        items = sorted((_sorted(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return value
