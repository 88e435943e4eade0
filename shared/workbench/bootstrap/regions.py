"""A role's policy where functions of several regions share it: a role is the account's, and its policy names regions.

What is of another region is kept as it stands. A statement that names no region is taken for everybody's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_PLACE = {"qcs": 3, "acs": 2}  # of the region in a resource's parts


def united(standing: str, wanted: Mapping[str, Any], region: str) -> dict[str, Any]:
    """What a policy has to say: all that is wanted, and what stands for other regions alone."""
    if not wanted:
        return {}
    name = _statements_name(wanted)
    own = wanted[name]
    return {**wanted, name: [*own, *(one for one in _statements(standing) if _is_elsewhere(one, region))]}


def without(standing: str, region: str) -> dict[str, Any]:
    """What is left of a policy without a region's statements; empty where no other region's functions use it."""
    statements = _statements(standing)
    if not any(_is_elsewhere(one, region) for one in statements):
        return {}
    document = json.loads(standing)
    kept = [one for one in statements if not _regions(one) or _is_elsewhere(one, region)]
    return {**document, _statements_name(document): kept}


def is_of_others_alone(standing: str, region: str) -> bool:
    """Whether a policy has statements of other regions, and none of this one."""
    left = without(standing, region)
    return bool(left) and len(left[_statements_name(left)]) == len(_statements(standing))


def _is_elsewhere(statement: Mapping[str, Any], region: str) -> bool:
    named = _regions(statement)
    return bool(named) and region not in named


def _regions(statement: Mapping[str, Any]) -> set[str]:
    resources = statement.get("resource") or statement.get("Resource") or []
    texts = [resources] if isinstance(resources, str) else resources
    parts = [str(text).split(":") for text in texts]
    named = {one[_PLACE[one[0]]] for one in parts if one[0] in _PLACE and len(one) > _PLACE[one[0]]}
    return named - {"", "*"}


def _statements(text: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(text)
    except ValueError:
        return []
    found = document.get(_statements_name(document), [])
    return [found] if isinstance(found, dict) else list(found)


def _statements_name(document: Mapping[str, Any]) -> str:
    return "statement" if "statement" in document else "Statement"
