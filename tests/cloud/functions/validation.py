"""What both control planes check alike: nested objects by published tables, environment variables, cron fields."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.cloud.functions.instance_process import unpack_code
from tests.cloud.wire.service import ApiError, Parameter, has_type

ENVIRONMENT_BYTES = 4096
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Refuse = Callable[[str, str], ApiError]
"""Makes the cloud's own error for a bad value: of which field, and why."""


def check(given: Mapping[str, Any], table: Mapping[str, Parameter], refuse: Refuse, place: str) -> None:
    """One object against its published table; a field that the API does not have is an error."""
    for name, value in given.items():
        where = f"{place}.{name}" if place else name
        if name not in table:
            raise refuse(where, "is not a field of the API")
        if not has_type(value, table[name].type):
            raise refuse(where, f"is not of type {table[name].type}")
        if not table[name].here:
            raise refuse(where, "is not implemented by the stand-in")
    for name, parameter in table.items():
        if parameter.required and name not in given:
            raise refuse(f"{place}.{name}" if place else name, "is missing")


def variables(given: Mapping[str, str], reserved: tuple[str, ...], refuse: Refuse) -> dict[str, str]:
    """A function's environment."""
    for name in given:
        if not _VARIABLE.fullmatch(name):
            raise refuse(name, "is no name of a variable")
        if name.startswith(reserved):
            raise refuse(name, "is reserved by the platform")
    if sum(len(name.encode()) + len(value.encode()) for name, value in given.items()) > ENVIRONMENT_BYTES:
        raise refuse("", f"is over {ENVIRONMENT_BYTES} bytes")
    return dict(given)


def code(text: str, most_mb: int, refuse: Refuse) -> tuple[Path, int]:
    """The folder that a base64 zip is unpacked to, and the zip's size in bytes."""
    try:
        archive = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise refuse("ZipFile", "is not base64") from None
    if len(archive) > most_mb * 1024 * 1024:
        raise refuse("ZipFile", f"is over {most_mb} MB")
    try:
        return unpack_code(archive), len(archive)
    except ValueError:
        raise refuse("ZipFile", "is not a zip") from None


_FIELD = r"[0-9A-Za-z*/,\-?#L]+"


def is_cron(expression: str, fields: int) -> bool:
    """Whether a cron expression has so many fields of the usual characters."""
    parts = expression.split()
    return len(parts) == fields and all(re.fullmatch(_FIELD, part) for part in parts)
