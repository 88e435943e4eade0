"""Checks that both control planes share: nested objects by published tables, environment variables, cron fields."""

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

ErrorMaker = Callable[[str, str], ApiError]
"""Makes the cloud's own error for a bad value, from the name of the field and the reason."""


def check_fields(given: Mapping[str, Any], table: Mapping[str, Parameter], make_error: ErrorMaker, place: str) -> None:
    """Check one object against its published table. A field that the API does not have is an error."""
    for name, value in given.items():
        where = f"{place}.{name}" if place else name
        if name not in table:
            raise make_error(where, "is not a field of the API")
        if not has_type(value, table[name].type):
            raise make_error(where, f"is not of type {table[name].type}")
        if not table[name].implemented:
            raise make_error(where, "is not implemented by the stand-in")
    for name, parameter in table.items():
        if parameter.required and name not in given:
            raise make_error(f"{place}.{name}" if place else name, "is missing")


def check_environment(given: Mapping[str, str], reserved: tuple[str, ...], make_error: ErrorMaker) -> dict[str, str]:
    """Check a function's environment variables, and return them."""
    for name in given:
        if not _VARIABLE.fullmatch(name):
            raise make_error(name, "is no name of a variable")
        if name.startswith(reserved):
            raise make_error(name, "is reserved by the platform")
    if sum(len(name.encode()) + len(value.encode()) for name, value in given.items()) > ENVIRONMENT_BYTES:
        raise make_error("", f"is over {ENVIRONMENT_BYTES} bytes")
    return dict(given)


def unpack_zip_file(text: str, most_mb: int, make_error: ErrorMaker) -> tuple[Path, bytes]:
    """The folder with the files of a base64 zip, and the zip itself."""
    try:
        archive = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise make_error("ZipFile", "is not base64") from None
    if len(archive) > most_mb * 1024 * 1024:
        raise make_error("ZipFile", f"is over {most_mb} MB")
    try:
        return unpack_code(archive), archive
    except ValueError:
        raise make_error("ZipFile", "is not a zip") from None


_FIELD = r"[0-9A-Za-z*/,\-?#L]+"


def is_cron(expression: str, fields: int) -> bool:
    """Whether a cron expression has this number of fields, of the usual characters."""
    parts = expression.split()
    return len(parts) == fields and all(re.fullmatch(_FIELD, part) for part in parts)
