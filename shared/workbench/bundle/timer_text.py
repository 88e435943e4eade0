"""The rules for a timer's text. Consoles and logs show it, so it must hold no secret in clear."""

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
    """The timer's text for a rotation policy. Raises: ValueError saying what is wrong, without a value."""
    given = {"Policy": name} | dict(fields)
    cloud, several = str(given.get("Function")).partition("_")[0], given.get("Regions")
    for field, regions in (
        ("Region", [given.get("Region")]),
        ("Regions", several if isinstance(several, list) else []),
    ):
        for region in regions:
            if isinstance(region, str) and cloud in REGIONS and region not in REGIONS[cloud]:
                raise ValueError(f"{field}: {region_mistake(region, cloud)}")  # policy_for would list them all
    try:
        policy_for(parse_model(PlanRotation, given, PlanRotation.names), load_operation)
    except Refused as refused:
        rule = refused.message
    else:
        text = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
        if size <= _MOST_BYTES:
            return text
        rule = f"is {size} bytes long as a timer's text; the limit is {_MOST_BYTES}"
    raise ValueError(rule)


def timer_text_problem(text: str) -> str | None:
    """The message about what is wrong with a timer's text, without any of its words. None: nothing is wrong."""
    if not text:
        return None
    if len(text.encode()) > _MOST_BYTES:
        return f"a timer's text may have at most {_MOST_BYTES} bytes"
    try:
        value = _parsed(text)
        if isinstance(value, str) and value:  # keyturn also reads a command that is JSON within a JSON text
            return timer_text_problem(value)
        return None if isinstance(value, dict | list) else "must be a command, as JSON"
    except _SecretInClear:
        return "holds a secret in clear; a timer takes references or generated secrets only"
    except (ValueError, RecursionError):
        return "must be a command, as JSON"


class _SecretInClear(Exception):
    """The value of a field with a secret's name is a text."""


def _parsed(text: str) -> Any:
    """JSON, checked while it is parsed, so that no duplicate key is missed. Raises: ValueError, _SecretInClear."""
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
    """Check a text that keyturn would also read as a command: JSON within a text, plain or in base64."""
    if not isinstance(value, str):
        return
    for text in (value, _from_base64(value)):
        if text.lstrip()[:1] in ("{", "[", '"'):
            with suppress(ValueError, RecursionError):
                inner = _parsed(text)
                _look_into(inner)


def _from_base64(text: str) -> str:
    """The text that this base64 text encodes (either alphabet, with or without padding); empty if it is no base64."""
    packed = "".join(text.split()).rstrip("=").translate(str.maketrans("-_", "+/"))
    with suppress(ValueError):  # from the base64 decoder, or from decoding UTF-8
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode()
    return ""
