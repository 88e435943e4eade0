"""Policy documents, CAM 2.0 and RAM 1: read them, and decide by them.

Sources: CAM "Element Reference" (598/10603) and "Resource description" (598/10606: six parts; an empty region means
any, an empty account the policy's own); RAM "Policy structure and syntax" (help 93739): an explicit denial wins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Cloud = Literal["tencent", "alibaba"]
Part = Literal["syntax", "version", "statement", "effect", "action", "resource", "principal", "condition"]

EVERYTHING: Mapping[Cloud, dict[str, Any]] = {
    "tencent": {"version": "2.0", "statement": [{"effect": "allow", "action": "*", "resource": "*"}]},
    "alibaba": {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
}
FUNCTION_SERVICE: Mapping[Cloud, str] = {"tencent": "scf.qcloud.com", "alibaba": "fc.aliyuncs.com"}
_VERSION: Mapping[Cloud, str] = {"tencent": "2.0", "alibaba": "1"}
_QCS_PARTS = 6


class DocumentError(ValueError):
    """It is no policy document of this cloud; `part` names the wrong part."""

    def __init__(self, part: Part) -> None:
        super().__init__(f"the {part} of the policy document is not valid")
        self.part: Part = part


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, or of a trust policy.

    In a trust policy, `principals` are the services, accounts and roles

    that may take the role.
    """

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """May an account's policies allow this action on this resource? The resource is `*` for an action that is judged
    without one.

    `levels`: CAM's rule that only the resource `*` grants such an action.
    """

    cloud: Cloud
    action: str
    resource: str
    account: str
    levels: bool = True


ACCOUNTS: Mapping[Cloud, str] = {"tencent": "qcs", "alibaba": "RAM"}
"""The key in a trust policy for principals that are accounts, or roles of an account."""


def account_trust(cloud: Cloud, *principals: str) -> dict[str, Any]:
    """The trust policy that lets accounts or roles take a role."""
    document = service_trust(cloud, "")
    statement = document["statement" if cloud == "tencent" else "Statement"][0]
    statement["principal" if cloud == "tencent" else "Principal"] = {ACCOUNTS[cloud]: list(principals)}
    return document


def service_trust(cloud: Cloud, service: str) -> dict[str, Any]:
    """The trust policy that lets a cloud's service take a role."""
    if cloud == "tencent":
        statement = {"effect": "allow", "action": "name/sts:AssumeRole", "principal": {"service": [service]}}
        return {"version": "2.0", "statement": [statement]}
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": [service]}}
    return {"Version": "1", "Statement": [trusted]}


def read_text(cloud: Cloud, text: str, *, trust: bool = False) -> dict[str, Any]:
    """The policy document in an API call. Raises: DocumentError."""
    try:
        document = json.loads(text)
    except ValueError:
        raise DocumentError("syntax") from None
    if not isinstance(document, dict):
        raise DocumentError("syntax")
    statements(cloud, document, trust=trust)
    return document


def statements(cloud: Cloud, document: Mapping[str, Any], *, trust: bool = False) -> list[Statement]:
    """A document's statements.

    Raises: DocumentError, also for parts that this stand-in cannot judge, such as conditions.
    """
    spelled: Callable[[str], str] = str.lower if cloud == "tencent" else str.capitalize
    if document.keys() != {spelled("version"), spelled("statement")}:
        raise DocumentError("syntax")
    if document[spelled("version")] != _VERSION[cloud]:
        raise DocumentError("version")
    given = document[spelled("statement")]
    given = [given] if isinstance(given, dict) and cloud == "tencent" else given
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise DocumentError("statement")
    return [_statement(cloud, one, spelled, trust=trust) for one in given]


def _statement(cloud: Cloud, given: Mapping[str, Any], spelled: Callable[[str], str], *, trust: bool) -> Statement:
    subject = "principal" if trust else "resource"
    known = {spelled(name) for name in ("effect", "action", subject)}
    if spelled("condition") in given:
        raise DocumentError("condition")
    if given.keys() != known:
        raise DocumentError("statement")
    effect = given[spelled("effect")]
    if effect not in (spelled("allow"), spelled("deny")):
        raise DocumentError("effect")
    actions = _texts(given[spelled("action")], "action")
    if not all(one == "*" or re.fullmatch(r"(name/)?[a-z0-9-]+:[A-Za-z0-9*?_/-]+", one) for one in actions):
        raise DocumentError("action")
    actions = tuple(one.removeprefix("name/") for one in actions)
    if not trust:
        return Statement(effect == spelled("allow"), actions, _texts(given[spelled("resource")], "resource"))
    principal = given[spelled("principal")]
    if not isinstance(principal, dict) or not {spelled("service"), ACCOUNTS[cloud]} >= principal.keys() != set():
        raise DocumentError("principal")
    named = tuple(one for texts in principal.values() for one in _texts(texts, "principal"))
    return Statement(effect == spelled("allow"), actions, principals=named)


def _texts(given: object, part: Part) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(one, str) and one for one in texts):
        raise DocumentError(part)
    return tuple(texts)


def is_allowed(question: Question, documents: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a statement allows it and no statement denies it."""
    whole = [one for document in documents for one in statements(question.cloud, document)]
    fitting = [one for one in whole if _fits(question, one)]
    return bool(fitting) and all(one.allows for one in fitting)


def trusts(cloud: Cloud, trust: Mapping[str, Any], *names: str) -> bool:
    """Whether a trust policy lets one of these names take the role: a service, an account's root, or a role."""
    fitting = [
        one
        for one in statements(cloud, trust, trust=True)
        if not set(names).isdisjoint(one.principals)
        and any(_matches(action, "sts:AssumeRole") for action in one.actions)
    ]
    return bool(fitting) and all(one.allows for one in fitting)


def _fits(question: Question, statement: Statement) -> bool:
    covers = _qcs_covers if question.cloud == "tencent" else _acs_covers
    named = any(_matches(pattern, question.action) for pattern in statement.actions)
    return named and any(covers(pattern, question) for pattern in statement.resources)


def _acs_covers(pattern: str, question: Question) -> bool:
    return _matches(pattern, question.resource)


def _qcs_covers(pattern: str, question: Question) -> bool:
    # claims: D12
    if pattern == "*":
        return True
    granted = pattern.split(":", _QCS_PARTS - 1)
    if len(granted) != _QCS_PARTS or granted[0] != "qcs":
        return False
    if question.resource == "*":
        return not question.levels
    asked = question.resource.split(":", _QCS_PARTS - 1)
    own = f"uin/{question.account}"
    granted = [own if place == 4 and not part else part for place, part in enumerate(granted)]
    asked = [own if place == 4 and not part else part for place, part in enumerate(asked)]
    return all(_matches(part or "*", one) for part, one in zip(granted, asked, strict=True))


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern in which `*` matches any text and `?` one character."""
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
