"""CloudEvents 1.0 in structured mode, as JSON text (https://github.com/cloudevents/spec, v1.0.2)."""

import json
import re
from collections.abc import Mapping

_CORE = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")
_CORE_NAMES = frozenset(_CORE)
_REQUIRED = ("id", "source", "type")
_NAME = re.compile(r"[a-z0-9]+")
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def encode(attributes: Mapping[str, str | int | bool | None], data: Mapping[str, object]) -> str:
    """One event as compact JSON: core attributes in the specification's order, extensions by name, data.

    An attribute that is None is left out; `specversion` and `datacontenttype` are filled in.

    Raises: ValueError, naming the attribute, never its value; TypeError if `data` cannot be written as JSON.
    """
    given: dict[str, str | int | bool] = {"specversion": "1.0", "datacontenttype": "application/json"}
    given |= {name: value for name, value in attributes.items() if value is not None}
    for name in _REQUIRED:
        if not given.get(name):
            raise ValueError(f"event has no {name}")
    extensions = sorted(given.keys() - _CORE_NAMES)
    for name in extensions:
        if not _NAME.fullmatch(name) or name == "data":
            raise ValueError("the name of an event attribute must be lower-case letters and digits, and not `data`")
    event: dict[str, object] = {name: given[name] for name in _CORE if name in given}
    event |= {name: given[name] for name in extensions}
    event["data"] = data
    return _compact(event)
