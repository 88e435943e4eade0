"""The shape of a request, without its values: names, JSON types, and the place of each parameter."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from tests.cloud.wire.http import HttpRequest
from tests.cloud.wire.service import Call

# The parts of a path that are names, and the parameters whose text is a JSON document.
_NAMED = re.compile(r"(?<=/)(functions|queues|triggers)/[^/]+")
_DOCUMENTS = {"triggerConfig", "TriggerDesc"}
_TEXT_TYPES = {"true": "boolean", "false": "boolean"}


class RequestRecorder:
    """While it is on, keeps one request of each shape, without values."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] | None = None

    def start(self) -> None:
        """Delete what was kept, and start to keep requests."""
        self._kept = {}

    def note(self, call: Call, request: HttpRequest) -> None:
        """Keep this request, unless one of its shape is kept."""
        if self._kept is not None:
            try:
                shape = request_shape(call, request)
            except (ValueError, ElementTree.ParseError):  # keyturn sends no request that cannot be parsed
                return
            self._kept[json.dumps(shape, sort_keys=True)] = shape

    def as_json(self) -> list[dict[str, Any]]:
        """Every shape, in an order that depends only on the shapes."""
        return [shape for _, shape in sorted((self._kept or {}).items())]


def request_shape(call: Call, request: HttpRequest) -> dict[str, Any]:
    """A request's service, version, action, host, method and path, and the types of its parameters by place.

    Types are JSON's, and `integer` beside `number`. A text in a URL or form has the type that it can be read as.
    """
    shape = {
        "cloud": call.cloud,
        "service": call.service,
        "version": call.version,
        "action": call.action,
        "method": request.method,
        "host": request.hostname,
        "path": _NAMED.sub(r"\1/*", request.path),
        "query": _texts(request.pairs()),
    }
    kind = request.headers.get("content-type", "").partition(";")[0]
    if not request.body:
        return shape
    if kind == "application/x-www-form-urlencoded":
        return {**shape, "form": _texts(parse_qsl(request.body.decode(), keep_blank_values=True))}
    if kind == "application/json":
        return {**shape, "json": _type(_parsed(request.body))}
    if kind in ("text/xml", "application/xml"):
        document = ElementTree.fromstring(request.body)
        return {**shape, "xml": _texts([(one.tag.rpartition("}")[2], one.text or "") for one in document])}
    return {**shape, "body": "bytes"}


def _texts(pairs: list[tuple[str, str]]) -> dict[str, str]:
    return {name: "integer" if text.isdecimal() else _TEXT_TYPES.get(text, "string") for name, text in sorted(pairs)}


def _type(value: Any) -> Any:
    """The type of a JSON value. An object's type is the types by name; a list's is the different types of its items."""
    if isinstance(value, dict):
        return {name: _document(one) if name in _DOCUMENTS else _type(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        distinct = {json.dumps(one, sort_keys=True): one for one in map(_type, value)}
        return [one for _, one in sorted(distinct.items())]
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return names[type(value)]


def _parsed(body: bytes) -> Any:
    """A JSON body. One that cannot be read counts as none; the service refuses it."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def _document(text: Any) -> Any:
    """The type of a text: `{"document": its type}` if it is a JSON document, otherwise `string`."""
    try:
        document = json.loads(text)
    except (TypeError, ValueError):
        return _type(text)
    return {"document": _type(document)} if isinstance(document, dict | list) else "string"
