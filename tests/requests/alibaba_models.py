"""The request models of Alibaba Cloud's Node SDKs, asked of the packages themselves by Node."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.requests.vendor_types import Field, Models, problems

PACKAGES = {
    "r-kvstore": "@alicloud/r-kvstore20150101",
    "kms": "@alicloud/kms20160120",
    "fc": "@alicloud/fc20230330",
}
# What the text of a trigger's `triggerConfig` may hold.
_TRIGGERS = ("HTTPTriggerConfig", "TimerTriggerConfig", "EventBridgeTriggerConfig")
_SCRIPT = Path(__file__).parent / "node_models.js"
# How each generation of clients states a call: its action, version, path and method.
_CALL = re.compile(
    r'action: "(\w+)",\s+version: "([\d-]+)",\s+protocol: "\w+",\s+pathname: ["`](.*?)["`],\s+method: "(\w+)"'
)
_OLD_CALL = re.compile(r'doRequest\("(\w+)", "HTTPS", "(\w+)", "([\d-]+)"')
_CLASS = re.compile(r"^export declare class (\w+) .*?\{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"(?:^    /\*\*((?:(?!\*/).)*?)\*/\n)?^    (\w+)(\??): ", re.MULTILINE | re.DOTALL)
_MUST = "This parameter is required."


class AlibabaModels:
    """`packages` is the folder that holds the SDKs."""

    def __init__(self, packages: Path) -> None:
        self._packages = packages

    def problems(self, request: dict[str, Any]) -> Iterator[str]:
        """What of a recorded request the SDK would not send: its version, method, path, action, parameters."""
        package, action = PACKAGES[request["service"]], request["action"]
        sent = (request["version"], request["path"], request["method"])
        called = _calls(self._packages / package)
        if called.get(action) != sent:
            yield f"{action}: sent as {sent}, and the SDK's is {called.get(action)}"
            return
        name, models = f"{action}Request", _models(self._packages, package)
        given = _as_read({**request["query"], **request.get("form", {})}, models.get(name, {}))
        if "json" in request:
            given["body"] = request["json"]
        yield from problems(given, name, {name: {}, **models}, action)
        if both := request["query"].keys() & request.get("form", {}).keys():
            yield f"{action}: {', '.join(sorted(both))} both in the URL and in the form"
        document = request.get("json", {}).get("triggerConfig")
        if document is not None and not _fits_a_trigger(document, models):
            yield f"{action}.body.triggerConfig: fits none of {', '.join(_TRIGGERS)}"


@cache
def _calls(package: Path) -> dict[str, tuple[str, str, str]]:
    """By action: version, path and method."""
    text = (package / "dist" / "client.js").read_text()
    found = {
        name: (version, re.sub(r"\$\{.*?\)\}", "*", path), method)
        for name, version, path, method in _CALL.findall(text)
    }
    return found or {name: (version, "/", method) for name, method, version in _OLD_CALL.findall(text)}


@cache
def _models(packages: Path, package: str) -> Models:
    """Every model of a package: names and types as Node sees them, what is required from the declarations."""
    environ = {"PATH": os.environ["PATH"], "NODE_PATH": str(packages)}
    done = subprocess.run(
        ["node", str(_SCRIPT), package], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    required = {
        (model, field)
        for path in (packages / package / "dist").rglob("*.d.ts")
        for model, body in _CLASS.findall(path.read_text())
        for said, field, optional in _FIELD.findall(body)
        if _MUST in said or not optional
    }
    return {
        model: {name: Field(type_, (model, own) in required) for name, (own, type_) in fields.items()}
        for model, fields in json.loads(done.stdout).items()
    }


def _as_read(texts: Mapping[str, str], model: Mapping[str, Field]) -> dict[str, Any]:
    """Texts of a URL or a form as their model's types: digits may be text, `Tag.1.Key` is a field of a list's item."""
    read: dict[str, Any] = {}
    for path, type_ in texts.items():
        name, *rest = path.split(".")
        if rest:
            number, field = rest
            items = read.setdefault(name, {})
            items.setdefault(number, {})[field] = type_
        else:
            read[name] = "string" if name in model and model[name].type == "string" else type_
    return {name: list(one.values()) if isinstance(one, dict) else one for name, one in read.items()}


def _fits_a_trigger(shape: Any, models: Models) -> bool:
    document = shape["document"] if isinstance(shape, dict) else shape
    return any(not list(problems(document, name, models, "")) for name in _TRIGGERS)
