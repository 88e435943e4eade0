"""CloudEvents 1.0 in structured mode, as JSON text (https://github.com/cloudevents/spec, v1.0.2)."""

import json
import re
from collections.abc import Mapping

_CORE = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")
_REQUIRED = ("id", "source", "type")
_NAME = re.compile(r"[a-z0-9]+")


def encode(attributes: Mapping[str, str | int | bool | None], data: Mapping[str, object]) -> str:
    """One event as compact JSON: core attributes in the specification's order, extensions by name, data.

    An attribute that is None is left out; `specversion` and `datacontenttype` are filled in.

    Raises: ValueError, naming the attribute, never its value; TypeError if `data` is no JSON.
    """
    given: dict[str, str | int | bool] = {"specversion": "1.0", "datacontenttype": "application/json"}
    given |= {name: value for name, value in attributes.items() if value is not None}
    for name in _REQUIRED:
        if not given.get(name):
            raise ValueError(f"event has no {name}")
    for name in given:
        if not _NAME.fullmatch(name) or name == "data":
            raise ValueError("name of an event attribute is not lower-case letters and digits, or is data")
    order = [name for name in _CORE if name in given] + sorted(given.keys() - set(_CORE))
    event = {name: given[name] for name in order} | {"data": data}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
