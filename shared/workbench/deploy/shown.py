"""A setting as it may be printed: no value that may be secret."""

from __future__ import annotations

from urllib.parse import urlsplit

Value = str | int | bool | None

KEY_MADE_LATER = "(made by deploy)"
"""Stands in a plan for a value that is made when the plan is carried out."""

_HIDDEN = "(hidden)"
# The variables whose values anybody may read. Of a queue's URL the password is hidden all the same.
HARMLESS = (
    "RESULTS", "COMMANDS", "REGION", "SITE", "RATE", "LOG", "REPLY", "ALLOW", "ALLOW_NOAUTH", "SEAL_KEYS", "ASSUME",
    "TENCENT_ENDPOINT", "ALIBABA_ENDPOINT",
)  # fmt: skip


def shown_value(name: str, value: Value) -> str:
    """A setting as it may be printed: hidden where it is free text, or a variable of any but a harmless name."""
    if value is None:
        return "(none)"
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if not value:
        return '""'
    if value == KEY_MADE_LATER:
        return value
    if name == "message" or (name.startswith("env ") and name.removeprefix("env KEYTURN_") not in HARMLESS):
        return _HIDDEN
    if name == "code":
        return value[:12]
    return _without_userinfo(value)


def _without_userinfo(value: str) -> str:
    """Of a URL, what stands before `@` is hidden; so is all of one that cannot be read."""
    if "://" not in value or "@" not in value:
        return value
    try:
        parts = urlsplit(value)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return _HIDDEN
    return f"{parts.scheme}://{_HIDDEN}@{host}{parts.path}{'?' + parts.query if parts.query else ''}"
