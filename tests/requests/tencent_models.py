"""The request models of Tencent Cloud's Node SDK, read from its type declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.requests.vendor_types import Field, Models, Type, problems

_INTERFACE = re.compile(r"^export (?:interface|type) (\w+) (?:= null|\{(.*?)^\})", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^    (\w+)(\??): (.+);$", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_HOST = re.compile(r'super\("([^"]+)", "([^"]+)"')


class TencentModels:
    """`packages` is the folder that holds the SDK."""

    def __init__(self, packages: Path) -> None:
        self._services = packages / "tencentcloud-sdk-nodejs" / "tencentcloud" / "services"

    def problems(self, request: dict[str, Any]) -> Iterator[str]:
        """What of a recorded request the SDK would not send: its host, version, method, action, parameters."""
        name, version = request["service"], request["version"]
        folder = self._services / name / f"v{version.replace('-', '')}"
        if not folder.is_dir():
            yield f"version: {name} has none of {version}"
            return
        host, sent_version = _HOST.findall((folder / f"{name}_client.js").read_text())[0]
        place = re.fullmatch(rf"{name}(?:\.(?:intl|[a-z]+-[a-z-]+))?\.(.+)", request["host"])
        if place is None or f"{name}.{place[1]}" != host:
            yield f"host: {request['host']}, and the SDK calls {host}"
        if sent_version != version or (request["method"], request["path"]) != ("POST", "/"):
            yield "version, method or path: not the SDK's"
        if request["query"]:
            yield "query: the SDK sends everything in the body"
        models = _declared(folder / f"{name}_models.d.ts")
        yield from problems(request.get("json", {}), f"{request['action']}Request", models, request["action"])


@cache
def _declared(path: Path) -> Models:
    text = _COMMENT.sub("", path.read_text())
    return {
        name: {field: Field(_type(words), not optional) for field, optional, words in _FIELD.findall(body)}
        for name, body in _INTERFACE.findall(text)
    }


def _type(words: str) -> Type:
    if of := re.fullmatch(r"Array<(.+)>", words):
        return [_type(of[1])]
    return words
