"""Decodes text to JSON values, strictly. No error holds any part of the text."""

import base64
import json
import math
import re

MAX_DEPTH = 32
"""Levels of nesting in one command; the deepest that any operation documents is 4."""
MAX_TEXT = 2 << 20
"""Characters of one message or HTTP body: twice as many as 100 commands have, each with its longest fields."""
MAX_EVENT = 32 << 20
"""Characters of a whole event: FC's limit for a synchronous call (its page of limits, 2026-04). SCF's is 6 MB."""
MAX_VALUES = 50_000
"""Names and values in one message: 100 commands with 500 each."""

# Only what repr(bytes) writes: no implicit concatenation, and no escape that makes the compiler warn.
_BYTES_LITERAL = re.compile(
    r"""b(?:'(?:[^'\\\r\n]|\\[\\'nrt]|\\x[0-9a-f]{2})*'|"(?:[^"\\\r\n]|\\[\\'nrt]|\\x[0-9a-f]{2})*")"""
)
_MAX_LITERAL = 1 << 20
_MAX_WRAPPINGS = 3
_TOO_LARGE = "is too large"


class NotJson(ValueError):
    """The text is not a JSON value. The message is a predicate ("is not JSON"). It has no cause and no context."""


class _Repeated(dict[str, object]):
    """An object whose text names a key twice. This class marks it, so that one bad record does not stop its batch."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else _Repeated(value)


def parse(text: str, most: int = MAX_TEXT) -> object:
    """The JSON value of `text`, which may have `most` characters. Check the value with `flaw` before you use it.

    Raises: NotJson.
    """
    if len(text) > most:
        raise NotJson(_TOO_LARGE)
    try:
        value: object = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_object)
    except RecursionError:
        rule = "is nested too deeply"
    except ValueError:
        rule = "is not JSON"
    else:
        return value
    # Raised outside the handlers: as the context, a JSONDecodeError would carry the whole text.
    raise NotJson(rule)


def decode(text: str, most: int = MAX_TEXT) -> object:
    """The JSON value of a queue message: JSON, bare or in a JSON string, base64 or a Python bytes literal.

    Raises: NotJson.
    """
    for _ in range(_MAX_WRAPPINGS):
        try:
            value = parse(text, most)
        except NotJson as error:  # noqa: PERF203  at most three times
            if str(error) != "is not JSON":
                raise
            inner = _from_bytes_literal(text) or _from_base64(text)
            if inner is None:
                raise
            text = inner
        else:
            if not isinstance(value, str):
                return value
            text = value
    raise NotJson("is encoded too many times")


def text_of(raw: bytes) -> str:
    """The text of `raw`. Raises: NotJson."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    raise NotJson("is not UTF-8")


def from_base64(text: str) -> str:
    """The text that `text` holds as base64, line breaks allowed. Raises: NotJson."""
    if len(text) > 2 * MAX_TEXT:
        raise NotJson(_TOO_LARGE)
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raw = None
    if raw is None:
        raise NotJson("is not base64")
    return text_of(raw)


def flaw(value: object) -> str | None:
    """Why `value`, as parsed, must not be used (a predicate), or None."""
    waiting: list[tuple[object, int]] = [(value, 1)]
    values = 0
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            if not item.isascii() and not _is_unicode(item):
                return "holds text that is not Unicode"
        elif isinstance(item, float):
            if not math.isfinite(item):
                return "holds a number that is not finite"
        elif isinstance(item, (dict, list)):
            if depth > MAX_DEPTH:
                return "is nested too deeply"
            values += len(item)
            if values > MAX_VALUES:
                return "holds too many values"
            if rule := repetition(item):
                return rule
            parts = item if isinstance(item, list) else [part for pair in item.items() for part in pair]
            waiting += [(part, depth + 1) for part in parts]
    return None


def repetition(value: object) -> str | None:
    """Like `flaw`, but only for the keys of this one object."""
    return "names a key twice" if isinstance(value, _Repeated) else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate: JSON can write it, no queue can carry it
        return False
    return True


def _from_base64(text: str) -> str | None:
    try:
        return from_base64(text) or None
    except NotJson:
        return None


def _from_bytes_literal(text: str) -> str | None:
    """Kafka connectors that print a value instead of decoding it leave `b'...'`."""
    text = text.strip()
    if not text.startswith(("b'", 'b"')) or len(text) > _MAX_LITERAL or not _BYTES_LITERAL.fullmatch(text):
        return None
    from ast import literal_eval

    try:
        raw = literal_eval(text)
        return text_of(raw) if isinstance(raw, bytes) else None
    except (ValueError, SyntaxError):  # non-ASCII in the literal; NotJson
        return None
