"""The generated schemas, and what they find wrong with a value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.operations import example_command, operations
from shared.workbench.schemas import schema_files
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR

PLAN, FOLLOW = "plan_rotation", "follow_change"


EVENTS = ROOT / "events"


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[Any]:
    """ECMA 262, where `$` is the end of the text; in Python it also matches before a last line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"does not match {pattern}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})


_FORMATS = FormatChecker(["date-time"])


@_FORMATS.checks("date-time")  # type: ignore[untyped-decorator]
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value) is not None


@cache
def files() -> dict[str, str]:
    return schema_files.generate_files()


@cache
def validator(name: str) -> Any:
    return Validator(json.loads(files()[name]), format_checker=_FORMATS)


def faults(name: str, value: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in validator(name).iter_errors(value)
    ]


@cache
def of_response(function: str, status: int) -> Any:
    """What openapi.json says of a reply."""
    document = json.loads(files()["openapi.json"])
    response = document["paths"][f"/{function}"]["post"]["responses"][str(status)]
    schema = response["content"]["application/json"]["schema"]
    return Validator({**schema, "components": document["components"]}, format_checker=_FORMATS), response


VALID: dict[str, dict[str, Any]] = {
    **{function: example_command(function) for function in operations()},
    ACCOUNT: {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": "New-Passw0rd1"},
    PASSWORD: {"InstanceId": "crs-demo0001", "OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd1"},
    REGISTRY: {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True},
    TAIR: {
        "InstanceId": "r-demo0001",
        "AccountName": "app",
        "OldAccountPassword": "Tair-Passw0rd",
        "NewAccountPassword": "New-Passw0rd1",
    },
    PLAN: {
        "Policy": "nightly",
        "Function": ACCOUNT,
        "Resources": {"Patterns": ["crs-*"]},
        "Accounts": ["app"],
        "MaxAgeDays": 0.5,
        "Store": "ssm://redis-{resource}",
    },
    FOLLOW: {
        "Cloud": "tencent",
        "Service": "redis",
        "Region": "ap-guangzhou",
        "Resource": "crs-demo0001",
        "Account": "app",
        "Operation": "ModifyInstanceAccount",
        "CommandId": "c-1",
        "TaskId": 7,
        "StartedAt": "2026-05-08T01:00:00.205Z",
    },
}
