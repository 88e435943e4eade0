"""What may stand in a timer's text: it is shown in consoles and logs, so no secret in clear."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from functions import load_operation
from shared.commands.parsing import parse_model
from shared.handlers.rotation import policy_for
from shared.rotation.policy import PlanRotation
from shared.runtime.errors import Refused
from shared.runtime.regions import REGIONS
from shared.workbench.bundle.function_rules import region_mistake

_MOST_BYTES = 4096  # SCF's limit, https://www.tencentcloud.com/document/product/583/9708
_SECRET = re.compile("password|passwd|secret|token|accesskey", re.IGNORECASE)
_REFERENCE = "SecretRef"


def policy_text(name: str, fields: Mapping[str, Any]) -> str:
    """The timer's text that a rotation's policy becomes. Raises: ValueError saying what is wrong, without a value."""
    given = {"Policy": name} | dict(fields)
    cloud, several = str(given.get("Function")).partition("_")[0], given.get("Regions")
    for field, regions in (
        ("Region", [given.get("Region")]),
        ("Regions", several if isinstance(several, list) else []),
    ):
        for region in regions:
            if isinstance(region, str) and cloud in REGIONS and region not in REGIONS[cloud]:
                raise ValueError(f"{field}: {region_mistake(region, cloud)}")  # the rule itself lists them all
    try:
        policy_for(parse_model(PlanRotation, given, PlanRotation.names), load_operation)
    except Refused as refused:
        rule = refused.message
    else:
        text = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
        if size <= _MOST_BYTES:
            return text
        rule = f"has {size} bytes as a timer's text, which takes {_MOST_BYTES}"
    raise ValueError(rule)


def timer_text_problem(text: str) -> str | None:
    """What is wrong with a timer's text, in words that hold nothing of it; None: nothing is."""
    if not text:
        return None
    if len(text.encode()) > _MOST_BYTES:
        return f"a timer's text has {_MOST_BYTES} bytes at most"
    try:
        value = _parsed(text)
        if isinstance(value, str) and value:  # JSON in JSON is read as a command too
            return timer_text_problem(value)
        return None if isinstance(value, dict | list) else "must be a command, as JSON"
    except _SecretInClear:
        return "holds a secret in clear; a timer takes references, generated secrets or none"
    except (ValueError, RecursionError):
        return "must be a command, as JSON"


class _SecretInClear(Exception):
    """A field that is named like a secret holds a text."""


def _parsed(text: str) -> Any:
    """JSON, looked through as it is read: a key that stands twice hides nothing. Raises: ValueError, _SecretInClear."""
    value = json.loads(text, object_pairs_hook=_pairs)
    for item in value if isinstance(value, list) else ():
        _look_into(item)
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, value in pairs:
        if isinstance(value, str) and name != _REFERENCE and _SECRET.search(name):
            raise _SecretInClear
        for item in value if isinstance(value, list) else (value,):
            _look_into(item)
    return dict(pairs)


def _look_into(value: Any) -> None:
    """What is read as a command may be JSON within a text, as it is or in base64."""
    if not isinstance(value, str):
        return
    for text in (value, _from_base64(value)):
        if text.lstrip()[:1] in ("{", "[", '"'):
            with suppress(ValueError, RecursionError):
                inner = _parsed(text)
                _look_into(inner)


def _from_base64(text: str) -> str:
    """What a text holds if it is base64 of either alphabet, its padding present or not; else nothing."""
    packed = "".join(text.split()).rstrip("=").translate(str.maketrans("-_", "+/"))
    with suppress(ValueError):  # the decoder's own error, and UTF-8's
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode()
    return ""
