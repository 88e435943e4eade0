"""The chapter of the HTTP interface, from the OpenAPI document: first what all functions share, then each function."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Header:
    """A header of a request or a reply. `functions` are those that read it; empty: all of them."""

    name: str
    meaning: str
    example: str = ""
    functions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Meaning:
    """The meaning of a status for the functions in `only`, or for all except `but`; for all if both are empty."""

    text: str
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """One status. If functions differ, it has several meanings."""

    code: str
    name: str
    meanings: list[Meaning]
    headers: list[str]
    examples: list[tuple[str, Any]]  # title and body, from one function


@dataclass(frozen=True)
class Call:
    """How to call one function."""

    function: str
    method: str
    path: str
    summary: str
    addresses: list[tuple[str, str]]  # URL and description
    signatures: list[str]
    headers: list[str]
    types: list[str]
    statuses: list[str]
    example: str  # a whole request, as a client sends it


@dataclass(frozen=True)
class Interface:
    """Everything that the chapter shows. Texts are Markdown."""

    signatures: dict[str, Mapping[str, Any]]
    request_headers: list[Header]
    reply_headers: list[Header]
    statuses: list[Status]
    calls: list[Call]


def interface(document: Mapping[str, Any], order: list[str]) -> Interface:
    """The facts of the document, with the functions in the page's order."""
    operations = {name: document["paths"][f"/{name}"] for name in order if f"/{name}" in document["paths"]}
    posts = {name: path["post"] for name, path in operations.items()}
    components = document["components"]
    codes = sorted({code for post in posts.values() for code in post["responses"]})
    return Interface(
        signatures=components["securitySchemes"],
        request_headers=_request_headers(posts),
        reply_headers=[_header(_header_name(name), one) for name, one in components["headers"].items()],
        statuses=[_status(code, posts) for code in codes],
        calls=[_call(name, path, components) for name, path in operations.items()],
    )


def _header(name: str, header: Mapping[str, Any], functions: tuple[str, ...] = ()) -> Header:
    example = header.get("example", header["schema"].get("const", ""))
    return Header(name, header["description"], example, functions)


def _header_name(component: str) -> str:
    """The document writes `Cache-Control` as `CacheControl`."""
    return "".join(f"-{letter}" if letter.isupper() else letter for letter in component).lstrip("-")


def _request_headers(posts: Mapping[str, Any]) -> list[Header]:
    found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for function, post in posts.items():
        for parameter in post["parameters"]:
            found.setdefault(parameter["name"], (parameter, []))[1].append(function)
    return [
        _header(name, parameter, () if len(functions) == len(posts) else tuple(functions))
        for name, (parameter, functions) in found.items()
    ]


def _status(code: str, posts: Mapping[str, Any]) -> Status:
    replies = {name: post["responses"][code] for name, post in posts.items() if code in post["responses"]}
    meanings: dict[str, list[str]] = {}
    for name, reply in replies.items():
        meanings.setdefault(reply["description"], []).append(name)
    first = next(iter(replies.values()))
    examples = first["content"].get(JSON, {}).get("examples", {})
    return Status(
        code,
        HTTPStatus(int(code)).phrase,
        [_meaning(text, functions, list(posts)) for text, functions in meanings.items()],
        list(first.get("headers", {})),
        [(one.get("summary", title), one["value"]) for title, one in examples.items()],
    )


def _meaning(text: str, functions: list[str], every: list[str]) -> Meaning:
    """A meaning with the shorter list of functions: those it is for, or those it is not for."""
    others = tuple(name for name in every if name not in functions)
    return Meaning(text, but=others) if len(others) < len(functions) else Meaning(text, only=tuple(functions))


def _call(function: str, path: Mapping[str, Any], components: Mapping[str, Any]) -> Call:
    post = path["post"]
    addresses = [(f"{server['url']}/{function}", server["description"]) for server in path["servers"]]
    signatures = [name for one in post["security"] for name in one]
    return Call(
        function,
        "POST",
        f"/{function}",
        post["summary"],
        addresses,
        signatures,
        [parameter["name"] for parameter in post["parameters"]],
        sorted(post["requestBody"]["content"], key=lambda kind: (kind != JSON, kind)),
        sorted(post["responses"]),
        "\n".join(_request(function, path, components["securitySchemes"][signatures[0]])),
    )


def _request(function: str, path: Mapping[str, Any], signature: Mapping[str, Any]) -> Iterator[str]:
    server = path["servers"][0]
    host = str(server["url"]).removeprefix("https://")
    for name, variable in server["variables"].items():
        host = host.replace(f"{{{name}}}", variable["default"])
    yield f"POST /{function} HTTP/1.1"
    yield f"Host: {host}"
    yield f"Content-Type: {JSON}"
    yield f"Authorization: {signature['x-algorithm']} ..."
    yield ""
    examples = path["post"]["requestBody"]["content"][JSON]["examples"]
    yield json.dumps(next(iter(examples.values()))["value"], indent=2, ensure_ascii=False)
