"""OpenAPI 3.1 of the HTTP triggers, as serverless.yml deploys them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

from shared.handlers.replies import RETRY_AFTER_S, http
from shared.results.outcome import CommandContext, Conclusion, Outcome, Subject
from shared.results.result_event import _STATUS, http_status, result_event
from shared.rotation.policy import FUNCTION as PLAN
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.times import now_text
from shared.triggers.commands import MAX_LIST
from shared.workbench.bundle.checkout import ROOT, version
from shared.workbench.bundle.description import Cloud
from shared.workbench.bundle.loading import load
from shared.workbench.bundle.operations import operations
from shared.workbench.schemas import commands, outputs
from shared.workbench.schemas.documents import DIALECT, move_to_components, ref
from shared.workbench.schemas.generator import Schema

_AT = datetime(2026, 5, 4, 5, 0, 1, tzinfo=timezone.utc)
_CLOUDS: tuple[Cloud, ...] = ("tencent", "alibaba")

_SERVERS: dict[str, Schema] = {
    "scf": {
        "url": "https://{appid}-{id}.{region}.tencentscf.com",
        "description": "The function's own URL on Tencent SCF. The function reads neither its path nor its query"
        " string.",
        "variables": {
            "appid": {"default": "1300000042", "description": "The account's APPID."},
            "id": {"default": "example", "description": "The platform assigns it when the URL is created."},
            "region": {"default": "ap-guangzhou"},
        },
    },
    "fc": {
        "url": "https://{id}.{region}.fcapp.run",
        "description": "The function's HTTP trigger on Alibaba Function Compute. The function does not read the path,"
        " but the signature covers it.",
        "variables": {
            "id": {"default": "example", "description": "The platform assigns it when the trigger is created."},
            "region": {"default": "cn-hangzhou"},
        },
    },
}

_SECURITY: dict[str, Schema] = {
    "tencentSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "CAM (`authType: CAM`): a TC3-HMAC-SHA256 signature of the service `scf` over content-type,"
        " host and x-scf-cam-uin, and over the body. The caller needs the right `scf:InvokeFunctionUrl`. `make call"
        " CLOUD=tencent` signs so.",
        "x-algorithm": "TC3-HMAC-SHA256",
        "x-signed-headers": ["content-type", "host", "x-scf-cam-uin"],
        "x-headers": ["X-Scf-Cam-Uin", "X-Scf-Cam-Timestamp", "X-Scf-Cam-Token"],
        "x-source": "https://cloud.tencent.com/document/product/583/96100",
    },
    "alibabaSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`authType: function`: an ACS3-HMAC-SHA256 signature over host, x-acs-date and, with a"
        " temporary key, x-acs-security-token. The caller needs the right `fc:InvokeFunction`. `make call"
        " CLOUD=alibaba` signs so.",
        "x-algorithm": "ACS3-HMAC-SHA256",
        "x-signed-headers": ["host", "x-acs-date", "x-acs-security-token"],
        "x-headers": ["X-Acs-Date", "X-Acs-Security-Token"],
        "x-source": "https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-signature-authentication-for-http-trigger"
        "s",
    },
}
_SCHEME = {"scf": "tencentSignature", "fc": "alibabaSignature"}

# An example of a result's message for each error class.
_MESSAGES = {
    ErrorClass.INVALID_COMMAND: ("Site: must be domestic or intl", None),
    ErrorClass.FORBIDDEN: ("KEYTURN_ALLOW does not name this credential, nothing was called", None),
    ErrorClass.NOT_FOUND: ("the cloud has no such resource or account", "ResourceNotFound"),
    ErrorClass.WRONG_OLD_SECRET: ("the old secret is not the one in force", "InvalidParameter"),
    ErrorClass.BUSY: ("a task runs on the instance: send the command again later", "ResourceUnavailable"),
    ErrorClass.THROTTLED: ("the cloud accepts no more calls now: send the command again later", "RequestLimitExceeded"),
    ErrorClass.AMBIGUOUS: (
        "the answer of the call was lost, and later reads did not show whether it took effect",
        None,
    ),
    ErrorClass.FAILED: ("KEYTURN_RATE: must be a number of calls a second, 0.01 to 10000", "Settings"),
    ErrorClass.UNAVAILABLE: ("the cloud did not answer; nothing was called: send the command again later", None),
    ErrorClass.EXHAUSTED: (
        "the time of the invocation ended before the change could begin: send the command again",
        None,
    ),
}
_LATER = (ErrorClass.BUSY, ErrorClass.THROTTLED, ErrorClass.UNAVAILABLE)


@dataclass(frozen=True)
class Deployed:
    """A function with an HTTP trigger, and the platforms on which it is deployed."""

    name: str
    platforms: tuple[str, ...]


def deployed() -> list[Deployed]:
    """The functions that serverless.yml gives an HTTP trigger, in their order there."""
    found: dict[str, list[str]] = {}
    for cloud in _CLOUDS:
        description = load(ROOT / "serverless.yml", cloud, {})
        for spec in description.functions:
            if spec.http is not None:
                found.setdefault(spec.module, []).append(description.platform)
    return [Deployed(name, tuple(platforms)) for name, platforms in found.items()]


def document() -> Schema:
    """The whole OpenAPI document."""
    schemas: dict[str, Schema] = {"PlatformRefusal": _platform_refusal()}
    move_to_components(outputs.reply(), schemas, "HttpReply")
    paths = {f"/{one.name}": _path(one, schemas) for one in deployed()}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "keyturn",
            "version": version(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Each function changes one kind of cloud credential and answers with a CloudEvent that says"
            " what happened. Every function has its own address, and answers POST at any path of it. The paths here"
            " are the functions' names, as a gateway in front of them may use them.",
        },
        "tags": [
            {"name": "tencent", "description": "Credentials on Tencent Cloud."},
            {"name": "alibaba", "description": "Credentials on Alibaba Cloud."},
            {"name": "rotation", "description": "Finds the credentials that are due."},
        ],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY, "headers": _headers()},
    }


def _path(function: Deployed, schemas: dict[str, Schema]) -> Schema:
    command = move_to_components(commands.command(function.name), schemas)
    event = commands.command_event(function.name)
    event.pop("$defs")
    event["properties"]["data"] = {**event["properties"]["data"], **command}
    carried = move_to_components(event, schemas, f"{commands.model(function.name).__name__}Event")
    tag = "rotation" if function.name == PLAN else function.name.partition("_")[0]
    doc = inspect.cleandoc(import_module(f"functions.{function.name}").__doc__ or "")
    headers = [
        _header(
            "Idempotency-Key",
            "The default CommandId: same id = same change. A string of structured fields (RFC 9651), or bare; of a"
            " list's commands, -n is appended.",
            "rotate-app-2026-05-04",
        ),
        _header(
            "traceparent",
            "W3C Trace Context, copied to results and commands. Ignored where it is malformed.",
            "00-a99a2c3e56e01a16e2af69498d10654b-9bec2635a7459831-01",
        ),
        _header("tracestate", "Passed on together with the traceparent that it came with.", "vendor=00f067aa0ba902b7"),
        _header(
            "ce-id",
            "The body is the data of a CloudEvent in binary mode: the default CommandId. `ce-specversion`, `ce-source`"
            " and `ce-type` are then required, too.",
            "order-4711",
        ),
    ]
    if "fc" in function.platforms:
        mode = _header(
            "X-Fc-Invocation-Type", "On FC: `Async` is answered 202 with no body, and no caller waits.", "Sync"
        )
        headers.append(mode)
    return {
        "servers": [_SERVERS[platform] for platform in function.platforms],
        "post": {
            "operationId": function.name,
            "summary": (commands.model(function.name).__doc__ or "").strip().partition("\n")[0],
            "description": doc.partition("\n")[2].strip(),
            "tags": [tag],
            "security": [{_SCHEME[platform]: []} for platform in function.platforms],
            "parameters": headers,
            "requestBody": {
                "required": True,
                "description": f"One command, or a list of 1 to {MAX_LIST} commands, each with its own result.",
                "content": {
                    "application/json": {
                        "schema": commands.request(command["$ref"], carried["$ref"]),
                        "examples": _requests(function),
                    },
                    "application/cloudevents+json": {"schema": carried},
                    "application/cloudevents-batch+json": {
                        "schema": {"type": "array", "items": carried, "minItems": 1, "maxItems": MAX_LIST}
                    },
                },
            },
            "responses": _responses(function),
        },
    }


def _header(name: str, text: str, example: str) -> Schema:
    return {"name": name, "in": "header", "description": text, "schema": {"type": "string"}, "example": example}


def _requests(function: Deployed) -> Schema:
    """The commands of the committed events."""
    examples: Schema = {}
    for platform in function.platforms:
        body = sample(function.name, platform)
        examples[platform] = {"summary": f"events/{function.name}/{platform}-http.json", "value": body}
    return examples


def sample(function: str, platform: str) -> Any:
    """The command in a committed HTTP event."""
    event = json.loads((ROOT / "events" / function / f"{platform}-http.json").read_text(encoding="utf-8"))
    return json.loads(event["body"])


def _responses(function: Deployed) -> Schema:
    plan = function.name == PLAN
    replies = _examples(function)
    first = next(iter(replies[202 if plan else 200].values()))["value"]
    listed = {"many": {"summary": "a list of one", "value": {"Results": [first["Result"]], "Delivered": True}}}
    done = [Outcome.CHANGED, Outcome.ALREADY_CHANGED, Outcome.WOULD_CHANGE]
    one, many = ref("Reply"), ref("Replies")
    responses: dict[int, Schema] = {
        200: _response(
            f"For one command: {_names(done)}. For a list: every command ended so.",
            {"anyOf": [_narrowed(one, done), many]},
            replies[200] | listed if not plan else {},
        ),
        202: _response(
            "The firing has begun or ended: rotation reports show its progress, and `Result` is null."
            if plan
            else f"{_names([Outcome.PENDING])}: the cloud accepted the change and runs a task; follow_change"
            " publishes its end.",
            one if plan else _narrowed(one, [Outcome.PENDING], or_null=True),
            replies[202],
        ),
        207: _response(
            "For a list: not every command has status 200. Each result says how its command ended.", many, listed
        ),
    }
    if plan:  # a firing that has begun is 202, and a list with such a firing 207
        del responses[200]
    for status in sorted(set(_STATUS.values())):
        classes = [error for error, its in _STATUS.items() if its == status]
        if status == 500:
            text = f"Outcome `unknown`, or not_changed with {_names(classes)}."
            schema = one
        else:
            text = f"not_changed with {_names(classes)}."
            schema = _narrowed(one, [Outcome.NOT_CHANGED], classes)
        responses[status] = _response(text, schema, replies[status]) | {"x-error-classes": [c.value for c in classes]}
    invalid = _narrowed(one, [Outcome.NOT_CHANGED], [ErrorClass.INVALID_COMMAND])
    responses[405] = _response("A method other than POST.", _or_platform(invalid), {})
    responses[413] = _response("The platform answers: the body is too large.", ref("PlatformRefusal"), {})
    responses[415] = _response("A content type other than application/json.", invalid, {})
    if "scf" in function.platforms:
        text = "The platform answers: the signature is missing or does not fit."
        responses[401] = _response(text, ref("PlatformRefusal"), {})
    if "fc" in function.platforms:
        found = responses[403]
        found["description"] += " Or the platform answers: the signature is missing or does not fit."
        content = found["content"]["application/json"]
        content["schema"] = _or_platform(content["schema"])
    for status, response in responses.items():
        response["headers"] = _told(status)
    return {str(status): responses[status] for status in sorted(responses)}


def _response(text: str, schema: Schema, examples: Schema) -> Schema:
    content = {"schema": schema} | ({"examples": examples} if examples else {})
    return {"description": text, "content": {"application/json": content}}


def _narrowed(
    reply: Schema, outcomes: list[Outcome], classes: Iterable[ErrorClass] | None = None, *, or_null: bool = False
) -> Schema:
    """A reply to one command that ended in one of these."""
    data: Schema = {"Outcome": {"enum": [one.value for one in outcomes]}}
    if classes is not None:
        data["Error"] = {"type": "object", "properties": {"Class": {"enum": [one.value for one in classes]}}}
    kind: Schema = {} if or_null else {"type": "object"}
    result = {**kind, "properties": {"data": {"properties": data}}}
    return {"allOf": [reply, {"properties": {"Result": result}}]}


def _or_platform(schema: Schema) -> Schema:
    return {"anyOf": [schema, ref("PlatformRefusal")]}


def _platform_refusal() -> Schema:
    return {
        "type": "object",
        "title": "PlatformRefusal",
        "description": "The platform answered before it called the function. keyturn does not define the form of this"
        " answer.",
        "properties": {"Result": False, "Results": False},
    }


def _headers() -> Schema:
    text: Schema = {"type": "string"}
    return {
        "CacheControl": {
            "description": "A reply may hold a secret, so nothing may store it.",
            "schema": {**text, "const": "no-store"},
        },
        "RetryAfter": {
            "description": "In seconds. On outcome busy, and with status 429 and 503.",
            "schema": {**text, "pattern": "^[0-9]+$"},
            "example": RETRY_AFTER_S,
        },
        "Allow": {"description": "What is answered.", "schema": {**text, "const": "POST"}},
    }


def _told(status: int) -> Schema:
    """The headers of a status, as the handler sets them."""
    if status in (401, 413):
        return {}
    shown = http(status, {"Result": {"data": {"Error": {"Class": "busy"}}}})["headers"]
    names = {"Cache-Control": "CacheControl", "Retry-After": "RetryAfter", "Allow": "Allow"}
    return {name: {"$ref": f"#/components/headers/{key}"} for name, key in names.items() if name in shown}


def _names(named: Iterable[Outcome | ErrorClass]) -> str:
    return ", ".join(f"`{one.value}`" for one in named)


def _examples(function: Deployed) -> dict[int, Schema]:
    """Replies by status, made by the code that makes the real ones."""
    found: dict[int, Schema] = {}
    endings = [Conclusion(outcome) for outcome in (Outcome.CHANGED, Outcome.PENDING)]
    for error_class, (text, code) in _MESSAGES.items():
        kind: type[KeyturnError] = RetryLater if error_class in _LATER else Refused
        error = kind(error_class, text, code=code)
        endings.append(
            Conclusion(Outcome.UNKNOWN if error_class is ErrorClass.AMBIGUOUS else Outcome.NOT_CHANGED, error)
        )
    operation = operations().get(function.name)
    given = sample(function.name, function.platforms[0])
    given = given[0] if isinstance(given, list) else given
    for ending in endings:
        origin = CommandContext(
            _subject(function.name, given), operation.action if operation else PLAN, "rotate-2026-05-04", now_text(_AT)
        )
        event = result_event(origin, ending, now=_AT)
        status = http_status(event)
        name = ending.error.error_class.value if ending.error else ending.outcome.value
        body: Schema = {"Result": event, "Delivered": True}
        if operation is None and status == 202:
            name, body = "begun", {"Result": None, "Delivered": True}
        found.setdefault(status, {})[name] = {"value": body}
    return found


def _subject(function: str, given: Schema) -> Subject:
    operation = operations().get(function)
    if operation is None:
        return Subject("tencent", given["Region"], "redis")
    command = operation.command
    account = given.get(command.account_field) if command.account_field else None
    shown = command.bare_account(account) if account else command.account_default
    return Subject(operation.cloud, given["Region"], operation.service, given[command.resource_field], shown)
